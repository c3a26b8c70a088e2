"""`ls [s3://BUCKET/PREFIX]`: what is in the bucket, page by page as it comes; the buckets, where none is named."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.model import report_json
from vidcdn_desktop.storage.listing import in_order
from vidcdn_desktop.storage.listing_model import Bucket, ListedPage, ListedVersion, VersionPage, when
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import display, format_size, plural


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "ls",
        help="list a bucket, a prefix, or the buckets",
        description="List what is below a prefix, in the order of the keys, printed while it comes. Without an address"
        " and without --bucket: the account's buckets.",
    )
    parser.add_argument("address", nargs="?", default="", metavar="s3://BUCKET/PREFIX")
    parser.add_argument("--recursive", action="store_true", help="everything below, not only the first level")
    parser.add_argument("--versions", action="store_true", help="earlier versions and delete markers as well")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    address = split_s3_address(args.address)
    if address:
        args.bucket = address[0] or args.bucket
    prefix = address[1] if address else args.address
    names_bucket = bool(args.bucket or prefix)
    with connection_for(args, token, need_bucket=names_bucket) as connection:
        if not names_bucket:
            _print_buckets(connection.storage.list_buckets(), output)
            return 0
        printer = _Printer(connection.profile.bucket, prefix, args.versions, output)
        delimiter = "" if args.recursive else "/"
        try:
            if args.versions:
                for versions in _versions(connection, prefix, delimiter, token):
                    printer.add_versions(versions)
            else:
                for page in in_order(_pages(connection, prefix, delimiter, token)):
                    printer.add(page)
        except (VidcdnError, Cancelled) as exc:
            if not printer.begun:
                raise
            return printer.finish(exc)
        return printer.finish()


def _weather(connection: Connection) -> Weather:
    return Weather(renew=connection.reload_credentials)


def _pages(connection: Connection, prefix: str, delimiter: str, token: CancelToken) -> Iterator[ListedPage]:
    return connection.storage.list_pages(
        connection.profile.bucket, prefix, delimiter=delimiter, token=token, weather=_weather(connection)
    )


def _versions(connection: Connection, prefix: str, delimiter: str, token: CancelToken) -> Iterator[VersionPage]:
    return connection.storage.list_versions(
        connection.profile.bucket, prefix, delimiter=delimiter, token=token, weather=_weather(connection)
    )


def _print_buckets(buckets: tuple[Bucket, ...], output: Output) -> None:
    lines = [
        f"{bucket.created.strftime('%Y-%m-%d %H:%M') if bucket.created else '':16}  {display(bucket.region):<14}"
        f"  {display(bucket.name)}"
        for bucket in buckets
    ]
    output.result({"buckets": buckets}, [*lines, plural(len(buckets), "bucket")])


class _Stopped(VidcdnError):
    """How a listing reads that was stopped by Ctrl+C or a polite kill."""

    title = "Stopped"

    def __init__(self) -> None:
        super().__init__("Stopped.", "The list is not complete.", "", code="stopped")

    @property
    def kind(self) -> str:
        """The identifier scripts match on."""
        return "Cancelled"


class _Printer:
    """Prints pages as they come: lines, or one JSON object in pieces."""

    def __init__(self, bucket: str, prefix: str, versions: bool, output: Output) -> None:
        self._head = {"bucket": bucket, "prefix": prefix}
        self._rows_are = "versions" if versions else "objects"
        self._output = output
        self._prefixes: list[str] = []
        self._count = 0
        self._size = 0
        self.begun = False
        """Whether something was printed."""

    def add(self, page: ListedPage) -> None:
        """Print a page of objects."""
        self._size += sum(page.sizes)
        if self._output.as_json:
            self._rows([report_json(row) for row in page.rows()], page.prefixes)
            return
        lines = [_folder_line(prefix) for prefix in page.prefixes]
        lines += [
            f"{format_size(size):>12}  {when(time):%Y-%m-%d %H:%M}  {display(key)}"
            for key, size, time in zip(page.keys, page.sizes, page.times, strict=True)
        ]
        self._lines(lines, len(page))

    def add_versions(self, page: VersionPage) -> None:
        """Print a page of versions and delete markers."""
        self._size += sum(version.size for version in page.versions)
        if self._output.as_json:
            self._rows([report_json(version) for version in page.versions], list(page.prefixes))
            return
        lines = [_folder_line(prefix) for prefix in page.prefixes]
        self._lines([*lines, *map(_version_line, page.versions)], len(page.versions))

    def _lines(self, lines: list[str], count: int) -> None:
        self._count += count
        if lines:
            self.begun = True
            self._output.result(None, lines)
        self._output.paint(f"{self._count:,} so far")

    def _rows(self, rows: list[Any], prefixes: list[str]) -> None:
        if not self.begun:
            self.begun = True
            self._output.piece(json.dumps(self._head, ensure_ascii=False)[:-1] + f', "{self._rows_are}": [')
        if rows:
            comma = ", " if self._count else ""
            self._output.piece(comma + json.dumps(rows, ensure_ascii=False)[1:-1])
        self._count += len(rows)
        self._prefixes += prefixes
        self._output.paint(f"{self._count:,} so far")

    def finish(self, failure: VidcdnError | Cancelled | None = None) -> int:
        """Print the end; gives the exit code."""
        error = _Stopped() if isinstance(failure, Cancelled) else failure
        if self._output.as_json:
            self._rows([], [])
            rest: dict[str, Any] = {
                "prefixes": self._prefixes, "complete": error is None, "count": self._count, "size_bytes": self._size,
            }  # fmt: skip
            if error is not None:
                rest["error"] = error.to_json()
            self._output.piece("], " + json.dumps(rest, ensure_ascii=False)[1:] + "\n")
        elif error is None:
            total = plural(self._count, self._rows_are[:-1])
            self._output.result(None, [f"{total}, {format_size(self._size)}"])
        if error is not None:
            self._output.note(display(error.sentence()))
        return 0 if error is None else 130 if isinstance(failure, Cancelled) else 1


def _folder_line(prefix: str) -> str:
    return f"{'':>12}  {'':16}  {display(prefix)}"


def _version_line(version: ListedVersion) -> str:
    size = "deleted" if version.is_marker else format_size(version.size)
    state = "latest" if version.is_latest else ""
    name = f"{display(version.version_id):<34}  {display(version.key)}"
    return f"{size:>12}  {version.last_modified:%Y-%m-%d %H:%M}  {state:<6}  {name}"
