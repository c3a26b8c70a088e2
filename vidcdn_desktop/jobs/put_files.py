"""Put files into the bucket as they are: small ones side by side, large ones in parts that outlive the process.

Putting the same files again goes on where an earlier run was left: what is there already is found out by its checksum,
a large file goes on with the parts it has.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import KeyTaken, Offline, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord, Journal, OpenUpload
from vidcdn_desktop.jobs.keeping import claimed
from vidcdn_desktop.jobs.put_plan import FileToPut, PutPlan
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.content_types import content_type
from vidcdn_desktop.storage.crowd import Sending, send_all
from vidcdn_desktop.storage.parts import SINGLE_PUT_LIMIT
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef, PartLog, StoredObject
from vidcdn_desktop.storage.upload import upload
from vidcdn_desktop.storage.weather import Patience, Weather

KIND = "put"
"""Of the journal's rows; only files in parts have one."""


class PutState(Enum):
    """What came of one file."""

    PUT = "put"
    ALREADY = "already there"
    """The object has the same bytes."""
    EXISTS = "exists"
    """Another object has the name, and nothing was to be replaced."""
    FAILED = "failed"


@dataclass(frozen=True)
class PutResult:
    """One file's end."""

    file: FileToPut
    state: PutState
    stored: StoredObject | None = None
    error: VidcdnError | None = None


class PutFiles:
    """One run over a plan. `run` is called once, in any thread but the GUI's.

    Args:
        connection: Whose bucket it is.
        plan: See `put_plan.plan_put`.
        token: Cancels or pauses; both end the run.
        replace: Whether an object that is there may be replaced.
        cache_control: Header for every object; empty for none.
        journal: Remembers files in parts; None forgets.
        limiter: Holds the bandwidth down.
        patience: How long to wait for a network that is gone.
        on_done: Told of each file, in the thread that sent it.
    """

    def __init__(
        self,
        connection: Connection,
        plan: PutPlan,
        *,
        token: CancelToken,
        replace: bool = False,
        cache_control: str = "",
        journal: Journal | None = None,
        limiter: RateLimiter | None = None,
        patience: Patience | None = None,
        on_done: Callable[[PutResult], None] = lambda _result: None,
    ) -> None:
        self._connection = connection
        self._plan = plan
        self._token = token
        self._replace = replace
        self._cache_control = cache_control
        self._journal = journal
        self._limiter = limiter
        self._patience = patience or Patience()
        self._on_done = on_done
        self._lock = threading.Lock()
        self._results: list[PutResult] = []
        self.meter = ProgressMeter(plan.total_bytes)
        """Bytes of all files."""

    def run(self) -> list[PutResult]:
        """Put every file; what became of each, in order of their keys.

        What a file fails with is in its result.

        Raises: Cancelled, Paused, and Offline where the network stays away: what was done is in the bucket, of the
            others a large one is kept half done.
        """
        self._connection.prepare_publish(self._token)
        sendings = [Sending(file.size, partial(self._put, file)) for file in self._plan.files]
        send_all(sendings, token=self._token, sent_bytes=lambda: self.meter.sent_bytes, limiter=self._limiter)
        return self.results()

    def results(self) -> list[PutResult]:
        """Of the files that are done so far."""
        with self._lock:
            return sorted(self._results, key=lambda result: result.file.ref.key)

    def _put(self, file: FileToPut) -> None:
        try:
            result = self._sent(file)
        except VidcdnError as exc:
            result = PutResult(file, PutState.FAILED, error=exc)
        with self._lock:
            self._results.append(result)
        self._on_done(result)
        if isinstance(result.error, Offline):
            raise result.error  # the others would only wait as long

    def _sent(self, file: FileToPut) -> PutResult:
        with FileSource(file.path) as source:
            try:
                if file.size > SINGLE_PUT_LIMIT and self._journal is not None:
                    stored = self._remembered(file, source, self._journal)
                else:
                    stored = self._upload(file, source, None)
            except KeyTaken as exc:
                there = self._connection.storage.head(file.ref)
                state = PutState.ALREADY if _has(there, source) else PutState.EXISTS
                if state is PutState.ALREADY:
                    self.meter.add_present(source.size)
                return PutResult(file, state, there, None if state is PutState.ALREADY else exc)
        return PutResult(file, PutState.PUT, stored)

    def _upload(self, file: FileToPut, source: FileSource, log: PartLog | None) -> StoredObject:
        return upload(
            self._connection.storage,
            source,
            file.ref,
            ObjectHeaders(file.content_type, self._cache_control),
            token=self._token,
            meter=self.meter,
            part_log=log,
            only_if_absent=not self._replace,
            parallel=self._connection.parallel_parts,
            check_source=source.check_unchanged,
            limiter=self._limiter,
            weather=Weather(
                self._patience,
                is_back=self._connection.reachable(),
                renew=self._connection.reload_credentials,
            ),
        )

    def _remembered(self, file: FileToPut, source: FileSource, journal: Journal) -> StoredObject:
        """Send a large file with a row in the journal; the same file to the same key finds it again.

        Raises: UploadBusy: another running copy is at it.
        """
        endpoint = self._connection.clients.endpoint
        job_id = _job_id(endpoint, file)
        record = JobRecord(
            id=job_id,
            kind=KIND,
            state="running",
            title=file.path.name,
            source=str(file.path.absolute()),
            identity=source.identity,
            connection_id=self._connection.profile.id,
            connection_name=self._connection.profile.name,
            endpoint=endpoint,
            bucket=file.ref.bucket,
            key=file.ref.key,
            size=file.size,
        )
        with claimed(journal, job_id, partial(_save, journal, record)):
            log = journal.part_log(job_id, key=file.ref.key, profile_id=record.connection_id, endpoint=endpoint)
            try:
                stored = self._upload(file, source, log)
            finally:
                if log.earlier() is None:  # put, or nothing of it is left in the bucket
                    journal.remove_job(job_id)
        return stored


