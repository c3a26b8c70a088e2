"""Jobs made again from the journal after the process that ran them has ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vidcdn_desktop.jobs.job import Job
from vidcdn_desktop.jobs.journal import JobRecord, Journal, OpenUpload
from vidcdn_desktop.jobs.keeping import PRACTICE_ID, PUBLISH, options_from, salt_from
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.publish import PublishJob


def job_from(record: JobRecord, means: Means, on_change: Callable[[Job], None] | None = None) -> PublishJob:
    """A paused publish for a row of the journal. It is looked at again, and bound to a connection, before it runs."""
    job = PublishJob(
        Path(record.source),
        options_from(record.options),
        tools=means.tools,
        on_change=on_change,
        means=means,
        job_id=record.id,
    )
    job.restore(record, salt_from(record.options))
    return job


def left_over(journal: Journal) -> list[tuple[JobRecord, OpenUpload | None]]:
    """Publishes that were under way when their process ended, oldest first, with what they have in the bucket.

    Those another running copy of the program is at are not among them. Those of a practice cloud that is gone are
    forgotten: nothing of them is left anywhere. Waits for the disk.
    """
    uploads = {upload.job_id: upload for upload in journal.unfinished_uploads()}
    kept = [r for r in journal.jobs() if r.id in uploads and r.kind == PUBLISH]
    rows = {record.id: record for record in (*journal.unfinished(), *kept)}
    found = []
    for record in rows.values():
        if record.owned_elsewhere or record.kind != PUBLISH:
            continue
        if record.connection_id == PRACTICE_ID:
            journal.remove_job(record.id)
            continue
        found.append((record, uploads.get(record.id)))
    return sorted(found, key=lambda pair: pair[0].created)
