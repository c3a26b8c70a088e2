"""`repair s3://BUCKET/KEY…`: films in the bucket whose index stands at the end are made to start at once."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.means import means_for, parse_patience
from vidcdn_desktop.cli.output import Output, Ticker
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.kept_repair import KeptRepair, unfinished_repair
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.repair_batch import Outcome, Totals, Wish, plan_repairs, totals_of
from vidcdn_desktop.jobs.repair_report import RepairReport, RepairState
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display, format_elapsed, format_size, plural


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "repair",
        help="make films in the bucket start at once, without sending them again",
        description="Move the index of films in the bucket to the front, inside the store: only a few megabytes are"
        " received and sent. Headers, metadata, tags and storage class are kept. An address that ends in / stands for"
        " all videos below it; all addresses together are one job, with its sum at the end.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be sent and copied; change nothing")
    parser.add_argument(
        "--resend",
        action="store_true",
        help="where the store cannot copy inside itself: send films up to 64 MiB again whole",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per video, and one with the sum")
    parser.add_argument(
        "--patience",
        type=parse_patience,
        metavar="SECONDS",
        help="how long to go on trying without a network (120), or “forever”",
    )
    add_connection_arguments(parser)
    parser.set_defaults(run=run, limit=None)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    places = [split_s3_address(text) or ("", text) for text in args.addresses]
    for text, (bucket, key) in zip(args.addresses, places, strict=True):
        if not key and not (bucket and text.endswith("/")):
            raise SettingsInvalid(
                "This address names no video.",
                "Nothing was changed.",
                "Write s3://BUCKET/KEY, or s3://BUCKET/FOLDER/ for all below.",
                subject=text,
            )
    args.bucket = args.bucket or next((bucket for bucket, _ in places if bucket), None)
    with connection_for(args, token) as connection, means_for(args, output) as means:
        repairing = Repairing(connection, means, args, output)
        wishes = [Wish(ObjectRef(bucket or connection.profile.bucket, key)) for bucket, key in places]
        work = repairing.plan if args.dry_run else repairing.repair
        # On a thread of its own: a signal is handled in this one, which must not be in the middle of anything then.
        runner = threading.Thread(target=work, args=(wishes, token), name="repair")
        runner.start()
        runner.join()
    if repairing.failure is not None:
        raise repairing.failure
    return repairing.code


class Repairing:
    """One run of the command: one job, or one plan."""

    def __init__(self, connection: Connection, means: Means, args: argparse.Namespace, output: Output) -> None:
        self._connection = connection
        self._means = means
        self._args = args
        self._output = output
        self.code = 0
        self.failure: BaseException | None = None
        """What ended it early."""

    def plan(self, wishes: Sequence[Wish], token: CancelToken) -> None:
        """Tell what repairing all would take; never raises."""
        try:
            plan = plan_repairs(
                self._connection, wishes, token=token, resend=self._args.resend, on_outcome=self._on_planned
            )
        except (Cancelled, VidcdnError) as exc:
            self.failure = exc
            return
        self._tell_total(wishes, plan.totals)

    def _on_planned(self, outcome: Outcome, count: int) -> None:
        self._tell(outcome)
        if count > 1:
            self._output.paint(f"Looked at {display(str(outcome.ref), 80)}, one of {count:,}")

    def repair(self, wishes: Sequence[Wish], token: CancelToken) -> None:
        """Repair all, bucket by bucket; never raises."""
        outcomes: list[Outcome] = []
        for bucket in dict.fromkeys(wish.ref.bucket for wish in wishes):
            try:
                outcomes += self._one_job([wish for wish in wishes if wish.ref.bucket == bucket], token)
            except (Cancelled, VidcdnError) as exc:
                self.failure = exc
                return
        self._tell_total(wishes, totals_of(outcomes))

    def _one_job(self, wishes: Sequence[Wish], token: CancelToken) -> tuple[Outcome, ...]:
        token.raise_if_cancelled()
        journal = self._means.journal
        earlier = unfinished_repair(journal, wishes, self._connection) if journal is not None else None
        job = KeptRepair(
            wishes,
            self._means,
            resend=self._args.resend,
            on_outcome=self._tell,
            # What was under way is looked at anew: what it has repaired starts at once already.
            job_id=earlier.id if earlier is not None else "",
        )
        job.bind(self._connection)
        job.keep()
        remove = token.on_cancel(job.pause)
        try:
            with Ticker(lambda: self._paint(job)):
                job.run()
        finally:
            remove()
        if job.state is JobState.PAUSED:
            raise Cancelled
        error = job.snapshot().error
        if error is not None and not any(outcome.error for outcome in job.outcomes):
            raise error
        return job.outcomes

    def _paint(self, job: KeptRepair) -> None:
        snapshot = job.snapshot()
        if snapshot.waiting is not None:
            left = format_elapsed(snapshot.waiting.left_s())
            self._output.paint(f"{display(snapshot.title, 40)}: {snapshot.waiting.error.what} Next try in {left}.")
        elif snapshot.current:
            where = f"{snapshot.number:,} of {snapshot.count:,} · " if snapshot.count > 1 else ""
            moved = f"{format_size(snapshot.copied_bytes)} copied inside the store" if snapshot.copied_bytes else ""
            self._output.paint(f"{where}{display(snapshot.current, 60)} · {moved or 'looking'}")

    def _tell(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            self._output.error(outcome.error, source=str(outcome.ref))
            self.code = 1
        elif outcome.report is not None:
            self._output.result(outcome.report.to_json(), _lines(outcome.report))

    def _tell_total(self, wishes: Sequence[Wish], totals: Totals) -> None:
        """The sum, wherever more than one video was asked for."""
        if len(wishes) == 1 and not wishes[0].is_prefix:
            return
        lines = [f"{plural(totals.videos, 'video')} in all{': ' if totals.videos else ''}{totals.words()}."]
        if totals.size:
            did = "Would send" if totals.to_repair else "Sent"
            lines.append(
                f"{did} {totals.figure()}; {format_size(totals.bytes_downloaded)} received,"
                f" {format_size(totals.bytes_copied)} copied inside the store;"
                f" {plural(totals.parts, 'part')}, {plural(totals.requests, 'request')}."
            )
        self._output.result({"total": totals.to_json()}, lines)


def _lines(report: RepairReport) -> list[str]:
    lines = [f"{display(str(report.ref))}: {report.state.value}"]
    if report.state in (RepairState.LEFT, RepairState.ALREADY):
        lines.append(f"  {display(report.reason, 300)}")
    else:
        verb = "to receive" if report.state is RepairState.WOULD else "received"
        lines.append(
            f"  {format_size(report.bytes_downloaded)} {verb}, {format_size(report.bytes_uploaded)} sent,"
            f" {format_size(report.bytes_copied)} copied inside the store;"
            f" {plural(report.parts, 'part')}, {plural(report.requests, 'request')}"
        )
    if report.proved_by:
        lines.append(f"  Proven by {report.proved_by}.")
    if report.invalidated:
        lines.append(f"  {plural(report.invalidated, 'distribution')} told to forget the old version.")
    lines += [f"  {display(note, 300)}" for note in report.notes]
    return lines
