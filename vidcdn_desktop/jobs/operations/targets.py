"""Which objects are meant, and where each of them goes."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, ObjectNotFound, SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.model import Item, Kind
from vidcdn_desktop.storage.port import ObjectRef

MAX_KEY_BYTES = 1024
"""Source: Amazon S3 User Guide, "Naming Amazon S3 objects"."""

_FEW = 64
"""So many names are looked at one by one; more are listed."""

_LOOKING = 8
_NOTHING = "Nothing was changed."


@dataclass(frozen=True)
class Source:
    """An object, a version of one, or all below a prefix."""

    ref: ObjectRef
    etag: str = ""
    """Of the object the user was told about; empty: whatever is there when it is planned."""
    size: int = 0
    version_id: str = ""
    is_prefix: bool = False
    """`ref.key` is a prefix, which may be empty: all objects whose keys begin with it are meant."""


def expand(
    connection: Connection,
    sources: Sequence[Source],
    destination: ObjectRef | None,
    token: CancelToken,
    on_found: Callable[[int], None] = lambda _count: None,
) -> list[Item]:
    """The objects that are meant, none twice, each with its target if there is a destination. Blocks.

    A destination that is empty or ends in / is a folder: an object keeps the last part of its name in it, and what is
    below a prefix keeps what follows the prefix (of several prefixes, the last part of the prefix, too). Else it is
    the new name, or the new prefix.

    Raises: SettingsInvalid: two objects would get the same name, or the name makes no sense. Cancelled. What listing
        raises.
    """
    into_folder = destination is not None and (not destination.key or destination.key.endswith("/"))
    if destination is not None and len(sources) > 1 and not into_folder:
        raise SettingsInvalid(
            "Several objects cannot get one name.",
            _NOTHING,
            "Name a folder that ends in / as the destination.",
            subject=str(destination),
        )
    items: list[Item] = []
    seen: set[tuple[ObjectRef, str]] = set()
    for source in sources:
        for found in _below(connection, source, token) if source.is_prefix else iter([_item(source)]):
            if (found.ref, found.version_id) in seen:
                continue
            seen.add((found.ref, found.version_id))
            target = None
            if destination is not None:
                target = _target(source, found.ref, destination, keep_folder=len(sources) > 1)
            items.append(replace(found, number=len(items) + 1, target=target))
        on_found(len(items))
    if destination is not None:
        _check_targets(items)
    return items


def _item(source: Source) -> Item:
    return Item(0, source.ref, source.size, source.etag, source.version_id)


def _below(connection: Connection, source: Source, token: CancelToken) -> Iterator[Item]:
    bucket, page_token = source.ref.bucket, ""
    while True:
        token.raise_if_cancelled()
        page = connection.storage.list_page(bucket, source.ref.key, delimiter="", token=page_token)
        for found in page.objects:
            yield Item(0, ObjectRef(bucket, found.key), found.size, found.etag)
        page_token = page.next_token
        if not page_token:
            return


def _target(source: Source, ref: ObjectRef, destination: ObjectRef, *, keep_folder: bool) -> ObjectRef:
    folder = destination.key
    if not source.is_prefix:
        is_folder = not folder or folder.endswith("/")
        name = ref.key.removesuffix("/").rpartition("/")[2] + ("/" if ref.key.endswith("/") else "")
        return ObjectRef(destination.bucket, folder + name if is_folder else folder)
    if source.ref.key.endswith("/") and folder and not folder.endswith("/"):
        folder += "/"
    rest = ref.key[len(source.ref.key) :]
    if keep_folder:
        rest = source.ref.key.removesuffix("/").rpartition("/")[2] + "/" + rest
    return ObjectRef(destination.bucket, folder + rest)


def _check_targets(items: Sequence[Item]) -> None:
    """Refuse what could lose an object: two that get one name, one that gets the name of another that is to go."""
    sources = {item.ref for item in items}
    targets: set[ObjectRef] = set()
    for item in items:
        target = item.target
        assert target is not None
        problem = ""
        if not target.key:
            problem = "The new name is empty."
        elif len(target.key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
            problem = f"The new name is longer than {MAX_KEY_BYTES:,} bytes."
        elif target == item.ref:
            problem = "The new name is the old one."
        elif target in targets:
            problem = "Two objects would get the same name."
        elif target in sources:
            problem = "The new name is that of another object that is to go somewhere else."
        if problem:
            raise SettingsInvalid(problem, _NOTHING, "Choose another destination.", subject=str(target))
        targets.add(target)


def find_taken(connection: Connection, items: Sequence[Item], token: CancelToken) -> set[ObjectRef]:
    """Targets under which there is an object already. Blocks.

    Raises: Cancelled. What looking raises.
    """
    targets = [item.target for item in items if item.target is not None]
    prefix = os.path.commonprefix([t.key for t in targets]).rpartition("/")[0]  # noqa: RUF071 - of keys, not of paths
    if len(targets) <= _FEW or not prefix:
        return _looked_at(connection, targets, token)
    wanted = set(targets)
    try:
        found = _below(connection, Source(ObjectRef(targets[0].bucket, f"{prefix}/"), is_prefix=True), token)
        return {item.ref for item in found if item.ref in wanted}
    except AccessDenied:
        return _looked_at(connection, targets, token)


def _looked_at(connection: Connection, targets: Sequence[ObjectRef], token: CancelToken) -> set[ObjectRef]:
    def exists(ref: ObjectRef) -> bool:
        token.raise_if_cancelled()
        try:
            connection.storage.head(ref)
        except ObjectNotFound:
            return False
        return True

    with ThreadPoolExecutor(_LOOKING, thread_name_prefix="look") as pool:
        return {ref for ref, there in zip(targets, pool.map(exists, targets), strict=True) if there}


def title_of(kind: Kind, sources: Sequence[Source]) -> str:
    """What the operation is about, in few words."""
    if len(sources) != 1:
        return f"{len(sources):,} objects"
    source = sources[0]
    if source.is_prefix:
        return f"all below {source.ref.key}" if source.ref.key else f"all of {source.ref.bucket}"
    name = source.ref.key.rstrip("/").rpartition("/")[2] or source.ref.key
    return f"{name} (a version)" if kind is Kind.VERSION else name
