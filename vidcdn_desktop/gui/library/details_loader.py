"""Finds out about the one object that is selected, off the GUI thread, and gives up when the selection moves on.

selection ──(a moment of rest)──> details │ link │ film │ picture ── a thread each ──> the panel, as each arrives
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.details_words import LinkFacts
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.streamed import run_streamed
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.details import DetailsReader
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.film_details import FilmDetails, all_facts, film_details
from vidcdn_desktop.media.info import MediaInfo
from vidcdn_desktop.storage.copying import ARCHIVES
from vidcdn_desktop.storage.port import ObjectRef, StoredObject

REST_MS = 150
"""Who goes through rows with the arrow keys sends nothing."""


@dataclass(frozen=True)
class Subject:
    """The object that is looked at."""

    connection: Connection
    row: Row
    picture: Row | None = None
    """The picture beside it, or itself where it is one."""

    @property
    def ref(self) -> ObjectRef:
        """Where it is."""
        return ObjectRef(self.connection.profile.bucket, self.row.key)

    @property
    def stored(self) -> StoredObject:
        """As the listing tells it."""
        row = self.row
        return StoredObject(self.ref, row.size or 0, row.etag, last_modified=row.modified)


@dataclass(frozen=True)
class _Told:
    """Something that was found out, and for which selection."""

    token: CancelToken
    value: object


class DetailsLoader(QObject):
    """GUI thread. Signals are only of the object that is wanted now."""

    details = Signal(object)
    """ObjectDetails, more each time."""
    link = Signal(object)
    """LinkFacts."""
    film = Signal(object)
    """FilmDetails."""
    picture = Signal(object)
    """QImage."""
    index = Signal(object)
    """MediaInfo, or the VidcdnError that it could not be read by."""
    failed = Signal(object)
    """VidcdnError: nothing can be told of the object."""

    def __init__(
        self,
        cache: FactCache | None,
        fetch_picture: Callable[[Connection, Row, Row | None, CancelToken], QImage],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._cache = cache
        self._fetch_picture = fetch_picture
        self._subject: Subject | None = None
        self._token = CancelToken()
        self._reader: tuple[Connection, DetailsReader] | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest)

    def want(self, subject: Subject) -> None:
        """Find out about this one, once the selection has been at rest for a moment."""
        self.stop()
        self._subject = subject
        self._rest.start()

    def stop(self) -> None:
        """Nothing is wanted any more; what is under way is cut off."""
        self._rest.stop()
        self._token.cancel()
        self._subject = None

    @Slot()
    def _on_rest(self) -> None:
        subject = self._subject
        if subject is None:
            return
        token = self._token = CancelToken()
        reader = self._reader_of(subject.connection)

        run_streamed(self, lambda: _details(reader, subject, token), self._on_details, token=token)
        self._run(self._on_link, lambda: _link(subject), token)
        row, cache = subject.row, self._cache
        in_archive = row.storage_class in ARCHIVES
        if subject.picture is not None or (row.kind == "Video" and not in_archive):
            self._run(
                self._on_picture,
                lambda: self._fetch_picture(subject.connection, row, subject.picture, token),
                token,
            )
        if cache is not None and row.kind == "Video" and not in_archive:
            self._run(self._on_film, lambda: _film(subject, cache, token), token)

    def read_all_facts(self) -> None:
        """Read all that the index of the video tells."""
        subject, token = self._subject, self._token
        if subject is not None:
            self._run(self._on_index, lambda: _index(subject, token), token)

    def _reader_of(self, connection: Connection) -> DetailsReader:
        """One for each connection: it remembers what need not be asked again."""
        if self._reader is None or self._reader[0] is not connection:
            self._reader = connection, DetailsReader(connection)
        return self._reader[1]

    def _run(self, receiver: Callable[[_Told], None], work: Callable[[], object], token: CancelToken) -> None:
        run_in_background(self, lambda: _Told(token, work()), receiver, token=token)

    def _is_wanted(self, told: _Told) -> bool:
        return told.token is self._token and not told.token.is_cancelled

    @Slot(object)
    def _on_details(self, told: _Told) -> None:
        if self._is_wanted(told):
            (self.failed if isinstance(told.value, VidcdnError) else self.details).emit(told.value)

    @Slot(object)
    def _on_link(self, told: _Told) -> None:
        if self._is_wanted(told):
            self.link.emit(told.value)

    @Slot(object)
    def _on_film(self, told: _Told) -> None:
        if self._is_wanted(told):
            self.film.emit(told.value)

    @Slot(object)
    def _on_picture(self, told: _Told) -> None:
        if self._is_wanted(told):
            self.picture.emit(told.value)

    @Slot(object)
    def _on_index(self, told: _Told) -> None:
        if self._is_wanted(told):
            self.index.emit(told.value)


def _details(reader: DetailsReader, subject: Subject, token: CancelToken) -> Iterator[_Told]:
    """What is known, more each time; or, as a value, why nothing is."""
    try:
        for found in reader.read(subject.ref, token):
            yield _Told(token, found)
    except VidcdnError as exc:
        yield _Told(token, exc)


def _link(subject: Subject) -> LinkFacts:
    connection = subject.connection
    url = connection.url_of(subject.row.key)
    if url is None:
        problem = connection.cdn_problem
        return LinkFacts(None, problem=f"Not known: {problem.what}" if problem is not None else "")
    beside = connection.url_of(subject.picture.key) if subject.picture is not None else None
    return LinkFacts(url, beside.url if beside is not None else "")


def _film(subject: Subject, cache: FactCache, token: CancelToken) -> FilmDetails:
    try:
        return film_details(subject.connection, cache, subject.stored, token)
    except VidcdnError as exc:
        return FilmDetails(None, problem=" ".join(part for part in (exc.what, exc.advice) if part))


def _index(subject: Subject, token: CancelToken) -> MediaInfo | VidcdnError:
    try:
        return all_facts(subject.connection, subject.stored, token)
    except VidcdnError as exc:
        return exc
