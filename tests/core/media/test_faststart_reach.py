"""How far chunks reach: a chunk across a seam is found whatever the order of the table and the runs of its lengths."""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise

import moviebuilder as mb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidcdn_desktop.media.faststart_index import TornError, TrackIndex, read_index
from vidcdn_desktop.media.faststart_reach import SampleRuns, check_chunks


def track_of(offsets: list[int], per_chunk: list[int], sizes: list[int]) -> tuple[memoryview, TrackIndex]:
    """A track with one run of the table for each change in the number of samples a chunk has."""
    starts = [0] + [n + 1 for n, (a, b) in enumerate(pairwise(per_chunk)) if a != b]
    runs = b"".join(struct.pack(">III", n + 1, per_chunk[n], 1) for n in starts)
    dref = mb.full(b"dref", struct.pack(">I", 1), mb.SELF)
    stbl = mb.box(
        b"stbl",
        mb.full(b"stsc", struct.pack(">I", len(starts)), runs),
        mb.full(b"stsz", struct.pack(f">II{len(sizes)}I", 0, len(sizes), *sizes)),
        mb.stco(offsets),
    )
    hdlr = mb.full(b"hdlr", bytes(4), b"vide", bytes(12), b"x\0")
    minf = mb.box(b"minf", mb.box(b"dinf", dref), stbl)
    index = read_index(mb.moov(mb.box(b"trak", mb.full(b"tkhd", bytes(80)), mb.box(b"mdia", hdlr, minf))), 8)
    return index.data, index.tracks[0]


CHUNKS = st.lists(
    st.tuples(st.integers(0, 400), st.lists(st.integers(1, 30), min_size=1, max_size=4)), min_size=1, max_size=12
)


@settings(max_examples=300, deadline=None)
@given(chunks=CHUNKS, seam=st.integers(0, 520), in_order=st.booleans())
def test_a_chunk_across_a_seam_is_found(chunks: list[tuple[int, list[int]]], seam: int, in_order: bool) -> None:
    chunks = sorted(chunks, key=lambda chunk: chunk[0]) if in_order else chunks
    data, track = track_of(
        [at for at, _ in chunks], [len(sizes) for _, sizes in chunks], [size for _, sizes in chunks for size in sizes]
    )
    if any(at < seam < at + sum(sizes) for at, sizes in chunks):
        with pytest.raises(TornError):
            check_chunks(data, track, (seam,))
    else:
        check_chunks(data, track, (seam,))


@settings(max_examples=100, deadline=None)
@given(chunks=CHUNKS)
def test_each_chunk_has_the_bytes_of_its_samples(chunks: list[tuple[int, list[int]]]) -> None:
    sizes = [size for _, many in chunks for size in many]
    data, track = track_of([at for at, _ in chunks], [len(many) for _, many in chunks], sizes)
    runs = SampleRuns(data, track)
    assert [runs.chunk_bytes(n) for n in range(len(chunks))] == [sum(many) for _, many in chunks]
    ends = list(accumulate(len(many) for _, many in chunks))
    assert runs.count == ends[-1]
    assert all(runs.longest_of(n, 1) >= sum(many) for n, (_, many) in enumerate(chunks))
