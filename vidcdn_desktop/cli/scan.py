"""`scan s3://BUCKET/PREFIX`: which films in the bucket start slowly, told from a few kilobytes of each."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.means import parse_rate
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.repair_marks import base_of
from vidcdn_desktop.jobs.scan import PARALLEL, Looked, Outcome, Scanner
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.codecs import codec_words
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.settings import load_settings
from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.port import ObjectSummary
from vidcdn_desktop.textsafe import display, format_duration, format_size, plural

_REQUESTS_PER_S = 100
"""Enough to keep a few connections busy, and far below what S3 allows for one prefix."""

_MOST_PARALLEL = 16

_PLACES = {
    IndexPlace.FRONT: "starts at once",
    IndexPlace.END: "starts slowly",
    IndexPlace.FRAGMENTED: "fragmented",
    IndexPlace.NONE: "no MP4",
    IndexPlace.UNKNOWN: "unknown",
}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "scan",
        help="which videos in the bucket start slowly, how long they are and how they are encoded",
        description="Look at the videos below a prefix without downloading them: 64 kB of each, and a piece of the end"
        " where the index stands there. What was found out is kept by ETag, also after Ctrl+C; the same command goes"
        " on from there and asks only for what is new.",
    )
    parser.add_argument("address", nargs="?", default="", metavar="s3://BUCKET/PREFIX")
    parser.add_argument("--all", action="store_true", help="look into every object, whatever its name ends in")
    parser.add_argument("--refresh", action="store_true", help="look again also at what is known")
    parser.add_argument(
        "--requests",
        type=_count,
        default=_REQUESTS_PER_S,
        metavar="N",
        help=f"requests a second at most; {_REQUESTS_PER_S} if not given",
    )
    parser.add_argument(
        "--limit", type=parse_rate, metavar="RATE", help="bytes a second, like 500k or 2M; else the app's setting"
    )
    parser.add_argument(
        "--parallel",
        type=_count,
        default=PARALLEL,
        metavar="N",
        help=f"videos looked at at the same time, {PARALLEL} if not given, {_MOST_PARALLEL} at most",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    """A number from 1."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1_000_000:
        raise argparse.ArgumentTypeError(f"“{text}” is no number of this kind; write 1, 2, 3…")
    return int(text)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    address = split_s3_address(args.address)
    if address:
        args.bucket = address[0] or args.bucket
    prefix = address[1] if address else args.address
    with connection_for(args, token) as connection, FactCache() as cache:
        scan = _Scan(connection, cache, prefix, args, output, token)
        # On a thread of its own: a signal is handled in this one, which must not be in the middle of anything then.
        runner = threading.Thread(target=scan.run, name="scan")
        runner.start()
        runner.join()
    return scan.finish()


@dataclass
class _Totals:
    """What was found, counted."""

    objects: int = 0
    """In the listing, helpers of repairs left out."""
    videos: int = 0
    """Objects that hold film or sound."""
    looked_at: int = 0
    """Objects whose facts were read now or were known."""
    known: int = 0
    """Of them without a request."""
    passed_over: int = 0
    """Objects whose name is not a video's."""
    failed: int = 0
    slow_starters: int = 0
    repairable: int = 0
    """Slow starters whose index can be moved, as far as is known."""
    fast: int = 0
    fragmented: int = 0
    damaged: int = 0
    other_kinds: int = 0
    """Videos that are no MP4: they have no such index."""
    duration_s: float = 0.0
    """Of all videos whose duration is known."""
    bytes_read: int = 0
    """Bodies of range requests."""
    requests: int = 0
    """Listing included."""

    def add(self, looked: Looked) -> None:
        self.bytes_read += looked.bytes_read
        self.requests += looked.requests
        facts = looked.facts
        if facts is None:
            self.failed += 1
            return
        self.looked_at += 1
        self.known += looked.outcome is Outcome.KNOWN
        if facts.is_film:
            self.videos += 1
            self.slow_starters += facts.starts_slowly
            self.repairable += facts.layout is Layout.NEEDS
            self.fast += facts.place is IndexPlace.FRONT
            self.fragmented += facts.place is IndexPlace.FRAGMENTED
            self.damaged += facts.layout is Layout.CORRUPT
            self.other_kinds += facts.place is IndexPlace.NONE
            self.duration_s += facts.duration_s or 0.0


