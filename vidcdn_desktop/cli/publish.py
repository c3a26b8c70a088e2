"""`publish FILE…`: from files to links that play from the CDN."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, is_quiet
from vidcdn_desktop.cli.means import means_for, parse_patience, parse_rate
from vidcdn_desktop.cli.output import Output, Ticker, progress_text
from vidcdn_desktop.delivery.model import Severity
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.again import job_from
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.job import Job
from vidcdn_desktop.jobs.keeping import unfinished_for
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState, LinkStyle, PublishOptions, PublishResult, Step, StepState
from vidcdn_desktop.jobs.publish import PublishJob
from vidcdn_desktop.media.convert_model import ConversionKind, ConversionProgress
from vidcdn_desktop.storage.weather import Patience
from vidcdn_desktop.textsafe import display, format_elapsed, format_left, format_size

_STEP_WORDS = {
    Step.INSPECT: "Inspect",
    Step.CONVERT: "Convert",
    Step.FAST_START: "Fast start",
    Step.UPLOAD: "Upload",
    Step.THUMBNAIL: "Thumbnail",
    Step.INVALIDATE: "Invalidate",
    Step.VERIFY: "Verify",
}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("publish", help="upload videos, made to start at once, and give their links")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--thumbnail", type=Path, metavar="IMG", help="a JPEG, PNG or WebP picture as thumbnail")
    parser.add_argument("--thumbnail-at", type=float, metavar="SECONDS", help="take the frame at this time instead")
    parser.add_argument("--title", default="", help="title (one file only); else made from the file name")
    parser.add_argument("--description", default="")
    parser.add_argument("--prefix", default=None, help="key prefix; else the connection's (videos)")
    parser.add_argument("--link", choices=[style.value for style in LinkStyle], default=LinkStyle.VERSIONED.value)
    parser.add_argument("--as-is", action="store_true", help="publish a file that needs conversion as it is")
    parser.add_argument("--no-convert", action="store_true", help="refuse a file that needs conversion")
    parser.add_argument("--no-verify", action="store_true", help="do not check the link through the CDN")
    parser.add_argument("--require-live", action="store_true", help="exit with 1 unless the CDN serves the video")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted publish of the same file")
    parser.add_argument(
        "--patience",
        type=parse_patience,
        default=Patience(limit_s=120.0),
        metavar="SECONDS",
        help="how long to wait for a network that is gone: seconds (120), or “forever”",
    )
    parser.add_argument(
        "--limit", type=parse_rate, metavar="RATE", help="bytes a second, like 500k or 2M; else the app's setting"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per video")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    if len(args.files) > 1 and (args.title or args.thumbnail or args.thumbnail_at is not None):
        raise SettingsInvalid(
            "A title or a thumbnail fits one video only.",
            "Nothing was published.",
            "Publish the videos one by one, or leave these options out.",
        )
    code = 0
    with means_for(args, output) as means, connection_for(args, token) as connection:
        prefix = connection.profile.prefix if args.prefix is None else args.prefix.strip("/")
        options = PublishOptions(
            title=args.title,
            description=args.description,
            prefix=prefix,
            link=LinkStyle(args.link),
            thumbnail_image=args.thumbnail,
            thumbnail_at_s=args.thumbnail_at,
            as_is=args.as_is,
            convert=not args.no_convert,
            verify=not args.no_verify,
        )
        if connection.profile.is_practice:
            output.note("Practice cloud: nothing leaves this computer, and the link ends with this command.")
        for path in args.files:
            token.raise_if_cancelled()
            job = job_for(path, options, connection, means, resume=args.resume)
            result = run_job(job, connection, output, token)
            live = result is not None and result.verified is not None and result.verified.ok
            if result is None or (args.require_live and not live):
                code = 1
    return code


def job_for(path: Path, options: PublishOptions, connection: Connection, means: Means, *, resume: bool) -> PublishJob:
    """A new job for a file, or the one that was interrupted."""
    if resume and means.journal is not None:
        record = unfinished_for(means.journal, path, connection)
        if record is not None:
            return job_from(record, means)
    return PublishJob(path, options, tools=means.tools, means=means)


def run_job(job: PublishJob, connection: Connection, output: Output, token: CancelToken) -> PublishResult | None:
    """Publish one file and print what came of it; None if it was not published."""
    path = job.path
    reporter = _Reporter(output)
    job.listen(reporter.on_change)
    job.bind(connection)

    def stop() -> None:
        if token.is_paused:
            job.pause()
        else:
            job.cancel()

    remove = token.on_cancel(stop)
    try:
        job.look()
        if job.state is JobState.READY:
            token.raise_if_cancelled()
            job.mark_queued()
            with Ticker(lambda: reporter.paint(job)):
                if token.is_cancelled:
                    stop()
                job.run()
    finally:
        remove()
    snapshot = job.snapshot()
    if snapshot.state is JobState.PUBLISHED and snapshot.result is not None:
        output.result(snapshot.result, as_lines(snapshot.result))
        return snapshot.result
    token.raise_if_cancelled()
    error = snapshot.error or VidcdnError("The video was not published.")
    facts: dict[str, Any] = {"source": str(path)}
    if snapshot.failed_step is not None:
        facts["failed_step"] = snapshot.failed_step
    if snapshot.plan is not None:
        facts.update(bucket=snapshot.plan.ref.bucket, key=snapshot.plan.ref.key)
    output.error(error, **facts)
    return None


class _Reporter:
    """Steps as lines on stderr, bytes as a line that is painted over."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._told: set[Step] = set()

    def on_change(self, job: Job) -> None:
        for step in job.snapshot().steps:
            if step.state in (StepState.DONE, StepState.SKIPPED) and step.step not in self._told:
                self._told.add(step.step)
                took = f" in {format_elapsed(step.seconds)}" if step.seconds is not None else ""
                note = f" ({step.note})" if step.note else ""
                word = "skipped" if step.state is StepState.SKIPPED else "done"
                if not is_quiet():
                    self._output.note(f"{_STEP_WORDS[step.step]}: {word}{took}{note}")

    def paint(self, job: Job) -> None:
        snapshot = job.snapshot()
        running = next((s.step for s in snapshot.steps if s.state is StepState.RUNNING), None)
        if snapshot.waiting is not None:
            seconds = snapshot.waiting.left_s()
            self._output.paint(f"{display(snapshot.waiting.error.what)} Next try in {seconds:.0f} s.")
        elif running is Step.UPLOAD and snapshot.progress is not None:
            self._output.paint(f"Upload: {progress_text(snapshot.progress)}")
        elif running is Step.CONVERT and snapshot.converting is not None:
            self._output.paint(f"Convert: {converting_text(snapshot.converting)}")
        elif running is not None:
            self._output.paint(f"{_STEP_WORDS[running]}…")


