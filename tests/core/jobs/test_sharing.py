"""Links that are handed out work as long as is said, and no longer; their text is safe to paste; nothing keeps them."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from botocore.credentials import RefreshableCredentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.clients import build_clients
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import SESSION_TOKEN, SIGNING_KEY, MemorySecretStore
from vidcdn_desktop.credentials.shared import SharedCredentials
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.practice import practice_connection
from vidcdn_desktop.jobs.sharing import (
    MOST,
    Form,
    LinkKind,
    Shared,
    Sharing,
    Wanted,
    describe,
    make_links,
    parse_span,
    text_of,
)
from vidcdn_desktop.jobs.signing_keys import SigningKey, SigningKeys
from vidcdn_desktop.practice.cloud import PracticeCloud
from vidcdn_desktop.storage.keys import encode_metadata
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

HOUR = timedelta(hours=1)
NASTY = 'A "film" <script>\n[x](y) & more'
TOLERANCE = timedelta(seconds=90)
"""A loaded computer; nothing here is about less than an hour."""


def _new_key() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture(scope="module")
def cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud.start() as running:
        yield running


@pytest.fixture(scope="module")
def opened(cloud: PracticeCloud) -> Iterator[Connection]:
    connection = open_connection(*practice_connection(cloud))
    for key, title in (("open/a.mp4", NASTY), ("open/a.jpg", ""), ("open/b (1).mp4", ""), ("private/p.mp4", "")):
        headers = ObjectHeaders("video/mp4", metadata=encode_metadata({"title": title} if title else {}))
        ref = ObjectRef(connection.profile.bucket, key)
        connection.storage.put(ref, BytesSource(key.encode()), headers, token=CancelToken())
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def key(opened: Connection) -> SigningKey:
    """A key pair, and a distribution that wants links to `private/` signed with it."""
    private, public = _new_key()
    cloudfront = opened.clients.cloudfront
    assert cloudfront is not None
    config = {"CallerReference": uuid.uuid4().hex, "Name": uuid.uuid4().hex, "EncodedKey": public}
    key_id = cloudfront.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]  # type: ignore[arg-type]
    group = cloudfront.create_key_group(KeyGroupConfig={"Name": "g", "Items": [key_id]})["KeyGroup"]["Id"]
    behavior = {
        "TargetOriginId": "media",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    }
    signed = {
        **behavior,
        "PathPattern": "private/*",
        "TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": [group]},
    }
    origin = {
        "Id": "media",
        "DomainName": f"{opened.profile.bucket}.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    made = cloudfront.create_distribution(
        DistributionConfig={  # type: ignore[typeddict-item]
            "CallerReference": uuid.uuid4().hex,
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": behavior,
            "CacheBehaviors": {"Quantity": 1, "Items": [signed]},
        }
    )["Distribution"]["Id"]
    opened.profile = replace(opened.profile, distribution_id=made)
    opened.distributions(refresh=True)
    return SigningKey(key_id, Secret(private))


def described(connection: Connection, key: str = "open/a.mp4") -> Wanted:
    return Wanted(LinkKind.CDN, about=describe(connection, [key], CancelToken(), {"open/a.mp4": (1280, 720)}))


def share(connection: Connection, wanted: Wanted, *keys: str) -> Sharing:
    return make_links(connection, keys or ("open/a.mp4",), wanted, CancelToken())


def status(url: str) -> tuple[int, bytes]:
    answer = urllib3.request("GET", url, retries=False)
    return answer.status, answer.data


def near(time: datetime | None, wanted: datetime) -> bool:
    return time is not None and abs(time - wanted) < TOLERANCE


# What links do
def test_a_cdn_link_works_and_has_no_end(opened: Connection) -> None:
    sharing = share(opened, Wanted(LinkKind.CDN), "open/b (1).mp4")
    assert sharing.until is None
    assert sharing.links[0].until is None
    assert status(sharing.links[0].url) == (200, b"open/b (1).mp4")


def test_a_signed_link_opens_what_a_plain_one_does_not(opened: Connection, key: SigningKey) -> None:
    plain = share(opened, Wanted(LinkKind.CDN), "private/p.mp4")
    assert status(plain.links[0].url)[0] == 403
    assert "asks for a signed link" in plain.remarks[0]
    signed = share(opened, Wanted(LinkKind.SIGNED, HOUR, key), "private/p.mp4")
    assert status(signed.links[0].url) == (200, b"private/p.mp4")
    assert near(signed.until, datetime.now(UTC) + HOUR)
    assert signed.until is not None
    assert parse_qs(urlsplit(signed.links[0].url).query)["Expires"] == [str(int(signed.until.timestamp()))]
    assert not signed.remarks


def test_signing_where_nobody_asks_for_it_is_told(opened: Connection, key: SigningKey) -> None:
    sharing = share(opened, Wanted(LinkKind.SIGNED, HOUR, key))
    assert "works without it" in sharing.remarks[0]


def test_a_presigned_link_works_without_a_key(opened: Connection) -> None:
    sharing = share(opened, Wanted(LinkKind.PRESIGNED, timedelta(days=7)), "open/b (1).mp4")
    assert status(sharing.links[0].url) == (200, b"open/b (1).mp4")
    assert near(sharing.until, datetime.now(UTC) + timedelta(days=7))
    assert not sharing.shortened
    assert not sharing.may_end_sooner


# Until when
def temporary(ends: datetime, calls: list[int] | None = None) -> SharedCredentials:
    """A role's key that says when it ends; renewing it is counted."""

    def renew() -> dict[str, str]:
        if calls is not None:
            calls.append(1)
        later = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
        return {"access_key": "ASIANEW", "secret_key": "n", "token": "t2", "expiry_time": later}

    return SharedCredentials(RefreshableCredentials("ASIAROLE", "s", "t", ends, renew, "assume-role"))


