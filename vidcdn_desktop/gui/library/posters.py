"""Pictures for the gallery: fetched, decoded at the size they are shown in and rounded off the GUI thread.

tile on screen ──> memory (bounded) ──> disk (`poster_cache`) ──> the bucket: the picture beside the video
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from PySide6.QtCore import QBuffer, QIODevice, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPixmap

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.insight import Insight, Seen
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.theme import DARK
from vidcdn_desktop.gui.widgets.poster import decode_poster
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.storage.keys import poster_key
from vidcdn_desktop.storage.port import ObjectRef

RADIUS = 8
MEMORY_BYTES = 96_000_000
_MOST_FETCHED = 4_000_000
"""Bytes; a larger picture is no poster, and is not fetched."""
_KEPT_SIDE = 640
"""Pixels of the picture kept on disk."""
NO_PICTURE = b"none"
"""In place of a picture on disk: it was looked for, and there is none to be had."""
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"RIFF")


class PictureMemory:
    """Decoded pictures by row, the least recently shown go first. GUI thread."""

    def __init__(self, limit_bytes: int = MEMORY_BYTES) -> None:
        self._limit = limit_bytes
        self._pictures: OrderedDict[int, QPixmap | None] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._pictures)

    def __contains__(self, row_id: int) -> bool:
        return row_id in self._pictures

    def get(self, row_id: int) -> QPixmap | None:
        """The picture; None if there is none, or none yet."""
        if row_id in self._pictures:
            self._pictures.move_to_end(row_id)
        return self._pictures.get(row_id)

    def put(self, row_id: int, picture: QPixmap | None) -> None:
        """Keep a picture, or that there is none."""
        self._forget(row_id)
        self._pictures[row_id] = picture
        self.bytes += _weight(picture)
        while self.bytes > self._limit and len(self._pictures) > 1:
            self._forget(next(iter(self._pictures)))

    def clear(self) -> None:
        """Forget all."""
        self._pictures.clear()
        self.bytes = 0

    def _forget(self, row_id: int) -> None:
        if row_id in self._pictures:
            self.bytes -= _weight(self._pictures.pop(row_id))


def _weight(picture: QPixmap | None) -> int:
    return 200 if picture is None else picture.width() * picture.height() * 4 + 200


@dataclass(frozen=True)
class _Picture:
    row_id: int
    image: QImage | None
    wanted: QSize


class PosterInsight(Insight):
    """The picture beside a video, or a picture itself."""

    parallel = 4
    """Pictures at the same time."""

    def __init__(
        self,
        model: ListingModel,
        parent: QObject,
        cache: PosterCache | None = None,
        memory: PictureMemory | None = None,
    ) -> None:
        super().__init__(model, parent)
        self.memory = memory if memory is not None else PictureMemory()
        """What is there to be painted."""
        self.cache = cache or PosterCache()
        """The pictures on disk."""
        self._size = QSize(227, 128)
        self._ratio = 1.0

    def set_size(self, size: QSize, ratio: float) -> None:
        """How large a tile's picture is in pixels of the layout, and how many of the screen's each has."""
        if (size, ratio) != (self._size, self._ratio):
            self._size, self._ratio = QSize(size), ratio

    @property
    def _pixels(self) -> QSize:
        return self._size * self._ratio

    def is_missing(self, seen: Seen) -> bool:
        """Tiles whose picture is not there, or in another size."""
        if seen.row.kind not in ("Video", "Thumbnail"):
            return False
        if seen.row_id not in self.memory:
            return seen.row.kind == "Thumbnail" or self.has_poster(seen.row)
        return self.is_outgrown(seen.row_id)

    def has_poster(self, row: Row) -> bool:
        """Whether there is a picture beside a video, as far as is listed."""
        return self._model.store.find(poster_key(row.key)) is not None

    def is_outgrown(self, row_id: int) -> bool:
        """Whether the picture of a row is there in another size than is shown now."""
        picture = self.memory.get(row_id)
        return picture is not None and picture.size() != self._pixels

    def prepare(self, missing: Sequence[Seen]) -> Sequence[Seen]:
        """The pictures that belong to the rows."""
        store = self._model.store
        found = []
        for seen in missing:
            place = store.find(poster_key(seen.row.key)) if seen.row.kind == "Video" else seen.row_id
            if place is not None:
                found.append(Seen(seen.row_id, store.row(place)))
        return found

    def steps(self, connection: Connection, missing: Sequence[Seen], token: CancelToken) -> Iterator[object]:
        """Whichever is there first comes first."""
        pixels, ratio = self._pixels, self._ratio
        with ThreadPoolExecutor(self.parallel, thread_name_prefix="posters") as pool:
            futures: list[Future[_Picture]] = [
                pool.submit(self._one, connection, seen, pixels, ratio, token) for seen in missing
            ]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()

    def _one(self, connection: Connection, seen: Seen, pixels: QSize, ratio: float, token: CancelToken) -> _Picture:
        token.raise_if_cancelled()
        image = self.picture_of(connection, seen.row, token, max(pixels.width(), pixels.height()))
        if image.isNull():
            return _Picture(seen.row_id, None, pixels)
        return _Picture(seen.row_id, tile_image(image, pixels, ratio), pixels)

    def picture_of(self, connection: Connection, row: Row, token: CancelToken, side: int = _KEPT_SIDE) -> QImage:
        """The picture that belongs to a row, at most about so large; null if there is none. Blocks; any thread."""
        name = PosterCache.name(connection.clients.endpoint, connection.profile.bucket, row.key, row.etag)
        data = self.cache.get(name)
        if data == NO_PICTURE:
            return QImage()
        image = decode_poster(data, side) if data else QImage()
        return self.fetched(connection, row, name, token) if image.isNull() else image

    def fetched(self, connection: Connection, row: Row, name: str, _token: CancelToken) -> QImage:
        """Get a picture from the bucket, and keep it on disk by this name. Worker's thread."""
        size = row.size or 0
        if not 0 < size <= _MOST_FETCHED:
            return QImage()
        try:
            data = connection.storage.read_range(ObjectRef(connection.profile.bucket, row.key), 0, size)
        except VidcdnError:
            return QImage()
        # The name says picture; only what looks like one is given to a decoder.
        image = decode_poster(data, _KEPT_SIDE) if data.startswith(_PICTURES) else QImage()
        if not image.isNull():
            buffer = QBuffer()
            buffer.open(QIODevice.OpenModeFlag.WriteOnly)
            if image.convertToFormat(QImage.Format.Format_RGB32).save(buffer, "JPG", 85):  # type: ignore[call-overload]
                self.cache.put(name, bytes(buffer.data().data()))
        return image

    def take(self, step: object) -> int:
        """Into the memory; to a pixmap it is a moment, and must be on this thread."""
        assert isinstance(step, _Picture)
        pixmap = None
        if step.image is not None:
            pixmap = QPixmap.fromImage(step.image)
        self.memory.put(step.row_id, pixmap)
        return step.row_id


def tile_image(image: QImage, pixels: QSize, ratio: float) -> QImage:
    """A picture as a tile shows it: nearly 16:9 fills the frame, any other stands whole in it; corners are round."""
    tile = QImage(pixels, QImage.Format.Format_ARGB32_Premultiplied)
    tile.fill(Qt.GlobalColor.transparent)
    near = 1.6 <= image.width() / max(1, image.height()) <= 1.97
    mode = Qt.AspectRatioMode.KeepAspectRatioByExpanding if near else Qt.AspectRatioMode.KeepAspectRatio
    scaled = image.scaled(pixels, mode, Qt.TransformationMode.SmoothTransformation)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = QPainterPath()
    path.addRoundedRect(QRectF(0, 0, pixels.width(), pixels.height()), RADIUS * ratio, RADIUS * ratio)
    painter.setClipPath(path)
    if not near:
        painter.fillPath(path, QColor(DARK.backdrop))
    painter.drawImage((pixels.width() - scaled.width()) // 2, (pixels.height() - scaled.height()) // 2, scaled)
    painter.end()
    tile.setDevicePixelRatio(ratio)
    return tile
