"""Health of a prefix: everything is found and counted, one refusal stops nothing else, and mending touches no more."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from repairs import World, operation, world_on
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.jobs import health_uploads
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.headcache import HeadCache, HeadFacts
from vidcdn_desktop.jobs.health import Known, Survey, Wanted
from vidcdn_desktop.jobs.health_fix import FixPlan, plan_fix
from vidcdn_desktop.jobs.health_headers import wanted_cache, wanted_type
from vidcdn_desktop.jobs.health_model import FIXABLE, Concern, Finding, HealthReport, Progress
from vidcdn_desktop.jobs.health_uploads import Age, Removal, look_at_uploads, remove_uploads
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.operations.launch import operation_job, plan_undo
from vidcdn_desktop.jobs.operations.model import Item
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.jobs.ownership import Ownership
from vidcdn_desktop.jobs.prices import PriceTable
from vidcdn_desktop.jobs.repair_marks import Marks
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.storage.keys import IMMUTABLE_CACHE, STABLE_CACHE
from vidcdn_desktop.storage.port import ObjectRef, ObjectSummary, UploadIntent

FINE: dict[str, Any] = {"ContentType": "video/mp4", "CacheControl": "max-age=77"}
PICTURE: dict[str, Any] = {"ContentType": "image/jpeg", "CacheControl": "max-age=77"}
MIB = 1 << 20
LATER = timedelta(days=30)


@pytest.fixture(scope="session")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Endpoint]:
    if not os.environ.get("VIDCDN_SWIFT_BIN"):
        pytest.skip("VIDCDN_SWIFT_BIN is not set")
    with servers.swift(tmp_path_factory.mktemp("swift")) as endpoint:
        yield endpoint


@pytest.fixture(params=["moto", pytest.param("swift", marks=pytest.mark.swift)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each store in turn."""
    with world_on(request.getfixturevalue(request.param)) as found:
        yield found


@pytest.fixture
def plain(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


def now() -> datetime:
    """So late that everything is old."""
    return datetime.now(UTC) + LATER


class Doctor:
    """Somebody who looks and mends."""

    def __init__(self, world: World, connection: Connection, journal: Journal, known: Known) -> None:
        self.world, self.connection, self.journal, self.known = world, connection, journal, known

    def look(self, *concerns: Concern, prefix: str = "", token: CancelToken | None = None, **more: Any) -> HealthReport:
        wanted = Wanted(frozenset(concerns or Concern), now=now, requests_per_s=None)
        survey = Survey(self.connection, prefix, replace(wanted, **more), self.known, token=token or CancelToken())
        return survey.run()

    def plan(self, *concerns: Concern, **more: Any) -> FixPlan:
        return plan_fix(self.connection, self.look(*concerns, **more), concerns or FIXABLE, token=CancelToken())

    def do(self, plan: OperationPlan | None) -> Any:
        assert plan is not None
        means = Means(Tools(None, None), self.journal)
        job = operation_job(plan, means, self.connection, confirmed=plan.confirm)
        job.run()
        return job

    def remove(self, findings: tuple[Finding, ...]) -> list[Removal]:
        return list(remove_uploads(self.connection, findings, self.journal, CancelToken()))

    def begin_upload(self, key: str, *sizes: int) -> str:
        """An upload by somebody else that holds parts."""
        client, bucket = self.world.client, self.world.bucket
        upload_id = str(client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])
        for number, size in enumerate(sizes, 1):
            client.upload_part(
                Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=bytes([number]) * size
            )
        return upload_id

    def heads(self) -> int:
        """HEADs that came in."""
        return self.world.history.count("HeadObject")


@contextmanager
def doctor_at(world: World, tmp_path: Path, *, settled: bool = False) -> Iterator[Doctor]:
    """Somebody at work; `settled`: what is known of headers is kept, however new it is."""

    def watch(_phase: Any, request: Request) -> None:
        if _phase.name == "ARRIVED":
            world.history.append(operation(request))

    world.proxy.watch = watch
    heads = HeadCache(tmp_path / "heads.sqlite", now=lambda: (now() if settled else datetime.now(UTC)).timestamp())
    own = Journal(tmp_path / "state.sqlite3")
    with world.connection() as connection, FactCache(tmp_path / "facts.sqlite") as facts, heads, own:
        yield Doctor(world, connection, own, Known(facts, heads, own))


