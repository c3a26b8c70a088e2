"""The delivery check: what does an edge really send for a link, measured now.

Reads the front of the object with ranged GETs, as a player would, and says in plain sentences what came. The box
headers are walked here (a few lines), because a check must bound what it fetches: the reader in `media` may look at
the whole index, and that would be a download.

Source: RFC 9110, section 14 (ranges); ISO/IEC 14496-12, section 4.2 (boxes).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery import findings as say
from vidcdn_desktop.delivery.answers import (
    content_range,
    plain_etag,
    refusal,
    request_id,
    total_length,
    whole_number,
)
from vidcdn_desktop.delivery.http import HttpAnswer, HttpClient, checked_url
from vidcdn_desktop.delivery.model import DeliveryReport, Expected, Finding, Severity
from vidcdn_desktop.errors import VidcdnError

_FIRST_BYTES = 64 * 1024
"""The first range: holds the index of most short films."""
_MOST_FIRST_BYTES = 1 << 20
_MOST_INDEX_BYTES = 64 << 20
"""A longer index is not fetched to be timed."""
_MOST_HEADERS = 16
"""Box headers looked at beyond the fetched front."""
_DEADLINE_S = 120.0
_OPENING_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid"})
_CORS_ORIGIN = "https://example.com"


@dataclass
class _Run:
    """One check while it runs."""

    url: str
    expected: Expected
    token: CancelToken
    http: HttpClient
    began: float = field(default_factory=time.monotonic)
    findings: list[Finding] = field(default_factory=list)
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    front: bytes = b""
    """What was fetched from offset 0 on."""
    length: int | None = None
    ranges: bool = False
    """Whether a ranged GET was answered with the range."""
    first_byte_s: float | None = None
    start_s: float | None = None
    index_first: bool | None = None
    starts_after: int | None = None

    def add(self, finding: Finding | None) -> None:
        if finding is not None:
            self.findings.append(finding)


def check_url(
    url: str, *, expected: Expected | None = None, token: CancelToken, http: HttpClient | None = None
) -> DeliveryReport:
    """Fetch the front of a link through its edge and report what came.

    Never raises for what the network or the edge does: that is a finding, and `ok` is False. A few requests, at most
    64 MiB (only where an index is that long), usually 64 KiB. Blocks; any thread but the GUI thread.

    Without `expected` the report tells what is served, and cannot tell whether it is the latest copy.

    Raises: Cancelled. SettingsInvalid: no http(s) URL.
    """
    url = checked_url(url)
    client = http or HttpClient()
    run = _Run(url, expected or Expected(), token, client)
    try:
        _fetch_front(run)
        if run.status in (200, 206):
            _judge(run)
            _walk(run)
            _cors(run)
    except VidcdnError as error:
        run.add(Finding("reachable", Severity.PROBLEM, f"{error.what} {error.advice}"))
    finally:
        if http is None:
            client.close()
    token.raise_if_cancelled()
    return _report(run)


def _get(run: _Run, first: int, last: int, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    sent = {"Range": f"bytes={first}-{last}", **(headers or {})}
    return run.http.open("GET", run.url, sent, token=run.token)


def _read(run: _Run, answer: HttpAnswer, length: int) -> bytes:
    """Up to `length` bytes of the body, within the check's time."""
    parts: list[bytes] = []
    left = length
    while left > 0:
        part = answer.read_some(min(left, 256 * 1024))
        if not part:
            break
        parts.append(part)
        left -= len(part)
        if time.monotonic() - run.began > _DEADLINE_S:
            run.add(say.too_slow(_DEADLINE_S))
            break
    return b"".join(parts)


def _fetch_front(run: _Run) -> None:
    want = min(_MOST_FIRST_BYTES, max(_FIRST_BYTES, len(run.expected.first_bytes)))
    began = time.monotonic()
    with _get(run, 0, want - 1) as answer:
        run.status, run.headers = answer.status, answer.headers
        run.add(say.secure(run.url))
        run.add(say.http_version(answer.http_version, answer.headers))
        if answer.status not in (200, 206):
            _refused(run, answer)
            return
        found = content_range(answer.headers)
        run.length = total_length(answer.headers)
        run.ranges = answer.status == 206 and found is not None and found.first == 0
        run.add(say.ranges(answer.status, found))
        if answer.status == 206 and not run.ranges:
            return
        announced = whole_number(answer.headers.get("content-length", ""))
        run.front = answer.read_some(1)
        if run.front:
            run.first_byte_s = time.monotonic() - began
        run.front += _read(run, answer, want - len(run.front))
        run.start_s = time.monotonic() - began
    if announced is not None and len(run.front) < min(want, announced):
        run.add(Finding("body", Severity.PROBLEM, f"Only {len(run.front):,} of {announced:,} bytes came."))
    if not run.front:
        run.add(Finding("body", Severity.PROBLEM, "The answer is empty: there is no video in it."))


