"""A pytest plugin that makes Qt impossible to import: the proof that the core stands without a window.

Use: `python -m pytest -p without_qt -p no:pytest-qt tests/core`, with this folder on PYTHONPATH.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

BLOCKED = frozenset({"PySide6", "shiboken6", "PyQt6", "PyQt5", "PySide2"})

# pytest-qt is what knows these settings; without it `--strict-config` would refuse our own pyproject.toml.
_PYTEST_QT_SETTINGS = ("qt_log_level_fail", "qt_default_raising")


class _NoQt(MetaPathFinder):
    """Stands before all other finders and refuses Qt's packages."""

    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        """Refuse Qt, and leave every other name to the finders behind us.

        Raises: ModuleNotFoundError: the name is one of Qt's.
        """
        if fullname.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{fullname} is not importable in this run, on purpose", name=fullname)


def block() -> None:
    """Refuse Qt from now on.

    Raises: RuntimeError: Qt is already in this process, so the run would prove nothing.
    """
    loaded = sorted(name for name in sys.modules if name.partition(".")[0] in BLOCKED)
    if loaded:
        raise RuntimeError(f"Qt was imported before it could be blocked: {', '.join(loaded)}")
    if not any(isinstance(finder, _NoQt) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoQt())


def pytest_addoption(parser: Any) -> None:
    """Accept pytest-qt's settings and do nothing with them."""
    for name in _PYTEST_QT_SETTINGS:
        parser.addini(name, "belongs to pytest-qt, which is off in this run")


def pytest_report_header() -> str:
    """Say at the top of the run what is special about it."""
    return "Qt: not importable in this run"


# When the plugin is loaded, not in pytest_configure: that comes after the conftest files were imported.
if "pytest" in sys.modules:
    block()
