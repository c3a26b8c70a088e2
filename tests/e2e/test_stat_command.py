"""`stat` as people and scripts use it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from repairs import World, world_on

KEY = "films/\u202eÉté+1.mp4"
_LIMIT_S = 90


@pytest.fixture
def versions(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        yield found


def stat(world: World, *argv: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        [sys.executable, "-m", "vidcdn_desktop", "stat", *argv],
        env={**world.environment(), "PYTHONPATH": root}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=_LIMIT_S, check=False,
    )  # fmt: skip


def test_all_of_an_object_in_one_line_of_json(versions: World, clip_end: Path) -> None:
    versions.put(b"the first cut", KEY)
    versions.put(clip_end.read_bytes(), KEY, ContentType="video/mp4", Metadata={"title": "Sea"})
    done = stat(versions, f"s3://{versions.bucket}/{KEY}", f"s3://{versions.bucket}/nothing", "--versions", "--json")
    assert done.returncode == 1, "one of the two is not there"
    told, missing = (json.loads(line) for line in done.stdout.splitlines())
    assert told["key"] == KEY
    assert (told["title"], told["size"], told["link"]) == ("Sea", clip_end.stat().st_size, None)
    assert told["headers"]["content-type"] == "video/mp4"
    assert [version["is_latest"] for version in told["versions"]] == [True, False]
    assert told["versions_complete"] is True
    assert told["not_visible"] == []
    assert told["video"]["facts"]["place"] == "end"
    assert [box["type"] for box in told["video"]["boxes"]][-1] == "moov"
    assert missing["error"]["kind"] == "ObjectNotFound"


def test_people_read_what_is_hidden_and_nothing_that_turns_the_line(versions: World) -> None:
    versions.put(b"words", KEY, Metadata={"title": "Sea"})

    def plan(request: Request) -> Act:
        refused = "tagging" in request.target
        return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied")) if refused else Act()

    versions.proxy.plan = plan
    done = stat(versions, f"s3://{versions.bucket}/{KEY}")
    assert done.returncode == 0, done.stderr
    assert "\u202e" not in done.stdout
    assert "  Title: Sea\n" in done.stdout
    assert "  Tags: not visible to you (s3:GetObjectTagging)\n" in done.stdout
    assert "versions" not in done.stdout.lower(), "nobody asked for them"
    wrong = stat(versions, f"s3://{versions.bucket}/")
    assert wrong.returncode == 2
    assert "bucket, not an object" in wrong.stderr
