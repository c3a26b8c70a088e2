"""Before files are put: which names are taken, and what is done about those; which videos would start slowly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, ObjectNotFound, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.jobs.put_plan import FileToPut, LeftAlone, PutPlan, plan_put
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.media.layout import decide
from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import free_file_name

_FEW = 64
"""So many names are asked for one by one; for more of them the place is listed once."""
_ASKING = 8
_MOST_SERVED = 100
"""Names of which it is worked out whether a CDN serves them; the others lie beside them."""
_MOST_LOOKED_AT = 200
"""Videos of which the start is looked at; that there are slow ones among more is no news then."""

EXISTS = "There is already an object under this name; it stays as it is."


class OnTaken(Enum):
    """What is done with a file whose name is taken."""

    SKIP = "skip"
    KEEP_BOTH = "keep both"
    """It gets a new name: "film (2).mp4"."""
    REPLACE = "replace"
    """It takes the place of the object that was seen, and of no other."""


@dataclass(frozen=True)
class Taken:
    """A name that is taken."""

    etag: str
    size: int
    other_key: str
    """The next free name in the same folder."""


@dataclass(frozen=True)
class Intake:
    """All that is known of files before they are put."""

    plan: PutPlan
    taken: Mapping[str, Taken] = field(default_factory=dict)
    """By key."""
    unseen: bool = False
    """It may not be asked which names are taken; nothing is replaced then."""
    slow: tuple[Path, ...] = ()
    """Videos that would start slowly for viewers, and could be made to start at once."""
    serves: bool = False
    """Whether a CDN serves names that are taken."""
    versioned: bool | None = None
    """Whether the bucket keeps what is replaced; None: not asked, or it may not be asked."""

    def chosen(self, choice: OnTaken) -> PutPlan:
        """The plan with the names as they will be."""
        files: list[FileToPut] = []
        left = list(self.plan.left_alone)
        for file in self.plan.files:
            taken = self.taken.get(file.ref.key)
            if taken is None:
                files.append(file)
            elif choice is OnTaken.REPLACE:
                files.append(replace(file, replaces=taken.etag))
            elif choice is OnTaken.KEEP_BOTH:
                files.append(replace(file, ref=ObjectRef(file.ref.bucket, taken.other_key)))
            else:
                left.append(LeftAlone(file.path, EXISTS))
        return PutPlan(tuple(sorted(files, key=lambda f: f.ref.key)), tuple(left))

    def without(self, paths: Iterable[Path]) -> Intake:
        """The same without some of the files."""
        gone = set(paths)
        files = tuple(file for file in self.plan.files if file.path not in gone)
        keys = {file.ref.key for file in files}
        taken = {key: found for key, found in self.taken.items() if key in keys}
        slow = tuple(path for path in self.slow if path not in gone)
        return replace(self, plan=replace(self.plan, files=files), taken=taken, slow=slow)


def look_at(
    connection: Connection,
    paths: Sequence[Path],
    prefix: str,
    *,
    token: CancelToken,
    on_found: Callable[[int], None] = lambda _count: None,
) -> Intake:
    """Look at files and at the place they are to go to. Blocks; sends and changes nothing.

    Args:
        connection: Through which they will go.
        paths: Files and folders.
        prefix: Before every key.
        token: Ends it early.
        on_found: Told how many files were found.

    Raises: Cancelled. What the store raises.
    """
    plan = plan_put(paths, connection.profile.bucket, prefix, token)
    on_found(len(plan.files))
    try:
        taken = _find_taken(connection, plan, token)
    except AccessDenied:
        return Intake(plan, unseen=True, slow=slow_starters(plan, token))
    if not taken:
        return Intake(plan, slow=slow_starters(plan, token))
    serves = bool(connection.domains_of(list(taken)[:_MOST_SERVED]))
    versioned = object_calls(connection, token).versioning(connection.profile.bucket)
    return Intake(plan, taken, slow=slow_starters(plan, token), serves=serves, versioned=versioned)


def _find_taken(connection: Connection, plan: PutPlan, token: CancelToken) -> dict[str, Taken]:
    if not plan.files:
        return {}
    is_listed = len(plan.files) > _FEW
    names = {file.ref.key for file in plan.files}
    found = _listed(connection, plan, token, names) if is_listed else _asked(connection, plan, token)
    taken = {}
    for key in sorted(found):
        token.raise_if_cancelled()
        etag, size = found[key]
        other = _free_key(key, names, None if is_listed else connection)
        names.add(other)
        taken[key] = Taken(etag, size, other)
    return taken


def _asked(connection: Connection, plan: PutPlan, token: CancelToken) -> dict[str, tuple[str, int]]:
    """ETag and size of the objects that have one of the names, by key, each asked for."""

    def look(file: FileToPut) -> tuple[str, int] | None:
        token.raise_if_cancelled()
        try:
            stored = connection.storage.head(file.ref)
        except ObjectNotFound:
            return None
        return stored.etag, stored.size

    with ThreadPoolExecutor(_ASKING, "upload-look") as threads:
        answers = threads.map(look, plan.files)
        return {f.ref.key: answer for f, answer in zip(plan.files, answers, strict=True) if answer is not None}


def _listed(connection: Connection, plan: PutPlan, token: CancelToken, names: set[str]) -> dict[str, tuple[str, int]]:
    """The same from one listing; every name that was seen goes to `names`, too."""
    keys = frozenset(names)
    first, last = plan.files[0].ref.key, plan.files[-1].ref.key
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    found = {}
    for page in connection.storage.list_pages(plan.files[0].ref.bucket, first[:shared], token=token):
        names.update(page.keys)
        for row in page.rows():
            if row.key in keys:
                found[row.key] = (row.etag, row.size)
    return found


def _free_key(key: str, names: set[str], connection: Connection | None) -> str:
    """The next free name beside a key; without a connection `names` are all there are."""
    folder, slash, name = key.rpartition("/")

    def is_taken(candidate: str) -> bool:
        full = f"{folder}{slash}{candidate}"
        if full in names or connection is None:
            return full in names
        try:
            connection.storage.head(ObjectRef(connection.profile.bucket, full))
        except ObjectNotFound:
            return False
        return True

    return f"{folder}{slash}{free_file_name(name, is_taken)}"


def slow_starters(plan: PutPlan, token: CancelToken) -> tuple[Path, ...]:
    """The videos of a plan whose index stands at the end and could stand in front. Reads boxes and the index only.

    Raises: Cancelled.
    """
    found = []
    videos = [file for file in plan.files if kind_of(file.ref.key) == "Video"]
    for file in videos[:_MOST_LOOKED_AT]:
        token.raise_if_cancelled()
        try:
            with FileSource(file.path) as source:
                if decide(source).report.layout is Layout.NEEDS:
                    found.append(file.path)
        except VidcdnError:  # told when it is sent, if it still is so then
            continue
    return tuple(found)
