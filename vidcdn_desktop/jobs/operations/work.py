"""What all steps of an operation share: the store, the items as they are now, and what a killed run has left.

A step takes the number of an item and works on the item as it is *now*: when the network fails it is called again, and
what it has written down meanwhile says what may have happened already.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Conflict, ObjectNotFound
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.log import ItemLog
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.jobs.operations.model import Action, Item, Stage
from vidcdn_desktop.jobs.operations.report import OperationSnapshot, Tally
from vidcdn_desktop.jobs.repair_leftovers import end_left
from vidcdn_desktop.jobs.repair_marks import Left
from vidcdn_desktop.storage.object_facts import ObjectFacts, changed
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.remote_source import Traffic
from vidcdn_desktop.storage.repair import LARGEST_COPY_OBJECT

_log = logging.getLogger(__name__)


class Board:
    """The items of one job, as they are now. Any thread may call any method.

    Args:
        log: Where they are written down.
        action: What is done to items that say nothing themselves.
        on_change: Told of every item that has changed, in the thread that changed it.
    """

    def __init__(self, log: ItemLog, action: Action, on_change: Callable[[Item], None] = lambda _item: None) -> None:
        self._log = log
        self._action = action
        self._on_change = on_change
        self._items: dict[int, Item] = {}
        self._tally = Tally(action)
        self._lock = threading.Lock()

    def load(self) -> None:
        """Take over what was written down.

        Raises: SettingsInvalid: it cannot be read.
        """
        self._take_over(self._log.load())

    def _take_over(self, items: Sequence[Item]) -> None:
        with self._lock:
            self._items = {item.number: item for item in items}
            self._tally = Tally(self._action, items)

    def begin(self, items: Sequence[Item]) -> None:
        """Start with these, written down.

        Raises: DiskFull, SettingsInvalid.
        """
        self._log.begin(items)
        self._take_over(items)

    def now(self, number: int) -> Item:
        """An item."""
        with self._lock:
            return self._items[number]

    def all(self) -> list[Item]:
        """All items, in order."""
        with self._lock:
            return [self._items[number] for number in sorted(self._items)]

    def counted(self, snapshot: OperationSnapshot) -> OperationSnapshot:
        """A snapshot with how far the items are."""
        with self._lock:
            return self._tally.on(snapshot)

    def before(self, items: Iterable[Item]) -> None:
        """Write down what is about to be done.

        Raises: DiskFull, SettingsInvalid: it may not be done.
        """
        changed_items = list(items)
        self._log.before(changed_items)
        self._took(changed_items)

    def after(self, items: Iterable[Item]) -> None:
        """Write down what was done."""
        changed_items = list(items)
        self._log.after(changed_items)
        self._took(changed_items)

    def _took(self, items: Iterable[Item]) -> None:
        for item in items:
            with self._lock:
                self._tally.add(self._items[item.number], -1)
                self._tally.add(item)
                self._items[item.number] = item
            self._on_change(item)


class Work:
    """The store and the items, for the steps of one run.

    Args:
        connection: Whose store it is.
        board: The items.
        action: What is done to items that say nothing themselves.
        token: Cancels.
        largest: Bytes of the largest object that is copied in one request.
    """

    def __init__(
        self,
        connection: Connection,
        board: Board,
        action: Action,
        token: CancelToken,
        *,
        largest: int = LARGEST_COPY_OBJECT,
    ) -> None:
        self.storage = connection.storage
        self.board = board
        self.token = token
        self.largest = largest
        self.traffic = Traffic()
        """Requests and bytes of this run, roughly."""
        self._action = action
        self.calls = object_calls(connection, token, self.traffic)

    def action_of(self, item: Item) -> Action:
        """What is done to an item."""
        return item.action or self._action

    def looked_at(self, item: Item) -> ObjectFacts:
        """The object as it is, if it is still the one that is meant.

        Raises: Conflict: it is another one. ObjectNotFound.
        """
        facts = self.calls.facts(item.ref, item.version_id)
        if item.etag and facts.stored.etag != item.etag:
            raise changed(item.ref)
        return facts

    def left(self, item: Item, why: str) -> None:
        """Note that nothing had to be done."""
        self.board.after([item.reached(Stage.LEFT, note=why)])

    # Multipart uploads and helpers that a kill would leave behind
    def note_upload(self, number: int, key: str, upload_id: str = "") -> None:
        """Write down which upload is about to be created, and then its id."""
        item = self.board.now(number)
        known = dict(item.state)
        if not upload_id:
            known["upload_begun"] = datetime.now(UTC).isoformat()
        self.board.before([replace(item, state={**known, "upload_key": key, "upload": upload_id})])

    def forget_upload(self, number: int) -> None:
        """Nothing is left of it."""
        item = self.board.now(number)
        kept = {name: value for name, value in item.state.items() if not name.startswith("upload")}
        self.board.after([replace(item, state=kept)])

    def end_upload(self, item: Item) -> None:
        """End the upload a killed run was making for an item, and remove its helper where that is of no more use."""
        key = str(item.state.get("upload_key") or "")
        if not key:
            return
        where = ObjectRef((item.target or item.ref).bucket, key)
        try:
            begun = datetime.fromisoformat(str(item.state.get("upload_begun"))).astimezone(UTC)
        except ValueError:
            begun = datetime.now(UTC)
        end_left(self.storage, item.target or item.ref, Left(key, str(item.state.get("upload") or ""), begun))
        if item.target is None and key != item.ref.key:
            self._drop_helper(item.ref, where)
        self.forget_upload(item.number)

    def _drop_helper(self, ref: ObjectRef, helper: ObjectRef) -> None:
        """Delete a helper object, unless the key might hold no whole object."""
        try:
            copy = self.storage.head(helper)
        except ObjectNotFound:
            return
        now = self.calls.facts_or_none(ref)
        if now is None or now.stored.size != copy.size:
            raise Conflict(
                "The object is not what it was when its headers were being changed.",
                f"A whole copy of the older one is kept under the key {helper.key}.",
                "Look at both, and keep the one you want.",
                subject=str(ref),
            )
        self.storage.delete(helper)


class UploadNotes:
    """A `RepairLog` whose memory is an item."""

    def __init__(self, work: Work, number: int) -> None:
        self._work = work
        self._number = number
        self._key = ""

    def planned(self, key: str) -> None:
        """See `RepairLog.planned`."""
        self._key = key
        self._work.note_upload(self._number, key)

    def created(self, upload_id: str) -> None:
        """See `RepairLog.created`."""
        self._work.note_upload(self._number, self._key, upload_id)

    def ended(self) -> None:
        """See `RepairLog.ended`."""
        self._work.forget_upload(self._number)
