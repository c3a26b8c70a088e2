"""The steps of an operation in their order, a few objects at a time.

    copies, and the copies of moves ─> are all moves copied and proved? ─> originals of moves ─> everything else

What goes wrong with one object is its own; what would befall every object ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    AccessDenied,
    BucketNotFound,
    ChecksumMismatch,
    ClockWrong,
    Conflict,
    CredentialsExpired,
    CredentialsMissing,
    CredentialsRejected,
    DiskFull,
    KeyringLocked,
    KeyTaken,
    ObjectArchived,
    ObjectLocked,
    ObjectNotFound,
    ServiceTrouble,
    SettingsInvalid,
    UnsupportedMedia,
    VidcdnError,
    WrongRegion,
)
from vidcdn_desktop.jobs.operations.deleting import delete_items, undelete
from vidcdn_desktop.jobs.operations.editing import change_class, edit_headers, edit_tags, restore, restore_version
from vidcdn_desktop.jobs.operations.model import Item, Kind, Stage
from vidcdn_desktop.jobs.operations.moving import copy_item, delete_original, take_back_copy
from vidcdn_desktop.jobs.operations.work import Work
from vidcdn_desktop.storage.weather import Weather

PARALLEL = 16
"""Objects at the same time."""

_BATCH = 500
"""Objects deleted in one request: fewer than the store takes, so that a cancel and the progress come sooner."""

_OF_ALL = (
    *(BucketNotFound, ClockWrong, CredentialsExpired, CredentialsMissing, CredentialsRejected),
    *(DiskFull, KeyringLocked, WrongRegion),
)

_REFUSED = (*(AccessDenied, KeyTaken, ObjectArchived, ObjectLocked, ObjectNotFound, SettingsInvalid, UnsupportedMedia),)
"""Failures after which it is known that nothing was changed."""

Step = Callable[[Work, int], None]

_STEPS: dict[Kind, Step] = {
    Kind.UNDELETE: undelete,
    Kind.HEADERS: edit_headers,
    Kind.TAGS: edit_tags,
    Kind.STORAGE_CLASS: change_class,
    Kind.RESTORE: restore,
    Kind.VERSION: restore_version,
}


def befalls_all(error: VidcdnError) -> bool:
    """Whether a failure would be that of every object: no network, no sign-in, no bucket, no journal."""
    if isinstance(error, (Conflict, ChecksumMismatch)):
        return False
    return error.retryable or isinstance(error, _OF_ALL)


def _failed(item: Item, error: VidcdnError) -> Item:
    """An item that failed; as if it was not begun where it is known that nothing was changed."""
    refused = isinstance(error, _REFUSED) or (isinstance(error, ServiceTrouble) and error.code != "HeadersLost")
    if item.stage is Stage.BEGUN and refused and "upload_key" not in item.state:
        return replace(item, stage=Stage.PLANNED, inverse=None, error=error)
    return replace(item, error=error)


class Runner:
    """One run over the items that are not over yet. Blocks; one thread calls it.

    Args:
        work: The store and the items.
        weather: What to do when the network fails.
        token: Cancels.
    """

    def __init__(self, work: Work, weather: Weather, token: CancelToken) -> None:
        self._work = work
        self._weather = weather
        self._token = token

    def run(self) -> None:
        """Do all that is left to do.

        Raises: Cancelled. What would befall every object.
        """
        self._each(self._of(Kind.COPY, Kind.MOVE, stages=(Stage.PLANNED, Stage.BEGUN)), copy_item)
        moves = self._of(Kind.MOVE, stages=tuple(Stage))
        if all(item.stage in (Stage.COPIED, Stage.DELETING) or item.is_over for item in moves):
            self._each([item for item in moves if not item.is_over], delete_original)
        self._delete()
        for kind, step in _STEPS.items():
            self._each(self._of(kind, stages=(Stage.PLANNED, Stage.BEGUN)), step)

    def take_back(self) -> None:
        """Remove the copies of a move that is given up before any original was deleted.

        Raises: what would befall every object.
        """
        moves = self._of(Kind.MOVE, stages=tuple(Stage))
        if any(item.stage in (Stage.DELETING, Stage.DONE) for item in moves):
            return
        self._each([item for item in moves if item.stage in (Stage.BEGUN, Stage.COPIED)], take_back_copy)

    def _of(self, *kinds: Kind, stages: Sequence[Stage]) -> list[Item]:
        return [
            item for item in self._work.board.all() if item.stage in stages and self._work.action_of(item).kind in kinds
        ]

    def _delete(self) -> None:
        items = self._of(Kind.DELETE, stages=(Stage.PLANNED, Stage.BEGUN))
        kept: dict[str, bool] = {}
        for bucket in dict.fromkeys(item.ref.bucket for item in items):
            ask = partial(self._work.calls.versioning, bucket)
            kept[bucket] = self._weather.run(ask, self._token) is True
            of_bucket = [item.number for item in items if item.ref.bucket == bucket]
            for at in range(0, len(of_bucket), _BATCH):
                self._token.raise_if_cancelled()
                batch = of_bucket[at : at + _BATCH]
                self._weather.run(
                    partial(self._delete_batch, batch, keeps_versions=kept[bucket]), self._token, damaged_again=False
                )

    def _delete_batch(self, numbers: Sequence[int], *, keeps_versions: bool) -> None:
        left = [number for number in numbers if not self._work.board.now(number).is_over]
        try:
            delete_items(self._work, left, keeps_versions=keeps_versions)
        except VidcdnError as exc:
            if befalls_all(exc):
                raise
            # A batch that is refused as a whole, for want of permission: each of its objects has failed.
            board = self._work.board
            stuck = [board.now(number) for number in left if not board.now(number).is_over]
            board.after([replace(item, error=item.error or exc) for item in stuck])

    def _each(self, items: Sequence[Item], step: Step) -> None:
        """Call a step for each item, some at the same time."""
        token, untie = self._token.child()
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="operation") as pool:
            futures: list[Future[None]] = [pool.submit(self._one, item.number, step, token) for item in items]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                token.cancel()
                for future in futures:
                    future.cancel()
                raise
            finally:
                untie()

    def _one(self, number: int, step: Step, token: CancelToken) -> None:
        token.raise_if_cancelled()
        try:
            self._weather.run(lambda: step(self._work, number), token, damaged_again=False)
        except VidcdnError as exc:
            if befalls_all(exc):
                raise
            board = self._work.board
            board.after([_failed(board.now(number), exc)])
