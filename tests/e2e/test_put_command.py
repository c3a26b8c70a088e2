"""`put`: files and folders into the bucket as they are, by the real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transfer_world import MIB, Bucket, fresh_bucket

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import FaultProxy, Phase

LARGE = 5 * 8 * MIB + 77


class Program:
    """The program with a bucket behind a proxy and a journal of its own."""

    def __init__(self, bucket: Bucket, proxy: FaultProxy, home: Path) -> None:
        self.bucket = bucket
        self.proxy = proxy
        self.environment = os.environ | bucket.environment(proxy.url, None) | {"VIDCDN_HOME": str(home)}

    def start(self, *argv: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "vidcdn_desktop", "put", *argv, f"s3://{self.bucket.name}/drop", "--json"],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def put(self, *argv: str) -> tuple[int, dict[str, Any], str]:
        process = self.start(*argv)
        out, err = process.communicate(timeout=120)
        return process.returncode, json.loads(out.splitlines()[0]), err

    def uploads(self, *argv: str) -> tuple[int, list[dict[str, Any]], str]:
        done = subprocess.run(
            [sys.executable, "-m", "vidcdn_desktop", "uploads", *argv, "--json"],
            env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def body(self, key: str) -> bytes:
        found = self.bucket.object(key)
        assert found is not None
        return bytes(found["Body"])


@pytest.fixture
def program(moto: servers.Endpoint, tmp_path: Path) -> Iterator[Program]:
    with fresh_bucket(moto) as bucket, FaultProxy(moto.url) as proxy:
        yield Program(bucket, proxy, tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small tree with what a real one has."""
    top = tmp_path / "shoot"
    (top / "day 1").mkdir(parents=True)
    (top / "empty.txt").touch()
    (top / "day 1" / "été+1.mp4").write_bytes(os.urandom(100_000))
    (top / "day 1" / "notes%20.vtt").write_bytes(b"WEBVTT\n")
    (top / "large.mov").write_bytes(os.urandom(LARGE))
    return top


def states(value: dict[str, Any]) -> dict[str, str]:
    return {file["key"]: file["state"] for file in value["files"]}


