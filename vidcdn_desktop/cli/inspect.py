"""`inspect FILE…`: what is in a video, and what publishing would do with it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import tools_for_settings
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.media.boxwords import boxes_line
from vidcdn_desktop.media.compat import plays_in, table
from vidcdn_desktop.media.facts import facts_line, stream_lines
from vidcdn_desktop.media.info import MediaInfo
from vidcdn_desktop.media.probe import inspect
from vidcdn_desktop.textsafe import display


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("inspect", help="say what is in a video and what publishing would do with it")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object per file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    tools = tools_for_settings()
    code = 0
    for path in args.files:
        try:
            info = inspect(path, token=token, tools=tools)
        except VidcdnError as exc:
            output.error(exc, source=str(path))
            code = 1
            continue
        output.result(as_json(info), as_lines(info))
    return code


def as_json(info: MediaInfo) -> dict[str, Any]:
    """The object `inspect --json` prints."""
    layout = info.layout
    stream = info.main_video
    return {
        "source": str(info.path),
        "size": info.identity.size,
        "verdict": layout.layout,
        "reason": info.reason or layout.reason,
        "outcome": info.verdict,
        "advice": info.advice,
        "conversion": info.conversion,
        "plays_in": plays_in(info),
        "plays_in_as_of": table().date,
        "brand": layout.brand,
        "moov_offset": layout.moov_offset,
        "moov_size": layout.moov_size,
        "damage": layout.damage,
        "boxes": layout.boxes,
        "boxes_after": layout.boxes_after,
        "media": {
            "container": info.container,
            "duration_s": info.duration_s,
            "bit_rate": info.bit_rate,
            "orientation": info.orientation,
            "width": stream.display_width if stream else None,
            "height": stream.display_height if stream else None,
            "rotation": stream.rotation if stream else None,
            "video": info.video,
            "audio": info.audio,
            "other": info.other,
            "tags": info.tags,
        },
        "missing": info.missing,
        "missing_advice": info.missing_advice,
        "ffprobe": info.ffprobe,
    }


def as_lines(info: MediaInfo) -> list[str]:
    """What `inspect` prints for people."""
    lines = [display(str(info.path)), f"  {facts_line(info)}", f"  {info.verdict.value}: {display(info.reason)}"]
    if info.advice:
        lines.append(f"  {display(info.advice)}")
    lines += [f"  {line}" for line in stream_lines(info)]
    if info.layout.boxes:
        lines.append(f"  Parts: {boxes_line(info.layout.boxes)}")
    if info.layout.boxes_after:
        lines.append(f"  As sent: {boxes_line(info.layout.boxes_after)}")
    if info.missing:
        lines.append(f"  Not known without ffprobe: {', '.join(info.missing)}. {info.missing_advice}")
    return lines
