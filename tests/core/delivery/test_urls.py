"""From bucket and key to links."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcdn_desktop.delivery.model import Behavior, Distribution, Origin
from vidcdn_desktop.delivery.urls import (
    embed_html,
    is_loopback,
    origin_matches_bucket,
    pattern_matches,
    playable_urls,
    serving,
    url_path,
)
from vidcdn_desktop.errors import SettingsInvalid

DIST = Distribution(
    id="E1",
    domain_name="d1.cloudfront.net",
    status="Deployed",
    enabled=True,
    origins=(Origin("s3", "films.s3.eu-west-1.amazonaws.com"),),
    behaviors=(Behavior("*", "s3"),),
)


@pytest.mark.parametrize(
    ("domain", "bucket", "expected"),
    [
        ("films.s3.amazonaws.com", "films", "yes"),
        ("Films.S3.eu-west-1.amazonaws.com", "films", "yes"),
        ("films.s3-eu-west-1.amazonaws.com", "films", "yes"),
        ("films.s3.dualstack.us-gov-west-1.amazonaws.com", "films", "yes"),
        ("films.s3.cn-north-1.amazonaws.com.cn", "films", "yes"),
        ("a.films.s3.amazonaws.com", "films", "no"),
        ("a.films.s3.amazonaws.com", "a.films", "yes"),
        ("x.s3.s3.amazonaws.com", "x.s3", "yes"),
        ("x.s3.s3.amazonaws.com", "x", "no"),
        ("films.s3-website-eu-west-1.amazonaws.com", "films", "website"),
        ("films.s3-website.eu-central-1.amazonaws.com", "films", "website"),
        ("other.s3-website.eu-central-1.amazonaws.com", "films", "no"),
        ("ap-123.s3-accesspoint.eu-west-1.amazonaws.com", "films", "unknown"),
        ("m.mrap.accesspoint.s3-global.amazonaws.com", "films", "unknown"),
        ("name-abc-s3alias.s3.eu-west-1.amazonaws.com", "films", "unknown"),
        ("s3.eu-west-1.amazonaws.com", "films", "unknown"),
        ("films.s3.amazonaws.com.evil.example", "films", "no"),
        ("filmss3.amazonaws.com", "films", "no"),
        ("films.example.com", "films", "no"),
        ("", "films", "no"),
    ],
)
def test_an_origin_is_told_from_other_addresses(domain, bucket, expected) -> None:
    assert origin_matches_bucket(domain, bucket) == expected


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b c.mp4", "/a/b%20c.mp4"),
        ("a+b&(1)~x.mp4", "/a%2Bb%26%281%29~x.mp4"),
        ("é?#%.mp4", "/%C3%A9%3F%23%25.mp4"),
        ("/lead", "//lead"),
        ("", "/"),
    ],
)
def test_paths_encode_all_but_unreserved_characters(key, path) -> None:
    assert url_path(key) == path


@given(st.text())
def test_a_path_always_gives_the_key_back(key) -> None:
    path = url_path(key)
    assert path.isascii()
    assert unquote(path[1:], errors="surrogatepass") == key


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", "/x", True),
        ("/videos/*", "/videos/a/b.mp4", True),
        ("videos/*", "/videos/a.mp4", True),
        ("Videos/*", "/videos/a.mp4", False),
        ("*.mp4", "/a/b.mp4", True),
        ("*.mp4", "/a/b.mp4x", False),
        ("/a?.mp4", "/ab.mp4", True),
        ("/a?.mp4", "/a.mp4", False),
        ("/a.mp4", "/aXmp4", False),
        ("/a[b]*", "/a[b]c", True),
    ],
)
def test_path_patterns(pattern, path, expected) -> None:
    assert pattern_matches(pattern, path) is expected


def test_a_link_uses_the_first_alias_without_a_wildcard() -> None:
    dist = replace(DIST, aliases=("*.example.com", "cdn.example.com", "b.example.com"))
    (link,) = playable_urls([dist], "films", "videos/a b.mp4")
    assert link.url == "https://cdn.example.com/videos/a%20b.mp4"
    assert (link.url_path, link.distribution_id, link.host) == ("/videos/a%20b.mp4", "E1", "cdn.example.com")
    (link,) = playable_urls([replace(DIST, aliases=("*.example.com",))], "films", "a.mp4")
    assert link.host == "d1.cloudfront.net"


def test_the_practice_edge_is_reached_without_tls() -> None:
    (link,) = playable_urls([replace(DIST, domain_name="127.0.0.1:4566")], "films", "a.mp4")
    assert link.url == "http://127.0.0.1:4566/a.mp4"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1:80", True), ("localhost", True), ("[::1]:9", True), ("127.0.0.1.evil.example", False), ("", False)],
)
def test_loopback_hosts(host, expected) -> None:
    assert is_loopback(host) is expected


def test_an_origin_path_hides_its_folder_and_all_outside() -> None:
    dist = replace(DIST, origins=(replace(DIST.origins[0], origin_path="/videos"),))
    (link,) = playable_urls([dist], "films", "videos/a.mp4")
    assert link.url_path == "/a.mp4"
    assert playable_urls([dist], "films", "videosx/a.mp4") == ()
    assert playable_urls([dist], "films", "other/a.mp4") == ()


def test_the_first_matching_behavior_decides() -> None:
    dist = replace(
        DIST,
        origins=(*DIST.origins, Origin("app", "app.example.com")),
        behaviors=(
            Behavior("/private/*", "s3", needs_signature=True),
            Behavior("*.mp4", "app"),
            Behavior("/f/*", "s3", may_rewrite=True),
            Behavior("*", "s3"),
        ),
    )
    assert playable_urls([dist], "films", "a.mp4") == ()
    assert playable_urls([dist], "films", "private/a.mp4")[0].needs_signature
    assert playable_urls([dist], "films", "f/a.webm")[0].may_differ
    assert not playable_urls([dist], "films", "a.webm")[0].may_differ


def test_an_origin_group_with_the_bucket_in_it_counts() -> None:
    group = Origin("g", "", is_group=True, member_ids=("s3", "other"))
    dist = replace(DIST, origins=(*DIST.origins, group), behaviors=(Behavior("*", "g"),))
    assert len(playable_urls([dist], "films", "a.mp4")) == 1


def test_links_viewers_cannot_use_come_last_and_flagged() -> None:
    dists = [
        replace(DIST, id="off", enabled=False),
        replace(DIST, id="staging", staging=True),
        replace(DIST, id="tenants", tenant_only=True),
        replace(DIST, id="new", status="InProgress"),
        replace(DIST, id="good"),
    ]
    links = playable_urls(dists, "films", "a.mp4")
    assert [link.distribution_id for link in links] == ["good", "new", "staging", "tenants", "off"]
    assert [link.enabled for link in links] == [True, True, True, True, False]
    assert [link.staging for link in links] == [False, False, True, True, False]
    assert [link.deployed for link in links] == [True, False, True, True, True]


def test_the_picker_lists_what_has_the_bucket_behind_it() -> None:
    dists = [
        replace(DIST, id="off", enabled=False),
        replace(DIST, id="part", origins=(replace(DIST.origins[0], origin_path="/other"),)),
        replace(DIST, id="unknown", origins=(Origin("s3", "x.s3-accesspoint.eu-west-1.amazonaws.com"),)),
        replace(DIST, id="not", origins=(Origin("s3", "elsewhere.example"),)),
        DIST,
    ]
    listed = serving(dists, "films", "/videos/")
    assert [s.distribution.id for s in listed] == ["E1", "part", "unknown", "off"]
    assert [s.covers_prefix for s in listed] == [True, False, False, True]
    assert listed[0].note == ""
    assert "other/" in listed[1].note
    assert "does not tell" in listed[2].note
    assert "switched off" in listed[3].note


class _Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_an_embed_is_one_video_element_whatever_the_title_holds() -> None:
    title = 'A "great" <b>day</b>\n& more\'s\x00 onload="x"'
    text = embed_html("https://h/a.mp4?x=1&y=%22", "https://h/p.jpg", title, 1920, 1080)
    assert "\n" not in text
    ((tag, attributes),) = _Reader(text).tags
    assert tag == "video"
    assert attributes["src"] == "https://h/a.mp4?x=1&y=%22"
    assert attributes["poster"] == "https://h/p.jpg"
    assert attributes["title"] == 'A "great" <b>day</b> & more\'s onload="x"'
    assert (attributes["width"], attributes["height"], attributes["preload"]) == ("1920", "1080", "metadata")
    assert {"controls", "playsinline"} <= set(attributes)


def test_an_embed_leaves_out_what_is_not_known() -> None:
    ((_, attributes),) = _Reader(embed_html("https://h/a.mp4", "", " ", None, None)).tags
    assert not {"poster", "title", "width", "height"} & set(attributes)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//h/x", "https://h/a b", ""])
def test_only_web_addresses_are_embedded(url) -> None:
    with pytest.raises(SettingsInvalid):
        embed_html(url, "", "t", 1, 1)


def test_the_whole_url_parses_back() -> None:
    (link,) = playable_urls([DIST], "films", "a?b#c/é.mp4")
    parts = urlsplit(link.url)
    assert (parts.path, parts.query, parts.fragment) == (link.url_path, "", "")
