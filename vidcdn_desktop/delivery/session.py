"""One video being played through the loopback proxy: its link, and what the edge said so far."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.answers import total_length, whole_number
from vidcdn_desktop.errors import VidcdnError

_log = logging.getLogger(__name__)
_KEPT_REQUESTS = 200


@dataclass(frozen=True)
class RangeRequest:
    """One request of the player and the edge's answer."""

    range: str
    """The Range header as the player sent it; empty without one."""
    status: int | None
    """The edge's status; None if nothing answered."""
    bytes: int
    """Body bytes forwarded so far."""
    x_cache: str = ""


@dataclass(frozen=True)
class PlaybackFacts:
    """What the edge said, at one instant. Of the latest answer, except where it says otherwise."""

    status: int | None = None
    """None before the first answer."""
    x_cache: str = ""
    age_s: int | None = None
    pop: str = ""
    content_type: str = ""
    content_length: int | None = None
    """Length of the whole video, bytes."""
    bytes_forwarded: int = 0
    """Over all requests."""
    requests: tuple[RangeRequest, ...] = ()
    """The latest 200, oldest first."""
    error: VidcdnError | None = None
    """The true reason of the latest failure; None after an answer that went well."""


class Exchange:
    """One request while it is answered. Its counts belong to the thread that answers; readers go by the session."""

    def __init__(self, range_header: str) -> None:
        self.range = range_header
        self.status: int | None = None
        self.x_cache = ""
        self.forwarded = 0


class PlaybackSession:
    """A link for the player, valid until `close`. Made by `PlaybackProxy.open`. Any thread may call any method."""

    def __init__(
        self, local_url: str, get_url: Callable[[], str], label: str, on_close: Callable[[PlaybackSession], None]
    ) -> None:
        self.local_url = local_url
        """What to give the player. It holds the session's secret: never log it."""
        self.label = label
        self._get_url = get_url
        self._on_close = on_close
        self._lock = threading.Lock()
        self._signing = threading.Lock()
        self._url = ""
        self._running: set[CancelToken] = set()
        self._closed = False
        self._exchanges: deque[Exchange] = deque(maxlen=_KEPT_REQUESTS)
        self._total = 0
        self._headers: Mapping[str, str] = {}
        self._status: int | None = None
        self._error: VidcdnError | None = None

    def facts(self) -> PlaybackFacts:
        """What the edge said so far."""
        with self._lock:
            headers = self._headers
            return PlaybackFacts(
                status=self._status,
                x_cache=headers.get("x-cache", ""),
                age_s=whole_number(headers.get("age", "")),
                pop=headers.get("x-amz-cf-pop", ""),
                content_type=headers.get("content-type", ""),
                content_length=total_length(headers),
                bytes_forwarded=self._total,
                requests=tuple(RangeRequest(e.range, e.status, e.forwarded, e.x_cache) for e in self._exchanges),
                error=self._error,
            )

    def close(self) -> None:
        """End the session: its link answers 404, requests in progress are cut. Returns at once; twice is harmless."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        self._on_close(self)
        for token in running:
            token.cancel()

    # Below: for the proxy's threads.

    def begin(self, token: CancelToken) -> bool:
        """Count a request in, so that `close` can cut it; False if the session is closed."""
        with self._lock:
            if not self._closed:
                self._running.add(token)
            return not self._closed

    def end(self, token: CancelToken) -> None:
        """Count it out again."""
        with self._lock:
            self._running.discard(token)

    def url(self, refused: str = "") -> str:
        """The CDN link; a new one if `refused` is the present one. Raises what `get_url` raises."""
        with self._signing:
            if not self._url or self._url == refused:
                self._url = self._get_url()
            return self._url

    def asked(self, range_header: str) -> Exchange:
        """A request has come from the player."""
        exchange = Exchange(range_header)
        with self._lock:
            self._exchanges.append(exchange)
        return exchange

    def answered(self, exchange: Exchange, status: int, headers: Mapping[str, str]) -> None:
        """The edge has answered."""
        with self._lock:
            exchange.status = status
            exchange.x_cache = headers.get("x-cache", "")
            self._status = status
            self._headers = dict(headers)
            if status in (200, 206, 304):
                self._error = None

    def forwarded(self, exchange: Exchange, count: int) -> None:
        """Body bytes went to the player."""
        with self._lock:
            exchange.forwarded += count
            self._total += count

    def failed(self, error: VidcdnError) -> None:
        """Keep the true reason for a failure."""
        with self._lock:
            self._error = error
        _log.info("playback of %s: %s", self.label or "a video", error.what)
