"""Shared by all tests: a private home, no network but loopback, an offscreen screen, the corpus where it is there."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

# Before any import of Qt or the SDK.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
for _name in [n for n in os.environ if n.startswith("AWS_") and n != "AWS_EC2_METADATA_DISABLED"]:
    del os.environ[_name]

import pytest  # noqa: E402 - the environment above must stand before Qt and the SDK

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a home of its own: settings, journal, AWS files."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("VIDCDN_HOME", str(home / "vidcdn"))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "aws-credentials"))
    return home


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another computer fails."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> Any:
        here = ("127.", "::1", "localhost")
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(here):
            raise AssertionError(f"a test reached for {address[0]!r}")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def media_dir() -> Path:
    """The collection of real video files; the test is skipped where it is not there."""
    for folder in (os.environ.get("VIDCDN_MEDIA"), _ROOT.parent / "shared" / "media"):
        if folder and (Path(folder) / "manifest.json").is_file():
            return Path(folder)
    pytest.skip("the collection of real video files is not here (set VIDCDN_MEDIA)")


@pytest.fixture(scope="session")
def manifest(media_dir: Path) -> list[dict[str, Any]]:
    """One description per file of the collection."""
    files: list[dict[str, Any]] = json.loads((media_dir / "manifest.json").read_text("utf-8"))["files"]
    return files


@pytest.fixture(scope="session")
def clip_end(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landscape clip whose index stands at the end."""
    from films import make_clip

    return make_clip(tmp_path_factory.mktemp("clips") / "Lake at dawn.mp4")


@pytest.fixture(scope="session")
def clip_fast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portrait clip whose index stands in front."""
    from films import make_clip

    target = tmp_path_factory.mktemp("clips") / "tall.mp4"
    return make_clip(target, size="180x320", options=("-movflags", "+faststart"))


@pytest.fixture(scope="session")
def clip_other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another film under the first one's name."""
    from films import make_clip

    return make_clip(tmp_path_factory.mktemp("other") / "Lake at dawn.mp4", picture="smptebars")
