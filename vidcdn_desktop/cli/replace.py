"""`replace FILE s3://BUCKET/KEY`: an object gets new content and keeps all else."""

from __future__ import annotations

import argparse
import hashlib
import threading
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.means import means_for, parse_patience, parse_rate
from vidcdn_desktop.cli.output import Output, Ticker, progress_text
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.put_job import PutJob
from vidcdn_desktop.jobs.replace_plan import Replacement, plan_replace
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.weather import Patience
from vidcdn_desktop.textsafe import display, format_elapsed, format_size

_WRONG_USE = 2


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "replace",
        help="give an object the content of a file",
        description="Give an object the content of a file. It keeps its key, cache header, metadata and tags, and its"
        " content type unless the file is of another kind. A video is sent so that it starts at once. If somebody else"
        " changes the object meanwhile, nothing is replaced.",
    )
    parser.add_argument("path", type=Path, metavar="FILE")
    parser.add_argument("address", metavar="s3://BUCKET/KEY")
    parser.add_argument("--yes", action="store_true", help="also where the bucket keeps no versions: the old is gone")
    parser.add_argument("--etag", default="", metavar="ETAG", help="only if the object still has this ETag")
    parser.add_argument("--invalidate", action="store_true", help="remove old copies from the CDN afterwards")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument(
        "--patience", type=parse_patience, default=Patience(limit_s=120.0), metavar="SECONDS",
        help="how long to wait for a network that is gone: seconds (120), or “forever”",
    )  # fmt: skip
    parser.add_argument("--limit", type=parse_rate, metavar="RATE", help="bytes a second, like 500k or 2M")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    place = split_s3_address(args.address)
    if place is None or not place[1]:
        raise SettingsInvalid(
            "The last word must name an object.", "Nothing was sent.", "Write s3://BUCKET/KEY.", subject=args.address
        )
    args.bucket = place[0] or args.bucket
    with means_for(args, output) as means, connection_for(args, token) as connection:
        ref = ObjectRef(connection.profile.bucket, place[1])
        found = plan_replace(connection, args.path, ref, args.etag.strip('"'), token=token)
        if args.dry_run:
            output.result({**found.to_json(), "state": "planned"}, _plan_lines(found))
            return 0
        if not found.can_undo and not args.yes:
            output.result({**found.to_json(), "state": "not begun"}, _plan_lines(found))
            output.note("Nothing was changed. Add --yes to replace it for good.")
            return _WRONG_USE
        return _replace(found, connection, means, args, output, token)


def _replace(
    found: Replacement,
    connection: Connection,
    means: Means,
    args: argparse.Namespace,
    output: Output,
    token: CancelToken,
) -> int:
    # The same file for the same object is the same job, so that what was interrupted is not listed twice.
    name = "\0".join((connection.clients.endpoint, str(found.file.ref), str(found.file.path.absolute())))
    job_id = "replace-" + hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    job = PutJob(found.plan, means, job_id=job_id)
    job.bind(connection)
    # On a thread of its own: a signal is handled in this one, which must not be in the middle of anything then.
    runner = threading.Thread(target=job.run, name="replace")
    remove = token.on_cancel(lambda: job.pause() if token.is_paused else job.cancel())
    try:
        with Ticker(lambda: _paint(job, output)):
            runner.start()
            runner.join()
    finally:
        remove()
    return _end(found, job, connection, args, output, token)


def _end(
    found: Replacement,
    job: PutJob,
    connection: Connection,
    args: argparse.Namespace,
    output: Output,
    token: CancelToken,
) -> int:
    snapshot = job.snapshot()
    if snapshot.error is not None:
        raise snapshot.error
    if snapshot.state is not JobState.PUBLISHED:
        raise token.stopped() if token.is_cancelled else Cancelled
    told, failure = 0, None
    if args.invalidate:
        try:
            told = len(connection.invalidate_keys([found.file.ref.key], caller_reference=job.id, token=token))
        except VidcdnError as exc:
            failure = exc
    lines = [f"{display(str(found.file.ref))} has the content of {display(str(found.file.path))} now."]
    if found.can_undo:
        lines.append(f"The old content is version {display(found.was.stored.version_id)}.")
    if found.served_by and not told:
        lines.append("The CDN may show the old content; --invalidate removes it.")
    output.result({**found.to_json(), "state": "replaced", "invalidated": told}, lines)
    if failure is not None:
        output.error(failure)
    return 1 if failure is not None else 0


def _plan_lines(found: Replacement) -> list[str]:
    lines = [
        f"{display(str(found.file.path))}, {format_size(found.file.size)}, would take the place of "
        f"{display(str(found.file.ref))}, {format_size(found.was.stored.size)}.",
    ]
    if found.kept:
        lines.append(f"It keeps: {', '.join(found.kept)}.")
    if found.file.fast_start:
        lines.append("The video is sent with its index in front, so that it starts at once.")
    lines += [display(note) for note in found.notes]
    if found.can_undo:
        lines.append("The bucket keeps versions: the old content can be brought back.")
    else:
        lines.append("The old content would be gone for good.")
    return lines


def _paint(job: PutJob, output: Output) -> None:
    snapshot = job.snapshot()
    if snapshot.waiting is not None:
        output.paint(f"{snapshot.waiting.error.what} Next try in {format_elapsed(snapshot.waiting.left_s())}.")
    elif snapshot.progress is not None:
        output.paint(f"{display(snapshot.title, 40)}: {progress_text(snapshot.progress)}")
