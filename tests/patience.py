"""How long tests of windows wait for what must happen: a busy machine takes longer than pytest-qt's five seconds."""

from __future__ import annotations

from functools import partial
from typing import Any

WAIT_MS = 30_000


def with_patience(qtbot: Any) -> Any:
    """pytest-qt's bot with other default timeouts; those that a test names stand."""
    for name in ("wait_until", "waitUntil", "wait_signal", "waitSignal", "wait_signals", "waitSignals", "waitCallback"):
        setattr(qtbot, name, partial(getattr(qtbot, name), timeout=WAIT_MS))
    return qtbot
