"""Cutting a listing into ranges: whatever the keys are, each is told exactly once. Without a network."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import listserver
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ServiceTrouble
from vidcdn_desktop.storage import listing_parallel
from vidcdn_desktop.storage.listing import Lister, in_order
from vidcdn_desktop.storage.listing_model import ListedPage
from vidcdn_desktop.storage.listing_parallel import ParallelListing
from vidcdn_desktop.storage.listing_split import Alphabets, KeyRange, common, cut
from vidcdn_desktop.storage.weather import Patience, Weather

letters = st.text(st.sampled_from("ab01/-é😀\x01z~"), min_size=1, max_size=6)
any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
numbered = st.integers(0, 300).map(lambda n: f"films/2024/clip-{n:04}.mp4")


class Memory:
    """A lister over keys in memory, a few a page."""

    def __init__(self, keys: Sequence[str], size: int) -> None:
        self.bucket = listserver.Bucket.of(keys)
        self._size = size
        self.read = Lister.read

    def ask(self, bucket: str, prefix: str, delimiter: str = "", token: str = "", start_after: str = "") -> bytes:
        del bucket
        query = {"prefix": prefix, "delimiter": delimiter, "continuation-token": token, "start-after": start_after}
        return self.bucket.answer({**query, "max-keys": str(self._size)})


class Eager(ParallelListing):
    """Cuts whatever can be cut, by as many threads as may be."""

    def _adapt(self, waited_s: float) -> None:
        self._target = self._most


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_parallel, "_WORTH_CUTTING", 0)


def pages_of(memory: Memory, prefix: str = "", delimiter: str = "", start_after: str = "") -> list[ListedPage]:
    weather = Weather(Patience(limit_s=0.0))
    return list(Eager(memory, "b", prefix, delimiter, start_after, CancelToken(), weather, 6).pages())


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(letters, numbered, any_text), max_size=60), st.integers(1, 7), st.booleans())
def test_every_key_once(keys: list[str], size: int, ignores: bool) -> None:
    memory = Memory(keys, size)
    memory.bucket.ignores_start_after = ignores
    pages = pages_of(memory)
    told = [key for page in pages for key in page.keys]
    assert sorted(told) == sorted(set(keys))
    assert [key for page in in_order(pages) for key in page.keys] == sorted(set(keys))
    assert sum(page.upto is None for page in pages) == 1


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.one_of(letters, numbered), max_size=60), st.integers(1, 7), st.sampled_from(["", "a", "films/", "0"])
)
def test_every_folder_once(keys: list[str], size: int, prefix: str) -> None:
    pages = pages_of(Memory(keys, size), prefix, "/")
    below = sorted({key for key in keys if key.startswith(prefix)})
    assert sorted(key for page in pages for key in page.keys) == [k for k in below if "/" not in k[len(prefix) :]]
    folders = {prefix + k[len(prefix) :].split("/")[0] + "/" for k in below if "/" in k[len(prefix) :]}
    assert sorted(p for page in pages for p in page.prefixes) == sorted(folders)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.one_of(letters, numbered), max_size=60), letters)
def test_above_a_key(keys: list[str], low: str) -> None:
    pages = pages_of(Memory(keys, 3), start_after=low)
    assert sorted(key for page in pages for key in page.keys) == sorted({key for key in keys if key > low})


class Shuffled(Memory):
    """A store that keeps no order."""

    def __init__(self, keys: Sequence[str], size: int) -> None:
        super().__init__(keys, size)
        pairs = sorted(zip(self.bucket.keys, self.bucket.entries, strict=True), key=lambda pair: pair[0][::-1])
        self._entries = [entry for _, entry in pairs]

    def ask(self, bucket: str, prefix: str, delimiter: str = "", token: str = "", start_after: str = "") -> bytes:
        at = int(token or 0)
        more = at + self._size < len(self._entries)
        return b"".join(
            [
                b"<ListBucketResult><EncodingType>url</EncodingType>",
                *self._entries[at : at + self._size],
                b"<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>" % (at + self._size)
                if more
                else b"",
                b"</ListBucketResult>",
            ]
        )


def test_a_store_that_does_not_sort_is_read_one_by_one() -> None:
    keys = [f"{n:03}-{n * 7919 % 1000}" for n in range(200)]
    pages = pages_of(Shuffled(keys, 20))
    assert sorted(key for page in pages for key in page.keys) == sorted(keys)


def test_a_listing_that_goes_round_in_a_circle_ends() -> None:
    body = b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"
    with pytest.raises(ServiceTrouble):
        Lister.read(body)
    again = body.replace(b"</IsT", b"</IsT").replace(
        b"</IsTruncated>", b"</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
    )
    with pytest.raises(ServiceTrouble):
        Lister.read(again, "x")


@given(letters, letters, st.lists(letters, max_size=8), st.integers(0, 3))
def test_a_cut_lies_within_its_range(one: str, other: str, seen: list[str], told: int) -> None:
    low, end = sorted((one, other))
    alphabets = Alphabets()
    alphabets.learn([*seen, one, other], 0)
    for top in (end, None):
        at = cut(KeyRange(low, top, told=told, first=low), "", "", sorted(seen), alphabets)
        assert at is None or (low < at and (top is None or at < top))


def test_a_cut_falls_where_keys_vary() -> None:
    alphabets = Alphabets()
    alphabets.learn([f"videos/clip-{n:06}.mp4" for n in range(0, 1000, 40)], 0)
    span = KeyRange("videos/clip-000999.mp4", None, first="videos/clip-000000.mp4", told=1000)
    assert cut(span, "", "", (), alphabets) == "videos/clip-1"
    assert cut(span, "", "", ("a/", "videos/x/", "w/"), alphabets) == "w/"
    span.end = "videos/clip-1"
    assert cut(span, "", "", (), alphabets) == "videos/clip-01"
    assert common("abc", "abd") == 2
