"""What the question about unfinished uploads says. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from vidcdn_desktop.gui.library.usage_words import monthly
from vidcdn_desktop.jobs.health_model import Finding, Section
from vidcdn_desktop.jobs.health_uploads import Removal
from vidcdn_desktop.textsafe import format_size, plural


def at_foot(section: Section) -> str:
    """For the foot of the Library: what nobody is at; empty if there is nothing."""
    found = [finding for finding in section.findings if not finding.left_because]
    if not found:
        return ""
    least = " at least" if section.not_looked_at else ""
    holds = "holds" if len(found) == 1 and not section.not_looked_at else "hold"
    count = plural(len(found) + section.not_looked_at, "unfinished upload")
    return f"{count} {holds}{least} {format_size(sum(finding.size for finding in found))}"


def headline(section: Section) -> str:
    """How many there are."""
    if not section.objects:
        return "There are no unfinished uploads here"
    cost = f" · {monthly(section.cost.usd_per_month)}" if section.cost is not None else ""
    return f"{plural(section.objects, 'unfinished upload')} · {format_size(section.size_bytes)}{cost}"


def chosen(findings: Sequence[Finding]) -> str:
    """What would be removed."""
    if not findings:
        return "None is chosen."
    size = format_size(sum(finding.size for finding in findings))
    usd = [finding.upload.usd_per_month for finding in findings if finding.upload is not None]
    known = [value for value in usd if value is not None]
    cost = f" · {monthly(sum(known))}" if known else ""
    return f"{len(findings):,} chosen · {size}{cost}. What was sent of them is gone for good; no object is touched."


def go(count: int) -> str:
    """The one button."""
    return f"Remove {plural(count, 'upload')}" if count else "Remove"


def removing(done: int, total: int) -> str:
    """While they are removed."""
    return f"{done:,} of {plural(total, 'upload')} done with…"


def report(removals: Sequence[Removal], total: int) -> str:
    """What became of them."""
    gone = [removal for removal in removals if removal.error is None and not removal.left_because]
    failed = sum(removal.error is not None for removal in removals)
    left = len(removals) - len(gone) - failed
    size = format_size(sum(removal.finding.size for removal in gone))
    words = f"{plural(len(gone), 'unfinished upload')} removed, {size}"
    words += f"; {left:,} left alone" if left else ""
    words += f"; {failed:,} could not be removed" if failed else ""
    untouched = total - len(removals)
    return f"{words}; {untouched:,} not begun." if untouched else f"{words}."
