"""One line of the Activity page, whatever it comes from: a job of any kind, or a row of the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from vidcdn_desktop.gui.activity import batch_words, operation_words, repair_words
from vidcdn_desktop.gui.models.counts import BesideSnapshot, is_live, is_unfinished
from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.jobs.batch_report import BatchSnapshot
from vidcdn_desktop.jobs.download import DownloadSnapshot
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.journal_record import without_signed_queries
from vidcdn_desktop.jobs.keeping import DOWNLOAD, FETCH, OPERATION, PUBLISH, REPAIR, UPLOAD
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, Step, StepSnapshot, StepState, report_json
from vidcdn_desktop.jobs.operations.model import Action
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.jobs.operations.rows import action_in, undoes_in
from vidcdn_desktop.jobs.repair_job import RepairSnapshot
from vidcdn_desktop.jobs.states import BUSY
from vidcdn_desktop.progress import ProgressSnapshot
from vidcdn_desktop.storage.weather import Waiting

Snapshot = JobSnapshot | BesideSnapshot

_EPOCH = datetime.fromtimestamp(0, UTC)


class Origin(Enum):
    """Where a job lives."""

    HERE = "here"
    """In this window: it can be paused, resumed and so on."""
    EARLIER = "earlier"
    """In the journal only."""
    ELSEWHERE = "elsewhere"
    """Another running copy of the program is at it."""


@dataclass(frozen=True)
class Entry:
    """All the page shows of one job. Values that come out of the journal may hold anything."""

    id: str
    kind: str
    title: str
    state: JobState
    origin: Origin
    created: datetime = _EPOCH
    finished: datetime | None = None
    place: str = ""
    """The file that is sent, the folder a download goes to, or the key or prefix that is repaired."""
    bucket: str = ""
    key: str = ""
    connection_id: str = ""
    connection_name: str = ""
    live: words.Marked | None = None
    """What the CDN was seen to do with a published video."""
    is_well: bool = True
    """False for a published video that is not served rightly."""
    steps: tuple[StepSnapshot, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    """A `PublishResult` or `DownloadResult` as `report_json` gives it, or that of a repair or an operation."""
    error: Mapping[str, Any] = field(default_factory=dict)
    """As `VidcdnError.to_json` gives it."""
    unfinished: bool = False
    """Stopped on its way, with something to go on from."""
    kept_bytes: int = 0
    whole_bytes: int | None = None
    progress: ProgressSnapshot | None = None
    line: str = ""
    """How it goes, while it runs."""
    waiting: Waiting | None = None
    retries: int = 0
    verb: str = ""
    """Of an operation: what is done, a value of `jobs.operations.model.Kind`."""
    can_undo: bool = False
    """Something was done that can be taken back."""
    undo_words: str = ""
    """Of an operation: what was promised about that."""
    fraction: float | None = None
    """How far it is, where that is no matter of bytes."""
    subject: Snapshot | JobRecord | None = None
    """What it was made from, for the report."""

    @property
    def is_download(self) -> bool:
        """Whether it comes down."""
        return self.kind == DOWNLOAD

    @property
    def is_repair(self) -> bool:
        """Whether it is made to start at once inside the bucket."""
        return self.kind == REPAIR

    @property
    def is_operation(self) -> bool:
        """Whether objects are copied, moved, deleted or edited."""
        return self.kind == OPERATION

    @property
    def is_batch(self) -> bool:
        """Whether many files are moved as one job."""
        return self.kind in (UPLOAD, FETCH)

    @property
    def is_beside(self) -> bool:
        """Whether it is no publish."""
        return self.is_download or self.is_repair or self.is_operation or self.is_batch

    @property
    def is_busy(self) -> bool:
        """Whether it runs or waits for its turn."""
        return self.state in BUSY

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look at it."""
        bad = self.state in (JobState.FAILED, JobState.REFUSED)
        return bad or (self.state is JobState.PUBLISHED and not self.is_well)

    @property
    def link(self) -> str:
        """The lasting link; empty where there is none, or only one that expires or is signed."""
        return "" if self.result.get("url_expires") else text_in(self.result, "url")


