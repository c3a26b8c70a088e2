"""Where objects go: the new name of one, or the folder for many; and what happens where a name is taken."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from vidcdn_desktop.gui.library import operation_words
from vidcdn_desktop.gui.library.operation_dialog import OperationForm, Planner, planner_of
from vidcdn_desktop.gui.widgets import ComboBox, PlainLabel
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.model import Action, Kind, OnExists
from vidcdn_desktop.jobs.operations.plan import Wish
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.port import ObjectRef


class PlaceForm(OperationForm):
    """Rename, move or copy.

    Args:
        connection: Through which it goes.
        verb: "rename", "move" or "copy-to".
        sources: What is to go there.
    """

    def __init__(self, connection: Connection, verb: str, sources: Sequence[Source]) -> None:
        super().__init__()
        self._connection = connection
        self._sources = tuple(sources)
        self._kind = Kind.COPY if verb == "copy-to" else Kind.MOVE
        self._renames = verb == "rename"
        self._problem = ""
        source = sources[0]
        # One slash only: the name of the folder a//, below a/, is empty.
        whole = source.ref.key.removesuffix("/") if source.is_prefix else source.ref.key
        self._folder = whole[: whole.rfind("/") + 1]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 4)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.place = QLineEdit()
        self.place.setProperty("mono", True)
        self.taken = ComboBox("Where a name is taken")
        for choice, text in operation_words.TAKEN:
            self.taken.addItem(text, choice)
        name = "New name" if self._renames else "To folder"
        self.place.setAccessibleName(name)
        if self._renames:
            self.place.setText(whole[len(self._folder) :])
            self._choose_stem()
        else:
            self.place.setText(self._folder)
            self.place.setPlaceholderText("The top of the bucket")
        label = PlainLabel(name)
        label.setBuddy(self.place)
        taken_label = PlainLabel("Where a name is taken")
        taken_label.setBuddy(self.taken)
        for row, (words, field) in enumerate(((label, self.place), (taken_label, self.taken))):
            grid.addWidget(words, row, 0)
            grid.addWidget(field, row, 1)
        self.place.textChanged.connect(self._on_edited)
        self.taken.currentIndexChanged.connect(self._on_edited)

    def _choose_stem(self) -> None:
        """The ending says what an object is and seldom changes."""
        text = self.place.text()
        dot = text.rfind(".")
        self.place.setSelection(0, dot if dot > 0 and not self._sources[0].is_prefix else len(text))

    def first(self) -> QWidget:
        """See `OperationForm`."""
        return self.place

    def problem(self) -> str:
        """See `OperationForm`."""
        return self._problem

    @Slot()
    def _on_edited(self) -> None:
        self._problem = ""
        self.edited.emit()

    def planner(self) -> Planner | None:
        """See `OperationForm`."""
        text, bucket = self.place.text(), self._sources[0].ref.bucket
        if self._renames and not text:
            self._problem = "The new name is empty."
            return None
        key = self._folder + text if self._renames else text
        is_folder = not self._renames or self._sources[0].is_prefix
        if is_folder and key and not key.endswith("/"):
            key += "/"
        if not self._renames and len(self._sources) == 1 and self._sources[0].is_prefix:
            # The folder itself goes into the other one, as it does where several go.
            key += self._sources[0].ref.key.removesuffix("/").rpartition("/")[2] + "/"
        if key == self._sources[0].ref.key:
            self._problem = "The new name is the old one." if self._renames else "It is in this folder already."
            return None
        action = Action(self._kind, on_exists=self._choice())
        return planner_of(self._connection, Wish(action, self._sources, ObjectRef(bucket, key)))

    def _choice(self) -> OnExists:
        choice = self.taken.currentData()
        return choice if isinstance(choice, OnExists) else OnExists.REFUSE
