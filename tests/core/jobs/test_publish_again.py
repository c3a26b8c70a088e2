"""Publishes that are paused, fail, end with their process, and go on: each film arrives once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import servers
from films import make_clip
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.jobs.again import job_from, left_over
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.keeping import unfinished_for
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState, PublishOptions
from vidcdn_desktop.jobs.publish import PublishJob
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.storage.weather import Patience

MIB = 1 << 20


@pytest.fixture(scope="module")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of some parts: a real clip with a large box that players skip."""
    path = make_clip(tmp_path_factory.mktemp("film") / "lake.mp4", seconds=1, size="320x180")
    with path.open("ab") as file:
        size = 30 * MIB
        file.write(size.to_bytes(4, "big") + b"free" + bytes(size - 8))
    return path


@pytest.fixture
def connection(moto: servers.Endpoint, request: pytest.FixtureRequest) -> Iterator[Connection]:
    bucket = "b" + str(abs(hash(request.node.name)))[:12]
    moto.client().create_bucket(Bucket=bucket)
    profile = ConnectionProfile(
        "own", "Own store", ConnectionKind.S3_COMPATIBLE, bucket=bucket, region="us-east-1", prefix="videos",
        access_key_id=moto.access_key_id, endpoint_url=moto.url, path_style=True,
    )  # fmt: skip
    secrets = MemorySecretStore()
    secrets.set("own", "secret_access_key", Secret(moto.secret_access_key))
    opened = open_connection(profile, secrets, parallel_parts=2)
    yield opened
    opened.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "state.sqlite3") as opened:
        yield opened


def means(journal: Journal | None) -> Means:
    return Means(find_tools(), journal, patience=Patience(limit_s=0.3, first_s=0.05))


def ready(film: Path, connection: Connection, journal: Journal | None, **options: object) -> PublishJob:
    job = PublishJob(film, PublishOptions(verify=False, **options), tools=find_tools(), means=means(journal))  # type: ignore[arg-type]
    job.bind(connection)
    job.look()
    assert job.state is JobState.READY
    return job


def run(job: PublishJob, when: Callable[[PublishJob], bool] | None = None, act: str = "pause") -> None:
    """Run; once `when` holds, pause or cancel from another thread, as a front end does."""
    job.mark_queued()
    due = threading.Event()

    def stop() -> None:
        due.wait(30)
        getattr(job, act)()

    thread = threading.Thread(target=stop)
    if when is not None:
        add = job.meter.add

        def counted(delta: int) -> None:
            add(delta)
            if when(job):
                due.set()

        job.meter.add = counted  # type: ignore[method-assign]
        thread.start()
    job.run()
    if when is not None:
        due.set()
        thread.join()


def half_sent(job: PublishJob) -> bool:
    return job.meter.sent_bytes > 17 * MIB


def videos(connection: Connection) -> list[str]:
    page = connection.storage.list_page(connection.profile.bucket, "", delimiter="")
    return [o.key for o in page.objects if o.key.endswith(".mp4")]


def unfinished(connection: Connection) -> int:
    return len(list(connection.storage.list_unfinished(connection.profile.bucket)))


def test_a_paused_publish_goes_on_in_the_same_process(film: Path, connection: Connection, journal: Journal) -> None:
    job = ready(film, connection, journal)
    run(job, half_sent)
    assert job.state is JobState.PAUSED
    assert job.snapshot().kept_bytes > 0
    assert job.snapshot().finished is None
    assert [r.state for r in journal.unfinished()] == ["paused"]
    run(job)
    result = job.snapshot().result
    assert job.state is JobState.PUBLISHED, job.snapshot().error
    assert result is not None
    assert result.resumed_bytes >= 8 * MIB
    assert result.bytes_sent + result.resumed_bytes == result.size
    assert "CRC64NVME" in result.proved_by
    assert len(videos(connection)) == 1
    assert unfinished(connection) == 0
    assert journal.unfinished_uploads() == []


