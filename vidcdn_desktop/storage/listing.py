"""Listing a bucket: one page, all pages one after another, all pages by many threads, versions, buckets.

    Lister.page ─────────────────────────────────────> one ListedPage
    Lister.pages ── one connection, in order            (a store that does not sort, or that answers at once)
                 └─ parallel: `listing_parallel`, each key exactly once, pages as they come
    in_order ──── puts pages that came in any order into the order of their keys

Never a HEAD: what a listing does not tell is not asked for here.

Source: Amazon S3 API Reference, ListObjectsV2, ListObjectVersions, ListBuckets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cutting import current_token
from vidcdn_desktop.storage.calls import translating
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.list_calls import ListCalls
from vidcdn_desktop.storage.listing_model import Bucket, ListedPage, VersionPage
from vidcdn_desktop.storage.listing_parallel import ParallelListing
from vidcdn_desktop.storage.listing_xml import NO_TOKEN, parse_page, parse_versions, unreadable
from vidcdn_desktop.storage.weather import Weather

PAGE = 1000
"""Keys S3 gives at most in one answer."""
MOST_THREADS = 16

_ABOVE_ALL = "\U0010ffff"
_UNSORTED = "--x-s3"
"""How names of directory buckets end: their listings have no order, and take no start-after.

Source: Amazon S3 API Reference, ListObjectsV2, "Directory buckets"."""


class Lister:
    """Lists what a client may see. Any thread may call any method.

    Args:
        client: A client of `credentials.sdk`; best one that tries once.
        owner: Arguments for every call: the account that must own the bucket, or nothing.
    """

    def __init__(self, client: Any, owner: Mapping[str, str]) -> None:
        self._client = client
        self._calls = ListCalls(client, owner)

    def ask(
        self, bucket: str, prefix: str, delimiter: str = "", token: str = "", start_after: str = "", limit: int = PAGE
    ) -> bytes:
        """The body of one page.

        Raises: see `Storage`.
        """
        arguments: dict[str, Any] = {"Prefix": prefix, "MaxKeys": limit}
        if delimiter:
            arguments["Delimiter"] = delimiter
        if token.startswith(NO_TOKEN):
            start_after, token = token[len(NO_TOKEN) :], ""
        if token:
            arguments["ContinuationToken"] = token
        elif start_after:
            arguments["StartAfter"] = start_after
        with translating("ListBucket", bucket):
            return self._calls.fetch("ListObjectsV2", bucket, arguments)

    @staticmethod
    def read(body: bytes, token: str = "") -> ListedPage:
        """The page of a body that was asked for with `token`.

        Raises: ServiceTrouble: it is no whole listing, or would lead round in a circle.
        """
        page = parse_page(body)
        following = page.next_token
        if following == NO_TOKEN:
            # Above a folder goes on above all that lies in it, or the folder would be told again.
            at_folder = bool(page.prefixes) and page.last == page.prefixes[-1]
            following += page.last + (_ABOVE_ALL if at_folder else "")
        if following and following in (token, NO_TOKEN):
            raise unreadable()
        return page if following == page.next_token else _with_token(page, following)

    def page(
        self,
        bucket: str,
        prefix: str = "",
        *,
        delimiter: str = "/",
        token: str = "",
        start_after: str = "",
        limit: int = PAGE,
    ) -> ListedPage:
        """One page, tried a few times, until whatever cuts the connections of this thread (`cuttable`) is cancelled.

        Raises: see `Storage`.
        """

        def once() -> ListedPage:
            return self.read(self.ask(bucket, prefix, delimiter, token, start_after, limit), token)

        return Weather().run(once, current_token() or CancelToken())

    def pages(
        self,
        bucket: str,
        prefix: str = "",
        *,
        delimiter: str = "",
        token: CancelToken,
        start_after: str = "",
        parallel: int = MOST_THREADS,
        weather: Weather | None = None,
    ) -> Iterator[ListedPage]:
        """See `Storage.list_pages`."""
        weather = weather or Weather()
        if parallel > 1 and not bucket.endswith(_UNSORTED):
            return ParallelListing(self, bucket, prefix, delimiter, start_after, token, weather, parallel).pages()
        return self._one_by_one(bucket, prefix, delimiter, start_after, token, weather)

    def _one_by_one(
        self, bucket: str, prefix: str, delimiter: str, start_after: str, token: CancelToken, weather: Weather
    ) -> Iterator[ListedPage]:
        page_token, after = "", start_after

        def once() -> ListedPage:
            with cuttable(token):
                return self.read(self.ask(bucket, prefix, delimiter, page_token, start_after), page_token)

        while True:
            page = weather.run(once, token)
            page_token = page.next_token
            upto = (page.last or after) if page_token else None
            yield page.between(after, upto)
            if upto is None:
                return
            after = upto

    def versions(
        self, bucket: str, prefix: str = "", *, delimiter: str = "", token: CancelToken, weather: Weather | None = None
    ) -> Iterator[VersionPage]:
        """See `Storage.list_versions`."""
        arguments: dict[str, Any] = {"Prefix": prefix, "MaxKeys": PAGE}
        if delimiter:
            arguments["Delimiter"] = delimiter
        marker: dict[str, str] = {}
        weather = weather or Weather()

        def once() -> VersionPage:
            with cuttable(token), translating("ListBucketVersions", bucket):
                return parse_versions(self._calls.fetch("ListObjectVersions", bucket, {**arguments, **marker}))

        while True:
            page = weather.run(once, token)
            yield page
            if not page.next_key:
                return
            following = {"KeyMarker": page.next_key}
            if page.next_version:
                following["VersionIdMarker"] = page.next_version
            if following == marker:
                raise unreadable()
            marker = following

    def buckets(self) -> tuple[Bucket, ...]:
        """See `Storage.list_buckets`."""
        found: dict[str, Bucket] = {}
        following: dict[str, str] = {}
        while True:
            with translating("ListAllMyBuckets", ""):
                # S3 tells the regions only to those who ask for pages.
                reply = self._client.list_buckets(MaxBuckets=PAGE, **following)
            before = len(found)
            for item in reply.get("Buckets", ()):
                region = str(item.get("BucketRegion") or "")
                found[item["Name"]] = Bucket(str(item["Name"]), item.get("CreationDate"), region)
            if not reply.get("ContinuationToken") or len(found) == before:
                return tuple(found.values())
            following = {"ContinuationToken": reply["ContinuationToken"]}


def _with_token(page: ListedPage, token: str) -> ListedPage:
    return ListedPage(page.keys, page.sizes, page.times, page.etags, page.classes, page.prefixes, token)


def in_order(pages: Iterable[ListedPage]) -> Iterator[ListedPage]:
    """Pages of `Storage.list_pages` by their keys; each is given as soon as all before it were."""
    waiting: dict[str, ListedPage] = {}
    expected: str | None = None
    for page in pages:
        if expected is None:
            expected = page.after  # the first page of all comes first
        waiting[page.after] = page
        while expected in waiting:
            found = waiting.pop(expected)
            yield found
            if found.upto is None:
                return
            expected = found.upto
