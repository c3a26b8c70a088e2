"""`repair s3://BUCKET/KEY…`: films in the bucket whose index stands at the end are made to start at once."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.repair import Repairer, RepairReport, RepairState
from vidcdn_desktop.jobs.repair_leftovers import Leftovers, find_leftovers
from vidcdn_desktop.jobs.repair_marks import base_of
from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display, format_size, plural


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "repair",
        help="make films in the bucket start at once, without sending them again",
        description="Move the index of films in the bucket to the front, inside the store: only a few megabytes are"
        " received and sent. Headers, metadata, tags and storage class are kept. An address that ends in / stands for"
        " all videos below it.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be sent and copied; change nothing")
    parser.add_argument(
        "--resend",
        action="store_true",
        help="where the store cannot copy inside itself: send films up to 64 MiB again whole",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per video")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Target:
    ref: ObjectRef
    leftovers: Leftovers | None


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
    with connection_for(args, token) as connection:
        repairing = _Repairing(connection, args, output, token)
        # On a thread of its own: a signal is handled in this one, which must not be in the middle of anything then.
        runner = threading.Thread(target=repairing.run, args=(places,), name="repair")
        runner.start()
        runner.join()
    if repairing.failure is not None:
        raise repairing.failure
    return repairing.code


class _Repairing:
    """One run of the command."""

    def __init__(self, connection: Connection, args: argparse.Namespace, output: Output, token: CancelToken) -> None:
        self._connection = connection
        self._args = args
        self._output = output
        self._token = token
        self.code = 0
        self.failure: BaseException | None = None
        """What ended it early."""

    def run(self, places: list[tuple[str, str]]) -> None:
        """Repair all; never raises."""
        try:
            self._run(places)
        except (Cancelled, VidcdnError) as exc:
            self.failure = exc

    def _run(self, places: list[tuple[str, str]]) -> None:
        counts: dict[RepairState, int] = {}
        with Repairer(self._connection, resend=self._args.resend) as repairer:
            for target in self._targets(places):
                self._token.raise_if_cancelled()
                report = self._one(repairer, target)
                if report is not None:
                    counts[report.state] = counts.get(report.state, 0) + 1
        if sum(counts.values()) > 1 and not self._args.json:
            self._output.note("; ".join(f"{plural(n, 'video')} {state.value}" for state, n in counts.items()))

    def _one(self, repairer: Repairer, target: _Target) -> RepairReport | None:
        self._output.paint(display(str(target.ref)))
        try:
            report = repairer.repair(
                target.ref, token=self._token, dry_run=self._args.dry_run, leftovers=target.leftovers
            )
        except VidcdnError as exc:
            self._output.error(exc, source=str(target.ref))
            self.code = 1
            return None
        self._output.result(report.to_json(), _lines(report))
        return report

    def _targets(self, places: list[tuple[str, str]]) -> Iterator[_Target]:
        for bucket, key in places:
            bucket = bucket or self._connection.profile.bucket
            if key and not key.endswith("/"):
                yield _Target(ObjectRef(bucket, key), None)
                continue
            keys = self._keys(bucket, key)
            leftovers = find_leftovers(self._connection.storage, bucket, key, keys)
            films = {found for found in keys if base_of(found) is None and kind_of(found) == "Video"}
            # A film that was deleted while its helper is left: it is looked at, and told.
            films |= {base for base in map(base_of, keys) if base is not None and base in keys}
            for found in sorted(films):
                yield _Target(ObjectRef(bucket, found), leftovers.of(found))

    def _keys(self, bucket: str, prefix: str) -> list[str]:
        keys: list[str] = []
        page_token = ""
        while True:
            self._token.raise_if_cancelled()
            page = self._connection.storage.list_page(bucket, prefix, delimiter="", token=page_token)
            keys += [item.key for item in page.objects]
            page_token = page.next_token
            if not page_token:
                return keys


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
