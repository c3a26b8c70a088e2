"""Uploads that are paused, killed in thought, and taken up again, against two real servers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import servers
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource, FileSource
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef, PartResult, UploadIntent, UploadRecord
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.upload import upload
from vidcdn_desktop.storage.weather import Patience, Weather

MIB = 1 << 20
HEADERS = ObjectHeaders("video/mp4", "public, max-age=60")
PARTS = 6
SIZE = PARTS * 8 * MIB - 12345


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


class MemoryLog:
    """What the journal remembers, in memory; `after` is called with the number of finished parts."""

    def __init__(self, after: Callable[[int], None] = lambda _n: None) -> None:
        self.record: UploadRecord | None = None
        self.after = after
        self._lock = threading.Lock()

    def earlier(self) -> UploadRecord | None:
        return self.record

    def planned(self, intent: UploadIntent) -> None:
        self.record = UploadRecord(intent, "", "", (), completing=False, begun=datetime.now(UTC))

    def created(self, upload_id: str, algorithm: str) -> None:
        assert self.record is not None
        self.record = replace(self.record, upload_id=upload_id, algorithm=algorithm)

    def part_finished(self, part: PartResult) -> None:
        with self._lock:
            assert self.record is not None
            self.record = replace(self.record, parts=(*self.record.parts, part))
            count = len(self.record.parts)
        self.after(count)

    def completing(self) -> None:
        assert self.record is not None
        self.record = replace(self.record, completing=True)

    def ended(self, *, completed: bool) -> None:
        self.record = None


def film(path: Path, seed: int = 1) -> Path:
    block = bytes((i * 31 + seed) % 251 for i in range(MIB + 7))
    path.write_bytes((block * (SIZE // len(block) + 1))[:SIZE])
    return path


def whole(storage: S3Storage, ref: ObjectRef) -> bytes:
    return storage.read_range(ref, 0, SIZE + 1)


def send(
    storage: S3Storage, path: Path, ref: ObjectRef, log: MemoryLog, token: CancelToken | None = None, **more: object
) -> ProgressMeter:
    meter = ProgressMeter()
    with FileSource(path) as source:
        stored = upload(
            storage, source, ref, HEADERS,
            token=token or CancelToken(), meter=meter, part_log=log, only_if_absent=True, parallel=2,
            check_source=source.check_unchanged, cleanup_wait_s=30, **more,  # type: ignore[arg-type]
        )  # fmt: skip
    assert stored.proved_by
    return meter


def paused_after(count: int, storage: S3Storage, path: Path, ref: ObjectRef) -> tuple[MemoryLog, ProgressMeter]:
    """An upload paused when `count` parts were finished."""
    token = CancelToken()
    log = MemoryLog(lambda n: token.pause() if n == count else None)
    meter = ProgressMeter()
    with FileSource(path) as source, pytest.raises(Paused):
        upload(
            storage, source, ref, HEADERS,
            token=token, meter=meter, part_log=log, only_if_absent=True, parallel=2,
        )  # fmt: skip
    log.after = lambda _n: None
    return log, meter


def test_a_paused_upload_keeps_its_parts_and_sends_only_the_rest(
    storage: S3Storage, ref: ObjectRef, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mp4")
    log, _ = paused_after(2, storage, path, ref)
    assert log.record is not None
    assert [u.upload_id for u in storage.list_unfinished(ref.bucket)] == [log.record.upload_id]
    kept = sum(p.size for p in storage.list_parts(ref, log.record.upload_id))
    assert kept >= 16 * MIB
    meter = send(storage, path, ref, log)
    assert meter.sent_bytes <= SIZE - kept  # what was on its way at the pause may still have arrived
    assert meter.snapshot().done_bytes == SIZE
    assert whole(storage, ref) == path.read_bytes()
    assert list(storage.list_unfinished(ref.bucket)) == []
    assert log.record is None


def test_ten_pauses_send_no_finished_part_again(storage: S3Storage, ref: ObjectRef, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    log = MemoryLog()
    numbers: list[int] = []
    for _ in range(PARTS - 1):
        token = CancelToken()

        def stop(_count: int, token: CancelToken = token) -> None:
            assert log.record is not None
            numbers.append(log.record.parts[-1].number)
            token.pause()

        log.after = stop
        with FileSource(path) as source, pytest.raises(Paused):
            upload(storage, source, ref, HEADERS, token=token, part_log=log, only_if_absent=True, parallel=1)
    log.after = lambda _n: None
    send(storage, path, ref, log)
    assert len(set(numbers)) == len(numbers)
    assert whole(storage, ref) == path.read_bytes()


def test_parts_the_log_never_heard_of_count_if_their_content_is_right(
    storage: S3Storage, ref: ObjectRef, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mp4")
    log, _ = paused_after(3, storage, path, ref)
    assert log.record is not None
    kept = sum(p.size for p in storage.list_parts(ref, log.record.upload_id))
    log.record = replace(log.record, parts=())
    meter = send(storage, path, ref, log)
    assert meter.sent_bytes <= SIZE - kept  # what was on its way at the pause may still have arrived
    assert whole(storage, ref) == path.read_bytes()


def test_a_part_with_other_content_in_the_bucket_is_sent_again(
    storage: S3Storage, ref: ObjectRef, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mp4")
    log, _ = paused_after(2, storage, path, ref)
    assert log.record is not None
    from vidcdn_desktop.storage.port import BegunUpload

    begun = BegunUpload(log.record.upload_id, log.record.algorithm)
    number = log.record.parts[0].number
    storage.upload_part(ref, begun, number, BytesSource(bytes(8 * MIB)), 0, 8 * MIB, token=CancelToken())
    send(storage, path, ref, log)
    assert whole(storage, ref) == path.read_bytes()


def test_a_film_that_was_changed_meanwhile_is_told_and_the_old_parts_go(
    storage: S3Storage, ref: ObjectRef, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mp4")
    log, _ = paused_after(2, storage, path, ref)
    film(path, seed=2)
    with pytest.raises(e.SourceChanged) as caught:
        send(storage, path, ref, log)
    assert "removed from the bucket" in caught.value.meaning
    assert list(storage.list_unfinished(ref.bucket)) == []
    assert log.record is None
    send(storage, path, ref, log)
    assert whole(storage, ref) == path.read_bytes()


def test_a_film_that_lies_about_its_time_is_found_out_by_its_finished_parts(
    storage: S3Storage, ref: ObjectRef, tmp_path: Path
) -> None:
    import os

    path = film(tmp_path / "film.mp4")
    status = path.stat()
    log, _ = paused_after(2, storage, path, ref)
    film(path, seed=3)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(e.SourceChanged):
        send(storage, path, ref, log)
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_an_upload_that_was_swept_away_starts_again(storage: S3Storage, ref: ObjectRef, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    log, _ = paused_after(2, storage, path, ref)
    assert log.record is not None
    storage.abort_multipart(ref, log.record.upload_id)
    notes: list[str] = []
    meter = send(storage, path, ref, log, note=notes.append)
    assert meter.sent_bytes == SIZE
    assert "no longer in the bucket" in notes[0]
    assert whole(storage, ref) == path.read_bytes()


def test_a_name_that_was_taken_meanwhile_is_refused_and_nothing_stays(
    storage: S3Storage, ref: ObjectRef, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mp4")
    log, _ = paused_after(2, storage, path, ref)
    storage.put(ref, BytesSource(b"somebody else's"), HEADERS, token=CancelToken())
    with pytest.raises(e.KeyTaken):
        send(storage, path, ref, log)
    assert storage.read_range(ref, 0, 100) == b"somebody else's"
    assert list(storage.list_unfinished(ref.bucket)) == []


def test_an_object_that_was_completed_unheard_is_recognised_and_nothing_is_sent(
    storage: S3Storage, ref: ObjectRef, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mp4")
    before: list[UploadRecord] = []
    log = MemoryLog()

    class Killed(BaseException):
        pass

    def die(*, completed: bool) -> None:
        assert completed
        assert log.record is not None
        before.append(log.record)
        raise Killed

    log.ended = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        send(storage, path, ref, log)
    fresh = MemoryLog()
    fresh.record = before[0]
    meter = send(storage, path, ref, fresh)
    assert meter.sent_bytes == 0
    assert fresh.record is None
    assert whole(storage, ref) == path.read_bytes()


def test_an_upload_whose_creation_was_never_heard_of_is_swept(
    storage: S3Storage, ref: ObjectRef, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mp4")
    log, _ = paused_after(1, storage, path, ref)
    assert log.record is not None
    log.record = replace(log.record, upload_id="", parts=())
    send(storage, path, ref, log)
    assert list(storage.list_unfinished(ref.bucket)) == []
    assert whole(storage, ref) == path.read_bytes()


def test_a_paused_upload_can_be_given_up(storage: S3Storage, ref: ObjectRef, tmp_path: Path) -> None:
    log, _ = paused_after(2, storage, film(tmp_path / "film.mp4"), ref)
    assert log.record is not None
    assert undo.discard(storage, log.record, log)
    assert list(storage.list_unfinished(ref.bucket)) == []
    assert log.record is None


def test_a_cancel_leaves_nothing_even_of_an_earlier_run(storage: S3Storage, ref: ObjectRef, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    log, _ = paused_after(2, storage, path, ref)
    token = CancelToken()
    log.after = lambda _n: token.cancel()
    with pytest.raises(Cancelled) as caught:
        send(storage, path, ref, log, token)
    assert not isinstance(caught.value, Paused)
    assert list(storage.list_unfinished(ref.bucket)) == []
    assert log.record is None


def test_a_failure_that_passes_keeps_what_was_sent(moto: servers.Endpoint, tmp_path: Path) -> None:
    ref = ObjectRef("films-cut-off", "videos/film.mp4")
    moto.client().create_bucket(Bucket=ref.bucket)
    path = film(tmp_path / "film.mp4")
    with servers.FaultyProxy(moto.url) as proxy:
        storage = S3Storage(moto.client(), transfer_client=moto.client(attempts=0, url=proxy.url))

        def cut_the_line(count: int) -> None:
            if count == 2:
                proxy.decide = lambda _method, _target: servers.Verdict(cut_after=0)

        log = MemoryLog(cut_the_line)
        with pytest.raises(e.Offline) as caught:
            send(storage, path, ref, log, weather=Weather(Patience(limit_s=0.2)))
        assert "Resume" in caught.value.meaning
        assert log.record is not None
        assert len(log.record.parts) >= 2
    log.after = lambda _n: None
    meter = send(S3Storage(moto.client()), path, ref, log)
    assert meter.sent_bytes <= SIZE - 16 * MIB
    assert whole(storage, ref) == path.read_bytes()


def test_the_limit_holds_while_parts_are_sent(storage: S3Storage, ref: ObjectRef) -> None:
    import time

    limiter = RateLimiter(8 * MIB)
    began = time.monotonic()
    upload(
        storage, BytesSource(bytes(12 * MIB)), ref, HEADERS,
        token=CancelToken(), only_if_absent=True, limiter=limiter,
    )  # fmt: skip
    assert time.monotonic() - began >= 1.3
