"""Converting through the door scripts use: `convert`, and `publish` of what is not MP4."""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from films import make_clip, top_boxes
from vidcdn_desktop import paths
from vidcdn_desktop.__main__ import main
from vidcdn_desktop.jobs.convert import sweep_conversions
from vidcdn_desktop.practice.cloud import PracticeCloud


@dataclass
class Answer:
    """What one call of the program gave."""

    code: int
    objects: list[dict[str, Any]]
    err: str

    @property
    def only(self) -> dict[str, Any]:
        assert len(self.objects) == 1, self
        return self.objects[0]


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the program in this process."""

    def run(*argv: str | Path) -> Answer:
        capsys.readouterr()
        code = main([*(str(word) for word in argv), "--json"])
        out, err = capsys.readouterr()
        return Answer(code, [json.loads(line) for line in out.splitlines()], err)

    return run


@pytest.fixture
def where(practice_cloud: PracticeCloud, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that lead to the practice cloud's bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", practice_cloud.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", practice_cloud.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", practice_cloud.secret_access_key)
    monkeypatch.setenv("AWS_REGION", practice_cloud.region)
    return ["--bucket", practice_cloud.bucket]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Matroska film with German subtitles."""
    folder = tmp_path_factory.mktemp("foreign")
    plain = make_clip(folder / "plain.mkv")
    srt = folder / "s.srt"
    srt.write_text("1\n00:00:00,100 --> 00:00:00,900\nGuten Morgen\n", "utf-8")
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg
    target = folder / "Lake at dawn.mkv"
    command = [ffmpeg, "-v", "error", "-nostdin", "-i", str(plain), "-i", str(srt), "-map", "0", "-map", "1"]
    command += ["-c", "copy", "-c:s", "srt", "-metadata:s:s:0", "language=ger", str(target)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return target


def fetch(url: str) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url)


def rooms() -> list[str]:
    folder = paths.cache_dir() / "conversions"
    return [path.name for path in folder.iterdir() if path.is_dir()] if folder.exists() else []


def test_publish_sends_an_mp4_with_its_subtitles(call: Call, film: Path, where: list[str]) -> None:
    before = film.read_bytes()
    answer = call("publish", film, *where)
    assert answer.code == 0, answer.err
    result = answer.only
    assert result["converted"]["kind"] == "remux"
    assert result["key"].endswith(".mp4")
    assert result["verified"]["ok"] is True
    assert result["verified"]["index_first"] is True
    assert "convert" in result["seconds"]
    (subtitle,) = result["converted"]["subtitles"]
    assert subtitle["key"] == result["key"].removesuffix(".mp4") + ".ger.vtt"
    assert result["disk_bytes_written"] == result["size"] + subtitle["size"]
    text = fetch(subtitle["url"])
    assert text.headers["Content-Type"].startswith("text/vtt")
    assert text.data.startswith(b"WEBVTT")
    assert b"Guten Morgen" in text.data
    assert fetch(result["url"]).headers["Content-Type"] == "video/mp4"
    assert film.read_bytes() == before
    assert rooms() == []


def test_publish_refuses_or_sends_as_it_is_where_told_so(call: Call, film: Path, where: list[str]) -> None:
    refused = call("publish", film, "--no-convert", "--no-verify", *where)
    assert refused.code == 1
    assert refused.only["error"]["kind"] == "UnsupportedMedia"
    as_is = call("publish", film, "--as-is", "--no-verify", *where).only
    assert as_is["converted"] is None
    assert as_is["key"].endswith(".mkv")
    assert as_is["disk_bytes_written"] == 0


def test_inspect_tells_what_would_be_done(call: Call, film: Path) -> None:
    answer = call("inspect", film).only
    assert answer["conversion"]["kind"] == "remux"
    assert answer["conversion"]["subtitles"] == [{"index": 2, "codec": "subrip", "language": "ger"}]
    assert set(answer["plays_in"].values()) == {"yes"}
    assert answer["plays_in_as_of"]


