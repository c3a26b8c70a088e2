"""A small HTTP client for talking to edges: verified TLS, no silent redirects, cancelled at once.

Every request has a `CancelToken`; cancelling it cuts the socket wherever the request is (connecting, shaking hands,
waiting, reading). Only looking up a name cannot be cut; it ends by the system's own timeout.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from botocore.httpsession import where as botocore_certificates
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.cutting import POOLS, Cut, cutting
from vidcdn_desktop.errors import Offline, ServiceTrouble, SettingsInvalid, VidcdnError
from vidcdn_desktop.network import AS_FOUND, NetworkSettings

USER_AGENT = "vidcdn-desktop"
_MEANING = "What the CDN serves is not known."


def checked_url(url: str) -> str:
    """The URL without fragment and surrounding space.

    Raises: SettingsInvalid: it is no http(s) URL, names no host, or carries a user name.
    """
    text = url.strip().partition("#")[0]
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
        good = good and (parts.port is None or parts.port > 0) and not any(c.isspace() for c in text)
    except ValueError:
        good = False
    if not good:
        raise SettingsInvalid(
            "This is not a web address.", "Nothing was checked.", "Enter a link that begins with https.", subject=url
        )
    return text


def tls_context(environ: Mapping[str, str] | None = None, network: NetworkSettings = AS_FOUND) -> ssl.SSLContext:
    """A context that verifies certificates and names.

    The system's authorities count (or those in SSL_CERT_FILE), and those of the settings or of AWS_CA_BUNDLE beside
    them; where the system has none that Python can find, the SDK's own list is used.

    Raises: SettingsInvalid: the bundle cannot be read.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    paths = ssl.get_default_verify_paths()
    if not paths.cafile and not paths.capath and not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(cafile=str(botocore_certificates()))
    bundle = network.bundle(environ)
    if bundle:
        context.load_verify_locations(cafile=bundle)
    return context


class HttpAnswer:
    """Status and headers of an answer, and its body to be read by one thread. Close it, or use it with `with`."""

    def __init__(self, response: urllib3.BaseHTTPResponse, cut: Cut, url: str) -> None:
        self._response = response
        self._cut = cut
        self.url = url
        self.status = response.status
        self.headers: dict[str, str] = {}
        """Lower-case names; repeated headers joined by commas."""
        for name, value in response.headers.items():
            self.headers[name.lower()] = value
        self.http_version = {10: "HTTP/1.0", 11: "HTTP/1.1", 20: "HTTP/2"}.get(response.version, "HTTP")

    def read_some(self, limit: int) -> bytes:
        """What is there, 1 to `limit` bytes, waiting for the first; empty at the end.

        Raises: Cancelled. Offline: the connection was cut before the announced end, or timed out.
        """
        try:
            data = self._response.read1(limit, decode_content=False)
        except (HTTPError, OSError, ValueError) as exc:
            self._cut.token.raise_if_cancelled()
            raise told(exc, self.url) from exc
        self._cut.token.raise_if_cancelled()
        return data or b""

    def read_up_to(self, length: int) -> bytes:
        """`length` bytes, fewer only at the end of the body. Raises as `read_some`."""
        parts: list[bytes] = []
        while length > 0:
            part = self.read_some(min(length, 256 * 1024))
            if not part:
                break
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Give the connection back, or cut it if the body was not read to its end. Twice is harmless."""
        unread = not self._response.closed
        if unread:
            self._cut.give_up()
        self._cut.release()
        if unread:
            self._response.close()
        self._response.release_conn()

    def __enter__(self) -> HttpAnswer:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class HttpClient:
    """Verified HTTP/1.1 with kept connections. Any thread may call `open`. Close it at the end.

    Proxies come from the settings, or else from the environment or the system; loopback is always reached directly.

    Args:
        connect_timeout_s: Seconds for one address to answer, TLS included.
        read_timeout_s: Seconds without a byte before the connection counts as dead.
        environ: Environment to take AWS_CA_BUNDLE from.
        network: The user's proxy and authorities.
    """

    def __init__(
        self,
        *,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 20.0,
        environ: Mapping[str, str] | None = None,
        network: NetworkSettings = AS_FOUND,
    ) -> None:
        self._timeout = urllib3.Timeout(connect=connect_timeout_s, read=read_timeout_s)
        self._environ = environ
        self._network = network
        self._lock = threading.Lock()
        self._managers: dict[str, urllib3.PoolManager] = {}

    def open(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, *, token: CancelToken
    ) -> HttpAnswer:
        """Send a request and wait for the head of its answer, whatever its status. Redirects are not followed.

        Raises: Cancelled. SettingsInvalid: no http(s) URL. Offline: no answer (name, refused, TLS, time, cut).
        """
        url = checked_url(url)
        token.raise_if_cancelled()
        cut = Cut(token)
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **(headers or {})}
        try:
            with cutting(cut):
                response = self._manager(url).urlopen(
                    method,
                    url,
                    headers=sent,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                    timeout=self._timeout,
                )
        except (HTTPError, OSError, ValueError) as exc:
            cut.release()
            token.raise_if_cancelled()
            raise told(exc, url) from exc
        except BaseException:
            cut.release()
            raise
        answer = HttpAnswer(response, cut, url)
        if token.is_cancelled:
            answer.close()
            raise Cancelled
        return answer

    def close(self) -> None:
        """Close the kept connections. Requests in flight end by their own tokens."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            manager.clear()

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = self._network.proxy_for(url)
        with self._lock:
            manager = self._managers.get(proxy)
            if manager is None:
                manager = self._managers[proxy] = self._make_manager(proxy)
            return manager

    def _make_manager(self, proxy: str) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": 8, "ssl_context": tls_context(self._environ, self._network)}
        if proxy:
            parts = urlsplit(proxy)
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
            proxy_headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
            plain = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            manager: urllib3.PoolManager = urllib3.ProxyManager(
                plain, proxy_headers=proxy_headers, proxy_ssl_context=options["ssl_context"], **options
            )
        else:
            manager = urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = POOLS
        return manager


