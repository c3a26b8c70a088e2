"""What is found out about the rows on screen, and only about those: a few at a time, given up when they scroll away.

view scrolled, rows came ──> `want` ──(a moment of rest)──> what is not known yet ──> thread ──> model, row by row
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.streamed import run_streamed
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.scan import Scanner
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.storage.port import ObjectRef

_log = logging.getLogger(__name__)

_REST_MS = 120
_PARALLEL = 3
_MOST = 80
"""Rows looked at for one screen."""


@dataclass(frozen=True)
class Seen:
    """A row on screen."""

    row_id: int
    row: Row


class Insight(QObject):
    """Works for what is on screen. Subclasses say what is missing and how it is found out."""

    found = Signal(object)
    """int: the id of a row of which something is known now."""

    def __init__(self, model: ListingModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._connection: Connection | None = None
        self._seen: list[Seen] = []
        self._running: frozenset[int] = frozenset()
        self._token = CancelToken()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._on_rest)

    def want(self, connection: Connection | None, seen: Sequence[Seen]) -> None:
        """These rows are on screen now; looked at once the screen has been at rest for a moment."""
        self._connection = connection
        self._seen = list(seen[:_MOST])
        self._rest.start()

    def stop(self) -> None:
        """Nothing is on screen any more."""
        self._rest.stop()
        self._token.cancel()
        self._seen, self._running = [], frozenset()

    @Slot()
    def _on_rest(self) -> None:
        connection = self._connection
        missing = [seen for seen in self._seen if self.is_missing(seen)]
        ids = frozenset(seen.row_id for seen in missing)
        if connection is None or not ids or (ids <= self._running and not self._token.is_cancelled):
            if not ids:
                self._token.cancel()
                self._running = frozenset()
            return
        self._token.cancel()
        token = self._token = CancelToken()
        self._running = ids
        prepared = self.prepare(missing)
        run_streamed(
            self,
            lambda: ((token, step) for step in self.steps(connection, prepared, token)),
            self._on_step,
            self._on_end,
            self._on_error,
            token=token,
        )

    @Slot(object)
    def _on_step(self, told: tuple[CancelToken, object]) -> None:
        token, step = told
        # After `stop` another listing may give the same ids to other rows.
        if token is self._token and not token.is_cancelled:
            self.found.emit(self.take(step))

    @Slot()
    def _on_end(self) -> None:
        self._running = frozenset()

    @Slot(object)
    def _on_error(self, error: VidcdnError) -> None:
        # The listing itself tells what is wrong with the connection; this is only a luxury.
        self._running = frozenset()
        _log.info("what is on screen was not looked at: %s", error.what)

    def is_missing(self, seen: Seen) -> bool:
        """Whether something is to be found out about a row. GUI thread."""
        raise NotImplementedError

    def prepare(self, missing: Sequence[Seen]) -> Sequence[Seen]:
        """What the worker is given. GUI thread."""
        return missing

    def steps(self, connection: Connection, missing: Sequence[Seen], token: CancelToken) -> Iterator[object]:
        """Find it out. Worker's thread."""
        raise NotImplementedError

    def take(self, step: object) -> int:
        """Keep what was found out; the id of the row. GUI thread."""
        raise NotImplementedError


class FactInsight(Insight):
    """Streaming verdict, duration and codecs, from a few kilobytes of each video; kept by ETag on the disk."""

    def __init__(self, model: ListingModel, cache: FactCache, parent: QObject) -> None:
        super().__init__(model, parent)
        self._cache = cache

    def is_missing(self, seen: Seen) -> bool:
        """Videos that were not looked at."""
        return seen.row.kind == "Video" and not self._model.has_facts(seen.row_id)

    def steps(self, connection: Connection, missing: Sequence[Seen], token: CancelToken) -> Iterator[object]:
        """First what is known, at once; then the others."""
        scanner = Scanner(
            connection.storage,
            connection.clients.endpoint,
            self._cache,
            parallel=_PARALLEL,
            renew=connection.reload_credentials,
        )
        bucket = connection.profile.bucket
        known = scanner.known(bucket, [seen.row.summary() for seen in missing])
        left = []
        for seen in missing:
            if seen.row.key in known:
                yield seen.row_id, known[seen.row.key]
            else:
                left.append(seen)
        ids = {seen.row.key: seen.row_id for seen in left}
        for looked in scanner.look(bucket, [seen.row.summary() for seen in left], token=token):
            yield ids[looked.item.key], looked.facts

    def take(self, step: object) -> int:
        """Into the model."""
        assert isinstance(step, tuple)
        row_id: int = step[0]
        facts: VideoFacts | None = step[1]
        self._model.set_facts(row_id, facts)
        return row_id


class CacheHeaderInsight(Insight):
    """What Cache-Control says: one HEAD an object, only while the column is shown."""

    def is_missing(self, seen: Seen) -> bool:
        """Objects that were not asked."""
        return not seen.row.is_folder and not self._model.has_cache_header(seen.row_id)

    def steps(self, connection: Connection, missing: Sequence[Seen], token: CancelToken) -> Iterator[object]:
        """One HEAD each, a few side by side."""

        def one(seen: Seen) -> tuple[int, str]:
            token.raise_if_cancelled()
            try:
                stored = connection.storage.head(ObjectRef(connection.profile.bucket, seen.row.key))
            except VidcdnError as exc:
                return seen.row_id, f"({exc.title.lower()})"
            return seen.row_id, stored.headers.cache_control if stored.headers is not None else ""

        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="headers") as pool:
            yield from pool.map(one, missing)

    def take(self, step: object) -> int:
        """Into the model."""
        assert isinstance(step, tuple)
        self._model.set_cache_header(step[0], step[1])
        row_id: int = step[0]
        return row_id
