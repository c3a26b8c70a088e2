"""Part plans, checksums of parts, the sending body, the judgement of replies, the client's settings."""

from __future__ import annotations

import base64
import itertools
import os
import zlib

import pytest
from awscrt import checksums as crt
from hypothesis import given
from hypothesis import strategies as st

from vidcdn_desktop import aws_errors
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.credentials.sdk import client_config, is_loopback
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.body import MAX_BLOCK, Pace, SendingBody, SourceFailure
from vidcdn_desktop.storage.checksums import checksum_of, combined, composite
from vidcdn_desktop.storage.parts import MAX_OBJECT_SIZE, MAX_PART_SIZE, plan_parts
from vidcdn_desktop.storage.port import ObjectRef, PartResult
from vidcdn_desktop.storage.replies import confirmed, version_of

MIB, GIB = 1 << 20, 1 << 30
REF = ObjectRef("films", "a.mp4")


@pytest.mark.parametrize(
    ("size", "part", "count"),
    [
        (8 * MIB + 1, 8 * MIB, 2),
        (256 * MIB - 1, 8 * MIB, 32),
        (256 * MIB, 16 * MIB, 16),
        (9000 * 16 * MIB, 16 * MIB, 9000),
        (9000 * 16 * MIB + 1, 32 * MIB, 4501),
        (MAX_OBJECT_SIZE, MAX_PART_SIZE, 10_000),
    ],
)
def test_part_plans(size: int, part: int, count: int) -> None:
    plan = plan_parts(size)
    assert (plan.part_size, plan.count) == (part, count)


def test_no_object_beyond_the_limit() -> None:
    with pytest.raises(e.UnsupportedMedia):
        plan_parts(MAX_OBJECT_SIZE + 1)


@given(st.integers(1, MAX_OBJECT_SIZE))
def test_parts_cover_the_object_once(size: int) -> None:
    plan = plan_parts(size)
    assert plan.count <= 10_000
    ranges = plan.ranges
    assert [r.number for r in ranges] == list(range(1, plan.count + 1))
    assert {r.length for r in ranges[:-1]} <= {plan.part_size}
    assert 0 < ranges[-1].length <= plan.part_size
    assert ranges[0].offset == 0
    assert all(a.offset + a.length == b.offset for a, b in itertools.pairwise(ranges))
    assert ranges[-1].offset + ranges[-1].length == size


def _parts(algorithm: str, pieces: list[bytes]) -> list[PartResult]:
    return [
        PartResult(i, len(p), "x", checksum_of(algorithm, BytesSource(p), 0, len(p))) for i, p in enumerate(pieces, 1)
    ]


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=6), st.randoms())
def test_the_whole_checksum_comes_from_the_parts(pieces: list[bytes], random) -> None:
    data = b"".join(pieces)
    for algorithm, value, width in (("CRC64NVME", crt.crc64nvme(data), 8), ("CRC32", zlib.crc32(data), 4)):
        parts = _parts(algorithm, pieces)
        random.shuffle(parts)
        assert base64.b64decode(combined(algorithm, parts)) == value.to_bytes(width, "big")


def test_a_known_crc64nvme() -> None:
    # The check value of CRC-64/NVME in the catalogue of parametrised CRC algorithms.
    source = BytesSource(b"123456789")
    assert base64.b64decode(checksum_of("CRC64NVME", source, 0, 9)).hex() == "ae8b14860a799888"
    assert checksum_of("", source, 0, 9) == ""


def test_no_whole_checksum_where_a_part_has_none_of_its_kind() -> None:
    parts = _parts("CRC32", [b"a", b"b"])
    assert combined("CRC64NVME", parts) == ""
    assert combined("CRC32", [parts[0], PartResult(2, 1, "x", "")]) == ""
    assert combined("CRC32", []) == ""
    assert combined("", parts) == ""


def test_the_judgement_of_a_reported_checksum() -> None:
    pieces = [b"one", b"two"]
    parts = _parts("CRC32", pieces)
    ours, of_parts = combined("CRC32", parts), composite("CRC32", parts)

    def judge(**reply: str) -> bool:
        return confirmed(reply, "CRC32", ours, parts, REF)

    assert judge(ChecksumCRC32=ours, ChecksumType="FULL_OBJECT")
    assert judge(ChecksumCRC32=ours)
    assert not judge()
    assert not judge(ChecksumCRC64NVME="AAAAAAAAAAA=")  # another algorithm tells nothing
    assert not judge(ChecksumCRC32=f"{of_parts}-2")
    assert not judge(ChecksumCRC32=of_parts, ChecksumType="COMPOSITE")
    assert not judge(ChecksumCRC32=of_parts)  # composite without saying so
    for wrong in (
        {"ChecksumCRC32": of_parts, "ChecksumType": "FULL_OBJECT"},
        {"ChecksumCRC32": "AAAAAA==", "ChecksumType": "FULL_OBJECT"},
        {"ChecksumCRC32": "AAAAAA=="},
        {"ChecksumCRC32": "AAAAAA==-2"},
    ):
        with pytest.raises(e.ChecksumMismatch):
            judge(**wrong)
    with pytest.raises(e.ChecksumMismatch):
        confirmed({"ChecksumCRC32": "AAAAAA=="}, "CRC32", ours, (), REF)
    assert version_of({"VersionId": "null"}) == ""
    assert version_of({"VersionId": "abc"}) == "abc"


