"""What the Activity page says of repairs that come out of the journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vidcdn_desktop.gui.activity import words
from vidcdn_desktop.gui.activity.entry import entry_of_record
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import REPAIR

NOW = datetime.now(UTC)


def row(state: str, **changes: object) -> JobRecord:
    return replace(JobRecord(id="r", kind=REPAIR, state=state, title="Sea <b>"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["published", "failed", "paused", "cancelled", "running", "queued"])
@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"totals": 3, "outcomes": {"a": 1}, "stale": "films/a.mp4"},
        {"totals": {"repaired": "two", "size": None}, "outcomes": [7, None, {"key": 5, "state": []}, {"error": "x"}]},
        {"outcomes": [{"key": "a\u202eb<b>.mp4", "state": "left alone", "reason": "x" * 5000, "notes": [3]}] * 40},
    ],
)
def test_a_repair_of_the_journal_may_hold_anything(state: str, result: dict[str, object] | None) -> None:
    error = {"what": 3} if state == "failed" else None
    entry = entry_of_record(row(state, result=result, error=error))
    assert entry is not None
    words.facts(entry)
    words.verbs(entry)
    told = words.details(entry, NOW)
    assert len(told) < 30
    assert all("\u202e" not in fact.value and len(fact.value) < 700 for fact in told)


def test_a_repair_tells_its_counts_and_what_the_cdn_may_still_show() -> None:
    totals = {"repaired": 2, "already": 1, "left_alone": 1, "failed": 0, "size": 9_000_000, "bytes_uploaded": 500_000}
    outcomes = [
        {"key": "films/1.mp4", "state": "repaired", "size": 9_000_000, "bytes_uploaded": 500_000},
        {"key": "films/2.mp4", "state": "left alone", "reason": "It is fragmented."},
    ]
    result = {"totals": totals, "outcomes": outcomes, "stale": ["films/1.mp4"]}
    entry = entry_of_record(row("published", key="films/", result=result))
    assert entry is not None
    assert words.facts(entry) == (
        "2 videos start at once now, 1 did already, 1 left alone · 500 kB sent instead of 9.0 MB · films/"
    )
    assert words.verbs(entry) == ("show-key", "invalidate")
    rows = {fact.label: fact.value for fact in words.details(entry, NOW)}
    assert rows["Left alone"] == "2.mp4: It is fragmented"
    assert rows["CDN"] == "May show the old version of 1 video for a while"
