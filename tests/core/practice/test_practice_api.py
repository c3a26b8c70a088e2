"""The practice cloud over the wire: the storage and control APIs and the edge, with the real SDK."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import pytest
from awscrt import checksums
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from practice_world import World, client

from vidcdn_desktop.practice.signatures import NotSigned, SignedRequest, check

_MIB = 1024 * 1024


def _code(failed: pytest.ExceptionInfo[ClientError]) -> str:
    return str(failed.value.response["Error"]["Code"])


def test_a_multipart_upload_of_20_mb_plays_in_ranges_from_the_edge(world: World) -> None:
    data = random.Random(7).randbytes(20 * _MIB)
    key = f"t/{uuid.uuid4().hex}.mp4"
    where = {"Bucket": world.cloud.bucket, "Key": key}
    upload = world.s3.create_multipart_upload(**where, ContentType="video/mp4", Metadata={"title": "x"})["UploadId"]

    def send(number: int) -> dict[str, object]:
        body = data[(number - 1) * 5 * _MIB // 2 : number * 5 * _MIB // 2]
        answer = world.s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    # 8 parts at once; S3 wants 5 MiB per part but the last, so the first try must be refused.
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(send, range(1, 9)))
    with pytest.raises(ClientError) as failed:
        world.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert _code(failed) == "EntityTooSmall"

    def send_large(number: int) -> dict[str, object]:
        body = data[(number - 1) * 5 * _MIB : number * 5 * _MIB]
        answer = world.s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(send_large, range(1, 5)))
    done = world.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})

    whole = world.get(f"/{key}")
    assert hashlib.sha256(whole.data).digest() == hashlib.sha256(data).digest()
    assert whole.headers["etag"] == done["ETag"]
    assert whole.headers["x-amz-meta-title"] == "x"
    part = world.get(f"/{key}", range="bytes=7000000-7999999")
    assert part.status == 206
    assert part.headers["content-range"] == f"bytes 7000000-7999999/{len(data)}"
    assert part.data == data[7000000:8000000]
    assert part.headers["content-type"] == "video/mp4"


@pytest.mark.parametrize(("name", "of"), [("CRC64NVME", (checksums.crc64nvme, 8)), ("CRC32", (zlib.crc32, 4))])
def test_a_joined_object_reports_the_checksum_of_all_its_bytes(
    world: World, name: str, of: tuple[Callable[[bytes], int], int]
) -> None:
    blobs = [random.Random(n).randbytes(5 * _MIB + n) for n in range(3)]
    where = {"Bucket": world.cloud.bucket, "Key": f"t/{uuid.uuid4().hex}"}
    kind = {"ChecksumAlgorithm": name, "ChecksumType": "FULL_OBJECT"}
    upload = world.s3.create_multipart_upload(**where, **kind)["UploadId"]
    send = {**where, "UploadId": upload, "ChecksumAlgorithm": name}
    world.s3.upload_part(**send, PartNumber=2, Body=b"sent again below")
    tags = [world.s3.upload_part(**send, PartNumber=n, Body=blob)["ETag"] for n, blob in enumerate(blobs, 1)]
    parts = {"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]}
    wrong = {"Parts": [{**parts["Parts"][0], "ETag": '"0"'}]}
    with pytest.raises(ClientError) as failed:
        world.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=wrong)
    assert _code(failed) == "InvalidPart"
    world.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts, ChecksumType="FULL_OBJECT")
    head = world.s3.head_object(**where, ChecksumMode="ENABLED")
    expected = of[0](b"".join(blobs)).to_bytes(of[1], "big")
    assert head[f"Checksum{name}"] == base64.b64encode(expected).decode()
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert head["ContentLength"] == sum(map(len, blobs))
    md5s = b"".join(hashlib.md5(blob).digest() for blob in blobs)
    assert head["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    assert world.s3.get_object(**where)["Body"].read() == b"".join(blobs)
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.cloud.bucket, Prefix=where["Key"])


def test_the_ready_made_world(world: World) -> None:
    cloud = world.cloud
    assert {b["Name"] for b in world.s3.list_buckets()["Buckets"]} == {cloud.bucket, "practice-unserved"}
    assert world.s3.get_bucket_versioning(Bucket=cloud.bucket)["Status"] == "Enabled"
    assert world.s3.get_bucket_cors(Bucket=cloud.bucket)["CORSRules"][0]["AllowedMethods"] == ["GET", "HEAD"]
    assert world.sts.get_caller_identity()["Account"] == cloud.account_id
    listed = world.cloudfront.list_distributions()["DistributionList"]["Items"]
    [found] = [d for d in listed if d["Id"] == cloud.distribution_id]
    assert (found["Status"], found["Enabled"]) == ("Deployed", True)
    assert f"http://{found['DomainName']}" == cloud.edge_url
    assert found["DomainName"].startswith("127.0.0.1:")
    assert found["Origins"]["Items"][0]["DomainName"] == f"{cloud.bucket}.s3.{cloud.region}.amazonaws.com"


def test_miss_then_hit_with_the_headers_of_an_edge(world: World) -> None:
    key = world.put(b"0123456789", ContentType="video/mp4", CacheControl="max-age=60")
    first, second = world.get(f"/{key}", origin="https://example.com"), world.get(f"/{key}", method="HEAD")
    assert first.headers["x-cache"] == "Miss from cloudfront"
    assert "age" not in first.headers
    assert second.headers["x-cache"] == "Hit from cloudfront"
    assert int(second.headers["age"]) >= 0
    assert (second.data, second.headers["content-length"]) == (b"", "10")
    assert first.headers["access-control-allow-origin"] == "*"
    for answer in (first, second):
        assert answer.headers["server"] == "AmazonS3"
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["via"].endswith(".cloudfront.net (CloudFront)")
        assert answer.headers["x-amz-cf-pop"] == "PRC50-P1"
        assert answer.headers["x-amz-cf-id"].endswith("==")
        assert answer.headers["x-amz-version-id"]
        assert answer.headers["cache-control"] == "max-age=60"
    assert first.headers["x-amz-cf-id"] != second.headers["x-amz-cf-id"]
    assert world.get(f"/{key}", if_none_match=first.headers["etag"]).status == 304
    beyond = world.get(f"/{key}", range="bytes=10-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, "bytes */10")


def test_an_expired_copy_is_asked_for_by_etag(world: World) -> None:
    key = world.put(b"one", CacheControl="max-age=0")
    assert world.get(f"/{key}").headers["x-cache"] == "Miss from cloudfront"
    assert world.get(f"/{key}").headers["x-cache"] == "RefreshHit from cloudfront"
    world.s3.put_object(Bucket=world.cloud.bucket, Key=key, Body=b"two", CacheControl="max-age=0")
    assert world.get(f"/{key}").data == b"two"


def test_the_old_version_is_served_until_an_invalidation_is_complete(
    world: World, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    old, new = b"old" * _MIB, b"new" * 10
    key = world.put(old)
    world.get(f"/{key}")
    world.s3.put_object(Bucket=world.cloud.bucket, Key=key, Body=new)
    stale = world.get(f"/{key}")
    assert (stale.headers["x-cache"], stale.data) == ("Hit from cloudfront", old)
    created = world.invalidate(f"/{key}")
    assert created["Status"] == "InProgress"
    assert created["InvalidationBatch"]["Paths"]["Items"] == [f"/{key}"]
    wait_until(lambda: world.is_complete(created))
    fresh = world.get(f"/{key}")
    assert (fresh.headers["x-cache"], fresh.data) == ("Miss from cloudfront", new)
    listed = world.cloudfront.list_invalidations(DistributionId=world.cloud.distribution_id)["InvalidationList"]
    assert listed["Items"][0]["Id"] == created["Id"]
    assert listed["Items"][0]["Status"] == "Completed"


def test_a_cached_copy_outlives_the_deleted_object(world: World) -> None:
    data = random.Random(3).randbytes(2 * _MIB)
    key = f"t/{uuid.uuid4().hex}"
    version = world.s3.put_object(Bucket=world.cloud.bucket, Key=key, Body=data)["VersionId"]
    world.get(f"/{key}", range="bytes=0-0")
    world.s3.delete_object(Bucket=world.cloud.bucket, Key=key, VersionId=version)
    assert world.get(f"/{key}").data == data
    assert world.get(f"/{key}?other").headers["x-cache"] == "Hit from cloudfront"


def test_an_over_encoded_path_completes_and_reaches_nothing(
    world: World, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    key = world.put(b"old", suffix="é (1)+&.mp4")
    folder, name = key.split("/")
    url = f"/{folder}/{name[:32]}%C3%A9%20%281%29%2B%26.mp4"
    assert world.get(url).data == b"old"
    world.s3.put_object(Bucket=world.cloud.bucket, Key=key, Body=b"new")
    wrong = world.invalidate(url)
    wait_until(lambda: world.is_complete(wrong))
    assert world.get(url).data == b"old"
    right = world.invalidate(f"/{folder}/{name[:32]}%C3%A9%20(1)+&.mp4")
    wait_until(lambda: world.is_complete(right))
    assert world.get(url).data == b"new"


@pytest.mark.parametrize("path", ["a.mp4", "/a b.mp4", "/é.mp4", "/a~.mp4"])
def test_a_bad_invalidation_path_is_refused(world: World, path: str) -> None:
    with pytest.raises(ClientError) as failed:
        world.invalidate("/fine", path)
    assert _code(failed) == "InvalidArgument"


def test_a_repeated_reference_is_the_same_invalidation(world: World) -> None:
    reference = uuid.uuid4().hex
    first = world.invalidate("/a", "/b", reference=reference)
    assert world.invalidate("/b", "/a", reference=reference)["Id"] == first["Id"]
    with pytest.raises(ClientError) as failed:
        world.invalidate("/c", reference=reference)
    assert _code(failed) == "InvalidArgument"


def test_unknown_distributions_and_invalidations_are_refused(world: World) -> None:
    with pytest.raises(ClientError) as failed:
        world.invalidate("/a", distribution="ENOSUCH")
    assert _code(failed) == "NoSuchDistribution"
    with pytest.raises(ClientError) as failed:
        world.is_complete({"Id": "INOSUCH"})
    assert _code(failed) == "NoSuchInvalidation"


def test_a_missing_key_is_denied_and_found_once_it_is_there(world: World) -> None:
    name = uuid.uuid4().hex
    missing = world.get(f"/{name}")
    assert (missing.status, missing.headers["x-cache"]) == (403, "Error from cloudfront")
    assert b"<Code>AccessDenied</Code>" in missing.data
    world.s3.put_object(Bucket=world.cloud.bucket, Key=name, Body=b"here")
    assert world.get(f"/{name}").data == b"here"


@pytest.mark.parametrize("service", ["s3", "cloudfront", "sts"])
@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_only_the_practice_key_opens_the_apis(world: World, service: str, wrong: str) -> None:
    other = client(world.cloud, service, **{wrong: "PRACTICEPRACTICEPRAC"})
    calls = {"s3": "list_buckets", "cloudfront": "list_distributions", "sts": "get_caller_identity"}
    with pytest.raises(ClientError) as failed:
        getattr(other, calls[service])()
    other.close()
    unknown = "InvalidAccessKeyId" if service == "s3" else "InvalidClientTokenId"
    assert _code(failed) == (unknown if wrong == "key" else "SignatureDoesNotMatch")
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_refused_upload_of_many_bytes_gets_its_answer(world: World) -> None:
    other = client(world.cloud, "s3", key="PRACTICEPRACTICEPRAC")
    with pytest.raises(ClientError) as failed:
        other.put_object(Bucket=world.cloud.bucket, Key="x", Body=b"x" * 8 * _MIB)
    other.close()
    assert _code(failed) == "InvalidAccessKeyId"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_links_work_with_the_right_key_only(world: World, version: str) -> None:
    key = world.put(b"hello", suffix=" é+(1).mp4", ContentType="video/mp4")

    def link(**wrong: str) -> str:
        one = client(world.cloud, "s3", signature_version=version, **wrong)
        where = {"Bucket": world.cloud.bucket, "Key": key, "ResponseContentDisposition": "attachment; filename=a b"}
        try:
            return str(one.generate_presigned_url("get_object", Params=where, ExpiresIn=60))
        finally:
            one.close()

    good = world.get("", base=link())
    assert (good.status, good.data) == (200, b"hello")
    assert good.headers["content-disposition"] == "attachment; filename=a b"
    for url, code in [
        (link(key="PRACTICEPRACTICEPRAC"), b"InvalidAccessKeyId"),
        (link(secret="wrong"), b"SignatureDoesNotMatch"),
        (link().replace("attachment", "inline"), b"SignatureDoesNotMatch"),
    ]:
        refused = world.get("", base=url)
        assert (refused.status, code in refused.data) == (403, True), url

    parts = urlsplit(link())
    request = SignedRequest("GET", parts.path, parts.query, [("Host", parts.netloc)], lambda: "")
    keys = world.cloud.access_key_id, world.cloud.secret_access_key
    check(request, *keys)
    with pytest.raises(NotSigned, match="expired"):
        check(request, *keys, now=datetime.now(UTC) + timedelta(minutes=2))


@pytest.mark.parametrize(
    "key", ["a b+ü~(1)'!*&=$@,:;?#[]%25.mp4", "x//y", "-lead", "\u202eabc", "🎬", "trail/", 'quote"<>|\\^`{}']
)
def test_any_key_can_be_stored_listed_and_served(world: World, key: str) -> None:
    world.s3.put_object(Bucket=world.cloud.bucket, Key=key, Body=key.encode(), Metadata={"under_score": "v"})
    found = world.s3.get_object(Bucket=world.cloud.bucket, Key=key)
    assert found["Body"].read() == key.encode()
    assert found["Metadata"] == {"under_score": "v"}
    listed = world.s3.list_objects_v2(Bucket=world.cloud.bucket, Prefix=key)["Contents"]
    assert [entry["Key"] for entry in listed] == [key]
    assert world.get("/" + quote(key)).data == key.encode()


def test_too_many_wildcards_at_once_are_refused(world: World) -> None:
    with pytest.raises(ClientError) as failed:
        world.invalidate(*(f"/none/{n}/*" for n in range(16)))
    assert _code(failed) == "TooManyInvalidationsInProgress"
    with pytest.raises(ClientError) as failed:
        world.invalidate(*(f"/none/{n}" for n in range(3001)))
    assert _code(failed) == "BatchTooLarge"


def test_a_clock_an_hour_off_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.auth

    late = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_a, **_k: late.replace(tzinfo=None))
    request = AWSRequest("GET", f"{world.cloud.endpoint_url}/")
    credentials = Credentials(world.cloud.access_key_id, world.cloud.secret_access_key)
    S3SigV4Auth(credentials, "s3", world.cloud.region).add_auth(request)
    answer = world.get(
        "/", base=world.cloud.endpoint_url, **{k.replace("-", "_"): v for k, v in request.headers.items()}
    )
    assert answer.status == 403
    assert b"RequestTimeTooSkewed" in answer.data


def test_the_test_servers_own_doors_are_closed(world: World) -> None:
    for path in ("/moto-api/reset", "/moto-api/data.json", "/", "/practice-media"):
        assert world.get(path, base=world.cloud.endpoint_url, method="POST").status == 403
    assert world.s3.list_buckets()["Buckets"]


def test_a_conditional_write_to_a_taken_key_is_refused(world: World) -> None:
    key = world.put(b"one")
    with pytest.raises(ClientError) as failed:
        world.s3.put_object(Bucket=world.cloud.bucket, Key=key, Body=b"two", IfNoneMatch="*")
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