class Ticking:
    """A clock that advances by a given step with each look."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def _drain(body: SendingBody) -> list[bytes]:
    blocks = []
    while block := body.read(16384):
        assert isinstance(block, memoryview)
        blocks.append(bytes(block))
    return blocks


def test_blocks_grow_to_a_mebibyte_on_a_fast_link() -> None:
    data = os.urandom(20 * MIB)
    pace = Pace(Ticking(0.001))
    body = SendingBody(BytesSource(data), MIB, 19 * MIB, CancelToken(), None, pace)
    body.count_reads(True)
    blocks = _drain(body)
    assert b"".join(blocks) == data[MIB:]
    assert len(blocks[0]) < MAX_BLOCK
    assert max(map(len, blocks)) == MAX_BLOCK
    following = SendingBody(BytesSource(data), 0, MIB, CancelToken(), None, pace)
    following.count_reads(True)
    assert len(following.read()) == MAX_BLOCK  # the next part on this connection goes on with it


def test_blocks_shrink_on_a_slow_link() -> None:
    body = SendingBody(BytesSource(bytes(MIB)), 0, MIB, CancelToken(), None, Pace(Ticking(2.0)))
    body.count_reads(True)
    assert {len(b) for b in _drain(body)[1:-1]} == {16 << 10}


def test_filling_the_buffer_of_the_socket_is_not_taken_for_speed() -> None:
    clock = Ticking(0.000_05)
    pace = Pace(clock)
    assert max(pace.next_block() for _ in range(80)) == 32 << 10  # 2.5 MB in 4 ms, into the buffer
    clock.step = 0.3
    assert pace.next_block() == 16 << 10


def test_only_the_sending_pass_counts_and_a_rewind_takes_back() -> None:
    meter = ProgressMeter(1000)
    body = SendingBody(BytesSource(bytes(1000)), 0, 1000, CancelToken(), meter)
    _drain(body)  # signing
    assert meter.snapshot().done_bytes == 0
    body.seek(0)
    body.count_reads(True)
    _drain(body)
    assert meter.snapshot().done_bytes == 1000
    body.seek(0)
    assert meter.snapshot().done_bytes == 0
    _drain(body)
    body.seek(0, os.SEEK_END)
    assert (body.tell(), meter.snapshot().done_bytes) == (1000, 1000)
    body.take_back()
    assert meter.snapshot().done_bytes == 0


def test_a_cancelled_body_refuses_to_be_read() -> None:
    token = CancelToken()
    body = SendingBody(BytesSource(b"abc"), 0, 3, token, None)
    token.cancel()
    with pytest.raises(Cancelled):
        body.read()
    assert not issubclass(Cancelled, Exception)  # the SDK would take it for a network fault and send again


def test_a_source_that_ends_early_is_told() -> None:
    body = SendingBody(BytesSource(b"abc"), 0, 5, CancelToken(), None)
    with pytest.raises(SourceFailure) as caught:
        body.read()
    assert isinstance(caught.value.error, e.SourceChanged)


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("", False),
        ("https://s3.example.org", False),
        ("http://127.0.0.1:5000", False),
        ("http://[::1]:5000", False),
        ("http://localhost:9000", False),
        ("http://192.168.1.7:9000", True),
        ("http://127.0.0.1.example.org", True),
    ],
)
def test_the_payload_is_signed_where_nothing_else_protects_it(url: str, signed: bool) -> None:
    config = client_config(endpoint_url=url)
    assert config.s3["payload_signing_enabled"] is signed
    assert config.request_checksum_calculation == "when_required"
    assert config.user_agent_appid == "vidcdn-desktop"
    assert not signed or not is_loopback(url)


def _client_error(code: str, status: int, **headers: str) -> Exception:
    from botocore.exceptions import ClientError

    return ClientError(
        {
            "Error": {"Code": code, "Message": "m"},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "REQ1", "HTTPHeaders": headers},
        },
        "PutObject",
    )


@pytest.mark.parametrize(
    ("code", "status", "kind", "retryable"),
    [
        ("NoSuchUpload", 404, e.UploadGone, False),
        ("RequestTimeout", 400, e.Offline, True),
        ("InvalidBucketName", 400, e.SettingsInvalid, False),
        ("QuotaExceeded", 403, e.ServiceTrouble, False),
        ("AccessDenied", 403, e.AccessDenied, False),
        ("PreconditionFailed", 412, e.KeyTaken, False),
        ("ConditionalRequestConflict", 409, e.Conflict, True),
        ("SlowDown", 503, e.Throttled, True),
        ("Whatever", 503, e.ServiceTrouble, True),
    ],
)
def test_errors_in_words(code: str, status: int, kind: type[e.VidcdnError], retryable: bool) -> None:
    error = aws_errors.translate(
        _client_error(code, status), action="s3:PutObject", subject="s3://films/a.mp4", bucket="films"
    )
    assert type(error) is kind
    assert (error.code, error.request_id, error.retryable) == (code, "REQ1", retryable)
    assert error.meaning == "Nothing was published."


def test_the_clock_error_says_how_far_off() -> None:
    import email.utils
    import time

    theirs = email.utils.formatdate(time.time() + 3600, usegmt=True)
    error = aws_errors.translate(_client_error("RequestTimeTooSkewed", 403, date=theirs), action="a", subject="s")
    assert "60 minutes off" in error.what
    plain = aws_errors.translate(_client_error("RequestTimeTooSkewed", 403), action="a", subject="s")
    assert "clock is wrong" in plain.what
