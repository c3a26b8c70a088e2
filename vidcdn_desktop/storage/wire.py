"""A request over a connection that is open already, without the HTTP library's machinery.

    the SDK's session ──> its pool ──> a kept connection ──> head, body ──> status, headers ──> back into the pool
                                   └─> a new one: left to the session, which knows proxies, trust and time-outs

An open connection needs none of that any more, and sending over it is a few lines. It saves half a millisecond of
Python a request, under the GIL: as long as a small file takes to send on a fast link.

Source: RFC 9112, sections 2 (message format), 6 (body length) and 9 (connection management).
"""

from __future__ import annotations

import errno
import http.client
import io
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError, SSLError

from vidcdn_desktop.storage.sigv4 import host_of

_BLOCK = 64 << 10
_MOST_HEAD = 64 << 10
"""Of an answer; http.client refuses more as well."""
_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE})
"""While sending: the server has answered already and reads no more."""


@dataclass(frozen=True)
class Answer:
    """What a server answered, with the names that `botocore.endpoint.convert_to_response_dict` reads."""

    status_code: int
    headers: Mapping[str, str]
    """By name, in whatever case it is asked for; of an answer 200 without a body in lower case only."""
    content: bytes


class Wire:
    """Sends over the kept connections of an SDK's session. Any thread.

    Args:
        session: A `botocore.httpsession.URLLib3Session`.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._keys: dict[str, Any] = {}

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Answer | None:
        """Send a request with the body that `body.read()` gives; None: no connection is open, nothing was sent.

        Args:
            method: Of HTTP.
            url: Absolute, without a fragment, encoded.
            headers: All of them but Host.
            body: Its reads give blocks, the last one an empty one.

        Raises: ConnectionClosedError, ReadTimeoutError, SSLError of botocore, as its session does; what `body` raises.
        """
        if self._session._proxy_config.proxy_url_for(url):
            return None
        pool = self._pool(url)
        connection = pool._get_conn()
        if connection.sock is None or not hasattr(connection, "show"):
            pool._put_conn(connection)
            return None
        try:
            answer, reusable = self._exchange(connection, pool.timeout, _head(method, url, headers), body)
        except BaseException as exc:
            connection.close()
            pool._put_conn(None)
            told = _in_the_sdks_words(exc, url)
            if told is None:
                raise
            raise told from exc
        if not reusable:
            connection.close()
        pool._put_conn(connection)
        return answer

    def _pool(self, url: str) -> Any:
        """The session's pool for `url`; looked up by its key, which is worked out once."""
        manager = self._session._manager
        place = url[: url.index("/", len("https://"))]
        key = self._keys.get(place)
        pool = manager.pools.get(key) if key is not None else None
        if pool is None:  # the first time, or the session has forgotten it
            pool = manager.connection_from_url(url)
            keys = manager.pools.keys()
            self._keys[place] = next((key for key in keys if manager.pools.get(key) is pool), None)
        return pool

    def _exchange(self, connection: Any, timeout: Any, head: bytes, body: Any) -> tuple[Answer, bool]:
        connection.show()
        sock = connection.sock
        sock.settimeout(timeout.connect_timeout)  # as the HTTP library does: one write may stall as long as connecting
        try:
            sock.sendall(head)
            while block := body.read():
                sock.sendall(block)
        except TimeoutError:
            raise
        except OSError as exc:
            if exc.errno not in _GONE:
                raise
        sock.settimeout(timeout.read_timeout)
        return _answer(sock)


def _head(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    target = url.partition("://")[2].partition("/")[2]
    lines = [f"{method} /{target} HTTP/1.1", f"Host: {host_of(url)}", "Accept-Encoding: identity"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _answer(sock: Any) -> tuple[Answer, bool]:
    """The answer, and whether the connection may be used again."""
    got = b""
    while True:
        while (end := got.find(b"\r\n\r\n")) < 0:
            piece = sock.recv(_BLOCK)
            if not piece or len(got) > _MOST_HEAD:
                raise http.client.RemoteDisconnected("Remote end closed connection without response")
            got += piece
        if not got.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
            break
        got = got[end + 4 :]  # 100 Continue, which was not asked for
    plain = _plain(got, end)
    return plain if plain is not None else _any(sock, got)


def _plain(got: bytes, end: int) -> tuple[Answer, bool] | None:
    """An answer without a body, as a request that worked gets it; None if it is not one."""
    lines = got[:end].decode("iso-8859-1").split("\r\n")
    if not lines[0].startswith("HTTP/1.1 200") or len(got) != end + 4:
        return None
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        low = name.lower()
        if not colon or name != name.strip() or low in headers:
            return None
        headers[low] = value.strip()
    if headers.get("content-length") != "0" or "transfer-encoding" in headers:
        return None
    return Answer(200, headers, b""), headers.get("connection", "").lower() != "close"


def _any(sock: Any, got: bytes) -> tuple[Answer, bool]:
    """Every other answer, read by the standard library."""
    response = http.client.HTTPResponse(_Begun(sock, got), method="PUT")  # type: ignore[arg-type]
    try:
        response.begin()
        content = response.read()
        headers = HeadersDict()
        for name, folded in response.getheaders():
            value = " ".join(line.strip() for line in folded.splitlines())
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Answer(response.status, headers, content), not response.will_close
    finally:
        response.close()


class _Begun(io.RawIOBase):
    """A socket whose first bytes were read already; gives `http.client` the file it asks a socket for."""

    def __init__(self, sock: Any, got: bytes) -> None:
        super().__init__()
        self._sock = sock
        self._got = got

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._got:
            return int(self._sock.recv_into(buffer))
        count = min(len(buffer), len(self._got))
        buffer[:count] = self._got[:count]
        self._got = self._got[count:]
        return count


def _in_the_sdks_words(exc: BaseException, url: str) -> Exception | None:
    """What the SDK's session raises for this; None if it lets it pass."""
    if isinstance(exc, ssl.SSLError):
        return SSLError(endpoint_url=url, error=exc)
    if isinstance(exc, TimeoutError):
        return ReadTimeoutError(endpoint_url=url, error=exc)
    if isinstance(exc, (OSError, http.client.HTTPException)):
        return ConnectionClosedError(error=exc, endpoint_url=url)
    return None