def test_a_presigned_link_ends_with_the_key_it_was_made_with(
    opened: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = (datetime.now(UTC) + 2 * HOUR).replace(microsecond=0)
    monkeypatch.setattr(opened, "clients", replace(opened.clients, credentials=temporary(ends)))
    sharing = share(opened, Wanted(LinkKind.PRESIGNED, timedelta(days=2)))
    assert sharing.until == ends
    assert sharing.links[0].until == ends
    assert sharing.shortened
    assert int(parse_qs(urlsplit(sharing.links[0].url).query)["X-Amz-Expires"][0]) <= 2 * 3600
    shorter = share(opened, Wanted(LinkKind.PRESIGNED, HOUR))
    assert near(shorter.until, datetime.now(UTC) + HOUR)
    assert not shorter.shortened


def test_a_key_that_is_about_to_end_is_renewed_first(opened: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    ending = temporary(datetime.now(UTC) + timedelta(minutes=2), calls)
    monkeypatch.setattr(opened, "clients", replace(opened.clients, credentials=ending))
    sharing = share(opened, Wanted(LinkKind.PRESIGNED, timedelta(days=2)))
    assert calls
    assert near(sharing.until, datetime.now(UTC) + timedelta(hours=6))


def test_a_session_token_that_does_not_say_when_it_ends_is_told() -> None:
    profile = ConnectionProfile(
        "own", "Mine", ConnectionKind.ACCESS_KEY, bucket="films", region="eu-west-3", access_key_id="ASIAOWN"
    )
    secrets = MemorySecretStore()
    secrets.set("own", "secret_access_key", Secret("secret"))
    secrets.set("own", SESSION_TOKEN, Secret("token"))
    with build_clients(profile, secrets) as clients:
        sharing = share(Connection(profile, clients), Wanted(LinkKind.PRESIGNED, HOUR))
    assert sharing.may_end_sooner
    assert not sharing.shortened


@pytest.mark.parametrize("text", ["90m", "12h", "2d", "7d", " 1D "])
def test_times_are_read(text: str) -> None:
    known = {"90m": 90 * 60, "12h": 12 * 3600, "2d": 2 * 86400, "7d": 7 * 86400, "1d": 86400}
    assert parse_span(text).total_seconds() == known[text.strip().lower()]


@pytest.mark.parametrize("text", ["", "8d", "0m", "2", "two days", "-1d", "999999d"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\."):
        parse_span(text)


# What cannot be
def test_what_nobody_serves_has_no_cdn_link(opened: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "_distributions", ())
    for wanted in (Wanted(LinkKind.CDN), Wanted(LinkKind.SIGNED, HOUR, SigningKey("K123456", Secret(_new_key()[0])))):
        with pytest.raises(e.NotServed):
            share(opened, wanted)


def test_senseless_wishes_are_refused(opened: Connection) -> None:
    for wanted in (Wanted(LinkKind.SIGNED), Wanted(LinkKind.PRESIGNED, timedelta(days=8))):
        with pytest.raises(e.SettingsInvalid):
            share(opened, wanted)
    with pytest.raises(e.SettingsInvalid):
        share(opened, Wanted(LinkKind.CDN), *["k"] * (MOST + 1))
    with pytest.raises(e.ObjectNotFound):
        described(opened, "open/gone.mp4")


# As what they are copied
def test_an_embed_names_title_and_picture_and_escapes_both(opened: Connection) -> None:
    links = share(opened, described(opened)).links
    assert links[0].title == NASTY
    html = text_of(links, Form.EMBED)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert 'width="1280" height="720"' in html
    assert f'poster="{links[0].poster_url}"' in html
    assert status(links[0].poster_url) == (200, b"open/a.jpg")
    other = "open/b (1).mp4"
    assert "poster=" not in text_of(share(opened, described(opened, other), other).links, Form.EMBED)


def test_a_title_cannot_leave_its_markdown_link(opened: Connection) -> None:
    link = share(opened, described(opened)).links[0]
    text = text_of([link], Form.MARKDOWN)
    assert text == f'[A "film" \\<script\\> \\[x\\](y) \\& more]({link.url})'


def test_many_links_are_a_line_each(opened: Connection) -> None:
    links = share(opened, Wanted(LinkKind.PRESIGNED, HOUR), "open/a.mp4", "open/b (1).mp4").links
    lines = text_of(links, Form.LINK).split("\n")
    assert [status(line)[0] for line in lines] == [200, 200]


# What is kept
def test_links_and_keys_show_in_no_repr_and_no_log(
    opened: Connection, key: SigningKey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "vidcdn_desktop")
    sharing = share(opened, Wanted(LinkKind.SIGNED, HOUR, key), "private/p.mp4")
    presigned = share(opened, Wanted(LinkKind.PRESIGNED, HOUR))
    for text in (repr(sharing), repr(presigned), repr(key), caplog.text):
        assert "Signature" not in text
        assert "PRIVATE KEY" not in text
    assert isinstance(sharing.links[0], Shared)


def test_key_pairs_of_saved_connections_are_kept_others_are_for_this_session() -> None:
    lasting = MemorySecretStore()
    keys = SigningKeys(lambda: lasting)
    pair = SigningKey("K123456", Secret(_new_key()[0]))
    saved = ConnectionProfile("own", "Mine", ConnectionKind.ACCESS_KEY)
    practice = ConnectionProfile("practice", "Practice", ConnectionKind.PRACTICE)
    for profile in (saved, practice):
        assert keys.find(profile) is None
        keys.keep(profile, pair)
        assert keys.find(profile) == pair
    assert lasting.get("own", SIGNING_KEY) == pair.pem
    assert lasting.get("practice", SIGNING_KEY) is None
    with pytest.raises(e.SettingsInvalid):
        keys.keep(saved, SigningKey("K999999", Secret("-----BEGIN NONSENSE-----")))
    assert keys.find(saved) == pair
