"""`download s3://BUCKET/KEY…`: videos from the bucket into a folder, resumable and proved."""

from __future__ import annotations

import argparse
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address, tools_for_settings
from vidcdn_desktop.cli.fetching import fetch_all
from vidcdn_desktop.cli.output import Output, Ticker, progress_text
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.download import DownloadJob, DownloadSnapshot
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.settings import load_settings
from vidcdn_desktop.storage.download import DownloadResult
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.weather import reachable
from vidcdn_desktop.textsafe import display, format_elapsed, format_rate, format_size

STRONG_PROOFS = ("CRC64NVME", "CRC32", "MD5")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "download",
        help="download videos; run it again to go on after an interruption",
        description="Download videos into a folder. Nothing there is replaced. What an interrupted download has"
        " received is kept beside it, also after Ctrl+C; the same command goes on from there.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    parser.add_argument("--to", type=Path, default=Path(), metavar="FOLDER", help="an existing folder; else this one")
    parser.add_argument(
        "--recursive", action="store_true", help="all below each address, in folders like those of the bucket"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per video")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    places = [split_s3_address(text) or ("", text) for text in args.addresses]
    if args.recursive:
        return _run_recursive(args, places, output, token)
    for text, (_, key) in zip(args.addresses, places, strict=True):
        if not key:
            raise SettingsInvalid(
                "This address names no video.", "Nothing was downloaded.", "Write s3://BUCKET/KEY.", subject=text
            )
    args.bucket = args.bucket or next((bucket for bucket, _ in places if bucket), None)
    limiter = RateLimiter(load_settings().speed_limit_bytes_per_s)
    code = 0
    with connection_for(args, token) as connection:
        for bucket, key in places:
            token.raise_if_cancelled()
            ref = ObjectRef(bucket or connection.profile.bucket, key)
            code = max(code, download_one(ref, args.to, connection, limiter, output, token))
            if token.is_cancelled:
                break
    return code


def _run_recursive(args: argparse.Namespace, places: list[tuple[str, str]], output: Output, token: CancelToken) -> int:
    args.bucket = args.bucket or next((bucket for bucket, _ in places if bucket), None)
    means = Means(tools_for_settings(), limiter=RateLimiter(load_settings().speed_limit_bytes_per_s))
    with connection_for(args, token) as connection:
        wishes: dict[str, list[ObjectRef]] = {}
        for bucket, key in places:
            name = bucket or connection.profile.bucket
            prefix = f"{key}/" if key and not key.endswith("/") else key
            wishes.setdefault(name, []).append(ObjectRef(name, prefix))
        code = 0
        for found in wishes.values():
            token.raise_if_cancelled()
            code = max(code, fetch_all(found, args.to, connection, means, output, token))
        return code


def download_one(
    ref: ObjectRef, folder: Path, connection: Connection, limiter: RateLimiter, output: Output, token: CancelToken
) -> int:
    """Download one video and print what came of it; gives the exit code."""
    endpoint = urlsplit(connection.clients.endpoint)
    port = endpoint.port or (80 if endpoint.scheme == "http" else 443)
    job = DownloadJob(
        ref,
        folder,
        connection.storage,
        parallel=connection.parallel_parts,
        limiter=limiter,
        is_back=reachable(endpoint.hostname or "", port),
        renew=connection.reload_credentials,
    )
    # On a thread of its own: a signal is handled in this one, which must not be in the middle of anything then.
    runner = threading.Thread(target=job.run, name="download")
    remove = token.on_cancel(job.pause)
    try:
        with Ticker(lambda: _paint(job, output)):
            runner.start()
            runner.join()
    finally:
        remove()
    snapshot = job.snapshot()
    if snapshot.result is not None:
        output.result({"source": str(ref), **_facts(snapshot, snapshot.result)}, _as_lines(snapshot, snapshot.result))
        return 0
    if snapshot.state is JobState.PAUSED:
        output.error(Stopped(str(ref)), source=str(ref))
        return 130
    output.error(snapshot.error or VidcdnError("The video was not downloaded.", "", "Try again."), source=str(ref))
    return 1


class Stopped(VidcdnError):
    """How a download reads that was stopped by Ctrl+C or a polite kill."""

    title = "Stopped"

    def __init__(self, subject: str) -> None:
        super().__init__(
            "Stopped.",
            "What has arrived is kept.",
            "Run the same command again to go on from there.",
            subject=subject,
            code="stopped",
        )

    @property
    def kind(self) -> str:
        """The identifier scripts match on."""
        return "Cancelled"


def _paint(job: DownloadJob, output: Output) -> None:
    snapshot = job.snapshot()
    if snapshot.waiting is not None:
        left = format_elapsed(snapshot.waiting.left_s())
        output.paint(f"{display(snapshot.title, 40)}: {snapshot.waiting.error.what} Next try in {left}.")
    elif snapshot.progress is not None:
        output.paint(f"{display(snapshot.title, 40)}: {progress_text(snapshot.progress)}")


def _facts(snapshot: DownloadSnapshot, result: DownloadResult) -> dict[str, Any]:
    return {**asdict(result), "seconds": round(snapshot.seconds or 0.0, 4), "retries": snapshot.retries}


def _as_lines(snapshot: DownloadSnapshot, result: DownloadResult) -> list[str]:
    took = snapshot.seconds or 0.0
    rate = f", {format_rate(result.bytes_received / took)}" if took > 0 and result.bytes_received else ""
    lines = [
        display(str(result.path)),
        f"  {format_size(result.size)}; {format_size(result.bytes_received)} received in {format_elapsed(took)}{rate}",
    ]
    if result.resumed_bytes:
        lines.append(f"  {format_size(result.resumed_bytes)} were here from an earlier run, and were checked again.")
    if result.proved_by in STRONG_PROOFS:
        lines.append(f"  Proven by {result.proved_by}: this file is what is in the bucket.")
    else:
        lines.append(f"  The store keeps no checksum of it; proven by {result.proved_by}.")
    lines.append(f"  {result.algorithm} {result.checksum}")
    return lines
