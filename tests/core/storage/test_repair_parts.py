"""The parts of a repaired object keep the store's limits, and its checksum is right without reading what is kept."""

from __future__ import annotations

import random

import pytest

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.parts import MAX_PART_SIZE, MIB
from vidcdn_desktop.storage.repair_crc import WORTH_READING, derived
from vidcdn_desktop.storage.repair_parts import (
    SMALLEST_PART,
    KeptRange,
    Piece,
    RepairPart,
    kept_ranges,
    plan_parts,
    split_copies,
)


def random_pieces(dice: random.Random) -> list[Piece]:
    """A layout: runs of an old object and new bytes, of lengths around every limit."""
    lengths = [8, 100, 70_000, 4 * MIB, SMALLEST_PART - 1, SMALLEST_PART, 9 * MIB, 700 * MIB, 3 << 30, 12 << 30]
    pieces: list[Piece] = []
    at = old = 0
    for _ in range(dice.randint(1, 7)):
        length = dice.choice(lengths) + dice.randint(0, 5)
        copied = dice.random() < 0.6
        pieces.append(Piece(at, length, old if copied else None))
        at += length
        old += length + dice.choice((0, 0, 77))
    return pieces


def assert_sound(pieces: list[Piece], parts: tuple[RepairPart, ...]) -> None:
    size = pieces[-1].end
    assert [p.number for p in parts] == list(range(1, len(parts) + 1))
    assert len(parts) <= 10_000
    at = 0
    for part in parts:
        assert part.offset == at
        at += part.length
        assert 0 < part.length <= MAX_PART_SIZE or part.copied_from is None
        assert part.length >= SMALLEST_PART or part is parts[-1]
        if part.copied_from is not None:
            (run,) = [p for p in pieces if p.offset <= part.offset < p.end]
            assert run.copied_from is not None
            assert part.offset + part.length <= run.end
            assert part.copied_from - part.offset == run.copied_from - run.offset
    assert at == size


@pytest.mark.parametrize("equal", [False, True])
def test_ten_thousand_layouts_keep_the_limits(equal: bool) -> None:
    dice = random.Random(7)
    for _ in range(5_000):
        pieces = random_pieces(dice)
        assert_sound(pieces, plan_parts(pieces, equal=equal))


def test_parts_of_one_length_where_the_store_wants_them() -> None:
    pieces = [Piece(0, 32, 0), Piece(32, 9_000, None), Piece(9_032, 300 * MIB, 32)]
    parts = plan_parts(pieces, equal=True)
    assert {part.length for part in parts[:-1]} == {SMALLEST_PART}
    assert parts[0].copied_from is None
    assert all(part.copied_from is not None for part in parts[1:])


def test_an_ordinary_film_takes_one_part_and_few_copies() -> None:
    pieces = [Piece(0, 32, 0), Piece(32, 160_000, None), Piece(160_032, 4 << 30, 32)]
    first, *copies = plan_parts(pieces)
    assert (first.length, first.copied_from) == (SMALLEST_PART, None)
    assert len(copies) == 4
    (kept,) = kept_ranges((first, *copies))
    assert kept == KeptRange(SMALLEST_PART - 160_000, SMALLEST_PART, pieces[-1].end - SMALLEST_PART)


def test_an_object_is_copied_whole_in_parts() -> None:
    parts = split_copies(6 << 30)
    assert [part.copied_from for part in parts] == [part.offset for part in parts]
    assert sum(part.length for part in parts) == 6 << 30


def cut(dice: random.Random, *, tail: int) -> tuple[bytes, bytes, list[KeptRange]]:
    """An object whose index moves to the front, and what is kept."""
    first, index, media, behind = (dice.randbytes(dice.randint(1, 50_000)) for _ in range(4))
    behind = behind[:tail]
    fresh = dice.randbytes(max(1, len(index) + dice.choice((-1, 0, 8))))
    old, new = first + media + index + behind, first + fresh + media + behind
    kept = [KeptRange(len(first), len(first) + len(fresh), len(media))]
    if behind:
        kept.append(KeptRange(len(old) - len(behind), len(new) - len(behind), len(behind)))
    return old, new, kept


class Deaf:
    """A source that may not be read inside the kept ranges."""

    def __init__(self, data: bytes, closed: list[tuple[int, int]]) -> None:
        self._data = data
        self._closed = closed

    @property
    def size(self) -> int:
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        for start, end in self._closed:
            assert offset + length <= start or offset >= end, "read what is kept"
        return self._data[offset : offset + length]


@pytest.mark.parametrize("algorithm", ["CRC64NVME", "CRC32"])
@pytest.mark.parametrize("tail", [0, 3000])
def test_the_checksum_follows_from_the_old_one(algorithm: str, tail: int) -> None:
    dice = random.Random(f"{algorithm} {tail}")
    for _ in range(50):
        old, new, kept = cut(dice, tail=tail)
        first = kept[:1]
        before = Deaf(old, [(k.old_at, k.old_at + k.length) for k in first])
        after = Deaf(new, [(k.new_at, k.new_at + k.length) for k in first])
        told = checksum_of(algorithm, BytesSource(old), 0, len(old))
        if len(kept) > 1 and kept[1].length > kept[0].length:
            continue  # then the other range is the one that is not read
        assert derived(algorithm, told, before, after, kept) == checksum_of(algorithm, BytesSource(new), 0, len(new))


def test_a_wrong_byte_in_what_is_kept_gives_another_checksum() -> None:
    old, new, kept = cut(random.Random(3), tail=0)
    other = bytearray(new)
    other[kept[0].new_at + 5] ^= 1
    told = checksum_of("CRC64NVME", BytesSource(old), 0, len(old))
    right = derived("CRC64NVME", told, BytesSource(old), BytesSource(new), kept)
    assert right != checksum_of("CRC64NVME", BytesSource(bytes(other)), 0, len(other))


def test_what_cannot_be_worked_out_is_not_told() -> None:
    half = WORTH_READING + 1
    old, new = BytesSource(bytes(2 * half + 10)), BytesSource(bytes(2 * half + 20))
    apart = [KeptRange(0, 0, half), KeptRange(half + 10, half + 20, half)]
    told = checksum_of("CRC64NVME", old, 0, old.size)
    assert derived("CRC64NVME", told, old, new, [apart[0], KeptRange(half, half + 20, half)]) == ""
    assert derived("SHA256", told, old, new, apart) == ""
    assert derived("CRC64NVME", "no base64!", old, new, apart) == ""
    assert derived("CRC64NVME", "AAAA", old, new, apart) == ""
    assert derived("CRC64NVME", told, old, new, []) == ""
