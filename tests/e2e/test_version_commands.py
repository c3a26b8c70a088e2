"""`class`, `restore` and `versions` as people and scripts use them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import servers
from repairs import World, world_on

_LIMIT_S = 90


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        yield found


def run(world: World, *argv: str) -> tuple[int, list[dict[str, Any]], str]:
    """The program with arguments: code, objects on stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "vidcdn_desktop", *argv, "--json"],
        env=world.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT_S,
        check=False,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def head(world: World, key: str) -> dict[str, Any]:
    found: dict[str, Any] = world.client.head_object(Bucket=world.bucket, Key=key)
    return found


def test_a_class_is_changed_and_archived_objects_are_asked_for(world: World) -> None:
    place = f"s3://{world.bucket}"
    world.put(b"a", "films/a.mp4", ContentType="video/mp4")
    code, told, _ = run(world, "class", f"{place}/films/a.mp4", "--to", "glacier", "--dry-run")
    assert code == 0
    plan = told[-1]["plan"]
    assert (plan["operation"], plan["can_be_undone"]) == ("storage class", False)
    assert any("Moving costs" in note for note in plan["notes"])
    assert "StorageClass" not in head(world, "films/a.mp4")
    code, told, _ = run(world, "class", f"{place}/films", "--recursive", "--to", "glacier")
    assert (code, told[-1]["total"]["done"]) == (0, 1)
    assert head(world, "films/a.mp4")["StorageClass"] == "GLACIER"
    world.put(b"b", "films/b.mp4")
    code, told, _ = run(world, "restore", f"{place}/films", "--recursive", "--days", "2", "--tier", "bulk")
    assert (code, told[-1]["total"]["done"], told[-1]["total"]["left"]) == (0, 1, 1)
    assert "Restore" in head(world, "films/a.mp4")


@pytest.mark.parametrize(
    "argv",
    [
        ("class", "s3://{0}/a", "--to", "attic"),
        ("class", "s3://{0}/a"),
        ("restore", "s3://{0}/a", "--days", "0"),
        ("restore", "s3://{0}/a", "--tier", "slow"),
        ("versions", "s3://{0}/films/", "--restore", "x"),
    ],
)
def test_wrong_use_changes_nothing(world: World, argv: tuple[str, ...]) -> None:
    world.put(b"a", "a")
    code, _, err = run(world, *(part.format(world.bucket) for part in argv))
    assert code in (1, 2)
    assert err
    assert "Traceback" not in err
    assert "StorageClass" not in head(world, "a")


def test_versions_are_shown_restored_and_what_was_deleted_comes_back(world: World) -> None:
    place = f"s3://{world.bucket}"
    key = "films/Été \u202e.mp4"
    world.put(b"first", key)
    world.put(b"second", key)
    code, told, _ = run(world, "versions", f"{place}/{key}")
    assert code == 0
    assert [version["state"] for version in told] == ["newest", "older"]
    code, told, err = run(world, "versions", f"{place}/{key}", "--restore", told[1]["version_id"])
    assert code == 0, err
    assert world.get(key)["Body"] == b"first"
    assert run(world, "undo", told[-1]["total"]["job"])[0] == 0
    assert world.get(key)["Body"] == b"second"
    world.put(b"x", "films/old/x.mp4")
    for gone in (key, "films/old/x.mp4"):
        world.client.delete_object(Bucket=world.bucket, Key=gone)
    code, told, _ = run(world, "versions", f"{place}/films/")
    assert code == 0
    deleted = [line["key"] for line in told if line["state"] == "deleted"]
    assert deleted == [key]
    code, told, _ = run(world, "versions", f"{place}/films/", "--undelete", "--recursive")
    assert (code, told[-1]["total"]["done"]) == (0, 2)
    assert world.get(key)["Body"] == b"second"
    assert run(world, "undo", told[-1]["total"]["job"])[0] == 0
    assert world.all_keys() == []
    code, told, _ = run(world, "versions", f"{place}/{key}", "--undelete")
    assert (code, told[-1]["total"]["done"]) == (0, 1)
    assert world.all_keys() == [key]
    code, told, err = run(world, "versions", f"{place}/{key}", "--undelete")
    assert (code, told) == (0, [])
    assert "nothing" in err
