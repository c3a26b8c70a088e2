"""Matrices that take minutes: every second case, or all of them with `VIDCDN_WHOLE_MATRIX=1` in the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")

WHOLE = bool(os.environ.get("VIDCDN_WHOLE_MATRIX"))


def half(cases: Sequence[_T], which: int) -> list[_T]:
    """The even (0) or the odd (1) cases; where two tests share a matrix each takes one of them."""
    return list(cases) if WHOLE else list(cases[which::2])
