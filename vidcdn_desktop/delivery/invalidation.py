"""Invalidation paths, and waiting for the edges to drop their copies.

The trap: CloudFront wants only non-ASCII and RFC 1738 unsafe characters percent-encoded. A path in which anything else
is encoded is accepted, paid for, and silently matches nothing; that is why `urls.url_path` is never used here.

Source: Amazon CloudFront Developer Guide, "Invalidate files to remove content" (what you need to know when
invalidating); RFC 1738, section 2.2 (unsafe characters).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.model import Cdn, Invalidation
from vidcdn_desktop.delivery.urls import key_below_origin
from vidcdn_desktop.errors import InvalidationBusy, InvalidPath, Offline, ServiceTrouble, Throttled

MAX_PATH_CHARS = 4000
MAX_WILDCARDS = 15
"""Wildcard paths CloudFront works on at once, per distribution."""
MAX_PATHS = 3000
"""Single paths CloudFront works on at once, per distribution."""
FREE_PATHS_PER_MONTH = 1000
USD_PER_PATH = 0.005
_EXACT_PER_FOLDER = 5
"""More changed files than this in one folder are refreshed as the folder."""
_SLOWEST_POLL_S = 60.0

_UNSAFE = frozenset(' "<>#%{}|\\^[]`')
"""RFC 1738 unsafe characters that CloudFront wants encoded. `~` is one too, but CloudFront refuses it either way."""
_RAW = frozenset(chr(c) for c in range(0x21, 0x7F)) - _UNSAFE
_NOT_ADDRESSABLE = "~*?"
"""Characters no single path can name: refused, read as a wildcard, read as a query string."""
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class PathCheck:
    """What we think of a path while it is typed."""

    path: str
    """The path as it would be sent, encoded; nothing is added to what was typed."""
    problem: str = ""
    """Why it cannot be sent, one sentence; empty if it can."""
    warning: str = ""
    """What to know before sending it, one sentence; empty if nothing."""
    is_wildcard: bool = False
    """Whether it ends in `*`."""


def _encode(data: bytes) -> str:
    return "".join(chr(b) if b < 0x7F and chr(b) in _RAW else f"%{b:02X}" for b in data)


def _encode_typed(text: str) -> str:
    """Encode what needs it; an escape that is there already stays, in upper case."""
    out: list[str] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        out.append(_encode(text[at : found.start()].encode("utf-8", "surrogatepass")))
        out.append(found[0].upper())
        at = found.end()
    out.append(_encode(text[at:].encode("utf-8", "surrogatepass")))
    return "".join(out)


def check_path(text: str) -> PathCheck:
    """Judge an invalidation path as it is typed. Never raises."""
    path = _encode_typed(text)
    wildcard = path.endswith("*")
    problem = _problem(text, path)
    return PathCheck(path, problem, "" if problem else _warning(text, path), wildcard)


def _problem(text: str, path: str) -> str:
    if not text:
        return "Type a path that begins with a slash."
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return "Leave out the address: only the part from the slash after the host name counts."
    if not text.startswith("/"):
        return "Begin the path with a slash."
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in text):
        return "A path is one line without control characters."
    if "*" in path[:-1]:
        return "A * counts only as the last character."
    if "~" in text:
        return "CloudFront refuses the character ~; end the path before it with a *."
    for found in _ESCAPE.finditer(text):
        plain = chr(int(found[1], 16))
        if plain in "~*":
            return f"{found[0].upper()} matches nothing at CloudFront; end the path before it with a *."
        if plain in _RAW:
            return f"Write {plain} instead of {found[0].upper()}, else CloudFront matches nothing."
    if len(path) > MAX_PATH_CHARS:
        return f"A path has at most {MAX_PATH_CHARS:,} characters; this one has {len(path):,}."
    return ""


def _warning(text: str, path: str) -> str:
    if path == "/*":
        return "This refreshes everything: each video is fetched again from the bucket."
    if text != text.strip():
        return "The path begins or ends with a space, which counts."
    if re.search(r"[?&](?:Signature|Key-Pair-Id|Policy|X-Amz-Signature)=", text):
        return "Leave out the signature: copies are kept without it."
    if "?" in text:
        return "The part from the ? counts only where the distribution keeps copies per query string."
    if "//" in text:
        return "There is an empty folder name in it (two slashes), which counts."
    if text.endswith("/"):
        return "This refreshes the address that ends in a slash, not what lies below it; add a * for that."
    if any(c.isupper() for c in _ESCAPE.sub("", text)):
        return "Upper and lower case count."
    return ""


def invalidation_path(key: str, origin_path: str = "") -> str:
    """The path that removes the copies of one object, encoded the way CloudFront wants.

    A key with a character that no single path can name (`~`, `*`, `?`) gives the wildcard that ends before it, so
    more than the one object may be fetched again.

    Raises: InvalidPath: the key lies outside the origin path, so the distribution does not serve it.
    """
    below = key_below_origin(key, origin_path)
    if below is None:
        raise InvalidPath(
            f"The distribution serves only keys below {origin_path.strip('/')}/.",
            "The edges keep their old copy.",
            "Choose another distribution.",
            subject=key,
        )
    cut = min((i for i in (below.find(c) for c in _NOT_ADDRESSABLE) if i >= 0), default=None)
    path = "/" + _encode((below if cut is None else below[:cut]).encode("utf-8", "surrogatepass"))
    return path if cut is None else path + "*"


def _canonical(url_path: str) -> str:
    """A viewer's path, however it is encoded, in the encoding CloudFront compares."""
    return _encode(unquote_to_bytes(url_path.encode("utf-8", "surrogatepass")))


