"""What is done with a selection of the Library: told to whoever does it, links looked up here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.invalidation import invalidation_path
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.links import FoundLink, link_to, refresh_cdn
from vidcdn_desktop.gui.library.operation_questions import Asked, sources_of
from vidcdn_desktop.gui.library.selection import OPERATIONS, wished
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.play_wish import PlayWish
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.repair_batch import Wish
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import plural

_AT_ONCE = 2_000
"""Rows that are made while one waits; more are made on a thread."""


class Verbs(QObject):
    """GUI thread."""

    play = Signal(object)
    """PlayWish."""
    invalidate = Signal(object)
    """list[str]."""
    download = Signal(object)
    """list[ObjectRef]: objects, and folders for all below them."""
    fast_start = Signal(object)
    """list[Wish]."""
    operation = Signal(object)
    """Asked."""
    share = Signal(object)
    """(str, Sequence[Row]): "share" or "embed", and what."""
    replace = Signal(object)
    """Row: the object that is to get new content."""
    told = Signal(str)
    """A sentence: something was done."""
    copied = Signal()
    """A link is on the clipboard."""
    failed = Signal(object)
    """VidcdnError."""

    def __init__(self, connection: Callable[[], Connection | None], model: ListingModel, parent: QObject) -> None:
        """`connection` gives the one to the bucket that is shown."""
        super().__init__(parent)
        self._connection = connection
        self._model = model

    def do(self, verb: str) -> None:
        """One of `selection.VERBS` with all that is selected."""
        ranges = self._model.ranges()
        ids, store = self._model.ids(ranges), self._model.store
        if not ids:
            return
        if len(ids) <= _AT_ONCE:
            self._on_rows((verb, [store.row(row_id) for row_id in ids]))
        else:
            run_in_background(self, lambda: (verb, [store.row(row_id) for row_id in ids]), self._on_rows)

    @Slot(object)
    def _on_rows(self, told: tuple[str, Sequence[Row]]) -> None:
        verb, rows = told
        connection = self._connection()
        if connection is None:
            return
        bucket = connection.profile.bucket
        if verb == "invalidate":
            self.invalidate_rows(rows)
        elif verb == "download":
            self.download.emit([ObjectRef(bucket, row.key) for row in rows])
        elif verb in ("share", "embed"):
            self.share.emit((verb, rows))
        elif verb == "replace":
            self.replace.emit(rows[0])
        elif verb in OPERATIONS:
            self.operation.emit(Asked(verb, sources_of(bucket, rows)))
        elif verb == "faststart":
            self.fast_start.emit([Wish(ObjectRef(bucket, row.key)) for row in wished(rows)])
        else:
            self.find_link(verb, rows[0])

    def invalidate_rows(self, rows: Sequence[Row]) -> None:
        """Have the CDN forget its copies: by the Delivery page, or at once where that page is about another bucket."""
        connection = self._connection()
        if connection is None:
            return
        if connection.is_home:
            paths = [invalidation_path(row.key) + ("*" if row.is_folder else "") for row in rows]
            self.invalidate.emit(paths)
            return
        token = CancelToken()
        run_in_background(
            self, lambda: refresh_cdn(connection, rows, token), self._on_refreshed, self._on_error, token=token
        )

    def find_link(self, verb: str, row: Row) -> None:
        """Play or copy one object."""
        connection = self._connection()
        if connection is not None:
            run_in_background(
                self, lambda: FoundLink(verb, row, link_to(connection, row.key)), self._on_link, self._on_error
            )

    @Slot(object)
    def _on_refreshed(self, count: int) -> None:
        done = f"{plural(count, 'path')} will be fetched anew by the CDN"
        self.told.emit(done if count else "No distribution serves these objects, so no copies are cached")

    @Slot(object)
    def _on_link(self, link: FoundLink) -> None:
        if link.verb == "copy":
            QGuiApplication.clipboard().setText(link.url)
            self.copied.emit()
        else:
            self.play.emit(PlayWish(link.row.name, link.url, link.row.size, link.row.etag))

    @Slot(object)
    def _on_error(self, error: VidcdnError) -> None:
        self.failed.emit(error)
