"""What the questions about operations say. Pure functions; names and reasons come from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vidcdn_desktop.gui.widgets import Fact
from vidcdn_desktop.jobs.operations.model import Item, Kind, OnExists
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.textsafe import display, format_size, in_sentence, plural

_VERBS = {
    Kind.COPY: "Copy",
    Kind.MOVE: "Move",
    Kind.DELETE: "Delete",
    Kind.HEADERS: "Edit headers of",
    Kind.TAGS: "Edit tags of",
    Kind.STORAGE_CLASS: "Move",
    Kind.RESTORE: "Ask for",
    Kind.VERSION: "Restore",
    Kind.UNDELETE: "Bring back",
    Kind.UNDO: "Undo for",
}
_WILL = {
    Kind.COPY: "Will be copied",
    Kind.MOVE: "Will be moved",
    Kind.DELETE: "Will be deleted",
    Kind.UNDELETE: "Will be brought back",
    Kind.HEADERS: "Headers will change",
    Kind.TAGS: "Tags will change",
    Kind.VERSION: "Version will be restored",
    Kind.STORAGE_CLASS: "Class will change",
    Kind.RESTORE: "Will be asked for",
}
TAKEN = (
    (OnExists.REFUSE, "Do nothing"),
    (OnExists.SKIP, "Leave those objects out"),
    (OnExists.REPLACE, "Replace what is there"),
)
"""What happens where a new name is not free."""


@dataclass(frozen=True)
class PlanView:
    """All the question shows of a plan, put together on the thread that planned: a plan may have many objects."""

    plan: OperationPlan
    rows: Sequence[Item]
    """Those that cannot be done first."""
    shared: int
    """How much of the keys is the same folder."""
    is_blocked: bool
    headline: str
    subline: str
    facts: Sequence[Fact]
    invalidate: str
    confirm: str
    """What must be typed, and why; empty if nothing must."""
    go: str


def view_of(plan: OperationPlan) -> PlanView:
    """Blocks for as long as it takes to look at every object once or twice."""
    blocked = is_blocked(plan)
    return PlanView(
        plan,
        [*plan.problems, *(item for item in plan.items if item.error is None)],
        _shared([item.ref.key for item in plan.items]),
        blocked,
        headline(plan),
        subline(plan),
        facts(plan) if plan.objects else [],
        invalidate(plan) if plan.served_by and not blocked else "",
        confirm(plan) if plan.confirm and not blocked else "",
        go(plan) if not blocked else "Continue",
    )


def _shared(keys: list[str]) -> int:
    if not keys:
        return 0
    first, last = min(keys), max(keys)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first.rfind("/", 0, same) + 1


def looking(count: int) -> str:
    """While the objects are found."""
    return f"Looking at the bucket… {plural(count, 'object')} found" if count else "Looking at the bucket…"


def able(plan: OperationPlan) -> int:
    """Objects that can be done as things stand."""
    return plan.objects - len(plan.problems)


def is_blocked(plan: OperationPlan) -> bool:
    """Whether it must not begin: there is nothing to do, or a move or copy would stop half way."""
    copies = plan.action.kind in (Kind.COPY, Kind.MOVE)
    return not able(plan) or (copies and bool(plan.problems))


def headline(plan: OperationPlan) -> str:
    """What it is about, in figures."""
    if not plan.objects:
        return "There is no object here"
    size = f" · {format_size(plan.size)}" if plan.size else ""
    return f"{plural(plan.objects, 'object')}{size}"


def subline(plan: OperationPlan) -> str:
    """What cannot be done, and how one goes on."""
    count = len(plan.problems)
    if not count:
        return ""
    first = plan.problems[0].error
    why = display(first.what, 300) if first is not None else ""
    if plan.action.kind in (Kind.COPY, Kind.MOVE):
        rest = "" if count == 1 == plan.objects else f" That concerns {count:,} of {plan.objects:,} objects."
        return f"{why}{rest} Choose another name, or what happens where a name is taken."
    if count == plan.objects == 1:
        return why
    return f"{count:,} of {plan.objects:,} objects cannot be done as things stand. {why}"


def facts(plan: OperationPlan) -> list[Fact]:
    """What there is to know before."""
    copied = f" · {format_size(plan.copied_bytes)} copied inside the bucket" if plan.copied_bytes else ""
    rows = [
        Fact("Undo", plan.undo.words, "" if plan.undo.possible or plan.action.kind is Kind.UNDO else "warning"),
        Fact("Replaces", plural(plan.replaced, "object") if plan.replaced else ""),
        Fact("Requests", f"About {plan.requests:,}{copied}"),
        Fact("CDN", _cdn(plan)),
        Fact("At this scale", plan.handover, "warning"),
        Fact("Note", " ".join(plan.notes)),
    ]
    return [row for row in rows if row.value]


def _cdn(plan: OperationPlan) -> str:
    if not plan.served_by:
        return ""
    first, more = display(plan.served_by[0], 60), len(plan.served_by) - 1
    return f"{first}{f' and {more} more' if more else ''} may go on serving old copies of {_of(plan)}"


def _of(plan: OperationPlan) -> str:
    count = len(plan.changed_keys)
    return "it" if count == 1 == plan.objects else f"{plural(count, 'object')}"


def invalidate(plan: OperationPlan) -> str:
    """The choice about the CDN."""
    paths = sum(len(paths) for paths in plan.invalidation_paths.values())
    return f"Then remove the old copies from the CDN ({plural(paths, 'path')})"


def confirm(plan: OperationPlan) -> str:
    """What must be typed, and why."""
    count = plan.confirm or 0
    return f"{plural(count, 'object')} will be gone for good. Type {count} to confirm:"


def go(plan: OperationPlan) -> str:
    """The one button."""
    if plan.handover:
        return "Do it here anyway"
    return f"{_VERBS.get(plan.action.kind, 'Change')} {plural(able(plan), 'object')}"


def result(item: Item, kind: Kind) -> str:
    """What will become of one object."""
    if item.error is not None:
        return display(item.error.what, 200)
    does = item.action.kind if item.action is not None else kind
    if item.target is not None:
        return f"→ {in_sentence(item.target.key, 300)}"
    if item.action is not None and item.action.edit.headers:  # each object has its own values
        values = item.action.edit.headers.items()
        return ", ".join(f"{name.title()}: {display(value or '–', 200)}" for name, value in values)
    return _WILL.get(does, "")