def keys_of(report: HealthReport, concern: Concern) -> list[str]:
    return sorted(finding.ref.key for finding in report.sections[concern].findings)


def refusing(*operations: str, key: str = "") -> Any:
    """A plan of the proxy: these are answered with AccessDenied."""

    def plan(request: Request) -> Act:
        if operation(request) in operations and key in request.target:
            return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))
        return Act()

    return plan


# Looking


def test_everything_is_found_in_one_listing(world: World, tmp_path: Path, clip_end: Path) -> None:
    film = clip_end.read_bytes()
    world.put(film, "films/slow.mp4", **FINE)
    world.put(film, "films/again.mp4", **FINE)
    world.put(b"one", "films/wrong.mp4", ContentType="binary/octet-stream", CacheControl="max-age=77")
    world.put(b"two!", "films/bare.jpg", ContentType="image/jpeg")
    world.put(b"three", "films/gone-0123abcd.jpg", **PICTURE)
    world.put(b"four..", "films/slow.jpg", **PICTURE)
    world.put(b"x", "elsewhere/x.mp4", ContentType="text/plain")
    with doctor_at(world, tmp_path) as doctor:
        doctor.begin_upload("films/left.mp4", 5 * MIB, 1000)
        doctor.begin_upload("elsewhere/left.mp4", 1000)
        report = doctor.look(prefix="films/")
    assert report.is_whole, report
    assert (report.objects, report.size_bytes) == (6, 2 * len(film) + 18)
    sections = report.sections
    assert list(sections) == list(Concern)
    assert keys_of(report, Concern.UPLOADS) == ["films/left.mp4"]
    assert sections[Concern.UPLOADS].size_bytes == 5 * MIB + 1000
    assert keys_of(report, Concern.TYPES) == ["films/wrong.mp4"]
    assert keys_of(report, Concern.CACHE) == ["films/bare.jpg"]
    assert keys_of(report, Concern.THUMBNAILS) == ["films/bare.jpg", "films/gone-0123abcd.jpg"]
    assert [f.ref.key for f in sections[Concern.THUMBNAILS].fixable] == ["films/gone-0123abcd.jpg"]
    (twin,) = sections[Concern.DUPLICATES].findings
    assert {twin.ref.key, twin.same_as and twin.same_as.key} == {"films/slow.mp4", "films/again.mp4"}
    assert (sections[Concern.DUPLICATES].objects, sections[Concern.DUPLICATES].size_bytes) == (1, len(film))
    assert sections[Concern.DUPLICATES].fixable == ()
    assert keys_of(report, Concern.SLOW) == ["films/again.mp4", "films/slow.mp4"]
    assert world.history.count("ListObjects") == 1


def test_what_was_looked_at_is_not_asked_for_again_until_it_changes(plain: World, tmp_path: Path) -> None:
    for number in range(5):
        plain.put(f"film {number}".encode(), f"{number}.mp4", ContentType="video/mp4")
    with doctor_at(plain, tmp_path, settled=True) as doctor:
        assert doctor.look(Concern.CACHE).sections[Concern.CACHE].objects == 5
        assert doctor.heads() == 5
        assert doctor.look(Concern.CACHE).sections[Concern.CACHE].objects == 5
        assert doctor.heads() == 5
        plain.put(b"another", "3.mp4", **FINE)
        assert doctor.look(Concern.CACHE).sections[Concern.CACHE].objects == 4
        assert doctor.heads() == 6


def test_no_more_is_asked_than_was_said_and_what_is_left_is_told(plain: World, tmp_path: Path) -> None:
    for number in range(5):
        plain.put(f"film {number}".encode(), f"{number}.mp4", ContentType="video/mp4")
    with doctor_at(plain, tmp_path, settled=True) as doctor:
        first = doctor.look(Concern.CACHE, most=2).sections[Concern.CACHE]
        assert (first.looked_at, first.not_looked_at, doctor.heads()) == (2, 3, 2)
        second = doctor.look(Concern.CACHE, most=2).sections[Concern.CACHE]
        assert (second.looked_at, second.not_looked_at, doctor.heads()) == (4, 1, 4)


def test_one_object_that_is_refused_stops_none_of_the_others(plain: World, tmp_path: Path) -> None:
    for number in range(3):
        plain.put(f"film {number}".encode(), f"{number}.mp4", ContentType="text/plain")
    plain.proxy.plan = refusing("HeadObject", key="1.mp4")
    with doctor_at(plain, tmp_path) as doctor:
        report = doctor.look(Concern.TYPES)
    assert keys_of(report, Concern.TYPES) == ["0.mp4", "2.mp4"]
    (error,) = report.sections[Concern.TYPES].errors
    assert (error.kind, error.subject) == ("AccessDenied", f"s3://{plain.bucket}/1.mp4")
    assert not report.is_whole


