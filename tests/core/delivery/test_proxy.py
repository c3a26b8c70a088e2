"""The playback proxy against a real edge, driven by a real HTTP client."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from vidcdn_desktop.delivery.http import HttpClient
from vidcdn_desktop.delivery.proxy import PlaybackProxy
from vidcdn_desktop.errors import AccessDenied, Offline, SettingsInvalid, WrongDelivery

FILM = os.urandom(700_001)


@pytest.fixture
def proxy(http: HttpClient) -> Iterator[PlaybackProxy]:
    with PlaybackProxy(http) as made:
        yield made
    assert not [t for t in threading.enumerate() if t.name.startswith("playback-")]


@pytest.fixture
def player() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=10) as manager:
        yield manager


def get(player: urllib3.PoolManager, url: str, **headers: str) -> Any:
    return player.request("GET", url, headers=headers)


def test_a_whole_film_comes_through(edge, proxy, player) -> None:
    edge.body = FILM
    session = proxy.open(lambda: edge.url, "film")
    answer = get(player, session.local_url)
    assert (answer.status, answer.data) == (200, FILM)
    assert answer.headers["Content-Type"] == "video/mp4"
    facts = session.facts()
    assert (facts.status, facts.x_cache, facts.pop) == (200, "Miss from cloudfront", "DUB56-P1")
    assert facts.content_length == len(FILM)
    assert facts.bytes_forwarded == len(FILM)
    assert facts.error is None


def test_seeks_become_ranges_of_the_edge(edge, proxy, player) -> None:
    edge.body = FILM
    session = proxy.open(lambda: edge.url)
    for first in (0, 500_000, 48):
        answer = get(player, session.local_url, Range=f"bytes={first}-")
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {first}-{len(FILM) - 1}/{len(FILM)}"
        assert answer.data == FILM[first:]
    assert [r.range for r in session.facts().requests] == ["bytes=0-", "bytes=500000-", "bytes=48-"]
    assert [r[2] for r in edge.asked] == ["bytes=0-", "bytes=500000-", "bytes=48-"]
    assert session.facts().content_length == len(FILM)


def test_head_is_forwarded_without_a_body(edge, proxy, player) -> None:
    edge.body = FILM
    session = proxy.open(lambda: edge.url)
    answer = player.request("HEAD", session.local_url)
    assert answer.headers["Content-Length"] == str(len(FILM))
    assert edge.asked == [("HEAD", "/v/a.mp4", "")]


def test_a_refused_link_is_signed_again_once(edge, proxy, player) -> None:
    edge.body = FILM
    edge.refuse = lambda path: 403 if "sig=1" in path else 0
    links = iter([f"{edge.url}?sig=1", f"{edge.url}?sig=2", f"{edge.url}?sig=3"])
    session = proxy.open(lambda: next(links))
    answer = get(player, session.local_url, Range="bytes=9-99")
    assert (answer.status, answer.data) == (206, FILM[9:100])
    assert [a[1].partition("?")[2] for a in edge.asked] == ["sig=1", "sig=2"]
    assert get(player, session.local_url).data == FILM
    assert edge.asked[-1][1].endswith("sig=2")


def test_a_lasting_refusal_is_told_with_its_cause(edge, proxy, player) -> None:
    edge.status = 403
    edge.headers["Server"] = "AmazonS3"
    edge.error_body = b"<Error><Code>AccessDenied</Code></Error>"
    session = proxy.open(lambda: edge.url)
    answer = get(player, session.local_url)
    assert (answer.status, answer.data) == (403, b"")
    error = session.facts().error
    assert isinstance(error, AccessDenied)
    assert "bucket policy" in error.what
    assert len(edge.asked) == 1


def test_a_cut_download_is_taken_up_where_it_broke(edge, proxy, player) -> None:
    edge.body = FILM
    edge.cut_after = 100_000
    edge.cuts_left = 2
    session = proxy.open(lambda: edge.url)
    answer = get(player, session.local_url, Range="bytes=1000-")
    assert answer.data == FILM[1000:]
    assert [a[2] for a in edge.asked] == [
        "bytes=1000-",
        f"bytes=101000-{len(FILM) - 1}",
        f"bytes=201000-{len(FILM) - 1}",
    ]
    assert session.facts().error is None


def test_a_cut_that_cannot_be_mended_ends_the_players_body_early(edge, proxy, player) -> None:
    edge.body = FILM
    edge.cut_after = 100_000
    del edge.headers["ETag"]
    session = proxy.open(lambda: edge.url)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        get(player, session.local_url)
    assert isinstance(session.facts().error, Offline)
    assert session.facts().bytes_forwarded == 100_000


def test_an_edge_that_gives_nothing_more_is_not_asked_for_ever(edge, proxy, player) -> None:
    edge.body = FILM
    edge.cut_after = 0
    session = proxy.open(lambda: edge.url)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        get(player, session.local_url)
    assert len(edge.asked) == 2
    assert isinstance(session.facts().error, Offline)


def test_a_replaced_film_is_not_spliced_into_the_old_one(edge, proxy, player) -> None:
    edge.body = FILM
    edge.cut_after = 100_000
    edge.cuts_left = 1

    def refuse(_path: str) -> int:
        if len(edge.asked) == 2:
            edge.headers["ETag"] = '"new"'
        return 0

    edge.refuse = refuse
    session = proxy.open(lambda: edge.url)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        get(player, session.local_url)
    assert isinstance(session.facts().error, WrongDelivery)
    assert session.facts().bytes_forwarded == 100_000


def test_a_player_that_hangs_up_ends_the_request_to_a_silent_edge(edge, proxy) -> None:
    edge.body = FILM
    edge.hold = threading.Event()
    session = proxy.open(lambda: edge.url)
    local = urlsplit(session.local_url)
    with closing(socket.create_connection((local.hostname, local.port))) as sock:
        sock.sendall(f"GET {local.path} HTTP/1.1\r\nHost: {local.netloc}\r\n\r\n".encode())
        assert edge.reached.wait(5)
    assert edge.hung_up.wait(20)


def test_a_player_that_hangs_up_in_the_middle_ends_the_download(edge, proxy) -> None:
    edge.body = bytes(80_000_000)
    session = proxy.open(lambda: edge.url)
    local = urlsplit(session.local_url)
    with closing(socket.create_connection((local.hostname, local.port))) as sock:
        sock.sendall(f"GET {local.path} HTTP/1.1\r\nHost: {local.netloc}\r\n\r\n".encode())
        assert sock.recv(100)
    assert edge.hung_up.wait(20)


@pytest.mark.parametrize("ending", ["session", "proxy"])
def test_closing_cuts_a_paused_player_and_leaves_no_thread(edge, http, ending) -> None:
    edge.body = bytes(80_000_000)
    proxy = PlaybackProxy(http)
    session = proxy.open(lambda: edge.url)
    local = urlsplit(session.local_url)
    with closing(socket.create_connection((local.hostname, local.port))) as sock:
        sock.settimeout(10)
        sock.sendall(f"GET {local.path} HTTP/1.1\r\nHost: {local.netloc}\r\n\r\n".encode())
        assert sock.recv(100)  # and takes no more: the proxy is blocked in its send
        (session if ending == "session" else proxy).close()
        assert edge.hung_up.wait(20)
        proxy.close()
        proxy.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("playback-")]


def test_a_closed_session_answers_404_and_the_others_go_on(edge, proxy, player) -> None:
    edge.body = FILM
    first, second = proxy.open(lambda: edge.url), proxy.open(lambda: edge.url)
    assert first.local_url != second.local_url
    first.close()
    first.close()
    assert get(player, first.local_url).status == 404
    assert get(player, second.local_url).data == FILM


def test_only_the_secret_path_and_the_right_host_are_answered(edge, proxy, player) -> None:
    edge.body = FILM
    local = urlsplit(proxy.open(lambda: edge.url).local_url)
    base = f"http://{local.netloc}"
    assert local.hostname == "127.0.0.1"
    assert len(local.path) > 32
    for path in ("/", "/v/a.mp4", local.path[:-1], f"{local.path}/x"):
        assert get(player, base + path).status == 404
    assert get(player, base + local.path, Host="evil.example").status == 404
    assert get(player, base + local.path, Host=f"localhost:{local.port}").status == 404
    assert player.request("POST", base + local.path).status == 501
    assert edge.asked == []


def test_a_redirect_does_not_lead_the_player_around_the_proxy(edge, proxy, player) -> None:
    edge.status = 302
    edge.headers["Location"] = "http://127.0.0.1:1/other"
    session = proxy.open(lambda: edge.url)
    answer = player.request("GET", session.local_url, redirect=False)
    assert answer.status == 502
    assert "Location" not in answer.headers
    assert isinstance(session.facts().error, WrongDelivery)


def test_an_unencrypted_link_to_elsewhere_is_refused(proxy, player) -> None:
    session = proxy.open(lambda: "http://example.com/a.mp4")
    assert get(player, session.local_url).status == 502
    assert isinstance(session.facts().error, SettingsInvalid)


def test_an_edge_that_is_not_there_is_told(proxy, player) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        session = proxy.open(lambda: f"http://127.0.0.1:{unused.getsockname()[1]}/a.mp4")
        assert get(player, session.local_url).status == 502
    error = session.facts().error
    assert isinstance(error, Offline)
    assert "refused" in error.what
    assert session.facts().requests[0].status is None


def test_a_link_that_cannot_be_made_is_told(proxy, player) -> None:
    def get_url() -> str:
        raise Offline("There is no connection.")

    session = proxy.open(get_url)
    assert get(player, session.local_url).status == 502
    assert session.facts().error.what == "There is no connection."


def test_a_nonsense_range_is_not_passed_on(edge, proxy, player) -> None:
    edge.body = FILM
    session = proxy.open(lambda: edge.url)
    assert get(player, session.local_url, Range="bytes=0-1,5-6").status == 200
    assert edge.asked[0][2] == ""


def test_a_closed_proxy_opens_nothing(http) -> None:
    proxy = PlaybackProxy(http)
    proxy.close()
    with pytest.raises(RuntimeError):
        proxy.open(lambda: "https://example.com")
