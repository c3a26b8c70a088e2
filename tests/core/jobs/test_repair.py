"""Repair inside the bucket: right bytes, everything carried over, nobody's object lost, nothing left behind."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from films import make_clip
from repairs import CARRIED, KEY, World, large_film, operation, wanted, world_on
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.jobs.repair import Repairer, RepairReport, RepairState
from vidcdn_desktop.jobs.repair_marks import base_of
from vidcdn_desktop.storage.capabilities import Support
from vidcdn_desktop.storage.checksums import checksum_of


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


@pytest.fixture(params=["moto", "moto-versioned", pytest.param("swift", marks=pytest.mark.swift)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each store in turn."""
    server, _, kind = request.param.partition("-")
    with world_on(request.getfixturevalue(server), versioned=bool(kind)) as found:
        yield found


@pytest.fixture
def plain(moto: servers.Endpoint) -> Iterator[World]:
    """A bucket without versions."""
    with world_on(moto) as found:
        yield found


@pytest.fixture
def versions(moto: servers.Endpoint) -> Iterator[World]:
    """A bucket that keeps versions."""
    with world_on(moto, versioned=True) as found:
        yield found


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_film(tmp_path_factory.mktemp("films") / "Sea.mov")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Somebody else's film, which needs no repair."""
    clip = make_clip(tmp_path_factory.mktemp("films") / "other.mp4", options=("-movflags", "+faststart"))
    return clip.read_bytes()


def repair(world: World, token: CancelToken | None = None, **options: bool) -> RepairReport:
    dry_run = options.pop("dry_run", False)
    with world.connection() as connection, Repairer(connection, **options) as repairer:
        return repairer.repair(world.ref, token=token or CancelToken(), dry_run=dry_run)


def carried(world: World) -> dict[str, object]:
    reply = world.get()
    return {name: reply.get(name) for name in CARRIED}


def test_a_large_film_is_repaired_by_sending_little(world: World, film: Path) -> None:
    data = film.read_bytes()
    world.put(data, **CARRIED)
    before = carried(world)
    report = repair(world)
    assert report.state is RepairState.REPAIRED
    found = world.get()
    assert found["Body"] == wanted(film)
    assert found["ETag"].strip('"') == report.etag
    assert carried(world) == before == CARRIED
    assert report.parts == 2
    assert report.size == len(found["Body"])
    assert 5 << 20 <= report.bytes_uploaded <= (5 << 20) + (64 << 10)
    assert report.bytes_downloaded <= 5.8e6
    assert report.bytes_copied >= report.size - report.bytes_uploaded
    world.assert_only(KEY)
    again = repair(world)
    assert again.state is RepairState.ALREADY
    assert again.bytes_uploaded == again.bytes_copied == 0


def test_the_counts_are_those_of_the_wire(plain: World, film: Path) -> None:
    plain.put(film.read_bytes())
    report = repair(plain)
    assert report.requests == len(plain.proxy.exchanges)
    assert report.bytes_uploaded == sum(x.up_bytes for x in plain.proxy.exchanges if x.request.method == "PUT")
    assert plain.proxy.down_bytes - report.bytes_downloaded < 20_000  # heads and lists


def test_the_old_object_is_read_three_times_however_it_is_proved(plain: World, film: Path) -> None:
    """Its head, its end, and what is sent; what the samples are compared with came along."""
    plain.put(film.read_bytes())
    report = repair(plain)
    assert report.proved_by == "size, samples read back"
    reads = [x.request for x in plain.proxy.exchanges if "range" in x.request.headers]
    helper = [r for r in reads if "vidcdn-repair" in r.target]
    assert (len(reads) - len(helper), len(helper)) == (3, 3)


def test_a_small_film_is_sent_whole(world: World, clip_end: Path) -> None:
    world.put(clip_end.read_bytes(), **CARRIED)
    report = repair(world)
    assert (report.state, report.parts) == (RepairState.REPAIRED, 1)
    assert world.get()["Body"] == wanted(clip_end)
    assert carried(world) == CARRIED
    world.assert_only(KEY)


def test_a_dry_run_tells_the_figures_and_changes_nothing(world: World, film: Path) -> None:
    etag = world.put(film.read_bytes(), **CARRIED)
    told = repair(world, dry_run=True)
    assert told.state is RepairState.WOULD
    assert world.get()["ETag"].strip('"') == etag
    assert {x.request.method for x in world.proxy.exchanges} == {"GET"}
    done = repair(world)
    assert (told.bytes_uploaded, told.bytes_copied, told.parts) == (done.bytes_uploaded, done.bytes_copied, done.parts)
    assert told.bytes_downloaded <= done.bytes_downloaded <= told.bytes_downloaded + 400_000
    assert done.requests - 12 <= told.requests <= done.requests + 2


