"""One edge: the cache of one distribution and its answers to viewers, without any socket."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

from vidcdn_desktop.practice import behaviors, signedurls
from vidcdn_desktop.practice.cachecontrol import NotSatisfiable, parse_range, time_to_live
from vidcdn_desktop.practice.invalidations import canonical_path, matches
from vidcdn_desktop.practice.origin import Body, BytesBody, OriginAnswer, current_etag, error_xml, fetch

POP = "PRC50-P1"
"""PRC is no airport: nobody takes this edge for a real one."""
_MAX_ENTRIES = 256
"""Large bodies hold one file descriptor each."""
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_METHODS = "GET, HEAD, OPTIONS"


@dataclass(frozen=True)
class ViewerRequest:
    """One request of a viewer."""

    method: str
    target: str
    """Path and query exactly as sent."""
    host: str
    headers: Mapping[str, str]
    """Names in lower case."""
    viewer: str = "127.0.0.1"


@dataclass(frozen=True)
class Reply:
    """What the viewer gets: headers, then `length` bytes of `body` from `offset`."""

    status: int
    headers: dict[str, str]
    body: Body
    offset: int = 0
    length: int = 0


@dataclass
class Entry:
    """A cached answer, good or bad."""

    answer: OriginAnswer
    canonical: str
    """What invalidation paths are compared with."""
    stored: float
    ttl_s: float
    source: tuple[str, str] | None = field(default=None)
    """Bucket and key, to ask again by ETag."""


class Edge:
    """Serves one distribution. Any thread may call any method."""

    def __init__(
        self,
        distribution: Any,
        public_keys: Callable[[Sequence[str]], Mapping[str, str]],
        settle: Callable[[], None],
        *,
        error_ttl_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with an empty cache.

        Args:
            distribution: moto's object, read at each request.
            public_keys: PEM by id, for key group ids.
            settle: Applies the invalidations that are due.
            error_ttl_s: How long a refusal of the origin is repeated without asking again.
            clock: Seconds, monotonic.
        """
        self._distribution = distribution
        self._public_keys = public_keys
        self._settle = settle
        self._error_ttl_s = error_ttl_s
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._via = f"1.1 {secrets.token_hex(16)}.cloudfront.net (CloudFront)"

    def drop(self, paths: Sequence[str]) -> None:
        """Remove the cached copies these invalidation paths reach."""
        with self._lock:
            gone = [name for name, e in self._entries.items() if any(matches(path, e.canonical) for path in paths)]
            for name in gone:
                del self._entries[name]

    def clear(self) -> None:
        """Remove all cached copies."""
        with self._lock:
            self._entries.clear()

    def answer(self, request: ViewerRequest) -> Reply:
        """The reply to one request."""
        reply = self._answer(request)
        headers = {**reply.headers, "via": self._via, "x-amz-cf-pop": POP, "x-amz-cf-id": _request_id()}
        if "origin" in request.headers:
            headers["access-control-allow-origin"] = "*"
        return replace(reply, headers=headers)

    def _answer(self, request: ViewerRequest) -> Reply:
        if not behaviors.is_enabled(self._distribution):
            return _own_error(403, "AccessDenied", "The distribution is disabled.")
        if request.method == "OPTIONS":
            return _preflight(request)
        if request.method not in ("GET", "HEAD"):
            return _own_error(403, "MethodNotAllowed", "This distribution does not allow the request method.")
        path, _, query = request.target.partition("?")
        path = _ESCAPE.sub(lambda escape: escape.group().upper(), path)
        rule = behaviors.rule_for(self._distribution, path)
        rest = query
        if rule.key_group_ids:
            rest = signedurls.without_signature(query)
            url = f"http://{request.host}{request.target.partition('?')[0]}" + (f"?{rest}" if rest else "")
            try:
                keys = self._public_keys(rule.key_group_ids)
                signedurls.check(url, query, keys, now=time.time(), viewer=request.viewer)
            except signedurls.Refused as refused:
                return _own_error(403, refused.code, refused.message)
        if path == "/" and (root := behaviors.default_root_object(self._distribution)):
            path = "/" + root
        suffix = f"?{rest}" if rest and rule.query_in_cache_key else ""
        self._settle()
        entry, outcome, age_s = self._look_up(rule, path, suffix)
        return _reply(request, entry.answer, outcome, age_s)

    def _look_up(self, rule: behaviors.Rule, path: str, suffix: str) -> tuple[Entry, str, int | None]:
        """The entry, how it was found, and its age where it came from the cache."""
        name = path + suffix
        with self._lock:
            now = self._clock()
            entry = self._entries.get(name)
            if entry is not None:
                self._entries.move_to_end(name)
                if now - entry.stored < entry.ttl_s:
                    return entry, "Hit", int(now - entry.stored)
                if entry.source is not None and current_etag(*entry.source) == entry.answer.etag:
                    entry.stored = now
                    return entry, "RefreshHit", None
                del self._entries[name]
            entry = self._fetch(rule, path, suffix, now)
            if entry.ttl_s >= 0:
                self._entries[name] = entry
                while len(self._entries) > _MAX_ENTRIES:
                    self._entries.popitem(last=False)
            return entry, "Miss", None

    def _fetch(self, rule: behaviors.Rule, path: str, suffix: str, now: float) -> Entry:
        answer = OriginAnswer(
            502, {"content-type": "application/xml"}, BytesBody(error_xml("OriginUnreachable", "No practice origin"))
        )
        source = None
        for origin in rule.sources:
            if origin.bucket is None:
                continue
            source = (origin.bucket, origin.key_for(path))
            answer = fetch(*source)
            if answer.status == 200:
                break
        canonical = canonical_path(path) + suffix
        if answer.status != 200:
            return Entry(answer, canonical, now, self._error_ttl_s)
        ttl_s = time_to_live(answer.headers.get("cache-control", ""), rule.limits)
        return Entry(answer, canonical, now, -1.0 if ttl_s is None else ttl_s, source)


