"""Links to what is listed."""

from __future__ import annotations

from dataclasses import dataclass

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
    return connection.storage.presign_get(ObjectRef(connection.profile.bucket, key), _LINK_S)
