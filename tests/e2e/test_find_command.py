"""`find` as people and scripts use it: one document, honest counts, refusals in words."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from faultplans import Act, Fault, Request
from faults import Phase
from repairs import World, world_on

_LIMIT_S = 90


def start(world: World, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vidcdn_desktop", "find", *argv],
        env=world.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, encoding="utf-8",
    )  # fmt: skip


def run(world: World, *argv: str) -> tuple[int, str, str]:
    """The program with arguments: code, stdout, stderr."""
    process = start(world, *argv)
    out, err = process.communicate(timeout=_LIMIT_S)
    return process.returncode, out, err


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
    for query in (("lake kind:video",), ('"blue lake"', "size:1kB..")):
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


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_stopped_it_tells_what_it_has_and_goes_on_with_what_is_known(world: World, clip_end: Path) -> None:
    for n in range(30):
        world.put(clip_end.read_bytes(), f"{n:02}.mp4")
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def stop() -> None:
        started.wait(_LIMIT_S)
        running[0].send_signal(signal.SIGINT)

    gets = itertools.count()

    def plan(request: Request) -> Act:
        """From the 25th on none is answered, so that it cannot be done before it is stopped."""
        late = request.operation == "GetObject" and next(gets) >= 24
        return Act(Fault.STALL_REPLY, seconds=3600) if late else Act()

    world.proxy.plan = plan
    world.when("GetObject", Phase.ARRIVED, stop, nth=25)
    running.append(start(world, f"s3://{world.bucket}", "starts:slowly", "--json"))
    started.set()
    out, err = running[0].communicate(timeout=_LIMIT_S)
    world.proxy.watch, world.proxy.plan = lambda _phase, _request: None, lambda _request: Act()
    assert running[0].returncode == 130, err
    document = json.loads(out)
    assert (document["complete"], document["error"]["kind"]) == (False, "Cancelled")
    assert document["looked_at"] < 30
    asked = len(world.proxy.exchanges)
    code, out, _ = run(world, f"s3://{world.bucket}", "starts:slowly", "--json")
    assert code == 0
    assert json.loads(out)["count"] == 30
    again = [e for e in world.proxy.exchanges[asked:] if e.request.operation == "GetObject"]
    assert 0 < len({e.request.target for e in again}) < 30, "what was found out is not asked again"
