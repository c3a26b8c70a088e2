"""`vidcdn-desktop download`, through the door scripts use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rangeserver import RangeServer, Reply, Stored, until, whole_ranges
from vidcdn_desktop.__main__ import main
from vidcdn_desktop.practice.cloud import PracticeCloud

RANGE = 8 << 20


def point_at(monkeypatch: pytest.MonkeyPatch, url: str, key_id: str = "practice", secret: str = "secret") -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    with RangeServer() as running:
        point_at(monkeypatch, running.url)
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "films"
    place.mkdir()
    return place


def call(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    capsys.readouterr()
    code = main([str(word) for word in ("download", *argv, "--json")])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def test_a_published_film_comes_back_byte_for_byte(
    practice_cloud: PracticeCloud,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    clip_fast: Path,
) -> None:
    cloud = practice_cloud
    point_at(monkeypatch, cloud.endpoint_url, cloud.access_key_id, cloud.secret_access_key)
    assert main(["publish", str(clip_fast), "--title", "back again", "--bucket", cloud.bucket, "--json"]) == 0
    published = json.loads(capsys.readouterr().out)
    code, (result,), _ = call(capsys, f"s3://{cloud.bucket}/{published['key']}", "--to", folder)
    assert code == 0
    path = Path(result["path"])
    assert path.parent == folder
    assert path.read_bytes() == clip_fast.read_bytes()
    assert result["source"] == f"s3://{cloud.bucket}/{published['key']}"
    assert (result["proved_by"], result["checksum"]) == ("CRC64NVME", published["checksum"])
    assert result["bytes_received"] == result["size"] == clip_fast.stat().st_size
    assert result["seconds"] > 0


def test_several_videos_and_one_that_is_not_there(
    server: RangeServer, capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # without --to: here
    server.objects = {"a/film.mp4": Stored(b"one"), "b/film.mp4": Stored(b"two")}
    code, objects, err = call(capsys, "s3://films/a/film.mp4", "s3://films/none.mp4", "s3://films/b/film.mp4")
    assert code == 1
    assert [Path(o["path"]).name if "path" in o else o["error"]["kind"] for o in objects] == [
        "film.mp4", "ObjectNotFound", "film (2).mp4",
    ]  # fmt: skip
    assert (folder / "film (2).mp4").read_bytes() == b"two"
    assert "Nothing was downloaded." in err
    assert server.objects["a/film.mp4"].data == (folder / "film.mp4").read_bytes()


def test_what_is_printed_for_people(server: RangeServer, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    server.objects["film.mp4"] = Stored(b"film" * 1000)
    assert main(["download", "film.mp4", "--bucket", "films", "--to", str(folder)]) == 0
    out = capsys.readouterr().out
    assert str(folder / "film.mp4") in out
    assert "4.0 kB; 4.0 kB received in" in out
    assert "Proven by MD5: this file is what is in the bucket." in out


@pytest.mark.parametrize("address", ["s3://films", "s3://films/", "s3://"])
def test_an_address_without_a_key_is_wrong_use(
    server: RangeServer, capsys: pytest.CaptureFixture[str], folder: Path, address: str
) -> None:
    code, (told,), err = call(capsys, address, "--to", folder)
    assert code == 2
    assert told["error"]["kind"] == "SettingsInvalid"
    assert "names no video" in err
    assert server.asked == []


def test_a_folder_that_is_not_there(server: RangeServer, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    server.objects["film.mp4"] = Stored(b"film")
    code, (told,), _ = call(capsys, "s3://films/film.mp4", "--to", folder / "nowhere")
    assert (code, told["error"]["kind"]) == (1, "FolderUnusable")
    assert told["error"]["meaning"] == "Nothing was downloaded."


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl+C"])
def test_run_again_it_goes_on_where_it_was(
    server: RangeServer, capsys: pytest.CaptureFixture[str], folder: Path, how: signal.Signals
) -> None:
    data = os.urandom(4 * RANGE + 99)
    server.objects["film.mp4"] = Stored(data)
    server.answer = lambda asked: Reply() if asked.start < 2 * RANGE else Reply(stop_after=RANGE // 2, stop="hang")
    child = start("download", "s3://films/film.mp4", "--to", folder, "--json")
    try:
        server.wait_for(lambda: server.hanging == 3)
        until(lambda: whole_ranges(folder, "film.mp4", RANGE) >= 2, lambda: child.poll() is None)
    finally:
        child.send_signal(how)
        out, err = child.communicate(timeout=20)
    assert sorted(path.name for path in folder.iterdir()) == [".film.mp4.part", ".film.mp4.part.json"]
    if how is signal.SIGINT:
        assert child.returncode == 130
        assert json.loads(out)["error"]["code"] == "stopped"
        assert "Run the same command again" in err
    before = server.sent_bytes
    server.answer = lambda _asked: Reply()
    code, (result,), _ = call(capsys, "s3://films/film.mp4", "--to", folder)
    assert code == 0
    assert Path(result["path"]).read_bytes() == data
    assert result["resumed_bytes"] >= 2 * RANGE
    assert server.sent_bytes - before == result["bytes_received"] == len(data) - result["resumed_bytes"]


def start(*argv: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vidcdn_desktop", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
