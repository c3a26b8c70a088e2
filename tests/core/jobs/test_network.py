"""Proxy and own authorities reach every request that goes out; this computer is never asked for through a proxy."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from oddstore import odd_store
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.clients import build_clients
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.delivery.http import HttpClient
from vidcdn_desktop.jobs.connection import open_connection
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.jobs.verify import check_delivery
from vidcdn_desktop.network import NetworkSettings, proxy_problem
from vidcdn_desktop.settings import Settings, load_settings, save_settings, settings_from_json
from webproxy import WebProxy, certificate_for, moto_behind_tls

STORE, STS = "store.films.svc.cluster.local", "sts.amazonaws.com"
"""A name under which moto takes the bucket from the path; only the proxy knows where it is."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for(tmp_path_factory.mktemp("authority"), STORE, STS, "sts.eu-central-1.amazonaws.com")


@pytest.fixture(scope="module")
def tls_port(authority: tuple[Path, Path]) -> Iterator[int]:
    with moto_behind_tls(authority) as port:
        yield port


@pytest.fixture
def proxy(tls_port: int) -> Iterator[WebProxy]:
    with WebProxy(tls_port) as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def _own(url: str = f"https://{STORE}") -> tuple[ConnectionProfile, MemorySecretStore]:
    profile = ConnectionProfile(
        "own-1", "Own store", ConnectionKind.S3_COMPATIBLE, bucket="films", access_key_id="KEYKEYKEYKEYKEY1",
        endpoint_url=url, path_style=True,
    )  # fmt: skip
    secrets = MemorySecretStore()
    secrets.set(profile.id, "secret_access_key", Secret("the-secret-of-the-store"))
    return profile, secrets


def test_storage_goes_through_the_proxy_and_trusts_the_authority(proxy: WebProxy, authority: tuple[Path, Path]) -> None:
    network = NetworkSettings(proxy.url, str(authority[0]))
    with build_clients(*_own(), network=network) as clients:
        for client in (clients.s3, clients.s3_transfer):
            client.create_bucket(Bucket="films")
            client.put_object(Bucket="films", Key="a", Body=b"film")
        assert clients.s3.get_object(Bucket="films", Key="a")["Body"].read() == b"film"
    assert set(proxy.asked) == {f"CONNECT {STORE}:443"}


def test_an_authority_that_is_not_trusted_gets_nothing(proxy: WebProxy) -> None:
    connection = open_connection(*_own(), network=NetworkSettings(proxy.url))
    try:
        with pytest.raises(e.Offline, match="could not be verified"):
            connection.storage.list_page("films")
    finally:
        connection.close()


def test_the_variable_counts_where_nothing_is_set(
    proxy: WebProxy, authority: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority[0]))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with build_clients(*_own()) as clients:
        clients.s3.list_buckets()
    with HttpClient() as http, http.open("GET", f"https://{STORE}/", token=CancelToken()) as answer:
        assert answer.status in (200, 403)
    assert proxy.asked == [f"CONNECT {STORE}:443"] * 2


def test_the_cdn_is_checked_through_the_proxy(proxy: WebProxy, authority: tuple[Path, Path]) -> None:
    network = NetworkSettings(proxy.url, str(authority[0]))
    report = check_delivery(f"https://{STORE}/films/film.mp4", None, CancelToken(), network)
    assert report.status in (200, 403, 404)
    assert proxy.asked[0] == f"CONNECT {STORE}:443"


def test_plain_http_goes_through_the_proxy_too() -> None:
    with odd_store() as store, WebProxy(int(store.url.rsplit(":", 1)[1])) as plain:
        store.objects["films/a"] = b"film"
        with (
            HttpClient(network=NetworkSettings(plain.url)) as http,
            http.open("GET", f"http://{STORE}/films/a", token=CancelToken()) as answer,
        ):
            assert answer.read_up_to(10) == b"film"
        assert plain.asked == [f"GET http://{STORE}/films/a"]


def test_credentials_are_fetched_through_the_proxy(
    proxy: WebProxy, authority: tuple[Path, Path], private_home: Path
) -> None:
    (private_home / "aws-credentials").write_text("[base]\naws_access_key_id = A\naws_secret_access_key = B\n")
    (private_home / "aws-config").write_text(
        "[profile work]\nregion = eu-central-1\nsource_profile = base\n"
        "role_arn = arn:aws:iam::123456789012:role/editors\n"
    )
    profile = ConnectionProfile(
        "shared-1", "Work", ConnectionKind.AWS_PROFILE, bucket="films", aws_profile="work",
        endpoint_url=f"https://{STORE}", path_style=True,
    )  # fmt: skip
    network = NetworkSettings(proxy.url, str(authority[0]))
    with build_clients(profile, MemorySecretStore(), network=network) as clients:
        clients.s3.list_buckets()
    assert [asked for asked in proxy.asked if "CONNECT sts." in asked]
    assert proxy.asked[-1] == f"CONNECT {STORE}:443"


