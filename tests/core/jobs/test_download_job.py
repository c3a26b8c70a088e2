"""The states of a download, and what a front end sees of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rangeserver import RangeServer, Reply, Stored
from vidcdn_desktop import errors as e
from vidcdn_desktop.jobs.download import DownloadJob
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.states import IllegalTransition
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.weather import Patience

RANGE = 8 << 20
REF = ObjectRef("films", "videos/film.mp4")


class World:
    """A server with one film of two ranges, a folder, and a job between them."""

    def __init__(self, server: RangeServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.data = os.urandom(RANGE + 1000)
        server.objects[REF.key] = Stored(self.data)
        self.client = server.endpoint.client(attempts=1)
        self.states: list[JobState] = []
        self.half = threading.Event()
        self.job = DownloadJob(
            REF,
            folder,
            S3Storage(self.client),
            parallel=1,
            patience=Patience(limit_s=0.1, first_s=0.01),
            on_change=lambda job: self.states.append(job.state),
        )

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def begin(self) -> threading.Thread:
        """Run it until the first range is there and the second hangs."""
        self.server.answer = lambda asked: Reply(stop_after=10, stop="hang") if asked.start else Reply()
        before = self.server.hanging
        runner = threading.Thread(target=self.job.run)
        runner.start()
        self.server.wait_for(lambda: self.server.hanging > before)
        return runner

    def end(self, runner: threading.Thread) -> None:
        runner.join(20)
        assert not runner.is_alive()
        self.server.answer = lambda _asked: Reply()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "films"
    folder.mkdir()
    with RangeServer() as server:
        world = World(server, folder)
        yield world
        world.client.close()


def test_from_queued_to_done(world: World) -> None:
    snapshot = world.job.snapshot()
    assert (snapshot.state, snapshot.title, snapshot.progress) == (JobState.QUEUED, "film.mp4", None)
    assert snapshot.created is not None
    world.job.run()
    snapshot = world.job.snapshot()
    assert world.states == [JobState.RUNNING, JobState.PUBLISHED]
    assert snapshot.result is not None
    assert snapshot.result.path.read_bytes() == world.data
    assert snapshot.seconds is not None
    assert snapshot.finished is not None
    assert snapshot.error is None
    world.job.run()  # nothing more
    world.job.pause()
    world.job.cancel()
    assert world.job.snapshot() == snapshot


def test_pause_and_resume(world: World) -> None:
    runner = world.begin()
    running = world.job.snapshot()
    assert running.state is JobState.RUNNING
    assert running.progress is not None
    assert running.progress.done_bytes >= RANGE
    assert running.progress.total_bytes == len(world.data)
    world.job.pause()
    world.job.pause()
    world.end(runner)
    assert world.job.state is JobState.PAUSED
    assert world.job.snapshot().finished is None
    assert world.names() == [".film.mp4.part", ".film.mp4.part.json"]
    world.job.resume()
    world.job.run()
    result = world.job.snapshot().result
    assert result is not None
    assert result.resumed_bytes >= RANGE
    assert result.path.read_bytes() == world.data
    assert world.states == [
        JobState.RUNNING, JobState.PAUSING, JobState.PAUSED, JobState.QUEUED, JobState.RUNNING, JobState.PUBLISHED,
    ]  # fmt: skip


@pytest.mark.parametrize("pause_first", [False, True])
def test_cancel_removes_what_has_arrived(world: World, pause_first: bool) -> None:
    runner = world.begin()
    if pause_first:
        world.job.pause()
    world.job.cancel()
    world.job.cancel()
    world.end(runner)
    assert world.job.state in (JobState.CANCELLED, JobState.PAUSED)
    if world.job.state is JobState.PAUSED:  # it had come to rest before the cancel
        world.job.give_up()
    assert world.names() == []
    world.job.resume()
    world.job.run()
    assert world.job.state is JobState.PUBLISHED


def test_a_queued_download_can_be_paused_and_cancelled(world: World) -> None:
    world.job.pause()
    world.job.run()
    assert world.job.state is JobState.PAUSED
    world.job.resume()
    world.job.cancel()
    world.job.run()
    assert world.job.state is JobState.CANCELLED
    assert world.server.asked == []
    assert world.names() == []


def test_a_failure_is_told_and_can_be_given_up(world: World) -> None:
    world.server.answer = lambda asked: Reply(status=403, code="AccessDenied") if asked.start else Reply()
    world.job.run()
    snapshot = world.job.snapshot()
    assert snapshot.state is JobState.FAILED
    assert isinstance(snapshot.error, e.AccessDenied)
    assert "is kept" in snapshot.error.meaning
    assert world.names() == [".film.mp4.part", ".film.mp4.part.json"]
    world.job.give_up()
    assert world.job.state is JobState.CANCELLED
    assert world.names() == []


def test_a_bug_is_told_without_a_traceback(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def answer(*_arguments: object, **_options: object) -> object:
        raise RuntimeError("a bug")

    world.job._storage.head = answer  # type: ignore[method-assign,assignment]
    world.job.run()
    error = world.job.snapshot().error
    assert isinstance(error, e.UnexpectedProblem)
    assert error.code == "RuntimeError"
    assert "a bug" in caplog.text


def test_what_runs_is_not_resumed(world: World) -> None:
    with pytest.raises(IllegalTransition):
        world.job.resume()


def test_waiting_for_the_store_is_shown(world: World) -> None:
    waits: list[str] = []
    job = DownloadJob(
        REF,
        world.folder,
        S3Storage(world.client),
        patience=Patience(limit_s=None, first_s=0.01, longest_s=0.02),
        on_change=lambda job: waits.append(w.error.kind if (w := job.snapshot().waiting) else ""),
    )
    left = [Reply(status=503, code="SlowDown")] * 3
    world.server.answer = lambda _asked: left.pop() if left else Reply()
    job.run()
    assert "Throttled" in waits
    assert waits[-1] == ""
    assert job.snapshot().retries >= 1
    assert job.state is JobState.PUBLISHED
