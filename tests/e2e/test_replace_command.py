"""`replace`: an object gets the content of a file and keeps all else, by the real program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from films import make_clip
from repairs import World, wanted, world_on
from vidcdn_desktop.__main__ import main

KEY = "films/Sea <b>&amp;.mp4"
CARRIED = {
    "ContentType": "video/mp4; odd=1",
    "CacheControl": "public, max-age=77",
    "ContentDisposition": 'inline; filename="a b.mp4"',
    "ContentLanguage": "fr",
    "Metadata": {"title": "Sea", "vidcdn-job": "job-9"},
    "Tagging": "team=film%20crew&year=2026",
}


@pytest.fixture
def world(request: pytest.FixtureRequest, moto: servers.Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_on(moto, versioned=getattr(request, "param", False)) as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


both = pytest.mark.parametrize("world", [False, True], ids=["plain", "versioned"], indirect=True)
versioned = pytest.mark.parametrize("world", [True], ids=["versioned"], indirect=True)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A video that starts slowly."""
    return make_clip(tmp_path / "new.mp4")


def replace(
    capsys: pytest.CaptureFixture[str], world: World, path: Path, *more: str, key: str = KEY
) -> tuple[int, list[dict[str, Any]], str]:
    capsys.readouterr()
    code = main(["replace", str(path), f"s3://{world.bucket}/{key}", *more, "--json"])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def tags(world: World, key: str = KEY) -> dict[str, str]:
    found = world.client.get_object_tagging(Bucket=world.bucket, Key=key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


@both
def test_the_content_is_new_and_all_else_stays(world: World, capsys: pytest.CaptureFixture[str], film: Path) -> None:
    world.put(b"old", KEY, **CARRIED)
    old = world.get(KEY)
    if not world.versioned:
        code, [row], err = replace(capsys, world, film)
        assert code == 2
        assert "--yes" in err
        assert (row["state"], row["can_be_undone"]) == ("not begun", False)
        assert world.get(KEY)["Body"] == b"old"
    code, [row], err = replace(capsys, world, film, *([] if world.versioned else ["--yes"]))
    assert code == 0, err
    assert (row["state"], row["fast_start"], row["can_be_undone"]) == ("replaced", True, world.versioned)
    new = world.get(KEY)
    assert new["Body"] == wanted(film)
    for name in ("ContentType", "CacheControl", "ContentDisposition", "ContentLanguage"):
        assert new[name] == CARRIED[name]
    assert new["Metadata"]["title"] == "Sea"
    assert new["Metadata"]["vidcdn-job"] != "job-9"
    assert tags(world) == {"team": "film crew", "year": "2026"}
    world.assert_only(KEY)
    if world.versioned:
        assert world.get(KEY, VersionId=old["VersionId"])["Body"] == b"old"
        assert row["old_version"] == old["VersionId"]


def test_another_kind_of_file_has_its_own_content_type(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    world.put(b"old", KEY, **CARRIED, ContentEncoding="gzip")
    text = tmp_path / "words.vtt"
    text.write_bytes(b"WEBVTT\n")
    code, [row], err = replace(capsys, world, text, "--dry-run")
    assert code == 0, err
    assert row["content_type"] == "text/vtt"
    assert any("ending" in note for note in row["notes"])
    assert world.get(KEY)["Body"] == b"old"
    code, _rows, err = replace(capsys, world, text, "--yes")
    assert code == 0, err
    assert (world.get(KEY)["ContentType"], world.get(KEY).get("ContentEncoding")) == ("text/vtt", None)


def test_an_object_that_nobody_gave_a_type_gets_one(
    world: World, capsys: pytest.CaptureFixture[str], film: Path
) -> None:
    world.put(b"old", KEY)
    assert world.get(KEY)["ContentType"] == "binary/octet-stream"
    code, [row], err = replace(capsys, world, film, "--dry-run")
    assert code == 0, err
    assert row["content_type"] == "video/mp4"


def test_what_is_not_there_or_another_by_now_is_refused(
    world: World, capsys: pytest.CaptureFixture[str], film: Path
) -> None:
    code, _rows, err = replace(capsys, world, film, "--yes")
    assert code == 1
    assert world.all_keys() == [], err
    world.put(b"theirs", KEY)
    code, _rows, err = replace(capsys, world, film, "--yes", "--etag", "somethingelse")
    assert code == 1
    assert "Somebody else changed the object" in err
    code, _rows, err = replace(capsys, world, film.with_name("none.mp4"), "--yes")
    assert code == 1
    assert "no longer there" in err
    assert world.get(KEY)["Body"] == b"theirs"


@pytest.mark.parametrize(
    ("size", "act"), [(1000, "changes"), (20 << 20, "changes"), (20 << 20, "goes")], ids=["small", "parts", "gone"]
)
def test_the_object_changes_while_the_file_is_sent(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, size: int, act: str
) -> None:
    world.put(b"old", KEY)
    path = tmp_path / "new.bin"
    path.write_bytes(os.urandom(size))

    def interfere() -> None:
        if act == "changes":
            world.put(b"theirs", KEY)
        else:
            world.client.delete_object(Bucket=world.bucket, Key=KEY)

    if size > 1 << 20:
        world.when("CreateMultipartUpload", Phase.DONE, interfere)
    else:  # it looks three times: for the plan, before, and right before
        world.when("HeadObject", Phase.DONE, interfere, nth=2)
    code, _rows, err = replace(capsys, world, path, "--yes")
    assert code == 1
    assert "Somebody else changed the object" in err
    assert world.unfinished() == []
    assert world.all_keys() == ([KEY] if act == "changes" else [])
    if act == "changes":
        assert world.get(KEY)["Body"] == b"theirs"


def test_the_store_itself_refuses_where_it_knows_the_condition(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    world.put(b"old", KEY)
    path = tmp_path / "new.bin"
    path.write_bytes(b"new")
    seen: list[str] = []

    def watch(phase: Phase, request: Request) -> None:
        # Between the last look and the request.
        if phase is Phase.ARRIVED and request.operation == "PutObject" and "probe" not in request.target:
            seen.append(request.headers.get("if-match", ""))
            world.put(b"theirs", KEY)

    world.proxy.watch = watch
    code, _rows, err = replace(capsys, world, path, "--yes")
    assert code == 1
    assert "Somebody else changed the object" in err
    assert seen[0].startswith('"')
    assert world.get(KEY)["Body"] == b"theirs"


def test_without_permission_the_object_is_as_it_was(
    world: World, capsys: pytest.CaptureFixture[str], film: Path
) -> None:
    world.put(b"old", KEY, **CARRIED)
    refused = xml_answer("403 Forbidden", "AccessDenied")
    world.proxy.plan = lambda r: (
        Act(Fault.ANSWER, answer=refused) if r.operation == "PutObject" and "probe" not in r.target else Act()
    )
    code, _rows, err = replace(capsys, world, film, "--yes")
    assert code == 1
    assert "s3:PutObject" in err
    assert world.get(KEY)["Body"] == b"old"


@versioned
@pytest.mark.parametrize(
    ("name", "number", "then"),
    [
        ("UploadPart", signal.SIGINT, "again"),
        ("CompleteMultipartUpload", signal.SIGKILL, "again"),
        ("CompleteMultipartUpload", signal.SIGKILL, "uploads"),
        ("UploadPart", signal.SIGKILL, "uploads"),
    ],
)
def test_stopped_or_killed_the_same_command_goes_on(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, number: signal.Signals, then: str
) -> None:
    world.put(b"old", KEY, **CARRIED)
    path = tmp_path / "new.bin"
    path.write_bytes(os.urandom(20 << 20))
    started, opened = threading.Event(), threading.Event()
    child: list[subprocess.Popen[bytes]] = []

    def stop() -> None:
        started.wait(60)
        child[0].send_signal(number)
        opened.wait(60)

    world.when(name, Phase.DONE, stop)
    command = [sys.executable, "-m", "vidcdn_desktop", "replace", str(path), f"s3://{world.bucket}/{KEY}", "--yes"]
    child.append(subprocess.Popen(command, env=os.environ | world.environment(), stderr=subprocess.DEVNULL))
    started.set()
    try:
        assert child[0].wait(120) != 0
    finally:
        child[0].kill()
        opened.set()
    world.proxy.watch = lambda _phase, _request: None
    if then == "uploads":
        capsys.readouterr()
        assert main(["uploads", "list", "--json"]) == 0
        (left,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert main(["uploads", "resume", left["job"]]) == 0, capsys.readouterr().err
    else:
        code, [row], err = replace(capsys, world, path, "--yes")
        assert code == 0, err
        assert row["state"] == "replaced"
    assert world.get(KEY)["Body"] == path.read_bytes()
    assert world.get(KEY)["CacheControl"] == CARRIED["CacheControl"]
    assert tags(world) == {"team": "film crew", "year": "2026"}
    assert world.unfinished() == []