def _refused(run: _Run, answer: HttpAnswer) -> None:
    try:
        body = answer.read_up_to(16 * 1024)
    except VidcdnError:
        body = b""  # the status alone tells enough
    error = refusal(answer.status, answer.headers, body, run.url, meaning="Viewers cannot play this link.")
    run.add(Finding("reachable", Severity.PROBLEM, f"{error.what} {error.advice}"))
    run.add(say.cache(answer.headers))


def _judge(run: _Run) -> None:
    """Compare what came with what should have come."""
    expected, headers = run.expected, run.headers
    run.add(say.content_type(headers.get("content-type", ""), expected.content_type))
    run.add(say.length(run.length, expected.size))
    run.add(say.etag(plain_etag(headers.get("etag", "")), plain_etag(expected.etag)))
    if expected.first_bytes:
        count = min(len(expected.first_bytes), len(run.front))
        same = run.front[:count] == expected.first_bytes[:count]
        complete = count == min(len(expected.first_bytes), _MOST_FIRST_BYTES)
        run.add(say.first_bytes(count, same=same and complete))
    run.add(say.cache_control(headers.get("cache-control", "")))
    run.add(say.cache(headers))


def _bytes_at(run: _Run, offset: int, length: int) -> bytes:
    """Bytes of the object, from the front where they are there already."""
    if offset + length <= len(run.front) or not run.ranges:
        return run.front[offset : offset + length]
    with _get(run, offset, offset + length - 1) as answer:
        found = content_range(answer.headers)
        if answer.status != 206 or found is None or found.first != offset:
            return b""
        return _read(run, answer, length)


def _walk(run: _Run) -> None:
    """Follow the top-level boxes until the index is found, and time the fetch of it."""
    if run.front[4:8] not in _OPENING_BOXES:
        run.start_s = None
        return
    end = run.length if run.length is not None else len(run.front)
    offset, media_at, looked = 0, None, 0
    while offset + 8 <= end and looked < _MOST_HEADERS:
        looked += offset + 16 > len(run.front)
        header = _bytes_at(run, offset, min(16, end - offset))
        size = _box_size(header, end - offset)
        kind = header[4:8]
        if not size:
            break
        if kind == b"moov":
            run.index_first, run.starts_after = media_at is None, offset + size
            break
        if kind == b"moof":
            break
        if kind == b"mdat" and media_at is None:
            media_at = offset
        offset += size
    if media_at is not None and run.index_first is None and offset >= end:
        run.add(Finding("index", Severity.PROBLEM, "There is no index in it: it cannot be played."))
    _time_start(run)
    run.add(say.index(run.index_first, run.starts_after))


def _box_size(header: bytes, left: int) -> int:
    """The size a box header tells, 0 if it makes no sense."""
    if len(header) < 8:
        return 0
    size = int.from_bytes(header[:4], "big")
    if size == 0:
        return left
    if size == 1:
        size = int.from_bytes(header[8:16], "big") if len(header) >= 16 else 0
        return size if size >= 16 else 0
    return size if size >= 8 else 0


def _time_start(run: _Run) -> None:
    """Leave in `start_s` how long the front up to the end of the index took, None where that was not measured."""
    need = run.starts_after
    if not run.index_first or need is None or (run.length is not None and need > run.length):
        run.start_s = None
        return
    if need <= len(run.front):
        return
    if need > _MOST_INDEX_BYTES or not run.ranges or run.start_s is None:
        run.start_s = None
        return
    began = time.monotonic()
    rest = _bytes_at(run, len(run.front), need - len(run.front))
    complete = len(run.front) + len(rest) == need
    run.start_s = run.start_s + time.monotonic() - began if complete else None


def _cors(run: _Run) -> None:
    """Ask once more as a page of another site would; a failure here says nothing about the video."""
    if not run.ranges:
        return
    try:
        with _get(run, 0, 0, {"Origin": _CORS_ORIGIN}) as answer:
            if answer.status == 206:
                run.add(say.cors(answer.headers.get("access-control-allow-origin", "")))
    except VidcdnError:
        return


def _report(run: _Run) -> DeliveryReport:
    headers = {name: value for name, value in run.headers.items() if name != "set-cookie"}
    reached = run.status in (200, 206)
    if reached and not any(f.name == "reachable" for f in run.findings):
        run.findings.insert(0, Finding("reachable", Severity.OK, f"{urlsplit(run.url).hostname} answers."))
    return DeliveryReport(
        url=run.url,
        ok=reached and all(f.severity is not Severity.PROBLEM for f in run.findings),
        status=run.status,
        findings=tuple(run.findings),
        content_type=headers.get("content-type", "") if reached else "",
        length=run.length if reached else None,
        etag=plain_etag(headers.get("etag", "")),
        cache_control=headers.get("cache-control", ""),
        x_cache=headers.get("x-cache", ""),
        age_s=whole_number(headers.get("age", "")),
        pop=headers.get("x-amz-cf-pop", ""),
        index_first=run.index_first,
        starts_after_bytes=run.starts_after,
        first_byte_s=run.first_byte_s,
        start_s=run.start_s if reached else None,
        request_id=request_id(headers),
        headers=headers,
    )
