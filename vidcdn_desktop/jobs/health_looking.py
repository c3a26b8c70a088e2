"""Looks at many things a few at a time, within a rate; one that fails stops none of the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    AccessDenied,
    BucketNotFound,
    ClockWrong,
    CredentialsExpired,
    CredentialsMissing,
    CredentialsRejected,
    Offline,
    ServiceTrouble,
    SettingsInvalid,
    Throttled,
    VidcdnError,
    WrongRegion,
)

_T = TypeVar("_T")
_R = TypeVar("_R")

HOPELESS = (
    BucketNotFound,
    ClockWrong,
    CredentialsExpired,
    CredentialsMissing,
    CredentialsRejected,
    SettingsInvalid,
    WrongRegion,
)
"""What every other question to the bucket would be answered as well."""

_AHEAD = 4
"""Looks begun for each thread before the first of them was taken."""

_MISSES_IN_ROW = 8
"""So many refusals one after the other: it is the permission, the network or the store, not the object."""


def in_parallel(
    items: Iterable[_T], look: Callable[[_T, CancelToken], _R], token: CancelToken, *, parallel: int
) -> Generator[tuple[_T, _R | VidcdnError], None, None]:
    """Yield what `look` gives for each item, or its error, in order; to be closed by who leaves early. Blocks.

    `items` is drawn on as results are taken. Leaving the loop, or the token, stops what is under way by the token that
    `look` is given.

    Raises: Cancelled. Whatever else than a VidcdnError `look` raises; what `items` raises.
    """
    own, untie = token.child()
    pending: deque[tuple[_T, Future[_R]]] = deque()
    source = iter(items)

    def begun(item: _T) -> _R:
        own.raise_if_cancelled()
        return look(item, own)

    try:
        with ThreadPoolExecutor(parallel, thread_name_prefix="health") as pool:
            try:
                while True:
                    token.raise_if_cancelled()
                    for item in islice(source, parallel * _AHEAD - len(pending)):
                        pending.append((item, pool.submit(begun, item)))
                    if not pending:
                        return
                    item, future = pending.popleft()
                    try:
                        result: _R | VidcdnError = future.result()
                    except VidcdnError as exc:
                        token.raise_if_cancelled()
                        result = exc
                    yield item, result
            finally:
                own.cancel()
                for _, future in pending:
                    future.cancel()
    finally:
        untie()


class Misses:
    """Counts refusals in a row. One thread."""

    def __init__(self) -> None:
        self._row = 0

    def is_pointless(self, result: object) -> bool:
        """Whether it makes no sense to go on after this result.

        Raises: one of `HOPELESS`, if the result is one.
        """
        if isinstance(result, HOPELESS):
            raise result
        refused = isinstance(result, (AccessDenied, Offline, ServiceTrouble, Throttled))
        self._row = self._row + 1 if refused else 0
        return self._row >= _MISSES_IN_ROW
