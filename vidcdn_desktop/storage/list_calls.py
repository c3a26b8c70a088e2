"""ListObjectsV2 and ListObjectVersions as raw XML, without the SDK's parser, which takes 50 ms of Python a page.

    the first call for a bucket ──> SDK, watched: its answer is kept as it came, its parser gets an empty one
    every other one             ──> the same request, signed by the SDK's signer, sent over its connections
    whatever is no listing      ──> the SDK asks again: its redirects, its exceptions, its words

Source: Amazon S3 API Reference, ListObjectsV2, ListObjectVersions.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest

from vidcdn_desktop.storage.addressing import Address, Addresses, Operation

_LISTING = re.compile(rb"<(?:\w+:)?List\w*Result\b")
_HEAD_BYTES = 400
"""The root element of an answer begins within so many bytes."""
_NOTHING = b"<ListBucketResult/>"

_FIXED_QUERIES = {"ListObjectsV2": "list-type=2", "ListObjectVersions": "versions="}


class ListCalls:
    """Fetches pages of listings. Any thread.

    Args:
        client: A client of `credentials.sdk`; best one that tries once, since a cancel does not wake a sleeping SDK.
        owner: Arguments for every call: the account that must own the bucket, or nothing.
    """

    def __init__(self, client: Any, owner: Mapping[str, str]) -> None:
        self._client = client
        self._owner = owner
        self._operations = {name: Operation(client, name) for name in _FIXED_QUERIES}
        self._by_sdk: dict[str, Callable[..., Any]] = {
            "ListObjectsV2": client.list_objects_v2,
            "ListObjectVersions": client.list_object_versions,
        }
        self._addresses = Addresses(client, tuple(_FIXED_QUERIES))
        self._mine = threading.local()
        for name in _FIXED_QUERIES:
            client.meta.events.register_last(f"before-parse.s3.{name}", self._keep)

    def fetch(self, operation: str, bucket: str, arguments: Mapping[str, Any]) -> bytes:
        """The answer's body; names in it are URL-encoded if it says so.

        Args:
            operation: "ListObjectsV2" or "ListObjectVersions".
            bucket: Its name.
            arguments: As the SDK names them, without bucket, owner and encoding.

        Raises: what the SDK raises.
        """
        given = {**arguments, **self._owner, "EncodingType": "url"}
        address = self._addresses.get(bucket)
        if address is not None:
            body = self._send(self._operations[operation], address, given)
            if body is not None:
                return body
            self._addresses.forget(bucket)
        return self._ask_sdk(operation, bucket, given)

    def _send(self, operation: Operation, address: Address, arguments: Mapping[str, Any]) -> bytes | None:
        """The body of a listing; None: this is for the SDK."""
        found = operation.spread(arguments)
        if found is None:
            return None
        headers, query = found
        url = f"{address.url}?{_FIXED_QUERIES[operation.name]}&{query}"
        request = AWSRequest("GET", url, headers={**headers, "User-Agent": address.user_agent})
        request.context["client_config"] = self._client.meta.config
        auth = address.signer.get_auth_instance("s3", address.region, "s3v4")
        S3SigV4Auth(auth.credentials, "s3", address.region).add_auth(request)
        signed: Any = dict(request.headers.items())
        prepared = AWSPreparedRequest("GET", str(request.url), signed, None, stream_output=False)
        answer = self._client._endpoint.http_session.send(prepared)
        body: bytes = answer.content
        return body if answer.status_code == HTTPStatus.OK and _LISTING.search(body, 0, _HEAD_BYTES) else None

    def _ask_sdk(self, operation: str, bucket: str, arguments: Mapping[str, Any]) -> bytes:
        self._addresses.listen()
        self._mine.wanted, self._mine.body = True, b""
        try:
            self._by_sdk[operation](Bucket=bucket, **arguments)
        finally:
            self._mine.wanted = False
        self._addresses.learn(bucket)
        body: bytes = self._mine.body
        return body

    def _keep(self, response_dict: dict[str, Any], **_: Any) -> None:
        """Keep a success as it came, in the thread of the call. An error within a success has its status by now."""
        if getattr(self._mine, "wanted", False) and response_dict["status_code"] < HTTPStatus.MULTIPLE_CHOICES:
            self._mine.body = response_dict["body"]
            response_dict["body"] = _NOTHING
