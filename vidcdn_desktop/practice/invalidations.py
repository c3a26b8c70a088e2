"""Invalidation rules as CloudFront applies them: which paths it accepts, and which cached copies a path reaches.

Paths are compared as text with the *canonical* form of a cached URL path: only non-ASCII bytes and the unsafe
characters of RFC 1738 are percent-encoded in it. A path that encodes anything else is accepted and matches nothing,
exactly like the service.

Source: Amazon CloudFront Developer Guide, "Specify the objects to invalidate"; CloudFront API, CreateInvalidation.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

MAX_PATH_CHARACTERS = 4000
MAX_PATHS_IN_PROGRESS = 3000
MAX_WILDCARDS_IN_PROGRESS = 15

_LEFT_RAW = "/!$&'()*+,-.:;=?@_~"
"""Beside letters and digits: neither unsafe by RFC 1738 nor non-ASCII. `~` stays raw, which is why no accepted path
reaches it."""
_REFUSED = re.compile(r"[^\x21-\x7d]|[\"<>#{}|\\^\[\]`]")
"""Characters that must arrive percent-encoded: spaces, controls, `~`, non-ASCII, and the unsafe ones."""
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


class RefusedPaths(Exception):
    """CloudFront would refuse the request; `code` is its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def canonical_path(url_path: str) -> str:
    """The form of a requested URL path that invalidation paths are compared with."""
    return quote(unquote_to_bytes(url_path), safe=_LEFT_RAW)


def is_wildcard(path: str) -> bool:
    """Whether the path ends in a `*`; anywhere else the character is literal."""
    return path.endswith("*")


def check_paths(paths: Sequence[str]) -> None:
    """Refuse what CreateInvalidation refuses.

    Raises: RefusedPaths: InvalidArgument or BatchTooLarge.
    """
    if not paths:
        raise RefusedPaths("InvalidArgument", "Your request must contain at least one invalidation path.")
    if len(paths) > MAX_PATHS_IN_PROGRESS:
        raise RefusedPaths("BatchTooLarge", "Your request contains too many invalidation paths.")
    for path in paths:
        if not path.startswith("/") or len(path) > MAX_PATH_CHARACTERS or _REFUSED.search(path):
            raise RefusedPaths("InvalidArgument", "Your request contains one or more invalid invalidation paths.")


def matches(path: str, canonical: str) -> bool:
    """Whether an invalidation path reaches a cached copy with this canonical URL path."""
    path = _ESCAPE.sub(lambda escape: escape.group().upper(), path)
    if is_wildcard(path):
        return canonical.startswith(path[:-1])
    return canonical == path


@dataclass
class Pending:
    """One accepted invalidation."""

    distribution_id: str
    paths: tuple[str, ...]
    caller_reference: str
    due: float
    """Time on the ledger's clock at which every edge has dropped its copy."""
    applied: bool = field(default=False)


class Ledger:
    """All invalidations, applied to the edges when their delay is over. Any thread may call any method.

    Nothing ticks: whoever looks (an edge before it answers, a status request) first settles what is due, so a
    status of Completed always means that the copies are gone.
    """

    def __init__(self, delay_s: float, drop: Callable[[str, Sequence[str]], None], clock: Callable[[], float]) -> None:
        """Args: drop: removes cached copies, called with distribution id and paths; clock: seconds, monotonic."""
        self._delay_s = delay_s
        self._drop = drop
        self._clock = clock
        self._lock = threading.RLock()
        self._open: list[Pending] = []

    def settle(self) -> None:
        """Apply what is due."""
        with self._lock:
            now = self._clock()
            for pending in [p for p in self._open if p.due <= now]:
                self._drop(pending.distribution_id, pending.paths)
                pending.applied = True
                self._open.remove(pending)

    def is_done(self, pending: Pending) -> bool:
        """Whether every edge has dropped its copy."""
        self.settle()
        return pending.applied

    def accept(self, distribution_id: str, paths: Sequence[str], caller_reference: str) -> Pending:
        """Check and start an invalidation.

        Raises: RefusedPaths: InvalidArgument, BatchTooLarge or TooManyInvalidationsInProgress.
        """
        check_paths(paths)
        with self._lock:
            self.settle()
            running = [p for entry in self._open if entry.distribution_id == distribution_id for p in entry.paths]
            wildcards = sum(map(is_wildcard, running))
            new_wildcards = sum(map(is_wildcard, paths))
            singles = len(running) - wildcards + len(paths) - new_wildcards
            if wildcards + new_wildcards > MAX_WILDCARDS_IN_PROGRESS or singles > MAX_PATHS_IN_PROGRESS:
                raise RefusedPaths(
                    "TooManyInvalidationsInProgress", "You have exceeded the maximum number of invalidations."
                )
            pending = Pending(distribution_id, tuple(paths), caller_reference, self._clock() + self._delay_s)
            self._open.append(pending)
            return pending
