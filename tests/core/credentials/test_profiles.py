"""Connections: what is a good one, and a file that never holds a secret."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vidcdn_desktop import paths
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile
from vidcdn_desktop.credentials.profiles import (
    ProfileStore,
    endpoint_problem,
    environment_profile,
    is_loopback,
    list_aws_profiles,
    new_profile_id,
    practice_profile,
    validate_profile,
)
from vidcdn_desktop.errors import SettingsInvalid

AWS = ConnectionProfile(
    id="11111111-1111-4111-8111-111111111111",
    name="My films",
    kind=ConnectionKind.ACCESS_KEY,
    bucket="my-films",
    region="eu-central-1",
    access_key_id="AKIAIOSFODNN7EXAMPLE",
)
SWIFT = ConnectionProfile(
    id="22222222-2222-4222-8222-222222222222",
    name="Swift",
    kind=ConnectionKind.S3_COMPATIBLE,
    bucket="My_Films",
    region="RegionOne",
    access_key_id="account:user",
    endpoint_url="https://swift.example.com:8080",
    path_style=True,
)
SHARED = ConnectionProfile(
    id="33333333-3333-4333-8333-333333333333",
    name="Work",
    kind=ConnectionKind.AWS_PROFILE,
    bucket="work-films",
    aws_profile="work",
    session_only=True,
)


@pytest.mark.parametrize("profile", [AWS, SWIFT, SHARED], ids=lambda p: p.name)
def test_good_connections_have_no_problem(profile: ConnectionProfile) -> None:
    assert validate_profile(profile) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": ""}, "name"),
        ({"name": " x"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "Practice"}, "built-in"),
        ({"bucket": ""}, "bucket"),
        ({"bucket": "ab"}, "3 to 63"),
        ({"bucket": "x" * 64}, "3 to 63"),
        ({"bucket": "My-Films"}, "small letters"),
        ({"bucket": "a..b"}, "small letters"),
        ({"bucket": "-films"}, "small letters"),
        ({"bucket": "films."}, "small letters"),
        ({"bucket": "my_films"}, "small letters"),
        ({"bucket": "films\n"}, "small letters"),
        ({"bucket": "192.168.5.4"}, "IP address"),
        ({"bucket": "xn--films"}, "kept by AWS"),
        ({"bucket": "films--x-s3"}, "kept by AWS"),
        ({"prefix": "/videos"}, "slash"),
        ({"prefix": "videos/"}, "slash"),
        ({"prefix": "a//b"}, "empty part"),
        ({"prefix": "a/../b"}, "dots"),
        ({"prefix": "a\u202eb"}, "invisible"),
        ({"prefix": "é" * 300}, "too long"),
        ({"region": "Frankfurt"}, "region"),
        ({"region": "eu-central-1\n"}, "region"),
        ({"access_key_id": ""}, "access key ID"),
        ({"access_key_id": "akia"}, "access key ID"),
        ({"access_key_id": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, "secret key"),
        ({"endpoint_url": "http://s3.example.com"}, "https"),
        ({"distribution_id": "d111.cloudfront.net"}, "distribution"),
        ({"expected_bucket_owner": "12345"}, "12 digits"),
    ],
)
def test_problems_are_told_in_words(change: dict[str, str], word: str) -> None:
    problems = validate_profile(replace(AWS, **change))  # type: ignore[arg-type]
    assert len(problems) == 1, problems
    assert word in problems[0]
    assert problems[0].endswith(".")


def test_a_compatible_store_needs_an_address_and_a_key_that_can_be_signed_with() -> None:
    assert validate_profile(replace(SWIFT, endpoint_url="")) != []
    assert validate_profile(replace(SWIFT, access_key_id="with/slash")) != []
    assert validate_profile(replace(SWIFT, access_key_id="with blank")) != []
    assert validate_profile(replace(SHARED, aws_profile="")) == ["Choose a profile from your AWS files."]


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://s3.example.com", True),
        ("https://s3.example.com:9000/path", True),
        ("http://127.0.0.1:9000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:9000", True),
        ("http://localhost:9000", True),
        ("http://bucket.localhost", True),
        ("http://s3.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1@evil.example", False),
        ("https://user:pw@s3.example.com", False),
        ("https://s3.example.com?x=1", False),
        ("https://s3.example.com#x", False),
        ("ftp://s3.example.com", False),
        ("s3.example.com", False),
        ("https://", False),
        ("https://s3.example.com:port", False),
        ("https://[::1", False),
        ("https://s3.exa mple.com", False),
        ("https://s3.example.com\n", False),
    ],
)
def test_only_this_computer_may_be_reached_in_the_open(url: str, good: bool) -> None:
    assert (endpoint_problem(url) == "") is good


def test_loopback_is_only_this_computer() -> None:
    assert is_loopback("http://127.0.0.1:1")
    assert not is_loopback("http://0.0.0.0:1")
    assert not is_loopback("https://s3.amazonaws.com")
    assert not is_loopback("http://[broken")


# The file


def _file() -> Path:
    return paths.config_dir() / "connections.json"


def test_connections_come_back_as_saved_and_in_order() -> None:
    store = ProfileStore()
    assert store.all() == []
    for profile in (AWS, SWIFT, SHARED):
        store.save(profile)
    assert ProfileStore().all() == [AWS, SWIFT, SHARED]
    store.save(replace(AWS, name="Renamed", prefix=""))
    assert [p.name for p in store.all()] == ["Renamed", "Swift", "Work"]


def test_a_connection_is_found_by_id_and_by_name_in_any_case() -> None:
    store = ProfileStore()
    store.save(AWS)
    assert store.get(AWS.id) == AWS
    assert store.get("my FILMS ") == AWS
    assert store.get("other") is None


def test_names_are_unique_but_a_connection_may_keep_its_own() -> None:
    store = ProfileStore()
    store.save(AWS)
    store.save(replace(AWS, bucket="other-films"))
    with pytest.raises(SettingsInvalid, match="already a connection"):
        store.save(replace(SWIFT, name="MY films"))
    assert len(store.all()) == 1


def test_a_bad_connection_and_the_practice_cloud_are_not_saved() -> None:
    store = ProfileStore()
    with pytest.raises(SettingsInvalid, match="3 to 63"):
        store.save(replace(AWS, bucket="x"))
    practice = practice_profile(
        endpoint_url="http://127.0.0.1:1", cloudfront_endpoint_url="http://127.0.0.1:1", access_key_id="AKIAX",
        region="us-east-1", bucket="practice", distribution_id="",
    )  # fmt: skip
    with pytest.raises(SettingsInvalid, match="built-in"):
        store.save(practice)
    assert not _file().exists()


def test_removing_forgets_one_and_twice_is_harmless() -> None:
    store = ProfileStore()
    store.save(AWS)
    store.save(SWIFT)
    store.remove(AWS.id)
    store.remove(AWS.id)
    assert store.all() == [SWIFT]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps files private by folder")
def test_the_file_is_for_the_user_alone_and_has_no_field_for_a_secret() -> None:
    ProfileStore().save(AWS)
    assert stat.S_IMODE(_file().stat().st_mode) == 0o600
    text = _file().read_text("utf-8").lower()
    assert "secret" not in text
    assert "token" not in text
    assert list(_file().parent.iterdir()) == [_file()]


def test_fields_and_kinds_of_other_versions_survive() -> None:
    store = ProfileStore()
    store.save(AWS)
    data = json.loads(_file().read_text("utf-8"))
    data["connections"][0]["colour"] = "teal"
    data["connections"].append({"id": "x", "name": "Future", "kind": "quantum", "qubits": 3})
    data["connections"].append({"id": 5, "name": "Broken", "kind": "access_key"})
    data["connections"].append("not a connection")
    _file().write_text(json.dumps(data), "utf-8")
    assert store.all() == [AWS]
    store.save(replace(AWS, prefix="clips"))
    store.save(SWIFT)
    rows = json.loads(_file().read_text("utf-8"))["connections"]
    assert rows[0]["colour"] == "teal"
    assert rows[0]["prefix"] == "clips"
    assert rows[1] == {"id": "x", "name": "Future", "kind": "quantum", "qubits": 3}
    assert store.all() == [replace(AWS, prefix="clips"), SWIFT]


def test_a_practice_row_smuggled_into_the_file_is_not_believed() -> None:
    _file().write_text(
        json.dumps({"connections": [{"id": "p", "name": "AWS", "kind": "practice", "bucket": "b-b"}]}), "utf-8"
    )
    assert ProfileStore().all() == []


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"connections": 5}'])
def test_a_damaged_file_is_no_crash(raw: bytes) -> None:
    _file().write_bytes(raw)
    told: list[str] = []
    store = ProfileStore(tell=told.append)
    assert store.all() == []
    store.save(AWS)
    assert store.all() == [AWS]
    assert len(told) == (raw != b'{"connections": 5}')


def test_ids_are_new_each_time() -> None:
    assert new_profile_id() != new_profile_id()


# The built-in ones


def test_the_environment_is_read_as_the_sdk_reads_it() -> None:
    env = {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_PROFILE": "work",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "never kept here",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5000",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:5001",
    }
    profile = environment_profile("films", "E2QWRUHAPOMQZL", "/clips/", env)
    assert profile.kind is ConnectionKind.ENVIRONMENT
    assert (profile.bucket, profile.distribution_id, profile.prefix) == ("films", "E2QWRUHAPOMQZL", "clips")
    assert (profile.region, profile.aws_profile) == ("eu-west-1", "work")
    assert profile.endpoint_url == "http://127.0.0.1:5001"
    assert profile.cloudfront_endpoint_url == "http://127.0.0.1:5000"
    assert profile.path_style
    assert "never kept here" not in repr(profile)
    ignored = environment_profile("films", env={**env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"})
    assert ignored.endpoint_url == ignored.cloudfront_endpoint_url == ""
    assert environment_profile("films", env={"AWS_DEFAULT_REGION": "us-west-2"}).region == "us-west-2"
    assert environment_profile("films", env={}) == ConnectionProfile(
        "environment", "AWS environment", ConnectionKind.ENVIRONMENT, bucket="films", prefix=""
    )


def test_profiles_of_the_aws_files_are_listed_by_name(private_home: Path) -> None:
    assert list_aws_profiles() == []
    (private_home / "aws-config").write_text("[default]\nregion=eu-west-1\n[profile work]\nregion=eu-west-2\n", "utf-8")
    (private_home / "aws-credentials").write_text("[home]\naws_access_key_id=A\naws_secret_access_key=B\n", "utf-8")
    assert list_aws_profiles() == ["default", "home", "work"]
    (private_home / "aws-config").write_text("not an ini file\n", "utf-8")
    with pytest.raises(SettingsInvalid, match="AWS configuration files"):
        list_aws_profiles()
