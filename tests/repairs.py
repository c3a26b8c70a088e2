"""What the tests of repairs share: a bucket behind a proxy, films that need it, and who else writes into the bucket."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import FaultProxy, Phase
from films import make_clip
from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.storage.capabilities import EndpointProfile, Support
from vidcdn_desktop.storage.port import ObjectRef

_numbers = itertools.count(1)

KEY = "films/Été à la mer + more (1).mov"

CARRIED: dict[str, Any] = {
    "ContentType": "video/quicktime",
    "CacheControl": "public, max-age=77",
    "ContentDisposition": 'inline; filename="a b.mov"',
    "ContentLanguage": "fr",
    "Metadata": {"title": "Sea", "vidcdn-job": "job-9"},
}


def large_film(target: Path) -> Path:
    """About 7 MB of pictures, and the index behind them."""
    return make_clip(target, size="512x272", options=("-c:v", "rawvideo", "-pix_fmt", "yuyv422"))


def wanted(film: Path) -> bytes:
    """The film as it must be after the repair."""
    with FileSource(film) as source:
        plan = plan_fast_start(source)
        assert plan.moved
        return plan.source.read_at(0, plan.source.size)


def operation(request: Request) -> str:
    """Its name in the S3 API, copies told from uploads."""
    name = request.operation
    if "x-amz-copy-source" in request.headers:
        return {"UploadPart": "UploadPartCopy", "PutObject": "CopyObject"}.get(name, name)
    return name


@dataclass
class World:
    """A bucket on a real server; the program reaches it through the proxy, the test directly."""

    server: servers.Endpoint
    proxy: FaultProxy
    bucket: str
    client: Any
    versioned: bool
    authority: str = ""
    """File with the certificate to trust; empty for http."""
    history: list[str] = field(default_factory=list)
    """Operations as they came in."""

    @property
    def ref(self) -> ObjectRef:
        """The film."""
        return ObjectRef(self.bucket, KEY)

    def put(self, data: bytes, key: str = KEY, **carried: Any) -> str:
        """Write an object as somebody else does; gives its ETag."""
        return str(self.client.put_object(Bucket=self.bucket, Key=key, Body=data, **carried)["ETag"]).strip('"')

    def get(self, key: str = KEY, **version: str) -> dict[str, Any]:
        """Headers and bytes."""
        reply = self.client.get_object(Bucket=self.bucket, Key=key, **version)
        with reply["Body"] as stream:
            return {**reply, "Body": stream.read()}

    def all_keys(self) -> list[str]:
        """Every key."""
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())]

    def unfinished(self) -> list[str]:
        """Keys of uploads that did not end."""
        return [item["Key"] for item in self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())]

    def assert_only(self, *keys: str) -> None:
        """Nothing else is in the bucket, finished or not."""
        assert sorted(self.all_keys()) == sorted(keys)
        assert self.unfinished() == []

    @contextlib.contextmanager
    def connection(self, **features: Support) -> Iterator[Connection]:
        """The program's connection; what the store can do is known, so that it is not probed."""
        profile = ConnectionProfile(
            "store-1", "Store", ConnectionKind.S3_COMPATIBLE, bucket=self.bucket,
            access_key_id=self.server.access_key_id, endpoint_url=self.proxy.url, path_style=True,
            region=self.server.region,
        )  # fmt: skip
        secrets = MemorySecretStore()
        secrets.set("store-1", "secret_access_key", Secret(self.server.secret_access_key))
        known = EndpointProfile(**{"part_copy": Support.YES, "put_if_absent": Support.YES, **features})
        opened = open_connection(profile, secrets)
        opened.endpoint_profile = lambda token, *, refresh=False: known  # type: ignore[method-assign]
        try:
            yield opened
        finally:
            opened.close()

    def environment(self) -> dict[str, str]:
        """The standard AWS environment of the real program, through the proxy."""
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self.proxy.url,
            "AWS_ACCESS_KEY_ID": self.server.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_access_key,
            "AWS_REGION": self.server.region,
            "CI": "1",
        }

    def when(self, name: str, phase: Phase, act: Callable[[], None], nth: int = 1) -> None:
        """Call `act` once, when the n-th request of an operation on the film or its helper reaches a phase."""
        seen = itertools.count(1)

        def watch(at: Phase, request: Request) -> None:
            if at is Phase.ARRIVED:
                self.history.append(operation(request))
            due = at is phase and operation(request) == name and ".vidcdn-probe" not in request.target
            if due and next(seen) == nth:
                act()

        self.proxy.watch = watch

    def honour_conditions(self) -> None:
        """Let the store refuse a write whose `If-Match` does not hold, as Amazon S3 does and moto does not."""

        def plan(request: Request) -> Act:
            condition = request.headers.get("if-match", "").strip('"')
            if not condition or request.method not in ("PUT", "POST"):
                return Act()
            now = self.client.head_object(Bucket=self.bucket, Key=KEY)["ETag"].strip('"')
            if now == condition:
                return Act()
            return Act(Fault.ANSWER, answer=xml_answer("412 Precondition Failed", "PreconditionFailed"))

        self.proxy.plan = plan


@contextlib.contextmanager
def world_on(
    server: servers.Endpoint, *, versioned: bool = False, tls: tuple[Path, Path] | None = None
) -> Iterator[World]:
    """A fresh bucket, emptied afterwards; with `tls` the program reaches it by https."""
    client = server.client()
    name = f"repairs-{os.getpid()}-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    try:
        with FaultProxy(server.url, tls=tls) as proxy:
            yield World(server, proxy, name, client, versioned, str(tls[0]) if tls else "")
    finally:
        for item in client.list_multipart_uploads(Bucket=name).get("Uploads", ()):
            client.abort_multipart_upload(Bucket=name, Key=item["Key"], UploadId=item["UploadId"])
        if versioned:
            for version in client.list_object_versions(Bucket=name).get("Versions", ()):
                client.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
        for item in client.list_objects_v2(Bucket=name).get("Contents", ()):
            client.delete_object(Bucket=name, Key=item["Key"])
        client.close()
