"""What a folder had: versions that were replaced, and objects that were deleted. Listed only when somebody asks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.listing_model import ListedVersion
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.weather import Weather

MOST_VERSIONS = 20_000
"""Versions that are read before it is left at that: twenty requests."""

ALL = sys.maxsize
"""In place of a number of versions: all of them are read."""


@dataclass(frozen=True, slots=True)
class Former:
    """An object that was deleted, or an older version of one."""

    version: ListedVersion
    """The delete marker, or the older version."""
    below: ListedVersion | None = None
    """Of a delete marker: the version that comes back."""

    @property
    def is_deleted(self) -> bool:
        """Whether the object is gone, and this is the mark it left."""
        return self.version.is_marker

    @property
    def size(self) -> int:
        """Bytes of what would be there again."""
        return self.below.size if self.below is not None else self.version.size

    def source(self, bucket: str) -> Source:
        """What an operation is told that brings it back.

        Of what was deleted the ETag is that of the version below; of an older version the operation looks itself.
        """
        found = self.below or self.version
        etag = found.etag if self.is_deleted else ""
        return Source(ObjectRef(bucket, found.key), etag, found.size, found.version_id)


@dataclass(frozen=True)
class FormerPage:
    """What one page of the listing brought."""

    found: tuple[Former, ...]
    read: int
    """Versions read so far, also those that are served now."""
    is_cut: bool = False
    """There is more, but it is left at that."""


def former_objects(
    connection: Connection, prefix: str, *, below: bool = False, token: CancelToken, most: int = MOST_VERSIONS
) -> Iterator[FormerPage]:
    """Find what was deleted or replaced in a folder, page by page. Blocks.

    Args:
        connection: Whose bucket.
        prefix: The folder.
        below: Also in the folders below it.
        token: Cancels.
        most: So many versions are read, and not many more.

    Raises: Cancelled. What listing versions raises.
    """
    weather = Weather(renew=connection.reload_credentials)
    pages = connection.storage.list_versions(
        connection.profile.bucket, prefix, delimiter="" if below else "/", token=token, weather=weather
    )
    read, waiting = 0, list[ListedVersion]()
    for page in pages:
        read += len(page.versions)
        has_more = bool(page.next_key)
        lines = [*waiting, *page.versions]
        # The versions of a key may go on with the next page, and a delete marker wants the one below it.
        waiting = _of_last_key(lines) if has_more else []
        is_cut = has_more and read >= most
        done = lines if is_cut else lines[: len(lines) - len(waiting)]
        yield FormerPage(tuple(_former(done)), read, is_cut)
        if is_cut:
            return


def _of_last_key(lines: Sequence[ListedVersion]) -> list[ListedVersion]:
    if not lines:
        return []
    at = len(lines)
    while at and lines[at - 1].key == lines[-1].key:
        at -= 1
    return list(lines[at:])


def _former(lines: Sequence[ListedVersion]) -> Iterator[Former]:
    by_key: dict[str, list[ListedVersion]] = {}
    for line in lines:
        by_key.setdefault(line.key, []).append(line)
    for versions in by_key.values():
        # A store need not list the markers of a key among its versions, so the times decide.
        ordered = sorted(versions, key=lambda v: (v.is_latest, v.last_modified), reverse=True)
        for line in ordered:
            if line.is_marker and line.is_latest:
                newest = next((v for v in ordered if not v.is_marker), None)
                if newest is not None:
                    yield Former(line, newest)
            elif not line.is_latest and not line.is_marker:
                yield Former(line)


def deleted_in(connection: Connection, prefix: str, token: CancelToken, *, below: bool) -> list[Source]:
    """All objects of a folder, or also below it, that were deleted and can be brought back. Blocks.

    Raises: Cancelled. What listing versions raises.
    """
    bucket, found = connection.profile.bucket, list[Source]()
    for page in former_objects(connection, prefix, below=below, token=token, most=ALL):
        found += [former.source(bucket) for former in page.found if former.is_deleted]
    return found
