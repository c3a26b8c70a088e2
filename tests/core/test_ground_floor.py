"""What everything stands on: errors, cancel, progress, byte sources."""

from __future__ import annotations

import errno
import inspect
import json
import os
import pickle
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcdn_desktop import errors
from vidcdn_desktop.bytesource import (
    ByteSource,
    BytesSource,
    FileSource,
    RangesSource,
    SourceIdentity,
    SourceRange,
    source_error,
)
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import SourceChanged, SourceGone, SourceUnreadable, VidcdnError
from vidcdn_desktop.progress import ProgressMeter

# Errors


def _error_classes() -> list[type[VidcdnError]]:
    return [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, VidcdnError)]


@pytest.mark.parametrize("kind", _error_classes(), ids=lambda c: c.__name__)
def test_every_error_tells_what_meaning_and_advice(kind: type[VidcdnError]) -> None:
    error = kind("It broke.", "Nothing was published.", "Try again.", subject="a.mp4", code="X", request_id="r1")
    assert error.sentence() == "It broke. Nothing was published. Try again."
    assert str(error) == "It broke."
    assert error.kind == kind.__name__
    assert kind.__doc__
    assert kind.title[0].isupper()
    assert not kind.title.endswith((".", "!"))
    if kind is not VidcdnError:
        assert kind.title != VidcdnError.title
    as_json = error.to_json()
    assert json.loads(json.dumps(as_json)) == as_json
    assert as_json["kind"] == kind.__name__
    assert as_json["retryable"] is False


def test_titles_tell_errors_apart() -> None:
    titles = [c.title for c in _error_classes()]
    assert len(set(titles)) == len(titles)


def test_an_empty_part_leaves_no_gap_in_the_sentence() -> None:
    assert VidcdnError("It broke.", "", "Try again.").sentence() == "It broke. Try again."


# Cancel


def test_cancelled_is_not_an_error_that_handlers_swallow() -> None:
    assert issubclass(Cancelled, BaseException)
    assert not issubclass(Cancelled, Exception)


def test_cancel_is_seen_at_once_and_twice_is_harmless() -> None:
    token = CancelToken()
    token.raise_if_cancelled()
    assert not token.is_cancelled
    assert not token.wait(0)
    token.cancel()
    token.cancel()
    assert token.is_cancelled
    assert token.wait(0)
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


def test_callbacks_run_once_in_the_cancelling_thread() -> None:
    token = CancelToken()
    called: list[int] = []
    token.on_cancel(lambda: called.append(threading.get_ident()))
    token.on_cancel(lambda: called.append(threading.get_ident()))
    worker = threading.Thread(target=token.cancel)
    worker.start()
    worker.join()
    token.cancel()
    assert called == [worker.ident, worker.ident]


def test_a_callback_taken_back_is_not_called() -> None:
    token = CancelToken()
    called: list[str] = []
    remove = token.on_cancel(lambda: called.append("taken back"))
    token.on_cancel(lambda: called.append("kept"))
    remove()
    remove()
    token.cancel()
    remove()
    assert called == ["kept"]


def test_a_callback_that_comes_too_late_runs_at_once() -> None:
    token = CancelToken()
    token.cancel()
    called: list[str] = []
    token.on_cancel(lambda: called.append("late"))()
    assert called == ["late"]


def test_callbacks_run_in_order_and_a_failing_one_does_not_silence_the_others() -> None:
    token = CancelToken()
    called: list[str] = []
    token.on_cancel(lambda: called.append("first"))

    def gone() -> None:
        raise ProcessLookupError

    token.on_cancel(gone)
    token.on_cancel(lambda: called.append("last"))
    with pytest.raises(ProcessLookupError):
        token.cancel()
    assert called == ["first", "last"]
    assert token.is_cancelled


def test_a_callback_may_use_the_token() -> None:
    token = CancelToken()
    seen: list[bool] = []
    token.on_cancel(lambda: (token.cancel(), token.on_cancel(lambda: seen.append(token.is_cancelled))))  # type: ignore[func-returns-value]
    token.cancel()
    assert seen == [True]


