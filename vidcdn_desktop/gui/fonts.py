"""The bundled text font, so the window looks the same everywhere; fixed-width text uses the system's own font."""

from __future__ import annotations

import logging
from functools import cache

from PySide6.QtGui import QFont, QFontDatabase

from vidcdn_desktop.paths import resource

_log = logging.getLogger(__name__)

_FILES = ("Inter-Regular.otf", "Inter-Medium.otf", "Inter-SemiBold.otf", "Inter-Bold.otf")

_FAMILY = "Inter"

BODY_PX = 13
"""Size of ordinary text at 100 % scaling."""


@cache
def load_fonts() -> bool:
    """Register the bundled font files once. Needs the application object; False if a file is missing or unreadable."""
    good = True
    for name in _FILES:
        try:
            path = resource("fonts", name)
        except FileNotFoundError:
            _log.warning("the font %s is missing, the system's font is used", name)
            return False
        good = QFontDatabase.addApplicationFont(str(path)) != -1 and good
    return good


def ui_font(pixel_size: int = BODY_PX, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The text font, in device-independent pixels. Digits have one width, so running figures do not jump."""
    font = QFont(_FAMILY) if load_fonts() else QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(pixel_size)
    font.setWeight(weight)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


@cache
def mono_family() -> str:
    """The system's fixed-width family."""
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()
