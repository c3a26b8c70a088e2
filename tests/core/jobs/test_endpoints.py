"""A store is asked once per connection, remembered for thirty days, and gone by."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oddstore import OddStore, odd_store
from vidcdn_desktop import errors as e
from vidcdn_desktop import paths
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.profiles import practice_profile
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.jobs.endpoints import VALID_FOR, EndpointBook
from vidcdn_desktop.storage.capabilities import AWS, PRACTICE, EndpointProfile, Support
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.upload import upload

YES, NO, UNKNOWN = Support.YES, Support.NO, Support.UNKNOWN
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADERS = ObjectHeaders("video/mp4")


@pytest.fixture
def store() -> Iterator[OddStore]:
    with odd_store() as running:
        yield running


def _profile(url: str, kind: ConnectionKind = ConnectionKind.S3_COMPATIBLE) -> ConnectionProfile:
    return ConnectionProfile(
        "own-1", "Own store", kind, bucket="films", access_key_id="AKIAKEYKEYKEYKEYKEY1", endpoint_url=url,
        path_style=bool(url),
    )  # fmt: skip


def _secrets() -> MemorySecretStore:
    secrets = MemorySecretStore()
    secrets.set("own-1", "secret_access_key", Secret("the-secret-of-the-store"))
    return secrets


@pytest.fixture
def opened(store: OddStore) -> Iterator[Connection]:
    connection = open_connection(_profile(store.url), _secrets())
    yield connection
    connection.close()


def _probes(store: OddStore) -> int:
    return sum(method == "POST" and "uploads" in target for method, target in store.asked) // 2


def test_a_store_is_asked_once_and_remembered(store: OddStore, opened: Connection) -> None:
    assert store.asked == []
    found = opened.endpoint_profile(CancelToken())
    assert (found.put_if_absent, found.ranged_get, found.cloudfront) == (NO, NO, NO)
    assert opened.endpoint_profile(CancelToken()) == found
    again = open_connection(_profile(store.url), _secrets())
    assert again.endpoint_profile(CancelToken()) == found
    again.close()
    assert _probes(store) == 1
    file = paths.data_dir() / "endpoints.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "the-secret" not in file.read_text()


def test_refresh_asks_again(store: OddStore, opened: Connection) -> None:
    first = opened.endpoint_profile(CancelToken())
    second = opened.endpoint_profile(CancelToken(), refresh=True)
    assert first.checked_at is not None
    assert second.checked_at is not None
    assert second.checked_at > first.checked_at
    assert _probes(store) == 2


def test_two_askers_wait_for_one_answer(store: OddStore, opened: Connection) -> None:
    found: list[EndpointProfile] = []
    threads = [threading.Thread(target=lambda: found.append(opened.endpoint_profile(CancelToken()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 4
    assert len(set(found)) == 1
    assert _probes(store) == 1


def test_one_who_waits_can_be_cancelled(store: OddStore, opened: Connection) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold(*_: str) -> None:
        reached.set()
        go_on.wait(20)

    store.on_request = hold
    first = threading.Thread(target=lambda: opened.endpoint_profile(CancelToken()))
    first.start()
    assert reached.wait(20)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        opened.endpoint_profile(token)
    go_on.set()
    first.join(20)
    assert not first.is_alive()


def test_without_permission_it_is_asked_again_next_time(store: OddStore, opened: Connection) -> None:
    store.denied = {"PUT"}
    assert not opened.endpoint_profile(CancelToken()).is_known
    assert json.loads((paths.data_dir() / "endpoints.json").read_text())["endpoints"] == []


def test_amazon_and_the_practice_cloud_are_never_asked(store: OddStore) -> None:
    aws = open_connection(_profile("", ConnectionKind.ACCESS_KEY), _secrets())
    assert aws.endpoint_profile(CancelToken(), refresh=True) == AWS.with_cloudfront(present=True)
    aws.close()
    profile = practice_profile(
        endpoint_url=store.url, cloudfront_endpoint_url=store.url, access_key_id="practice", region="us-east-1",
        bucket="films", distribution_id="",
    )  # fmt: skip
    secrets = MemorySecretStore()
    secrets.set(profile.id, "secret_access_key", Secret("the-secret-of-practice"))
    practice = open_connection(profile, secrets)
    assert practice.endpoint_profile(CancelToken()) == PRACTICE.with_cloudfront(present=True)
    practice.close()
    assert store.asked == []


@pytest.mark.parametrize("size", [1000, 9 << 20])
def test_a_store_that_overwrites_silently_is_looked_at_first(store: OddStore, opened: Connection, size: int) -> None:
    """Such a store ignores the condition, so nothing would be learned from a refusal."""
    store.objects["films/videos/film.mp4"] = b"the film of somebody else"
    opened.prepare_publish(CancelToken())
    ref = ObjectRef("films", "videos/film.mp4")
    with pytest.raises(e.KeyTaken):
        upload(opened.storage, BytesSource(bytes(size)), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    assert store.objects == {"films/videos/film.mp4": b"the film of somebody else"}
    assert store.uploads == {}


def test_a_later_connection_starts_from_what_is_remembered(store: OddStore) -> None:
    lacking = EndpointProfile(
        crc64nvme_multipart=NO, crc32=NO, put_if_absent=NO, mpu_object_size=NO, checked_at=datetime.now(UTC)
    )
    first = open_connection(_profile(store.url), _secrets())
    EndpointBook().keep(first.clients.endpoint, "films", lacking)
    first.close()
    later = open_connection(_profile(store.url), _secrets())
    assert later.storage.checksum_algorithm == ""
    later.prepare_publish(CancelToken())
    later.close()
    assert store.asked == []


def test_a_lost_network_does_not_stop_a_publish_here(store: OddStore) -> None:
    connection = open_connection(_profile("https://127.0.0.1:9"), _secrets())
    connection.prepare_publish(CancelToken())
    with pytest.raises(e.Offline):
        connection.endpoint_profile(CancelToken())
    connection.close()


def test_what_is_remembered_grows_old(tmp_path: Path) -> None:
    book = EndpointBook(tmp_path / "e.json", now=lambda: NOW)
    ages = {"fresh": timedelta(days=29), "old": VALID_FOR + timedelta(seconds=1), "future": timedelta(days=-1)}
    for bucket, age in ages.items():
        book.keep("https://s3.example.com", bucket, EndpointProfile(crc32=YES, checked_at=NOW - age))
    fresh = book.recall("https://s3.example.com", "fresh")
    assert fresh is not None
    assert fresh.crc32 is YES
    assert book.recall("https://s3.example.com", "old") is None
    assert book.recall("https://s3.example.com", "future") is None
    assert book.recall("https://other.example.com", "fresh") is None


def test_only_so_many_are_remembered(tmp_path: Path) -> None:
    book = EndpointBook(tmp_path / "e.json", now=lambda: NOW)
    for number in range(203):
        book.keep("https://s3.example.com", f"bucket-{number}", EndpointProfile(crc32=YES, checked_at=NOW))
    assert len(json.loads((tmp_path / "e.json").read_text())["endpoints"]) == 200
    assert book.recall("https://s3.example.com", "bucket-2") is None
    assert book.recall("https://s3.example.com", "bucket-202") is not None


@pytest.mark.parametrize("content", ["{", "[]", '{"endpoints": 5}', '{"endpoints": [5, {"endpoint": "x"}]}'])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "e.json"
    file.write_text(content)
    book = EndpointBook(file, now=lambda: NOW)
    assert book.recall("x", "films") is None
    book.keep("x", "films", EndpointProfile(crc32=YES, checked_at=NOW))
    assert book.recall("x", "films") is not None


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "in-the-way").write_text("")
    book = EndpointBook(tmp_path / "in-the-way" / "e.json", now=lambda: NOW)
    book.keep("x", "films", EndpointProfile(crc32=YES, checked_at=NOW))
    assert "was not saved" in caplog.text


def test_the_test_of_a_connection_says_what_is_missing(store: OddStore) -> None:
    saved = SavedConnections(None, lambda: (_secrets(), ""))  # type: ignore[arg-type]
    report = saved.test(_profile(store.url), {})
    told = {check.text: check for check in report.checks if check.name == "store"}
    assert "This store keeps no checksums" in told
    assert told["This store cannot refuse to overwrite"].advice.startswith("The program looks first")
    assert all(check.state.value == "warning" for check in told.values())
    assert report.usable
    saved.test(_profile(store.url), {})
    assert _probes(store) == 2


def test_the_test_tells_that_the_key_may_not_write(store: OddStore) -> None:
    store.denied = {"PUT"}
    saved = SavedConnections(None, lambda: (_secrets(), ""))  # type: ignore[arg-type]
    report = saved.test(_profile(store.url), {})
    told = [check for check in report.checks if check.name == "store"]
    assert [check.state.value for check in told] == ["unknown"]
    assert "may not write below “videos/”" in told[0].advice
