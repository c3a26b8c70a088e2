"""The versions of the object in the right panel: shown on request, an older one can be asked back."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.library.details_words import version_words
from vidcdn_desktop.gui.widgets import LinkButton, PlainLabel
from vidcdn_desktop.storage.object_facts import ObjectVersion
from vidcdn_desktop.storage.object_looks import Versions


class _VersionRow(QWidget):
    """One version; its button asks for it back."""

    restore_wanted = Signal(object)
    """ObjectVersion."""

    def __init__(self, version: ObjectVersion) -> None:
        super().__init__()
        self._version = version
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        text = version_words(version)
        label = PlainLabel(text, role="small", wrap=True, selectable=True)
        line.addWidget(label, 1)
        self.button: LinkButton | None = None
        if not version.is_latest and not version.is_marker:
            self.button = LinkButton("Restore…", small=True)
            self.button.setAccessibleName(f"Restore the version of {text}")
            self.button.clicked.connect(self._on_clicked)
            line.addWidget(self.button)

    @Slot()
    def _on_clicked(self) -> None:
        self.restore_wanted.emit(self._version)


class VersionList(QWidget):
    """Folded until the user asks. GUI thread."""

    restore_wanted = Signal(object)
    """ObjectVersion: it is to be served again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._versions: Versions | None = None
        self._open = False
        self._lines: list[_VersionRow] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.toggle = LinkButton("Show versions", small=True)
        self.toggle.clicked.connect(self._on_toggle)
        line = QHBoxLayout()
        line.addWidget(self.toggle)
        line.addStretch(1)
        column.addLayout(line)
        self._list = QWidget()
        self._rows = QVBoxLayout(self._list)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(4)
        column.addWidget(self._list)
        self.forget()

    def forget(self) -> None:
        """Another object: nothing is known, and the list is folded."""
        self._open = False
        self.set_versions(None)

    def set_versions(self, versions: Versions | None) -> None:
        """Show these; nothing happens if they are the same. One alone is no list."""
        if versions != self._versions or versions is None:
            self._versions = versions
            self._fill()
        self.setVisible(versions is not None and (len(versions.items) > 1))

    def rows(self) -> list[_VersionRow]:
        """The lines that are shown."""
        return list(self._lines)

    def _fill(self) -> None:
        self._lines = []
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._list.setVisible(self._open)
        self.toggle.set_text("Hide versions" if self._open else "Show versions")
        if not self._open or self._versions is None:
            return
        for version in self._versions.items:
            row = _VersionRow(version)
            row.restore_wanted.connect(self.restore_wanted)
            self._rows.addWidget(row)
            self._lines.append(row)
        if not self._versions.is_complete:
            self._rows.addWidget(PlainLabel("Older ones are not shown here.", role="small", wrap=True))

    @Slot()
    def _on_toggle(self) -> None:
        self._open = not self._open
        self._fill()
