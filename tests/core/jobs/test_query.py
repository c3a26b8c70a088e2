"""What people type to look for objects: read, refused in words, written again, and matched as plain Python would."""

from __future__ import annotations

import random
from array import array
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidcdn_desktop.jobs.query import KINDS_SOUGHT, Matcher, Query, Start, object_kind
from vidcdn_desktop.jobs.query_text import read, write, written
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts

MB = 10**6
DAY = 86_400


def query(text: str) -> Query:
    reading = read(text)
    assert not reading.refused, reading.refused
    return reading.query


def why(text: str) -> str:
    (refused,) = read(text).refused
    return refused.why


def test_all_that_can_be_typed_is_understood() -> None:
    assert query("lake  House kind:video size:>100MB age:<30d class:standard-ia starts:slowly") == Query(
        words=("lake", "House"),
        kinds=frozenset({"Video"}),
        least=100 * MB + 1,
        younger_s=30 * DAY,
        classes=frozenset({"STANDARD_IA"}),
        starts=frozenset({Start.SLOWLY}),
    )
    assert query('"blue lake" 12:30 s3://x "kind:video"').words == ("blue lake", "12:30", "s3://x", "kind:video")
    assert query("kind:image,playlist kind:other").kinds == {"Thumbnail", "Playlist", "Other"}
    assert query('class:"One Zone-IA"').classes == {"ONE_ZONE_IA"}
    assert query("starts:first,FRAGMENTED").starts == {Start.AT_ONCE, Start.FRAGMENTED}
    assert query("  ") == Query()


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("size:>100", 101, None),
        ("size:>=1.5GB", 1500 * MB, None),
        ("size:<1,5kB", None, 1499),
        ("size:<=1MiB", None, 2**20),
        ("size:10MB..1GB", 10 * MB, 1000 * MB),
        ("size:10m..", 10 * MB, None),
        ("size:..10m", None, 10 * MB),
        ("size:>1MB size:<5MB size:>2MB", 2 * MB + 1, 5 * MB - 1),
        ("size:>0.5", 1, None),
        ("size:<0.5", None, 0),
    ],
)
def test_sizes_mean_what_they_say(text: str, least: int | None, most: int | None) -> None:
    assert (query(text).least, query(text).most) == (least, most)


def test_ages_and_days_mean_what_they_say() -> None:
    assert query("age:>1y age:<2y").older_s == 365 * DAY
    assert query("age:7d..1mo") == Query(older_s=7 * DAY, younger_s=30 * DAY)
    assert query("age:..36h") == Query(younger_s=36 * 3600)
    found = query("after:2026-01-31 before:2026-02-28")
    assert (found.since, found.before) == (date(2026, 1, 31), date(2026, 2, 28))
    earliest, latest = found.times(0.0)
    assert datetime.fromtimestamp(earliest) == datetime(2026, 1, 31)
    assert datetime.fromtimestamp(latest) == datetime(2026, 2, 27, 23, 59, 59)
    assert query("age:<1h").times(7200.5) == (3601, Query().times(0)[1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind:", "After kind: comes video, image"),
        ("kind:vidoe", "“vidoe” is none of them"),
        ("color:red", "There is no filter “color:”"),
        ("size:100MB", "comparison"),
        ("size:>", "comparison"),
        ("size:>100pc", "“100pc” is no amount"),
        ("size:>9999999TB", "that large"),
        ("size:<0", "smaller than nothing"),
        ("size:..", "comparison"),
        ("size:>5MB size:<1MB", "that large and that small"),
        ("age:30d", "comparison"),
        ("age:<3", "no amount"),
        ("age:<1m", "no amount"),
        ("age:<101y", "hundred years"),
        ("age:<1d age:>2d", "that new and that old"),
        ("after:yesterday", "comes a day"),
        ("after:2026-02-30", "comes a day"),
        ("before:0001-01-01", "comes a day"),
        ("after:2026-02-01 before:2026-01-01", "No day lies"),
        ("class:§", "storage class"),
        ("starts:soon", "“soon” is none of them"),
        ("starts:slowly kind:image", "Only videos"),
        ("kind:image starts:slowly", "Only videos"),
        ("kind:\u202eoediv", "⟨U+202E⟩"),
    ],
)
def test_nonsense_is_refused_in_a_sentence_and_the_rest_counts(text: str, words: str) -> None:
    reading = read(f"lake {text} 5")
    (refused,) = [refused for refused in reading.refused if words in refused.why]
    assert not refused.is_unfinished
    assert "lake" in reading.query.words
    assert read(f"lake {text}".rstrip()).refused[-1].is_unfinished
    assert refused.text in reading.text_with(reading.query), "nothing that was typed is lost"


