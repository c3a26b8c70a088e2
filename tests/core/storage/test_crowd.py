"""Many files: how many at a time, what is begun after a failure or a cancel, and that none is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

import servers
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.crowd import FEW_FILES, MEMORY_BYTES, MOST_FILES, Sending, most_at_a_time, send_all
from vidcdn_desktop.storage.parts import SINGLE_PUT_LIMIT
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.upload import upload


class Counted:
    """Calls that hold until as many as expected are under way at the same time."""

    def __init__(self, expected: int) -> None:
        self.lock = threading.Condition()
        self.expected = expected
        self.inside = 0
        self.most = 0
        self.ran: list[int] = []
        self.sent = 0

    def call(self, number: int, size: int = 1) -> Sending:
        def run() -> None:
            with self.lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
                self.lock.notify_all()
                self.lock.wait_for(lambda: self.most >= self.expected, 20)
                self.inside -= 1
                self.ran.append(number)
                self.sent += size

        return Sending(size, run)


def test_every_file_is_sent_once_and_a_fast_link_needs_few() -> None:
    counted = Counted(FEW_FILES)
    governor = send_all(
        [counted.call(n) for n in range(100)], token=CancelToken(), sent_bytes=lambda: counted.sent * 10**9
    )
    assert sorted(counted.ran) == list(range(100))
    assert counted.most == FEW_FILES
    assert governor is not None
    assert governor.history == []


def test_a_link_that_keeps_them_waiting_gets_many() -> None:
    """Nothing arrives until `MOST_FILES` are under way: only more connections help."""
    counted = Counted(MOST_FILES)
    governor = send_all(
        [counted.call(n) for n in range(200)], token=CancelToken(), sent_bytes=lambda: counted.sent + counted.inside
    )
    assert sorted(counted.ran) == list(range(200))
    assert counted.most == MOST_FILES
    assert governor is not None
    assert governor.history[0][1] == MOST_FILES


def test_large_files_come_after_the_small_ones_and_alone() -> None:
    order: list[str] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: order.append(name)

    files = [Sending(SINGLE_PUT_LIMIT + 1, note("large 1")), Sending(1, note("small"))]
    files.append(Sending(1 << 40, note("large 2")))
    send_all(files, token=CancelToken(), sent_bytes=lambda: 0)
    assert order == ["small", "large 1", "large 2"]
    assert send_all([], token=CancelToken(), sent_bytes=lambda: 0) is None


@pytest.mark.parametrize(("size", "most"), [(1, MOST_FILES), (2 << 20, 64), (4 << 20, 32), (SINGLE_PUT_LIMIT, 16)])
def test_memory_bounds_the_number(size: int, most: int) -> None:
    assert most_at_a_time([1, size]) == most
    assert most * size <= MEMORY_BYTES


def test_after_a_failure_nothing_more_is_begun() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def call(number: int) -> None:
        with lock:
            begun.append(number)
        if number == 20:
            raise RuntimeError("a defect")

    files = [Sending(1, lambda n=n: call(n)) for n in range(10_000)]  # type: ignore[misc]
    with pytest.raises(RuntimeError, match="a defect"):
        send_all(files, token=CancelToken(), sent_bytes=lambda: 10**12)
    assert 20 in begun
    assert len(begun) < 10_000


@pytest.mark.parametrize(("act", "expected"), [("cancel", Cancelled), ("pause", Paused)])
def test_after_a_cancel_or_pause_nothing_more_is_begun(act: str, expected: type[BaseException]) -> None:
    token = CancelToken()
    begun: list[int] = []

    def call(number: int) -> None:
        begun.append(number)
        if number == 5:
            getattr(token, act)()

    files = [Sending(1, lambda n=n: call(n)) for n in range(1000)]  # type: ignore[misc]
    files.append(Sending(SINGLE_PUT_LIMIT + 1, lambda: begun.append(-1)))
    with pytest.raises(expected):
        send_all(files, token=token, sent_bytes=lambda: 0)
    assert len(begun) < 1000
    assert -1 not in begun


def test_real_files_arrive(endpoint: servers.Endpoint, bucket: str, storage: S3Storage) -> None:
    contents = {f"crowd/{n:02}.bin": bytes([n]) * (n * 1000 + 1) for n in range(40)} | {"crowd/large": bytes(9 << 20)}
    meter, token = ProgressMeter(sum(map(len, contents.values()))), CancelToken()

    def sending(key: str, data: bytes) -> Sending:
        def call() -> None:
            headers = ObjectHeaders("application/octet-stream")
            upload(
                storage, BytesSource(data), ObjectRef(bucket, key), headers,
                token=token, meter=meter, only_if_absent=True,
            )  # fmt: skip

        return Sending(len(data), call)

    send_all([sending(*pair) for pair in contents.items()], token=token, sent_bytes=lambda: meter.sent_bytes)
    client = endpoint.client()
    for key, data in contents.items():
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == data
    assert meter.snapshot().done_bytes == meter.snapshot().total_bytes
    assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
