"""Bad weather between us and a real S3 server: a proxy that knows requests.

    client ── http or https ──> FaultProxy ── http ──> moto, Swift
                                   │
                                   └─ plan(Request) -> Act: pass, cut, stall, slow, refuse, lose, repeat, damage

Plans are in `faultplans`. Everything that happened is in `FaultProxy.exchanges`.
"""

from __future__ import annotations

import contextlib
import enum
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from faultplans import PASS, Act, Fault, Request, operation_of, query_of

_PIECE = 1 << 16
_HEAD_LIMIT = 1 << 18
_IDLE_S = 120.0


class Phase(enum.Enum):
    """Where a request is when `FaultProxy.watch` is told."""

    ARRIVED = "its head was read"
    HALF = "half of its body was read"
    DONE = "the server has answered, the client does not know"
    ANSWERED = "the answer was sent"


@dataclass
class Exchange:
    """What became of one request."""

    request: Request
    act: Act
    up_bytes: int = 0
    """Of the body, received from the client."""
    down_bytes: int = 0
    """Sent to the client."""
    status: int = 0
    """What the server said; 0 if it was not asked or did not answer."""


class FaultProxy:
    """A proxy in front of an http server on loopback; use as a context manager.

    Args:
        upstream: URL of the server.
        plan: Asked for every request, in the connection's thread.
        tls: Certificate and key: the clients speak https.
        watch: Told about every phase of every request, in the connection's thread; what it waits for, waits.
        mend: Changes the server's answers to what a better server would say, before anything befalls them. It must not
            change their length.
    """

    def __init__(
        self,
        upstream: str,
        plan: Callable[[Request], Act] = lambda _request: PASS,
        *,
        tls: tuple[Path, Path] | None = None,
        watch: Callable[[Phase, Request], None] = lambda _phase, _request: None,
        mend: Callable[[Request, bytes], bytes] = lambda _request, reply: reply,
    ) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.plan = plan
        self.watch = watch
        self.mend = mend
        self.down = threading.Event()
        """While set, every connection is reset: the network is gone."""
        self.exchanges: list[Exchange] = []
        self.connections = 0
        """Accepted so far."""
        self.most_connections = 0
        """The most that were open at one time."""
        self.up_bytes = 0
        """Body bytes of all requests, as they came in."""
        self.down_bytes = 0
        """Bytes of all answers, as they went out."""
        self._context: ssl.SSLContext | None = None
        if tls is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*tls)
        self._lock = threading.Lock()
        self._seen: Counter[tuple[str, str, int]] = Counter()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> FaultProxy:
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        self.cut_all()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def cut_all(self) -> None:
        """End every connection that is open now."""
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def count(self, operation: str) -> int:
        """How many requests of an operation came."""
        with self._lock:
            return sum(exchange.request.operation == operation for exchange in self.exchanges)

    def faults(self) -> Counter[Fault]:
        """How often each fault struck."""
        with self._lock:
            return Counter(e.act.fault for e in self.exchanges if e.act.fault is not Fault.NONE)

    def sent_of(self, operation: str) -> int:
        """Body bytes received in all requests of an operation."""
        with self._lock:
            return sum(e.up_bytes for e in self.exchanges if e.request.operation == operation)

    def story(self) -> str:
        """One line a request, for the message of a test that fails; the middle of a long one is left out."""
        with self._lock:
            lines = [
                f"{e.request.index:4} {e.request.operation:24}{e.request.part or '':>4} #{e.request.nth} "
                f"{e.act.fault.name if e.act.fault is not Fault.NONE else '-':15}"
                f" up {e.up_bytes} of {e.request.size} server {e.status or '-'} down {e.down_bytes}"
                for e in self.exchanges
            ]
        if len(lines) > 80:
            lines[50:-20] = [f"     … {len(lines) - 70} more"]
        return "\n".join(lines)

    def _start(self, call: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=call, args=arguments, name="fault-proxy", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            if not select.select([self._listener], [], [], 0.1)[0]:
                continue
            sock, _ = self._listener.accept()
            if self.down.is_set():
                _reset(sock)
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(_IDLE_S)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with self._registered(sock), contextlib.suppress(OSError, ValueError):
            if self._context is not None:
                with self._lock:
                    self._open.discard(sock)
                sock = self._context.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.add(sock)
            try:
                talk = _Talk(self, sock)
                while talk.one_request():
                    pass
            finally:
                with self._lock:
                    self._open.discard(sock)
                sock.close()

    @contextlib.contextmanager
    def _registered(self, sock: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(sock)
            self.connections += 1
            self.most_connections = max(self.most_connections, len(self._open))
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    # What a conversation needs of its proxy.

    def begin(self, method: str, target: str, headers: Mapping[str, str], size: int) -> Exchange:
        """Number a request and decide what befalls it."""
        operation = operation_of(method, target)
        key = (operation, urlsplit(target).path, int(query_of(target).get("partNumber", "0") or 0))
        with self._lock:
            self._seen[key] += 1
            request = Request(len(self.exchanges) + 1, method, target, headers, size, self._seen[key])
            exchange = Exchange(request, PASS)
            self.exchanges.append(exchange)
        exchange.act = self.plan(request)
        return exchange

    def received(self, exchange: Exchange, count: int) -> None:
        with self._lock:
            exchange.up_bytes += count
            self.up_bytes += count

    def sent(self, exchange: Exchange, count: int) -> None:
        with self._lock:
            exchange.down_bytes += count
            self.down_bytes += count

    def pause(self, seconds: float) -> None:
        """A stall; ends early with the proxy."""
        self._closing.wait(seconds)

    def ask(self, *pieces: bytes) -> bytes:
        """A whole request to the server, on a connection of its own; its whole answer."""
        with socket.create_connection(self._upstream, timeout=_IDLE_S) as server:
            for piece in pieces:
                server.sendall(piece)
            return self.answer_of(server)

    def connect(self) -> socket.socket:
        return socket.create_connection(self._upstream, timeout=_IDLE_S)

    @staticmethod
    def answer_of(server: socket.socket) -> bytes:
        """Everything until the server ends the connection."""
        pieces = []
        while piece := server.recv(_PIECE):
            pieces.append(piece)
        return b"".join(pieces)


class _Talk:
    """One client's connection, request after request."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._rest = b""

    def one_request(self) -> bool:
        """Serve one; False when the connection has ended."""
        head = self._head()
        if not head:
            return False
        method, target = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2]
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
            if name
        }
        size = int(headers.get("x-amz-decoded-content-length") or headers.get("content-length") or 0)
        exchange = self._proxy.begin(method, target, headers, size)
        self._proxy.watch(Phase.ARRIVED, exchange.request)
        if exchange.act.fault is Fault.REFUSED or self._proxy.down.is_set():
            return self._reset()
        if exchange.act.fault is Fault.EARLY_ANSWER:
            self._give(exchange, exchange.act.answer)
            return False
        if headers.get("expect", "").lower() == "100-continue":
            self._client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        for name in (b"expect", b"connection"):
            head = re.sub(rb"(?i)\r\n" + name + rb":[^\r]*", b"", head)
        head = head.removesuffix(b"\r\n\r\n") + b"\r\nConnection: close\r\n\r\n"
        return self._pass(exchange, head)

    def _head(self) -> bytes:
        while b"\r\n\r\n" not in self._rest:
            piece = self._client.recv(_PIECE)
            if not piece or len(self._rest) > _HEAD_LIMIT:
                return b""
            self._rest += piece
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def _pass(self, exchange: Exchange, head: bytes) -> bool:
        """Take the body, let the server do its work unless the act forbids it, and give the answer."""
        act, request = exchange.act, exchange.request
        answered_here = act.fault is Fault.ANSWER or (act.fault is Fault.ERROR_IN_200 and not act.forward)
        kept: list[bytes] = []
        with contextlib.ExitStack() as stack:
            server = None
            if not answered_here:
                server = stack.enter_context(self._proxy.connect())
                server.sendall(head)
            for piece in self._body(exchange):
                if server is not None:
                    server.sendall(piece)
                if act.fault is Fault.SENT_TWICE:
                    kept.append(piece)
            if act.fault is Fault.CUT_BODY and not request.size:
                return self._reset()
            if server is None:
                return self._give(exchange, act.answer)
            reply = self._proxy.answer_of(server)
        if act.fault is Fault.SENT_TWICE:
            reply = self._proxy.ask(head, *kept)
        found = re.match(rb"HTTP/1\.\d (\d+)", reply)
        exchange.status = int(found[1]) if found else 0
        reply = self._proxy.mend(request, reply)
        self._proxy.watch(Phase.DONE, request)
        return self._reply(exchange, reply)

    def _body(self, exchange: Exchange) -> Iterator[bytes]:
        """The pieces of the body as they arrive, with what befalls them on the way."""
        act, request = exchange.act, exchange.request
        point = min(int(request.size * act.at), max(0, request.size - 1))
        seen, struck, halfway = 0, False, request.size == 0
        begun = time.monotonic()
        for piece in self._pieces(request.headers):
            before, seen = seen, seen + len(piece)
            self._proxy.received(exchange, len(piece))
            if act.rate_bytes_per_s:
                self._proxy.pause(seen / act.rate_bytes_per_s - (time.monotonic() - begun))
            if not halfway and seen * 2 >= request.size:
                halfway = True
                self._proxy.watch(Phase.HALF, request)
            if not struck and seen > point:
                struck = True
                if act.fault is Fault.CUT_BODY:
                    self._reset()
                    raise ConnectionAbortedError
                if act.fault is Fault.STALL_BODY:
                    self._proxy.pause(act.seconds)
                if act.fault is Fault.FLIPPED_BODY:
                    place = point - before
                    piece = piece[:place] + bytes([piece[place] ^ 1]) + piece[place + 1 :]
            yield piece

    def _pieces(self, headers: Mapping[str, str]) -> Iterator[bytes]:
        """The raw body: as long as announced, or chunk by chunk with its framing."""
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            yield from self._exactly(int(headers.get("content-length") or 0))
            return
        while True:
            line = self._line()
            yield line
            length = int(line.split(b";")[0], 16)
            if length:
                yield from self._exactly(length + 2)
                continue
            while line != b"\r\n":
                line = self._line()
                yield line
            return

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self._rest[:left] or self._client.recv(min(left, _PIECE))
            self._rest = self._rest[len(piece) :] if self._rest else b""
            if not piece:
                raise ConnectionAbortedError
            left -= len(piece)
            yield piece

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            piece = self._client.recv(_PIECE)
            if not piece:
                raise ConnectionAbortedError
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line + b"\n"

    def _reply(self, exchange: Exchange, reply: bytes) -> bool:
        act = exchange.act
        reply = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", reply, count=1)
        if act.fault is Fault.STALL_REPLY:
            self._proxy.pause(act.seconds)
        if act.fault is Fault.LOST_REPLY:
            return self._reset()
        if act.fault in (Fault.CUT_REPLY, Fault.SHORT_REPLY):
            # At least one byte short, and never nothing: that would be a lost reply.
            length = max(1, min(int(len(reply) * act.at), len(reply) - 1))
            self._client.sendall(reply[:length])
            self._proxy.sent(exchange, length)
            return self._reset() if act.fault is Fault.CUT_REPLY else False
        if act.fault is Fault.ERROR_IN_200:
            reply = act.answer
        if act.fault is Fault.FALSE_CHECKSUM:
            reply = falsified(reply)
        if act.fault is Fault.ANSWERED_TWICE:
            self._give(exchange, reply)
        return self._give(exchange, reply)

    def _give(self, exchange: Exchange, reply: bytes) -> bool:
        """Send an answer; True if the client can tell where it ends and may go on."""
        if exchange.request.method == "HEAD":
            reply = reply.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        self._client.sendall(reply)
        self._proxy.sent(exchange, len(reply))
        self._proxy.watch(Phase.ANSWERED, exchange.request)
        head = reply.partition(b"\r\n\r\n")[0]
        ends = re.search(rb"(?i)\r\ncontent-length:", head) or re.match(rb"HTTP/1\.1 (204|304)", head)
        return bool(ends) or exchange.request.method == "HEAD"

    def _reset(self) -> bool:
        _reset(self._client)
        return False


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def falsified(reply: bytes) -> bytes:
    """An answer whose checksum, in a header or in XML, is another one; the same length."""

    def other(found: re.Match[bytes]) -> bytes:
        first = found[2][:1]
        return found[1] + (b"B" if first != b"B" else b"C") + found[2][1:]

    reply = re.sub(rb"(?i)(\r\nx-amz-checksum-(?:crc32|crc64nvme): *)([^\r]+)", other, reply)
    return re.sub(rb"(<Checksum(?:CRC32|CRC64NVME)>)([^<]+)", other, reply)
