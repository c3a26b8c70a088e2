"""A store with one bucket that gives ranges of its objects, and misbehaves on request.

It checks no signature. It is for what real servers do not do when asked: replies cut at a chosen byte, stalls, changed
objects, stores that ignore conditions or ranges.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import servers

_PIECE = 1 << 16


@dataclass
class Stored:
    """An object."""

    data: bytes
    etag: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.etag = self.etag or hashlib.md5(self.data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Reply:
    """How one range is answered; the default answers rightly."""

    status: int = 206
    """Anything but 206: an error, with `code`."""
    code: str = ""
    stop_after: int | None = None
    """Send so many bytes of the range, then stop as `stop` says."""
    stop: str = "close"
    """close: an orderly end; reset: a reset; hang: nothing more until the server is released."""
    flip: bool = False
    """One bit of the first byte is another."""
    whole: bool = False
    """Ignore the range."""
    shift: int = 0
    """Answer with a range that begins so many bytes later."""


@dataclass(frozen=True)
class Asked:
    """One request for a range."""

    key: str
    start: int
    end: int
    """First byte not wanted."""
    if_match: str


def whole_ranges(folder: Path, name: str, range_size: int) -> int:
    """How many ranges an unfinished download of `name` has written down as whole."""
    try:
        state = json.loads((folder / f".{name}.part.json").read_text())
    except OSError:
        return 0
    return sum(length == range_size for _, length, _ in state["ranges"])


def until(ready: Callable[[], bool], alive: Callable[[], bool]) -> None:
    """Look again and again while something lives; for what can only be seen from outside."""
    pause = threading.Event()
    for _ in range(1000):
        if ready():
            return
        assert alive()
        pause.wait(0.02)
    raise AssertionError("it did not get there")


class RangeServer:
    """Runs while entered. `answer(asked)` decides; it is called in the connection's thread."""

    def __init__(self, answer: Callable[[Asked], Reply] = lambda _asked: Reply()) -> None:
        self.answer = answer
        self.objects: dict[str, Stored] = {}
        self.asked: list[Asked] = []
        self.honours_if_match = True
        self.cut_heads = 0
        """So many HEAD replies end in the middle of their headers."""
        self.hanging = 0
        self.sent_bytes = 0
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        """Notified with every reply that ended or hangs."""
        self.done = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                server._head(self)

            def do_GET(self) -> None:
                server._get(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 64
            block_on_close = True
            daemon_threads = True

            def handle_error(self, *_arguments: object) -> None:
                pass  # clients that are gone are what these tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.endpoint = servers.Endpoint(self.url, name="ranges")

    def __enter__(self) -> RangeServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.socket.close()

    def wait_for(self, ready: Callable[[], bool], timeout_s: float = 20) -> None:
        """Until `ready` (asked under the lock, at every event) is true."""
        with self.changed:
            assert self.changed.wait_for(ready, timeout_s), f"{self.done} done, {self.hanging} hang"

    def _find(self, handler: BaseHTTPRequestHandler) -> tuple[str, Stored | None]:
        key = unquote(urlsplit(handler.path).path).lstrip("/").partition("/")[2]
        return key, self.objects.get(key)

    def _head(self, handler: BaseHTTPRequestHandler) -> None:
        found = self._find(handler)[1]
        if found is None:
            handler.send_response(404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if self.cut_heads:
            self.cut_heads -= 1
            handler.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "abc')
            handler.close_connection = True
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(found.data)))
        self._facts(handler, found)

    def _facts(self, handler: BaseHTTPRequestHandler, found: Stored) -> None:
        handler.send_header("ETag", f'"{found.etag}"')
        for name, value in found.headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    def _error(self, handler: BaseHTTPRequestHandler, status: int, code: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/xml")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        key, found = self._find(handler)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", ""))
        assert wanted is not None
        start, end = int(wanted[1]), int(wanted[2]) + 1
        asked = Asked(key, start, end, handler.headers.get("If-Match", "").strip('"'))
        with self.lock:
            self.asked.append(asked)
        if found is None:
            self._error(handler, 404, "NoSuchKey")
        elif self.honours_if_match and asked.if_match and asked.if_match != found.etag:
            self._error(handler, 412, "PreconditionFailed")
        elif start >= len(found.data):
            self._error(handler, 416, "InvalidRange")
        else:
            self._range(handler, found, start, min(end, len(found.data)), self.answer(asked))

    def _range(self, handler: BaseHTTPRequestHandler, found: Stored, start: int, end: int, reply: Reply) -> None:
        if reply.status != 206:
            self._error(handler, reply.status, reply.code)
            return
        total = len(found.data)
        start += reply.shift
        if reply.whole:
            start, end = 0, total
            handler.send_response(200)
        else:
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{end - 1}/{total}")
        handler.send_header("Content-Length", str(end - start))
        self._facts(handler, found)
        data = memoryview(found.data)[start : end if reply.stop_after is None else start + reply.stop_after]
        if reply.flip:
            data = memoryview(bytes([data[0] ^ 1]) + bytes(data[1:]))
        for at in range(0, len(data), _PIECE):
            handler.wfile.write(data[at : at + _PIECE])
            with self.lock:
                self.sent_bytes += len(data[at : at + _PIECE])
        if reply.stop_after is None:
            with self.changed:
                self.done += 1
                self.changed.notify_all()
            return
        handler.close_connection = True
        if reply.stop == "hang":
            with self.changed:
                self.hanging += 1
                self.changed.notify_all()
            self.release.wait()
        elif reply.stop == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            handler.connection.close() if reply.stop == "reset" else handler.wfile.flush()
