"""Arithmetic on tables of big-endian numbers without making a Python number of each.

A table of n big-endian w-byte values is one n*w-byte integer, so one addition shifts all its values, and the borrows
that leave a lane tell which values are smaller than others. Work goes block by block, so extra memory stays small.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from functools import lru_cache

BLOCK_ENTRIES = 1 << 16
"""Values per block: large enough that Python's cost per block vanishes, small enough for the processor's cache."""

Buffer = bytes | bytearray | memoryview

_CODES = {2: "H", 4: "I", 8: "Q"}


def blocks(count: int) -> Iterator[tuple[int, int]]:
    """Yield (first index, number of values) of each block of a table of `count` values."""
    for first in range(0, count, BLOCK_ENTRIES):
        yield first, min(BLOCK_ENTRIES, count - first)


def numbers(data: Buffer, width: int) -> array[int]:
    """The big-endian values in `data` as an array; `width` is 2, 4 or 8 bytes."""
    values = array(_CODES[width])
    values.frombytes(data)
    if sys.byteorder == "little":
        values.byteswap()
    return values


def packed(values: array[int]) -> bytes:
    """The values of an array as big-endian bytes. The array is used up."""
    if sys.byteorder == "little":
        values.byteswap()
    return values.tobytes()


def bounds(data: Buffer, width: int) -> tuple[int, int]:
    """The smallest and the largest value in `data`, which must hold at least one."""
    count = len(data) // width
    if count > 8 and is_ascending(data, width):
        return int.from_bytes(data[:width], "big"), int.from_bytes(data[-width:], "big")
    values = numbers(data, width)
    return min(values), max(values)


def is_ascending(data: Buffer, width: int) -> bool:
    """Whether no value is smaller than the one before it."""
    count = len(data) // width
    if count < 2:
        return True
    value = int.from_bytes(data, "big")
    earlier = value >> (8 * width)
    # A lane that is smaller than the one above it borrows from there, which flips the lowest bit there.
    return not ((value - earlier) ^ value ^ earlier) & _repeated(1, count, width)


def bytes_used(data: Buffer, width: int) -> int:
    """How many of the `width` bytes of the values in `data` are used by any of them."""
    plain = bytes(data)
    none = bytes(len(plain) // width)
    for unused in range(width):
        if plain[unused::width] != none:
            return width - unused
    return 0


def shifted(data: Buffer, width: int, delta: int) -> bytes:
    """All values plus `delta`. No value may leave the range of its width: the caller knows the bounds."""
    if not delta:
        return bytes(data)
    count = len(data) // width
    return (int.from_bytes(data, "big") + _repeated(delta, count, width)).to_bytes(len(data), "big")


def differ_by(old: Buffer, new: Buffer, width: int, delta: int) -> bool:
    """Whether each value of `new` is that of `old` plus `delta`."""
    count = len(old) // width
    if len(new) != len(old):
        return False
    return int.from_bytes(new, "big") - int.from_bytes(old, "big") == _repeated(delta, count, width)


def widened(data: Buffer) -> bytes:
    """A table of 32-bit values as 64-bit values."""
    out = bytearray(2 * len(data))
    # Four bytes are moved at a time, as they are: which way round they count does not matter.
    memoryview(out).cast("I")[1::2] = memoryview(data).cast("I")
    return bytes(out)


@lru_cache(maxsize=16)
def _repeated(value: int, count: int, width: int) -> int:
    """A number with `value` in each of `count` lanes; a negative one borrows across them, as adding it must."""
    return int.from_bytes((1).to_bytes(width, "big") * count, "big") * value
