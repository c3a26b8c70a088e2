"""Trouble on the way: refused, cut, stalled, repeated, damaged."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from upload_helpers import HEADERS, CountingMeter

import servers
from servers import FaultyProxy, Verdict, http_answer
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.upload import upload
from vidcdn_desktop.storage.weather import Patience, Weather

MIB = 1 << 20


@pytest.fixture
def endpoint(moto: servers.Endpoint) -> servers.Endpoint:
    """Only moto stands behind the faulty proxy."""
    return moto


@pytest.fixture
def proxy(moto: servers.Endpoint) -> Iterator[FaultyProxy]:
    with FaultyProxy(moto.url) as running:
        yield running


@pytest.fixture
def faulty(moto: servers.Endpoint, proxy: FaultyProxy) -> S3Storage:
    """The store seen through the faulty proxy."""
    return S3Storage(moto.client(url=proxy.url, attempts=3))


def once(wanted: Callable[[str, str], bool], verdict: Verdict) -> Callable[[str, str], Verdict]:
    """The verdict for the first request that is wanted; the others pass."""
    lock = threading.Lock()
    used: list[bool] = []

    def decide(method: str, target: str) -> Verdict:
        with lock:
            if wanted(method, target) and not used:
                used.append(True)
                return verdict
        return Verdict()

    return decide


def is_part(method: str, target: str) -> bool:
    return method == "PUT" and "partNumber=" in target


def is_complete(method: str, target: str) -> bool:
    return method == "POST" and "uploadId=" in target


@pytest.mark.parametrize(
    "verdict",
    [Verdict(answer=http_answer("500 Internal Server Error", "InternalError")), Verdict(cut_after=3 * MIB)],
    ids=["500", "cut in mid-body"],
)
def test_a_repeated_part_is_counted_once(
    storage: S3Storage, faulty: S3Storage, proxy: FaultyProxy, ref: ObjectRef, verdict: Verdict
) -> None:
    proxy.decide = once(is_part, verdict)
    data = os.urandom(20 * MIB)
    meter = CountingMeter()
    upload(faulty, BytesSource(data), ref, HEADERS, token=CancelToken(), meter=meter, only_if_absent=True)
    assert proxy.body_bytes > len(data)  # it really was sent again
    assert sum(meter.deltas) == len(data)
    assert meter.highest <= len(data)
    assert any(delta < 0 for delta in meter.deltas)  # the repeat took its bytes back
    assert storage.read_range(ref, 0, len(data)) == data


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_a_lost_reply_to_the_last_request_is_settled(
    storage: S3Storage, faulty: S3Storage, proxy: FaultyProxy, ref: ObjectRef, size: int
) -> None:
    """The object is there; the repeated request is refused because it is."""
    proxy.decide = once(
        lambda method, target: is_complete(method, target) or (method == "PUT" and "partNumber" not in target),
        Verdict(cut_reply=True),
    )
    stored = upload(faulty, BytesSource(bytes(size)), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    assert stored.size == size
    assert storage.head(ref).etag == stored.etag
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_a_conflict_on_complete_is_tried_again(
    storage: S3Storage, faulty: S3Storage, proxy: FaultyProxy, ref: ObjectRef
) -> None:
    proxy.decide = once(is_complete, Verdict(answer=http_answer("409 Conflict", "ConditionalRequestConflict")))
    upload(faulty, BytesSource(bytes(9 * MIB)), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    assert storage.head(ref).size == 9 * MIB


def test_one_part_that_fails_for_good_ends_the_upload(
    storage: S3Storage, faulty: S3Storage, proxy: FaultyProxy, ref: ObjectRef
) -> None:
    proxy.decide = lambda method, target: (
        Verdict(answer=http_answer("403 Forbidden", "AccessDenied")) if "partNumber=2" in target else Verdict()
    )
    meter = CountingMeter()
    with pytest.raises(e.AccessDenied) as caught:
        upload(
            faulty, BytesSource(bytes(40 * MIB)), ref, HEADERS,
            token=CancelToken(), meter=meter, only_if_absent=True, parallel=2, cleanup_wait_s=30,
        )  # fmt: skip
    assert "s3:PutObject" in caught.value.what
    assert caught.value.meaning == "Nothing was published."
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_an_abort_that_fails_is_repeated(
    storage: S3Storage, faulty: S3Storage, proxy: FaultyProxy, ref: ObjectRef
) -> None:
    answered: list[str] = []

    def decide(method: str, target: str) -> Verdict:
        if is_complete(method, target):
            return Verdict(answer=http_answer("403 Forbidden", "AccessDenied"))
        if method == "DELETE" and len(answered) < 4:  # more than the SDK's own three tries
            answered.append(target)
            return Verdict(answer=http_answer("503 Service Unavailable", "ServiceUnavailable"))
        return Verdict()

    proxy.decide = decide
    with pytest.raises(e.AccessDenied):
        upload(
            faulty, BytesSource(bytes(9 * MIB)), ref, HEADERS,
            token=CancelToken(), only_if_absent=True, cleanup_wait_s=60,
        )  # fmt: skip
    assert len(answered) == 4
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_what_may_be_left_behind_is_said(faulty: S3Storage, proxy: FaultyProxy, ref: ObjectRef, storage) -> None:
    def decide(method: str, target: str) -> Verdict:
        if is_complete(method, target) or method == "DELETE":
            return Verdict(answer=http_answer("403 Forbidden", "AccessDenied"))
        return Verdict()

    proxy.decide = decide
    with pytest.raises(e.AccessDenied) as caught:
        upload(
            faulty, BytesSource(bytes(9 * MIB)), ref, HEADERS,
            token=CancelToken(), only_if_absent=True, cleanup_wait_s=30,
        )  # fmt: skip
    assert "unfinished" in caught.value.meaning
    for left in storage.list_unfinished(ref.bucket):
        storage.abort_multipart(left.ref, left.upload_id)


@pytest.mark.parametrize("size", [4 * MIB, 40 * MIB])
def test_cancel_on_a_stalled_network_returns_at_once(
    storage: S3Storage, faulty: S3Storage, proxy: FaultyProxy, ref: ObjectRef, size: int
) -> None:
    stall = threading.Event()
    stalled = threading.Event()

    def decide(method: str, target: str) -> Verdict:
        if method == "PUT":
            stalled.set()
            return Verdict(stall=stall)
        return Verdict()

    proxy.decide = decide
    token = CancelToken()
    ended: list[BaseException] = []

    def publish() -> None:
        try:
            upload(
                faulty, BytesSource(bytes(size)), ref, HEADERS,
                token=token, only_if_absent=True, parallel=4, cleanup_wait_s=0.2,
            )  # fmt: skip
        except (Cancelled, e.VidcdnError) as exc:
            ended.append(exc)

    thread = threading.Thread(target=publish)
    thread.start()
    assert stalled.wait(20)
    token.cancel()
    thread.join(5)  # the writes below are still stuck: nobody has set `stall`
    assert not thread.is_alive()
    assert isinstance(ended[0], Cancelled)
    stall.set()
    for cleaner in [t for t in threading.enumerate() if t.name == "upload-clean-up"]:
        cleaner.join(60)
    assert list(storage.list_unfinished(ref.bucket)) == []
    with pytest.raises(e.ObjectNotFound):
        storage.head(ref)


def test_cancel_while_completing_takes_the_object_back(
    storage: S3Storage, faulty: S3Storage, proxy: FaultyProxy, ref: ObjectRef
) -> None:
    token = CancelToken()

    def decide(method: str, target: str) -> Verdict:
        if is_complete(method, target):
            token.cancel()  # too late to stop it: the request goes through
        return Verdict()

    proxy.decide = decide
    with pytest.raises(Cancelled):
        upload(faulty, BytesSource(bytes(9 * MIB)), ref, HEADERS, token=token, only_if_absent=True, cleanup_wait_s=30)
    assert list(storage.list_unfinished(ref.bucket)) == []
    with pytest.raises(e.ObjectNotFound):
        storage.head(ref)


def hasty() -> Weather:
    """Weather that is given up soon."""
    return Weather(Patience(limit_s=0.2, first_s=0.05))


def test_nobody_listens(moto: servers.Endpoint) -> None:
    port = servers.free_ports(1)[0]
    storage = S3Storage(moto.client(url=f"http://127.0.0.1:{port}", attempts=1))
    for size in (10, 9 * MIB):
        with pytest.raises(e.Offline) as caught:
            upload(
                storage, BytesSource(bytes(size)), ObjectRef("films", "a.mp4"), HEADERS,
                token=CancelToken(), only_if_absent=True, weather=hasty(),
            )  # fmt: skip
        assert caught.value.meaning == "Nothing was published."
        assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("400 Bad Request", "ExpiredToken", e.CredentialsExpired),
        ("403 Forbidden", "InvalidAccessKeyId", e.CredentialsRejected),
        ("403 Forbidden", "RequestTimeTooSkewed", e.ClockWrong),
        ("503 Slow Down", "SlowDown", e.Throttled),
        ("400 Bad Request", "BadDigest", e.ChecksumMismatch),
        ("500 Internal Server Error", "InternalError", e.ServiceTrouble),
        ("301 Moved Permanently", "PermanentRedirect", e.WrongRegion),
    ],
)
def test_refusals_in_words(
    moto: servers.Endpoint, proxy: FaultyProxy, ref: ObjectRef, status: str, code: str, kind: type[e.VidcdnError]
) -> None:
    storage = S3Storage(moto.client(url=proxy.url, attempts=1))
    proxy.decide = lambda method, target: Verdict(answer=http_answer(status, code) if method == "PUT" else b"")
    with pytest.raises(kind) as caught:
        upload(storage, BytesSource(b"x"), ref, HEADERS, token=CancelToken(), only_if_absent=True, weather=hasty())
    assert caught.value.code == code
    assert code not in caught.value.sentence()


@pytest.mark.parametrize("size", [1000, 9 * MIB])
@pytest.mark.parametrize("refused", [["CRC64NVME"], ["CRC64NVME", "CRC32"]])
def test_a_store_without_our_checksum_gets_a_weaker_one(
    moto: servers.Endpoint, ref: ObjectRef, size: int, refused: list[str]
) -> None:
    from botocore.exceptions import ClientError

    client = moto.client()

    def refuse(params, **_: object) -> None:
        named = {v for k, v in params["headers"].items() if k.lower().endswith("checksum-algorithm")}
        if named & set(refused):
            raise ClientError({"Error": {"Code": "NotImplemented", "Message": "no"}}, "PutObject")

    client.meta.events.register("before-call.s3", refuse)
    storage = S3Storage(client)
    stored = upload(storage, BytesSource(os.urandom(size)), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    weaker = "CRC32" if refused == ["CRC64NVME"] else ""
    assert storage.checksum_algorithm == weaker
    assert stored.checksum_algorithm == weaker
    assert stored.size == size
    with pytest.raises(e.KeyTaken):  # the condition was kept
        upload(storage, BytesSource(b"other"), ref, HEADERS, token=CancelToken(), only_if_absent=True)


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_a_store_without_conditions_is_looked_at_first(moto: servers.Endpoint, ref: ObjectRef, size: int) -> None:
    from botocore.exceptions import ClientError

    client = moto.client()

    def refuse(params, **_: object) -> None:
        if "If-None-Match" in params["headers"]:
            raise ClientError({"Error": {"Code": "NotImplemented", "Message": "no"}}, "PutObject")

    client.meta.events.register("before-call.s3", refuse)
    storage = S3Storage(client)
    stored = upload(storage, BytesSource(bytes(size)), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    assert stored.checksum_algorithm == "CRC64NVME"  # the refusal was not taken for one of the checksum
    with pytest.raises(e.KeyTaken):
        upload(storage, BytesSource(b"other"), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    assert storage.head(ref).size == size
    assert list(storage.list_unfinished(ref.bucket)) == []


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_an_object_that_was_damaged_is_deleted(moto: servers.Endpoint, ref: ObjectRef, size: int) -> None:
    """A store that reports another checksum than ours; moto reports ours, so the report is changed on its way."""
    client = moto.client()

    def damage(parsed: dict[str, object], **_: object) -> None:
        if "ChecksumCRC64NVME" in parsed:
            parsed["ChecksumCRC64NVME"] = "AAAAAAAAAAA="

    for operation in ("PutObject", "HeadObject", "CompleteMultipartUpload"):
        client.meta.events.register(f"after-call.s3.{operation}", damage)
    storage = S3Storage(client)
    with pytest.raises(e.ChecksumMismatch) as caught:
        upload(
            storage, BytesSource(bytes(size)), ref, HEADERS,
            token=CancelToken(), only_if_absent=True, cleanup_wait_s=30,
        )  # fmt: skip
    assert caught.value.meaning == "Nothing was published."
    with pytest.raises(e.ObjectNotFound):
        storage.head(ref)
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_https_sends_a_length_and_checks_the_certificate(
    moto: servers.Endpoint, tls: tuple[Path, Path], tmp_path: Path
) -> None:
    if servers.sink_source() is None:
        pytest.skip("the sink is not here (set VIDCDN_SINK)")
    seen: list[dict[str, str]] = []
    with servers.s3sink(tmp_path, tls=tls) as sink:
        client = sink.client(verify=str(tls[0]))
        client.meta.events.register(
            "before-send.s3",
            lambda request, **_: seen.append(
                {k.lower(): v.decode() if isinstance(v, bytes) else str(v) for k, v in request.headers.items()}
            ),
        )
        stored = upload(
            S3Storage(client), BytesSource(bytes(20 * MIB)), ObjectRef("films", "a.mp4"), HEADERS,
            token=CancelToken(), only_if_absent=True,
        )  # fmt: skip
        assert stored.size == 20 * MIB
        with pytest.raises(e.Offline, match="certificate"):
            S3Storage(sink.client(attempts=1)).head(ObjectRef("films", "a.mp4"))
    parts = [int(headers["content-length"]) for headers in seen if "x-amz-checksum-crc64nvme" in headers]
    assert sorted(parts)[-2:] == [8 * MIB, 8 * MIB]
    for headers in seen:
        assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        assert "x-amz-trailer" not in headers
        assert "content-encoding" not in headers


def test_sending_stops_between_two_blocks(tmp_path: Path) -> None:
    """On a slow link the blocks are small, so that a cancel does not wait for a megabyte to leave."""
    if servers.sink_source() is None:
        pytest.skip("the sink is not here (set VIDCDN_SINK)")
    sending = threading.Event()
    with servers.s3sink(tmp_path, rate_bytes_per_s=2 * MIB) as sink:
        token = CancelToken()
        client = sink.client()
        client.meta.events.register("before-send.s3.UploadPart", lambda **_: sending.set())
        ended: list[float] = []

        def publish() -> None:
            try:
                upload(
                    S3Storage(client), BytesSource(bytes(64 * MIB)), ObjectRef("films", "a.mp4"), HEADERS,
                    token=token, only_if_absent=True,
                )  # fmt: skip
            except Cancelled:
                ended.append(time.monotonic())

        thread = threading.Thread(target=publish)
        thread.start()
        assert sending.wait(20)
        token.cancel()
        thread.join(20)
        assert ended
        for part in [t for t in threading.enumerate() if t.name.startswith("upload-part")]:
            part.join(20)
            assert not part.is_alive()
