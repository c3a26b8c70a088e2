"""Where downloads land: names out of hostile keys, things in the way, locks, disks that are full or read-only."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rangeserver import RangeServer, Reply, Stored
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.download import download
from vidcdn_desktop.storage.download_file import open_part
from vidcdn_desktop.storage.download_state import (
    MAX_RANGES,
    Arrived,
    PartState,
    range_size_for,
    read_state,
    write_state,
)
from vidcdn_desktop.storage.port import ObjectRef, StoredObject
from vidcdn_desktop.storage.s3 import S3Storage

MIB = 1 << 20


class MemoryStorage:
    """The two methods of the port a download needs, over bytes."""

    def __init__(self, data: bytes = b"film") -> None:
        self.data = data

    def head(self, ref: ObjectRef) -> StoredObject:
        return StoredObject(ref, len(self.data), hashlib.md5(self.data).hexdigest())

    @contextlib.contextmanager
    def open_range(
        self, _stored: StoredObject, offset: int, length: int, *, token: CancelToken, version_id: str = ""
    ) -> Iterator[MemoryStream]:
        yield MemoryStream(self.data[offset : offset + length])


class MemoryStream:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int) -> bytes:
        piece, self._data = self._data[:size], self._data[size:]
        return piece


def fetch(folder: Path, key: str, name: str = "", data: bytes = b"film") -> Path:
    storage: object = MemoryStorage(data)
    return download(storage, ObjectRef("films", key), folder, token=CancelToken(), name=name).path  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "films"
    place.mkdir()
    return place


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("videos/film.mp4", "film.mp4"),
        ("../../../etc/passwd", "passwd"),
        ("..", "download"),
        ("videos/..", "download"),
        ("videos/.../", "download"),
        ("", "download"),
        ("/", "download"),
        (" . ", "download"),
        ("videos/film.mp4/", "film.mp4"),
        ("C:\\Windows\\system32\\film.mp4", "film.mp4"),
        ("C:film.mp4", "C_film.mp4"),
        ("film.mp4:hidden", "film.mp4_hidden"),
        ("\\\\server\\share\\film.mp4", "film.mp4"),
        (".ssh/.bashrc", "bashrc"),
        ("film.mp4. . ", "film.mp4"),
        ("CON", "_CON"),
        ("nul.mp4", "_nul.mp4"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ("lpt¹.mp4", "_lpt¹.mp4"),
        ("a\nb\tc\x00d\x7f.mp4", "a_b_c_d_.mp4"),
        ("evil\u202e4pm.exe", "evil_4pm.exe"),
        ("zero\u200bwidth\ufeff.mp4", "zero_width_.mp4"),
        ("what?*<>|\".mp4", "what______.mp4"),
        ("lone\ud800.mp4", "lone_.mp4"),
        ("-rf", "-rf"),
        ("日本/été 🎬.mp4", "été 🎬.mp4"),
        ("x" * 300 + ".mp4", "x" * 196 + ".mp4"),
        ("é" * 300 + ".mp4", "é" * 98 + ".mp4"),
        ("🎬" * 250, "🎬" * 50),
    ],
)  # fmt: skip
def test_a_hostile_key_becomes_a_harmless_name(folder: Path, key: str, name: str) -> None:
    path = fetch(folder, key)
    assert path == folder / name
    assert path.read_bytes() == b"film"
    assert names(folder) == [name]
    assert sorted(p.name for p in folder.parent.iterdir()) == ["films", "home"]
    assert len(name.encode()) <= 200


def test_long_names_are_numbered_within_their_length(folder: Path) -> None:
    paths = [fetch(folder, "y" * 300 + ".mp4") for _ in range(3)]
    assert [p.name[-9:] for p in paths] == ["yyyyy.mp4", "y (2).mp4", "y (3).mp4"]
    assert all(len(p.name) == 200 for p in paths)


def test_a_folder_that_is_a_link_is_followed_once(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert fetch(link, "film.mp4") == folder / "film.mp4"


@pytest.mark.parametrize("thing", ["link", "dangling link", "hard link", "folder", "pipe", "somebody's file"])
def test_what_stands_in_the_way_of_the_unfinished_file_is_left_alone(folder: Path, tmp_path: Path, thing: str) -> None:
    victim = tmp_path / "victim"
    part = folder / ".film.mp4.part"
    if thing != "dangling link":
        victim.write_bytes(b"precious")
    if "link" in thing and thing != "hard link":
        part.symlink_to(victim)
    elif thing == "hard link":
        os.link(victim, part)
    elif thing == "folder":
        part.mkdir()
    elif thing == "pipe":
        os.mkfifo(part)
    else:
        part.write_bytes(b"precious")
    before = part.lstat()
    assert fetch(folder, "film.mp4").name == "film.mp4"
    assert part.lstat().st_ino == before.st_ino
    assert part.lstat().st_size == before.st_size
    assert victim.exists() is (thing != "dangling link")
    assert thing == "dangling link" or victim.read_bytes() == b"precious"
    assert names(folder) == [".film.mp4.part", "film.mp4"]


def test_a_link_in_place_of_the_state_is_not_followed(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text('{"version": 1}')
    (folder / ".film.mp4.part.json").symlink_to(victim)
    (folder / ".film.mp4.part.json.new").symlink_to(victim)
    assert fetch(folder, "film.mp4").read_bytes() == b"film"
    assert victim.read_text() == '{"version": 1}'
    assert names(folder) == ["film.mp4"]


def test_the_same_download_twice_at_a_time_is_refused(folder: Path) -> None:
    ref = ObjectRef("films", "a/film.mp4")
    with contextlib.closing(open_part(folder, "film.mp4", ref)) as first:
        first.remember(PartState(ref, "", "etag", 4, 8 * MIB), durable=False)
        with pytest.raises(e.DownloadBusy):
            open_part(folder, "film.mp4", ref)
        storage: object = MemoryStorage()
        with pytest.raises(e.DownloadBusy) as caught:
            download(storage, ref, folder, token=CancelToken())  # type: ignore[arg-type]
        assert "goes on" in caught.value.meaning
        assert first.path.exists()
    open_part(folder, "film.mp4", ref).discard()
    assert names(folder) == []


def test_two_objects_of_one_name_do_not_meet(server: RangeServer, folder: Path) -> None:
    """One is left unfinished; the other takes the name, and then the first goes on and is numbered."""
    data = {key: os.urandom(2 * 8 * MIB) for key in ("a/film.mp4", "b/film.mp4")}
    server.objects = {key: Stored(value) for key, value in data.items()}
    server.answer = lambda asked: (
        Reply(status=403, code="AccessDenied") if asked.start and asked.key[0] == "a" else Reply()
    )
    client = server.endpoint.client()
    storage = S3Storage(client)
    with pytest.raises(e.AccessDenied):
        download(storage, ObjectRef("films", "a/film.mp4"), folder, token=CancelToken(), parallel=1)
    second = download(storage, ObjectRef("films", "b/film.mp4"), folder, token=CancelToken())
    assert (second.path.name, second.resumed_bytes) == ("film.mp4", 0)
    server.answer = lambda _asked: Reply()
    first = download(storage, ObjectRef("films", "a/film.mp4"), folder, token=CancelToken())
    client.close()
    assert (first.path.name, first.resumed_bytes) == ("film (2).mp4", 8 * MIB)
    assert first.path.read_bytes() == data["a/film.mp4"]
    assert second.path.read_bytes() == data["b/film.mp4"]
    assert names(folder) == ["film (2).mp4", "film.mp4"]


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with RangeServer() as running:
        yield running


def test_many_at_once_into_one_folder_get_different_names(folder: Path) -> None:
    paths: list[Path] = []
    gate = threading.Barrier(6)

    def one(number: int) -> None:
        gate.wait()
        paths.append(fetch(folder, f"{number}/film.mp4", data=bytes([number]) * 1000))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(paths)) == 6
    assert sorted(path.read_bytes()[0] for path in paths) == list(range(6))
    assert len(names(folder)) == 6


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_that_is_not_there_is_told(folder: Path, kind: str) -> None:
    place = folder / "sub"
    if kind == "file":
        place.write_text("no folder")
    with pytest.raises(e.FolderUnusable) as caught:
        fetch(place, "film.mp4")
    assert caught.value.what == "The folder is not there."
    assert caught.value.meaning == "Nothing was downloaded."


def test_a_folder_that_goes_away_meanwhile_is_told(server: RangeServer, folder: Path) -> None:
    server.objects["film.mp4"] = Stored(bytes(100))

    def answer(_asked: object) -> Reply:
        shutil.rmtree(folder)
        return Reply()

    server.answer = answer
    client = server.endpoint.client()
    with pytest.raises(e.FolderUnusable):
        download(S3Storage(client), ObjectRef("films", "film.mp4"), folder, token=CancelToken())
    client.close()
    assert not folder.exists()


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{}", '{"version": 2}', "\0\0\0\0", "[" * 5000,
        '{"version":1,"bucket":"films","key":"film.mp4","version_id":"","etag":"x","size":-1,"range_size":1,"ranges":[]}',
        '{"version":1,"bucket":"films","key":"film.mp4","version_id":"","etag":"x","size":9e9,"range_size":1,"ranges":[]}',
        '{"version":1,"bucket":"films","key":"film.mp4","version_id":"","etag":"x","size":9,"range_size":0,"ranges":[]}',
        '{"version":1,"bucket":"films","key":"film.mp4","version_id":"","etag":"x","size":99999999,"range_size":1,"ranges":[]}',
        '{"version":1,"bucket":"films","key":"film.mp4","version_id":"","etag":"x","size":4,"range_size":4,"ranges":[[2,1,"0000000000000000"]]}',
        '{"version":1,"bucket":"films","key":"film.mp4","version_id":"","etag":"x","size":4,"range_size":4,"ranges":[[1,5,"0000000000000000"]]}',
        '{"version":1,"bucket":"films","key":"film.mp4","version_id":"","etag":"x","size":4,"range_size":4,"ranges":[[1,4,"xx"]]}',
        '{"version":1,"bucket":"films","key":1,"version_id":"","etag":"x","size":4,"range_size":4,"ranges":[]}',
    ],
)  # fmt: skip
def test_a_state_that_makes_no_sense_costs_nothing_but_bytes(folder: Path, text: str) -> None:
    state = folder / ".film.mp4.part.json"
    state.write_text(text)
    (folder / ".film.mp4.part").write_bytes(b"junk" * 100)
    assert read_state(state) is None
    assert fetch(folder, "film.mp4").read_bytes() == b"film"
    assert names(folder) == ["film.mp4"]


def test_the_largest_object_has_a_state_of_moderate_size(folder: Path) -> None:
    assert range_size_for(MIB) == 8 * MIB
    assert range_size_for(256 * MIB) == 16 * MIB
    for size in (5 << 40, 50 << 40, MAX_RANGES * 16 * MIB + 1):
        assert size <= MAX_RANGES * range_size_for(size)
    size = MAX_RANGES * 16 * MIB
    full = {number: Arrived(16 * MIB, (1 << 64) - number) for number in range(1, MAX_RANGES + 1)}
    state = PartState(ObjectRef("films", "\ud800🎬"), "v", "etag-1", size, 16 * MIB, full)
    path = folder / "state.json"
    write_state(path, state, durable=False)
    assert read_state(path) == state
    assert state.is_whole
    assert path.stat().st_size < 200_000
    assert path.stat().st_mode & 0o777 == 0o600


_ON_A_SMALL_DISK = """
import json, os, subprocess, sys
from pathlib import Path
import servers
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.download import download
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage

