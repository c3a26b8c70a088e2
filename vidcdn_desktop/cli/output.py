"""What the command line prints: one JSON object per thing on stdout, or lines for people; progress on stderr."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.model import report_json
from vidcdn_desktop.progress import ProgressSnapshot
from vidcdn_desktop.textsafe import display, format_left, format_rate, format_size

_TICK_S = 0.1
"""Progress is painted ten times a second."""


class Output:
    """Where results and progress go. One per process."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._lock = threading.Lock()
        self._painted = False

    def result(self, value: Any, lines: list[str]) -> None:
        """Print one result: `value` as JSON, or `lines` for people."""
        self.clear()
        with self._lock:
            if self.as_json:
                print(json.dumps(report_json(value), ensure_ascii=False), flush=True)
            else:
                print("\n".join(lines), flush=True)

    def piece(self, text: str) -> None:
        """Print a piece of one large JSON document, which nobody has to hold as a whole."""
        self.clear()
        with self._lock:
            print(text, end="", flush=text.endswith("\n"))

    def error(self, error: VidcdnError, **facts: Any) -> None:
        """Print a failure: as JSON on stdout where asked for, and always in words on stderr."""
        self.clear()
        with self._lock:
            if self.as_json:
                print(json.dumps(report_json({**facts, "error": error}), ensure_ascii=False), flush=True)
            subject = f"{display(error.subject)}: " if error.subject else ""
            print(f"{subject}{display(error.sentence())}", file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """One line on stderr."""
        self.clear()
        with self._lock:
            print(text, file=sys.stderr, flush=True)

    def paint(self, text: str) -> None:
        """Replace the progress line, on a terminal only."""
        if not sys.stderr.isatty():
            return
        with self._lock:
            print(f"\r\x1b[K{text[:118]}", end="", file=sys.stderr, flush=True)
            self._painted = True

    def clear(self) -> None:
        """Remove the progress line."""
        with self._lock:
            if self._painted:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
                self._painted = False


def progress_text(progress: ProgressSnapshot) -> str:
    """Bytes, speed and time left: “1.8 of 3.9 GB · 11.4 MB/s · 3 min left”."""
    parts = [format_size(progress.done_bytes)]
    if progress.total_bytes is not None:
        parts = [f"{format_size(progress.done_bytes)} of {format_size(progress.total_bytes)}"]
    if progress.rate_bytes_per_s:
        parts.append(format_rate(progress.rate_bytes_per_s))
    if progress.left_s is not None:
        parts.append(format_left(progress.left_s))
    return " · ".join(parts)


class Ticker:
    """Calls `paint` ten times a second while it is entered."""

    def __init__(self, paint: Callable[[], None]) -> None:
        self._paint = paint
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(_TICK_S):
            self._paint()

    def __enter__(self) -> Ticker:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