def converting_text(progress: ConversionProgress) -> str:
    """How far a conversion is: "43 % · 2 min left"."""
    if progress.fraction is None:
        return "under way"
    done = f"{progress.fraction * 100:.0f} %"
    return f"{done} · {format_left(progress.left_s)}" if progress.left_s is not None else done


def live_sentence(result: PublishResult) -> str:
    """State and fact: "Live, starts in 0.21 s"; never more than was measured."""
    report = result.verified
    if report is None:
        return "Uploaded; not checked through a CDN."
    if not report.ok:
        problems = [f.text for f in report.findings if f.severity is Severity.PROBLEM]
        problem = problems[0] if problems else "the CDN serves something else."
        return f"Uploaded, but not live: {problem}"
    starts = f", starts in {report.start_s:.2f} s" if report.start_s is not None else ""
    edge = f", confirmed at edge {report.pop}" if report.pop else ""
    return f"Live{starts}{edge}."


def as_lines(result: PublishResult) -> list[str]:
    """What `publish` prints for people."""
    lines = [
        display(result.title),
        f"  {result.url}",
        f"  {live_sentence(result)}",
        f"  {format_size(result.size)} as {display(result.key)}",
    ]
    if result.converted is not None:
        how = "without re-encoding" if result.converted.kind is ConversionKind.REMUX else "encoded"
        lines.append(f"  Converted to MP4 ({how}) from {format_size(result.converted.source_size)}.")
        lines += [f"  Subtitles: {file.url or display(file.key)}" for file in result.converted.subtitles]
    if result.proved_by:
        lines.append(f"  Proved by {result.proved_by}: what is in the bucket is what was sent.")
    if result.resumed_bytes:
        lines.append(f"  {format_size(result.resumed_bytes)} of it had been sent before and were not sent again.")
    if result.url_expires is not None:
        lines.append(f"  This link expires on {result.url_expires:%Y-%m-%d %H:%M} UTC.")
    if result.thumbnail_url:
        lines.append(f"  Thumbnail: {result.thumbnail_url}")
    lines += [f"  {note}" for note in result.notes]
    return lines