MIB = 1 << 20
disk, filler = Path(sys.argv[2]), Path(sys.argv[2]) / "filler"
storage = S3Storage(servers.Endpoint(sys.argv[1]).client())


class Filling(ProgressMeter):
    def add(self, delta_bytes):
        super().add(delta_bytes)
        if self.snapshot().done_bytes >= 9 * MIB and not filler.exists():
            filler.write_bytes(bytes(12 * MIB))


def go(meter=None):
    try:
        result = download(storage, ObjectRef("films", "film.mp4"), disk, token=CancelToken(), parallel=1, meter=meter)
        told = {"same": result.path.read_bytes() == Path(sys.argv[3]).read_bytes(), "resumed": result.resumed_bytes}
    except VidcdnError as exc:
        told = {"kind": exc.kind, "what": exc.what, "meaning": exc.meaning}
    print(json.dumps({**told, "files": sorted(p.name for p in disk.iterdir())}), flush=True)


filler.write_bytes(bytes(12 * MIB))
go()
filler.unlink()
go(Filling())
filler.unlink()
go()
subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
go()
"""


def test_full_and_read_only_disks(server: RangeServer, tmp_path: Path) -> None:
    disk, film = tmp_path / "disk", tmp_path / "film"
    disk.mkdir()
    film.write_bytes(os.urandom(20 * MIB))
    server.objects["film.mp4"] = Stored(film.read_bytes())
    mount = f"mount -t tmpfs -o size=26m none '{disk}'"
    probe = ["unshare", "-Urm", "sh", "-c", mount]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("needs user namespaces and tmpfs")
    roots = [str(Path(__file__).resolve().parents[level]) for level in (2, 3)]
    ran = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", f'{mount} && exec "$@"', "sh",
         sys.executable, "-c", _ON_A_SMALL_DISK, server.url, str(disk), str(film)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    early, midway, resumed, read_only = [json.loads(line) for line in ran.stdout.splitlines()]
    assert early["kind"] == "DiskFull"
    assert early["meaning"] == "Nothing was downloaded."
    assert early["files"] == ["filler"]
    assert midway["kind"] == "DiskFull"
    assert "is kept" in midway["meaning"]
    assert midway["files"] == [".film.mp4.part", ".film.mp4.part.json", "filler"]
    assert resumed["same"] is True
    assert resumed["resumed"] >= 8 * MIB
    assert resumed["files"] == ["film.mp4"]
    assert read_only["kind"] == "FolderUnusable"
    assert read_only["what"] == "You may not save into this folder."
    assert read_only["files"] == ["film.mp4"]
