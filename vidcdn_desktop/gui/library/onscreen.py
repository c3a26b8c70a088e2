"""Finds out about what is on screen, in the list and in the gallery, and lets go of the rest."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.library.frame_insight import FrameInsight
from vidcdn_desktop.gui.library.insight import CacheHeaderInsight, FactInsight, Insight, Seen
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.posters import PosterInsight
from vidcdn_desktop.gui.library.views import Views
from vidcdn_desktop.gui.models.arrange import Column
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.media.ffmpeg import Tools


class OnScreen(QObject):
    """The insights of one page. GUI thread."""

    found = Signal(object)
    """int: the id of a row of which something is known now."""

    def __init__(
        self, model: ListingModel, facts: FactCache | None, posters: PosterCache | None, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._model = model
        self.posters = PosterInsight(model, self, posters)
        self.cache_headers = CacheHeaderInsight(model, self)
        self.facts = FactInsight(model, facts, self) if facts is not None else None
        self._all: list[Insight] = [i for i in (self.facts, self.cache_headers, self.posters) if i is not None]
        for insight in self._all:
            insight.found.connect(self.found)
        self.frames: FrameInsight | None = None

    def show_frames(self, tools: Tools) -> None:
        """From now on take frames of videos that have no picture beside them, if there is something to do it with."""
        if tools.ffmpeg is not None and self.frames is None:
            self.frames = FrameInsight(self._model, self.posters, tools, self)
            self.frames.found.connect(self.found)
            self._all.append(self.frames)

    def look(self, connection: Connection | None, views: Views) -> None:
        """These rows are on screen now."""
        seen = [Seen(self._model.row_id(n), self._model.row(n)) for n in views.active.visible_rows()]
        if self.facts is not None:
            self.facts.want(connection, seen)
        if views.active is views.gallery:
            for insight in (self.posters, self.frames):
                if insight is not None:
                    insight.set_size(views.gallery.picture_size(), views.gallery.devicePixelRatioF())
                    insight.want(connection, seen)
        elif not views.table.isColumnHidden(Column.CACHE):
            self.cache_headers.want(connection, seen)

    def picture_of(self, connection: Connection, row: Row, beside: Row | None, token: CancelToken) -> QImage:
        """The picture beside an object, else a frame of it; null if there is none. Blocks; any thread."""
        if beside is not None:
            return self.posters.picture_of(connection, beside, token)
        if self.frames is not None and row.kind == "Video":
            return self.frames.picture_of(connection, row, token)
        return QImage()

    def stop(self) -> None:
        """Nothing is on screen any more."""
        for insight in self._all:
            insight.stop()

    def forget(self) -> None:
        """Another listing: rows have other ids."""
        self.stop()
        self.posters.memory.clear()
