"""Send one object: a single request, or parts in parallel; published whole or not at all.

    earlier? ──> begin ──> parts ──> check source ──> complete ──> prove ──> StoredObject
       │           │         │            │              │
       │           └─────────┴────────────┴──────────────┴──> pause, or a failure that passes: keep what was sent
       │                                                 └──> cancel, or a failure for good: undo, and look
       └── the bucket still has parts of it: go on from there

Every request runs under `Weather` (tries again while that can help) and `Watch` (ends a try that has gone silent); the
number of parts at the same time is the `Governor`'s. Memory is that number x about 2 MiB, whatever the length of the
film and the size of a part: a part is never held.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from typing import Any, TypeVar

from vidcdn_desktop.bytesource import ByteSource, BytesSource, layout_digest
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.errors import (
    BucketNotFound,
    ChecksumMismatch,
    Conflict,
    KeyTaken,
    ObjectNotFound,
    Offline,
    ServiceTrouble,
    SourceChanged,
    UnsupportedMedia,
    UploadGone,
    VidcdnError,
)
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage import undo, workers
from vidcdn_desktop.storage.checksums import combined
from vidcdn_desktop.storage.governor import MOST, Governor
from vidcdn_desktop.storage.part_log import NullPartLog, TrustingPartLog
from vidcdn_desktop.storage.parts import SINGLE_PUT_LIMIT, PartPlan, PartRange, plan_parts
from vidcdn_desktop.storage.port import (
    BegunUpload,
    ObjectHeaders,
    ObjectRef,
    PartLog,
    PartResult,
    Storage,
    StoredObject,
    UploadIntent,
    UploadRecord,
)
from vidcdn_desktop.storage.proof import check_same, proved
from vidcdn_desktop.storage.resume import JOB_KEY, own_object, remains_of, source_changed, sweep_unanswered
from vidcdn_desktop.storage.watch import Attempt, Watch
from vidcdn_desktop.storage.weather import Weather

__all__ = ["JOB_KEY", "NullPartLog", "upload"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_NEVER_ARRIVED = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"})
"""Offline in a way that says the request was not sent."""

_UNCLEAR = (Offline, ServiceTrouble, ChecksumMismatch)
"""Endings of the last request after which the object may be there all the same."""

_FOR_GOOD = (BucketNotFound, ChecksumMismatch, Conflict, KeyTaken, SourceChanged, UnsupportedMedia, UploadGone)
"""Failures after which what was sent is of no more use."""

_CONFLICT_TRIES = 4
_BACKOFF_S = 0.3
_LOOK_S = 0.5
"""How often the waiting thread looks after its tries."""
_SETTLE_S = 0.25
"""Threads whose connections were cut end well within this time."""

_STUCK_S = 15.0
"""How long the clean-up waits for threads that are stuck all the same (a name that is being looked up)."""


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
    parallel: int = MOST,
    check_source: Callable[[], None] | None = None,
    limiter: RateLimiter | None = None,
    weather: Weather | None = None,
    note: Callable[[str], None] = lambda _sentence: None,
    cleanup_wait_s: float = 3.0,
) -> StoredObject:
    """Store `source` under `ref`, whole or not at all. Blocks; any thread but the GUI's.

    A cancel or pause ends the call at once: connections are cut. After a cancel nothing is left in the bucket; the
    clean-up is waited for up to `cleanup_wait_s` and goes on in a thread that the program waits for when it ends.
    After a pause, and after a failure that passes, what was sent is kept if there is a `part_log` to remember it.

    Under a fresh key (`only_if_absent`) nothing is left behind by a cancel, whenever it comes. Replacing an object
    cannot be taken back, so there a cancel that comes after the last byte was sent is not obeyed.

    Args:
        storage: Where to.
        source: What; read by several threads at a time, each part twice.
        ref: Bucket and key.
        headers: What viewers see. `JOB_KEY` is added to the metadata.
        token: Cancels or pauses.
        meter: Counts body bytes, each once; its total is set if it has none.
        part_log: Remembers the upload across restarts, and may know an earlier run of it; None forgets.
        only_if_absent: Refuse to replace an object.
        parallel: Most parts sent at the same time; fewer where that is as fast.
        check_source: Raises `SourceChanged` or `SourceGone`; called when everything was read and before anything
            becomes visible.
        limiter: Holds the bandwidth down.
        weather: What to do when a request fails for a reason that passes; None: try again for some seconds.
        note: Told in a sentence what the user should know beside the result.
        cleanup_wait_s: How long to wait for the clean-up of a failed or cancelled upload.

    Raises: Cancelled, Paused, KeyTaken, Conflict, ChecksumMismatch, SourceChanged, SourceGone, SourceUnreadable and
        what `Storage` raises. Nothing was published then.
    """
    transfer = _Transfer(
        storage,
        source,
        ref,
        headers,
        token,
        meter,
        TrustingPartLog(part_log, note) if part_log is not None else NullPartLog(),
        only_if_absent,
        max(1, parallel),
        check_source,
        limiter,
        weather or Weather(),
    )
    if meter is not None and meter.snapshot().total_bytes is None:
        meter.set_total(source.size)
    remove = token.on_cancel(transfer.on_cancel)
    try:
        return transfer.send()
    except BaseException as exc:
        if part_log is not None and transfer.is_worth_keeping(exc):
            transfer.keep(exc)
            raise
        clean = transfer.undo(cleanup_wait_s)
        if isinstance(exc, VidcdnError) and not clean:
            exc.meaning += " Something unfinished may still be in the bucket."
        raise
    finally:
        remove()


class _Transfer:
    """One upload and everything needed to keep or to undo it."""

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
        parallel: int,
        check_source: Callable[[], None] | None,
        limiter: RateLimiter | None,
        weather: Weather,
    ) -> None:
        self._storage = storage
        self._source = source
        self._ref = ref
        self._headers = headers
        self._token = token
        self._meter = meter
        self._log = part_log
        self._only_if_absent = only_if_absent
        self._parallel = parallel
        self._check_source = check_source
        self._limiter = limiter
        self._weather = weather
        self._watch = Watch(weather.moving)
        self._mark = _new_mark(headers)
        self._stop, self._untie = token.child()
        """Stops our own threads: when the user stops, and when one part has failed."""
        self._stopped: Future[None] = Future()
        self._ask: Future[BegunUpload] | None = None
        self._begun: BegunUpload | None = None
        self._senders: list[Future[None]] = []
        self._governor: Governor | None = None
        self._record: UploadRecord | None = None
        self._final: Future[StoredObject] | None = None
        """The request that makes the object visible."""

    def on_cancel(self) -> None:
        """The user stopped it. Only records."""
        self._stopped.set_result(None)

    def send(self) -> StoredObject:
        """Go on where an earlier run was left, or begin."""
        self._token.raise_if_cancelled()
        layout = layout_digest(self._source)
        single = self._source.size <= SINGLE_PUT_LIMIT
        plan = PartPlan(self._source.size, 0) if single else plan_parts(self._source.size)
        record = self._record = self._log.earlier()
        remembered: dict[int, PartResult] = {}
        if record is not None:
            if self._fits(record, layout):
                self._mark = record.intent.mark
                if not single:
                    plan = PartPlan(plan.size, record.intent.part_size)
                found = self._go_on(record, plan)
                if isinstance(found, StoredObject):
                    complete = bool(plan.part_size) and len(record.parts) == plan.count
                    checksum = combined(record.algorithm, record.parts) if complete else ""
                    check_same(found, self._source, record.algorithm, checksum, self._stop)
                    return self._proved(found, record.parts, record.algorithm, checksum)
                remembered = found
            else:
                self._give_up(record, layout)
        if self._begun is None:
            self._mark = _new_mark(self._headers)
            intent = UploadIntent(self._ref, plan.size, plan.part_size, self._mark, layout, self._only_if_absent)
            self._log.planned(intent)
        if single:
            return self._proved(self._single(), (), "", "")
        return self._multipart(plan, remembered)

    # Going on
    def _fits(self, record: UploadRecord, layout: str) -> bool:
        intent = record.intent
        multipart = intent.part_size > 0
        return (
            bool(layout)
            and (intent.ref, intent.size, intent.layout) == (self._ref, self._source.size, layout)
            and multipart == (self._source.size > SINGLE_PUT_LIMIT)
        )

    def _give_up(self, record: UploadRecord, layout: str) -> None:
        """What was sent earlier is of no use now.

        Raises: SourceChanged: it is the same film under the same name, but its bytes are others now.
        """
        self._weather.run(lambda: undo.discard(self._storage, record, self._log), self._stop)
        if record.intent.ref == self._ref and layout and record.intent.layout != layout:
            raise source_changed(str(self._ref))

    def _go_on(self, record: UploadRecord, plan: PartPlan) -> StoredObject | dict[int, PartResult]:
        """The finished object of the earlier run, or the parts that need not be sent again."""

        def look() -> StoredObject | dict[int, PartResult]:
            remains = None
            if record.intent.part_size:
                remains = remains_of(self._storage, self._source, record, plan, self._stop)
            if remains is None:
                # Completed, and the answer was lost with the process; or swept away.
                return own_object(self._storage, self._ref, self._mark, self._source.size) or {}
            self._begun = remains.begun
            return remains.parts

        try:
            found = self._weather.run(look, self._stop)
        except SourceChanged:
            undo.discard(self._storage, record, self._log)
            raise
        done = found.size if isinstance(found, StoredObject) else sum(part.size for part in found.values())
        if self._meter is not None:
            self._meter.add_present(done)
        return found

    # Sending
    def _proved(self, stored: StoredObject, parts: Sequence[PartResult], algorithm: str, checksum: str) -> StoredObject:
        """The end of every upload: only what is proved is forgotten by the log."""
        result = proved(self._storage, stored, self._source, parts, algorithm, checksum)
        self._log.ended(completed=True)
        return result

    def _single(self) -> StoredObject:
        """One PutObject. The bytes are held, so that they can be checked before they are sent."""
        held = BytesSource(self._source.read_at(0, self._source.size))
        if self._check_source is not None:
            self._check_source()

        def request(attempt: Attempt) -> StoredObject:
            return self._storage.put(
                self._ref,
                held,
                self._marked_headers(),
                token=attempt.token,
                meter=attempt,
                limiter=self._limiter,
                only_if_absent=self._only_if_absent,
            )

        return self._publish(request, "", "")

    def _multipart(self, plan: PartPlan, done: dict[int, PartResult]) -> StoredObject:
        """Parts in parallel, then complete."""
        begun = self._begun or self._begin()
        self._begun = begun
        self._send_parts(begun, plan, done)
        parts = [done[number] for number in sorted(done)]
        checksum = combined(begun.algorithm, parts)
        if self._check_source is not None:
            self._check_source()
        self._token.raise_if_cancelled()

        def request(_attempt: Attempt) -> StoredObject:
            return self._storage.complete_multipart(
                self._ref,
                begun,
                parts,
                size=plan.size,
                checksum=checksum,
                only_if_absent=self._only_if_absent,
            )

        try:
            stored = self._publish(request, begun.algorithm, checksum)
            return self._proved(stored, parts, begun.algorithm, checksum)
        except ChecksumMismatch:
            if self._check_source is not None:
                self._check_source()  # a file that is being rewritten is the likelier reason
            raise

    def _begin(self) -> BegunUpload:
        unclear = False

        def ask() -> BegunUpload:
            nonlocal unclear
            try:
                # Not cut by a cancel: an answer that is not read is an upload nobody knows of.
                return self._storage.create_multipart(self._ref, self._marked_headers())
            except (Offline, ServiceTrouble) as exc:
                unclear |= exc.code not in _NEVER_ARRIVED
                raise

        self._ask = workers.start(lambda: self._weather.run(ask, self._stop), "upload-begin")
        begun = self._result(self._ask)
        self._log.created(begun.upload_id, begun.algorithm)
        record = self._log.earlier() if unclear else None
        if record is not None:
            sweep_unanswered(self._storage, record, but=begun.upload_id)
        return begun

    def _send_parts(self, begun: BegunUpload, plan: PartPlan, done: dict[int, PartResult]) -> None:
        pieces = [piece for piece in plan.ranges if piece.number not in done]
        missing: Iterator[PartRange] = iter(pieces)
        governor = self._governor = Governor(self._parallel, len(pieces))
        lock = threading.Lock()
        under_way = 0

        def send_some() -> None:
            nonlocal under_way
            while True:
                with lock:
                    piece = next(missing, None) if under_way <= governor.target else None
                    if piece is None:
                        under_way -= 1
                        return
                part = self._send(begun, piece)
                with lock:
                    done[part.number] = part
                self._log.part_finished(part)

        base = self._meter.sent_bytes if self._meter is not None else 0
        while len(done) < plan.count:
            with lock:
                left = plan.count - len(done)
                more = min(governor.target, left) - under_way
                under_way += max(0, more)
            self._senders += [workers.start(send_some, f"upload-part-{len(self._senders) + i}") for i in range(more)]
            self._wait_for(self._senders, governor.interval_s)
            self._senders = [sender for sender in self._senders if not sender.done()]
            sent = (self._meter.sent_bytes if self._meter is not None else 0) - base
            governor.observe(time.monotonic(), sent, self._limiter.bytes_per_s if self._limiter else None)

    def _send(self, begun: BegunUpload, piece: PartRange) -> PartResult:
        def once() -> PartResult:
            with self._watch.attempt(self._stop, piece.length, self._meter) as attempt:
                return self._storage.upload_part(
                    self._ref,
                    begun,
                    piece.number,
                    self._source,
                    piece.offset,
                    piece.length,
                    token=attempt.token,
                    meter=attempt,
                    limiter=self._limiter,
                )

        try:
            return self._weather.run(once, self._stop)
        except ChecksumMismatch:
            if self._check_source is not None:
                self._check_source()
            raise

    def _publish(self, request: Callable[[Attempt], StoredObject], algorithm: str, checksum: str) -> StoredObject:
        """Run the request that makes the object visible, and find out what became of it if that is unclear."""
        conflicts = 0

        def once() -> StoredObject:
            nonlocal conflicts
            while True:
                try:
                    with self._watch.attempt(self._stop, self._source.size, self._meter) as attempt:
                        return request(attempt)
                except Conflict:
                    conflicts += 1
                    if conflicts == _CONFLICT_TRIES or self._stop.wait(_BACKOFF_S * conflicts):
                        raise
                except (KeyTaken, ObjectNotFound, UploadGone):
                    # The answer to an earlier try may have been lost, and this one meets our own object.
                    ours = own_object(self._storage, self._ref, self._mark, self._source.size)
                    if ours is None:
                        raise
                    return check_same(ours, self._source, algorithm, checksum, self._stop)
                except (Offline, ServiceTrouble) as exc:
                    ours = None if exc.code in _NEVER_ARRIVED else self._ours()
                    if ours is None:
                        raise
                    _log.info("a lost reply (%s), but the object is there", exc.kind)
                    return check_same(ours, self._source, algorithm, checksum, self._stop)

        self._log.completing()
        self._final = workers.start(lambda: self._weather.run(once, self._stop, damaged_again=False), "upload-publish")
        if self._only_if_absent:
            return self._result(self._final)
        while not self._final.done():
            wait([self._final], timeout=_LOOK_S)
            self._watch.look()
        return self._final.result()

    def _ours(self) -> StoredObject | None:
        """The object under our key if this upload wrote it; None also if that cannot be seen now."""
        try:
            return own_object(self._storage, self._ref, self._mark, self._source.size)
        except VidcdnError:
            return None

    def _marked_headers(self) -> ObjectHeaders:
        return replace(self._headers, metadata={**self._headers.metadata, JOB_KEY: self._mark})

    # Waiting
    def _result(self, future: Future[_T]) -> _T:
        while not future.done():
            self._wait_for([future], _LOOK_S)
        return future.result()

    def _wait_for(self, futures: Sequence[Future[Any]], timeout_s: float) -> None:
        """Wait until one has ended, or for a while; leave at once on the first failure or when the user stops."""
        awaited: set[Future[Any]] = {*futures, self._stopped}
        wait(awaited, timeout=timeout_s, return_when=FIRST_COMPLETED)
        if self._stopped.done():
            raise self._token.stopped()
        for future in futures:
            if future.done():
                future.result()
        self._watch.look()

    # Endings
    def is_worth_keeping(self, exc: BaseException) -> bool:
        """Whether the transfer can go on later from what was sent."""
        if isinstance(exc, Cancelled):
            return isinstance(exc, Paused)
        return self._begun is not None and not isinstance(exc, _FOR_GOOD)

    def keep(self, exc: BaseException) -> None:
        """Stop, and leave in the bucket what was sent."""
        self._stop.cancel()
        self._untie()
        wait(self._senders, timeout=_SETTLE_S)
        if isinstance(exc, VidcdnError):
            exc.meaning = "Nothing was published yet. What was sent is kept, and Resume goes on from there."

    def undo(self, wait_s: float) -> bool:
        """Leave nothing behind; True if that is known to have worked within `wait_s` seconds."""
        self._stop.cancel()
        self._untie()
        if self._ask is None and self._begun is None and self._final is None and self._record is None:
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
        if self._begun is None and self._ask is not None:
            wait([self._ask], timeout=_STUCK_S)
            if self._ask.done() and self._ask.exception() is None:
                self._begun = self._ask.result()
        if self._begun is None:
            return self._forget_unbegun()
        upload_id = self._begun.upload_id
        late = wait(self._senders, timeout=_SETTLE_S).not_done
        gone = undo.abort(self._storage, self._ref, upload_id)
        if late:
            # A part that was under way may have arrived after the abort; it would stay, and cost money.
            wait(late, timeout=_STUCK_S)
            gone = undo.abort(self._storage, self._ref, upload_id)
        gone = gone and undo.is_gone(self._storage, self._ref, upload_id)
        if gone:
            self._log.ended(completed=False)
        else:
            _log.warning("an unfinished upload may be left under %s", self._ref)
        return gone

    def _forget_unbegun(self) -> bool:
        """No upload is known to have begun: look whether one did all the same, and end the log."""
        if self._ask is not None and not self._ask.done():
            return False
        record = self._log.earlier()
        return record is None or undo.discard(self._storage, record, self._log)

    def _take_back(self) -> bool:
        """Delete the object if this upload wrote it under a fresh key, or the version it wrote."""
        ended = self._final.exception() if self._final is not None and self._final.done() else None
        if isinstance(ended, VidcdnError) and (not isinstance(ended, _UNCLEAR) or ended.code in _NEVER_ARRIVED):
            return True
        ours = self._ours()
        if ours is None or not (self._only_if_absent or ours.version_id):
            return True
        return undo.take_back(self._storage, ours)


def _new_mark(headers: ObjectHeaders) -> str:
    given = headers.metadata.get(JOB_KEY, "")
    return f"{given}.{uuid.uuid4().hex[:12]}" if given else uuid.uuid4().hex
