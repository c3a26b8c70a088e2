"""The life of a job.

    INSPECTING ──> READY ──> QUEUED ──> RUNNING ──────────────> PUBLISHED
        │            ^          │          │  └──> CANCELLING ──────┤ (the last byte was already accepted)
        │            │          │          ├──> PAUSING ─────────────┤
        ├──> REFUSED │          └──────────┼──────┴──> PAUSED        │
        └──> FAILED ─┴── (retry) <─────────┴──> FAILED, CANCELLED <──┘

A paused job is looked at again before it goes on: its file may be another one by now. A paused or failed job that is
cancelled goes through CANCELLING, since what it sent must be removed. Every ending may be inspected again (retry, or
the file was mended); nothing else goes back.
"""

from __future__ import annotations

from vidcdn_desktop.jobs.model import JobState as S

_ALLOWED: dict[S, frozenset[S]] = {
    S.INSPECTING: frozenset({S.READY, S.REFUSED, S.FAILED, S.CANCELLED, S.PAUSED}),
    S.READY: frozenset({S.QUEUED, S.INSPECTING}),
    S.QUEUED: frozenset({S.RUNNING, S.READY, S.CANCELLED, S.PAUSED}),
    S.RUNNING: frozenset({S.CANCELLING, S.PAUSING, S.PUBLISHED, S.FAILED, S.CANCELLED, S.PAUSED}),
    S.PAUSING: frozenset({S.CANCELLING, S.PUBLISHED, S.FAILED, S.CANCELLED, S.PAUSED}),
    S.CANCELLING: frozenset({S.CANCELLED, S.PUBLISHED, S.FAILED}),
    S.PUBLISHED: frozenset({S.INSPECTING}),
    S.PAUSED: frozenset({S.INSPECTING, S.QUEUED, S.CANCELLING}),
    S.FAILED: frozenset({S.INSPECTING, S.QUEUED, S.CANCELLING}),
    S.CANCELLED: frozenset({S.INSPECTING, S.QUEUED}),
    S.REFUSED: frozenset({S.INSPECTING}),
}

ENDED = frozenset({S.PUBLISHED, S.FAILED, S.CANCELLED, S.REFUSED})
"""States in which nothing happens any more unless the user asks."""

RUNNING = frozenset({S.RUNNING, S.PAUSING, S.CANCELLING})
"""States in which a worker is at it."""

BUSY = RUNNING | {S.QUEUED}
"""States in which closing the window would stop something."""


class IllegalTransition(RuntimeError):
    """A bug of ours: a job was asked for a step its state does not allow."""


def check_transition(old: S, new: S) -> None:
    """Raise `IllegalTransition` unless a job may go from `old` to `new`."""
    if new not in _ALLOWED[old]:
        raise IllegalTransition(f"{old.value} -> {new.value}")
