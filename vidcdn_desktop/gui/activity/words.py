"""What the Activity page says about an entry, and what may be done about it. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vidcdn_desktop.gui.activity import batch_words, operation_words, repair_words
from vidcdn_desktop.gui.activity.entry import Entry, Origin, mapping_in, number_in, text_in
from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.gui.widgets import STEP_NAMES, Fact
from vidcdn_desktop.jobs.keeping import DOWNLOAD, FETCH, OPERATION, REPAIR
from vidcdn_desktop.jobs.model import JobState, StepState
from vidcdn_desktop.jobs.states import ENDED, RUNNING
from vidcdn_desktop.textsafe import display, format_elapsed, format_size, plural

FILTERS = (
    ("all", "All"),
    ("running", "Running"),
    ("waiting", "Waiting or paused"),
    ("finished", "Finished"),
    ("attention", "Needs attention"),
)

VERBS = {
    "try-now": "Try now",
    "pause": "Pause",
    "resume": "Resume",
    "retry": "Retry",
    "cancel": "Cancel",
    "discard": "Discard",
    "undo": "Undo…",
    "show-key": "Show in Library",
    "show-folder": "Show in folder",
    "invalidate": "Invalidate…",
    "copy-link": "Copy link",
}
"""What stands on an entry, in this order."""

MORE_VERBS = {"show-job": "Show in Publish", "report": "Copy report", "remove": "Remove from the list"}
"""What stands below its details."""

_STATES: dict[JobState, words.Marked] = {
    JobState.INSPECTING: ("Looking", "neutral"),
    JobState.READY: ("Ready", "neutral"),
    JobState.QUEUED: ("Waiting", "accent"),
    JobState.RUNNING: ("Running", "accent"),
    JobState.PAUSING: ("Pausing", "accent"),
    JobState.PAUSED: ("Paused", "neutral"),
    JobState.CANCELLING: ("Cancelling", "accent"),
    JobState.PUBLISHED: ("Finished", "success"),
    JobState.FAILED: ("Failed", "danger"),
    JobState.CANCELLED: ("Cancelled", "neutral"),
    JobState.REFUSED: ("Refused", "danger"),
}

SAID = frozenset({JobState.PUBLISHED, JobState.FAILED, JobState.PAUSED, JobState.CANCELLED})
"""States in which a job has come to rest, which is announced."""

_DOINGS = {DOWNLOAD: "fetched", FETCH: "fetched", REPAIR: "repaired", OPERATION: "done"}

_STEP_WORDS = {StepState.RUNNING: "running", StepState.FAILED: "failed", StepState.SKIPPED: "not needed"}


def wanted(choice: str, entry: Entry) -> bool:
    """Whether an entry belongs under a filter."""
    waits = entry.waiting is not None or entry.state in (JobState.QUEUED, JobState.PAUSED) or entry.unfinished
    match choice:
        case "running":
            return entry.state in RUNNING
        case "waiting":
            return waits
        case "finished":
            return entry.state is JobState.PUBLISHED
        case "attention":
            return entry.needs_attention
        case _:
            return True


def is_done_with(entry: Entry) -> bool:
    """Whether "Clear finished" takes it away: it has ended, nobody need look at it, and no undo goes with it."""
    ended = entry.state in (JobState.PUBLISHED, JobState.CANCELLED)
    return ended and not entry.needs_attention and not entry.can_undo


def badge(entry: Entry) -> words.Marked:
    """The state in a word or two."""
    if entry.origin is Origin.ELSEWHERE:
        return "In another window", "accent"
    if entry.state in RUNNING and entry.waiting is not None:
        return "Held up", "warning"
    if entry.state is JobState.PUBLISHED:
        return entry.live or (_STATES[entry.state] if entry.is_well else ("Uploaded, not live", "warning"))
    if entry.state in (JobState.RUNNING, JobState.CANCELLING, JobState.PAUSING) and entry.origin is Origin.EARLIER:
        return "Interrupted", "neutral"
    return _STATES[entry.state]


def verbs(entry: Entry) -> tuple[str, ...]:
    """What may be done about it now, most likely first."""
    if entry.origin is Origin.ELSEWHERE:
        return ()
    match entry.state:
        case JobState.RUNNING if entry.origin is Origin.HERE:
            return ("try-now", "pause", "cancel") if entry.waiting is not None else ("pause", "cancel")
        case JobState.QUEUED if entry.origin is Origin.HERE:
            return "pause", "cancel"
        case JobState.PAUSING:
            return ("cancel",)
        case _ if entry.is_operation:
            return operation_words.verbs(entry)
        case _ if entry.is_batch:
            return batch_words.verbs(entry)
        case JobState.PAUSED if entry.origin is Origin.HERE:
            return ("resume", "discard") if entry.kept_bytes else ("resume", "cancel")
        case JobState.FAILED:
            stale = ("invalidate",) if entry.is_repair and repair_words.stale_keys(entry) else ()
            return ("resume", "discard") if entry.unfinished else ("retry", *stale)
        case JobState.CANCELLED:
            return ("retry",)
        case JobState.PUBLISHED if entry.is_download:
            return ("show-folder",)
        case JobState.PUBLISHED if entry.is_repair:
            return ("show-key", "invalidate") if repair_words.stale_keys(entry) else ("show-key",)
        case JobState.PUBLISHED:
            again = () if entry.is_well else ("retry",)
            return (*again, "show-key", *(("copy-link",) if entry.link else ()))
    return ()


def more_verbs(entry: Entry) -> tuple[str, ...]:
    """What else may be done about it."""
    found = []
    if entry.origin is Origin.HERE and not entry.is_beside:
        found.append("show-job")
    found.append("report")
    if entry.origin is not Origin.ELSEWHERE and entry.state in ENDED and not entry.unfinished:
        found.append("remove")
    return tuple(found)


def facts(entry: Entry) -> str:
    """One or two lines: how it goes, or what came of it."""
    if entry.origin is Origin.ELSEWHERE:
        done = _DOINGS.get(entry.kind, "sent")
        return f"Being {done} by another window or command of this program."
    if entry.error and entry.state in (JobState.FAILED, JobState.REFUSED, JobState.PAUSED):
        told = [text_in(entry.error, name) for name in ("what", "meaning", "advice")]
        told.append(_beside_error(entry))
        return " ".join(display(part) for part in told if part)
    if entry.is_repair:
        return repair_words.facts(entry)
    if entry.is_operation:
        return operation_words.facts(entry)
    if entry.is_batch:
        return batch_words.facts(entry)
    if entry.state is JobState.PAUSED:
        return _kept(entry) or ("Nothing has arrived yet." if entry.is_download else "Nothing was sent yet.")
    if entry.state is JobState.CANCELLED:
        return "Nothing is left of it." if entry.is_download else "Nothing was published."
    if entry.state is JobState.QUEUED and entry.line:
        return f"{entry.line} · {display(entry.place, 80)}"
    if entry.state is not JobState.PUBLISHED:
        return display(entry.place, 100)
    if entry.is_download:
        came = format_size(number_in(entry.result, "bytes_received"))
        return f"{came} fetched · {display(text_in(entry.result, 'path') or entry.place, 100)}"
    sent = format_size(number_in(entry.result, "bytes_sent"))
    took = sum(v for v in mapping_in(entry.result.get("seconds")).values() if isinstance(v, (int, float)))
    return f"{sent} sent in {format_elapsed(took)} · {display(entry.key, 90)}"


def _beside_error(entry: Entry) -> str:
    """What there is to say beside the words of an error."""
    if entry.is_operation:
        return operation_words.failed_facts(entry)
    if entry.is_batch:
        return batch_words.failed_facts(entry)
    return repair_words.failed_facts(entry) if entry.is_repair else _kept(entry)


def kept_fraction(entry: Entry) -> float | None:
    """How far one that does not run has come, 0..1; None if nothing was kept."""
    if not entry.unfinished or not entry.kept_bytes or not entry.whole_bytes:
        return None
    return min(1.0, entry.kept_bytes / entry.whole_bytes)


def _kept(entry: Entry) -> str:
    if not entry.kept_bytes:
        return ""
    done = format_size(entry.kept_bytes)
    if entry.whole_bytes:
        done += f" of {format_size(entry.whole_bytes)}"
    if entry.is_download:
        return f"{done} are in the folder and need not come again."
    return f"{done} are in the bucket and need not be sent again."


def when(moment: datetime, now: datetime) -> str:
    """A time of day, with its date unless it is today's, in this computer's zone."""
    there, here = moment.astimezone(), now.astimezone()
    if there.date() == here.date():
        return f"{there:%H:%M}"
    year = "" if there.year == here.year else f" {there.year}"
    return f"{there.day} {there:%b}{year} {there:%H:%M}"


def details(entry: Entry, now: datetime) -> list[Fact]:
    """The folded rows: where from and to, what moved, what proves it, what went wrong."""
    result, error = entry.result, entry.error
    if entry.is_repair or entry.is_operation or entry.is_batch:
        rows = _common(entry, now)
        tellers = repair_words if entry.is_repair else batch_words if entry.is_batch else operation_words
        own = tellers.detail_rows(entry)
        return [row for row in (*rows[:2], *own, *rows[2:]) if row.value]
    rows = [
        Fact("Folder" if entry.is_download else "File", display(entry.place)),
        Fact("Bucket", display(entry.bucket)),
        Fact("Key", display(entry.key), "mono"),
        Fact("Link", display(entry.link), "mono"),
        Fact("Connection", display(entry.connection_name or entry.connection_id)),
        Fact("Started", when(entry.created, now)),
        Fact("Ended", when(entry.finished, now) if entry.finished else ""),
        Fact("Steps", _steps(entry)),
        Fact("Moved", _moved(entry)),
        Fact("Proof", _proof(entry)),
        Fact("Checksum", _checksum(entry), "mono"),
        Fact("Problem", display(text_in(error, "what")), "danger"),
        Fact("Code", display(text_in(error, "code")), "mono"),
        Fact("Request id", display(text_in(error, "request_id")), "mono"),
        Fact("Notes", _notes(result.get("notes"))),
    ]
    return [row for row in rows if row.value]


def _common(entry: Entry, now: datetime) -> list[Fact]:
    """The rows of a repair or an operation beside its own: where, through what, when, what went wrong."""
    error = entry.error
    return [
        Fact("Bucket", display(entry.bucket)),
        Fact("Key", display(entry.key), "mono"),
        Fact("Connection", display(entry.connection_name or entry.connection_id)),
        Fact("Started", when(entry.created, now)),
        Fact("Ended", when(entry.finished, now) if entry.finished else ""),
        Fact("Retries", plural(entry.retries, "try", "tries") if entry.retries else ""),
        Fact("Problem", display(text_in(error, "what")), "danger"),
        Fact("Code", display(text_in(error, "code")), "mono"),
        Fact("Request id", display(text_in(error, "request_id")), "mono"),
    ]


def _steps(entry: Entry) -> str:
    told = []
    for step in entry.steps:
        if step.seconds is not None:
            told.append(f"{STEP_NAMES[step.step]} {format_elapsed(step.seconds)}")
        elif step.state in _STEP_WORDS:
            told.append(f"{STEP_NAMES[step.step]} {_STEP_WORDS[step.state]}")
    return " · ".join(told)


def _moved(entry: Entry) -> str:
    result = entry.result
    told = []
    moved = number_in(result, "bytes_received" if entry.is_download else "bytes_sent")
    if result:
        told.append(f"{format_size(moved)} {'received' if entry.is_download else 'sent'}")
    elif entry.progress is not None:
        told.append(f"{format_size(entry.progress.done_bytes)} done")
    if before := number_in(result, "resumed_bytes") or (0 if result else entry.kept_bytes):
        told.append(f"{format_size(before)} from before")
    if again := number_in(result, "retries") or entry.retries:
        told.append(f"{plural(again, 'request')} sent again")
    return " · ".join(told)


def _proof(entry: Entry) -> str:
    by = text_in(entry.result, "proved_by") or text_in(entry.result, "checksum_algorithm")
    return f"Proved by {display(by)}" if by else ""


def _checksum(entry: Entry) -> str:
    name = text_in(entry.result, "checksum_algorithm") or text_in(entry.result, "algorithm")
    value = text_in(entry.result, "checksum")
    return f"{display(name)} {display(value)}".strip() if value else ""


def _notes(notes: object) -> str:
    if not isinstance(notes, Sequence) or isinstance(notes, str):
        return ""
    return " ".join(display(note) for note in notes if isinstance(note, str))
