"""`frame` as people and scripts use it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import servers
from repairs import World, world_on

_LIMIT_S = 90


def run(environment: dict[str, str], *argv: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "vidcdn_desktop", "frame", *argv],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8",
        timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


def test_a_picture_is_written_once(world: World, clip_end: Path, tmp_path: Path) -> None:
    data = clip_end.read_bytes()
    world.put(data)
    out = tmp_path / "out.jpg"
    env = world.environment()
    code, text, err = run(env, str(world.ref), str(out), "--width", "160", "--json")
    assert code == 0, err
    found = json.loads(text)
    assert (found["width"], found["height"]) == Image.open(io.BytesIO(out.read_bytes())).size
    assert found["width"] == 160
    assert 0 < found["bytes_read"] <= len(data)
    assert run(env, str(world.ref), str(out))[0] == 2
    assert run(env, str(world.ref), str(out), "--force")[0] == 0


def test_what_has_no_picture_is_told(world: World, tmp_path: Path) -> None:
    world.put(b"no film at all")
    out = tmp_path / "out.jpg"
    code, text, err = run(world.environment(), str(world.ref), str(out), "--json")
    assert code == 1
    assert json.loads(text)["error"]["kind"] == "UnsupportedMedia"
    assert "No picture could be taken" in err
    assert not out.exists()
