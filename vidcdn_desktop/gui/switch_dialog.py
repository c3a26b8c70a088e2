"""The question when a transfer belongs to a connection that is not open."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.widgets import Button, PlainLabel, PrimaryButton
from vidcdn_desktop.textsafe import display, isolate


class SwitchDialog(QDialog):
    """Offers to open the connection a transfer belongs to. Esc changes nothing."""

    switch_wanted = Signal()
    connections_wanted = Signal()
    """The connection is no longer saved; perhaps another of the same account is."""

    def __init__(self, title: str, name: str, parent: QWidget | None = None) -> None:
        """`title` of the transfer; `name` of its connection, empty if it is no longer saved."""
        super().__init__(parent)
        self.setWindowTitle("Another connection")
        self.setModal(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(8)
        heading = "This belongs to another connection" if name else "The connection of this is no longer saved"
        column.addWidget(PlainLabel(heading, role="dialog-title"))
        about = isolate(title, 60)
        if name:
            text = (
                f"“{about}” goes through the connection “{isolate(name, 40)}”, which is not open. What was "
                "transferred is kept. What runs through the present connection goes on."
            )
        else:
            text = (
                f"“{about}” was begun through a connection that has been removed. Nothing was changed. Save the "
                "connection again, or look after the unfinished upload with the tools of your store."
            )
        label = PlainLabel(text, role="muted", wrap=True)
        label.setMinimumWidth(440)
        column.addWidget(label)
        column.addSpacing(10)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.stay_button = Button("Stay here")
        self.stay_button.clicked.connect(self.reject)
        row.addWidget(self.stay_button)
        self.go_button = PrimaryButton(f"Switch to {display(name, 30)}" if name else "Open Connections")
        self.go_button.setDefault(True)
        self.go_button.clicked.connect(self._on_switch if name else self._on_connections)
        row.addWidget(self.go_button)
        column.addLayout(row)
        self.go_button.setFocus()

    @Slot()
    def _on_switch(self) -> None:
        self.accept()
        self.switch_wanted.emit()

    @Slot()
    def _on_connections(self) -> None:
        self.accept()
        self.connections_wanted.emit()
