"""Headers and metadata, or tags, of the selected objects: looked up first, and only what is touched is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.operation_dialog import OperationForm, Planner, planner_of
from vidcdn_desktop.gui.library.value_rows import ValueRow
from vidcdn_desktop.gui.widgets import GUTTER, Button, PlainLabel
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.jobs.operations.model import Action, Edit, Kind
from vidcdn_desktop.jobs.operations.plan import Wish
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.object_facts import HEADER_FIELDS
from vidcdn_desktop.textsafe import display, plural

_MOST_LOOKED_AT = 64
"""Objects whose values are looked up to be shown; those of others are left as they are just the same."""
_LOOKING = 8
_LOW = 700
_HIGH_FORM, _LOW_FORM = 250, 150


@dataclass(frozen=True)
class Values:
    """What was looked up: for each object its values by name."""

    headers: Sequence[Mapping[str, str]] = ()
    extra: Sequence[Mapping[str, str]] = ()
    """Metadata, or tags."""
    complete: bool = True
    """Every object that is meant was looked at."""
    problem: VidcdnError | None = field(default=None, compare=False)


def look_up(connection: Connection, sources: Sequence[Source], kind: Kind, token: CancelToken) -> Values:
    """What some of the objects have now. Blocks; what cannot be looked at is told, not raised.

    Raises: Cancelled.
    """
    calls = object_calls(connection, token)
    objects = [source.ref for source in sources if not source.is_prefix]
    looked = objects[:_MOST_LOOKED_AT]
    complete = len(looked) == len(sources)
    try:
        with ThreadPoolExecutor(_LOOKING, thread_name_prefix="look") as pool:
            if kind is Kind.TAGS:
                return Values(extra=list(pool.map(calls.tags, looked)), complete=complete)
            facts = list(pool.map(calls.facts, looked))
    except VidcdnError as exc:
        return Values(complete=False, problem=exc)
    return Values([f.headers for f in facts], [f.metadata for f in facts], complete)


class ValuesForm(OperationForm):
    """Edits headers and metadata (`Kind.HEADERS`), or tags (`Kind.TAGS`)."""

    def __init__(self, connection: Connection, kind: Kind, sources: Sequence[Source], window: QWidget) -> None:
        super().__init__()
        self._connection = connection
        self._kind = kind
        self._sources = tuple(sources)
        self._problem = ""
        self._token = CancelToken()
        self.headers: dict[str, ValueRow] = {}
        """The fixed rows, by header."""
        self.extra: list[ValueRow] = []
        """Metadata, or tags: those that were found, then those the user adds."""
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 4)
        outer.setSpacing(6)
        self.note = PlainLabel("What you do not touch stays as it is in every object.", role="small", wrap=True)
        outer.addWidget(self.note)
        scroll = _Scroll()
        scroll.setFixedHeight(_LOW_FORM if window.height() < _LOW else _HIGH_FORM)
        self._column = scroll.column
        if kind is Kind.HEADERS:
            for name in HEADER_FIELDS:
                row = self.headers[name] = ValueRow(name, name.title(), removable=name != "content-type")
                self._column.addWidget(row)
                row.edited.connect(self._on_edited)
            self._column.addWidget(PlainLabel("Metadata", role="strong"))
        self._what = "metadata" if kind is Kind.HEADERS else "tag"
        self.add_button = Button(f"Add {self._what}", small=True, icon_name="plus")
        self.add_button.clicked.connect(self.add_row)
        self._column.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addStretch(1)
        self._scroll = scroll
        outer.addWidget(scroll)
        # Once the dialog stands: eight threads that look would keep the window from building it.
        QTimer.singleShot(0, self, self._look)

    def _take_in(self, row: ValueRow) -> None:
        """Add a row above the button."""
        row.edited.connect(self._on_edited)
        self._column.insertWidget(self._column.indexOf(self.add_button), row)

    @Slot()
    def _look(self) -> None:
        connection, sources, kind, token = self._connection, self._sources, self._kind, self._token
        run_in_background(
            self,
            lambda: look_up(connection, sources, kind, token),
            self._on_looked,
            token=token,
        )

    @Slot(object)
    def _on_looked(self, values: Values) -> None:
        for name, row in self.headers.items():
            row.set_known(*_common(name, values.headers, complete=values.complete))
        names = sorted({name for found in values.extra for name in found})
        shown = {row.name for row in self.extra}
        for name in names:
            if name not in shown:
                row = ValueRow(name)
                row.set_known(*_common(name, values.extra, complete=values.complete))
                self.extra.append(row)
                self._take_in(row)
        if values.problem is not None:
            self.note.set_text(f"The values of now are not known: {display(values.problem.what, 200)}")
        elif not values.complete:
            looked = max(len(values.headers), len(values.extra))
            self.note.set_text(f"Values of {plural(looked, 'object')} are shown; what you do not touch stays in all.")

    @Slot()
    def add_row(self) -> None:
        """A new one, named by the user."""
        row = ValueRow(hint="Name of the metadata" if self._kind is Kind.HEADERS else "Name of the tag")
        self.extra.append(row)
        self._take_in(row)
        row.show()
        assert row.name_field is not None
        row.name_field.setFocus()
        self._scroll.ensureWidgetVisible(row)

    def first(self) -> QWidget:
        """See `OperationForm`."""
        return next(iter(self.headers.values())).value if self.headers else self.add_button

    def problem(self) -> str:
        """See `OperationForm`."""
        return self._problem

    @Slot()
    def _on_edited(self) -> None:
        self._problem = ""
        self.edited.emit()

    def planner(self) -> Planner | None:
        """See `OperationForm`."""
        rows = [*self.headers.values(), *self.extra]
        self._problem = next((problem for row in rows if (problem := row.problem())), "")
        extra = _changes(self.extra)
        headers = _changes(self.headers.values())
        if not self._problem and not extra and not headers:
            self._problem = "Nothing was changed yet."
        if self._problem:
            return None
        if self._kind is Kind.TAGS:
            edit = Edit(tags=extra)
        else:
            edit = Edit(headers=headers, metadata={name.lower(): value for name, value in extra.items()})
        return planner_of(self._connection, Wish(Action(self._kind, edit=edit), self._sources))


class _Scroll(QScrollArea):
    """A column that scrolls, in line with what stands above and below it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        holder = QWidget()
        holder.setObjectName("ScrollBody")
        self.column = QVBoxLayout(holder)
        self.column.setContentsMargins(0, 0, GUTTER, 0)
        self.column.setSpacing(6)
        self.setWidget(holder)


def _changes(rows: Iterable[ValueRow]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for row in rows:
        wants, value = row.change()
        if wants and row.name:
            found[row.name] = value
    return found


def _common(name: str, found: Sequence[Mapping[str, str]], *, complete: bool) -> tuple[str | None, str]:
    """The value all of them have, and words where there is none to show."""
    values = {values.get(name) for values in found}
    if len(values) > 1 or (not complete and not found):
        return None, "Different values" if len(values) > 1 else "Not looked at"
    if not complete:
        return None, "Different values, or none"
    value = next(iter(values), None)
    return value, "Not set"
