"""The question before files are uploaded as they are: where to, what is taken, what starts slowly; then it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import upload_words
from vidcdn_desktop.gui.library.operation_table import ItemTable
from vidcdn_desktop.gui.library.plan_dialog import CountingDialog
from vidcdn_desktop.gui.library.upload_table import UploadModel
from vidcdn_desktop.gui.widgets import (
    Button,
    ComboBox,
    FactsGrid,
    NotePanel,
    PlainLabel,
    PrimaryButton,
    announce,
    set_property,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.put_plan import PutPlan
from vidcdn_desktop.jobs.put_taken import Intake, OnTaken, look_at
from vidcdn_desktop.storage.keys import STABLE_CACHE
from vidcdn_desktop.textsafe import display

_WIDTH = 640


@dataclass(frozen=True)
class Agreed:
    """What the user wants uploaded."""

    plan: PutPlan
    connection: Connection
    prefix: str
    cache_control: str


class UploadDialog(CountingDialog):
    """Looks first, off the GUI thread; shows the plan; tells when the user agrees. Esc sends nothing.

    Args:
        connection: Through which it goes.
        paths: Files and folders.
        prefix: Where to: a folder of the bucket with its slash, or empty.
        parent: The window.
    """

    agreed = Signal(object)
    """Agreed."""
    publish_wanted = Signal(object)
    """(list[Path], str prefix): these are to be published instead."""

    def __init__(
        self, connection: Connection, paths: Sequence[Path], prefix: str, parent: QWidget | None = None
    ) -> None:
        super().__init__("Upload files", _WIDTH, parent)
        self._connection = connection
        self._paths = tuple(paths)
        self._prefix = prefix
        self._found = 0
        self.intake: Intake | None = None
        """What was found out; None until then."""
        self._build()

    def _build(self) -> None:
        bucket = self._connection.profile.bucket
        column = self._build_head(display(f"to {bucket} / {self._prefix}".rstrip(" /")))
        self._build_looking(column, upload_words.looking(0), "Looking at files and names")
        column.addWidget(self._build_plan())
        self.go_button = PrimaryButton("Upload")
        self.go_button.setEnabled(False)
        self.go_button.clicked.connect(self._on_go)
        self._build_foot(column, self.go_button)

    def _build_plan(self) -> QWidget:
        column = self._build_plan_view()
        self.model = UploadModel()
        self.table = ItemTable(self.model)
        self.table.setAccessibleName("Files")
        self.warning = PlainLabel(role="warning", wrap=True)
        self.facts = FactsGrid()
        column.addWidget(self.table)
        column.addLayout(self._build_form())
        for widget in (self.warning, self.facts):
            column.addWidget(widget)
        column.addSpacing(6)
        column.addWidget(self._build_slow())
        return self._plan_view

    def _build_form(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 6, 0, 2)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(8)
        grid.setColumnMinimumWidth(0, 104)
        grid.setColumnStretch(1, 1)
        self.taken_words = PlainLabel()
        self.taken = ComboBox("What happens where a name is taken")
        for choice, text in upload_words.CHOICES:
            self.taken.addItem(text, choice)
        self.taken.currentIndexChanged.connect(self._on_choice)
        self.taken_words.setBuddy(self.taken)
        self.cache = QLineEdit(STABLE_CACHE)
        set_property(self.cache, "mono", True)
        self.cache.setAccessibleName("Cache-Control header of the objects")
        self.cache.setPlaceholderText("No header")
        self.cache.textChanged.connect(self._on_cache)
        label = PlainLabel("Cache-Control")
        label.setBuddy(self.cache)
        for row, (words, control) in enumerate(((self.taken_words, self.taken), (label, self.cache))):
            grid.addWidget(words, row, 0)
            grid.addWidget(control, row, 1)
        return grid

    def _build_slow(self) -> QWidget:
        self.slow = NotePanel("", "warning")
        self.publish_button = Button("", small=True)
        self.publish_button.clicked.connect(self._on_publish)
        row = self.slow.layout()
        assert isinstance(row, QHBoxLayout)
        row.addWidget(self.publish_button, 0, Qt.AlignmentFlag.AlignTop)
        return self.slow

    # Looking
    @Slot()
    def start(self) -> None:
        """Look at files and names; what was found is shown when it is there."""
        connection, paths, prefix = self._connection, self._paths, self._prefix
        self._token = token = CancelToken()
        self._found = 0
        self.go_button.show()
        self._show_looking()
        run_in_background(
            self,
            lambda: look_at(connection, paths, prefix, token=token, on_found=self._count),
            self._on_looked,
            self._on_failed,
            token=token,
        )

    def _count(self, found: int) -> None:
        """Called on the looking thread; one number, read by the timer."""
        self._found = found

    @Slot()
    def _on_pull(self) -> None:
        self.progress_words.set_text(upload_words.looking(self._found))

    @Slot(object)
    def _on_looked(self, intake: Intake) -> None:
        self._at_rest()
        self.intake = intake
        self._plan_view.show()
        self._show()
        (self.go_button if self.go_button.isEnabled() else self.close_button).setFocus(Qt.FocusReason.OtherFocusReason)
        parts = (self.headline.text(), upload_words.taken(intake), upload_words.slow(intake))
        announce(self, ". ".join(part for part in parts if part))

    # What is shown
    def _choice(self) -> OnTaken:
        choice = self.taken.currentData()
        return choice if isinstance(choice, OnTaken) else OnTaken.SKIP

    @Slot()
    def _on_choice(self) -> None:
        if self.intake is not None:
            self._show()

    @Slot(str)
    def _on_cache(self, text: str) -> None:
        set_property(self.cache, "invalid", not _is_header(text))
        if self.intake is not None:
            self._allow(self.intake.chosen(self._choice()))

    def _allow(self, plan: PutPlan) -> None:
        may = bool(plan.files) and _is_header(self.cache.text())
        self.go_button.setEnabled(may)
        self.go_button.setDefault(may)

    def _show(self) -> None:
        intake = self.intake
        assert intake is not None
        plan = intake.chosen(self._choice())
        self.headline.set_text(upload_words.headline(plan))
        self.model.set_rows(upload_words.rows(intake, plan, len(self._prefix)))
        self.table.fit(self._row_count(3, 6))
        words = upload_words.taken(intake)
        self.taken_words.set_text(words)
        for widget in (self.taken_words, self.taken):
            widget.setVisible(bool(words))
        text = upload_words.warning(intake, self._choice())
        self.warning.set_text(text)
        self.warning.setVisible(bool(text))
        self.facts.set_rows(upload_words.facts(plan))
        hint = upload_words.slow(intake)
        self.slow.text.set_text(hint)
        self.slow.setAccessibleName(hint)
        self.slow.setVisible(bool(hint))
        self.publish_button.set_text(upload_words.publish_button(intake))
        self.publish_button.setVisible(self._connection.is_home)  # the Publish page knows no other bucket
        self.go_button.set_text(upload_words.go(plan) if plan.files else "Upload")
        self._allow(plan)
        self._fit()

    # What the user does
    @Slot()
    def _on_publish(self) -> None:
        """The slow ones go another way; what is left is still asked about."""
        intake = self.intake
        if intake is None or not intake.slow:
            return
        slow = list(intake.slow)
        self.intake = intake.without(slow)
        self.publish_wanted.emit((slow, self._prefix))
        if self.intake.plan.files:
            self._show()
            self.go_button.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.accept()

    @Slot()
    def _on_go(self) -> None:
        intake = self.intake
        if intake is None:
            return
        plan = intake.chosen(self._choice())
        self.accept()
        self.agreed.emit(Agreed(plan, self._connection, self._prefix, self.cache.text().strip()))


def _is_header(text: str) -> bool:
    """Whether a text may stand in a header."""
    return text.isascii() and text.isprintable()
