"""Download of one object into a folder: ranged, parallel, resumable, proved, and whole or not at all.

head ──> open or resume .part ──> re-read what was kept ──> ranges in parallel ──> proof ──> final name
                                          ^                                          │
                                          └──── once more, if the proof fails <──────┘

cancel    the unfinished file is removed
pause     it is kept, with what is remembered of it
failure   it is kept if it can go on later; not if the object was replaced or the bytes are wrong
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from typing import Any, TypeVar

from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.errors import ChecksumMismatch, Conflict, DownloadBusy, ObjectNotFound, VidcdnError
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage import workers
from vidcdn_desktop.storage.checksums import combined, md5_of
from vidcdn_desktop.storage.download_file import PartFile, no_room, open_part, told
from vidcdn_desktop.storage.download_ranges import STATE_ALGORITHM, GrowingRange, RangeFetcher
from vidcdn_desktop.storage.download_state import PartState, range_size_for
from vidcdn_desktop.storage.governor import MOST
from vidcdn_desktop.storage.parts import PartPlan
from vidcdn_desktop.storage.port import ObjectRef, Storage, StoredObject
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import format_size, safe_file_name

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_BLOCK = 1 << 20
_KEEP_EVERY_S = 1.0
_SETTLE_S = 0.1
"""How long threads may take to notice the end; a cut connection takes milliseconds. One that is later writes nothing:
the file is closed to it."""
_MD5_ETAG = re.compile(r"[0-9a-f]{32}")
_PASSES = 2

_KEPT = "What has arrived is kept: start the download again and it goes on from there."
_NOTHING = "Nothing was downloaded."
_BY_ETAG = "size and ETag of every range"


@dataclass(frozen=True)
class DownloadResult:
    """A finished download."""

    path: Path
    """The file, under its final name."""
    size: int
    """Bytes."""
    checksum: str
    """Full-object checksum of the bytes in the file, base64."""
    algorithm: str
    """Of `checksum`: the store's own where it keeps one, else CRC64NVME."""
    proved_by: str
    """How it is known that these are the object's bytes: "CRC64NVME" and "CRC32" (the store's checksum of the whole
    object agrees), "MD5" (its ETag does), or a weaker proof in words."""
    bytes_received: int
    """Bytes of the object that came over the network in this run, those that came twice included."""
    resumed_bytes: int
    """Bytes that were there from an earlier run and needed not come again."""


def download(
    storage: Storage,
    ref: ObjectRef,
    folder: Path,
    *,
    token: CancelToken,
    name: str = "",
    meter: ProgressMeter | None = None,
    parallel: int = MOST,
    limiter: RateLimiter | None = None,
    version_id: str = "",
    keep_partial: bool = True,
    weather: Weather | None = None,
    stall_s: float | None = None,
) -> DownloadResult:
    """Download an object into `folder`. Blocks; a cancel or pause ends it within 200 ms.

    The file gets the last segment of the key, made safe for any system, or "name (2)" where that is taken; it never
    replaces anything and never lands outside `folder`. An unfinished download of the same object in the same folder
    goes on where it was; every byte of it is read again and checked first.

    Memory: `parallel` × 1 MiB at most, and up to 4096 ranges of some hundred bytes.

    Args:
        storage: Where from.
        ref: What.
        folder: An existing folder. A link is followed once, at the start.
        token: Cancels, or pauses.
        name: File name to use instead of the key's last segment; made safe likewise.
        meter: Counts each byte once, those of an earlier run included.
        parallel: Ranges at the same time at most; as many run as help.
        limiter: Bandwidth limit.
        version_id: A certain version; the current one without.
        keep_partial: Keep what has arrived when the download fails. A pause keeps it always, a cancel never.
        weather: What to do while there is no connection; gives up after 20 s without any success by default.
        stall_s: A request that gets no bytes for so long is cut and tried again; None: `storage.watch.STALL_S`.

    Raises: ObjectNotFound, Conflict (replaced in the meantime), ChecksumMismatch, DiskFull, FolderUnusable,
        DownloadBusy, Paused, Cancelled, and what every method of `Storage` may raise.
    """
    token.raise_if_cancelled()
    stop, untie = token.child()
    cancelled: Future[None] = Future()
    forget = token.on_cancel(lambda: cancelled.set_result(None))
    run = _Download(storage, ref, folder, token, stop, cancelled, weather or Weather(), meter, limiter, version_id)
    try:
        return run.run(safe_file_name(name or ref.key, "download"), max(1, parallel), stall_s)
    except Paused:
        run.leave(keep=True)
        raise
    except Cancelled:
        run.leave(keep=False)
        raise
    except VidcdnError as exc:
        kept = run.leave(keep=keep_partial and not isinstance(exc, (Conflict, ChecksumMismatch)))
        if not isinstance(exc, DownloadBusy):
            exc.meaning = _KEPT if kept else _NOTHING
        raise
    except BaseException:
        run.leave(keep=True)
        raise
    finally:
        forget()
        untie()


