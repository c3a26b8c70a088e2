"""What the question about mending all says. Pure functions."""

from __future__ import annotations

from vidcdn_desktop.jobs.health_fix import FixPlan, Step
from vidcdn_desktop.textsafe import display, format_size, plural

_STEPS = {
    "uploads": ("Remove {}", "unfinished upload"),
    "headers": ("Set headers of {}", "object"),
    "thumbnails": ("Delete {}", "thumbnail"),
    "repairs": ("Make {} fast start", "video"),
}


def title(step: Step) -> str:
    """What is done, to how many."""
    words, noun = _STEPS[step.name]
    return words.format(plural(step.objects, noun))


def details(step: Step) -> str:
    """How much it is, and what can be undone."""
    parts = [format_size(step.size)]
    if step.copied_bytes:
        parts.append(f"{format_size(step.copied_bytes)} copied inside the bucket")
    if step.sent_bytes:
        parts.append(f"{format_size(step.sent_bytes)} sent")
    parts.append(f"about {plural(step.requests, 'request')}")
    return f"{' · '.join(parts)}. {display(step.words, 300)}"


def headline(plan: FixPlan) -> str:
    """How much there is to do."""
    if not plan.steps:
        return "There is nothing to mend any more"
    return f"{plural(sum(step.objects for step in plan.steps), 'finding')} in {plural(len(plan.steps), 'step')}"


def notes(plan: FixPlan) -> str:
    """What else there is to know; empty if nothing."""
    left = plan.not_repairable
    found = [f"{plural(left, 'video')} cannot be made fast start and will be left as they are."] if left else []
    if plan.headers is not None:
        found += [display(note, 300) for note in plan.headers.notes]
    return " ".join([*found, display(plan.handover, 400)]).strip()


def invalidate(plan: FixPlan) -> str:
    """The choice about the CDN."""
    first, more = display(plan.served_by[0], 60), len(plan.served_by) - 1
    return f"Then remove the old copies from {first}{f' and {more} more' if more else ''}"


def confirm(number: int) -> str:
    """What must be typed, and why."""
    return f"{plural(number, 'thumbnail')} will be gone for good. Type {number} to confirm:"


def go(count: int) -> str:
    """The one button."""
    return f"Do {plural(count, 'step')}" if count else "Do it"
