"""The front of the practice APIs: only requests signed with the practice key reach moto."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import MotoRequestHandler

from vidcdn_desktop.practice.signatures import NotSigned, SignedRequest, check, service_of

HEADERS_KEY = "vidcdn.headers"
_CLOSED = ("/moto-api", "/latest/meta-data", "/latest/api", "/favicon.ico")
"""Doors of moto that are no part of AWS; one of them empties everything."""
_MAX_HASHED_BODY = 8 * 1024 * 1024
_BLOCK = 256 * 1024

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class QuietRequestHandler(MotoRequestHandler):
    """Keeps the headers as sent, and logs nothing: request lines of presigned URLs hold signatures."""

    def make_environ(self) -> dict[str, Any]:
        """The WSGI environment, with the raw headers in it."""
        environ: dict[str, Any] = super().make_environ()
        environ[HEADERS_KEY] = list(self.headers.items())
        return environ

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


class Gate:
    """A WSGI application in front of another."""

    def __init__(self, inner: WsgiApp, access_key_id: str, secret_access_key: str) -> None:
        self._inner = inner
        self._access_key_id = access_key_id
        self._secret = secret_access_key

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass the request on, or refuse it."""
        request = _signed_request(environ)
        try:
            if request.raw_path.startswith(_CLOSED):
                raise NotSigned("AccessDenied", "Access Denied")
            if request.method != "OPTIONS":  # a browser's preflight is never signed
                check(request, self._access_key_id, self._secret)
        except NotSigned as refusal:
            _drain(environ)
            return _refuse(refusal, service_of(request), request.method, start_response)
        return self._inner(environ, start_response)


def _signed_request(environ: dict[str, Any]) -> SignedRequest:
    target = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "/")
    if not target.startswith("/"):  # absolute form
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")

    def body_sha256() -> str:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > _MAX_HASHED_BODY:
            raise NotSigned("InvalidRequest", "The body is too large.")
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        return hashlib.sha256(body).hexdigest()

    return SignedRequest(environ["REQUEST_METHOD"], path, query, environ[HEADERS_KEY], body_sha256)


def _drain(environ: dict[str, Any]) -> None:
    """Read what the client is still sending, so that it sees the answer and not a broken connection."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left > 0:
        block = environ["wsgi.input"].read(min(left, _BLOCK))
        if not block:
            return
        left -= len(block)


def _refuse(refusal: NotSigned, service: str, method: str, start_response: Any) -> Iterable[bytes]:
    request_id = secrets.token_hex(8).upper()
    code, message = refusal.code, escape(refusal.message)
    if service in ("", "s3"):
        text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
    else:
        if code == "InvalidAccessKeyId":
            code = "InvalidClientTokenId"
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    body = b"" if method == "HEAD" else ('<?xml version="1.0" encoding="UTF-8"?>\n' + text).encode()
    headers = [("Content-Type", "application/xml"), ("x-amz-request-id", request_id)]
    if method != "HEAD":
        headers.append(("Content-Length", str(len(body))))
    start_response("403 Forbidden", headers)
    return [body]
