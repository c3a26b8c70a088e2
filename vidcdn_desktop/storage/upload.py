"""Send one object: a single request, or parts in parallel; published whole or not at all.

    begin ──> parts ──> check source ──> complete ──> StoredObject
      │         │            │              │
      └─────────┴────────────┴──────────────┴──> undo: stop, abort, abort what came late, look ──> the error

Memory is `parallel` x about 2 MiB, whatever the length of the film and the size of a part: a part is never held.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from typing import Any, TypeVar

from vidcdn_desktop.bytesource import ByteSource, BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import (
    AccessDenied,
    ChecksumMismatch,
    Conflict,
    KeyTaken,
    ObjectNotFound,
    Offline,
    ServiceTrouble,
    Throttled,
    VidcdnError,
)
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage import workers
from vidcdn_desktop.storage.checksums import combined
from vidcdn_desktop.storage.parts import SINGLE_PUT_LIMIT, PartPlan, PartRange, plan_parts
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef, PartLog, PartResult, Storage, StoredObject

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

JOB_KEY = "vidcdn-job"
"""Metadata that tells an object of this very upload from any other; settles a lost reply."""

_NEVER_ARRIVED = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError"})
"""Offline in a way that says the request was not sent."""

_UNCLEAR = (Offline, ServiceTrouble, ChecksumMismatch)
"""Endings of the last request after which the object may be there all the same."""

_CONFLICT_TRIES = 4
_ABORT_TRIES = 3
_BACKOFF_S = 0.3
_SETTLE_S = 0.25
"""Threads on a live network end well within this time of a cancel."""

_STUCK_S = 15.0
"""How long the clean-up waits for threads stuck on a dead network; a little more than the write timeout."""


class NullPartLog:
    """Remembers nothing."""

    def upload_created(self, ref: ObjectRef, upload_id: str, part_size: int, total_size: int) -> None:
        """See `PartLog.upload_created`."""

    def part_finished(self, upload_id: str, part: PartResult) -> None:
        """See `PartLog.part_finished`."""

    def finished_parts(self, upload_id: str) -> Sequence[PartResult]:  # noqa: ARG002 - the port's signature
        """See `PartLog.finished_parts`."""
        return ()

    def upload_ended(self, upload_id: str, *, completed: bool) -> None:
        """See `PartLog.upload_ended`."""


def upload(
    storage: Storage,
    source: ByteSource,
    ref: ObjectRef,
    headers: ObjectHeaders,
    *,
    token: CancelToken,
    meter: ProgressMeter | None = None,
    part_log: PartLog | None = None,
    only_if_absent: bool,
    parallel: int = 8,
    check_source: Callable[[], None] | None = None,
    cleanup_wait_s: float = 3.0,
) -> StoredObject:
    """Store `source` under `ref`, whole or not at all. Blocks; any thread but the GUI's.

    A cancel ends the call at once on a live network and within `cleanup_wait_s` on a dead one, where the clean-up
    goes on in a thread the program waits for when it ends. Sending stops at the end of the block each thread is
    writing (about 50 ms of it); a write that is stuck on a dead network ends with its timeout.

    Under a fresh key (`only_if_absent`) nothing is left behind by a cancel, whenever it comes. Replacing an object
    cannot be taken back, so there a cancel that comes after the last byte was sent is not obeyed.

    Args:
        storage: Where to.
        source: What; read by up to `parallel` threads at a time, each part twice.
        ref: Bucket and key.
        headers: What viewers see. `JOB_KEY` is added to the metadata.
        token: Cancels.
        meter: Counts body bytes, each once; its total is set if it has none.
        part_log: Remembers the upload while it runs; None forgets.
        only_if_absent: Refuse to replace an object.
        parallel: Parts sent at the same time.
        check_source: Raises `SourceChanged` or `SourceGone`; called when everything was read and before anything
            becomes visible.
        cleanup_wait_s: How long to wait for the clean-up of a failed or cancelled upload.

    Raises: Cancelled, KeyTaken, Conflict, ChecksumMismatch, SourceChanged, SourceGone, SourceUnreadable and what
        `Storage` raises. Nothing was published then.
    """
    transfer = _Transfer(
        storage, source, ref, _with_job_id(headers), token, meter, part_log or NullPartLog(), only_if_absent
    )
    if meter is not None and meter.snapshot().total_bytes is None:
        meter.set_total(source.size)
    remove = token.on_cancel(transfer.on_cancel)
    try:
        if source.size <= SINGLE_PUT_LIMIT:
            return transfer.single(check_source)
        return transfer.multipart(plan_parts(source.size), max(1, parallel), check_source)
    except BaseException as exc:
        clean = transfer.undo(cleanup_wait_s)
        if isinstance(exc, VidcdnError) and not clean:
            exc.meaning += " Something unfinished may still be in the bucket."
        raise
    finally:
        remove()


def _with_job_id(headers: ObjectHeaders) -> ObjectHeaders:
    given = headers.metadata.get(JOB_KEY, "")
    unique = f"{given}.{uuid.uuid4().hex[:12]}" if given else uuid.uuid4().hex
    return replace(headers, metadata={**headers.metadata, JOB_KEY: unique})


class _Transfer:
    """One upload and everything needed to undo it."""

    def __init__(
        self,
        storage: Storage,
        source: ByteSource,
        ref: ObjectRef,
        headers: ObjectHeaders,
        token: CancelToken,
        meter: ProgressMeter | None,
        part_log: PartLog,
        only_if_absent: bool,
    ) -> None:
        self._storage = storage
        self._source = source
        self._ref = ref
        self._headers = headers
        self._token = token
        self._meter = meter
        self._part_log = part_log
        self._only_if_absent = only_if_absent
        self._job = headers.metadata[JOB_KEY]
        self._stop = CancelToken()
        """Stops our own threads: on the user's cancel, and when one part has failed."""
        self._cancelled: Future[None] = Future()
        self._begun: Future[str] | None = None
        self._senders: list[Future[None]] = []
        self._final: Future[StoredObject] | None = None
        """The request that makes the object visible."""

    def on_cancel(self) -> None:
        """The user cancelled. Only records."""
        self._stop.cancel()
        self._cancelled.set_result(None)

    def single(self, check_source: Callable[[], None] | None) -> StoredObject:
        """One PutObject. The bytes are held, so that they can be checked before they are sent."""
        self._token.raise_if_cancelled()
        held = BytesSource(self._source.read_at(0, self._source.size))
        if check_source is not None:
            check_source()
        return self._publish(
            lambda: self._storage.put(
                self._ref,
                held,
                self._headers,
                token=self._stop,
                meter=self._meter,
                only_if_absent=self._only_if_absent,
            )
        )

    def multipart(self, plan: PartPlan, parallel: int, check_source: Callable[[], None] | None) -> StoredObject:
        """Parts in parallel, then complete."""
        self._token.raise_if_cancelled()
        self._begun = workers.start(lambda: self._storage.create_multipart(self._ref, self._headers), "upload-begin")
        upload_id = self._result(self._begun)
        self._part_log.upload_created(self._ref, upload_id, plan.part_size, plan.size)
        done = {part.number: part for part in self._part_log.finished_parts(upload_id)}
        if self._meter is not None and done:
            self._meter.add(sum(part.size for part in done.values()))
        missing = iter([piece for piece in plan.ranges if piece.number not in done])
        lock = threading.Lock()

        def send_parts() -> None:
            while True:
                with lock:
                    piece = next(missing, None)
                if piece is None:
                    return
                part = self._send(upload_id, piece)
                with lock:
                    done[part.number] = part
                self._part_log.part_finished(upload_id, part)

        count = min(parallel, plan.count - len(done))
        self._senders = [workers.start(send_parts, f"upload-part-{i}") for i in range(count)]
        try:
            self._all(self._senders)
            parts = [done[number] for number in sorted(done)]
            checksum = combined(self._storage.checksum_algorithm, parts)
            if check_source is not None:
                check_source()
            self._token.raise_if_cancelled()
        except ChecksumMismatch:
            if check_source is not None:
                check_source()  # a file that is being rewritten is the likelier reason
            raise
        stored = self._publish(
            lambda: self._storage.complete_multipart(
                self._ref,
                upload_id,
                parts,
                size=plan.size,
                checksum=checksum,
                only_if_absent=self._only_if_absent,
            )
        )
        self._part_log.upload_ended(upload_id, completed=True)
        return stored

    def _send(self, upload_id: str, piece: PartRange) -> PartResult:
        return self._storage.upload_part(
            self._ref,
            upload_id,
            piece.number,
            self._source,
            piece.offset,
            piece.length,
            token=self._stop,
            meter=self._meter,
        )

    def _publish(self, request: Callable[[], StoredObject]) -> StoredObject:
        """Run the request that makes the object visible, and find out what became of it if that is unclear."""

        def attempt() -> StoredObject:
            for number in range(1, _CONFLICT_TRIES + 1):
                try:
                    return request()
                except Conflict:
                    if number == _CONFLICT_TRIES or self._stop.wait(_BACKOFF_S * number):
                        raise
                except (Offline, ServiceTrouble, KeyTaken, ObjectNotFound) as exc:
                    # The reply may have been lost, and a repeated request then meets our own object.
                    ours = None if exc.code in _NEVER_ARRIVED else self._ours()
                    if ours is None:
                        raise
                    _log.info("a lost reply (%s), but the object is there", exc.kind)
                    return ours
            raise AssertionError("unreachable")

        self._final = workers.start(attempt, "upload-publish")
        if self._only_if_absent:
            return self._result(self._final)
        return self._final.result()

    def _ours(self) -> StoredObject | None:
        """The object under our key if this upload wrote it."""
        try:
            found = self._storage.head(self._ref)
        except VidcdnError:
            return None
        job = found.headers.metadata.get(JOB_KEY) if found.headers else None
        return found if job == self._job and found.size == self._source.size else None

    def _result(self, future: Future[_T]) -> _T:
        self._all([future])
        return future.result()

    def _all(self, futures: Sequence[Future[_T]]) -> None:
        """Wait for all; leave at once on the first failure or on a cancel."""
        pending = set(futures)
        while pending:
            awaited: set[Future[Any]] = {*pending, self._cancelled}
            wait(awaited, return_when=FIRST_COMPLETED)
            if self._cancelled.done():
                raise Cancelled
            done = {future for future in pending if future.done()}
            for future in done:
                future.result()
            pending -= done

    def undo(self, wait_s: float) -> bool:
        """Leave nothing behind; True if that is known to have worked within `wait_s` seconds."""
        self._stop.cancel()
        if self._begun is None and self._final is None:
            return True
        # Not a daemon: the program may end, but only after the bucket is clean or this has given up.
        cleaning = workers.start(self._clean_up, "upload-clean-up", daemon=False)
        wait([cleaning], timeout=wait_s)
        if not cleaning.done():
            return False
        failure = cleaning.exception()  # of the part log: everything else is an answer
        if failure is not None:
            _log.error("the clean-up of %s failed", self._ref, exc_info=failure)
        return failure is None and cleaning.result()

    def _clean_up(self) -> bool:
        if self._final is not None:
            wait([self._final], timeout=_STUCK_S)
            if not self._take_back():
                return False
        if self._begun is None:
            return True
        wait([self._begun], timeout=_STUCK_S)
        if not self._begun.done() or self._begun.exception() is not None:
            return self._begun.done()
        upload_id = self._begun.result()
        late = wait(self._senders, timeout=_SETTLE_S).not_done
        gone = self._abort(upload_id)
        if late:
            # A part that was under way may have arrived after the abort; it would stay, and cost money.
            wait(late, timeout=_STUCK_S)
            gone = self._abort(upload_id)
        gone = gone and self._is_gone(upload_id)
        if gone:
            self._part_log.upload_ended(upload_id, completed=False)
        else:
            _log.warning("an unfinished upload may be left under %s", self._ref)
        return gone

    def _take_back(self) -> bool:
        """Delete the object if this upload wrote it under a fresh key, or the version it wrote."""
        ended = self._final.exception() if self._final is not None and self._final.done() else None
        if isinstance(ended, VidcdnError) and (not isinstance(ended, _UNCLEAR) or ended.code in _NEVER_ARRIVED):
            return True
        ours = self._ours()
        if ours is None or not (self._only_if_absent or ours.version_id):
            return True
        try:
            self._storage.delete(self._ref, ours.version_id)
        except AccessDenied:
            try:
                self._storage.delete(self._ref)
            except VidcdnError:
                return False
        except VidcdnError:
            return False
        return True

    def _abort(self, upload_id: str) -> bool:
        waiter = threading.Event()
        for number in range(1, _ABORT_TRIES + 1):
            try:
                self._storage.abort_multipart(self._ref, upload_id)
            except (Offline, ServiceTrouble, Throttled) as exc:
                _log.info("abort failed: %s", exc.what)
                waiter.wait(_BACKOFF_S * number)
            except VidcdnError as exc:
                _log.info("abort refused: %s", exc.what)
                return False
            else:
                return True
        return False

    def _is_gone(self, upload_id: str) -> bool:
        """Look whether the upload is still listed, and abort it again if so."""
        for _ in range(_ABORT_TRIES):
            try:
                listed = self._storage.list_unfinished(self._ref.bucket, self._ref.key)
                if all(found.upload_id != upload_id for found in listed):
                    return True
            except AccessDenied:
                return True  # not everybody may list; the abort was acknowledged
            except VidcdnError:
                return False
            if not self._abort(upload_id):
                return False
        return False
