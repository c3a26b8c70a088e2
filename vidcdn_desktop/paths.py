"""Where our files live. The only user of platformdirs.

`VIDCDN_HOME` moves everything below one folder (tests, portable use). Folders are private to the user (0700).
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_APP = "vidcdn-desktop"


def _folder(kind: str, system: str) -> Path:
    home = os.environ.get("VIDCDN_HOME")
    folder = Path(home) / kind if home else Path(system)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def config_dir() -> Path:
    """Settings and connections (never a secret)."""
    return _folder("config", platformdirs.user_config_dir(_APP, appauthor=False))


def data_dir() -> Path:
    """What must not be lost: the upload journal."""
    return _folder("data", platformdirs.user_data_dir(_APP, appauthor=False))


def cache_dir() -> Path:
    """What may be deleted at any time: posters and the like."""
    return _folder("cache", platformdirs.user_cache_dir(_APP, appauthor=False))


def log_dir() -> Path:
    """Rotating logs, secrets removed."""
    return _folder("log", platformdirs.user_log_dir(_APP, appauthor=False))


def resource(*parts: str) -> Path:
    """A file shipped with the program, in the source tree or in an installed wheel or bundle.

    Raises: FileNotFoundError: the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for base in (package / "_resources", package.parent / "resources"):
        path = base.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError("/".join(parts))
