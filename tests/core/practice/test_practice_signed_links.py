"""A behavior with trusted key groups: only a good CloudFront signature opens it."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from practice_world import World

_RSA = rsa.generate_private_key(65537, 2048)
_EC = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Signed:
    """A distribution whose /private/* needs a signature."""

    world: World
    base: str
    url: str
    rsa_id: str
    ec_id: str
    stranger_id: str

    def ask(self, url: str) -> tuple[int, str]:
        answer = self.world.get("", base=url)
        text = answer.data.decode()
        return answer.status, text.partition("<Code>")[2].partition("<")[0] or text


def _sign_rsa(message: bytes) -> bytes:
    return _RSA.sign(message, padding.PKCS1v15(), hashes.SHA1())


def _sign_ec(message: bytes) -> bytes:
    return _EC.sign(message, ec.ECDSA(hashes.SHA256()))


def _public_key(world: World, key: Any) -> str:
    kind, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    config = {
        "CallerReference": uuid.uuid4().hex,
        "Name": uuid.uuid4().hex,
        "EncodedKey": key.public_key().public_bytes(kind, form).decode(),
    }
    return str(world.cloudfront.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"])


@pytest.fixture(scope="module")
def signed(world: World) -> Signed:
    ids = [_public_key(world, key) for key in (_RSA, _EC, _RSA)]
    group = world.cloudfront.create_key_group(KeyGroupConfig={"Name": "g", "Items": ids[:2]})["KeyGroup"]["Id"]
    behavior = {
        "TargetOriginId": "media",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    }
    private = {
        **behavior,
        "PathPattern": "private/*",
        "TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": [group]},
    }
    origin = {
        "Id": "media",
        "DomainName": f"{world.cloud.bucket}.s3.amazonaws.com",
        "OriginPath": "/signed",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    config = {
        "CallerReference": uuid.uuid4().hex,
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behavior,
        "CacheBehaviors": {"Quantity": 1, "Items": [private]},
    }
    made = world.cloudfront.create_distribution(DistributionConfig=config)["Distribution"]
    for key in ("private/a.mp4", "open.mp4"):
        world.s3.put_object(Bucket=world.cloud.bucket, Key=f"signed/{key}", Body=key.encode())
    base = f"http://{made['DomainName']}"
    return Signed(world, base, f"{base}/private/a.mp4", *ids)


def _policy(url: str, **extra: Any) -> str:
    ends = {"DateLessThan": {"AWS:EpochTime": int(time.time()) + 60}, **extra}
    return json.dumps({"Statement": [{"Resource": url, "Condition": ends}]})


def test_other_paths_need_no_signature(signed: Signed) -> None:
    assert signed.ask(signed.base + "/open.mp4") == (200, "open.mp4")


def test_no_signature_no_film(signed: Signed) -> None:
    assert signed.ask(signed.url) == (403, "MissingKey")
    assert signed.ask(signed.url + "?Key-Pair-Id=" + signed.rsa_id) == (403, "AccessDenied")


@pytest.mark.parametrize(("name", "sign"), [("rsa_id", _sign_rsa), ("ec_id", _sign_ec)])
def test_canned_and_custom_policies(signed: Signed, name: str, sign: Callable[[bytes], bytes]) -> None:
    signer = CloudFrontSigner(getattr(signed, name), sign)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert signed.ask(signer.generate_presigned_url(signed.url, date_less_than=soon)) == (200, "private/a.mp4")
    with_query = signer.generate_presigned_url(signed.url + "?v=1", date_less_than=soon)
    assert signed.ask(with_query)[0] == 200
    assert signed.ask(with_query.replace("v=1", "v=2")) == (403, "AccessDenied")
    custom = _policy(signed.base + "/private/*", IpAddress={"AWS:SourceIp": "127.0.0.0/8"})
    assert signed.ask(signer.generate_presigned_url(signed.url, policy=custom))[0] == 200


def test_rsa_with_sha256_when_the_link_says_so(signed: Signed) -> None:
    policy = _policy(signed.url).encode()
    signature = _RSA.sign(policy, padding.PKCS1v15(), hashes.SHA256())
    encode = lambda raw: base64.b64encode(raw).decode().translate(str.maketrans("+=/", "-_~"))  # noqa: E731
    link = f"{signed.url}?Policy={encode(policy)}&Signature={encode(signature)}&Key-Pair-Id={signed.rsa_id}"
    assert signed.ask(link + "&Hash-Algorithm=SHA256")[0] == 200
    assert signed.ask(link) == (403, "AccessDenied")


def test_bad_links_are_denied(signed: Signed) -> None:
    good = CloudFrontSigner(signed.rsa_id, _sign_rsa)
    past, soon = (datetime.now(UTC) + timedelta(minutes=n) for n in (-1, 1))
    denied = (403, "AccessDenied")
    assert signed.ask(good.generate_presigned_url(signed.url, date_less_than=past)) == denied
    other = good.generate_presigned_url(signed.base + "/private/other", date_less_than=soon)
    assert signed.ask(other.replace("other", "a.mp4")) == denied
    later = {"DateGreaterThan": {"AWS:EpochTime": int(time.time()) + 600}}
    elsewhere = {"IpAddress": {"AWS:SourceIp": "203.0.113.0/24"}}
    for extra in (later, elsewhere):
        assert signed.ask(good.generate_presigned_url(signed.url, policy=_policy(signed.url, **extra))) == denied
    no_policy = good.generate_presigned_url(signed.url, policy='{"Statement": []}')
    assert signed.ask(no_policy) == denied
    link = good.generate_presigned_url(signed.url, date_less_than=soon)
    assert signed.ask(link.replace("Signature=", "Signature=AAAA")) == denied
    assert signed.ask(link.replace("Signature=", "Signature=%21")) == denied
    stranger = CloudFrontSigner(signed.stranger_id, _sign_rsa)
    assert signed.ask(stranger.generate_presigned_url(signed.url, date_less_than=soon)) == (403, "InvalidKey")


def test_a_deleted_distribution_stops_listening(world: World) -> None:
    found = world.cloudfront.get_distribution_config(Id=world.cloud.distribution_id)
    origins = {"Quantity": 1, "Items": found["DistributionConfig"]["Origins"]["Items"]}
    behavior = {"TargetOriginId": origins["Items"][0]["Id"], "ViewerProtocolPolicy": "allow-all"}
    config = {"CallerReference": uuid.uuid4().hex, "Comment": "", "Enabled": True, "Origins": origins}
    made = world.cloudfront.create_distribution(DistributionConfig={**config, "DefaultCacheBehavior": behavior})
    name, tag = made["Distribution"]["Id"], made["ETag"]
    base = f"http://{made['Distribution']['DomainName']}"
    assert world.get("/nothing", base=base).status == 403
    with pytest.raises(world.cloudfront.exceptions.DistributionNotDisabled):
        world.cloudfront.delete_distribution(Id=name, IfMatch=tag)
    off = {**config, "Enabled": False, "DefaultCacheBehavior": behavior}
    world.cloudfront.update_distribution(Id=name, IfMatch=tag, DistributionConfig=off)
    assert b"disabled" in world.get("/nothing", base=base).data
    world.cloudfront.delete_distribution(Id=name, IfMatch=tag)
    world.http.clear()
    import urllib3

    with pytest.raises(urllib3.exceptions.NewConnectionError):
        world.get("/nothing", base=base)
