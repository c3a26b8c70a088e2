"""The filters of the Library in words: what the panel offers, and what the chips say. No Qt here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vidcdn_desktop.gui.models import celltext
from vidcdn_desktop.jobs.query import Query, Start
from vidcdn_desktop.jobs.query_text import compared_sizes, read, written

_KINDS = {
    "Video": "Videos", "Thumbnail": "Images", "Captions": "Captions", "Playlist": "Playlists", "Other": "Other kinds",
}  # fmt: skip
_STARTS = {
    Start.SLOWLY: "Starts slowly",
    Start.AT_ONCE: "Starts at once",
    Start.FRAGMENTED: "Fragmented",
    Start.OTHER: "Other container",
    Start.UNKNOWN: "Start not known",
}
_SIGNS = {">": "Larger than", ">=": "At least", "<": "Smaller than", "<=": "At most"}
_STORED_AS = "Stored as "
_CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True)
class Group:
    """One line of the panel."""

    title: str
    nothing: str
    """What the choice is called that asks nothing."""
    parts: Mapping[str, Any]
    """The fields of `Query` it sets, as they are where it asks nothing."""
    fields: tuple[str, ...]
    """The names of the same in the typed form."""
    offered: tuple[str, ...]
    """Choices, as they are typed."""

    def text(self, query: Query) -> str:
        """What a query asks of this, as it is typed; empty for nothing."""
        texts = written(query)
        return " ".join(text for field in self.fields for text in texts.get(field, []))

    def words(self, typed: str) -> str:
        """A choice in words."""
        first, *others = [chip.label.removeprefix(_STORED_AS) for chip in chips(read(typed).query)]
        return ", ".join([first, *map(_lower, others)])

    def chosen(self, query: Query, typed: str) -> Query:
        """The query with another choice in this line."""
        asked = read(typed).query
        return replace(query, **{part: getattr(asked, part) for part in self.parts})

    def cleared(self, query: Query) -> Query:
        """The query without this line."""
        return replace(query, **self.parts)


_NO = frozenset[Any]()
GROUPS = (
    Group("Kind", "Any kind", {"kinds": _NO}, ("kind",),
          ("kind:video", "kind:image", "kind:captions", "kind:playlist", "kind:other")),
    Group("Size", "Any size", {"least": None, "most": None}, ("size",),
          ("size:>10MB", "size:>100MB", "size:>1GB", "size:>10GB", "size:<100MB", "size:<10MB", "size:<1MB")),
    Group("Modified", "At any time", {"younger_s": None, "older_s": None, "since": None, "before": None},
          ("age", "after", "before"),
          ("age:<1d", "age:<7d", "age:<30d", "age:<1y", "age:>30d", "age:>90d", "age:>1y")),
    Group("Storage class", "Any class", {"classes": _NO}, ("class",),
          tuple(f"class:{name.lower().replace('_', '-')}" for name in _CLASSES)),
    Group("Streaming", "Any", {"starts": _NO}, ("starts",), tuple(f"starts:{start.value}" for start in Start)),
)  # fmt: skip
"""All that can be asked, but for words."""


@dataclass(frozen=True)
class Narrowing:
    """One thing that is asked."""

    label: str
    without: Query
    """The query without it."""


def chips(query: Query) -> Iterator[Narrowing]:
    """Each filter of a query in words; its letters of the name are none, they stand in the line."""
    if query.kinds:
        first, *others = [words for kind, words in _KINDS.items() if kind in query.kinds]
        yield Narrowing(_any_of([first, *map(_lower, others)]), replace(query, kinds=_NO))
    for sign, amount in compared_sizes(query):
        rest = replace(query, least=None) if sign.startswith(">") else replace(query, most=None)
        yield Narrowing(f"{_SIGNS[sign]} {_spaced(amount)}", rest)
    if query.younger_s is not None:
        yield Narrowing(f"Newer than {_age(query.younger_s)}", replace(query, younger_s=None))
    if query.older_s is not None:
        yield Narrowing(f"Older than {_age(query.older_s)}", replace(query, older_s=None))
    if query.since is not None:
        yield Narrowing(f"From {query.since:%d %b %Y} on", replace(query, since=None))
    if query.before is not None:
        yield Narrowing(f"Before {query.before:%d %b %Y}", replace(query, before=None))
    if query.classes:
        known = [name for name in _CLASSES if name in query.classes]
        names = [celltext.storage_class(name) for name in [*known, *sorted(query.classes - set(known))]]
        yield Narrowing(f"{_STORED_AS}{_any_of(names)}", replace(query, classes=_NO))
    if query.starts:
        first, *others = [words for start, words in _STARTS.items() if start in query.starts]
        yield Narrowing(_any_of([first, *map(_lower, others)]), replace(query, starts=_NO))


def _any_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _lower(words: str) -> str:
    """As it stands within a sentence."""
    return words[0].lower() + words[1:]


def _spaced(amount: str) -> str:
    digits = amount.rstrip("kMGTB")
    return f"{digits} {amount[len(digits) :] or 'bytes'}"


def _age(seconds: int) -> str:
    hours = seconds // 3600
    for unit, length in (("year", 365 * 24), ("day", 24), ("hour", 1)):
        if not hours % length:
            return f"{hours // length:,} {unit}{'s' if hours != length else ''}"
    raise AssertionError(seconds)


def without_filters(query: Query) -> Query:
    """Only the letters of the name."""
    return Query(words=query.words)
