"""Calls on threads of their own that never keep the program alive."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")

_NICE = 10
"""Measured with a 1 GB publish beside the window: fewer late ticks, and no less throughput."""


def start(call: Callable[[], _T], name: str, *, daemon: bool = True) -> Future[_T]:
    """Run `call` on a new thread; its result or exception (of any kind) ends up in the future.

    A thread of an executor would be waited for when the program ends, even one that is stuck in a send on a dead
    network; a daemon thread is not.
    """
    future: Future[_T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        _step_back()
        try:
            result = call()
        except BaseException as exc:  # noqa: BLE001 - handed over whole: whoever waits for the future raises it
            future.set_exception(exc)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=daemon).start()
    return future


def _step_back() -> None:
    """Let the thread that draws the window go first where cores are short; Linux only, where threads have a nice."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
