"""What one pass over a listing tells: which thumbnails stand alone, which objects are there twice, what to look into.

Keeps the pages as they came: about 100 bytes and the key for each object.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.headcache import HeadFacts
from vidcdn_desktop.jobs.health_headers import VERSIONED_NAME
from vidcdn_desktop.jobs.health_model import Concern, Finding, Section, finding_of
from vidcdn_desktop.jobs.repair_marks import base_of
from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.keys import poster_key
from vidcdn_desktop.storage.listing_model import ListedPage
from vidcdn_desktop.storage.port import ObjectRef, ObjectSummary
from vidcdn_desktop.textsafe import display, plural

_POSTER = ".jpg"
_EDIT_HELPER = ".vidcdn-edit-"
_MOST_DUPLICATES = 1000
"""Findings that are kept; nobody reads more, and a bucket may hold a million."""

_ANY_NAME = "Its name could be that of any picture; look at it, and delete it with rm if it is of no use."


class Inventory:
    """The objects below a prefix. One thread; whatever goes through all of them stops with the token.

    Args:
        bucket: Its name.
        prefix: What was listed; may end within a name.
        token: Cancels.
    """

    def __init__(self, bucket: str, prefix: str, token: CancelToken) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._token = token
        self._pages: list[ListedPage] = []
        self.objects = 0
        self.size_bytes = 0

    def add(self, page: ListedPage) -> None:
        """Take in a page, in any order of pages."""
        self._pages.append(page)
        self.objects += len(page)
        self.size_bytes += sum(page.sizes)

    def _all_pages(self) -> Iterator[ListedPage]:
        for page in self._pages:
            self._token.raise_if_cancelled()
            yield page

    def rows(self, *kinds: str) -> Iterator[ObjectSummary]:
        """Objects of these kinds (`storage.content_types.kind_of`), helpers of this program left out."""
        for page in self._all_pages():
            for index, key in enumerate(page.keys):
                if kind_of(key) in kinds and not _is_helper(key):
                    yield page.row(index)

    def count(self, *kinds: str) -> int:
        """How many `rows` would give."""
        return sum(kind_of(key) in kinds and not _is_helper(key) for page in self._all_pages() for key in page.keys)

    # Thumbnails
    def lonely_thumbnails(self) -> Section:
        """Thumbnails without a video beside them.

        A picture counts as a thumbnail if it is named as this program names them, or lies in a folder with videos.
        Only the former would be deleted by a fix.
        """
        section = Section(Concern.THUMBNAILS)
        beside, folders = self._films()
        for page in self._all_pages():
            for index, key in enumerate(page.keys):
                if not key.endswith(_POSTER) or not self._sees_beside(key):
                    continue
                section.looked_at += 1
                is_ours = VERSIONED_NAME.search(key) is not None
                if key not in beside and (is_ours or key.rpartition("/")[0] in folders):
                    words = "It is a thumbnail, and there is no video of this name beside it."
                    left = "" if is_ours else _ANY_NAME
                    section.add(finding_of(Concern.THUMBNAILS, self._bucket, page.row(index), words, left_because=left))
        section.findings.sort(key=lambda finding: finding.ref.key)
        return section

    def _films(self) -> tuple[set[str], set[str]]:
        """The keys thumbnails of what is there would have, and the folders with videos in them."""
        beside: set[str] = set()
        folders: set[str] = set()
        for page in self._all_pages():
            for key in page.keys:
                kind = kind_of(key)
                has_name = "." in key[key.rfind("/") + 1 :]
                if kind in ("Video", "Playlist") or not has_name:
                    beside.add(poster_key(key))
                if kind == "Video":
                    folders.add(key.rpartition("/")[0])
                base = base_of(key)
                if base is not None:  # a repair that was killed may have left the film under its helper's key only
                    beside.add(poster_key(base))
        return beside, folders

    def _sees_beside(self, key: str) -> bool:
        """Whether a video beside a thumbnail would be in this listing: the prefix may end within the name."""
        return f"{key.removesuffix(_POSTER)}.".startswith(self._prefix)

    # Duplicates
    def rivals(self) -> Iterator[ObjectSummary]:
        """Videos of the same size and with different ETags: only their checksums say whether they are the same."""
        etags: dict[int, set[str]] = defaultdict(set)
        shared = self._shared_sizes()
        for item in self.rows("Video"):
            if item.size in shared:
                etags[item.size].add(item.etag)
        for item in self.rows("Video"):
            if len(etags.get(item.size, ())) > 1:
                yield item

    def _shared_sizes(self) -> set[int]:
        counts: Counter[int] = Counter()
        for page in self._all_pages():
            counts.update(page.sizes)
        return {size for size, count in counts.items() if count > 1 and size > 0}

    def duplicates(self, heads: Mapping[str, HeadFacts]) -> Section:
        """Objects with the same bytes, by ETag and size, and by checksum and size where that is known.

        Args:
            heads: What is known of headers, by key.
        """
        section = Section(Concern.DUPLICATES, looked_at=self.objects)
        shared = self._shared_sizes()
        by_size: dict[int, list[ObjectSummary]] = defaultdict(list)
        for page in self._all_pages():
            for index, size in enumerate(page.sizes):
                if size in shared and not _is_helper(page.keys[index]):
                    by_size[size].append(page.row(index))
        largest: list[Finding] = []
        for items in by_size.values():
            self._token.raise_if_cancelled()
            for group in _same_bytes(items, heads):
                section.objects += len(group) - 1
                section.size_bytes += group[0].size * (len(group) - 1)
                largest += self._told(group)
                if len(largest) > 2 * _MOST_DUPLICATES:
                    largest = _first(largest)
        section.findings = _first(largest)
        if section.objects:
            section.notes.append("Which of them is linked to, only you know; delete the others with rm.")
        return section

    def _told(self, group: list[ObjectSummary]) -> Iterator[Finding]:
        first, *others = sorted(group, key=lambda item: (item.last_modified, item.key))
        words = f"It holds the same bytes as {display(first.key, 120)}"
        words += f" and {plural(len(others) - 1, 'other')}." if len(others) > 1 else "."
        for item in others[:_MOST_DUPLICATES]:
            same_as = ObjectRef(self._bucket, first.key)
            yield finding_of(Concern.DUPLICATES, self._bucket, item, words, same_as=same_as)


def _same_bytes(items: list[ObjectSummary], heads: Mapping[str, HeadFacts]) -> list[list[ObjectSummary]]:
    """Groups of two and more; an ETag and a checksum in common each join."""
    groups: dict[str, list[ObjectSummary]] = defaultdict(list)
    for item in items:
        groups[item.etag or f"\0{item.key}"].append(item)
    joined: dict[str, list[ObjectSummary]] = {}
    for etag, group in groups.items():
        known = (heads[item.key].checksum for item in group if item.key in heads)
        name = next((checksum for checksum in known if checksum), f"\0{etag}")
        joined.setdefault(name, []).extend(group)
    return [group for group in joined.values() if len(group) > 1]


def _first(findings: Iterable[Finding]) -> list[Finding]:
    return nlargest(_MOST_DUPLICATES, findings, key=lambda finding: finding.size)


def _is_helper(key: str) -> bool:
    return _EDIT_HELPER in key or base_of(key) is not None
