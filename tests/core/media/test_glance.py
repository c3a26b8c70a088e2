"""A glance at a film: the right verdict and facts from a few bytes, and a bound whatever the file claims."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import moviebuilder as mb
import pytest
from glances import Sparse, index, long_film, mvhd, remote, track
from hypothesis import given, settings
from hypothesis import strategies as st

from vidcdn_desktop.bytesource import ByteSource, BytesSource, FileSource
from vidcdn_desktop.media.glance import AHEAD, HEAD, MOST_BYTES, MOST_READS, TAIL, glance
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts, facts_from_json
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.media.layout import read_layout

GB = 1 << 30


def look(source: ByteSource) -> tuple[VideoFacts, int, int]:
    """Facts, bytes and requests; none of them beyond what may be read."""
    reader = remote(source)
    facts = glance(reader)
    assert reader.traffic.bytes_down <= MOST_BYTES
    assert reader.traffic.requests <= 2 * MOST_READS  # a read around what is here already takes two
    assert facts.reason.endswith(".")
    return facts, reader.traffic.bytes_down, reader.traffic.requests


def is_the_film(facts: VideoFacts) -> bool:
    told = (facts.duration_s, facts.video_codec, facts.width, facts.height, facts.audio_codec, facts.is_film)
    return told == (5400.0, "h264", 640, 360, "opus", True)


def test_a_small_index_in_front_takes_one_read() -> None:
    facts, read, requests = look(long_film(index(500), 4 * GB, index_first=True))
    assert (facts.place, facts.layout, facts.proved) == (IndexPlace.FRONT, Layout.ALREADY, True)
    assert is_the_film(facts)
    assert (read, requests) == (HEAD, 1)


def test_a_small_index_at_the_end_takes_two() -> None:
    moov = index(500)
    facts, read, requests = look(long_film(moov, 4 * GB, index_first=False))
    assert facts.place is IndexPlace.END
    assert (read, requests) == (HEAD + len(moov), 2)
    assert is_the_film(facts)


@pytest.mark.parametrize("first", [True, False])
def test_of_a_large_index_only_the_descriptions_are_read(first: bool) -> None:
    moov = index(2_000_000)
    assert len(moov) > 15_000_000
    facts, read, requests = look(long_film(moov, 40 * GB, index_first=first))
    assert facts.place is (IndexPlace.FRONT if first else IndexPlace.END)
    assert facts.layout is (Layout.ALREADY if first else Layout.NEEDS)
    assert not facts.proved
    assert is_the_film(facts)
    assert facts.index_bytes == len(moov)
    assert read <= HEAD + 4 * AHEAD
    assert requests <= 4


def test_descriptions_behind_the_tables_are_found() -> None:
    facts, read, _ = look(long_film(index(200_000, tables_first=True), GB, index_first=True))
    assert is_the_film(facts)
    assert read <= HEAD + 16 * AHEAD


def test_an_index_that_hides_its_descriptions_costs_no_more() -> None:
    facts, _, requests = look(long_film(index(200_000, junk=400), GB, index_first=True))
    assert facts.place is IndexPlace.FRONT
    assert facts.duration_s == 5400.0
    assert facts.video_codec == ""
    assert requests <= MOST_READS


def test_a_film_in_thousands_of_fragments_is_told_from_its_head() -> None:
    init = mb.box(b"moov", mvhd(0), track(b"vide", b"avc1", 0), mb.box(b"mvex", mb.full(b"trex", bytes(20))))
    moof = mb.box(b"moof", mb.full(b"mfhd", bytes(4)))
    pair = moof + mb.box(b"mdat", bytes(50_000))
    facts, read, requests = look(BytesSource(mb.FTYP + init + pair * 300))
    assert (facts.place, facts.layout) == (IndexPlace.FRAGMENTED, Layout.FRAGMENTED)
    assert facts.video_codec == "h264"
    assert facts.duration_s is None
    assert "how long" in facts.unknown
    assert (read, requests) == (HEAD + AHEAD, 2), "the end may hold a list of them"


@pytest.mark.parametrize("version", [0, 1])
def test_a_segment_index_tells_the_duration(version: int) -> None:
    init = mb.box(b"moov", mvhd(0), track(b"vide", b"avc1", 0), mb.box(b"mvex", mb.full(b"trex", bytes(20))))
    pair = mb.box(b"moof", mb.full(b"mfhd", bytes(4))) + mb.box(b"mdat", bytes(90_000))
    entries = struct.pack(">III", len(pair), 2000, 0) * 30
    place = struct.pack(">QQ" if version else ">II", 0, 0)
    sidx = mb.full(b"sidx", struct.pack(">II", 1, 1000), place, struct.pack(">HH", 0, 30), entries, version=version)
    facts, _, requests = look(BytesSource(mb.FTYP + init + sidx + pair * 30))
    assert facts.duration_s == 60.0
    assert facts.unknown == ""
    assert requests == 1
    assert look(BytesSource(mb.FTYP + init + sidx + pair * 90))[0].duration_s is None, "it names a part only"


def fragmented(count: int, *, timed: bool = True, listed: bool = True) -> bytes:
    """A film in fragments of two seconds whose header does not say how long it is."""
    trex = mb.full(b"trex", struct.pack(">IIIII", 1, 1, 40, 0, 0))
    data = mb.FTYP + mb.box(b"moov", mvhd(0), track(b"vide", b"avc1", 0), mb.box(b"mvex", trex))
    places = []
    for number in range(count):
        tfhd = mb.full(b"tfhd", struct.pack(">I", 1))
        tfdt = mb.full(b"tfdt", struct.pack(">I", number * 2000)) if timed else b""
        traf = mb.box(b"traf", tfhd, tfdt, mb.full(b"trun", struct.pack(">I", 50)))
        places.append(len(data))
        data += mb.box(b"moof", mb.full(b"mfhd", bytes(4)), traf) + mb.box(b"mdat", bytes(30_000))
    entries = b"".join(struct.pack(">IIBBB", 2000 * n, at, 1, 1, 1) for n, at in enumerate(places))
    tfra = mb.full(b"tfra", struct.pack(">III", 1, 0, count), entries)
    mfro = mb.full(b"mfro", struct.pack(">I", 8 + len(tfra) + 16))
    return data + (mb.box(b"mfra", tfra, mfro) if listed else b"")


def test_the_list_at_the_end_tells_the_duration_of_a_film_in_fragments() -> None:
    facts, read, requests = look(BytesSource(fragmented(150)))
    assert facts.place is IndexPlace.FRAGMENTED
    assert facts.duration_s == 300.0
    assert facts.fps == 25.0
    assert facts.unknown == ""
    assert requests <= 4
    assert read <= HEAD + 3 * AHEAD
    assert look(BytesSource(fragmented(150, timed=False)))[0].duration_s is None
    assert look(BytesSource(fragmented(150, listed=False)))[0].duration_s is None
    damaged = bytearray(fragmented(150))
    damaged[-5000:-16] = bytes(4984)
    assert look(BytesSource(bytes(damaged)))[0].duration_s is None


KINDS = {
    "Matroska": b"\x1a\x45\xdf\xa3" + bytes(90_000),
    "WebM": b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + bytes(90_000),
    "MPEG transport stream": (b"\x47" + bytes(187)) * 600,
    "AVI": b"RIFF\0\0\1\0AVI " + bytes(90_000),
    "MP3": b"ID3\x04" + bytes(90_000),
}


@pytest.mark.parametrize("name", KINDS)
def test_other_kinds_get_no_verdict_on_an_index(name: str) -> None:
    facts, read, requests = look(BytesSource(KINDS[name]))
    assert (facts.place, facts.layout, facts.container) == (IndexPlace.NONE, Layout.NOT_MP4, name)
    assert facts.is_film
    assert name in facts.reason
    assert facts.unknown
    assert (read, requests) == (HEAD, 1)


def test_an_empty_file_takes_no_request() -> None:
    facts, read, requests = look(BytesSource(b""))
    assert (facts.layout, facts.is_film, read, requests) == (Layout.CORRUPT, False, 0, 0)


def test_what_is_no_film_is_told() -> None:
    assert not look(BytesSource(b"GIF89a" + bytes(100)))[0].is_film
    assert not look(BytesSource(b"Dear diary,\n" * 9000))[0].is_film


def _claims(kind: bytes, size: int) -> bytes:
    return struct.pack(">I4sQ", 1, kind, size)


FTYP = mb.FTYP
HOSTILE: dict[str, ByteSource] = {
    "a film of empty boxes": BytesSource(FTYP + mb.box(b"free") * 400_000),
    "boxes a hop apart": BytesSource(FTYP + mb.box(b"skip", bytes(AHEAD + 100)) * 4000),
    "an index of a terabyte": Sparse(1 << 41, {0: FTYP + _claims(b"moov", 1 << 40) + mvhd(60)}),
    "an index that runs to the end": Sparse(1 << 41, {0: FTYP + b"\0\0\0\0moov" + mvhd(60)}),
    "an index behind a terabyte of another box": Sparse(
        1 << 42, {0: FTYP + _claims(b"mdat", 1 << 41), len(FTYP) + (1 << 41): _claims(b"moov", 1 << 40) + mvhd(9)}
    ),
    "a description of a gigabyte": Sparse(
        4 * GB,
        {0: FTYP + _claims(b"moov", 3 * GB) + mvhd(60) + b"".join(_claims(k, 2 * GB) for k in (b"trak", b"mdia"))},
    ),
    "a box longer than the file": BytesSource(FTYP + _claims(b"moov", 1 << 62) + bytes(500)),
    "tracks without end": BytesSource(
        FTYP + mb.box(b"moov", mvhd(60), track(b"vide", b"avc1", 400) * 1500) + mb.box(b"mdat", bytes(99))
    ),
    "boxes in boxes": Sparse(
        1 << 41, {0: FTYP + b"".join(_claims(b"moov" if n == 0 else b"trak", (1 << 40) - 16 * n) for n in range(3000))}
    ),
    "only zeros": Sparse(GB, {}),
    "fragments before the index": BytesSource(
        FTYP + (mb.box(b"moof", bytes(90)) + mb.box(b"mdat", bytes(9000))) * 900 + mb.box(b"moov", mvhd(3))
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_no_more(name: str) -> None:
    look(HOSTILE[name])


def _films() -> list[bytes]:
    end, front = long_film(index(40), 70_000, index_first=False), long_film(index(9000), 9, index_first=True)
    return [*(source.read_at(0, source.size) for source in (end, front)), fragmented(5)]


@settings(max_examples=300, deadline=None)
@given(which=st.integers(0, 2), seed=st.integers(0, 1 << 32), cut=st.booleans())
def test_damage_never_raises_and_never_costs_more(which: int, seed: int, cut: bool) -> None:
    dice = random.Random(seed)
    data = bytearray(FILMS[which])
    # Where sizes and types stand; the tables in between matter less.
    ends = [*range(300), *range(len(data) - 1500, len(data)), *range(70_000, 72_000)]
    for _ in range(dice.randrange(1, 6)):
        data[min(dice.choice(ends), len(data) - 1)] = dice.choice((0, 1, 8, 255, dice.randrange(256)))
    source = BytesSource(bytes(data[: dice.randrange(len(data))] if cut else data))
    facts = look(source)[0]
    if facts.proved:
        assert facts.layout is read_layout(source).layout
    assert facts_from_json(facts.to_json()) == facts


FILMS = _films()


@pytest.mark.corpus
def test_every_real_film_gets_its_verdict_from_a_few_bytes(media_dir: Path, manifest: list[dict[str, Any]]) -> None:
    wrong = []
    for entry in manifest:
        with FileSource(media_dir / entry["name"]) as source:
            facts, read, _ = look(source)
        if facts.layout.value not in (entry["expected"], *entry["also_ok"]):
            wrong.append(f"{entry['name']}: {facts.layout.value}")
        if read > HEAD + TAIL:
            wrong.append(f"{entry['name']}: {read} bytes")
    assert wrong == []


FACTS = VideoFacts(Layout.NEEDS, IndexPlace.END, "Why.", proved=True, is_film=True, duration_s=1.5, width=2, fps=25.0)


def test_facts_survive_being_written_down() -> None:
    assert facts_from_json(FACTS.to_json()) == FACTS


@pytest.mark.parametrize(
    "damage",
    [{"layout": "other"}, {"place": 1}, {"proved": 1}, {"width": True}, {"width": "2"}, {"reason": None}, {"more": 1}],
)
def test_damaged_facts_are_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        facts_from_json({**FACTS.to_json(), **damage})
    with pytest.raises(ValueError):
        facts_from_json({"layout": "needs"})
    assert not replace(FACTS, place=IndexPlace.FRONT).starts_slowly
