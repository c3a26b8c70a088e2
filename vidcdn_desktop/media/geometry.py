"""From pixels as stored to the picture as shown: quarter turns and pixel aspect."""

from __future__ import annotations

import math

_MAX_ASPECT = 20
"""Pixels more than 20 times as wide as high (or the other way round) are a mistake, not a picture."""

_MAX_TERM = 2**31 - 1


def quarter_turn(degrees_clockwise: float) -> int:
    """The nearest of 0, 90, 180 and 270 degrees clockwise."""
    if not math.isfinite(degrees_clockwise):
        return 0
    return round(degrees_clockwise / 90) % 4 * 90


def sane_aspect(numerator: int, denominator: int) -> tuple[int, int]:
    """A pixel aspect in lowest terms; 1:1 where it is undefined or absurd."""
    if numerator <= 0 or denominator <= 0 or max(numerator, denominator) > _MAX_TERM:
        return (1, 1)
    if numerator > denominator * _MAX_ASPECT or denominator > numerator * _MAX_ASPECT:
        return (1, 1)
    common = math.gcd(numerator, denominator)
    return (numerator // common, denominator // common)


def display_size(width: int, height: int, pixel_aspect: tuple[int, int], rotation: int) -> tuple[int, int]:
    """The size in square pixels as a browser shows it: stretched, never shrunk, then turned.

    Args:
        width: Pixels as stored.
        height: Pixels as stored.
        pixel_aspect: Width to height of one stored pixel, as `sane_aspect` gives it.
        rotation: Clockwise degrees, a multiple of 90.
    """
    across, down = pixel_aspect
    if across > down:
        width = round(width * across / down)
    elif down > across:
        height = round(height * down / across)
    return (height, width) if rotation in (90, 270) else (width, height)


def fit_within(width: int, height: int, max_width: int, max_height: int) -> tuple[int, int]:
    """The largest size of the same shape that fits and is not larger than the original; each side at least 1."""
    factor = min(1.0, max_width / width, max_height / height)
    return max(1, round(width * factor)), max(1, round(height * factor))