@pytest.mark.parametrize(
    ("refused", "missing"),
    [
        ("ListMultipartUploads", {Concern.UPLOADS}),
        ("ListObjects", set(Concern) - {Concern.UPLOADS}),
        ("HeadObject", {Concern.TYPES, Concern.CACHE}),
    ],
)
def test_what_is_not_permitted_is_told_and_the_rest_goes_on(
    plain: World, tmp_path: Path, refused: str, missing: set[Concern]
) -> None:
    for number in range(20):
        plain.put(f"film {number}".encode(), f"{number}.mp4", ContentType="text/plain")
    with doctor_at(plain, tmp_path) as doctor:
        doctor.begin_upload("left.mp4", 1000)
        plain.proxy.plan = refusing(refused)
        report = doctor.look()
    told = {concern for concern, section in report.sections.items() if section.problem is not None}
    assert told == missing
    assert all(isinstance(report.sections[concern].problem, e.AccessDenied) for concern in missing)
    assert bool(report.sections[Concern.UPLOADS].objects) is (Concern.UPLOADS not in missing)
    if refused == "HeadObject":
        assert 8 <= doctor.heads() < 20 + 32
        assert report.sections[Concern.TYPES].not_looked_at + len(report.sections[Concern.TYPES].errors) == 20


def test_a_key_that_is_refused_ends_it(plain: World, tmp_path: Path) -> None:
    plain.proxy.plan = lambda _request: Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "InvalidAccessKeyId"))
    with doctor_at(plain, tmp_path) as doctor, pytest.raises(e.CredentialsRejected):
        doctor.look()


@pytest.mark.parametrize("held", ["HeadObject", "ListParts", "ListObjects", "GetObject"])
def test_a_cancel_does_not_wait_for_answers(plain: World, tmp_path: Path, held: str) -> None:
    plain.put(b"film", "a.mp4", **FINE)
    token = CancelToken()

    def plan(request: Request) -> Act:
        if operation(request) != held:
            return Act()
        threading.Thread(target=token.cancel).start()
        return Act(Fault.STALL_REPLY)

    with doctor_at(plain, tmp_path) as doctor:
        doctor.begin_upload("left.mp4", 1000)
        plain.proxy.plan = plan
        with pytest.raises(Cancelled):
            doctor.look(token=token)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("health")]


# Judging


@pytest.mark.parametrize(
    ("key", "stored", "wanted"),
    [
        ("a.mp4", "video/mp4", ""),
        ("a.MP4", "Video/MP4; codecs=avc1", ""),
        ("a.mp4", "application/octet-stream", "video/mp4"),
        ("a.mp4", "", "video/mp4"),
        ("a.m4v", "video/x-m4v", ""),
        ("a.jpg", "video/mp4", "image/jpeg"),
        ("a.ts", "text/typescript", ""),
        ("a.ts", "application/octet-stream", "video/mp2t"),
        ("a.unknown", "application/octet-stream", ""),
        ("a", "text/plain", ""),
    ],
)
def test_a_type_is_wrong_only_where_that_is_certain(key: str, stored: str, wanted: str) -> None:
    assert wanted_type(key, stored) == wanted


def test_only_names_that_are_never_written_twice_are_kept_for_ever() -> None:
    assert wanted_cache("films/sea-0123abcd.mp4") == IMMUTABLE_CACHE
    assert wanted_cache("films/sea.mp4") == STABLE_CACHE


def test_a_thumbnail_is_lonely_only_where_its_video_would_be_seen(plain: World, tmp_path: Path) -> None:
    keys = (
        "f/a.jpg", "f/a.mov", "f/b.jpg", "f/b.m3u8", "f/c.jpg", "f/c", "f/d-0123abcd.jpg", "f/e.JPG", "f/e.png",
        "photos/cat.jpg", "photos/dog-0123abcd.jpg", "f/é.jpg",
    )  # fmt: skip
    for key in keys:
        plain.put(key.encode(), key)
    with doctor_at(plain, tmp_path) as doctor:
        report = doctor.look(Concern.THUMBNAILS)
        within = doctor.look(Concern.THUMBNAILS, prefix="f/d-0123abcd.j")
        before = doctor.look(Concern.THUMBNAILS, prefix="f/d-")
    assert keys_of(report, Concern.THUMBNAILS) == ["f/d-0123abcd.jpg", "f/é.jpg", "photos/dog-0123abcd.jpg"]
    assert keys_of(within, Concern.THUMBNAILS) == []
    assert keys_of(before, Concern.THUMBNAILS) == ["f/d-0123abcd.jpg"]
    assert plain.history.count("HeadObject") == 0


