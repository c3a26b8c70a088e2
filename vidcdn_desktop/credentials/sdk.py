"""How the AWS SDK's S3 client is set up: timeouts, retries, checksums, and our hooks in a request."""

from __future__ import annotations

from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection
from botocore.config import Config
from botocore.handlers import add_expect_header
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

from vidcdn_desktop.courtesy import give_way
from vidcdn_desktop.cutting import Cuttable
from vidcdn_desktop.network import is_loopback as is_loopback

_APP_ID = "vidcdn-desktop"

_CONNECT_TIMEOUT_S = 10
"""Also how long one write may stall: urllib3 sends under the connect timeout."""

_READ_TIMEOUT_S = 60

_ATTEMPTS = 5

_SENDING_OPERATIONS = frozenset({"PutObject", "UploadPart"})


class _PlainConnection(Cuttable, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(Cuttable, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def client_config(
    *, max_connections: int = 20, path_style: bool = False, endpoint_url: str = "", attempts: int = _ATTEMPTS
) -> Config:
    """The settings of every client we build.

    The payload is not hashed with SHA-256 where TLS (or the loopback interface) already protects it: that alone made
    uploads three times slower than necessary. Uploads carry a CRC of their own instead.

    Args:
        max_connections: Size of the connection pool; at least the number of requests at the same time.
        path_style: Put the bucket into the path instead of the host name.
        endpoint_url: Of an S3-compatible store or the practice cloud; empty for AWS, which is always https.
        attempts: How often the SDK tries a request, the first time included.
    """
    protected = not endpoint_url or endpoint_url.lower().startswith("https://") or is_loopback(endpoint_url)
    app: dict[str, Any] = {"user_agent_appid": _APP_ID}  # missing in the type stubs
    return Config(
        **app,
        signature_version="s3v4",
        max_pool_connections=max_connections,
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        tcp_keepalive=True,
        # "when_supported" would switch https uploads to a trailer without Content-Length, which several
        # compatible stores answer with 411.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "payload_signing_enabled": not protected,
            "addressing_style": "path" if path_style else "auto",
        },
    )


_STEPS = ("provide-client-params", "before-call", "request-created", "before-sign", "before-send", "after-call")
"""Of a request in the SDK, which takes 2 ms of Python from the first to the last."""


def prepare_s3_client(client: Any) -> None:
    """Install our hooks on a new S3 client, once, before it is shared between threads.

    A body with a method `count_reads(on: bool)` is told when the pass that really sends begins: the SDK may read a
    body before that, to sign it, and those bytes must not be counted as sent. An object whose body says `asks_first` is
    announced ("Expect: 100-continue") before it is sent.
    """
    # Connections that a cancel, a pause or the watchdog can cut from another thread. botocore offers no public way to
    # choose the class of a connection; the pools look it up in this table when they connect.
    client._endpoint.http_session._pool_classes_by_scheme.update(http=_PlainPool, https=_TlsPool)
    events = client.meta.events
    events.register_first("request-created.s3", _stop_counting, unique_id="vidcdn-stop-counting")
    events.register_last("request-created.s3", _start_counting, unique_id="vidcdn-start-counting")
    events.unregister("before-call.s3", add_expect_header)
    events.register("before-call.s3", _expect_for_large_bodies, unique_id="vidcdn-expect")
    for step in _STEPS:
        events.register(f"{step}.s3", _give_way, unique_id=f"vidcdn-{step}")


def _give_way(**_: Any) -> None:
    give_way()


def _count(request: Any, operation_name: str, on: bool) -> None:
    if operation_name in _SENDING_OPERATIONS:
        count_reads = getattr(request.body, "count_reads", None)
        if count_reads is not None:
            count_reads(on)


def _stop_counting(request: Any, operation_name: str, **_: Any) -> None:
    _count(request, operation_name, False)


def _start_counting(request: Any, operation_name: str, **_: Any) -> None:
    _count(request, operation_name, True)


def _expect_for_large_bodies(model: Any, params: dict[str, Any], **_: Any) -> None:
    if model.name != "PutObject":
        return
    if getattr(params.get("body"), "asks_first", False):
        params["headers"]["Expect"] = "100-continue"
