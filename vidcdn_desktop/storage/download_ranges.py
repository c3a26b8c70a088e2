"""Fetching the ranges of one object in parallel, each going on where it was cut.

    worker ──> next range ──> open_range ──> block ──> disk ──> checksum ──> count ──┐
                  ^               ^            ^───────────────────────────────────┤
                  │               └── cut, stalled, 5xx: wait, go on at this byte <─┤
                  └────────────────────── state written <── the range is whole <───┘

Memory: `parallel` blocks of at most 1 MiB, whatever the size of the object.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.body import Pace
from vidcdn_desktop.storage.checksums import fed, written
from vidcdn_desktop.storage.download_file import PartFile
from vidcdn_desktop.storage.download_state import Arrived
from vidcdn_desktop.storage.parts import PartRange
from vidcdn_desktop.storage.port import PartResult, Storage, StoredObject
from vidcdn_desktop.storage.weather import Weather

STATE_ALGORITHM = "CRC64NVME"
_KEEP_EVERY_S = 1.0


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


@dataclass(eq=False)
class _Request:
    """One request under way."""

    token: CancelToken
    waiting_since: float | None = None
    """When it began to wait for bytes; None while it does something else."""


class RangeFetcher:
    """Fetches what is missing of an object into a `PartFile`.

    Args:
        storage: Where from.
        stored: The object, as `Storage.head` told of it.
        part: Where to.
        stop: Ends everything; a child of the user's token.
        weather: What to do when a request fails.
        save: Called after each finished range with False, and about once a second with True: write the state down,
            durably if True.
        meter, limiter, version_id: See `download`.
        stall_s: A request that gets no bytes for so long is cut and tried again.
    """

    def __init__(
        self,
        storage: Storage,
        stored: StoredObject,
        part: PartFile,
        *,
        stop: CancelToken,
        weather: Weather,
        save: Callable[[bool], None],
        meter: ProgressMeter | None,
        limiter: RateLimiter | None,
        version_id: str,
        stall_s: float,
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
        self._stall_s = stall_s
        self._lock = threading.Lock()
        self._requests: set[_Request] = set()
        self._paces = threading.local()
        self.received = 0
        """Bytes of the object that came over the network, those that came twice included."""

    def worker(self, missing: Sequence[GrowingRange]) -> Callable[[], None]:
        """What the parallel threads run, all the same: one range after the other until none is left.

        Raises (when run): what `Storage.open_range` raises and does not pass, DiskFull, FolderUnusable, Cancelled.
        """
        waiting = iter(missing)

        def work() -> None:
            while True:
                self._stop.raise_if_cancelled()
                with self._lock:
                    mine = next(waiting, None)
                if mine is None:
                    return
                self._fetch(mine)
                self._save(False)

        return work

    def keep(self, done: threading.Event) -> None:
        """What one more thread runs: save the state once a second, and cut requests that stall, until `done`."""
        seen = -1
        while not done.wait(min(_KEEP_EVERY_S, self._stall_s / 4)):
            if self.received != seen:
                seen = self.received
                self._save(True)
            late = time.monotonic() - self._stall_s
            with self._lock:
                stalled = [r for r in self._requests if r.waiting_since is not None and r.waiting_since < late]
            for request in stalled:
                request.token.cancel()

    def _fetch(self, growing: GrowingRange) -> None:
        def attempt() -> None:
            token, untie = self._stop.child()
            request = _Request(token)
            with self._lock:
                self._requests.add(request)
            pace = self._pace()
            self._paces.pace = None  # what it learnt holds no longer if this fails
            try:
                self._receive(growing, request, pace)
                self._paces.pace = pace
            except Cancelled:
                self._stop.raise_if_cancelled()
                raise self._broken("Nothing more came from the store for a while.") from None
            finally:
                untie()
                with self._lock:
                    self._requests.discard(request)

        self._weather.run(attempt, self._stop)

    def _receive(self, growing: GrowingRange, request: _Request, pace: Pace) -> None:
        request.waiting_since = time.monotonic()
        opening = self._storage.open_range(
            self._stored, growing.position, growing.left, token=request.token, version_id=self._version_id
        )
        with opening as stream:
            pace.pause()
            while growing.left:
                size = min(pace.next_block(), growing.left)
                if self._limiter is not None:
                    request.waiting_since = None
                    size = self._limiter.block(size)
                    self._limiter.take(size, request.token)
                    pace.pause()  # waiting for our own limit says nothing about the link
                request.waiting_since = time.monotonic()
                block = stream.read(size)
                request.waiting_since = None
                if not block:
                    raise self._broken("The store sent less than it said it would.")
                self._part.write_at(growing.position, block)
                growing.add(block)
                self._count(len(block))
                self._weather.got_through()

    def _pace(self) -> Pace:
        """What this thread knows about the speed of the link."""
        return getattr(self._paces, "pace", None) or Pace()

    def _count(self, size: int) -> None:
        with self._lock:
            self.received += size
        if self._meter is not None:
            self._meter.add(size)

    def _broken(self, what: str) -> Offline:
        return Offline(what, "", "Check the network and try again.", subject=str(self._stored.ref), retryable=True)
