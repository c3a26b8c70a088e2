"""How long a copy is kept, which bytes a range means, which behavior and key a path means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcdn_desktop.practice.behaviors import Source, pattern_matches
from vidcdn_desktop.practice.cachecontrol import NotSatisfiable, TtlLimits, parse_range, time_to_live
from vidcdn_desktop.practice.origin import bucket_of


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", 86400.0),
        ("public, max-age=60", 60.0),
        ("max-age=60, s-maxage=5", 5.0),
        ('s-maxage="7"', 7.0),
        ("Max-Age=99999999999", 31536000.0),
        ("max-age=0", 0.0),
        ("no-cache", 0.0),
        ("no-store", None),
        ("private, max-age=60", None),
        ("max-age=soon", 86400.0),
    ],
)
def test_time_to_live(header: str, expected: float | None) -> None:
    assert time_to_live(header, TtlLimits()) == expected


def test_a_behaviors_limits_hold() -> None:
    limits = TtlLimits(10, 20, 30)
    assert [time_to_live(text, limits) for text in ("", "max-age=1", "max-age=99", "no-store")] == [20, 10, 30, 10]
    assert time_to_live("max-age=60", TtlLimits(0, 0, 0)) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=90-", (90, 10)),
        ("bytes=-10", (90, 10)),
        ("bytes=-1000", (0, 100)),
        ("bytes=10-1000", (10, 90)),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("items=0-1", None),
    ],
)
def test_ranges(header: str, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_ranges_beyond_the_end(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        parse_range(header, 100)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 300))
def test_a_range_never_leaves_the_body(first: int, last: int, size: int) -> None:
    try:
        span = parse_range(f"bytes={first}-{last}", size)
    except NotSatisfiable:
        assert first >= size
    else:
        data = bytes(n % 251 for n in range(size))
        whole = span is None
        assert whole == (last < first)
        if span is not None:
            assert data[span[0] : span[0] + span[1]] == data[first : last + 1]
            assert span[1] > 0


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", "/a/b.mp4", True),
        ("*.mp4", "/a/b.mp4", True),
        ("private/*", "/private/a", True),
        ("/private/*", "/private/a", True),
        ("/Private/*", "/private/a", False),
        ("/a?.mp4", "/ab.mp4", True),
        ("/a?.mp4", "/a.mp4", False),
        ("/a.b", "/axb", False),
    ],
)
def test_path_patterns(pattern: str, path: str, expected: bool) -> None:
    assert pattern_matches(pattern, path) is expected


def test_the_key_is_the_decoded_path_behind_the_origin_path() -> None:
    assert Source("b", "/films").key_for("/a%20b/%C3%A9%2B.mp4") == "films/a b/é+.mp4"
    assert Source("b", "").key_for("/a+b") == "a b"


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.s3.amazonaws.com", "b"),
        ("My.dotted.s3.eu-central-1.amazonaws.com", "my.dotted"),
        ("b.s3-eu-west-1.amazonaws.com", "b"),
        ("b.s3.dualstack.us-gov-west-1.amazonaws.com", "b"),
        ("b.s3.cn-north-1.amazonaws.com.cn", "b"),
        ("b.s3-website-us-east-1.amazonaws.com", None),
        ("example.com", None),
    ],
)
def test_origin_hosts(host: str, bucket: str | None) -> None:
    assert bucket_of(host) == bucket
