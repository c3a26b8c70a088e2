"""A loopback proxy between Qt's player and the CDN.

The player does not verify certificates, takes no headers, hides the true error and freezes when a signed link runs
out. So it reads from here: ranges are forwarded over a verified connection, a refused link is signed again, a cut
download is taken up where it broke, and what the edge said is kept for the screen.

    player ── 127.0.0.1, secret path ──> connection thread ── verified HTTP ──> edge
                                              ^
    monitor thread: accepts, and notices a player that hangs up while the edge is silent

Memory: one block (256 KiB at most) per connection, whatever the length of the film.
"""

from __future__ import annotations

import logging
import secrets
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.delivery.forward import forward
from vidcdn_desktop.delivery.http import HttpClient
from vidcdn_desktop.delivery.session import PlaybackFacts, PlaybackSession, RangeRequest
from vidcdn_desktop.network import AS_FOUND, NetworkSettings

__all__ = ["PlaybackFacts", "PlaybackProxy", "PlaybackSession", "RangeRequest"]

_log = logging.getLogger(__name__)
_MOST_CONNECTIONS = 64
_HEAD_TIMEOUT_S = 30.0
"""Seconds for the player to send a request on a connection, also between two."""
_JOIN_S = 5.0


@dataclass(eq=False)
class _Connection:
    """One connection of a player."""

    sock: socket.socket
    thread: threading.Thread | None = None
    cancel: CancelToken | None = None
    """Ends the request in progress; None between requests."""


class PlaybackProxy:
    """Serves sessions on 127.0.0.1, on a random port. Starts with the first session. Any thread may call any method.

    Args:
        http: The client for the edges, owned by the caller; without one the proxy makes and closes its own.
        network: The user's proxy and authorities, for a client of its own.
    """

    def __init__(self, http: HttpClient | None = None, *, network: NetworkSettings = AS_FOUND) -> None:
        self._network = network
        self._owns_http = http is None
        self._http = http
        self._lock = threading.Lock()
        self._sessions: dict[str, PlaybackSession] = {}
        self._connections: set[_Connection] = set()
        self._listener: socket.socket | None = None
        self._wake: socket.socket | None = None
        self._monitor: threading.Thread | None = None
        self._changes: deque[tuple[_Connection, threading.Event | None]] = deque()
        self._closed = False
        self._port = 0

    def open(self, get_url: Callable[[], str], label: str = "") -> PlaybackSession:
        """Begin a session for one video.

        Args:
            get_url: Gives the CDN link, freshly signed where it needs to be. Called in a thread of the proxy, when
                the first request comes and again when the edge answers 403. May raise a `VidcdnError`.
            label: What to call the session in logs.

        Raises: OSError: no loopback port is to be had. RuntimeError: the proxy is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the playback proxy is closed")
            if self._listener is None:
                self._start()
            token = secrets.token_urlsafe(32)
            session = PlaybackSession(f"http://127.0.0.1:{self._port}/{token}", get_url, label, self._ended)
            self._sessions[token] = session
            return session

    def close(self) -> None:
        """End all sessions and connections and wait for the threads, which takes a moment. Twice is harmless."""
        with self._lock:
            self._closed = True
            sessions = list(self._sessions.values())
            wake, monitor = self._wake, self._monitor
        for session in sessions:
            session.close()
        if wake is not None:
            with suppress(OSError):
                wake.send(b"x")
        if monitor is not None and monitor is not threading.current_thread():
            monitor.join(_JOIN_S)
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            self._hang_up(connection)
        for connection in connections:
            if connection.thread is not None and connection.thread is not threading.current_thread():
                connection.thread.join(_JOIN_S)
                if connection.thread.is_alive():
                    _log.error("a playback connection did not end in time")
        with self._lock:
            listener, self._listener = self._listener, None
            wake, self._wake = self._wake, None
            http, self._http = (self._http, None) if self._owns_http else (None, self._http)
        for sock in (listener, wake):
            if sock is not None:
                sock.close()
        if http is not None:
            http.close()

    def __enter__(self) -> PlaybackProxy:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # Below: called by the connection threads and the monitor.

    @property
    def http(self) -> HttpClient:
        """The client for the edges."""
        with self._lock:
            if self._http is None:
                self._http = HttpClient(network=self._network)
            return self._http

    @property
    def authority(self) -> str:
        """The only Host header that is answered; others come from pages that rebind names."""
        return f"127.0.0.1:{self._port}"

    def session_at(self, path: str) -> PlaybackSession | None:
        """The session under a request path."""
        with self._lock:
            return self._sessions.get(path.removeprefix("/"))

    def watch(self, connection: _Connection, token: CancelToken) -> None:
        """Cancel `token` when the player hangs up."""
        connection.cancel = token
        self._tell_monitor(connection, None)

    def unwatch(self, connection: _Connection) -> None:
        """Leave the connection alone; returns when the monitor does."""
        connection.cancel = None
        done = threading.Event()
        if self._tell_monitor(connection, done):
            monitor = self._monitor
            while not done.wait(0.05):
                if monitor is None or not monitor.is_alive():
                    return

    def _tell_monitor(self, connection: _Connection, done: threading.Event | None) -> bool:
        self._changes.append((connection, done))
        with self._lock:
            wake = self._wake
            if wake is None or self._closed:
                return False
            try:
                wake.send(b"x")
            except BlockingIOError:  # it is full of wake-ups already
                return True
            except OSError:
                return False
        return True

    def _ended(self, session: PlaybackSession) -> None:
        with self._lock:
            self._sessions = {token: s for token, s in self._sessions.items() if s is not session}

    def _start(self) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.bind(("127.0.0.1", 0))
            listener.listen(16)
            listener.setblocking(False)
            wake, woken = socket.socketpair()
        except OSError:
            listener.close()
            raise
        wake.setblocking(False)
        woken.setblocking(False)
        self._listener, self._wake = listener, wake
        self._port = listener.getsockname()[1]
        self._monitor = threading.Thread(
            target=self._run_monitor, args=(listener, woken), name="playback-monitor", daemon=True
        )
        self._monitor.start()

    def _run_monitor(self, listener: socket.socket, woken: socket.socket) -> None:
        """Accept connections, and watch the ones with a request in progress for the player's hanging up."""
        with selectors.DefaultSelector() as selector, woken:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not self._closed:
                for key, _ in selector.select():
                    if key.fileobj is listener:
                        self._accept(listener)
                    elif key.fileobj is woken:
                        with suppress(OSError):
                            woken.recv(4096)
                    else:
                        self._look(selector, key.data)
                self._apply_changes(selector)
            self._apply_changes(selector)

    def _apply_changes(self, selector: selectors.BaseSelector) -> None:
        while self._changes:
            connection, done = self._changes.popleft()
            with suppress(KeyError, ValueError, OSError):
                selector.unregister(connection.sock)
            if done is not None:
                done.set()
            elif connection.cancel is not None:
                with suppress(KeyError, ValueError, OSError):
                    selector.register(connection.sock, selectors.EVENT_READ, connection)

    def _look(self, selector: selectors.BaseSelector, connection: _Connection) -> None:
        try:
            gone = connection.sock.recv(1, socket.MSG_PEEK) == b""
        except (BlockingIOError, TimeoutError):
            return
        except OSError:
            gone = True
        # Either it hung up, or its next request waits in the socket: in both cases there is no more to watch.
        with suppress(KeyError, ValueError, OSError):
            selector.unregister(connection.sock)
        token = connection.cancel
        if gone and token is not None:
            token.cancel()

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        connection = _Connection(sock)
        connection.thread = threading.Thread(
            target=self._serve, args=(connection,), name="playback-connection", daemon=True
        )
        with self._lock:
            # Forgotten here and not by the thread itself, so that `close` waits for its very end.
            self._connections = {c for c in self._connections if c.thread is not None and c.thread.is_alive()}
            refused = self._closed or len(self._connections) >= _MOST_CONNECTIONS
            if not refused:
                self._connections.add(connection)
                connection.thread.start()
        if refused:
            sock.close()

    def _serve(self, connection: _Connection) -> None:
        try:
            connection.sock.settimeout(_HEAD_TIMEOUT_S)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Handler(connection, self)
        except (OSError, Cancelled):
            pass  # the player hung up
        finally:
            connection.sock.close()

    @staticmethod
    def _hang_up(connection: _Connection) -> None:
        token = connection.cancel
        if token is not None:
            token.cancel()
        _shut(connection.sock)


