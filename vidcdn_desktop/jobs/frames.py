"""A frame of a video in the bucket, by a few ranges of it; never a download."""

from __future__ import annotations

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.media.frame import AHEAD, MOST_BYTES, far_frame
from vidcdn_desktop.media.picture import Poster
from vidcdn_desktop.storage.copying import ARCHIVES
from vidcdn_desktop.storage.port import StoredObject
from vidcdn_desktop.storage.remote_source import RemoteSource, Traffic
from vidcdn_desktop.storage.weather import Patience, Weather

WIDTH = 640
"""Pixels; as wide as a tile on a screen of double density."""

_PATIENCE = Patience(limit_s=10.0)
"""Nobody waits long for a picture in a list."""


def frame_of(
    connection: Connection,
    stored: StoredObject,
    tools: Tools,
    token: CancelToken,
    *,
    traffic: Traffic | None = None,
    max_width: int = WIDTH,
) -> Poster | None:
    """Take a frame; None if none can be taken within the limits of `media.frame`. Blocks.

    Args:
        connection: Where the video is.
        stored: The very object; with another ETag nothing is read.
        tools: Where ffmpeg is.
        token: Ends it at once, requests and ffmpeg.
        traffic: Where bytes and requests are counted.
        max_width: Limit in pixels.

    Raises: Cancelled. Conflict: the object is another one by now. ToolFailed: ffmpeg took too long. What `Storage`
        raises.
    """
    if stored.storage_class in ARCHIVES:
        return None
    source = RemoteSource(
        connection.storage,
        stored,
        token,
        traffic=traffic,
        ahead=AHEAD,
        tail=0,
        keep=2 * MOST_BYTES,
        weather=Weather(_PATIENCE, renew=connection.reload_credentials),
    )
    return far_frame(source, token=token, tools=tools, max_width=max_width)
