"""`ls` and `du` as people and scripts use them: on a real server, with keys that hurt, and with many of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import listserver
import servers
from faultplans import xml_answer
from repairs import World, world_on

_LIMIT_S = 90


def run(environment: dict[str, str], *argv: str) -> tuple[int, str, str]:
    """The program with arguments: code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "vidcdn_desktop", *argv],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8",
        timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def document(environment: dict[str, str], *argv: str) -> dict[str, Any]:
    code, out, err = run(environment, *argv, "--json")
    assert code == 0, err
    assert out.count("\n") == 1
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture(params=["moto", pytest.param("swift", marks=pytest.mark.swift)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with world_on(request.getfixturevalue(request.param)) as found:
        yield found


@pytest.fixture
def films(world: World) -> World:
    for key, size in {
        "films/2024/été+a.mp4": 3000, "films/2024/b.mp4": 2000, "films/2025/x/c.webm": 500, "films/d.jpg": 70,
        "films//odd.txt": 5, "top\u202e.mp4": 1,
    }.items():  # fmt: skip
        world.put(bytes(size), key)
    return world


def test_ls_of_one_level_and_of_all(films: World) -> None:
    env, address = films.environment(), f"s3://{films.bucket}/"
    level = document(env, "ls", f"{address}films/")
    assert level["prefixes"] == ["films//", "films/2024/", "films/2025/"]
    assert [item["key"] for item in level["objects"]] == ["films/d.jpg"]
    assert (level["bucket"], level["prefix"], level["complete"]) == (films.bucket, "films/", True)
    everything = document(env, "ls", "--recursive", address)
    assert [item["key"] for item in everything["objects"]] == sorted(films.all_keys())
    assert (everything["count"], everything["size_bytes"]) == (6, 5576)
    assert set(everything["objects"][0]) == {"key", "size", "etag", "last_modified", "storage_class"}
    assert {exchange.request.method for exchange in films.proxy.exchanges} == {"GET"}, "never a HEAD"
    code, out, _ = run(env, "ls", address)
    assert code == 0
    assert "\u202e" not in out
    assert out.splitlines()[0].endswith("  films/")
    assert out.splitlines()[-1] == "1 object, 1 byte"


def test_ls_without_an_address_names_the_buckets(films: World) -> None:
    env = films.environment()
    assert films.bucket in [bucket["name"] for bucket in document(env, "ls")["buckets"]]
    code, out, _ = run(env, "ls")
    assert code == 0
    assert films.bucket in out


def test_ls_of_versions(films: World) -> None:
    films.client.put_bucket_versioning(Bucket=films.bucket, VersioningConfiguration={"Status": "Enabled"})
    films.put(b"new", "films/d.jpg")
    films.client.delete_object(Bucket=films.bucket, Key="films/2024/b.mp4")
    told = document(films.environment(), "ls", "--versions", "--recursive", f"s3://{films.bucket}/films/")["versions"]
    pictures = [v for v in told if v["key"] == "films/d.jpg"]
    assert [(v["size"], v["is_latest"]) for v in pictures] == [(3, True), (70, False)]
    marker = next(v for v in told if v["is_marker"])
    assert (marker["key"], marker["is_latest"]) == ("films/2024/b.mp4", True)
    code, out, _ = run(films.environment(), "ls", "--versions", "--recursive", f"s3://{films.bucket}/films/2024/")
    assert code == 0
    assert "deleted" in out


def test_du_by_folder_kind_and_class(films: World) -> None:
    env, address = films.environment(), f"s3://{films.bucket}/"
    told = document(env, "du", "--depth", "2", address)
    assert (told["objects"], told["size_bytes"]) == (6, 5576)
    (folder,) = told["tree"]["folders"]
    assert (folder["prefix"], folder["objects"], folder["size_bytes"]) == ("films/", 5, 5575)
    assert [(f["prefix"], f["size_bytes"]) for f in folder["folders"]] == [
        ("films/2024/", 5000), ("films/2025/", 500), ("films//", 5),
    ]  # fmt: skip
    assert {kind: tally["objects"] for kind, tally in told["kinds"].items()} == {"Video": 4, "Thumbnail": 1, "Other": 1}
    assert told["classes"]["STANDARD"]["size_bytes"] == 5576
    assert told["cost"] is None, "nobody knows what this store costs"
    code, out, _ = run(env, "du", f"{address}films/2024/")
    assert code == 0
    assert out.splitlines()[0].split() == ["5.0", "kB", "2", "objects", f"{address}films/2024/"]
    assert run(env, "du", "--depth", "many", address)[0] == 2
    assert run(env, "du", "s3://no-such-bucket-here/")[0] == 1


@pytest.fixture
def crowd() -> Iterator[tuple[listserver.Bucket, dict[str, str]]]:
    bucket = listserver.Bucket.of([listserver.folders(n, 4000) for n in range(4000)])
    with listserver.listening(bucket) as url:
        server = servers.Endpoint(url)
        yield bucket, {
            **os.environ,
            "AWS_ENDPOINT_URL": url, "AWS_REGION": server.region,
            "AWS_ACCESS_KEY_ID": server.access_key_id, "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
        }  # fmt: skip


def test_what_was_listed_before_an_error_is_whole_json(
    crowd: tuple[listserver.Bucket, dict[str, str]],
) -> None:
    bucket, env = crowd
    assert document(env, "ls", "--recursive", "s3://b/")["count"] == 4000
    assert document(env, "du", "s3://b/films/", "--depth", "1")["tree"]["folders"][0]["objects"] == 250
    refusal = xml_answer("403 Forbidden", "AccessDenied")
    bucket.on_request = lambda query: refusal if "continuation-token" in query else None
    code, out, err = run(env, "ls", "--recursive", "--json", "s3://b/")
    told = json.loads(out)
    assert code == 1
    assert (told["complete"], told["error"]["kind"]) == (False, "AccessDenied")
    assert len(told["objects"]) == told["count"] == 1000
    assert "s3:ListBucket" in err
    bucket.on_request = lambda _query: refusal
    code, out, _ = run(env, "ls", "--json", "s3://b/")
    assert code == 1
    assert json.loads(out)["error"]["kind"] == "AccessDenied"
