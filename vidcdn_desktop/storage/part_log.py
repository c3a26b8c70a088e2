"""Part logs beside the journal: one that forgets, and one that lets an upload go on when the log cannot be written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.storage.port import PartLog, PartResult, UploadIntent, UploadRecord

_log = logging.getLogger(__name__)


class NullPartLog:
    """Remembers as long as the upload runs."""

    def __init__(self) -> None:
        self._record: UploadRecord | None = None

    def earlier(self) -> UploadRecord | None:
        """See `PartLog.earlier`."""
        return self._record

    def planned(self, intent: UploadIntent) -> None:
        """See `PartLog.planned`."""
        self._record = UploadRecord(intent, "", "", (), completing=False, begun=datetime.now(UTC))

    def created(self, upload_id: str, algorithm: str) -> None:
        """See `PartLog.created`."""
        if self._record is not None:
            self._record = replace(self._record, upload_id=upload_id, algorithm=algorithm)

    def part_finished(self, part: PartResult) -> None:
        """See `PartLog.part_finished`."""

    def completing(self) -> None:
        """See `PartLog.completing`."""

    def ended(self, *, completed: bool) -> None:  # noqa: ARG002 - the port's signature
        """See `PartLog.ended`."""
        self._record = None


class TrustingPartLog:
    """Passes on to a real log; when that cannot be written, tells it once and lets the upload go on without.

    A full disk must not keep a film from being published.
    """

    def __init__(self, log: PartLog, note: Callable[[str], None]) -> None:
        self._log: PartLog = log
        self._note = note

    def earlier(self) -> UploadRecord | None:
        """See `PartLog.earlier`."""
        return self._log.earlier()

    def planned(self, intent: UploadIntent) -> None:
        """See `PartLog.planned`."""
        try:
            self._log.planned(intent)
        except VidcdnError as exc:
            _log.warning("the journal cannot be written: %s", exc.what)
            self._note(f"{exc.what} This upload cannot be resumed if the program is stopped.")
            self._log = NullPartLog()
            self._log.planned(intent)

    def created(self, upload_id: str, algorithm: str) -> None:
        """See `PartLog.created`."""
        try:
            self._log.created(upload_id, algorithm)
        except VidcdnError as exc:
            _log.warning("the journal cannot be written: %s", exc.what)

    def part_finished(self, part: PartResult) -> None:
        """See `PartLog.part_finished`."""
        self._log.part_finished(part)

    def completing(self) -> None:
        """See `PartLog.completing`."""
        try:
            self._log.completing()
        except VidcdnError as exc:
            _log.warning("the journal cannot be written: %s", exc.what)

    def ended(self, *, completed: bool) -> None:
        """See `PartLog.ended`."""
        try:
            self._log.ended(completed=completed)
        except VidcdnError as exc:
            _log.warning("the journal cannot be written: %s", exc.what)
