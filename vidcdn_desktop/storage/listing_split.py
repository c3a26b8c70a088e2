"""Where to cut a range of keys in two, when nobody knows which keys it holds. Pure.

A listing tells only what comes next, so a cut is a guess that the next request proves: a half that turns out to be
empty costs one short answer, and shows that nothing lies above the cut.

    folders are known ("films/03/")      ──> cut at the middle one
    a range that was read from below     ──> at the first key of another kind: the next digit, letter, year
    one that was not looked at yet       ──> in the middle

Which characters may stand where is learned from the keys seen: "clip-000123" varies in its digits, never in "clip".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_DIGITS = "0123456789"
_HEX_LETTERS = "abcdef"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_MANY_LETTERS = 2
"""So many different letters in one place are no fixed word."""
_FAR = 50
"""A range that seems to hold so many times what was read of it has an end that nobody has seen."""
_DEPTH = 10
"""Characters that tell where a key lies between two others."""


@dataclass(eq=False)
class KeyRange:
    """Keys above `pos`, up to and including `end`, that one thread reads upwards."""

    pos: str
    """The last key that was told; at the beginning, the lower bound."""
    end: str | None
    """None: to the end of the listing."""
    token: str = ""
    """Of the next page; empty before the first."""
    first: str = ""
    """The first key that was told."""
    told: int = 0
    """Objects told so far."""
    guess: float = float("inf")
    """How many objects it may hold, before the first answer."""
    asked: str = ""
    """The token that brought the last page."""
    rejoined: bool = False
    """The store took no start-after: what it tells below `pos` is left out here."""


class Alphabets:
    """Which characters were seen in which place. One thread at a time."""

    def __init__(self) -> None:
        self._seen: dict[int, set[str]] = {}
        self._ready: dict[int, str] = {}

    def learn(self, keys: Iterable[str], depth: int) -> None:
        """Look at some keys, from the character `depth` on."""
        for key in keys:
            for place in range(depth, min(len(key), depth + 4 * _DEPTH)):
                seen = self._seen.setdefault(place, set())
                if key[place] not in seen:
                    seen.add(key[place])
                    self._ready.pop(place, None)

    def at(self, place: int) -> str:
        """What may stand there, in order: what was seen, and what belongs to it."""
        ready = self._ready.get(place)
        if ready is None:
            seen = self._seen.get(place, set())
            ready = self._ready[place] = "".join(sorted(seen | _relatives(seen)))
        return ready


def _relatives(seen: set[str]) -> set[str]:
    found: set[str] = set()
    lower, upper = seen & set(_LOWER), seen & set(_LOWER.upper())
    if seen & set(_DIGITS):
        found |= set(_DIGITS)
    for letters, cased in ((lower, str.lower), (upper, str.upper)):
        if len(letters) >= _MANY_LETTERS or (letters and seen & set(_DIGITS)):
            is_hex = letters <= set(cased(_HEX_LETTERS)) and bool(seen & set(_DIGITS))
            found |= set(cased(_HEX_LETTERS if is_hex else _LOWER))
    return found


def common(one: str, other: str) -> int:
    """How many characters two keys begin with together."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))


def cut(span: KeyRange, prefix: str, delimiter: str, landmarks: Sequence[str], alphabets: Alphabets) -> str | None:
    """A key between `span.pos` and `span.end` to cut at; None if there is no good one.

    Args:
        span: The range.
        prefix: All keys begin with it.
        delimiter: Where not empty, no cut may lie inside a common prefix.
        landmarks: Known folders, sorted.
        alphabets: What keys look like.
    """
    low, end = max(span.pos, prefix), span.end
    begin = bisect_right(landmarks, low)
    stop = len(landmarks) if end is None else bisect_left(landmarks, end)
    if begin < stop:
        return landmarks[(begin + stop) // 2]
    shared = len(prefix) if end is None else max(len(prefix), common(low, end))
    for place in range(shared, len(low) + 1):
        if delimiter and delimiter in low[len(prefix) : place]:
            return None
        room = [
            low[:place] + char
            for char in alphabets.at(place)
            if (place == len(low) or char > low[place]) and (end is None or low[:place] + char < end)
            if char != delimiter and not (end is not None and end[:-1] == low[:place] + char)  # cuts off nothing
        ]
        if room:
            # Where the end is far from all that was seen, it is most likely far from all there is: a cut above each
            # digit finds that out at once. Else the middle halves the work.
            gallops = span.told and left_in(span, prefix, alphabets) > _FAR * span.told
            return room[0] if gallops else room[len(room) // 2]
    return None


def left_in(span: KeyRange, prefix: str, alphabets: Alphabets) -> float:
    """About how many objects are still to be told, if they lie as densely as those that were."""
    if not span.told:
        return span.guess
    depth = len(prefix) if span.end is None else max(len(prefix), common(span.first, span.end))
    begin, now = _place_of(span.first, depth, alphabets), _place_of(span.pos, depth, alphabets)
    end = 1.0 if span.end is None else _place_of(span.end, depth, alphabets)
    return span.told * max(0.0, end - now) / (now - begin) if now > begin else float("inf")


def share_above(span: KeyRange, key: str, prefix: str, alphabets: Alphabets) -> float:
    """Which part of the range above `span.pos` lies above `key`, 0 to 1."""
    low = max(span.pos, prefix)
    depth = len(prefix) if span.end is None else max(len(prefix), common(low, span.end))
    begin, cut_at = _place_of(low, depth, alphabets), _place_of(key, depth, alphabets)
    end = 1.0 if span.end is None else _place_of(span.end, depth, alphabets)
    return min(1.0, max(0.0, (end - cut_at) / (end - begin))) if end > begin else 0.5


def _place_of(key: str, depth: int, alphabets: Alphabets) -> float:
    """Where a key lies among all that begin as it does up to `depth`: 0 to 1."""
    value, scale = 0.0, 1.0
    for place in range(depth, depth + 4 * _DEPTH):
        letters = alphabets.at(place)
        if len(letters) > 1:
            scale /= len(letters)
            value += scale * (bisect_left(letters, key[place]) if place < len(key) else 0)
        if place >= len(key) or scale < 1e-12:
            break
    return value
