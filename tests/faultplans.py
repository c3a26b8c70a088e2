"""What may befall a request on its way to a store, and plans that decide it.

A plan decides by what a request is and how often it was seen, never by the order of arrival, so that a seed means
the same weather however the threads take turns.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


class Fault(enum.Enum):
    """What may befall one request."""

    NONE = "passes"
    REFUSED = "connection reset before anything was read"
    CUT_BODY = "connection reset in the middle of the body"
    STALL_BODY = "nothing is read for a while in the middle of the body"
    SLOW_BODY = "the body is read slowly"
    FLIPPED_BODY = "one bit of the body is flipped on its way"
    ANSWER = "an error instead of passing the request on"
    EARLY_ANSWER = "an error before the body was read, then the end"
    STALL_REPLY = "the work is done, nothing is said for a while"
    LOST_REPLY = "the work is done, the connection is reset instead of an answer"
    CUT_REPLY = "half of the answer, then a reset"
    SHORT_REPLY = "half of the answer, then an orderly end"
    SENT_TWICE = "the request arrives twice; the second answer is given"
    ANSWERED_TWICE = "the answer arrives twice"
    ERROR_IN_200 = "status 200 with an error as body; the work was done or not"
    FALSE_CHECKSUM = "the answer tells another checksum than the server's"


@dataclass(frozen=True)
class Request:
    """A request as its head tells it."""

    index: int
    """From 1, in order of arrival."""
    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    size: int
    """Bytes of the body; 0 where it has none."""
    nth: int
    """How often this same thing (operation, key, part) was asked, from 1."""

    @property
    def operation(self) -> str:
        """Its name in the S3 API."""
        return operation_of(self.method, self.target)

    @property
    def part(self) -> int:
        """The part number; 0 for what is no part."""
        return int(query_of(self.target).get("partNumber", "0") or 0)


def query_of(target: str) -> dict[str, str]:
    """The query of a request's target, unquoted."""
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query, keep_blank_values=True).items()}


def operation_of(method: str, target: str) -> str:
    """The S3 operation of a path-style request."""
    query = query_of(target)
    has_key = "/" in urlsplit(target).path.lstrip("/").rstrip("/")
    if method == "POST":
        names = {"uploads": "CreateMultipartUpload", "uploadId": "CompleteMultipartUpload", "delete": "DeleteObjects"}
        return next((name for word, name in names.items() if word in query), "Other")
    if not has_key:
        listing = "ListMultipartUploads" if "uploads" in query else "ListObjects"
        return {"GET": listing, "HEAD": "HeadBucket", "PUT": "CreateBucket"}.get(method, "Other")
    if "uploadId" in query:
        return {"PUT": "UploadPart", "DELETE": "AbortMultipartUpload", "GET": "ListParts"}.get(method, "Other")
    return {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, "Other")


@dataclass(frozen=True)
class Act:
    """What the proxy does with one request; the default passes it on."""

    fault: Fault = Fault.NONE
    at: float = 0.5
    """Where in the body or in the answer, 0 to 1."""
    seconds: float = 0.0
    """How long a stall lasts."""
    rate_bytes_per_s: int = 0
    """How fast the body is read; 0 for as fast as it comes. With any fault."""
    answer: bytes = b""
    """For the faults that answer themselves, complete with its head."""
    forward: bool = True
    """`ERROR_IN_200`: whether the work is done all the same."""


PASS = Act()


def xml_answer(status: str, code: str) -> bytes:
    """An S3 error, or with status 200 one that looks like a success, as a complete answer."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{code}</Message>'
        "<RequestId>0123456789ABCDEF</RequestId></Error>"
    ).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


TRANSIENT = (
    ("500 Internal Server Error", "InternalError"),
    ("503 Slow Down", "SlowDown"),
    ("503 Service Unavailable", "ServiceUnavailable"),
    ("400 Bad Request", "RequestTimeout"),
)
"""Refusals that pass."""

EVERYWHERE = (
    Fault.REFUSED,
    Fault.ANSWER,
    Fault.STALL_REPLY,
    Fault.LOST_REPLY,
    Fault.CUT_REPLY,
    Fault.SHORT_REPLY,
    Fault.SENT_TWICE,
    Fault.ANSWERED_TWICE,
)
WITH_A_BODY = (Fault.CUT_BODY, Fault.STALL_BODY, Fault.SLOW_BODY, Fault.EARLY_ANSWER)


@dataclass
class SeededPlan:
    """Random weather, the same for the same seed: decided by what is asked and how often, not by when.

    One and the same thing is struck at most `most` times; then it passes, so that whoever tries again long enough
    arrives.
    """

    seed: int
    chance: float = 0.25
    most: int = 3
    stall_s: float = 0.3
    slow_bytes_per_s: int = 4 << 20
    leave_out: Sequence[Fault] = field(default_factory=tuple)

    def __call__(self, request: Request) -> Act:
        key = unquote(urlsplit(request.target).path).lstrip("/").partition("/")[2]  # buckets have other names each time
        name = f"{self.seed} {request.operation} {key} {request.part}"
        dice = random.Random(f"{name} {request.nth}")
        if request.nth > self.most or dice.random() >= self.chance:
            return PASS
        choice = list(EVERYWHERE)
        if request.operation == "CreateMultipartUpload":
            choice.remove(Fault.SENT_TWICE)  # nobody on the way repeats what is not idempotent
        if request.method == "HEAD":
            choice.remove(Fault.ANSWERED_TWICE)  # its length without a body is waited for until a timeout ends it
        if request.size:
            choice += WITH_A_BODY
        if request.method == "POST":
            choice.append(Fault.ERROR_IN_200)
        if request.operation in ("UploadPart", "PutObject"):
            choice.append(Fault.FLIPPED_BODY)
        if request.operation in ("UploadPart", "CompleteMultipartUpload", "PutObject", "HeadObject"):
            choice.append(Fault.FALSE_CHECKSUM)
        fault = dice.choice([f for f in choice if f not in self.leave_out])
        status, code = dice.choice(TRANSIENT[:-1] if request.method == "HEAD" else TRANSIENT)
        forward = dice.random() < 0.5
        if fault is Fault.ERROR_IN_200:
            # Whoever is told to slow down is told that nothing was done.
            status, code = "200 OK", "InternalError" if forward else dice.choice(("InternalError", "SlowDown"))
        return Act(
            fault,
            at=dice.random(),
            seconds=self.stall_s,
            rate_bytes_per_s=self.slow_bytes_per_s if fault is Fault.SLOW_BODY else 0,
            answer=xml_answer(status, code),
            forward=forward,
        )
