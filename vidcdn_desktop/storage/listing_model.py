"""Pages of a listing as columns: a few large things instead of a thousand small ones a page."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import overload

from vidcdn_desktop.storage.port import ObjectSummary

_MD5_DIGITS = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PackedTexts(Sequence[str]):
    """Many short texts in one. An ETag that is an MD5 takes 16 bytes instead of 81, another ASCII text one a character.

    Any text is kept exactly.
    """

    __slots__ = ("_blob", "_ends", "_raw", "_stride")

    def __init__(self, texts: Sequence[str]) -> None:
        lengths = set(map(len, texts))
        self._blob = "".join(texts)
        self._stride = lengths.pop() if len(lengths) == 1 else 0
        self._raw = _as_hex(self._blob) if self._stride == _MD5_DIGITS else b""
        if self._raw:
            self._blob = ""
        self._ends = array("L") if self._stride else array("L", accumulate(map(len, texts)))

    def __len__(self) -> int:
        if self._stride:
            return (2 * len(self._raw) or len(self._blob)) // self._stride
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> PackedTexts: ...
    def __getitem__(self, index: int | slice) -> str | PackedTexts:
        if isinstance(index, slice):
            return PackedTexts([self[i] for i in range(*index.indices(len(self)))])
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self._raw:
            half = self._stride // 2
            return self._raw[index * half : (index + 1) * half].hex()
        if self._stride:
            return self._blob[index * self._stride : (index + 1) * self._stride]
        return self._blob[self._ends[index - 1] if index else 0 : self._ends[index]]


def _as_hex(text: str) -> bytes:
    """The bytes that lower-case hex digits spell; empty for any other text."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return b""
    return raw if raw.hex() == text else b""


@dataclass(frozen=True, slots=True)
class ListedPage:
    """One page of a listing as columns of equal length, in the order of the store. Never changed once made."""

    keys: list[str]
    """Decoded, exactly as the store has them."""
    sizes: array[int]
    """Bytes."""
    times: array[int]
    """Last modified, in seconds since 1970 UTC; 0 if the store does not say."""
    etags: PackedTexts
    """Without quotes."""
    classes: list[str]
    """Storage classes; pages may share the list."""
    prefixes: list[str]
    """Common prefixes, where a delimiter was asked for."""
    next_token: str = ""
    """What `Storage.list_page` takes for the next page; empty on the last."""
    after: str = ""
    """This page tells everything above this key…"""
    upto: str | None = None
    """…up to this one, itself included; None: to the end. Pages that begin where another ends are neighbours."""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def last(self) -> str:
        """The highest name in it; empty if it holds nothing."""
        return max(self.keys[-1] if self.keys else "", self.prefixes[-1] if self.prefixes else "")

    def row(self, index: int) -> ObjectSummary:
        """One object, made when it is asked for."""
        return ObjectSummary(
            self.keys[index], self.sizes[index], self.etags[index], when(self.times[index]), self.classes[index]
        )

    def rows(self) -> Iterator[ObjectSummary]:
        """All objects, one by one."""
        return map(self.row, range(len(self.keys)))

    @classmethod
    def empty(cls) -> ListedPage:
        """A page without anything."""
        return cls([], array("q"), array("q"), PackedTexts(()), [], [])

    def above(self, pos: str) -> ListedPage:
        """Only what lies above `pos`, and folders that it lies in."""
        n = bisect_right(self.keys, pos) if self.keys and self.keys[0] <= pos else 0
        prefixes = [p for p in self.prefixes if p > pos or (p != pos and pos.startswith(p))]
        if not n and len(prefixes) == len(self.prefixes):
            return self
        return ListedPage(
            self.keys[n:], self.sizes[n:], self.times[n:], self.etags[n:], self.classes[n:], prefixes, self.next_token
        )

    def up_to(self, end: str | None) -> ListedPage:
        """Only what does not lie above `end`."""
        if end is None or self.last <= end:
            return self
        n, p = bisect_right(self.keys, end), bisect_right(self.prefixes, end)
        return ListedPage(
            self.keys[:n], self.sizes[:n], self.times[:n], self.etags[:n], self.classes[:n], self.prefixes[:p]
        )

    def only(self, places: Sequence[int]) -> ListedPage:
        """Only the objects at these places, without folders."""
        return ListedPage(
            [self.keys[n] for n in places],
            array("q", [self.sizes[n] for n in places]),
            array("q", [self.times[n] for n in places]),
            PackedTexts([self.etags[n] for n in places]),
            [self.classes[n] for n in places],
            [],
        )

    def between(self, after: str, upto: str | None) -> ListedPage:
        """The same page, which tells everything between two keys."""
        return ListedPage(
            self.keys, self.sizes, self.times, self.etags, self.classes, self.prefixes, self.next_token, after, upto
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of the account."""

    name: str
    created: datetime | None
    """Aware UTC; None if the store does not say."""
    region: str
    """Empty if the store does not say."""


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One version of an object, or a delete marker."""

    key: str
    version_id: str
    """"null" for what was written before the bucket kept versions."""
    is_latest: bool
    is_marker: bool
    """A delete marker: it has no bytes."""
    size: int
    etag: str
    last_modified: datetime
    """Aware UTC."""
    storage_class: str


@dataclass(frozen=True, slots=True)
class VersionPage:
    """One page of versions: by key, newest first."""

    versions: tuple[ListedVersion, ...]
    prefixes: tuple[str, ...]
    next_key: str
    """Where the next page begins, with `next_version`; empty on the last."""
    next_version: str


def when(seconds: int) -> datetime:
    """A time of a page as aware UTC."""
    return _EPOCH + timedelta(seconds=seconds)
