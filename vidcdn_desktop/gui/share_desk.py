"""Joins the Library and the dialog of links, and copies embed code without asking."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.asking_desk import AskingDesk
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import share_words
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.share_dialog import ShareDialog
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.sharing import Form, LinkKind, Sharing, Wanted, describe, make_links, text_of


class ShareDesk(AskingDesk):
    """GUI thread."""

    dialog: ShareDialog | None
    """The dialog, while it is open."""

    def __init__(self, session: Session, window: QWidget, library: LibraryPage, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._window = window
        self._library = library
        library.verbs.share.connect(self._on_wanted)

    @Slot(object)
    def _on_wanted(self, told: tuple[str, Sequence[Row]]) -> None:
        verb, rows = told
        connection = self._library.connection
        keys = [row.key for row in rows if not row.is_folder]
        if connection is None or not keys or self.dialog is not None:
            return
        sizes = self._sizes(keys)
        if verb == "embed":
            token = CancelToken()

            def make() -> Sharing:
                kind = LinkKind.CDN if connection.url_of(keys[0]) is not None else LinkKind.PRESIGNED
                wanted = Wanted(kind, about=describe(connection, keys, token, sizes))
                return make_links(connection, keys, wanted, token)

            run_in_background(self, make, self._on_embed, self._on_failed, token=token)
            return
        dialog = ShareDialog(connection, keys, sizes, self._session.signing_keys, self._window)
        dialog.copied.connect(self._library.toast.show_message)
        self._open(dialog)
        dialog.start()

    def _sizes(self, keys: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Width and height of those videos that were looked at."""
        model = self._library.model
        found = {}
        for key in keys:
            row_id = model.store.find(key)
            place = model.place_of(row_id) if row_id is not None else None
            facts = model.facts_of(place)[1] if place is not None else None
            if facts is not None and facts.width and facts.height:
                found[key] = (facts.width, facts.height)
        return found

    @Slot(object)
    def _on_embed(self, sharing: Sharing) -> None:
        QGuiApplication.clipboard().setText(text_of(sharing.links, Form.EMBED))
        self._library.toast.show_message(share_words.copied(sharing, Form.EMBED))

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self._library.toast.show_message(harmless(error).sentence())
