"""Downloads in the journal: kept while they run, made again after the process, gone with the practice cloud."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rangeserver import RangeServer, Reply, Stored
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.keeping import DOWNLOAD, PRACTICE_ID
from vidcdn_desktop.jobs.kept_download import KeptDownload, download_from, left_downloads
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.weather import Patience

RANGE = 8 << 20
REF = ObjectRef("films", "videos/film.mp4")


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with RangeServer() as running:
        running.objects[REF.key] = Stored(os.urandom(RANGE + 1000))
        yield running


@pytest.fixture
def connection(server: RangeServer) -> Iterator[Connection]:
    """A connection as far as a download needs one."""
    client = server.endpoint.client(attempts=1)
    made: Any = SimpleNamespace(
        storage=S3Storage(client),
        parallel_parts=1,
        reachable=lambda: None,
        reload_credentials=lambda: False,
        profile=SimpleNamespace(id="c1", name="Studio"),
        clients=SimpleNamespace(endpoint=server.endpoint.url),
    )
    yield cast("Connection", made)
    client.close()


def means(journal: Journal) -> Means:
    return Means(find_tools(), journal, patience=Patience(limit_s=0.1, first_s=0.01))


def run_half(server: RangeServer, job: KeptDownload) -> None:
    """Run it until one range is there, then pause it."""
    server.answer = lambda asked: Reply(stop_after=10, stop="hang") if asked.start else Reply()
    before = server.hanging
    runner = threading.Thread(target=job.run)
    runner.start()
    server.wait_for(lambda: server.hanging > before)
    job.pause()
    runner.join(20)
    server.answer = lambda _asked: Reply()


def test_a_download_goes_on_in_another_process(server: RangeServer, connection: Connection, tmp_path: Path) -> None:
    with contextlib.closing(Journal()) as journal:
        job = KeptDownload(REF, tmp_path, means(journal))
        job.bind(connection)
        job.mark_queued()
        job.keep()
        run_half(server, job)
        assert job.state is JobState.PAUSED
        row = journal.job(job.id)
        assert row is not None
        assert (row.kind, row.state, row.connection_name) == (DOWNLOAD, "paused", "Studio")
    with contextlib.closing(Journal()) as journal:
        (left,) = left_downloads(journal)
        assert left.kept_bytes >= RANGE
        again = download_from(left, means(journal))
        assert again.state is JobState.PAUSED
        assert again.snapshot().kept_bytes == left.kept_bytes
        again.set_priority(1)
        again.keep()  # not bound yet: the name of its connection must not be lost
        assert journal.job(job.id).connection_name == "Studio"  # type: ignore[union-attr]
        again.bind(connection)
        again.mark_queued()
        again.run()
        result = again.snapshot().result
        assert result is not None
        assert result.resumed_bytes >= RANGE
        assert result.path.read_bytes() == server.objects[REF.key].data
        assert left_downloads(journal) == []
        assert journal.job(job.id).state == "published"  # type: ignore[union-attr]


def test_giving_up_leaves_nothing_in_the_folder(server: RangeServer, connection: Connection, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    with contextlib.closing(Journal()) as journal:
        job = KeptDownload(REF, folder, means(journal))
        job.bind(connection)
        run_half(server, job)
        assert list(folder.iterdir())
        job.give_up()
        assert job.state is JobState.CANCELLED
        assert job.snapshot().kept_bytes == 0
        assert list(folder.iterdir()) == []


def test_what_a_practice_cloud_left_is_forgotten_with_its_bytes(
    server: RangeServer, connection: Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    with contextlib.closing(Journal()) as journal:
        job = KeptDownload(REF, folder, means(journal))
        job.bind(connection)
        run_half(server, job)
        row = journal.job(job.id)
        assert row is not None
        journal.save_job(replace(row, connection_id=PRACTICE_ID))
        assert left_downloads(journal) == []
        assert journal.job(job.id) is None
        assert list(folder.iterdir()) == []


def test_a_download_another_copy_is_at_is_not_taken(
    connection: Connection, tmp_path: Path, server: RangeServer
) -> None:
    with contextlib.closing(Journal()) as first, contextlib.closing(Journal()) as second:
        job = KeptDownload(REF, tmp_path, means(first))
        job.bind(connection)
        job.keep()
        first.claim(job.id)
        assert left_downloads(second) == []
        other = KeptDownload(REF, tmp_path, means(second), job_id=job.id)
        other.bind(connection)
        other.run()
        assert other.state is JobState.FAILED
        error = other.snapshot().error
        assert error is not None
        assert "Another running copy" in error.what
    assert server.asked == []
