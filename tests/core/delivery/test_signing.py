"""Signed links, verified here with the public key the way CloudFront's guide describes it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from vidcdn_desktop.delivery.signing import sign_url
from vidcdn_desktop.errors import SettingsInvalid

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
END = NOW + timedelta(hours=1)
URL = "https://d1.cloudfront.net/videos/a%20b.mp4"


class Hidden:
    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Hidden:
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Hidden(data.decode())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def parts(signed: str) -> tuple[dict[str, str], bytes, bytes]:
    """The query, the signature and the policy CloudFront would rebuild."""
    query = {k: v[0] for k, v in parse_qs(urlsplit(signed).query).items()}
    text = query["Signature"].replace("-", "+").replace("_", "=").replace("~", "/")
    condition = {"DateLessThan": {"AWS:EpochTime": int(query["Expires"])}}
    base = signed[: signed.index("Expires=") - 1]
    policy = {"Statement": [{"Resource": base, "Condition": condition}]}
    return query, base64.b64decode(text), json.dumps(policy, separators=(",", ":")).encode()


def test_an_rsa_link_verifies_and_names_its_key(rsa_key) -> None:
    signed = sign_url(URL, "K2ABCDEF", pem(rsa_key), END, now=NOW)
    query, signature, policy = parts(signed)
    assert signed.startswith(URL + "?")
    assert query["Key-Pair-Id"] == "K2ABCDEF"
    assert int(query["Expires"]) == int(END.timestamp())
    assert "Hash-Algorithm" not in query
    rsa_key.public_key().verify(signature, policy, padding.PKCS1v15(), hashes.SHA1())
    with pytest.raises(InvalidSignature):
        rsa_key.public_key().verify(signature, policy + b" ", padding.PKCS1v15(), hashes.SHA1())


def test_an_ecdsa_link_says_its_digest() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    query, signature, policy = parts(sign_url(URL, "K2ABCDEF", pem(key), END, now=NOW))
    assert query["Hash-Algorithm"] == "SHA256"
    key.public_key().verify(signature, policy, ec.ECDSA(hashes.SHA256()))


def test_a_query_of_the_link_is_signed_with_it(rsa_key) -> None:
    signed = sign_url(URL + "?v=2", "K2ABCDEF", pem(rsa_key), END, now=NOW)
    _, signature, policy = parts(signed)
    assert signed.startswith(URL + "?v=2&Expires=")
    rsa_key.public_key().verify(signature, policy, padding.PKCS1v15(), hashes.SHA1())


@pytest.mark.parametrize(
    "end", [NOW, NOW - timedelta(seconds=1), NOW + timedelta(days=7, seconds=1), datetime(2026, 11, 24, 13, 0)]
)
def test_an_end_that_makes_no_sense_is_refused(rsa_key, end) -> None:
    with pytest.raises(SettingsInvalid):
        sign_url(URL, "K2ABCDEF", pem(rsa_key), end, now=NOW)


@pytest.mark.parametrize("url", ["", "ftp://h/a", "https://h/a#x", "https://h/a?Signature=x", "https://h/a?b&Policy=x"])
def test_only_plain_links_are_signed(rsa_key, url) -> None:
    with pytest.raises(SettingsInvalid):
        sign_url(url, "K2ABCDEF", pem(rsa_key), END, now=NOW)


@pytest.mark.parametrize("key_id", ["", "K2&x=1", "K2 ABC", "K2ABC\n"])
def test_a_key_id_cannot_add_to_the_link(rsa_key, key_id) -> None:
    with pytest.raises(SettingsInvalid):
        sign_url(URL, key_id, pem(rsa_key), END, now=NOW)


def test_other_keys_are_refused_without_showing_them() -> None:
    wrong = [
        Hidden("no key at all"),
        Hidden("-----BEGIN PRIVATE KEY-----\nsecretsecret\n-----END PRIVATE KEY-----\n"),
        pem(rsa.generate_private_key(65537, 3072)),
        pem(ec.generate_private_key(ec.SECP384R1())),
    ]
    for key in wrong:
        with pytest.raises(SettingsInvalid) as caught:
            sign_url(URL, "K2ABCDEF", key, END, now=NOW)
        assert "secretsecret" not in caught.value.sentence()
        assert caught.value.__cause__ is None