class _Download:
    """One download under way."""

    def __init__(
        self,
        storage: Storage,
        ref: ObjectRef,
        folder: Path,
        token: CancelToken,
        stop: CancelToken,
        cancelled: Future[None],
        weather: Weather,
        meter: ProgressMeter | None,
        limiter: RateLimiter | None,
        version_id: str,
    ) -> None:
        self._storage = storage
        self._ref = ref
        self._folder = folder
        self._token = token
        self._stop = stop
        self._cancelled = cancelled
        self._weather = weather
        self._meter = meter
        self._limiter = limiter
        self._version_id = version_id
        self._part: PartFile | None = None
        self._stored: StoredObject | None = None
        self._range_size = 0
        self._ranges: list[GrowingRange] = []
        self._saving = threading.Lock()
        self._fetcher: RangeFetcher | None = None
        self._keeper: Future[None] | None = None
        self._done = threading.Event()
        """Set when the thread that saves now and then is to end."""

    def run(self, name: str, parallel: int, stall_s: float | None) -> DownloadResult:
        """From the first request to the final name."""
        stored = self._stored = self._await(workers.start(self._look, "download-look"))
        if self._meter is not None:
            self._meter.set_total(stored.size)
        part = self._open(name, stored)
        resumed = sum(growing.length for growing in self._ranges)
        fetcher = RangeFetcher(
            self._storage,
            stored,
            part,
            stop=self._stop,
            weather=self._weather,
            save=lambda: self._save(durable=False),
            meter=self._meter,
            limiter=self._limiter,
            version_id=self._version_id,
            stall_s=stall_s,
        )
        before = ""
        for number in range(1, _PASSES + 1):
            self._fetch(fetcher, parallel)
            own = self._checksum(STATE_ALGORITHM)
            proof = self._proof(part, stored)
            if not proof and own == before and not stored.checksum:
                proof = "two readings that agree; the ETag of this store is no MD5"
            if proof:
                break
            if number == _PASSES or part.is_linked:
                raise _damaged(self._ref)
            _log.warning("what arrived of %s is not what the store has; once more", self._ref)
            before, resumed = own, 0
            self._forget_all()
        final = part.publish(name)
        algorithm = stored.checksum_algorithm if proof == stored.checksum_algorithm else STATE_ALGORITHM
        return DownloadResult(
            final, stored.size, self._checksum(algorithm), algorithm, proof, fetcher.received, resumed
        )

    def _look(self) -> StoredObject:
        version = (self._version_id,) if self._version_id else ()
        try:
            return self._weather.run(lambda: self._storage.head(self._ref, *version), self._stop)
        except ObjectNotFound:
            if not version:
                self._storage.read_range(self._ref, 0, 1)  # a HEAD does not tell a missing bucket from a missing object
            raise

    # Before
    def _open(self, name: str, stored: StoredObject) -> PartFile:
        """Open the unfinished file, check what an earlier run left, and make room for the rest."""
        while True:
            part = self._part = open_part(self._folder, name, self._ref, self._version_id)
            state = part.state if part.state is not None and part.state.is_still(stored) else None
            self._range_size = state.range_size if state else range_size_for(stored.size)
            algorithms = [STATE_ALGORITHM]
            if stored.checksum and stored.checksum_algorithm != STATE_ALGORITHM:
                algorithms.append(stored.checksum_algorithm)
            plan = PartPlan(stored.size, self._range_size)
            self._ranges = [GrowingRange(piece, algorithms) for piece in plan.ranges]
            if state is not None:
                self._read_again(part, state)
            if not part.is_linked or (state is not None and not any(growing.left for growing in self._ranges)):
                break
            part.discard()  # only the name: these bytes are a file of the user's by now
        if state is None:
            part.restart()
        missing = sum(growing.left for growing in self._ranges)
        with told(part.path.parent):
            free = disk_usage(part.path.parent).free
        if free < missing:
            raise no_room(part.path.parent, f"{format_size(free)} free, {format_size(missing)} needed")
        self._save(durable=True)
        return part

    def _read_again(self, part: PartFile, state: PartState) -> None:
        """Believe of the state what the bytes on the disk bear out."""
        for growing in self._ranges:
            promised = state.arrived.get(growing.plan.number)
            if promised is None:
                continue
            while growing.length < promised.length:
                self._token.raise_if_cancelled()
                block = part.read_at(growing.position, min(_BLOCK, promised.length - growing.length))
                if not block:
                    break
                growing.add(block)
            if growing.arrived != promised:
                _log.warning("range %d of %s is not what it was; it comes again", growing.plan.number, self._ref)
                growing.reset()
            elif self._meter is not None:
                self._meter.add(growing.length)

    # During
    def _fetch(self, fetcher: RangeFetcher, parallel: int) -> None:
        missing = [growing for growing in self._ranges if growing.left]
        if not missing:
            return
        self._fetcher = fetcher
        self._done.clear()
        self._keeper = workers.start(lambda: self._keep(fetcher), "download-keep")
        try:
            fetcher.fetch(missing, parallel, self._rest)
        finally:
            self._done.set()
        self._rest([self._keeper], None)

    def _rest(self, threads: Sequence[Future[None]], seconds: float | None) -> None:
        """Wait until one of our threads has ended, and raise what it raised; or the user's cancel."""
        done = wait([*threads, self._cancelled], timeout=seconds, return_when=FIRST_COMPLETED).done
        if self._cancelled in done:
            raise self._token.stopped()
        for future in done:
            future.result()

    def _keep(self, fetcher: RangeFetcher) -> None:
        """Write the state down now and then, so that it survives a loss of power. A disk may take its time for it."""
        seen = 0
        while not self._done.wait(_KEEP_EVERY_S):
            if fetcher.received != seen:
                seen = fetcher.received
                try:
                    self._save(durable=True)
                except (VidcdnError, Cancelled) as exc:  # the threads that fetch meet the same, and tell it
                    _log.info("the state was not written: %r", exc)

    def _save(self, *, durable: bool) -> None:
        part, stored = self._part, self._stored
        if part is None or stored is None:
            return
        with self._saving:
            arrived = {g.plan.number: a for g in self._ranges if (a := g.arrived).length}
            part.remember(
                PartState(self._ref, self._version_id, stored.etag, stored.size, self._range_size, arrived),
                durable=durable,
            )

    def _await(self, future: Future[_T]) -> _T:
        awaited: list[Future[Any]] = [future, self._cancelled]
        wait(awaited, return_when=FIRST_COMPLETED)
        if self._cancelled.done():
            raise self._token.stopped()
        return future.result()

    # After
    def _checksum(self, algorithm: str) -> str:
        return combined(algorithm, [growing.result(algorithm) for growing in self._ranges])

    def _proof(self, part: PartFile, stored: StoredObject) -> str:
        """What proves that the file is the object; empty if something speaks against it."""
        if part.size != stored.size:
            return ""
        if stored.checksum:
            if self._checksum(stored.checksum_algorithm) == stored.checksum:
                return stored.checksum_algorithm
            return "" if stored.checksum_is_whole else _BY_ETAG
        if _MD5_ETAG.fullmatch(stored.etag) and stored.encryption in ("", "AES256"):
            return "MD5" if md5_of(part, 0, stored.size, token=self._token) == stored.etag else ""
        return _BY_ETAG

    def _forget_all(self) -> None:
        """Begin at the first byte again."""
        arrived = sum(growing.length for growing in self._ranges)
        for growing in self._ranges:
            growing.reset()
        if self._meter is not None:
            self._meter.add(-arrived)
        self._save(durable=True)

    def leave(self, *, keep: bool) -> bool:
        """End without a file; True if something is kept to go on with."""
        self._stop.cancel()
        self._done.set()
        wait(self._fetcher.threads if self._fetcher else [], timeout=_SETTLE_S)
        part = self._part
        if part is None:
            return False
        keep = keep and any(growing.length for growing in self._ranges)
        if not keep:
            part.discard()
            return False
        try:
            self._save(durable=True)
        except VidcdnError as exc:
            _log.warning("what is remembered of this download is a moment old: %s", exc.what)
        except Cancelled:  # closed already
            pass
        part.close()
        return True


def _damaged(ref: ObjectRef) -> ChecksumMismatch:
    return ChecksumMismatch(
        "What arrived is not what the store says it has, twice in a row.",
        "",
        "Try again; if it happens again, check the network and the memory of this computer.",
        subject=str(ref),
    )


def forget_download(ref: ObjectRef, folder: Path, *, name: str = "", version_id: str = "") -> None:
    """Remove what an earlier run of this very download has kept in `folder`; nothing there is fine. Blocks.

    Raises: FolderUnusable. DownloadBusy: it is running.
    """
    part = open_part(folder, safe_file_name(name or ref.key, "download"), ref, version_id)
    part.discard()
