"""`cp`, `mv`, `rm`, `headers`, `tags` and `undo` as people and scripts use them, killed in every state."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from repairs import World, operation, world_on
from thinned import half
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import open_connection
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.launch import operation_job
from vidcdn_desktop.jobs.operations.model import Action, Edit, Kind
from vidcdn_desktop.jobs.operations.plan import Wish, plan_operation
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.jobs.practice import practice_connection
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.practice.cloud import PracticeCloud
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

_LIMIT_S = 90
_CHILD = Path(__file__).with_name("operation_child.py")

CARRIED: dict[str, Any] = {
    "ContentType": "video/mp4",
    "CacheControl": "public, max-age=77",
    "ContentDisposition": "inline",
    "ContentLanguage": "fr",
    "Metadata": {"title": "Sea", "vidcdn-job": "job-9"},
}


def start(world: World, *argv: str, program: tuple[str, ...] = ("-m", "vidcdn_desktop")) -> subprocess.Popen[str]:
    environment = {**world.environment(), "PYTHONPATH": str(_CHILD.parents[2])}
    return subprocess.Popen(
        [sys.executable, *program, *argv, "--json"],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(world: World, *argv: str, **more: Any) -> tuple[int, list[dict[str, Any]], str]:
    """The program with arguments: code, objects on stdout, stderr."""
    process = start(world, *argv, **more)
    out, err = process.communicate(timeout=_LIMIT_S)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def with_present_times(request: Request, reply: bytes) -> bytes:
    """Moto says that every multipart upload was begun in 2010; a store that tells the truth is needed here."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z".encode()
    return reply.replace(b"2010-11-10T20:48:33.000Z", now) if request.operation == "ListMultipartUploads" else reply


def films(world: World, count: int = 3, folder: str = "films/") -> dict[str, bytes]:
    """Films with all they carry, by what follows the folder."""
    found = {f"{number} à+b.mp4": f"film {number}".encode() for number in range(count)}
    for name, data in found.items():
        world.put(data, folder + name, **CARRIED)
    return found


def below(world: World, folder: str) -> dict[str, bytes]:
    """What is below a folder; each with all it was given."""
    found = {}
    for key in world.all_keys():
        if key.startswith(folder):
            reply = world.get(key)
            assert {name: reply.get(name) for name in CARRIED} == CARRIED, key
            found[key.removeprefix(folder)] = reply["Body"]
    return found


@pytest.fixture(params=["plain", "versioned"])
def world(request: pytest.FixtureRequest, moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=request.param == "versioned") as found:
        yield found


