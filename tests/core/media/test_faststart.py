"""The fast-start view: each offset names the same bytes as before, all else is untouched, damage never escapes."""

from __future__ import annotations

import random
import struct
import subprocess
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import moviebuilder as mb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vidcdn_desktop.bytesource import ByteSource, BytesSource, FileSource
from vidcdn_desktop.errors import SourceChanged
from vidcdn_desktop.media import faststart, tables
from vidcdn_desktop.media.faststart import FastStartPlan, plan_fast_start
from vidcdn_desktop.media.info import Layout

GIB = 1 << 30


def media(length: int, seed: int = 1) -> bytes:
    """Bytes of which no 16 are alike."""
    return random.Random(seed).randbytes(length)


class HoleSource:
    """A huge file of which only some pieces are stored; between them each 8-byte word holds its own offset."""

    def __init__(self, size: int, pieces: dict[int, bytes]) -> None:
        self.size = size
        self.pieces = pieces

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(self.size, offset + length)
        first = offset // 8
        count = max(0, (end + 7) // 8 - first)
        assert count < 1 << 20, "the media is being read"
        data = bytearray(b"".join(struct.pack(">Q", word * 8) for word in range(first, first + count)))
        for at, piece in self.pieces.items():
            low, high = max(at, first * 8), min(at + len(piece), (first + count) * 8)
            if low < high:
                data[low - first * 8 : high - first * 8] = piece[low - at : high - at]
        return bytes(data[offset - first * 8 : end - first * 8])


def index_of(source: ByteSource) -> tuple[int, bytes]:
    """Where moov stands in a file, and the box, found without the product's reader."""
    position = 0
    while position < source.size:
        size, kind = struct.unpack(">I4s", source.read_at(position, 8))
        if size == 1:
            size = struct.unpack(">Q", source.read_at(position + 8, 8))[0]
        size = size or source.size - position
        if kind == b"moov":
            return position, source.read_at(position, size)
        position += size
    raise AssertionError("no moov")


def assert_same_samples(original: ByteSource, plan: FastStartPlan, old_index: bytes | None = None) -> bytes:
    """Each chunk offset in the view names the bytes it named before; returns the new moov."""
    assert plan.moved, plan.report.reason
    assert plan.report.layout is Layout.NEEDS
    at, new_index = index_of(plan.source)
    assert at + len(new_index) == plan.head_size
    old = mb.chunk_offsets(old_index or index_of(original)[1])
    new = mb.chunk_offsets(new_index)
    assert [len(track) for track in new] == [len(track) for track in old]
    for was, now in zip(chain(*old), chain(*new), strict=True):
        assert original.read_at(was, 16) == plan.source.read_at(now, 16)
    return new_index


def whole(source: ByteSource) -> bytes:
    return source.read_at(0, source.size)


def boxes_but_index(data: bytes) -> list[bytes]:
    """Each top-level box but moov, as it is stored."""
    found = []
    position = 0
    while len(data) - position >= 8:
        size, kind = struct.unpack_from(">I4s", data, position)
        if size == 1:
            size = struct.unpack_from(">Q", data, position + 8)[0]
        size = size or len(data) - position
        if kind != b"moov":
            found.append(data[position : position + size])
        position += size
    return [*found, data[position:]]


def plan_for(*parts: bytes) -> tuple[BytesSource, FastStartPlan]:
    source = BytesSource(b"".join(parts))
    return source, plan_fast_start(source)


def test_a_plain_film_is_the_same_film_with_the_index_in_front() -> None:
    data = media(4096)
    offsets = list(range(32, 32 + 4096 - 16, 16))
    index = mb.moov(mb.trak(mb.stco(offsets), len(offsets)), more=[mb.box(b"udta", b"\0\0\0\x09namex")])
    source, plan = plan_for(mb.FTYP, mb.box(b"mdat", data), index)
    new = assert_same_samples(source, plan)
    moved = [offset + len(index) for offset in offsets]
    assert new == index.replace(mb.stco(offsets), mb.stco(moved))
    assert whole(plan.source) == mb.FTYP + new + mb.box(b"mdat", data)
    assert plan.bytes_read < 200 + len(index)
    assert not plan.widened


def test_reading_the_view_in_pieces_gives_the_view() -> None:
    _, plan = plan_for(mb.FTYP, mb.box(b"mdat", media(1000)), mb.moov(mb.trak(mb.stco([32]), 1)), b"junk")
    view = whole(plan.source)
    for step in (1, 7, 100):
        pieces = [plan.source.read_at(at, step) for at in range(0, plan.source.size, step)]
        assert b"".join(pieces) == view


MEDIA = media(600)


def _layouts() -> Iterator[tuple[str, list[bytes], int]]:
    """(Name, boxes before the index, where the media starts)."""
    yield "64-bit mdat", [mb.FTYP, mb.box(b"mdat", MEDIA, wide=True)], 40
    yield "no ftyp", [mb.box(b"wide"), mb.box(b"mdat", MEDIA)], 16
    yield "signature before ftyp", [mb.box(b"jP  ", b"\r\n\x87\n"), mb.FTYP, mb.box(b"mdat", MEDIA)], 44
    yield "padding before ftyp", [mb.box(b"free", b"1234"), mb.FTYP, mb.box(b"mdat", MEDIA)], 44
    yield (
        "all kinds between",
        [mb.FTYP, mb.box(b"free", b"12345"), mb.box(b"uuid", bytes(20)), mb.box(b"zzzz"), mb.box(b"mdat", MEDIA)],
        24 + 13 + 28 + 8 + 8,
    )


@pytest.mark.parametrize(("before", "start"), [x[1:] for x in _layouts()], ids=[x[0] for x in _layouts()])
@pytest.mark.parametrize(
    "after", [b"", mb.box(b"free", b"end") + mb.box(b"uuid", bytes(40)), b"\0\x01", b"\xff\xff\xff\xffSEFTtrailer"]
)
@pytest.mark.parametrize("table", [mb.stco, mb.co64])
def test_every_other_box_stays_as_it_is(before: list[bytes], start: int, after: bytes, table: object) -> None:
    offsets = [start, start + 500, start + 16]
    index = mb.moov(mb.trak(table(offsets), 3))  # type: ignore[operator]
    source, plan = plan_for(*before, index, after)
    assert_same_samples(source, plan)
    view = whole(plan.source)
    assert view.find(b"moov") < view.find(b"mdat")
    assert boxes_but_index(view[: len(view) - len(after)]) == [*before, b""]
    assert view.endswith(after)


def test_an_index_that_runs_to_the_end_of_the_file_gets_its_size() -> None:
    index = mb.moov(mb.trak(mb.stco([32]), 1), to_end=True)
    source, plan = plan_for(mb.FTYP, mb.box(b"mdat", MEDIA), index)
    assert struct.unpack(">I", assert_same_samples(source, plan)[:4])[0] == len(index)


def test_an_index_with_a_64_bit_size_keeps_it() -> None:
    index = mb.moov(mb.trak(mb.stco([32]), 1), wide=True)
    source, plan = plan_for(mb.FTYP, mb.box(b"mdat", MEDIA), index)
    assert assert_same_samples(source, plan)[:16] == index[:16]


def test_media_on_both_sides_of_the_index_and_at_the_open_end() -> None:
    first, last = mb.box(b"mdat", media(300, 2)), mb.box(b"mdat", media(300, 3), to_end=True)
    size = len(mb.moov(mb.trak(mb.stco([0] * 4), 4)))
    behind = 24 + len(first) + size + 8
    index = mb.moov(mb.trak(mb.stco([behind, 32, behind + 200, 100]), 4))
    source, plan = plan_for(mb.FTYP, first, index, last)
    assert mb.chunk_offsets(assert_same_samples(source, plan)) == [[behind, 32 + size, behind + 200, 100 + size]]


def test_media_in_a_box_of_another_name() -> None:
    source, plan = plan_for(
        mb.FTYP, mb.box(b"mdat"), mb.box(b"free", MEDIA), mb.moov(mb.trak(mb.stco([40, 80]), 2)), mb.box(b"mdat", b"x")
    )
    assert_same_samples(source, plan)


def test_an_empty_last_chunk_may_lie_at_the_very_end() -> None:
    mdat = mb.box(b"mdat", MEDIA)
    index = mb.moov(mb.trak(mb.stco([32, 0]), 2, sizes=[16, 0]))
    old_end = 24 + len(mdat) + len(index)
    index = mb.moov(mb.trak(mb.stco([32, old_end]), 2, sizes=[16, 0]))
    _, plan = plan_for(mb.FTYP, mdat, index)
    assert plan.moved, plan.report.reason
    assert mb.chunk_offsets(index_of(plan.source)[1]) == [[32 + len(index), old_end]]


def test_offsets_into_other_files_are_not_shifted() -> None:
    own = mb.trak(mb.stco([32]), 1)
    other = mb.trak(mb.stco([5, 1 << 31]), 2, references=[mb.ELSEWHERE], handler=b"text")
    _, plan = plan_for(mb.FTYP, mb.box(b"mdat", MEDIA), mb.moov(own, other))
    moved = mb.chunk_offsets(index_of(plan.source)[1])
    assert moved[1] == [5, 1 << 31]
    assert moved[0] == [32 + len(mb.moov(own, other))]


def test_hundreds_of_tracks_and_empty_tables() -> None:
    traks = [mb.trak(mb.stco([32 + n]) if n % 3 else mb.co64([]), 1 if n % 3 else 0) for n in range(500)]
    source, plan = plan_for(mb.FTYP, mb.box(b"mdat", MEDIA), mb.moov(*traks))
    assert_same_samples(source, plan)


def test_a_compressed_index_is_expanded() -> None:
    plain = mb.moov(mb.trak(mb.stco([32, 64]), 2), more=[mb.box(b"udta", bytes(300))])
    cmov = mb.box(
        b"cmov", mb.box(b"dcom", b"zlib"), mb.box(b"cmvd", struct.pack(">I", len(plain)), zlib.compress(plain))
    )
    source, plan = plan_for(mb.FTYP, mb.box(b"mdat", MEDIA), mb.box(b"moov", cmov))
    assert len(assert_same_samples(source, plan, plain)) == len(plain)


def saiz(count: int, size: int = 8) -> bytes:
    return mb.full(b"saiz", struct.pack(">BI", size, count))


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("flags", [0, 1])
def test_auxiliary_offsets_follow(version: int, flags: int) -> None:
    kind = b"cenc\0\0\0\0" if flags else b""
    aux = mb.full(b"saio", kind, struct.pack(">IQ" if version else ">II", 1, 100), version=version, flags=flags)
    source, plan = plan_for(mb.FTYP, mb.box(b"mdat", MEDIA), mb.moov(mb.trak(mb.stco([32]), 1, more=[saiz(1), aux])))
    new = assert_same_samples(source, plan)
    [[now]] = mb.aux_offsets(new)
    assert plan.source.read_at(now, 8) == source.read_at(100, 8)


def _with_senc(start: int, mdat_end: int, table: bytes) -> tuple[bytes, int]:
    """An index whose saio points at its own senc; the media before it ends at `mdat_end`."""

    def build(at: int) -> bytes:
        senc = mb.full(b"senc", struct.pack(">I", 1), b"\x11\x22\x33\x44\x55\x66\x77\x88")
        saio = mb.full(b"saio", struct.pack(">IQ", 1, at), version=1)
        return mb.moov(mb.trak(mb.stco([start]), 1), mb.trak(table, 1, more=[saiz(1), saio, senc]))

    inside = build(0).find(b"senc") + 12
    return build(mdat_end + inside), mdat_end + inside


def test_auxiliary_data_inside_the_index_is_followed_too() -> None:
    mdat = mb.box(b"mdat", MEDIA)
    index, at = _with_senc(32, 24 + len(mdat), mb.stco([48]))
    source, plan = plan_for(mb.FTYP, mdat, index)
    [[], [now]] = mb.aux_offsets(assert_same_samples(source, plan))
    assert plan.source.read_at(now, 8) == source.read_at(at, 8) == b"\x11\x22\x33\x44\x55\x66\x77\x88"


def test_auxiliary_data_across_the_edge_is_left_alone() -> None:
    mdat = mb.box(b"mdat", MEDIA)
    aux = mb.full(b"saio", struct.pack(">II", 1, 24 + len(mdat) - 4))
    _, plan = plan_for(mb.FTYP, mdat, mb.moov(mb.trak(mb.stco([32]), 1, more=[saiz(1), aux])))
    assert plan.report.layout is Layout.UNSUPPORTED


def _huge(index: bytes, mdat_size: int) -> HoleSource:
    head = mb.FTYP + struct.pack(">I4sQ", 1, b"mdat", mdat_size)
    size = 24 + mdat_size + len(index)
    return HoleSource(size, {0: head, 24 + mdat_size: index})


def test_offsets_that_pass_4_gib_become_64_bit() -> None:
    low, high = [4096 * n for n in range(1, 50)], [4 * GIB - 4000, 4 * GIB - 300]
    index = mb.moov(mb.trak(mb.stco(low), len(low)), mb.trak(mb.stco(high), 2))
    source = _huge(index, 5 * GIB)
    plan = plan_fast_start(source)
    new = assert_same_samples(source, plan)
    assert plan.widened
    assert (new.count(b"stco"), new.count(b"co64")) == (1, 1), "only the table that needs it"
    assert len(new) == len(index) + 8
    assert plan.bytes_read < len(index) + 100


def test_a_table_pushed_over_4_gib_by_the_growth_of_another() -> None:
    count = 3000
    first = [4 * GIB - 16 * n for n in range(count, 0, -1)]

    def index(edge: int) -> bytes:
        return mb.moov(mb.trak(mb.stco(first), count), mb.trak(mb.stco([edge]), 1))

    size = len(index(0))
    edge = 4 * GIB - size - 2 * count  # below with the old size, above once the first table has grown by 4 * count
    source = _huge(index(edge), 5 * GIB)
    plan = plan_fast_start(source)
    new = assert_same_samples(source, plan)
    assert new.count(b"co64") == 2
    assert len(new) == size + 4 * count + 4


def test_auxiliary_data_in_an_index_that_grows() -> None:
    mdat_size = 5 * GIB
    index, at = _with_senc(4 * GIB - 100, 24 + mdat_size, mb.stco([4096]))
    source = _huge(index, mdat_size)
    plan = plan_fast_start(source)
    [[], [now]] = mb.aux_offsets(assert_same_samples(source, plan))
    assert plan.widened
    assert plan.source.read_at(now, 8) == source.read_at(at, 8) == b"\x11\x22\x33\x44\x55\x66\x77\x88"


def test_32_bit_auxiliary_offsets_grow_with_the_media() -> None:
    aux = mb.full(b"saio", struct.pack(">II", 1, 4 * GIB - 64))
    index = mb.moov(mb.trak(mb.stco([4096]), 1, more=[saiz(1), aux]))
    source = _huge(index, 5 * GIB)
    plan = plan_fast_start(source)
    [[now]] = mb.aux_offsets(assert_same_samples(source, plan))
    assert now >= 4 * GIB
    assert plan.source.read_at(now, 8) == source.read_at(4 * GIB - 64, 8)


def _iloc(version: int, offset: int, *, base: int | None = None, width: int = 4) -> bytes:
    sizes = width << 12 | 4 << 8 | (4 if base is not None else 0) << 4
    method = b"" if version == 0 else bytes(2)
    ident = struct.pack(">I" if version == 2 else ">H", 1)
    count = struct.pack(">I" if version == 2 else ">H", 1)
    base_field = b"" if base is None else struct.pack(">I", base)
    extent = offset.to_bytes(width, "big") + struct.pack(">I", 16)
    item = ident + method + bytes(2) + base_field + struct.pack(">H", 1) + extent
    return mb.full(b"iloc", struct.pack(">H", sizes), count, item, version=version)


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("base", [None, 0, 60])
@pytest.mark.parametrize("inside_index", [False, True])
def test_items_of_a_meta_box_follow(version: int, base: int | None, inside_index: bool) -> None:
    hdlr = mb.full(b"hdlr", bytes(4), b"pict", bytes(13))

    def meta(place: int, moved: int = 0) -> bytes:
        if base:  # where an item has a base, the base moves
            return mb.full(b"meta", hdlr, _iloc(version, place - base, base=base + moved))
        return mb.full(b"meta", hdlr, _iloc(version, place + moved, base=base))

    outer = b"" if inside_index else meta(60)
    place = 24 + len(outer) + 8 + 100
    outer = b"" if inside_index else meta(place)
    index = mb.moov(mb.trak(mb.stco([24 + len(outer) + 8]), 1), more=[meta(place)] if inside_index else [])
    source, plan = plan_for(mb.FTYP, outer, mb.box(b"mdat", MEDIA), index)
    assert_same_samples(source, plan)
    view = whole(plan.source)
    assert view[view.find(b"meta") - 4 :].startswith(meta(place, len(index)))
    assert view[place + len(index) :][:16] == whole(source)[place:][:16]
    assert len(view) == source.size


def test_items_that_would_not_fit_are_left_alone() -> None:
    hdlr = mb.full(b"hdlr", bytes(4), b"pict", bytes(13))
    meta = mb.full(b"meta", hdlr, _iloc(0, 4 * GIB - 200))
    index = mb.moov(mb.trak(mb.stco([4096]), 1), more=[meta])
    assert plan_fast_start(_huge(index, 5 * GIB)).report.layout is Layout.UNSUPPORTED


@pytest.mark.parametrize("bad", ["sizes", "runs"])
def test_samples_that_reach_into_the_index_are_left_alone(bad: str) -> None:
    mdat = mb.box(b"mdat", MEDIA)
    offsets = [32, 232, 432]
    trak = mb.trak(mb.stco(offsets), 3, sizes=[200, 200, 168])
    if bad == "sizes":
        trak = mb.trak(mb.stco(offsets), 3, sizes=[200, 401, 168])
    else:
        trak = mb.trak(mb.stco(offsets), 3, sizes=[200, 200, 168]).replace(
            struct.pack(">IIII", 1, 1, 1, 1), struct.pack(">IIII", 1, 1, 3, 1)
        )
    _, good = plan_for(mb.FTYP, mdat, mb.moov(mb.trak(mb.stco(offsets), 3, sizes=[200, 200, 168])))
    assert good.moved
    _, plan = plan_for(mb.FTYP, mdat, mb.moov(trak))
    # Three samples in the first chunk fill it to the end of the media and no further: that is sound.
    assert plan.moved == (bad == "runs")


def test_a_view_that_cannot_be_proved_is_not_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    original = tables.shifted
    monkeypatch.setattr(
        "vidcdn_desktop.media.faststart_moves.tables.shifted",
        lambda data, width, delta: original(data, width, delta)[:-1] + b"\x07",
    )
    source, plan = plan_for(mb.FTYP, mb.box(b"mdat", MEDIA), mb.moov(mb.trak(mb.stco([32, 64]), 2)))
    assert plan.report.layout is Layout.UNSUPPORTED
    assert plan.source is source
    assert not plan.moved


def test_the_proof_sees_a_view_built_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    build = faststart._view

    def swapped(source: ByteSource, decision: object) -> object:
        view = build(source, decision)  # type: ignore[arg-type]
        return type(view)([view.ranges[1], view.ranges[0], *view.ranges[2:]])

    monkeypatch.setattr(faststart, "_view", swapped)
    _, plan = plan_for(mb.FTYP, mb.box(b"mdat", MEDIA), mb.moov(mb.trak(mb.stco([32, 64]), 2)))
    assert plan.report.layout is Layout.UNSUPPORTED


def test_a_source_that_changes_says_so(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(mb.FTYP + mb.box(b"mdat", MEDIA) + mb.moov(mb.trak(mb.stco([32]), 1)))
    with FileSource(path) as source:
        with path.open("r+b") as file:
            file.truncate(700)
        with pytest.raises(SourceChanged):
            plan_fast_start(source)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=40),
    delta=st.integers(-1000, 1000),
    ordered=st.booleans(),
)
def test_tables_shift_like_numbers(values: list[int], delta: int, ordered: bool) -> None:
    values = sorted(values) if ordered else values
    data = struct.pack(f">{len(values)}I", *values)
    assert tables.bounds(data, 4) == (min(values), max(values))
    assert tables.is_ascending(data, 4) == (values == sorted(values))
    assert tables.bytes_used(data, 4) == (max(values).bit_length() + 7) // 8
    wide = tables.widened(data)
    assert wide == struct.pack(f">{len(values)}Q", *values)
    moved = [value + delta for value in values]
    if min(moved) >= 0:
        assert tables.shifted(wide, 8, delta) == struct.pack(f">{len(values)}Q", *moved)
        assert tables.differ_by(wide, tables.shifted(wide, 8, delta), 8, delta)
        if max(moved) < 1 << 32:
            assert tables.shifted(data, 4, delta) == struct.pack(f">{len(values)}I", *moved)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_layouts_keep_every_sample(data: st.DataObject) -> None:
    draw = data.draw
    kinds = st.sampled_from([b"mdat", b"free", b"wide", b"uuid", b"zzzz"])
    before = [(kind, media(draw(st.integers(16, 90)), n)) for n, kind in enumerate(draw(st.lists(kinds, max_size=5)))]
    after = [
        (kind, media(draw(st.integers(16, 90)), n + 9)) for n, kind in enumerate(draw(st.lists(kinds, max_size=4)))
    ]
    start = mb.FTYP if draw(st.booleans()) else b""
    before.append((b"mdat", media(64, 99)))
    shapes = draw(st.lists(st.tuples(st.sampled_from([mb.stco, mb.co64]), st.integers(0, 9)), min_size=1, max_size=4))
    size = len(mb.moov(*(mb.trak(table([0] * n), n, 8) for table, n in shapes)))
    spots: list[int] = []
    position = len(start)
    for number, (_, body) in enumerate(before + after):
        position += size if number == len(before) else 0
        spots += range(position + 8, position + len(body) + 1)
        position += 8 + len(body)
    traks = [mb.trak(table([draw(st.sampled_from(spots)) for _ in range(n)]), n, 8) for table, n in shapes]
    blob = [start, *(mb.box(k, b) for k, b in before), mb.moov(*traks), *(mb.box(k, b) for k, b in after)]
    source, plan = plan_for(*blob)
    assert plan.moved, plan.report.reason
    old, new = (list(chain(*mb.chunk_offsets(index_of(s)[1]))) for s in (source, plan.source))
    for was, now in zip(old, new, strict=True):
        assert source.read_at(was, 8) == plan.source.read_at(now, 8)
    assert boxes_but_index(whole(plan.source)) == boxes_but_index(whole(source))


