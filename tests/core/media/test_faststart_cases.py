"""The rarer shapes of a film: boxes beside the index that name places, gaps kept for the index, shared tables."""

from __future__ import annotations

import struct
import zlib
from itertools import chain

import moviebuilder as mb
import pytest
from test_faststart import (
    GIB,
    MEDIA,
    HoleSource,
    _huge,
    _iloc,
    assert_same_samples,
    index_of,
    media,
    plan_for,
    whole,
)

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.media import faststart
from vidcdn_desktop.media.boxes import scan_top_level
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.media.layout import read_layout

MDAT = mb.box(b"mdat", MEDIA)
HDLR = mb.full(b"hdlr", bytes(4), b"pict", bytes(13))


def film_at(start: int) -> bytes:
    return mb.moov(mb.trak(mb.stco([start, start + 100]), 2))


def tfra(offsets: list[int], version: int = 0, lengths: int = 0b111001) -> bytes:
    code = "QQ" if version else "II"
    tail = bytes(sum((lengths >> shift & 3) + 1 for shift in (0, 2, 4)))
    entries = b"".join(struct.pack(f">{code}", 7, offset) + tail for offset in offsets)
    return mb.full(b"tfra", struct.pack(">III", 1, lengths, len(offsets)), entries, version=version)


def mfra(*tables: bytes) -> bytes:
    size = 8 + sum(map(len, tables)) + 16
    return mb.box(b"mfra", *tables, mb.full(b"mfro", struct.pack(">I", size)))


def sidx(first: int, lengths: list[int], version: int = 0) -> bytes:
    times = struct.pack(">QQ" if version else ">II", 0, first)
    entries = b"".join(struct.pack(">III", length, 0, 0) for length in lengths)
    return mb.full(
        b"sidx", struct.pack(">II", 1, 1), times, struct.pack(">HH", 0, len(lengths)), entries, version=version
    )


# Lists of fragments and segments in a film without any


@pytest.mark.parametrize("version", [0, 1])
def test_a_list_of_fragments_follows_what_it_names(version: int) -> None:
    old = mfra(tfra([24, 300], version), tfra([], version), tfra([40], version))
    index = film_at(32)
    source, plan = plan_for(mb.FTYP, MDAT, old, index, b"tail")
    assert_same_samples(source, plan)
    by = len(index)
    new = mfra(tfra([24 + by, 300 + by], version), tfra([], version), tfra([40 + by], version))
    assert whole(plan.source) == mb.FTYP + index_of(plan.source)[1] + MDAT + new + b"tail"


def test_a_list_of_fragments_behind_the_index() -> None:
    index = film_at(32)
    beyond = 24 + len(MDAT) + len(index)
    source, plan = plan_for(mb.FTYP, MDAT, index, mb.box(b"free", b"1"), mfra(tfra([24, beyond])))
    assert_same_samples(source, plan)
    assert whole(plan.source).endswith(mfra(tfra([24 + len(index), beyond])))


def test_a_list_of_fragments_whose_places_do_not_fit() -> None:
    tail = mfra(tfra([4 * GIB - 4]))
    index = mb.moov(mb.trak(mb.stco([4096]), 1))
    source = _huge(index, 5 * GIB)
    source = HoleSource(source.size + len(tail), {**source.pieces, source.size: tail})
    assert plan_fast_start(source).report.layout is Layout.UNSUPPORTED


@pytest.mark.parametrize(
    "damaged", [mb.full(b"tfra", bytes(8)), mb.full(b"tfra", bytes(8), b"\0\1\0\0"), tfra([1 << 31])]
)
def test_a_damaged_list_of_fragments_is_refused(damaged: bytes) -> None:
    _, plan = plan_for(mb.FTYP, MDAT, mb.box(b"mfra", damaged), film_at(32))
    assert plan.report.layout in (Layout.CORRUPT, Layout.UNSUPPORTED)


