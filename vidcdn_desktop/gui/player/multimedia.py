"""Qt Multimedia may be missing (no libpulse, no backend): find out once, quietly, and say why."""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from pathlib import Path
from types import ModuleType

from PySide6.QtCore import QLoggingCategory

_log = logging.getLogger(__name__)

_AV_LOG_FATAL = 8
"""Source: FFmpeg, libavutil/log.h. An undecodable film would print three lines a frame otherwise."""


@cache
def multimedia() -> ModuleType | None:
    """The QtMultimedia module, or None where it does not load."""
    QLoggingCategory.setFilterRules("qt.multimedia.*=false")
    try:
        from PySide6 import QtMultimedia
    except ImportError as exc:
        _log.warning("no player: %s", exc)
        return None
    return QtMultimedia


@cache
def quiet_ffmpeg() -> None:
    """Lower FFmpeg's own log level. Only after the first player exists: earlier its library does not load."""
    import PySide6

    folder = Path(PySide6.__file__).parent
    for library in sorted(folder.glob("**/libavutil.so*")) + sorted(folder.glob("**/avutil*.dll")):
        try:
            ctypes.CDLL(str(library)).av_log_set_level(_AV_LOG_FATAL)
        except (OSError, AttributeError) as exc:
            _log.debug("FFmpeg stays talkative: %s", exc)
        return
