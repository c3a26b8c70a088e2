"""What the question before an upload says. Pure functions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from vidcdn_desktop.gui.widgets import Fact
from vidcdn_desktop.jobs.put_plan import FileToPut, PutPlan
from vidcdn_desktop.jobs.put_taken import EXISTS, Intake, OnTaken
from vidcdn_desktop.textsafe import display, format_size, plural

CHOICES = (
    (OnTaken.SKIP, "Leave the object, do not upload the file"),
    (OnTaken.KEEP_BOTH, "Keep both, upload under a new name"),
    (OnTaken.REPLACE, "Replace the object"),
)

_REASONS = 3
_KINDS = 4
_MOST_ROWS = 500
"""Files shown one by one."""


@dataclass(frozen=True)
class UploadRow:
    """One line of the table."""

    name: str
    what: str
    size: int | None
    is_warning: bool = False


def looking(found: int) -> str:
    """While files and names are looked at."""
    return f"Looking at the bucket… {plural(found, 'file')} found" if found else "Looking at the files…"


def headline(plan: PutPlan) -> str:
    """What will be sent, in a line."""
    if not plan.files:
        return "There is nothing to upload"
    return f"{plural(len(plan.files), 'file')}, {format_size(plan.total_bytes)}"


def taken(intake: Intake) -> str:
    """How many names are taken; empty: none."""
    count = len(intake.taken)
    if not count:
        return ""
    return "1 name is taken" if count == 1 else f"{count:,} names are taken"


def warning(intake: Intake, choice: OnTaken) -> str:
    """What the choice means for what is there; empty: nothing."""
    if intake.unseen:
        return (
            "This connection may not look which names are taken. Nothing is replaced: a file whose name is taken is "
            "not uploaded."
        )
    if not intake.taken or choice is not OnTaken.REPLACE:
        return ""
    kept = "The bucket keeps the versions that are replaced."
    if intake.versioned is False:
        kept = "The bucket keeps no versions: what is replaced is gone for good."
    elif intake.versioned is None:
        kept = "What is replaced is gone for good, unless the bucket keeps versions."
    cdn = " The CDN may serve the old ones until it is told; that is offered at the end." if intake.serves else ""
    return kept + cdn


def slow(intake: Intake) -> str:
    """About videos that start slowly; empty: there is none."""
    count = len(intake.slow)
    if not count:
        return ""
    what = "1 video starts" if count == 1 else f"{count:,} videos start"
    return f"{what} slowly as uploaded here. Publish instead to make {'it' if count == 1 else 'them'} start at once."


def publish_button(intake: Intake) -> str:
    """Who wants that clicks this."""
    return "Publish it instead" if len(intake.slow) == 1 else f"Publish these {len(intake.slow):,} instead"


def go(plan: PutPlan) -> str:
    """The button."""
    return f"Upload {plural(len(plan.files), 'file')}"


def rows(intake: Intake, plan: PutPlan, shared: int) -> list[UploadRow]:
    """Names that are taken and what is left out first, then the rest; names without what all of them share."""
    by_path = {file.path: file for file in intake.plan.files}
    first: list[UploadRow] = []
    last: list[UploadRow] = []
    for left in plan.left_alone[:_MOST_ROWS]:
        file = by_path.get(left.path)
        reason = "Not uploaded: the name is taken" if left.reason == EXISTS else f"Left out: {left.reason}"
        name = file.ref.key[shared:] if file else left.path.name
        first.append(UploadRow(display(name), reason, file.size if file else None, is_warning=True))
    for file in plan.files:
        if len(first) + len(last) >= _MOST_ROWS:
            break
        was = by_path[file.path].ref.key
        if file.replaces:
            first.append(UploadRow(display(was[shared:]), "Replaces the object", file.size, is_warning=True))
        elif file.ref.key != was:
            other = display(file.ref.key.rpartition("/")[2], 60)
            first.append(UploadRow(display(was[shared:]), f"New name: {other}", file.size))
        else:
            last.append(UploadRow(display(file.ref.key[shared:]), _kind(file), file.size))
    more = len(plan.files) + len(plan.left_alone) - len(first) - len(last)
    return first + last + ([UploadRow(f"and {plural(more, 'more file')}", "", None)] if more > 0 else [])


def _kind(file: FileToPut) -> str:
    return file.content_type.partition(";")[0]


def facts(plan: PutPlan) -> list[Fact]:
    """What else there is to know."""
    kinds = Counter(_kind(file) for file in plan.files)
    told = [f"{count:,} {kind}" for kind, count in kinds.most_common(_KINDS)]
    if len(kinds) > _KINDS:
        told.append(f"and {plural(len(kinds) - _KINDS, 'more type')}")
    reasons = Counter(left.reason for left in plan.left_alone if left.reason != EXISTS)
    left = [f"{count:,}: {display(reason, 90)}" for reason, count in reasons.most_common(_REASONS)]
    found = [Fact("Content types", ", ".join(told)), Fact("Left out", " ".join(left), "warning")]
    return [fact for fact in found if fact.value]
