"""What the Activity page says about an operation. Pure functions; what comes out of the journal may hold anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vidcdn_desktop.gui.activity.repair_words import stale_keys
from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.gui.widgets import Fact
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import Kind
from vidcdn_desktop.jobs.operations.report import MOST_TOLD, Counts, OperationSnapshot
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.textsafe import display, format_left, format_size, in_sentence, plural

if TYPE_CHECKING:
    from vidcdn_desktop.gui.activity.entry import Entry

_TITLES = {
    Kind.COPY: "Copy",
    Kind.MOVE: "Move",
    Kind.DELETE: "Delete",
    Kind.UNDELETE: "Bring back",
    Kind.HEADERS: "Edit headers of",
    Kind.TAGS: "Edit tags of",
    Kind.STORAGE_CLASS: "Change the storage class of",
    Kind.RESTORE: "Restore from the archive:",
    Kind.VERSION: "Restore",
    Kind.UNDO: "Undo:",
}
_AS_IT_WAS = "Every object is as it was."
_STATES = {"done": "Done", "left alone": "Left alone", "failed": "Failed", "undone": "Undone", "copied": "Only copied"}


def title(verb: str, about: str) -> str:
    """For example: Delete 3 objects."""
    kind = kind_of(verb)
    return f"{_TITLES[kind]} {about}" if kind is not None else about


def kind_of(verb: str) -> Kind | None:
    """The kind a verb means; None if it is none."""
    return Kind(verb) if verb in {kind.value for kind in Kind} else None


def line(snapshot: OperationSnapshot) -> str:
    """How it goes: "120 of 500 objects · 1.2 GB copied inside the bucket · 3 min left"."""
    state, counts, progress = snapshot.state, snapshot.counts, snapshot.progress
    if state is JobState.QUEUED:
        return "Waits for its turn"
    if state not in RUNNING:
        return ""
    if state is not JobState.RUNNING:
        return "Cancelling…" if state is JobState.CANCELLING else "Pausing…"
    if snapshot.waiting is not None:
        return words.waiting_line(snapshot.waiting)
    over = counts.done + counts.left + counts.undone
    parts = [f"{over:,} of {plural(counts.objects, 'object')}"]
    if counts.copied:
        parts[0] = f"{counts.copied + over:,} of {plural(counts.objects, 'object')} copied, originals follow"
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    if progress is not None and progress.total_bytes:
        parts.append(f"{format_size(progress.done_bytes)} copied inside the bucket")
        if progress.left_s is not None:
            parts.append(format_left(progress.left_s))
    return " · ".join(parts)


def outcome(counts: Counts, kind: Kind) -> str:
    """What came of it, in a line: 3 objects deleted, 1 failed."""
    return counts.words(kind)


def facts(entry: Entry) -> str:
    """What came of one that does not run."""
    told = _counts(entry)
    match entry.state:
        case JobState.PAUSED:
            return f"{told} so far; the others are as they were." if told else _AS_IT_WAS
        case JobState.CANCELLED:
            return f"{told}; the others are as they were." if told else _AS_IT_WAS
        case JobState.QUEUED:
            return " · ".join(part for part in (entry.line, display(entry.place, 80)) if part)
        case JobState.PUBLISHED:
            parts = (told or "Nothing had to be done", _size(entry), display(entry.place, 80))
            return " · ".join(part for part in parts if part)
    return told or display(entry.place, 100)


def failed_facts(entry: Entry) -> str:
    """Beside the words of the error: what went well."""
    well = _counts(entry, failed=False)
    return f"{well}." if well else ""


def verbs(entry: Entry) -> tuple[str, ...]:
    """What may be done about one that does not run."""
    undo = ("undo",) if entry.can_undo else ()
    stale = ("invalidate",) if stale_keys(entry) else ()
    match entry.state:
        case JobState.PAUSED:
            return "resume", "cancel", *undo
        case JobState.FAILED | JobState.CANCELLED:
            return "retry", *undo, *stale
        case JobState.PUBLISHED:
            is_there = entry.key and kind_of(entry.verb) not in (Kind.DELETE, Kind.MOVE, Kind.UNDO)
            return (*undo, *(("show-key",) if is_there else ()), *stale)
    return ()


def detail_rows(entry: Entry) -> list[Fact]:
    """The folded rows: the counts, the promise, and what became of a few objects, failures first."""
    outcomes = [row for row in _list(entry.result.get("objects")) if isinstance(row, Mapping)][:MOST_TOLD]
    rows = [Fact("Result", _counts(entry)), Fact("Undo", display(entry.undo_words, 300))]
    rows += [_object(row) for row in outcomes]
    more = _number(_mapping(entry.result.get("counts")), "objects") - len(outcomes)
    if outcomes and more > 0:
        rows.append(Fact("And", f"{plural(more, 'more object')} in the report"))
    if stale := stale_keys(entry):
        rows.append(Fact("CDN", f"May serve old copies of {plural(len(stale), 'object')} for a while", "warning"))
    return [row for row in rows if row.value]


def _object(row: Mapping[str, Any]) -> Fact:
    key, target = row.get("key"), row.get("target")
    name = in_sentence(key, 80) if isinstance(key, str) else ""
    if isinstance(target, str):
        name += f" → {in_sentence(target, 80)}"
    error = _mapping(row.get("error"))
    if error:
        why = " ".join(display(str(error.get(part) or ""), 300) for part in ("what", "meaning"))
        return Fact("Failed", f"{name}: {why.strip()}", "danger")
    state, note = str(row.get("state")), row.get("note")
    text = f"{name}: {display(note, 300)}" if isinstance(note, str) and note else name
    return Fact(_STATES.get(state, "Not done"), text, "" if state in ("done", "undone") else "warning")


def _counts(entry: Entry, *, failed: bool = True) -> str:
    numbers, kind = _mapping(entry.result.get("counts")), kind_of(entry.verb)
    counts = Counts(**{name: _number(numbers, name) for name in Counts().to_json() if failed or name != "failed"})
    if kind is None or not (counts.done or counts.copied or counts.left or counts.failed or counts.undone):
        return ""
    return outcome(counts, kind)


def _size(entry: Entry) -> str:
    size = _number(_mapping(entry.result.get("counts")), "size")
    return format_size(size) if size and entry.verb != Kind.UNDO.value else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _number(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return value if type(value) is int else 0
