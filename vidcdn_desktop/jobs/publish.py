"""The publish itself: fast start, upload, thumbnail, invalidate, verify, each step timed and told.

The rules of an ending: a cancelled publish of a new key leaves nothing in the bucket; a failed one keeps a complete
video that is already there (so a retry need not send it again) and says so; a replaced video is never left without
its invalidation.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from vidcdn_desktop.bytesource import ByteSource, BytesSource, FileSource
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.delivery.model import DeliveryReport, Invalidation
from vidcdn_desktop.errors import (
    AccessDenied,
    KeyTaken,
    ObjectNotFound,
    SourceChanged,
    VidcdnError,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.convert import ConvertJob, FilmToSend
from vidcdn_desktop.jobs.counting import CountingSource, LocalWrites
from vidcdn_desktop.jobs.job import unexpected
from vidcdn_desktop.jobs.model import JobState, LinkStyle, PublishPlan, PublishResult, Step, StepState
from vidcdn_desktop.jobs.plan import plan_publish, refusal
from vidcdn_desktop.jobs.verify import refresh_and_check, verify_expectation
from vidcdn_desktop.media.faststart import FastStartPlan, plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.media.poster import Poster
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.port import ObjectRef, PartLog, StoredObject
from vidcdn_desktop.storage.upload import upload

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

PRESIGNED_S = 7 * 24 * 3600
"""How long a link lives where no CDN serves the bucket: the longest S3 allows."""

_FAST_START_WORD = {
    Layout.ALREADY: "already",
    Layout.NEEDS: "moved",
    Layout.FRAGMENTED: "fragmented",
    Layout.UNSUPPORTED: "as-is",
    Layout.NOT_MP4: "as-is",
    Layout.CORRUPT: "as-is",
}


@dataclass
class _Run:
    """What one run gathers on its way to a result."""

    plan: PublishPlan
    seconds: dict[str, float] = field(default_factory=dict)
    created: list[StoredObject] = field(default_factory=list)
    """Objects that were not there before this run; taken back on cancel."""
    notes: list[str] = field(default_factory=list)
    writes: LocalWrites = field(default_factory=LocalWrites)
    counted: CountingSource | None = None
    fast_start: FastStartPlan | None = None
    poster: Poster | None = None
    poster_sent: bool = False
    replaced: bool = False
    """Viewers may have an older copy under this link."""
    stored: StoredObject | None = None
    bytes_sent: int = 0
    resumed_bytes: int = 0
    film: FilmToSend | None = None
    """The converted film; None: the original is sent."""
    log: PartLog | None = None
    first_bytes: bytes = b""
    invalidations: list[Invalidation] = field(default_factory=list)
    report: DeliveryReport | None = None


class PublishJob(ConvertJob):
    """A job that can be run. `run` blocks and is called by one worker thread at a time."""

    def run(self) -> None:
        """Publish. Blocks; never raises. Ends in PUBLISHED, PAUSED, FAILED or CANCELLED."""
        with self._lock:
            if self.state is not JobState.QUEUED:  # cancelled or paused while it waited
                return
            self._to(JobState.RUNNING)
        self._tell()
        connection, plan = self.connection, self._snapshot.plan
        if connection is None or plan is None or self.info is None:
            raise AssertionError("a job is queued only after it was inspected and bound to a connection")
        run = _Run(plan)
        self._weather = self._weather_for(connection)
        self._current = Step.FAST_START
        try:
            with self._claimed():
                self._publish(run, connection)
        except Paused:
            self._note_kept(run.log)
            self._step(self._current, StepState.WAITING)
            self._end(JobState.PAUSED)
        except Cancelled:
            self._take_back(run, connection)
            self._end(JobState.CANCELLED)
        except VidcdnError as exc:
            self._note_kept(run.log)
            self._fail(self._current, self._with_fate(exc, run))
        except Exception as exc:  # noqa: BLE001 - the runner is where bugs end
            self._fail(self._current, self._with_fate(unexpected(exc, str(self.path)), run))
        finally:
            self._leave_room()
            self.keep()

    def _publish(self, run: _Run, connection: Connection) -> None:
        info = self.info
        assert info is not None
        if (conversion := self.conversion) is not None:
            with self._timed(Step.CONVERT, run):
                run.poster = self._poster_first()
                run.film = self._convert(conversion)
                run.writes.add(run.film.bytes_written)
            info = run.film.info
        with FileSource(info.path) as file:
            with self._timed(Step.FAST_START, run):
                try:
                    source = self._fast_start(run, file)
                except SourceChanged:
                    self._drop_kept()  # parts of a film that is no more
                    raise
                run.poster = self._poster_first()
            with self._timed(Step.UPLOAD, run):
                self._upload(run, connection, source, file)
        token = self.token
        if run.replaced:
            # Too late to cancel: the new bytes are in place, and viewers must not be left with the old cut.
            token = CancelToken()
        with self._timed(Step.THUMBNAIL, run):
            self._thumbnail(run, connection, token)
            self._subtitles(run, connection, token)
        with self._timed(Step.INVALIDATE, run):
            self._invalidate(run, connection, token)
        with self._timed(Step.VERIFY, run):
            self._verify(run, connection)
        self._end(JobState.PUBLISHED, result=self._result(run, connection), error=None)

    # Steps
    def _fast_start(self, run: _Run, file: FileSource) -> ByteSource:
        info = run.film.info if run.film else self.info
        assert info is not None
        if file.identity != info.identity:
            raise SourceChanged(
                "The file was changed after it was looked at.",
                "Nothing was published.",
                "Retry looks at it again and publishes what is there now.",
                subject=str(self.path),
            )
        run.counted = CountingSource(file)
        plan = plan_fast_start(run.counted)
        run.fast_start = plan
        why = refusal(replace(info, layout=plan.report), self._snapshot.options)
        if why is not None:
            raise why
        run.first_bytes = plan.source.read_at(0, 64)
        self.meter.set_total(plan.source.size)
        if plan.moved:
            copy = "no further copy" if run.film else "no copy"
            run.notes.append(f"The index was moved to the front while uploading; {copy} was made on disk.")
        return plan.source

    def _poster_first(self) -> Poster | None:
        """The thumbnail is made before anything is sent, so that a bad picture publishes nothing."""
        try:
            return self.make_poster()
        except VidcdnError:
            self._current = Step.THUMBNAIL
            raise

    def _upload(self, run: _Run, connection: Connection, source: ByteSource, file: FileSource) -> None:
        connection.prepare_publish(self.token)
        versioned = run.plan.link is LinkStyle.VERSIONED
        run.log = self._part_log(run.plan.ref.key)
        if run.log is None or run.log.earlier() is None:
            present = self._patiently(lambda: self._present(connection, run.plan.ref), self.token)
            if present is not None and (self._is_own(present, source) or self._same_bytes(present, source)):
                run.stored, run.replaced = present, not versioned
                run.notes.append("The same bytes were already in the bucket; nothing had to be sent.")
                self.meter.add_present(source.size)
                return
            if present is not None and versioned:
                run.plan = self._salted_plan()
                run.log = self._part_log(run.plan.ref.key)
            run.replaced = present is not None and not versioned
        else:
            run.replaced = not versioned  # an upload that goes on: whether the name was free is not known any more
        try:
            run.stored = upload(
                connection.storage,
                source,
                run.plan.ref,
                run.plan.headers,
                token=self.token,
                meter=self.meter,
                part_log=run.log,
                only_if_absent=versioned,
                parallel=connection.parallel_parts,
                check_source=file.check_unchanged,
                limiter=self.limiter,
                weather=self._weather,
                note=run.notes.append,
            )
        finally:
            run.bytes_sent = self.meter.sent_bytes
            run.resumed_bytes = self.meter.snapshot().done_bytes - run.bytes_sent
        if not run.replaced:
            run.created.append(run.stored)

    def _present(self, connection: Connection, ref: ObjectRef) -> StoredObject | None:
        try:
            return connection.storage.head(ref)
        except ObjectNotFound:
            return None
        except AccessDenied:
            # Without list permission a missing key looks like this; the conditional write settles it.
            return None

    def _is_own(self, present: StoredObject, source: ByteSource) -> bool:
        """Whether an earlier run of this very job wrote it, from the same film."""
        metadata = present.headers.metadata if present.headers else {}
        same = present.size == source.size and metadata.get("fingerprint") == self._content_mark()
        return same and self.wrote(present)

    def _same_bytes(self, present: StoredObject, source: ByteSource) -> bool:
        if present.size != source.size or not present.checksum:
            return False
        return checksum_of(present.checksum_algorithm, source, 0, source.size, token=self.token) == present.checksum

    def _salted_plan(self) -> PublishPlan:
        """Another film (or another thumbnail) has this very name: take a new one."""
        info, destination = self.info, self._destination
        assert info is not None
        assert destination is not None
        self._salt = uuid.uuid4().hex
        fresh = plan_publish(info, self._snapshot.options, destination, hex8=self._content_mark(), job_id=self.id)
        self._update(plan=fresh)
        self.keep()  # before anything goes up under that name
        return fresh

    def _subtitles(self, run: _Run, connection: Connection, token: CancelToken) -> None:
        if run.film is not None and run.film.subtitles:
            run.film, created = self._send_subtitles(run.film, run.plan, connection, token, run.notes)
            run.created += [] if run.replaced else created

    def _thumbnail(self, run: _Run, connection: Connection, token: CancelToken) -> None:
        if run.poster is None:
            self._step_note(Step.THUMBNAIL, StepState.SKIPPED, "no picture")
            return
        token.raise_if_cancelled()
        try:
            stored = self._patiently(lambda: self._put_poster(run, connection, token), token)
        except KeyTaken:
            # Same film, same choice of frame, same name: the picture is there already.
            run.poster_sent = True
            return
        except AccessDenied as exc:
            run.notes.append(f"The thumbnail was not stored: {exc.what}")
            return
        run.poster_sent = True
        if not run.replaced:
            run.created.append(stored)

    def _put_poster(self, run: _Run, connection: Connection, token: CancelToken) -> StoredObject:
        assert run.poster is not None
        return connection.storage.put(
            run.plan.thumbnail_ref,
            BytesSource(run.poster.jpeg),
            run.plan.thumbnail_headers,
            token=token,
            limiter=self.limiter,
            only_if_absent=run.plan.link is LinkStyle.VERSIONED,
        )

    def _invalidate(self, run: _Run, connection: Connection, token: CancelToken) -> None:
        if not run.replaced or connection.cdn is None:
            self._step_note(Step.INVALIDATE, StepState.SKIPPED, "new address, nothing to refresh")
            return
        keys = [run.plan.ref.key]
        if run.poster_sent:
            keys.append(run.plan.thumbnail_ref.key)
        keys += [file.key for file in run.film.report.subtitles] if run.film else []
        reference = f"vidcdn-{self.id}-{uuid.uuid4().hex}"
        run.invalidations = self._patiently(
            lambda: connection.invalidate_keys(keys, caller_reference=reference, token=token), token
        )
        if not run.invalidations:
            self._step_note(Step.INVALIDATE, StepState.SKIPPED, "no CDN serves this address")

    def _verify(self, run: _Run, connection: Connection) -> None:
        url = run.plan.url
        if not self._snapshot.options.verify:
            self._step_note(Step.VERIFY, StepState.SKIPPED, "switched off")
            return
        if url is None:
            self._step_note(Step.VERIFY, StepState.SKIPPED, "no CDN to ask")
            return
        if url.needs_signature:
            run.notes.append("This address needs a signed link, so it was not checked through the CDN.")
            self._step_note(Step.VERIFY, StepState.SKIPPED, "signed links only")
            return
        assert run.stored is not None
        expected = verify_expectation(run.stored, run.plan.headers.content_type, run.first_bytes)
        try:
            run.report = refresh_and_check(connection, url.url, expected, run.invalidations, self.token)
        except Cancelled:
            # Everything is in place; only the question stays open.
            run.notes.append("The check through the CDN was cancelled, so it is not known whether the link is live.")

    # Endings
    def _take_back(self, run: _Run, connection: Connection) -> None:
        """Remove what this run put into the bucket under names that were free before."""
        for stored in reversed(run.created):
            try:
                connection.storage.delete(stored.ref, stored.version_id)
            except VidcdnError as exc:
                _log.warning("could not take back %s: %s", stored.ref, exc.what)

    def _with_fate(self, error: VidcdnError, run: _Run) -> VidcdnError:
        """Say what became of the film, which the failing call could not know."""
        if run.stored is None:
            return error
        if run.replaced and self._current is not Step.VERIFY:
            error.meaning = (
                "The new video is in the bucket, but viewers may see the old one for up to a day. Retry refreshes it."
            )
        elif self._current is Step.THUMBNAIL:
            error.meaning = "The video is in the bucket, without its thumbnail. Retry does not send the video again."
        else:
            error.meaning = "The video is in the bucket, but it is not known whether it is live."
        return error

    def _result(self, run: _Run, connection: Connection) -> PublishResult:
        info, stored, plan = self.info, run.stored, run.plan
        assert info is not None
        assert stored is not None
        assert run.fast_start is not None
        assert run.counted is not None
        expires = None
        if plan.url is not None:
            link = plan.url.url
        else:
            link = connection.storage.presign_get(plan.ref, PRESIGNED_S)
            expires = datetime.now(UTC) + timedelta(seconds=PRESIGNED_S)
        thumbnail = connection.url_of(plan.thumbnail_ref.key) if run.poster_sent else None
        stream = info.main_video
        return PublishResult(
            source=str(self.path),
            bucket=plan.ref.bucket,
            key=plan.ref.key,
            url=link,
            url_expires=expires,
            size=stored.size,
            etag=stored.etag,
            checksum=stored.checksum,
            checksum_algorithm=stored.checksum_algorithm,
            fast_start=_FAST_START_WORD[run.fast_start.report.layout],
            thumbnail_key=plan.thumbnail_ref.key if run.poster_sent else "",
            thumbnail_url=thumbnail.url if thumbnail else "",
            invalidation_id=run.invalidations[0].id if run.invalidations else "",
            bytes_read=run.counted.bytes_read,
            bytes_sent=run.bytes_sent,
            disk_bytes_written=run.writes.total_bytes,
            seconds=dict(run.seconds),
            verified=run.report,
            title=self._snapshot.title,
            version_id=stored.version_id,
            width=stream.display_width if stream else None,
            height=stream.display_height if stream else None,
            notes=tuple(dict.fromkeys((*plan.notes, *(run.film.report.notes if run.film else ()), *run.notes))),
            published_at=datetime.now(UTC),
            proved_by=stored.proved_by,
            resumed_bytes=run.resumed_bytes,
            retries=self._weather.retries if self._weather else 0,
            converted=run.film.report if run.film else None,
        )

    # Step bookkeeping
    @contextmanager
    def _timed(self, step: Step, run: _Run) -> Iterator[None]:
        if step is not Step.INVALIDATE and not run.replaced:
            self.token.raise_if_cancelled()
        self._current = step
        started = time.monotonic()
        self._step(step, StepState.RUNNING)
        self._tell()
        yield
        seconds = time.monotonic() - started
        run.seconds[step.value] = round(seconds, 4)
        shown = next(s for s in self._snapshot.steps if s.step is step)
        state = shown.state if shown.state is StepState.SKIPPED else StepState.DONE
        self._step(step, state, seconds, shown.note)
        self._tell()

    def _step_note(self, step: Step, state: StepState, note: str) -> None:
        self._step(step, state, None, note)
