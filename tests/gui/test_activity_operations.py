"""What the Activity page and the question say of operations, whatever the journal or a key holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from vidcdn_desktop.errors import AccessDenied, KeyTaken
from vidcdn_desktop.gui.activity import operation_words, words
from vidcdn_desktop.gui.activity.entry import entry_of_any, entry_of_record
from vidcdn_desktop.gui.library.operation_words import view_of
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import OPERATION
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, OnExists, Stage
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.jobs.operations.promise import Promise
from vidcdn_desktop.jobs.operations.report import Counts, OperationSnapshot, told_of
from vidcdn_desktop.storage.port import ObjectRef

NOW = datetime.now(UTC)
MOVE = {"action": Action(Kind.MOVE).to_json(), "promise": "It can be undone."}


def row(state: str, **changes: Any) -> JobRecord:
    record = JobRecord(id="o", kind=OPERATION, state=state, title="Sea <b>", options=MOVE)
    return replace(record, **changes)


@pytest.mark.parametrize("state", ["published", "failed", "paused", "cancelled", "running", "queued"])
@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"counts": 3, "objects": {"a": 1}, "stale": "films/a.mp4"},
        {"objects": [{"key": "a", "state": "done"}] * 40},
        {"counts": {"done": "two", "size": None}, "objects": [7, None, {"key": 5, "state": []}, {"error": "x"}]},
        {
            "objects": [
                {"key": "a\u202eb<b>.mp4", "target": "c\u202e", "state": "failed", "error": {"what": "x" * 900}}
            ]
            * 40
        },
    ],
)
def test_an_operation_of_the_journal_may_hold_anything(state: str, result: dict[str, Any] | None) -> None:
    error = {"what": 3} if state == "failed" else None
    entry = entry_of_record(row(state, result=result, error=error))
    assert entry is not None
    words.facts(entry)
    assert "invalidate" not in words.verbs(entry)
    told = words.details(entry, NOW)
    assert len(told) < 30
    assert all("\u202e" not in fact.value and len(fact.value) < 900 for fact in told)


@pytest.mark.parametrize("options", [None, {}, {"action": 3}, {"action": {"kind": "explode"}}])
def test_a_row_that_makes_no_sense_is_not_shown(options: dict[str, Any] | None) -> None:
    assert entry_of_record(row("published", options=options)) is None


def test_undo_is_offered_where_the_journal_has_something_to_take_back() -> None:
    result = {"counts": {"objects": 3, "done": 2, "failed": 1, "size": 5_000_000}, "stale": ["films/1.mp4"]}
    entry = entry_of_record(row("failed", result=result), can_undo=True)
    assert entry is not None
    assert words.verbs(entry) == ("retry", "undo", "invalidate")
    entry = entry_of_record(row("published", result=result), can_undo=True)
    assert entry is not None
    assert words.verbs(entry) == ("undo", "invalidate")
    assert not words.is_done_with(entry)
    assert words.facts(entry) == "2 objects moved, 1 failed · 5.0 MB"
    undo = row("published", options={"action": Action(Kind.UNDO).to_json(), "undoes": "o"})
    taken_back = entry_of_record(undo, can_undo=True)
    assert taken_back is not None
    assert not taken_back.can_undo
    assert words.is_done_with(taken_back)


def test_a_running_one_tells_how_far_it_is() -> None:
    snapshot = OperationSnapshot("o", Kind.MOVE, "b", "3 objects", "", state=JobState.RUNNING, steps=6, steps_done=2)
    snapshot = replace(snapshot, counts=Counts(objects=3, copied=2, failed=1))
    assert operation_words.line(snapshot) == "2 of 3 objects copied, originals follow · 1 failed"
    entry = entry_of_any(snapshot)
    assert entry.fraction == pytest.approx(1 / 3)
    assert entry.title == "Move 3 objects"


def test_failures_are_told_first() -> None:
    items = [
        Item(1, ObjectRef("b", "done"), stage=Stage.DONE),
        Item(2, ObjectRef("b", "left"), stage=Stage.LEFT),
        Item(3, ObjectRef("b", "bad"), error=AccessDenied("No.", "", "")),
    ]
    assert [told["key"] for told in told_of(items)] == ["bad", "left", "done"]
    assert len(told_of(items, most=2)) == 2


def plan(kind: Kind, *items: Item, **changes: Any) -> OperationPlan:
    return OperationPlan(Action(kind, OnExists.REFUSE), "b", "", "", items, Promise(True, "It can."), **changes)


def test_the_question_puts_problems_first_and_begins_no_half_a_move() -> None:
    free = Item(1, ObjectRef("b", "films/a"), 5, "e", target=ObjectRef("b", "to/a"))
    taken = Item(2, ObjectRef("b", "films/c"), 5, "e", target=ObjectRef("b", "to/c"), error=KeyTaken("Taken.", "", ""))
    view = view_of(plan(Kind.MOVE, free, taken))
    assert [item.number for item in view.rows] == [2, 1]
    assert view.shared == len("films/")
    assert view.is_blocked
    assert view.go == "Continue"
    assert "1 of 2 objects" in view.subline
    view = view_of(plan(Kind.DELETE, free, replace(taken, target=None), confirm=1))
    assert not view.is_blocked, "the others are deleted all the same"
    assert view.go == "Delete 1 object"
    assert "Type 1" in view.confirm
    assert view_of(plan(Kind.DELETE)).is_blocked
