"""What the view of health says. Pure functions; names come from outside."""

from __future__ import annotations

from collections.abc import Sequence

from vidcdn_desktop.gui.library.usage_words import monthly
from vidcdn_desktop.jobs.health_model import FIXABLE, TITLES, Concern, Finding, HealthReport, Section
from vidcdn_desktop.textsafe import display, format_size, plural

WHY = {
    Concern.UPLOADS: "What was sent of them stays in the bucket and costs money each month, and no list shows it.",
    Concern.TYPES: "A browser that is told another kind may download the file instead of playing or showing it.",
    Concern.CACHE: "Every browser and edge guesses how long to keep a copy: too short costs transfer, too long shows an"
    " old version.",
    Concern.THUMBNAILS: "Their video is not beside them any more, so nothing shows these pictures.",
    Concern.DUPLICATES: "The same bytes are stored, and paid for, more than once.",
    Concern.SLOW: "The index stands at the end of the file, so players fetch the end before they show the first"
    " picture.",
}
"""Why it matters, in a sentence."""

_FINE = {
    Concern.UPLOADS: "No unfinished uploads",
    Concern.TYPES: "All content types are right",
    Concern.CACHE: "Every video and picture has a cache header",
    Concern.THUMBNAILS: "Every thumbnail has its video",
    Concern.DUPLICATES: "No duplicates",
    Concern.SLOW: "Every video starts at once",
}
_UNKNOWN = {
    Concern.UPLOADS: "Unfinished uploads",
    Concern.TYPES: "Content types",
    Concern.CACHE: "Cache headers",
    Concern.THUMBNAILS: "Thumbnails",
    Concern.DUPLICATES: "Duplicates",
    Concern.SLOW: "Where the index of videos stands",
}


def title(section: Section) -> str:
    """For example: 2 videos that start slowly."""
    return plural(section.objects, *TITLES[section.concern])


def figures(section: Section) -> str:
    """Bytes, and what they cost a month where that is known."""
    size = format_size(section.size_bytes)
    return f"{size} · {monthly(section.cost.usd_per_month)}" if section.cost is not None else size


def fine(section: Section) -> str:
    """That there is nothing to do."""
    beyond = f"; {plural(section.not_looked_at, 'object')} not looked at" if section.not_looked_at else ""
    return f"{_FINE[section.concern]}{beyond}"


def partly(section: Section) -> str:
    """That there is nothing to do, as far as one could see."""
    return " ".join((f"{fine(section)}, as far as it could be looked at.", *missing(section)))


def unknown(section: Section) -> str:
    """What could not be found out, and why."""
    why = section.problem
    return f"{_UNKNOWN[section.concern]}: not known. {display(why.what, 300) if why is not None else ''}"


def notes(section: Section) -> Sequence[str]:
    """What else there is to know about what was found."""
    found = [display(note, 300) for note in section.notes]
    left = section.objects - len(section.fixable)
    if section.concern in FIXABLE and left:
        some = f"{left:,} of these would be left alone" if section.fixable else "None of these would be touched"
        found.append(f"{some}; each tells why.")
    return [*found, *missing(section)]


def missing(section: Section) -> Sequence[str]:
    """What was not looked at."""
    found = []
    if section.not_looked_at:
        found.append(f"{plural(section.not_looked_at, 'object')} were not looked at: there are too many for one look.")
    if section.problem is not None:
        found.append(f"Not all could be found out. {display(section.problem.what, 300)}")
    elif section.errors:
        first = display(section.errors[0].what, 300)
        found.append(f"{plural(len(section.errors), 'object')} could not be looked at. {first}")
    return found


def about(finding: Finding) -> str:
    """What is wrong with one, and why it would be left alone."""
    return " ".join(display(part, 400) for part in (finding.words, finding.left_because) if part)


def is_well(section: Section) -> bool:
    """Nothing was found, and all was looked at."""
    return not section.objects and section.problem is None and not section.errors


def summary(report: HealthReport) -> str:
    """The line above the findings."""
    found = sum(section.objects for section in report.sections.values())
    where = f"{plural(report.objects, 'object')} looked at"
    if found:
        return f"{plural(found, 'finding')} · {where}"
    if report.is_whole:
        return where
    return f"Nothing found, but not all could be looked at{f' · {where}' if report.objects else ''}"
