"""The life of a job.

    INSPECTING ──> READY ──> QUEUED ──> RUNNING ──────────────> PUBLISHED
        │            ^          │          │  └──> CANCELLING ──────┤ (the last byte was already accepted)
        │            │          │          │            └──> CANCELLED
        ├──> REFUSED │          └──────────┼───────────────> CANCELLED
        └──> FAILED ─┴── (retry) <─────────┴──> FAILED

Every ending may be inspected again (retry, or the file was mended); nothing else goes back.
"""

from __future__ import annotations

from vidcdn_desktop.jobs.model import JobState as S

_ALLOWED: dict[S, frozenset[S]] = {
    S.INSPECTING: frozenset({S.READY, S.REFUSED, S.FAILED, S.CANCELLED}),
    S.READY: frozenset({S.QUEUED, S.INSPECTING}),
    S.QUEUED: frozenset({S.RUNNING, S.READY, S.CANCELLED}),
    S.RUNNING: frozenset({S.CANCELLING, S.PUBLISHED, S.FAILED, S.CANCELLED}),
    S.CANCELLING: frozenset({S.CANCELLED, S.PUBLISHED, S.FAILED}),
    S.PUBLISHED: frozenset({S.INSPECTING}),
    S.FAILED: frozenset({S.INSPECTING, S.QUEUED}),
    S.CANCELLED: frozenset({S.INSPECTING, S.QUEUED}),
    S.REFUSED: frozenset({S.INSPECTING}),
}

ENDED = frozenset({S.PUBLISHED, S.FAILED, S.CANCELLED, S.REFUSED})
"""States in which nothing happens any more unless the user asks."""

BUSY = frozenset({S.QUEUED, S.RUNNING, S.CANCELLING})
"""States in which closing the window would stop something."""


class IllegalTransition(RuntimeError):
    """A bug of ours: a job was asked for a step its state does not allow."""


def check_transition(old: S, new: S) -> None:
    """Raise `IllegalTransition` unless a job may go from `old` to `new`."""
    if new not in _ALLOWED[old]:
        raise IllegalTransition(f"{old.value} -> {new.value}")
