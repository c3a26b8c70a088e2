"""What the jobs of the command line work with: tools, journal, bandwidth and patience."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager

from vidcdn_desktop.cli.context import tools_for_settings
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.convert import sweep_conversions
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.settings import load_settings
from vidcdn_desktop.storage.weather import Patience

_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def parse_rate(text: str) -> int:
    """Bytes a second out of “500k” or “2M”."""
    unit = text[-1:].lower() if text[-1:].isalpha() else ""
    try:
        rate = float(text[: len(text) - len(unit)]) * _UNITS[unit]
    except (ValueError, KeyError):
        rate = 0.0
    if not math.isfinite(rate) or rate < 1:
        raise argparse.ArgumentTypeError(f"“{text}” is no rate; write 500k or 2M (bytes a second)")
    return int(rate)


def parse_patience(text: str) -> Patience:
    """Seconds, or “forever”."""
    if text == "forever":
        return Patience(limit_s=None)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise argparse.ArgumentTypeError(f"“{text}” is no time; write seconds, or “forever”")
    return Patience(limit_s=seconds)


@contextmanager
def means_for(args: argparse.Namespace, output: Output) -> Iterator[Means]:
    """Open the journal for a command and close it afterwards. A journal that cannot be used is told, not fatal."""
    journal: Journal | None = None
    try:
        journal = Journal()
        if journal.problem is not None:
            output.note(journal.problem.sentence())
    except VidcdnError as exc:
        output.note(f"{exc.what} An interrupted upload could not be resumed.")
    sweep_conversions(journal)
    limit = args.limit or load_settings().speed_limit_bytes_per_s
    try:
        yield Means(
            tools_for_settings(),
            journal,
            RateLimiter(limit),
            getattr(args, "patience", None) or Patience(limit_s=120.0),
        )
    finally:
        if journal is not None:
            journal.close()
