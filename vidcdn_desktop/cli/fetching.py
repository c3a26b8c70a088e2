"""`download --recursive`: all below a prefix into a folder, as one job."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.output import Output, Ticker, progress_text
from vidcdn_desktop.errors import FolderUnusable
from vidcdn_desktop.jobs.batch_report import FileOutcome
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.fetch_job import FetchJob
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display, format_elapsed, format_size, plural

_STOPPED = 130


def fetch_all(
    wishes: Sequence[ObjectRef], folder: Path, connection: Connection, means: Means, output: Output, token: CancelToken
) -> int:
    """Download all below some prefixes and print what came of each file; gives the exit code.

    Raises: FolderUnusable: the folder is not there.
    """
    if not folder.is_dir():
        raise FolderUnusable(
            "This folder is not there.", "Nothing was downloaded.", "Make it first.", subject=str(folder)
        )
    job = FetchJob(wishes, folder, means, on_outcome=lambda outcome: _tell(outcome, output))
    job.bind(connection)
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
    counts = snapshot.counts
    parts = [
        f"{plural(counts.done, 'file')} downloaded",
        *([f"{counts.already:,} there already"] if counts.already else []),
        *([f"{counts.left:,} left alone"] if counts.left else []),
        *([f"{counts.failed:,} failed"] if counts.failed else []),
    ]
    facts = {**counts.to_json(), "bytes": snapshot.whole_bytes or 0, "state": snapshot.state.value}
    output.result({"total": facts}, [", ".join(parts) + "."])
    if snapshot.state is JobState.PAUSED:
        output.note("What has arrived is kept. Run the same command again to go on from there.")
        return _STOPPED
    if snapshot.error is not None and not any(outcome.error is not None for outcome in job.outcomes()):
        output.error(snapshot.error)
    return 0 if snapshot.state is JobState.PUBLISHED and not counts.left else 1


def _tell(outcome: FileOutcome, output: Output) -> None:
    facts = {name: value for name, value in outcome.to_json().items() if name != "error"}
    if outcome.error is not None:
        output.error(outcome.error, **facts)
    elif outcome.state == "left alone":
        output.result(facts, [f"{display(outcome.key)}: {outcome.note}"])
    else:
        words = "there already" if outcome.state == "already" else format_size(outcome.size)
        output.result(facts, [f"{display(outcome.path)}  ({words})"])


def _paint(job: FetchJob, output: Output) -> None:
    snapshot = job.snapshot()
    if snapshot.waiting is not None:
        output.paint(f"{snapshot.waiting.error.what} Next try in {format_elapsed(snapshot.waiting.left_s())}.")
    elif snapshot.progress is not None and snapshot.counts.files:
        counts = snapshot.counts
        output.paint(f"{counts.over:,} of {plural(counts.files, 'file')}: {progress_text(snapshot.progress)}")
