"""Films of every structure the format allows, drawn by hypothesis: what the fuzzer damages beside real films.

Boxes of media, padding and junk in any order, the index anywhere among them, tracks of any tables, and whatever else
names places in a file. All are sound, and most of what they hold is noise, so that a place that is one byte off shows.
"""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import moviebuilder as mb
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

MOST_BOXES = 7
MOST_TRACKS = 4
_HDLR = mb.full(b"hdlr", bytes(4), b"pict", bytes(13))


@dataclass(frozen=True)
class Layout:
    """Where the boxes of a film stand once the size of its index is known."""

    boxes: tuple[bytes, ...]
    index_at: int
    """Which box the index stands before."""
    start: int
    """Bytes in front of the boxes."""

    def media(self, index_size: int) -> list[tuple[int, int]]:
        """(First byte, end) of what each box of media holds."""
        found = []
        at = self.start
        for number, box in enumerate(self.boxes):
            at += index_size if number == self.index_at else 0
            head = 16 if box[:4] == b"\0\0\0\1" else 8
            if box[4:8] in (b"mdat", b"xdat") and len(box) > head:
                found.append((at + head, at + len(box)))
            at += len(box)
        return found


def _noise(draw: st.DrawFn, longest: int) -> bytes:
    size = draw(st.integers(0, longest))
    return random.Random(draw(st.integers(0, 1 << 30))).randbytes(size)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Boxes around an index, at least one of them with media in it."""
    kinds = st.sampled_from([b"mdat", b"mdat", b"mdat", b"free", b"skip", b"wide", b"uuid", b"zzzz", b"xdat"])
    boxes = [mb.box(b"mdat", b"first", _noise(draw, 400), bytes(40), wide=draw(st.booleans()))]
    for kind in draw(st.lists(kinds, max_size=MOST_BOXES)):
        body = bytes(draw(st.integers(0, 700))) if kind in (b"free", b"skip") else _noise(draw, 300)
        body = b"" if kind == b"wide" else body
        boxes.append(mb.box(kind, body, wide=kind == b"mdat" and draw(st.booleans())))
    boxes = draw(st.permutations(boxes))
    # Behind all media, mostly: a film that is fast already is of little interest.
    index_at = len(boxes) if draw(st.integers(0, 3)) else draw(st.integers(0, len(boxes)))
    start = draw(st.sampled_from([0, len(mb.FTYP), len(mb.FTYP), len(mb.FTYP)]))
    return Layout(tuple(boxes), index_at, start)


@dataclass(frozen=True)
class TrackPlan:
    """A track before its places are known."""

    wide: bool
    chunks: tuple[tuple[int, float], ...]
    """Which box of media each chunk lies in, and how far inside."""
    per_chunk: int
    sizes: tuple[int, ...]
    """Of the samples; empty: all have `fixed`."""
    fixed: int
    external: bool
    keys: int
    """Tables of keys: 0 none, 1 in the media, 2 in the index itself."""

    def places(self, media: list[tuple[int, int]]) -> list[int]:
        """The offset of each chunk."""
        found = []
        for number, (which, share) in enumerate(self.chunks):
            start, end = media[which % len(media)]
            sizes = self.sizes[number * self.per_chunk : (number + 1) * self.per_chunk]
            length = sum(sizes) if self.sizes else self.fixed * self.per_chunk
            found.append(start + int(share * max(0, end - start - length)))
        return found

    def box(self, media: list[tuple[int, int]], senc_at: int) -> bytes:
        """The track box; `senc_at` is where the keys stand that lie in the index."""
        places = self.places(media)
        more = []
        if self.keys:
            place = senc_at if self.keys == 2 else media[0][0]
            more = [mb.full(b"saiz", struct.pack(">BI", 4, 2)), mb.full(b"saio", struct.pack(">II", 1, place))]
            if self.keys == 2:
                more.append(mb.full(b"senc", struct.pack(">I", 2), b"KEYSkeys"))
        return mb.trak(
            (mb.co64 if self.wide else mb.stco)(places),
            len(places),
            self.fixed,
            sizes=self.sizes or None,
            references=[mb.ELSEWHERE if self.external else mb.SELF],
            handler=b"text" if self.external else b"vide",
            per_chunk=self.per_chunk,
            more=more,
        )


@st.composite
def tracks(draw: st.DrawFn) -> TrackPlan:
    """A track of a few chunks."""
    chunk = st.tuples(st.integers(0, 9), st.floats(0, 1))
    chunks = tuple(draw(st.lists(chunk, max_size=12)))
    if draw(st.booleans()):
        chunks = tuple(sorted(chunks))
    per_chunk = draw(st.integers(1, 3))
    number = len(chunks) * per_chunk
    sizes = tuple(draw(st.lists(st.integers(0, 13), min_size=number, max_size=number))) if draw(st.booleans()) else ()
    keys = draw(st.sampled_from([0, 0, 0, 1, 2])) if chunks else 0
    return TrackPlan(
        draw(st.booleans()), chunks, per_chunk, sizes, draw(st.integers(1, 13)), draw(st.integers(0, 7)) == 0, keys
    )


def _items(place: int) -> bytes:
    """A meta box with one item of 16 bytes."""
    return mb.full(b"meta", _HDLR, mb.full(b"iloc", struct.pack(">HHHHHII", 0x4400, 1, 1, 0, 1, place, 16)))


def _index(plans: list[TrackPlan], extras: list[str], media: list[tuple[int, int]], index_at: int) -> bytes:
    """The index with all its places; its size does not depend on where they are."""

    def build(senc_at: list[int]) -> bytes:
        found = [plan.box(media, at) for plan, at in zip(plans, senc_at, strict=True)]
        more = [mb.box(b"udta", b"\0\0\0\x0cname" + b"film")] if "tags" in extras else []
        more += [_items(media[0][0] + 5)] if "items" in extras else []
        return mb.moov(*found, more=more, wide="wide index" in extras)

    draft = build([0] * len(plans))
    senc_at = []
    at = 0
    for plan in plans:
        at = draft.find(b"KEYSkeys", at) if plan.keys == 2 else at
        senc_at.append(index_at + at if plan.keys == 2 else 0)
        at += plan.keys == 2
    return build(senc_at)


def _packed(index: bytes) -> bytes:
    """The index, compressed as QuickTime did."""
    stream = struct.pack(">I", len(index)) + zlib.compress(index)
    return mb.box(b"moov", mb.box(b"cmov", mb.box(b"dcom", b"zlib"), mb.box(b"cmvd", stream)))


@st.composite
def films(draw: st.DrawFn) -> bytes:
    """A whole film."""
    layout = draw(layouts())
    plans = draw(st.lists(tracks(), min_size=1, max_size=MOST_TRACKS))
    names = ["tags", "items", "wide index", "side items", "fragment list", "open end", "junk", "compressed"]
    extras = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    if layout.index_at < len(layout.boxes) or any(plan.keys == 2 for plan in plans) or "wide index" in extras:
        extras = [name for name in extras if name != "compressed"]  # its size would depend on its places
    size = len(_index(plans, extras, layout.media(0), 0))
    media = layout.media(0 if "compressed" in extras else size)
    at = layout.start + sum(len(box) for box in layout.boxes[: layout.index_at])
    index = _index(plans, extras, media, at)
    index = _packed(index) if "compressed" in extras else index
    parts = [mb.FTYP[: layout.start], *layout.boxes[: layout.index_at], index, *layout.boxes[layout.index_at :]]
    first = media[0][0]
    if "side items" in extras:
        parts.append(_items(first + 3))
    if "fragment list" in extras:
        entry = struct.pack(">IIBBB", 0, first, 1, 1, 1)
        parts.append(mb.box(b"mfra", mb.full(b"tfra", struct.pack(">III", 1, 0, 1), entry)))
    if "junk" in extras:
        parts.append(draw(st.sampled_from([b"\0" * 5, b"\0\0\0\0\0\0\0\0trailer", b"SEFT"])))
    elif "open end" in extras and parts[-1][:4] != b"\0\0\0\1" and len(parts[-1]) > 8:
        parts[-1] = bytes(4) + parts[-1][4:]
    return b"".join(parts)


@lru_cache(maxsize=2)
def drawn_films(number: int, start: int = 20) -> dict[str, bytes]:
    """So many films, always the same for a `start` and a version of hypothesis."""
    found: dict[str, bytes] = {}

    def keep(data: Any) -> None:
        found[f"drawn {len(found):04}"] = data

    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    quiet = settings(
        max_examples=number, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=checks
    )
    seed(start)(quiet(given(films())(keep)))()
    return found
