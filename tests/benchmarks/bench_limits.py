"""How exactly a bandwidth limit is kept while it changes, and a 5 GB film with ten pauses on a limited link.

    python tests/benchmarks/bench_limits.py                    # both; about three minutes
    python tests/benchmarks/bench_limits.py --only accuracy    # http and https, on the byte sink
    python tests/benchmarks/bench_limits.py --only pauses      # needs VIDCDN_SWIFT_BIN, else a smaller film on moto

Accuracy: one upload whose limit is changed while it runs, seconds after the change and over ten seconds, as bytes that
arrived at the server; and two uploads under one common limit. Pauses: a sparse film with its index at the end; each
pause ends the upload, and it goes on from the journal as after a restart. Memory is that of this process, every 50 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import engines
import measuring
from engines import BUCKET, Target

import servers
from films import make_clip, top_boxes
from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.upload import upload

KB, MB = 1000, 1_000_000
RATES = (100 * KB, 1 * MB, 5 * MB, 20 * MB, 100 * MB, 5 * MB, 100 * KB)
"""Up and down again: what was agreed on at a high rate must not be paid for at a low one."""
_SETTLE_S = 1.0
_HEADERS = ObjectHeaders("video/mp4")


class CountingLimiter(RateLimiter):
    """Also counts what it lets through: every byte of a body that was handed to a socket."""

    def __init__(self, bytes_per_s: int | None) -> None:
        super().__init__(bytes_per_s)
        self.passed = 0
        self._counting = threading.Lock()

    def take(self, count: int, token: CancelToken) -> None:
        """Let `count` bytes through, when they may go."""
        super().take(count, token)
        with self._counting:
            self.passed += count


def sparse_film(target: Path, size: int) -> Path:
    """A film of `size` bytes with its index at the end and a hole in its middle; it uses almost no disk.

    The clip's small `mdat` becomes a large one: its 8-byte header and the 8-byte `free` box before it make room for a
    64-bit size, so no offset changes.
    """
    clip = make_clip(target.with_suffix(".clip.mp4"))
    data = clip.read_bytes()
    clip.unlink()
    assert top_boxes(data) == ["ftyp", "free", "mdat", "moov"]
    free = int.from_bytes(data[:4], "big")
    moov = data.index(b"moov", free) - 4
    while top_boxes(data[moov:]) != ["moov"]:
        moov = data.index(b"moov", moov + 5) - 4
    index = data[moov:]
    with target.open("wb") as file:
        file.write(data[:free])
        file.write((1).to_bytes(4, "big") + b"mdat" + (size - free - len(index)).to_bytes(8, "big"))
        file.write(data[free + 16 : moov])
        file.seek(size - len(index))
        file.write(index)
    return target


@contextlib.contextmanager
def in_background(
    storage: object, film: Path, key: str, limiter: RateLimiter, token: CancelToken
) -> Iterator[threading.Thread]:
    """An upload that is cancelled at the end."""

    def send() -> None:
        with FileSource(film) as original, contextlib.suppress(Cancelled):
            upload(
                storage, plan_fast_start(original).source, ObjectRef(BUCKET, key), _HEADERS,  # type: ignore[arg-type]
                token=token, meter=ProgressMeter(), limiter=limiter, only_if_absent=False,
            )  # fmt: skip

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield thread
    finally:
        token.cancel()
        thread.join(30)


def accuracy(folder: Path, film: Path, tls: tuple[Path, Path] | None, seconds: float) -> None:
    """The table for one protocol."""
    nothing = threading.Event()
    with servers.s3sink(folder, tls=tls) as sink:
        target = Target(sink.url, str(tls[0]) if tls else "")
        storage = engines.storage_for(target, 16)

        def arrived(during_s: float) -> float:
            """Bytes a second at the server."""
            measuring.sink_stats(target.url, target.verify)
            begun = time.perf_counter()
            nothing.wait(during_s)
            counted = measuring.sink_stats(target.url, target.verify)["body"]
            return counted / (time.perf_counter() - begun)

        print(f"\none upload, {'https' if tls else 'http'}, limit changed while it runs, {seconds:.0f} s each")
        print(f"  {'limit kB/s':>12}{'arrived kB/s':>14}{'off by %':>10}{'next second after the change, off by %':>42}")
        limiter = RateLimiter(RATES[0])
        worst = 0.0
        with in_background(storage, film, "limited.mp4", limiter, CancelToken()):
            nothing.wait(_SETTLE_S)
            for rate in RATES:
                limiter.set_rate(rate)
                soon = arrived(_SETTLE_S)
                measured = arrived(seconds)
                off = (measured / rate - 1) * 100
                worst = max(worst, abs(off))
                print(f"  {rate / KB:12.0f}{measured / KB:14.1f}{off:10.1f}{(soon / rate - 1) * 100:42.1f}", flush=True)
        both = RateLimiter(2 * MB)
        children = [RateLimiter(None, both), RateLimiter(500 * KB, both)]
        with (
            in_background(storage, film, "first.mp4", children[0], CancelToken()),
            in_background(storage, film, "second.mp4", children[1], CancelToken()),
        ):
            nothing.wait(_SETTLE_S)
            measured = arrived(seconds)
        off = (measured / 2e6 - 1) * 100
        print(f"  two uploads under one limit of 2000 kB/s: {measured / KB:.1f} kB/s, off by {off:.1f} %")
        print(f"  worst over {seconds:.0f} s: {max(worst, abs(off)):.1f} % (bar: 5 %)", flush=True)


def pauses(folder: Path, size: int, rate: int, count: int) -> None:
    """A large film with `count` pauses, each followed by going on as after a restart."""
    with contextlib.ExitStack() as stack:
        if os.environ.get("VIDCDN_SWIFT_BIN"):
            server = stack.enter_context(servers.swift(folder / "swift"))
        else:
            server = stack.enter_context(servers.moto_server())
            size = min(size, 512 * MB)
        server.client().create_bucket(Bucket=BUCKET)
        film = sparse_film(folder / "large.mp4", size)
        limiter = CountingLimiter(rate)
        memory: list[float] = []
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.05):
                memory.append(measuring.now_mib())

        watcher = threading.Thread(target=look)
        watcher.start()
        title = f"{size / 1e9:.2f} GB, sparse, index at the end"
        print(f"\n{title}, {rate / MB:.0f} MB/s, {server.name}, {count} pauses")
        before, begun = measuring.now_mib(), time.perf_counter()
        try:
            for number in range(count + 1):
                stored = _until_paused(
                    server, film, folder, limiter, size * (number + 1) // (count + 1), number == count
                )
                print(
                    f"  {'ended' if stored else 'paused'} after {time.perf_counter() - begun:6.1f} s, "
                    f"{limiter.passed / 1e9:6.3f} GB sent so far, memory {measuring.now_mib():.0f} MiB",
                    flush=True,
                )
        finally:
            stop.set()
            watcher.join()
        wall = time.perf_counter() - begun
        part = 16 * 1024 * 1024
        print(f"  sent again: {(limiter.passed - size) / 1e6:.1f} MB in {count} pauses, "
              f"{(limiter.passed - size) / count / part:.2f} parts of 16 MiB a pause")  # fmt: skip
        print(f"  memory: {before:.0f} MiB before, {max(memory):.0f} at most, {max(memory) - before:.0f} added")
        print(f"  overall {limiter.passed / wall / 1e6:.1f} MB/s with a limit of {rate / 1e6:.0f}")
        found = server.client().head_object(Bucket=BUCKET, Key="large.mp4")
        left = server.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())
        print(f"  stored: {found['ContentLength']} of {size} bytes; unfinished uploads left: {len(left)}")


def _until_paused(
    server: servers.Endpoint, film: Path, folder: Path, limiter: CountingLimiter, pause_at: int, last: bool
) -> bool:
    """Send from the journal's memory until so many bytes have left in all; True if it came to its end."""
    token = CancelToken()
    target = Target(server.url, "")
    storage = engines.storage_for(target, 16, server)
    done = threading.Event()

    def pause() -> None:
        while not done.wait(0.02):
            if limiter.passed >= pause_at:
                token.pause()
                return

    pauser = threading.Thread(target=(lambda: None) if last else pause)
    pauser.start()
    try:
        with engines.memory(folder) as log_for, FileSource(film) as original:
            upload(
                storage, plan_fast_start(original).source, ObjectRef(BUCKET, "large.mp4"), _HEADERS,
                token=token, meter=ProgressMeter(), part_log=log_for("large.mp4"), limiter=limiter,
                only_if_absent=True, check_source=original.check_unchanged,
            )  # fmt: skip
    except Paused:
        return False
    finally:
        done.set()
        pauser.join()
    return True


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("accuracy", "pauses"), default="")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each limit")
    parser.add_argument("--gigabytes", type=float, default=5.0, help="of the film that is paused")
    parser.add_argument("--limit", type=float, default=100.0, help="MB/s while it is paused and goes on")
    parser.add_argument("--pauses", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=None, help="where to make the files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        if arguments.only != "pauses":
            film = sparse_film(folder / "film.mp4", 20_000 * MB)
            accuracy(folder, film, None, arguments.seconds)
            accuracy(folder, film, servers.self_signed(folder), arguments.seconds)
        if arguments.only != "accuracy":
            pauses(folder, int(arguments.gigabytes * 1e9), int(arguments.limit * 1e6), arguments.pauses)


if __name__ == "__main__":
    main()
