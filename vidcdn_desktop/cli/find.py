"""`find s3://BUCKET/PREFIX [QUERY…]`: objects by name, kind, size, age, storage class, and how films start.

A command of its own and no option of `ls`: it always looks through everything below the prefix, it may read a few
kilobytes of films, and it counts other things.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.find import Found, Progress, find
from vidcdn_desktop.jobs.model import report_json
from vidcdn_desktop.jobs.query import Query, start_of
from vidcdn_desktop.jobs.query_text import read, write
from vidcdn_desktop.jobs.scan import Scanner
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.settings import load_settings
from vidcdn_desktop.storage.listing import in_order
from vidcdn_desktop.storage.listing_model import ListedPage, when
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import display, format_duration, format_size, plural

_QUERY = """\
the query, of any of these parts; each narrows:
  lake "blue lake"              words of the key, below the prefix
  kind:video,captions           video, image, captions, playlist or other
  size:10MB..1GB  'size:>100MB'
  age:..30d       'age:<30d'    modified less than 30 days ago; h, d, w, mo, y
  after:2026-01-31 before:2026-03-01
  class:standard-ia             the storage class
  starts:slowly                 slowly, at-once, fragmented, other or unknown; looks at the videos
                                that match the rest, 64 kB of each, and remembers what it saw
A shell wants quotes around < and >.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "find",
        help="look for objects by name, kind, size, age, storage class, and how videos start",
        description="Look through everything below a prefix, printed while it is found, in the order of the keys.",
        epilog=_QUERY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("address", metavar="s3://BUCKET/PREFIX")
    parser.add_argument("query", nargs="*", metavar="QUERY")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    query = _understood(" ".join(args.query))
    address = split_s3_address(args.address)
    if address:
        args.bucket = address[0] or args.bucket
    prefix = address[1] if address else args.address
    with connection_for(args, token) as connection, FactCache() as cache:
        search = _Search(connection, cache, prefix, query, output, token)
        # On a thread of its own: a signal is handled in this one, which must not be in the middle of anything then.
        runner = threading.Thread(target=search.run, name="find")
        runner.start()
        runner.join()
    return search.finish()


def _understood(text: str) -> Query:
    reading = read(text)
    if reading.refused:
        refused = reading.refused[0]
        raise SettingsInvalid(refused.why, "Nothing was looked for.", "Correct the query.", subject=refused.text)
    return reading.query


@dataclass
class _Search:
    """One run of the command."""

    connection: Connection
    cache: FactCache
    prefix: str
    query: Query
    output: Output
    token: CancelToken
    progress: Progress = field(default_factory=Progress)
    size: int = 0
    begun: bool = False
    """Whether something of the document was printed."""
    failure: VidcdnError | Cancelled | None = None
    """What ended it early."""

    def run(self) -> None:
        """Look through everything; never raises what a user can cause."""
        bucket = self.connection.profile.bucket
        scanner = Scanner(
            self.connection.storage,
            self.connection.clients.endpoint,
            self.cache,
            bandwidth=RateLimiter(load_settings().speed_limit_bytes_per_s),
            renew=self.connection.reload_credentials,
        )
        try:
            for found in find(
                self._pages, self.query, token=self.token, bucket=bucket, prefix=self.prefix, scanner=scanner
            ):
                self._tell(found)
        except (Cancelled, VidcdnError) as exc:
            self.failure = exc

    def _pages(self, token: CancelToken) -> Iterable[ListedPage]:
        weather = Weather(renew=self.connection.reload_credentials)
        return in_order(
            self.connection.storage.list_pages(
                self.connection.profile.bucket, self.prefix, token=token, weather=weather
            )
        )

    def _tell(self, found: Found) -> None:
        first = not self.progress.found
        self.progress = found.progress
        self.size += sum(found.page.sizes)
        if len(found.page) and self.output.as_json:
            self._begin()
            rows = json.dumps(_rows(found), ensure_ascii=False)
            self.output.piece(("" if first else ", ") + rows[1:-1])
        elif len(found.page):
            self.output.result(None, _lines(found))
        self.output.paint(self.progress.words())

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            head = {"bucket": self.connection.profile.bucket, "prefix": self.prefix, "query": write(self.query)}
            self.output.piece(json.dumps(head, ensure_ascii=False)[:-1] + ', "objects": [')

    def finish(self) -> int:
        """Print the end; gives the exit code."""
        if isinstance(self.failure, VidcdnError) and not self.begun and not self.progress.found:
            raise self.failure
        error = _Stopped() if isinstance(self.failure, Cancelled) else self.failure
        progress = self.progress
        if self.output.as_json:
            self._begin()
            rest: dict[str, Any] = {"complete": error is None, "count": progress.found, "size_bytes": self.size,
                                    "listed": progress.listed, "videos": progress.videos,
                                    "looked_at": progress.looked, "failed": progress.failed}  # fmt: skip
            if error is not None:
                rest["error"] = error.to_json()
            self.output.piece("], " + json.dumps(rest, ensure_ascii=False)[1:] + "\n")
        else:
            self.output.result(None, [f"{progress.words()}, {format_size(self.size)}"])
        if progress.failed:
            self.output.note(f"{plural(progress.failed, 'video')} could not be looked at")
        if error is not None:
            self.output.note(display(error.sentence()))
        if isinstance(self.failure, Cancelled):
            return 130
        return 1 if error is not None or progress.failed else 0


class _Stopped(VidcdnError):
    """How a search reads that was stopped by Ctrl+C or a polite kill."""

    title = "Stopped"

    def __init__(self) -> None:
        super().__init__(
            "Stopped.", "Not everything was looked through; what was found out of videos is kept.", "", code="stopped"
        )

    @property
    def kind(self) -> str:
        """The identifier scripts match on."""
        return "Cancelled"


def _rows(found: Found) -> list[dict[str, Any]]:
    rows = [report_json(item) for item in found.page.rows()]
    for row, facts in zip(rows, found.facts, strict=False):
        row["starts"] = start_of(facts).value
        row["duration_s"] = facts.duration_s if facts is not None else None
    return rows


def _lines(found: Found) -> list[str]:
    page = found.page
    lines = [
        f"{format_size(size):>12}  {when(time):%Y-%m-%d %H:%M}  {display(key)}"
        for key, size, time in zip(page.keys, page.sizes, page.times, strict=True)
    ]
    if not found.facts:
        return lines
    starts = [f"{start_of(facts).value:<10}  {_duration(facts):>8}" for facts in found.facts]
    return [f"{start}  {line}" for start, line in zip(starts, lines, strict=True)]


def _duration(facts: VideoFacts | None) -> str:
    return format_duration(facts.duration_s) if facts is not None else ""
