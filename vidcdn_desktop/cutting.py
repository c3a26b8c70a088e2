"""Connections that another thread can cut, wherever they are: connecting, shaking hands, waiting, reading."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from vidcdn_desktop.cancel import CancelToken

_CONNECT_SLICE_S = 0.05
"""How often a connection attempt looks whether it was cancelled."""
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends a reset. A plain close leaves an edge with a full send buffer waiting."""


class Cut:
    """The connection of one request, so that another thread can cut it.

    Holds a duplicate of the socket: the TLS layer takes the original away from under us during the handshake.
    """

    def __init__(self, token: CancelToken) -> None:
        self.token = token
        self._lock = threading.Lock()
        self._duplicate: socket.socket | None = None
        self._grace_s = 0.0
        self._remove = token.on_cancel(self._on_cancel)

    def watch(self, sock: socket.socket) -> None:
        """Cut this connection on cancel (at once if that was before)."""
        with self._lock:
            if self._duplicate is not None:
                self._duplicate.close()
            self._duplicate = socket.fromfd(
                sock.fileno(), getattr(sock, "family", socket.AF_INET), getattr(sock, "type", socket.SOCK_STREAM)
            )
        if self.token.is_cancelled:
            self._cut()

    def give_grace(self, seconds: float) -> None:
        """From now on wait so long after a cancel before cutting: an answer is most likely on its way."""
        self._grace_s = seconds

    def _on_cancel(self) -> None:
        if not self._grace_s:
            self._cut()
            return
        later = threading.Timer(self._grace_s, self._cut)
        later.daemon = True
        later.start()

    def _cut(self) -> None:
        with self._lock:
            if self._duplicate is not None:
                with suppress(OSError):
                    self._duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    self._duplicate.shutdown(socket.SHUT_RDWR)

    def give_up(self) -> None:
        """The rest of the body is not wanted: tell the other side at once, by this thread."""
        self._cut()

    def release(self) -> None:
        """The connection goes back to the pool or is closed: leave it alone from now on."""
        self._remove()
        with self._lock:
            if self._duplicate is not None:
                self._duplicate.close()
                self._duplicate = None


_current = threading.local()


@contextmanager
def cutting(cut: Cut) -> Iterator[None]:
    """Let the connections this thread uses inside the block be cut by `cut`."""
    _current.cut = cut
    try:
        yield
    finally:
        _current.cut = None


def current_token() -> CancelToken | None:
    """What stops the requests of this thread at the moment; None if nothing does."""
    cut: Cut | None = getattr(_current, "cut", None)
    return None if cut is None else cut.token


def _connect(host: str, port: int, timeout_s: float, options: Any) -> socket.socket:
    """Connect to the first address that answers, giving up within a moment of a cancel."""
    cut: Cut | None = getattr(_current, "cut", None)
    last: OSError = OSError(errno.EHOSTUNREACH, "no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options or ():
                sock.setsockopt(*option)
            sock.setblocking(False)
            with suppress(BlockingIOError):
                sock.connect(address)
            _wait_connected(sock, time.monotonic() + timeout_s, cut)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            sock.settimeout(timeout_s)
        except OSError as exc:
            sock.close()
            last = exc
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last


def _wait_connected(sock: socket.socket, end: float, cut: Cut | None) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        while not selector.select(_CONNECT_SLICE_S):
            if cut is not None:
                cut.token.raise_if_cancelled()
            if time.monotonic() >= end:
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


class Cuttable:
    """Mixed into urllib3's connections: connects cancellably and shows its socket to the request's `Cut`."""

    def _new_conn(self: Any) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else 10.0
        try:
            sock = _connect(self._dns_host, self.port, float(timeout), self.socket_options)
        except socket.gaierror as exc:
            raise NameResolutionError(self.host, self, exc) from exc
        except TimeoutError as exc:
            raise ConnectTimeoutError(self, "timed out") from exc
        except OSError as exc:
            raise NewConnectionError(self, str(exc)) from exc
        self._show(sock)
        return sock

    def _show(self: Any, sock: socket.socket) -> None:
        cut: Cut | None = getattr(_current, "cut", None)
        if cut is not None:
            cut.watch(sock)

    def show(self: Any) -> None:
        """A connection that is open already is used by this thread now."""
        if self.sock is not None:
            self._show(self.sock)

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        """Send; a kept connection is shown first."""
        self.show()
        super().request(*args, **kwargs)  # type: ignore[misc]


class _PlainConnection(Cuttable, HTTPConnection):
    pass


class _TlsConnection(Cuttable, HTTPSConnection):
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


POOLS = {"http": _PlainPool, "https": _TlsPool}
"""For `PoolManager.pool_classes_by_scheme`."""
