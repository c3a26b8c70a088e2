"""One upload from its first request to its proof. `upload` is the door; `ending` tidies up when it fails."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from vidcdn_desktop.bytesource import ByteSource, BytesSource, layout_digest
from vidcdn_desktop.errors import (
    ChecksumMismatch,
    Conflict,
    KeyTaken,
    ObjectNotFound,
    Offline,
    ServiceTrouble,
    SourceChanged,
    UploadGone,
    VidcdnError,
)
from vidcdn_desktop.storage import undo, workers
from vidcdn_desktop.storage.checksums import combined
from vidcdn_desktop.storage.flow import Flow
from vidcdn_desktop.storage.part_senders import PartSenders
from vidcdn_desktop.storage.parts import SINGLE_PUT_LIMIT, PartPlan, plan_parts
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
from vidcdn_desktop.storage.watch import Attempt

_log = logging.getLogger(__name__)

NEVER_ARRIVED = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"})
"""Offline in a way that says the request was not sent."""

_CONFLICT_TRIES = 4
_BACKOFF_S = 0.3


class Transfer:
    """One upload on its way. What its ending needs is public: see `ending`."""

    def __init__(
        self,
        storage: Storage,
        source: ByteSource,
        ref: ObjectRef,
        headers: ObjectHeaders,
        flow: Flow,
        part_log: PartLog,
        only_if_absent: bool,
        replaces: str,
        parallel: int,
        check_source: Callable[[], None] | None,
        note: Callable[[str], None],
    ) -> None:
        self.storage = storage
        self.source = source
        self.ref = ref
        self._headers = headers
        self.flow = flow
        self.log = part_log
        self.only_if_absent = only_if_absent
        self._replaces = replaces
        self._parallel = parallel
        self._check_source = check_source
        self._note = note
        self.mark = _new_mark(headers)
        self.ask: Future[BegunUpload] | None = None
        self.begun: BegunUpload | None = None
        self.senders = PartSenders(storage, source, ref, flow, part_log, check_source)
        self.record: UploadRecord | None = None
        self.final: Future[StoredObject] | None = None
        """The request that makes the object visible."""

    def send(self) -> StoredObject:
        """Go on where an earlier run was left, or begin."""
        self.flow.token.raise_if_cancelled()
        layout = layout_digest(self.source)
        single = self.source.size <= SINGLE_PUT_LIMIT
        plan = PartPlan(self.source.size, 0) if single else plan_parts(self.source.size)
        record = self.record = self.log.earlier()
        remembered: dict[int, PartResult] = {}
        if record is not None:
            if self._fits(record, layout):
                self.mark = record.intent.mark
                if not single:
                    plan = PartPlan(plan.size, record.intent.part_size)
                found = self._go_on(record, plan)
                if isinstance(found, StoredObject):
                    complete = bool(plan.part_size) and len(record.parts) == plan.count
                    checksum = combined(record.algorithm, record.parts) if complete else ""
                    check_same(found, self.source, record.algorithm, checksum, self.flow.stop)
                    return self._proved(found, record.parts, record.algorithm, checksum)
                remembered = found
            else:
                self._give_up(record, layout)
        if self.begun is None:
            self.mark = _new_mark(self._headers)
            intent = UploadIntent(self.ref, plan.size, plan.part_size, self.mark, layout, self.only_if_absent)
            self.log.planned(intent)
        if single:
            return self._proved(self._single(), (), "", "")
        return self._multipart(plan, remembered)

    # Going on
    def _fits(self, record: UploadRecord, layout: str) -> bool:
        intent = record.intent
        multipart = intent.part_size > 0
        return (
            bool(layout)
            and (intent.ref, intent.size, intent.layout) == (self.ref, self.source.size, layout)
            and multipart == (self.source.size > SINGLE_PUT_LIMIT)
        )

    def _give_up(self, record: UploadRecord, layout: str) -> None:
        """What was sent earlier is of no use now.

        Raises: SourceChanged: it is the same film under the same name, but its bytes are others now.
        """
        self.flow.patiently(lambda: undo.discard(self.storage, record, self.log))
        if record.intent.ref == self.ref and layout and record.intent.layout != layout:
            raise source_changed(str(self.ref))

    def _go_on(self, record: UploadRecord, plan: PartPlan) -> StoredObject | dict[int, PartResult]:
        """The finished object of the earlier run, or the parts that need not be sent again."""

        def look() -> StoredObject | dict[int, PartResult]:
            remains = None
            if record.intent.part_size:
                remains = remains_of(self.storage, self.source, record, plan, self.flow.stop)
            if remains is None:
                # Completed, and the answer was lost with the process; or swept away.
                found = own_object(self.storage, self.ref, self.mark, self.source.size)
                if found is None and record.parts:
                    self._note("What was sent before is no longer in the bucket, so the video was sent from its start.")
                return found or {}
            self.begun = remains.begun
            return remains.parts

        try:
            found = self.flow.patiently(look)
        except SourceChanged:
            undo.discard(self.storage, record, self.log)
            raise
        done = found.size if isinstance(found, StoredObject) else sum(part.size for part in found.values())
        if self.flow.meter is not None:
            self.flow.meter.add_present(done)
        return found

    # Sending
    def _proved(self, stored: StoredObject, parts: Sequence[PartResult], algorithm: str, checksum: str) -> StoredObject:
        """The end of every upload: only what is proved is forgotten by the log."""
        result = proved(self.storage, stored, self.source, parts, algorithm, checksum)
        self.log.ended(completed=True)
        return result

    def _single(self) -> StoredObject:
        """One PutObject. The bytes are held, so that they can be checked before they are sent."""
        held = BytesSource(self.source.read_at(0, self.source.size))
        if self._check_source is not None:
            self._check_source()

        def request(attempt: Attempt) -> StoredObject:
            return self.storage.put(
                self.ref,
                held,
                self._marked_headers(),
                token=attempt.token,
                meter=attempt,
                limiter=self.flow.limiter,
                only_if_absent=self.only_if_absent,
                replaces=self._replaces,
            )

        return self._publish(request, "", "")

    def _multipart(self, plan: PartPlan, done: dict[int, PartResult]) -> StoredObject:
        """Parts in parallel, then complete."""
        begun = self.begun or self._begin()
        self.begun = begun
        self.senders.send(begun, plan, done, self._parallel)
        parts = [done[number] for number in sorted(done)]
        checksum = combined(begun.algorithm, parts)
        if self._check_source is not None:
            self._check_source()
        self.flow.token.raise_if_cancelled()

        def request(_attempt: Attempt) -> StoredObject:
            return self.storage.complete_multipart(
                self.ref,
                begun,
                parts,
                size=plan.size,
                checksum=checksum,
                only_if_absent=self.only_if_absent,
                replaces=self._replaces,
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
                return self.storage.create_multipart(self.ref, self._marked_headers())
            except (Offline, ServiceTrouble) as exc:
                unclear |= exc.code not in NEVER_ARRIVED
                raise

        self.ask = workers.start(lambda: self.flow.patiently(ask), "upload-begin")
        begun = self.flow.result(self.ask)
        self.log.created(begun.upload_id, begun.algorithm)
        record = self.log.earlier() if unclear else None
        if record is not None:
            sweep_unanswered(self.storage, record, but=begun.upload_id)
        return begun

    def _publish(self, request: Callable[[Attempt], StoredObject], algorithm: str, checksum: str) -> StoredObject:
        """Run the request that makes the object visible, and find out what became of it if that is unclear."""
        conflicts = 0

        def once() -> StoredObject:
            nonlocal conflicts
            while True:
                try:
                    with self.flow.attempt(self.source.size) as attempt:
                        return request(attempt)
                except Conflict:
                    conflicts += 1
                    if conflicts == _CONFLICT_TRIES or self.flow.stop.wait(_BACKOFF_S * conflicts):
                        raise
                except (KeyTaken, ObjectNotFound, UploadGone):
                    # The answer to an earlier try may have been lost, and this one meets our own object.
                    ours = own_object(self.storage, self.ref, self.mark, self.source.size)
                    if ours is None:
                        raise
                    return check_same(ours, self.source, algorithm, checksum, self.flow.stop)
                except (Offline, ServiceTrouble) as exc:
                    ours = None if exc.code in NEVER_ARRIVED else self.ours()
                    if ours is None:
                        raise
                    _log.info("a lost reply (%s), but the object is there", exc.kind)
                    return check_same(ours, self.source, algorithm, checksum, self.flow.stop)

        if self.begun is not None:  # a single request leaves nothing to settle but a look at the object
            self.log.completing()
        if self.begun is None:
            # A small file: handing it to a thread of its own and back costs as much as sending it.
            return self._publish_here(once)
        self.final = workers.start(lambda: self.flow.patiently(once, damaged_again=False), "upload-publish")
        if self.only_if_absent:
            return self.flow.result(self.final)
        return self.flow.result_whatever(self.final)

    def _publish_here(self, once: Callable[[], StoredObject]) -> StoredObject:
        self.final = Future()
        try:
            stored = self.flow.patiently(once, damaged_again=False)
        except BaseException as exc:
            self.final.set_exception(exc)
            raise
        self.final.set_result(stored)
        return stored

    def ours(self) -> StoredObject | None:
        """The object under our key if this upload wrote it; None also if that cannot be seen now."""
        try:
            return own_object(self.storage, self.ref, self.mark, self.source.size)
        except VidcdnError:
            return None

    def _marked_headers(self) -> ObjectHeaders:
        return replace(self._headers, metadata={**self._headers.metadata, JOB_KEY: self.mark})


def _new_mark(headers: ObjectHeaders) -> str:
    given = headers.metadata.get(JOB_KEY, "")
    return f"{given}.{uuid.uuid4().hex[:12]}" if given else uuid.uuid4().hex
