"""Helper programs that outlived a copy of this program that was killed.

A child is in a process group of its own, so that it can be ended with everything it started; the price is that it
goes on when its parent is torn away. What it works on tells it: a folder with a random name that only it was given.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

_log = logging.getLogger(__name__)

_PROCESSES = Path("/proc")


def end_orphans(folder: Path) -> int:
    """Kill every process of this user that was told to write into `folder`. Gives their number.

    Only where the system shows command lines as files (Linux); elsewhere an orphan ends with its work.
    Source: proc(5), "/proc/pid/cmdline".
    """
    if sys.platform == "win32" or not _PROCESSES.is_dir():
        return 0
    sign = b"file:" + os.fsencode(folder) + b"/"
    ended = 0
    for entry in _PROCESSES.glob("[0-9]*"):
        try:
            if entry.stat().st_uid != os.getuid() or int(entry.name) == os.getpid():
                continue
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if any(word.startswith(sign) for word in words):
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
        except (OSError, ValueError):  # it has ended meanwhile, or is somebody else's
            continue
    if ended:
        _log.info("ended %d helper program(s) of a run that was killed", ended)
    return ended