def test_a_folder_goes_up_as_it_is_and_is_not_sent_twice(program: Program, folder: Path) -> None:
    (folder / "link.mp4").symlink_to(folder / "large.mov")
    os.mkfifo(folder / "pipe")
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.mp4")).write_bytes(b"x")
    code, value, err = program.put(str(folder), "--cache-control", "max-age=60")
    assert code == 1, err  # something was left alone
    assert {left["reason"].split(".")[0] for left in value["left_alone"]} == {
        "It is a link", "It is no regular file", "Its name is not valid Unicode, so no key can carry it",
    }  # fmt: skip
    files = {path.relative_to(folder.parent).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    expected = {f"drop/{name}" for name in files if "bad" not in name and "link" not in name}
    assert states(value) == dict.fromkeys(expected, "put")
    assert set(program.bucket.all_keys()) == expected
    for key in expected:
        assert program.body(key) == (folder.parent / key.removeprefix("drop/")).read_bytes()
    head = program.bucket.client.head_object(Bucket=program.bucket.name, Key="drop/shoot/day 1/notes%20.vtt")
    assert (head["ContentType"], head["CacheControl"]) == ("text/vtt", "max-age=60")
    assert program.bucket.unfinished() == []
    sent = program.proxy.up_bytes

    for name in ("link.mp4", "pipe"):
        (folder / name).unlink()
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.mp4")).unlink()
    code, value, err = program.put(str(folder))
    assert code == 0, err
    assert set(states(value).values()) <= {"already there", "put"}
    assert program.bucket.unfinished() == []
    assert program.proxy.up_bytes - sent < LARGE + 8 * MIB  # moto tells no checksum of what came in parts


def test_what_is_there_is_kept_unless_one_says_so(program: Program, folder: Path) -> None:
    key = "drop/shoot/day 1/été+1.mp4"
    program.bucket.client.put_object(Bucket=program.bucket.name, Key=key, Body=b"somebody else's")
    code, value, err = program.put(str(folder))
    assert code == 1
    assert states(value)[key] == "exists"
    assert "exists" in err
    assert program.body(key) == b"somebody else's"
    code, value, err = program.put(str(folder), "--replace")
    assert code == 0, err
    assert program.body(key) == (folder / "day 1" / "été+1.mp4").read_bytes()


def test_both_are_kept_under_names_that_are_free(program: Program, folder: Path) -> None:
    key = "drop/shoot/day 1/été+1.mp4"
    for name in (key, "drop/shoot/day 1/été+1 (2).mp4"):
        program.bucket.client.put_object(Bucket=program.bucket.name, Key=name, Body=b"somebody else's")
    code, value, err = program.put(str(folder), "--keep-both")
    assert code == 0, err
    other = "drop/shoot/day 1/été+1 (3).mp4"
    assert states(value)[other] == "put"
    assert program.body(key) == b"somebody else's"
    assert program.body(other) == (folder / "day 1" / "été+1.mp4").read_bytes()


def test_a_dry_run_sends_nothing(program: Program, folder: Path) -> None:
    code, value, err = program.put(str(folder), "--dry-run")
    assert code == 0, err
    assert value["totals"]["bytes"] == LARGE + 100_000 + 7
    assert program.bucket.all_keys() == []
    assert {e.request.method for e in program.proxy.exchanges} <= {"GET", "HEAD"}


@pytest.mark.parametrize("way", ["the same again", "uploads resume", "uploads abort"])
def test_killed_in_a_large_file_it_goes_on_there(program: Program, folder: Path, way: str) -> None:
    held, opened = threading.Event(), threading.Event()

    def watch(phase: Phase, request: Request) -> None:
        if phase is Phase.HALF and request.part > 2 and request.size > MIB:
            held.set()
            opened.wait(60)
            raise ConnectionAbortedError

    program.proxy.watch = watch
    process = program.start(str(folder / "large.mov"))
    try:
        assert held.wait(60)
        pause = threading.Event()
        while len(parts_of(program.bucket)) < 2:
            assert process.poll() is None
            pause.wait(0.05)
    finally:
        process.kill()
        process.communicate()
    program.proxy.watch = lambda _phase, _request: None
    opened.set()
    sent = program.proxy.sent_of("UploadPart")
    if way != "the same again":
        code, [row], err = program.uploads("list")
        assert (code, row["key"], row["source"]) == (0, "drop/large.mov", str(folder / "large.mov")), err
        code, [value], err = program.uploads(way.split()[1], row["job"])
    else:
        code, value, err = program.put(str(folder / "large.mov"))
    assert code == 0, err
    assert program.bucket.unfinished() == []
    assert program.uploads("list")[1] == []
    if way == "uploads abort":
        assert program.bucket.all_keys() == []
        return
    assert states(value) == {"drop/large.mov": "put"}
    assert program.body("drop/large.mov") == (folder / "large.mov").read_bytes()
    again = program.proxy.sent_of("UploadPart") - sent
    assert again <= LARGE - 2 * 8 * MIB + 4 * MIB  # and what finding out about the store takes


def parts_of(bucket: Bucket) -> list[int]:
    """Numbers of the parts that have arrived of the one large file."""
    where = {"Bucket": bucket.name}
    uploads = [u for u in bucket.client.list_multipart_uploads(**where).get("Uploads", ()) if "probe" not in u["Key"]]
    if not uploads:
        return []
    reply = bucket.client.list_parts(**where, Key=uploads[0]["Key"], UploadId=uploads[0]["UploadId"])
    return [part["PartNumber"] for part in reply.get("Parts", ())]


def test_one_file_that_fails_does_not_keep_the_others(program: Program, folder: Path) -> None:
    def plan(request: Request) -> Act:
        refused = request.operation == "PutObject" and request.target.endswith(".vtt")
        return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied")) if refused else Act()

    program.proxy.plan = plan
    code, value, err = program.put(str(folder))
    assert code == 1
    found = states(value)
    assert found.pop("drop/shoot/day 1/notes%20.vtt") == "failed"
    assert set(found.values()) == {"put"}
    assert "s3:PutObject" in err


def test_without_a_network_it_ends_and_says_so(program: Program, folder: Path) -> None:
    program.proxy.plan = lambda r: (
        Act(Fault.REFUSED) if r.operation == "PutObject" and "probe" not in r.target else Act()
    )
    code, value, err = program.put(str(folder), "--patience", "1")
    assert code == 1
    assert "failed" in states(value).values()
    assert states(value)["drop/shoot/large.mov"] == "not begun"
    assert "network" in err.lower() or "connection" in err.lower()


def test_the_last_word_must_say_where_to(program: Program, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vidcdn_desktop", "put", str(folder), str(folder)],
        env=program.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "s3://BUCKET/PREFIX/" in done.stderr
