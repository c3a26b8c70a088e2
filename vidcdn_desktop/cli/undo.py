"""`undo [JOB]`: take an operation on objects back, or list those that can be."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import connection_for
from vidcdn_desktop.cli.means import means_for
from vidcdn_desktop.cli.operating import Operating, add_operation_arguments
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.credentials.profiles import ENVIRONMENT_ID
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.operations.rows import action_in, belongs_to_store, undoable
from vidcdn_desktop.textsafe import display

_NOTHING = "Nothing was changed."


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "undo",
        help="take back what an operation did, or list what can be taken back",
        description="Without a job: list. What somebody has changed since is left alone.",
    )
    parser.add_argument("job", nargs="?", default="", metavar="JOB", help="job id, or its beginning, or “last”")
    add_operation_arguments(parser)
    parser.set_defaults(run=run, limit=None)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    with means_for(args, output) as means:
        if means.journal is None:
            return 1
        found = undoable(means.journal)
        if not args.job:
            for record in found:
                output.result(_facts(record), [_line(record)])
            if not found and not args.json:
                output.note("There is nothing that can be taken back.")
            return 0
        record = _chosen(found, args.job)
        if not args.connection and record.connection_id != ENVIRONMENT_ID:
            args.connection = record.connection_id
        args.bucket = args.bucket or record.bucket
        with connection_for(args, token) as connection:
            if not belongs_to_store(record, connection):
                raise SettingsInvalid(
                    f"The operation was done through another connection ({display(record.connection_name, 60)}).",
                    _NOTHING,
                    "Name that one with --connection.",
                )
            operating = Operating(connection, means, args, output, token)
            return operating.undo(means.journal, record.id)


def _chosen(found: list[JobRecord], wanted: str) -> JobRecord:
    matching = found[:1] if wanted == "last" else [record for record in found if record.id.startswith(wanted)]
    if len(matching) != 1:
        what = "Several operations begin" if matching else "Nothing that can be taken back begins"
        raise SettingsInvalid(f"{what} with “{wanted}”.", _NOTHING, "Look at: vidcdn-desktop undo")
    return matching[0]


def _facts(record: JobRecord) -> dict[str, Any]:
    action = action_in(record)
    counts = (record.result or {}).get("counts") or {}
    return {
        "job": record.id,
        "operation": action.kind.value if action else "",
        "title": record.title,
        "connection": record.connection_name,
        "bucket": record.bucket,
        "created": record.created,
        "state": record.state,
        "objects": counts.get("objects"),
    }


def _line(record: JobRecord) -> str:
    facts = _facts(record)
    when = f"{record.created.astimezone():%Y-%m-%d %H:%M}"
    return f"{record.id[:8]}  {when}  {facts['operation']}  {display(record.title, 60)}  in {display(record.bucket)}"