def test_a_checksum_tells_duplicates_that_were_sent_in_other_parts(plain: World, tmp_path: Path) -> None:
    whole = b"film" * 100
    plain.put(whole, "a.mp4", ChecksumAlgorithm="CRC32")
    plain.put(b"mlif" * 100, "b.mp4", ChecksumAlgorithm="CRC32")
    plain.put(b"", "empty.mp4")
    plain.put(b"", "void.mp4")
    with doctor_at(plain, tmp_path, settled=True) as doctor:
        rivals = list(doctor.connection.storage.list_pages(plain.bucket, token=CancelToken()))
        assert sum(len(page) for page in rivals) == 4
        assert doctor.look(Concern.DUPLICATES).sections[Concern.DUPLICATES].objects == 0
        assert doctor.heads() == 2  # of the two whose sizes are the same
        store = doctor.connection.clients.endpoint
        same = HeadFacts("video/mp4", "", expires=False, checksum="CRC32 AAAA==")
        rows = [row for page in rivals for row in page.rows() if row.size]
        doctor.known.heads.keep(store, plain.bucket, [(row, same) for row in rows])
        found = doctor.look(Concern.DUPLICATES).sections[Concern.DUPLICATES]
    assert (found.objects, found.size_bytes) == (1, len(whole))


def test_headers_are_kept_by_state_and_never_of_what_is_new(tmp_path: Path) -> None:
    clock = datetime(2030, 1, 1, tzinfo=UTC)
    old = ObjectSummary("a\udcff.mp4", 5, "etag", clock - timedelta(hours=1), "STANDARD")
    new = replace(old, key="b.mp4", last_modified=clock - timedelta(seconds=1))
    facts = HeadFacts("video/mp4", "", expires=True, checksum="")
    path = tmp_path / "heads.sqlite"
    with HeadCache(path, now=clock.timestamp) as cache:
        cache.keep("s", "b", [(old, facts), (new, facts)])
        assert cache.recall("s", "b", [old, new]) == {old.key: facts}
        assert cache.recall("s", "b", [replace(old, last_modified=clock)]) == {}
        assert cache.recall("other", "b", [old]) == {}
    path.write_bytes(b"no database at all, but long enough to be looked at as one" * 20)
    with HeadCache(path, now=clock.timestamp) as cache:
        assert cache.recall("s", "b", [old]) == {}
        cache.keep("s", "b", [(old, facts)])
        assert cache.recall("s", "b", [old]) == {old.key: facts}
    with HeadCache(path, rows=2, now=clock.timestamp) as cache:
        items = [replace(old, key=str(number)) for number in range(5)]
        cache.keep("s", "b", [(item, facts) for item in items])
        assert len(cache.recall("s", "b", items)) == 2


# Uploads


def test_old_uploads_are_removed_and_young_ones_are_not(world: World, tmp_path: Path) -> None:
    with doctor_at(world, tmp_path) as doctor:
        doctor.begin_upload("old.mp4", 5 * MIB, 7)
        plan = doctor.plan(Concern.UPLOADS)
        (step,) = plan.steps
        assert (step.objects, step.size, step.requests) == (1, 5 * MIB + 7, 3)
        young = doctor.look(Concern.UPLOADS, least_age=timedelta(days=40_000)).sections[Concern.UPLOADS]
        assert (young.objects, young.fixable) == (1, ())
        assert world.unfinished() == ["old.mp4"]
        assert [removal.left_because or removal.error for removal in doctor.remove(plan.uploads)] == [None]
        assert world.unfinished() == []
        assert [removal.left_because for removal in doctor.remove(plan.uploads)] == ["It has ended by itself."]


