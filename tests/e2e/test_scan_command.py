"""`scan` as people and scripts use it: one document, resumable, and honest about what could not be told."""

from __future__ import annotations

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
from faultplans import Act, Fault, xml_answer
from faults import Phase
from repairs import World, world_on
from vidcdn_desktop import paths

_LIMIT_S = 90


def start(world: World, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vidcdn_desktop", "scan", *argv],
        env=world.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(world: World, *argv: str) -> tuple[int, str, str]:
    """The program with arguments: code, stdout, stderr."""
    process = start(world, *argv)
    out, err = process.communicate(timeout=_LIMIT_S)
    return process.returncode, out, err


def scanned(world: World, *argv: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the document."""
    code, out, err = run(world, *argv, "--json")
    assert out, err
    document: dict[str, Any] = json.loads(out)
    return code, document


@pytest.fixture(params=["moto", pytest.param("swift", marks=pytest.mark.swift)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with world_on(request.getfixturevalue(request.param)) as found:
        yield found


@pytest.fixture
def plain(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


def test_one_document_tells_all_of_a_prefix(world: World, clip_end: Path, clip_fast: Path) -> None:
    world.put(clip_end.read_bytes(), "films/a/Été à la mer.mp4")
    world.put(clip_fast.read_bytes(), "films/a/fast.mp4")
    world.put(b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + bytes(70_000), "films/a/talk.webm")
    world.put(clip_end.read_bytes()[:20_000], "films/a/torn.mp4")
    world.put(clip_end.read_bytes(), "films/a/no-name")
    world.put(b"picture", "films/a/end.jpg")
    world.put(clip_end.read_bytes(), "other/b.mp4")
    code, document = scanned(world, f"s3://{world.bucket}/films/")
    assert code == 0
    assert (document["bucket"], document["prefix"], document["complete"]) == (world.bucket, "films/", True)
    rows = {row["key"].rpartition("/")[2]: row for row in document["objects"]}
    assert {name: row["index"] for name, row in rows.items()} == {
        "Été à la mer.mp4": "end", "fast.mp4": "front", "talk.webm": "none", "torn.mp4": "unknown",
    }  # fmt: skip
    slow = rows["Été à la mer.mp4"]
    assert (slow["verdict"], slow["proved"], slow["video_codec"], slow["audio_codec"]) == ("needs", True, "h264", "aac")
    assert (slow["width"], slow["height"], slow["outcome"]) == (320, 180, "read")
    assert slow["source"] == f"s3://{world.bucket}/films/a/Été à la mer.mp4"
    assert rows["torn.mp4"]["verdict"] == "corrupt"
    totals = document["totals"]
    assert (totals["objects"], totals["videos"], totals["passed_over"]) == (6, 4, 2)
    assert (totals["slow_starters"], totals["fast"], totals["damaged"], totals["other_kinds"]) == (1, 1, 1, 1)
    assert totals["bytes_read"] == sum(row["bytes_read"] for row in rows.values())
    assert totals["requests"] == sum(row["requests"] for row in rows.values()) + 1

    before = len(world.proxy.exchanges)
    code, again = scanned(world, f"s3://{world.bucket}/films/")
    assert code == 0
    assert {row["outcome"] for row in again["objects"]} == {"known"}
    assert (again["totals"]["known"], again["totals"]["requests"], again["totals"]["bytes_read"]) == (4, 1, 0)
    assert len(world.proxy.exchanges) == before + 1, "the listing, and nothing else"

    _, everything = scanned(world, f"s3://{world.bucket}/films/", "--all")
    assert {row["key"].rpartition("/")[2] for row in everything["objects"]} == {*rows, "no-name", "end.jpg"}
    code, one = scanned(world, f"s3://{world.bucket}/films/a/no-name")
    assert [row["index"] for row in one["objects"]] == ["end"], "named itself, whatever its name ends in"


def test_people_read_lines(plain: World, clip_end: Path) -> None:
    plain.put(clip_end.read_bytes(), "films/sea\u202e.mp4")
    code, out, err = run(plain, f"s3://{plain.bucket}/films/", "--requests", "5", "--limit", "10M", "--parallel", "2")
    assert code == 0, err
    first, *_ = out.splitlines()
    assert first.startswith("starts slowly")
    assert "320×180 H.264/AAC" in first
    assert "\u202e" not in out
    assert "1 video in 1 object: 1 start slowly (1 can be repaired)" in out
    assert run(plain, "--requests", "0")[0] == 2
    assert run(plain, "--limit", "soon")[0] == 2


def test_what_cannot_be_read_is_told_and_the_rest_is_scanned(plain: World, clip_fast: Path) -> None:
    plain.put(clip_fast.read_bytes(), "a.mp4")
    plain.put(clip_fast.read_bytes(), "b.mp4", StorageClass="GLACIER")
    plain.put(clip_fast.read_bytes(), "c.mp4")
    denied = xml_answer("403 Forbidden", "AccessDenied")
    plain.proxy.plan = lambda request: Act(Fault.ANSWER, answer=denied) if "a.mp4" in request.target else Act()
    code, document = scanned(plain, f"s3://{plain.bucket}")
    assert code == 1
    a, b, c = document["objects"]
    assert (a["outcome"], a["error"]["kind"]) == ("failed", "AccessDenied")
    assert "archive" in b["error"]["what"]
    assert c["index"] == "front"
    assert (document["complete"], document["totals"]["failed"], document["totals"]["videos"]) == (True, 2, 1)


def test_a_bucket_that_is_not_there(plain: World) -> None:
    code, document = scanned(plain, f"s3://{plain.bucket}-none")
    assert code == 1
    assert document["error"]["kind"] == "BucketNotFound"
    assert document["complete"] is False


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_stopped_and_run_again(plain: World, clip_fast: Path, name: str) -> None:
    for n in range(40):
        plain.put(clip_fast.read_bytes(), f"{n:02}.mp4")
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def stop() -> None:
        started.wait(_LIMIT_S)
        running[0].send_signal(getattr(signal, name))

    plain.when("GetObject", Phase.ARRIVED, stop, nth=25)
    running.append(start(plain, f"s3://{plain.bucket}", "--json"))
    started.set()
    out, err = running[0].communicate(timeout=_LIMIT_S)
    plain.proxy.watch = lambda _phase, _request: None
    if name != "SIGKILL":
        assert running[0].returncode == 130, err
        document = json.loads(out)
        assert document["complete"] is False
        assert document["error"]["kind"] == "Cancelled"
        assert "kept" in document["error"]["meaning"]
    code, document = scanned(plain, f"s3://{plain.bucket}")
    assert code == 0
    totals = document["totals"]
    assert totals["known"] >= 10, "what was found out is not asked again"
    assert totals["known"] < 40
    assert totals["requests"] == 40 - totals["known"] + 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_store_that_does_not_answer_can_be_left(plain: World) -> None:
    plain.proxy.plan = lambda _request: Act(Fault.STALL_REPLY, seconds=3600)
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def stop() -> None:
        started.wait(_LIMIT_S)
        running[0].send_signal(signal.SIGINT)

    plain.when("ListObjects", Phase.ARRIVED, stop)
    running.append(start(plain, f"s3://{plain.bucket}"))
    started.set()
    out, err = running[0].communicate(timeout=_LIMIT_S)
    assert running[0].returncode == 130
    assert out == ""
    assert "Run the same command again" in err


def test_a_damaged_cache_is_no_failure(plain: World, clip_fast: Path) -> None:
    plain.put(clip_fast.read_bytes(), "a.mp4")
    (paths.cache_dir() / "facts.sqlite").write_bytes(b"nothing of the kind" * 1000)
    for known in (0, 1):
        code, document = scanned(plain, f"s3://{plain.bucket}")
        assert (code, document["totals"]["known"]) == (0, known)
