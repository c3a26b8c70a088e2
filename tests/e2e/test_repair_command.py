"""`repair` as people and scripts use it, killed in every state, and over every real film there is."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from faults import Phase
from films import stream_hash
from repairs import CARRIED, KEY, World, large_film, wanted, world_on
from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import open_connection
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.practice import practice_connection
from vidcdn_desktop.jobs.repair import Repairer, RepairState
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.practice.cloud import PracticeCloud
from vidcdn_desktop.storage.port import ObjectRef

_LIMIT_S = 90


def run(world: World, *argv: str) -> tuple[int, list[dict[str, Any]], str]:
    """The program with arguments: code, objects on stdout, stderr."""
    process = start(world, *argv)
    out, err = process.communicate(timeout=_LIMIT_S)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def start(world: World, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vidcdn_desktop", "repair", *argv, "--json"],
        env=world.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_film(tmp_path_factory.mktemp("films") / "Sea.mov")


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


def test_one_film_and_then_a_folder(world: World, film: Path, clip_end: Path, clip_fast: Path) -> None:
    world.put(film.read_bytes(), **CARRIED)
    code, (told,), err = run(world, str(world.ref), "--dry-run")
    assert code == 0, err
    assert told["state"] == "would be repaired"
    assert world.get()["Body"] == film.read_bytes()
    code, (done,), err = run(world, str(world.ref))
    assert code == 0, err
    assert done["state"] == "repaired"
    assert done["source"] == str(world.ref)
    names = {"bytes_downloaded", "bytes_uploaded", "bytes_copied", "parts", "requests", "etag", "checksum", "proved_by"}
    assert names <= set(done)
    assert done["etag"] == world.get()["ETag"].strip('"')
    assert world.get()["Body"] == wanted(film)

    world.put(clip_end.read_bytes(), "films/b/end.mp4")
    world.put(clip_fast.read_bytes(), "films/b/fast.mp4")
    world.put(b"no film", "films/b/broken.mp4")
    world.put(b"picture", "films/b/end.jpg")
    prefix = f"s3://{world.bucket}/films/"
    code, (*planned, plan), err = run(world, prefix, "--dry-run")
    assert code == 0, err
    assert [row["state"] for row in planned].count("would be repaired") == 1
    counts = {"videos": 4, "already": 2, "left_alone": 1, "failed": 0, "size": clip_end.stat().st_size}
    assert plan["total"].items() >= {**counts, "to_repair": 1, "repaired": 0}.items()
    code, (*objects, total), err = run(world, prefix)
    assert code == 0, err
    assert total["total"].items() >= {**counts, "to_repair": 0, "repaired": 1}.items()
    assert total["total"]["bytes_uploaded"] == plan["total"]["bytes_uploaded"]
    states = {row["source"].rsplit("/", 1)[-1]: row["state"] for row in objects}
    assert states == {
        KEY.rsplit("/", 1)[-1]: "already", "end.mp4": "repaired", "fast.mp4": "already", "broken.mp4": "left alone",
    }  # fmt: skip
    assert world.get("films/b/end.mp4")["Body"] == wanted(clip_end)
    assert world.get("films/b/end.jpg")["Body"] == b"picture"


def test_many_keys_are_one_job_and_one_failure_spoils_only_its_own(
    world: World, film: Path, clip_end: Path, private_home: Path
) -> None:
    keys = ("a.mp4", "none.mp4", "b.mp4")
    world.put(film.read_bytes(), keys[0])
    world.put(clip_end.read_bytes(), keys[2])
    code, (*objects, total), err = run(world, *(f"s3://{world.bucket}/{key}" for key in keys))
    assert code == 1
    assert [row.get("state", row.get("error", {}).get("kind")) for row in objects] == [
        "repaired", "ObjectNotFound", "repaired",
    ]  # fmt: skip
    assert total["total"].items() >= {"videos": 3, "repaired": 2, "failed": 1}.items()
    assert "none.mp4" in err
    world.assert_only(keys[0], keys[2])
    with contextlib.closing(Journal()) as journal:
        (row,) = journal.jobs()
    assert (row.kind, row.state, row.title) == ("repair", "failed", "3 videos")
    assert row.result is not None
    assert [outcome["state"] for outcome in row.result["outcomes"]] == ["repaired", "failed", "repaired"]


def test_a_prefix_that_was_killed_goes_on_as_the_same_job(world: World, film: Path, clip_end: Path) -> None:
    world.put(clip_end.read_bytes(), "films/1.mp4")
    world.put(film.read_bytes(), "films/2.mp4")
    address = f"s3://{world.bucket}/films/"
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def kill() -> None:
        started.wait(_LIMIT_S)
        running[0].kill()

    world.when(COPY, Phase.DONE, kill)
    running.append(start(world, address))
    started.set()
    running[0].communicate(timeout=_LIMIT_S)
    world.proxy.watch = lambda _phase, _request: None
    code, (*objects, _total), err = run(world, address)
    assert code == 0, err
    assert [row["state"] for row in objects] == ["already", "repaired"]
    assert world.get("films/2.mp4")["Body"] == wanted(film)
    world.assert_only("films/1.mp4", "films/2.mp4")
    with contextlib.closing(Journal()) as journal:
        (row,) = journal.jobs()
    assert row.state == "published"


def test_a_film_that_is_not_there(world: World) -> None:
    code, (answer,), err = run(world, f"s3://{world.bucket}/films/none.mp4")
    assert code == 1
    assert answer["error"]["kind"] == "ObjectNotFound"
    assert "none.mp4" in err


def test_an_address_without_a_key_is_refused(world: World) -> None:
    assert run(world, f"s3://{world.bucket}")[0] == 2


CREATE, PART, COPY = "CreateMultipartUpload", "UploadPart", "UploadPartCopy"
COMPLETE, SWAP, DELETE = "CompleteMultipartUpload", "CopyObject", "DeleteObject"
KILLS = [
    *(("moto", False, name, Phase.DONE) for name in (CREATE, PART, COPY, COMPLETE, SWAP, DELETE)),
    *(("moto", False, name, Phase.ARRIVED) for name in (COMPLETE, SWAP, DELETE)),
    *(("moto", True, name, Phase.DONE) for name in (PART, COPY, COMPLETE)),
    *(("swift", False, name, Phase.DONE) for name in (COPY, COMPLETE, SWAP)),
]


@pytest.mark.parametrize(
    ("server", "versioned", "name", "phase"),
    [pytest.param(*kill, marks=[pytest.mark.swift] if kill[0] == "swift" else []) for kill in KILLS],
)
def test_killed_and_run_again(
    server: str, versioned: bool, name: str, phase: Phase, film: Path, request: pytest.FixtureRequest
) -> None:
    old, new = film.read_bytes(), wanted(film)
    with world_on(request.getfixturevalue(server), versioned=versioned) as world:
        world.put(old, **CARRIED)
        killed = threading.Event()
        running: list[subprocess.Popen[str]] = []
        started = threading.Event()

        def kill() -> None:
            started.wait(_LIMIT_S)
            running[0].kill()
            killed.set()

        world.when(name, phase, kill)
        running.append(start(world, str(world.ref)))
        started.set()
        running[0].communicate(timeout=_LIMIT_S)
        assert killed.is_set()
        world.proxy.watch = lambda _phase, _request: None
        assert world.get()["Body"] in (old, new), "the film was in danger"
        code, (report,), err = run(world, str(world.ref))
        assert code == 0, err
        assert report["state"] in ("repaired", "already")
        assert world.get()["Body"] == new
        assert {key: world.get().get(key) for key in CARRIED} == CARRIED
        world.assert_only(KEY)


def test_a_helper_is_kept_where_the_film_is_gone(world: World, film: Path) -> None:
    """Whoever deleted the film may have meant the old one: the new one is told, not thrown away."""
    world.put(film.read_bytes())
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def kill() -> None:
        started.wait(_LIMIT_S)
        running[0].kill()

    world.when(SWAP, Phase.DONE, kill)
    running.append(start(world, str(world.ref)))
    started.set()
    running[0].communicate(timeout=_LIMIT_S)
    world.proxy.watch = lambda _phase, _request: None
    world.client.delete_object(Bucket=world.bucket, Key=KEY)
    (helper,) = world.all_keys()
    code, (answer,), _ = run(world, str(world.ref))
    assert code == 1
    assert helper in answer["error"]["meaning"]
    assert world.all_keys() == [helper]
    assert world.get(helper)["Body"] == wanted(film)


def test_the_cdn_forgets_the_old_cut(practice_cloud: PracticeCloud, film: Path) -> None:
    connection = open_connection(*practice_connection(practice_cloud))
    ref = ObjectRef(practice_cloud.bucket, "videos/repair/sea.mov")
    connection.clients.s3.put_object(Bucket=ref.bucket, Key=ref.key, Body=film.read_bytes())
    with Repairer(connection) as repairer:
        report = repairer.repair(ref, token=CancelToken())
    connection.close()
    assert report.state is RepairState.REPAIRED
    assert report.invalidated >= 1
    assert report.notes == ()


@pytest.mark.corpus
@pytest.mark.parametrize("server", ["moto", pytest.param("swift", marks=pytest.mark.swift)])
def test_every_real_film_is_repaired_in_the_bucket(
    server: str,
    media_dir: Path,
    manifest: list[dict[str, Any]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    wrong: list[str] = []
    repaired = in_parts = 0
    padding = (6 << 20).to_bytes(4, "big") + b"free" + bytes((6 << 20) - 8)
    with world_on(request.getfixturevalue(server)) as world, world.connection() as connection:
        with Repairer(connection) as repairer:
            for number, entry in enumerate(manifest):
                data = (media_dir / entry["name"]).read_bytes()
                # Every tenth also with room behind, so that it is large enough for parts.
                for pad in (b"", padding)[: 2 if number % 10 == 0 else 1]:
                    local = tmp_path / "local"
                    local.write_bytes(data + pad)
                    with FileSource(local) as source:
                        plan = plan_fast_start(source)
                        view = plan.source.read_at(0, plan.source.size)
                    world.put(data + pad, entry["name"])
                    report = repairer.repair(ObjectRef(world.bucket, entry["name"]), token=CancelToken())
                    if (report.state is RepairState.REPAIRED) is not plan.moved:
                        wrong.append(f"{entry['name']}: {report.state.value}, {report.reason}")
                    found = world.get(entry["name"])["Body"]
                    if found != view:
                        wrong.append(f"{entry['name']}: other bytes")
                    repaired += plan.moved
                    in_parts += report.parts > 1
                    if plan.moved and not pad and entry["streamhash"]["ok"] and server == "moto":
                        copy = tmp_path / f"copy{Path(entry['name']).suffix}"
                        copy.write_bytes(found)
                        if stream_hash(copy) != stream_hash(media_dir / entry["name"]):
                            wrong.append(f"{entry['name']}: other packets")
                    world.client.delete_object(Bucket=world.bucket, Key=entry["name"])
        world.assert_only()
    assert wrong == []
    assert repaired >= 40
    assert in_parts >= 5
