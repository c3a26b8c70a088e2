"""The shape of the program holds: who may import whom, and the core lives without Qt."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import vidcdn_desktop

_PACKAGE = Path(vidcdn_desktop.__file__).resolve().parent
_ROOT = _PACKAGE.parent
_PYPROJECT = _ROOT / "pyproject.toml"

_QT_SIDE = {"gui", "app", "demo", "__main__"}
"""What may need a screen."""

_WITHOUT_QT = """
import importlib, sys

class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PySide6", "shiboken6"):
            raise ModuleNotFoundError(f"No module named {name!r} (as if it were not installed)", name=name)

sys.meta_path.insert(0, NoQt())
failed = []
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as exc:
        failed.append(f"{name}: {type(exc).__name__}: {exc}")
print("\\n".join(failed))
assert not any(name.startswith(("PySide6", "shiboken6")) for name in sys.modules)
sys.exit(bool(failed))
"""

_CHEAP = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(" ".join(sorted({"boto3", "botocore", "keyring", "moto", "PIL", "awscrt"} & sys.modules.keys())))
"""


def _modules() -> list[str]:
    names = []
    for path in sorted(_PACKAGE.rglob("*.py")):
        parts = path.relative_to(_PACKAGE).with_suffix("").parts
        if parts[0] in _QT_SIDE or "_resources" in parts:
            continue
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not parts or parts[-1] != "__main__":
            names.append(".".join(("vidcdn_desktop", *parts)))
    return names


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(_ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, env=env, check=False
    )


def test_import_contracts_hold() -> None:
    contracts = tomllib.loads(_PYPROJECT.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    assert len(contracts) >= 4
    pytest.importorskip("importlinter")
    tool = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    assert tool, "import-linter is installed without its command"
    env = {**os.environ, "PYTHONPATH": str(_ROOT)}
    run = subprocess.run(
        [tool, "--config", str(_PYPROJECT), "--no-cache"],
        capture_output=True, text=True, timeout=120, cwd=_ROOT, env=env, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(contracts)} kept, 0 broken" in run.stdout


def test_every_module_is_under_a_contract() -> None:
    """A new package or module of the core must be named where Qt is forbidden, or it slips through."""
    contracts = tomllib.loads(_PYPROJECT.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    no_qt = next(c for c in contracts if "PySide6" in c.get("forbidden_modules", ()))
    top = {name.split(".")[1] for name in _modules() if "." in name}
    assert top - {name.split(".")[1] for name in no_qt["source_modules"]} == set()


def test_core_and_command_line_live_without_qt() -> None:
    names = _modules()
    assert "vidcdn_desktop.credentials.clients" in names
    run = _python(_WITHOUT_QT, *names)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_test_for_qt_can_fail() -> None:
    run = _python(_WITHOUT_QT, "PySide6.QtCore")
    assert run.returncode == 1
    assert "PySide6" in run.stdout


def test_the_ground_floor_and_connections_import_no_sdk() -> None:
    """The window shows before the SDK, the keyring and the practice cloud are loaded."""
    run = _python(
        _CHEAP,
        "vidcdn_desktop.settings",
        "vidcdn_desktop.logs",
        "vidcdn_desktop.textsafe",
        "vidcdn_desktop.bytesource",
        "vidcdn_desktop.aws_errors",
        "vidcdn_desktop.credentials.profiles",
        "vidcdn_desktop.credentials.secrets",
        "vidcdn_desktop.credentials.clients",
        "vidcdn_desktop.credentials.identity",
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []
