"""Small files that claim to be large: each costs little time and memory, and ends in a verdict."""

from __future__ import annotations

import contextlib
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import moviebuilder as mb
import pytest

from tests.benchmarks.fuzz_faststart import Gauge
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.media.layout import read_layout
from vidcdn_desktop.media.movie import read_movie

MIB = 1 << 20
MDAT = mb.box(b"mdat", bytes(600))
HDLR = mb.full(b"hdlr", bytes(4), b"pict", bytes(13))
LIES = 0xFFFFFFFF


def film(index: bytes, *more: bytes) -> bytes:
    return b"".join((mb.FTYP, MDAT, *more, index))


def with_tables(offsets: bytes, *boxes: bytes, handler: bytes = b"vide") -> bytes:
    """A film of one track with exactly these boxes in its sample table."""
    dref = mb.full(b"dref", struct.pack(">I", 1), mb.SELF)
    minf = mb.box(b"minf", mb.box(b"dinf", dref), mb.box(b"stbl", offsets, *boxes))
    hdlr = mb.full(b"hdlr", bytes(4), handler, bytes(12), b"x\0")
    return film(mb.moov(mb.box(b"trak", mb.full(b"tkhd", bytes(80)), mb.box(b"mdia", hdlr, minf))))


def stsz(count: int, size: int = 4) -> bytes:
    return mb.full(b"stsz", struct.pack(">II", size, count))


STSC = mb.full(b"stsc", struct.pack(">IIII", 1, 1, 1, 1))


def zero_width_items() -> bytes:
    item = struct.pack(">HHH", 1, 0, 65535)
    return mb.full(b"meta", HDLR, mb.full(b"iloc", struct.pack(">HH", 0, 60_000), item * 60_000))


def bomb(size: int, told: int) -> bytes:
    cmvd = mb.box(b"cmvd", struct.pack(">I", told), zlib.compress(bytes(size), 9))
    return film(mb.box(b"moov", mb.box(b"cmov", mb.box(b"dcom", b"zlib"), cmvd)))


def many_sizes_of_keys() -> bytes:
    saiz = mb.full(b"saiz", struct.pack(">BI", 0, 100_000), b"\1" * 100_000)
    saio = mb.full(b"saio", struct.pack(">II", 1, 40))
    return with_tables(mb.stco([32]), STSC, stsz(1), *[saiz] * 60, *[saio] * 60)


RUNS_OF_COUNTLESS = b"".join(struct.pack(">III", run * 70_000 + 1, LIES, 1) for run in range(60_000))

# Each takes a number by which it is made smaller: watching memory is slow.
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "a million empty boxes": lambda n: mb.FTYP + mb.box(b"free") * (1_000_000 // n),
    "boxes before the index": lambda n: mb.FTYP + mb.box(b"zzzz", b"1234") * (240_000 // n) + MDAT + mb.moov(),
    "an index of empty boxes": lambda n: film(mb.moov(more=[mb.box(b"free") * (99_000 // n)])),
    "tracks of empty boxes": lambda n: film(mb.moov(*[mb.box(b"trak", mb.box(b"free") * 3000)] * (200 // n))),
    "more tracks than can be": lambda n: film(mb.moov(*[mb.box(b"trak")] * (90_000 // n))),
    "a table of countless entries": lambda n: with_tables(mb.full(b"stco", struct.pack(">I", LIES))),
    "countless data references": lambda n: film(
        mb.moov(mb.box(b"trak", mb.box(b"mdia", mb.box(b"minf", mb.box(b"dinf", mb.full(
            b"dref", bytes(4), mb.full(b"url ") * (90_000 // n)))))))
    ),
    "countless runs": lambda n: with_tables(
        mb.stco([32]), mb.full(b"stsc", struct.pack(">I", LIES)), stsz(LIES)
    ),
    "runs of countless samples": lambda n: with_tables(
        mb.stco([32, 40, 600]),
        mb.full(b"stsc", struct.pack(">I", 60_000), RUNS_OF_COUNTLESS),
        mb.full(b"stsz", struct.pack(">III", 0, 3, 4), bytes(8)),
    ),
    "sizes that overflow": lambda n: with_tables(mb.stco([32] * 50_000), STSC, stsz(LIES, LIES)),
    "sizes of four bits": lambda n: with_tables(
        mb.stco([32, 600]), STSC, mb.full(b"stz2", struct.pack(">II", 4, 4_000_000), bytes(2_000_000))
    ),
    "items without widths": lambda n: film(mb.moov(mb.trak(mb.stco([32]), 1)), zero_width_items()),
    "items without widths in the index": lambda n: film(mb.moov(mb.trak(mb.stco([32]), 1), more=[zero_width_items()])),
    "a large description": lambda n: film(mb.moov(mb.trak(mb.stco([32]), 1)), mb.full(b"meta", bytes(9 * MIB))),
    "a bomb that tells its size": lambda n: bomb(60 * MIB, 60 * MIB),
    "a bomb that lies": lambda n: bomb(60 * MIB, 4096),
    "a bomb that tells too much": lambda n: bomb(MIB, LIES),
    "keys and their sizes, many times": lambda n: many_sizes_of_keys(),
    "countless listed fragments": lambda n: film(
        mb.moov(mb.trak(mb.stco([32]), 1)), mb.box(b"mfra", mb.full(b"tfra", struct.pack(">III", 1, 63, LIES)))
    ),
    "countless segments": lambda n: film(
        mb.moov(mb.trak(mb.stco([32]), 1)), mb.full(b"sidx", bytes(18), b"\xff\xff")
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_costs_little_time(make: Callable[[int], bytes]) -> None:
    source = BytesSource(make(1))
    gauge = Gauge()
    gauge.start()
    started = time.thread_time()
    report = plan_fast_start(source).report
    with contextlib.suppress(CorruptMedia):
        read_movie(source, report)
    assert time.thread_time() - started < 1.5
    assert report.reason
    # Of the whole process, where the system tells; the next test looks closer, at smaller files.
    assert 1024 * gauge.added_kib() < 10 * MIB + (report.moov_size or 0)


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_costs_little_memory(make: Callable[[int], bytes]) -> None:
    source = BytesSource(make(8))
    tracemalloc.start()
    try:
        report = plan_fast_start(source).report
        with contextlib.suppress(CorruptMedia):
            read_movie(source, report)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * MIB + 4 * (report.moov_size or 0), f"{peak / MIB:.1f} MiB"


def test_places_on_both_sides_in_turn_are_still_moved_fast() -> None:
    """Nothing can be done a block at a time where each offset lies on another side of the index."""
    count = 400_000
    first, last = mb.box(b"mdat", bytes(600)), mb.box(b"mdat", bytes(600))

    def index(behind: int) -> bytes:
        table = mb.full(b"stco", struct.pack(">I", count), struct.pack(">II", 40, behind + 40) * (count // 2))
        return mb.moov(mb.trak(table, count, 4))

    moov = index(24 + len(first) + len(index(0)))
    source = BytesSource(mb.FTYP + first + moov + last)
    started = time.thread_time()
    plan = plan_fast_start(source)
    assert time.thread_time() - started < 1.0
    assert plan.moved, plan.report.reason
    assert plan.source.read_at(24, len(moov)).endswith(
        struct.pack(">II", 40 + len(moov), 24 + len(first) + len(moov) + 40)
    )


def test_a_day_of_fragments_is_told_with_few_headers_kept() -> None:
    init = mb.moov(mb.trak(mb.stco([]), 0), more=[mb.box(b"mvex", mb.full(b"trex", bytes(20)))])
    source = BytesSource(mb.FTYP + init + (mb.box(b"moof", bytes(8)) + mb.box(b"mdat", bytes(8))) * 80_000)
    report = read_layout(source)
    assert report.layout is Layout.FRAGMENTED
    assert len(report.boxes) <= 60_000
