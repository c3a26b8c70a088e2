"""What `download` promises, over every real server."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import boto3
import pytest
from upload_helpers import HEADERS, CountingMeter

import servers
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.download import download
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.upload import upload

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "films"
    place.mkdir()
    return place


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("size", [0, 1, 300_000, 8 * MIB, 8 * MIB + 1, 29 * MIB + 17])
def test_what_is_downloaded_is_what_was_uploaded(
    endpoint: servers.Endpoint, storage: S3Storage, ref: ObjectRef, folder: Path, size: int
) -> None:
    data = os.urandom(size)
    upload(storage, BytesSource(data), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    meter = CountingMeter()
    result = download(storage, ref, folder, token=CancelToken(), meter=meter, parallel=3)
    assert result.path == folder / "été film-0123abcd.mp4"
    assert result.path.read_bytes() == data
    assert names(folder) == [result.path.name]
    assert (result.size, result.bytes_received, result.resumed_bytes) == (size, size, 0)
    assert sum(meter.deltas) == size
    assert meter.snapshot().total_bytes == size
    assert result.algorithm == "CRC64NVME"
    assert result.checksum == checksum_of("CRC64NVME", BytesSource(data), 0, size)
    if endpoint.name.startswith("moto"):
        assert result.proved_by == "CRC64NVME"
    else:  # keeps no checksums; the ETag of one request is an MD5
        assert result.proved_by == ("MD5" if size <= 8 * MIB else "size and ETag of every range")


def test_an_object_of_another_program(endpoint: servers.Endpoint, bucket: str, folder: Path) -> None:
    """Parts of another size, a checksum of another kind (or none at all): it still arrives, and is not called wrong."""
    data = os.urandom(20 * MIB + 3)
    other = boto3.client(
        "s3", endpoint_url=endpoint.url, verify=endpoint.authority or None, aws_access_key_id=endpoint.access_key_id,
        aws_secret_access_key=endpoint.secret_access_key, region_name=endpoint.region,
    )  # fmt: skip
    other.upload_fileobj(io.BytesIO(data), bucket, "theirs.bin")
    other.close()
    result = download(S3Storage(endpoint.client()), ObjectRef(bucket, "theirs.bin"), folder, token=CancelToken())
    assert result.path.read_bytes() == data
    assert result.proved_by == "size and ETag of every range"


def test_a_crc32_of_the_store_is_proof(moto: servers.Endpoint, folder: Path) -> None:
    client = moto.client()
    client.create_bucket(Bucket="crc32-films")
    data = os.urandom(17 * MIB)
    client.put_object(Bucket="crc32-films", Key="a.mp4", Body=data, ChecksumAlgorithm="CRC32")
    result = download(S3Storage(client), ObjectRef("crc32-films", "a.mp4"), folder, token=CancelToken())
    assert (result.proved_by, result.algorithm) == ("CRC32", "CRC32")
    assert result.checksum == checksum_of("CRC32", BytesSource(data), 0, len(data))


def test_nothing_is_ever_replaced(storage: S3Storage, ref: ObjectRef, folder: Path) -> None:
    storage.put(ref, BytesSource(b"film"), HEADERS, token=CancelToken())
    (folder / "été film-0123abcd.mp4").write_bytes(b"mine")
    (folder / "été film-0123abcd (2).mp4").symlink_to(folder / "nowhere")
    results = [download(storage, ref, folder, token=CancelToken()) for _ in range(2)]
    assert [result.path.name for result in results] == ["été film-0123abcd (3).mp4", "été film-0123abcd (4).mp4"]
    assert (folder / "été film-0123abcd.mp4").read_bytes() == b"mine"
    assert not (folder / "nowhere").exists()


def test_a_name_of_ones_own(storage: S3Storage, ref: ObjectRef, folder: Path) -> None:
    storage.put(ref, BytesSource(b"film"), HEADERS, token=CancelToken())
    assert (
        download(storage, ref, folder, token=CancelToken(), name="../../Holiday?.mp4").path == folder / "Holiday_.mp4"
    )


def test_what_is_not_there_is_told(storage: S3Storage, ref: ObjectRef, folder: Path) -> None:
    with pytest.raises(e.ObjectNotFound) as caught:
        download(storage, ref, folder, token=CancelToken())
    assert caught.value.meaning == "Nothing was downloaded."
    with pytest.raises(e.BucketNotFound):
        download(storage, ObjectRef("no-such-bucket-here", "a.mp4"), folder, token=CancelToken())
    assert names(folder) == []


def test_an_old_version(moto: servers.Endpoint, folder: Path) -> None:
    client = moto.client()
    client.create_bucket(Bucket="versions-of-films")
    client.put_bucket_versioning(Bucket="versions-of-films", VersioningConfiguration={"Status": "Enabled"})
    old = client.put_object(Bucket="versions-of-films", Key="a.mp4", Body=b"old cut")["VersionId"]
    client.put_object(Bucket="versions-of-films", Key="a.mp4", Body=b"the new cut")
    ref = ObjectRef("versions-of-films", "a.mp4")
    storage = S3Storage(client)
    assert download(storage, ref, folder, token=CancelToken(), version_id=old).path.read_bytes() == b"old cut"
    assert download(storage, ref, folder, token=CancelToken()).path.read_bytes() == b"the new cut"
    assert hashlib.md5(b"old cut").hexdigest() == storage.head(ref, old).etag
