"""Adding up a listing: trees, kinds, classes, and what it costs by the dated table."""

from __future__ import annotations

from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcdn_desktop.jobs.prices import ClassUsage, PriceTable
from vidcdn_desktop.jobs.usage import FolderUsage, UsageCounter
from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts

GB = 1 << 30
names = st.text(st.sampled_from("ab/.mp4é"), min_size=1, max_size=12)


def page(rows: list[tuple[str, int, str]]) -> ListedPage:
    return ListedPage(
        [key for key, _, _ in rows], array("q", [size for _, size, _ in rows]), array("q", [0] * len(rows)),
        PackedTexts([""] * len(rows)), [name for _, _, name in rows], [],
    )  # fmt: skip


def flattened(folder: FolderUsage) -> dict[str, tuple[int, int]]:
    found = {folder.prefix: (folder.objects, folder.size_bytes)}
    for inner in folder.folders:
        found |= flattened(inner)
    return found


@given(st.lists(st.tuples(names, st.integers(0, 9)), max_size=40), st.integers(0, 4))
def test_every_object_is_counted_in_each_of_its_folders(rows: list[tuple[str, int]], depth: int) -> None:
    counter = UsageCounter("", depth, None)
    for row in rows:
        counter.add(page([(*row, "STANDARD")]))
    usage = counter.usage()
    wanted: dict[str, tuple[int, int]] = {"": (0, 0)}
    for key, size in rows:
        parts = key.split("/")[:-1][:depth]
        for level in range(len(parts) + 1):
            prefix = "".join(f"{part}/" for part in parts[:level])
            before = wanted.get(prefix, (0, 0))
            wanted[prefix] = (before[0] + 1, before[1] + size)
    assert flattened(usage.tree) == wanted
    assert {kind: tally.objects for kind, tally in usage.kinds.items()} == Counter(kind_of(key) for key, _ in rows)
    assert usage.size_bytes == sum(size for _, size in rows)


def test_a_prefix_within_a_name_counts_from_its_folder() -> None:
    counter = UsageCounter("films/20", 1, None)
    counter.add(page([("films/20.mp4", 1, "STANDARD"), ("films/2024/a.mp4", 2, "STANDARD")]))
    assert flattened(counter.usage().tree) == {"films/20": (2, 3), "films/2024/": (1, 2)}


def test_the_table_is_dated_and_names_its_source() -> None:
    table = PriceTable.shipped()
    estimate = table.estimate({"STANDARD": ClassUsage(1, GB, GB)})
    assert len(estimate.date) == 10
    assert estimate.region == "us-east-1"
    assert estimate.source.startswith("Amazon S3 pricing, https://aws.amazon.com/s3/pricing")


def test_costs_follow_tiers_least_sizes_and_additions() -> None:
    table = PriceTable(
        {
            "date": "2025-01-01", "region": "r", "source": "s",
            "classes": {
                "STANDARD": {"tiers": [[10, 1.0], [None, 0.5]]},
                "STANDARD_IA": {"tiers": [[None, 0.1]], "least_bytes": 131072},
                "DEEP_ARCHIVE": {"tiers": [[None, 0.01]], "extra_bytes": GB, "extra_standard_bytes": GB},
            },
        }
    )  # fmt: skip
    counter = UsageCounter("", 0, table)
    counter.add(page([("a", 12 * GB, "STANDARD"), ("b", 1, "STANDARD_IA"), ("c", 1 << 20, "STANDARD_IA")]))
    counter.add(page([("d", GB, "DEEP_ARCHIVE"), ("e", 5, "SNOW")]))
    cost = counter.usage().cost
    assert cost is not None
    assert cost.by_class["STANDARD"] == pytest.approx(11.0)
    assert cost.by_class["STANDARD_IA"] == pytest.approx((131072 + (1 << 20)) / GB * 0.1)
    assert cost.by_class["DEEP_ARCHIVE"] == pytest.approx(0.02 + 1.0)
    assert cost.unpriced == ("SNOW",)
    assert cost.usd_per_month == pytest.approx(sum(cost.by_class.values()))
