"""What is listed, kept small: blocks of columns with all names in one blob. No Qt here.

A row is known by its id: the number of its block times 1,024 plus its place in it. Ids never change while a listing
lasts, and blocks are never changed once made, so other threads may sort and filter what the window shows.

    page of the lister ──> blocks_of (lister's thread) ──> RowStore.add (GUI thread) ──> ids in the order shown
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate

from vidcdn_desktop.storage.content_types import KINDS, extension_of, kind_of
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts
from vidcdn_desktop.storage.port import ObjectSummary
from vidcdn_desktop.textsafe import display

SHIFT = 10
PER_BLOCK = 1 << SHIFT
"""Rows of a block at most; a page of a listing has a thousand."""
MASK = PER_BLOCK - 1

_FOLDER = KINDS.index("Folder")
VIDEO = KINDS.index("Video")
_PICTURE = KINDS.index("Thumbnail")


@dataclass(frozen=True, slots=True)
class Row:
    """One folder or object."""

    key: str
    """Whole key, or the whole prefix of a folder."""
    name: str
    """What lies below the prefix that is listed, safe to show."""
    kind: str
    size: int | None = None
    modified: datetime | None = None
    storage_class: str = ""
    etag: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it stands for a prefix."""
        return self.size is None

    def summary(self) -> ObjectSummary:
        """The object as a listing tells it."""
        return ObjectSummary(
            self.key, self.size or 0, self.etag, self.modified or datetime.fromtimestamp(0, UTC), self.storage_class
        )


class Block:
    """Up to 1,024 rows in the order of the store, all folders or all objects. Never changed."""

    __slots__ = ("classes", "ends", "etags", "is_folders", "kinds", "names", "sizes", "times")

    def __init__(self, names: Sequence[str], *, is_folders: bool = False) -> None:
        encoded = [name.encode("utf-8", "surrogatepass") for name in names]
        self.names = b"".join(encoded)
        """One after the other, as UTF-8, below the prefix that is listed."""
        self.ends = array("I", accumulate(map(len, encoded)))
        self.is_folders = is_folders
        self.kinds = bytes(_FOLDER if is_folders else _kind_code(extension_of(name)) for name in names)
        self.sizes: array[int] = array("q")
        self.times: array[int] = array("q")
        self.etags: Sequence[str] = ()
        self.classes = b""

    def __len__(self) -> int:
        return len(self.ends)

    def name(self, place: int) -> str:
        """One name, exactly as it is."""
        begin = self.ends[place - 1] if place else 0
        return self.names[begin : self.ends[place]].decode("utf-8", "surrogatepass")

    def posters(self) -> set[int]:
        """Places of pictures beside a video of the same name, as far as both are in this block."""
        pictures = [place for place, kind in enumerate(self.kinds) if kind == _PICTURE]
        if not pictures:
            return set()
        stems = {_stem(self.name_bytes(place)) for place, kind in enumerate(self.kinds) if kind == VIDEO}
        return {place for place in pictures if _stem(self.name_bytes(place)) in stems}

    def name_bytes(self, place: int) -> bytes:
        """The same as it is kept; sorts as the store does."""
        return self.names[self.ends[place - 1] if place else 0 : self.ends[place]]


def _stem(name: bytes) -> bytes:
    return name.rpartition(b".")[0]


@lru_cache(maxsize=256)
def _kind_code(extension: str) -> int:
    return KINDS.index(kind_of(f"x.{extension}") if extension else "Other")


_class_codes: dict[str, int] = {"": 0}
_class_names: list[str] = [""]


def _class_code(name: str) -> int:
    """A number for a storage class; there are about a dozen. More than a byte can tell apart count as unknown."""
    code = _class_codes.get(name)
    if code is None:
        code = len(_class_names)
        if code > 255:
            return 0
        _class_names.append(name)
        _class_codes[name] = code
    return code


def class_name(code: int) -> str:
    """The storage class a block means."""
    return _class_names[code]


