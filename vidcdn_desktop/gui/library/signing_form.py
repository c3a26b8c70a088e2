"""Where a connection is given the key pair that its CDN links are signed with."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from vidcdn_desktop.credentials.model import Secret
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.widgets import Button, PlainLabel
from vidcdn_desktop.jobs.signing_keys import SigningKey, read_private_key


class SigningForm(QWidget):
    """The ID of a public key at CloudFront, and the file with its private key, which is read once and not kept here."""

    key_given = Signal(object)
    """SigningKey."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(
            PlainLabel(
                "This connection has no key pair yet. Give the ID of a public key in a key group that your distribution"
                " trusts, and its private key as a PEM file. They go to the system's keyring; without one, and for the"
                " practice cloud, they are for this session.",
                role="muted",
                wrap=True,
            )
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.key_id = self._line("Public key ID", "K2JCJMDEHXQW5F")
        self.file = self._line("Private key file", "private_key.pem")
        self.choose = Button("Choose…")
        self.choose.setAccessibleName("Choose the private key file…")
        self.choose.clicked.connect(self._on_choose)
        for number, field in enumerate((self.key_id, self.file)):
            label = PlainLabel(field.accessibleName())
            label.setBuddy(field)
            grid.addWidget(label, number, 0)
            grid.addWidget(field, number, 1, 1, 1 if field is self.file else 2)
        grid.addWidget(self.choose, 1, 2)
        column.addLayout(grid)
        self.problem = PlainLabel(role="danger", wrap=True)
        self.problem.hide()
        column.addWidget(self.problem)
        row = QGridLayout()
        self.save = Button("Save the key pair", icon_name="key")
        self.save.setEnabled(False)
        self.save.clicked.connect(self._on_save)
        row.addWidget(self.save, 0, 0)
        row.setColumnStretch(1, 1)
        column.addLayout(row)
        for line in (self.key_id, self.file):
            line.textChanged.connect(self._on_edited)
            line.returnPressed.connect(self._on_save)

    @staticmethod
    def _line(name: str, example: str) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(name)
        line.setPlaceholderText(example)
        line.setProperty("mono", True)
        return line

    def show_problem(self, sentence: str) -> None:
        """Say what is wrong with what was given; empty: nothing."""
        self.problem.set_text(sentence)
        self.problem.setVisible(bool(sentence))

    @Slot()
    def _on_edited(self) -> None:
        self.show_problem("")
        self.save.setEnabled(bool(self.key_id.text().strip() and self.file.text().strip()))

    @Slot()
    def _on_choose(self) -> None:
        chooser = QFileDialog(self, "Where is the private key?")
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.fileSelected.connect(self.file.setText)
        chooser.finished.connect(chooser.deleteLater)
        chooser.open()

    @Slot()
    def _on_save(self) -> None:
        if not self.save.isEnabled():
            return
        key_id, path = self.key_id.text().strip(), Path(self.file.text().strip())

        def read() -> SigningKey:
            text: Secret = read_private_key(path)
            return SigningKey(key_id, text)

        run_in_background(self, read, self._on_read, self._on_failed)

    @Slot(object)
    def _on_read(self, key: SigningKey) -> None:
        self.key_given.emit(key)

    @Slot(object)
    def _on_failed(self, error: SettingsInvalid) -> None:
        self.show_problem(f"{error.what} {error.advice}")