@pytest.mark.parametrize("by", ["setting", "environment"])
def test_this_computer_is_never_asked_for_through_a_proxy(
    proxy: WebProxy, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = NetworkSettings(proxy.url) if by == "setting" else NetworkSettings()
    if by == "environment":
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
    with odd_store() as store:
        store.objects["films/a"] = b"film"
        with build_clients(*_own(store.url), network=network) as clients:
            clients.s3.head_object(Bucket="films", Key="a")
            clients.s3_transfer.head_object(Bucket="films", Key="a")
        with HttpClient(network=network) as http, http.open("GET", f"{store.url}/films/a", token=CancelToken()):
            pass
        assert len(store.asked) == 3
    assert proxy.asked == []


def test_no_proxy_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("HTTP_PROXY", "proxy.example.com:3128")
    url = "https://media.example.com/a"
    assert NetworkSettings().proxy_for(url) == "http://proxy.example.com:3128"
    assert NetworkSettings().proxy_for("http://media.example.com/a") == "http://proxy.example.com:3128"
    assert NetworkSettings().sdk_proxies() is None
    assert NetworkSettings("none").proxy_for(url) == ""
    assert NetworkSettings("none").sdk_proxies() == {}
    with build_clients(*_own(), network=NetworkSettings("none")) as clients:
        assert clients.s3.meta.config.proxies == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", [None, b"", b"no certificate", "folder"], ids=["gone", "empty", "text", "folder"])
@pytest.mark.parametrize("by", ["setting", "variable"])
def test_a_certificate_file_that_is_none_is_told_when_opening(
    tmp_path: Path, content: bytes | str | None, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "company.pem"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    network = NetworkSettings(ca_bundle=str(path)) if by == "setting" else NetworkSettings()
    if by == "variable":
        monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    with pytest.raises(e.SettingsInvalid, match="certificate file") as caught:
        open_connection(*_own(), network=network)
    assert ("AWS_CA_BUNDLE" in caught.value.what) == (by == "variable")
    assert caught.value.advice
    with HttpClient(network=network) as http, pytest.raises(e.SettingsInvalid, match="certificate file"):
        http.open("GET", f"https://{STORE}/", token=CancelToken())


def test_the_known_authorities_stay_trusted(authority: tuple[Path, Path], private_home: Path) -> None:
    with build_clients(*_own(), network=NetworkSettings(ca_bundle=str(authority[0]))):
        pass
    together = private_home / "vidcdn" / "data" / "authorities.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=together)
    assert context.cert_store_stats()["x509_ca"] > 50
    names = {dict(pair[0] for pair in cert["subject"]).get("commonName") for cert in context.get_ca_certs()}
    assert "company authority of the tests" in names
    assert together.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("", True),
        ("none", True),
        ("http://proxy.example.com:8080", True),
        ("https://10.0.0.1:443/", True),
        ("http://[::1]:3128", True),
        ("proxy.example.com:8080", False),
        ("http://proxy.example.com", False),
        ("socks5://proxy.example.com:1080", False),
        ("http://proxy.example.com:99999", False),
        ("http://proxy.example.com:8080/path", False),
        ("http://pro xy:8080", False),
        ("http://[broken:1", False),
    ],
)
def test_addresses_of_proxies(text: str, good: bool) -> None:
    assert (proxy_problem(text) == "") is good
    assert (settings_from_json({"version": 1, "proxy": text}).proxy == text) is (good or text == "")


def test_a_login_in_a_proxy_is_refused_in_words() -> None:
    problem = proxy_problem("http://me:secret@proxy.example.com:8080")
    assert "HTTPS_PROXY" in problem
    assert "secret" not in problem
    with pytest.raises(e.SettingsInvalid, match="must not hold a name"):
        open_connection(*_own(), network=NetworkSettings("http://me@proxy.example.com:8080"))


def test_the_settings_keep_the_network() -> None:
    save_settings(Settings(proxy="none", ca_bundle="/etc/company.pem"))
    assert load_settings().network == NetworkSettings("none", "/etc/company.pem")


def test_a_connection_is_tested_through_the_network_as_set(proxy: WebProxy, authority: tuple[Path, Path]) -> None:
    profile, secrets = _own()
    network = NetworkSettings(proxy.url, str(authority[0]))
    with build_clients(profile, secrets, network=network) as clients:
        clients.s3.create_bucket(Bucket="films")
    saved = SavedConnections(None, lambda: (secrets, ""), network=network)  # type: ignore[arg-type]
    report = saved.test(profile, {})
    assert {c.name: c.state.value for c in report.checks}["bucket"] == "ok"
    assert any(c.name == "store" for c in report.checks)


def test_a_proxy_that_is_not_there_is_told() -> None:
    port = servers.free_ports(1)[0]
    connection = open_connection(*_own(), network=NetworkSettings(f"http://127.0.0.1:{port}"))
    try:
        with pytest.raises(e.Offline):
            list(connection.storage.list_unfinished("films"))
    finally:
        connection.close()
