"""Repairs as one job: the plan over all, what a pause and a retry see to, rows of the journal that make no sense."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import servers
from faults import Phase
from repairs import World, large_film, wanted, world_on
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.keeping import PRACTICE_ID, REPAIR
from vidcdn_desktop.jobs.kept_repair import KeptRepair, left_repairs, repair_from, unfinished_repair
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.repair_batch import Outcome, Wish, outcomes_from, plan_repairs
from vidcdn_desktop.jobs.repair_job import names_of
from vidcdn_desktop.jobs.repair_report import RepairState, RepairWay
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.weather import Patience


@pytest.fixture(scope="session")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


@pytest.fixture
def journal() -> Iterator[Journal]:
    with contextlib.closing(Journal()) as made:
        yield made


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_film(tmp_path_factory.mktemp("films") / "Sea.mov")


def means(journal: Journal) -> Means:
    return Means(find_tools(), journal, patience=Patience(limit_s=0.1, first_s=0.01))


def wish(world: World, key: str) -> Wish:
    return Wish(ObjectRef(world.bucket, key))


def test_a_plan_tells_the_sum_and_writes_nothing(world: World, film: Path, clip_end: Path, clip_fast: Path) -> None:
    world.put(film.read_bytes(), "a/large.mov")
    world.put(clip_end.read_bytes(), "a/b/small.mp4")
    world.put(clip_fast.read_bytes(), "a/fast.mp4")
    world.put(b"no film", "a/broken.mp4")
    world.put(b"a picture", "a/film.jpg")
    told: list[tuple[str, int]] = []

    def hear(outcome: Outcome, count: int) -> None:
        told.append((outcome.ref.key, count))

    with world.connection() as connection:
        wishes = [wish(world, "a/"), wish(world, "a/large.mov"), wish(world, "none.mp4")]
        plan = plan_repairs(connection, wishes, token=CancelToken(), on_outcome=hear)
    assert told == [(key, 5) for key in ("a/b/small.mp4", "a/broken.mp4", "a/fast.mp4", "a/large.mov", "none.mp4")]
    totals = plan.totals
    assert (totals.to_repair, totals.already, totals.left_alone, totals.failed) == (2, 1, 1, 1)
    assert totals.size == film.stat().st_size + clip_end.stat().st_size
    assert totals.bytes_uploaded < totals.size
    assert totals.words() == "2 videos would be repaired, 1 starts at once already, 1 left alone, 1 failed"
    reports = {outcome.ref.key: outcome.report for outcome in plan.outcomes}
    large, small = reports["a/large.mov"], reports["a/b/small.mp4"]
    assert large is not None
    assert small is not None
    assert (large.way, small.way) == (RepairWay.HELPER, RepairWay.RESENT)
    assert [box.type for box in large.boxes][-1] == "moov"
    assert [box.type for box in large.boxes_after][1] == "moov"
    assert {w.ref.key: bool(w.etag) for w in plan.wishes()} == {"a/large.mov": True, "a/b/small.mp4": True}
    assert world.get("a/large.mov")["Body"] == film.read_bytes()


def test_a_plan_can_be_cancelled(world: World, clip_end: Path) -> None:
    for number in range(12):
        world.put(clip_end.read_bytes(), f"{number:02}.mp4")
    token = CancelToken()

    def hear(_outcome: Outcome, _count: int) -> None:
        token.cancel()

    with world.connection() as connection, pytest.raises(Cancelled):
        plan_repairs(connection, [wish(world, "")], token=token, on_outcome=hear)


def test_another_process_sees_to_what_is_left(world: World, film: Path, clip_end: Path, journal: Journal) -> None:
    """Paused at the second of three: the first is not looked at again."""
    for key in ("1.mp4", "2.mp4", "3.mp4"):
        world.put((film if key == "2.mp4" else clip_end).read_bytes(), key)
    with world.connection() as connection:
        job = KeptRepair([wish(world, f"{n}.mp4") for n in (1, 2, 3)], means(journal))
        job.bind(connection)
        world.when("UploadPartCopy", Phase.ARRIVED, job.pause)
        job.run()
        assert job.state is JobState.PAUSED
        assert world.get("2.mp4")["Body"] == film.read_bytes()
        world.assert_only("1.mp4", "2.mp4", "3.mp4")
        found = unfinished_repair(journal, job.wishes, connection)
        assert found is not None
        assert found.id == job.id
        (record,) = left_repairs(journal)
        again = repair_from(record, means(journal))
        assert [outcome.ref.key for outcome in again.outcomes] == ["1.mp4"]
        again.keep()  # not bound yet: the name of its connection must not be lost
        again.bind(connection)
        again.mark_queued()
        seen: list[str] = []
        again._on_outcome = lambda outcome: seen.append(outcome.ref.key)
        world.proxy.watch = lambda _phase, _request: None
        again.run()
        assert again.state is JobState.PUBLISHED
        assert seen == ["2.mp4", "3.mp4"]
        assert world.get("2.mp4")["Body"] == wanted(film)
        assert left_repairs(journal) == []
        row = journal.job(job.id)
        assert row is not None
        assert (row.state, row.connection_name) == ("published", "Store")
        assert row.result is not None
        assert row.result["totals"]["repaired"] == 3


def test_what_was_repaired_before_the_row_knew_is_told_to_the_cdn(world: World, film: Path, journal: Journal) -> None:
    """Killed between the swap and the answer: the object has another ETag and starts at once."""
    world.put(wanted(film), "films/sea.mov")
    told: list[list[str]] = []
    with world.connection() as connection:

        def forget(keys: list[str], **_more: object) -> list[str]:
            told.append(list(keys))
            return ["I1"]

        connection.invalidate_keys = forget  # type: ignore[assignment,method-assign]
        for etag, count in (("of-the-old-one", 1), ("", 1)):
            job = KeptRepair([Wish(ObjectRef(world.bucket, "films/sea.mov"), etag)], means(journal))
            job.bind(connection)
            job.run()
            assert job.outcomes[0].state is RepairState.ALREADY
            assert len(told) == count
    assert told == [["films/sea.mov"]]


def test_what_is_not_reached_is_tried_again_and_then_told(world: World, film: Path, journal: Journal) -> None:
    world.put(film.read_bytes(), "sea.mov")
    with world.connection() as connection:
        job = KeptRepair([wish(world, "sea.mov")], means(journal))
        job.bind(connection)
        world.proxy.down.set()
        job.run()
        snapshot = job.snapshot()
        assert snapshot.state is JobState.FAILED
        assert snapshot.error is not None
        assert snapshot.error.kind == "Offline"
        assert snapshot.retries >= 1
        world.proxy.down.clear()
        job.mark_queued()
        job.run()
        assert job.state is JobState.PUBLISHED
    assert world.get("sea.mov")["Body"] == wanted(film)


def test_rows_that_make_no_sense_are_left_out(journal: Journal) -> None:
    plain = JobRecord(id="r1", kind=REPAIR, state="running", bucket="b", created=datetime.now(UTC))
    objects: list[Any] = [["a.mp4", "e1", 7], ["b.mp4"], 7, None, ["c.mp4", None, "x"], {"key": "d"}]
    outcomes = [{"key": "a.mp4", "state": "repaired", "size": "many", "notes": 3}, {"key": 5}, "x", {"state": "failed"}]
    for record in (
        replace(plain, options={"objects": objects}, result={"outcomes": outcomes}),
        replace(plain, id="r2", options={"objects": "x"}),
        replace(plain, id="r3"),
        replace(plain, id="r4", options={"objects": objects}, connection_id=PRACTICE_ID),
    ):
        journal.save_job(record)
    (left,) = left_repairs(journal)
    assert left.id == "r1"
    assert journal.job("r4") is None
    job = repair_from(left, means(journal))
    assert job.wishes == (Wish(ObjectRef("b", "a.mp4"), "e1"),)
    (outcome,) = job.outcomes
    assert outcome.state is RepairState.REPAIRED
    assert outcome.report is not None
    assert outcome.report.size == 0
    assert outcomes_from({"outcomes": 3}, "b") == ()


@pytest.mark.parametrize(
    ("keys", "title", "place"),
    [
        (("a/b/film.mp4",), "film.mp4", "a/b/film.mp4"),
        (("a/b/",), "All videos in b/", "a/b/"),
        (("",), "All videos in the bucket", ""),
        (("a/1.mp4", "a/2.mp4"), "2 videos in a/", "a/"),
        (("a/1.mp4", "b/2.mp4"), "2 videos", ""),
        (("a/", "b/2.mp4"), "2 videos and folders", ""),
    ],
)
def test_a_job_is_named_by_what_it_is_about(keys: tuple[str, ...], title: str, place: str) -> None:
    assert names_of([Wish(ObjectRef("b", key)) for key in keys]) == (title, place)
