"""What a plan says beforehand: whether it can be undone, what must be confirmed, what it costs, who should do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, OnExists
from vidcdn_desktop.storage.copying import ARCHIVES
from vidcdn_desktop.storage.repair import LARGEST_COPY_OBJECT
from vidcdn_desktop.storage.repair_parts import split_copies
from vidcdn_desktop.textsafe import plural

MOST_OBJECTS = 10_000
MOST_COPIED_BYTES = 100_000_000_000
"""Beyond these a service of the store does it better than a loop on somebody's computer."""

COPIES = frozenset({Kind.COPY, Kind.MOVE, Kind.HEADERS, Kind.STORAGE_CLASS, Kind.VERSION})
"""Kinds that copy the bytes of an object inside the store."""

_REQUESTS = {
    Kind.COPY: 5,
    Kind.MOVE: 8,
    Kind.DELETE: 1,
    Kind.UNDELETE: 3,
    Kind.HEADERS: 5,
    Kind.TAGS: 3,
    Kind.STORAGE_CLASS: 5,
    Kind.RESTORE: 2,
    Kind.VERSION: 5,
}
"""For one object: the looks before and after, rights and tags, and the change itself."""


@dataclass(frozen=True)
class Promise:
    """Whether an operation can be undone, and what there is to know about that."""

    possible: bool
    words: str


def promise_of(action: Action, items: Sequence[Item], versioning: bool | None, replaced: int) -> Promise:
    """What can be promised about an undo.

    Args:
        action: What is done.
        items: To what.
        versioning: Whether the bucket that is written to keeps versions; None: not known.
        replaced: Objects that a copy or a move would replace.
    """
    kind = action.kind
    if kind is Kind.DELETE:
        if any(item.version_id for item in items):
            return Promise(False, "A version that is deleted is gone for good.")
        if versioning:
            return Promise(True, "The bucket keeps versions, so what is deleted can be brought back.")
        if versioning is None:
            return Promise(False, "It is not known whether the bucket keeps versions: deleted may mean gone for good.")
        return Promise(False, "The bucket keeps no versions: deleted is gone for good.")
    if kind in (Kind.COPY, Kind.MOVE) and replaced and not versioning:
        return Promise(False, f"{plural(replaced, 'object')} would be replaced, and no version of them is kept.")
    if kind is Kind.STORAGE_CLASS and action.storage_class in ARCHIVES:
        return Promise(False, "To come back from an archive an object must be restored, which costs time and money.")
    if kind is Kind.RESTORE:
        return Promise(False, f"The copy outside the archive goes by itself after {plural(action.days, 'day')}.")
    if kind is Kind.VERSION and not versioning:
        return Promise(False, "It is not known that the bucket keeps what is served now as a version.")
    if kind is Kind.UNDO:
        return Promise(False, "An undo is not undone; do the operation again instead.")
    return Promise(True, "It can be undone as long as nobody changes the objects meanwhile.")


def needs_confirmation(action: Action, items: Sequence[Item], versioning: bool | None, replaced: int) -> int | None:
    """The number of objects that would be gone for good, which whoever starts it must name; None: none would be."""
    if action.kind is Kind.DELETE and not versioning:
        return len(items)
    if action.kind is Kind.DELETE:
        return sum(1 for item in items if item.version_id) or None
    if action.kind in (Kind.COPY, Kind.MOVE) and action.on_exists is OnExists.REPLACE and not versioning:
        return replaced or None
    return None


def copied_bytes_of(action: Action, items: Sequence[Item]) -> int:
    """Bytes the store copies inside itself."""
    return sum(item.size for item in items if (item.action or action).kind in COPIES)


def requests_of(action: Action, items: Sequence[Item]) -> int:
    """Requests all of it takes, roughly; they cost money."""
    count = 0
    for item in items:
        kind = (item.action or action).kind
        count += _REQUESTS[kind]
        if kind in COPIES and item.size > LARGEST_COPY_OBJECT:
            count += len(split_copies(item.size)) + 1
    deleted = sum(1 for item in items if (item.action or action).kind is Kind.DELETE)
    return count + -(-deleted // 1000)


def handover_of(action: Action, items: Sequence[Item]) -> str:
    """Who would do it better, where it is a lot; empty where it is not."""
    copied = copied_bytes_of(action, items)
    if len(items) <= MOST_OBJECTS and copied <= MOST_COPIED_BYTES:
        return ""
    if action.kind is Kind.DELETE:
        return (
            "For so many objects a lifecycle rule on the prefix is the better way: the store deletes them by itself,"
            " without requests that cost and without this computer."
        )
    if action.kind in (Kind.MOVE, Kind.UNDO):
        return (
            "For so much S3 Batch Operations is the better way: it copies inside the store without this computer;"
            " a lifecycle rule then deletes the originals."
        )
    if action.kind is Kind.STORAGE_CLASS:
        return "For so much a lifecycle rule is the better way: the store changes the class by itself, at night."
    return "For so much S3 Batch Operations is the better way: it works inside the store without this computer."
