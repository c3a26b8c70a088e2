"""The question before files are uploaded as they are: where to, what is taken, what starts slowly; then it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import upload_words
from vidcdn_desktop.gui.library.operation_table import ItemTable
from vidcdn_desktop.gui.library.upload_table import UploadModel
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.widgets import (
    Button,
    ComboBox,
    ElidedLabel,
    ErrorPanel,
    FactsGrid,
    NotePanel,
    PlainLabel,
    PrimaryButton,
    ThinProgress,
    announce,
    set_property,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.put_plan import PutPlan
from vidcdn_desktop.jobs.put_taken import Intake, OnTaken, look_at
from vidcdn_desktop.storage.keys import STABLE_CACHE
from vidcdn_desktop.textsafe import display

_WIDTH = 640
_LOW = 700
"""A window lower than this gets fewer rows, so that the dialog is no higher than it."""
_PULL_MS = 100


@dataclass(frozen=True)
class Agreed:
    """What the user wants uploaded."""

    plan: PutPlan
    connection: Connection
    prefix: str
    cache_control: str


class UploadDialog(QDialog):
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
        super().__init__(parent)
        self._connection = connection
        self._paths = tuple(paths)
        self._prefix = prefix
        self._token = CancelToken()
        self._found = 0
        self.intake: Intake | None = None
        """What was found out; None until then."""
        self.setWindowTitle("Upload files")
        self.setModal(True)
        self._pull = QTimer(self)
        self._pull.setInterval(_PULL_MS)
        self._pull.timeout.connect(self._on_pull)
        self._build()
        self.finished.connect(self._on_finished)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(6)
        column.addWidget(PlainLabel("Upload files", role="dialog-title"))
        bucket = self._connection.profile.bucket
        self.about = ElidedLabel(display(f"to {bucket} / {self._prefix}".rstrip(" /")), role="muted")
        column.addWidget(self.about)
        column.addSpacing(8)
        self.progress_words = PlainLabel(upload_words.looking(0))
        self.progress = ThinProgress("Looking at files and names")
        self.error = ErrorPanel()
        self.error.hide()
        self.error.action_requested.connect(self.start)
        for widget in (self.progress_words, self.progress, self.error):
            column.addWidget(widget)
        column.addWidget(self._build_plan())
        column.addStretch(1)
        column.addSpacing(8)
        column.addLayout(self._build_buttons())
        self.setFixedWidth(_WIDTH)

    def _build_plan(self) -> QWidget:
        self._plan_view = QWidget()
        column = QVBoxLayout(self._plan_view)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.headline = PlainLabel(role="heading", wrap=True)
        self.model = UploadModel()
        self.table = ItemTable(self.model)
        self.table.setAccessibleName("Files")
        self.warning = PlainLabel(role="warning", wrap=True)
        self.facts = FactsGrid()
        column.addWidget(self.headline)
        column.addWidget(self.table)
        column.addLayout(self._build_form())
        for widget in (self.warning, self.facts):
            column.addWidget(widget)
        column.addSpacing(6)
        column.addWidget(self._build_slow())
        self._plan_view.hide()
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

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.close_button = Button("Cancel")
        self.close_button.clicked.connect(self.reject)
        self.go_button = PrimaryButton("Upload")
        self.go_button.setEnabled(False)
        self.go_button.clicked.connect(self._on_go)
        row.addWidget(self.close_button)
        row.addWidget(self.go_button)
        return row

    # Looking
    @Slot()
    def start(self) -> None:
        """Look at files and names; what was found is shown when it is there."""
        connection, paths, prefix = self._connection, self._paths, self._prefix
        self._token = token = CancelToken()
        self._found = 0
        self.error.set_error(None)
        self.go_button.show()
        self.close_button.set_text("Cancel")
        self.progress_words.show()
        self.progress.show()
        self.progress.set_fraction(None)
        self._pull.start()
        self._fit()
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

    def _at_rest(self) -> None:
        self._pull.stop()
        self.progress_words.hide()
        self.progress.hide()

    @Slot(object)
    def _on_failed(self, problem: VidcdnError) -> None:
        self._at_rest()
        error = harmless(problem)
        self.error.set_error(error, "Try again")
        self.go_button.hide()
        self.close_button.set_text("Close")
        self._fit()
        self.error.button.setFocus()
        announce(self, error.sentence())

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
        window = self.parentWidget()
        self.table.fit(3 if window is not None and window.height() < _LOW else 6)
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

    def _fit(self) -> None:
        """As high as what is shown: Qt's own `adjustSize` stops at two thirds of the screen."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(_WIDTH, layout.totalHeightForWidth(_WIDTH))

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

    @Slot(int)
    def _on_finished(self, _result: int) -> None:
        self._pull.stop()
        self._token.cancel()


def _is_header(text: str) -> bool:
    """Whether a text may stand in a header."""
    return text.isascii() and text.isprintable()
