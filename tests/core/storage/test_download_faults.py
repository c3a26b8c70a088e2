"""Downloads in bad weather: cut, stalled, refused, short, wrong, replaced, paused, cancelled, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from upload_helpers import CountingMeter

from rangeserver import Asked, RangeServer, Reply, Stored, until, whole_ranges
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage import download_file
from vidcdn_desktop.storage.download import DownloadResult, download
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.weather import Patience, Weather

MIB = 1 << 20
RANGE = 8 * MIB
REF = ObjectRef("films", "film.mp4")


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with RangeServer() as running:
        yield running


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(3 * RANGE + 12_345)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "films"
    place.mkdir()
    return place


@pytest.fixture
def storage(server: RangeServer) -> Iterator[S3Storage]:
    client = server.endpoint.client(attempts=1)
    yield S3Storage(client)
    client.close()


def quick(limit_s: float | None = 3.0) -> Weather:
    return Weather(Patience(limit_s=limit_s, first_s=0.01, longest_s=0.02))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def firsts(reply: Reply, count: int = 1, key: str = "") -> Callable[[Asked], Reply]:
    """This reply to the first `count` requests; the others are answered rightly."""
    lock = threading.Lock()
    left = [count]

    def answer(_asked: Asked) -> Reply:
        with lock:
            left[0] -= 1
            return reply if left[0] >= 0 else Reply()

    return answer


@pytest.mark.parametrize(
    "reply",
    [
        Reply(stop_after=MIB),
        Reply(stop_after=0),
        Reply(stop_after=MIB, stop="reset"),
        Reply(status=500, code="InternalError"),
        Reply(status=503, code="SlowDown"),
        Reply(status=400, code="RequestTimeout"),
    ],
    ids=["short", "empty", "reset", "500", "slow down", "timeout"],
)
def test_a_range_goes_on_where_it_was_cut(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes, reply: Reply
) -> None:
    server.objects[REF.key] = Stored(data)
    server.answer = firsts(reply, 5)
    meter = CountingMeter()
    result = download(storage, REF, folder, token=CancelToken(), meter=meter, parallel=2, weather=quick())
    assert result.path.read_bytes() == data
    assert names(folder) == ["film.mp4"]
    assert sum(meter.deltas) == len(data)
    assert meter.highest <= len(data)
    assert len(server.asked) >= 4 + 5
    assert result.bytes_received == len(data)  # whatever has arrived needs not come again
    assert len({asked.if_match for asked in server.asked}) == 1
    assert server.asked[0].if_match == server.objects[REF.key].etag


def test_a_stalled_request_is_cut_and_tried_again(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    server.objects[REF.key] = Stored(data)
    server.answer = firsts(Reply(stop_after=2 * MIB, stop="hang"), 2)
    result = download(storage, REF, folder, token=CancelToken(), weather=quick(), stall_s=0.3)
    assert server.hanging == 2
    assert result.path.read_bytes() == data
    assert result.bytes_received < len(data) + 2 * MIB


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=403, code="AccessDenied"), e.AccessDenied),
        (Reply(status=400, code="ExpiredToken"), e.CredentialsExpired),
        (Reply(status=503, code="SlowDown"), e.Throttled),
        (Reply(stop_after=0), e.Offline),
    ],
    ids=["denied", "expired", "throttled", "cut"],
)
def test_a_failure_keeps_what_has_arrived_and_the_next_run_goes_on(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes, reply: Reply, error: type[e.VidcdnError]
) -> None:
    server.objects[REF.key] = Stored(data)
    server.answer = lambda asked: Reply() if asked.start < 2 * RANGE else reply
    with pytest.raises(error) as caught:
        download(storage, REF, folder, token=CancelToken(), parallel=1, weather=quick(0.1))
    assert "is kept" in caught.value.meaning
    assert names(folder) == [".film.mp4.part", ".film.mp4.part.json"]
    server.answer = lambda _asked: Reply()
    meter = CountingMeter()
    result = download(storage, REF, folder, token=CancelToken(), meter=meter)
    assert result.path.read_bytes() == data
    assert result.resumed_bytes == 2 * RANGE
    assert result.bytes_received == len(data) - 2 * RANGE
    assert sum(meter.deltas) == len(data)
    assert names(folder) == ["film.mp4"]


def test_without_keeping_a_failure_leaves_nothing(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    server.objects[REF.key] = Stored(data)
    server.answer = lambda asked: Reply() if asked.start < RANGE else Reply(status=403, code="AccessDenied")
    with pytest.raises(e.AccessDenied) as caught:
        download(storage, REF, folder, token=CancelToken(), parallel=1, keep_partial=False)
    assert caught.value.meaning == "Nothing was downloaded."
    assert names(folder) == []


@pytest.mark.parametrize("honest", [True, False], ids=["412", "a store that ignores the condition"])
@pytest.mark.parametrize("shorter", [False, True])
def test_an_object_that_is_replaced_meanwhile(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes, honest: bool, shorter: bool
) -> None:
    server.objects[REF.key] = Stored(data)
    server.honours_if_match = honest
    new = os.urandom(2 * RANGE if shorter else len(data))

    def answer(asked: Asked) -> Reply:
        if asked.start == RANGE:
            server.objects[REF.key] = Stored(new)
        return Reply()

    server.answer = answer
    with pytest.raises(e.Conflict, match="replaced"):
        download(storage, REF, folder, token=CancelToken(), parallel=1)
    assert names(folder) == []
    assert download(storage, REF, folder, token=CancelToken()).path.read_bytes() == new


def test_an_object_that_was_replaced_between_two_runs_begins_again(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    paused_half_way(server, storage, folder, data)
    new = os.urandom(RANGE + 5)
    server.objects[REF.key] = Stored(new)
    server.answer = lambda _asked: Reply()
    result = download(storage, REF, folder, token=CancelToken())
    assert (result.path.read_bytes(), result.resumed_bytes) == (new, 0)
    assert names(folder) == ["film.mp4"]


def test_wrong_bytes_are_noticed_and_fetched_again(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    server.objects[REF.key] = Stored(data)
    server.answer = firsts(Reply(flip=True))
    meter = CountingMeter()
    result = download(storage, REF, folder, token=CancelToken(), meter=meter, parallel=2)
    assert result.path.read_bytes() == data
    assert result.proved_by == "MD5"
    assert result.bytes_received == 2 * len(data)
    assert sum(meter.deltas) == len(data)


def test_bytes_that_stay_wrong_never_get_the_final_name(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    flips = [Reply(flip=True)] * 4 + [Reply()] * 3 + [Reply(flip=True)]
    server.objects[REF.key] = Stored(data)
    server.answer = lambda _asked: flips.pop(0)
    with pytest.raises(e.ChecksumMismatch) as caught:
        download(storage, REF, folder, token=CancelToken(), parallel=1)
    assert caught.value.meaning == "Nothing was downloaded."
    assert names(folder) == []


def test_a_checksum_of_the_store_is_held_against_what_arrived(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    server.objects[REF.key] = Stored(data, headers={"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="})
    with pytest.raises(e.ChecksumMismatch):
        download(storage, REF, folder, token=CancelToken())
    assert names(folder) == []


def test_a_store_whose_etag_is_no_md5_is_read_twice(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    server.objects[REF.key] = Stored(data, etag="0" * 32)
    result = download(storage, REF, folder, token=CancelToken())
    assert result.path.read_bytes() == data
    assert "two readings" in result.proved_by


def test_an_encrypted_object_has_no_md5_to_compare(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    server.objects[REF.key] = Stored(data, etag="0" * 32, headers={"x-amz-server-side-encryption": "aws:kms"})
    result = download(storage, REF, folder, token=CancelToken())
    assert result.proved_by == "size and ETag of every range"
    assert result.bytes_received == len(data)


def test_a_store_that_gives_no_ranges(server: RangeServer, storage: S3Storage, folder: Path, data: bytes) -> None:
    server.objects[REF.key] = Stored(data)
    server.objects["short.mp4"] = Stored(data[:1000])
    server.answer = lambda _asked: Reply(whole=True)
    with pytest.raises(e.ServiceTrouble, match="parts of an object"):
        download(storage, REF, folder, token=CancelToken(), keep_partial=False)
    short = download(storage, ObjectRef("films", "short.mp4"), folder, token=CancelToken())
    assert short.path.read_bytes() == data[:1000]
    assert names(folder) == ["short.mp4"]


def test_an_answer_to_another_request_is_not_taken(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    server.objects[REF.key] = Stored(data)
    server.answer = firsts(Reply(shift=1), 2)
    result = download(storage, REF, folder, token=CancelToken(), weather=quick())
    assert result.path.read_bytes() == data
    assert result.bytes_received == len(data)
    server.answer = lambda _asked: Reply(shift=1)
    with pytest.raises(e.ServiceTrouble, match="another part"):
        download(storage, REF, folder, token=CancelToken(), weather=quick(0.1))
    assert names(folder) == ["film.mp4"]


def test_an_archived_object_is_told(server: RangeServer, storage: S3Storage, folder: Path) -> None:
    server.objects[REF.key] = Stored(b"film", headers={"x-amz-storage-class": "DEEP_ARCHIVE"})
    server.answer = lambda _asked: Reply(status=403, code="InvalidObjectState")
    with pytest.raises(e.ServiceTrouble, match="DEEP_ARCHIVE") as caught:
        download(storage, REF, folder, token=CancelToken())
    assert "Restore it" in caught.value.advice
    assert names(folder) == []


def paused_half_way(server: RangeServer, storage: S3Storage, folder: Path, data: bytes, end: str = "pause") -> float:
    """Stop a download whose first range is there and whose other three hang in the middle; gives how long it took."""
    server.objects[REF.key] = Stored(data)
    server.answer = lambda asked: Reply() if asked.start == 0 else Reply(stop_after=1000, stop="hang")
    token = CancelToken()
    ended: list[float] = []
    first_is_there = threading.Event()

    class Meter(ProgressMeter):
        def add(self, delta_bytes: int) -> None:
            super().add(delta_bytes)
            if self.snapshot().done_bytes >= RANGE:
                first_is_there.set()

    def stop() -> None:
        server.wait_for(lambda: server.hanging == 3)
        assert first_is_there.wait(20)
        ended.append(time.monotonic())
        getattr(token, end)()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Paused if end == "pause" else Cancelled):
        download(storage, REF, folder, token=token, meter=Meter(), parallel=4)
    took = time.monotonic() - ended[0]
    stopper.join()
    return took


def test_cancel_in_the_middle_leaves_nothing_within_200_ms(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    assert paused_half_way(server, storage, folder, data, "cancel") < 5
    assert names(folder) == []


def test_cancel_while_the_store_says_nothing(server: RangeServer, storage: S3Storage, folder: Path) -> None:
    """The answer's head does not come: the request is cut all the same."""
    server.objects[REF.key] = Stored(b"film")
    token = CancelToken()

    def answer(_asked: Asked) -> Reply:
        token.cancel()
        server.release.wait()
        return Reply()

    server.answer = answer
    began = time.monotonic()
    with pytest.raises(Cancelled):
        download(storage, REF, folder, token=token)
    assert time.monotonic() - began < 10
    assert names(folder) == []