def test_an_upload_that_grows_is_left_alone(plain: World, tmp_path: Path) -> None:
    with doctor_at(plain, tmp_path) as doctor:
        upload_id = doctor.begin_upload("a.mp4", 5 * MIB)
        plan = doctor.plan(Concern.UPLOADS)
        plain.client.upload_part(Bucket=plain.bucket, Key="a.mp4", UploadId=upload_id, PartNumber=2, Body=b"more")
        (removal,) = doctor.remove(plan.uploads)
    assert "grown" in removal.left_because
    assert plain.unfinished() == ["a.mp4"]


def note(journal: Journal, bucket: str, key: str, upload_id: str, *, claim: bool = False) -> None:
    """Let the journal know of an upload that stands in the middle."""
    record = JobRecord("job-1", "publish", "paused", "A film", bucket=bucket, key=key, created=datetime.now(UTC))
    journal.save_job(record)
    log = journal.part_log("job-1", key=key, profile_id="store-1", endpoint="")
    log.planned(UploadIntent(ObjectRef(bucket, key), 9 * MIB, 5 * MIB, "", "", only_if_absent=False))
    if upload_id:
        log.created(upload_id, "")
    if claim:
        journal.claim("job-1")


@pytest.mark.parametrize("with_id", [True, False])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_what_this_program_can_go_on_with_is_never_removed(
    plain: World, tmp_path: Path, *, with_id: bool, elsewhere: bool
) -> None:
    with doctor_at(plain, tmp_path) as doctor:
        upload_id = doctor.begin_upload("a.mp4", 5 * MIB)
        plan = doctor.plan(Concern.UPLOADS)
        assert len(plan.uploads) == 1
        other = Journal(tmp_path / "state.sqlite3", ownership=Ownership(tmp_path / "running"))
        try:
            note(other, plain.bucket, "a.mp4", upload_id if with_id else "", claim=elsewhere)
            section = doctor.look(Concern.UPLOADS).sections[Concern.UPLOADS]
            assert (section.objects, section.fixable) == (1, ())
            # It was begun after the plan was shown, too.
            (removal,) = doctor.remove(plan.uploads)
            assert removal.left_because == section.findings[0].left_because
            assert ("is sending" in removal.left_because) is elsewhere
        finally:
            other.close()
            other.ownership.close()
    assert plain.unfinished() == ["a.mp4"]


def test_what_a_running_repair_is_at_is_never_removed(plain: World, tmp_path: Path) -> None:
    with doctor_at(plain, tmp_path) as doctor, Marks() as running:
        upload_id = doctor.begin_upload("a.mp4", 5 * MIB)
        log = running.log(doctor.connection.clients.endpoint, ObjectRef(plain.bucket, "a.mp4"))
        log.planned("a.mp4")
        log.created(upload_id)
        section = doctor.look(Concern.UPLOADS).sections[Concern.UPLOADS]
        assert (section.objects, section.fixable) == (1, ())
        running.close()
        assert len(doctor.look(Concern.UPLOADS).sections[Concern.UPLOADS].fixable) == 1


def test_without_the_records_of_this_program_nothing_is_removed(plain: World, tmp_path: Path) -> None:
    with doctor_at(plain, tmp_path) as doctor:
        doctor.begin_upload("a.mp4", 5 * MIB)
        doctor.known = replace(doctor.known, journal=None)
        section = doctor.look(Concern.UPLOADS).sections[Concern.UPLOADS]
        assert (section.objects, section.fixable) == (1, ())
        plan = doctor.plan(Concern.UPLOADS)
        assert plan.steps == ()


def test_what_an_operation_is_at_is_never_removed(plain: World, tmp_path: Path) -> None:
    with doctor_at(plain, tmp_path) as doctor:
        upload_id = doctor.begin_upload("copy.mp4", 5 * MIB)
        record = JobRecord(
            "job-2", "operation", "paused", "A copy", bucket=plain.bucket, key="a.mp4", created=datetime.now(UTC)
        )
        doctor.journal.save_job(record)
        state = {"upload_key": "copy.mp4", "upload": upload_id}
        target = ObjectRef(plain.bucket, "copy.mp4")
        item = Item(1, ObjectRef(plain.bucket, "a.mp4"), target=target, state=state)
        doctor.journal.item_log("job-2").begin([item])
        section = doctor.look(Concern.UPLOADS).sections[Concern.UPLOADS]
    assert (section.objects, section.fixable) == (1, ())