def test_tags_class_and_public_reading_are_kept(plain: World, film: Path) -> None:
    plain.put(film.read_bytes(), Tagging="a%20b=c%2Bd&e=", StorageClass="STANDARD_IA", ACL="public-read")
    assert repair(plain).state is RepairState.REPAIRED
    tags = plain.client.get_object_tagging(Bucket=plain.bucket, Key=KEY)["TagSet"]
    assert sorted((t["Key"], t["Value"]) for t in tags) == [("a b", "c+d"), ("e", "")]
    assert plain.get()["StorageClass"] == "STANDARD_IA"
    grants = plain.client.get_object_acl(Bucket=plain.bucket, Key=KEY)["Grants"]
    assert any(g["Grantee"].get("URI", "").endswith("AllUsers") and g["Permission"] == "READ" for g in grants)


def test_encryption_is_kept(versions: World, film: Path) -> None:
    versions.put(film.read_bytes(), ServerSideEncryption="aws:kms", SSEKMSKeyId="key-7")
    assert repair(versions).state is RepairState.REPAIRED
    found = versions.get()
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "key-7")


def test_the_old_version_is_kept(versions: World, film: Path) -> None:
    versions.put(film.read_bytes(), **CARRIED)
    old = versions.get()["VersionId"]
    assert repair(versions).state is RepairState.REPAIRED
    assert versions.get(VersionId=old)["Body"] == film.read_bytes()
    assert len(versions.client.list_object_versions(Bucket=versions.bucket)["Versions"]) == 2


@pytest.mark.parametrize("kept", [True, False])
def test_the_checksum_follows_from_the_old_one(moto: servers.Endpoint, film: Path, kept: bool) -> None:
    with world_on(moto, versioned=kept) as world:
        source = BytesSource(film.read_bytes())
        crc = checksum_of("CRC64NVME", source, 0, source.size)
        world.put(film.read_bytes(), ChecksumAlgorithm="CRC64NVME", ChecksumCRC64NVME=crc)
        report = repair(world)
        new = BytesSource(wanted(film))
        assert report.checksum == checksum_of("CRC64NVME", new, 0, new.size)
        assert report.proved_by == "CRC64NVME of the whole object, worked out from the old one's"


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"no film at all" * 100, "not an MP4"), (b"\x00\x00\x00\x18ftypisom" + bytes(40), "cut off")],
)
def test_what_is_no_film_is_left_alone(world: World, data: bytes, reason: str) -> None:
    etag = world.put(data)
    report = repair(world)
    assert report.state is RepairState.LEFT
    assert reason in report.reason
    assert world.get()["ETag"].strip('"') == etag


def test_an_archived_film_is_left_alone(plain: World, film: Path) -> None:
    plain.put(film.read_bytes(), StorageClass="GLACIER")
    report = repair(plain)
    assert report.state is RepairState.LEFT
    assert "archive" in report.reason


# Somebody else


@pytest.mark.parametrize(("name", "nth"), [("GetObject", 2), ("CreateMultipartUpload", 1), ("UploadPart", 1),
                                           ("UploadPartCopy", 1), ("HeadObject", 1)])  # fmt: skip
def test_an_object_that_is_replaced_meanwhile_is_kept(
    world: World, film: Path, other: bytes, name: str, nth: int
) -> None:
    world.put(film.read_bytes(), **CARRIED)
    world.when(name, Phase.ARRIVED, lambda: world.put(other, ContentType="video/mp4"), nth)
    with pytest.raises(e.Conflict) as caught:
        repair(world)
    assert "somebody else" in caught.value.what
    assert world.get()["Body"] == other
    assert world.get()["ContentType"] == "video/mp4"
    world.assert_only(KEY)


@pytest.mark.parametrize(("kept", "name"), [(True, "CompleteMultipartUpload"), (False, "CopyObject")])
def test_at_the_last_moment_the_condition_decides(
    moto: servers.Endpoint, film: Path, other: bytes, kept: bool, name: str
) -> None:
    with world_on(moto, versioned=kept) as world:
        world.put(film.read_bytes())
        world.honour_conditions()
        inner = world.proxy.plan

        def plan(request: Request) -> Act:
            if operation(request) == name:
                world.put(other)
            return inner(request)

        world.proxy.plan = plan
        with pytest.raises(e.Conflict):
            repair(world)
        assert world.get()["Body"] == other
        world.assert_only(KEY)


def test_a_small_film_that_is_replaced_meanwhile_is_kept(world: World, clip_end: Path, other: bytes) -> None:
    world.put(clip_end.read_bytes())
    world.when("HeadObject", Phase.ARRIVED, lambda: world.put(other))
    with pytest.raises(e.Conflict):
        repair(world)
    assert world.get()["Body"] == other