def matches(path: str, url_path: str) -> bool:
    """Whether an invalidation path removes the copy of a viewer's URL path (percent-encoded, without query)."""
    path = _ESCAPE.sub(lambda m: m[0].upper(), path)
    target = _canonical(url_path)
    return target.startswith(path[:-1]) if path.endswith("*") else target == path


def _covers(wildcard: str, path: str) -> bool:
    return path != wildcard and path.removesuffix("*").startswith(wildcard[:-1])


def _without_covered(paths: Iterable[str]) -> list[str]:
    unique = list(dict.fromkeys(paths))
    wildcards = [p for p in unique if p.endswith("*")]
    return [p for p in unique if not any(_covers(w, p) for w in wildcards)]


def _parent(path: str) -> str:
    """The folder a path lies in, with its trailing slash; for `/a/b*` and `/a/b` it is `/a/`."""
    return path.removesuffix("*").rstrip("/").rpartition("/")[0] + "/"


def merge_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """Fewer paths that remove the same copies (and perhaps some more), in the order given.

    What a wildcard covers is left out; more than five files of one folder become `/folder/*` (never the whole
    distribution); more wildcards than CloudFront takes at once are joined at their parents.
    """
    left = _without_covered(paths)
    folders: dict[str, int] = {}
    for path in left:
        if not path.endswith("*"):
            folders[_parent(path)] = folders.get(_parent(path), 0) + 1
    crowded = {folder for folder, count in folders.items() if count > _EXACT_PER_FOLDER and folder != "/"}
    left = _without_covered(f"{_parent(p)}*" if not p.endswith("*") and _parent(p) in crowded else p for p in left)
    while sum(p.endswith("*") for p in left) > MAX_WILDCARDS:
        deepest = max((p for p in left if p.endswith("*")), key=lambda p: (p.count("/"), len(p)))
        left = _without_covered(f"{_parent(deepest)}*" if p == deepest else p for p in left)
    return tuple(left)


def cost_line(paths: Sequence[str], used_this_month: int) -> str:
    """What a request costs, in words: "2 paths · 61 of 1,000 free paths used this month". A wildcard counts as one.

    Args:
        paths: The paths about to be sent.
        used_this_month: Paths sent earlier this month, as far as is known.
    """
    count = len(paths)
    line = f"{count:,} {'path' if count == 1 else 'paths'} · "
    line += f"{used_this_month:,} of {FREE_PATHS_PER_MONTH:,} free paths used this month"
    beyond = min(count, max(0, used_this_month + count - FREE_PATHS_PER_MONTH))
    if beyond:
        line += f" · {beyond * USD_PER_PATH:.3f} USD for {beyond:,} beyond"
    return line


def request_invalidation(
    cdn: Cdn,
    distribution_id: str,
    paths: Sequence[str],
    caller_reference: str,
    *,
    token: CancelToken,
    on_waiting: Callable[[InvalidationBusy | Throttled], None] = lambda _error: None,
    first_wait_s: float = 5.0,
    patience_s: float = 1800.0,
) -> Invalidation:
    """Create an invalidation; while CloudFront is busy with earlier ones, wait and ask again.

    The caller reference makes a repeated request the same request, so nothing is sent twice. Waits double up to a
    minute (CloudFront sends no Retry-After). Blocks; any thread but the GUI thread.

    Raises: InvalidationBusy, Throttled: still busy after `patience_s` seconds. Cancelled. And what `Cdn` raises.
    """
    wait_s = first_wait_s
    end = time.monotonic() + patience_s
    while True:
        token.raise_if_cancelled()
        try:
            return cdn.create_invalidation(distribution_id, paths, caller_reference)
        except (InvalidationBusy, Throttled) as error:
            if time.monotonic() + wait_s > end:
                raise
            on_waiting(error)
        if token.wait(wait_s):
            token.raise_if_cancelled()
        wait_s = min(_SLOWEST_POLL_S, wait_s * 2)


def wait_for_invalidation(
    cdn: Cdn,
    invalidation: Invalidation,
    *,
    token: CancelToken,
    on_change: Callable[[Invalidation], None] = lambda _invalidation: None,
    interval_s: float = 5.0,
    patience_s: float = 3600.0,
) -> Invalidation:
    """Ask until every edge has dropped its copy; gives the last state known, still in progress if patience ran out.

    Our own loop, because the SDK's waiter compares the status case-sensitively and cannot be cancelled. A network or
    service failure slows the asking down and does not end it. Blocks; any thread but the GUI thread.

    `on_change` is called in this thread when the status changes; `interval_s` seconds lie between two questions;
    after `patience_s` seconds the asking stops.

    Raises: Cancelled. AccessDenied, ObjectNotFound and the other lasting failures of `Cdn.get_invalidation`.
    """
    wait_s = interval_s
    end = time.monotonic() + patience_s
    while not invalidation.is_complete and time.monotonic() < end:
        if token.wait(wait_s):
            token.raise_if_cancelled()
        try:
            now = cdn.get_invalidation(invalidation.distribution_id, invalidation.id)
        except (Offline, Throttled, ServiceTrouble) as error:
            if not error.retryable:
                raise
            wait_s = min(_SLOWEST_POLL_S, wait_s * 2)
            continue
        wait_s = interval_s
        changed = now.status.lower() != invalidation.status.lower()
        invalidation = now
        if changed:
            on_change(now)
    token.raise_if_cancelled()
    return invalidation
