"""How requests for one bucket are made, learned from a call that the SDK makes itself.

Who builds requests without the SDK's machinery (`direct`, `list_calls`) asks here where they go, which region signs
them and with which keys, and how an operation's arguments travel. All of it is the SDK's own: its endpoint rules,
its signer, its model.

Source: Amazon S3 API Reference; AWS Signature Version 4 for S3.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_PLACES = frozenset({"header", "headers", "querystring"})
_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": lambda text: text == "true",
}
_TYPES = frozenset({"string", "integer", "long", "map"})


@dataclass(frozen=True)
class Address:
    """How requests for one bucket are made."""

    url: str
    """Before the key, its slash included; of requests for a bucket, all before the query."""
    region: str
    user_agent: str
    signer: Any


@dataclass(frozen=True)
class _Member:
    """Where an argument goes in a request."""

    place: str
    """header, headers, querystring."""
    name: str


class Operation:
    """What the SDK's model says of one operation."""

    def __init__(self, client: Any, name: str) -> None:
        self.name = name
        model = client.meta.service_model.operation_model(name)
        self.model = model
        self._members: dict[str, _Member] = {}
        for argument, shape in model.input_shape.members.items():
            place = shape.serialization.get("location", "")
            if place in _PLACES and shape.type_name in _TYPES:
                self._members[argument] = _Member(place, shape.serialization["name"])
        self._told = [
            (member, shape.serialization.get("name", member).lower(), _READERS[shape.type_name])
            for member, shape in model.output_shape.members.items()
            if shape.serialization.get("location") == "header"
        ]

    def reply(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What the SDK's parser makes of an answer without a body."""
        lower = {name.lower(): text for name, text in headers.items()}
        reply: dict[str, Any] = {m: read(lower[name]) for m, name, read in self._told if name in lower}
        about: dict[str, Any] = {"HTTPStatusCode": 200, "HTTPHeaders": lower}
        if "x-amz-request-id" in lower:
            about |= {"RequestId": lower["x-amz-request-id"], "HostId": lower.get("x-amz-id-2", "")}
        return reply | {"ResponseMetadata": about}

    def spread(self, arguments: Mapping[str, Any]) -> tuple[dict[str, str], str] | None:
        """Headers and query of a call with `arguments`; None if one of them is for the SDK.

        Bucket, Key and Body are left to the caller.
        """
        headers: dict[str, str] = {}
        query: list[str] = []
        for name, value in arguments.items():
            if name in ("Bucket", "Key", "Body"):
                continue
            member = self._members.get(name)
            if member is None:
                return None
            if member.place == "querystring":
                query.append(f"{member.name}={quote(str(value), safe='-._~')}")
            elif member.place == "headers":
                headers.update({member.name + key: text for key, text in value.items()})
            else:
                headers[member.name] = str(value)
        if not all(text.isascii() and text.isprintable() for pair in headers.items() for text in pair):
            return None
        return headers, "&".join(query)


class Addresses:
    """The addresses of a client's buckets, as far as they are known. Any thread.

    Args:
        client: A client of `credentials.sdk`.
        operations: Names of the operations whose calls tell an address.
    """

    def __init__(self, client: Any, operations: Sequence[str]) -> None:
        self._known: dict[str, Address] = {}
        self._heard = threading.local()
        for operation in operations:
            client.meta.events.register_last(f"before-sign.s3.{operation}", self._hear)

    def get(self, bucket: str) -> Address | None:
        """The address of `bucket`; None: ask the SDK, between `listen` and `learn`."""
        return self._known.get(bucket)

    def forget(self, bucket: str) -> None:
        """The store has sent a request elsewhere, or did not understand it."""
        self._known.pop(bucket, None)

    def listen(self) -> None:
        """The SDK is about to be called by this thread."""
        self._heard.request = None

    def learn(self, bucket: str, in_path: str = "") -> None:
        """The call of this thread has succeeded; `in_path` is the key as it stands in the address."""
        heard: Address | None = getattr(self._heard, "request", None)
        if heard is None:
            return
        path = heard.url.partition("?")[0]
        if in_path:
            if not path.endswith("/" + in_path):
                return
            path = path[: len(path) - len(in_path)]
        self._known[bucket] = Address(path, heard.region, heard.user_agent, heard.signer)

    def _hear(self, request: Any, region_name: str, signature_version: str, request_signer: Any, **_: Any) -> None:
        """What the SDK is about to sign, in the thread of the call."""
        context = request.context.get("signing", {})
        plain = signature_version == "s3v4" and context.get("signing_name", "s3") == "s3"
        odd = {"request_credentials", "identity_cache"} & context.keys()
        if not plain or odd:
            self._heard.request = None
            return
        self._heard.request = Address(
            str(request.url), context.get("region") or region_name, request.headers["User-Agent"], request_signer
        )
