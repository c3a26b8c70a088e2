"""What stands in the cells of the Library, in words; and which rank it has when the list is sorted by it."""

from __future__ import annotations

from datetime import UTC, datetime

from vidcdn_desktop.gui.models.arrange import Column
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.textsafe import display, format_duration, format_size

TITLES = {
    Column.NAME: "Name",
    Column.KIND: "Kind",
    Column.SIZE: "Size",
    Column.MODIFIED: "Modified",
    Column.CLASS: "Storage class",
    Column.STREAMING: "Streaming",
    Column.CACHE: "Cache header",
}

_PLACES = {
    IndexPlace.END: ("▲ index at end", "warning"),
    IndexPlace.UNKNOWN: ("? not clear", "muted"),
    IndexPlace.FRONT: ("✓ index first", "success"),
    IndexPlace.FRAGMENTED: ("✓ fragmented", "success"),
    IndexPlace.NONE: ("other container", "muted"),
}
"""By rank: what needs attention first."""
_RANKS = {place: rank for rank, place in enumerate(_PLACES)}
NOT_READ = "could not be read"
_CLASSES = {
    "": "",
    "STANDARD": "Standard",
    "STANDARD_IA": "Standard-IA",
    "ONEZONE_IA": "One Zone-IA",
    "INTELLIGENT_TIERING": "Intelligent",
    "GLACIER": "Glacier",
    "GLACIER_IR": "Glacier Instant",
    "DEEP_ARCHIVE": "Deep Archive",
    "REDUCED_REDUNDANCY": "Reduced",
    "EXPRESS_ONEZONE": "Express",
}


def streaming(facts: VideoFacts | None) -> tuple[str, str]:
    """The verdict with its sign, and the colour token that helps it; None: it could not be found out."""
    if facts is None:
        return NOT_READ, "muted"
    if not facts.is_film and facts.place is not IndexPlace.END:
        return "no video inside", "muted"
    return _PLACES[facts.place]


def rank(facts: VideoFacts | None) -> int:
    """Where a verdict stands when the list is sorted by it."""
    return _RANKS[facts.place] if facts is not None else len(_RANKS)


def about(facts: VideoFacts | None) -> str:
    """Duration, codecs and the reason, for a tool tip."""
    if facts is None:
        return ""
    picture = f"{facts.width}×{facts.height}" if facts.width and facts.height else ""
    codecs = " + ".join(name.upper() for name in (facts.video_codec, facts.audio_codec) if name)
    parts = (format_duration(facts.duration_s), picture, codecs, facts.container)
    line = " · ".join(display(part) for part in parts if part)
    return "\n".join(part for part in (line, display(facts.reason, 300)) if part)


def storage_class(name: str) -> str:
    """A storage class in words."""
    known = _CLASSES.get(name)
    return known if known is not None else display(name.replace("_", "-").capitalize(), 40)


def modified(when: datetime | None, now: datetime | None = None) -> str:
    """Day and time; of another year the day only."""
    if when is None:
        return ""
    local = when.astimezone()
    today = (now or datetime.now(UTC)).astimezone()
    if local.date() == today.date():
        return f"today {local:%H:%M}"
    return f"{local:%d %b %H:%M}" if local.year == today.year else f"{local:%d %b %Y}"


def cell(row: Row, column: int) -> str:
    """What the listing tells; the other columns are asked for elsewhere."""
    if column == Column.NAME:
        return row.name
    if column == Column.KIND:
        return row.kind
    if row.is_folder:
        return ""
    if column == Column.SIZE:
        return format_size(row.size or 0)
    if column == Column.MODIFIED:
        return modified(row.modified)
    return storage_class(row.storage_class) if column == Column.CLASS else ""
