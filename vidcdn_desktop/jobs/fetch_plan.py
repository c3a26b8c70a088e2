"""Which objects come down to which files, when all below some prefixes is downloaded.

Keys are untrusted: each part of one becomes a safe name, so that nothing leaves the chosen folder. Keys that would meet
under one name on some computer (twins that differ by case only, an object and a folder of the same name) get a number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.storage.port import ObjectRef, ObjectSummary
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import free_file_name, plural, safe_file_name

NO_FILE = "Its name ends with a slash, so no file can have it."


@dataclass(frozen=True)
class FileToFetch:
    """One object and its place below the chosen folder."""

    ref: ObjectRef
    size: int
    """Bytes, as the listing says; 0 for one that was named itself."""
    folder: tuple[str, ...]
    """Safe names of the folders it lies in."""
    name: str
    """Safe."""


@dataclass(frozen=True)
class FetchPlan:
    """What comes down."""

    files: tuple[FileToFetch, ...]
    """In the order of their keys."""
    left_alone: tuple[tuple[str, str], ...] = ()
    """Keys that cannot be files, and why."""
    folders: tuple[tuple[str, ...], ...] = ()
    """Folders of the bucket that are there as an object of their own; they may be empty."""

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(file.size for file in self.files)


class SafeTree:
    """Gives out names below one folder, each once, whatever the letters' case. The same calls give the same names."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[str, ...]] = {}
        """By the prefix they stand for."""
        self._taken: dict[tuple[str, ...], set[str]] = {}

    def top(self, prefix: str, name: str) -> None:
        """Say under which name all below a prefix lies."""
        if prefix not in self._folders:
            self._folders[prefix] = (self._claim((), name, "folder"),)

    def folder(self, top: str, prefix: str) -> tuple[str, ...]:
        """The folder of a prefix below a top."""
        found = self._folders.get(prefix)
        if found is None:
            above, slash, last = prefix[:-1].rpartition("/")
            parent = self.folder(top, max(above + slash, top, key=len))
            found = self._folders[prefix] = (*parent, self._claim(parent, last, "folder"))
        return found

    def file(self, folder: tuple[str, ...], name: str) -> str:
        """The name of a file."""
        return self._claim(folder, name, "download")

    def _claim(self, folder: tuple[str, ...], name: str, fallback: str) -> str:
        taken = self._taken.setdefault(folder, set())
        free = free_file_name(safe_file_name(name, fallback), lambda candidate: _folded(candidate) in taken)
        taken.add(_folded(free))
        return free


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def plan_fetch(
    connection: Connection,
    wishes: Sequence[ObjectRef],
    *,
    token: CancelToken,
    weather: Weather | None = None,
    on_found: Callable[[int], None] = lambda _count: None,
) -> FetchPlan:
    """List what is wished and give each object its place. Blocks; writes nothing.

    Args:
        connection: Through which it is listed.
        wishes: Objects, and prefixes (a key that ends with / or is empty) for all below them.
        token: Ends it early.
        weather: How long to put up with faults.
        on_found: Told how many objects were found so far.

    Raises: Cancelled. What the store raises.
    """
    tree = SafeTree()
    files: list[FileToFetch] = []
    left: list[tuple[str, str]] = []
    folders: list[tuple[str, ...]] = []
    for ref in sorted(set(wishes), key=lambda wish: (is_prefix(wish), wish.key)):
        if not is_prefix(ref):
            files.append(FileToFetch(ref, 0, (), tree.file((), ref.key.rpartition("/")[2])))
            continue
        top = ref.key
        tree.top(top, top.rstrip("/").rpartition("/")[2] or ref.bucket)
        found: list[ObjectSummary] = []
        for page in connection.storage.list_pages(ref.bucket, top, token=token, weather=weather):
            found += page.rows()
            on_found(len(files) + len(found))
        for row in sorted(found, key=lambda row: row.key):
            token.raise_if_cancelled()
            folder = tree.folder(top, row.key[: row.key.rfind("/") + 1] if "/" in row.key[len(top) :] else top)
            if not row.key.endswith("/") and row.key != top:
                name = tree.file(folder, row.key.rpartition("/")[2])
                files.append(FileToFetch(ObjectRef(ref.bucket, row.key), row.size, folder, name))
            elif row.size:
                left.append((row.key, NO_FILE))
            else:
                folders.append(folder)
    unique = {file.ref.key: file for file in reversed(files)}
    return FetchPlan(tuple(unique[key] for key in sorted(unique)), tuple(left), tuple(folders))


def is_prefix(ref: ObjectRef) -> bool:
    """Whether a wish stands for all below it."""
    return not ref.key or ref.key.endswith("/")


def title_of(wishes: Sequence[ObjectRef]) -> str:
    """What is wished, in few words: "films/", or "2 folders and 3 files"."""
    if len(wishes) == 1 and is_prefix(wishes[0]):
        key = wishes[0].key
        return f"{key.rstrip('/').rpartition('/')[2]}/" if key else f"all of {wishes[0].bucket}"
    folders = sum(is_prefix(wish) for wish in wishes)
    files = len(wishes) - folders
    parts = [plural(folders, "folder")] if folders else []
    return " and ".join([*parts, *([plural(files, "file")] if files else [])])
