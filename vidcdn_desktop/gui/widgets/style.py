"""Small helpers between widgets and the style sheet."""

from __future__ import annotations

import html

from PySide6.QtWidgets import QWidget


def restyle(widget: QWidget) -> None:
    """Let the style sheet look at a widget's properties again."""
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()


def set_property(widget: QWidget, name: str, value: str | bool) -> None:
    """Set a property the style sheet selects by, and restyle only if it changed."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        restyle(widget)


def plain_tooltip(text: str) -> str:
    """A tool tip that shows text from outside as it is; Qt would guess at rich text."""
    return f"<span>{html.escape(text)}</span>" if text else ""
