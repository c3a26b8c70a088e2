"""Checks the signature of a request to the control and storage APIs (AWS Signature Version 4).

Presigned links may also carry the older Signature Version 2: S3 still takes it in us-east-1, and boto3 makes it there
unless told otherwise.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)" and "Signing and Authenticating
REST Requests".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote

_ALGORITHM = "AWS4-HMAC-SHA256"
_MAX_SKEW_S = 15 * 60
_SUBRESOURCES = (
    *("acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy"),
    *("requestPayment", "restore", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning"),
    *("versions", "website", "response-cache-control", "response-content-disposition", "response-expires"),
    *("response-content-encoding", "response-content-language", "response-content-type"),
)
"""The query fields that Signature Version 2 covers."""
_UNRESERVED = "-_.~"
_STAMP = "%Y%m%dT%H%M%SZ"


class NotSigned(Exception):
    """The request is refused with HTTP 403; `code` is S3's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class SignedRequest:
    """A request as it came over the wire."""

    method: str
    raw_path: str
    """Percent-encoded, as sent."""
    query: str
    headers: Sequence[tuple[str, str]]
    body_sha256: Callable[[], str]
    """Reads and hashes the body; called only where no header states the hash."""

    def header(self, name: str) -> str:
        """All values of a header, joined; empty if absent."""
        return ",".join(" ".join(value.split()) for found, value in self.headers if found.lower() == name)


@dataclass(frozen=True)
class _Claim:
    access_key_id: str
    scope: str
    signed_headers: tuple[str, ...]
    signature: str
    stamp: str
    payload_hash: str
    lifetime_s: int | None
    """Of a presigned URL."""


def service_of(request: SignedRequest) -> str:
    """The service the signature names ("s3", "sts", "cloudfront"); empty if there is none."""
    fields = dict(parse_qsl(request.query, keep_blank_values=True))
    credential = fields.get("X-Amz-Credential", "")
    found = re.search(r"Credential=([^,\s]+)", request.header("authorization"))
    parts = (found.group(1) if found else credential).split("/")
    return parts[-2] if len(parts) >= 5 else ""


def check(request: SignedRequest, access_key_id: str, secret_access_key: str, now: datetime | None = None) -> None:
    """Let a request pass that the holder of this key has signed.

    Raises: NotSigned.
    """
    now = now or datetime.now(UTC)
    fields = dict(parse_qsl(request.query, keep_blank_values=True))
    if "AWSAccessKeyId" in fields:
        _check_presigned_v2(request, fields, access_key_id, secret_access_key, now)
        return
    claim = _claim(request, fields, access_key_id)
    if not hmac.compare_digest(claim.access_key_id.encode(), access_key_id.encode()):
        raise _unknown_key()
    _check_time(claim, now)
    text = "\n".join((_ALGORITHM, claim.stamp, claim.scope, _canonical_hash(request, claim)))
    key = ("AWS4" + secret_access_key).encode()
    for part in claim.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), claim.signature):
        raise _wrong_signature()


def _unknown_key() -> NotSigned:
    return NotSigned("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")


def _wrong_signature() -> NotSigned:
    return NotSigned(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key.",
    )


def _check_presigned_v2(
    request: SignedRequest, fields: dict[str, str], access_key_id: str, secret_access_key: str, now: datetime
) -> None:
    if fields["AWSAccessKeyId"] != access_key_id:
        raise _unknown_key()
    expires = fields.get("Expires", "")
    if not expires.isdigit() or int(expires) < now.timestamp():
        raise NotSigned("AccessDenied", "Request has expired")
    names = sorted({name.lower() for name, _ in request.headers if name.lower().startswith("x-amz-")})
    amazon = "".join(f"{name}:{request.header(name)}\n" for name in names)
    kept = [f"{name}={value}" if value else name for name, value in sorted(fields.items()) if name in _SUBRESOURCES]
    resource = request.raw_path + ("?" + "&".join(kept) if kept else "")
    text = "\n".join(
        (request.method, request.header("content-md5"), request.header("content-type"), expires, amazon + resource)
    )
    expected = base64.b64encode(hmac.digest(secret_access_key.encode(), text.encode(), "sha1"))
    if not hmac.compare_digest(expected, fields.get("Signature", "").encode()):
        raise _wrong_signature()


def _claim(request: SignedRequest, fields: dict[str, str], access_key_id: str) -> _Claim:
    authorization = request.header("authorization")
    if authorization.startswith(_ALGORITHM + " "):
        parts = dict(part.strip().partition("=")[::2] for part in authorization[len(_ALGORITHM) :].split(","))
        credential, signed = parts.get("Credential", ""), parts.get("SignedHeaders", "")
        signature, stamp, lifetime = parts.get("Signature", ""), request.header("x-amz-date"), None
        payload = request.header("x-amz-content-sha256")
    elif "X-Amz-Credential" in fields:
        credential, signed = fields["X-Amz-Credential"], fields.get("X-Amz-SignedHeaders", "")
        signature, stamp = fields.get("X-Amz-Signature", ""), fields.get("X-Amz-Date", "")
        lifetime = int(fields["X-Amz-Expires"]) if fields.get("X-Amz-Expires", "").isdigit() else 0
        payload = request.header("x-amz-content-sha256") or "UNSIGNED-PAYLOAD"
    else:
        _refuse_old_form(authorization, access_key_id)
        raise NotSigned("AccessDenied", "Access Denied")
    key_id, _, scope = credential.partition("/")
    if scope.count("/") != 3:
        raise NotSigned("AuthorizationHeaderMalformed", "The authorization header is malformed.")
    return _Claim(key_id, scope, tuple(signed.split(";")), signature, stamp, payload, lifetime)


def _refuse_old_form(authorization: str, access_key_id: str) -> None:
    if authorization.startswith("AWS "):
        if authorization[4:].partition(":")[0] != access_key_id:
            raise _unknown_key()
        raise NotSigned("InvalidRequest", f"The authorization mechanism is not supported. Please use {_ALGORITHM}.")


def _check_time(claim: _Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError as exc:
        raise NotSigned("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header") from exc
    age_s = (now - signed_at).total_seconds()
    if claim.lifetime_s is not None and age_s > claim.lifetime_s:
        raise NotSigned("AccessDenied", "Request has expired")
    if age_s < -_MAX_SKEW_S or (claim.lifetime_s is None and age_s > _MAX_SKEW_S):
        raise NotSigned(
            "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
        )


def _canonical_hash(request: SignedRequest, claim: _Claim) -> str:
    service = claim.scope.split("/")[2]
    path = request.raw_path or "/"
    if service != "s3":
        path = quote(path, safe="/" + _UNRESERVED)
    headers = "".join(f"{name}:{request.header(name)}\n" for name in claim.signed_headers)
    payload = claim.payload_hash or request.body_sha256()
    lines = (request.method, path, _canonical_query(request.query), headers, ";".join(claim.signed_headers), payload)
    return hashlib.sha256("\n".join(lines).encode("latin-1", "replace")).hexdigest()


def _canonical_query(query: str) -> str:
    pairs = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name != "X-Amz-Signature":
            pairs.append((quote(unquote(name), safe=_UNRESERVED), quote(unquote(value), safe=_UNRESERVED)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