def _mutations(base: bytes, seed: int, count: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    index = base.find(b"moov")
    for _ in range(count):
        data = bytearray(base)
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = (
                rng.randrange(index, len(data))
                if index < len(data) and rng.random() < 0.8
                else rng.randrange(len(data))
            )
            match rng.randrange(5):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    data[at : at + 4] = rng.choice((0, 1, 7, len(data), 0xFFFFFFFF, index)).to_bytes(4, "big")
                case 2:
                    del data[at : at + rng.choice((1, 4, 20))]
                case 3:
                    data[at:at] = rng.randbytes(rng.choice((1, 4, 12)))
                case _:
                    del data[max(1, at) :]
            if len(data) < 2:
                break
        yield bytes(data)


def test_damaged_films_never_raise_and_never_lose_a_sample() -> None:
    offsets = list(range(32, 500, 24))
    aux = mb.full(b"saio", struct.pack(">II", 1, 60))
    base = b"".join(
        (
            mb.FTYP,
            mb.box(b"mdat", MEDIA),
            mb.moov(
                mb.trak(mb.stco(offsets), len(offsets), sizes=[24] * len(offsets)),
                mb.trak(mb.co64([80, 200]), 2, 10, per_chunk=3, more=[saiz(1), aux]),
            ),
            mb.box(b"free", b"tail"),
        )
    )
    moved = 0
    for data in _mutations(base, 7, 600):
        source = BytesSource(data)
        plan = plan_fast_start(source)
        assert plan.report.reason
        if not plan.moved:
            assert plan.source is source
            continue
        moved += 1
        old, new = (list(chain(*mb.chunk_offsets(index_of(s)[1]))) for s in (source, plan.source))
        for was, now in zip(old, new, strict=True):
            assert source.read_at(was, 1) == plan.source.read_at(now, 1)
    assert moved > 50


def _ffmpeg(*arguments: str) -> str:
    run = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *arguments], capture_output=True, text=True, check=True)
    return run.stdout


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    sources = ("-f", "lavfi", "-i", "testsrc2=s=160x120:d=1", "-f", "lavfi", "-i", "sine=d=1")
    _ffmpeg(*sources, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-metadata", "title=A clip", str(path))
    return path


KEY = "76a6c65c5ea762046bd749a2e632ccbb"
LOCK = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY]


