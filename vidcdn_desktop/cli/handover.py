"""`handover`: the jobs of S3 Batch Operations that were created here: how far they are, confirm, cancel."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.credentials.profiles import ENVIRONMENT_ID
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.handover_book import HandoverBook, KeptHandover
from vidcdn_desktop.jobs.operations.handover_job import cancel_job, confirm_job, status_of
from vidcdn_desktop.storage.control import BatchStatus
from vidcdn_desktop.textsafe import display, plural

_NOTHING = "Nothing was changed."


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "handover",
        help="jobs of S3 Batch Operations that were created here: how far they are, confirm, cancel",
        description="Jobs are created by the commands on objects (cp, mv, rm, tags, class, restore, versions) with"
        " --batch-role. A new one waits until it is confirmed. What a job has done is not undone by the program.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--confirm", metavar="JOB", help="let a prepared job begin")
    what.add_argument("--cancel", metavar="JOB", help="stop a job; what is done stays done")
    what.add_argument("--forget", metavar="JOB", help="leave it out of this list; the job itself goes on")
    parser.add_argument("--json", action="store_true", help="one JSON object per job")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    book = HandoverBook()
    wanted = args.confirm or args.cancel or args.forget
    if not wanted:
        return _list(book, args, output, token)
    kept = _chosen(book.all(), wanted)
    if args.forget:
        book.remove(kept.token)
        return 0
    with _connection(args, kept, token) as connection:
        status = (confirm_job if args.confirm else cancel_job)(connection, kept)
    _tell(kept, status, output)
    return 0


def _list(book: HandoverBook, args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    code, jobs = 0, book.all()
    for kept in jobs:
        try:
            with _connection(args, kept, token) as connection:
                _tell(kept, status_of(connection, kept, book), output)
        except VidcdnError as exc:
            output.error(exc, job_id=kept.job_id, title=kept.title)
            code = 1
    if not jobs:
        output.note("No job was handed over.")
    return code


def _connection(args: argparse.Namespace, kept: KeptHandover, token: CancelToken) -> AbstractContextManager[Connection]:
    """The one it was created through, unless another is named."""
    chosen = argparse.Namespace(**vars(args))
    if not chosen.connection and kept.connection_id != ENVIRONMENT_ID:
        chosen.connection = kept.connection_id
    chosen.bucket = chosen.bucket or kept.bucket
    chosen.region = chosen.region or kept.region
    return connection_for(chosen, token)


def _chosen(jobs: list[KeptHandover], wanted: str) -> KeptHandover:
    found = [kept for kept in jobs if kept.job_id.startswith(wanted)]
    if len(found) != 1:
        what = "Several jobs begin" if found else "No job begins"
        raise SettingsInvalid(f"{what} with “{wanted}”.", _NOTHING, "Look at: vidcdn-desktop handover")
    return found[0]


def _tell(kept: KeptHandover, status: BatchStatus, output: Output) -> None:
    facts = {
        **status.to_json(),
        "operation": kept.operation,
        "title": kept.title,
        "bucket": kept.bucket,
        "objects": kept.objects,
        "report": kept.report,
        "created": kept.created,
    }
    counts = f"{status.done:,} of {plural(status.total or kept.objects, 'object')} done, {status.failed:,} failed"
    lines = [f"{kept.job_id}  {status.word}  {counts}", f"  {kept.operation}: {display(kept.title, 80)}"]
    output.result(facts, [*lines, *(f"  {display(reason, 300)}" for reason in status.reasons)])
