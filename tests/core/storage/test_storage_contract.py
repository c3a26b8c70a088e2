"""What `S3Storage` and `upload` promise, over every real server."""

from __future__ import annotations

import base64
import os
import threading
import zlib

import pytest
from upload_helpers import HEADERS, CountingMeter

import servers
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource, FileSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.keys import decode_metadata
from vidcdn_desktop.storage.port import ObjectRef, PartResult, UploadIntent, UploadRecord
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.upload import upload

MIB = 1 << 20


@pytest.fixture(
    params=[
        "moto",
        "moto_https",
        pytest.param("swift", marks=pytest.mark.swift),
        pytest.param("swift_https", marks=pytest.mark.swift),
    ]
)
def endpoint(request: pytest.FixtureRequest) -> servers.Endpoint:
    """Each real server in turn, over http and https."""
    found: servers.Endpoint = request.getfixturevalue(request.param)
    return found


def everything(storage: S3Storage, ref: ObjectRef, size: int) -> bytes:
    return b"".join(storage.read_range(ref, at, min(4 * MIB, size - at)) for at in range(0, size, 4 * MIB))


@pytest.mark.parametrize("size", [0, 1, 300_000, 8 * MIB, 8 * MIB + 1, 21 * MIB + 17])
def test_what_arrives_is_what_was_sent(storage: S3Storage, ref: ObjectRef, size: int) -> None:
    data = os.urandom(size)
    meter = CountingMeter()
    stored = upload(
        storage, BytesSource(data), ref, HEADERS, token=CancelToken(), meter=meter, only_if_absent=True, parallel=3
    )
    assert stored.size == size
    assert everything(storage, ref, size) == data
    head = storage.head(ref)
    assert head.size == size
    assert head.etag == stored.etag
    assert head.headers is not None
    assert head.headers.content_type == "video/mp4"
    assert head.headers.cache_control == "public, max-age=60"
    assert head.headers.content_disposition == "inline"
    assert decode_metadata(head.headers.metadata)["title"] == "Été — 日本"
    assert head.headers.metadata["vidcdn-job"].startswith("job-7.")
    assert sum(meter.deltas) == size  # each byte once
    assert meter.highest <= size
    assert meter.snapshot().total_bytes == size
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_checksum_is_given_only_where_the_store_confirmed_it(
    endpoint: servers.Endpoint, storage: S3Storage, ref: ObjectRef
) -> None:
    source = BytesSource(os.urandom(9 * MIB))
    stored = upload(storage, source, ref, HEADERS, token=CancelToken(), only_if_absent=True)
    if endpoint.name.startswith("swift"):  # verifies checksums, keeps none
        assert (stored.checksum, stored.checksum_algorithm) == ("", "")
    else:
        assert stored.checksum == checksum_of("CRC64NVME", source, 0, source.size)
        assert stored.checksum_algorithm == "CRC64NVME"


