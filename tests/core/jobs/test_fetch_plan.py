"""Where objects of any name come down to: never outside the chosen folder, never two to one file."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.fetch_plan import NO_FILE, FetchPlan, plan_fetch, title_of
from vidcdn_desktop.storage.port import ObjectRef, ObjectSummary

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def plan(keys: Sequence[str], *wishes: str, size: int = 1) -> FetchPlan:
    """The plan for a bucket that holds these keys; markers of folders are empty."""

    def pages(_bucket: str, prefix: str, **_rest: object) -> list[SimpleNamespace]:
        rows = [ObjectSummary(k, 0 if k.endswith("/") else size, "e", NOW, "STANDARD") for k in keys]
        return [SimpleNamespace(rows=lambda: [row for row in rows if row.key.startswith(prefix)])]

    connection = SimpleNamespace(storage=SimpleNamespace(list_pages=pages))
    refs = [ObjectRef("bucket", wish) for wish in wishes]
    return plan_fetch(cast("Connection", connection), refs, token=CancelToken())


def places(found: FetchPlan) -> dict[str, str]:
    return {file.ref.key: "/".join((*file.folder, file.name)) for file in found.files}


def assert_safe(found: FetchPlan) -> None:
    """Below the folder, and no two where a system folds case or composes letters."""
    seen: set[str] = set()
    folders: set[str] = set()
    for file in found.files:
        parts = (*file.folder, file.name)
        for part in parts:
            assert part not in ("", ".", "..")
            assert not set(part) & set('/\\:<>"|?*\0\n'), part
            assert part == part.rstrip(" .")
        whole = "/".join(parts)
        assert Path("/chosen", whole).resolve().is_relative_to("/chosen")
        seen.add(folded(whole))
        folders |= {folded("/".join(parts[:depth])) for depth in range(1, len(parts))}
    assert len(seen) == len(found.files)
    assert not seen & folders, "a file stands where a folder must be"


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def test_a_folder_comes_down_under_its_own_name() -> None:
    found = plan(["a/films/1.mp4", "a/films/day 1/2.mp4", "a/films/day 1/", "a/films/", "a/other.mp4"], "a/films/")
    assert places(found) == {"a/films/1.mp4": "films/1.mp4", "a/films/day 1/2.mp4": "films/day 1/2.mp4"}
    assert found.folders == (("films",), ("films", "day 1"))
    assert found.total_bytes == 2


def test_the_whole_bucket_has_the_name_of_the_bucket() -> None:
    assert places(plan(["x.mp4", "a/y.mp4"], "")) == {"x.mp4": "bucket/x.mp4", "a/y.mp4": "bucket/a/y.mp4"}


def test_objects_and_folders_of_one_name_do_not_meet() -> None:
    found = plan(["one/films/x", "two/films/x", "three/films"], "one/films/", "two/films/", "three/films")
    assert places(found) == {"three/films": "films", "one/films/x": "films (2)/x", "two/films/x": "films (3)/x"}
    assert_safe(found)


HURTING = [
    "f/../../etc/passwd",
    "f//abs",
    "f/..",
    "f/./x",
    "f/A.mp4",
    "f/a.mp4",
    "f/a.MP4",
    "f/dir",
    "f/dir/x",
    "f/Dir/x",
    "f/x.",
    "f/x",
    "f/x ",
    "f/con",
    "f/aux.txt/b",
    "f/tab\tand\nline",
    "f/turn\u202eexe.mp4",
    "f/c:\\windows\\x",
    "f/x/y\\..\\..\\z",
    "f/e\u0301.mp4",
    "f/\u00e9.mp4",
    "f/" + "long" * 200 + ".mp4",
    "f/" + "long" * 200 + "er.mp4",
    "f/a%2Fb",
    "f/\x00nul",
    "f/~/x",
    "f/.hidden",
]


@pytest.mark.parametrize("wish", ["f/", ""])
def test_names_that_hurt_stay_inside_and_apart(wish: str) -> None:
    found = plan(HURTING, wish)
    assert len(found.files) == len(HURTING)
    assert_safe(found)
    assert places(plan(list(reversed(HURTING)), wish)) == places(found), "the same every time, so that it goes on"


@settings(deadline=None)
@given(st.lists(st.text("aA/.\\ :\u0301e\n", min_size=1, max_size=9), max_size=12, unique=True))
def test_any_names_stay_inside_and_apart(keys: list[str]) -> None:
    found = plan(keys, "")
    assert len(found.files) + len(found.folders) + len(found.left_alone) == len(keys)
    assert_safe(found)


def test_bytes_under_the_name_of_a_folder_are_told() -> None:
    keys = [ObjectSummary("f/x/", 3, "e", NOW, "STANDARD")]
    storage = SimpleNamespace(list_pages=lambda *_a, **_k: [SimpleNamespace(rows=lambda: keys)])
    connection = cast("Connection", SimpleNamespace(storage=storage))
    found = plan_fetch(connection, [ObjectRef("bucket", "f/")], token=CancelToken())
    assert found.left_alone == (("f/x/", NO_FILE),)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [(["a/films/"], "films/"), ([""], "all of bucket"), (["a/", "b"], "1 folder and 1 file"), (["b"], "1 file")],
)
def test_what_is_wished_in_few_words(wishes: list[str], words: str) -> None:
    assert title_of([ObjectRef("bucket", wish) for wish in wishes]) == words
