"""`find` as people and scripts use it: one document, honest counts, refusals in words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from repairs import World, world_on

_LIMIT_S = 90


def run(world: World, *argv: str) -> tuple[int, str, str]:
    """The program with arguments: code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "vidcdn_desktop", "find", *argv],
        env=world.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8",
        timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


def test_films_that_start_slowly_are_found_among_all_others(world: World, media_dir: Path, clip_fast: Path) -> None:
    slow = (media_dir / "gen-mdat64-end.mp4").read_bytes()
    fast = clip_fast.read_bytes()
    world.put(slow, "films/a slow.mp4")
    world.put(fast, "films/b.mp4")
    world.put(slow, "films/c.txt")
    world.put(slow, "other/d.mp4")
    address = f"s3://{world.bucket}/films/"
    code, out, err = run(world, address, "starts:slowly", "--json")
    assert code == 0, err
    document: dict[str, Any] = json.loads(out)
    (row,) = document["objects"]
    assert (row["key"], row["size"], row["starts"]) == ("films/a slow.mp4", len(slow), "slowly")
    assert {name: document[name] for name in ("prefix", "query", "count", "listed", "videos", "looked_at")} == {
        "prefix": "films/", "query": "starts:slowly", "count": 1, "listed": 3, "videos": 2, "looked_at": 2,
    }  # fmt: skip
    assert (document["complete"], document["size_bytes"]) == (True, len(slow))
    code, out, _ = run(world, address, "starts:slowly")
    assert code == 0
    assert out.splitlines()[0].startswith("slowly")
    assert out.splitlines()[0].endswith("films/a slow.mp4")
    assert out.splitlines()[-1].startswith("1 found, 2 of 2 videos looked at")


def test_a_query_may_be_one_argument_or_many_and_nothing_found_is_no_failure(world: World) -> None:
    for key in ("blue lake.mp4", "lake.jpg", "x\u202e.mp4"):
        world.put(bytes(2000), key)
    for query in (("lake", "kind:video"), ("lake kind:video",), ('"blue lake"', "size:1kB..")):
        code, out, err = run(world, f"s3://{world.bucket}", *query, "--json")
        assert code == 0, err
        assert [row["key"] for row in json.loads(out)["objects"]] == ["blue lake.mp4"]
    code, out, _ = run(world, f"s3://{world.bucket}", "kind:captions", "--json")
    assert code == 0
    assert (json.loads(out)["objects"], json.loads(out)["count"]) == ([], 0)
    code, out, _ = run(world, f"s3://{world.bucket}")
    assert code == 0
    assert "\u202e" not in out
    assert out.splitlines()[-1] == "3 found in 3 objects, 6.0 kB"


def test_nonsense_and_a_missing_bucket_are_told_apart(world: World) -> None:
    code, out, err = run(world, f"s3://{world.bucket}", "size:100MB", "--json")
    assert code == 2
    assert json.loads(out)["error"]["subject"] == "size:100MB"
    assert "size:100MB: After size: comes a comparison" in err
    code, out, _ = run(world, "s3://there-is-no-such-bucket-here", "lake", "--json")
    assert code == 1
    assert json.loads(out)["error"]["kind"] == "BucketNotFound"
