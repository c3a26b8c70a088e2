"""Links to what is listed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.invalidation import merge_paths, request_invalidation
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.storage.port import ObjectRef

_LINK_S = 3600


@dataclass(frozen=True)
class FoundLink:
    """A link, and what it was asked for."""

    verb: str
    row: Row
    url: str


def link_to(connection: Connection, key: str) -> str:
    """The CDN link to a key, or a presigned one for an hour where no distribution serves it. Blocks."""
    url = connection.url_of(key)
    if url is not None:
        return url.url
    return connection.for_signing().storage.presign_get(ObjectRef(connection.profile.bucket, key), _LINK_S)


def refresh_cdn(connection: Connection, rows: Sequence[Row], token: CancelToken) -> int:
    """Have every distribution that serves them forget its copies of objects and folders; how many paths. Blocks.

    Raises: what `Cdn.create_invalidation` raises. Cancelled.
    """
    cdn, found = connection.cdn, dict[str, list[str]]()
    for row in rows:
        for distribution, paths in connection.invalidation_paths([row.key]).items():
            found.setdefault(distribution, []).extend(f"{path}*" if row.is_folder else path for path in paths)
    count = 0
    if cdn is None:
        return 0
    for distribution, wanted in found.items():
        merged = merge_paths(wanted)
        request_invalidation(cdn, distribution, merged, uuid.uuid4().hex, token=token)
        count += len(merged)
    return count
