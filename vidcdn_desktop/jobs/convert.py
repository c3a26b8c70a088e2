"""The conversion within a publish: a room on a disk, ffmpeg at work, the result checked, subtitles beside the film."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, CorruptMedia, KeyTaken, SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.convert_room import Room, forget_room, open_room, sweep_rooms
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.keeping import OPEN_STATES
from vidcdn_desktop.jobs.kept import KeptJob
from vidcdn_desktop.jobs.model import JobState, LinkStyle, PublishPlan
from vidcdn_desktop.jobs.plan import conversion_of
from vidcdn_desktop.media.convert import FILM_NAME, SubtitleFile, convert, sidecar_endings
from vidcdn_desktop.media.convert_check import check_converted
from vidcdn_desktop.media.convert_model import (
    Conversion,
    ConversionProgress,
    ConversionReport,
    SubtitleResult,
)
from vidcdn_desktop.media.info import MediaInfo
from vidcdn_desktop.storage.content_types import content_type
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef, StoredObject

_RETRIED = OPEN_STATES | {JobState.FAILED.value}
"""States in which a job may go on, and its finished conversion is worth its room."""


@dataclass(frozen=True)
class FilmToSend:
    """What is sent instead of the original."""

    info: MediaInfo
    """Of the MP4."""
    report: ConversionReport
    subtitles: tuple[SubtitleFile, ...]
    bytes_written: int
    """To the disk in this run."""


class ConvertJob(KeptJob):
    """A job that makes an MP4 of its film first, where it has to."""

    _room: Room | None = None

    @property
    def conversion(self) -> Conversion | None:
        """What will be done to the film before it is sent; None: it is sent as it is."""
        return conversion_of(self.info, self._snapshot.options) if self.info else None

    def give_up(self) -> None:
        """See `KeptJob.give_up`; a finished conversion goes too."""
        super().give_up()
        if self.state is JobState.CANCELLED:
            forget_room(self.id)

    def _convert(self, planned: Conversion) -> FilmToSend:
        """Convert, or take what an earlier run has finished. Blocks. Raises as `media.convert.convert` does."""
        info = self.info
        assert info is not None
        self._room = room = open_room(self.id, info.path.resolve(), planned.size_bytes)
        film = self._finished(room, planned, info)
        if film is None:
            room.empty()
            film = self._convert_now(room, planned, info)
        self._update(converting=None)
        plan = self._snapshot.plan
        if plan is not None:  # the size was an estimate
            self._update(plan=replace(plan, size=film.info.identity.size))
        return film

    def _convert_now(self, room: Room, planned: Conversion, info: MediaInfo) -> FilmToSend:
        converted = convert(
            info,
            planned,
            room.folder,
            token=self.token,
            tools=self.tools,
            on_progress=self._on_converting,
        )
        room.remember(planned, info.identity, converted)
        report = _report(converted.conversion, info, converted.info, seconds=round(converted.seconds, 4))
        return FilmToSend(converted.info, report, converted.subtitles, converted.bytes_written)

    def _finished(self, room: Room, planned: Conversion, info: MediaInfo) -> FilmToSend | None:
        found = room.recall(planned, info.identity)
        if found is None:
            return None
        done, subtitles = found
        try:
            film = check_converted(room.folder / FILM_NAME, info, done, token=self.token, tools=self.tools)
        except CorruptMedia:
            return None
        return FilmToSend(film, _report(done, info, film, seconds=0.0, reused=True), subtitles, 0)

    def _on_converting(self, progress: ConversionProgress) -> None:
        self._update(converting=progress)

    def _leave_room(self) -> None:
        """Give the room back when a run has ended; what is finished stays for a run that may follow."""
        room, self._room = self._room, None
        self._update(converting=None)
        if room is not None:
            room.close(keep=self.state in (JobState.PAUSED, JobState.FAILED))

    def _send_subtitles(
        self, film: FilmToSend, plan: PublishPlan, connection: Connection, token: CancelToken, notes: list[str]
    ) -> tuple[FilmToSend, list[StoredObject]]:
        """Put the subtitle files beside the video. Gives the film with what came of them, and what is new."""
        created, results = [], []
        for file, ref in zip(film.subtitles, subtitle_refs(plan, film.subtitles), strict=True):
            token.raise_if_cancelled()
            source = BytesSource(file.path.read_bytes())
            try:
                created.append(self._patiently(partial(_put, self, connection, plan, source, ref, token), token))
            except KeyTaken:
                pass  # same film, same name: they are there already
            except AccessDenied as exc:
                notes.append(f"Subtitles were not stored: {exc.what}")
                continue
            url = connection.url_of(ref.key)
            results.append(SubtitleResult(file.language, ref.key, url.url if url else "", source.size))
        return replace(film, report=replace(film.report, subtitles=tuple(results))), created


def _put(
    job: ConvertJob, connection: Connection, plan: PublishPlan, source: BytesSource, ref: ObjectRef, token: CancelToken
) -> StoredObject:
    headers = ObjectHeaders(content_type=content_type(ref.key), cache_control=plan.headers.cache_control)
    return connection.storage.put(
        ref,
        source,
        headers,
        token=token,
        limiter=job.limiter,
        only_if_absent=plan.link is LinkStyle.VERSIONED,
    )


def subtitle_refs(plan: PublishPlan, subtitles: tuple[SubtitleFile, ...]) -> list[ObjectRef]:
    """Keys for subtitle files: the stem of the video, the language, a number where one language comes twice."""
    stem = plan.ref.key.rpartition(".")[0]
    return [ObjectRef(plan.ref.bucket, f"{stem}{ending}") for ending in sidecar_endings(subtitles)]


def sweep_conversions(journal: Journal | None) -> int:
    """Remove what conversions of runs that ended badly have left on the disk. At start; waits for the disk."""
    wanted: set[str] | None = None
    if journal is not None:
        with suppress(SettingsInvalid):  # it cannot be read now: then everything finished is kept
            wanted = {record.id for record in journal.jobs() if record.state in _RETRIED}
    return sweep_rooms(lambda job_id: wanted is None or job_id in wanted)


def _report(
    done: Conversion, original: MediaInfo, film: MediaInfo, *, seconds: float, reused: bool = False
) -> ConversionReport:
    return ConversionReport(
        kind=done.kind,
        streams=done.streams,
        seconds=seconds,
        size=film.identity.size,
        source_size=original.identity.size,
        reused=reused,
        notes=done.notes,
    )
