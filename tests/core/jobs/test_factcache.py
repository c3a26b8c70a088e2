"""What is remembered of videos: by state, bounded, across processes, and never a reason to fail."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from vidcdn_desktop import paths
from vidcdn_desktop.jobs import factcache
from vidcdn_desktop.jobs.factcache import FactCache, ObjectState
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.media.info import Layout

STORE = "http://127.0.0.1:9"
FACTS = VideoFacts(Layout.NEEDS, IndexPlace.END, "Why.", proved=True, is_film=True, duration_s=61.5, video_codec="h264")
FILM = ObjectState("films/Été à la mer.mov", "abc-2", 1234)


def recall(cache: FactCache, *states: ObjectState) -> dict[str, VideoFacts]:
    return cache.recall(STORE, "bucket", states)


def test_facts_are_there_in_the_next_run() -> None:
    with FactCache() as cache:
        cache.keep(STORE, "bucket", FILM, FACTS)
    with FactCache() as cache:
        assert recall(cache, FILM) == {FILM.key: FACTS}
    assert (paths.cache_dir() / "facts.sqlite").is_file()


def test_only_of_the_very_same_state(tmp_path: Path) -> None:
    with FactCache(tmp_path / "f") as cache:
        cache.keep(STORE, "bucket", FILM, FACTS)
        assert recall(cache, replace(FILM, etag="other")) == {}
        assert recall(cache, replace(FILM, size=1)) == {}
        assert recall(cache, replace(FILM, key="films/other.mov")) == {}
        assert cache.recall("http://elsewhere", "bucket", [FILM]) == {}
        assert cache.recall(STORE, "bucket-2", [FILM]) == {}
        cache.keep(STORE, "bucket", replace(FILM, etag="new"), replace(FACTS, place=IndexPlace.FRONT))
        assert recall(cache, FILM) == {}, "the old state takes no room"
        assert recall(cache, replace(FILM, etag="new"))[FILM.key].place is IndexPlace.FRONT


def test_without_an_etag_nothing_is_remembered(tmp_path: Path) -> None:
    with FactCache(tmp_path / "f") as cache:
        cache.keep(STORE, "bucket", replace(FILM, etag=""), FACTS)
        assert recall(cache, replace(FILM, etag="")) == {}


def test_any_key_and_any_number_of_them(tmp_path: Path) -> None:
    states = [ObjectState(f"{n}/\udce9 '%_\"\n{n}.mp4", f"e{n}", n) for n in range(1500)]
    with FactCache(tmp_path / "f") as cache:
        for state in states:
            cache.keep(STORE, "bucket", state, FACTS)
        assert set(recall(cache, *states)) == {state.key for state in states}


def test_beyond_the_limit_the_unused_go_first(tmp_path: Path) -> None:
    now = [0.0]
    states = [ObjectState(f"{n}.mp4", "e", n) for n in range(130)]
    with FactCache(tmp_path / "f", rows=64, now=lambda: now[0]) as cache:
        for state in states[:64]:
            cache.keep(STORE, "bucket", state, FACTS)
        now[0] = 10 * 86_400.0
        assert len(recall(cache, *states[:10])) == 10, "used again"
        for state in states[64:90]:
            cache.keep(STORE, "bucket", state, FACTS)
        kept = set(recall(cache, *states))
        assert len(kept) <= 64
        assert {state.key for state in states[:10]} <= kept
        assert {state.key for state in states[64:90]} <= kept
        for state in states:
            cache.keep(STORE, "bucket", state, FACTS)
        assert len(recall(cache, *states)) <= 64
    db = sqlite3.connect(tmp_path / "f")
    assert db.execute("SELECT count(*) FROM facts").fetchone()[0] <= 64
    db.close()


def test_replacing_one_row_evicts_nothing(tmp_path: Path) -> None:
    states = [ObjectState(f"{n}.mp4", "e", n) for n in range(64)]
    with FactCache(tmp_path / "f", rows=64) as cache:
        for state in states:
            cache.keep(STORE, "bucket", state, FACTS)
        for _ in range(200):
            cache.keep(STORE, "bucket", states[0], FACTS)
        assert len(recall(cache, *states)) == 64


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be read as one" * 99, bytes(5000)])
def test_a_file_that_is_no_database_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with FactCache(tmp_path / "f") as cache:
        assert recall(cache, FILM) == {}
        cache.keep(STORE, "bucket", FILM, FACTS)
    with FactCache(tmp_path / "f") as cache:
        assert recall(cache, FILM) == {FILM.key: FACTS}


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_no_failure(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    path = tmp_path / "f"
    states = [ObjectState(f"{n}.mp4", "e", n) for n in range(300)]
    with FactCache(path) as cache:
        for state in states:
            cache.keep(STORE, "bucket", state, FACTS)
    data = bytearray(path.read_bytes())
    for _ in range(dice.choice((1, 20, 2000))):
        data[dice.randrange(len(data))] = dice.randrange(256)
    path.write_bytes(data[: dice.choice((len(data), dice.randrange(len(data))))])
    with FactCache(path) as cache:
        assert all(facts == FACTS for facts in recall(cache, *states).values())
        cache.keep(STORE, "bucket", FILM, FACTS)
        assert all(facts == FACTS for facts in recall(cache, *states).values())
    with FactCache(path) as cache:
        for state in states:
            cache.keep(STORE, "bucket", state, FACTS)
            assert all(facts == FACTS for facts in recall(cache, state).values())


def test_a_table_of_another_version_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FactCache(tmp_path / "f") as cache:
        cache.keep(STORE, "bucket", FILM, FACTS)
    monkeypatch.setattr(factcache, "VERSION", 99)
    with FactCache(tmp_path / "f") as cache:
        assert recall(cache, FILM) == {}
        cache.keep(STORE, "bucket", FILM, FACTS)
        assert recall(cache, FILM) == {FILM.key: FACTS}


def test_a_table_of_another_program_is_replaced(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "f")
    db.execute("CREATE TABLE facts (a)")
    db.execute(f"PRAGMA user_version = {factcache.VERSION}")
    db.close()
    with FactCache(tmp_path / "f") as cache:
        cache.keep(STORE, "bucket", FILM, FACTS)
        assert recall(cache, FILM) == {FILM.key: FACTS}


def test_where_nothing_can_be_written_it_is_remembered_in_memory(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with FactCache(tmp_path / "f") as cache:
        cache.keep(STORE, "bucket", FILM, FACTS)
        assert recall(cache, FILM) == {FILM.key: FACTS}
    cache.close()
    assert recall(cache, FILM) == {}, "closed"


def test_two_copies_and_many_threads_share_it(tmp_path: Path) -> None:
    states = [ObjectState(f"{n}.mp4", "e", n) for n in range(200)]
    with FactCache(tmp_path / "f") as one, FactCache(tmp_path / "f") as two:

        def write(cache: FactCache, part: int) -> None:
            for state in states[part::4]:
                cache.keep(STORE, "bucket", state, FACTS)

        threads = [threading.Thread(target=write, args=((one, two)[n % 2], n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(recall(one, *states)) == len(recall(two, *states)) == 200


_KILLED = """
import os, sys
from pathlib import Path
from vidcdn_desktop.jobs.factcache import FactCache, ObjectState
from vidcdn_desktop.media.glance_model import facts_from_json
import json
cache = FactCache(Path(sys.argv[1]))
cache.keep(sys.argv[2], "bucket", ObjectState(sys.argv[3], "abc-2", 1234), facts_from_json(json.loads(sys.argv[4])))
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_facts_outlive_a_killed_process(tmp_path: Path) -> None:
    import json

    command = [sys.executable, "-c", _KILLED, str(tmp_path / "f"), STORE, FILM.key, json.dumps(FACTS.to_json())]
    assert subprocess.run(command, check=False).returncode == -9
    with FactCache(tmp_path / "f") as cache:
        assert recall(cache, FILM) == {FILM.key: FACTS}
