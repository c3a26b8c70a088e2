"""Work in Python beside a window that paints: it waits for the end of the paint.

While a view is painted, nearly every call into Qt lets go of the interpreter for some microseconds, and a busy thread
then keeps it for the whole switch interval: a paint of 3 ms takes 30. There is one interpreter in the process, so
there is one of these. No Qt here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_NAP_S = 0.0005
_LONGEST_S = 0.03
"""A window that paints without an end must not stop all work."""

_painting = threading.Event()


@contextmanager
def painting() -> Iterator[None]:
    """Around the paint of a view. GUI thread."""
    _painting.set()
    try:
        yield
    finally:
        _painting.clear()


def give_way() -> None:
    """Between two small steps of work: wait while a view is painted. Any thread but the GUI thread's."""
    if not _painting.is_set() or threading.current_thread() is threading.main_thread():
        return
    end = time.monotonic() + _LONGEST_S
    while _painting.is_set() and time.monotonic() < end:
        time.sleep(_NAP_S)
