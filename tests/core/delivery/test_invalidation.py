"""Invalidation paths and waiting for the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.delivery.invalidation import (
    check_path,
    cost_line,
    invalidation_path,
    matches,
    merge_paths,
    request_invalidation,
    wait_for_invalidation,
)
from vidcdn_desktop.delivery.model import Distribution, Invalidation
from vidcdn_desktop.delivery.urls import url_path
from vidcdn_desktop.errors import AccessDenied, InvalidationBusy, InvalidPath, Offline, VidcdnError


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/videos/a.mp4", "/videos/a.mp4"),
        ("/o d/é +&(1).mp4", "/o%20d/%C3%A9%20+&(1).mp4"),
        ("/a%20b", "/a%20b"),
        ("/%c3%a9", "/%C3%A9"),
        ("/100%", "/100%25"),
        ('/<">#{}|\\^[]`', "/%3C%22%3E%23%7B%7D%7C%5C%5E%5B%5D%60"),
        ("/a/*", "/a/*"),
        ("/a$-_.!',;:@=", "/a$-_.!',;:@="),
    ],
)
def test_only_what_cloudfront_wants_is_encoded(text, path) -> None:
    check = check_path(text)
    assert (check.path, check.problem) == (path, "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begins with a slash"),
        ("videos/a", "Begin the path with a slash"),
        ("https://d.cloudfront.net/a", "Leave out the address"),
        ("/a*b", "last character"),
        ("/*/b*", "last character"),
        ("/a~b", "~"),
        ("/a%7Eb", "%7E"),
        ("/a%2A", "%2A"),
        ("/a%2Bb", "Write + instead of %2B"),
        ("/a%2fb", "Write / instead of %2F"),
        ("/a\nb", "control"),
        ("/" + "a" * 4000, "4,000"),
        ("/" + "é" * 700, "4,000"),
    ],
)
def test_paths_that_would_be_refused_or_match_nothing_are_refused(text, words) -> None:
    assert words in check_path(text).problem


def test_the_longest_path_is_taken() -> None:
    assert check_path("/" + "a" * 3999).problem == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/*", "everything"),
        ("/a/", "add a *"),
        ("/a?x=1", "per query string"),
        ("/a?Signature=x", "signature"),
        ("/A.mp4", "case"),
        ("/a//b", "two slashes"),
        ("/a ", "space"),
    ],
)
def test_surprising_paths_get_a_warning(text, words) -> None:
    check = check_path(text)
    assert check.problem == ""
    assert words in check.warning


def test_a_wildcard_is_told() -> None:
    assert check_path("/a*").is_wildcard
    assert not check_path("/a").is_wildcard
    assert check_path("/a").warning == ""


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("o d/é +&(1).mp4", "/o%20d/%C3%A9%20+&(1).mp4"),
        ("a/b~c.mp4", "/a/b*"),
        ("a/b*c.mp4", "/a/b*"),
        ("a/b?c~d.mp4", "/a/b*"),
        ("100%20.mp4", "/100%2520.mp4"),
    ],
)
def test_a_key_gives_the_path_that_removes_it(key, path) -> None:
    assert invalidation_path(key) == path


def test_the_origin_path_is_taken_off() -> None:
    assert invalidation_path("p/a.mp4", "/p") == "/a.mp4"
    with pytest.raises(InvalidPath):
        invalidation_path("q/a.mp4", "/p")


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60))
def test_any_keys_path_is_valid_and_matches_its_link(key) -> None:
    path = invalidation_path(key)
    assert matches(path, url_path(key))
    check = check_path(path)
    assert (check.path, check.problem) == (path, "")


@pytest.mark.parametrize(
    ("path", "url", "expected"),
    [
        ("/a+b.mp4", "/a%2Bb.mp4", True),
        ("/a%2Bb.mp4", "/a%2Bb.mp4", False),
        ("/a%20b", "/a%20b", True),
        ("/%c3%a9", "/%C3%A9", True),
        ("/A", "/a", False),
        ("/a", "/a/b", False),
        ("/a*", "/a/b", True),
        ("/a*", "/a", True),
        ("/a/*", "/a", False),
        ("/a/*", "/a/b/c", True),
        ("/*", "/x", True),
    ],
)
def test_matching_is_by_cloudfronts_encoding(path, url, expected) -> None:
    assert matches(path, url) is expected


def test_merging_leaves_few_files_alone_and_joins_many() -> None:
    five = [f"/v/{i}.mp4" for i in range(5)]
    assert merge_paths(five) == tuple(five)
    assert merge_paths([*five, "/v/6.mp4", "/w/x.mp4", "/w/x.mp4"]) == ("/v/*", "/w/x.mp4")
    assert merge_paths(["/v/*", "/v/a.mp4", "/v/b/*", "/v*"]) == ("/v*",)


def test_merging_never_turns_files_at_the_top_into_everything() -> None:
    top = [f"/{i}.mp4" for i in range(9)]
    assert merge_paths(top) == tuple(top)


def test_merging_keeps_below_the_limit_of_wildcards() -> None:
    paths = [f"/v/{i}/*" for i in range(20)] + ["/w/a*"]
    merged = merge_paths(paths)
    assert sum(p.endswith("*") for p in merged) <= 15
    for i in range(20):
        assert any(matches(p, f"/v/{i}/x.mp4") for p in merged)


@given(st.lists(st.text("ab/", max_size=6).map(lambda t: "/" + t) | st.sampled_from(["/a*", "/a/b/*", "/*"])))
def test_merging_loses_no_copy(paths) -> None:
    merged = merge_paths(paths)
    for path in paths:
        assert any(matches(m, path.removesuffix("*")) for m in merged)
    assert sum(p.endswith("*") for p in merged) <= 15


def test_the_cost_is_told() -> None:
    assert cost_line(["/a", "/b*"], 61) == "2 paths · 61 of 1,000 free paths used this month"
    assert cost_line(["/a"], 0) == "1 path · 0 of 1,000 free paths used this month"
    assert cost_line(["/a", "/b"], 999).endswith("· 0.005 USD for 1 beyond")
    assert cost_line(["/a", "/b"], 1500).endswith("· 0.010 USD for 2 beyond")


class ScriptedCdn:
    """Answers what the test says, in order; each entry is a status or an error."""

    def __init__(self, *script: str | VidcdnError) -> None:
        self.script = list(script)
        self.references: list[str] = []

    def _next(self) -> Invalidation:
        entry = self.script.pop(0)
        if isinstance(entry, VidcdnError):
            raise entry
        return replace(STARTED, status=entry)

    def list_distributions(self) -> tuple[Distribution, ...]:
        return ()

    def create_invalidation(self, distribution_id: str, paths: Sequence[str], caller_reference: str) -> Invalidation:
        self.references.append(caller_reference)
        return self._next()

    def get_invalidation(self, distribution_id: str, invalidation_id: str) -> Invalidation:
        return self._next()

    def list_invalidations(self, distribution_id: str, limit: int = 20) -> tuple[Invalidation, ...]:
        return ()


STARTED = Invalidation("I1", "E1", "InProgress", ("/a",), datetime(2026, 1, 1, tzinfo=UTC))


def test_waiting_goes_on_until_completed_in_any_case_and_through_failures() -> None:
    cdn = ScriptedCdn("InProgress", Offline("no", retryable=True), "InProgress", "COMPLETED")
    seen: list[str] = []
    end = wait_for_invalidation(
        cdn, STARTED, token=CancelToken(), on_change=lambda i: seen.append(i.status), interval_s=0.001
    )
    assert end.is_complete
    assert seen == ["COMPLETED"]
    assert cdn.script == []


def test_waiting_asks_nothing_when_it_is_complete() -> None:
    done = replace(STARTED, status="Completed")
    assert wait_for_invalidation(ScriptedCdn(), done, token=CancelToken()) is done


def test_waiting_ends_with_a_lasting_failure_or_with_its_patience() -> None:
    with pytest.raises(AccessDenied):
        wait_for_invalidation(ScriptedCdn(AccessDenied("no")), STARTED, token=CancelToken(), interval_s=0.001)
    end = wait_for_invalidation(ScriptedCdn(), STARTED, token=CancelToken(), patience_s=0)
    assert not end.is_complete


def test_cancel_ends_the_waiting_at_once() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        wait_for_invalidation(ScriptedCdn(), STARTED, token=token, interval_s=1000)


def test_a_busy_cloudfront_is_asked_again_with_the_same_reference() -> None:
    busy = InvalidationBusy("busy", retryable=True)
    cdn = ScriptedCdn(busy, busy, "InProgress")
    waits: list[VidcdnError] = []
    got = request_invalidation(
        cdn, "E1", ["/a"], "ref", token=CancelToken(), on_waiting=waits.append, first_wait_s=0.001
    )
    assert got.id == "I1"
    assert cdn.references == ["ref"] * 3
    assert waits == [busy, busy]


def test_a_busy_cloudfront_is_not_asked_for_ever() -> None:
    with pytest.raises(InvalidationBusy):
        request_invalidation(
            ScriptedCdn(InvalidationBusy("busy")), "E1", ["/a"], "r", token=CancelToken(), patience_s=0
        )
