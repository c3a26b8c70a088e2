"""Pinned versions: exact, free of addresses, and the ones that really run here."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ("constraints.txt", "packaging/build-constraints.txt", "packaging/swift-constraints.txt")
_PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==(\d[0-9a-z.]*)( ; [a-z_'<>=!. 0-9A-Z]+)?")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(file: str) -> dict[str, set[str]]:
    """Versions by name; a name has two where they differ by Python version."""
    pins: dict[str, set[str]] = {}
    for line in (ROOT / file).read_text("utf-8").splitlines():
        match = _PIN.fullmatch(line)
        assert match, f"{file}: not an exact pin: {line!r}"
        pins.setdefault(_normal(match[1]), set()).add(match[2])
    return pins


def _project() -> dict[str, list[str]]:
    """Names of the direct dependencies, for the program and for its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    def names(requirements: list[str]) -> list[str]:
        return [_normal(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in requirements]

    return {"run": names(project["dependencies"]), "dev": names(project["optional-dependencies"]["dev"])}


@pytest.mark.parametrize("file", FILES)
def test_every_line_is_an_exact_version_and_nothing_else(file: str) -> None:
    assert _pins(file)
    text = (ROOT / file).read_text("utf-8")
    for trace in ("://", "--", "sha256", "@", "file:"):
        assert trace not in text


def test_every_direct_dependency_is_pinned() -> None:
    pins = _pins("constraints.txt")
    for name in (*_project()["run"], *_project()["dev"]):
        assert name in pins


def test_qt_is_a_release_that_is_sound_on_our_oldest_python() -> None:
    pins = _pins("constraints.txt")
    for name in ("pyside6-essentials", "pyside6-addons", "shiboken6"):
        (version,) = pins[name]
        assert version.startswith("6.11."), f"{name} {version}: 6.12.0 aborts the interpreter on Python 3.11"


def test_the_umbrella_package_with_its_browser_engine_stays_out() -> None:
    assert "pyside6" not in _pins("constraints.txt")


def test_shared_build_and_run_time_packages_have_one_version() -> None:
    ours, build = _pins("constraints.txt"), _pins("packaging/build-constraints.txt")
    for name in ours.keys() & build.keys():
        assert ours[name] == build[name]


@pytest.mark.parametrize("name", _project()["run"])
def test_what_runs_here_is_what_is_pinned(name: str) -> None:
    assert importlib.metadata.version(name) in _pins("constraints.txt")[name]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="True and None are immortal from Python 3.12 on")
def test_qt_gives_back_every_reference_to_true_and_none() -> None:
    """In a process of its own: a broken binding aborts the interpreter, and core tests never import Qt."""
    code = """
import sys
from PySide6.QtCore import QCoreApplication, QObject, Signal

class Sender(QObject):
    fired = Signal(bool)

application = QCoreApplication([])
sender = Sender()
seen = []
sender.fired.connect(seen.append)
before = sys.getrefcount(True), sys.getrefcount(None)
for _ in range(2000):
    sender.fired.emit(True)
    sender.setObjectName("x")
seen.clear()
after = sys.getrefcount(True), sys.getrefcount(None)
lost = [old - new for old, new in zip(before, after)]
assert max(lost) < 50, f"lost references to True, None: {lost}"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
