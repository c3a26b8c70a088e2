"""A small real HTTP server that acts as an edge, told by each test how to behave."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def box(kind: bytes, payload: bytes = b"") -> bytes:
    return (len(payload) + 8).to_bytes(4, "big") + kind + payload


@dataclass
class Edge:
    """What the edge serves, and what it was asked."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(
        default_factory=lambda: {
            "Content-Type": "video/mp4",
            "ETag": '"abc"',
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Cache": "Miss from cloudfront",
            "X-Amz-Cf-Pop": "DUB56-P1",
            "X-Amz-Cf-Id": "id==",
        }
    )
    ranges: bool = True
    cut_after: int | None = None
    """Body bytes after which the connection is cut."""
    cuts_left: int = 1_000
    refuse: Callable[[str], int] | None = None
    """Path to status: not 0 answers with this status and `error_body`."""
    error_body: bytes = b""
    hold: threading.Event | None = None
    """Wait for this before the body."""
    reached: threading.Event = field(default_factory=threading.Event)
    """Set when the head of an answer was sent."""
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when the client ended a connection in the middle of a body."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path, Range of each request."""
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v/a.mp4"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    edge: Edge

    def do_GET(self) -> None:
        edge = self.edge
        wanted = self.headers.get("Range", "")
        edge.asked.append((self.command, self.path, wanted))
        status = (edge.refuse(self.path) if edge.refuse else 0) or edge.status
        if status != 200:
            self._send(status, edge.error_body, {})
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        if not (found and edge.ranges):
            self._send(200, edge.body, {})
            return
        first = int(found[1])
        if first >= len(edge.body):
            self._send(416, b"", {"Content-Range": f"bytes */{len(edge.body)}"})
            return
        last = min(int(found[2] or len(edge.body) - 1), len(edge.body) - 1)
        extra = {"Content-Range": f"bytes {first}-{last}/{len(edge.body)}", "Accept-Ranges": "bytes"}
        self._send(206, edge.body[first : last + 1], extra)

    do_HEAD = do_GET

    def _send(self, status: int, body: bytes, extra: dict[str, str]) -> None:
        edge = self.edge
        self.send_response_only(status)
        for name, value in {**edge.headers, **extra}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        edge.reached.set()
        try:
            if edge.hold is not None:
                self._hold(edge.hold)
            if edge.cut_after is not None and edge.cuts_left > 0 and len(body) > edge.cut_after:
                edge.cuts_left -= 1
                self.wfile.write(body[: edge.cut_after])
                self.close_connection = True
                return
            self.wfile.write(body)
        except OSError:
            edge.hung_up.set()
            self.close_connection = True

    def _hold(self, hold: threading.Event) -> None:
        """Wait for the test, or for the client to hang up."""
        self.connection.settimeout(0.02)
        try:
            while not hold.is_set():
                try:
                    if self.connection.recv(1) == b"":
                        raise ConnectionResetError
                except TimeoutError:
                    continue
        finally:
            self.connection.settimeout(10)

    def log_message(self, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or that refuses our certificate, is no error of the server."""


def serve(context: ssl.SSLContext | None = None) -> Iterator[Edge]:
    edge = Edge()
    handler = type("H", (Handler,), {"edge": edge, "timeout": 10})
    server = Server(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        edge.scheme = "https"
    edge.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield edge
    finally:
        if edge.hold is not None:
            edge.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()
