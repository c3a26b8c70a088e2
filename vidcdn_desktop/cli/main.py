"""The command line: `vidcdn-desktop SUBCOMMAND …`. The same core as the window, without a display.

Exit codes: 0 done, 1 failed, 2 wrong use, 130 cancelled.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from vidcdn_desktop import __version__
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.cli import (
    archive,
    check,
    convert,
    copying,
    download,
    du,
    endpoint,
    faststart,
    find,
    frame,
    handover,
    headers,
    health,
    inspect,
    invalidate,
    link,
    ls,
    practice,
    publish,
    put,
    repair,
    replace,
    rm,
    scan,
    stat,
    tags,
    undo,
    uploads,
    versions,
)
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid, UnexpectedProblem, VidcdnError
from vidcdn_desktop.logs import setup_logging

_log = logging.getLogger(__name__)

_COMMANDS = (
    inspect,
    faststart,
    convert,
    publish,
    uploads,
    download,
    put,
    replace,
    ls,
    stat,
    find,
    du,
    health,
    copying,
    rm,
    headers,
    tags,
    archive,
    versions,
    undo,
    handover,
    scan,
    frame,
    repair,
    link,
    invalidate,
    check,
    endpoint,
    practice,
)


def build_parser() -> argparse.ArgumentParser:
    """The parser with all subcommands."""
    parser = argparse.ArgumentParser(
        prog="vidcdn-desktop",
        description="Put a video on the web from your own bucket. Without a subcommand the window opens.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong use, 130 cancelled.",
    )
    parser.add_argument("--version", action="version", version=f"vidcdn-desktop {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="SUBCOMMAND", required=True)
    for module in _COMMANDS:
        module.add_parser(subparsers)
    return parser


def main(argv: Sequence[str]) -> int:
    """Run one subcommand; gives the exit code."""
    # A key from a listing, or a title, may hold what the terminal's encoding cannot show.
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    args = build_parser().parse_args(argv)
    setup_logging()
    output = Output(as_json=bool(getattr(args, "json", False)))
    token = CancelToken()
    previous = _cancel_on_signals(token)
    try:
        code: int = args.run(args, output, token)
    except Paused:
        output.error(PausedBySystem())
        return 130
    except Cancelled:
        output.error(CancelledByUser())
        return 130
    except SettingsInvalid as exc:
        output.error(exc)
        return 2
    except VidcdnError as exc:
        output.error(exc)
        return 1
    except BrokenPipeError:
        return 1
    except Exception as exc:  # noqa: BLE001 - the last line of defence: no traceback for the user
        _log.exception("unexpected problem")
        output.error(
            UnexpectedProblem(
                "Something happened that this program was not made for.",
                "Look at the bucket before you try again.",
                "Report it with the log.",
                code=type(exc).__name__,
            )
        )
        return 1
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 130 if token.is_cancelled and code else code


class CancelledByUser(VidcdnError):
    """How a cancelled command reads."""

    title = "Cancelled"

    def __init__(self) -> None:
        super().__init__("Cancelled.", "Nothing was published.", "", code="cancelled")

    @property
    def kind(self) -> str:
        """The identifier scripts match on."""
        return "Cancelled"


class PausedBySystem(VidcdnError):
    """How a command reads that was asked to end, and can go on."""

    title = "Paused"

    def __init__(self) -> None:
        super().__init__(
            "Stopped.", "What was sent is kept.", "Go on with: vidcdn-desktop uploads resume", code="paused"
        )

    @property
    def kind(self) -> str:
        """The identifier scripts match on."""
        return "Paused"


def _cancel_on_signals(token: CancelToken) -> dict[int, Any]:
    """Let Ctrl+C cancel, and a polite kill pause, instead of tearing the process down.

    Whoever shuts the computer down does not want a night's upload thrown away.
    """

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            token.pause()
        else:
            token.cancel()

    previous: dict[int, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            previous[number] = signal.signal(number, on_signal)
        except ValueError:  # not in the main thread: a front end embeds us
            break
    return previous
