"""Settings survive damage, other versions and a full disk."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vidcdn_desktop import paths
from vidcdn_desktop.errors import DiskFull, SettingsInvalid
from vidcdn_desktop.settings import (
    VERSION,
    Settings,
    load_settings,
    migrate,
    read_json_file,
    save_settings,
    settings_from_json,
    write_json_file,
)


def _file() -> Path:
    return paths.config_dir() / "settings.json"


def test_without_a_file_the_defaults_hold_and_nothing_is_told() -> None:
    told: list[str] = []
    assert load_settings(told.append) == Settings()
    assert told == []


def test_settings_come_back_as_saved() -> None:
    mine = Settings(
        appearance="dark", parallel_parts=3, speed_limit_bytes_per_s=1_000_000, prefix="films/é", confirm_delete=False
    )
    save_settings(mine)
    assert load_settings() == mine


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps files private by folder")
def test_the_file_is_for_the_user_alone() -> None:
    save_settings(Settings())
    assert stat.S_IMODE(_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(_file().parent.stat().st_mode) == 0o700


def test_fields_of_another_version_are_kept() -> None:
    _file().write_text(json.dumps({"version": VERSION + 3, "appearance": "light", "hologram": {"depth": 4}}), "utf-8")
    loaded = load_settings()
    assert loaded.appearance == "light"
    save_settings(replace(loaded, appearance="dark"))
    written = json.loads(_file().read_text("utf-8"))
    assert written["hologram"] == {"depth": 4}
    assert written["version"] == VERSION + 3
    assert written["appearance"] == "dark"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"\xff\xfe", b'"text"', b"[" * 100_000, b'{"a": "' + b"x" * 1_100_000 + b'"}'],
    ids=["empty", "cut off", "a list", "no text", "a string", "too deep", "too large"],
)
def test_a_damaged_file_is_set_aside_and_told(raw: bytes) -> None:
    _file().write_bytes(raw)
    told: list[str] = []
    assert load_settings(told.append) == Settings()
    assert len(told) == 1
    assert "settings.json.broken" in told[0]
    assert not _file().exists()
    assert _file().with_name("settings.json.broken").read_bytes() == raw
    save_settings(Settings(appearance="dark"))
    assert load_settings().appearance == "dark"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appearance", "pink"),
        ("parallel_parts", 0),
        ("parallel_parts", 33),
        ("parallel_parts", True),
        ("parallel_parts", "8"),
        ("speed_limit_bytes_per_s", 0),
        ("speed_limit_bytes_per_s", -1),
        ("prefix", "/videos"),
        ("prefix", "a\nb"),
        ("ffmpeg_path", 5),
        ("confirm_delete", "yes"),
        ("last_connection", None),
    ],
)
def test_a_senseless_value_falls_back_alone(name: str, value: Any) -> None:
    told: list[str] = []
    loaded = settings_from_json({"version": 1, "appearance": "dark", name: value}, told.append)
    assert getattr(loaded, name) == getattr(Settings(), name)
    assert len(told) == 1
    assert name in told[0]
    if name != "appearance":
        assert loaded.appearance == "dark"


def test_migrations_run_in_order_and_change_nothing_they_are_given() -> None:
    old = {"colour": "dark"}
    steps = {
        0: lambda d: {**d, "version": 1},
        1: lambda d: {"version": 2, "appearance": d["colour"]},
    }
    assert migrate(old, steps, 2) == {"version": 2, "appearance": "dark"}
    assert old == {"colour": "dark"}
    assert migrate({"version": 1, "colour": "light"}, steps, 2) == {"version": 2, "appearance": "light"}
    assert migrate({"version": 7, "x": 1}, steps, 2) == {"version": 7, "x": 1}


@pytest.mark.parametrize("version", [None, "1", -4, 1.5, True])
def test_a_senseless_version_is_taken_for_the_oldest(version: Any) -> None:
    assert migrate({"version": version, "appearance": "dark"}) == {"version": VERSION, "appearance": "dark"}


def test_a_failed_save_leaves_the_old_file_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    save_settings(Settings(appearance="dark"))

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull) as caught:
        save_settings(Settings(appearance="light"))
    assert "settings.json" in caught.value.what
    assert load_settings().appearance == "dark"
    assert [p.name for p in _file().parent.iterdir()] == ["settings.json"]


def test_a_folder_in_the_way_is_told_in_words() -> None:
    _file().mkdir(parents=True)
    told: list[str] = []
    assert load_settings(told.append) == Settings()
    assert told
    assert "settings.json" in told[0]
    with pytest.raises(SettingsInvalid):
        save_settings(Settings())


def test_a_link_laid_in_the_way_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", "utf-8")
    target = tmp_path / "file.json"
    target.symlink_to(victim)
    write_json_file(target, {"a": 1})
    assert victim.read_text("utf-8") == "mine"
    assert not target.is_symlink()


def test_text_that_is_no_unicode_survives(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    write_json_file(path, {"ffmpeg_path": "/opt/\udc80/ffmpeg"})
    assert read_json_file(path) == {"ffmpeg_path": "/opt/\udc80/ffmpeg"}