def test_pause_keeps_every_byte_that_has_arrived(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    assert paused_half_way(server, storage, folder, data) < 5
    assert names(folder) == [".film.mp4.part", ".film.mp4.part.json"]
    server.answer = lambda _asked: Reply()
    already = len(server.asked)
    result = download(storage, REF, folder, token=CancelToken())
    assert result.path.read_bytes() == data
    assert result.resumed_bytes >= RANGE
    assert result.resumed_bytes + result.bytes_received == len(data)
    assert all(asked.start >= RANGE for asked in server.asked[already:])


def test_a_stopped_token_asks_nothing(server: RangeServer, storage: S3Storage, folder: Path) -> None:
    token = CancelToken()
    token.pause()
    with pytest.raises(Paused):
        download(storage, REF, folder, token=token)
    assert names(folder) == []


@pytest.mark.parametrize("damage", ["bytes", "cut", "gone"])
def test_what_was_kept_is_believed_only_after_reading_it_again(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes, damage: str
) -> None:
    """As after a loss of power: the state is there, the data is not what it says."""
    paused_half_way(server, storage, folder, data)
    part = folder / ".film.mp4.part"
    if damage == "bytes":
        with part.open("r+b") as file:
            file.seek(RANGE // 2)
            file.write(b"\0\0\0\0")
    elif damage == "cut":
        os.truncate(part, RANGE // 2)
    else:
        part.unlink()
    server.answer = lambda _asked: Reply()
    result = download(storage, REF, folder, token=CancelToken())
    assert result.path.read_bytes() == data
    assert result.resumed_bytes < RANGE
    assert names(folder) == ["film.mp4"]


def test_a_bandwidth_limit_holds(server: RangeServer, storage: S3Storage, folder: Path, data: bytes) -> None:
    server.objects[REF.key] = Stored(data[: 2 * MIB])
    began = time.monotonic()
    download(storage, REF, folder, token=CancelToken(), limiter=RateLimiter(2 * MIB))
    assert time.monotonic() - began > 0.8


def test_progress_is_told_while_the_network_is_away(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    server.objects[REF.key] = Stored(data)
    server.answer = firsts(Reply(status=503, code="SlowDown"), 4)
    told: list[bool] = []
    weather = Weather(Patience(limit_s=None, first_s=0.01), on_change=lambda waiting: told.append(waiting is not None))
    download(storage, REF, folder, token=CancelToken(), parallel=1, weather=weather)
    assert told[0] is True
    assert told[-1] is False


_CHILD = """
import sys
from pathlib import Path
import servers
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.download import download
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
storage = S3Storage(servers.Endpoint(sys.argv[1]).client())
download(storage, ObjectRef("films", "film.mp4"), Path(sys.argv[2]), token=CancelToken(), parallel=3)
"""


def killed_when(server: RangeServer, folder: Path, hanging: int, whole: int) -> None:
    """Let another process download, and kill it without warning."""
    roots = [str(Path(__file__).resolve().parents[level]) for level in (2, 3)]
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, server.url, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
    )
    try:
        server.wait_for(lambda: server.hanging >= hanging)
        until(lambda: whole_ranges(folder, "film.mp4", RANGE) >= whole, lambda: child.poll() is None)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)


def test_killed_again_and_again_it_still_arrives(server: RangeServer, storage: S3Storage, folder: Path) -> None:
    """Each run gets two ranges further; at the kill three requests hang in the middle."""
    data = os.urandom(7 * RANGE)
    server.objects[REF.key] = Stored(data)
    for rounds in (1, 2, 3):
        passes = [0]

        def answer(_asked: Asked, passes: list[int] = passes) -> Reply:
            with server.lock:
                passes[0] += 1
                whole = passes[0] <= 2
            return Reply() if whole else Reply(stop_after=MIB, stop="hang")

        server.answer, server.hanging, server.done = answer, 0, 0
        killed_when(server, folder, min(3, 7 - 2 * rounds), 2 * rounds)
        assert names(folder)[:2] == [".film.mp4.part", ".film.mp4.part.json"]
    server.answer = lambda _asked: Reply()
    result = download(storage, REF, folder, token=CancelToken(), parallel=3)
    assert result.path.read_bytes() == data
    assert names(folder) == ["film.mp4"]
    again = server.sent_bytes - len(data)
    assert again <= 7 * MIB  # what hung half-way at the kills: never a whole range
    assert result.resumed_bytes >= 6 * RANGE


def test_killed_between_the_last_two_steps(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The film has its final name, and the unfinished name is there too."""
    server.objects[REF.key] = Stored(data)

    class Killed(BaseException):
        pass

    def killed(_folder: Path) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(download_file, "_sync_folder", killed)
        with pytest.raises(Killed):
            download(storage, REF, folder, token=CancelToken())
    assert names(folder) == [".film.mp4.part", ".film.mp4.part.json", "film.mp4"]
    asked = len(server.asked)
    result: DownloadResult = download(storage, REF, folder, token=CancelToken())
    assert result.path == folder / "film.mp4"
    assert result.path.read_bytes() == data
    assert names(folder) == ["film.mp4"]
    assert len(server.asked) == asked


def test_one_reply_that_contradicts_costs_nothing(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    """A refusal of the condition that is not true: looked at again before anything is thrown away."""
    server.objects[REF.key] = Stored(data)
    server.answer = firsts(Reply(status=412, code="PreconditionFailed"), 2)
    result = download(storage, REF, folder, token=CancelToken(), weather=quick())
    assert result.path.read_bytes() == data
    assert result.bytes_received == len(data)


def test_a_head_without_a_size_is_no_empty_film(
    server: RangeServer, storage: S3Storage, folder: Path, data: bytes
) -> None:
    """A reply that was cut in its head looks whole to the HTTP library."""
    server.objects[REF.key] = Stored(data)
    server.cut_heads = 2
    result = download(storage, REF, folder, token=CancelToken(), weather=quick())
    assert result.path.read_bytes() == data
    server.cut_heads = 1000
    with pytest.raises(e.ServiceTrouble, match="size"):
        download(storage, REF, folder, token=CancelToken(), weather=quick(0.1))
    assert names(folder) == ["film.mp4"]
