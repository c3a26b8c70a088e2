"""The listening side of the edges: one small HTTP/1.1 server per distribution, each on its own loopback port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from vidcdn_desktop.practice.edge import Edge, Reply, ViewerRequest
from vidcdn_desktop.practice.origin import BLOCK_BYTES

LOOPBACK = "127.0.0.1"
_IDLE_S = 300.0
"""A paused player reads nothing for a while; its connection is kept that long."""
_DROPPED = (ConnectionError, TimeoutError)


class _EdgeServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        super().__init__((LOOPBACK, 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer that goes away in the middle is no error; anything else is told on stderr."""
        import sys

        if not isinstance(sys.exc_info()[1], _DROPPED):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    server: _EdgeServer
    # Header lines and body leave as they are written, not 40 ms later.
    disable_nagle_algorithm = True
    wbufsize = 16 * 1024
    names: ClassVar[dict[str, str]] = {"etag": "ETag", "x-cache": "X-Cache", "via": "Via", "age": "Age"}

    def _serve(self) -> None:
        if self.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.headers:
            self.close_connection = True  # nobody reads that body, so nothing may follow it
        target = self.path if self.path.startswith("/") else "/" + self.path.partition("://")[2].partition("/")[2]
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = ViewerRequest(self.command, target, headers.get("host", ""), headers, str(self.client_address[0]))
        try:
            self._send(self.server.edge.answer(request))
        except _DROPPED:
            self.close_connection = True

    do_GET = do_HEAD = do_OPTIONS = do_PUT = do_POST = do_DELETE = do_PATCH = _serve

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status, HTTPStatus(reply.status).phrase)
        self.send_header("Date", self.date_time_string())
        for name, value in reply.headers.items():
            clean = value.replace("\r", " ").replace("\n", " ").encode("utf-8").decode("latin-1")
            self.send_header(self.names.get(name) or "-".join(map(str.capitalize, name.split("-"))), clean)
        if reply.status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(reply.length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            offset, end = reply.offset, reply.offset + reply.length
            while offset < end:
                block = reply.body.read_at(offset, min(BLOCK_BYTES, end - offset))
                if not block:
                    self.close_connection = True
                    return
                self.wfile.write(block)
                offset += len(block)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: request lines of signed URLs hold signatures."""


class Fleet:
    """All edges. Any thread may call any method."""

    def __init__(
        self,
        public_keys: Callable[[Sequence[str]], Mapping[str, str]],
        settle: Callable[[], None],
        *,
        error_ttl_s: float,
    ) -> None:
        """Args: public_keys: PEM by id of the given key groups; settle: applies invalidations that are due."""
        self._public_keys = public_keys
        self._settle = settle
        self._error_ttl_s = error_ttl_s
        self._lock = threading.Lock()
        self._servers: dict[str, _EdgeServer] = {}

    def open(self, distribution: Any) -> str:
        """Start listening for a distribution; gives its domain name, 127.0.0.1:port."""
        edge = Edge(distribution, self._public_keys, self._settle, error_ttl_s=self._error_ttl_s)
        server = _EdgeServer(edge)
        with self._lock:
            self._servers[distribution.id] = server
        threading.Thread(target=server.serve_forever, name=f"edge-{distribution.id}", daemon=True).start()
        return f"{LOOPBACK}:{server.server_address[1]}"

    def drop(self, distribution_id: str, paths: Sequence[str]) -> None:
        """Remove cached copies from a distribution's edge."""
        with self._lock:
            server = self._servers.get(distribution_id)
        if server is not None:
            server.edge.drop(paths)

    def close(self, distribution_id: str) -> None:
        """Stop listening for a distribution."""
        with self._lock:
            server = self._servers.pop(distribution_id, None)
        if server is not None:
            server.shutdown()
            server.server_close()
