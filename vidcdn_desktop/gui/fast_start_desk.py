"""Joins the pages in what concerns fast start inside the bucket: the question, the job, and what comes after."""

from __future__ import annotations

import uuid

from PySide6.QtCore import QObject, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.invalidation import invalidation_path
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.activity.page import ActivityPage
from vidcdn_desktop.gui.asking_desk import AskingDesk
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.library.fast_start_dialog import FastStartDialog
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.repair_batch import RepairPlan, Wish
from vidcdn_desktop.jobs.repair_job import RepairSnapshot
from vidcdn_desktop.jobs.states import ENDED
from vidcdn_desktop.textsafe import plural


class FastStartDesk(AskingDesk):
    """Between the Library, the Activity page, session and bridge. GUI thread."""

    dialog: FastStartDialog | None
    """The question, while it is asked."""
    invalidate_requested = Signal(object)
    """list[str]: invalidation paths, for the Delivery page."""

    def __init__(
        self,
        bridge: JobBridge,
        session: Session,
        window: MainWindow,
        pages: tuple[LibraryPage, ActivityPage],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._session = session
        self._window = window
        self._library, self._activity = pages
        self._running: set[str] = set()
        self._library.fast_start_requested.connect(self._on_requested)
        self._activity.invalidate_keys.connect(self._on_invalidate)
        bridge.repairs.changed.connect(self._on_changed)

    @Slot(object)
    def _on_requested(self, wishes: list[Wish]) -> None:
        connection = self._library.connection
        if connection is None or not wishes or self.dialog is not None:
            return
        dialog = FastStartDialog(connection, wishes, self._window)
        dialog.wanted.connect(self._on_wanted)
        self._open(dialog)
        dialog.start()

    @Slot(object)
    def _on_wanted(self, choice: tuple[RepairPlan, bool]) -> None:
        plan, invalidate = choice
        job_id = self._bridge.repairs.add(plan, invalidate=invalidate)
        if job_id:
            self._running.add(job_id)
            text = f"Making {plural(plan.totals.to_repair, 'video')} fast start inside the bucket"
            self._library.toast.show_message(text, "Show in Activity", self._show_activity)

    def _show_activity(self) -> None:
        self._window.show_page("activity")

    @Slot(object)
    def _on_changed(self, snapshot: RepairSnapshot) -> None:
        """The Library shows what is in the bucket now."""
        if snapshot.state not in ENDED:
            self._running.add(snapshot.id)
        elif snapshot.id in self._running:
            self._running.discard(snapshot.id)
            if snapshot.connection_id == self._session.facts.profile.id:
                self._library.refresh()

    @Slot(object)
    def _on_invalidate(self, wish: tuple[str, tuple[str, ...], str]) -> None:
        connection_id, keys, bucket = wish
        home = self._session.connection
        if home is None or connection_id != home.profile.id:
            self._activity.toast.show_message("Open the connection of this job first")
            return
        if bucket not in ("", home.profile.bucket):
            # The Delivery page is about the distributions of the bucket that is published to.
            token = CancelToken()

            def refresh() -> int:
                made = home.at(bucket).invalidate_keys(keys, caller_reference=uuid.uuid4().hex, token=token)
                return sum(len(invalidation.paths) for invalidation in made)

            run_in_background(self, refresh, self._on_refreshed, self._on_not_refreshed, token=token)
            return
        self.invalidate_requested.emit([invalidation_path(key) for key in keys])

    @Slot(object)
    def _on_refreshed(self, count: int) -> None:
        done = f"{plural(count, 'path')} will be fetched anew by the CDN"
        self._activity.toast.show_message(done if count else "No distribution serves these objects any more")

    @Slot(object)
    def _on_not_refreshed(self, error: VidcdnError) -> None:
        self._activity.toast.show_message(f"{error.what} {error.advice}")
