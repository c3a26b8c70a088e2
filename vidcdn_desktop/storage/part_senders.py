"""Sending the parts of one upload: several at a time, as many as help."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.errors import ChecksumMismatch
from vidcdn_desktop.storage import workers
from vidcdn_desktop.storage.flow import Flow
from vidcdn_desktop.storage.governor import Governor
from vidcdn_desktop.storage.parts import PartPlan, PartRange
from vidcdn_desktop.storage.port import BegunUpload, ObjectRef, PartLog, PartResult, Storage


class PartSenders:
    """The threads that send parts. `send` is called once, by the thread that waits for them."""

    def __init__(
        self,
        storage: Storage,
        source: ByteSource,
        ref: ObjectRef,
        flow: Flow,
        log: PartLog,
        check_source: Callable[[], None] | None,
    ) -> None:
        self._storage = storage
        self._source = source
        self._ref = ref
        self._flow = flow
        self._log = log
        self._check_source = check_source
        self._lock = threading.Lock()
        self._under_way = 0
        self._names = 0
        self.threads: list[Future[None]] = []
        """Those that may still be sending."""

    def send(self, begun: BegunUpload, plan: PartPlan, done: dict[int, PartResult], most: int) -> Governor:
        """Send what is missing in `done`, and put it there. Gives the governor, for its history.

        Raises: Cancelled, Paused, and what made a part fail for good.
        """
        flow = self._flow
        pieces = [piece for piece in plan.ranges if piece.number not in done]
        missing = iter(pieces)
        governor = Governor(most, len(pieces))

        def send_some() -> None:
            while True:
                with self._lock:
                    piece = next(missing, None) if self._under_way <= governor.target else None
                    if piece is None:
                        self._under_way -= 1
                        return
                part = self._send_one(begun, piece)
                with self._lock:
                    done[part.number] = part
                self._log.part_finished(part)

        base = flow.meter.sent_bytes if flow.meter is not None else 0
        while len(done) < plan.count:
            with self._lock:
                more = min(governor.target, plan.count - len(done)) - self._under_way
                self._under_way += max(0, more)
            self._start(send_some, more)
            flow.wait_for(self.threads, governor.interval_s)
            self.threads = [thread for thread in self.threads if not thread.done()]
            sent = (flow.meter.sent_bytes if flow.meter is not None else 0) - base
            governor.observe(time.monotonic(), sent, flow.limiter.bytes_per_s if flow.limiter else None)
        return governor

    def _start(self, call: Callable[[], None], count: int) -> None:
        for _ in range(count):
            self._names += 1
            self.threads.append(workers.start(call, f"upload-part-{self._names}"))

    def _send_one(self, begun: BegunUpload, piece: PartRange) -> PartResult:
        def once() -> PartResult:
            with self._flow.attempt(piece.length) as attempt:
                return self._storage.upload_part(
                    self._ref,
                    begun,
                    piece.number,
                    self._source,
                    piece.offset,
                    piece.length,
                    token=attempt.token,
                    meter=attempt,
                    limiter=self._flow.limiter,
                )

        try:
            return self._flow.patiently(once)
        except ChecksumMismatch:
            if self._check_source is not None:
                self._check_source()  # a file that is being rewritten is the likelier reason
            raise
