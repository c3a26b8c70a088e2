"""The journal's file: its permissions, versions, damage, and disks that are full."""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_helpers import child, intent, part, record

from vidcdn_desktop.bytesource import SourceIdentity
from vidcdn_desktop.errors import DiskFull, SettingsInvalid
from vidcdn_desktop.jobs import journal as journal_module
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.journal_schema import MIGRATIONS, VERSION, OpenedDatabase, migrate, open_database, version_of
from vidcdn_desktop.jobs.operations.model import Action, Kind, Stage, item_from_inverse
from vidcdn_desktop.storage.port import ObjectRef, PartLog, PartResult

V1 = Path(__file__).with_name("journal_v1.sql")
V2 = Path(__file__).with_name("journal_v2.sql")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "state.sqlite3"


def log_of(journal: Journal) -> PartLog:
    return journal.part_log("j1", key="videos/a.mp4", profile_id="p", endpoint="")


def fill(path: Path, jobs: int) -> None:
    with Journal(path) as journal:
        for number in range(jobs):
            journal.save_job(record(f"j{number}", plan={"filler": "x" * 2000}))


def make_v1(path: Path, script: Path = V1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script.read_text("utf-8"))


# As it should be


def test_every_file_is_the_users_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with Journal(path) as journal:
            journal.save_job(record())
            files = [found for found in path.parent.rglob("*") if found.is_file()]
            assert {path.name, f"{path.name}-wal", f"{path.name}-shm"} <= {found.name for found in files}
            assert {stat.S_IMODE(found.stat().st_mode) for found in files} == {0o600}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_a_file_others_could_read_is_closed_to_them(path: Path) -> None:
    fill(path, 1)
    path.chmod(0o644)
    with Journal(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_commits_outlive_a_loss_of_power_and_keys_are_checked(path: Path) -> None:
    opened = open_database(path)
    with closing(opened.connection) as connection:
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "fullfsync", "foreign_keys", "trusted_schema", "busy_timeout")
        }
        strict = dict(connection.execute("SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite%'"))
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "fullfsync": 1,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "busy_timeout": 10_000,
    }
    assert strict == {"jobs": 1, "uploads": 1, "parts": 1, "items": 1}


# Versions


def test_the_file_of_version_1_is_read(path: Path) -> None:
    make_v1(path)
    with Journal(path) as journal:
        assert journal.problem is None
        (job,) = journal.unfinished()
        assert job.identity == SourceIdentity(1000, 1_790_000_000_000_000_001, 2**64 - 1, 42)
        assert (job.title, job.options, job.position, job.priority) == ("Lake at dawn", {"title": "Lake"}, 2, 1)
        assert job.created == datetime(2026, 11, 25, 3, 0, 0, 1, tzinfo=UTC)
        assert not job.owned_elsewhere
        journal.claim("j1")
        log = journal.part_log("j1", key="videos/lake.mp4", profile_id="p-1", endpoint="")
        earlier = log.earlier()
        assert earlier is not None
        assert earlier.parts == (PartResult(1, 505, "etag-1", "crc-1"),)
        log.ended(completed=True)
        assert journal.unfinished_uploads() == []
    with closing(sqlite3.connect(path)) as connection:
        assert version_of(connection) == VERSION


def test_the_file_of_version_2_is_read(path: Path) -> None:
    make_v1(path, V2)
    with Journal(path) as journal:
        assert journal.problem is None
        assert [job.id for job in journal.unfinished()] == ["j1", "o1"]
        (item,) = journal.item_log("o1").load()
        assert (item.ref, item.target) == (ObjectRef("studio", "films/a.mp4"), ObjectRef("studio", "old/a.mp4"))
        assert (item.size, item.etag, item.version_id, item.stage) == (7, "etag-1", "v-1", Stage.COPIED)
        assert item.state == {"copy": ["etag-2", 7, ""]}
        assert item.inverse is not None
        assert item_from_inverse(1, item.inverse).action == Action(Kind.DELETE)
        assert journal.undoable_jobs() == {"o1"}
        journal.remove_job("o1")
        assert journal.item_log("o1").load() == []


def test_a_new_file_and_a_migrated_one_have_the_tables_of_version_2(path: Path, tmp_path: Path) -> None:
    """As long as there is no version 3, whose test takes this one's place."""
    files = [path, tmp_path / "old" / "state.sqlite3", tmp_path / "two" / "state.sqlite3"]
    make_v1(files[1])
    make_v1(files[2], V2)
    fill(path, 0)
    fill(files[1], 0)
    shapes = []
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            assert version_of(connection) == VERSION == 2
            shapes.append(
                [
                    connection.execute(f"PRAGMA {pragma}({table})").fetchall()
                    for table in ("jobs", "uploads", "parts", "items")
                    for pragma in ("table_info", "foreign_key_list", "index_list")
                ]
            )
    assert shapes[0] == shapes[1] == shapes[2]


