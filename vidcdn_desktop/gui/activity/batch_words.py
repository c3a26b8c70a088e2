"""What the Activity page says of many files moved as one job. Pure functions; the journal may hold anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vidcdn_desktop.gui.activity.repair_words import stale_keys
from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.gui.widgets import Fact
from vidcdn_desktop.jobs.batch_report import BatchSnapshot
from vidcdn_desktop.jobs.keeping import FETCH
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.textsafe import display, format_size, plural

if TYPE_CHECKING:
    from vidcdn_desktop.gui.activity.entry import Entry

_SHOWN = 12
"""Files told one by one in the details; the report that can be copied has more."""
_LABELS = {"done": "Done", "already": "Already there", "left alone": "Left alone", "failed": "Failed"}


def title(kind: str, about: str) -> str:
    """For example: Upload 12 files."""
    return f"{'Download' if kind == FETCH else 'Upload'} {about}"


def line(snapshot: BatchSnapshot) -> str:
    """How it goes: "12 of 40 files · 1.2 GB of 3.4 GB · 11 MB/s · 3 min left"."""
    told = words.transfer_line(snapshot.state, snapshot.progress, snapshot.waiting, "Looking at the bucket")
    counts = snapshot.counts
    if snapshot.state is not JobState.RUNNING or snapshot.waiting is not None or counts.files < 2:
        return told
    failed = f" · {counts.failed:,} failed" if counts.failed else ""
    return f"{counts.over:,} of {plural(counts.files, 'file')}{failed} · {told}"


def facts(entry: Entry) -> str:
    """What came of one that does not run."""
    told, place = _counts(entry), _place(entry)
    match entry.state:
        case JobState.PAUSED:
            return f"{told} so far; the others follow." if told else f"Nothing was {_done(entry)} yet."
        case JobState.CANCELLED:
            return f"{told}; what is done stays." if told else f"Nothing was {_done(entry)}."
        case JobState.QUEUED:
            return " · ".join(part for part in (entry.line, place) if part)
        case _ if entry.state in RUNNING:
            return place
    return " · ".join(part for part in (told, place) if part)


def failed_facts(entry: Entry) -> str:
    """Beside the words of the error: what went well."""
    told = _counts(entry, failed=False)
    return f"{told}." if told else ""


def verbs(entry: Entry) -> tuple[str, ...]:
    """What may be done about one that does not run."""
    show = "show-folder" if entry.kind == FETCH else "show-key"
    stale = ("invalidate",) if stale_keys(entry) else ()
    match entry.state:
        case JobState.PAUSED:
            return "resume", "cancel"
        case JobState.FAILED | JobState.CANCELLED:
            discard = ("discard",) if entry.unfinished else ()
            return "retry", *discard, *((show,) if _number(_numbers(entry), "done") else ()), *stale
        case JobState.PUBLISHED:
            return show, *stale
    return ()


def detail_rows(entry: Entry) -> list[Fact]:
    """The folded rows: the counts, and what became of a few files, failures first."""
    files = [row for row in _list(entry.result.get("files")) if isinstance(row, Mapping)]
    rows = [Fact("Result", _counts(entry)), Fact("Folder", display(entry.place if entry.kind == FETCH else ""))]
    rows += [_file(row) for row in files[:_SHOWN]]
    more = _number(_numbers(entry), "files") - min(len(files), _SHOWN)
    if files and more > 0:
        rows.append(Fact("And", f"{plural(more, 'more file')} in the report"))
    if stale := stale_keys(entry):
        rows.append(Fact("CDN", f"May serve old copies of {plural(len(stale), 'object')} for a while", "warning"))
    return [row for row in rows if row.value]


def _file(row: Mapping[str, Any]) -> Fact:
    key, state, note = row.get("key"), str(row.get("state")), row.get("note")
    name = display(key, 80) if isinstance(key, str) else ""
    error = row.get("error")
    if isinstance(error, Mapping):
        why = " ".join(display(str(error.get(part) or ""), 300) for part in ("what", "meaning"))
        return Fact("Failed", f"{name}: {why.strip()}", "danger")
    told = f"{name}: {display(note, 300)}" if isinstance(note, str) and note else name
    return Fact(_LABELS.get(state, ""), told, "warning" if state == "left alone" else "")


def _done(entry: Entry) -> str:
    return "downloaded" if entry.kind == FETCH else "uploaded"


def _place(entry: Entry) -> str:
    return display(entry.place if entry.kind == FETCH else entry.key or entry.bucket, 90)


def _counts(entry: Entry, *, failed: bool = True) -> str:
    """For example: 12 files uploaded, 3 were there already, 1 left alone, 1 failed."""
    numbers = _numbers(entry)
    done, already = _number(numbers, "done"), _number(numbers, "already")
    left, bad = _number(numbers, "left"), _number(numbers, "failed") if failed else 0
    there = f"{already:,} {'was' if already == 1 else 'were'} there already"
    if not done:
        there = f"{plural(already, 'file')} {'was' if already == 1 else 'were'} there already"
    told = [
        (done, f"{plural(done, 'file')} {_done(entry)}"),
        (already, there),
        (left, f"{left:,} left alone"),
        (bad, f"{bad:,} failed"),
    ]
    is_all = entry.state is JobState.PUBLISHED and done and not (already or left)
    size = f" ({format_size(entry.whole_bytes)})" if is_all and entry.whole_bytes else ""
    return ", ".join(text for count, text in told if count) + size


def _numbers(entry: Entry) -> Mapping[str, Any]:
    counts = entry.result.get("counts")
    return counts if isinstance(counts, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _number(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return value if type(value) is int else 0