def blocks_of(page: ListedPage, prefix: str) -> list[Block]:
    """A page as blocks; the marker object of the folder itself is left out.

    Args:
        page: As the lister gives it.
        prefix: What is listed; taken off the names.
    """
    start = len(prefix)
    blocks = []
    folders = [p[start:] for p in page.prefixes]
    for begin in range(0, len(folders), PER_BLOCK):
        blocks.append(Block(folders[begin : begin + PER_BLOCK], is_folders=True))
    keys = page.keys
    places: Sequence[int] = range(len(keys))
    if prefix in keys[:1]:
        places = [n for n in places if keys[n] != prefix]
    for begin in range(0, len(places), PER_BLOCK):
        blocks.append(_objects(page, places[begin : begin + PER_BLOCK], start))
    return blocks


def _objects(page: ListedPage, places: Sequence[int], start: int) -> Block:
    keys, classes = page.keys, page.classes
    whole = len(places) == len(keys)
    block = Block([keys[n][start:] for n in places])
    block.sizes = array("q", page.sizes) if whole else array("q", [page.sizes[n] for n in places])
    block.times = array("q", page.times) if whole else array("q", [page.times[n] for n in places])
    block.etags = page.etags if whole else PackedTexts([page.etags[n] for n in places])
    block.classes = bytes(_class_code(classes[n]) for n in places)
    return block


class RowStore:
    """All blocks of one listing. Grows on the GUI thread; what is in it may be read by any thread."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        """What is listed."""
        self.blocks: list[Block] = []
        self._order: list[int] = []
        """Numbers of blocks in the order of their keys, folders first."""
        self._firsts: list[tuple[bool, bytes]] = []
        self.folders = 0
        self.objects = 0
        self.bytes = 0
        """Sum of all sizes."""

    def __len__(self) -> int:
        return self.folders + self.objects

    def add(self, block: Block) -> int:
        """Take a block in; its number."""
        number = len(self.blocks)
        self.blocks.append(block)
        first = (not block.is_folders, block.name_bytes(0))
        place = bisect_left(self._firsts, first)
        self._firsts.insert(place, first)
        self._order.insert(place, number)
        if block.is_folders:
            self.folders += len(block)
        else:
            self.objects += len(block)
            self.bytes += sum(block.sizes)
        return number

    def order(self) -> list[int]:
        """Numbers of blocks by key: a copy."""
        return self._order.copy()

    def before(self, number: int) -> list[int]:
        """The blocks that stand before one, by key."""
        block = self.blocks[number]
        place = bisect_left(self._firsts, (not block.is_folders, block.name_bytes(0)))
        return self._order[:place]

    def row(self, row_id: int) -> Row:
        """One row in full."""
        block, place = self.blocks[row_id >> SHIFT], row_id & MASK
        name = block.name(place)
        key = self.prefix + name
        if block.is_folders:
            return Row(key, display(name), "Folder")
        seconds = block.times[place]
        modified = datetime.fromtimestamp(seconds, UTC) if seconds else None
        kind = KINDS[block.kinds[place]]
        storage_class = _class_names[block.classes[place]]
        return Row(key, display(name), kind, block.sizes[place], modified, storage_class, block.etags[place])

    def key(self, row_id: int) -> str:
        """The whole key or prefix of a row."""
        return self.prefix + self.blocks[row_id >> SHIFT].name(row_id & MASK)

    def is_video(self, row_id: int) -> bool:
        """Whether its name is a video's."""
        return self.blocks[row_id >> SHIFT].kinds[row_id & MASK] == VIDEO

    def find(self, key: str) -> int | None:
        """The id of a listed object or folder by its whole key."""
        if not key.startswith(self.prefix):
            return None
        name = key[len(self.prefix) :].encode("utf-8", "surrogatepass")
        for is_object in (True, False):
            place = bisect_right(self._firsts, (is_object, name)) - 1
            if place < 0 or self._firsts[place][0] is not is_object:
                continue
            number = self._order[place]
            block = self.blocks[number]
            within = bisect_left(range(len(block)), name, key=block.name_bytes)
            if within < len(block) and block.name_bytes(within) == name:
                return number << SHIFT | within
        return None

    def rows(self) -> Iterator[Row]:
        """Every row by key. For a few rows: each is made anew."""
        for number in self._order:
            for place in range(len(self.blocks[number])):
                yield self.row(number << SHIFT | place)
