"""Whether a CloudFront signed URL is good: canned and custom policies, RSA and ECDSA keys.

Source: Amazon CloudFront Developer Guide, "Use signed URLs".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

SIGNATURE_FIELDS = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"})


class Refused(Exception):
    """The edge answers 403; `code` is MissingKey or AccessDenied."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _denied() -> Refused:
    return Refused("AccessDenied", "Access denied")


def without_signature(query: str) -> str:
    """The query string without the fields that sign it, order kept."""
    return "&".join(part for part in query.split("&") if part and part.partition("=")[0] not in SIGNATURE_FIELDS)


def check(url: str, query: str, keys: Mapping[str, str], *, now: float, viewer: str) -> None:
    """Let a request with a valid signature pass.

    Args:
        url: The URL as asked for, without the signing fields.
        query: The whole query string.
        keys: Public keys (PEM) by id, of the key groups the behavior trusts.
        now: Seconds since 1970.
        viewer: The viewer's IP address.

    Raises: Refused.
    """
    fields = dict(parse_qsl(query, keep_blank_values=True))
    key_id = fields.get("Key-Pair-Id")
    if not key_id:
        raise Refused("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
    if key_id not in keys:
        raise Refused("InvalidKey", "Unknown Key")
    if "Signature" not in fields or not ("Policy" in fields or "Expires" in fields):
        raise _denied()
    if "Policy" in fields:
        signed = _decode(fields["Policy"])
        statement = _statement(signed)
    else:
        if not fields["Expires"].isdigit():
            raise _denied()
        condition = {"DateLessThan": {"AWS:EpochTime": int(fields["Expires"])}}
        statement = {"Resource": url, "Condition": condition}
        signed = json.dumps({"Statement": [statement]}, separators=(",", ":"), ensure_ascii=False).encode()
    if not _verifies(keys[key_id], signed, _decode(fields["Signature"]), fields.get("Hash-Algorithm", "")):
        raise _denied()
    _check_conditions(statement, url, now, viewer)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _denied() from exc


def _statement(policy: bytes) -> dict[str, Any]:
    try:
        statement = json.loads(policy)["Statement"][0]
    except (ValueError, KeyError, IndexError, TypeError) as exc:
        raise _denied() from exc
    if not isinstance(statement, dict) or not isinstance(statement.get("Condition"), dict):
        raise _denied()
    return statement


def _verifies(pem: str, signed: bytes, signature: bytes, algorithm: str) -> bool:
    # Loaded on first use: most sessions see no signed URL, and the library costs start-up time.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError:
        return False
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            digest = hashes.SHA256() if algorithm.upper() == "SHA256" else hashes.SHA1()  # noqa: S303  (the service's own default)
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _check_conditions(statement: dict[str, Any], url: str, now: float, viewer: str) -> None:
    condition = statement["Condition"]
    try:
        ends = int(condition["DateLessThan"]["AWS:EpochTime"])
        starts = int(condition.get("DateGreaterThan", {}).get("AWS:EpochTime", 0))
        source = condition.get("IpAddress", {}).get("AWS:SourceIp", "0.0.0.0/0")
        near = ipaddress.ip_address(viewer) in ipaddress.ip_network(source, strict=False)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _denied() from exc
    resource = str(statement.get("Resource", "*"))
    regex = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in resource)
    # A literal question mark (before a query string) is covered by the wildcard for one character.
    if not (starts <= now < ends and near and re.fullmatch(regex, url, re.DOTALL)):
        raise _denied()
