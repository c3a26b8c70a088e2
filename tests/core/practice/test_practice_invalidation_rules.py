"""Which paths an invalidation may name, and what they reach."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from vidcdn_desktop.practice.invalidations import Ledger, RefusedPaths, canonical_path, check_paths, matches


@pytest.mark.parametrize("path", ["/", "/*", "/a/*", "/a*b", "/o%20d/%C3%A9%20+&(1).mp4", "/x?v=1", "/" + "a" * 3999])
def test_accepted_paths(path: str) -> None:
    check_paths([path])


@pytest.mark.parametrize(
    "path",
    ["", "a.mp4", "*", "/a b.mp4", "/é.mp4", "/a~b.mp4", "/a\n", "/a{b}", "/a|b", "/a`b", "/a[1]", "/" + "a" * 4000],
)
def test_refused_paths(path: str) -> None:
    with pytest.raises(RefusedPaths) as refused:
        check_paths(["/good", path])
    assert refused.value.code == "InvalidArgument"


def test_an_empty_batch_and_a_huge_one_are_refused() -> None:
    with pytest.raises(RefusedPaths):
        check_paths([])
    with pytest.raises(RefusedPaths) as refused:
        check_paths([f"/{n}" for n in range(3001)])
    assert refused.value.code == "BatchTooLarge"


@pytest.mark.parametrize(
    ("path", "asked", "reached"),
    [
        ("/a.mp4", "/a.mp4", True),
        ("/A.mp4", "/a.mp4", False),
        ("/a.mp4", "/a.mp4x", False),
        ("/a/*", "/a/b/c.mp4", True),
        ("/a/*", "/a.html", False),
        ("/a*", "/a.html", True),
        ("/*", "/", True),
        ("/a*b", "/aXb", False),
        ("/a*b", "/a*b", True),
        ("/a%2Ab", "/a*b", False),
        ("/o%20d/%C3%A9%20+&(1).mp4", "/o%20d/%C3%A9%20%2B%26%281%29.mp4", True),
        ("/o%20d/%c3%a9%20+&(1).mp4", "/o%20d/%C3%A9%20%2B%26%281%29.mp4", True),
        ("/o%20d/%C3%A9%20%2B%26%281%29.mp4", "/o%20d/%C3%A9%20%2B%26%281%29.mp4", False),
        ("/%61.mp4", "/a.mp4", False),
        ("/a%7Eb", "/a~b", False),
        ("/a*", "/a~b", True),
        ("/100%25.mp4", "/100%25.mp4", True),
    ],
)
def test_a_path_reaches_exactly_what_the_service_would_reach(path: str, asked: str, reached: bool) -> None:
    check_paths([path])
    assert matches(path, canonical_path(asked)) is reached


class _Edges:
    def __init__(self) -> None:
        self.now = 100.0
        self.dropped: list[tuple[str, tuple[str, ...]]] = []
        self.ledger = Ledger(2.0, self.drop, lambda: self.now)

    def drop(self, distribution_id: str, paths: Sequence[str]) -> None:
        self.dropped.append((distribution_id, tuple(paths)))


def test_nothing_is_dropped_before_the_delay_is_over_and_all_is_when_it_says_so() -> None:
    edges = _Edges()
    pending = edges.ledger.accept("D", ["/a"], "r")
    edges.now += 1.9
    assert not edges.ledger.is_done(pending)
    assert edges.dropped == []
    edges.now += 0.1
    assert edges.ledger.is_done(pending)
    assert edges.dropped == [("D", ("/a",))]
    edges.ledger.settle()
    assert len(edges.dropped) == 1


@pytest.mark.parametrize(("paths", "limit"), [(["/a/*"], 15), ([f"/{n}" for n in range(1000)], 3)])
def test_too_many_in_progress_are_refused_until_some_have_ended(paths: list[str], limit: int) -> None:
    edges = _Edges()
    for number in range(limit):
        edges.ledger.accept("D", paths, str(number))
    with pytest.raises(RefusedPaths) as refused:
        edges.ledger.accept("D", paths, "one more")
    assert refused.value.code == "TooManyInvalidationsInProgress"
    edges.ledger.accept("another distribution", paths, "r")
    edges.now += 2.0
    edges.ledger.accept("D", paths, "later")