@pytest.mark.parametrize("version", [0, 1])
def test_a_segment_index_that_moves_with_its_media_stays(version: int) -> None:
    front = sidx(0, [300, len(MDAT) - 300], version)
    source, plan = plan_for(mb.FTYP, front, MDAT, film_at(32 + len(front)))
    assert_same_samples(source, plan)
    assert front in whole(plan.source)


def test_a_segment_index_that_would_be_wrong_is_refused() -> None:
    front = sidx(0, [len(MDAT) + 300, 400])  # over the index that will be gone
    index = film_at(32 + len(front))
    _, plan = plan_for(mb.FTYP, front, MDAT, index, mb.box(b"mdat", media(800, 5)))
    assert plan.report.layout is Layout.UNSUPPORTED
    assert "segment index" in plan.report.reason


def test_a_segment_index_shorter_than_it_says_is_damage() -> None:
    front = sidx(0, [1, 2])
    front = (len(front) - 12).to_bytes(4, "big") + front[4:-12]
    _, plan = plan_for(mb.FTYP, front, MDAT, film_at(32 + len(front)))
    assert plan.report.layout is Layout.CORRUPT


def test_a_segment_type_is_only_a_label() -> None:
    styp = mb.box(b"styp", b"msdh", bytes(4))
    source, plan = plan_for(mb.FTYP, styp, MDAT, film_at(32 + len(styp)))
    assert_same_samples(source, plan)


# Items


def test_items_inside_their_own_box_stay() -> None:
    """Method 1 counts from idat, so nothing may change."""
    iloc = _iloc(1, 4).replace(struct.pack(">HHH", 1, 0, 0), struct.pack(">HHH", 1, 1, 0))
    meta = mb.full(b"meta", HDLR, iloc, mb.box(b"idat", bytes(range(40))))
    source, plan = plan_for(mb.FTYP, meta, MDAT, film_at(32 + len(meta)))
    assert_same_samples(source, plan)
    assert meta in whole(plan.source)


def test_the_proof_covers_items(monkeypatch: pytest.MonkeyPatch) -> None:
    meta = mb.full(b"meta", HDLR, _iloc(0, 300))
    parts = (mb.FTYP, meta, MDAT, film_at(32 + len(meta)))
    assert plan_for(*parts)[1].moved
    original = faststart.decide

    def wrong(source: object) -> object:
        decision = original(source)  # type: ignore[arg-type]
        [(box, data)] = decision.changed
        object.__setattr__(decision, "changed", ((box, data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]),))
        return decision

    monkeypatch.setattr(faststart, "decide", wrong)
    _, plan = plan_for(*parts)
    assert plan.report.layout is Layout.UNSUPPORTED
    assert "proved" in plan.report.reason


# Tables


def test_tables_shared_by_tracks() -> None:
    table = mb.stco([32, 132, 232])
    source, plan = plan_for(
        mb.FTYP, MDAT, mb.moov(*(mb.trak(table, 3, handler=h) for h in (b"vide", b"soun", b"tmcd")))
    )
    assert_same_samples(source, plan)


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_small_sample_sizes(bits: int) -> None:
    sizes = [9, 15, 3]
    packed = {4: bytes([9 << 4 | 15, 3 << 4]), 8: bytes(sizes), 16: struct.pack(">3H", *sizes)}[bits]
    stz2 = mb.full(b"stz2", struct.pack(">II", bits, 3), packed)
    for edge, moves in ((8 + 600 - 3, True), (8 + 600 - 2, False)):
        trak = mb.trak(mb.stco([32, 64, 24 + edge]), 3)
        index = mb.moov(trak.replace(mb.full(b"stsz", struct.pack(">II", 16, 3)), stz2))
        index = mb.moov(*(_resized(box, stz2) for box in [trak]))
        _, plan = plan_for(mb.FTYP, MDAT, index)
        assert plan.moved is moves, plan.report.reason