def test_crc32_of_the_whole_object(endpoint: servers.Endpoint, ref: ObjectRef) -> None:
    storage = S3Storage(endpoint.client(), checksum_algorithm="CRC32")
    data = os.urandom(17 * MIB + 3)
    stored = upload(storage, BytesSource(data), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    if endpoint.name.startswith("moto"):
        assert base64.b64decode(stored.checksum) == zlib.crc32(data).to_bytes(4, "big")
    assert everything(storage, ref, len(data)) == data


@pytest.mark.parametrize("size", [10, 9 * MIB])
def test_a_taken_key_is_never_replaced(storage: S3Storage, ref: ObjectRef, size: int) -> None:
    first, second = os.urandom(size), os.urandom(size)
    upload(storage, BytesSource(first), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    with pytest.raises(e.KeyTaken):
        upload(storage, BytesSource(second), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    assert everything(storage, ref, size) == first
    assert list(storage.list_unfinished(ref.bucket)) == []


@pytest.mark.parametrize("size", [10, 9 * MIB])
def test_a_stable_key_is_replaced(storage: S3Storage, ref: ObjectRef, size: int) -> None:
    second = os.urandom(size)
    upload(storage, BytesSource(b"old"), ref, HEADERS, token=CancelToken(), only_if_absent=False)
    upload(storage, BytesSource(second), ref, HEADERS, token=CancelToken(), only_if_absent=False)
    assert everything(storage, ref, size) == second


class CancelAt:
    """A source whose owner cancels when a given offset is being sent."""

    def __init__(self, data: bytes, offset: int, token: CancelToken) -> None:
        self._data, self._offset, self._token = data, offset, token
        self._reads = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        if offset <= self._offset < offset + length:
            with self._lock:
                self._reads += 1
                if self._reads == 2:  # first for the checksum, then to send
                    self._token.cancel()
        return self._data[offset : offset + length]


def test_cancel_in_a_part_leaves_nothing(storage: S3Storage, ref: ObjectRef) -> None:
    token = CancelToken()
    source = CancelAt(bytes(30 * MIB), 20 * MIB, token)
    with pytest.raises(Cancelled):
        upload(storage, source, ref, HEADERS, token=token, only_if_absent=True, cleanup_wait_s=30)
    assert list(storage.list_unfinished(ref.bucket)) == []
    with pytest.raises(e.ObjectNotFound):
        storage.head(ref)


def test_cancel_before_the_start_sends_nothing(storage: S3Storage, ref: ObjectRef) -> None:
    token = CancelToken()
    token.cancel()
    for size in (10, 9 * MIB):
        with pytest.raises(Cancelled):
            upload(storage, BytesSource(bytes(size)), ref, HEADERS, token=token, only_if_absent=True)
    assert storage.list_page(ref.bucket, delimiter="").objects == ()


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_a_changed_file_is_not_published(storage: S3Storage, ref: ObjectRef, tmp_path, size: int) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(size))
    with FileSource(path) as source:

        def rewritten_meanwhile() -> None:
            path.write_bytes(b"x" * (size + 1))
            source.check_unchanged()

        with pytest.raises(e.SourceChanged) as caught:
            upload(
                storage, source, ref, HEADERS,
                token=CancelToken(), only_if_absent=True, check_source=rewritten_meanwhile, cleanup_wait_s=30,
            )  # fmt: skip
    assert "Nothing was published" in caught.value.meaning
    assert list(storage.list_unfinished(ref.bucket)) == []
    with pytest.raises(e.ObjectNotFound):
        storage.head(ref)


def test_a_file_that_shrinks_while_it_is_sent(storage: S3Storage, ref: ObjectRef, tmp_path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(20 * MIB))
    with FileSource(path) as source:
        os.truncate(path, 10 * MIB)
        with pytest.raises(e.SourceChanged):
            upload(storage, source, ref, HEADERS, token=CancelToken(), only_if_absent=True, cleanup_wait_s=30)
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_no_such_bucket_is_told_by_name(storage: S3Storage) -> None:
    ref = ObjectRef("no-such-bucket-here", "a.mp4")
    for size in (10, 9 * MIB):
        with pytest.raises(e.BucketNotFound, match="no-such-bucket-here"):
            upload(storage, BytesSource(bytes(size)), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    with pytest.raises(e.BucketNotFound):
        storage.list_page("no-such-bucket-here")


def test_listing_page_by_page_with_folders(storage: S3Storage, bucket: str) -> None:
    for name in ("a/1.mp4", "a/2.mp4", "b é/3.mp4", "c.mp4", "d+e&f.mp4"):
        storage.put(ObjectRef(bucket, name), BytesSource(b"12345"), HEADERS, token=CancelToken())
    page = storage.list_page(bucket, limit=2)
    seen = [*page.prefixes, *(o.key for o in page.objects)]
    while page.next_token:
        page = storage.list_page(bucket, limit=2, token=page.next_token)
        seen += [*page.prefixes, *(o.key for o in page.objects)]
    assert seen == ["a/", "b é/", "c.mp4", "d+e&f.mp4"]
    inside = storage.list_page(bucket, "a/")
    assert [(o.key, o.size) for o in inside.objects] == [("a/1.mp4", 5), ("a/2.mp4", 5)]
    assert inside.objects[0].last_modified.tzinfo is not None


def test_unfinished_uploads_are_listed_and_aborted_twice(storage: S3Storage, ref: ObjectRef) -> None:
    upload_id = storage.create_multipart(ref, HEADERS).upload_id
    found = list(storage.list_unfinished(ref.bucket))
    assert [(u.ref, u.upload_id) for u in found] == [(ref, upload_id)]
    storage.abort_multipart(ref, upload_id)
    storage.abort_multipart(ref, upload_id)
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_delete_and_presign(storage: S3Storage, ref: ObjectRef, endpoint: servers.Endpoint) -> None:
    import ssl
    import urllib.request

    storage.put(ref, BytesSource(b"film"), HEADERS, token=CancelToken())
    trust = ssl.create_default_context(cafile=endpoint.authority) if endpoint.authority else None
    with urllib.request.urlopen(storage.presign_get(ref, 60), context=trust) as reply:
        assert reply.read() == b"film"
    storage.delete(ref)
    with pytest.raises(e.ObjectNotFound):
        storage.head(ref)
    with pytest.raises(e.ObjectNotFound):
        storage.read_range(ref, 0, 1)
    storage.delete(ref)


@pytest.mark.swift
def test_a_wrong_secret_is_told(swift: servers.Endpoint) -> None:
    storage = S3Storage(swift.client(secret_access_key="wrong"))
    for size in (10, 9 * MIB):
        with pytest.raises(e.CredentialsRejected):
            upload(
                storage, BytesSource(bytes(size)), ObjectRef("films", "a.mp4"), HEADERS,
                token=CancelToken(), only_if_absent=True,
            )  # fmt: skip


class RememberingLog:
    """A part log that keeps everything it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self._lock = threading.Lock()

    def _tell(self, *what: object) -> None:
        with self._lock:
            self.told.append(what)

    def earlier(self) -> UploadRecord | None:
        return None

    def planned(self, intent: UploadIntent) -> None:
        self._tell("planned", intent.ref, intent.part_size, intent.size)

    def created(self, upload_id: str, algorithm: str) -> None:
        self._tell("created", bool(upload_id), algorithm)

    def part_finished(self, part: PartResult) -> None:
        self._tell("part", part.number, part.size)

    def completing(self) -> None:
        self._tell("completing")

    def ended(self, *, completed: bool) -> None:
        self._tell("ended", completed)


def test_the_part_log_sees_the_whole_life_of_an_upload(storage: S3Storage, ref: ObjectRef) -> None:
    log = RememberingLog()
    source = BytesSource(bytes(17 * MIB))
    upload(storage, source, ref, HEADERS, token=CancelToken(), part_log=log, only_if_absent=True)
    assert log.told[0] == ("planned", ref, 8 * MIB, 17 * MIB)
    assert log.told[1][:2] == ("created", True)
    assert sorted(log.told[2:-2]) == [("part", 1, 8 * MIB), ("part", 2, 8 * MIB), ("part", 3, MIB)]
    assert log.told[-2:] == [("completing",), ("ended", True)]
    again = RememberingLog()
    with pytest.raises(e.KeyTaken):
        upload(
            storage, source, ref, HEADERS,
            token=CancelToken(), part_log=again, only_if_absent=True, cleanup_wait_s=30,
        )  # fmt: skip
    assert again.told[-1] == ("ended", False)
