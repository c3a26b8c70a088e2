"""A key that is renewed while an upload runs reaches it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oddstore import OddStore, odd_store
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.clients import build_clients
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.profiles import ProfileStore, environment_profile
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.upload import upload
from vidcdn_desktop.storage.weather import Patience, Weather

OLD, NEW = "AKIAOLDOLDOLDOLDOLD1", "AKIANEWNEWNEWNEWNEW2"
MIB = 1 << 20
HEADERS = ObjectHeaders("video/mp4")
REF = ObjectRef("films", "videos/film.mp4")


@pytest.fixture
def store() -> Iterator[OddStore]:
    with odd_store() as running:
        yield running


def _write_keys(home: Path, key_id: str, token: str = "") -> None:
    lines = ["[work]", f"aws_access_key_id = {key_id}", f"aws_secret_access_key = secret-of-{key_id}"]
    (home / "aws-credentials").write_text("\n".join([*lines, *([f"aws_session_token = {token}"] if token else [])]))


def _own(store: OddStore, key_id: str = OLD) -> tuple[ConnectionProfile, MemorySecretStore]:
    profile = ConnectionProfile(
        "own-1", "Own store", ConnectionKind.S3_COMPATIBLE, bucket="films", access_key_id=key_id,
        endpoint_url=store.url, path_style=True,
    )  # fmt: skip
    secrets = MemorySecretStore()
    secrets.set(profile.id, "secret_access_key", Secret("the-old-secret"))
    return profile, secrets


def _shared(store: OddStore) -> ConnectionProfile:
    return ConnectionProfile(
        "shared-1", "Work", ConnectionKind.AWS_PROFILE, bucket="films", aws_profile="work", region="eu-central-1",
        endpoint_url=store.url, path_style=True,
    )  # fmt: skip


def _send(connection: Connection, data: bytes) -> Any:
    weather = Weather(Patience(limit_s=20, first_s=0.02, longest_s=0.05), renew=connection.reload_credentials)
    return upload(
        connection.storage, BytesSource(data), REF, HEADERS,
        token=CancelToken(), only_if_absent=True, parallel=3, weather=weather,
    )  # fmt: skip


def _renew_at_part(store: OddStore, number: int, renew: Any) -> None:
    """From this part on the old key has expired, and a tool has brought a new one."""

    def on_request(_method: str, target: str) -> None:
        if re.search(rf"partNumber={number}\b", target) and store.key_id == OLD:
            renew()
            store.key_id = NEW

    store.key_id = OLD
    store.on_request = on_request


def test_an_upload_goes_on_after_the_aws_file_was_rewritten(store: OddStore, private_home: Path) -> None:
    _write_keys(private_home, OLD)
    data = os.urandom(40 * MIB)
    _renew_at_part(store, 3, lambda: _write_keys(private_home, NEW))
    connection = open_connection(_shared(store), MemorySecretStore())
    try:
        _send(connection, data)
    finally:
        connection.close()
    assert store.objects["films/videos/film.mp4"] == data
    assert {OLD, NEW} == set(store.signers)
    assert store.signers[-1] == NEW
    assert store.uploads == {}


def test_an_upload_goes_on_after_a_new_key_was_entered(store: OddStore) -> None:
    """Temporary keys change their id with every token: the saved connection is looked up, too."""
    profile, secrets = _own(store)
    profiles = ProfileStore()
    profiles.save(profile)

    def enter() -> None:
        secrets.set(profile.id, "secret_access_key", Secret("the-new-secret"))
        secrets.set(profile.id, "session_token", Secret("the-new-token"))
        profiles.save(replace(profile, access_key_id=NEW))

    data = os.urandom(40 * MIB)
    _renew_at_part(store, 2, enter)
    connection = open_connection(profile, secrets)
    try:
        _send(connection, data)
    finally:
        connection.close()
    assert store.objects["films/videos/film.mp4"] == data


def test_without_a_new_key_the_upload_says_that_the_sign_in_has_expired(store: OddStore, private_home: Path) -> None:
    _write_keys(private_home, OLD)
    _renew_at_part(store, 1, lambda: None)
    connection = open_connection(_shared(store), MemorySecretStore())
    try:
        with pytest.raises(e.CredentialsExpired):
            _send(connection, os.urandom(20 * MIB))
        assert not connection.reload_credentials()
    finally:
        connection.close()


def test_reload_tells_whether_something_changed(store: OddStore, private_home: Path) -> None:
    _write_keys(private_home, OLD)
    with build_clients(_shared(store), MemorySecretStore()) as clients:
        assert not clients.reload_credentials()
        _write_keys(private_home, OLD, token="another-session")
        assert clients.reload_credentials()
        assert not clients.reload_credentials()
        _write_keys(private_home, NEW)
        assert clients.reload_credentials()
        clients.s3.list_buckets()
        assert clients.s3_transfer is not clients.s3
        clients.s3_transfer.list_buckets()
    assert store.signers == [NEW, NEW]


def test_a_file_that_cannot_be_read_now_keeps_the_old_key(store: OddStore, private_home: Path) -> None:
    _write_keys(private_home, OLD)
    with build_clients(_shared(store), MemorySecretStore()) as clients:
        for content in ("", "[other]\n", "[work\n", "[work]\naws_access_key_id = X\n"):
            (private_home / "aws-credentials").write_text(content)
            assert not clients.reload_credentials()
        clients.s3.list_buckets()
    assert store.signers == [OLD]


def test_the_environment_is_read_again(store: OddStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OLD)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "old")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    with build_clients(environment_profile("films"), MemorySecretStore()) as clients:
        assert not clients.reload_credentials()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", NEW)
        assert clients.reload_credentials()


def test_a_new_key_is_not_sent_to_the_old_place(store: OddStore) -> None:
    profile, secrets = _own(store)
    with build_clients(profile, secrets) as clients:
        secrets.set(profile.id, "secret_access_key", Secret("for the other place"))
        moved = replace(profile, endpoint_url="https://elsewhere.example.com", access_key_id=NEW)
        assert not clients.reload_credentials(moved)
        clients.s3.list_buckets()
        assert store.signers == [OLD]
        assert clients.reload_credentials(replace(profile, access_key_id=NEW, bucket="other"))


def test_a_thread_that_was_refused_learns_of_a_key_that_another_found(store: OddStore, private_home: Path) -> None:
    _write_keys(private_home, OLD)
    with build_clients(_shared(store), MemorySecretStore()) as clients:
        clients.s3.list_buckets()  # this thread has signed with the old key
        _write_keys(private_home, NEW)
        other = threading.Thread(target=clients.reload_credentials)
        other.start()
        other.join()
        assert clients.reload_credentials()
        clients.s3.list_buckets()
        assert not clients.reload_credentials()
    assert store.signers == [OLD, NEW]


def test_no_secret_shows_in_a_client_set(store: OddStore) -> None:
    profile, secrets = _own(store)
    with build_clients(profile, secrets) as clients:
        assert "the-old-secret" not in repr(clients)
        assert "the-old-secret" not in repr(clients.credentials)