def left_over(journal: Journal) -> list[tuple[JobRecord, OpenUpload | None]]:
    """Large files whose sending was interrupted, oldest first, with what they have in the bucket."""
    uploads = {found.job_id: found for found in journal.unfinished_uploads()}
    rows = [row for row in journal.unfinished() if row.kind == KIND and not row.owned_elsewhere]
    return sorted(((row, uploads.get(row.id)) for row in rows), key=lambda pair: pair[0].created)


def plan_again(record: JobRecord) -> PutPlan:
    """The plan for one that `left_over` gave."""
    file = FileToPut(
        Path(record.source), ObjectRef(record.bucket, record.key), record.size or 0, content_type(record.key)
    )
    return PutPlan((file,), ())


def give_up(connection: Connection, journal: Journal, record: JobRecord) -> bool:
    """Remove what one that `left_over` gave has in the bucket, and forget it; False if something may be left.

    Raises: UploadBusy: another running copy is at it. SettingsInvalid, DiskFull.
    """
    with claimed(journal, record.id, partial(_save, journal, record)):
        log = journal.part_log(
            record.id, key=record.key, profile_id=connection.profile.id, endpoint=connection.clients.endpoint
        )
        earlier = log.earlier()
        if earlier is not None and not undo.discard(connection.storage, earlier, log):
            return False
        journal.remove_job(record.id)
    return True


def _save(journal: Journal, record: JobRecord) -> None:
    journal.save_job(record)


def _job_id(endpoint: str, file: FileToPut) -> str:
    text = "\0".join((endpoint, file.ref.bucket, file.ref.key, str(file.path.absolute())))
    return "put-" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _has(there: StoredObject, source: FileSource) -> bool:
    """Whether an object is this file, as far as the store's checksum of the whole proves it."""
    if there.size != source.size or not there.checksum or not there.checksum_is_whole:
        return False
    return checksum_of(there.checksum_algorithm, source, 0, source.size) == there.checksum
