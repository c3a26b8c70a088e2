"""What a store can do is found out by harmless calls, and nothing of them is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import servers
from oddstore import SUBRESOURCES, OddStore, odd_store
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.jobs.endpoints import EndpointBook
from vidcdn_desktop.storage.capabilities import (
    AWS,
    FEATURES,
    PRACTICE,
    EndpointProfile,
    Support,
    from_json,
    missing,
    to_json,
)
from vidcdn_desktop.storage.probing import PROBE_NAME, clean_up_probe, probe_endpoint, probe_key

YES, NO, UNKNOWN = Support.YES, Support.NO, Support.UNKNOWN


def _leftovers(client: Any, bucket: str) -> list[str]:
    versions = client.list_object_versions(Bucket=bucket)
    found = [v["Key"] for kind in ("Versions", "DeleteMarkers") for v in versions.get(kind, ())]
    return found + [u["Key"] for u in client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def _features(profile: EndpointProfile) -> dict[str, Support]:
    return {name: getattr(profile, name) for name in FEATURES if name != "cloudfront"}


EXPECTED = {
    "moto": {name: getattr(PRACTICE, name) for name in FEATURES},
    "swift": dict.fromkeys(FEATURES, YES) | {"head_checksum": NO, "list_parts_checksum": NO},
}


def test_real_stores_are_told_rightly_and_left_clean(endpoint: servers.Endpoint, bucket: str) -> None:
    client = endpoint.client(attempts=1)
    client.put_object(Bucket=bucket, Key="videos/film.mp4", Body=b"film")
    profile = probe_endpoint(client, bucket, "videos", CancelToken())
    expected = {
        name: state for name, state in EXPECTED[endpoint.name.removesuffix("-https")].items() if name != "cloudfront"
    }
    assert _features(profile) == expected
    assert profile.checked_at is not None
    assert (datetime.now(UTC) - profile.checked_at).total_seconds() < 60
    assert _leftovers(client, bucket) == ["videos/film.mp4"]


def test_a_bucket_with_versions_keeps_none_of_the_probe(moto: servers.Endpoint) -> None:
    client = moto.client(attempts=1)
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    profile = probe_endpoint(client, "versioned", "", CancelToken())
    assert profile.put_if_absent is YES
    assert _leftovers(client, "versioned") == []


@pytest.fixture
def odd() -> Iterator[OddStore]:
    with odd_store() as store:
        store.objects["films/videos/film.mp4"] = b"film"
        yield store


def test_a_store_that_says_yes_to_everything_is_seen_through(odd: OddStore) -> None:
    profile = probe_endpoint(odd.endpoint.client(attempts=1), "films", "videos", CancelToken())
    assert _features(profile) == {
        "crc64nvme_multipart": YES,
        "crc32": YES,
        "checks_checksum": NO,
        "head_checksum": NO,
        "list_parts_checksum": NO,
        "put_if_absent": NO,
        "complete_if_absent": NO,
        "part_copy": NO,
        "mpu_object_size": YES,
        "part_etag_md5": YES,
        "ranged_get": NO,
    }
    assert profile.server.startswith("oddstore")
    assert odd.objects == {"films/videos/film.mp4": b"film"}
    assert odd.uploads == {}
    written = [target for method, target in odd.asked if method not in ("GET", "HEAD")]
    assert written
    assert all(f"/films/videos/{PROBE_NAME}" in target for target in written)
    assert not [t for t in written for name in SUBRESOURCES if f"?{name}" in t or f"&{name}" in t]


@pytest.mark.parametrize(("denied", "left"), [("PUT", 0), ("DELETE", 1)])
def test_without_permission_it_stays_unknown_and_ends_early(odd: OddStore, denied: str, left: int) -> None:
    odd.denied = {denied}
    profile = probe_endpoint(odd.endpoint.client(attempts=1), "films", "videos", CancelToken())
    assert _features(profile) == dict.fromkeys(_features(profile), UNKNOWN)
    assert not profile.is_known
    assert missing(profile) == ()
    assert len(odd.objects) == 1 + left
    assert odd.uploads == {}


def _refusing(moto: servers.Endpoint, refuse: Callable[[str, dict[str, Any]], str]) -> Any:
    from botocore.exceptions import ClientError

    client = moto.client(attempts=1)

    def before(model: Any, params: dict[str, Any], **_: Any) -> None:
        if code := refuse(model.name, params["headers"]):
            status = 501 if code == "NotImplemented" else 400
            answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, model.name)  # type: ignore[arg-type]

    client.meta.events.register("before-call.s3", before)
    return client


@pytest.mark.parametrize("code", ["NotImplemented", "InvalidRequest"])
@pytest.mark.parametrize(
    ("header", "operations", "expected"),
    [
        ("x-amz-checksum-crc64nvme", ("PutObject", "UploadPart"), {"crc64nvme_multipart": NO, "crc32": YES}),
        ("x-amz-checksum-algorithm", ("CreateMultipartUpload",), {"crc64nvme_multipart": NO, "crc32": YES}),
        ("x-amz-checksum-crc64nvme", ("CompleteMultipartUpload",), {"crc64nvme_multipart": NO, "mpu_object_size": YES}),
        ("x-amz-mp-object-size", ("CompleteMultipartUpload",), {"crc64nvme_multipart": YES, "mpu_object_size": NO}),
        ("If-None-Match", ("PutObject",), {"put_if_absent": NO, "complete_if_absent": YES}),
        ("If-None-Match", ("CompleteMultipartUpload",), {"put_if_absent": YES, "complete_if_absent": NO}),
        ("x-amz-copy-source", ("UploadPartCopy",), {"part_copy": NO, "complete_if_absent": YES}),
    ],
)
def test_each_refusal_is_laid_to_the_right_feature(
    moto: servers.Endpoint, code: str, header: str, operations: tuple[str, ...], expected: dict[str, Support]
) -> None:
    wanted = header.lower()
    client = _refusing(
        moto, lambda name, headers: code if name in operations and wanted in {h.lower() for h in headers} else ""
    )
    bucket = f"refusing-{header.lower()}-{operations[0].lower()}-{code.lower()}"[:63]
    client.create_bucket(Bucket=bucket)
    found = _features(probe_endpoint(client, bucket, "videos", CancelToken()))
    assert {name: found[name] for name in expected} == expected
    assert _leftovers(client, bucket) == []


def test_a_store_without_any_checksum_is_told(moto: servers.Endpoint) -> None:
    client = _refusing(
        moto, lambda _name, headers: "NotImplemented" * any("checksum-crc" in h.lower() for h in headers)
    )
    client.create_bucket(Bucket="sumless")
    found = probe_endpoint(client, "sumless", "videos", CancelToken())
    assert (found.crc64nvme_multipart, found.crc32, found.head_checksum) == (NO, NO, NO)
    assert found.best_algorithm == ""
    assert found.complete_if_absent is YES


def test_a_store_in_trouble_leaves_the_feature_unknown(moto: servers.Endpoint) -> None:
    with servers.FaultyProxy(moto.url) as proxy:
        moto.client().create_bucket(Bucket="troubled")
        busy = servers.Verdict(answer=servers.http_answer("503 Service Unavailable", "SlowDown"))
        proxy.decide = lambda method, target: busy if "partNumber=2" in target else servers.Verdict()
        found = probe_endpoint(moto.client(url=proxy.url, attempts=1), "troubled", "videos", CancelToken())
    assert found.part_copy is UNKNOWN
    assert found.complete_if_absent is YES
    assert _leftovers(moto.client(), "troubled") == []


@pytest.mark.parametrize("at", range(2, 20, 3))
def test_cancelled_at_any_call_it_leaves_nothing(odd: OddStore, at: int) -> None:
    token = CancelToken()
    client = odd.endpoint.client(attempts=1)
    calls = iter(range(1, 1000))

    def count(**_: Any) -> None:
        if next(calls) == at:
            token.cancel()

    client.meta.events.register("before-call.s3", count)
    with pytest.raises(Cancelled):
        probe_endpoint(client, "films", "videos", token)
    assert odd.objects == {"films/videos/film.mp4": b"film"}
    assert odd.uploads == {}


def test_a_lost_network_is_no_answer(moto: servers.Endpoint) -> None:
    port = servers.free_ports(1)[0]
    with pytest.raises(e.Offline):
        probe_endpoint(moto.client(url=f"http://127.0.0.1:{port}", attempts=1), "films", "", CancelToken())


def test_a_bucket_that_is_not_there_is_told(moto: servers.Endpoint) -> None:
    with pytest.raises(e.BucketNotFound):
        probe_endpoint(moto.client(attempts=1), "nowhere-at-all", "videos", CancelToken())


def test_profiles_come_back_from_json() -> None:
    found = EndpointProfile(crc32=NO, ranged_get=YES, checked_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), server="x")
    assert from_json(to_json(found)) == found
    assert from_json(to_json(AWS)) == AWS
    assert from_json({"crc32": "perhaps", "ranged_get": 7, "checked_at": "yesterday", "server": 5}) == EndpointProfile()
    assert from_json({"checked_at": "2026-01-02T03:04:00"}).checked_at is None


def test_what_is_missing_is_told_in_words() -> None:
    assert missing(AWS) == ()
    lacking = EndpointProfile(head_checksum=NO, put_if_absent=NO, part_copy=NO, ranged_get=NO, checks_checksum=NO)
    told = [str(lack) for lack in missing(lacking)]
    assert told[0] == "This store keeps no checksums: uploads are proved by sizes, part ETags and reading back."
    assert len(told) == 4
    assert any(sentence.startswith("This store cannot refuse to overwrite") for sentence in told)


@pytest.mark.parametrize(
    ("multipart", "crc32", "best"),
    [(YES, UNKNOWN, "CRC64NVME"), (NO, YES, "CRC32"), (NO, NO, ""), (NO, UNKNOWN, None), (UNKNOWN, YES, None)],
)
def test_the_checksum_to_send_follows_from_what_is_known(multipart: Support, crc32: Support, best: str | None) -> None:
    assert EndpointProfile(crc64nvme_multipart=multipart, crc32=crc32).best_algorithm == best


def test_what_a_killed_probe_has_left_is_removed_by_the_next(moto: servers.Endpoint, tmp_path: Path) -> None:
    client = moto.client()
    client.create_bucket(Bucket="killed-probe")
    book = EndpointBook(tmp_path / "endpoints.json")
    key = probe_key("videos")
    book.begin(moto.url, "killed-probe", key)
    client.put_object(Bucket="killed-probe", Key=key, Body=b"vidcdn")
    client.create_multipart_upload(Bucket="killed-probe", Key=key)
    client.put_object(Bucket="killed-probe", Key="videos/a.mp4", Body=b"film")
    assert book.left_over(moto.url, "killed-probe") == [key]
    clean_up_probe(client, "killed-probe", "videos/a.mp4")  # never a key that is not a probe's
    for left in book.left_over(moto.url, "killed-probe"):
        clean_up_probe(client, "killed-probe", left)
        book.end(left)
    assert [o["Key"] for o in client.list_objects_v2(Bucket="killed-probe")["Contents"]] == ["videos/a.mp4"]
    assert "Uploads" not in client.list_multipart_uploads(Bucket="killed-probe")
    assert book.left_over(moto.url, "killed-probe") == []
