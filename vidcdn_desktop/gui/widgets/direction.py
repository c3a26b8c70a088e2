"""Text in a mirrored window: it stands at the edge where reading begins, and keeps its own order.

Numbers with units, paths, keys and links are written left to right in every language. Without care a mirrored window
would show "/videos/a.mp4" as "videos/a.mp4/" and "13.0 kB" as "kB 13.0".
"""

from __future__ import annotations

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QStyledItemDelegate, QWidget

_LEFT_TO_RIGHT = "\u202a"
_AS_BEFORE = "\u202c"
# Unicode Standard Annex #9, 2.1. Isolates would do the same, but our font lacks them and another one would step in.


def embedded(text: str, direction: Qt.LayoutDirection) -> str:
    """The text for a mirrored place, in its own order; unchanged where nothing is mirrored."""
    if direction is not Qt.LayoutDirection.RightToLeft or not text:
        return text
    return f"{_LEFT_TO_RIGHT}{text}{_AS_BEFORE}"


def stand_at_start(widget: QLabel | QLineEdit) -> None:
    """Put the text to the edge where reading begins, whatever language it is in; centred text stays centred."""
    now = widget.alignment()
    if now & Qt.AlignmentFlag.AlignHCenter:
        return
    mirrored = widget.layoutDirection() is Qt.LayoutDirection.RightToLeft
    side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignAbsolute if mirrored else Qt.AlignmentFlag.AlignLeft
    wanted = (now & Qt.AlignmentFlag.AlignVertical_Mask) | side
    if wanted != now:
        widget.setAlignment(wanted)


class TextDelegate(QStyledItemDelegate):
    """Items of a table or list whose text keeps its own order in a mirrored window."""

    def displayText(self, value: object, _locale: QLocale | QLocale.Language) -> str:
        """The text as it is drawn."""
        parent = self.parent()
        mirrored = isinstance(parent, QWidget) and parent.layoutDirection() is Qt.LayoutDirection.RightToLeft
        return embedded(str(value), Qt.LayoutDirection.RightToLeft if mirrored else Qt.LayoutDirection.LeftToRight)
