"""What lies below a prefix: bytes and objects by folder, by kind of file and by storage class, and what it costs.

Counts the pages of one listing as they come, in any order; holds a number per folder, never a row per object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.prices import ClassUsage, CostEstimate, PriceTable
from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.listing_model import ListedPage

_REMEMBERED = 100_000
"""Folders whose place in the tree is remembered; above, they are forgotten and worked out again."""
_LONGEST_EXTENSION = 8
"""Characters, dot included, of those extensions that are looked up only once."""


@dataclass
class Tally:
    """Objects and their bytes."""

    objects: int = 0
    size_bytes: int = 0

    def add(self, objects: int, size_bytes: int) -> None:
        """Count more."""
        self.objects += objects
        self.size_bytes += size_bytes


@dataclass
class FolderUsage:
    """A folder with everything below it."""

    prefix: str
    """Its whole prefix, with the slash at its end; of the topmost one, what was asked for."""
    objects: int = 0
    size_bytes: int = 0
    folders: list[FolderUsage] = field(default_factory=list)
    """The folders in it, largest first; empty at the greatest depth asked for."""


@dataclass(frozen=True)
class Usage:
    """What lies below a prefix. Current objects only: no earlier versions, no unfinished uploads."""

    objects: int
    size_bytes: int
    tree: FolderUsage
    kinds: Mapping[str, Tally]
    """By kind of file, in the words of a listing, largest first."""
    classes: Mapping[str, ClassUsage]
    """By storage class, largest first."""
    cost: CostEstimate | None
    """None: what this store costs is not known."""


class UsageCounter:
    """Adds up pages of a listing. One thread; `usage` may be asked for at any time between two pages.

    Args:
        prefix: What was listed.
        depth: Levels of folders that are told apart below it; 0: none.
        prices: What to estimate the cost by; None for a store whose prices are not known.
    """

    def __init__(self, prefix: str, depth: int, prices: PriceTable | None) -> None:
        self._prefix = prefix
        self._base = prefix[: prefix.rfind("/") + 1]
        self._depth = depth
        self._prices = prices
        self.objects = 0
        """Counted so far."""
        self.size_bytes = 0
        """Of them."""
        self._folders: dict[str, Tally] = {}
        """By the deepest folder that is told apart."""
        self._places: dict[str, Tally] = {}
        """The same, by a key's own folder."""
        self._kinds: dict[str, Tally] = {}
        self._by_extension: dict[str, Tally] = {}
        self._classes: dict[str, ClassUsage] = {}

    def add(self, page: ListedPage) -> None:
        """Count a page."""
        total = sum(page.sizes)
        self.objects += len(page)
        self.size_bytes += total
        self._add_classes(page, total)
        for key, size in zip(page.keys, page.sizes, strict=True):
            folder = key[: key.rfind("/") + 1]
            tally = self._places.get(folder) or self._place(folder)
            tally.objects += 1
            tally.size_bytes += size
            tally = self._kind(key)
            tally.objects += 1
            tally.size_bytes += size

    def _place(self, folder: str) -> Tally:
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        parts = folder[len(self._base) :].split("/")[:-1][: self._depth]
        told = self._base + "".join(f"{part}/" for part in parts)
        found = self._places[folder] = self._folders.setdefault(told, Tally())
        return found

    def _kind(self, key: str) -> Tally:
        stem, dot, extension = key[-_LONGEST_EXTENSION:].rpartition(".")
        has_name = dot and stem and stem[-1] != "/" and "/" not in extension
        if not has_name:
            return self._kinds.setdefault(kind_of(key), Tally())
        found = self._by_extension.get(extension)
        if found is None:
            found = self._kinds.setdefault(kind_of(key), Tally())
            if len(self._by_extension) < _REMEMBERED:
                self._by_extension[extension] = found
        return found

    def _add_classes(self, page: ListedPage, total: int) -> None:
        for name in set(page.classes):
            usage = self._classes.setdefault(name, ClassUsage())
            least = self._prices.least_bytes(name) if self._prices else 0
            is_only = page.classes.count(name) == len(page)
            sizes = page.sizes if is_only else [s for s, c in zip(page.sizes, page.classes, strict=True) if c == name]
            usage.objects += len(sizes)
            size = total if is_only else sum(sizes)
            usage.size_bytes += size
            usage.billed_bytes += sum(max(least, s) for s in sizes) if least else size

    def usage(self) -> Usage:
        """What was counted so far."""
        classes = dict(sorted(self._classes.items(), key=lambda item: (-item[1].size_bytes, item[0])))
        return Usage(
            self.objects,
            self.size_bytes,
            self._tree(),
            dict(sorted(self._kinds.items(), key=lambda item: (-item[1].size_bytes, item[0]))),
            classes,
            self._prices.estimate(classes) if self._prices else None,
        )

    def _tree(self) -> FolderUsage:
        root = FolderUsage(self._prefix, self.objects, self.size_bytes)
        known: dict[str, FolderUsage] = {self._base: root}

        def folder_at(prefix: str) -> FolderUsage:
            found = known.get(prefix)
            if found is None:
                found = known[prefix] = FolderUsage(prefix)
                folder_at(prefix[: prefix.rfind("/", 0, -1) + 1]).folders.append(found)
            return found

        for prefix, tally in self._folders.items():
            while len(prefix) > len(self._base):
                folder = folder_at(prefix)
                folder.objects += tally.objects
                folder.size_bytes += tally.size_bytes
                prefix = prefix[: prefix.rfind("/", 0, -1) + 1]
        for folder in known.values():
            folder.folders.sort(key=lambda f: (-f.size_bytes, f.prefix))
        return root


def prices_for(connection: Connection) -> PriceTable | None:
    """The prices of a connection's store; None where they are not known: any store but Amazon's own."""
    host = urlsplit(connection.clients.endpoint).hostname or ""
    return PriceTable.shipped() if host.endswith((".amazonaws.com", ".amazonaws.com.cn")) else None
