"""A publish as data: options, plan, steps, states, snapshots and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from vidcdn_desktop.delivery.model import DeliveryReport, PlayableUrl
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.media.convert_model import Conversion, ConversionProgress, ConversionReport
from vidcdn_desktop.media.info import MediaInfo
from vidcdn_desktop.progress import ProgressSnapshot
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.weather import Waiting


class LinkStyle(Enum):
    """How the link behaves when a video is replaced."""

    VERSIONED = "versioned"
    """New link each time: versioned key, cached for a year, never overwritten."""
    STABLE = "stable"
    """Same link: stable key, short browser cache, invalidated when replaced."""


class Step(Enum):
    """The steps of a publish, in order."""

    INSPECT = "inspect"
    CONVERT = "convert"
    """Only of files that have to become an MP4 first."""
    FAST_START = "fast_start"
    UPLOAD = "upload"
    THUMBNAIL = "thumbnail"
    INVALIDATE = "invalidate"
    VERIFY = "verify"


class JobState(Enum):
    """Where a job is. See `jobs.states` for the allowed transitions."""

    INSPECTING = "inspecting"
    """The file is being looked at; nothing is sent."""
    READY = "ready"
    """Inspected and planned; waits for the Publish button."""
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    """Stopped by the user, or by the end of the program; goes on where it was."""
    CANCELLING = "cancelling"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    """Inspection says it cannot be published."""


class StepState(Enum):
    """How one step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class StepSnapshot:
    """One step at one instant."""

    step: Step
    state: StepState = StepState.WAITING
    seconds: float | None = None
    """How long it took; None until it has ended."""
    note: str = ""
    """A fact in words: "index moved, 0 bytes on disk"."""


@dataclass(frozen=True)
class PublishOptions:
    """What the user chose for one video."""

    title: str = ""
    """Empty: made from the file name."""
    description: str = ""
    prefix: str = "videos"
    link: LinkStyle = LinkStyle.VERSIONED
    thumbnail_image: Path | None = None
    """The user's own picture; None: a frame of the film."""
    thumbnail_at_s: float | None = None
    """Time of the chosen frame; None: the first that is not black."""
    as_is: bool = False
    """Publish a file that needs conversion without converting it."""
    convert: bool = True
    """Convert what needs it; False: refuse such files."""
    verify: bool = True


@dataclass(frozen=True)
class PublishPlan:
    """Everything that will happen, known before the button is pressed."""

    ref: ObjectRef
    headers: ObjectHeaders
    thumbnail_ref: ObjectRef
    thumbnail_headers: ObjectHeaders
    link: LinkStyle
    url: PlayableUrl | None
    """None: no distribution serves the key; a presigned link will be given."""
    size: int
    """Bytes to send for the video."""
    moves_index: bool
    notes: tuple[str, ...] = ()
    """Sentences worth showing before the upload."""
    conversion: Conversion | None = None
    """What is done to the film before it is sent; None: nothing. `size` is an estimate then."""


@dataclass(frozen=True)
class PublishResult:
    """What one publish gave; the object `publish --json` prints."""

    source: str
    bucket: str
    key: str
    url: str
    """The CDN link, or a presigned link where no distribution serves the key."""
    url_expires: datetime | None
    """When a presigned link dies; None for a CDN link."""
    size: int
    etag: str
    checksum: str
    checksum_algorithm: str
    fast_start: str
    """already | moved | fragmented | as-is"""
    thumbnail_key: str
    thumbnail_url: str
    invalidation_id: str
    bytes_read: int
    """Of the source file, while sending and planning."""
    bytes_sent: int
    """Body bytes of the video, each counted once."""
    disk_bytes_written: int
    """For the video: 0, unless it had to be converted. The poster is written to memory."""
    seconds: Mapping[str, float]
    """Per step name."""
    verified: DeliveryReport | None
    title: str = ""
    version_id: str = ""
    width: int | None = None
    height: int | None = None
    notes: tuple[str, ...] = ()
    published_at: datetime | None = None
    proved_by: str = ""
    """How it is known that the bucket holds what was sent, in words for a badge."""
    resumed_bytes: int = 0
    """Bytes of the video that an earlier run had sent already."""
    retries: int = 0
    """Requests that had to be sent again."""
    converted: ConversionReport | None = None
    """What was converted; None: what is in the bucket is the original's film."""


@dataclass(frozen=True)
class JobSnapshot:
    """One job at one instant: all a front end needs to draw it."""

    id: str
    path: Path
    title: str
    state: JobState
    options: PublishOptions = field(default_factory=PublishOptions)
    info: MediaInfo | None = None
    plan: PublishPlan | None = None
    steps: tuple[StepSnapshot, ...] = ()
    progress: ProgressSnapshot | None = None
    error: VidcdnError | None = None
    failed_step: Step | None = None
    result: PublishResult | None = None
    poster: bytes = b""
    """JPEG of the thumbnail as far as it is known; empty before."""
    thumbnail_problem: VidcdnError | None = None
    """Why the picture the user chose is not used; a frame of the film is."""
    converting: ConversionProgress | None = None
    """How far the conversion is; None while there is none."""
    waiting: Waiting | None = None
    """Why nothing gets through at the moment and when it is tried again; None in good weather."""
    kept_bytes: int = 0
    """Bytes of an unfinished upload that are in the bucket and need not be sent again."""
    whole_bytes: int | None = None
    """Bytes of the whole upload as the journal knows them, for a job of an earlier run that has no plan yet."""
    retries: int = 0
    """Requests that were sent again in this run."""
    priority: int = 0
    """Higher runs first."""
    connection_id: str = ""
    """Through which connection it goes; empty before it was bound to one."""
    created: datetime | None = None
    finished: datetime | None = None


def report_json(value: Any) -> Any:
    """Turn a result value into what `json.dumps` takes: enums to values, times to ISO 8601, paths to text.

    Bytes are left out (None): they are never part of a report.
    """
    from dataclasses import fields, is_dataclass

    if isinstance(value, VidcdnError):
        return value.to_json()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: report_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): report_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [report_json(v) for v in value]
    return value