def _is_certificate(exc: BaseException) -> bool:
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        inner = seen.args[0] if seen.args and isinstance(seen.args[0], BaseException) else None
        seen = inner or seen.__cause__
    return False


_Reason = tuple[type[BaseException], Callable[[str], str], str]
_REASONS: tuple[_Reason, ...] = (
    (NameResolutionError, lambda host: f"The name {host} was not found.", "Check the address and the network."),
    # Before the timeout, which is its parent class.
    (NewConnectionError, lambda host: f"{host} could not be reached.", "Check the address and the network."),
    (ConnectTimeoutError, lambda host: f"{host} did not answer in time.", "Check the network and try again."),
    (ReadTimeoutError, lambda host: f"{host} stopped answering.", "Try again in a moment."),
    (ProxyError, lambda _host: "The network's proxy did not let the request through.", "Check the proxy settings."),
    (IncompleteRead, lambda host: f"{host} cut the connection before the end.", "Try again."),
)


def _is_no_http(exc: BaseException) -> bool:
    """Whether the other side speaks something else; hanging up, early or in the middle, does not count."""
    cut = (http.client.RemoteDisconnected, http.client.IncompleteRead)
    return any(isinstance(a, http.client.HTTPException) and not isinstance(a, cut) for a in exc.args)


def _was_refused(exc: BaseException) -> bool:
    return isinstance(exc, NewConnectionError) and isinstance(exc.__cause__, ConnectionRefusedError)


def told(exc: BaseException, url: str, meaning: str = _MEANING) -> VidcdnError:
    """Tell a failure of the connection in words."""
    host = urlsplit(url).hostname or "The server"
    code = type(exc).__name__
    if isinstance(exc, LocationValueError):
        return SettingsInvalid(
            "This is not a web address.", meaning, "Enter a link that begins with https.", subject=url, code=code
        )
    if isinstance(exc, (SSLError, ssl.SSLError)) or _is_certificate(exc):
        if _is_certificate(exc):
            return Offline(
                f"The connection is not secure: the certificate of {host} could not be verified.",
                meaning,
                "Check the address, the clock and your network's certificate.",
                subject=url,
                code=code,
            )
        return Offline(f"No secure connection to {host} came about.", meaning, "Try again.", subject=url, code=code)
    if _was_refused(exc):
        advice = "Check the address and the network."
        what_refused = f"{host} refused the connection."
        return Offline(what_refused, meaning, advice, subject=url, retryable=True, code=code)
    for kind, what, advice in _REASONS:
        if isinstance(exc, kind):
            return Offline(what(host), meaning, advice, subject=url, retryable=True, code=code)
    if _is_no_http(exc):
        return ServiceTrouble(
            f"{host} answered with something that is no HTTP.", meaning, "Check the address.", subject=url, code=code
        )
    return Offline(f"{host} cut the connection.", meaning, "Try again.", subject=url, retryable=True, code=code)