def test_convert_writes_a_file_that_starts_at_once(call: Call, film: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "lake.mp4"
    target.parent.mkdir()
    result = call("convert", film, target).only
    assert result["converted"]["kind"] == "remux"
    assert result["size"] == target.stat().st_size
    boxes = top_boxes(target.read_bytes())
    assert boxes.index("moov") < boxes.index("mdat")
    assert sorted(path.name for path in target.parent.iterdir()) == ["lake.ger.vtt", "lake.mp4"]
    assert rooms() == []


def test_convert_overwrites_nothing_unasked(call: Call, film: Path, tmp_path: Path) -> None:
    target, subtitles = tmp_path / "lake.mp4", tmp_path / "lake.ger.vtt"
    target.write_bytes(b"precious")
    assert call("convert", film, target).code == 2
    assert target.read_bytes() == b"precious"
    target.unlink()
    subtitles.write_bytes(b"somebody's own")
    result = call("convert", film, target).only
    assert result["subtitles"] == [str(tmp_path / "lake.ger-2.vtt")]
    assert subtitles.read_bytes() == b"somebody's own"


@pytest.mark.parametrize("name", ["lake.mkv", "lake", "nowhere/lake.mp4"])
def test_convert_says_what_is_wrong_with_the_new_name(name: str, call: Call, film: Path, tmp_path: Path) -> None:
    answer = call("convert", film, tmp_path / name)
    assert answer.code in (1, 2)
    assert answer.only["error"]["kind"] in ("SettingsInvalid", "FolderUnusable")


def test_convert_refuses_what_is_no_film(call: Call, tmp_path: Path) -> None:
    text = tmp_path / "notes.mkv"
    text.write_text("Dear diary, this is no film at all.\n" * 40, "utf-8")
    answer = call("convert", text, tmp_path / "out.mp4")
    assert answer.code == 1
    assert answer.only["error"]["kind"] == "NotAVideo"
    assert not (tmp_path / "out.mp4").exists()


@pytest.fixture
def held(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with an ffmpeg that says on a pipe that a conversion has begun, and the pipe."""
    if sys.platform == "win32":
        pytest.skip("needs a shell and named pipes")
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg
    folder, pipe = tmp_path / "bin", tmp_path / "begun"
    folder.mkdir()
    os.mkfifo(pipe)
    script = folder / "ffmpeg"
    script.write_text(
        '#!/bin/sh\nfor word in "$@"; do last="$word"; done\n'
        f'case "$last" in */film.mp4) echo $$ > {shlex.quote(str(pipe))};; esac\nexec {shlex.quote(ffmpeg)} "$@"\n'
    )
    script.chmod(0o755)
    return folder, pipe


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose encoding takes much longer than its making."""
    target = tmp_path_factory.mktemp("long") / "long.avi"
    return make_clip(target, seconds=20, size="1280x720", options=("-c:v", "mpeg4", "-q:v", "5"))


def begin(argv: list[str], held: tuple[Path, Path]) -> tuple[subprocess.Popen[str], int]:
    """Start the program and wait until its ffmpeg encodes; gives both, by process number."""
    folder, pipe = held
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    child = subprocess.Popen(
        [sys.executable, "-m", "vidcdn_desktop", *argv, "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    told = os.open(pipe, os.O_RDWR)  # so that opening waits for nobody, and reading can have a limit
    try:
        ready, _, _ = select.select([told], [], [], 60)
        if not ready:
            child.kill()
            raise AssertionError(child.communicate())
        return child, int(os.read(told, 64))
    finally:
        os.close(told)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_ctrl_c_in_the_middle_leaves_nothing(held: tuple[Path, Path], long_film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    child, ffmpeg = begin(["convert", str(long_film), str(folder / "long.mp4")], held)
    try:
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130, err
    assert json.loads(out)["error"]["kind"] == "Cancelled"
    assert list(folder.iterdir()) == []
    assert rooms() == []
    assert not is_running(ffmpeg)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="orphans are only found where processes are files")
def test_the_next_start_cleans_up_after_a_kill(held: tuple[Path, Path], long_film: Path, where: list[str]) -> None:
    child, ffmpeg = begin(["publish", str(long_film), "--no-verify", *where], held)
    child.kill()
    child.communicate(timeout=60)
    assert len(rooms()) == 1
    gone = os.pidfd_open(ffmpeg) if is_running(ffmpeg) else None
    assert gone is not None, "it goes on without its parent; else this test shows nothing"
    assert sweep_conversions(None) == 1
    assert rooms() == []
    ended, _, _ = select.select([gone], [], [], 30)
    os.close(gone)
    assert ended, "the encoder of the run that was killed still runs"
