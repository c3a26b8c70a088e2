"""What storage costs a month, by a dated list of prices that is shipped with the program. An estimate, never a bill.

Source: resources/s3-prices.json, which names its own; Amazon S3 User Guide, "Understanding and managing Amazon S3
storage classes" (least billed sizes, bytes added to archived objects).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vidcdn_desktop.paths import resource

_GB = 1 << 30
"""What S3 calls a GB when it bills."""
_STANDARD = "STANDARD"


@dataclass
class ClassUsage:
    """What lies in one storage class."""

    objects: int = 0
    size_bytes: int = 0
    billed_bytes: int = 0
    """At least `size_bytes`: some classes bill small objects as larger ones."""


@dataclass(frozen=True)
class CostEstimate:
    """What storage costs a month, and by which prices."""

    usd_per_month: float
    by_class: Mapping[str, float]
    """USD per month, by storage class."""
    unpriced: tuple[str, ...]
    """Storage classes the table does not know; they are not in the sum."""
    date: str
    """When the prices were read: year-month-day."""
    region: str
    """Whose prices these are; other regions cost up to twice as much."""
    source: str


@dataclass(frozen=True)
class _Price:
    tiers: tuple[tuple[float, float], ...]
    """Up to so many GB, USD per GB."""
    per_object: float
    least_bytes: int
    extra_bytes: int
    extra_standard_bytes: int


class PriceTable:
    """The prices of one region."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.date = str(document["date"])
        self.region = str(document["region"])
        self.source = str(document["source"])
        self._prices = {
            name: _Price(
                tuple((float("inf") if top is None else float(top), float(usd)) for top, usd in entry["tiers"]),
                float(entry.get("per_object", 0)),
                int(entry.get("least_bytes", 0)),
                int(entry.get("extra_bytes", 0)),
                int(entry.get("extra_standard_bytes", 0)),
            )
            for name, entry in document["classes"].items()
        }

    @classmethod
    def shipped(cls) -> PriceTable:
        """The table that comes with the program."""
        return cls(json.loads(resource("s3-prices.json").read_text("utf-8")))

    def least_bytes(self, storage_class: str) -> int:
        """How large an object is billed at least, in bytes; 0 for as it is."""
        price = self._prices.get(storage_class)
        return price.least_bytes if price else 0

    def estimate(self, classes: Mapping[str, ClassUsage]) -> CostEstimate:
        """The cost of what lies in each storage class."""
        by_class: dict[str, float] = {}
        unpriced: list[str] = []
        for name, usage in classes.items():
            price = self._prices.get(name)
            if price is None:
                unpriced.append(name)
                continue
            usd = _tiered(price.tiers, (usage.billed_bytes + price.extra_bytes * usage.objects) / _GB)
            usd += price.per_object * usage.objects
            usd += _tiered(self._prices[_STANDARD].tiers, price.extra_standard_bytes * usage.objects / _GB)
            by_class[name] = usd
        return CostEstimate(
            sum(by_class.values()), by_class, tuple(sorted(unpriced)), self.date, self.region, self.source
        )


def _tiered(tiers: tuple[tuple[float, float], ...], gigabytes: float) -> float:
    usd, below = 0.0, 0.0
    for top, price in tiers:
        usd += max(0.0, min(gigabytes, top) - below) * price
        below = top
    return usd
