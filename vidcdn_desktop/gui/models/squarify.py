"""Rectangles whose areas are as sizes are, as near to squares as may be. No Qt.

Source: Bruls, Huizing, van Wijk: "Squarified Treemaps", 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Width times height."""
        return self.width * self.height


def squarify(sizes: Sequence[float], width: float, height: float) -> list[Box]:
    """One box for each size, in their order, that together fill `width` × `height`.

    Sizes from the largest to the smallest give the squarest boxes. A size of 0 or less gets an empty box; so do all
    where there is no room.
    """
    weights = [max(0.0, float(size)) for size in sizes]
    total = sum(weights)
    empty = Box(0.0, 0.0, 0.0, 0.0)
    boxes = [empty] * len(weights)
    # Areas may only be worked out in sizes a float can hold: a sum of tiny sizes may be too small to divide by.
    if width <= 0 or height <= 0 or total <= 0 or (scale := width * height / total) == float("inf"):
        return boxes
    areas = [weight * scale for weight in weights]
    # Not of the weights: beside a large one the area of a tiny one may be too small for a float.
    waiting = [number for number, area in enumerate(areas) if area > 0]
    room = Box(0.0, 0.0, width, height)
    while waiting:
        count = _row(areas, waiting, min(room.width, room.height))
        room = _lay(areas, waiting[:count], room, boxes, is_last=count == len(waiting))
        waiting = waiting[count:]
    return boxes


def _row(areas: Sequence[float], waiting: Sequence[int], side: float) -> int:
    """How many of those that wait go into one row along the shorter side: as long as that makes no box longer."""
    if side <= 0:
        return len(waiting)
    sum_ = areas[waiting[0]]
    low = high = sum_
    worst = _worst(low, high, sum_, side)
    for count, number in enumerate(waiting[1:], 1):
        area = areas[number]
        sum_, low, high = sum_ + area, min(low, area), max(high, area)
        now = _worst(low, high, sum_, side)
        if now > worst:
            return count
        worst = now
    return len(waiting)


def _worst(low: float, high: float, sum_: float, side: float) -> float:
    """How many times as long as broad the longest box of a row is."""
    thick = sum_ / side
    square = thick * thick
    return max(high / square, square / low) if square > 0 and low > 0 else float("inf")


def _lay(areas: Sequence[float], row: Sequence[int], room: Box, boxes: list[Box], *, is_last: bool) -> Box:
    """Put a row along the shorter side; gives the room that is left."""
    sum_ = sum(areas[number] for number in row)
    upright = room.width >= room.height
    side, whole = (room.height, room.width) if upright else (room.width, room.height)
    thick = whole if is_last or side <= 0 else min(sum_ / side, whole)
    done = 0.0
    for place, number in enumerate(row):
        start = side * (done / sum_)
        done += areas[number]
        length = (side if place == len(row) - 1 else side * (done / sum_)) - start
        if upright:
            boxes[number] = Box(room.x, room.y + start, thick, length)
        else:
            boxes[number] = Box(room.x + start, room.y, length, thick)
    if upright:
        return Box(room.x + thick, room.y, max(0.0, room.width - thick), room.height)
    return Box(room.x, room.y + thick, room.width, max(0.0, room.height - thick))
