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

from collections.abc import Callable

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    VidcdnError,
)
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.ending import Ending
from vidcdn_desktop.storage.flow import Flow
from vidcdn_desktop.storage.governor import MOST
from vidcdn_desktop.storage.part_log import NullPartLog, TrustingPartLog
from vidcdn_desktop.storage.port import (
    ObjectHeaders,
    ObjectRef,
    PartLog,
    Storage,
    StoredObject,
)
from vidcdn_desktop.storage.resume import JOB_KEY
from vidcdn_desktop.storage.transfer import Transfer
from vidcdn_desktop.storage.weather import Weather

__all__ = ["JOB_KEY", "NullPartLog", "upload"]


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
    replaces: str = "",
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
        replaces: ETag of the object that may be replaced, and no other; empty: any, unless `only_if_absent`.
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
    flow = Flow(token, meter, limiter, weather or Weather())
    transfer = Transfer(
        storage,
        source,
        ref,
        headers,
        flow,
        TrustingPartLog(part_log, note) if part_log is not None else NullPartLog(),
        only_if_absent,
        replaces,
        max(1, parallel),
        check_source,
        note,
    )
    if meter is not None and meter.snapshot().total_bytes is None:
        meter.set_total(source.size)
    try:
        return transfer.send()
    except BaseException as exc:
        ending = Ending(transfer)
        if part_log is not None and ending.is_worth_keeping(exc):
            ending.keep(exc)
            raise
        clean = ending.undo(cleanup_wait_s)
        if isinstance(exc, VidcdnError) and not clean:
            exc.meaning += " Something unfinished may still be in the bucket."
        raise
    finally:
        flow.close()
