"""One video on its way: what the user chose, what is known, and what a front end may ask of it."""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.errors import UnexpectedProblem, VidcdnError
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, PublishOptions, PublishPlan, Step, StepSnapshot, StepState
from vidcdn_desktop.jobs.plan import Destination, conversion_of, plan_publish, refusal, title_of
from vidcdn_desktop.jobs.states import RUNNING, check_transition
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.media.info import MediaInfo
from vidcdn_desktop.media.poster import Poster, film_poster, image_poster
from vidcdn_desktop.media.probe import inspect
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.keys import fingerprint
from vidcdn_desktop.storage.weather import Waiting, Weather

_log = logging.getLogger(__name__)

POSTER_WIDTH = 1280
"""Widest thumbnail we publish, pixels."""


_SETTLED = RUNNING | {JobState.QUEUED, JobState.PUBLISHED}
"""States in which nothing about the plan may change."""


def unexpected(exc: Exception, subject: str, meaning: str = "Nothing was published.") -> UnexpectedProblem:
    """Log a bug of ours with its traceback and tell it without one."""
    _log.error("unexpected problem", exc_info=exc)
    return UnexpectedProblem(
        "Something happened that this program was not made for.",
        meaning,
        "Try again; if it happens once more, report it with the log.",
        subject=subject,
        code=type(exc).__name__,
    )