@pytest.fixture
def plain(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


@pytest.fixture
def versions(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        yield found


# What they say and do


def test_a_folder_is_renamed_and_named_back(world: World) -> None:
    wanted = films(world)
    address = f"s3://{world.bucket}/films/"
    code, (*planned, plan), err = run(world, "mv", "--recursive", address, f"s3://{world.bucket}/old/", "--dry-run")
    assert code == 0, err
    assert [row["target"] for row in planned] == [f"old/{name}" for name in sorted(wanted)]
    assert plan["plan"].items() >= {"objects": 3, "can_be_undone": True, "confirm": None, "problems": 0}.items()
    assert below(world, "films/") == wanted
    code, (*moved, total), err = run(world, "mv", "--recursive", address, f"s3://{world.bucket}/old/")
    assert code == 0, err
    assert {row["state"] for row in moved} == {"done"}
    assert total["total"].items() >= {"state": "published", "objects": 3, "done": 3, "failed": 0}.items()
    assert below(world, "old/") == wanted
    assert below(world, "films/") == {}
    code, listed, err = run(world, "undo")
    assert [(row["operation"], row["objects"]) for row in listed] == [("move", 3)]
    code, (*_, total), err = run(world, "undo", total["total"]["job"][:8])
    assert code == 0, err
    assert total["total"].items() >= {"done": 3, "failed": 0}.items()
    assert below(world, "films/") == wanted
    world.assert_only(*(f"films/{name}" for name in wanted))
    code, listed, err = run(world, "undo")
    assert (code, listed) == (0, [])


def test_a_copy_keeps_all_and_an_object_that_is_there_is_not_touched(world: World) -> None:
    wanted = films(world, 1)
    source, copy = f"s3://{world.bucket}/films/0 à+b.mp4", f"s3://{world.bucket}/copy/film.mp4"
    code, _told, err = run(world, "cp", source, copy)
    assert code == 0, err
    assert below(world, "copy/") == {"film.mp4": wanted["0 à+b.mp4"]}
    world.put(b"somebody else's", "copy/film.mp4", **CARRIED)
    code, told, err = run(world, "cp", source, copy)
    assert code == 1
    assert told[0]["error"]["kind"] == "KeyTaken"
    assert below(world, "copy/") == {"film.mp4": b"somebody else's"}
    code, told, err = run(world, "cp", source, copy, "--skip-existing")
    assert (code, told[0]["state"]) == (0, "left alone")
    code, told, err = run(world, "cp", source, copy, "--overwrite")
    if not world.versioned:
        assert (code, told[0]["error"]["kind"]) == (2, "ConfirmationNeeded")
        code, told, err = run(world, "cp", source, copy, "--overwrite", "--confirm", "1")
    assert code == 0, err
    assert below(world, "copy/") == {"film.mp4": wanted["0 à+b.mp4"]}
    if world.versioned:
        code, _told, err = run(world, "undo", "last")
        assert code == 0, err
        assert below(world, "copy/") == {"film.mp4": b"somebody else's"}


def test_deleting_for_good_asks_for_the_number(plain: World) -> None:
    wanted = films(plain)
    address = f"s3://{plain.bucket}/films/"
    code, told, err = run(plain, "rm", "--recursive", address)
    assert (code, told[0]["error"]["kind"]) == (2, "ConfirmationNeeded")
    assert "--confirm 3" in err
    assert below(plain, "films/") == wanted
    code, told, _err = run(plain, "rm", "--recursive", address, "--confirm", "2")
    assert code == 2
    assert below(plain, "films/") == wanted
    code, (*_, total), err = run(plain, "rm", "--recursive", address, "--confirm", "3")
    assert code == 0, err
    assert total["total"].items() >= {"done": 3, "can_be_undone": False}.items()
    plain.assert_only()
    code, told, _err = run(plain, "undo", total["total"]["job"])
    assert (code, told[0]["error"]["kind"]) == (2, "SettingsInvalid")


def test_what_is_deleted_where_versions_are_kept_comes_back(versions: World) -> None:
    wanted = films(versions)
    code, _told, err = run(versions, "rm", "--recursive", f"s3://{versions.bucket}/films")
    assert code == 0, err
    versions.assert_only()
    code, _told, err = run(versions, "undo", "last")
    assert code == 0, err
    assert below(versions, "films/") == wanted


def test_headers_are_shown_and_only_what_is_named_changes(world: World) -> None:
    films(world, 2)
    address = f"s3://{world.bucket}/films/"
    code, shown, err = run(world, "headers", "--recursive", address)
    assert code == 0, err
    assert shown[0]["headers"] == {
        "content-type": "video/mp4", "cache-control": "public, max-age=77", "content-disposition": "inline",
        "content-language": "fr",
    }  # fmt: skip
    assert shown[0]["metadata"] == {"title": "Sea", "vidcdn-job": "job-9"}
    change = ["--set", "Cache-Control=max-age=5", "--remove", "content-language", "--set-meta", "title=Lake"]
    code, _told, err = run(world, "headers", "--recursive", address, *change)
    assert code == 0, err
    for key in world.all_keys():
        reply = world.get(key)
        assert reply["CacheControl"] == "max-age=5"
        assert "ContentLanguage" not in reply
        assert reply["Metadata"] == {"title": "Lake", "vidcdn-job": "job-9"}
        assert (reply["ContentType"], reply["ContentDisposition"]) == ("video/mp4", "inline")
    code, _told, err = run(world, "undo", "last")
    assert code == 0, err
    assert len(below(world, "films/")) == 2


def test_tags_are_shown_merged_and_taken_back(world: World) -> None:
    films(world, 1)
    address = f"s3://{world.bucket}/films/0 à+b.mp4"
    assert run(world, "tags", address, "--set", "kind=film", "--set", "year=2026")[0] == 0
    assert run(world, "tags", address, "--remove", "year", "--set", "by=me")[0] == 0
    assert run(world, "tags", address)[1][0]["tags"] == {"kind": "film", "by": "me"}
    assert run(world, "undo", "last")[0] == 0
    assert run(world, "tags", address)[1][0]["tags"] == {"kind": "film", "year": "2026"}


@pytest.mark.parametrize(
    "argv",
    [
        ["cp", "s3://{b}/a.mp4"],
        ["mv", "s3://{b}/a.mp4", "film.mp4"],
        ["mv", "s3://{b}/films/", "s3://{b}/films/", "--recursive"],
        ["rm", "s3://{b}/"],
        ["headers", "s3://{b}/films/x", "--set", "Server=mine"],
        ["headers", "s3://{b}/films/x", "--remove", "Content-Type"],
        ["headers", "s3://{b}/films/x", "--set-meta", "title=été"],
        ["undo", "nothing"],
    ],
)
def test_wrong_use_changes_nothing(plain: World, argv: list[str]) -> None:
    wanted = films(plain, 1)
    code, told, err = run(plain, *(word.format(b=plain.bucket) for word in argv))
    assert code == 2, err
    assert told[0]["error"]["kind"] == "SettingsInvalid"
    assert below(plain, "films/") == wanted


def test_what_viewers_may_still_have_is_offered_and_removed(practice_cloud: PracticeCloud) -> None:
    token = CancelToken()
    with closing(open_connection(*practice_connection(practice_cloud))) as connection, Journal() as journal:
        ref = ObjectRef(connection.profile.bucket, "operations/film ~1.mp4")
        source = BytesSource(b"film")
        connection.storage.put(ref, source, ObjectHeaders("video/mp4", "max-age=60"), token=token)
        action = Action(Kind.HEADERS, edit=Edit({"cache-control": "max-age=5"}))
        plan = plan_operation(connection, Wish(action, (Source(ref),)), token=token)
        assert plan.served_by
        assert [path for paths in plan.invalidation_paths.values() for path in paths] == ["/operations/film%20*"]
        job = operation_job(plan, Means(Tools(None, None), journal), connection)
        job.run()
        assert job.state is JobState.PUBLISHED
        told = job.invalidate(token)
        assert [invalidation.paths for invalidation in told] == [("/operations/film%20*",)]
        assert [invalidation.id for invalidation in job.invalidate(token)] == [told[0].id]  # the same request
        connection.storage.delete(ref)


# Killed


MOVING = [
    ("CopyObject", Phase.ARRIVED, 1),
    ("CopyObject", Phase.DONE, 2),
    ("CopyObject", Phase.ANSWERED, 3),
    ("HeadObject", Phase.DONE, 4),
    ("DeleteObject", Phase.ARRIVED, 1),
    ("DeleteObject", Phase.DONE, 1),
    ("DeleteObject", Phase.ANSWERED, 2),
]


def killed(world: World, name: str, phase: Phase, nth: int, *argv: str, **more: Any) -> bool:
    """Run and kill at that instant; whether it got so far."""
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def kill() -> None:
        started.wait(_LIMIT_S)
        running[0].kill()

    world.when(name, phase, kill, nth)
    running.append(start(world, *argv, **more))
    started.set()
    running[0].communicate(timeout=_LIMIT_S)
    world.proxy.watch = lambda _phase, _request: None
    return running[0].returncode < 0


@pytest.mark.parametrize(("name", "phase", "nth"), MOVING)
def test_a_move_that_is_killed_loses_nothing_and_goes_on(world: World, name: str, phase: Phase, nth: int) -> None:
    wanted = films(world)
    argv = ("mv", "--recursive", f"s3://{world.bucket}/films/", f"s3://{world.bucket}/old/")
    assert killed(world, name, phase, nth, *argv)
    here, there = below(world, "films/"), below(world, "old/")
    assert {**there, **here} == wanted  # each is whole in one place at least
    code, (*_, total), err = run(world, *argv)
    assert code == 0, err
    assert "Going on" in err
    assert total["total"].items() >= {"done": 3, "failed": 0}.items()
    assert below(world, "old/") == wanted
    world.assert_only(*(f"old/{name}" for name in wanted))
    code, _told, err = run(world, "undo", "last")
    assert code == 0, err
    assert below(world, "films/") == wanted
    world.assert_only(*(f"films/{name}" for name in wanted))


@pytest.mark.parametrize(("name", "phase", "nth"), half(MOVING, 0))
def test_an_undo_that_is_killed_goes_on(versions: World, name: str, phase: Phase, nth: int) -> None:
    wanted = films(versions)
    argv = ("mv", "--recursive", f"s3://{versions.bucket}/films/", f"s3://{versions.bucket}/old/")
    job = run(versions, *argv)[1][-1]["total"]["job"]
    assert killed(versions, name, phase, nth, "undo", job)
    assert {**below(versions, "films/"), **below(versions, "old/")} == wanted
    code, _told, err = run(versions, "undo", job)
    assert code == 0, err
    assert below(versions, "films/") == wanted
    versions.assert_only(*(f"films/{name}" for name in wanted))
    with Journal() as journal:
        assert {item.stage.value for item in journal.item_log(job).load()} == {"undone"}


@pytest.mark.parametrize("phase", [Phase.ARRIVED, Phase.DONE, Phase.ANSWERED])
def test_a_delete_that_is_killed_can_still_be_taken_back(versions: World, phase: Phase) -> None:
    wanted = films(versions)
    argv = ("rm", "--recursive", f"s3://{versions.bucket}/films/")
    assert killed(versions, "DeleteObjects", phase, 1, *argv)
    code, _told, err = run(versions, "undo", "last")
    assert code == 0, err
    assert below(versions, "films/") == wanted
    assert killed(versions, "DeleteObjects", phase, 1, *argv)
    code, _told, err = run(versions, *argv)
    assert code == 0, err
    versions.assert_only()
    code, _told, err = run(versions, "undo", "last")
    assert code == 0, err
    assert below(versions, "films/") == wanted


@pytest.mark.parametrize("phase", [Phase.ARRIVED, Phase.DONE, Phase.ANSWERED])
def test_an_edit_that_is_killed_goes_on_and_can_be_taken_back(world: World, phase: Phase) -> None:
    films(world)
    argv = ("headers", "--recursive", f"s3://{world.bucket}/films/", "--set", "cache-control=max-age=5")
    assert killed(world, "CopyObject", phase, 2, *argv)
    code, _told, err = run(world, *argv)
    assert code == 0, err
    assert {world.get(key)["CacheControl"] for key in world.all_keys()} == {"max-age=5"}
    code, _told, err = run(world, "undo", "last")
    assert code == 0, err
    assert len(below(world, "films/")) == 3


LARGE = [
    ("CreateMultipartUpload", Phase.ARRIVED, 1),
    ("CreateMultipartUpload", Phase.DONE, 1),
    ("UploadPartCopy", Phase.ARRIVED, 1),
    ("UploadPartCopy", Phase.DONE, 1),
    ("CompleteMultipartUpload", Phase.ARRIVED, 1),
    ("CompleteMultipartUpload", Phase.DONE, 1),
    ("CompleteMultipartUpload", Phase.ANSWERED, 1),
]


@pytest.mark.parametrize(("name", "phase", "nth"), [*half(LARGE, 0), ("DeleteObject", Phase.DONE, 1)])
def test_a_large_move_that_is_killed_leaves_nothing_behind(world: World, name: str, phase: Phase, nth: int) -> None:
    wanted = {"large.mp4": bytes(range(256)) * (24 << 10)}
    world.put(wanted["large.mp4"], "films/large.mp4", **CARRIED)
    program = (str(_CHILD),)
    world.proxy.mend = with_present_times
    argv = ("mv", f"s3://{world.bucket}/films/large.mp4", f"s3://{world.bucket}/old/")
    assert killed(world, name, phase, nth, *argv, program=program)
    assert {**below(world, "films/"), **below(world, "old/")} == wanted
    code, _told, err = run(world, *argv, program=program)
    assert code == 0, err
    assert below(world, "old/") == wanted
    world.assert_only("old/large.mp4")
    code, _told, err = run(world, "undo", "last", program=program)
    assert code == 0, err
    assert below(world, "films/") == wanted
    world.assert_only("films/large.mp4")


@pytest.mark.parametrize(("name", "phase", "nth"), half(LARGE, 1))
def test_a_large_edit_that_is_killed_leaves_nothing_behind(world: World, name: str, phase: Phase, nth: int) -> None:
    data = bytes(range(256)) * (24 << 10)
    world.put(data, "films/large.mp4", **CARRIED)
    program = (str(_CHILD),)
    world.proxy.mend = with_present_times
    argv = ("headers", f"s3://{world.bucket}/films/large.mp4", "--set", "cache-control=max-age=5")
    assert killed(world, name, phase, nth, *argv, program=program)
    assert world.get("films/large.mp4")["Body"] == data
    code, _told, err = run(world, *argv, program=program)
    assert code == 0, err
    reply = world.get("films/large.mp4")
    assert (reply["Body"], reply["CacheControl"], reply["ContentType"]) == (data, "max-age=5", "video/mp4")
    world.assert_only("films/large.mp4")
    code, _told, err = run(world, "undo", "last", program=program)
    assert code == 0, err
    assert below(world, "films/") == {"large.mp4": data}
    world.assert_only("films/large.mp4")


# What goes wrong


def refusing(world: World, name: str, code: str, status: str = "403 Forbidden", word: str = "") -> None:
    """Let the store refuse an operation, on keys with `word` in them."""

    def plan(request: Request) -> Act:
        if operation(request) == name and word in request.target:
            return Act(Fault.ANSWER, answer=xml_answer(status, code))
        return Act()

    world.proxy.plan = plan


def test_without_permission_to_delete_a_move_keeps_the_originals(world: World) -> None:
    wanted = films(world)
    refusing(world, "DeleteObject", "AccessDenied")
    argv = ("mv", "--recursive", f"s3://{world.bucket}/films/", f"s3://{world.bucket}/old/")
    code, told, err = run(world, *argv)
    assert code == 1
    assert {row["error"]["kind"] for row in told if "error" in row} == {"AccessDenied"}
    assert "s3:DeleteObject" in err
    assert below(world, "films/") == below(world, "old/") == wanted
    world.proxy.plan = lambda _request: Act()
    code, (*_, total), err = run(world, *argv)
    assert code == 0, err
    assert total["total"]["done"] == 3
    assert below(world, "old/") == wanted
    assert below(world, "films/") == {}
