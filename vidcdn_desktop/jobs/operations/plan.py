"""What an operation would do, before anything is done: objects, bytes, requests, what can be undone, what viewers see.

Only lists and looks; nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.classes import class_words, restore_words
from vidcdn_desktop.jobs.operations.log import MemoryLog
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, OnExists, Stage
from vidcdn_desktop.jobs.operations.promise import (
    Promise,
    copied_bytes_of,
    handover_of,
    needs_confirmation,
    promise_of,
    requests_of,
)
from vidcdn_desktop.jobs.operations.targets import Source, expand, find_taken, title_of
from vidcdn_desktop.jobs.operations.work import Board, Work
from vidcdn_desktop.storage.copying import ARCHIVES
from vidcdn_desktop.storage.object_facts import HEADER_FIELDS, TAG_RULES, taken
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import plural

_LOOKING = 8
_NOTHING = "Nothing was changed."
_TEXT = re.compile(r"[\x20-\x7e]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
"""Source: RFC 9110, section 5.6.2 (token)."""

_SERVED = frozenset({Kind.MOVE, Kind.DELETE, Kind.UNDELETE, Kind.HEADERS, Kind.VERSION})
"""Kinds after which a CDN may hold what is not so any more, under the object's own key."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants."""

    action: Action
    sources: tuple[Source, ...]
    destination: ObjectRef | None = None
    """Of a copy or a move: a folder (empty or ending in /), a new name, or a new prefix."""


