"""How an upload ends that did not come through: what was sent is kept, or nothing is left behind."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import wait
from functools import partial

from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.errors import (
    AccessDenied,
    BucketNotFound,
    ChecksumMismatch,
    Conflict,
    KeyTaken,
    Offline,
    ServiceTrouble,
    SourceChanged,
    UnsupportedMedia,
    UploadGone,
    VidcdnError,
)
from vidcdn_desktop.storage import undo, workers
from vidcdn_desktop.storage.port import StoredObject
from vidcdn_desktop.storage.resume import own_object
from vidcdn_desktop.storage.transfer import NEVER_ARRIVED, Transfer
from vidcdn_desktop.storage.weather import Patience, Weather

_log = logging.getLogger(__name__)

_UNCLEAR = (Offline, ServiceTrouble, ChecksumMismatch)
"""Endings of the last request after which the object may be there all the same."""

_FOR_GOOD = (BucketNotFound, ChecksumMismatch, Conflict, KeyTaken, SourceChanged, UnsupportedMedia, UploadGone)
"""Failures after which what was sent is of no more use."""

_SETTLE_S = 0.25
"""Threads whose connections were cut end well within this time."""

_LOOK_FOR_S = 4.0
_LOOK_AGAIN_S = 0.7
_STUCK_S = 15.0
"""How long the clean-up waits for threads that are stuck all the same (a name that is being looked up)."""


class Ending:
    """The end of one transfer."""

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer

    def is_worth_keeping(self, exc: BaseException) -> bool:
        """Whether the transfer can go on later from what was sent."""
        if isinstance(exc, Cancelled):
            return isinstance(exc, Paused)
        return self._transfer.begun is not None and not isinstance(exc, _FOR_GOOD)

    def keep(self, exc: BaseException) -> None:
        """Stop, and leave in the bucket what was sent."""
        self._transfer.flow.halt()
        wait(self._transfer.senders.threads, timeout=_SETTLE_S)
        if isinstance(exc, VidcdnError):
            exc.meaning = "Nothing was published yet. What was sent is kept, and Resume goes on from there."

    def undo(self, wait_s: float) -> bool:
        """Leave nothing behind; True if that is known to have worked within `wait_s` seconds."""
        self._transfer.flow.halt()
        if not self._left_anything():
            return True
        # Not a daemon: the program may end, but only after the bucket is clean or this has given up.
        cleaning = workers.start(self._clean_up, "upload-clean-up", daemon=False)
        wait([cleaning], timeout=wait_s)
        if not cleaning.done():
            return False
        failure = cleaning.exception()  # of the part log: everything else is an answer
        if failure is not None:
            _log.error("the clean-up of %s failed", self._transfer.ref, exc_info=failure)
        return failure is None and cleaning.result()

    def _left_anything(self) -> bool:
        t = self._transfer
        return any(trace is not None for trace in (t.ask, t.begun, t.final, t.record))

    def _clean_up(self) -> bool:
        if self._transfer.final is not None:
            wait([self._transfer.final], timeout=_STUCK_S)
            if not self._take_back():
                return False
        if self._transfer.begun is None and self._transfer.ask is not None:
            wait([self._transfer.ask], timeout=_STUCK_S)
            if self._transfer.ask.done() and self._transfer.ask.exception() is None:
                self._transfer.begun = self._transfer.ask.result()
        if self._transfer.begun is None:
            return self._forget_unbegun()
        upload_id = self._transfer.begun.upload_id
        late = wait(self._transfer.senders.threads, timeout=_SETTLE_S).not_done
        gone = undo.abort(self._transfer.storage, self._transfer.ref, upload_id)
        if late:
            # A part that was under way may have arrived after the abort; it would stay, and cost money.
            wait(late, timeout=_STUCK_S)
            gone = undo.abort(self._transfer.storage, self._transfer.ref, upload_id)
        gone = gone and undo.is_gone(self._transfer.storage, self._transfer.ref, upload_id)
        if gone:
            self._transfer.log.ended(completed=False)
        else:
            _log.warning("an unfinished upload may be left under %s", self._transfer.ref)
        return gone

    def _forget_unbegun(self) -> bool:
        """No upload is known to have begun: look whether one did all the same, and end the log."""
        if self._transfer.ask is not None and not self._transfer.ask.done():
            return False
        record = self._transfer.log.earlier()
        return record is None or undo.discard(self._transfer.storage, record, self._transfer.log)

    def _look_for_ours(self) -> StoredObject | None:
        """The object if this upload wrote it; tried again for some seconds, since nobody looks later.

        Raises: what the store raises.
        """
        transfer = self._transfer
        look = partial(own_object, transfer.storage, transfer.ref, transfer.mark, transfer.source.size)
        return Weather(Patience(limit_s=_LOOK_FOR_S)).run(look, CancelToken())

    def _take_back(self) -> bool:
        """Delete the object if this upload wrote it under a fresh key, or the version it wrote."""
        final = self._transfer.final
        ended = final.exception() if final is not None and final.done() else None
        if isinstance(ended, VidcdnError) and (not isinstance(ended, _UNCLEAR) or ended.code in NEVER_ARRIVED):
            return True
        try:
            ours = self._look_for_ours()
            if ours is None and isinstance(ended, Cancelled):
                # Cut while the answer was awaited: the store may still have been at it.
                threading.Event().wait(_LOOK_AGAIN_S)
                ours = self._look_for_ours()
        except AccessDenied:
            return True  # whoever may not look was told by the refusal above all there is
        except VidcdnError as exc:
            _log.warning("it is not known whether %s is there: %s", self._transfer.ref, exc.what)
            return False
        if ours is None or not (self._transfer.only_if_absent or ours.version_id):
            return True
        return undo.take_back(self._transfer.storage, ours)
