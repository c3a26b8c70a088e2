"""Joins the Library and the account's other buckets: choosing one, and making it the one videos are published to."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.credentials.model import ConnectionProfile
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.asking_desk import AskingDesk
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.bucket_picker import BucketPicker
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.storage.listing_model import Bucket
from vidcdn_desktop.textsafe import isolate


class BucketDesk(AskingDesk):
    """GUI thread."""

    dialog: BucketPicker | None
    """The choice, while it is offered."""

    def __init__(self, session: Session, window: QWidget, library: LibraryPage, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._window = window
        self._library = library
        library.buckets_wanted.connect(self._on_wanted)
        library.elsewhere.publish_here_wanted.connect(self._on_publish_here)

    @Slot()
    def _on_wanted(self) -> None:
        home = self._session.connection
        if home is None or self.dialog is not None:
            return
        dialog = BucketPicker(home, self._library.bucket, self._window)
        dialog.chosen.connect(self._on_chosen)
        self._open(dialog)
        dialog.start()

    @Slot(object)
    def _on_chosen(self, bucket: Bucket) -> None:
        self._library.open_bucket(bucket.name, bucket.region)

    @Slot()
    def _on_publish_here(self) -> None:
        """Keep the bucket that is shown for the connection. What runs goes on in the bucket it was begun in."""
        shown, home = self._library.connection, self._session.connection
        if shown is None or home is None or shown is home:
            return
        saved, profile = self._session.saved, shown.profile

        def keep() -> ConnectionProfile:
            return saved.move(profile.id, profile.bucket, profile.region)

        run_in_background(self, keep, self._on_moved, self._on_failed)

    @Slot(object)
    def _on_moved(self, profile: ConnectionProfile) -> None:
        self._library.toast.show_message(f"Videos are published to {isolate(profile.bucket, 60)} from now on")
        if self._session.facts.profile.id == profile.id:
            self._session.use(profile.id)

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self._library.toast.show_message(f"{error.what} {error.advice}")
