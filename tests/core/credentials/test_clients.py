"""Clients sign with the connection's own key, go where it says and nowhere else, and close what they open."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vidcdn_desktop import logs
from vidcdn_desktop.credentials.clients import ClientSet, build_clients
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.profiles import environment_profile
from vidcdn_desktop.credentials.secrets import SECRET_ACCESS_KEY, SESSION_TOKEN, MemorySecretStore
from vidcdn_desktop.errors import CredentialsMissing, SettingsInvalid, VidcdnError

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
OWN = ConnectionProfile(
    id="own", name="Mine", kind=ConnectionKind.ACCESS_KEY, bucket="films", region="eu-west-3", access_key_id=KEY_ID
)


@pytest.fixture
def own_secrets() -> MemorySecretStore:
    store = MemorySecretStore()
    for profile_id in ("own", "swift"):
        store.set(profile_id, SECRET_ACCESS_KEY, Secret(SECRET))
    return store


class _Heard(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Listener)
        self.requests: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Listener(BaseHTTPRequestHandler):
    """Answers everything with an empty success and remembers what it was asked."""

    def _answer(self) -> None:
        assert isinstance(self.server, _Heard)
        self.server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_CONNECT = _answer

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def listener() -> Iterator[_Heard]:
    """A server that only listens."""
    with _Heard() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# The practice cloud


def test_practice_clients_talk_to_the_practice_cloud_only(clients: ClientSet, moto_url: str, bucket: str) -> None:
    assert clients.endpoint == moto_url
    assert clients.region == "eu-central-1"
    assert clients.cloudfront is not None
    assert clients.sts is not None
    for client in (clients.s3, clients.cloudfront, clients.sts):
        assert client.meta.endpoint_url == moto_url
    clients.s3.put_object(Bucket=bucket, Key="a/ü.txt", Body=b"film")
    assert [o["Key"] for o in clients.s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/ü.txt"]
    assert clients.cloudfront.list_distributions()["DistributionList"]["IsTruncated"] is False
    assert clients.sts.get_caller_identity()["Account"]


def test_many_threads_share_the_clients(clients: ClientSet, bucket: str) -> None:
    def put(number: int) -> int:
        answer = clients.s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x" * 1000)
        return answer["ResponseMetadata"]["HTTPStatusCode"]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, range(24))) == {200}
    assert clients.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 24


def test_closing_twice_is_harmless(profile: ConnectionProfile, secrets: MemorySecretStore) -> None:
    built = build_clients(profile, secrets)
    built.close()
    built.close()


# Keys


def test_requests_are_signed_with_the_connections_own_key_and_token(
    listener: _Heard, own_secrets: MemorySecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSES123")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "other-token")
    own_secrets.set("swift", SESSION_TOKEN, Secret("my-session-token"))
    profile = replace(
        OWN, id="swift", kind=ConnectionKind.S3_COMPATIBLE, access_key_id="account:user", endpoint_url=listener.url,
        path_style=True,
    )  # fmt: skip
    with build_clients(profile, own_secrets) as built:
        assert built.cloudfront is None
        assert built.sts is None
        built.s3.head_bucket(Bucket="films")
    (path, headers) = listener.requests[0]
    assert path == "/films"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=account:user/")
    assert "/eu-west-3/s3/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "my-session-token"


def test_without_its_secret_a_connection_says_so(own_secrets: MemorySecretStore) -> None:
    own_secrets.delete("own", SECRET_ACCESS_KEY)
    with pytest.raises(CredentialsMissing) as caught:
        build_clients(OWN, own_secrets)
    assert "Mine" in caught.value.what
    assert "Connections" in caught.value.advice


def test_variables_and_files_of_other_accounts_change_nothing(
    own_secrets: MemorySecretStore, monkeypatch: pytest.MonkeyPatch, private_home: Path, listener: _Heard
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_CLOUDFRONT"):
        monkeypatch.setenv(name, listener.url)
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    (private_home / "aws-config").write_text(f"[default]\nregion=us-west-1\nendpoint_url={listener.url}\n", "utf-8")
    with build_clients(replace(OWN, region=""), own_secrets) as built:
        assert built.region == "us-east-1"
        assert built.cloudfront is not None
        assert built.sts is not None
        for client in (built.s3, built.cloudfront, built.sts):
            assert client.meta.endpoint_url.startswith("https://")
            assert client.meta.endpoint_url.endswith("amazonaws.com")
    assert listener.requests == []


def test_secrets_reach_no_log_even_when_the_sdk_talks(
    listener: _Heard, own_secrets: MemorySecretStore, caplog: pytest.LogCaptureFixture
) -> None:
    own_secrets.set("own", SESSION_TOKEN, Secret("a-token-of-this-session"))
    handler = logs.RedactingFilter()
    caplog.handler.addFilter(handler)
    try:
        with (
            caplog.at_level(logging.DEBUG),
            build_clients(replace(OWN, endpoint_url=listener.url), own_secrets) as built,
        ):
            built.s3.list_buckets()
    finally:
        caplog.handler.removeFilter(handler)
    assert "list_buckets" in caplog.text or "ListBuckets" in caplog.text
    for part in (SECRET, KEY_ID, "a-token-of-this-session"):
        assert part not in caplog.text
    assert SECRET not in repr(built)


# AWS files and environment


def _write_profiles(home: Path) -> None:
    (home / "aws-config").write_text(
        "[profile work]\nregion = eu-north-1\n"
        "[profile keyless]\nregion = eu-north-1\n"
        "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = work\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/me\n"
        "[profile chained]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = admin\n",
        "utf-8",
    )
    (home / "aws-credentials").write_text(
        "[work]\naws_access_key_id = AKIAWORKWORKWORKWORK\naws_secret_access_key = worksecret\n", "utf-8"
    )


def _shared(name: str, **changes: str) -> ConnectionProfile:
    return ConnectionProfile("s", "Shared", ConnectionKind.AWS_PROFILE, bucket="films", aws_profile=name, **changes)  # type: ignore[arg-type]


def test_an_aws_profile_is_used_by_name(private_home: Path, listener: _Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_profiles(private_home)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSES123")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    with build_clients(_shared("work", endpoint_url=listener.url), MemorySecretStore()) as built:
        assert built.region == "eu-north-1"
        built.s3.list_buckets()
    assert "Credential=AKIAWORKWORKWORKWORK/" in listener.requests[0][1]["authorization"]
    assert logs.redact("it was worksecret") == f"it was {logs.BULLETS}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing\u202e", "no AWS profile named “missing⟨U+202E⟩”"),
        ("keyless", "holds no key"),
        ("admin", "MFA device"),
        ("chained", "MFA device"),
    ],
)
def test_a_profile_that_cannot_sign_is_told_in_words(private_home: Path, name: str, words: str) -> None:
    _write_profiles(private_home)
    with pytest.raises(CredentialsMissing) as caught:
        build_clients(_shared(name), MemorySecretStore())
    assert words in caught.value.what


def test_broken_aws_files_are_told_in_words(private_home: Path) -> None:
    (private_home / "aws-config").write_text("no ini file", "utf-8")
    with pytest.raises(VidcdnError):
        build_clients(_shared("work"), MemorySecretStore())


def test_the_environment_signs_and_leads_to_its_endpoint(
    moto_url: str, listener: _Heard, monkeypatch: pytest.MonkeyPatch, private_home: Path
) -> None:
    _write_profiles(private_home)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_PROFILE", "work")  # keys in variables stand before a profile in a variable
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", listener.url)
    monkeypatch.setenv("AWS_REGION", "eu-south-1")
    with build_clients(environment_profile("films"), MemorySecretStore()) as built:
        assert built.endpoint == listener.url
        assert built.region == "eu-south-1"
        built.s3.head_bucket(Bucket="films")
        assert built.cloudfront is not None
        assert built.cloudfront.meta.endpoint_url == moto_url
        assert built.sts is not None
        assert built.sts.get_caller_identity()["Account"]
    path, headers = listener.requests[0]
    assert path == "/films"
    assert f"Credential={KEY_ID}/" in headers["authorization"]


def test_an_endpoint_in_the_aws_files_is_honoured_and_held_to_the_rules(private_home: Path, listener: _Heard) -> None:
    _write_profiles(private_home)
    config = private_home / "aws-config"
    config.write_text(f"[profile work]\nendpoint_url = {listener.url}\n", "utf-8")
    with build_clients(_shared("work"), MemorySecretStore()) as built:
        built.s3.head_bucket(Bucket="films")
    assert listener.requests[0][0] == "/films"
    config.write_text("[profile work]\nendpoint_url = http://s3.example.com\n", "utf-8")
    with pytest.raises(SettingsInvalid, match="https"):
        build_clients(_shared("work"), MemorySecretStore())


def test_an_empty_environment_says_what_to_set() -> None:
    with pytest.raises(CredentialsMissing) as caught:
        build_clients(environment_profile("films"), MemorySecretStore())
    assert "AWS_ACCESS_KEY_ID" in caught.value.advice


# Where requests go


def test_http_to_another_computer_is_refused_before_anything_is_sent(own_secrets: MemorySecretStore) -> None:
    for change in ({"endpoint_url": "http://s3.example.com"}, {"cloudfront_endpoint_url": "http://10.0.0.1"}):
        with pytest.raises(SettingsInvalid, match="https"):
            build_clients(replace(OWN, **change), own_secrets)  # type: ignore[arg-type]


def test_a_proxy_never_sees_what_stays_on_this_computer(
    own_secrets: MemorySecretStore, monkeypatch: pytest.MonkeyPatch, listener: _Heard
) -> None:
    with _Heard() as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with build_clients(replace(OWN, endpoint_url=listener.url, path_style=True), own_secrets) as built:
            built.s3.head_bucket(Bucket="films")
        proxy.shutdown()
        thread.join()
        assert proxy.requests == []
    assert listener.requests[0][0] == "/films"


def test_a_region_that_makes_no_sense_is_told_in_words(own_secrets: MemorySecretStore) -> None:
    with pytest.raises(SettingsInvalid):
        build_clients(replace(OWN, region="not a region!"), own_secrets)


def test_metadata_of_a_cloud_machine_is_never_asked(
    own_secrets: MemorySecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    with pytest.raises(CredentialsMissing):  # and at once, without a request to 169.254.169.254
        build_clients(environment_profile("films"), MemorySecretStore())


def test_the_pool_holds_as_many_connections_as_asked(own_secrets: MemorySecretStore) -> None:
    with build_clients(OWN, own_secrets, max_connections=33) as built:
        assert built.s3.meta.config.max_pool_connections == 33  # type: ignore[attr-defined]
