"""Unfinished multipart uploads: how old they are, what they hold and cost, and the removal of those nobody is at.

Never touched: what the journal knows (it can be resumed, or removed with its job), what a running repair is at, what
is younger than the user said, and what has grown since it was looked at: somebody, maybe elsewhere, is sending it.

Source: Amazon S3 API Reference: ListMultipartUploads, ListParts, AbortMultipartUpload.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ServiceTrouble, UploadBusy, UploadGone, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_looking import HOPELESS, Misses, in_parallel
from vidcdn_desktop.jobs.health_model import Concern, Finding, Section, UploadSeen
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.keeping import OPERATION
from vidcdn_desktop.jobs.prices import ClassUsage, PriceTable
from vidcdn_desktop.jobs.repair_marks import Marks, base_of
from vidcdn_desktop.jobs.usage import prices_for
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.port import ObjectRef, UnfinishedUpload
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import format_elapsed, plural

_DAY_S = 86_400

_PARALLEL = 4
_CLASS = "STANDARD"
"""What parts are estimated as; ListParts tells another class only for uploads that asked for it."""

REQUESTS_EACH = 3
"""To remove one: a look at its parts, the abort, and a look whether it is gone."""

_JOURNAL_UNREADABLE = "It is not known whether this program is at it, because its records cannot be read."


class InUse:
    """Which uploads this program is at, in any running copy, or can go on with. Reads the disk when it is made.

    Raises on creation: SettingsInvalid: the journal cannot be read.
    """

    def __init__(self, journal: Journal | None, marks: Marks, endpoint: str) -> None:
        self._marks = marks
        self._endpoint = endpoint
        self._is_known = journal is not None
        self._jobs: dict[tuple[ObjectRef, str], str] = {}
        for known in journal.unfinished_uploads() if journal is not None else ():
            if known.part_size or known.upload_id:
                running = known.owned_elsewhere or known.state == "running"
                self._jobs[known.ref, known.upload_id] = (
                    "This program is sending it."
                    if running
                    else f"It can be resumed or removed: vidcdn-desktop uploads, job {known.job_id[:8]}."
                )
        for record in journal.unfinished() if journal is not None else ():
            for item in journal.item_log(record.id).load() if journal and record.kind == OPERATION else ():
                key = str(item.state.get("upload_key") or "")
                if key:
                    where = ObjectRef((item.target or item.ref).bucket, key)
                    self._jobs[where, str(item.state.get("upload") or "")] = "An operation of this program is at it."

    def reason(self, upload: UnfinishedUpload) -> str:
        """Why an upload must be left alone; empty: nothing of this program is at it."""
        if not self._is_known:
            return _JOURNAL_UNREADABLE
        # Without an id it was begun, but its answer was not written down: any upload of that key may be it.
        found = self._jobs.get((upload.ref, upload.upload_id)) or self._jobs.get((upload.ref, ""))
        if found:
            return found
        film = ObjectRef(upload.ref.bucket, base_of(upload.ref.key) or upload.ref.key)
        try:
            self._marks.earlier(self._endpoint, film)
        except UploadBusy:
            return "This program is repairing the video."
        return ""


@dataclass(frozen=True)
class Age:
    """From when on an upload counts as forgotten."""

    now: datetime
    """Aware UTC."""
    least: timedelta


def look_at_uploads(
    connection: Connection,
    prefix: str,
    age: Age,
    journal: Journal | None,
    rate: RateLimiter,
    token: CancelToken,
    *,
    most: int | None = None,
) -> Section:
    """Every unfinished upload below a prefix, or the first `most`, with what it holds and costs. Blocks.

    What is not permitted is the section's `problem`, or among its `errors`.

    Raises: Cancelled. What no other question would be answered to, either (`health_looking.HOPELESS`).
    """
    section = Section(Concern.UPLOADS)
    prices = prices_for(connection)
    try:
        with Marks() as marks:
            in_use = InUse(journal, marks, connection.clients.endpoint)
            uploads = _listed(connection, prefix, token)
            _judge_all(section, connection, uploads[:most], _Judge(age, in_use, prices), rate, token)
            section.not_looked_at += len(uploads) - len(uploads[:most])
    except HOPELESS:
        raise
    except VidcdnError as exc:
        token.raise_if_cancelled()
        section.problem = exc
    section.findings.sort(key=lambda finding: (-finding.size, finding.ref.key))
    usage = ClassUsage(section.objects, section.size_bytes, section.size_bytes)
    section.cost = prices.estimate({_CLASS: usage}) if prices else None
    return section


def _listed(connection: Connection, prefix: str, token: CancelToken) -> list[UnfinishedUpload]:
    def ask() -> list[UnfinishedUpload]:
        with cuttable(token):
            return list(connection.storage.list_unfinished(connection.profile.bucket, prefix))

    return Weather(renew=connection.reload_credentials).run(ask, token)


def _judge_all(
    section: Section,
    connection: Connection,
    uploads: Sequence[UnfinishedUpload],
    judge: _Judge,
    rate: RateLimiter,
    token: CancelToken,
) -> None:
    misses = Misses()

    def look(upload: UnfinishedUpload, token: CancelToken) -> tuple[int, int]:
        rate.take(1, token)
        return Weather(renew=connection.reload_credentials).run(lambda: _held(connection, upload, token), token)

    with closing(in_parallel(uploads, look, token, parallel=_PARALLEL)) as looks:
        for upload, held in looks:
            if isinstance(held, UploadGone):
                continue  # ended while we looked
            section.looked_at += 1
            if isinstance(held, VidcdnError):
                section.errors.append(held)
            section.add(judge.finding(upload, None if isinstance(held, VidcdnError) else held))
            if misses.is_pointless(held):
                section.problem = section.errors[-1]
                section.not_looked_at = len(uploads) - section.looked_at
                return


def _held(connection: Connection, upload: UnfinishedUpload, token: CancelToken) -> tuple[int, int]:
    """Number and bytes of its parts.

    Raises: UploadGone. What the store raises.
    """
    count = size = 0
    with cuttable(token):
        for part in connection.storage.list_parts(upload.ref, upload.upload_id):
            count += 1
            size += part.size
    return count, size


class _Judge:
    def __init__(self, age: Age, in_use: InUse, prices: PriceTable | None) -> None:
        self._age, self._in_use, self._prices = age, in_use, prices

    def finding(self, upload: UnfinishedUpload, held: tuple[int, int] | None) -> Finding:
        parts, size = held or (None, 0)
        # The store has another clock, and Swift rounds up: what is younger than now was begun just now.
        age_s = max(0.0, (self._age.now - upload.initiated).total_seconds())
        usd = None
        if self._prices is not None and held is not None:
            usd = self._prices.estimate({_CLASS: ClassUsage(1, size, size)}).usd_per_month
        left = self._in_use.reason(upload)
        if not left and held is None:
            left = "It is not known what it holds, so not whether somebody is sending it."
        if not left and age_s < self._age.least.total_seconds():
            left = "It is not old enough; somebody may be sending it."
        holds = plural(parts, "part") if parts is not None else "parts that may not be listed"
        words = f"Begun {age_words(age_s)} ago and never ended; holds {holds}."
        seen = UploadSeen(upload.upload_id, upload.initiated, age_s, parts, usd)
        return Finding(Concern.UPLOADS, upload.ref, size, words, left_because=left, upload=seen)


def age_words(age_s: float) -> str:
    """For example: 3 days, or 2 h 5 min."""
    days = int(age_s // _DAY_S)
    return plural(days, "day") if days > 0 else format_elapsed(age_s)


@dataclass(frozen=True)
class Removal:
    """What became of one upload: removed, left alone for a reason, or an error."""

    finding: Finding
    left_because: str = ""
    error: VidcdnError | None = None


def remove_uploads(
    connection: Connection, findings: Sequence[Finding], journal: Journal | None, token: CancelToken
) -> Iterator[Removal]:
    """Abort unfinished uploads, each looked at again first. Blocks; yields them in order as they are done with.

    Raises: Cancelled: those that are done with are gone, the others untouched. SettingsInvalid.
    """
    with Marks() as marks:

        def remove(finding: Finding, token: CancelToken) -> Removal:
            assert finding.upload is not None
            upload = UnfinishedUpload(finding.ref, finding.upload.upload_id, finding.upload.begun)
            left = finding.left_because or InUse(journal, marks, connection.clients.endpoint).reason(upload)
            if left:
                return Removal(finding, left)
            try:
                if _held(connection, upload, token) != (finding.upload.parts, finding.size):
                    return Removal(finding, "It has grown since it was looked at: somebody is sending it.")
            except UploadGone:
                return Removal(finding, "It has ended by itself.")
            token.raise_if_cancelled()
            _abort(connection, upload, token)
            return Removal(finding)

        with closing(in_parallel(findings, remove, token, parallel=_PARALLEL)) as removals:
            for finding, result in removals:
                yield result if isinstance(result, Removal) else Removal(finding, error=result)


def _abort(connection: Connection, upload: UnfinishedUpload, token: CancelToken) -> None:
    with cuttable(token):
        # By itself first: it tells why it is refused, which `undo.abort` only logs.
        connection.storage.abort_multipart(upload.ref, upload.upload_id)
        if undo.is_gone(connection.storage, upload.ref, upload.upload_id):
            return
    raise ServiceTrouble(
        "The store still has the upload.",
        "Its parts still cost money.",
        "Try again.",
        subject=str(upload.ref),
        retryable=True,
    )
