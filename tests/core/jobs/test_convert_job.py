"""Publishing what is not MP4: a step of its own, one copy on the disk, and a conversion that is not done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import servers
from films import make_clip
from vidcdn_desktop import paths
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.errors import DiskFull
from vidcdn_desktop.jobs import convert_room
from vidcdn_desktop.jobs.again import job_from
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.convert import sweep_conversions
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState, PublishOptions, Step, StepState
from vidcdn_desktop.jobs.publish import PublishJob
from vidcdn_desktop.media.convert_model import ConversionKind
from vidcdn_desktop.media.ffmpeg import Tools, find_tools


@pytest.fixture(scope="module")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Matroska film browsers would play in an MP4."""
    return make_clip(tmp_path_factory.mktemp("film") / "lake.mkv")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose picture has to be encoded: 4:4:4."""
    return make_clip(tmp_path_factory.mktemp("odd") / "odd.mkv", options=("-pix_fmt", "yuv444p"))


@pytest.fixture
def connection(moto: servers.Endpoint, request: pytest.FixtureRequest) -> Iterator[Connection]:
    bucket = "c" + str(abs(hash(request.node.name)))[:12]
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


def ready(film: Path, connection: Connection, journal: Journal | None = None, **options: Any) -> PublishJob:
    tools = find_tools()
    job = PublishJob(film, PublishOptions(verify=False, **options), tools=tools, means=Means(tools, journal))
    job.bind(connection)
    job.look()
    return job


def run(job: PublishJob, *, once_converted: Callable[[PublishJob], None] | None = None) -> None:
    """Run; as soon as the conversion is done, do something."""
    acted = False

    def on_change(_job: object) -> None:
        nonlocal acted
        done = any(s.step is Step.CONVERT and s.state is StepState.DONE for s in job.snapshot().steps)
        if done and once_converted is not None and not acted:
            acted = True
            once_converted(job)

    job.listen(on_change)
    job.mark_queued()
    job.run()


def rooms() -> list[str]:
    folder = paths.cache_dir() / "conversions"
    return [path.name for path in folder.iterdir() if path.is_dir()] if folder.exists() else []


def keys(connection: Connection) -> list[str]:
    client = connection.clients.s3
    return [o["Key"] for o in client.list_objects_v2(Bucket=connection.profile.bucket).get("Contents", [])]


def test_only_what_needs_it_has_the_step(film: Path, clip_end: Path, connection: Connection) -> None:
    steps = [s.step for s in ready(film, connection).snapshot().steps]
    assert steps.index(Step.CONVERT) == 1
    plain = ready(clip_end, connection)
    assert Step.CONVERT not in [s.step for s in plain.snapshot().steps]
    as_is = ready(film, connection, as_is=True)
    assert Step.CONVERT not in [s.step for s in as_is.snapshot().steps]
    assert as_is.set_options(replace(as_is.snapshot().options, as_is=False))
    assert Step.CONVERT in [s.step for s in as_is.snapshot().steps]


def test_the_plan_tells_what_will_be_sent(film: Path, connection: Connection) -> None:
    plan = ready(film, connection).snapshot().plan
    assert plan is not None
    assert plan.ref.key.endswith(".mp4")
    assert plan.headers.content_type == "video/mp4"
    assert plan.conversion is not None
    assert plan.conversion.kind is ConversionKind.REMUX


def test_the_bucket_gets_an_mp4_and_the_disk_keeps_nothing(film: Path, connection: Connection) -> None:
    job = ready(film, connection)
    run(job)
    result = job.snapshot().result
    assert result is not None, job.snapshot().error
    assert result.converted is not None
    assert result.converted.kind is ConversionKind.REMUX
    assert result.disk_bytes_written == result.converted.size == result.size
    assert result.fast_start == "moved"
    assert keys(connection) == [result.thumbnail_key, result.key]
    body = connection.clients.s3.get_object(Bucket=result.bucket, Key=result.key)["Body"]
    with body as stream:
        data = stream.read()
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")
    assert rooms() == []
    assert job.snapshot().converting is None


def test_a_pause_keeps_what_is_finished_and_nothing_is_encoded_twice(odd: Path, connection: Connection) -> None:
    job = ready(odd, connection)
    run(job, once_converted=lambda job: job.pause())
    assert job.state is JobState.PAUSED
    assert rooms() == [job.id]
    run(job)
    result = job.snapshot().result
    assert result is not None, job.snapshot().error
    assert result.converted is not None
    assert result.converted.reused
    assert result.disk_bytes_written == 0
    assert rooms() == []


def test_after_a_restart_the_finished_conversion_is_used(odd: Path, connection: Connection, journal: Journal) -> None:
    first = ready(odd, connection, journal)
    run(first, once_converted=lambda job: job.pause())
    assert sweep_conversions(journal) == 0, "the job may go on, so its film stays"
    record = journal.job(first.id)
    assert record is not None
    second = job_from(record, Means(find_tools(), journal))
    second.bind(connection)
    second.look()
    run(second)
    result = second.snapshot().result
    assert result is not None, second.snapshot().error
    assert result.converted is not None
    assert result.converted.reused
    assert result.converted.kind is ConversionKind.ENCODE


def test_another_film_under_the_same_name_is_converted_anew(connection: Connection, tmp_path: Path) -> None:
    film = make_clip(tmp_path / "lake.mkv")
    job = ready(film, connection)
    run(job, once_converted=lambda job: job.pause())
    make_clip(film, picture="smptebars")
    job.look()
    run(job)
    result = job.snapshot().result
    assert result is not None, job.snapshot().error
    assert result.converted is not None
    assert not result.converted.reused


@pytest.mark.parametrize("when", ["while it runs", "while it is paused"])
def test_a_cancel_leaves_nothing_on_the_disk_and_in_the_bucket(when: str, film: Path, connection: Connection) -> None:
    job = ready(film, connection)
    if when == "while it runs":
        run(job, once_converted=lambda job: job.cancel())
    else:
        run(job, once_converted=lambda job: job.pause())
        job.give_up()
    assert job.state is JobState.CANCELLED
    assert rooms() == []
    assert keys(connection) == []


def test_a_full_disk_fails_before_anything_is_sent(
    film: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert_room, "_free", lambda _folder: 0)
    job = ready(film, connection)
    run(job)
    snapshot = job.snapshot()
    assert snapshot.state is JobState.FAILED
    assert snapshot.failed_step is Step.CONVERT
    assert isinstance(snapshot.error, DiskFull)
    assert rooms() == []
    assert keys(connection) == []


def test_without_ffmpeg_or_permission_it_is_refused_with_advice(film: Path, connection: Connection) -> None:
    tools = Tools(None, find_tools().ffprobe)
    job = PublishJob(film, PublishOptions(), tools=tools, means=Means(tools))
    job.bind(connection)
    job.look()
    assert job.state is JobState.REFUSED
    assert job.snapshot().error is not None
    assert "ffmpeg" in job.snapshot().error.advice  # type: ignore[union-attr]
    assert ready(film, connection, convert=False).state is JobState.REFUSED


def test_sweeping_at_start_takes_the_films_of_jobs_that_have_ended(
    film: Path, connection: Connection, journal: Journal
) -> None:
    job = ready(film, connection, journal)
    run(job, once_converted=lambda job: job.pause())
    journal.remove_job(job.id)
    assert sweep_conversions(journal) == 1
    assert rooms() == []
