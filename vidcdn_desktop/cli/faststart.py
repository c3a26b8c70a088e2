"""`faststart IN OUT`: write a copy whose index stands in front, for those who want a file."""

from __future__ import annotations

import argparse
import errno
import os
import time
from pathlib import Path
from typing import Any

from vidcdn_desktop.bytesource import ByteSource, FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.output import Output, Ticker, progress_text
from vidcdn_desktop.errors import CorruptMedia, DiskFull, NotAVideo, SettingsInvalid, SourceUnreadable
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.textsafe import display, format_size

_BLOCK = 4 << 20

_WORDS = {
    Layout.ALREADY: "already",
    Layout.NEEDS: "moved",
    Layout.FRAGMENTED: "fragmented",
    Layout.UNSUPPORTED: "as-is",
}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("faststart", help="write a copy of an MP4 or MOV that starts at once")
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("target", type=Path, metavar="OUT")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    source_path, target = args.source, args.target
    if target.exists() and not args.force:
        raise SettingsInvalid(
            "There is already a file under the new name.",
            "Nothing was written.",
            "Choose another name, or add --force.",
            subject=str(target),
        )
    if target.exists() and source_path.exists() and target.samefile(source_path):
        raise SettingsInvalid(
            "Both names are the same file.", "Nothing was written.", "Choose another name.", subject=str(target)
        )
    started = time.monotonic()
    with FileSource(source_path) as file:
        plan = plan_fast_start(file)
        report = plan.report
        if report.layout in (Layout.CORRUPT, Layout.NOT_MP4):
            kind = CorruptMedia if report.layout is Layout.CORRUPT else NotAVideo
            raise kind(report.reason, "Nothing was written.", "Choose an MP4 or MOV file.", subject=str(source_path))
        meter = ProgressMeter(plan.source.size)
        with Ticker(lambda: output.paint(progress_text(meter.snapshot()))):
            written = write_source(plan.source, target, token, meter, check=file)
    result = {
        "source": str(source_path),
        "output": str(target),
        "verdict": report.layout,
        "reason": report.reason,
        "fast_start": _WORDS[report.layout],
        "size": written,
        "seconds": round(time.monotonic() - started, 4),
    }
    done = "The index was moved to the front." if plan.moved else f"Copied unchanged. {report.reason}"
    output.result(result, [f"{display(str(target))}: {format_size(written)}. {done}"])
    return 0


def write_source(source: ByteSource, target: Path, token: CancelToken, meter: ProgressMeter, check: FileSource) -> int:
    """Write every byte of `source` to `target`: whole and in place, or not at all. Gives the bytes written.

    Raises: DiskFull, SourceUnreadable (the folder may not be written to), SourceChanged, SourceGone, Cancelled.
    """
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as out:
            offset = 0
            while offset < source.size:
                token.raise_if_cancelled()
                block = source.read_at(offset, _BLOCK)
                out.write(block)
                offset += len(block)
                meter.add(len(block))
            out.flush()
            os.fsync(out.fileno())
        check.check_unchanged()
        part.replace(target)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "The disk is full.",
                "The new file was not written; the original is untouched.",
                "Make room.",
                subject=str(target),
                code="ENOSPC",
            ) from exc
        raise SourceUnreadable(
            "The new file could not be written here.",
            "The original is untouched.",
            "Choose a folder you may write to.",
            subject=str(target),
            code=errno.errorcode.get(exc.errno or 0, ""),
        ) from exc
    finally:
        part.unlink(missing_ok=True)
    return offset
