"""What a view shows when it has nothing to show, or something went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.widgets.buttons import Button, LinkButton
from vidcdn_desktop.gui.widgets.iconlabel import IconLabel
from vidcdn_desktop.gui.widgets.labels import PlainLabel


class EmptyState(QWidget):
    """What belongs here and how to begin: icon, title, one sentence, buttons."""

    def __init__(
        self,
        icon_name: str,
        title: str,
        text: str = "",
        buttons: Sequence[QPushButton] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(10)
        layout.addStretch(1)
        centre = Qt.AlignmentFlag.AlignHCenter
        self._icon = IconLabel(icon_name, "muted", 40)
        layout.addWidget(self._icon, 0, centre)
        self.title = PlainLabel(title, role="heading", wrap=True)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self.title)
        self.text = PlainLabel(text, role="small", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self.text)
        self.text.setVisible(bool(text))
        if buttons:
            row = QHBoxLayout()
            row.setSpacing(8)
            row.addStretch(1)
            for button in buttons:
                row.addWidget(button)
            row.addStretch(1)
            layout.addSpacing(4)
            layout.addLayout(row)
        layout.addStretch(1)

    def set(self, title: str, text: str = "", icon_name: str = "") -> None:
        """Change the words, and the icon if given."""
        self.title.set_text(title)
        self.text.set_text(text)
        self.text.setVisible(bool(text))
        if icon_name:
            self._icon.set(icon_name, "muted")


class NotePanel(QFrame):
    """A remark about the whole page. Kinds: accent, warning; the icon and the words carry the meaning."""

    def __init__(self, text: str, kind: str = "accent", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("WarningPanel" if kind == "warning" else "NotePanel")
        self.setAccessibleName(text)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(10)
        row.addWidget(IconLabel("warning" if kind == "warning" else "info", kind, 16), 0, Qt.AlignmentFlag.AlignTop)
        self.text = PlainLabel(text, wrap=True)
        row.addWidget(self.text, 1)


class ErrorPanel(QFrame):
    """One error in words: what happened, what it means, what to do; one button; the codes folded away.

    Everything in the error is text from outside and shown plain.
    """

    action_requested = Signal()

    def __init__(self, parent: QWidget | None = None, *, error: VidcdnError | None = None, action: str = "") -> None:
        """`action` names the one button ("Try again"); empty: no button."""
        super().__init__(parent)
        self.setObjectName("ErrorPanel")
        self._error: VidcdnError | None = None
        outer = QHBoxLayout(self)
        outer.setContentsMargins(12, 10, 12, 10)
        outer.setSpacing(10)
        outer.addWidget(IconLabel("error", "danger", 18), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(3)
        self._what = PlainLabel(role="strong", wrap=True, selectable=True)
        self._rest = PlainLabel(wrap=True, selectable=True)
        column.addWidget(self._what)
        column.addWidget(self._rest)
        line = QHBoxLayout()
        line.setSpacing(10)
        self._toggle = LinkButton("Show details", small=True)
        self._toggle.clicked.connect(self._on_toggle)
        self._copy = LinkButton("Copy details", small=True)
        self._copy.clicked.connect(self._on_copy)
        line.addWidget(self._toggle)
        line.addWidget(self._copy)
        line.addStretch(1)
        column.addLayout(line)
        self._details = PlainLabel(role="mono", wrap=True, selectable=True)
        column.addWidget(self._details)
        outer.addLayout(column, 1)
        self.button = Button(action or "Try again", small=True)
        self.button.setVisible(bool(action))
        self.button.clicked.connect(self.action_requested)
        outer.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self.set_error(error)

    @property
    def error(self) -> VidcdnError | None:
        """What is shown."""
        return self._error

    def set_error(self, error: VidcdnError | None, action: str | None = None) -> None:
        """Show an error, or hide the panel with None. `action` renames the button; empty text takes it away."""
        self._error = error
        self.setVisible(error is not None)
        if action is not None:
            self.button.setVisible(bool(action))
            if action:
                self.button.set_text(action)
        if error is None:
            return
        self._what.set_text(error.what)
        self._rest.set_text(" ".join(part for part in (error.meaning, error.advice) if part))
        self._rest.setVisible(bool(self._rest.text()))
        self._details.set_text(self.details())
        self._fold(True)
        self.setAccessibleName(error.title)
        self.setAccessibleDescription(error.sentence())

    def details(self) -> str:
        """The text that is copied."""
        if self._error is None:
            return ""
        error = self._error
        rows = (
            ("Error", error.kind),
            ("About", error.subject),
            ("Code", error.code),
            ("Request", error.request_id),
        )
        return "\n".join(f"{label}: {value}" for label, value in rows if value)

    def _fold(self, folded: bool) -> None:
        self._details.setVisible(not folded)
        self._toggle.set_text("Show details" if folded else "Hide details")

    @Slot()
    def _on_toggle(self) -> None:
        self._fold(not self._details.isHidden())

    @Slot()
    def _on_copy(self) -> None:
        if self._error is not None:
            QApplication.clipboard().setText(f"{self._error.sentence()}\n{self.details()}")
