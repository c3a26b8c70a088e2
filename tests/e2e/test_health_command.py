"""`health` as people and scripts use it: what it tells, what it mends, and that it does nothing unasked."""

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
from faultplans import Act, Fault, Request, xml_answer
from repairs import World, operation, world_on

_LIMIT_S = 90
_ROOT = Path(__file__).parents[2]
MIB = 1 << 20

FINE: dict[str, Any] = {"ContentType": "video/mp4", "CacheControl": "max-age=77", "Metadata": {"title": "Sea"}}
PICTURE: dict[str, Any] = {"ContentType": "image/jpeg", "CacheControl": "max-age=77"}


def start(world: World, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vidcdn_desktop", "health", *argv],
        env={**world.environment(), "PYTHONPATH": str(_ROOT)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(world: World, *argv: str) -> tuple[int, list[dict[str, Any]], str]:
    """The program with arguments: code, objects on stdout, stderr."""
    process = start(world, *argv, "--json")
    out, err = process.communicate(timeout=_LIMIT_S)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def kinds(report: dict[str, Any], field: str = "objects") -> dict[str, Any]:
    return {section["kind"]: section[field] for section in report["kinds"]}


def begin_upload(world: World, key: str, size: int) -> str:
    place = {"Bucket": world.bucket, "Key": key}
    upload_id = str(world.client.create_multipart_upload(**place)["UploadId"])
    world.client.upload_part(**place, UploadId=upload_id, PartNumber=1, Body=bytes(size))
    return upload_id


@pytest.fixture
def plain(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


@pytest.fixture
def versions(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        yield found


@pytest.fixture(params=["moto", pytest.param("swift", marks=pytest.mark.swift)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with world_on(request.getfixturevalue(request.param)) as found:
        yield found


def sick(world: World, clip: Path) -> None:
    """One of everything below films/."""
    film = clip.read_bytes()
    world.put(film, "films/slow.mp4", **FINE)
    world.put(film, "films/again.mp4", **FINE)
    world.put(b"one", "films/wrong à+b.mp4", ContentType="binary/octet-stream", CacheControl="max-age=77")
    world.put(b"two!", "films/bare.png", ContentType="image/png")
    world.put(b"three", "films/gone-0123abcd.jpg", **PICTURE)
    begin_upload(world, "films/left.mp4", 2 * MIB)


FOUND = {"uploads": 1, "types": 1, "cache": 1, "thumbnails": 1, "duplicates": 1, "slow": 2}


def test_it_tells_and_changes_nothing(world: World, clip_end: Path) -> None:
    sick(world, clip_end)
    before = sorted(world.all_keys())
    code, (report,), err = run(world, f"s3://{world.bucket}/films/")
    assert code == 0, err
    assert kinds(report) == FOUND
    assert kinds(report, "size")["uploads"] == 2 * MIB
    assert (report["objects"], report["complete"]) == (5, True)
    assert (sorted(world.all_keys()), world.unfinished()) == (before, ["films/left.mp4"])


def test_people_read_it_too(plain: World, clip_end: Path) -> None:
    sick(plain, clip_end)
    plain.put(b"x", "films/\u202egnp\x1b[31m.mp4", ContentType="text/plain", CacheControl="no-store")
    process = start(plain, f"s3://{plain.bucket}/films/", "--examples", "1")
    out, err = process.communicate(timeout=_LIMIT_S)
    assert process.returncode == 0, err
    lines = out.splitlines()
    assert "1 unfinished upload, 2.1 MB" in lines
    assert "2 wrong content types, 4 bytes" in lines
    assert any(line.startswith("2 videos that start slowly, ") for line in lines)
    assert "  … and 1 other" in lines
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_the_plan_is_shown_and_nothing_is_done_without_consent(plain: World, clip_end: Path) -> None:
    sick(plain, clip_end)
    before = sorted(plain.all_keys())
    for more, code in (((), 2), (("--dry-run",), 0), (("--yes",), 2), (("--yes", "--confirm", "7"), 2)):
        found, (report, plan, *_), err = run(plain, f"s3://{plain.bucket}/films/", "--fix", "all", *more)
        assert found == code, err
        assert "duplicates" not in kinds(report)
        steps = {step["name"]: step for step in plan["plan"]["steps"]}
        counts = {name: step["objects"] for name, step in steps.items()}
        assert counts == {"uploads": 1, "headers": 2, "thumbnails": 1, "repairs": 2}
        assert all(step["requests"] > 0 for step in steps.values())
        assert plan["plan"]["confirm"] == 1
        assert (sorted(plain.all_keys()), plain.unfinished()) == (before, ["films/left.mp4"])
        assert plain.get("films/wrong à+b.mp4")["ContentType"] == "binary/octet-stream"
    assert "--confirm 1" in err


def test_everything_is_mended(world: World, clip_end: Path) -> None:
    sick(world, clip_end)
    address = f"s3://{world.bucket}/films/"
    options = ("--older-than", "0", "--yes", "--confirm", "1")
    code, (_, _, *told), err = run(world, address, "--fix", "all", *options)
    assert code == 0, (err, told)
    assert world.unfinished() == []
    assert "films/gone-0123abcd.jpg" not in world.all_keys()
    mended = world.get("films/wrong à+b.mp4")
    assert (mended["ContentType"], mended["CacheControl"]) == ("video/mp4", "max-age=77")
    assert world.get("films/bare.png")["CacheControl"]
    film = world.get("films/slow.mp4")
    assert film["Body"].index(b"moov") < film["Body"].index(b"mdat")
    assert (film["ContentType"], film["CacheControl"], film["Metadata"]["title"]) == ("video/mp4", "max-age=77", "Sea")
    code, (report,), err = run(world, address)
    assert code == 0, err
    assert {kind: count for kind, count in kinds(report).items() if count} == {"duplicates": 1}
    code, (_, plan), err = run(world, address, "--fix", "all")
    assert (code, plan["plan"]["steps"]) == (0, [])


def test_one_kind_is_looked_for_and_mended_alone(plain: World, clip_end: Path) -> None:
    sick(plain, clip_end)
    code, (report, _, *told), err = run(
        plain, f"s3://{plain.bucket}/films/", "--fix", "cache", "--cache-control", "no-store", "--yes"
    )
    assert code == 0, err
    assert list(kinds(report)) == ["cache"]
    assert [row["key"] for row in told[:-1]] == ["films/bare.png"]
    assert plain.get("films/bare.png")["CacheControl"] == "no-store"
    assert plain.get("films/wrong à+b.mp4")["ContentType"] == "binary/octet-stream"
    assert plain.unfinished() == ["films/left.mp4"]


def test_a_header_no_store_takes_is_refused_before_anything_is_done(plain: World) -> None:
    plain.put(b"one", "a.png", ContentType="image/png")
    code, (*_, last), _err = run(plain, f"s3://{plain.bucket}/", "--fix", "cache", "--cache-control", "été", "--yes")
    assert (code, last["error"]["kind"]) == (2, "SettingsInvalid")
    assert "CacheControl" not in plain.get("a.png")


def test_deleted_thumbnails_come_back_where_versions_are_kept(versions: World) -> None:
    versions.put(b"three", "gone-0123abcd.jpg", **PICTURE)
    code, (_, plan, *_), err = run(versions, f"s3://{versions.bucket}/", "--fix", "thumbnails", "--yes")
    assert (code, plan["plan"]["confirm"]) == (0, None), err
    assert versions.all_keys() == []


def test_what_is_not_permitted_is_told_and_the_rest_is_there(plain: World, clip_end: Path) -> None:
    sick(plain, clip_end)

    def plan(request: Request) -> Act:
        if operation(request) == "ListMultipartUploads":
            return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))
        return Act()

    plain.proxy.plan = plan
    code, (report,), _err = run(plain, f"s3://{plain.bucket}/films/")
    assert code == 1
    assert not report["complete"]
    assert kinds(report) == {**FOUND, "uploads": 0}
    problems = {kind: problem and problem["kind"] for kind, problem in kinds(report, "problem").items()}
    assert problems == {**dict.fromkeys(FOUND), "uploads": "AccessDenied"}


def test_half_of_a_fix_fails_and_the_other_half_is_done(plain: World, clip_end: Path) -> None:
    sick(plain, clip_end)

    def plan(request: Request) -> Act:
        refused = operation(request) == "AbortMultipartUpload" or (
            operation(request) == "CopyObject" and "bare" in request.target
        )
        return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied")) if refused else Act()

    plain.proxy.plan = plan
    code, told, _err = run(plain, f"s3://{plain.bucket}/films/", "--fix", "uploads", "types", "cache", "--yes")
    assert code == 1
    assert {row["key"] for row in told if "error" in row} == {"films/left.mp4", "films/bare.png"}
    assert plain.get("films/wrong à+b.mp4")["ContentType"] == "video/mp4"
    assert plain.unfinished() == ["films/left.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_ctrl_c_ends_it_while_an_answer_is_awaited(plain: World) -> None:
    plain.put(b"one", "a.mp4", **FINE)
    arrived = threading.Event()

    def plan(request: Request) -> Act:
        if operation(request) != "HeadObject":
            return Act()
        arrived.set()
        return Act(Fault.STALL_REPLY)

    plain.proxy.plan = plan
    process = start(plain, f"s3://{plain.bucket}/")
    assert arrived.wait(_LIMIT_S)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=_LIMIT_S)
    assert process.returncode == 130


@pytest.mark.parametrize("wrong", [("--older-than", "soon"), ("--fix", "duplicates"), ("--most", "0")])
def test_wrong_use_is_told(plain: World, wrong: tuple[str, ...]) -> None:
    process = start(plain, f"s3://{plain.bucket}/", *wrong)
    _, err = process.communicate(timeout=_LIMIT_S)
    assert process.returncode == 2
    assert wrong[0] in err
