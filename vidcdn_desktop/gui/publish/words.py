"""A job in words: what the card says in each state. Pure functions over snapshots."""

from __future__ import annotations

import math

from vidcdn_desktop.gui.models.counts import Counts, delivery_problem
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, LinkStyle, PublishResult, Step, StepState
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.media.compat import plays_everywhere, plays_in, plays_in_words
from vidcdn_desktop.media.convert_model import ConversionKind, ConversionProgress
from vidcdn_desktop.media.convert_plan import conversion_words
from vidcdn_desktop.media.info import MediaInfo, Verdict
from vidcdn_desktop.progress import ProgressSnapshot
from vidcdn_desktop.storage.weather import Waiting
from vidcdn_desktop.textsafe import display, format_left, format_rate, format_size, plural

Marked = tuple[str, str]
"""Text and the kind of badge it stands in."""

_VERDICTS: dict[Verdict, Marked] = {
    Verdict.READY: ("Ready to stream", "success"),
    Verdict.WILL_MOVE: ("Index at the end: moved while uploading", "warning"),
    Verdict.FRAGMENTED: ("Fragmented: streams as it is", "success"),
    Verdict.AS_IS: ("Published as it is", "neutral"),
    Verdict.NEEDS_CONVERSION: ("Needs conversion to MP4", "warning"),
    Verdict.CANNOT: ("Can't be published", "danger"),
}

_REFUSED = "Can't be published: "

_STEP_NAMES = {
    Step.INSPECT: "Looking at the file",
    Step.CONVERT: "Converting to MP4",
    Step.FAST_START: "Preparing the fast start",
    Step.UPLOAD: "Uploading",
    Step.THUMBNAIL: "Sending the thumbnail",
    Step.INVALIDATE: "Refreshing the CDN",
    Step.VERIFY: "Checking through the CDN",
}


def badges(snapshot: JobSnapshot) -> list[Marked]:
    """The badges below the facts, before and after publishing."""
    info, state = snapshot.info, snapshot.state
    if state is JobState.FAILED and snapshot.error is not None:
        return [(display(snapshot.error.what, 110), "danger")]
    if state is JobState.REFUSED and snapshot.error is not None:
        if info is not None and info.verdict is Verdict.NEEDS_CONVERSION:
            return [_VERDICTS[Verdict.NEEDS_CONVERSION]]
        what = display(snapshot.error.what, 110).removeprefix(_REFUSED).rstrip(".")
        return [(f"{_REFUSED}{what[:1].lower()}{what[1:]}", "danger")]
    if state is JobState.CANCELLED:
        return [("Cancelled, nothing was published", "neutral")]
    if state is JobState.QUEUED:
        return [("Waiting", "accent")]
    if state is JobState.PAUSED:
        return [("Paused", "neutral")]
    if state is not JobState.READY or info is None:
        return []
    style = "Versioned link" if snapshot.options.link is LinkStyle.VERSIONED else "Same link"
    return [_verdict(snapshot, info), (style, "accent"), *_plays_in(snapshot, info)]


def _plays_in(snapshot: JobSnapshot, info: MediaInfo) -> list[Marked]:
    support = plays_in(info, converted=not snapshot.options.as_is)
    if support is None:
        return []
    return [(f"Plays in: {plays_in_words(support)}", "neutral" if plays_everywhere(support) else "warning")]


def _verdict(snapshot: JobSnapshot, info: MediaInfo) -> Marked:
    """What will happen to the file itself."""
    if info.verdict is Verdict.NEEDS_CONVERSION and snapshot.options.as_is:
        return _VERDICTS[Verdict.AS_IS]
    if info.conversion is not None:
        kind = "success" if info.conversion.kind is ConversionKind.REMUX else "warning"
        return conversion_words(info.conversion), kind
    return _VERDICTS[info.verdict]