def test_uploads_tell_what_they_cost_a_month(plain: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_uploads, "prices_for", lambda _connection: PriceTable.shipped())
    with doctor_at(plain, tmp_path) as doctor:
        doctor.begin_upload("a.mp4", 5 * MIB, 3 * MIB)
        section = doctor.look(Concern.UPLOADS).sections[Concern.UPLOADS]
    (finding,) = section.findings
    assert finding.upload is not None
    assert finding.upload.parts == 2
    assert finding.upload.usd_per_month == pytest.approx(8 * MIB / (1 << 30) * 0.023)
    assert section.cost is not None
    assert section.cost.usd_per_month == finding.upload.usd_per_month
    assert section.to_json(1)["cost"].date == PriceTable.shipped().date


def test_one_upload_that_cannot_be_removed_keeps_none_of_the_others(plain: World, tmp_path: Path) -> None:
    with doctor_at(plain, tmp_path) as doctor:
        for name in ("a.mp4", "b.mp4", "c.mp4"):
            doctor.begin_upload(name, 1000)
        plan = doctor.plan(Concern.UPLOADS)
        plain.proxy.plan = refusing("AbortMultipartUpload", key="b.mp4")
        removals = doctor.remove(plan.uploads)
    assert {r.finding.ref.key: type(r.error) for r in removals if r.error} == {"b.mp4": e.AccessDenied}
    assert plain.unfinished() == ["b.mp4"]


@pytest.mark.parametrize("held", ["ListParts", "AbortMultipartUpload", "ListMultipartUploads"])
def test_a_cancel_of_a_removal_does_not_wait_and_keeps_what_is_left(plain: World, tmp_path: Path, held: str) -> None:
    token = CancelToken()

    def plan(request: Request) -> Act:
        if operation(request) != held:
            return Act()
        threading.Thread(target=token.cancel).start()
        return Act(Fault.STALL_REPLY)

    with doctor_at(plain, tmp_path) as doctor:
        for number in range(40):
            doctor.begin_upload(f"{number}.mp4", 10)
        findings = doctor.plan(Concern.UPLOADS).uploads
        plain.proxy.plan = plan
        with pytest.raises(Cancelled):
            list(remove_uploads(doctor.connection, findings, doctor.journal, token))
    assert len(plain.unfinished()) >= 40 - 8
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("health")]


# Mending


def test_headers_are_merged_into_what_an_object_carries_and_taken_back(world: World, tmp_path: Path) -> None:
    carried = {"ContentDisposition": "inline", "Metadata": {"title": "Sea"}}
    world.put(b"film", "a-0123abcd.mp4", ContentType="binary/octet-stream", **carried)
    world.put(b"picture", "b.png", ContentType="image/png", **carried)
    with doctor_at(world, tmp_path) as doctor:
        plan = doctor.plan(Concern.TYPES, Concern.CACHE)
        (step,) = plan.steps
        assert (step.objects, step.size) == (2, 11)
        assert plan.confirm is None
        job = doctor.do(plan.headers)
        assert not [item.error for item in job.items if item.error]
        film, picture = world.get("a-0123abcd.mp4"), world.get("b.png")
        assert (film["ContentType"], film["CacheControl"]) == ("video/mp4", IMMUTABLE_CACHE)
        assert (picture["ContentType"], picture["CacheControl"]) == ("image/png", STABLE_CACHE)
        for reply, body in ((film, b"film"), (picture, b"picture")):
            assert (reply["Body"], reply["ContentDisposition"], reply["Metadata"]) == (body, "inline", {"title": "Sea"})
        report = doctor.look(Concern.TYPES, Concern.CACHE)
        assert [section.objects for section in report.sections.values()] == [0, 0]
        doctor.do(plan_undo(doctor.connection, doctor.journal, job.id))
        film = world.get("a-0123abcd.mp4")
        assert (film["ContentType"], film.get("CacheControl")) == ("binary/octet-stream", None)


def test_headers_that_somebody_has_set_meanwhile_are_left_as_they_are(plain: World, tmp_path: Path) -> None:
    plain.put(b"film", "a.mp4", ContentType="binary/octet-stream", CacheControl="max-age=1")
    plain.put(b"seen", "b.mp4", ContentType="binary/octet-stream", CacheControl="max-age=1")
    with doctor_at(plain, tmp_path) as doctor:
        plan = doctor.plan(Concern.TYPES)
        plain.put(b"film", "a.mp4", ContentType="video/theirs", CacheControl="max-age=1")
        job = doctor.do(plan.headers)
    assert [type(item.error) for item in job.items] == [e.Conflict, type(None)]
    assert plain.get("a.mp4")["ContentType"] == "video/theirs"
    assert plain.get("b.mp4")["ContentType"] == "video/mp4"


