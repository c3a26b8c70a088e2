"""What an edge's answer tells: cache state, place, age, and why it refused, in words.

Source: Amazon CloudFront Developer Guide, "Troubleshoot error response status codes" and "Standard logging"
(x-edge-result-type); RFC 9110, section 14.4 (Content-Range); RFC 9111, section 5 (Age, Cache-Control).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from vidcdn_desktop.errors import (
    AccessDenied,
    ObjectNotFound,
    ServiceTrouble,
    Throttled,
    VidcdnError,
    WrongDelivery,
)

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")


@dataclass(frozen=True)
class ContentRange:
    """A parsed Content-Range."""

    first: int
    last: int
    """Both inclusive."""
    total: int | None
    """Whole length in bytes; None if the server does not say."""


def content_range(headers: Mapping[str, str]) -> ContentRange | None:
    """The Content-Range of an answer, None if it has none or it makes no sense."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if not found:
        return None
    first, last = int(found[1]), int(found[2])
    total = None if found[3] == "*" else int(found[3])
    if last < first or (total is not None and last >= total):
        return None
    return ContentRange(first, last, total)


def total_length(headers: Mapping[str, str]) -> int | None:
    """The whole length in bytes: from Content-Range where there is one, else Content-Length; None if unknown."""
    unsatisfied = _UNSATISFIED.fullmatch(headers.get("content-range", "").strip())
    if unsatisfied:
        return int(unsatisfied[1])
    found = content_range(headers)
    if found is not None:
        return found.total
    return whole_number(headers.get("content-length", ""))


def whole_number(text: str) -> int | None:
    """Digits as a number; None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def plain_etag(etag: str) -> str:
    """An ETag without quotes and weakness mark."""
    return etag.strip().removeprefix("W/").strip('"')


@dataclass(frozen=True)
class Lifetime:
    """How long copies are kept, by Cache-Control. Seconds; None where nothing is said."""

    browser_s: int | None
    edge_s: int | None
    forbidden: bool = False
    """no-store, no-cache or private: edges ask the bucket each time, or keep nothing."""


def lifetime(cache_control: str) -> Lifetime:
    """Read Cache-Control."""
    parts = [p.strip().lower().partition("=") for p in cache_control.split(",")]
    values = {name.strip(): value.strip().strip('"') for name, _, value in parts}
    browser = whole_number(values.get("max-age", ""))
    shared = whole_number(values.get("s-maxage", ""))
    forbidden = any(name in values for name in ("no-store", "no-cache", "private"))
    return Lifetime(browser, shared if shared is not None else browser, forbidden)


def span(seconds: int) -> str:
    """A length of time in words, rounded down: "1 year", "24 h", "12 min", "40 s"."""
    for unit, name in ((31_536_000, "year"), (86_400, "day")):
        if seconds >= unit and (unit > 86_400 or seconds > 86_400):
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    if seconds >= 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def _tag(body: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]{{1,300}})</{name}>", body)
    return found[1].strip() if found else ""


def from_cloudfront(headers: Mapping[str, str]) -> bool:
    """Whether CloudFront itself wrote the answer (and not the bucket behind it)."""
    return headers.get("server", "").lower().startswith("cloudfront")


def request_id(headers: Mapping[str, str]) -> str:
    """The edge's request id, else the bucket's."""
    return headers.get("x-amz-cf-id", "") or headers.get("x-amz-request-id", "")


def refusal(status: int, headers: Mapping[str, str], body: bytes, url: str, *, meaning: str) -> VidcdnError:
    """Tell an answer that is no success in words, with its cause as far as the answer shows it."""
    text = body.decode("utf-8", "replace")
    code = _tag(text, "Code") or str(status)
    make: type[VidcdnError]
    if status in (301, 302, 303, 307, 308):
        make, what, advice = WrongDelivery, *_redirect(headers, url)
    elif status in (401, 403):
        make, what, advice = AccessDenied, *_forbidden(headers, text, code)
    elif status in (404, 410):
        make, what, advice = ObjectNotFound, *_missing(headers, code)
    elif status == 416:
        make, what, advice = WrongDelivery, *_unsatisfied(headers)
    elif status == 429 or code == "SlowDown":
        make, what, advice = Throttled, "The edge asks for a pause.", "Wait a moment and try again."
    elif status >= 500:
        make, what, advice = ServiceTrouble, *_trouble(status, headers)
    else:
        make = WrongDelivery
        what = f"The edge refused the request with status {status}."
        advice = "Check the link."
    retryable = status >= 500 or status == 429
    return make(what, meaning, advice, subject=url, retryable=retryable, code=code, request_id=request_id(headers))


def _redirect(headers: Mapping[str, str], url: str) -> tuple[str, str]:
    try:
        target = urlsplit(headers.get("location", ""))
        host = target.hostname or ""
    except ValueError:
        return "The link redirects to an address that makes no sense.", "Check the distribution's settings."
    here = urlsplit(url)
    if host == here.hostname and target.scheme == "https" and here.scheme == "http":
        return "The link redirects to https.", "Use the https link."
    if ".s3" in host and host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return (
            f"The CDN sends viewers on to the bucket ({host}), which happens while a new bucket becomes known.",
            "Set the origin to the bucket's regional address, or try again in an hour.",
        )
    return f"The link redirects to {host or 'another path'}.", "Use the address it leads to."


def _forbidden(headers: Mapping[str, str], body: str, code: str) -> tuple[str, str]:
    message = _tag(body, "Message").lower()
    lower = body.lower()
    if code == "MissingKey" or "missing key" in lower:
        return "This distribution answers only signed links.", "Use a signed link."
    if code == "InvalidKey" or "unknown key" in lower:
        return "The link is signed with a key this distribution does not know.", "Sign with another key."
    if "expired" in message:
        return "The signed link has expired.", "Make a new link."
    if code == "SignatureDoesNotMatch":
        return "The link's signature is wrong.", "Make a new link."
    if "from your country" in lower:
        return "This distribution does not serve your country.", "Check its geographic restrictions."
    if from_cloudfront(headers):
        if code == "AccessDenied":
            return "CloudFront refused the link: its signature is wrong or has expired.", "Make a new link."
        return (
            "CloudFront blocked the request itself: a firewall rule, or a host name it does not know.",
            "Check the distribution's firewall and alternate domain names.",
        )
    return (
        "The bucket refuses the CDN: either the object is missing, or the bucket policy does not let this "
        "distribution read it.",
        "Check the key and the bucket policy.",
    )


def _missing(headers: Mapping[str, str], code: str) -> tuple[str, str]:
    if code == "NoSuchBucket":
        return "The bucket behind the CDN does not exist.", "Check the distribution's origin."
    what = "There is no object under this link."
    if headers.get("age"):
        what = "There was no object under this link when the edge last asked, and it remembers that."
    return what, "Check the key; after an upload, wait a few seconds and check again."


def _unsatisfied(headers: Mapping[str, str]) -> tuple[str, str]:
    if headers.get("content-range", "").strip() == "bytes */0":
        return "The object is empty.", "Publish the video again."
    return "The edge says the requested part lies outside the object.", "Publish the video again."


def _trouble(status: int, headers: Mapping[str, str]) -> tuple[str, str]:
    words = {
        502: "The edge could not get a proper answer from the bucket",
        503: "The edge or the bucket is overloaded",
        504: "The bucket did not answer the edge in time",
    }
    who = "CloudFront" if from_cloudfront(headers) else "The server"
    return f"{words.get(status, f'{who} has a problem')} (status {status}).", "Wait a little and try again."