def live_badge(snapshot: JobSnapshot) -> Marked | None:
    """State and fact of a published video; never more than was measured."""
    result = snapshot.result
    if snapshot.state is not JobState.PUBLISHED or result is None:
        return None
    report = result.verified
    if report is None:
        if result.url_expires is not None:
            return f"Uploaded, link expires {result.url_expires:%d %b %H:%M} UTC", "neutral"
        return "Uploaded, not checked", "neutral"
    if not report.ok:
        return "Uploaded, not live", "warning"
    starts = f", starts in {report.start_s:.2f} s" if report.start_s is not None else ""
    return f"✓ Live{starts}", "success"


def announcement(snapshot: JobSnapshot) -> str:
    """What a screen reader says when a job has come to rest; empty for what passes."""
    match snapshot.state:
        case JobState.PUBLISHED:
            live = live_badge(snapshot)
            return live[0] if live else "Published"
        case JobState.FAILED:
            return advice(snapshot)
        case JobState.PAUSED:
            return f"Paused. {paused_line(snapshot)}"
        case JobState.CANCELLED:
            return "Cancelled, nothing was published"
        case _:
            return ""


def advice(snapshot: JobSnapshot) -> str:
    """What it means and what to do, below the badges; empty if nothing is wrong."""
    if snapshot.state is JobState.PUBLISHED and snapshot.result is not None:
        return delivery_problem(snapshot) or published_line(snapshot.result)
    if snapshot.error is not None and snapshot.state in (JobState.FAILED, JobState.REFUSED):
        if snapshot.state is JobState.REFUSED:
            return display(snapshot.error.advice)
        told = (snapshot.error.meaning, snapshot.error.advice, kept_line(snapshot))
        return display(" ".join(part for part in told if part))
    if snapshot.state is JobState.PAUSED:
        return paused_line(snapshot)
    if snapshot.state is JobState.READY and snapshot.info is not None:
        notes = snapshot.plan.notes if snapshot.plan else ()
        # What is done to a film that is converted stands in its badge.
        first = "" if snapshot.info.conversion is not None else snapshot.info.advice
        return " ".join(display(text) for text in (first, *notes) if text)
    return ""


def progress_line(progress: ProgressSnapshot | None, snapshot: JobSnapshot) -> str:
    """The line below the bar: bytes, speed and time left while uploading, else the step."""
    running = next((s.step for s in snapshot.steps if s.state is StepState.RUNNING), None)
    if running is Step.UPLOAD:
        return transfer_line(snapshot.state, progress, snapshot.waiting, _STEP_NAMES[running])
    doing = _STEP_NAMES[running] if running else "Starting"
    if running is Step.CONVERT and snapshot.state is JobState.RUNNING and snapshot.converting is not None:
        return converting_line(snapshot.converting, doing)
    return transfer_line(snapshot.state, None, snapshot.waiting, doing)


def converting_line(progress: ConversionProgress, doing: str) -> str:
    """How far a conversion is: "Converting to MP4 · 43 % · 2 min left"."""
    parts = [doing] if progress.fraction is not None else [f"{doing}…"]
    if progress.fraction is not None:
        parts.append(f"{progress.fraction * 100:.0f} %")
    if progress.left_s is not None:
        parts.append(format_left(progress.left_s))
    return " · ".join(parts)


def running_fraction(snapshot: JobSnapshot) -> float | None:
    """How full the bar of a running job is: of its conversion while that goes on, else of its upload."""
    if snapshot.converting is not None:
        return snapshot.converting.fraction
    return snapshot.progress.fraction if snapshot.progress else None


