"""`convert IN OUT`: an MP4 out of any film, with as little encoding as possible, for those who want a file."""

from __future__ import annotations

import argparse
import time
import uuid
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import tools_for_settings
from vidcdn_desktop.cli.output import Output, Ticker
from vidcdn_desktop.cli.publish import converting_text
from vidcdn_desktop.errors import FolderUnusable, NotAVideo, SettingsInvalid
from vidcdn_desktop.jobs.convert_room import open_room, sweep_rooms
from vidcdn_desktop.media.convert import Converted, convert, sidecar_endings
from vidcdn_desktop.media.convert_model import ConversionKind, ConversionProgress
from vidcdn_desktop.media.convert_plan import conversion_words, plan_conversion
from vidcdn_desktop.media.info import MediaInfo, Verdict
from vidcdn_desktop.media.probe import inspect
from vidcdn_desktop.textsafe import display, format_size

_ENDINGS = (".mp4", ".m4v", ".m4a")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("convert", help="make an MP4 of any video, copying what browsers play as it is")
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("target", type=Path, metavar="OUT", help="a name that ends in .mp4 (.m4a for sound)")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    _check_target(args.source, args.target, force=args.force)
    sweep_rooms(lambda _: True)
    tools = tools_for_settings()
    tools.require_ffmpeg()
    info = inspect(args.source, token=token, tools=tools)
    conversion = plan_conversion(info) if info.verdict is not Verdict.CANNOT else None
    if conversion is None:
        raise NotAVideo(info.reason, "Nothing was written.", info.advice, subject=str(args.source))
    output.note(f"{conversion_words(conversion)}.")
    started = time.monotonic()
    now = ConversionProgress(0.0)

    def on_progress(progress: ConversionProgress) -> None:
        nonlocal now
        now = progress

    room = open_room(uuid.uuid4().hex, info.path.resolve(), conversion.size_bytes, beside=args.target.parent)
    try:
        with Ticker(lambda: output.paint(f"Convert: {converting_text(now)}")):
            done = convert(
                info,
                conversion,
                room.folder,
                token=token,
                tools=tools,
                on_progress=on_progress,
                index_first=True,
            )
        size = done.info.identity.size
        sidecars = _put_in_place(done, args.target, force=args.force)
    finally:
        room.close(keep=False)
    _report(output, args, info, done, size, sidecars, time.monotonic() - started)
    return 0


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    if target.suffix.lower() not in _ENDINGS:
        raise SettingsInvalid(
            "The new file is an MP4, and its name says something else.",
            "Nothing was written.",
            "Choose a name that ends in .mp4.",
            subject=str(target),
        )
    if target.exists() and source.exists() and target.samefile(source):
        raise SettingsInvalid(
            "Both names are the same file.", "Nothing was written.", "Choose another name.", subject=str(target)
        )
    if target.exists() and not force:
        raise SettingsInvalid(
            "There is already a file under the new name.",
            "Nothing was written.",
            "Choose another name, or add --force.",
            subject=str(target),
        )


def _put_in_place(done: Converted, target: Path, *, force: bool) -> list[Path]:
    """Give the finished files their names; they are on the same disk. Gives the subtitle files."""
    sidecars = []
    try:
        for file, ending in zip(done.subtitles, sidecar_endings(done.subtitles), strict=True):
            name = _free(target.with_name(f"{target.stem}{ending}"), force=force)
            file.path.replace(name)
            sidecars.append(name)
        done.info.path.replace(target)
    except OSError as exc:
        raise FolderUnusable(
            "The new file could not be written here.",
            "The original is untouched.",
            "Choose a folder you may write to.",
            subject=str(target),
            code=exc.strerror or "",
        ) from exc
    return sidecars


def _free(name: Path, *, force: bool) -> Path:
    """The name, or one with a number where somebody's file has it."""
    number, found = 2, name
    while found.exists() and not force:
        found, number = name.with_name(f"{name.stem}-{number}{name.suffix}"), number + 1
    return found


def _report(
    output: Output,
    args: argparse.Namespace,
    info: MediaInfo,
    done: Converted,
    size: int,
    sidecars: list[Path],
    seconds: float,
) -> None:
    conversion = done.conversion
    how = "without re-encoding" if conversion.kind is ConversionKind.REMUX else "encoded"
    result = {
        "source": str(args.source),
        "output": str(args.target),
        "converted": {
            "kind": conversion.kind,
            "streams": conversion.streams,
            "notes": conversion.notes,
            "source_size": info.identity.size,
            "size": size,
        },
        "subtitles": [str(path) for path in sidecars],
        "size": size,
        "disk_bytes_written": done.bytes_written,
        "seconds": round(seconds, 4),
    }
    lines = [f"{display(str(args.target))}: {format_size(size)}, {how}."]
    lines += [f"  Subtitles: {display(str(path))}" for path in sidecars]
    output.result(result, [*lines, *(f"  {note}" for note in conversion.notes)])