class Job:
    """The state of one video. Any thread may call any method that is not said to block.

    `on_change` is called with the job after every change, in the thread that made it.
    """

    def __init__(
        self,
        path: Path,
        options: PublishOptions,
        *,
        tools: Tools,
        on_change: Callable[[Job], None] | None = None,
        means: Means | None = None,
        job_id: str = "",
    ) -> None:
        self.id = job_id or uuid.uuid4().hex
        self.path = path
        self.tools = tools
        self.means = means or Means(tools)
        self.limiter = RateLimiter(None, self.means.limiter)
        """The bandwidth of this job, within that of all."""
        self.token = CancelToken()
        self.meter = ProgressMeter()
        self._on_change = on_change
        self._lock = threading.RLock()
        self._destination: Destination | None = None
        self._fingerprint = ""
        self._salt = ""
        self._weather: Weather | None = None
        self._poster: Poster | None = None
        self._poster_for: tuple[Path | None, float | None] | None = None
        self._snapshot = JobSnapshot(
            id=self.id,
            path=path,
            title=options.title or path.stem or path.name,
            state=JobState.INSPECTING,
            options=options,
            steps=tuple(StepSnapshot(step) for step in Step if step is not Step.CONVERT),
            created=datetime.now(UTC),
        )

    def listen(self, on_change: Callable[[Job], None]) -> None:
        """Say who is told of changes; before the job is run."""
        self._on_change = on_change

    # What others may see
    def snapshot(self) -> JobSnapshot:
        """The job at this instant."""
        with self._lock:
            snapshot = self._snapshot
        weather = self._weather
        if snapshot.state in RUNNING:
            return replace(
                snapshot,
                progress=self.meter.snapshot(),
                waiting=weather.waiting if weather else None,
                retries=weather.retries if weather else 0,
            )
        return snapshot

    @property
    def state(self) -> JobState:
        """Where the job is."""
        return self._snapshot.state

    @property
    def priority(self) -> int:
        """Higher runs first."""
        return self._snapshot.priority

    @property
    def info(self) -> MediaInfo | None:
        """What inspection found."""
        return self._snapshot.info

    # What others may ask
    def set_options(self, options: PublishOptions) -> bool:
        """Change what the user chose; plans again. False while the job is queued, running or done."""
        with self._lock:
            if self.state in _SETTLED:
                return False
            title = title_of(self.info, options) if self.info else (options.title or self.path.stem)
            self._update(options=options, title=title)
            if self.state is JobState.REFUSED and self.info and refusal(self.info, options) is None:
                self._to(JobState.INSPECTING)
                self._to(JobState.READY, error=None)
            self._replan()
        self._tell()
        return True

    def set_destination(self, destination: Destination) -> None:
        """Say where it goes, or that this has changed; plans again unless it is under way."""
        with self._lock:
            self._destination = destination
            if self.state not in _SETTLED:
                self._replan()
        self._tell()

    def mark_queued(self) -> None:
        """The user pressed Publish."""
        self.token = CancelToken()
        self.meter = ProgressMeter()
        with self._lock:
            self._to(
                JobState.QUEUED,
                error=None,
                failed_step=None,
                result=None,
                finished=None,
                waiting=None,
                converting=None,
                steps=tuple(s if s.step is Step.INSPECT else StepSnapshot(s.step) for s in self._snapshot.steps),
            )
        self._tell()

    def set_priority(self, priority: int) -> None:
        """Say how soon it should run: higher first."""
        self._update(priority=priority)
        self._tell()

    def pause(self) -> None:
        """Stop, and keep what was sent. Returns at once; twice is harmless; nothing happens where nothing runs."""
        with self._lock:
            if self.state is JobState.RUNNING:
                self._to(JobState.PAUSING)
            elif self.state is JobState.QUEUED:
                self._to(JobState.PAUSED)
            else:
                return
        self.token.pause()
        self._tell()

    def cancel(self) -> None:
        """Stop. Returns at once; twice is harmless. What a paused or failed job has kept stays: see `give_up`."""
        with self._lock:
            if self.state in (JobState.RUNNING, JobState.PAUSING):
                self._to(JobState.CANCELLING)
            elif self.state is JobState.QUEUED:
                self._to(JobState.CANCELLED, finished=datetime.now(UTC))
        self.token.cancel()
        self._tell()

    def try_now(self) -> None:
        """Try again at once what waits for the network or the service; harmless if nothing waits."""
        weather = self._weather
        if weather is not None and self.state in RUNNING:
            weather.try_now()

    # Blocking
    def look(self) -> None:
        """Inspect the file and make its first thumbnail. Blocks; never raises.

        Ends in READY, REFUSED, FAILED (the file is gone or unreadable) or CANCELLED.
        """
        with self._lock:
            if self.state is not JobState.INSPECTING:
                self._to(JobState.INSPECTING, error=None, failed_step=None, result=None, finished=None)
            self.token = CancelToken()
            self._step(Step.INSPECT, StepState.RUNNING)
        self._tell()
        try:
            self._look()
        except Paused:
            self._end(JobState.PAUSED)
        except Cancelled:
            self._end(JobState.CANCELLED)
        except VidcdnError as exc:
            self._fail(Step.INSPECT, exc)
        except Exception as exc:  # noqa: BLE001 - the runner is where bugs end
            self._fail(Step.INSPECT, unexpected(exc, str(self.path)))

    def _look(self) -> None:
        info = inspect(self.path, token=self.token, tools=self.tools)
        with FileSource(info.path) as source:
            mark = fingerprint(source)
        with self._lock:
            self._fingerprint = mark
            self._update(info=info, title=title_of(info, self._snapshot.options))
            self._poster_for = None
            why = refusal(info, self._snapshot.options)
            if why is not None:
                self._step(Step.INSPECT, StepState.FAILED)
                self._to(JobState.REFUSED, error=why, plan=None)
            else:
                self._step(Step.INSPECT, StepState.DONE)
                self._to(JobState.READY)
                self._replan()
        self._tell()
        if why is None:
            try:
                self.make_poster()
            except (VidcdnError, Cancelled) as exc:  # the card works without a picture; publishing asks again
                _log.info("no thumbnail yet for this video: %r", exc)

    def make_poster(self) -> Poster | None:
        """Make the thumbnail the options ask for, if it is not there yet. Blocks.

        Raises: VidcdnError: the chosen image cannot be used. Cancelled.
        """
        with self._lock:
            info, options = self.info, self._snapshot.options
            wanted = (options.thumbnail_image, options.thumbnail_at_s)
            if info is None:
                return None
            if self._poster is not None and self._poster_for == wanted:
                return self._poster
        if options.thumbnail_image is not None:
            poster = image_poster(options.thumbnail_image, max_width=POSTER_WIDTH)
        else:
            poster = film_poster(
                info.path,
                info,
                at_s=options.thumbnail_at_s,
                token=self.token,
                tools=self.tools,
                max_width=POSTER_WIDTH,
            )
        with self._lock:
            self._poster, self._poster_for = poster, wanted
            self._update(poster=poster.jpeg, thumbnail_problem=None)
        self._tell()
        return poster

    def refuse_thumbnail(self, error: VidcdnError) -> None:
        """The chosen picture cannot be used: go back to a frame of the film, and say why on the card."""
        with self._lock:
            options = replace(self._snapshot.options, thumbnail_image=None, thumbnail_at_s=None)
            self._update(options=options, thumbnail_problem=error)
            self._replan()
        self._tell()

    # Inside
    def _replan(self) -> None:
        info, destination = self.info, self._destination
        plan: PublishPlan | None = None
        if info is not None and destination is not None and refusal(info, self._snapshot.options) is None:
            plan = plan_publish(info, self._snapshot.options, destination, hex8=self._content_mark(), job_id=self.id)
        self._update(plan=plan, steps=self._steps_needed())

    def _steps_needed(self) -> tuple[StepSnapshot, ...]:
        """All steps, with a conversion only where there will be one; what is known of each stays."""
        converts = self.info is not None and conversion_of(self.info, self._snapshot.options) is not None
        known = {s.step: s for s in self._snapshot.steps}
        return tuple(known.get(s, StepSnapshot(s)) for s in Step if converts or s is not Step.CONVERT)

    def _content_mark(self, salt: str = "") -> str:
        """Eight hex digits for the key: the film, and the thumbnail choice, since both are cached for a year."""
        options = self._snapshot.options
        extra = salt or self._salt
        if options.thumbnail_image is not None:
            extra += f"|image {options.thumbnail_image}"
        elif options.thumbnail_at_s is not None:
            extra += f"|frame {options.thumbnail_at_s:.3f}"
        if not extra:
            return self._fingerprint
        return hashlib.blake2b(f"{self._fingerprint}{extra}".encode(), digest_size=4).hexdigest()

    def _update(self, **changes: object) -> None:
        with self._lock:
            self._snapshot = replace(self._snapshot, **changes)  # type: ignore[arg-type]

    def _to(self, state: JobState, **changes: object) -> None:
        with self._lock:
            check_transition(self.state, state)
            self._update(state=state, **changes)

    def _step(self, step: Step, state: StepState, seconds: float | None = None, note: str = "") -> None:
        with self._lock:
            self._update(
                steps=tuple(
                    StepSnapshot(step, state, seconds, note) if s.step is step else s for s in self._snapshot.steps
                )
            )

    def _fail(self, step: Step, error: VidcdnError) -> None:
        self._step(step, StepState.FAILED)
        self._end(JobState.FAILED, error=error, failed_step=step)

    def _end(self, state: JobState, **changes: object) -> None:
        self._to(state, finished=None if state is JobState.PAUSED else datetime.now(UTC), **changes)
        self._tell()

    def _tell(self, _waiting: Waiting | None = None) -> None:
        if self._on_change is not None:
            self._on_change(self)
