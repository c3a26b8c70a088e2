"""The delivery check against a real edge: every way it can answer, told in words."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing

import pytest
from delivery_edge import box

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.delivery.check import check_url
from vidcdn_desktop.delivery.model import DeliveryReport, Expected, Finding, Severity
from vidcdn_desktop.errors import SettingsInvalid

FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2")
FILM = FTYP + box(b"moov", os.urandom(20_000)) + box(b"mdat", os.urandom(300_000))
LAST = FTYP + box(b"mdat", os.urandom(300_000)) + box(b"moov", os.urandom(20_000))


def found(report: DeliveryReport, name: str) -> Finding:
    return next(f for f in report.findings if f.name == name)


def check(edge, http, expected=None) -> DeliveryReport:
    return check_url(edge.url, expected=expected, token=CancelToken(), http=http)


def test_a_good_film_is_live(edge, http) -> None:
    edge.body = FILM
    report = check(edge, http, Expected(len(FILM), '"abc"', "video/mp4", FILM[:4096]))
    assert report.ok
    assert (report.status, report.length, report.content_type) == (206, len(FILM), "video/mp4")
    assert (report.x_cache, report.pop, report.request_id) == ("Miss from cloudfront", "DUB56-P1", "id==")
    assert report.index_first is True
    assert report.starts_after_bytes == len(FTYP) + 20_008
    assert report.first_byte_s is not None
    assert report.start_s is not None
    assert report.start_s >= report.first_byte_s
    assert found(report, "range").text == "Range requests answered with 206."
    assert found(report, "index").text == "Index first: playback starts after 20 kB."
    assert found(report, "cache_control").text == "Cache-Control: browsers keep it 1 year, edges 1 year."
    assert "HTTP/1.1" in found(report, "http_version").text
    assert edge.asked[0] == ("GET", "/v/a.mp4", "bytes=0-65535")
    assert sum(a[2] == "bytes=0-65535" for a in edge.asked) == 1


def test_a_long_index_is_fetched_to_be_timed_and_no_more(edge, http) -> None:
    edge.body = FTYP + box(b"moov", os.urandom(200_000)) + box(b"mdat", os.urandom(300_000))
    report = check(edge, http)
    end = len(FTYP) + 200_008
    assert (report.index_first, report.starts_after_bytes) == (True, end)
    assert report.start_s is not None
    assert [a[2] for a in edge.asked] == ["bytes=0-65535", f"bytes=65536-{end - 1}", "bytes=0-0"]


def test_an_index_at_the_end_is_a_warning_found_with_small_reads(edge, http) -> None:
    edge.body = LAST
    report = check(edge, http)
    assert report.ok
    assert report.index_first is False
    assert report.start_s is None
    assert found(report, "index").severity is Severity.WARNING
    at = len(FTYP) + 300_008
    assert edge.asked[1][2] == f"bytes={at}-{at + 15}"


def test_a_film_without_an_index_is_a_problem(edge, http) -> None:
    edge.body = FTYP + box(b"mdat", os.urandom(100_000))
    report = check(edge, http)
    assert not report.ok
    assert found(report, "index").severity is Severity.PROBLEM


def test_another_kind_of_file_has_no_index_and_no_start_time(edge, http) -> None:
    edge.body = b"\x1a\x45\xdf\xa3" + os.urandom(100_000)
    edge.headers["Content-Type"] = "video/webm"
    report = check(edge, http)
    assert report.ok
    assert (report.index_first, report.starts_after_bytes, report.start_s) == (None, None, None)


def test_an_old_copy_is_told_by_its_bytes_length_and_etag(edge, http) -> None:
    edge.body = FILM
    other = bytes(100)
    report = check(edge, http, Expected(len(FILM) + 1, "new", "video/mp4", other))
    assert not report.ok
    for name in ("bytes", "length", "etag"):
        assert found(report, name).severity is Severity.PROBLEM


def test_a_same_looking_copy_with_other_bytes_is_found(edge, http) -> None:
    edge.body = FILM
    report = check(edge, http, Expected(len(FILM), "abc", "video/mp4", FILM[:3000] + b"x"))
    assert [f.name for f in report.findings if f.severity is Severity.PROBLEM] == ["bytes"]


def test_a_server_without_ranges_is_a_problem(edge, http) -> None:
    edge.body = FILM
    edge.ranges = False
    report = check(edge, http)
    assert not report.ok
    assert report.status == 200
    assert "200 instead of 206" in found(report, "range").text
    assert report.index_first is True


@pytest.mark.parametrize("kind", ["binary/octet-stream", "text/html", ""])
def test_a_wrong_type_is_a_problem(edge, http, kind) -> None:
    edge.body = FILM
    edge.headers["Content-Type"] = kind
    report = check(edge, http)
    assert not report.ok
    assert (kind or "missing") in found(report, "content_type").text


def test_a_type_other_than_uploaded_is_a_problem(edge, http) -> None:
    edge.body = FILM
    report = check(edge, http, Expected(content_type="video/quicktime"))
    assert found(report, "content_type").severity is Severity.PROBLEM


@pytest.mark.parametrize(
    ("value", "severity", "words"),
    [
        ("", Severity.WARNING, "Cache-Control missing: edges keep it 24 h"),
        ("no-store", Severity.WARNING, "no-store"),
        ("public, max-age=60, s-maxage=86400", Severity.OK, "browsers keep it 1 min, edges 24 h"),
        ("max-age=0", Severity.WARNING, "edges 0 s"),
    ],
)
def test_the_cache_header_is_told_as_lifetimes(edge, http, value, severity, words) -> None:
    edge.body = FILM
    edge.headers["Cache-Control"] = value
    report = check(edge, http)
    assert report.ok
    assert found(report, "cache_control").severity is severity
    assert words in found(report, "cache_control").text


def test_a_hit_tells_its_age_and_place(edge, http) -> None:
    edge.body = FILM
    edge.headers |= {"X-Cache": "Hit from cloudfront", "Age": "754"}
    report = check(edge, http)
    assert report.age_s == 754
    assert found(report, "cache").text == "Served by edge DUB56-P1 from its cache, 12 min old."


@pytest.mark.parametrize(
    ("status", "server", "body", "words"),
    [
        (403, "AmazonS3", b"<Error><Code>AccessDenied</Code></Error>", "either the object is missing, or the bucket"),
        (403, "CloudFront", b"<Error><Code>MissingKey</Code></Error>", "only signed links"),
        (403, "CloudFront", b"<Error><Code>AccessDenied</Code></Error>", "signature is wrong or has expired"),
        (403, "CloudFront", b"<html>configured to block access from your country.", "your country"),
        (403, "CloudFront", b"<html>Request blocked.", "firewall"),
        (404, "AmazonS3", b"<Error><Code>NoSuchKey</Code></Error>", "no object"),
        (404, "AmazonS3", b"<Error><Code>NoSuchBucket</Code></Error>", "bucket behind the CDN"),
        (416, "AmazonS3", b"", "lies outside"),
        (429, "CloudFront", b"", "pause"),
        (500, "AmazonS3", b"", "status 500"),
        (502, "CloudFront", b"", "proper answer"),
        (503, "CloudFront", b"", "overloaded"),
        (504, "CloudFront", b"", "in time"),
    ],
)
def test_a_refusal_is_told_with_its_cause(edge, http, status, server, body, words) -> None:
    edge.status, edge.error_body = status, body
    edge.headers["Server"] = server
    edge.headers["Content-Type"] = "application/xml"
    report = check(edge, http)
    assert not report.ok
    assert report.status == status
    problem = found(report, "reachable")
    assert problem.severity is Severity.PROBLEM
    assert words in problem.text
    assert report.content_type == ""


def test_a_redirect_is_told_and_not_followed(edge, http) -> None:
    edge.status = 307
    edge.headers["Location"] = "https://b.s3.eu-west-1.amazonaws.com/a.mp4?X-Amz-Signature=secret"
    report = check(edge, http)
    assert not report.ok
    assert report.status == 307
    text = found(report, "reachable").text
    assert "b.s3.eu-west-1.amazonaws.com" in text
    assert "secret" not in text
    assert len(edge.asked) == 1


def test_an_empty_object_is_a_problem(edge, http) -> None:
    report = check(edge, http)
    assert not report.ok
    assert "empty" in found(report, "reachable").text


def test_a_cut_body_is_a_problem(edge, http) -> None:
    edge.body = FILM
    edge.cut_after = 1000
    report = check(edge, http)
    assert not report.ok
    assert "cut the connection" in found(report, "reachable").text


def test_nobody_there_is_a_finding(http) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a.mp4"
        report = check_url(url, token=CancelToken(), http=http)
    assert (report.ok, report.status) == (False, None)
    assert "refused the connection" in found(report, "reachable").text


def test_a_name_that_does_not_exist_is_a_finding(http, monkeypatch) -> None:
    def unknown(*_args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    report = check_url("https://no.such.host.invalid/a.mp4", token=CancelToken(), http=http)
    assert not report.ok
    assert "no.such.host.invalid was not found" in found(report, "reachable").text


def test_cancel_ends_a_check_that_waits_for_the_edge(edge, http) -> None:
    edge.body = FILM
    edge.hold = threading.Event()
    token = CancelToken()
    ended: list[str] = []

    def run() -> None:
        try:
            check_url(edge.url, token=token, http=http)
        except Cancelled:
            ended.append("cancelled")

    thread = threading.Thread(target=run)
    thread.start()
    assert edge.reached.wait(20)
    token.cancel()
    thread.join(5)
    assert ended == ["cancelled"]


def test_a_cancelled_check_asks_nothing(edge, http) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        check_url(edge.url, token=token, http=http)
    assert edge.asked == []


@pytest.mark.parametrize("url", ["", "ftp://x/y", "file:///etc/passwd", "https://", "https://u:p@h/x", "http://h:0x/"])
def test_what_is_no_web_address_is_refused(url) -> None:
    with pytest.raises(SettingsInvalid):
        check_url(url, token=CancelToken())


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 2**32 - 1, 2**63])
def test_damaged_box_sizes_end_the_walk(edge, http, size) -> None:
    header = (1).to_bytes(4, "big") + b"free" + size.to_bytes(8, "big") if size >= 2**32 else size.to_bytes(4, "big")
    edge.body = FTYP + (header if len(header) == 16 else header + b"free") + os.urandom(5000)
    report = check(edge, http)
    assert report.index_first is None
    assert len(edge.asked) <= 4