@pytest.mark.parametrize(
    ("name", "options"),
    [("film.mp4", []), ("film.mov", ["-timecode", "01:00:00:00"]), ("locked.mp4", LOCK)],
)
def test_what_ffmpeg_writes_and_reads(clip: Path, tmp_path: Path, name: str, options: list[str]) -> None:
    film, moved = tmp_path / name, tmp_path / f"moved-{name}"
    _ffmpeg("-i", str(clip), "-map", "0", "-c", "copy", *options, str(film))
    with FileSource(film) as source:
        plan = plan_fast_start(source)
        assert plan.moved, plan.report.reason
        moved.write_bytes(whole(plan.source))
    hashes = [_ffmpeg("-i", str(p), "-map", "0", "-c", "copy", "-f", "streamhash", "-") for p in (film, moved)]
    assert hashes[0]
    assert hashes[0] == hashes[1]
    key = ["-decryption_key", KEY] if "locked" in name else []
    frames = [_ffmpeg(*key, "-i", str(p), "-map", "0:v", "-f", "framemd5", "-") for p in (film, moved)]
    assert frames[0] == frames[1]
    with FileSource(moved) as source:
        again = plan_fast_start(source)
        assert again.report.layout is Layout.ALREADY
        assert again.source is source


def test_fragments_from_ffmpeg_stay_as_they_are(clip: Path, tmp_path: Path) -> None:
    film = tmp_path / "fragments.mp4"
    _ffmpeg("-i", str(clip), "-c", "copy", "-movflags", "+frag_keyframe+empty_moov", str(film))
    with FileSource(film) as source:
        plan = plan_fast_start(source)
        assert plan.report.layout is Layout.FRAGMENTED
        assert plan.source is source