def entry_of(snapshot: JobSnapshot) -> Entry:
    """The line of a publish of this session."""
    plan = snapshot.plan
    return Entry(
        id=snapshot.id,
        kind=PUBLISH,
        title=snapshot.title,
        state=snapshot.state,
        origin=Origin.HERE,
        created=snapshot.created or _EPOCH,
        finished=snapshot.finished,
        place=str(snapshot.path),
        bucket=plan.ref.bucket if plan else "",
        key=snapshot.result.key if snapshot.result else plan.ref.key if plan else "",
        connection_id=snapshot.connection_id,
        live=words.live_badge(snapshot),
        is_well=snapshot.state is not JobState.PUBLISHED or is_live(snapshot),
        steps=snapshot.steps,
        result=report_json(snapshot.result) if snapshot.result else {},
        error=snapshot.error.to_json() if snapshot.error else {},
        unfinished=is_unfinished(snapshot),
        kept_bytes=snapshot.kept_bytes,
        whole_bytes=words.whole_size(snapshot),
        progress=snapshot.progress,
        line=words.progress_line(snapshot.progress, snapshot) if snapshot.state in BUSY else "",
        waiting=snapshot.waiting,
        retries=snapshot.retries,
        subject=snapshot,
    )


def entry_of_download(snapshot: DownloadSnapshot) -> Entry:
    """The line of a download of this session."""
    return Entry(
        id=snapshot.id,
        kind=DOWNLOAD,
        title=snapshot.title,
        state=snapshot.state,
        origin=Origin.HERE,
        created=snapshot.created or _EPOCH,
        finished=snapshot.finished,
        place=str(snapshot.folder),
        bucket=snapshot.ref.bucket,
        key=snapshot.ref.key,
        connection_id=snapshot.connection_id,
        result=report_json(snapshot.result) if snapshot.result else {},
        error=snapshot.error.to_json() if snapshot.error else {},
        unfinished=is_unfinished(snapshot),
        kept_bytes=snapshot.kept_bytes,
        whole_bytes=snapshot.whole_bytes,
        progress=snapshot.progress,
        line=words.transfer_line(snapshot.state, snapshot.progress, snapshot.waiting),
        waiting=snapshot.waiting,
        retries=snapshot.retries,
        subject=snapshot,
    )


def entry_of_repair(snapshot: RepairSnapshot) -> Entry:
    """The line of a repair of this session."""
    return Entry(
        id=snapshot.id,
        kind=REPAIR,
        title=snapshot.title,
        state=snapshot.state,
        origin=Origin.HERE,
        created=snapshot.created or _EPOCH,
        finished=snapshot.finished,
        place=snapshot.place,
        bucket=snapshot.bucket,
        key=snapshot.place,
        connection_id=snapshot.connection_id,
        result=snapshot.result or {},
        error=snapshot.error.to_json() if snapshot.error else {},
        unfinished=is_unfinished(snapshot),
        whole_bytes=snapshot.whole_bytes,
        progress=snapshot.progress,
        line=repair_words.line(snapshot),
        waiting=snapshot.waiting,
        retries=snapshot.retries,
        subject=snapshot,
    )


def entry_of_operation(snapshot: OperationSnapshot) -> Entry:
    """The line of an operation of this session."""
    return Entry(
        id=snapshot.id,
        kind=OPERATION,
        title=operation_words.title(snapshot.kind.value, snapshot.title),
        state=snapshot.state,
        origin=Origin.HERE,
        created=snapshot.created or _EPOCH,
        finished=snapshot.finished,
        place=snapshot.place,
        bucket=snapshot.bucket,
        key=snapshot.place,
        connection_id=snapshot.connection_id,
        result={"counts": snapshot.counts.to_json(), **(snapshot.result or {})},
        error=snapshot.error.to_json() if snapshot.error else {},
        unfinished=is_unfinished(snapshot),
        whole_bytes=snapshot.whole_bytes,
        progress=snapshot.progress,
        line=operation_words.line(snapshot),
        waiting=snapshot.waiting,
        retries=snapshot.retries,
        verb=snapshot.kind.value,
        can_undo=snapshot.can_undo,
        undo_words=snapshot.undo_words,
        fraction=snapshot.steps_done / snapshot.steps if snapshot.steps else None,
        subject=snapshot,
    )