def transfer_line(
    state: JobState, progress: ProgressSnapshot | None, waiting: Waiting | None, doing: str = "Starting"
) -> str:
    """How a transfer goes; `doing` stands there while no bytes are known. Empty if it does not run."""
    if state is JobState.QUEUED:
        return "Waits for its turn"
    if state not in RUNNING:
        return ""
    if state is JobState.CANCELLING:
        return "Cancelling…"
    if state is JobState.PAUSING:
        return "Pausing…"
    if waiting is not None:
        done = f" · {format_size(progress.done_bytes)} done" if progress and progress.done_bytes else ""
        return f"{waiting_line(waiting)}{done}"
    if progress is None or progress.total_bytes is None:
        return f"{doing}…"
    parts = [f"{format_size(progress.done_bytes)} of {format_size(progress.total_bytes)}"]
    if progress.rate_bytes_per_s:
        parts.append(format_rate(progress.rate_bytes_per_s))
    if progress.left_s is not None:
        parts.append(format_left(progress.left_s))
    return " · ".join(parts)


def waiting_badge(waiting: Waiting) -> Marked:
    """What a transfer waits for, as a badge."""
    return ("Waiting for the network" if waiting.offline else "Waiting for the service"), "warning"


def waiting_line(waiting: Waiting) -> str:
    """Why nothing gets through, and when it is tried again."""
    left = math.ceil(waiting.left_s())
    again = f"next try in {format_wait(left)}" if left >= 1 else "trying again"
    if waiting.offline:
        return f"Waiting for the network · {again}"
    return f"{display(waiting.error.what).rstrip('.')} · {again}"


def format_wait(seconds: int) -> str:
    """A time to count down: "9 s", "4 min 10 s"."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def paused_line(snapshot: JobSnapshot) -> str:
    """What a paused upload has reached, and what became of its film."""
    if snapshot.error is not None:
        return display(snapshot.error.sentence())
    return kept_line(snapshot) or "Nothing was sent yet."


def kept_line(snapshot: JobSnapshot) -> str:
    """How much of an unfinished upload is in the bucket; empty if nothing is."""
    if not snapshot.kept_bytes:
        return ""
    size = whole_size(snapshot)
    done = f"{format_size(snapshot.kept_bytes)} of {format_size(size)}" if size else format_size(snapshot.kept_bytes)
    return f"{done} are in the bucket and need not be sent again."


def whole_size(snapshot: JobSnapshot) -> int | None:
    """Bytes of the whole upload; None where they are not known."""
    return snapshot.plan.size if snapshot.plan else snapshot.whole_bytes


def kept_fraction(snapshot: JobSnapshot) -> float | None:
    """How far a job that does not run has come, 0..1; None if it has kept nothing."""
    size = whole_size(snapshot)
    if snapshot.state not in (JobState.PAUSED, JobState.FAILED) or not snapshot.kept_bytes or not size:
        return None
    return min(1.0, snapshot.kept_bytes / size)


def belongs_elsewhere(state: JobState, *, connection_id: str, open_id: str, bound: bool) -> bool:
    """Whether a job cannot go on because another connection is open. `bound`: it still has its own."""
    begun = state in (JobState.PAUSED, JobState.FAILED)
    return begun and not bound and connection_id not in ("", open_id)


def footer(counts: Counts) -> str:
    """For example: 1 uploading · 1 ready · 1 live · 1 needs attention."""
    parts = []
    for number, word in (
        (counts.looking, "being looked at"),
        (counts.running, "uploading"),
        (counts.waiting, "waiting"),
        (counts.paused, "paused"),
        (counts.ready, "ready"),
        (counts.live, "live"),
    ):
        if number:
            parts.append(f"{number} {word}")
    if counts.attention:
        parts.append(f"{counts.attention} {'needs' if counts.attention == 1 else 'need'} attention")
    return " · ".join(parts)


def button(ready: int) -> str:
    """The text of the one primary button."""
    return f"Publish {plural(ready, 'video')}" if ready else "Publish"


def published_line(result: PublishResult) -> str:
    """When it was published and what proved it."""
    parts = []
    if result.published_at is not None:
        parts.append(f"published {result.published_at.astimezone():%H:%M}")
    if result.proved_by:
        parts.append(f"proved by {result.proved_by}")
    elif result.checksum:
        parts.append(f"proved by {result.checksum_algorithm}")
    return " · ".join(parts)
