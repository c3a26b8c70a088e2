"""Put files into the bucket as they are: small ones side by side, large ones in parts that outlive the process.

Putting the same files again goes on where an earlier run was left: what is there already is found out by its checksum,
a large file goes on with the parts it has.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path

from vidcdn_desktop.bytesource import ByteSource, FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    AccessDenied,
    BucketNotFound,
    CredentialsExpired,
    CredentialsMissing,
    CredentialsRejected,
    KeyTaken,
    Offline,
    VidcdnError,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord, Journal, OpenUpload
from vidcdn_desktop.jobs.keeping import claimed
from vidcdn_desktop.jobs.put_goal import Goal
from vidcdn_desktop.jobs.put_plan import FileToPut, PutPlan
from vidcdn_desktop.jobs.put_saved import file_from_json, file_to_json
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.content_types import content_type
from vidcdn_desktop.storage.crowd import Sending, send_all
from vidcdn_desktop.storage.object_facts import changed, taken
from vidcdn_desktop.storage.parts import SINGLE_PUT_LIMIT
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef, PartLog, StoredObject
from vidcdn_desktop.storage.resume import JOB_KEY
from vidcdn_desktop.storage.upload import upload
from vidcdn_desktop.storage.weather import Patience, Weather

KIND = "put"
"""Of the journal's rows; only files in parts have one."""

_OF_ALL = (Offline, BucketNotFound, CredentialsRejected, CredentialsExpired, CredentialsMissing)
"""What one file fails with and all others would, too."""

_REFUSED_ENOUGH = 20
"""So many files, all refused and none put: the others would only be sent in vain."""


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
        weather: Of all files together; None: each file has its own, with `patience`.
        mark: What the objects carry of whoever sends them: after another start they are known by it.
        look_first: Whether an earlier run may have put some of them: what is there is not sent again then.
        meter: Counts the bytes; None: one of its own.
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
        weather: Weather | None = None,
        mark: str = "",
        look_first: bool = False,
        meter: ProgressMeter | None = None,
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
        self._weather = weather
        self._mark = mark
        self._look_first = look_first
        self._lock = threading.Lock()
        self._results: list[PutResult] = []
        self._refusals = 0
        self.meter = meter or ProgressMeter(plan.total_bytes)
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
            refused = self._refusals = self._refusals + isinstance(result.error, AccessDenied)
            hopeless = refused == len(self._results) >= _REFUSED_ENOUGH
        self._on_done(result)
        if result.error is not None and (hopeless or isinstance(result.error, _OF_ALL)):
            raise result.error  # the others would meet the same

    def _sent(self, file: FileToPut) -> PutResult:
        with FileSource(file.path) as original:
            source: ByteSource = plan_fast_start(original).source if file.fast_start else original
            goal = Goal(self._connection.storage, file, self._mark, original.identity.mtime_ns)
            if (self._look_first or file.replaces) and not self._is_begun(file):
                there = self._weather_of().run(lambda: goal.earlier(source), self._token)
                if there is not None:
                    self.meter.add_present(source.size)
                    return PutResult(file, PutState.ALREADY, there)
            try:
                if file.size > SINGLE_PUT_LIMIT and self._journal is not None:
                    stored = self._remembered(file, original, source, goal, self._journal)
                else:
                    stored = self._upload(file, original, source, goal, None)
            except KeyTaken as exc:
                if file.replaces:
                    raise changed(file.ref) from exc
                there = self._weather_of().run(lambda: self._connection.storage.head(file.ref), self._token)
                state = PutState.ALREADY if goal.has(there, source) else PutState.EXISTS
                if state is PutState.ALREADY:
                    self.meter.add_present(source.size)
                return PutResult(file, state, there, None if state is PutState.ALREADY else taken(file.ref))
        return PutResult(file, PutState.PUT, stored)

    def _is_begun(self, file: FileToPut) -> bool:
        """Whether an earlier run has left something of it that is to be settled first."""
        if self._journal is None or file.size <= SINGLE_PUT_LIMIT:
            return False
        job_id = job_id_of(self._connection.clients.endpoint, file)
        return any(found.job_id == job_id for found in self._journal.unfinished_uploads())

    def _headers_of(self, file: FileToPut) -> ObjectHeaders:
        return file.headers or ObjectHeaders(file.content_type, self._cache_control)

    def _weather_of(self) -> Weather:
        return self._weather or Weather(
            self._patience, is_back=self._connection.reachable(), renew=self._connection.reload_credentials
        )

    def _upload(
        self, file: FileToPut, original: FileSource, source: ByteSource, goal: Goal, log: PartLog | None
    ) -> StoredObject:
        def check() -> None:
            original.check_unchanged()
            goal.check()

        headers = self._headers_of(file)
        if self._mark:
            headers = replace(headers, metadata={**headers.metadata, JOB_KEY: self._mark})
        return upload(
            self._connection.storage,
            source,
            file.ref,
            headers,
            token=self._token,
            meter=self.meter,
            part_log=log,
            only_if_absent=not (self._replace or file.replaces),
            replaces=file.replaces,
            parallel=self._connection.parallel_parts,
            check_source=check,
            limiter=self._limiter,
            weather=self._weather_of(),
        )

    def _remembered(
        self, file: FileToPut, original: FileSource, source: ByteSource, goal: Goal, journal: Journal
    ) -> StoredObject:
        """Send a large file with a row in the journal; the same file to the same key finds it again.

        Raises: UploadBusy: another running copy is at it.
        """
        endpoint = self._connection.clients.endpoint
        job_id = job_id_of(endpoint, file)
        record = JobRecord(
            id=job_id,
            kind=KIND,
            state="running",
            title=file.path.name,
            source=str(file.path.absolute()),
            identity=original.identity,
            connection_id=self._connection.profile.id,
            connection_name=self._connection.profile.name,
            endpoint=endpoint,
            bucket=file.ref.bucket,
            key=file.ref.key,
            size=file.size,
            options={"file": file_to_json(replace(file, headers=self._headers_of(file)))},
        )
        with claimed(journal, job_id, partial(_save, journal, record)):
            log = journal.part_log(job_id, key=file.ref.key, profile_id=record.connection_id, endpoint=endpoint)
            try:
                stored = self._upload(file, original, source, goal, log)
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
    saved = file_from_json((record.options or {}).get("file"), record.bucket)
    file = saved or FileToPut(
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


def job_id_of(endpoint: str, file: FileToPut) -> str:
    """Id of the row of a large file: the same file to the same key has the same."""
    text = "\0".join((endpoint, file.ref.bucket, file.ref.key, str(file.path.absolute())))
    return "put-" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
