"""The details of an object: each fact from a real store, what is hidden named, and nothing kept back by it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from repairs import World, world_on
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.details import DetailsReader, Known, Lock, ObjectDetails
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.film_details import all_facts, film_details
from vidcdn_desktop.media.facts import fact_rows
from vidcdn_desktop.media.glance_model import IndexPlace
from vidcdn_desktop.storage.object_facts import checksum_in
from vidcdn_desktop.storage.port import ObjectRef

KEY = "films/Été &lt;1&gt; (1).mp4"
CARRIED: dict[str, Any] = {
    "ContentType": "video/mp4",
    "CacheControl": "public, max-age=77",
    "Metadata": {"title": "Mer %C3%A9t%C3%A9", "vidcdn-job": "job-9"},
}


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
def versions(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        yield found


@pytest.fixture
def plain(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


def read(connection: Connection, ref: ObjectRef, **how: Any) -> list[ObjectDetails]:
    return list(DetailsReader(connection).read(ref, CancelToken(), **how))


def denied(world: World, *operations: str) -> None:
    """Who asks may not do these."""

    def plan(request: Request) -> Act:
        if any(name in request.target for name in operations):
            return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))
        return Act()

    world.proxy.plan = plan


def test_what_a_store_keeps_is_told_and_what_it_has_not_is_no_error(world: World) -> None:
    world.put(b"x" * 70, KEY, **CARRIED)
    with world.connection() as connection:
        details = read(connection, ObjectRef(world.bucket, KEY))[-1]
    assert details.facts.value is not None
    assert details.facts.value.stored.size == 70
    assert details.facts.value.headers["cache-control"] == "public, max-age=77"
    assert details.title == "Mer été"
    assert {name: a.known for name, a in details.answers.items() if a.known not in (Known.YES, Known.NOT_KEPT)} == {}
    assert details.lock.value is None
    found = details.versions.value
    assert found is not None
    assert len(found.items) == 1
    assert found.is_complete
    assert found.are_kept is world.versioned
    assert details.to_json()["not_visible"] == []


def test_tags_and_versions_are_of_this_key_alone(versions: World) -> None:
    for number in range(3):
        versions.put(f"cut {number}".encode(), KEY, **CARRIED)
    versions.put(b"another", KEY + ".bak")
    versions.client.put_object_tagging(
        Bucket=versions.bucket, Key=KEY, Tagging={"TagSet": [{"Key": "team", "Value": "sea and sand"}]}
    )
    with versions.connection() as connection:
        first, *_, details = read(connection, ObjectRef(versions.bucket, KEY))
        some = read(connection, ObjectRef(versions.bucket, KEY), most=2)[-1].versions.value
        every = read(connection, ObjectRef(versions.bucket, KEY), most=None)[-1].versions.value
        none = read(connection, ObjectRef(versions.bucket, KEY), versions=False)[-1]
    assert (first.facts.known, first.tags.known) == (Known.YES, Known.WAITING), "the head is told at once"
    assert details.tags.value == {"team": "sea and sand"}
    found = details.versions.value
    assert found is not None
    assert [v.is_latest for v in found.items] == [True, False, False]
    assert found.are_kept
    assert some is not None
    assert (len(some.items), some.is_complete) == (2, False)
    assert every == found
    assert none.versions.known is Known.WAITING


def test_a_delete_marker_below_the_newest_is_told(versions: World) -> None:
    versions.put(b"one", KEY)
    versions.client.delete_object(Bucket=versions.bucket, Key=KEY)
    versions.put(b"two", KEY)
    with versions.connection() as connection:
        found = read(connection, ObjectRef(versions.bucket, KEY))[-1].versions.value
    assert found is not None
    assert sorted(v.is_marker for v in found.items) == [False, False, True]
    assert next(v for v in found.items if v.is_latest).is_marker is False


def test_a_lock_is_told(moto: servers.Endpoint) -> None:
    client, bucket = moto.client(), f"locked-{os.getpid()}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    client.put_object(Bucket=bucket, Key=KEY, Body=b"x")
    client.put_object_retention(Bucket=bucket, Key=KEY, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    client.put_object_legal_hold(Bucket=bucket, Key=KEY, LegalHold={"Status": "ON"})
    client.put_object(Bucket=bucket, Key="free", Body=b"x")
    with world_on(moto) as world, world.connection() as here:
        connection = here.with_bucket(bucket, "")
        reader, token = DetailsReader(connection), CancelToken()
        free = list(reader.read(ObjectRef(bucket, "free"), token))[-1]
        details = list(reader.read(ObjectRef(bucket, KEY), token))[-1]
    client.close()
    assert free.lock.value == Lock(), "it could be locked, and is not"
    lock = details.lock.value
    assert lock is not None
    assert lock.retention is not None
    assert (lock.retention.mode, lock.retention.until) == ("GOVERNANCE", until)
    assert lock.legal_hold
    assert details.to_json()["legal_hold"] is True


def test_a_lock_of_which_one_half_is_hidden_tells_the_other(moto: servers.Endpoint) -> None:
    client, bucket = moto.client(), f"half-locked-{os.getpid()}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    client.put_object(Bucket=bucket, Key=KEY, Body=b"x")
    client.close()
    with world_on(moto) as world, world.connection() as here:
        denied(world, "retention")
        details = read(here.with_bucket(bucket, ""), ObjectRef(bucket, KEY))[-1]
    assert details.lock.value == Lock(hidden=("s3:GetObjectRetention",))
    assert [row["action"] for row in details.to_json()["not_visible"]] == ["s3:GetObjectRetention"]


def test_what_may_not_be_seen_is_named_and_keeps_nothing_else_back(versions: World) -> None:
    versions.put(b"one", KEY, **CARRIED)
    denied(versions, "tagging", "object-lock", "versions")
    with versions.connection() as connection:
        details = read(connection, ObjectRef(versions.bucket, KEY))[-1]
    assert {name for name, a in details.answers.items() if a.known is Known.DENIED} == {
        "tags", "lock", "versions",
    }  # fmt: skip
    assert details.facts.known is Known.YES
    hidden = {row["fact"]: row["action"] for row in details.to_json()["not_visible"]}
    assert hidden == {
        "tags": "s3:GetObjectTagging",
        "lock": "s3:GetBucketObjectLockConfiguration",
        "versions": "s3:ListBucketVersions",
    }


def test_where_the_head_may_not_be_seen_the_rest_is_told(plain: World) -> None:
    plain.put(b"one", KEY)
    plain.proxy.plan = lambda request: Act(
        *((Fault.ANSWER,) if request.method == "HEAD" else ()), answer=xml_answer("403 Forbidden", "AccessDenied")
    )
    with plain.connection() as connection:
        details = read(connection, ObjectRef(plain.bucket, KEY))[-1]
    assert details.facts.known is Known.DENIED
    assert details.tags.known is Known.YES
    assert details.to_json()["size"] is None


def test_a_bucket_without_locks_is_asked_once(plain: World) -> None:
    seen: list[str] = []

    def plan(request: Request) -> Act:
        seen.append(request.target)
        return Act()

    plain.proxy.plan = plan
    for key in ("a", "b"):
        plain.put(b"x", key)
    with plain.connection() as connection:
        reader = DetailsReader(connection)
        for key in ("a", "b"):
            assert list(reader.read(ObjectRef(plain.bucket, key), CancelToken()))[-1].lock.known is Known.YES
    assert sum("object-lock" in target for target in seen) == 1
    assert not any("retention" in target or "legal-hold" in target for target in seen)


def test_an_object_that_is_gone_and_a_cancel_are_no_details(plain: World) -> None:
    with plain.connection() as connection:
        with pytest.raises(e.ObjectNotFound):
            read(connection, ObjectRef(plain.bucket, "nothing"))
        token = CancelToken()
        token.cancel()
        with pytest.raises(Cancelled):
            list(DetailsReader(connection).read(ObjectRef(plain.bucket, KEY), token))


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ({"ETag": '"a"', "ChecksumCRC32": "AAAAAA=="}, ("CRC32", "AAAAAA==", True)),
        ({"ETag": '"a-2"', "ChecksumCRC32": "AAAAAA=="}, ("CRC32", "AAAAAA==", None)),
        ({"ETag": '"a-2"', "ChecksumSHA256": "AAAA-2"}, ("SHA256", "AAAA", False)),
        ({"ETag": '"a-2"', "ChecksumCRC32C": "A=", "ChecksumType": "COMPOSITE"}, ("CRC32C", "A=", False)),
        ({"ETag": '"a-2"', "ChecksumCRC64NVME": "A=", "ChecksumType": "FULL_OBJECT"}, ("CRC64NVME", "A=", True)),
    ],
)
def test_a_checksum_says_what_it_covers(reply: dict[str, str], wanted: tuple[str, str, bool | None]) -> None:
    found = checksum_in(reply)
    assert found is not None
    assert (found.algorithm, found.value, found.is_whole) == wanted
    assert checksum_in({"ETag": '"a"', "ChecksumType": "FULL_OBJECT"}) is None


def test_a_film_is_known_from_ranges_of_it(plain: World, clip_end: Path, tmp_path: Path) -> None:
    data = clip_end.read_bytes()
    plain.put(data, KEY, **CARRIED)
    with plain.connection() as connection, FactCache(tmp_path / "facts.sqlite") as cache:
        stored = connection.storage.head(ObjectRef(plain.bucket, KEY))
        film = film_details(connection, cache, stored, CancelToken())
        again = film_details(connection, cache, stored, CancelToken())
        info = all_facts(connection, stored, CancelToken())
        plain.put(b"another film", KEY)
        with pytest.raises(e.Conflict):
            all_facts(connection, stored, CancelToken())
    assert film == again
    assert film.facts is not None
    assert film.facts.place is IndexPlace.END
    assert [box.type for box in film.boxes][-1] == "moov"
    assert sum(box.size for box in film.boxes) == len(data)
    assert film.to_json()["boxes"][0]["type"] == "ftyp"
    assert info.layout.boxes == film.boxes
    assert info.layout.boxes_after, "it could be moved"
    assert dict(fact_rows(info))["Duration"]
    assert info.path.name == "Été &lt;1&gt; (1).mp4"


def test_what_is_no_film_is_told_as_such(plain: World, tmp_path: Path) -> None:
    plain.put(b"just words " * 50, KEY)
    with plain.connection() as connection, FactCache(tmp_path / "facts.sqlite") as cache:
        stored = connection.storage.head(ObjectRef(plain.bucket, KEY))
        film = film_details(connection, cache, stored, CancelToken())
    assert film.facts is not None
    assert not film.facts.is_film
    assert film.boxes == ()