def test_every_callback_is_called_once_however_threads_race() -> None:
    for _ in range(50):
        token = CancelToken()
        counts = [0] * 8
        start = threading.Barrier(9)

        def register(
            i: int, token: CancelToken = token, counts: list[int] = counts, start: threading.Barrier = start
        ) -> None:
            start.wait()

            def count() -> None:
                counts[i] += 1

            token.on_cancel(count)

        threads = [threading.Thread(target=register, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        start.wait()
        token.cancel()
        for thread in threads:
            thread.join()
        assert counts == [1] * 8


def test_a_waiting_thread_wakes_on_cancel() -> None:
    token = CancelToken()
    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(token.wait(60)))
    waiter.start()
    token.cancel()
    waiter.join(30)
    assert answers == [True]


# Progress


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_known_before_anything_is_sent() -> None:
    snapshot = ProgressMeter().snapshot()
    assert (snapshot.done_bytes, snapshot.total_bytes, snapshot.rate_bytes_per_s, snapshot.left_s) == (
        0,
        None,
        None,
        None,
    )
    assert snapshot.fraction is None


def test_a_steady_transfer_has_a_steady_rate() -> None:
    clock = _Clock()
    meter = ProgressMeter(10_000, clock)
    meter.add(0)
    for _ in range(40):
        clock.now += 0.1
        meter.add(100)
    snapshot = meter.snapshot()
    assert snapshot.done_bytes == 4000
    assert snapshot.fraction == pytest.approx(0.4)
    assert snapshot.rate_bytes_per_s == pytest.approx(1000)
    assert snapshot.left_s == pytest.approx(6)


def test_the_rate_forgets_what_is_long_ago() -> None:
    clock = _Clock()
    meter = ProgressMeter(None, clock)
    for rate, seconds in ((1000, 30), (10, 30)):
        for _ in range(seconds * 2):
            clock.now += 0.5
            meter.add(rate // 2)
    assert meter.snapshot().rate_bytes_per_s == pytest.approx(10, rel=0.1)
    assert meter.snapshot().left_s is None


def test_a_stalled_transfer_slows_down_and_recovers() -> None:
    clock = _Clock()
    meter = ProgressMeter(1_000_000, clock)
    for _ in range(20):
        clock.now += 0.5
        meter.add(500)
    clock.now += 90
    stalled = meter.snapshot().rate_bytes_per_s
    assert stalled is not None
    assert stalled < 110
    for _ in range(30):
        clock.now += 0.5
        meter.add(500)
    assert meter.snapshot().rate_bytes_per_s == pytest.approx(1000, rel=0.1)


def test_a_rewind_takes_bytes_back_and_shows_never_less_than_nothing() -> None:
    clock = _Clock()
    meter = ProgressMeter(1000, clock)
    meter.add(600)
    clock.now += 1
    meter.add(-700)
    clock.now += 1
    snapshot = meter.snapshot()
    assert snapshot.done_bytes == 0
    assert snapshot.rate_bytes_per_s == 0
    assert snapshot.left_s is None
    assert snapshot.fraction == 0
    meter.add(1100)
    assert meter.snapshot().done_bytes == 1000


def test_more_than_the_total_is_shown_as_the_total() -> None:
    clock = _Clock()
    meter = ProgressMeter(None, clock)
    meter.add(150)
    clock.now += 1
    assert meter.snapshot().total_bytes is None
    meter.set_total(100)
    snapshot = meter.snapshot()
    assert snapshot.done_bytes == 100
    assert snapshot.fraction == 1
    assert snapshot.left_s == 0


def test_the_meter_stays_small_however_many_blocks_are_counted() -> None:
    clock = _Clock()
    meter = ProgressMeter(None, clock)
    for _ in range(20_000):
        clock.now += 0.01
        meter.add(1)
    assert len(meter._samples) <= 42
    assert meter.snapshot().done_bytes == 20_000


def test_no_byte_is_lost_between_threads() -> None:
    meter = ProgressMeter()
    threads = [threading.Thread(target=lambda: [meter.add(1) for _ in range(2000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.snapshot().done_bytes == 16_000


# Byte sources


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(range(256)) * 4)
    return path


@given(data=st.binary(max_size=200), offset=st.integers(0, 250), length=st.integers(-5, 250))
def test_bytes_in_memory_read_like_a_slice(data: bytes, offset: int, length: int) -> None:
    assert BytesSource(data).read_at(offset, length) == data[offset : offset + max(0, length)]


@given(
    cuts=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 60)), max_size=8),
    offset=st.integers(0, 500),
    length=st.integers(-3, 500),
)
def test_ranges_read_like_their_bytes_joined(cuts: list[tuple[int, int]], offset: int, length: int) -> None:
    data = bytes(range(150))
    view = RangesSource([SourceRange(BytesSource(data), start, count) for start, count in cuts])
    joined = b"".join(data[start : start + count] for start, count in cuts)
    assert view.size == len(joined)
    assert view.read_at(offset, length) == joined[offset : offset + max(0, length)]


def test_ranges_of_ranges(film: Path) -> None:
    with FileSource(film) as file:
        inner = RangesSource([SourceRange(file, 512, 512), SourceRange(file, 0, 512)])
        outer = RangesSource([SourceRange(BytesSource(b"head"), 0, 4), SourceRange(inner, 1, inner.size - 1)])
        data = film.read_bytes()
        assert outer.read_at(0, outer.size) == b"head" + (data[512:] + data[:512])[1:]
        assert outer.read_at(2, 4) == b"ad" + data[513:515]


def test_a_file_reads_anywhere_and_stops_at_its_end(film: Path) -> None:
    data = film.read_bytes()
    with FileSource(film) as source:
        readable: ByteSource = source
        assert readable.size == 1024
        assert source.read_at(0, 1024) == data
        assert source.read_at(1000, 1024) == data[1000:]
        assert source.read_at(1024, 1) == b""
        assert source.read_at(5000, 10) == b""
        assert source.read_at(10, 0) == b""
        assert source.read_at(10, -1) == b""


def test_short_reads_are_put_together(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = film.read_bytes()
    real = os.pread
    with FileSource(film) as source:
        monkeypatch.setattr(os, "pread", lambda fd, length, offset: real(fd, min(length, 100), offset))
        assert source.read_at(3, 900) == data[3:903]


def test_without_pread_threads_do_not_move_each_others_place(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = film.read_bytes()
    monkeypatch.delattr(os, "pread")
    wrong: list[int] = []
    with FileSource(film) as source:

        def read(start: int) -> None:
            for offset in range(start, 900, 7):
                if source.read_at(offset, 50) != data[offset : offset + 50]:
                    wrong.append(offset)

        threads = [threading.Thread(target=read, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_file_cut_shorter_while_it_is_read_is_noticed(film: Path) -> None:
    with FileSource(film) as source:
        os.truncate(film, 100)
        with pytest.raises(SourceChanged) as caught:
            source.read_at(50, 500)
        assert "changed" in caught.value.what
        assert caught.value.subject == str(film)


def test_an_untouched_file_is_unchanged(film: Path) -> None:
    with FileSource(film) as source:
        source.check_unchanged()


def test_rewritten_replaced_and_deleted_files_are_noticed(film: Path, tmp_path: Path) -> None:
    with FileSource(film) as source:
        film.write_bytes(b"x" * 1024)
        os.utime(film, ns=(1, 1))
        with pytest.raises(SourceChanged):
            source.check_unchanged()
    with FileSource(film) as source:
        other = tmp_path / "other"
        other.write_bytes(film.read_bytes())
        os.utime(other, ns=(1, 1))
        other.replace(film)
        with pytest.raises(SourceChanged):
            source.check_unchanged()
    with FileSource(film) as source:
        film.unlink()
        with pytest.raises(SourceGone):
            source.check_unchanged()
        assert len(source.read_at(0, 1024)) == 1024


def test_a_closed_file_refuses_and_never_reads_the_next_file_of_its_number(film: Path, tmp_path: Path) -> None:
    source = FileSource(film)
    number = source._fd
    source.close()
    source.close()
    other = tmp_path / "other"
    other.write_bytes(b"somebody else's bytes" * 100)
    descriptor = os.open(other, os.O_RDONLY)
    try:
        assert descriptor == number
        with pytest.raises(SourceUnreadable):
            source.read_at(0, 10)
        source.close()
        assert os.read(descriptor, 8) == b"somebody"
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    "name", ["-leading dash.mp4", "quote'\" and \n line.mp4", "شريط 🎬\u202e.mp4", "a:b.mp4", "%s.mp4"]
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_odd_names_open(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"film")
    with FileSource(path) as source:
        assert source.read_at(0, 4) == b"film"


@pytest.mark.parametrize("name", ["missing.mp4", "nul\0byte.mp4"])
def test_what_is_not_there_is_gone(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceGone):
        FileSource(tmp_path / name)


def test_a_link_to_nowhere_is_gone_and_a_link_to_a_film_is_read(film: Path, tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SourceGone):
        FileSource(tmp_path / "dangling")
    (tmp_path / "link").symlink_to(film)
    with FileSource(tmp_path / "link") as source:
        source.check_unchanged()
        assert source.size == 1024


def test_folders_pipes_and_devices_are_refused_without_hanging(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="folder"):
        FileSource(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(SourceUnreadable, match="regular"):
            FileSource(tmp_path / "pipe")
    if Path("/dev/null").exists():
        with pytest.raises(SourceUnreadable, match="regular"):
            FileSource("/dev/null")


def test_refused_files_leave_no_descriptor_open(tmp_path: Path) -> None:
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    for _ in range(3):
        with pytest.raises(SourceUnreadable):
            FileSource(tmp_path)
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, SourceGone),
        (errno.ENODEV, SourceGone),
        (errno.ESTALE, SourceGone),
        (errno.EACCES, SourceUnreadable),
        (errno.EPERM, SourceUnreadable),
        (errno.EISDIR, SourceUnreadable),
        (errno.EIO, SourceUnreadable),
        (errno.ELOOP, SourceUnreadable),
    ],
)
def test_disk_errors_are_told_in_words(number: int, kind: type[VidcdnError]) -> None:
    error = source_error(OSError(number, "x"), Path("film.mp4"))
    assert type(error) is kind
    assert error.code == errno.errorcode[number]
    assert error.meaning == "Nothing was published."
    assert error.subject == "film.mp4"


def test_an_identity_tells_states_apart_and_can_be_kept(film: Path) -> None:
    first = SourceIdentity.of(film.stat())
    assert pickle.loads(pickle.dumps(first)) == first
    film.write_bytes(b"other")
    assert SourceIdentity.of(film.stat()) != first
