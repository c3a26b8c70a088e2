"""`--batch-files`, `--batch-role` and `handover` as people and scripts use them; the job outlives the command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from controlserver import OTHER_ROLE, ControlServer, control_server
from repairs import World, world_on

_LIMIT_S = 90


@pytest.fixture(scope="module")
def control(moto: servers.Endpoint) -> Iterator[ControlServer]:
    with control_server(moto.url) as found:
        yield found


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        found.put(b"film", "films/Été & co.mp4", ContentType="video/mp4")
        found.put(b"film", "films/b.mp4")
        yield found


def run(world: World, control: ControlServer | None, *argv: str) -> tuple[int, list[dict[str, Any]], str]:
    """The program with arguments, each service at its own address: code, objects on stdout, stderr."""
    address = world.server.url
    environment = {
        **{name: value for name, value in world.environment().items() if name != "AWS_ENDPOINT_URL"},
        **{f"AWS_ENDPOINT_URL_{name}": address for name in ("S3", "STS", "CLOUDFRONT")},
        **({"AWS_ENDPOINT_URL_S3_CONTROL": control.url} if control is not None else {}),
    }
    done = subprocess.run(
        [sys.executable, "-m", "vidcdn_desktop", *argv, "--json"],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_job_is_created_found_by_another_run_confirmed_and_followed(world: World, control: ControlServer) -> None:
    films = f"s3://{world.bucket}/films"
    change = ("class", films, "--recursive", "--to", "standard-ia", "--batch-role", "mine")
    code, told, err = run(world, control, *change, "--dry-run")
    assert (code, told[-1]["handover"]["possible"]) == (0, True), err
    assert control.log() == []
    code, told, err = run(world, control, *change)
    assert code == 0, err
    job_id = told[-1]["job_id"]
    assert told[-1]["handover"]["objects"] == 2
    assert "0.25 USD" in told[-1]["handover"]["cost"]
    code, told, _ = run(world, control, "handover")
    assert code == 0
    assert [(job["job_id"], job["state"]) for job in told] == [(job_id, "waiting")]
    code, told, err = run(world, control, "handover", "--confirm", job_id)
    assert (code, told[0]["state"]) == (0, "running"), err
    for _ in range(5):
        code, told, _ = run(world, control, "handover")
        if told[0]["state"] == "complete":
            break
    assert (told[0]["state"], told[0]["done"], told[0]["failed"]) == ("complete", 2, 0)
    assert world.get("films/Été & co.mp4")["StorageClass"] == "STANDARD_IA"
    assert run(world, control, "handover", "--cancel", job_id)[0] in (1, 2)
    assert run(world, control, "handover", "--forget", job_id)[0] == 0
    assert run(world, control, "handover")[1] == []


def test_what_cannot_be_is_told_and_nothing_is_begun(world: World, control: ControlServer, tmp_path: Path) -> None:
    films = f"s3://{world.bucket}/films"
    code, told, _ = run(
        world, control, "headers", films, "--recursive", "--set", "cache-control=x", "--batch-role", "r"
    )
    assert code in (1, 2)
    assert "Content-Type" in told[-1]["error"]["what"]
    code, told, _ = run(world, control, "class", films, "--recursive", "--to", "glacier", "--batch-role", OTHER_ROLE)
    assert (code, told[-1]["error"]["kind"]) == (1, "AccessDenied")
    code, told, _ = run(world, None, "class", films, "--recursive", "--to", "glacier", "--batch-role", "mine")
    assert (code, told[-1]["error"]["kind"]) == (1, "UnsupportedMedia")
    code, told, err = run(world, None, "rm", films, "--recursive", "--batch-files", str(tmp_path / "for admin"))
    assert code == 0, err
    assert {Path(file).name for file in told[-1]["files"]} >= {"manifest.csv", "job.json", "lifecycle.json"}
    assert all(Path(file).is_file() for file in told[-1]["files"])
    assert sorted(world.all_keys()) == ["films/b.mp4", "films/Été & co.mp4"], "the list of a refused job is removed"
