"""What the Activity page, and the question before an upload, say of many files."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vidcdn_desktop.gui.activity import words
from vidcdn_desktop.gui.activity.entry import entry_of_record
from vidcdn_desktop.gui.library import upload_words
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import FETCH, UPLOAD
from vidcdn_desktop.jobs.put_job import plan_in
from vidcdn_desktop.jobs.put_plan import FileToPut, LeftAlone, PutPlan
from vidcdn_desktop.jobs.put_taken import Intake, OnTaken, Taken
from vidcdn_desktop.storage.port import ObjectRef

NOW = datetime.now(UTC)


def row(kind: str, state: str, **changes: object) -> JobRecord:
    return replace(JobRecord(id="r", kind=kind, state=state, title="3 files <b>"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [UPLOAD, FETCH])
@pytest.mark.parametrize("state", ["published", "failed", "paused", "cancelled", "running", "queued"])
@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"counts": 3, "files": {"a": 1}, "stale": "films/a.mp4"},
        {"counts": {"done": "two", "failed": None}, "files": [7, None, {"key": 5, "state": []}, {"error": "x"}]},
        {"files": [{"key": "a\u202eb<b>.mp4", "state": "left alone", "note": "x" * 5000}] * 40, "stale": [3, "b"]},
        {"files": [{"key": "k", "state": "failed", "error": {"what": "w" * 900, "meaning": 7}}] * 40},
    ],
)
def test_a_row_of_the_journal_may_hold_anything(kind: str, state: str, result: dict[str, object] | None) -> None:
    error = {"what": 3} if state == "failed" else None
    entry = entry_of_record(row(kind, state, result=result, error=error, options={"files": 3, "keys": [4]}))
    assert entry is not None
    assert words.verbs(entry) is not None
    words.facts(entry)
    told = words.details(entry, NOW)
    assert len(told) < 30
    assert all("\u202e" not in fact.value and len(fact.value) < 800 for fact in told)


@pytest.mark.parametrize("files", [None, 3, [3], [{"path": 1}], [{"path": "a", "key": "b", "size": 1}]])
def test_a_plan_of_the_journal_may_hold_anything(files: object) -> None:
    assert plan_in(row(UPLOAD, "paused", options={"files": files})).files == ()


def test_counts_are_told_failures_first() -> None:
    counts = {"files": 6, "done": 3, "already": 1, "left": 1, "failed": 1}
    files = [{"key": "a/1", "state": "failed", "error": {"what": "No.", "meaning": "Nothing."}}]
    result = {"counts": counts, "files": files, "stale": ["a/2"]}
    entry = entry_of_record(row(UPLOAD, "published", key="a/", result=result))
    assert entry is not None
    assert words.facts(entry) == "3 files uploaded, 1 was there already, 1 left alone, 1 failed · a/"
    assert words.verbs(entry) == ("show-key", "invalidate")
    rows = {fact.label: fact.value for fact in words.details(entry, NOW)}
    assert rows["Failed"] == "a/1: No. Nothing."
    assert rows["And"] == "5 more files in the report"
    entry = entry_of_record(row(FETCH, "published", source="/films", result=result))
    assert entry is not None
    assert words.facts(entry).endswith("· /films")
    assert words.verbs(entry) == ("show-folder", "invalidate")


def intake() -> Intake:
    def file(name: str) -> FileToPut:
        return FileToPut(Path(f"/here/{name}"), ObjectRef("b", f"in/{name}"), 10, "text/plain; charset=utf-8")

    plan = PutPlan((file("a"), file("b"), file("c")), (LeftAlone(Path("/here/link"), "It is a link."),))
    return Intake(plan, {"in/b": Taken("e", 5, "in/b (2)")}, slow=(Path("/here/c"),), versioned=False)


@pytest.mark.parametrize(
    ("choice", "what", "keys"),
    [
        (OnTaken.SKIP, "Not uploaded: the name is taken", ["in/a", "in/c"]),
        (OnTaken.KEEP_BOTH, "New name: b (2)", ["in/a", "in/b (2)", "in/c"]),
        (OnTaken.REPLACE, "Replaces the object", ["in/a", "in/b", "in/c"]),
    ],
)
def test_each_choice_is_told_for_each_file(choice: OnTaken, what: str, keys: list[str]) -> None:
    found = intake()
    plan = found.chosen(choice)
    assert [file.ref.key for file in plan.files] == keys
    assert [bool(file.replaces) for file in plan.files] == [key == "in/b" for key in keys]
    rows = {shown.name: shown.what for shown in upload_words.rows(found, plan, len("in/"))}
    assert rows["b"] == what
    assert rows["a"] == "text/plain"
    assert rows["link"] == "Left out: It is a link."


def test_what_goes_another_way_is_out_of_the_plan() -> None:
    found = intake().without([Path("/here/c"), Path("/here/b")])
    assert [file.ref.key for file in found.plan.files] == ["in/a"]
    assert not found.taken
    assert not found.slow


def test_a_large_plan_is_not_shown_file_by_file() -> None:
    files = tuple(FileToPut(Path(f"/h/{n}"), ObjectRef("b", f"{n:05}"), 1, "a/b") for n in range(5_000))
    found = Intake(PutPlan(files, ()))
    rows = upload_words.rows(found, found.chosen(OnTaken.SKIP), 0)
    assert len(rows) < 1_000
    assert rows[-1].name == f"and {5_000 - len(rows) + 1:,} more files"
