"""Calls on threads of their own that never keep the program alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


def start(call: Callable[[], _T], name: str, *, daemon: bool = True) -> Future[_T]:
    """Run `call` on a new thread; its result or exception (of any kind) ends up in the future.

    A thread of an executor would be waited for when the program ends, even one that is stuck in a send on a dead
    network; a daemon thread is not.
    """
    future: Future[_T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = call()
        except BaseException as exc:  # noqa: BLE001 - handed over whole: whoever waits for the future raises it
            future.set_exception(exc)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=daemon).start()
    return future
