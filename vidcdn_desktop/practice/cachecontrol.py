"""How long an edge keeps a copy, and which bytes of it a viewer asked for.

Source: Amazon CloudFront Developer Guide, "Manage how long content stays in the cache"; RFC 9110, section 14 (ranges).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_TTL_S = 86400.0
MAX_TTL_S = 31536000.0
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


@dataclass(frozen=True)
class TtlLimits:
    """The behavior's minimum, default and maximum, in seconds."""

    minimum_s: float = 0.0
    default_s: float = DEFAULT_TTL_S
    maximum_s: float = MAX_TTL_S


def time_to_live(cache_control: str, limits: TtlLimits) -> float | None:
    """Seconds a copy is fresh: 0 means ask the origin each time, None means keep no copy."""
    directives: dict[str, str] = {}
    for item in cache_control.lower().split(","):
        name, _, value = item.strip().partition("=")
        directives[name] = value.strip('" ')
    if limits.maximum_s <= 0:
        return None
    if "no-store" in directives or "private" in directives:
        return limits.minimum_s or None
    if "no-cache" in directives:
        return limits.minimum_s
    for name in ("s-maxage", "max-age"):
        value = directives.get(name, "")
        if value.isdigit():
            return min(max(float(value), limits.minimum_s), limits.maximum_s)
    return min(max(limits.default_s, limits.minimum_s), limits.maximum_s)


class NotSatisfiable(Exception):
    """The range lies beyond the end: HTTP 416."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """First byte and length of a single range; None means the whole body.

    A malformed header and a list of ranges are ignored, as S3 does.

    Raises: NotSatisfiable: nothing of the body lies in the range.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first_text, last_text = found.groups()
    if not first_text:
        length = min(int(last_text), size)
        if length == 0:
            raise NotSatisfiable
        return size - length, length
    first = int(first_text)
    last = min(int(last_text), size - 1) if last_text else size - 1
    if last_text and int(last_text) < first:
        return None
    if first >= size:
        raise NotSatisfiable
    return first, last - first + 1