def test_what_is_refused_stays_while_a_filter_is_changed() -> None:
    reading = read("lake kind:vidoe size:>1MB")
    assert reading.text_with(Query(words=("lake",))) == "lake kind:vidoe"


def test_filters_are_written_as_people_would() -> None:
    text = "a kind:video size:>100MB size:<=1.5GB age:>30d age:<1y after:2026-01-31 class:deep-archive starts:slowly"
    assert write(query(text)) == text
    assert list(written(query(text))) == ["kind", "size", "age", "after", "class", "starts"]
    assert write(query("size:>=0")) == "size:>=0"
    assert write(query("size:>1MiB")) == "size:>1048576"


words = st.text(min_size=1, max_size=20)
limits = st.none() | st.integers(0, 2**50)
hours = st.none() | st.integers(1, 800_000).map(lambda n: n * 3600)
days = st.none() | st.dates(date(1980, 1, 1), date(2999, 12, 31))
queries = st.builds(
    Query,
    words=st.lists(words, max_size=4).map(tuple),
    kinds=st.frozensets(st.sampled_from(KINDS_SOUGHT)),
    least=limits,
    most=limits,
    younger_s=hours,
    older_s=hours,
    since=days,
    before=days,
    classes=st.frozensets(st.from_regex(r"\A[A-Z0-9][A-Z0-9_]{0,20}\Z"), max_size=3),
    starts=st.frozensets(st.sampled_from(Start)),
)


@settings(max_examples=150, deadline=None)
@given(queries)
def test_what_is_written_is_read_again_as_the_same(asked: Query) -> None:
    reading = read(write(asked))
    if not reading.refused:
        assert reading.query == asked
    else:  # only what contradicts itself
        assert all("No" in refused.why or "Only" in refused.why for refused in reading.refused)
        assert reading.query.words == asked.words


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters() | st.sampled_from('":<>=. akidszeMB019'), max_size=60))
def test_any_text_is_read_and_nothing_of_it_is_lost(text: str) -> None:
    reading = read(text)
    again = read(reading.text_with(reading.query))
    assert again.query == reading.query
    assert len(again.refused) == len(reading.refused)


def plainly(asked: Query, key: str, size: int, modified: int, storage_class: str, now: int) -> bool:
    """The query, spelled out."""
    name = key.removeprefix("v/").casefold()
    when = datetime.fromtimestamp(modified, UTC)
    checks = [
        all(word.casefold() in name for word in asked.words),
        not asked.kinds or object_kind(key) in asked.kinds,
        asked.least is None or size >= asked.least,
        asked.most is None or size <= asked.most,
        not asked.asks_times or modified > 0,
        asked.younger_s is None or now - modified < asked.younger_s,
        asked.older_s is None or now - modified > asked.older_s,
        asked.since is None or when.astimezone().date() >= asked.since,
        asked.before is None or when.astimezone().date() < asked.before,
        not asked.classes or (storage_class or "STANDARD") in asked.classes,
    ]
    return all(checks)


def test_a_page_is_matched_as_plain_python_would() -> None:
    chance = random.Random(7)
    now = 1_780_000_000
    names = ["Lake", "straße", "house.mp4", "x.jpg", "a.m3u8", "end.vtt", "K", "folder/", ".mov", "é.MP4"]
    rows = [
        (
            f"v/{n:04d}" + "".join(chance.sample(names, 2)),
            chance.choice([0, 5, 100 * MB, chance.randrange(2**34)]),
            chance.choice([0, now - chance.randrange(400 * DAY)]),
            chance.choice(["STANDARD", "", "GLACIER", "STANDARD_IA"]),
        )
        for n in range(1500)
    ]
    keys, sizes, times, classes = (list(column) for column in zip(*rows, strict=True))
    page = ListedPage(keys, array("q", sizes), array("q", times), PackedTexts(["e"] * len(rows)), classes, [])
    for text in (
        "LAKE", "ss", "k", "house lake", "kind:video", "kind:image,captions", "size:>99MB", "size:..0", "age:<100d",
        "age:>30d age:<300d", "class:standard", "class:glacier,standard-ia kind:video", "after:2026-01-01", "v/",
        "before:2026-03-01 size:1..1GB .mp4", "starts:slowly size:>1MB", "kind:other", "kind:playlist age:>1y",
    ):  # fmt: skip
        asked = query(text)
        expected = [n for n, row in enumerate(rows) if plainly(asked.of_listing, *row, now)]
        assert Matcher(asked, now, "v/").places(page) == expected, text
        if text not in ("v/", "ss", "kind:playlist age:>1y"):
            assert 0 < len(expected) < len(rows), f"“{text}” tests nothing"
