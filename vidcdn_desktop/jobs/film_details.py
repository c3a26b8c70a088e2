"""What is in a video that lies in the bucket: by a few kilobytes for the usual facts, by its index for all of them.

Never a download: reads are ranges of the object, bounded, each with `If-Match`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.scan import Scanner
from vidcdn_desktop.media.boxes import top_level_boxes
from vidcdn_desktop.media.glance import AHEAD, HEAD
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.media.info import BoxHeader, MediaInfo
from vidcdn_desktop.media.probe import inspect_source
from vidcdn_desktop.storage.port import ObjectSummary, StoredObject
from vidcdn_desktop.storage.remote_source import RemoteSource
from vidcdn_desktop.storage.weather import Patience, Weather

_MOST_BOX_READS = 8
"""Reads spent on the boxes at the top; a film in fragments has thousands, each a request away."""

_PATIENCE = Patience(limit_s=4.0)


@dataclass(frozen=True)
class FilmDetails:
    """What a look at a video tells."""

    facts: VideoFacts | None
    """None where it could not be read; `problem` says why."""
    boxes: tuple[BoxHeader, ...] = ()
    """All at the top of the file, in order; empty where that would take too many reads."""
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is copied."""
        boxes = [{"type": box.type, "offset": box.offset, "size": box.size} for box in self.boxes]
        return {"facts": self.facts.to_json() if self.facts else None, "boxes": boxes, "problem": self.problem}


class _TooManyReadsError(Exception):
    """The boxes lie too far apart."""


class _Counted:
    """A source that gives up after some reads."""

    def __init__(self, source: RemoteSource, most: int) -> None:
        self._source = source
        self._left = most

    @property
    def size(self) -> int:
        return self._source.size

    def read_at(self, offset: int, length: int) -> bytes:
        if self._source.missing(offset, length):
            self._left -= 1
            if self._left < 0:
                raise _TooManyReadsError
        return self._source.read_at(offset, length)


def film_details(connection: Connection, cache: FactCache, stored: StoredObject, token: CancelToken) -> FilmDetails:
    """The facts of a video and the boxes at its top. What was looked at before is known. Blocks.

    Raises: Cancelled. Conflict: the object is another one by now. What a scan raises.
    """
    scanner = Scanner(
        connection.storage,
        connection.clients.endpoint,
        cache,
        parallel=1,
        patience=_PATIENCE,
        renew=connection.reload_credentials,
    )
    summary = _summary(stored)
    looked = next(iter(scanner.look(stored.ref.bucket, [summary], token=token)))
    if looked.error is not None:
        raise looked.error
    source = _source(connection, stored, token)
    source.read_at(0, HEAD)
    try:
        boxes = tuple(top_level_boxes(_Counted(source, _MOST_BOX_READS)))
    except (_TooManyReadsError, CorruptMedia):
        boxes = ()
    return FilmDetails(looked.facts, boxes)


def all_facts(connection: Connection, stored: StoredObject, token: CancelToken) -> MediaInfo:
    """Everything the index of a video tells; reads it whole, and no media. Blocks.

    Raises: Cancelled. Conflict: the object is another one by now. What `Storage.open_range` raises.
    """
    source: ByteSource = _source(connection, stored, token)
    return inspect_source(source, stored.ref.key.rpartition("/")[2], token=token)


def _source(connection: Connection, stored: StoredObject, token: CancelToken) -> RemoteSource:
    weather = Weather(_PATIENCE, renew=connection.reload_credentials)
    return RemoteSource(connection.storage, stored, token, ahead=AHEAD, tail=AHEAD, weather=weather)


def _summary(stored: StoredObject) -> ObjectSummary:
    when = stored.last_modified or datetime.fromtimestamp(0, UTC)
    return ObjectSummary(stored.ref.key, stored.size, stored.etag, when, stored.storage_class)
