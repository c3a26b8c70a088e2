"""The question before an object gets new content: what it keeps, what changes, whether it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.widgets import (
    Button,
    CheckBox,
    DangerButton,
    ElidedLabel,
    ErrorPanel,
    Fact,
    FactsGrid,
    PlainLabel,
    PrimaryButton,
    ThinProgress,
    announce,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.replace_plan import Replacement, plan_replace
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display, format_size

_WIDTH = 560


@dataclass(frozen=True)
class Agreed:
    """What the user wants replaced."""

    found: Replacement
    connection: Connection
    invalidate: bool


class ReplaceDialog(QDialog):
    """Looks first, off the GUI thread; tells when the user agrees. Esc changes nothing.

    Args:
        connection: Through which it goes.
        path: The new content.
        ref: The object.
        etag: Of the object the user saw.
        parent: The window.
    """

    agreed = Signal(object)
    """Agreed."""

    def __init__(
        self, connection: Connection, path: Path, ref: ObjectRef, etag: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._path, self._ref, self._etag = path, ref, etag
        self._token = CancelToken()
        self.found: Replacement | None = None
        """What was found out; None until then."""
        self.setWindowTitle("Replace content")
        self.setModal(True)
        self._build()
        self.finished.connect(self._on_finished)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(6)
        column.addWidget(PlainLabel("Replace content", role="dialog-title"))
        self.about = ElidedLabel(display(self._ref.key), role="muted")
        column.addWidget(self.about)
        column.addSpacing(8)
        self.progress_words = PlainLabel("Looking at the file and the object…")
        self.progress = ThinProgress("Looking at the file and the object")
        self.error = ErrorPanel()
        self.error.hide()
        self.error.action_requested.connect(self.start)
        self.headline = PlainLabel(role="heading", wrap=True)
        self.facts = FactsGrid()
        self.invalidate = CheckBox("", checked=True)
        for widget in (self.progress_words, self.progress, self.error, self.headline):
            column.addWidget(widget)
        column.addSpacing(2)
        column.addWidget(self.facts)
        column.addSpacing(2)
        column.addWidget(self.invalidate)
        column.addStretch(1)
        column.addSpacing(8)
        column.addLayout(self._build_buttons())
        self._show_plan(False)
        self.setFixedWidth(_WIDTH)

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.close_button = Button("Cancel")
        self.close_button.clicked.connect(self.reject)
        self.go_button = PrimaryButton("Replace")
        self.danger_button = DangerButton("Replace for good")
        row.addWidget(self.close_button)
        for button in (self.go_button, self.danger_button):
            button.clicked.connect(self._on_go)
            row.addWidget(button)
        return row

    def _show_plan(self, shown: bool) -> None:
        found = self.found
        self.headline.setVisible(shown)
        self.facts.setVisible(shown)
        self.invalidate.setVisible(shown and found is not None and bool(found.served_by))
        self.go_button.setVisible(shown and found is not None and found.can_undo)
        self.danger_button.setVisible(shown and found is not None and not found.can_undo)

    # Looking
    @Slot()
    def start(self) -> None:
        """Look at both; what was found is shown when it is there."""
        connection, path, ref, etag = self._connection, self._path, self._ref, self._etag
        self._token = token = CancelToken()
        self.error.set_error(None)
        self.close_button.set_text("Cancel")
        self.progress_words.show()
        self.progress.show()
        self.progress.set_fraction(None)
        self._fit()
        run_in_background(
            self,
            lambda: plan_replace(connection, path, ref, etag, token=token),
            self._on_looked,
            self._on_failed,
            token=token,
        )

    @Slot(object)
    def _on_failed(self, problem: VidcdnError) -> None:
        self.progress_words.hide()
        self.progress.hide()
        error = harmless(problem)
        self.error.set_error(error, "Try again")
        self.close_button.set_text("Close")
        self._fit()
        self.error.button.setFocus()
        announce(self, error.sentence())

    @Slot(object)
    def _on_looked(self, found: Replacement) -> None:
        self.progress_words.hide()
        self.progress.hide()
        self.found = found
        self.headline.set_text(headline(found))
        self.facts.set_rows(facts(found))
        domains = ", ".join(found.served_by[:2])
        text = f"Remove the old content from {display(domains, 60)} afterwards"
        self.invalidate.setText(text.replace("&", "&&"))
        self.invalidate.setAccessibleName(text)
        self._show_plan(True)
        self.go_button.setDefault(found.can_undo)
        first = self.go_button if found.can_undo else self.close_button
        first.setFocus(Qt.FocusReason.OtherFocusReason)
        self._fit()
        announce(self, f"{self.headline.text()}. {self.facts.rows()[-1].value}")

    def _fit(self) -> None:
        """As high as what is shown: Qt's own `adjustSize` stops at two thirds of the screen."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(_WIDTH, layout.totalHeightForWidth(_WIDTH))

    # What the user does
    @Slot()
    def _on_go(self) -> None:
        if self.found is None:
            return
        invalidate = self.invalidate.isVisibleTo(self) and self.invalidate.isChecked()
        agreed = Agreed(self.found, self._connection, invalidate)
        self.accept()
        self.agreed.emit(agreed)

    @Slot(int)
    def _on_finished(self, _result: int) -> None:
        self._token.cancel()


def headline(found: Replacement) -> str:
    """What takes the place of what."""
    name = display(found.file.path.name, 60)
    return f"{name}, {format_size(found.file.size)}, takes the place of {format_size(found.was.stored.size)}"


def facts(found: Replacement) -> list[Fact]:
    """What stays, what changes, and at the end whether it can be taken back."""
    headers = found.file.headers
    kind = headers.content_type if headers is not None else found.file.content_type
    rows = [Fact("Keeps", ", ".join(("key", *found.kept))), Fact("Content type", display(kind, 80))]
    if found.file.fast_start:
        rows.append(Fact("Start", "Starts slowly; is made to start at once on the way", "success"))
    rows.append(Fact("Note", display(" ".join(found.notes), 400), "warning"))
    if found.served_by:
        rows.append(Fact("CDN", "May show the old content until it is told"))
    if found.can_undo:
        rows.append(Fact("Undo", "The bucket keeps versions: the old content can be brought back", "success"))
    else:
        rows.append(Fact("Undo", "The bucket keeps no versions: the old content is gone for good", "danger"))
    return [row for row in rows if row.value]
