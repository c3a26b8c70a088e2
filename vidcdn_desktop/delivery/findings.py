"""The sentences of a delivery check. Each says what was measured and no more."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from vidcdn_desktop.delivery.answers import ContentRange, lifetime, span, whole_number
from vidcdn_desktop.delivery.model import Finding, Severity
from vidcdn_desktop.delivery.urls import is_loopback

_PLAYABLE = ("video/", "audio/")
_PLAYLISTS = frozenset({"application/vnd.apple.mpegurl", "application/x-mpegurl", "application/dash+xml"})
_USUAL_EDGE_S = 86_400
"""How long CloudFront keeps an answer without Cache-Control, unless its cache policy says otherwise."""
_SHORT_EDGE_S = 60


def size_text(count: int) -> str:
    """A number of bytes for people: "96 kB", "1.4 MB"; kilo is 1,000."""
    if count < 1000:
        return f"{count} bytes"
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count // 1000} kB"


def secure(url: str) -> Finding:
    """Whether the link is encrypted. Call it only for an answer: an unverified certificate gives none."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return Finding("https", Severity.OK, "HTTPS, with a certificate that was verified.")
    if is_loopback(parts.netloc):
        return Finding("https", Severity.NOTE, "Plain HTTP, which never leaves this computer.")
    return Finding("https", Severity.WARNING, "Plain HTTP: pages with https will not play it.")


def http_version(version: str, headers: Mapping[str, str]) -> Finding:
    """The protocol that was spoken, and what else the edge offers."""
    text = f"Answered over {version}; this check speaks no later version."
    if "h3" in headers.get("alt-svc", ""):
        text = f"Answered over {version}, and the edge offers HTTP/3 to browsers."
    return Finding("http_version", Severity.NOTE, text)


def ranges(status: int, found: ContentRange | None) -> Finding:
    """Whether a request for a part was answered with the part."""
    if status == 206 and found is not None and found.first == 0:
        return Finding("range", Severity.OK, "Range requests answered with 206.")
    if status == 206:
        return Finding("range", Severity.PROBLEM, "Range requests are answered with a part that was not asked for.")
    return Finding(
        "range", Severity.PROBLEM, "Range requests are ignored (200 instead of 206): viewers cannot jump ahead."
    )


def content_type(got: str, wanted: str) -> Finding:
    """The Content-Type against what was uploaded, or against what players take."""
    name = "content_type"
    plain = got.partition(";")[0].strip().lower()
    if not plain:
        return Finding(name, Severity.PROBLEM, "Content-Type is missing: browsers may offer a download.")
    if wanted:
        if plain == wanted.partition(";")[0].strip().lower():
            return Finding(name, Severity.OK, f"Content-Type is {plain}.")
        return Finding(name, Severity.PROBLEM, f"Content-Type is {plain} and should be {wanted}.")
    if plain.startswith(_PLAYABLE) or plain in _PLAYLISTS:
        return Finding(name, Severity.OK, f"Content-Type is {plain}.")
    if plain in ("binary/octet-stream", "application/octet-stream"):
        return Finding(name, Severity.PROBLEM, f"Content-Type is {plain}: browsers may offer a download.")
    return Finding(name, Severity.PROBLEM, f"Content-Type is {plain}, which is no video.")


def length(got: int | None, wanted: int | None) -> Finding:
    """The whole length against the bucket's."""
    name = "length"
    if got is None:
        return Finding(name, Severity.WARNING, "The edge does not say how long the video is.")
    if wanted is None:
        return Finding(name, Severity.OK if got else Severity.PROBLEM, f"{got:,} bytes in all.")
    if got == wanted:
        return Finding(name, Severity.OK, f"{got:,} bytes in all, as uploaded.")
    return Finding(name, Severity.PROBLEM, f"{got:,} bytes in all, but {wanted:,} were uploaded: another copy.")


def etag(got: str, wanted: str) -> Finding | None:
    """The ETag against the bucket's; None where there is nothing to compare."""
    if not wanted:
        return None
    if not got:
        return Finding("etag", Severity.NOTE, "The edge sends no ETag, so it was not compared.")
    if got == wanted:
        return Finding("etag", Severity.OK, "ETag as in the bucket.")
    return Finding("etag", Severity.PROBLEM, "ETag differs from the bucket's: the edge serves another copy.")


def first_bytes(count: int, *, same: bool) -> Finding:
    """The front of the object against the front that was uploaded."""
    if same:
        return Finding("bytes", Severity.OK, f"The first {size_text(count)} are those that were uploaded.")
    return Finding(
        "bytes", Severity.PROBLEM, "The first bytes are not those that were uploaded: the edge serves another copy."
    )


def cache_control(value: str) -> Finding:
    """Whether Cache-Control is there, and how long browsers and edges keep a copy by it."""
    name = "cache_control"
    if not value.strip():
        return Finding(name, Severity.WARNING, "Cache-Control missing: edges keep it 24 h by default.")
    told = lifetime(value)
    if told.forbidden:
        return Finding(name, Severity.WARNING, f"Cache-Control is {value}: copies are not kept or not reused freely.")
    edge = told.edge_s if told.edge_s is not None else _USUAL_EDGE_S
    browser = "as long as they like" if told.browser_s is None else span(told.browser_s)
    text = f"Cache-Control: browsers keep it {browser}, edges {span(edge)}."
    return Finding(name, Severity.WARNING if edge < _SHORT_EDGE_S else Severity.OK, text)


def cache(headers: Mapping[str, str]) -> Finding:
    """Where the answer came from: cache or bucket, which edge, how old."""
    x_cache = headers.get("x-cache", "")
    pop = headers.get("x-amz-cf-pop", "")
    if not x_cache:
        return Finding("cache", Severity.NOTE, "Nothing in the answer says that it came through CloudFront.")
    where = f"edge {pop}" if pop else "an edge"
    age = whole_number(headers.get("age", ""))
    old = f", {span(age)} old" if age is not None else ""
    state = x_cache.lower()
    if state.startswith("refreshhit"):
        return Finding("cache", Severity.OK, f"Served by {where} from its cache, after asking the bucket again{old}.")
    if state.startswith("hit"):
        return Finding("cache", Severity.OK, f"Served by {where} from its cache{old}.")
    if state.startswith("miss"):
        return Finding("cache", Severity.OK, f"Fetched from the bucket by {where}, fresh.")
    if state.startswith("error"):
        return Finding("cache", Severity.NOTE, f"An error from {where}{old}.")
    return Finding("cache", Severity.NOTE, f"{where[0].upper()}{where[1:]} says: {x_cache}.")


def cors(allowed: str) -> Finding:
    """Whether scripts of other sites may read the video."""
    if allowed == "*":
        return Finding("cors", Severity.OK, "Scripts on any site may read it (CORS).")
    if allowed:
        return Finding("cors", Severity.OK, f"Scripts on {allowed} may read it (CORS).")
    return Finding(
        "cors", Severity.NOTE, "A page of another site was given no CORS header: it can play the video, not script it."
    )


def index(first: bool | None, starts_after: int | None) -> Finding | None:
    """Where the index stands in the bytes the edge returned; None if that is not known or makes no sense."""
    if first is None or starts_after is None:
        return None
    if first:
        return Finding("index", Severity.OK, f"Index first: playback starts after {size_text(starts_after)}.")
    return Finding("index", Severity.WARNING, "Index last: a player must fetch the end before it can start.")


def too_slow(limit_s: float) -> Finding:
    """The check's time is over."""
    return Finding("speed", Severity.PROBLEM, f"The front of the video did not come within {limit_s:.0f} s.")
