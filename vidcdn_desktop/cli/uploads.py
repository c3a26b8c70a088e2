"""`uploads [resume|abort] [JOB…]`: what was begun and not ended, on this computer."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for
from vidcdn_desktop.cli.means import means_for, parse_patience, parse_rate
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.cli.publish import run_job
from vidcdn_desktop.cli.put import put_all
from vidcdn_desktop.credentials.profiles import ENVIRONMENT_ID
from vidcdn_desktop.errors import ServiceTrouble, SettingsInvalid, UploadBusy
from vidcdn_desktop.jobs import put_files
from vidcdn_desktop.jobs.again import job_from, left_over
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord, OpenUpload
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.put_files import give_up, plan_again
from vidcdn_desktop.storage.weather import Patience
from vidcdn_desktop.textsafe import display, format_size


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("uploads", help="list, resume or abort uploads that were interrupted")
    parser.add_argument("action", nargs="?", choices=["list", "resume", "abort"], default="list")
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="job id, or its beginning; without one: all")
    parser.add_argument("--patience", type=parse_patience, default=Patience(limit_s=120.0), metavar="SECONDS")
    parser.add_argument("--limit", type=parse_rate, metavar="RATE", help="bytes a second, like 500k or 2M")
    parser.add_argument("--json", action="store_true", help="one JSON object per upload")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    with means_for(args, output) as means:
        if means.journal is None:
            return 1
        found = _chosen(left_over(means.journal) + put_files.left_over(means.journal), args.jobs)
        if args.action == "list":
            for record, upload in found:
                output.result(_facts(record, upload), _lines(record, upload))
            if not found and not args.json:
                output.note("Nothing was interrupted.")
            return 0
        code = 0
        for record, _upload in found:
            token.raise_if_cancelled()
            code = max(code, _act(record, args, means, output, token))
        return code


def _chosen(
    found: list[tuple[JobRecord, OpenUpload | None]], wanted: list[str]
) -> list[tuple[JobRecord, OpenUpload | None]]:
    if not wanted:
        return found
    for name in wanted:
        if not any(record.id.startswith(name) for record, _ in found):
            raise SettingsInvalid(
                f"There is no interrupted upload “{name}”.", "Nothing was done.", "Look at: vidcdn-desktop uploads"
            )
    return [(r, u) for r, u in found if any(r.id.startswith(name) for name in wanted)]


def _act(record: JobRecord, args: argparse.Namespace, means: Means, output: Output, token: CancelToken) -> int:
    where = argparse.Namespace(**vars(args))
    if not where.connection and record.connection_id != ENVIRONMENT_ID:
        where.connection = record.connection_id
    where.bucket = where.bucket or record.bucket
    with connection_for(where, token) as connection:
        if record.kind == put_files.KIND:
            return _act_on_file(record, args.action, connection, means, output, token)
        job = job_from(record, means)
        if args.action == "resume":
            return 0 if run_job(job, connection, output, token) is not None else 1
        job.bind(connection)
        job.give_up()
    error = job.snapshot().error
    if job.state is JobState.CANCELLED or error is None:
        if means.journal is not None:
            try:
                means.journal.remove_job(record.id)
            except UploadBusy as exc:
                output.error(exc, job=record.id)
                return 1
        output.result(
            {"job": record.id, "bucket": record.bucket, "key": record.key, "state": "aborted"},
            [f"Removed: {display(record.title)}"],
        )
        return 0
    output.error(error, job=record.id)
    return 1


def _act_on_file(
    record: JobRecord, action: str, connection: Connection, means: Means, output: Output, token: CancelToken
) -> int:
    """Go on with a file that was put as it is, or remove what it has in the bucket."""
    if action == "resume":
        return put_all(plan_again(record), connection, means, output, token)
    if means.journal is None or not give_up(connection, means.journal, record):
        left = ServiceTrouble("Something of this upload may still be in the bucket.", advice="Try again.")
        output.error(left, job=record.id)
        return 1
    output.result(
        {"job": record.id, "bucket": record.bucket, "key": record.key, "state": "aborted"},
        [f"Removed: {display(record.title)}"],
    )
    return 0


def _facts(record: JobRecord, upload: OpenUpload | None) -> dict[str, Any]:
    return {
        "job": record.id,
        "state": record.state,
        "source": record.source,
        "title": record.title,
        "connection": record.connection_name,
        "bucket": record.bucket,
        "key": upload.ref.key if upload else record.key,
        "upload_id": upload.upload_id if upload else "",
        "size": upload.size if upload else record.size,
        "done_bytes": upload.done_bytes if upload else 0,
        "begun": upload.begun if upload else record.created,
    }


def _lines(record: JobRecord, upload: OpenUpload | None) -> list[str]:
    done = format_size(upload.done_bytes) if upload else format_size(0)
    size = record.size if record.size is not None else upload.size if upload else 0
    return [
        f"{record.id[:8]}  {display(record.title)}",
        f"          {done} of {format_size(size)} sent to {display(record.bucket)}, {display(record.key)}",
        f"          from {display(record.source)}",
    ]
