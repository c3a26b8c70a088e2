"""What the Library has done by others: each desk asks, starts the job, and tells what came of it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from vidcdn_desktop.gui.activity.page import ActivityPage
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.bucket_desk import BucketDesk
from vidcdn_desktop.gui.fast_start_desk import FastStartDesk
from vidcdn_desktop.gui.handover_desk import HandoverDesk
from vidcdn_desktop.gui.health_desk import HealthDesk
from vidcdn_desktop.gui.library.operation_questions import Asked
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.operation_desk import OperationDesk
from vidcdn_desktop.gui.player import Players
from vidcdn_desktop.gui.publish.page import PublishPage
from vidcdn_desktop.gui.replace_desk import ReplaceDesk
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.share_desk import ShareDesk
from vidcdn_desktop.gui.upload_desk import UploadDesk
from vidcdn_desktop.gui.versions_desk import VersionsDesk
from vidcdn_desktop.jobs.operations.targets import Source


class LibraryDesks(QObject):
    """Builds them and keeps them. GUI thread."""

    def __init__(
        self,
        bridge: JobBridge,
        session: Session,
        window: MainWindow,
        pages: tuple[PublishPage, LibraryPage, ActivityPage],
        players: Players,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        publish, library, activity = pages
        library.details.players = players
        self._library = library
        library.details.restore_wanted.connect(self._on_restore)
        self.fast_start = FastStartDesk(bridge, session, window, (library, activity), parent=self)
        self.buckets = BucketDesk(session, window, library, self)
        self.share = ShareDesk(session, window, library, self)
        toasts = {"publish": publish.toast, "library": library.toast, "activity": activity.toast}
        self.operations = OperationDesk(bridge, session, window, (library, activity), toasts, parent=self)
        self.uploads = UploadDesk(bridge, session, window, library, toasts, parent=self)
        self.replace = ReplaceDesk(bridge, window, library, self.uploads, parent=self)
        self.handovers = HandoverDesk(session, window, library, self.operations, parent=self)
        self.versions = VersionsDesk(window, library, self.operations, parent=self)
        self.health = HealthDesk(bridge, window, library, self.operations, self)

    @Slot(object)
    def _on_restore(self, source: Source) -> None:
        self._library.operation_requested.emit(Asked("version", (source,)))
