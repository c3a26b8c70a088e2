"""The question before an operation is handed over to S3 Batch Operations, or saved as files for an admin."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLineEdit, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import handover_words
from vidcdn_desktop.gui.library.plan_dialog import FramedDialog
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.widgets import (
    Button,
    ErrorPanel,
    FactsGrid,
    PlainLabel,
    PrimaryButton,
    ThinProgress,
    announce,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.handover import Handover
from vidcdn_desktop.jobs.operations.handover_book import HandoverBook, KeptHandover
from vidcdn_desktop.jobs.operations.handover_files import DEFAULT_FOLDER, DEFAULT_ROLE, Place, write_files
from vidcdn_desktop.jobs.operations.handover_job import can_hand_over, create_job, place_for, present_rules
from vidcdn_desktop.textsafe import display, plural

_WIDTH = 640


class HandoverDialog(FramedDialog):
    """Says what the store would do, asks for the role; prepares the job off the GUI thread. Esc changes nothing.

    Args:
        connection: Through which it goes.
        handover: What is to be done.
        parent: The window.
    """

    created = Signal(object)
    """KeptHandover."""

    def __init__(self, connection: Connection, handover: Handover, parent: QWidget | None = None) -> None:
        super().__init__("Hand over to the store", _WIDTH, parent)
        self._connection = connection
        self._handover = handover
        self._asked: tuple[str, str] | None = None
        self._place: Place | None = None
        """Of what was asked for last: the same once more is the same job."""
        self._build()

    def _build(self) -> None:
        column = self._build_head(display(self._handover.title))
        column.addLayout(self._build_form())
        self.facts = FactsGrid()
        self.facts.set_rows(handover_words.facts(self._handover))
        column.addWidget(self.facts)
        self.told = PlainLabel(wrap=True, selectable=True)
        self.progress = ThinProgress("Preparing the job")
        self.error = ErrorPanel()
        for widget in (self.told, self.progress, self.error):
            widget.hide()
            column.addWidget(widget)
        self.files_button = Button("Save the files…")
        self.files_button.clicked.connect(self.choose_folder)
        self.go_button = PrimaryButton("Prepare the job")
        self.go_button.clicked.connect(self.start)
        self._build_foot(column, self.go_button, left=(self.files_button,))
        self._may = not handover_words.why_not(self._handover, has_batch=can_hand_over(self._connection))
        self.go_button.setEnabled(self._may)
        self.go_button.setDefault(self._may)
        self.role.setFocus(Qt.FocusReason.OtherFocusReason)
        self._fit()

    def _build_form(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 4)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.role = QLineEdit()
        self.role.setPlaceholderText(DEFAULT_ROLE)
        self.folder = QLineEdit(DEFAULT_FOLDER)
        remark = "The role S3 Batch Operations takes on: its name or ARN. Among the files is what it must be allowed."
        for number, (words, field) in enumerate((("Role", self.role), ("List and report in", self.folder))):
            field.setProperty("mono", True)
            field.setAccessibleName(words)
            label = PlainLabel(words)
            label.setBuddy(field)
            grid.addWidget(label, 2 * number, 0)
            grid.addWidget(field, 2 * number, 1)
        self.role.setAccessibleDescription(remark)
        grid.addWidget(PlainLabel(remark, role="small", wrap=True), 1, 1)
        return grid

    # The job
    @Slot()
    def start(self) -> None:
        """Put the list into the bucket and ask for the job."""
        asked = (self.role.text(), self.folder.text())
        place = self._place if asked == self._asked else None
        self._asked = asked
        self._token = token = CancelToken()
        connection, handover = self._connection, self._handover
        self._wait("Preparing the job…")

        def create() -> tuple[Place, KeptHandover | VidcdnError]:
            found = place or place_for(connection, *asked)
            try:
                return found, create_job(connection, handover, found, HandoverBook(), token)
            except VidcdnError as exc:
                return found, exc

        run_in_background(self, create, self._on_created, self._on_failed, token=token)

    @Slot(object)
    def _on_created(self, told: tuple[Place, KeptHandover | VidcdnError]) -> None:
        self._place, outcome = told
        if isinstance(outcome, KeptHandover):
            self.accept()
            self.created.emit(outcome)
        else:
            self._on_failed(outcome)

    @Slot(object)
    def _on_failed(self, problem: VidcdnError) -> None:
        error = harmless(problem)
        self._rest("")
        self.error.set_error(error, "")
        self._fit()
        announce(self, error.sentence())

    # The files
    @Slot()
    def choose_folder(self) -> None:
        """Ask where the files go."""
        chooser = QFileDialog(self, "Save the files in", str(Path.home()))
        chooser.setFileMode(QFileDialog.FileMode.Directory)
        chooser.setOption(QFileDialog.Option.ShowDirsOnly)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.fileSelected.connect(self._on_folder)
        chooser.open()

    @Slot(str)
    def _on_folder(self, folder: str) -> None:
        self.save_to(Path(folder))

    def save_to(self, folder: Path) -> None:
        """Write the files, in a folder of their own below this one."""
        connection, handover = self._connection, self._handover
        role, prefix = self.role.text(), self.folder.text()
        target = folder / f"vidcdn-batch-{handover.mark}"
        self._wait("Writing the files…")

        def write() -> list[Path]:
            rules = present_rules(connection, handover.bucket)
            return write_files(target, handover, place_for(connection, role, prefix), rules)

        run_in_background(self, write, self._on_written, self._on_failed, token=self._token)

    @Slot(object)
    def _on_written(self, files: list[Path]) -> None:
        where = display(str(files[0].parent), 200)
        self._rest(f"{plural(len(files), 'file')} in {where}: how-to.txt says what to do with them.")
        announce(self, self.told.text())

    # Inside
    def _wait(self, words: str) -> None:
        self.error.set_error(None)
        self.told.set_text(words)
        self.told.show()
        self.progress.set_fraction(None)
        self.progress.show()
        self.go_button.setEnabled(False)
        self.files_button.setEnabled(False)
        self._fit()

    def _rest(self, words: str) -> None:
        self.told.set_text(words)
        self.told.setVisible(bool(words))
        self.progress.hide()
        self.go_button.setEnabled(self._may)
        self.files_button.setEnabled(True)
        self._fit()