def test_a_publish_goes_on_after_its_process_has_ended(film: Path, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    with Journal(path) as journal:
        job = ready(film, connection, journal, title="Lac d’été", description="quiet")
        run(job, half_sent)
        key = job.snapshot().plan.ref.key  # type: ignore[union-attr]
    with Journal(path) as journal:
        [(record, upload)] = left_over(journal)
        assert upload is not None
        assert upload.done_bytes >= 8 * MIB
        again = job_from(record, means(journal))
        assert again.state is JobState.PAUSED
        assert again.snapshot().title == "Lac d’été"
        again.bind(connection)
        again.look()
        run(again)
        result = again.snapshot().result
        assert result is not None, again.snapshot().error
        assert result.key == key
        assert result.resumed_bytes >= 8 * MIB
        assert videos(connection) == [key]
        assert unfinished(connection) == 0
        assert left_over(journal) == []


def test_the_command_line_finds_the_interrupted_publish_of_a_file(
    film: Path, connection: Connection, journal: Journal
) -> None:
    assert unfinished_for(journal, film, connection) is None
    job = ready(film, connection, journal)
    run(job, half_sent)
    found = unfinished_for(journal, film, connection)
    assert found is not None
    assert found.id == job.id
    other = connection.with_bucket("another", "videos")
    assert unfinished_for(journal, film, other) is None
    job.give_up()


def test_giving_up_a_paused_publish_leaves_nothing(film: Path, connection: Connection, journal: Journal) -> None:
    job = ready(film, connection, journal)
    run(job, half_sent)
    assert unfinished(connection) == 1
    job.give_up()
    assert job.state is JobState.CANCELLED
    assert unfinished(connection) == 0
    assert videos(connection) == []
    assert journal.unfinished() == []


def test_a_cancel_leaves_nothing_and_ends_the_journal(film: Path, connection: Connection, journal: Journal) -> None:
    job = ready(film, connection, journal)
    run(job, half_sent, "cancel")
    assert job.state is JobState.CANCELLED
    assert unfinished(connection) == 0
    assert journal.unfinished() == []
    assert journal.unfinished_uploads() == []


def test_a_film_changed_while_paused_is_told_and_its_parts_go(
    film: Path, connection: Connection, journal: Journal, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(film.read_bytes())
    job = ready(copy, connection, journal)
    run(job, half_sent)
    with copy.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    run(job)
    assert job.state is JobState.FAILED
    assert isinstance(job.snapshot().error, e.SourceChanged)
    assert unfinished(connection) == 0
    job.look()
    run(job)
    assert job.state is JobState.PUBLISHED


def test_a_network_that_stays_away_keeps_what_was_sent(
    moto: servers.Endpoint, film: Path, connection: Connection, journal: Journal
) -> None:
    with servers.FaultyProxy(moto.url) as proxy:
        secrets = MemorySecretStore()
        secrets.set("own", "secret_access_key", Secret(moto.secret_access_key))
        through = open_connection(replace(connection.profile, endpoint_url=proxy.url), secrets, parallel_parts=2)
        through.endpoint_profile(CancelToken())
        job = ready(film, through, journal)

        def cut(job: PublishJob) -> bool:
            if half_sent(job):
                proxy.decide = lambda _method, _target: servers.Verdict(cut_after=0)
            return False

        run(job, cut)
        assert job.state is JobState.FAILED
        error = job.snapshot().error
        assert isinstance(error, e.Offline)
        assert "Resume" in error.meaning
        assert job.snapshot().kept_bytes > 0
        proxy.decide = lambda _method, _target: servers.Verdict()
        run(job)
        assert job.state is JobState.PUBLISHED, job.snapshot().error
        through.close()
    assert len(videos(connection)) == 1


def test_two_copies_of_the_program_never_send_the_same_job(film: Path, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    with Journal(path) as journal, Journal(path) as other:
        job = ready(film, connection, journal)
        refused: list[e.VidcdnError | None] = []
        once = threading.Lock()

        def meanwhile(_job: PublishJob) -> bool:
            if half_sent(job) and once.acquire(blocking=False):
                record = other.job(job.id)
                assert record is not None
                assert record.owned_elsewhere
                twin = job_from(record, means(other))
                twin.bind(connection)
                twin.look()
                twin.mark_queued()
                twin.run()
                refused.append(twin.snapshot().error)
                assert other.job(job.id).state == "running"  # type: ignore[union-attr] - the twin has written nothing
            return False

        run(job, meanwhile)
        assert job.state is JobState.PUBLISHED
        assert [type(error) for error in refused] == [e.UploadBusy]
    assert len(videos(connection)) == 1


def test_the_same_film_published_twice_takes_no_second_key(
    film: Path, connection: Connection, journal: Journal
) -> None:
    first, second = ready(film, connection, journal), ready(film, connection, journal)
    run(first)
    run(second)
    assert second.state is JobState.PUBLISHED
    assert len(videos(connection)) == 1
    assert second.snapshot().result.bytes_sent == 0  # type: ignore[union-attr]
