"""A job and its row in the journal: written down at every change of state, and made again after a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, LinkStyle, PublishOptions, report_json

_log = logging.getLogger(__name__)

PUBLISH = "publish"
DOWNLOAD = "download"
REPAIR = "repair"
OPERATION = "operation"
UPLOAD = "upload"
"""Files and folders put into the bucket as they are, as one job; see `put_job`."""
FETCH = "fetch"
"""All below some prefixes downloaded, as one job; see `fetch_job`."""

PRACTICE_ID = "practice"
"""Connection id of the practice cloud, which is another one after every start."""


def record_of(snapshot: JobSnapshot, connection: Connection | None, salt: str) -> JobRecord:
    """The row that describes a publish at this instant. No secret is in it."""
    plan = snapshot.plan
    return JobRecord(
        id=snapshot.id,
        kind=PUBLISH,
        state=snapshot.state.value,
        title=snapshot.title,
        source=str(snapshot.path.absolute()),
        identity=snapshot.info.identity if snapshot.info else None,
        connection_id=connection.profile.id if connection else snapshot.connection_id,
        connection_name=connection.profile.name if connection else "",
        endpoint=connection.clients.endpoint if connection else "",
        bucket=plan.ref.bucket if plan else "",
        key=plan.ref.key if plan else "",
        size=plan.size if plan else None,
        options=report_json(snapshot.options) | {"salt": salt},
        plan={"thumbnail_key": plan.thumbnail_ref.key, "url": plan.url.url if plan.url else ""} if plan else None,
        steps={s.step.value: report_json(s) for s in snapshot.steps},
        result=report_json(snapshot.result) if snapshot.result else None,
        error=snapshot.error.to_json() if snapshot.error else None,
        ended=snapshot.finished,
        priority=snapshot.priority,
        created=snapshot.created or datetime.now(UTC),
    )


def options_from(saved: Mapping[str, Any] | None) -> PublishOptions:
    """The options in a row; a value that makes no sense falls back to its default."""
    data = saved or {}
    defaults = PublishOptions()

    def text(name: str) -> str:
        value = data.get(name, getattr(defaults, name))
        return value if isinstance(value, str) else str(getattr(defaults, name))

    image, at = data.get("thumbnail_image"), data.get("thumbnail_at_s")
    link = data.get("link")
    return replace(
        defaults,
        title=text("title"),
        description=text("description"),
        prefix=text("prefix"),
        link=LinkStyle(link) if link in {style.value for style in LinkStyle} else defaults.link,
        thumbnail_image=Path(image) if isinstance(image, str) and image else None,
        thumbnail_at_s=float(at) if isinstance(at, (int, float)) else None,
        as_is=data.get("as_is") is True,
        convert=data.get("convert") is not False,
        verify=data.get("verify") is not False,
    )


def salt_from(saved: Mapping[str, Any] | None) -> str:
    """What made the key of this job differ from that of the same film published before."""
    value = (saved or {}).get("salt")
    return value if isinstance(value, str) else ""


@contextmanager
def claimed(journal: Journal | None, job_id: str, keep: Callable[[], None]) -> Iterator[None]:
    """Hold a job, so that no other running copy of the program takes it up; `keep` writes its row first.

    Raises: UploadBusy: one has it already.
    """
    if journal is None:
        yield
        return
    keep()
    try:
        journal.claim(job_id)
    except SettingsInvalid:  # the row could not be written: nobody else can see it either
        yield
        return
    try:
        yield
    finally:
        journal.release(job_id)


def unfinished_for(journal: Journal, path: Path, connection: Connection) -> JobRecord | None:
    """The newest publish of this file through this connection that has not ended; None if there is none."""
    source = str(path.absolute())
    kept = {upload.job_id for upload in journal.unfinished_uploads()}
    found = [
        record
        for record in journal.jobs()
        if record.kind == PUBLISH
        and record.source == source
        and (record.state in OPEN_STATES or record.id in kept)
        and belongs_to(record, connection)
    ]
    return found[0] if found else None


def belongs_to(record: JobRecord, connection: Connection) -> bool:
    """Whether a job goes on through this connection: same account entry, same store, same bucket."""
    same = (record.connection_id, record.endpoint) == (connection.profile.id, connection.clients.endpoint)
    return same and record.bucket in ("", connection.profile.bucket)


OPEN_STATES = frozenset(
    state.value for state in (JobState.QUEUED, JobState.RUNNING, JobState.PAUSING, JobState.PAUSED, JobState.CANCELLING)
)
"""States a job was left in when its process ended before it did."""
