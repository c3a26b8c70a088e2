"""Leave nothing behind: abort a multipart upload, abort what came late, look, and take an object back."""

from __future__ import annotations

import logging
import threading

from vidcdn_desktop.errors import AccessDenied, Offline, ServiceTrouble, Throttled, VidcdnError
from vidcdn_desktop.storage.port import ObjectRef, PartLog, Storage, StoredObject, UploadRecord
from vidcdn_desktop.storage.resume import sweep_unanswered

_log = logging.getLogger(__name__)

_ABORT_TRIES = 3
_BACKOFF_S = 0.3


def abort(storage: Storage, ref: ObjectRef, upload_id: str) -> bool:
    """Abort an upload; True if the store acknowledged it. Blocks, up to some seconds on a bad network."""
    waiter = threading.Event()
    for number in range(1, _ABORT_TRIES + 1):
        try:
            storage.abort_multipart(ref, upload_id)
        except (Offline, ServiceTrouble, Throttled) as exc:
            _log.info("abort failed: %s", exc.what)
            waiter.wait(_BACKOFF_S * number)
        except VidcdnError as exc:
            _log.info("abort refused: %s", exc.what)
            return False
        else:
            return True
    return False


def is_gone(storage: Storage, ref: ObjectRef, upload_id: str) -> bool:
    """Look whether an upload is still listed, and abort it again if so."""
    for _ in range(_ABORT_TRIES):
        try:
            listed = storage.list_unfinished(ref.bucket, ref.key)
            if all(found.upload_id != upload_id for found in listed):
                return True
        except AccessDenied:
            return True  # not everybody may list; the abort was acknowledged
        except VidcdnError:
            return False
        if not abort(storage, ref, upload_id):
            return False
    return False


def take_back(storage: Storage, stored: StoredObject) -> bool:
    """Delete an object (the very version where the bucket keeps versions); True if that worked."""
    try:
        storage.delete(stored.ref, stored.version_id)
    except AccessDenied:
        try:
            storage.delete(stored.ref)
        except VidcdnError:
            return False
    except VidcdnError:
        return False
    return True


def discard(storage: Storage, record: UploadRecord, log: PartLog) -> bool:
    """Give up an upload that was begun earlier; True if it is known to be gone. Blocks.

    The log forgets it only then, so that it can be tried again.
    """
    ref = record.intent.ref
    if record.upload_id:
        gone = abort(storage, ref, record.upload_id) and is_gone(storage, ref, record.upload_id)
    else:
        sweep_unanswered(storage, record)
        gone = True
    if gone:
        log.ended(completed=False)
    return gone