def _resized(trak: bytes, stz2: bytes) -> bytes:
    """A track with its stsz replaced by another box, all sizes around it mended."""
    old = mb.full(b"stsz", struct.pack(">II", 16, 3))
    at = trak.find(old)
    more = len(stz2) - len(old)
    out = bytearray(trak)
    for kind in (b"trak", b"mdia", b"minf", b"stbl"):
        place = trak.find(kind) - 4
        out[place : place + 4] = (int.from_bytes(out[place : place + 4], "big") + more).to_bytes(4, "big")
    out[at : at + len(old)] = stz2
    return bytes(out)


def test_many_auxiliary_offsets_are_followed() -> None:
    """One for each chunk, on both sides of the index."""
    count = 300
    first, last = mb.box(b"mdat", media(4000, 2)), mb.box(b"mdat", media(4000, 3))

    def index(behind: int) -> bytes:
        places = [32 + 8 * n for n in range(count // 2)] + [behind + 8 + 8 * n for n in range(count // 2)]
        saio = mb.full(b"saio", struct.pack(f">I{count}I", count, *places))
        saiz = mb.full(b"saiz", struct.pack(">BI", 8, count))
        return mb.moov(mb.trak(mb.stco(places), count, 8, more=[saiz, saio]))

    moov = index(24 + len(first) + len(index(0)))
    source, plan = plan_for(mb.FTYP, first, moov, last)
    assert plan.moved, plan.report.reason
    old, new = (list(chain(*mb.aux_offsets(index_of(s)[1]))) for s in (source, plan.source))
    assert old != new
    assert [source.read_at(o, 8) for o in old] == [plan.source.read_at(n, 8) for n in new]


def test_a_compressed_index_with_media_on_both_sides() -> None:
    first, last = mb.box(b"mdat", media(300, 2)), mb.box(b"mdat", media(300, 3))

    def packed(behind: int) -> tuple[bytes, bytes]:
        plain = mb.moov(mb.trak(mb.stco([32, behind + 8]), 2))
        stream = zlib.compress(plain, 0)  # of one length whatever is in it
        cmvd = mb.box(b"cmvd", struct.pack(">I", len(plain)), stream)
        return plain, mb.box(b"moov", mb.box(b"cmov", mb.box(b"dcom", b"zlib"), cmvd))

    behind = 24 + len(first) + len(packed(0)[1])
    plain, index = packed(behind)
    source, plan = plan_for(mb.FTYP, first, index, last)
    assert_same_samples(source, plan, plain)


# A gap kept for the index


def _gap_film(gap: bytes, tail: bytes = b"") -> tuple[HoleSource, bytes]:
    """A film whose places would pass 4 GiB if they moved."""
    mdat = struct.pack(">I4sQ", 1, b"mdat", 5 * GIB)
    head = mb.FTYP + gap
    index = mb.moov(mb.trak(mb.stco([4096, 4 * GIB - 64]), 2))
    at = len(head) + 5 * GIB
    return HoleSource(at + len(index) + len(tail), {0: head + mdat, at: index + tail}), index


@pytest.mark.parametrize("spare", [0, 8, 2000])
@pytest.mark.parametrize("tail", [b"", mb.box(b"udta", b"end"), b"\xff\xff\xff\xffSEFTtrailer"])
def test_the_index_goes_into_a_gap_where_moving_all_would_need_wider_tables(spare: int, tail: bytes) -> None:
    size = len(_gap_film(b"")[1])
    source, index = _gap_film(mb.box(b"free", bytes(size + spare - 8)), tail)
    plan = plan_fast_start(source)
    assert plan.moved, plan.report.reason
    assert not plan.widened
    assert index_of(plan.source) == (24, index)
    assert plan.head_size == 24 + size
    for place in (4096, 4 * GIB - 64, 5 * GIB):
        assert plan.source.read_at(place, 64) == source.read_at(place, 64)
    assert plan.source.size == (source.size if tail else source.size - size)
    assert plan.source.read_at(plan.source.size - len(tail), len(tail)) == tail
    assert scan_top_level(plan.source).boxes == plan.report.boxes_after
    assert read_layout(plan.source).layout is Layout.ALREADY


@pytest.mark.parametrize(
    "gap",
    [
        pytest.param(lambda size: mb.box(b"free", bytes(size - 9)), id="too small"),
        pytest.param(lambda size: mb.box(b"free", bytes(size - 4)), id="no room for the rest's header"),
        pytest.param(lambda size: mb.box(b"free", b"x" * (size + 100)), id="not empty"),
        pytest.param(lambda size: mb.box(b"uuid", bytes(size + 100)), id="not a gap"),
    ],
)
def test_no_gap_no_swap(gap: object) -> None:
    size = len(_gap_film(b"")[1])
    source, _ = _gap_film(gap(size))  # type: ignore[operator]
    plan = plan_fast_start(source)
    assert plan.widened
    assert_same_samples(source, plan)


def test_a_gap_the_index_points_into_is_not_used() -> None:
    gap = mb.box(b"free", bytes(3000))
    index = mb.moov(mb.trak(mb.stco([64, 4 * GIB - 64]), 2))
    mdat = struct.pack(">I4sQ", 1, b"mdat", 5 * GIB)
    at = 24 + len(gap) + 5 * GIB
    source = HoleSource(at + len(index), {0: mb.FTYP + gap + mdat, at: index})
    plan = plan_fast_start(source)
    assert plan.widened
    assert_same_samples(source, plan)


def test_a_gap_lets_a_film_move_whose_pictures_could_not() -> None:
    meta = mb.full(b"meta", HDLR, _iloc(0, 4 * GIB - 200))
    index = mb.moov(mb.trak(mb.stco([8192]), 1), more=[meta])
    mdat = struct.pack(">I4sQ", 1, b"mdat", 5 * GIB)
    head = mb.FTYP + mb.box(b"free", bytes(4000))
    at = len(head) + 5 * GIB
    source = HoleSource(at + len(index), {0: head + mdat, at: index})
    plan = plan_fast_start(source)
    assert plan.moved, plan.report.reason
    assert index_of(plan.source) == (24, index)


def test_a_gap_is_left_alone_where_moving_all_costs_nothing() -> None:
    """Each other box stays byte for byte."""
    gap = mb.box(b"free", bytes(3000))
    source, plan = plan_for(mb.FTYP, gap, MDAT, film_at(32 + len(gap)))
    assert_same_samples(source, plan)
    assert gap in whole(plan.source)


def test_the_proof_sees_a_swap_built_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(_gap_film(b"")[1])
    source, _ = _gap_film(mb.box(b"free", bytes(size + 100)))
    build = faststart._with_pieces
    monkeypatch.setattr(
        faststart,
        "_with_pieces",
        lambda s, pieces: build(s, ((pieces[0][0], pieces[0][1] + 1, pieces[0][2]), *pieces[1:])),
    )
    assert plan_fast_start(source).report.layout is Layout.UNSUPPORTED


def test_the_report_tells_the_boxes_afterwards() -> None:
    for tail in (b"", mb.box(b"free", b"x")):
        source, plan = plan_for(mb.FTYP, mb.box(b"wide"), MDAT, film_at(40), tail)
        assert scan_top_level(plan.source).boxes == plan.report.boxes_after
        assert read_layout(source).boxes_after == plan.report.boxes_after
    assert plan_for(mb.FTYP, mb.moov(), b"")[1].report.boxes_after == ()


def test_reasons_say_which_order_is_unusual() -> None:
    report = read_layout(BytesSource(MDAT + mb.FTYP + mb.moov(mb.trak(mb.stco([8]), 1))))
    assert "(ftyp) stands behind the media" in report.reason
