"""Fetching the ranges of one object in parallel, each going on where it was cut.

    worker ──> next range ──> open_range ──> block ──> disk ──> checksum ──> count ──┐
                  ^               ^            ^───────────────────────────────────┤
                  │               └── cut, stalled, 5xx: wait, go on at this byte <─┤
                  └────────────────────── state written <── the range is whole <───┘

How many at the same time is the `Governor`'s. Memory: that number of blocks of at most 1 MiB, whatever the size of the
object.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Conflict, Offline, ServiceTrouble
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import Counter
from vidcdn_desktop.storage import workers
from vidcdn_desktop.storage.body import Pace
from vidcdn_desktop.storage.checksums import fed, written
from vidcdn_desktop.storage.download_file import PartFile
from vidcdn_desktop.storage.download_state import Arrived
from vidcdn_desktop.storage.governor import Governor
from vidcdn_desktop.storage.parts import PartRange
from vidcdn_desktop.storage.port import PartResult, Storage, StoredObject
from vidcdn_desktop.storage.watch import Attempt, Watch
from vidcdn_desktop.storage.weather import Weather

STATE_ALGORITHM = "CRC64NVME"


class GrowingRange:
    """One range and how much of it has arrived. One thread writes, any may read.

    Args:
        plan: Where it is.
        algorithms: Checksums that are kept; the first is that of the state.
    """

    def __init__(self, plan: PartRange, algorithms: Sequence[str]) -> None:
        self.plan = plan
        self._algorithms = algorithms
        self._progress: tuple[int, tuple[int, ...]] = (0, (0,) * len(algorithms))
        """Bytes and checksums in one value, so that a reader never sees one without the other."""

    @property
    def length(self) -> int:
        """Bytes that have arrived."""
        return self._progress[0]

    @property
    def left(self) -> int:
        """Bytes that are missing."""
        return self.plan.length - self.length

    @property
    def position(self) -> int:
        """Where in the object the next byte belongs."""
        return self.plan.offset + self.length

    @property
    def arrived(self) -> Arrived:
        """What the state remembers of it."""
        length, crcs = self._progress
        return Arrived(length, crcs[0])

    def add(self, block: bytes) -> None:
        """Count bytes that are on the disk."""
        length, crcs = self._progress
        fresh = tuple(fed(name, block, crc) for name, crc in zip(self._algorithms, crcs, strict=True))
        self._progress = (length + len(block), fresh)

    def reset(self) -> None:
        """Nothing of it has arrived."""
        self._progress = (0, (0,) * len(self._algorithms))

    def result(self, algorithm: str) -> PartResult:
        """Its checksum, as `checksums.combined` wants it."""
        length, crcs = self._progress
        crc = crcs[self._algorithms.index(algorithm)]
        return PartResult(self.plan.number, length, "", written(algorithm, crc))


class RangeFetcher:
    """Fetches what is missing of an object into a `PartFile`.

    Args:
        storage: Where from.
        stored: The object, as `Storage.head` told of it.
        part: Where to.
        stop: Ends everything; a child of the user's token.
        weather: What to do when a request fails.
        save: Called in the fetching threads after each finished range: write the state down.
        meter, limiter, version_id, stall_s: See `download`.
    """

    def __init__(
        self,
        storage: Storage,
        stored: StoredObject,
        part: PartFile,
        *,
        stop: CancelToken,
        weather: Weather,
        save: Callable[[], None],
        meter: Counter | None,
        limiter: RateLimiter | None,
        version_id: str,
        stall_s: float | None,
    ) -> None:
        self._storage = storage
        self._stored = stored
        self._part = part
        self._stop = stop
        self._weather = weather
        self._save = save
        self._meter = meter
        self._limiter = limiter
        self._version_id = version_id
        self._watch = Watch(weather.got_through, stall_s)
        self._lock = threading.Lock()
        self._paces = threading.local()
        self.received = 0
        """Bytes of the object that came over the network, those that came twice included."""
        self.threads: list[Future[None]] = []
        """Those that fetch now."""

    def fetch(
        self,
        missing: Sequence[GrowingRange],
        most: int,
        rest: Callable[[Sequence[Future[None]], float], None],
    ) -> None:
        """Fetch the ranges, as many at the same time as helps. Blocks.

        Args:
            missing: What to fetch.
            most: Ranges at the same time at most.
            rest: Waits until one of the threads has ended or so many seconds have passed. Raises what a thread raised,
                or `Cancelled`.

        Raises: what `Storage.open_range` raises and does not pass, DiskFull, FolderUnusable, Cancelled.
        """
        waiting = iter(missing)
        governor = Governor(most, len(missing))
        left, under_way, base = len(missing), 0, self.received

        def work() -> None:
            nonlocal left, under_way
            while True:
                with self._lock:
                    mine = next(waiting, None) if under_way <= governor.target else None
                    if mine is None:
                        under_way -= 1
                        return
                self._weather.run(partial(self._attempt, mine), self._stop)
                self._save()
                with self._lock:
                    left -= 1

        while left:
            with self._lock:
                more = min(governor.target, left) - under_way
                under_way += max(0, more)
            self.threads += [workers.start(work, f"download-range-{i}") for i in range(more)]
            rest(self.threads, governor.interval_s)
            self.threads = [thread for thread in self.threads if not thread.done()]
            self._watch.look()
            limit = self._limiter.bytes_per_s if self._limiter else None
            governor.observe(time.monotonic(), self.received - base, limit)

    def _attempt(self, growing: GrowingRange) -> None:
        """One request for what is missing of a range."""
        pace = getattr(self._paces, "pace", None) or Pace()
        self._paces.pace = None  # what it learnt of the link holds no longer if this fails
        try:
            with self._watch.attempt(self._stop, growing.left, self) as attempt:
                self._receive(growing, attempt, pace)
        except Conflict as exc:
            self._confirm(exc)
        self._paces.pace = pace

    def _confirm(self, conflict: Conflict) -> None:
        """Look again before everything that has arrived is thrown away: one reply that was cut says nothing."""
        version = (self._version_id,) if self._version_id else ()
        now = self._storage.head(self._stored.ref, *version)
        if (now.etag, now.size) != (self._stored.etag, self._stored.size):
            raise conflict
        raise ServiceTrouble(
            "The store's answer contradicts itself.",
            "",
            "Try again.",
            subject=str(self._stored.ref),
            retryable=True,
        ) from conflict

    def _receive(self, growing: GrowingRange, attempt: Attempt, pace: Pace) -> None:
        opening = self._storage.open_range(
            self._stored, growing.position, growing.left, token=attempt.token, version_id=self._version_id
        )
        with opening as stream:
            pace.pause()
            while growing.left:
                size = min(pace.next_block(), growing.left)
                if self._limiter is not None:
                    size = self._limiter.block(size)
                    self._limiter.take(size, attempt.token)
                    pace.pause()  # waiting for our own limit says nothing about the link
                block = stream.read(size)
                if not block:
                    raise Offline(
                        "The store sent less than it said it would.",
                        "",
                        "Check the network and try again.",
                        subject=str(self._stored.ref),
                        retryable=True,
                    )
                self._part.write_at(growing.position, block)
                growing.add(block)
                attempt.add(len(block))

    def add(self, delta_bytes: int) -> None:
        """Count bytes that have arrived; see `progress.Counter`."""
        with self._lock:
            self.received += delta_bytes
        if self._meter is not None:
            self._meter.add(delta_bytes)