def entry_of_batch(snapshot: BatchSnapshot) -> Entry:
    """The line of many files moved in this session."""
    return Entry(
        id=snapshot.id,
        kind=snapshot.kind,
        title=batch_words.title(snapshot.kind, snapshot.title),
        state=snapshot.state,
        origin=Origin.HERE,
        created=snapshot.created or _EPOCH,
        finished=snapshot.finished,
        place=snapshot.folder or snapshot.key,
        bucket=snapshot.bucket,
        key=snapshot.key,
        connection_id=snapshot.connection_id,
        result={"counts": snapshot.counts.to_json(), **(snapshot.result or {})},
        error=snapshot.error.to_json() if snapshot.error else {},
        unfinished=is_unfinished(snapshot),
        kept_bytes=snapshot.kept_bytes,
        whole_bytes=snapshot.whole_bytes,
        progress=snapshot.progress,
        line=batch_words.line(snapshot),
        waiting=snapshot.waiting,
        retries=snapshot.retries,
        subject=snapshot,
    )


def entry_of_any(snapshot: Snapshot) -> Entry:
    """The line of a job of this session."""
    if isinstance(snapshot, JobSnapshot):
        return entry_of(snapshot)
    if isinstance(snapshot, OperationSnapshot):
        return entry_of_operation(snapshot)
    if isinstance(snapshot, BatchSnapshot):
        return entry_of_batch(snapshot)
    return entry_of_download(snapshot) if isinstance(snapshot, DownloadSnapshot) else entry_of_repair(snapshot)


def entry_of_record(record: JobRecord, *, can_undo: bool = False) -> Entry | None:
    """The line of a job of an earlier run, or of another running copy; None if it makes no sense to us.

    `can_undo`: the journal has something of it that can be taken back.
    """
    if record.state not in _STATES or record.kind not in _KINDS:
        return None
    action = action_in(record)
    if record.kind == OPERATION and action is None:
        return None
    result = mapping_in(record.result)
    folder = mapping_in(record.options).get("folder")
    return Entry(
        id=record.id,
        kind=record.kind,
        title=_title(record, action),
        state=_STATES[record.state],
        origin=Origin.ELSEWHERE if record.owned_elsewhere else Origin.EARLIER,
        created=record.created,
        finished=record.ended,
        place=str(folder or "") if record.kind == DOWNLOAD else record.key if record.kind in _BY_KEY else record.source,
        bucket=record.bucket,
        key=text_in(result, "key") or record.key,
        connection_id=record.connection_id,
        connection_name=record.connection_name,
        is_well=mapping_in(result.get("verified")).get("ok") is not False,
        steps=_steps_in(mapping_in(record.steps)),
        result=result,
        error=mapping_in(record.error),
        whole_bytes=record.size,
        verb=action.kind.value if action else "",
        can_undo=can_undo and not undoes_in(record),
        undo_words=text_in(mapping_in(record.options), "promise") if action else "",
        subject=record,
    )


def _title(record: JobRecord, action: Action | None) -> str:
    about = record.title or record.key
    if action is not None:
        return operation_words.title(action.kind.value, record.title)
    return batch_words.title(record.kind, about) if record.kind in (UPLOAD, FETCH) else about


def report(subject: Snapshot | JobRecord) -> str:
    """Everything about one job as JSON, without what would let a stranger in: no address keeps its signature."""
    return json.dumps(without_signed_queries(_plain(report_json(subject))), indent=2, ensure_ascii=False)


def text_in(values: Mapping[str, Any], name: str) -> str:
    """A text in something read from a file; empty if it is none."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def number_in(values: Mapping[str, Any], name: str) -> int:
    """A whole number in something read from a file; 0 if it is none."""
    value = values.get(name)
    return value if type(value) is int else 0


def mapping_in(value: object) -> Mapping[str, Any]:
    """An object in something read from a file; empty if it is none."""
    return value if isinstance(value, Mapping) else {}


_STATES = {state.value: state for state in JobState}
_KINDS = frozenset({PUBLISH, DOWNLOAD, REPAIR, OPERATION, UPLOAD, FETCH})
_BY_KEY = frozenset({REPAIR, OPERATION, UPLOAD})
"""Kinds whose place is a key or a prefix."""


def _plain(facts: Any) -> Any:
    """The query of a link that expires is a key to the video, however it is signed."""
    result = facts.get("result")
    if isinstance(result, dict) and result.get("url_expires"):
        result["url"] = str(result.get("url", "")).partition("?")[0]
    return facts


def _steps_in(saved: Mapping[str, Any]) -> tuple[StepSnapshot, ...]:
    found = []
    for step in Step:
        values = mapping_in(saved.get(step.value))
        state = values.get("state")
        seconds = values.get("seconds")
        if state in {s.value for s in StepState}:
            took = float(seconds) if isinstance(seconds, (int, float)) else None
            found.append(StepSnapshot(step, StepState(state), took, text_in(values, "note")))
    return tuple(found)
