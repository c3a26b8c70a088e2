"""Lists a place off the GUI thread and hands over what came, a little at a time.

    lister's thread: pages ── blocks_of ──> inbox ── "something there" ──> GUI thread: a few blocks a turn to the model

The first page goes on at once. After it the inbox is emptied some times a second, so that a store that answers fast
costs one repaint for many pages; a full inbox makes the lister wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.courtesy import give_way
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.models.rows import Block, blocks_of
from vidcdn_desktop.gui.streamed import run_streamed
from vidcdn_desktop.jobs.find import Progress, find
from vidcdn_desktop.jobs.query_text import read
from vidcdn_desktop.jobs.scan import Scanner
from vidcdn_desktop.storage.listing_model import ListedPage
from vidcdn_desktop.storage.port import Storage

_TURN_MS = 40
_MOST_A_TURN = 12
"""Blocks taken at once: some milliseconds of work for the model."""
_FULL = 240


class _Inbox:
    """Between the two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: list[Block] = []
        self.progress = Progress()
        """How far a search is."""

    def put(self, blocks: list[Block]) -> bool:
        """True if it was empty, so that somebody must be told."""
        with self._lock:
            fresh = not self._blocks
            self._blocks += blocks
            return fresh

    def take(self, most: int) -> tuple[list[Block], bool]:
        """Up to `most` blocks, and whether there are more."""
        with self._lock:
            taken, self._blocks = self._blocks[:most], self._blocks[most:]
            return taken, bool(self._blocks)

    def wait_for_room(self, token: CancelToken) -> None:
        """Wait while there is more in it than the window can take."""
        while self._is_full and not token.wait(0.01):
            pass

    @property
    def _is_full(self) -> bool:
        with self._lock:
            return len(self._blocks) >= _FULL


class Lister(QObject):
    """One listing at a time. GUI thread."""

    arrived = Signal(object)
    """list[Block]; may be empty, where nothing matched so far."""
    ended = Signal(object)
    """None when all is listed, else the VidcdnError that ended it. Not sent after `stop`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._token = CancelToken()
        self._inbox = _Inbox()
        self._running = False
        self._ender: _Ender | None = None
        self._ending: tuple[VidcdnError | None] | None = None
        self._began = 0.0
        self.elapsed_s = 0.0
        """How long the listing took, once it has ended."""
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.setInterval(_TURN_MS)
        self._turn.timeout.connect(self._on_turn)

    @property
    def is_running(self) -> bool:
        """Whether more may come."""
        return self._running

    @property
    def progress(self) -> Progress:
        """How far a search is: of what it sees most does not match."""
        return self._inbox.progress

    def start(self, storage: Storage, bucket: str, place: Place, scanner: Scanner | None = None) -> None:
        """Begin, and forget the listing before.

        Args:
            storage: The store.
            bucket: Its name.
            place: What is listed, or searched.
            scanner: Looks at videos where it is asked how they start.
        """
        self.stop()
        token = self._token = CancelToken()
        inbox = self._inbox = _Inbox()
        self._ending, self._running = None, True
        self._began = time.monotonic()

        def pages(own: CancelToken) -> Iterator[ListedPage]:
            return storage.list_pages(bucket, place.prefix, delimiter="" if place.needle else "/", token=own)

        def walk() -> Iterator[_Inbox]:
            for number, page in enumerate(pages(token)):
                give_way()
                fresh = inbox.put(blocks_of(page, place.prefix))
                # The only page comes together with the ending.
                if (fresh or number == 0) and not (number == 0 and page.upto is None):
                    yield inbox
                inbox.wait_for_room(token)

        def search() -> Iterator[_Inbox]:
            query = read(place.needle).query
            found_so_far = find(pages, query, token=token, bucket=bucket, prefix=place.prefix, scanner=scanner)
            for number, found in enumerate(found_so_far):
                give_way()
                inbox.progress = found.progress
                if inbox.put(blocks_of(found.page, place.prefix)) or number == 0:
                    yield inbox
                inbox.wait_for_room(token)

        ender = self._ender = _Ender(self, inbox)
        steps = search if place.needle else walk
        run_streamed(self, steps, self._on_something, ender.on_end, ender.on_error, token=token)

    def stop(self) -> None:
        """End it; what was listed stays. Twice is harmless."""
        self._token.cancel()
        self._turn.stop()
        if self._ender is not None:
            self._ender.deleteLater()
            self._ender = None
        if self._running:
            self._running = False
            self.elapsed_s = time.monotonic() - self._began

    @Slot(object)
    def _on_something(self, inbox: _Inbox) -> None:
        if inbox is self._inbox and self._running and not self._turn.isActive():
            self._take()

    @Slot()
    def _on_turn(self) -> None:
        if self._running:
            self._take()

    def _take(self) -> None:
        blocks, more = self._inbox.take(_MOST_A_TURN)
        if blocks or not self._ending:
            self.arrived.emit(blocks)
        if self._ending is not None and not more:
            self._running = False
            self.elapsed_s = time.monotonic() - self._began
            self.ended.emit(self._ending[0])
            return
        # Also when nothing is there just now: what comes meanwhile is taken together.
        self._turn.start()

    def end(self, inbox: _Inbox, error: VidcdnError | None) -> None:
        """The worker of this inbox has ended."""
        if inbox is self._inbox and self._running:
            self._ending = (error,)
            self._turn.stop()
            self._take()


class _Ender(QObject):
    """Knows which listing its ending is about."""

    def __init__(self, lister: Lister, inbox: _Inbox) -> None:
        super().__init__(lister)
        self._lister = lister
        self._inbox = inbox

    @Slot()
    def on_end(self) -> None:
        self._lister.end(self._inbox, None)

    @Slot(object)
    def on_error(self, error: VidcdnError) -> None:
        self._lister.end(self._inbox, error)
