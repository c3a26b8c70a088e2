"""One lock per running copy, given back by the system however the copy ends."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.ownership import Ownership, alone

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Ownership]:
    ownership = Ownership(tmp_path / "running")
    yield ownership
    ownership.close()


def lock_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_the_users_alone_and_gone_after_close(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "running"
    ownership = Ownership(folder)
    path = folder / f"{ownership.token}.lock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    ownership.close()
    ownership.close()
    assert lock_files(folder) == []
    assert not ownership.is_alive(ownership.token)


def test_two_owners_in_one_process_see_each_other(tmp_path: Path, ours: Ownership) -> None:
    theirs = Ownership(tmp_path / "running")
    assert theirs.token != ours.token
    assert ours.is_alive(ours.token)
    assert ours.is_alive(theirs.token)
    assert theirs.is_alive(ours.token)
    theirs.close()
    assert not ours.is_alive(theirs.token)
    assert ours.is_alive(ours.token)


def test_a_killed_process_is_dead_and_its_file_removed(tmp_path: Path, ours: Ownership) -> None:
    folder = tmp_path / "running"
    code = (
        "import sys; from pathlib import Path; from vidcdn_desktop.jobs.ownership import Ownership;"
        f"o = Ownership(Path({str(folder)!r})); print(o.token, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=_ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        token = process.stdout.readline().strip()
        assert ours.is_alive(token)
        assert f"{token}.lock" in lock_files(folder)
        process.kill()
        process.wait()
        assert f"{token}.lock" in lock_files(folder)
        assert not ours.is_alive(token)
        assert lock_files(folder) == [f"{ours.token}.lock"]


def test_what_crashed_copies_left_is_removed_at_the_next_start(tmp_path: Path, ours: Ownership) -> None:
    folder = tmp_path / "running"
    (folder / f"{'a' * 32}.lock").touch()
    (folder / "notes.txt").touch()
    theirs = Ownership(folder)
    assert lock_files(folder) == sorted([f"{ours.token}.lock", f"{theirs.token}.lock", "notes.txt"])
    theirs.close()


@pytest.mark.parametrize("token", ["", "../../etc/passwd", "A" * 32, "a" * 31, "a" * 32 + "\n"])
def test_a_token_that_is_none_is_nobody(tmp_path: Path, ours: Ownership, token: str) -> None:
    (tmp_path / "victim.lock").touch()
    assert not ours.is_alive(token)
    assert not ours.is_alive("../victim")
    assert (tmp_path / "victim.lock").exists()


def test_many_beginning_at_once_all_live(tmp_path: Path) -> None:
    """Each sweeps while others begin: nobody's fresh file may be taken for a dead one's."""
    begun: list[Ownership] = []
    start = threading.Barrier(8)

    def begin() -> None:
        start.wait()
        begun.extend(Ownership(tmp_path / "running") for _ in range(25))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ownership.token for ownership in begun}) == 200
    assert all(begun[0].is_alive(ownership.token) for ownership in begun)
    assert len(lock_files(tmp_path / "running")) == 200
    for ownership in begun:
        ownership.close()


def test_looking_does_not_make_the_dead_seem_alive(tmp_path: Path) -> None:
    lookers = [Ownership(tmp_path / "running") for _ in range(8)]
    for round_ in range(20):
        dead = f"{round_:032x}"
        (tmp_path / "running" / f"{dead}.lock").touch()
        start = threading.Barrier(8)
        seen: list[bool] = []

        def look(
            looker: Ownership, token: str = dead, gate: threading.Barrier = start, seen: list[bool] = seen
        ) -> None:
            gate.wait()
            seen.append(looker.is_alive(token))

        threads = [threading.Thread(target=look, args=(looker,)) for looker in lookers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [False] * 8
    for looker in lookers:
        looker.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "running").write_text("a file")
    with pytest.raises(SettingsInvalid) as caught:
        Ownership(tmp_path / "running")
    assert caught.value.meaning == "Nothing was published."


def test_alone_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside = threading.Event()
    leave = threading.Event()
    order: list[str] = []

    def first() -> None:
        with alone(tmp_path / "gate"):
            inside.set()
            leave.wait(10)
            order.append("first leaves")

    def second() -> None:
        leave.set()
        with alone(tmp_path / "gate"):
            order.append("second is in")

    one = threading.Thread(target=first)
    one.start()
    assert inside.wait(10)
    second()
    one.join()
    assert order == ["first leaves", "second is in"]