def _request_id() -> str:
    return secrets.token_urlsafe(39) + "=="


def _own_error(status: int, code: str, message: str) -> Reply:
    body = BytesBody(error_xml(code, message))
    headers = {"server": "CloudFront", "content-type": "text/xml", "x-cache": "Error from cloudfront"}
    return Reply(status, headers, body, 0, body.size)


def _preflight(request: ViewerRequest) -> Reply:
    headers = {"server": "CloudFront", "allow": _METHODS, "x-cache": "Miss from cloudfront"}
    if "origin" in request.headers:
        headers["access-control-allow-methods"] = _METHODS
        headers["access-control-allow-headers"] = "*"
        headers["access-control-max-age"] = "600"
    return Reply(200, headers, BytesBody(b""))


def _reply(request: ViewerRequest, answer: OriginAnswer, outcome: str, age_s: int | None) -> Reply:
    size = answer.body.size
    headers = {**answer.headers, "server": "AmazonS3", "x-cache": f"{outcome} from cloudfront"}
    if age_s is not None:
        headers["age"] = str(age_s)
    if answer.status != 200:
        headers["x-cache"] = "Error from cloudfront"
        return Reply(answer.status, headers, answer.body, 0, size)
    headers["accept-ranges"] = "bytes"
    if _is_unchanged(request.headers, headers):
        for name in ("content-type", "content-encoding"):
            headers.pop(name, None)
        return Reply(304, headers, BytesBody(b""))
    try:
        span = parse_range(request.headers.get("range", ""), size) if _may_range(request.headers, headers) else None
    except NotSatisfiable:
        body = BytesBody(error_xml("InvalidRange", "The requested range is not satisfiable"))
        refusal = {"server": "AmazonS3", "content-type": "application/xml", "content-range": f"bytes */{size}"}
        return Reply(416, {**refusal, "x-cache": headers["x-cache"]}, body, 0, body.size)
    if span is None:
        return Reply(200, headers, answer.body, 0, size)
    headers["content-range"] = f"bytes {span[0]}-{span[0] + span[1] - 1}/{size}"
    return Reply(206, headers, answer.body, *span)


def _is_unchanged(asked: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    if "if-none-match" in asked:
        wanted = [tag.strip().removeprefix("W/") for tag in asked["if-none-match"].split(",")]
        return "*" in wanted or headers.get("etag", "") in wanted
    if "if-modified-since" in asked:
        return not _is_later(headers.get("last-modified", ""), asked["if-modified-since"])
    return False


def _is_later(stored: str, asked: str) -> bool:
    try:
        return parsedate_to_datetime(stored) > parsedate_to_datetime(asked)
    except (ValueError, TypeError):
        return True


def _may_range(asked: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """False when If-Range names another version: the viewer wants the whole new body then."""
    wanted = asked.get("if-range")
    return wanted is None or wanted in (headers.get("etag"), headers.get("last-modified"))
