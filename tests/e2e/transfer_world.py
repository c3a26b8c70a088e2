"""What the tests of transfers share: films of a size, what must arrive of them, and an honest look into the bucket."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import servers
from films import make_clip
from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.storage.port import PartLog

MIB = 1 << 20

_numbers = itertools.count(1)


def make_film(target: Path, size: int, *, seed: int = 0) -> Path:
    """A film of `size` bytes with its index at the end of the pictures: a clip, and a `free` box of noise behind."""
    make_clip(target)
    left = size - target.stat().st_size
    assert left == 0 or left >= 8, "the clip alone is larger"
    with target.open("ab") as file:
        file.write(left.to_bytes(4, "big") + b"free")
        file.write(random.Random(seed).randbytes(left - 8))
    assert target.stat().st_size == size
    return target


def bytes_to_arrive(film: Path) -> bytes:
    """The film as viewers must get it: made to start at once."""
    with FileSource(film) as original:
        source = plan_fast_start(original).source
        return source.read_at(0, source.size)


@dataclass(frozen=True)
class Bucket:
    """A fresh bucket on a real server, looked at without the program and without any proxy."""

    server: servers.Endpoint
    name: str
    client: Any

    def object(self, key: str) -> dict[str, Any] | None:
        """Headers and body of an object; None where there is none."""
        with contextlib.suppress(self.client.exceptions.NoSuchKey):
            reply = self.client.get_object(Bucket=self.name, Key=key)
            with reply["Body"] as stream:
                return {**reply, "Body": stream.read()}
        return None

    def all_keys(self) -> list[str]:
        """Every key."""
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=self.name).get("Contents", ())]

    def unfinished(self) -> list[str]:
        """Keys of uploads that were begun and neither completed nor aborted."""
        return [item["Key"] for item in self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", ())]

    def environment(self, url: str, tls: tuple[Path, Path] | None) -> dict[str, str]:
        """The standard AWS environment of somebody who reaches this server at `url`."""
        values = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": self.server.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_access_key,
            "AWS_REGION": self.server.region,
        }
        return values | ({"AWS_CA_BUNDLE": str(tls[0])} if tls else {})


@contextlib.contextmanager
def fresh_bucket(server: servers.Endpoint) -> Iterator[Bucket]:
    """A bucket that is emptied afterwards: moto keeps what it is given in memory."""
    client = server.client()
    bucket = Bucket(server, f"weather-{os.getpid()}-{next(_numbers)}", client)
    client.create_bucket(Bucket=bucket.name)
    try:
        yield bucket
    finally:
        for item in client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", ()):
            client.abort_multipart_upload(Bucket=bucket.name, Key=item["Key"], UploadId=item["UploadId"])
        for key in bucket.all_keys():
            client.delete_object(Bucket=bucket.name, Key=key)
        client.close()


def assert_told_in_words(error: VidcdnError) -> None:
    """A failure says what happened, what it means and what to do, and spares the reader codes and tracebacks."""
    for text in (error.what, error.meaning, error.advice):
        assert text.strip(), error.to_json()
        assert text.rstrip()[-1] in ".!?", error.to_json()
        for noise in ("Traceback", "botocore", "urllib3", "Error(", "<?xml", "NoneType"):
            assert noise not in text, error.to_json()


@contextlib.contextmanager
def remembered(key: str) -> Iterator[PartLog]:
    """The real journal's memory of an upload to `key`, as a publish has it."""
    with contextlib.closing(Journal()) as journal:
        now = datetime.now(UTC)
        job = JobRecord(id="job-1", kind="publish", state="running", title="a film", key=key, created=now)
        journal.save_job(job)
        journal.claim(job.id)
        yield journal.part_log(job.id, key=key, profile_id="weather", endpoint="")
        journal.release(job.id)
