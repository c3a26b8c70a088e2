"""A query as people type it: `lake kind:video size:>100MB age:<30d class:standard-ia starts:slowly`; and back to text.

What cannot be read is told in a sentence each, and kept: the rest counts, and writing the line anew loses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TypeVar

from vidcdn_desktop.jobs.query import KINDS_SOUGHT, VIDEO, Query, Start
from vidcdn_desktop.textsafe import display

_LONGEST = 40
"""Letters of what is refused that are repeated in the sentence."""

_TOKEN = re.compile(r'(?:([A-Za-z]+):)?"((?:[^"]|"")*)(?:"|$)|(\S+)')
_FIELD = re.compile(r"([A-Za-z]+):(?!//)(.*)", re.DOTALL)
_AMOUNT = re.compile(r"([0-9]{1,19}(?:[.,][0-9]{1,6})?)\s*([A-Za-z]*)")
_CLASS = re.compile(r"[A-Z0-9_]{1,60}")

_SIZE_UNITS = {
    **dict.fromkeys(("", "b", "byte", "bytes"), 1),
    **dict.fromkeys(("k", "kb"), 10**3), "kib": 2**10,
    **dict.fromkeys(("m", "mb"), 10**6), "mib": 2**20,
    **dict.fromkeys(("g", "gb"), 10**9), "gib": 2**30,
    **dict.fromkeys(("t", "tb"), 10**12), "tib": 2**40,
}  # fmt: skip
_SIZES_WRITTEN = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_HOUR_S, _DAY_S, _YEAR_S = 3_600, 86_400, 365 * 86_400
_AGE_UNITS = {
    "h": _HOUR_S, "d": _DAY_S, "day": _DAY_S, "days": _DAY_S, "w": 7 * _DAY_S, "mo": 30 * _DAY_S, "y": _YEAR_S,
}  # fmt: skip
_AGES_WRITTEN = (("y", _YEAR_S), ("d", _DAY_S), ("h", _HOUR_S))
_MOST_BYTES = 2**62
_OLDEST_S = 100 * _YEAR_S
_YEARS = range(1980, 3000)
"""Days of which every system knows the midnight."""

_KIND_NAMES = {
    "video": "Video", "videos": "Video", "film": "Video",
    "image": "Thumbnail", "images": "Thumbnail", "picture": "Thumbnail", "thumbnail": "Thumbnail",
    "captions": "Captions", "subtitles": "Captions",
    "playlist": "Playlist", "other": "Other",
}  # fmt: skip
KIND_WORDS = {"Video": "video", "Thumbnail": "image", "Captions": "captions", "Playlist": "playlist", "Other": "other"}
"""How a kind is written."""
_START_NAMES = {
    **{start.value: start for start in Start},
    "end": Start.SLOWLY, "slow": Start.SLOWLY,
    "first": Start.AT_ONCE, "fast": Start.AT_ONCE, "once": Start.AT_ONCE,
}  # fmt: skip
_CLASS_NAMES = {"IA": "STANDARD_IA", "INTELLIGENT": "INTELLIGENT_TIERING", "GLACIER_INSTANT": "GLACIER_IR"}

_Chosen = TypeVar("_Chosen")
_Limit = TypeVar("_Limit", int, date)


class _Refusal(ValueError):
    """Why a value cannot be read, in a sentence."""


@dataclass(frozen=True)
class Refused:
    """A part of what was typed that cannot be read."""

    text: str
    """As typed."""
    why: str
    """In a sentence or two. Safe to show."""
    is_unfinished: bool
    """Nothing was typed behind it: the user may still be at it."""


@dataclass(frozen=True)
class Reading:
    """What was typed, understood as far as it can be."""

    query: Query
    refused: tuple[Refused, ...] = ()

    def text_with(self, query: Query) -> str:
        """The line with another query in place of what was understood; what was refused stays."""
        return " ".join(part for part in (write(query), *(refused.text for refused in self.refused)) if part)


def read(text: str) -> Reading:
    """Understand a line that somebody typed. Never raises."""
    query = Query()
    refused: list[Refused] = []
    for found in _TOKEN.finditer(text):
        name, quoted, bare = found.groups()
        typed, value = found.group(), ""
        if bare is not None:
            field = _FIELD.fullmatch(bare)
            if field is None:
                query = replace(query, words=(*query.words, bare))
                continue
            name, value = field.groups()
        elif name is None:
            word = quoted.replace('""', '"')
            query = replace(query, words=(*query.words, word) if word else query.words)
            continue
        else:
            value = quoted.replace('""', '"')
        try:
            query = _with(query, name.lower(), value.strip())
        except _Refusal as exc:
            refused.append(Refused(typed, str(exc), found.end() == len(text)))
    return Reading(query, tuple(refused))


def _with(query: Query, name: str, value: str) -> Query:
    field = _FIELDS.get(name)
    if field is None:
        known = ", ".join(f"{known}:" for known in _FIELDS)
        raise _Refusal(
            f"There is no filter “{display(name, _LONGEST)}:”. The filters are {known}."
            " Put letters of a name in double quotes."
        )
    found = field(query, value)
    if found.least is not None and found.most is not None and found.least > found.most:
        raise _Refusal("No object can be that large and that small.")
    if found.younger_s is not None and found.older_s is not None and found.older_s >= found.younger_s:
        raise _Refusal("Nothing can be that new and that old.")
    if found.since is not None and found.before is not None and found.since >= found.before:
        raise _Refusal("No day lies after the one and before the other.")
    if found.starts and found.kinds and VIDEO not in found.kinds:
        raise _Refusal("Only videos start slowly or at once: leave one of the two filters out.")
    return found


# The fields
def _kind(query: Query, value: str) -> Query:
    kinds = _chosen(value, _KIND_NAMES, "kind", tuple(KIND_WORDS.values()))
    return replace(query, kinds=query.kinds | kinds)


def _starts(query: Query, value: str) -> Query:
    starts = _chosen(value, _START_NAMES, "starts", tuple(start.value for start in Start))
    return replace(query, starts=query.starts | starts)


def _chosen(value: str, names: Mapping[str, _Chosen], field: str, offered: Sequence[str]) -> frozenset[_Chosen]:
    chosen = [part.strip().lower() for part in value.split(",") if part.strip()]
    strange = next((part for part in chosen if part not in names), "")
    if strange or not chosen:
        may_become_one = any(name.startswith(strange) for name in names)
        head = "" if may_become_one else f"“{display(strange, _LONGEST)}” is none of them. "
        raise _Refusal(f"{head}After {field}: comes {', '.join(offered[:-1])} or {offered[-1]}.")
    return frozenset(names[part] for part in chosen)


def _class(query: Query, value: str) -> Query:
    classes = set()
    for part in value.split(","):
        spelled = part.strip().replace("-", "_").replace(" ", "_").upper()
        known = _CLASS_NAMES.get(spelled, spelled)
        if not _CLASS.fullmatch(known):
            # Other stores have classes of their own, so any name of this form may be one.
            raise _Refusal("After class: comes a storage class, like standard, standard-ia or deep-archive.")
        classes.add(known)
    return replace(query, classes=query.classes | classes)


def _size(query: Query, value: str) -> Query:
    example = "like size:>100MB, size:<2GB or size:10MB..1GB."
    sign, first, last = _compared(value, f"After size: comes a comparison, {example}")
    least = most = None
    if sign in (">", ">="):
        exact = _amount(first, _SIZE_UNITS, example)
        least = _whole(exact, ROUND_FLOOR) + 1 if sign == ">" else _whole(exact, ROUND_CEILING)
    elif sign in ("<", "<="):
        exact = _amount(first, _SIZE_UNITS, example)
        most = _whole(exact, ROUND_CEILING) - 1 if sign == "<" else _whole(exact, ROUND_FLOOR)
    else:
        least = _whole(_amount(first, _SIZE_UNITS, example), ROUND_CEILING) if first else None
        most = _whole(_amount(last, _SIZE_UNITS, example), ROUND_FLOOR) if last else None
    if max(least or 0, most or 0) > _MOST_BYTES:
        raise _Refusal("No object is that large.")
    if most is not None and most < 0:
        raise _Refusal("No object is smaller than nothing.")
    return replace(query, least=_larger(query.least, least), most=_smaller(query.most, most))


def _age(query: Query, value: str) -> Query:
    example = "like age:<30d, age:>1y or age:7d..30d, in h, d, w, mo or y. For dates: after: and before:."
    sign, first, last = _compared(value, f"After age: comes a comparison, {example}")
    if sign:
        first, last = (first, "") if sign.startswith(">") else ("", first)
    older = _seconds(first, example) if first else None
    younger = _seconds(last, example) if last else None
    return replace(query, older_s=_larger(query.older_s, older), younger_s=_smaller(query.younger_s, younger))


def _after(query: Query, value: str) -> Query:
    return replace(query, since=_larger(query.since, _day(value, "after")))


def _before(query: Query, value: str) -> Query:
    return replace(query, before=_smaller(query.before, _day(value, "before")))


_FIELDS: dict[str, Callable[[Query, str], Query]] = {
    "kind": _kind,
    "size": _size,
    "age": _age,
    "after": _after,
    "before": _before,
    "class": _class,
    "starts": _starts,
}


# Values
def _larger(one: _Limit | None, other: _Limit | None) -> _Limit | None:
    return max((part for part in (one, other) if part is not None), default=None)


def _smaller(one: _Limit | None, other: _Limit | None) -> _Limit | None:
    return min((part for part in (one, other) if part is not None), default=None)


def _compared(value: str, refusal: str) -> tuple[str, str, str]:
    """A sign and an amount; or no sign and the two ends of a range, of which one may be empty."""
    found = re.fullmatch(r"([<>]=?)\s*(.+)", value, re.DOTALL)
    if found is not None:
        return found[1], found[2], ""
    first, dots, last = (part.strip() for part in value.partition(".."))
    if not dots or not (first or last):
        raise _Refusal(refusal)
    return "", first, last


def _amount(text: str, units: Mapping[str, int], example: str) -> Decimal:
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or found[2].lower() not in units:
        raise _Refusal(f"“{display(text, _LONGEST)}” is no amount of this kind; write it {example}")
    return Decimal(found[1].replace(",", ".")) * units[found[2].lower()]


def _whole(exact: Decimal, rounding: str) -> int:
    return int(exact.to_integral_value(rounding=rounding))


def _seconds(text: str, example: str) -> int:
    seconds = _amount(text, _AGE_UNITS, example)
    if not _HOUR_S <= seconds <= _OLDEST_S:
        raise _Refusal("An age is an hour at least, and a hundred years at most.")
    return _whole(seconds / _HOUR_S, ROUND_FLOOR) * _HOUR_S


def _day(text: str, field: str) -> date:
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) else None
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise _Refusal(f"After {field}: comes a day, like {field}:2026-01-31.")
    return day


# Back to text
def write(query: Query) -> str:
    """The query as it may be typed; `read` gives the same one again."""
    return " ".join([*map(_word, query.words), *(text for texts in written(query).values() for text in texts)])


def written(query: Query) -> dict[str, list[str]]:
    """Each filter that is set, by the name of its field, as it is typed."""
    ages = [f"age:>{_age_text(query.older_s)}"] if query.older_s is not None else []
    ages += [f"age:<{_age_text(query.younger_s)}"] if query.younger_s is not None else []
    fields = {
        "kind": _listed("kind", [KIND_WORDS[kind] for kind in KINDS_SOUGHT if kind in query.kinds]),
        "size": [f"size:{sign}{amount}" for sign, amount in compared_sizes(query)],
        "age": ages,
        "after": [f"after:{query.since}"] if query.since is not None else [],
        "before": [f"before:{query.before}"] if query.before is not None else [],
        "class": _listed("class", [name.lower().replace("_", "-") for name in sorted(query.classes)]),
        "starts": _listed("starts", [start.value for start in Start if start in query.starts]),
    }
    return {name: texts for name, texts in fields.items() if texts}


def _listed(field: str, values: list[str]) -> list[str]:
    return [f"{field}:{','.join(values)}"] if values else []


def compared_sizes(query: Query) -> list[tuple[str, str]]:
    """The limits of the size as sign and amount: (">", "100MB"); round amounts where there are such."""
    found = []
    if query.least is not None:
        found.append(_plainer((">=", query.least), (">", query.least - 1)))
    if query.most is not None:
        found.append(_plainer(("<=", query.most), ("<", query.most + 1)))
    return [(sign, _size_text(size)) for sign, size in found]


def _plainer(including: tuple[str, int], excluding: tuple[str, int]) -> tuple[str, int]:
    """The one with fewer digits before its zeros."""
    if excluding[1] >= 0 and len(str(excluding[1]).rstrip("0")) <= len(str(including[1]).rstrip("0")):
        return excluding
    return including


def _size_text(size: int) -> str:
    for unit, factor in _SIZES_WRITTEN:
        if size >= factor and not size * 100 % factor:
            return f"{(Decimal(size) / factor).normalize():f}{unit}"
    return str(size)


def _age_text(seconds: int) -> str:
    return next(f"{seconds // factor}{unit}" for unit, factor in _AGES_WRITTEN if not seconds % factor)


def _word(word: str) -> str:
    plain = not re.search(r'[\s"]', word) and _FIELD.fullmatch(word) is None
    doubled = word.replace('"', '""')
    return word if plain else f'"{doubled}"'
