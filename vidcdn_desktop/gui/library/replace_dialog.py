"""The question before an object gets new content: what it keeps, what changes, whether it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.plan_dialog import PlanDialog
from vidcdn_desktop.gui.widgets import (
    CheckBox,
    DangerButton,
    Fact,
    FactsGrid,
    PlainLabel,
    PrimaryButton,
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


class ReplaceDialog(PlanDialog):
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
        super().__init__("Replace content", _WIDTH, parent)
        self._connection = connection
        self._path, self._ref, self._etag = path, ref, etag
        self.found: Replacement | None = None
        """What was found out; None until then."""
        self._build()

    def _build(self) -> None:
        column = self._build_head(display(self._ref.key))
        words = "Looking at the file and the object"
        self._build_looking(column, f"{words}…", words)
        self.headline = PlainLabel(role="heading", wrap=True)
        self.facts = FactsGrid()
        self.invalidate = CheckBox("", checked=True)
        column.addWidget(self.headline)
        column.addSpacing(2)
        column.addWidget(self.facts)
        column.addSpacing(2)
        column.addWidget(self.invalidate)
        self.go_button = PrimaryButton("Replace")
        self.danger_button = DangerButton("Replace for good")
        for button in (self.go_button, self.danger_button):
            button.clicked.connect(self._on_go)
        self._build_foot(column, self.go_button, self.danger_button)
        self._show_plan(False)

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
        self._show_looking()
        run_in_background(
            self,
            lambda: plan_replace(connection, path, ref, etag, token=token),
            self._on_looked,
            self._on_failed,
            token=token,
        )

    @Slot(object)
    def _on_looked(self, found: Replacement) -> None:
        self._at_rest()
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

    # What the user does
    @Slot()
    def _on_go(self) -> None:
        if self.found is None:
            return
        invalidate = self.invalidate.isVisibleTo(self) and self.invalidate.isChecked()
        agreed = Agreed(self.found, self._connection, invalidate)
        self.accept()
        self.agreed.emit(agreed)


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
