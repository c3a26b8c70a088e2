"""What the question about fast start says. Pure functions; names and reasons come from outside."""

from __future__ import annotations

from collections.abc import Sequence

from vidcdn_desktop.gui.widgets import Fact
from vidcdn_desktop.jobs.repair_batch import Outcome, RepairPlan
from vidcdn_desktop.jobs.repair_report import RepairState, RepairWay
from vidcdn_desktop.textsafe import display, format_size, plural

_WAYS = {
    RepairWay.VERSION: "Kept: this bucket keeps it as an earlier version",
    RepairWay.HELPER: "Replaced in one step, once the new one is complete and checked under a key of its own",
    RepairWay.RESENT: "Replaced in one step by one request; so small a video is sent again whole",
}
_MIXED = "Each is replaced in one step, once the new one is complete and checked"
_RESULTS = {
    RepairState.WOULD: "Will start at once",
    RepairState.ALREADY: "Starts at once already",
    RepairState.LEFT: "Left alone",
}


def looking(count: int, total: int) -> str:
    """While the objects are looked at."""
    if not total:
        return "Looking at the bucket…"
    return "Reading the index of the video…" if total == 1 else f"Looked at {count:,} of {plural(total, 'video')}"


def headline(plan: RepairPlan) -> str:
    """The one figure that counts, or why there is none."""
    totals = plan.totals
    if totals.to_repair:
        whole = totals.bytes_uploaded >= totals.size  # so small that nothing can be copied
        return f"Sends {format_size(totals.bytes_uploaded)}" if whole else f"Sends {totals.figure()}"
    if totals.videos == 1:
        return "This video starts at once already" if totals.already else "This video is left as it is"
    if not totals.videos:
        return "There is no video here"
    return "Every video starts at once already" if totals.already == totals.videos else "There is nothing to repair"


def subline(plan: RepairPlan) -> str:
    """What that is about: the reason of one, the counts of many."""
    totals, outcomes = plan.totals, plan.outcomes
    if not outcomes:
        return "No name below this place ends as that of a video does."
    if len(outcomes) == 1:
        return reason(outcomes[0])
    parts = [
        (totals.to_repair, f"{plural(totals.to_repair, 'video')} will start at once"),
        (totals.already, f"{totals.already:,} {'does' if totals.already == 1 else 'do'} already"),
        (totals.left_alone, f"{totals.left_alone:,} left alone"),
        (totals.failed, f"{totals.failed:,} could not be looked at"),
    ]
    return " · ".join(words for count, words in parts if count)


def result(outcome: Outcome) -> str:
    """What will become of one object, in a word or three."""
    return _RESULTS[outcome.report.state] if outcome.report is not None else "Could not be looked at"


def reason(outcome: Outcome) -> str:
    """Why, in a sentence."""
    if outcome.error is not None:
        error = outcome.error
        return " ".join(display(part, 300) for part in (error.what, error.meaning, error.advice) if part)
    return display(outcome.report.reason, 300) if outcome.report is not None else ""


def facts(plan: RepairPlan) -> list[Fact]:
    """What will move, what stays, and what the CDN needs; empty where there is nothing to do."""
    totals = plan.totals
    if not totals.to_repair:
        return []
    copied = f", copies {format_size(totals.bytes_copied)} inside the bucket" if totals.bytes_copied else ""
    sent, received = format_size(totals.bytes_uploaded), format_size(totals.bytes_downloaded)
    rows = [
        Fact("Moves", f"Sends {sent}, receives {received}{copied}"),
        Fact("Requests", f"About {totals.requests:,}; {plural(totals.parts, 'part')}"),
        Fact("Keeps", _kept(plan.outcomes)),
        Fact("Old version", _old_version(plan.outcomes)),
        Fact("CDN", _cdn(plan)),
    ]
    return [row for row in rows if row.value]


def _kept(outcomes: Sequence[Outcome]) -> str:
    """What is taken over: of one in detail, of many in general."""
    reports = [o.report for o in outcomes if o.report is not None and o.state is RepairState.WOULD]
    if len(reports) != 1:
        return "Headers, metadata, tags and storage class of each"
    kept = reports[0].kept
    text = ", ".join(kept) if kept else "No headers and no tags are set"
    return text[0].upper() + text[1:]


def _old_version(outcomes: Sequence[Outcome]) -> str:
    reports = [o.report for o in outcomes if o.report is not None and o.state is RepairState.WOULD]
    ways = {report.way for report in reports if report.way is not None}
    if all(report.versioned for report in reports):
        return _WAYS[RepairWay.VERSION]
    return _WAYS[ways.pop()] if len(ways) == 1 else _MIXED


def _cdn(plan: RepairPlan) -> str:
    if not plan.served_by:
        return "None serves this"
    first, more = display(plan.served_by[0], 60), len(plan.served_by) - 1
    return f"{first}{f' and {more} more' if more else ''} may hold copies of the old version"


def invalidate(plan: RepairPlan) -> str:
    """The choice about the CDN."""
    return f"Then remove the old copies from the CDN ({plural(plan.totals.to_repair, 'path')})"


def go(plan: RepairPlan) -> str:
    """The one primary button."""
    count = plan.totals.to_repair
    return "Make fast start" if count <= 1 else f"Make {plural(count, 'video')} fast start"
