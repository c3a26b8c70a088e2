"""What the Activity page says about a repair. Pure functions; what comes out of the journal may hold anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.gui.widgets import Fact
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.repair_job import RepairSnapshot
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.textsafe import display, format_left, format_size, plural

if TYPE_CHECKING:
    from vidcdn_desktop.gui.activity.entry import Entry

_SHOWN = 12
"""Videos told one by one in the details; the report that can be copied has all."""

_DONE = "The videos at rest are as they were."
_LABELS = {"repaired": "Repaired", "already": "Already", "left alone": "Left alone"}


def line(snapshot: RepairSnapshot) -> str:
    """How it goes: "Video 2 of 5 · lecture-02.mp4 · 480 MB copied inside the bucket, 5.2 MB sent · 3 min left"."""
    state, waiting = snapshot.state, snapshot.waiting
    if state is JobState.QUEUED:
        return "Waits for its turn"
    if state not in RUNNING:
        return ""
    if state is not JobState.RUNNING:
        return "Cancelling…" if state is JobState.CANCELLING else "Pausing…"
    if waiting is not None:
        return words.waiting_line(waiting)
    if not snapshot.current:
        return "Looking at the bucket…"
    parts = []
    if snapshot.count > 1:
        name = snapshot.current.rpartition("/")[2]
        parts.append(f"Video {snapshot.number:,} of {snapshot.count:,} · {display(name, 40)}")
    moved = []
    if snapshot.copied_bytes:
        moved.append(f"{format_size(snapshot.copied_bytes)} copied inside the bucket")
    if snapshot.sent_bytes:
        moved.append(f"{format_size(snapshot.sent_bytes)} sent")
    parts.append(", ".join(moved) or "Reading the index…")
    if snapshot.progress is not None and snapshot.progress.left_s is not None:
        parts.append(format_left(snapshot.progress.left_s))
    return " · ".join(parts)


def facts(entry: Entry) -> str:
    """What came of one that does not run."""
    totals = _mapping(entry.result.get("totals"))
    counts = _counts(totals)
    match entry.state:
        case JobState.PAUSED:
            done = f"{counts} so far. " if counts else ""
            return f"{done}{_DONE if counts else 'Every video is as it was.'}"
        case JobState.CANCELLED:
            return f"{counts}; the others are as they were." if counts else "Every video is as it was."
        case JobState.QUEUED:
            return " · ".join(part for part in (entry.line, display(entry.place, 80)) if part)
        case JobState.PUBLISHED:
            parts = [counts or "Nothing needed to be repaired", _figure(totals), display(entry.place, 80)]
            return " · ".join(part for part in parts if part)
    return counts or display(entry.place, 100)


def failed_facts(entry: Entry) -> str:
    """Beside the words of the error: what went well."""
    totals = _mapping(entry.result.get("totals"))
    well = _counts({**totals, "failed": 0})
    return f"{well}." if well else ""


def _counts(totals: Mapping[str, Any]) -> str:
    """For example: 3 videos start at once now, 1 did already, 1 left alone, 1 failed."""
    repaired, already = _number(totals, "repaired"), _number(totals, "already")
    left, failed = _number(totals, "left_alone"), _number(totals, "failed")
    now = f"{plural(repaired, 'video')} {'starts' if repaired == 1 else 'start'} at once now"
    before = f"{already:,} did already" if repaired else f"{plural(already, 'video')} started at once already"
    told = ((repaired, now), (already, before), (left, f"{left:,} left alone"), (failed, f"{failed:,} failed"))
    return ", ".join(words for count, words in told if count)


def _figure(totals: Mapping[str, Any]) -> str:
    if not _number(totals, "size"):
        return ""
    return _sent(_number(totals, "bytes_uploaded"), _number(totals, "size"))


def stale_keys(entry: Entry) -> tuple[str, ...]:
    """Keys the CDN may still show the old cut of, since nobody told it."""
    keys = entry.result.get("stale")
    return tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, (list, tuple)) else ()


def detail_rows(entry: Entry) -> list[Fact]:
    """The folded rows: the figures, and what became of each video."""
    totals = _mapping(entry.result.get("totals"))
    rows = [Fact("Result", _counts(totals))]
    if _number(totals, "size"):
        received, copied = _number(totals, "bytes_downloaded"), _number(totals, "bytes_copied")
        told = (
            _figure(totals),
            f"{format_size(received)} received",
            f"{format_size(copied)} copied inside the bucket",
            plural(_number(totals, "requests"), "request"),
        )
        rows.append(Fact("Moved", " · ".join(told)))
    outcomes = [row for row in _list(entry.result.get("outcomes")) if isinstance(row, Mapping)]
    # What went wrong first: it is what one looks for.
    outcomes.sort(key=lambda row: ("failed", "left alone").index(row["state"]) if _is_bad(row) else 2)
    rows += [_outcome(row) for row in outcomes[:_SHOWN]]
    if len(outcomes) > _SHOWN:
        rows.append(Fact("And", f"{plural(len(outcomes) - _SHOWN, 'more video')} in the report"))
    if stale := stale_keys(entry):
        rows.append(Fact("CDN", f"May show the old version of {plural(len(stale), 'video')} for a while", "warning"))
    return [row for row in rows if row.value]


def _is_bad(row: Mapping[str, Any]) -> bool:
    return row.get("state") in ("failed", "left alone")


def _outcome(row: Mapping[str, Any]) -> Fact:
    key = row.get("key")
    name = display(key.rpartition("/")[2], 60) if isinstance(key, str) else ""
    state = str(row.get("state"))
    error = _mapping(row.get("error"))
    if error:
        why = " ".join(display(str(error.get(part) or ""), 300) for part in ("what", "meaning"))
        return Fact("Failed", f"{name}: {why.strip()}", "danger")
    told = [name]
    if state == "repaired":
        sent, size = _number(row, "bytes_uploaded"), _number(row, "size")
        told[0] += f", {_sent(sent, size)}"
    elif state == "left alone":
        told[0] += f": {display(str(row.get('reason') or ''), 300)}"
    told += [display(note, 300) for note in _list(row.get("notes")) if isinstance(note, str)]
    text = ". ".join(part.rstrip(".") for part in told if part)
    return Fact(_LABELS.get(state, ""), text, "warning" if state == "left alone" else "")


def _sent(sent: int, size: int) -> str:
    """For example: 5.2 MB sent instead of 1.1 GB; a small one is sent whole."""
    return f"{format_size(sent)} sent" + (f" instead of {format_size(size)}" if sent < size else "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _number(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return value if type(value) is int else 0
