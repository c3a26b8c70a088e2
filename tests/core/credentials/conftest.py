"""Every test here has a keyring in memory and no AWS variables; some have a real server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import keyring
import keyring.backend
import keyring.errors
import pytest
from moto.server import ThreadedMotoServer

from vidcdn_desktop.credentials.clients import ClientSet, build_clients
from vidcdn_desktop.credentials.model import ConnectionProfile, Secret
from vidcdn_desktop.credentials.profiles import practice_profile
from vidcdn_desktop.credentials.secrets import SECRET_ACCESS_KEY, MemorySecretStore

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A sound keyring that forgets. Made only here: a backend class registers itself and may become the default."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise keyring.errors.PasswordDeleteError(username)
        del self.entries[service, username]


@pytest.fixture(autouse=True)
def memory_keyring() -> Iterator[MemoryKeyring]:
    """The keyring of this test; the developer's own is never touched."""
    before = keyring.core._keyring_backend
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.core._keyring_backend = before


@pytest.fixture(autouse=True)
def no_aws_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the variables a test sets itself."""
    kept = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    for name in list(os.environ):
        if name not in kept and (name.startswith("AWS_") or name.lower().endswith("_proxy")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The address of a real S3, CloudFront and STS server on this computer."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def profile(moto_url: str) -> ConnectionProfile:
    """A practice connection to a bucket nobody made yet."""
    return practice_profile(
        endpoint_url=moto_url,
        cloudfront_endpoint_url=moto_url,
        access_key_id=KEY_ID,
        region="eu-central-1",
        bucket=f"films-{uuid.uuid4()}",
        distribution_id="",
    )


@pytest.fixture
def secrets(profile: ConnectionProfile) -> MemorySecretStore:
    """Holds the practice connection's secret."""
    store = MemorySecretStore()
    store.set(profile.id, SECRET_ACCESS_KEY, Secret(SECRET))
    return store


@pytest.fixture
def clients(profile: ConnectionProfile, secrets: MemorySecretStore) -> Iterator[ClientSet]:
    """Clients of the practice connection."""
    with build_clients(profile, secrets) as built:
        yield built


@pytest.fixture
def bucket(clients: ClientSet) -> str:
    """The practice connection's bucket, made."""
    clients.s3.create_bucket(
        Bucket=clients.profile.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return clients.profile.bucket
