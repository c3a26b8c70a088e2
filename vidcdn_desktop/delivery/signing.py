"""Signed CloudFront links with a canned policy: one URL, one end.

Source: Amazon CloudFront Developer Guide, "Create a signed URL using a canned policy".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from botocore.signers import CloudFrontSigner
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from vidcdn_desktop.errors import SettingsInvalid

LONGEST = timedelta(days=7)
"""No signed link lives longer: whoever holds it can watch."""
_RESERVED = re.compile(r"[?&](?:Expires|Policy|Signature|Key-Pair-Id|Hash-Algorithm)=")


class RevealableText(Protocol):
    """Secret text (`credentials.model.Secret`)."""

    def reveal(self) -> str:
        """The text itself."""
        ...


def _refusal(what: str, advice: str) -> SettingsInvalid:
    return SettingsInvalid(what, "No signed link was made.", advice)


def _load(private_key_pem: RevealableText) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(private_key_pem.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not chained: the parser's message may quote the key.
        raise _refusal(
            "The signing key cannot be read.", "Choose the private key as an unencrypted PEM file."
        ) from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size == 2048:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise _refusal("CloudFront does not take this kind of signing key.", "Use an RSA 2048 or an ECDSA P-256 key.")


def sign_url(
    url: str,
    key_pair_id: str,
    private_key_pem: RevealableText,
    expires: datetime,
    *,
    now: datetime | None = None,
) -> str:
    """A link to `url` that works until `expires` (aware, at most 7 days ahead).

    RSA keys sign with SHA-1, the only digest CloudFront assumes; ECDSA keys sign with SHA-256 and the link says so.
    The result is a secret for as long as it works: never log it.

    Raises: SettingsInvalid: the key, its id, the URL or the time makes no sense.
    """
    now = now or datetime.now(UTC)
    if expires.tzinfo is None or not now < expires <= now + LONGEST:
        raise _refusal("The link's end must lie in the next 7 days.", "Choose another time.")
    if not re.fullmatch(r"[A-Za-z0-9]{5,64}", key_pair_id):
        raise _refusal("The public key's ID is wrong.", "Copy the ID of the public key from CloudFront.")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment or _RESERVED.search(url):
        raise _refusal("This address cannot be signed.", "Use a plain link of the distribution.")
    key = _load(private_key_pem)
    if isinstance(key, rsa.RSAPrivateKey):
        rsa_key = key

        def sign_sha1(message: bytes) -> bytes:
            return rsa_key.sign(message, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - CloudFront's format

        return str(CloudFrontSigner(key_pair_id, sign_sha1).generate_presigned_url(url, date_less_than=expires))
    ec_key = key

    def sign_sha256(message: bytes) -> bytes:
        return ec_key.sign(message, ec.ECDSA(hashes.SHA256()))

    signed = CloudFrontSigner(key_pair_id, sign_sha256).generate_presigned_url(url, date_less_than=expires)
    return f"{signed}&Hash-Algorithm=SHA256"
