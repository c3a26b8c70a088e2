"""Looks at everything a window says, for whatever would be read otherwise than as plain, visible text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QLabel, QLineEdit, QWidget

from vidcdn_desktop.textsafe import display

_MARKS = dict.fromkeys(map(ord, "\u2068\u2069"))
"""What `isolate` puts around a name."""
_MOST_ROWS = 200


def unsafe(root: QWidget) -> list[str]:
    """What a widget and all in it says unsafely, with where; empty is good. What the user edits is as it is."""
    found = []
    for widget in (root, *root.findChildren(QWidget)):
        if isinstance(widget, QLineEdit):
            continue
        for place, text in _texts(widget):
            if not is_plain(text):
                found.append(f"{type(widget).__name__}.{place}: {text!r}")
        if (
            isinstance(widget, QLabel)
            and widget.textFormat() is not Qt.TextFormat.PlainText
            and _is_rich(widget.text())
        ):
            found.append(f"{type(widget).__name__} takes for rich text: {widget.text()!r}")
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            found += _unsafe_cells(widget.model())
    return found


def is_plain(text: str) -> bool:
    """Nothing invisible is in it, nothing that turns the direction; lines may be broken."""
    return all(display(line) == line for line in text.translate(_MARKS).split("\n"))


def _is_rich(text: str) -> bool:
    return bool(GuiQt.mightBeRichText(text))


def _texts(widget: QWidget) -> Iterator[tuple[str, str]]:
    if isinstance(widget, (QLabel, QAbstractButton)):
        yield "text", widget.text()
    yield "window title", widget.windowTitle()
    yield "name", widget.accessibleName()
    yield "description", widget.accessibleDescription()
    yield "tool tip", _tip(widget.toolTip())


def _tip(text: str) -> str:
    """A tool tip as it is read: one that is taken for rich text must have been made so, of plain text."""
    if not _is_rich(text):
        return text
    tags = set(re.findall(r"<[^>]*>", text)) - {"<span>", "</span>"}
    return "\0" if tags else html.unescape(text.removeprefix("<span>").removesuffix("</span>"))


def _unsafe_cells(model: QAbstractItemModel) -> list[str]:
    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
    found = []
    for row in range(min(model.rowCount(), _MOST_ROWS)):
        for column in range(model.columnCount()):
            for role in roles:
                text = model.index(row, column).data(role)
                if not isinstance(text, str):
                    continue
                if role is Qt.ItemDataRole.ToolTipRole:
                    text = _tip(text)
                if not is_plain(text):
                    found.append(f"cell {row}, {column}, {role.name}: {text!r}")
    return found
