"""The HTTP client: certificates, cancelling, proxies, errors in words."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from delivery_edge import Edge, serve

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.delivery.check import check_url
from vidcdn_desktop.delivery.http import HttpClient, checked_url
from vidcdn_desktop.delivery.proxy import PlaybackProxy
from vidcdn_desktop.errors import Offline, ServiceTrouble, SettingsInvalid


def self_signed(folder: Path, address: str) -> Path:
    """A certificate of its own for an IP address, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test edge")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    target = folder / f"{address}.pem"
    target.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return target


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"), "127.0.0.1")


def tls_edge(certificate: Path) -> Iterator[Edge]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from serve(context)


@pytest.fixture
def secure_edge(certificate: Path) -> Iterator[Edge]:
    yield from tls_edge(certificate)


@pytest.fixture
def misnamed_edge(tmp_path: Path) -> Iterator[tuple[Edge, Path]]:
    other = self_signed(tmp_path, "127.0.0.2")
    for edge in tls_edge(other):
        yield edge, other


def test_an_untrusted_certificate_is_refused(secure_edge, http, token) -> None:
    with pytest.raises(Offline, match=r"certificate of 127\.0\.0\.1 could not be verified"):
        http.open("GET", secure_edge.url, token=token)
    report = check_url(secure_edge.url, token=token, http=http)
    assert (report.ok, report.status) == (False, None)
    assert "certificate" in next(f.text for f in report.findings if f.name == "reachable")
    assert not any(f.name == "https" for f in report.findings)
    assert secure_edge.asked == []


def test_the_player_gets_nothing_over_an_untrusted_connection(secure_edge, http) -> None:
    secure_edge.body = b"film"
    with PlaybackProxy(http) as proxy, urllib3.PoolManager(retries=False) as player:
        session = proxy.open(lambda: secure_edge.url)
        answer = player.request("GET", session.local_url)
        assert (answer.status, answer.data) == (502, b"")
        assert "certificate" in session.facts().error.what
    assert secure_edge.asked == []


def test_a_company_certificate_is_trusted_by_the_environment(secure_edge, certificate, token) -> None:
    secure_edge.body = os.urandom(500_000)
    with HttpClient(environ={"AWS_CA_BUNDLE": str(certificate)}) as http:
        for _ in range(2):
            with http.open("GET", secure_edge.url, {"Range": "bytes=5-400000"}, token=token) as answer:
                assert answer.status == 206
                assert answer.read_up_to(10**6) == secure_edge.body[5:400_001]
        report = check_url(secure_edge.url, token=token, http=http)
    assert any(f.name == "https" and "verified" in f.text for f in report.findings)


def test_a_trusted_certificate_for_another_name_is_refused(misnamed_edge, token) -> None:
    edge, bundle = misnamed_edge
    with (
        HttpClient(environ={"AWS_CA_BUNDLE": str(bundle)}) as http,
        pytest.raises(Offline, match="could not be verified"),
    ):
        http.open("GET", edge.url, token=token)
    assert edge.asked == []


def test_a_bundle_that_is_not_there_is_told(token, edge, tmp_path) -> None:
    with HttpClient(environ={"AWS_CA_BUNDLE": str(tmp_path / "none.pem")}) as http, pytest.raises(SettingsInvalid):
        http.open("GET", edge.url, token=token)


@pytest.mark.parametrize("stage", ["handshake", "answer"])
def test_cancel_cuts_a_server_that_says_nothing(stage) -> None:
    """Once in the TLS handshake, once while waiting for the head of the answer."""
    token = CancelToken()
    ended: list[str] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, HttpClient(read_timeout_s=60) as http:
        scheme = "https" if stage == "handshake" else "http"
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/"

        def run() -> None:
            try:
                http.open("GET", url, token=token)
            except Cancelled:
                ended.append("cancelled")

        thread = threading.Thread(target=run)
        thread.start()
        accepted, _ = silent.accept()
        with accepted:
            accepted.settimeout(20)
            assert accepted.recv(10)  # it has sent its hello or its request, and waits
            token.cancel()
            thread.join(5)
    assert ended == ["cancelled"]


def test_cancel_in_the_middle_of_a_body_ends_the_reading(edge, http, token) -> None:
    edge.body = bytes(50_000_000)
    with http.open("GET", edge.url, token=token) as answer:
        assert answer.read_some(1000)
        token.cancel()
        with pytest.raises(Cancelled):
            answer.read_up_to(50_000_000)
    assert edge.hung_up.wait(5)


def test_a_silent_server_is_given_up(token) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as silent,
        HttpClient(read_timeout_s=0.05) as http,
        pytest.raises(Offline, match="stopped answering"),
    ):
        http.open("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/", token=token)


def test_something_that_is_no_http_is_told(token) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as odd, HttpClient() as http:

        def answer() -> None:
            with odd.accept()[0] as sock:
                sock.recv(1000)
                sock.sendall(b"220 mail ready\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ServiceTrouble, match="no HTTP"):
            http.open("GET", f"http://127.0.0.1:{odd.getsockname()[1]}/", token=token)
        thread.join(5)


def test_kept_connections_are_used_again(edge, http, token) -> None:
    edge.body = b"x" * 1000
    for _ in range(3):
        with http.open("GET", edge.url, token=token) as answer:
            assert len(answer.read_up_to(10_000)) == 1000
    pools = next(iter(http._managers.values())).pools
    (key,) = pools.keys()
    assert pools[key].num_connections == 1


def test_a_proxy_of_the_environment_is_used_for_others_and_never_for_loopback(edge, token, monkeypatch) -> None:
    edge.body = b"film"
    monkeypatch.setenv("http_proxy", f"http://user:pa%20ss@127.0.0.1:{edge.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    with HttpClient() as http:
        with http.open("GET", "http://cdn.example/a.mp4", token=token) as answer:
            assert answer.read_up_to(10) == b"film"
        with http.open("GET", edge.url, token=token) as answer:
            assert answer.read_up_to(10) == b"film"
    assert [a[1] for a in edge.asked] == ["http://cdn.example/a.mp4", "/v/a.mp4"]


@pytest.mark.parametrize(
    ("url", "clean"),
    [(" https://h/a#t=1 ", "https://h/a"), ("http://h:81/a?b=%20", "http://h:81/a?b=%20")],
)
def test_web_addresses_are_cleaned(url, clean) -> None:
    assert checked_url(url) == clean