@dataclass
class _Scan:
    """One run of the command."""

    connection: Connection
    cache: FactCache
    prefix: str
    args: argparse.Namespace
    output: Output
    token: CancelToken
    totals: _Totals = field(default_factory=_Totals)
    rows: list[dict[str, Any]] = field(default_factory=list)
    failure: VidcdnError | Cancelled | None = None
    """What ended it early."""

    def __post_init__(self) -> None:
        self._requests = RateLimiter(self.args.requests)

    def run(self) -> None:
        """Look at everything; never raises what a user can cause."""
        scanner = Scanner(
            self.connection.storage,
            self.connection.clients.endpoint,
            self.cache,
            parallel=min(self.args.parallel, _MOST_PARALLEL),
            requests_per_s=self._requests,
            bandwidth=RateLimiter(self.args.limit or load_settings().speed_limit_bytes_per_s),
            refresh=self.args.refresh,
            renew=self.connection.reload_credentials,
        )
        try:
            for looked in scanner.look(self.connection.profile.bucket, self._items(), token=self.token):
                self._tell(looked)
        except (Cancelled, VidcdnError) as exc:
            self.failure = exc

    def _items(self) -> Iterator[ObjectSummary]:
        """The objects to look at, page by page."""
        page_token = ""
        while True:
            self._requests.take(1, self.token)
            self.totals.requests += 1
            with cuttable(self.token):
                page = self.connection.storage.list_page(
                    self.connection.profile.bucket, self.prefix, delimiter="", token=page_token
                )
            for item in page.objects:
                if item.key.endswith("/") or base_of(item.key) is not None:
                    continue  # a folder's marker, or a copy that a repair is making
                self.totals.objects += 1
                if self.args.all or item.key == self.prefix or kind_of(item.key) == "Video":
                    yield item
                else:
                    self.totals.passed_over += 1
            page_token = page.next_token
            if not page_token:
                return

    def _tell(self, looked: Looked) -> None:
        self.totals.add(looked)
        if self.output.as_json:
            self.rows.append(_row(self.connection.profile.bucket, looked))
        elif looked.facts is not None:
            self.output.result(None, [_line(looked.item, looked.facts)])
        elif looked.error is not None:
            self.output.error(looked.error)
        self.output.paint(f"{plural(self.totals.looked_at, 'video')} looked at: {display(looked.item.key)}")

    def finish(self) -> int:
        """Print the totals; gives the exit code."""
        error = _Stopped() if isinstance(self.failure, Cancelled) else self.failure
        document: dict[str, Any] = {
            "bucket": self.connection.profile.bucket,
            "prefix": self.prefix,
            "complete": error is None,
            "totals": self.totals,
            "objects": self.rows,
        }
        if error is not None:
            document["error"] = error
        if self.output.as_json or error is None or self.totals.objects:
            self.output.result(document, _summary(self.totals))
        if error is not None:
            self.output.note(display(error.sentence()))
        if isinstance(self.failure, Cancelled):
            return 130
        if isinstance(error, SettingsInvalid):
            return 2
        return 1 if error is not None or self.totals.failed else 0


class _Stopped(VidcdnError):
    """How a scan reads that was stopped by Ctrl+C or a polite kill."""

    title = "Stopped"

    def __init__(self) -> None:
        super().__init__(
            "Stopped.", "What was found out is kept.", "Run the same command again to go on from there.", code="stopped"
        )

    @property
    def kind(self) -> str:
        """The identifier scripts match on."""
        return "Cancelled"


def _row(bucket: str, looked: Looked) -> dict[str, Any]:
    item, facts = looked.item, looked.facts
    row: dict[str, Any] = {
        "source": f"s3://{bucket}/{item.key}",
        "key": item.key,
        "size": item.size,
        "etag": item.etag,
        "last_modified": item.last_modified,
        "storage_class": item.storage_class,
        "outcome": looked.outcome,
        "bytes_read": looked.bytes_read,
        "requests": looked.requests,
    }
    if facts is not None:
        told = facts.to_json()
        return {**row, "verdict": told.pop("layout"), "index": told.pop("place"), **told}
    return {**row, "error": looked.error}


def _line(item: ObjectSummary, facts: VideoFacts) -> str:
    place = "damaged" if facts.layout is Layout.CORRUPT else _PLACES[facts.place]
    size = f"{facts.width}×{facts.height}" if facts.width and facts.height else ""
    codecs = "/".join(codec_words(codec) for codec in (facts.video_codec, facts.audio_codec) if codec)
    what = " ".join(part for part in (size, display(codecs, 40) or facts.container) if part)
    line = f"{place:<14}  {format_duration(facts.duration_s):>8}  {what:<28}  {display(item.key)}"
    unclear = facts.place is IndexPlace.UNKNOWN or (facts.starts_slowly and facts.layout is not Layout.NEEDS)
    return f"{line}\n{'':16}{display(facts.reason, 300)}" if unclear else line


def _summary(totals: _Totals) -> list[str]:
    lines = [
        f"{plural(totals.videos, 'video')} in {plural(totals.objects, 'object')}:"
        f" {totals.slow_starters:,} start slowly ({totals.repairable:,} can be repaired),"
        f" {totals.fast:,} start at once, {totals.fragmented:,} fragmented, {totals.damaged:,} damaged,"
        f" {totals.other_kinds:,} of other kinds",
        f"{format_size(totals.bytes_read)} read in {plural(totals.requests, 'request')};"
        f" {totals.known:,} known from before",
    ]
    if totals.failed:
        lines.append(f"{plural(totals.failed, 'object')} could not be looked at")
    return lines