def test_deleting_thumbnails_for_good_asks_for_their_number(plain: World, tmp_path: Path) -> None:
    plain.put(b"1", "a-0123abcd.jpg", **PICTURE)
    plain.put(b"2", "b-0123abcd.jpg", **PICTURE)
    plain.put(b"3", "b-0123abcd.mp4", **FINE)
    with doctor_at(plain, tmp_path) as doctor:
        plan = doctor.plan(Concern.THUMBNAILS)
        assert plan.confirm == 1
        assert plan.thumbnails is not None
        with pytest.raises(e.ConfirmationNeeded):
            operation_job(plan.thumbnails, Means(Tools(None, None), doctor.journal), doctor.connection)
        doctor.do(plan.thumbnails)
    plain.assert_only("b-0123abcd.jpg", "b-0123abcd.mp4")


def test_slow_starters_are_planned_with_what_a_repair_takes(plain: World, tmp_path: Path, clip_end: Path) -> None:
    plain.put(clip_end.read_bytes(), "a.mp4", **FINE)
    with doctor_at(plain, tmp_path) as doctor:
        plan = doctor.plan(Concern.SLOW)
    (step,) = plan.steps
    assert (step.objects, step.size) == (1, clip_end.stat().st_size)
    assert step.requests > 0
    assert plan.repairs is not None
    assert [(wish.ref.key, bool(wish.etag)) for wish in plan.repairs.wishes()] == [("a.mp4", True)]


def test_a_thumbnail_that_is_to_go_gets_no_other_headers_before(plain: World, tmp_path: Path) -> None:
    plain.put(b"1", "a-0123abcd.jpg", ContentType="image/jpeg")
    plain.put(b"2", "b-0123abcd.mp4", ContentType="video/mp4")
    with doctor_at(plain, tmp_path) as doctor:
        both = doctor.plan()
        alone = doctor.plan(Concern.CACHE)
    assert both.headers is not None
    assert both.thumbnails is not None
    assert [item.ref.key for item in both.headers.items] == ["b-0123abcd.mp4"]
    assert [item.ref.key for item in both.thumbnails.items] == ["a-0123abcd.jpg"]
    assert alone.headers is not None
    assert alone.headers.objects == 2


# Telling


def test_sections_are_told_when_they_are_complete_and_progress_has_totals(
    plain: World, tmp_path: Path, clip_end: Path
) -> None:
    for number in range(3):
        plain.put(clip_end.read_bytes(), f"films/{number}.mp4", ContentType="text/plain")
    plain.put(b"x", "films/x.jpg", **PICTURE)
    told: list[tuple[Concern, int]] = []
    steps: list[Progress] = []
    with doctor_at(plain, tmp_path) as doctor:
        wanted = Wanted(now=now, requests_per_s=None)
        survey = Survey(
            doctor.connection,
            "films/",
            wanted,
            doctor.known,
            token=CancelToken(),
            on_progress=steps.append,
            on_section=lambda section: told.append((section.concern, section.objects)),
        )
        report = survey.run()
    assert sorted(told, key=lambda pair: pair[0].value) == sorted(
        ((concern, section.objects) for concern, section in report.sections.items()), key=lambda pair: pair[0].value
    )
    assert told[0][0] is Concern.UPLOADS
    heads = [step for step in steps if step.words.startswith("Headers")]
    assert [(step.done, step.total) for step in heads] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    videos = [step for step in steps if step.words.startswith("Where the index stands")]
    assert videos[-1] == Progress("Where the index stands: 3 of 3 videos looked into", 3, 3)


def test_of_very_many_uploads_only_some_are_looked_into_where_that_is_enough(plain: World, tmp_path: Path) -> None:
    with doctor_at(plain, tmp_path) as doctor:
        for number in range(3):
            doctor.begin_upload(f"{number}.mp4", MIB)
        age, rate = Age(now(), timedelta(0)), RateLimiter(None)
        section = look_at_uploads(doctor.connection, "", age, doctor.journal, rate, CancelToken(), most=2)
        whole = look_at_uploads(doctor.connection, "", age, doctor.journal, rate, CancelToken())
    assert (section.objects, section.not_looked_at) == (2, 1)
    assert (whole.objects, whole.not_looked_at) == (3, 0)
