"""An operation at one instant, and what became of all its objects, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import chain, islice
from typing import Any

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, Stage
from vidcdn_desktop.progress import ProgressSnapshot
from vidcdn_desktop.storage.weather import Waiting
from vidcdn_desktop.textsafe import plural

DID: Mapping[Kind, str] = {
    Kind.COPY: "copied",
    Kind.MOVE: "moved",
    Kind.DELETE: "deleted",
    Kind.UNDELETE: "brought back",
    Kind.HEADERS: "changed",
    Kind.TAGS: "tagged",
    Kind.STORAGE_CLASS: "moved to another storage class",
    Kind.RESTORE: "asked for",
    Kind.VERSION: "restored",
    Kind.UNDO: "undone",
}
"""What happened to an object, as in "3 objects moved"."""


MOST_TOLD = 12
"""Objects a row tells one by one; all of them stand in the items of the journal."""


class SomeFailed(VidcdnError):
    """Some of the objects of one operation could not be done."""

    title = "Not all were done"


@dataclass(frozen=True)
class Counts:
    """The items of an operation, counted."""

    objects: int = 0
    done: int = 0
    copied: int = 0
    """Of a move: copied and proved, the original still there."""
    left: int = 0
    """Nothing had to be done, or was to be."""
    failed: int = 0
    undone: int = 0
    size: int = 0
    """Bytes of those that are done."""

    def words(self, kind: Kind) -> str:
        """In words: 2 objects moved, 1 left alone, 1 failed."""
        parts = [
            (self.done, f"{plural(self.done, 'object')} {DID[kind]}"),
            (self.copied, f"{self.copied:,} copied with the original still there"),
            (self.left, f"{self.left:,} left alone"),
            (self.failed, f"{self.failed:,} failed"),
            (self.undone, f"{self.undone:,} undone"),
        ]
        return ", ".join(words for count, words in parts if count) or "Nothing was done"

    def to_json(self) -> dict[str, int]:
        """The numbers by name."""
        return asdict(self)


def failure_of(kind: Kind, items: Sequence[Item], place: str) -> VidcdnError | None:
    """What went wrong, all objects together; None if nothing did."""
    failed = [item for item in items if item.error is not None and not item.is_over]
    if not failed:
        return None
    first = failed[0].error
    assert first is not None
    if len(items) == 1:
        return first
    meaning = "Those are in the bucket as they were."
    if kind is Kind.MOVE:
        copied = sum(1 for item in items if item.stage is Stage.COPIED)
        if copied and not any(item.stage is Stage.DONE for item in items):
            copies = "1 copy is" if copied == 1 else f"{copied:,} copies are"
            meaning = f"No original was deleted; {copies} under the new names."
    same = all(item.error is not None and item.error.what == first.what for item in failed)
    return SomeFailed(
        f"{len(failed):,} of {plural(len(items), 'object')} could not be {DID[kind]}.",
        meaning,
        first.what if same else f"The first problem: {first.what}",
        subject=place,
        code=first.code,
        request_id=first.request_id,
    )


def told_of(items: Sequence[Item], most: int = MOST_TOLD) -> list[dict[str, Any]]:
    """What became of a few objects, as JSON: those that failed first, then those that were left alone."""
    failed = (item for item in items if item.error is not None and not item.is_over)
    left = (item for item in items if item.stage is Stage.LEFT)
    rest = (item for item in items if item.stage is not Stage.LEFT and (item.error is None or item.is_over))
    return [item.to_json() for item in islice(chain(failed, left, rest), most)]


@dataclass(frozen=True)
class OperationSnapshot:
    """One job at one instant: all a front end needs to draw it."""

    id: str
    kind: Kind
    bucket: str
    title: str
    place: str
    state: JobState = JobState.QUEUED
    counts: Counts = Counts()
    steps_done: int = 0
    """Of `steps`: a move has two for each object."""
    steps: int = 0
    progress: ProgressSnapshot | None = None
    """While it runs: bytes of the objects that are copied."""
    waiting: Waiting | None = None
    """Why nothing goes on at the moment, and when it is tried again; None in good weather."""
    retries: int = 0
    can_undo: bool = False
    """Something was done that can be taken back."""
    undo_words: str = ""
    """What was promised about that."""
    undoes: str = ""
    """Of an undo: id of the job that is taken back."""
    changed_keys: tuple[str, ...] = ()
    """Once it has ended: keys of which a CDN may hold an old copy."""
    kept_bytes: int = 0
    """Always 0: it has nothing of the user's to keep."""
    whole_bytes: int | None = None
    priority: int = 0
    connection_id: str = ""
    error: VidcdnError | None = None
    result: Mapping[str, Any] | None = None
    """Once it has ended: the `counts`, a few `objects`, and the `stale` keys of which a CDN may hold an old copy."""
    seconds: float | None = None
    created: datetime | None = None
    finished: datetime | None = None


class Tally:
    """Items counted as they change, so that nobody counts a hundred thousand ten times a second. Not locked.

    Args:
        action: What is done to items that say nothing themselves.
        items: To begin with.
    """

    def __init__(self, action: Action, items: Iterable[Item] = ()) -> None:
        self._action = action
        self._numbers: Counter[str] = Counter()
        for item in items:
            self.add(item)

    def add(self, item: Item, sign: int = 1) -> None:
        """Count an item; with -1 no more."""
        is_move = (item.action or self._action).kind is Kind.MOVE
        numbers = self._numbers
        numbers["objects"] += sign
        numbers[_COLUMNS.get(item.stage, "waiting")] += sign
        numbers["failed"] += sign * (item.error is not None and not item.is_over)
        numbers["size"] += sign * item.size * (item.stage is Stage.DONE)
        numbers["inverses"] += sign * (item.inverse is not None and item.stage is not Stage.UNDONE)
        numbers["steps"] += sign * (2 if is_move else 1)
        numbers["steps_done"] += sign * (item.is_over + is_move * (item.is_over or item.stage in _HALF))

    def counts(self) -> Counts:
        """What was counted."""
        return Counts(**{name: self._numbers[name] for name in Counts().to_json()})

    def on(self, snapshot: OperationSnapshot) -> OperationSnapshot:
        """The snapshot with how far the items are."""
        numbers = self._numbers
        can_undo = self._action.kind is not Kind.UNDO and numbers["inverses"] > 0
        return replace(
            snapshot,
            counts=self.counts(),
            steps_done=numbers["steps_done"],
            steps=numbers["steps"],
            can_undo=can_undo,
        )


_HALF = (Stage.COPIED, Stage.DELETING)
_COLUMNS = {
    Stage.DONE: "done",
    Stage.COPIED: "copied",
    Stage.DELETING: "copied",
    Stage.LEFT: "left",
    Stage.UNDONE: "undone",
}