@dataclass(frozen=True)
class OperationPlan:
    """What would be done, and what there is to know before."""

    action: Action
    bucket: str
    title: str
    place: str
    """The key or prefix it is about."""
    items: tuple[Item, ...]
    """Those that cannot be done as things stand carry their `error`."""
    undo: Promise
    confirm: int | None = None
    """The number of objects that would be gone for good; whoever starts it must name it. None: none would be."""
    replaced: int = 0
    """Objects under the new names that would be replaced."""
    changed_keys: tuple[str, ...] = ()
    """Keys of which a CDN may hold an old copy afterwards."""
    served_by: tuple[str, ...] = ()
    """Domains of the CDN that serve any of them."""
    invalidation_paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What would remove the old copies, by distribution; to be offered afterwards."""
    handover: str = ""
    """Who would do it better, where it is a lot; empty where it is not."""
    notes: tuple[str, ...] = ()
    undoes: str = ""
    """Of an undo: id of the job that is taken back."""

    mark: str = ""
    """The same for the same wish: what was interrupted is found again by it."""

    @property
    def objects(self) -> int:
        """How many."""
        return len(self.items)

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(item.size for item in self.items)

    @property
    def copied_bytes(self) -> int:
        """Bytes the store copies inside itself; none of them comes here."""
        return copied_bytes_of(self.action, self.items)

    @property
    def requests(self) -> int:
        """Roughly."""
        return requests_of(self.action, self.items)

    @property
    def problems(self) -> tuple[Item, ...]:
        """Objects that cannot be done as things stand."""
        return tuple(item for item in self.items if item.error is not None)

    def to_json(self) -> dict[str, Any]:
        """All but the items."""
        return {
            "operation": self.action.kind.value,
            "bucket": self.bucket,
            "title": self.title,
            "objects": self.objects,
            "size": self.size,
            "copied_bytes": self.copied_bytes,
            "requests": self.requests,
            "can_be_undone": self.undo.possible,
            "undo": self.undo.words,
            "confirm": self.confirm,
            "replaced": self.replaced,
            "problems": len(self.problems),
            "changed": len(self.changed_keys),
            "served_by": list(self.served_by),
            "invalidation_paths": {name: list(paths) for name, paths in self.invalidation_paths.items()},
            "handover": self.handover,
            "notes": list(self.notes),
        }


def plan_operation(
    connection: Connection,
    wish: Wish,
    *,
    token: CancelToken,
    on_found: Callable[[int], None] = lambda _count: None,
) -> OperationPlan:
    """Work out what a wish takes; nothing is written. Blocks.

    Args:
        connection: Whose store it is.
        wish: What is wanted.
        token: Cancels.
        on_found: Told how many objects were found so far.

    Raises: SettingsInvalid: the wish makes no sense; nothing could be done of it. Cancelled. What listing raises.
    """
    action = wish.action
    check_action(action)
    copies = action.kind in (Kind.COPY, Kind.MOVE)
    if copies and wish.destination is None:
        raise SettingsInvalid("No destination was named.", _NOTHING, "Name one.")
    items = expand(connection, wish.sources, wish.destination if copies else None, token, on_found)
    board = Board(MemoryLog(), action)
    work = Work(connection, board, action, token)
    items = _completed(work, items)
    written_to = wish.destination.bucket if copies and wish.destination else _bucket(wish.sources)
    versioning = work.calls.versioning(written_to) if items else None
    taken_refs = find_taken(connection, items, token) if copies else set()
    if action.on_exists is OnExists.REFUSE:
        items = [_refused(item) if item.target in taken_refs else item for item in items]
    replaced = len(taken_refs) if action.on_exists is OnExists.REPLACE else 0
    return finished_plan(
        connection,
        OperationPlan(
            action,
            _bucket(wish.sources),
            title_of(action.kind, wish.sources),
            wish.sources[0].ref.key if len(wish.sources) == 1 else "",
            tuple(items),
            promise_of(action, items, versioning, replaced),
            needs_confirmation(action, items, versioning, replaced),
            replaced,
            changed_keys=changed_by(action, items, taken_refs, connection.profile.bucket),
            handover=handover_of(action, items),
            notes=_notes(action, items, taken_refs),
            mark=mark_of(wish),
        ),
    )


def mark_of(wish: Wish) -> str:
    """The same for the same wish, in this and any other run."""
    sources = [[s.ref.bucket, s.ref.key, s.version_id, s.is_prefix] for s in wish.sources]
    target = [wish.destination.bucket, wish.destination.key] if wish.destination is not None else None
    text = json.dumps([wish.action.to_json(), sources, target], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def finished_plan(connection: Connection, plan: OperationPlan) -> OperationPlan:
    """The plan with what the CDN has to do with it. Blocks the first time."""
    keys = plan.changed_keys
    if not keys:
        return plan
    return replace(plan, served_by=connection.domains_of(keys), invalidation_paths=connection.invalidation_paths(keys))


def changed_by(action: Action, items: Sequence[Item], replaced: set[ObjectRef], bucket: str) -> tuple[str, ...]:
    """Keys of `bucket` of which a CDN may hold an old copy once this is done."""
    found: dict[str, None] = {}
    for item in items:
        kind = (item.action or action).kind
        if kind in _SERVED and item.ref.bucket == bucket and not (kind is Kind.DELETE and item.version_id):
            found[item.ref.key] = None
        replaces = item.target in replaced and action.on_exists is OnExists.REPLACE
        if item.target is not None and item.target.bucket == bucket and (replaces or item.action is not None):
            found[item.target.key] = None
    return tuple(found)


def _refused(item: Item) -> Item:
    return replace(item, error=taken(item.target)) if item.target is not None else item


def _bucket(sources: Sequence[Source]) -> str:
    return sources[0].ref.bucket if sources else ""


def _completed(work: Work, items: Sequence[Item]) -> list[Item]:
    """The items with size and ETag, where nobody has told them; what is not there carries its error."""

    def look(item: Item) -> Item:
        if item.etag or work.action_of(item).kind is Kind.VERSION:
            return item
        work.token.raise_if_cancelled()
        try:
            stored = work.calls.facts(item.ref, item.version_id).stored
        except VidcdnError as exc:
            if exc.retryable:
                raise
            return replace(item, error=exc)
        return replace(item, size=stored.size, etag=stored.etag)

    with ThreadPoolExecutor(_LOOKING, thread_name_prefix="look") as pool:
        return list(pool.map(look, items))


def _notes(action: Action, items: Sequence[Item], taken_refs: set[ObjectRef]) -> tuple[str, ...]:
    notes = []
    if taken_refs and action.on_exists is OnExists.SKIP:
        notes.append(f"{plural(len(taken_refs), 'object')} would be left alone: there is one under the new name.")
    if taken_refs and action.on_exists is OnExists.REFUSE:
        notes.append(f"{plural(len(taken_refs), 'name')} of the new ones {_is(len(taken_refs))} taken.")
    if action.kind is Kind.MOVE:
        notes.append("Nothing is deleted before every object has been copied and proved.")
    able = [item for item in items if item.error is None]
    size = sum(item.size for item in able)
    if action.kind is Kind.STORAGE_CLASS:
        if action.storage_class in ARCHIVES:
            notes.append("What lies in an archive cannot be watched: viewers get an error until it is restored.")
        notes.append(class_words(action.storage_class, len(able), size))
    if action.kind is Kind.RESTORE:
        notes.append(restore_words(action.tier or "Standard", action.days, len(able), size))
        notes.append("Objects that lie in no archive are left alone.")
    if action.kind is Kind.HEADERS and any(item.stage is Stage.PLANNED for item in items):
        notes.append("Browsers keep what they have as long as the old headers told them to.")
    return tuple(notes)


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def check_action(action: Action) -> None:
    """Refuse values no store would take.

    Raises: SettingsInvalid.
    """
    for name, value in action.edit.headers.items():
        if name not in HEADER_FIELDS:
            raise _senseless(f"“{name}” is no header that can be edited.", f"Use {', '.join(HEADER_FIELDS)}.")
        if name == "content-type" and not value:
            raise _senseless("An object always has a Content-Type.", "Name another one instead of removing it.")
        _check_text(name, value)
    for name, value in action.edit.metadata.items():
        if not _NAME.fullmatch(name):
            raise _senseless(f"“{name}” cannot be the name of metadata.", "Use small letters, digits and dashes.")
        _check_text(name, value)
    for name, value in action.edit.tags.items():
        if not 1 <= len(name) <= 128 or len(value or "") > 256 or name.lower().startswith("aws:"):
            raise _senseless(f"“{name}” is no tag a store takes.", "Names have 1 to 128 characters, values up to 256.")
        if not _is_tag_text(name + (value or "")):
            raise _senseless(f"“{name}” or its value has characters no store takes in a tag.", TAG_RULES)
    kinds = {
        Kind.HEADERS: action.edit.headers or action.edit.metadata,
        Kind.TAGS: action.edit.tags or action.edit.only_these_tags,
        Kind.STORAGE_CLASS: action.storage_class,
        Kind.RESTORE: action.days > 0,
    }
    if not kinds.get(action.kind, True):
        raise _senseless("Nothing to change was named.", "Name it.")


def _is_tag_text(text: str) -> bool:
    return all(char in "+-=._:/@" or unicodedata.category(char)[0] in "LNZ" for char in text)


def _check_text(name: str, value: str | None) -> None:
    if value is not None and (not _TEXT.fullmatch(value) or value != value.strip() or not value):
        raise _senseless(
            f"The value of “{name}” is empty, or has characters that no header can carry.",
            "Use letters of ASCII, or percent-encode what is none.",
        )


def _senseless(what: str, advice: str) -> SettingsInvalid:
    return SettingsInvalid(what, _NOTHING, advice)
