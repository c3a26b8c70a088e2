"""The short way of PutObject and UploadPart: the SDK's requests, replies and errors, without the SDK's calls."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError, ReadTimeoutError

import servers
from faultplans import PASS, Act, Fault, Request, xml_answer
from faults import FaultProxy
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.sdk import client_config, prepare_s3_client
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.body import SendingBody
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.direct import DirectCalls
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.upload import upload

BUCKET = "direct"
DATA = bytes(range(256)) * 4096
OFTEN_DIFFERENT = {"amz-sdk-invocation-id", "amz-sdk-request", "authorization", "x-amz-date", "user-agent"}
KEYS = [
    "videos/a.mp4",
    "été film+1~2 (b).mp4",
    "a//b/../c",
    "tab\tend",
    "q?a=b&c#d%20",
    "x/" + "é" * 200,
    "😀",
]


class Way:
    """A client that tries once, its short way, and what the SDK was made to send."""

    def __init__(self, server: servers.Endpoint, url: str, **keys: str) -> None:
        self.client = server.client(attempts=0, url=url, **keys)
        self.direct = DirectCalls(self.client)
        self.by_sdk = 0
        self.client.meta.events.register("before-send.s3", self._count)
        self._key = "learning"

    def _count(self, **_: Any) -> None:
        self.by_sdk += 1

    def put(self, key: str, data: bytes = DATA, **more: Any) -> Any:
        return self.direct.put_object(**put_arguments(key, data), **more)

    def learn(self) -> None:
        self.put("learning", b"1")
        assert self.by_sdk == 1
        self.by_sdk = 0


def body_of(data: bytes, meter: ProgressMeter | None = None) -> SendingBody:
    return SendingBody(BytesSource(data), 0, len(data), CancelToken(), meter)


def put_arguments(key: str, data: bytes) -> dict[str, Any]:
    checksum = checksum_of("CRC64NVME", BytesSource(data), 0, len(data))
    return {
        "Bucket": BUCKET, "Key": key, "Body": body_of(data), "ContentLength": len(data), "ContentType": "video/mp4",
        "CacheControl": "public, max-age=31536000", "ContentDisposition": 'inline; filename="a  b.mp4"',
        "Metadata": {"vidcdn-job": "abc", "title": "a  title"},
        "ChecksumAlgorithm": "CRC64NVME", "ChecksumCRC64NVME": checksum,
    }  # fmt: skip


@pytest.fixture(scope="module")
def proxy(moto: servers.Endpoint) -> Iterator[FaultProxy]:
    moto.client().create_bucket(Bucket=BUCKET)
    with FaultProxy(moto.url) as made:
        yield made


@pytest.fixture
def way(moto: servers.Endpoint, proxy: FaultProxy) -> Iterator[Way]:
    proxy.exchanges.clear()
    yield Way(moto, proxy.url)
    proxy.plan = lambda _request: PASS


def sent(proxy: FaultProxy) -> list[tuple[str, str, dict[str, str]]]:
    """What has arrived: method, target, and the headers that do not change from call to call."""
    return [
        (r.method, r.target, {k: v for k, v in r.headers.items() if k not in OFTEN_DIFFERENT})
        for r in (exchange.request for exchange in proxy.exchanges)
    ]


@pytest.mark.parametrize("key", KEYS)
def test_an_object_is_asked_for_as_the_sdk_asks(way: Way, proxy: FaultProxy, key: str) -> None:
    way.learn()
    proxy.exchanges.clear()
    replies = [call(**put_arguments(key, DATA)) for call in (way.client.put_object, way.direct.put_object)]
    assert way.by_sdk == 1
    first, second = sent(proxy)
    assert second == first
    for reply in replies:
        reply.pop("ResponseMetadata")
    assert replies[1] == replies[0]
    assert way.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == DATA


def test_a_part_is_asked_for_as_the_sdk_asks(way: Way, proxy: FaultProxy) -> None:
    way.learn()
    for key in KEYS:
        begun = way.client.create_multipart_upload(Bucket=BUCKET, Key=key, ChecksumAlgorithm="CRC64NVME")
        proxy.exchanges.clear()
        arguments = put_arguments(key, DATA)
        for name in ("ContentType", "CacheControl", "ContentDisposition", "Metadata"):
            del arguments[name]
        arguments |= {"UploadId": begun["UploadId"], "PartNumber": 7}
        etags = []
        for call in (way.client.upload_part, way.direct.upload_part):
            etags.append(call(**arguments)["ETag"])
            arguments["Body"].seek(0)
        first, second = sent(proxy)
        assert second[2] == first[2]
        assert second[1].split("?")[0] == first[1].split("?")[0]
        assert sorted(second[1].split("?")[1].split("&")) == sorted(first[1].split("?")[1].split("&"))
        assert etags[0] == etags[1] == f'"{hashlib.md5(DATA).hexdigest()}"'


@pytest.mark.parametrize("key", KEYS)
def test_the_signature_is_right(way: Way, moto: servers.Endpoint, proxy: FaultProxy, key: str) -> None:
    """Worked out from the request as it arrived, with no code of the SDK. moto itself looks at no signature."""
    way.learn()
    proxy.exchanges.clear()
    way.put(key)
    assert way.by_sdk == 0
    request = proxy.exchanges[0].request
    assert signature(request, moto) in request.headers["authorization"]
    assert request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


def signature(request: Request, server: servers.Endpoint) -> str:
    """AWS Signature Version 4 of a path-style request without a query."""
    given = request.headers["authorization"]
    names = given.split("SignedHeaders=")[1].split(",")[0]
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names.split(";"))
    whole = "\n".join([request.method, request.target, "", headers, names, request.headers["x-amz-content-sha256"]])
    day = request.headers["x-amz-date"][:8]
    scope = f"{day}/{server.region}/s3/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashlib.sha256(whole.encode()).hexdigest()]
    )
    key = f"AWS4{server.secret_access_key}".encode()
    for word in (day, server.region, "s3", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return "Signature=" + hmac.digest(key, text.encode(), "sha256").hex()


def test_new_keys_sign_the_next_request(way: Way, proxy: FaultProxy) -> None:
    """Temporary keys are renewed by the session behind the client."""
    way.learn()
    credentials = way.client._request_signer._credentials
    credentials.access_key, credentials.token = "RENEWED", "the-token"
    proxy.exchanges.clear()
    way.put("renewed")
    assert way.by_sdk == 0
    headers = proxy.exchanges[0].request.headers
    assert "Credential=RENEWED/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "the-token"


def only_puts(act: Act) -> Callable[[Request], Act]:
    return lambda request: act if request.operation == "PutObject" else PASS


@pytest.mark.parametrize(
    "act",
    [
        Act(Fault.ANSWER, answer=xml_answer("503 Slow Down", "SlowDown")),
        Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied")),
        Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "ExpiredToken")),
        Act(Fault.ANSWER, answer=xml_answer("404 Not Found", "NoSuchBucket")),
        Act(Fault.ANSWER, answer=xml_answer("412 Precondition Failed", "PreconditionFailed")),
        Act(Fault.ANSWER, answer=b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
        Act(Fault.ANSWER, answer=b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html>no</htm"),
        Act(Fault.EARLY_ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied")),
        Act(Fault.ERROR_IN_200, answer=xml_answer("200 OK", "InternalError")),
        Act(Fault.LOST_REPLY),
        Act(Fault.CUT_BODY),
        Act(Fault.REFUSED),
    ],
    ids=lambda act: f"{act.fault.name.lower()}-{act.answer[9:12].decode()}-{len(act.answer)}",
)
def test_errors_are_the_sdks(way: Way, proxy: FaultProxy, act: Act) -> None:
    way.learn()
    proxy.plan = only_puts(act)
    raised: list[Exception] = []
    for call in (way.client.put_object, way.direct.put_object):
        with pytest.raises(Exception) as caught:
            call(**put_arguments("errors", DATA))
        raised.append(caught.value)
    assert way.by_sdk == 1
    by_sdk, ours = raised
    assert type(ours) is type(by_sdk)
    assert str(ours) == str(by_sdk).replace(" (reached max retries: 0)", "")
    if isinstance(ours, ClientError) and isinstance(by_sdk, ClientError):
        assert ours.response["Error"] == by_sdk.response["Error"]
        assert ours.operation_name == by_sdk.operation_name


ANSWERS = {
    "plain": b'HTTP/1.1 200 OK\r\nETag: "x"\r\nX-Amz-Request-Id: r\r\nX-Amz-Id-2: h\r\nContent-Length: 0\r\n\r\n',
    "kinds": b"HTTP/1.1 200 OK\r\nx-amz-object-size: 7\r\n"
    b"x-amz-server-side-encryption-bucket-key-enabled: true\r\nContent-Length: 0\r\n\r\n",
    "chunked": b'HTTP/1.1 200 OK\r\nETag: "x"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    "closing": b'HTTP/1.1 200 OK\r\nETag: "x"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    "until the end": b'HTTP/1.1 200 OK\r\nETag: "x"\r\nConnection: close\r\n\r\n',
    "old": b'HTTP/1.0 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n',
    "interim": b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n',
    "folded": b'HTTP/1.1 200 OK\r\nETag: "x"\r\nX-More: a\r\n b\r\nContent-Length: 0\r\n\r\n',
    "no content": b'HTTP/1.1 204 No Content\r\nETag: "x"\r\n\r\n',
    "garbage": b"what is this\r\n\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 300_000,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_read_as_the_sdk_reads_them(way: Way, proxy: FaultProxy, name: str) -> None:
    """A kept connection is read without the HTTP library; whatever comes, the outcome is the same."""
    way.learn()
    outcomes: list[Any] = []
    for call in (way.client.put_object, way.direct.put_object):
        proxy.plan = lambda _request: PASS
        # One open connection, and none that the proxy is about to close.
        way.client._endpoint.http_session._manager.clear()
        way.client.head_bucket(Bucket=BUCKET)
        proxy.plan = only_puts(Act(Fault.ANSWER, answer=ANSWERS[name]))
        try:
            reply = call(**put_arguments("answers", DATA))
            about = reply["ResponseMetadata"]
            for own in ("RetryAttempts", "MaxAttemptsReached"):
                about.pop(own, None)  # of the SDK's own retries
            about.setdefault("HostId", "")
            outcomes.append(reply)
        except Exception as exc:  # noqa: BLE001 - whatever it is, both must raise the same
            outcomes.append(type(exc))
    assert outcomes[1] == outcomes[0]
    proxy.plan = lambda _request: PASS
    way.client._endpoint.http_session._manager.clear()
    way.put("after it", DATA)
    assert way.client.get_object(Bucket=BUCKET, Key="after it")["Body"].read() == DATA


def test_an_answer_cut_in_its_head_is_no_answer(way: Way, proxy: FaultProxy) -> None:
    """The SDK takes what came for all of it; then an object would be published that the store never confirmed."""
    way.learn()
    proxy.plan = only_puts(Act(Fault.ANSWER, answer=b"HTTP/1.1 200 OK\r\nETag: "))
    with pytest.raises(ConnectionClosedError):
        way.direct.put_object(**put_arguments("cut", DATA))


def test_open_connections_are_used_again(way: Way, proxy: FaultProxy) -> None:
    way.learn()
    before = proxy.connections
    for number in range(5):
        way.put(f"again-{number}")
    assert proxy.connections == before
    assert way.by_sdk == 0


def test_where_the_store_sends_it_elsewhere_the_sdk_goes(way: Way, proxy: FaultProxy) -> None:
    way.learn()
    moved: list[Request] = []

    def plan(request: Request) -> Act:
        if request.operation != "PutObject" or moved:
            return PASS
        moved.append(request)
        answer = xml_answer("400 Bad Request", "AuthorizationHeaderMalformed")
        return Act(Fault.ANSWER, answer=answer)

    proxy.plan = plan
    proxy.exchanges.clear()
    way.put("elsewhere")
    assert way.by_sdk == 1
    assert way.client.get_object(Bucket=BUCKET, Key="elsewhere")["Body"].read() == DATA
    way.by_sdk = 0
    way.put("again")
    assert way.by_sdk == 0


def test_bytes_are_counted_once(way: Way) -> None:
    way.learn()
    meter = ProgressMeter()
    arguments = put_arguments("counted", DATA) | {"Body": body_of(DATA, meter)}
    way.direct.put_object(**arguments)
    assert way.by_sdk == 0
    assert meter.snapshot().done_bytes == len(DATA)


def test_a_large_object_is_announced_and_not_sent_to_who_refuses_it(way: Way, proxy: FaultProxy) -> None:
    way.learn()
    large = bytes(6 << 20)
    way.put("large", large)
    assert proxy.exchanges[-1].request.headers["expect"] == "100-continue"
    proxy.plan = only_puts(Act(Fault.EARLY_ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied")))
    with pytest.raises(ClientError):
        way.put("large", large)
    assert proxy.exchanges[-1].up_bytes == 0
    assert way.by_sdk == 0


def test_what_the_sdk_refuses_is_refused(way: Way, proxy: FaultProxy) -> None:
    way.learn()
    proxy.exchanges.clear()
    with pytest.raises(ParamValidationError):
        way.direct.put_object(**put_arguments("a", DATA) | {"Metadata": {"title": "été"}})
    assert proxy.exchanges == []


def test_what_is_not_understood_goes_through_the_sdk(way: Way) -> None:
    way.learn()
    way.put("timed", Expires="Wed, 25 Nov 2026 00:00:00 GMT")
    assert way.by_sdk == 1


def test_an_answer_that_does_not_come_is_a_timeout(moto: servers.Endpoint, proxy: FaultProxy, tmp_path: Path) -> None:
    del tmp_path
    way = Way(moto, proxy.url)
    way.learn()
    way.client._endpoint.http_session._manager.connection_pool_kw["timeout"] = 0.2
    way.client._endpoint.http_session._manager.clear()
    proxy.plan = only_puts(Act(Fault.STALL_REPLY, seconds=1))
    with pytest.raises(ReadTimeoutError):
        way.put("late")
    assert way.by_sdk == 0
    proxy.plan = lambda _request: PASS


def hashing_client(moto: servers.Endpoint, url: str) -> Any:
    """As the program makes it for a store that it reaches over plain http."""
    config = client_config(path_style=True, endpoint_url="http://store.example", attempts=1)
    session = Session(moto.access_key_id, moto.secret_access_key, region_name=moto.region)
    client = session.client("s3", endpoint_url=url, config=config)
    prepare_s3_client(client)
    return client


@pytest.mark.parametrize("kind", ["hashes the body", "tries again"])
def test_a_client_that_does_more_is_left_to_it(moto: servers.Endpoint, proxy: FaultProxy, kind: str) -> None:
    """Over plain http to another machine the body is part of the signature; retries belong to one place only."""
    client = moto.client(url=proxy.url) if kind == "tries again" else hashing_client(moto, proxy.url)
    direct = DirectCalls(client)
    seen: list[str] = []
    client.meta.events.register("before-send.s3", lambda request, **_: seen.append(request.url))
    for _ in range(3):
        direct.put_object(**put_arguments("left", DATA))
    assert len(seen) == 3
    assert seen[0].endswith("/left")


@pytest.mark.parametrize("size", [1 << 20, 17 << 20])
def test_over_plain_http_the_body_is_signed(moto: servers.Endpoint, proxy: FaultProxy, size: int) -> None:
    data = (bytes(range(256)) * (size // 256))[: size - 5]
    client = hashing_client(moto, proxy.url)
    storage, meter = S3Storage(client, transfer_client=client), ProgressMeter()
    proxy.exchanges.clear()
    ref = ObjectRef(BUCKET, f"signed-{size}.mp4")
    upload(storage, BytesSource(data), ref, ObjectHeaders("video/mp4"), token=CancelToken(), meter=meter,
           only_if_absent=True)  # fmt: skip
    assert client.get_object(Bucket=BUCKET, Key=ref.key)["Body"].read() == data
    assert meter.snapshot().done_bytes == len(data)
    sent = [e.request for e in proxy.exchanges if e.request.operation in ("PutObject", "UploadPart")]
    offset = 0
    for request in sorted(sent, key=lambda r: r.part):
        body = data[offset : offset + request.size]
        offset += request.size
        assert request.headers["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest()
