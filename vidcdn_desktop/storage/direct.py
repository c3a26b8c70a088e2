"""PutObject and UploadPart without the SDK's machinery, which takes 1 to 2 ms of Python a call, all under the GIL.

    the first call for a bucket ──> SDK, watched: how is the bucket addressed, which region signs?
    every other one             ──> the same request, built from the SDK's own model, signed with the SDK's keys
                                    (`sigv4`), sent over the SDK's connections (`wire`); an answer that is more than
                                    "done" is read by the SDK's parser

So proxies, trust, timeouts, exceptions and error codes are the SDK's. What it does beside that is left to it: a call
this cannot build, and one that the store redirects, goes through it.

Source: Amazon S3 API Reference, PutObject, UploadPart; AWS Signature Version 4 for S3, "UNSIGNED-PAYLOAD".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.endpoint import convert_to_response_dict
from botocore.parsers import create_parser

from vidcdn_desktop.storage.addressing import Address, Addresses, Operation
from vidcdn_desktop.storage.sigv4 import host_of, signed
from vidcdn_desktop.storage.wire import Wire

_SAFE_IN_KEYS = "/~"
_REDIRECTS = frozenset({301, 302, 307, 308})
_ELSEWHERE = frozenset({"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "IncorrectEndpoint"})
"""The bucket is in another region: the SDK finds out which."""


class DirectCalls:
    """`put_object` and `upload_part` of an S3 client, with its arguments, replies and exceptions. Any thread.

    Args:
        client: A client of `credentials.sdk`, best one that tries once: one that tries more often is left to do so.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        config = client.meta.config
        self._able = _tries_once(config) and not (config.s3 or {}).get("payload_signing_enabled", True)
        self._put = Operation(client, "PutObject")
        self._part = Operation(client, "UploadPart")
        self._addresses = Addresses(client, (self._put.name, self._part.name) if self._able else ())
        self._parser = create_parser("rest-xml")
        self._wire = Wire(client._endpoint.http_session)

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """See PutObject of the SDK; raises what it raises."""
        return self._call(self._put, self._client.put_object, arguments)

    def upload_part(self, **arguments: Any) -> dict[str, Any]:
        """See UploadPart of the SDK; raises what it raises."""
        return self._call(self._part, self._client.upload_part, arguments)

    def _call(self, operation: Operation, by_sdk: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        address = self._addresses.get(arguments["Bucket"])
        if address is not None:
            request = _request(operation, address, arguments)
            reply = self._send(operation, address, request) if request is not None else None
            if reply is not None:
                return reply
            arguments["Body"].seek(0)
            self._addresses.forget(arguments["Bucket"])
        self._addresses.listen()
        given: dict[str, Any] = by_sdk(**arguments)
        if self._able:
            self._addresses.learn(arguments["Bucket"], _in_path(arguments["Key"]))
        return given

    def _send(self, operation: Operation, address: Address, request: _Request) -> dict[str, Any] | None:
        """The reply, parsed; None: this is for the SDK."""
        auth = address.signer.get_auth_instance("s3", address.region, "s3v4")
        headers = signed(
            "PUT", host_of(request.url), request.target, request.headers, auth.credentials, address.region,
            datetime.now(UTC),
        )  # fmt: skip
        count_reads = getattr(request.body, "count_reads", None)
        if count_reads is not None:
            count_reads(True)
        answer = None
        # An announced body waits for the server's word first: the SDK's connections know how.
        if "Expect" not in headers and hasattr(request.body, "read"):
            answer = self._wire.send("PUT", request.url, headers, request.body)
        if answer is None:
            answer = self._by_session(request, headers)
        if answer.status_code == 200 and not answer.content:
            return operation.reply(answer.headers)
        return self._parsed(operation, answer)

    def _by_session(self, request: _Request, headers: dict[str, str]) -> Any:
        body: Any = request.body
        given: Any = HeadersDict(headers)
        prepared = AWSPreparedRequest("PUT", request.url, given, body, stream_output=False)
        return self._client._endpoint.http_session.send(prepared)

    def _parsed(self, operation: Operation, answer: Any) -> dict[str, Any] | None:
        """What the SDK makes of an answer; raises as it does."""
        if answer.status_code in _REDIRECTS:
            return None
        found = convert_to_response_dict(answer, operation.model)
        if found["body"]:
            # An error in an answer that says 200, among others.
            self._client.meta.events.emit(
                f"before-parse.s3.{operation.name}",
                operation_model=operation.model,
                response_dict=found,
                customized_response_dict={},
            )
        reply: dict[str, Any] = self._parser.parse(found, operation.model.output_shape)
        if found["status_code"] < 300:
            return reply
        code = reply.get("Error", {}).get("Code", "")
        if code in _ELSEWHERE:
            return None
        raise self._client.exceptions.from_code(code)(reply, operation.name)


@dataclass(frozen=True)
class _Request:
    """A request, not signed."""

    url: str
    headers: dict[str, str]
    body: Any

    @property
    def target(self) -> str:
        """Path and query."""
        return "/" + self.url.partition("://")[2].partition("/")[2]


def _tries_once(config: Any) -> bool:
    retries = config.retries or {}
    return retries.get("total_max_attempts") == 1 or retries.get("max_attempts") == 0


def _in_path(key: str) -> str:
    return quote(key, safe=_SAFE_IN_KEYS)


def _request(operation: Operation, address: Address, arguments: dict[str, Any]) -> _Request | None:
    """The request; None if an argument is one for the SDK."""
    found = operation.spread(arguments)
    if found is None:
        return None
    headers, query = found
    headers["User-Agent"] = address.user_agent
    if operation.name == "PutObject" and getattr(arguments["Body"], "asks_first", False):
        headers["Expect"] = "100-continue"
    url = address.url + _in_path(arguments["Key"])
    if query:
        url += f"?{query}"
    return _Request(url, headers, arguments["Body"])
