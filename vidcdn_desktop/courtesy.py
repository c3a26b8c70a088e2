"""Work in Python beside a window: it waits while the window paints, and when the window does not get its turn.

There is one interpreter in the process. While a view is painted, nearly every call into Qt lets go of it for some
microseconds, and a busy thread then keeps it for the whole switch interval: a paint of 3 ms takes 30. And a window that
wants to begin something stands in one line with all busy threads: with sixteen that prepare requests it came to its
turn after 120 ms.

    thread at work ── ask ──> window        "are you there?", at most every few milliseconds, and only while one works
    thread at work <─ answered ─ window     no answer in time: whoever works waits for it

No Qt here. Without a window nobody is asked, and nobody waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LONGEST_S = 0.03
"""A window that paints, or is silent, without an end must not stop all work."""
_ASK_EVERY_S = 0.008
_PATIENCE_S = 0.008
"""How long an answer may take before those at work make room for it."""

_at_rest = threading.Event()
"""No view is being painted."""
_at_rest.set()


class _Window:
    """Whether the window answers."""

    def __init__(self) -> None:
        self.ask: Callable[[], None] | None = None
        self.heard = threading.Event()
        self.asked = 0.0
        """When it was asked what it has not answered yet; 0 if it has."""
        self.answered = 0.0
        """When it answered last."""
        self.given_up = 0.0
        """The question nobody waits for any more."""


_window = _Window()


def ask_by(ask: Callable[[], None] | None) -> None:
    """Say how the window is asked; it calls `answered` in its own thread. None: there is none any more.

    Args:
        ask: Called in any thread that works; must not block.
    """
    _window.ask, _window.asked = ask, 0.0
    _window.heard.set()


def answered() -> None:
    """The window has its turn. GUI thread."""
    _window.asked, _window.answered = 0.0, time.monotonic()
    _window.heard.set()


@contextmanager
def painting() -> Iterator[None]:
    """Around the paint of a view. GUI thread."""
    _at_rest.clear()
    try:
        yield
    finally:
        _at_rest.set()


def give_way() -> None:
    """Between two small steps of work: wait for a window that paints or waits itself. Any thread but the GUI thread."""
    if threading.current_thread() is threading.main_thread():
        return
    if not _at_rest.is_set():
        _at_rest.wait(_LONGEST_S)
    ask = _window.ask
    if ask is None:
        return
    now, asked = time.monotonic(), _window.asked
    if not asked:
        if now - _window.answered > _ASK_EVERY_S:
            _window.asked = now
            _window.heard.clear()
            ask()
    elif now - asked > _PATIENCE_S and _window.given_up != asked and not _window.heard.wait(_LONGEST_S):
        _window.given_up = asked