def test_a_migration_from_version_1_loses_nothing(path: Path) -> None:
    make_v1(path)
    with closing(sqlite3.connect(path)) as connection:
        before = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("jobs", "uploads", "parts")]
    fill(path, 0)
    with closing(sqlite3.connect(path)) as connection:
        after = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("jobs", "uploads", "parts")]
    assert before == after


def _add_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE jobs ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'")


def _fail(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM jobs")
    connection.execute("ALTER TABLE no_such_table ADD COLUMN x TEXT")


def test_older_tables_are_brought_up_step_by_step(path: Path) -> None:
    make_v1(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, {**MIGRATIONS, 2: _add_column}, 3)
        assert version_of(connection) == 3
        assert connection.execute("SELECT id, colour FROM jobs").fetchall() == [("j1", "blue")]
        migrate(connection, {**MIGRATIONS, 2: _fail}, 3)  # up to date: nothing runs
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, {**MIGRATIONS, 2: _add_column}, 3)
        assert connection.execute("SELECT count(*), max(colour) FROM jobs").fetchall() == [(0, None)]


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    make_v1(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, {**MIGRATIONS, 2: _add_column, 3: _fail}, 4)
        assert version_of(connection) == 1
        assert connection.execute("SELECT id FROM jobs").fetchall() == [("j1",)]
        assert "colour" not in {row[1] for row in connection.execute("PRAGMA table_info(jobs)")}


def test_there_is_a_step_from_every_older_version() -> None:
    assert set(MIGRATIONS) == set(range(VERSION))


def test_a_newer_file_is_left_alone_and_told(path: Path) -> None:
    make_v1(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(SettingsInvalid, match="newer version") as caught:
        Journal(path)
    assert "newer" in caught.value.what
    assert path.read_bytes() == before
    assert not path.with_name("state.sqlite3.broken").exists()
    assert not list(path.parent.glob("running/*"))


# Damage


def _garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(50_000))


def _cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for start in range(4096, len(data), 4096):
        data[start : start + 200] = b"\xa5" * 200
    path.write_bytes(data)


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE jobs (pay TEXT)")
        connection.commit()


