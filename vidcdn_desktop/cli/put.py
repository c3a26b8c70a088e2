"""`put FILE… s3://BUCKET/PREFIX/`: files and folders into the bucket as they are."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.means import means_for, parse_patience, parse_rate
from vidcdn_desktop.cli.output import Output, Ticker, progress_text
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.put_files import PutFiles, PutResult, PutState
from vidcdn_desktop.jobs.put_plan import PutPlan, plan_put
from vidcdn_desktop.jobs.put_taken import OnTaken, look_at
from vidcdn_desktop.storage.weather import Patience
from vidcdn_desktop.textsafe import display, format_size, plural

_WORDS = {PutState.PUT: "put", PutState.ALREADY: "already there", PutState.EXISTS: "exists", PutState.FAILED: "failed"}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "put",
        help="put files and folders into the bucket as they are",
        description="Put files and folders into the bucket as they are: no thumbnail, no fast start. Nothing there is"
        " replaced unless you say so. After an interruption the same command goes on; what is there already is"
        " not sent again.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("address", metavar="s3://BUCKET/PREFIX/")
    taken = parser.add_mutually_exclusive_group()
    taken.add_argument("--replace", action="store_true", help="replace objects that have the same name")
    taken.add_argument("--keep-both", action="store_true", help="give a file a new name where its own is taken")
    parser.add_argument("--cache-control", default="", metavar="VALUE", help="header for all of them")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be put")
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
    if place is None:
        raise SettingsInvalid(
            "The last word must say where to.", "Nothing was sent.", "Write s3://BUCKET/PREFIX/.", subject=args.address
        )
    args.bucket = place[0] or args.bucket
    with means_for(args, output) as means, connection_for(args, token) as connection:
        if args.keep_both:
            plan = look_at(connection, args.paths, place[1], token=token).chosen(OnTaken.KEEP_BOTH)
        else:
            plan = plan_put(args.paths, connection.profile.bucket, place[1])
        for left in plan.left_alone:
            output.note(f"{display(str(left.path))}: {left.reason}")
        if args.dry_run:
            _tell(plan, [], output)
            return 0
        return put_all(plan, connection, means, output, token, replace=args.replace, cache_control=args.cache_control)


def put_all(
    plan: PutPlan,
    connection: Connection,
    means: Means,
    output: Output,
    token: CancelToken,
    *,
    replace: bool = False,
    cache_control: str = "",
) -> int:
    """Put every file of a plan and print what came of each; gives the exit code.

    Raises: Cancelled, Paused, when what was done has been printed.
    """
    work = PutFiles(
        connection,
        plan,
        token=token,
        replace=replace,
        cache_control=cache_control,
        journal=means.journal,
        limiter=means.limiter,
        patience=means.patience,
        on_done=lambda result: _note(result, output),
    )
    error = _run_aside(work, output)
    _tell(plan, work.results(), output)
    if isinstance(error, VidcdnError):
        output.error(error)
    elif error is not None:
        raise error
    ended_well = all(result.state in (PutState.PUT, PutState.ALREADY) for result in work.results())
    return 0 if ended_well and error is None and not plan.left_alone else 1


def _run_aside(work: PutFiles, output: Output) -> BaseException | None:
    """Run on another thread: a signal is handled in this one, which must not be in the middle of anything then."""
    ended: list[BaseException] = []

    def call() -> None:
        try:
            work.run()
        except BaseException as exc:  # noqa: BLE001 - handed over whole
            ended.append(exc)

    thread = threading.Thread(target=call, name="put")
    with Ticker(lambda: output.paint(progress_text(work.meter.snapshot()))):
        thread.start()
        thread.join()
    return ended[0] if ended else None


def _note(result: PutResult, output: Output) -> None:
    if result.state is not PutState.PUT:
        reason = f": {result.error.what} {result.error.advice}" if result.error is not None else ""
        output.note(f"{display(str(result.file.ref))}: {_WORDS[result.state]}{display(reason)}")


def _tell(plan: PutPlan, results: list[PutResult], output: Output) -> None:
    done = {result.file.ref.key: result for result in results}
    files: list[dict[str, Any]] = []
    for file in plan.files:
        result = done.get(file.ref.key)
        facts: dict[str, Any] = {
            "source": str(file.path),
            "key": file.ref.key,
            "size": file.size,
            "content_type": file.content_type,
            "state": _WORDS[result.state] if result else "not begun",
        }
        if result is not None and result.stored is not None:
            facts |= {"etag": result.stored.etag, "proved_by": result.stored.proved_by}
        if result is not None and result.error is not None:
            facts["error"] = {"kind": result.error.kind, "what": result.error.what, "code": result.error.code}
        files.append(facts)
    counts = {state: sum(r.state is state for r in results) for state in PutState}
    value = {
        "files": files,
        "left_alone": [{"source": str(left.path), "reason": left.reason} for left in plan.left_alone],
        "totals": {"files": len(files), "bytes": plan.total_bytes}
        | {_WORDS[state].replace(" ", "_"): n for state, n in counts.items()},
    }
    lines = [f"{plural(len(files), 'file')}, {format_size(plan.total_bytes)}"]
    if results:
        lines[0] += ": " + ", ".join(f"{n} {_WORDS[state]}" for state, n in counts.items() if n)
    elif files:
        lines = [f"{format_size(file.size):>12}  {display(str(file.ref))}" for file in plan.files] + lines
    output.result(value, lines)
