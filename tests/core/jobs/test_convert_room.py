"""Rooms of conversions: found on a disk with room, private, and gone in the end whatever happened."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from vidcdn_desktop import paths
from vidcdn_desktop.bytesource import SourceIdentity
from vidcdn_desktop.errors import DiskFull, FolderUnusable
from vidcdn_desktop.jobs import convert_room
from vidcdn_desktop.jobs.convert_room import forget_room, open_room, sweep_rooms
from vidcdn_desktop.media.convert import FILM_NAME, Converted
from vidcdn_desktop.media.convert_model import Conversion, ConversionKind, StreamPlan

IDENTITY = SourceIdentity(10, 20, 30, 40)
PLAN = Conversion(ConversionKind.REMUX, (StreamPlan(0, "video", "h264", "h264", copied=True),), notes=("a note",))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    path = folder / "lake.mkv"
    path.write_bytes(b"film")
    return path


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def rooms() -> list[str]:
    return sorted(path.name for path in (paths.cache_dir() / "conversions").iterdir() if path.is_dir())


def finish(room: convert_room.Room, content: bytes = b"an mp4") -> None:
    (room.folder / FILM_NAME).write_bytes(content)
    done = Converted.__new__(Converted)
    object.__setattr__(done, "conversion", PLAN)
    object.__setattr__(done, "subtitles", ())
    room.remember(PLAN, IDENTITY, done)


def only_free(monkeypatch: pytest.MonkeyPatch, *below: Path) -> None:
    """Say that only the disks of these folders have room."""
    monkeypatch.setattr(
        convert_room, "_free", lambda folder: 1 << 40 if any(folder.is_relative_to(b) for b in below) else 0
    )


def test_a_room_is_private_and_gone_after_use(film: Path) -> None:
    room = open_room("j1", film, 100)
    if sys.platform != "win32":
        assert stat.S_IMODE(room.folder.stat().st_mode) == 0o700
    (room.folder / FILM_NAME).write_bytes(b"half")
    room.close(keep=True)  # it is not finished, so there is nothing to keep
    assert rooms() == []


def test_what_is_finished_is_found_again(film: Path) -> None:
    room = open_room("j1", film, 100)
    finish(room)
    room.close(keep=True)
    again = open_room("j1", film, 100)
    found = again.recall(PLAN, IDENTITY)
    assert found is not None
    assert found[0].streams == PLAN.streams
    assert found[0].notes == ("a note",)
    again.close(keep=False)
    assert rooms() == []


@pytest.mark.parametrize("what", ["another source", "another plan", "another film", "nonsense"])
def test_what_is_not_of_this_film_is_not_used(what: str, film: Path) -> None:
    room = open_room("j1", film, 100)
    finish(room)
    source, plan = IDENTITY, PLAN
    if what == "another source":
        source = SourceIdentity(11, 20, 30, 40)
    elif what == "another plan":
        plan = Conversion(ConversionKind.ENCODE, (StreamPlan(0, "video", "h264", "h264", copied=False),))
    elif what == "another film":
        (room.folder / FILM_NAME).write_bytes(b"somebody else's")
    else:
        (room.folder / "done.json").write_text('{"source": 3, "film": [')
    assert room.recall(plan, source) is None
    room.empty()
    assert not (room.folder / FILM_NAME).exists()
    room.close(keep=False)


def test_the_disk_with_room_is_taken(
    film: Path, own_temporary_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_free(monkeypatch, own_temporary_folder)
    room = open_room("j1", film, 1 << 30)
    assert room.folder.parent == own_temporary_folder
    room.close(keep=False)
    assert list(own_temporary_folder.iterdir()) == []

    only_free(monkeypatch, film.parent)
    room = open_room("j2", film, 1 << 30)
    assert room.folder.parent == film.parent
    finish(room)
    room.close(keep=True)
    again = open_room("j2", film, 1 << 30)
    assert again.folder == room.folder
    assert again.recall(PLAN, IDENTITY) is not None
    again.close(keep=False)
    assert [path.name for path in film.parent.iterdir()] == [film.name]


def test_no_disk_with_room_is_told_with_the_figure(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_free(monkeypatch)
    with pytest.raises(DiskFull) as caught:
        open_room("j1", film, 1_000_000_000)
    assert "1.4 GB" in caught.value.what
    assert rooms() == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(film: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(FolderUnusable):
        open_room("j1", film, 100, beside=locked)


def test_a_folder_that_is_not_there_is_named(film: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable):
        open_room("j1", film, 100, beside=tmp_path / "nowhere")
    assert rooms() == []


def test_sweeping_takes_what_nobody_comes_back_for(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, unwanted, half = (open_room(name, film, 100) for name in ("wanted", "unwanted", "half"))
    finish(wanted)
    finish(unwanted)
    (half.folder / FILM_NAME).write_bytes(b"half")
    assert sweep_rooms(lambda name: name == "wanted") == 0, "all of them are in use"
    for room in (wanted, unwanted, half):  # as a crash leaves them: the lock is gone, the files are not
        room._owner.close()
    assert sweep_rooms(lambda name: name == "wanted") == 2
    assert rooms() == ["wanted"]
    monkeypatch.setattr(convert_room, "_KEPT_S", -1.0)  # a week later
    assert sweep_rooms(lambda name: name == "wanted") == 1
    assert rooms() == []


@pytest.mark.parametrize("how", ["a folder of the user", "a link"])
def test_sweeping_follows_no_trail_out_of_its_own(how: str, film: Path, tmp_path: Path) -> None:
    room = open_room("j1", film, 100)
    room._owner.close()
    target = film.parent
    if how == "a link":
        target = tmp_path / ".vidcdn-conversion-x"
        target.symlink_to(film.parent, target_is_directory=True)
    (paths.cache_dir() / "conversions" / "j1" / "place").write_text(str(target))
    assert sweep_rooms(lambda _: False) == 1
    assert film.read_bytes() == b"film"


def test_forgetting_a_job_removes_its_room(film: Path) -> None:
    room = open_room("j1", film, 100)
    finish(room)
    room.close(keep=True)
    forget_room("j1")
    forget_room("j1")
    assert rooms() == []