def _table_lost(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE parts")
        connection.commit()


def _below_zero(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = -5")


@pytest.mark.parametrize("harm", [_garbage, _cut_off, _overwritten, _foreign, _table_lost, _below_zero])
def test_a_damaged_file_is_set_aside_and_told(path: Path, harm) -> None:
    fill(path, 40)
    harm(path)
    harmed = path.read_bytes()
    with Journal(path) as journal:
        assert isinstance(journal.problem, SettingsInvalid)
        assert "state.sqlite3.broken" in journal.problem.what
        assert journal.jobs() == []
        assert journal.save_job(record("new"))
    assert len(path.with_name("state.sqlite3.broken").read_bytes()) == len(harmed)
    with Journal(path) as again:
        assert again.problem is None
        assert [job.id for job in again.jobs()] == ["new"]


def test_the_log_of_a_damaged_file_is_not_played_into_the_new_one(path: Path) -> None:
    """It stays where it is as long as another copy has the file open."""
    fill(path, 40)
    with child(path, "upload") as other:
        other.until("completing")
        assert path.with_name("state.sqlite3-wal").stat().st_size
        _overwritten(path)
        with Journal(path) as journal:
            assert journal.problem is not None
            assert journal.jobs() == []
            assert journal.save_job(record("new"))
        assert path.with_name("state.sqlite3.broken-wal").exists()
    with Journal(path) as again:
        assert again.problem is None
        assert [job.id for job in again.jobs()] == ["new"]


def test_opening_a_second_time_does_not_drop_the_locks_of_the_first(path: Path) -> None:
    """Without them another process takes itself for the last one and deletes the log under our hands."""
    with Journal(path) as first:
        first.save_job(record("before"))
        Journal(path).close()
        with child(path, "open") as other:
            assert other.next() == "opened"
            assert other.next() == ""
        first.save_job(record("after"))
        with child(path, "open") as other:
            assert other.next() == "opened"
            assert other.next() == ""
        assert len(first.jobs()) == 4
    with Journal(path) as again:
        assert len(again.jobs()) == 4


def test_an_empty_file_is_a_new_journal(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with Journal(path) as journal:
        assert journal.problem is None
        assert journal.jobs() == []


def test_a_path_that_cannot_be_a_file_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(SettingsInvalid) as caught:
        Journal(path)
    assert caught.value.subject == str(path)


def test_another_copy_that_holds_the_file_for_long_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(path: Path) -> OpenedDatabase:
        opened = open_database(path)
        opened.connection.execute("PRAGMA busy_timeout = 50")
        return opened

    monkeypatch.setattr(journal_module, "open_database", impatient)
    with Journal(path) as journal:
        journal.save_job(record("j1"))
        log = log_of(journal)
        with closing(sqlite3.connect(path, isolation_level=None)) as hog:
            hog.execute("BEGIN IMMEDIATE")
            with pytest.raises(SettingsInvalid) as caught:
                log.planned(intent())
            assert caught.value.retryable
            assert [job.id for job in journal.jobs()] == ["j1"], "reading goes on"
            hog.execute("ROLLBACK")
        log.planned(intent())


# Full disks


@pytest.fixture
def tight(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """The journal's own connection, whose file may be told to grow no further."""
    opened = open_database(path)
    monkeypatch.setattr(journal_module, "open_database", lambda path: opened)
    yield opened.connection
    opened.connection.close()


def stop_growing(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size instead


def grow_again(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 1000000")


def test_a_full_disk_does_not_break_an_upload_and_says_so_once(
    path: Path, tight: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with Journal(path) as journal:
        journal.save_job(record("j1"))
        log = log_of(journal)
        log.planned(intent())
        log.created("u-1", "CRC32")
        stop_growing(tight)
        for number in range(1, 3001):
            log.part_finished(part(number))
            if number % 500 == 0:
                assert log.earlier() is not None  # makes the journal try
        assert isinstance(journal.problem, DiskFull)
        assert journal.problem.meaning.startswith("What is being sent goes on")
        told = [line for line in caplog.records if "could not be written" in line.message]
        assert len(told) == 1
        grow_again(tight)
        found = log.earlier()
        assert found is not None
        assert found.parts == tuple(part(number) for number in range(1, 3001)), "parts wait for room"
        stop_growing(tight)
        for number in range(3001, 6001):
            log.part_finished(part(number))
        log.earlier()
        assert len([line for line in caplog.records if "could not be written" in line.message]) == 2


def test_a_job_that_cannot_be_saved_is_told_each_time_it_begins(
    path: Path, tight: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    big = {"filler": "x" * 200_000}
    with Journal(path) as journal:
        assert journal.save_job(record("j1"))
        for told in (1, 2):
            stop_growing(tight)
            assert not journal.save_job(record(f"big {told}", plan=big))
            assert not journal.save_job(record(f"big {told}", plan=big))
            assert len([line for line in caplog.records if "could not be written" in line.message]) == told
            grow_again(tight)
            assert journal.save_job(record(f"big {told}", plan=big))


def test_a_full_disk_refuses_before_anything_is_sent(path: Path, tight: sqlite3.Connection) -> None:
    with Journal(path) as journal:
        journal.save_job(record("j1"))
        big = "x" * 200_000
        stop_growing(tight)
        assert not journal.save_job(record("j1", "running", plan={"filler": big}))
        assert isinstance(journal.problem, DiskFull)
        log = journal.part_log("j1", key=big, profile_id="p", endpoint="")
        with pytest.raises(DiskFull) as caught:
            log.planned(intent())
        assert caught.value.meaning == "Nothing was published."
        grow_again(tight)
        log.planned(intent())
        stop_growing(tight)
        with pytest.raises(DiskFull):
            log.created(big, "CRC32")
        log.completing()
        log.ended(completed=True)
        job = journal.job("j1")
        assert job is not None
        assert job.state == "queued"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 640 kB; needs the rights to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=640k", "none", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    with Journal(small_disk / "state.sqlite3") as journal:
        journal.save_job(record("j1"))
        log = log_of(journal)
        log.planned(intent())
        log.created("u-1", "CRC32")
        free = os.statvfs(small_disk)
        (small_disk / "film.part").write_bytes(b"x" * (free.f_bavail * free.f_frsize - 8192))
        for number in range(1, 5001):
            log.part_finished(part(number))
        assert log.earlier() is not None
        assert isinstance(journal.problem, DiskFull)
        with pytest.raises(DiskFull) as caught:
            log.planned(intent(mark="again" * 5000))
        assert caught.value.code.startswith("SQLITE_")
        (small_disk / "film.part").unlink()
        found = log.earlier()
        assert found is not None
        assert found.upload_id == "u-1"
        assert len(found.parts) == 5000
        log.ended(completed=True)
        assert journal.save_job(record("j1", "published"))
    with Journal(small_disk / "state.sqlite3") as journal:
        assert journal.problem is None
        job = journal.job("j1")
        assert job is not None
        assert job.state == "published"
