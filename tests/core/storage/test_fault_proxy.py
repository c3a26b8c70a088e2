"""The proxy for bad weather does what its plans say: a tool that lies would make every test behind it lie."""

from __future__ import annotations

import http.client
import socket
import threading
from pathlib import Path

import pytest

import servers
from faultplans import PASS, Act, Fault, Request, SeededPlan, operation_of, xml_answer
from faults import FaultProxy, Phase, falsified

BODY = bytes(range(256)) * 4096


def put(proxy: FaultProxy, bucket: str, key: str = "a.bin", body: bytes = BODY) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rsplit(":", 1)[1]), timeout=20)
    try:
        connection.request("PUT", f"/{bucket}/{key}", body)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


@pytest.fixture
def endpoint(moto: servers.Endpoint) -> servers.Endpoint:
    return moto


def stored(moto: servers.Endpoint, bucket: str) -> bytes | None:
    listed = moto.client().list_objects_v2(Bucket=bucket).get("Contents", ())
    return moto.client().get_object(Bucket=bucket, Key=listed[0]["Key"])["Body"].read() if listed else None


@pytest.mark.parametrize(
    ("fault", "arrives"),
    [
        (Fault.REFUSED, False),
        (Fault.CUT_BODY, False),
        (Fault.LOST_REPLY, True),
        (Fault.CUT_REPLY, True),
    ],
)
def test_what_breaks_off(moto: servers.Endpoint, bucket: str, fault: Fault, arrives: bool) -> None:
    with (
        FaultProxy(moto.url, lambda _request: Act(fault, at=0.4)) as proxy,
        pytest.raises((OSError, http.client.HTTPException)),
    ):
        put(proxy, bucket)
    assert stored(moto, bucket) == (BODY if arrives else None)
    assert proxy.faults() == {fault: 1}
    (exchange,) = proxy.exchanges
    if fault is Fault.CUT_BODY:
        assert 0.4 * len(BODY) <= exchange.up_bytes < len(BODY)
    if arrives:
        assert exchange.status == 200


@pytest.mark.parametrize("fault", [Fault.ANSWER, Fault.ERROR_IN_200])
def test_what_is_answered_without_the_server(moto: servers.Endpoint, bucket: str, fault: Fault) -> None:
    act = Act(fault, answer=xml_answer("200 OK", "InternalError"), forward=False)
    with FaultProxy(moto.url, lambda _request: act) as proxy:
        status, text = put(proxy, bucket)
    assert (status, b"<Code>InternalError</Code>" in text) == (200, True)
    assert stored(moto, bucket) is None
    assert proxy.up_bytes == len(BODY)  # read to the end first


def test_an_error_in_200_after_the_work(moto: servers.Endpoint, bucket: str) -> None:
    act = Act(Fault.ERROR_IN_200, answer=xml_answer("200 OK", "InternalError"))
    with FaultProxy(moto.url, lambda _request: act) as proxy:
        assert b"InternalError" in put(proxy, bucket)[1]
    assert stored(moto, bucket) == BODY


def test_one_bit_is_flipped(moto: servers.Endpoint, bucket: str) -> None:
    with FaultProxy(moto.url, lambda _request: Act(Fault.FLIPPED_BODY, at=0.3)) as proxy:
        assert put(proxy, bucket)[0] == 200
    found = stored(moto, bucket)
    assert found is not None
    different = [i for i in range(len(BODY)) if found[i] != BODY[i]]
    assert len(different) == 1
    assert found[different[0]] ^ BODY[different[0]] == 1


def test_an_answer_may_end_too_soon(moto: servers.Endpoint, bucket: str) -> None:
    """Python takes a head that breaks off for a whole one: the status says 200 and the ETag is missing."""
    with FaultProxy(moto.url, lambda _request: Act(Fault.SHORT_REPLY, at=0.2)) as proxy:
        client = moto.client(url=proxy.url, attempts=1)
        reply = client.put_object(Bucket=bucket, Key="a.bin", Body=BODY)
        client.close()
    assert "ETag" not in reply
    assert stored(moto, bucket) == BODY


def test_sent_twice(moto: servers.Endpoint, bucket: str) -> None:
    with FaultProxy(moto.url, lambda _request: Act(Fault.SENT_TWICE)) as proxy:
        client = moto.client(url=proxy.url)
        ids = [client.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]]
        client.close()
    listed = [upload["UploadId"] for upload in moto.client().list_multipart_uploads(Bucket=bucket)["Uploads"]]
    assert len(listed) == 2
    assert listed[1:] == ids  # the answer is the second one's
    for upload_id in listed:
        moto.client().abort_multipart_upload(Bucket=bucket, Key="a", UploadId=upload_id)