def test_a_film_that_is_deleted_meanwhile_stays_deleted(world: World, film: Path) -> None:
    world.put(film.read_bytes())
    world.when("UploadPart", Phase.ARRIVED, lambda: world.client.delete_object(Bucket=world.bucket, Key=KEY))
    with pytest.raises((e.Conflict, e.ObjectNotFound)):
        repair(world)
    world.assert_only()


# Bad stores and bad networks
def test_a_copy_without_an_etag_is_a_failure(plain: World, film: Path) -> None:
    plain.put(film.read_bytes(), **CARRIED)

    def plan(request: Request) -> Act:
        if operation(request) != "UploadPartCopy":
            return Act()
        return Act(Fault.ANSWER, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    plain.proxy.plan = plan
    with pytest.raises(e.VidcdnError) as caught:
        repair(plain)
    assert caught.value.kind == "CannotCopy"
    assert plain.get()["Body"] == film.read_bytes()
    plain.assert_only(KEY)


def test_a_store_that_cannot_copy_is_told_or_gets_the_film_again(plain: World, film: Path) -> None:
    plain.put(film.read_bytes(), **CARRIED)
    with plain.connection(part_copy=Support.NO) as connection:
        with Repairer(connection) as repairer:
            report = repairer.repair(plain.ref, token=CancelToken())
        assert report.state is RepairState.LEFT
        assert "cannot copy" in report.reason
        assert plain.get()["Body"] == film.read_bytes()
        with Repairer(connection, resend=True) as repairer:
            report = repairer.repair(plain.ref, token=CancelToken())
    assert report.state is RepairState.REPAIRED
    assert plain.get()["Body"] == wanted(film)
    assert carried(plain) == CARRIED
    plain.assert_only(KEY)


@pytest.mark.parametrize("name", ["CompleteMultipartUpload", "CopyObject", "UploadPartCopy", "DeleteObject"])
def test_an_answer_that_is_lost_changes_nothing(world: World, film: Path, name: str) -> None:
    world.put(film.read_bytes(), **CARRIED)
    first = itertools.count()

    def plan(request: Request) -> Act:
        return Act(Fault.LOST_REPLY) if operation(request) == name and next(first) == 0 else Act()

    world.proxy.plan = plan
    assert repair(world).state is RepairState.REPAIRED
    assert world.get()["Body"] == wanted(film)
    assert carried(world) == CARRIED
    world.assert_only(KEY)


@pytest.mark.parametrize("name", ["UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "CopyObject"])
def test_a_refusal_leaves_the_film_and_nothing_else(plain: World, film: Path, name: str) -> None:
    plain.put(film.read_bytes(), **CARRIED)

    def plan(request: Request) -> Act:
        if operation(request) != name:
            return Act()
        return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))

    plain.proxy.plan = plan
    with pytest.raises(e.AccessDenied) as caught:
        repair(plain)
    assert "published" not in caught.value.meaning
    assert plain.get()["Body"] == film.read_bytes()
    assert carried(plain) == CARRIED
    plain.assert_only(KEY)


def test_a_store_that_copies_wrongly_is_found_out_before_the_film_is_touched(plain: World, film: Path) -> None:
    """The part is copied from another place: the checksum that follows from the old one is not there."""
    plain.put(film.read_bytes(), ChecksumAlgorithm="CRC64NVME")
    wrong = film.read_bytes()[::-1]

    def spoil() -> None:
        (key,) = [key for key in plain.all_keys() if base_of(key)]
        plain.put(wrong, key)

    plain.when("CompleteMultipartUpload", Phase.DONE, spoil)
    with pytest.raises((e.ChecksumMismatch, e.Conflict)):
        repair(plain)
    assert plain.get()["Body"] == film.read_bytes()
    plain.assert_only(KEY)


@pytest.mark.parametrize("name", ["GetObject", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"])
def test_a_cancel_leaves_the_film_and_nothing_else(world: World, film: Path, name: str) -> None:
    world.put(film.read_bytes(), **CARRIED)
    token = CancelToken()
    world.when(name, Phase.ARRIVED, token.cancel)
    if name == "CompleteMultipartUpload" and world.versioned:
        assert repair(world, token).state is RepairState.REPAIRED  # too late to be taken back
        assert world.get()["Body"] == wanted(film)
    else:
        with pytest.raises(Cancelled):
            repair(world, token)
        assert world.get()["Body"] == film.read_bytes()
    assert carried(world) == CARRIED
    world.assert_only(KEY)


def test_two_repairs_of_one_film_do_not_meet(plain: World, film: Path) -> None:
    plain.put(film.read_bytes())
    refused: list[e.VidcdnError] = []

    def second() -> None:
        try:
            repair(plain)
        except e.VidcdnError as exc:
            refused.append(exc)

    plain.when("UploadPart", Phase.ARRIVED, second)
    assert repair(plain).state is RepairState.REPAIRED
    assert [exc.kind for exc in refused] == ["UploadBusy"]
    plain.assert_only(KEY)
