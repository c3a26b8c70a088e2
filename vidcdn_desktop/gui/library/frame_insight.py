"""Frames for tiles without a picture beside the video: a few ranges of it, two at a time, kept like posters."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.insight import Seen
from vidcdn_desktop.gui.library.posters import NO_PICTURE, PosterInsight
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.widgets.poster import decode_poster
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.frames import WIDTH, frame_of
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.storage.port import ObjectRef, StoredObject


class FrameInsight(PosterInsight):
    """Looks only where no poster is listed.

    Args:
        model: The rows.
        posters: Whose memory and folder it shares.
        tools: Where ffmpeg is.
        parent: Owns it.
    """

    parallel = 2

    def __init__(self, model: ListingModel, posters: PosterInsight, tools: Tools, parent: QObject) -> None:
        super().__init__(model, parent, posters.cache, posters.memory)
        self._tools = tools

    def is_missing(self, seen: Seen) -> bool:
        """Videos without a poster whose frame is not there, or in another size."""
        if seen.row.kind != "Video" or self.has_poster(seen.row):
            return False
        return seen.row_id not in self.memory or self.is_outgrown(seen.row_id)

    def prepare(self, missing: Sequence[Seen]) -> Sequence[Seen]:
        """The videos themselves."""
        return missing

    def fetched(self, connection: Connection, row: Row, name: str, token: CancelToken) -> QImage:
        """See `PosterInsight`. That there is no frame to be had is kept, too; that the network failed is not."""
        ref = ObjectRef(connection.profile.bucket, row.key)
        stored = StoredObject(ref, row.size or 0, row.etag, storage_class=row.storage_class)
        try:
            poster = frame_of(connection, stored, self._tools, token)
        except VidcdnError:
            return QImage()
        self.cache.put(name, poster.jpeg if poster is not None else NO_PICTURE)
        return decode_poster(poster.jpeg, WIDTH) if poster is not None else QImage()
