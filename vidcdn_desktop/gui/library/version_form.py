"""Which of its older versions an object becomes again. They are listed only now that somebody asks."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.operation_dialog import OperationForm, Planner, planner_of
from vidcdn_desktop.gui.library.version_table import VersionLine, VersionModel, VersionTable
from vidcdn_desktop.gui.widgets import PlainLabel
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.jobs.operations.model import Action, Kind
from vidcdn_desktop.jobs.operations.plan import Wish
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.object_facts import ObjectVersion
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display

_LOW = 700
_HIGH_ROWS, _LOW_ROWS = 6, 4


class VersionForm(OperationForm):
    """Lists the versions of one object; the newest of the older ones is chosen at first."""

    def __init__(self, connection: Connection, ref: ObjectRef, window: QWidget) -> None:
        super().__init__()
        self._connection = connection
        self._ref = ref
        self._token = CancelToken()
        self._problem = ""
        self.is_listed = False
        """Whether the versions are known, or why not."""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(6)
        self.words = PlainLabel("Looking for older versions…", role="small", wrap=True)
        self.model = VersionModel(names=False)
        self.table = VersionTable(self.model)
        self.table.fit_to(_LOW_ROWS if window.height() < _LOW else _HIGH_ROWS)
        self.table.selectionModel().selectionChanged.connect(self._on_chosen)
        column.addWidget(self.words)
        column.addWidget(self.table)
        token = self._token
        run_in_background(
            self, lambda: object_calls(connection, token).versions(ref), self._on_listed, self._on_failed, token=token
        )

    @Slot(object)
    def _on_listed(self, versions: Sequence[ObjectVersion]) -> None:
        lines = [self._line(version) for version in versions]
        self.model.set_rows(lines)
        older = [row for row, line in enumerate(lines) if line.source is not None]
        text = "The one that is served now stays as a version of its own."
        self.words.set_text(text if older else "The bucket keeps no older version of this object.")
        self.is_listed = True
        if older:
            self.table.choose(older[0])

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self.is_listed = True
        self.words.set_text(f"The versions are not known: {display(error.sentence(), 300)}")

    def _line(self, version: ObjectVersion) -> VersionLine:
        if version.is_marker:
            return VersionLine("", "Was deleted", version.last_modified, None, None)
        if version.is_latest:
            return VersionLine("", "Served now", version.last_modified, version.size, None)
        source = Source(self._ref, size=version.size, version_id=version.version_id)
        return VersionLine("", "Older version", version.last_modified, version.size, source)

    @Slot()
    def _on_chosen(self) -> None:
        self._problem = ""
        self.edited.emit()

    def first(self) -> QWidget:
        """See `OperationForm`."""
        return self.table

    def problem(self) -> str:
        """See `OperationForm`."""
        return self._problem

    def planner(self) -> Planner | None:
        """See `OperationForm`."""
        chosen = [line.source for line in self.table.chosen() if line.source is not None]
        if not chosen:
            self._problem = "Choose an older version." if self.model.rowCount() else "There is no older version."
            return None
        return planner_of(self._connection, Wish(Action(Kind.VERSION), tuple(chosen)))
