"""The memory of an operation: how far each object is. In the journal, or for this process only."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

from vidcdn_desktop.jobs.operations.model import Item


class ItemLog(Protocol):
    """Where the items of one job are written down. Any thread may call any method."""

    def load(self) -> list[Item]:
        """All items, in order.

        Raises: SettingsInvalid: they cannot be read.
        """
        ...

    def begin(self, items: Sequence[Item]) -> None:
        """Write down new items, all of them.

        Raises: DiskFull, SettingsInvalid: they were not, so nothing may be done.
        """
        ...

    def before(self, items: Iterable[Item]) -> None:
        """Write down what is about to be done. Returns when a loss of power cannot undo it.

        Raises: DiskFull, SettingsInvalid: it was not written, so it may not be done.
        """
        ...

    def after(self, items: Iterable[Item]) -> None:
        """Write down what was done. Never fails: the bucket knows it, too."""
        ...


class MemoryLog:
    """An `ItemLog` that ends with the process."""

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        self._lock = threading.Lock()

    def load(self) -> list[Item]:
        """See `ItemLog.load`."""
        with self._lock:
            return [self._items[number] for number in sorted(self._items)]

    def begin(self, items: Sequence[Item]) -> None:
        """See `ItemLog.begin`."""
        self.after(items)

    def before(self, items: Iterable[Item]) -> None:
        """See `ItemLog.before`."""
        self.after(items)

    def after(self, items: Iterable[Item]) -> None:
        """See `ItemLog.after`."""
        with self._lock:
            self._items.update((item.number, item) for item in items)