def test_answered_twice(moto: servers.Endpoint, bucket: str) -> None:
    with (
        FaultProxy(moto.url, lambda _request: Act(Fault.ANSWERED_TWICE)) as proxy,
        socket.create_connection(("127.0.0.1", int(proxy.url.rsplit(":", 1)[1])), timeout=20) as client,
    ):
        client.sendall(f"PUT /{bucket}/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx".encode())
        answer = b""
        while answer.count(b"\r\n\r\n") < 2:
            answer += client.recv(4096)
    half = len(answer) // 2
    assert answer[:half] == answer[half:]
    assert stored(moto, bucket) == b"x"


def test_stalls_last_and_phases_are_told(moto: servers.Endpoint, bucket: str) -> None:
    told: list[Phase] = []
    go = threading.Event()

    def watch(phase: Phase, _request: Request) -> None:
        told.append(phase)
        if phase is Phase.DONE:
            assert go.wait(20)

    with FaultProxy(moto.url, watch=watch) as proxy:
        answers: list[tuple[int, bytes]] = []
        client = threading.Thread(target=lambda: answers.append(put(proxy, bucket)))
        client.start()
        while not moto.client().list_objects_v2(Bucket=bucket).get("Contents"):
            pass
        assert answers == []  # the work is done, but nobody was told
        go.set()
        client.join(20)
    assert answers[0][0] == 200
    assert told == [Phase.ARRIVED, Phase.HALF, Phase.DONE, Phase.ANSWERED]


def test_over_https_with_a_pool_of_connections(moto: servers.Endpoint, bucket: str, tls: tuple[Path, Path]) -> None:
    with FaultProxy(moto.url, tls=tls) as proxy:
        client = moto.client(url=proxy.url, verify=str(tls[0]))
        for number in range(3):
            client.put_object(Bucket=bucket, Key=str(number), Body=BODY)
            assert client.get_object(Bucket=bucket, Key=str(number))["Body"].read() == BODY
        client.close()
    assert proxy.connections == proxy.most_connections == 1
    assert proxy.sent_of("PutObject") == 3 * len(BODY)
    assert proxy.count("GetObject") == 3


def test_a_seed_means_the_same_weather_in_whatever_order() -> None:
    requests = [
        Request(i, "PUT", f"/b/k?partNumber={part}&uploadId=x", {}, 100, nth)
        for i, (part, nth) in enumerate([(p, n) for p in range(1, 40) for n in (1, 2, 3, 4)])
    ]
    plan = SeededPlan(7, chance=0.5)
    first = [plan(request) for request in requests]
    assert [SeededPlan(7, chance=0.5)(request) for request in reversed(requests)][::-1] == first
    assert first != [SeededPlan(8, chance=0.5)(request) for request in requests]
    assert len({act.fault for act in first}) > 8
    assert all(act is PASS for request, act in zip(requests, first, strict=True) if request.nth == 4)


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("PUT", "/b/k/l?partNumber=3&uploadId=x", "UploadPart"),
        ("POST", "/b/k?uploadId=x", "CompleteMultipartUpload"),
        ("DELETE", "/b/k?uploadId=x", "AbortMultipartUpload"),
        ("GET", "/b/k?uploadId=x", "ListParts"),
        ("GET", "/b?uploads&prefix=a/b", "ListMultipartUploads"),
        ("GET", "/b?list-type=2", "ListObjects"),
        ("HEAD", "/b/k", "HeadObject"),
    ],
)
def test_operations_by_name(method: str, target: str, name: str) -> None:
    assert operation_of(method, target) == name


def test_a_false_checksum_is_as_long_as_the_true_one() -> None:
    reply = b"HTTP/1.1 200 OK\r\nx-amz-checksum-crc64nvme: AAAAAAAAAAA=\r\nContent-Length: 2\r\n\r\nok"
    changed = falsified(reply)
    assert changed != reply
    assert len(changed) == len(reply)
    assert b"<ChecksumCRC32>BAAA" in falsified(b"HTTP/1.1 200 OK\r\n\r\n<ChecksumCRC32>AAAA</ChecksumCRC32>")