def _shut(sock: socket.socket) -> None:
    """End a connection from any thread; wakes whoever is blocked in it."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Reads the player's requests on one connection and answers them."""

    protocol_version = "HTTP/1.1"
    server_version = "vidcdn"
    sys_version = ""
    error_message_format = "%(code)d\n"
    error_content_type = "text/plain"

    def __init__(self, connection: _Connection, proxy: PlaybackProxy) -> None:
        self._connection = connection
        self._proxy = proxy
        server: Any = proxy  # the base class only keeps it
        super().__init__(connection.sock, connection.sock.getpeername(), server)

    def do_GET(self) -> None:
        """Forward a GET."""
        self._answer()

    def do_HEAD(self) -> None:
        """Forward a HEAD."""
        self._answer()

    def _answer(self) -> None:
        session = self._proxy.session_at(self.path)
        if self.headers.get("Host") != self._proxy.authority or session is None:
            self.send_error(404)
            self.close_connection = True
            return
        token = CancelToken()
        if not session.begin(token):
            self.send_error(404)
            self.close_connection = True
            return
        self._proxy.watch(self._connection, token)
        remove = token.on_cancel(lambda: _shut(self.connection))
        # A paused player takes nothing for hours; its hanging up wakes the blocked send.
        self.connection.settimeout(None)
        try:
            if not forward(self, session, self._proxy.http, token):
                self.close_connection = True
        except (Cancelled, OSError):
            self.close_connection = True
        finally:
            remove()
            session.end(token)
            self._proxy.unwatch(self._connection)
            self.connection.settimeout(_HEAD_TIMEOUT_S)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: request paths hold the session's secret."""
