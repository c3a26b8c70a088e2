"""Which storage class objects go to, and how fast and for how long they come out of an archive."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QWidget

from vidcdn_desktop.gui.library.operation_dialog import OperationForm, Planner, planner_of
from vidcdn_desktop.gui.widgets import ComboBox, PlainLabel
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.classes import CLASSES, TIERS, StorageClass
from vidcdn_desktop.jobs.operations.model import Action, Kind
from vidcdn_desktop.jobs.operations.plan import Wish
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.textsafe import plural

_FIRST = "STANDARD_IA"
"""What is offered first: who comes here has something that is seldom watched."""
_DAYS = (1, 3, 7, 14, 30, 90, 180)
_WEEK = 7


class _Form(OperationForm):
    """Labels and fields in two columns, and a remark below."""

    def __init__(self, connection: Connection, sources: Sequence[Source]) -> None:
        super().__init__()
        self._connection = connection
        self._sources = tuple(sources)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 4)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self.remark = PlainLabel(role="small", wrap=True)

    def _add(self, words: str, field: QWidget) -> None:
        row = self._grid.rowCount()
        label = PlainLabel(words)
        label.setBuddy(field)
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(field, row, 1)

    def _end(self) -> None:
        self._grid.addWidget(self.remark, self._grid.rowCount(), 1)

    def _planner(self, action: Action) -> Planner:
        return planner_of(self._connection, Wish(action, self._sources))


class ClassForm(_Form):
    """Change the storage class."""

    def __init__(self, connection: Connection, sources: Sequence[Source]) -> None:
        super().__init__(connection, sources)
        self.choice = ComboBox("Storage class")
        for found in CLASSES:
            self.choice.addItem(found.title, found)
        self.choice.setCurrentIndex(next(n for n, found in enumerate(CLASSES) if found.name == _FIRST))
        self._add("Storage class", self.choice)
        self._end()
        self.choice.currentIndexChanged.connect(self._on_edited)
        self._show()

    @property
    def chosen(self) -> StorageClass:
        """The class."""
        return CLASSES[max(0, self.choice.currentIndex())]

    def first(self) -> QWidget:
        """See `OperationForm`."""
        return self.choice

    @Slot()
    def _on_edited(self) -> None:
        self._show()
        self.edited.emit()

    def _show(self) -> None:
        self.remark.set_text(self.chosen.about)
        self.choice.setAccessibleDescription(self.chosen.about)

    def planner(self) -> Planner:
        """See `OperationForm`."""
        return self._planner(Action(Kind.STORAGE_CLASS, storage_class=self.chosen.name))


class RestoreForm(_Form):
    """Bring objects out of an archive for some days."""

    def __init__(self, connection: Connection, sources: Sequence[Source]) -> None:
        super().__init__(connection, sources)
        self.tier = ComboBox("How fast")
        for name, words in TIERS.items():
            self.tier.addItem(words, name)
        self.days = ComboBox("How long the copy stays")
        for days in _DAYS:
            self.days.addItem(plural(days, "day"), days)
        self.days.setCurrentIndex(_DAYS.index(_WEEK))
        self._add("How fast", self.tier)
        self._add("How long the copy stays", self.days)
        self._end()
        self.tier.currentIndexChanged.connect(self._on_edited)
        self.days.currentIndexChanged.connect(self._on_edited)
        self._show()

    def first(self) -> QWidget:
        """See `OperationForm`."""
        return self.tier

    @Slot()
    def _on_edited(self) -> None:
        self._show()
        self.edited.emit()

    def _show(self) -> None:
        self.remark.set_text(
            f"The object stays in the archive; a copy outside it can be watched for {self.days.currentText()}."
        )

    def planner(self) -> Planner:
        """See `OperationForm`."""
        tier = str(self.tier.currentData())
        return self._planner(Action(Kind.RESTORE, days=int(self.days.currentData()), tier=tier))
