"""Storage classes and ways out of an archive, in words; what a change of class or a restore costs, roughly.

Prices come from a dated list that is shipped with the program. An estimate, never a bill.

Source: resources/s3-operation-prices.json, which names its own; Amazon S3 User Guide, "Understanding and managing
Amazon S3 storage classes", "Archive retrieval options".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from vidcdn_desktop.jobs.prices import ClassUsage, PriceTable
from vidcdn_desktop.paths import resource
from vidcdn_desktop.storage.copying import ARCHIVES
from vidcdn_desktop.textsafe import plural

_GB = 1 << 30
_DAYS_A_MONTH = 30


@dataclass(frozen=True)
class StorageClass:
    """A class objects can be moved to."""

    name: str
    """As the store names it."""
    title: str
    about: str
    """What it is good for, in a sentence."""

    @property
    def is_archive(self) -> bool:
        """What lies in it cannot be read before it is restored."""
        return self.name in ARCHIVES


CLASSES = (
    StorageClass("STANDARD", "Standard", "For videos that are watched."),
    StorageClass("INTELLIGENT_TIERING", "Intelligent-Tiering", "The store itself finds out what is watched seldom."),
    StorageClass("STANDARD_IA", "Standard, infrequent access", "Cheaper to keep, but every read costs."),
    StorageClass("ONEZONE_IA", "One zone, infrequent access", "Cheaper still; lost if that one zone is destroyed."),
    StorageClass("GLACIER_IR", "Glacier Instant Retrieval", "For what is watched once in months; reads are dear."),
    StorageClass("GLACIER", "Glacier Flexible Retrieval", "An archive: cannot be watched before it is restored."),
    StorageClass("DEEP_ARCHIVE", "Glacier Deep Archive", "The slowest archive: restoring takes up to 48 hours."),
)
"""Those the program offers, from the nearest to the farthest."""

TIERS: Mapping[str, str] = {
    "Bulk": "Bulk: the cheapest, within 5 to 48 hours",
    "Standard": "Standard: within 3 to 12 hours",
    "Expedited": "Expedited: within minutes, dear, not from Deep Archive",
}
"""How fast a restore is wanted: as the store names it, and in words."""

MOST_DAYS = 365
"""More than anybody needs of a copy that costs twice; a longer wish is one for another class."""


class OperationPrices:
    """What requests, restores and batch jobs cost in one region."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.date = str(document["date"])
        self.region = str(document["region"])
        self._document = document

    @property
    def words(self) -> str:
        """Whose prices, and when they were read."""
        return f"by the prices of {self.region} of {self.date}"

    def write_usd(self, storage_class: str, count: int) -> float:
        """What so many writes into a class cost."""
        return float(self._document["writes_per_1000"].get(storage_class, 0.0)) * count / 1000

    def read_usd(self, count: int) -> float:
        """What so many looks cost."""
        return float(self._document["reads_per_1000"]) * count / 1000

    def least_days(self, storage_class: str) -> int:
        """How long an object is billed at least; 0: only as long as it is there."""
        return int(self._document["least_days"].get(storage_class, 0))

    def restore_usd(self, archive: str, tier: str, count: int, size: int) -> float | None:
        """What bringing objects out of an archive costs; None where it cannot be done that way."""
        price = self._document["restores"].get(archive, {}).get(tier)
        if price is None:
            return None
        return float(price["per_gb"]) * size / _GB + float(price["per_1000"]) * count / 1000

    def batch_usd(self, count: int, jobs: int = 1) -> float:
        """What S3 Batch Operations costs, without the requests it makes."""
        batch = self._document["batch"]
        return float(batch["per_job"]) * jobs + float(batch["per_1000000_objects"]) * count / 1_000_000


@cache
def operation_prices() -> OperationPrices:
    """The prices that come with the program."""
    return OperationPrices(json.loads(resource("s3-operation-prices.json").read_text("utf-8")))


def class_named(name: str) -> StorageClass | None:
    """The class of this name, in small or capital letters; None if the program does not offer it."""
    return next((found for found in CLASSES if found.name == name.upper().replace("-", "_")), None)


def class_words(storage_class: str, count: int, size: int) -> str:
    """What moving objects to a class costs, and what keeping them there does, in a sentence."""
    prices, table = operation_prices(), PriceTable.shipped()
    billed = max(size, count * table.least_bytes(storage_class))
    month = table.estimate({storage_class: ClassUsage(count, size, billed)}).usd_per_month
    words = (
        f"Moving costs {usd(prices.write_usd(storage_class, count))}, keeping {usd(month)} a month ({prices.words})."
    )
    days = prices.least_days(storage_class)
    if days:
        words += f" At least {days} days are billed, also of what is deleted or moved earlier."
    return words


def restore_words(tier: str, days: int, count: int, size: int) -> str:
    """What bringing objects out of an archive costs, in a sentence; which archive they lie in is not known."""
    prices = operation_prices()
    costs = {name: prices.restore_usd(name, tier, count, size) for name in ("GLACIER", "DEEP_ARCHIVE")}
    parts = [f"{usd(cost)} from {_title(name)}" for name, cost in costs.items() if cost is not None]
    held = PriceTable.shipped().estimate({"STANDARD": ClassUsage(count, size, size)}).usd_per_month
    rest = "" if len(parts) == len(costs) else " Deep Archive knows no Expedited: objects in it will fail."
    return (
        f"Reading costs {' or '.join(parts)}, and the copy outside"
        f" {usd(held * days / _DAYS_A_MONTH)} for {plural(days, 'day')} ({prices.words}).{rest}"
    )


def _title(name: str) -> str:
    found = class_named(name)
    return found.title if found is not None else name


def usd(amount: float) -> str:
    """An amount for people: never a zero where something is charged."""
    if not amount:
        return "nothing"
    return "less than 0.01 USD" if amount < 0.01 else f"about {amount:,.2f} USD"
