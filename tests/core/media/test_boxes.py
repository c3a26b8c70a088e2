"""Reading box headers: what is sound is yielded, what is not is refused, and never anything but CorruptMedia."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import moviebuilder as mb
import pytest

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media import boxes
from vidcdn_desktop.media.boxes import child_boxes, scan_top_level, top_level_boxes
from vidcdn_desktop.media.info import BoxHeader


class CountedSource(BytesSource):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.lengths: list[int] = []

    def read_at(self, offset: int, length: int) -> bytes:
        self.lengths.append(length)
        return super().read_at(offset, length)


def top(data: bytes) -> list[BoxHeader]:
    return list(top_level_boxes(BytesSource(data)))


def test_short_long_and_open_ended_sizes_are_resolved() -> None:
    data = mb.FTYP + mb.box(b"mdat", bytes(100), wide=True) + mb.box(b"free", bytes(5), to_end=True)
    assert top(data) == [
        BoxHeader("ftyp", 0, 24, 8),
        BoxHeader("mdat", 24, 116, 16),
        BoxHeader("free", 140, 13, 8),
    ]


def test_payloads_are_never_read() -> None:
    source = CountedSource(mb.FTYP + mb.box(b"mdat", bytes(1 << 20)) + mb.box(b"moov", bytes(1000)))
    assert [box.type for box in top_level_boxes(source)] == ["ftyp", "mdat", "moov"]
    assert source.lengths == [16, 16, 16]


def test_odd_bytes_in_a_type_are_written_as_numbers() -> None:
    assert [box.type for box in top(mb.box(b"\xa9n\\m"))] == ["\\xa9n\\x5cm"]


def test_a_few_stray_bytes_at_the_end_are_no_damage() -> None:
    data = mb.FTYP + b"\0\0\0\0\x01\x02"
    assert [box.type for box in top(data)] == ["ftyp"]
    assert scan_top_level(BytesSource(data)).stray_bytes == 6


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(struct.pack(">I4s", 7, b"free"), id="smaller than its header"),
        pytest.param(struct.pack(">I4s", 9, b"mdat"), id="beyond the end"),
        pytest.param(struct.pack(">I4sQ", 1, b"mdat", 15), id="64-bit, smaller than its header"),
        pytest.param(struct.pack(">I4sQ", 1, b"mdat", (1 << 64) - 1), id="64-bit, beyond the end"),
        pytest.param(struct.pack(">I4sI", 1, b"mdat", 0), id="cut inside the 64-bit size"),
    ],
)
def test_damage_is_refused_after_the_sound_boxes(tail: bytes) -> None:
    found: list[BoxHeader] = []
    with pytest.raises(CorruptMedia) as caught:
        found.extend(_passing(found, top_level_boxes(BytesSource(mb.FTYP + tail))))
    assert [box.type for box in found] == ["ftyp"]
    assert caught.value.code
    scan = scan_top_level(BytesSource(mb.FTYP + tail))
    assert [box.type for box in scan.boxes] == ["ftyp"]
    assert scan.stopped_at is not None
    assert scan.problem == caught.value.code
    assert scan.stray_bytes == len(tail)


def _passing(found: list[BoxHeader], boxes_: Iterator[BoxHeader]) -> list[BoxHeader]:
    for box in boxes_:
        found.append(box)
    return []


def test_the_number_of_boxes_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "MAX_TOP_LEVEL_BOXES", 3)
    monkeypatch.setattr(boxes, "MAX_CHILD_BOXES", 3)
    data = mb.box(b"free") * 4
    with pytest.raises(CorruptMedia):
        top(data)
    assert len(scan_top_level(BytesSource(data)).boxes) == 3
    with pytest.raises(CorruptMedia):
        list(child_boxes(data, 0, len(data)))
    assert len(list(child_boxes(data, 0, 24))) == 3


def test_children_carry_their_place_in_the_file() -> None:
    inner = mb.box(b"trak", b"abcd") + mb.box(b"udta", wide=True)
    payload = b"????" + inner
    assert list(child_boxes(payload, 4, len(payload), base_offset=1000)) == [
        BoxHeader("trak", 1004, 12, 8),
        BoxHeader("udta", 1016, 16, 16),
    ]


@pytest.mark.parametrize("terminator", [bytes(4), bytes(8), bytes(12)])
def test_a_quicktime_list_ends_with_zeros(terminator: bytes) -> None:
    data = mb.box(b"name", b"x") + terminator
    assert [box.type for box in child_boxes(data, 0, len(data))] == ["name"]


def test_a_child_without_a_size_runs_to_the_end_of_its_parent() -> None:
    data = mb.box(b"free") + mb.box(b"data", b"1234", to_end=True) + b"next"
    assert [box.size for box in child_boxes(data, 0, len(data) - 4)] == [8, 12]


@pytest.mark.parametrize(
    "child",
    [struct.pack(">I4s", 12, b"trak"), struct.pack(">I4s", 3, b"trak"), struct.pack(">I4s", 1, b"trak")],
)
def test_a_child_that_does_not_fit_is_refused(child: bytes) -> None:
    with pytest.raises(CorruptMedia):
        list(child_boxes(child + b"behind the parent", 0, 8))


def test_a_range_outside_the_buffer_is_refused() -> None:
    with pytest.raises(CorruptMedia):
        list(child_boxes(bytes(10), 4, 20))
