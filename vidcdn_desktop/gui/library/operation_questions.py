"""Which question belongs to which verb of the Library, and the sentence at the end. GUI thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.library.class_forms import ClassForm, RestoreForm
from vidcdn_desktop.gui.library.operation_dialog import OperationDialog, OperationForm, planner_of
from vidcdn_desktop.gui.library.place_form import PlaceForm
from vidcdn_desktop.gui.library.values_form import ValuesForm
from vidcdn_desktop.gui.library.version_form import VersionForm
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import Action, Kind
from vidcdn_desktop.jobs.operations.plan import Wish
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import in_sentence, plural

_VALUES = {"headers": ("Edit headers and metadata", Kind.HEADERS), "tags": ("Edit tags", Kind.TAGS)}
_PLACES = {"rename": "Rename", "move": "Move", "copy-to": "Copy"}
_FORMS = {
    "class": "Change storage class",
    "restore": "Restore from archive",
    "versions": "Restore an older version",
}
_AT_ONCE = {"version": ("Restore an older version", Kind.VERSION), "undelete": ("Bring back", Kind.UNDELETE)}
"""Where nothing is left to ask: versions were chosen before."""


@dataclass(frozen=True)
class Asked:
    """A verb, and what it is to be done to."""

    verb: str
    sources: tuple[Source, ...]


def sources_of(bucket: str, rows: Sequence[Row]) -> tuple[Source, ...]:
    """What is selected, with the ETags the list shows: another object is not touched."""
    return tuple(Source(ObjectRef(bucket, r.key), r.etag, r.size or 0, is_prefix=r.is_folder) for r in rows)


def ask_about(connection: Connection, asked: Asked, parent: QWidget) -> OperationDialog:
    """The question for a verb."""
    if asked.verb in _VALUES:
        title, kind = _VALUES[asked.verb]
        values = ValuesForm(connection, kind, asked.sources, parent)
        return OperationDialog(connection, title, about(asked.sources), values, parent)
    if asked.verb in _PLACES:
        form = PlaceForm(connection, asked.verb, asked.sources)
        return OperationDialog(connection, _PLACES[asked.verb], about(asked.sources), form, parent)
    if asked.verb in _FORMS:
        of_class = _form(connection, asked, parent)
        return OperationDialog(connection, _FORMS[asked.verb], about(asked.sources), of_class, parent)
    if asked.verb in _AT_ONCE:
        title, kind = _AT_ONCE[asked.verb]
        planner = planner_of(connection, Wish(Action(kind), asked.sources))
        return OperationDialog(connection, title, about(asked.sources), planner, parent)
    wish = Wish(Action(Kind.DELETE), asked.sources)
    return OperationDialog(
        connection, "Delete", about(asked.sources), planner_of(connection, wish), parent, is_dangerous=True
    )


def _form(connection: Connection, asked: Asked, parent: QWidget) -> OperationForm:
    if asked.verb == "versions":
        return VersionForm(connection, asked.sources[0].ref, parent)
    return (ClassForm if asked.verb == "class" else RestoreForm)(connection, asked.sources)


def about(sources: Sequence[Source]) -> str:
    """What is selected, in few words: one key, the folder all of them are in, or counts."""
    if len(sources) == 1:
        return sources[0].ref.key or sources[0].ref.bucket
    places = {source.ref.key.removesuffix("/").rpartition("/")[0] for source in sources}
    if len(places) == 1 and (place := places.pop()):
        return f"{place}/"
    folders = sum(source.is_prefix for source in sources)
    objects = len(sources) - folders
    parts = [plural(folders, "folder")] if folders else []
    return " and ".join([*parts, *([plural(objects, "object")] if objects else [])])


def sentence(snapshot: OperationSnapshot) -> str:
    """What came of an operation, for the message at its end."""
    counts = snapshot.counts
    if snapshot.state is JobState.CANCELLED:
        done = counts.words(snapshot.kind)
        return f"Cancelled: {done[:1].lower()}{done[1:]}"
    if snapshot.kind is Kind.UNDO:
        left = f", {counts.left:,} left alone" if counts.left else ""
        return f"Undone for {plural(counts.done, 'object')}{left}"
    words = counts.words(snapshot.kind)
    # A title that only counts says nothing that the counts do not say.
    return (
        words if snapshot.title == plural(counts.objects, "object") else f"{in_sentence(snapshot.title, 60)}: {words}"
    )
