"""One request of the player, answered with what the edge sends."""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.answers import content_range, plain_etag, refusal, whole_number
from vidcdn_desktop.delivery.http import HttpAnswer, HttpClient, checked_url
from vidcdn_desktop.delivery.session import Exchange, PlaybackSession
from vidcdn_desktop.delivery.urls import is_loopback
from vidcdn_desktop.errors import NotServed, Offline, SettingsInvalid, VidcdnError, WrongDelivery

_BLOCK = 256 * 1024
_PASSED_ON = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified")
_SINGLE_RANGE = re.compile(r"bytes=(?:\d{1,19}-\d{0,19}|-\d{1,19})")
_MEANING = "The video cannot be played from the CDN."


def forward(handler: BaseHTTPRequestHandler, session: PlaybackSession, http: HttpClient, token: CancelToken) -> bool:
    """Answer the request in `handler` from the session's link; False if the connection must be closed after it.

    Raises: Cancelled: the player hung up or the session was closed. OSError: the player hung up.
    """
    wanted = handler.headers.get("Range", "").strip()
    if not _SINGLE_RANGE.fullmatch(wanted):
        wanted = ""  # a server may ignore what it does not understand
    exchange = session.asked(wanted)
    try:
        answer = _ask(handler.command, session, http, exchange, wanted, token)
    except VidcdnError as error:
        session.failed(error)
        _send_empty(handler, 502)
        return True
    with answer:
        if answer.status not in (200, 206, 304):
            session.failed(_told(answer))
            # A redirect must not reach the player: it would follow it around this proxy.
            _send_empty(handler, 502 if 300 <= answer.status < 400 else answer.status)
            return True
        handler.send_response(answer.status)
        for name in _PASSED_ON:
            if name.lower() in answer.headers:
                handler.send_header(name, answer.headers[name.lower()])
        has_length = "content-length" in answer.headers
        if not has_length:
            handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command == "HEAD" or answer.status == 304:
            return has_length or answer.status == 304
        whole = _send_body(handler, session, http, exchange, answer, token)
    return whole and has_length


def _ask(
    method: str,
    session: PlaybackSession,
    http: HttpClient,
    exchange: Exchange,
    wanted: str,
    token: CancelToken,
    if_range: str = "",
) -> HttpAnswer:
    """Send the request on; a 403 is met once with a newly made link."""
    headers = {"Range": wanted} if wanted else {}
    if if_range:
        headers["If-Range"] = if_range
    url = _verified(session.url())
    answer = http.open(method, url, headers, token=token)
    if answer.status == 403:
        try:
            fresh = _verified(session.url(refused=url))
            if fresh != url:
                answer.close()
                answer = http.open(method, fresh, headers, token=token)
        except BaseException:
            answer.close()
            raise
    session.answered(exchange, answer.status, answer.headers)
    return answer


def _verified(url: str) -> str:
    """The link, if it can be fetched without anybody listening."""
    url = checked_url(url)
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.netloc):
        raise SettingsInvalid("The link is not encrypted.", _MEANING, "Use the https link.", subject=url)
    return url


def _told(answer: HttpAnswer) -> VidcdnError:
    try:
        body = answer.read_up_to(16 * 1024)
    except VidcdnError:
        body = b""  # the status alone tells enough
    return refusal(answer.status, answer.headers, body, answer.url, meaning=_MEANING)


def _send_empty(handler: BaseHTTPRequestHandler, status: int) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def _send_body(
    handler: BaseHTTPRequestHandler,
    session: PlaybackSession,
    http: HttpClient,
    exchange: Exchange,
    answer: HttpAnswer,
    token: CancelToken,
) -> bool:
    """Send the body; where the edge cuts it, go on from there with a new request. False if it stays incomplete."""
    length = whole_number(answer.headers.get("content-length", ""))
    here = content_range(answer.headers)
    start = here.first if answer.status == 206 and here is not None else 0
    etag = answer.headers.get("etag", "")
    sent = 0
    progress = True
    current = answer
    try:
        while True:
            try:
                block = current.read_some(_BLOCK)
                if not block and (length is None or sent >= length):
                    return True
                if not block:
                    raise Offline("The edge cut the connection.", _MEANING, "Try again.", subject=current.url)
            except VidcdnError as error:
                session.failed(error)
                if not progress or length is None or not _can_resume(etag):
                    return False
                progress = False
                if current is not answer:
                    current.close()
                current = answer
                wanted = f"bytes={start + sent}-{start + length - 1}"
                current = _resume(session, http, exchange, wanted, etag, token)
                continue
            # Counted first: the player must never have more than the facts tell.
            session.forwarded(exchange, len(block))
            handler.wfile.write(block)
            sent += len(block)
            progress = True
    except VidcdnError as error:
        session.failed(error)
        return False
    finally:
        if current is not answer:
            current.close()


def _can_resume(etag: str) -> bool:
    """Only a strong ETag proves that the rest belongs to the same bytes."""
    return bool(plain_etag(etag)) and not etag.startswith("W/")


def _resume(
    session: PlaybackSession, http: HttpClient, exchange: Exchange, wanted: str, etag: str, token: CancelToken
) -> HttpAnswer:
    answer = _ask("GET", session, http, exchange, wanted, token, if_range=etag)
    found = content_range(answer.headers)
    first = int(wanted.removeprefix("bytes=").partition("-")[0])
    if answer.status == 206 and found is not None and found.first == first and answer.headers.get("etag") == etag:
        return answer
    error: VidcdnError
    if answer.status in (200, 206):
        error = WrongDelivery(
            "The video was replaced while it was playing.", "The player stopped.", "Play it again.", subject=answer.url
        )
    elif answer.status == 304:
        error = NotServed("The edge gave no more of the video.", _MEANING, "Play it again.", subject=answer.url)
    else:
        error = _told(answer)
    answer.close()
    raise error
