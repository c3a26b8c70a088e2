"""The network's settings: which proxy, and a company's certificates."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QWidget

from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.gui.widgets import Button, ComboBox, PlainLabel, set_property
from vidcdn_desktop.network import NO_PROXY, NetworkSettings, check_ca_bundle, proxy_problem

_SYSTEM, _NONE, _OWN = "system", "none", "own"
_KINDS = ((_SYSTEM, "Like the system"), (_NONE, "No proxy"), (_OWN, "This proxy"))


def bundle_problem(path: str) -> str:
    """What is wrong with a file of certificates, as a sentence; empty text means "none of my own", which is fine."""
    if not path:
        return ""
    try:
        check_ca_bundle(path)
    except SettingsInvalid as exc:
        return exc.what
    return ""


class NetworkFields(QWidget):
    """Proxy and certificate file. GUI thread."""

    changed = Signal(object)
    """`NetworkSettings`, each time they make sense and are others than before."""

    def __init__(self, network: NetworkSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._network = network
        own = network.proxy if network.proxy != NO_PROXY else ""
        kind = _NONE if network.proxy == NO_PROXY else _OWN if own else _SYSTEM
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        self.kind = ComboBox("Proxy")
        for value, text in _KINDS:
            self.kind.addItem(text, value)
        self.kind.setCurrentIndex(self.kind.findData(kind))
        self.kind.activated.connect(self._on_kind)
        self.proxy = QLineEdit(own)
        self.proxy.setPlaceholderText("http://proxy.example.com:8080")
        self.proxy.setAccessibleName("Address of the proxy")
        self.proxy.setEnabled(kind == _OWN)
        self.proxy.editingFinished.connect(self._on_proxy)
        self.proxy_message = _message()
        self.bundle = QLineEdit(network.ca_bundle)
        self.bundle.setPlaceholderText("only those of the system")
        self.bundle.setAccessibleName("File with your company's certificates")
        self.bundle.setToolTip("A PEM file. Its certificates are trusted beside the known ones.")
        self.bundle.editingFinished.connect(self._on_bundle)
        self.browse = Button("Choose…")
        self.browse.setAccessibleName("Choose the certificate file…")
        self.browse.clicked.connect(self._on_browse)
        self.bundle_message = _message()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.kind)
        row.addWidget(self.proxy, 1)
        for line, (text, buddy) in enumerate((("Proxy", self.kind), ("Own certificates", self.bundle))):
            label = PlainLabel(text)
            label.setBuddy(buddy)
            grid.addWidget(label, line * 2, 0)
        grid.addLayout(row, 0, 1, 1, 2)
        grid.addWidget(self.proxy_message, 1, 1, 1, 2)
        grid.addWidget(self.bundle, 2, 1)
        grid.addWidget(self.browse, 2, 2)
        grid.addWidget(self.bundle_message, 3, 1, 1, 2)

    @Slot()
    def _on_kind(self) -> None:
        own = self.kind.currentData() == _OWN
        self.proxy.setEnabled(own)
        if own and not self.proxy.text().strip():
            self.proxy.setFocus()
        self._on_proxy()

    @Slot()
    def _on_proxy(self) -> None:
        kind = self.kind.currentData()
        text = self.proxy.text().strip() if kind == _OWN else NO_PROXY if kind == _NONE else ""
        problem = proxy_problem(text)
        _tell(self.proxy, self.proxy_message, problem)
        # Nothing typed yet: the proxy stays what it was.
        if not problem and (text or kind == _SYSTEM):
            self._keep(replace(self._network, proxy=text))

    @Slot()
    def _on_bundle(self) -> None:
        path = self.bundle.text().strip()
        problem = bundle_problem(path)
        _tell(self.bundle, self.bundle_message, problem)
        if not problem:
            self._keep(replace(self._network, ca_bundle=path))

    @Slot()
    def _on_browse(self) -> None:
        chooser = QFileDialog(self, "Which file holds the certificates?")
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.fileSelected.connect(self._on_chosen)
        chooser.finished.connect(chooser.deleteLater)
        chooser.open()

    @Slot(str)
    def _on_chosen(self, path: str) -> None:
        self.bundle.setText(path)
        self._on_bundle()

    def _keep(self, network: NetworkSettings) -> None:
        if network != self._network:
            self._network = network
            self.changed.emit(network)


def _message() -> PlainLabel:
    message = PlainLabel(role="danger", wrap=True)
    message.hide()
    return message


def _tell(field: QLineEdit, message: PlainLabel, problem: str) -> None:
    message.set_text(problem)
    message.setVisible(bool(problem))
    set_property(field, "invalid", bool(problem))
