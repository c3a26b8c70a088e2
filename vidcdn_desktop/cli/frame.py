"""`frame s3://BUCKET/KEY OUT.jpg`: a picture of a video in the bucket, from a few ranges of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, tools_for_settings
from vidcdn_desktop.cli.operating import refs_of
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid, SourceUnreadable, UnsupportedMedia
from vidcdn_desktop.jobs.frames import frame_of
from vidcdn_desktop.media.picture import MAX_POSTER_WIDTH
from vidcdn_desktop.storage.remote_source import Traffic
from vidcdn_desktop.textsafe import display, format_size, plural


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "frame",
        help="a picture of a video in the bucket, without downloading it",
        description="Take a keyframe that is not black, as a JPEG. Of the video at most 4 MB are read, usually some"
        " hundred kilobytes; one that would take more has no picture.",
    )
    parser.add_argument("address", metavar="s3://BUCKET/KEY")
    parser.add_argument("output", type=Path, metavar="OUT.jpg")
    parser.add_argument("--width", type=int, default=MAX_POSTER_WIDTH, help="in pixels, at most; usually %(default)s")
    parser.add_argument("--force", action="store_true", help="replace OUT.jpg if it exists")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    ref, target = refs_of(args, [args.address])[0], args.output
    if not ref.key or not 16 <= args.width <= 4096:
        what = "This address names no video." if not ref.key else "A picture is between 16 and 4,096 pixels wide."
        raise SettingsInvalid(what, "Nothing was written.", "Correct the command.", subject=args.address)
    if target.exists() and not args.force:
        raise SettingsInvalid(
            "There is already a file under this name.",
            "Nothing was written.",
            "Choose another name, or add --force.",
            subject=str(target),
        )
    tools, traffic = tools_for_settings(), Traffic()
    tools.require_ffmpeg()
    with connection_for(args, token) as connection:
        stored = connection.storage.head(ref)
        poster = frame_of(connection, stored, tools, token, traffic=traffic, max_width=args.width)
    if poster is None:
        raise UnsupportedMedia(
            "No picture could be taken of this video.",
            "Nothing was written.",
            "Download it, and publish it with a thumbnail of your own.",
            subject=str(ref),
        )
    try:
        target.write_bytes(poster.jpeg)
    except OSError as exc:
        raise SourceUnreadable(
            "The picture could not be written here.",
            "The video in the bucket is as it was.",
            "Choose a folder you may write to.",
            subject=str(target),
        ) from exc
    facts = {
        "bucket": ref.bucket,
        "key": ref.key,
        "output": str(target),
        "width": poster.width,
        "height": poster.height,
        "bytes_read": traffic.bytes_down,
        "requests": traffic.requests,
    }
    size = f"{poster.width} × {poster.height}"
    read = f"{format_size(traffic.bytes_down)} read in {plural(traffic.requests, 'request')}"
    output.result(facts, [f"{display(str(target))}: {size}, {read} of {format_size(stored.size)}"])
    return 0
