"""The right panel of the Library: one object in full, several in a few figures. Only shows; `details` fetches and acts.

All text of objects is somebody else's: it is shown as plain text, and what is copied is exactly what is meant.
"""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vidcdn_desktop.delivery.session import PlaybackFacts
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library import details_words as words
from vidcdn_desktop.gui.library.details_film import FilmSection
from vidcdn_desktop.gui.library.details_stage import DetailsStage
from vidcdn_desktop.gui.library.details_versions import VersionList
from vidcdn_desktop.gui.library.details_words import LinkFacts
from vidcdn_desktop.gui.library.selection import Selected
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.widgets import Button, Fact, FactsGrid, FlowLayout, PlainLabel
from vidcdn_desktop.jobs.details import ObjectDetails
from vidcdn_desktop.jobs.film_details import FilmDetails
from vidcdn_desktop.media.info import MediaInfo
from vidcdn_desktop.storage.copying import ARCHIVES
from vidcdn_desktop.storage.keys import decode_metadata
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display, format_duration

_HINT = "Select an object to see its link, its headers and what is in it."
ACTIONS = {"copy": "Copy link", "embed": "Copy embed", "invalidate": "Invalidate"}
"""What the panel's buttons do with its object, in this order."""


class Section(QWidget):
    """A heading with rows; gone while it has none."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 6, 0, 0)
        self.column.setSpacing(6)
        self.column.addWidget(PlainLabel(title, role="section"))
        self.grid = FactsGrid()
        self.column.addWidget(self.grid)

    def set_rows(self, rows: list[Fact]) -> None:
        """Show these."""
        self.grid.set_rows(rows)
        self.setVisible(bool(rows))


class DetailsPanel(QWidget):
    """GUI thread. `row` is the object that is shown; the actions are about it, whatever is selected meanwhile."""

    action_wanted = Signal(str)
    """One of `ACTIONS`."""
    shown = Signal()
    gone = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row: Row | None = None
        self._details = ObjectDetails(ObjectRef("", ""))
        self._link: LinkFacts | None = None
        self._film: FilmDetails | None = None
        self._played: PlaybackFacts | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.stage = DetailsStage()
        self.title = PlainLabel(role="strong", wrap=True, selectable=True)
        self.line = PlainLabel(role="small", wrap=True, selectable=True)
        self.problem = PlainLabel(role="danger", wrap=True, selectable=True)
        for top in (self.stage, self.title, self.line, self.problem):
            column.addWidget(top)
        self.delivery = Section("Delivery")
        self._build_actions()
        self.object = Section("Object")
        self.versions = VersionList()
        self.object.column.addWidget(self.versions)
        self.metadata = Section("Metadata")
        self.tags = Section("Tags")
        self.film = FilmSection()
        self.summary = FactsGrid()
        for widget in (self.summary, self.delivery, self.object, self.metadata, self.tags, self.film):
            column.addWidget(widget)
        column.addStretch(1)
        self.show_nothing()

    def _build_actions(self) -> None:
        holder = QWidget()
        flow = FlowLayout(holder, gap=4)
        self.buttons: dict[str, Button] = {}
        for verb, text in ACTIONS.items():
            button = Button(text, small=True)
            button.setProperty("verb", verb)
            button.clicked.connect(self._on_clicked)
            flow.addWidget(button)
            self.buttons[verb] = button
        self.delivery.column.addWidget(holder)

    # What is shown
    def show_nothing(self) -> None:
        """Nothing is selected: say what stands here."""
        self._show_general("", [])
        self.line.set_text(_HINT)
        self.line.show()

    def show_several(self, selected: Selected) -> None:
        """A few figures of a selection."""
        self._show_general(words.summary_title(selected), words.summary_rows(selected))

    def show_folder(self, bucket: str, row: Row) -> None:
        """What is known of a folder without listing it."""
        address = Fact("Address", display(str(ObjectRef(bucket, row.key)), 2000), "mono")
        self._show_general(row.name, [Fact("Kind", "Folder"), address])
        self.line.set_text("Open it to see what is in it.")
        self.line.show()

    def _show_general(self, title: str, rows: list[Fact]) -> None:
        self.row = None
        self.stage.end()
        for widget in (self.stage, self.line, self.problem, self.delivery, self.object, self.metadata, self.tags):
            widget.hide()
        self.film.hide()
        self.title.set_text(title)
        self.title.setVisible(bool(title))
        self.summary.set_rows(rows)
        self.summary.setVisible(bool(rows))

    def show_object(self, bucket: str, row: Row) -> None:
        """Another object, as the listing knows it; the same one again keeps what is known until there is more."""
        same = self.row is not None and (self.row.key, self.row.etag) == (row.key, row.etag)
        self.row = row
        if same:
            return
        self._details = ObjectDetails(ObjectRef(bucket, row.key))
        self._link = self._played = None
        self.summary.hide()
        self.problem.hide()
        self.line.hide()
        # What lies in an archive cannot be read, so nobody is asked what is in it.
        readable = row.kind == "Video" and row.storage_class not in ARCHIVES
        self._film = None if readable else FilmDetails(None)
        self.stage.show_poster(playable=readable)
        self.stage.setVisible(row.kind in ("Video", "Thumbnail"))
        self.versions.forget()
        self.film.forget(shown=readable)
        self._show_rows()

    def _show_rows(self) -> None:
        row = self.row
        if row is None:
            return
        details = self._details
        self.title.set_text(display(details.title, 300) or row.name)
        self.title.show()
        film = (self._film is not None, self._film.facts if self._film else None)
        self.delivery.set_rows(words.delivery_rows(row, self._link, details, film, self._played))
        served = self._link is not None and self._link.url is not None
        self.buttons["embed"].setVisible(row.kind == "Video")
        for verb in ("embed", "invalidate"):
            self.buttons[verb].setEnabled(served)
        self.object.set_rows(words.object_rows(row, details))
        self.versions.set_versions(details.versions.value)
        facts = details.facts.value
        self.metadata.set_rows(words.named_rows(decode_metadata(facts.metadata)) if facts else [])
        self.tags.set_rows(words.tag_rows(details.tags))

    @Slot(object)
    def set_details(self, details: ObjectDetails) -> None:
        """More is known."""
        self._details = details
        self.problem.hide()
        self._show_rows()

    @Slot(object)
    def set_link(self, link: LinkFacts) -> None:
        """Where viewers find it."""
        self._link = link
        self._show_rows()

    @Slot(object)
    def set_film(self, film: FilmDetails) -> None:
        """What is in it."""
        self._film = film
        if self.row is not None:
            self.film.show_film(film, self.row.size or 0)
            self.stage.set_badge(format_duration(film.facts.duration_s) if film.facts else "")
            self._show_rows()

    @Slot(object)
    def set_index(self, found: MediaInfo | VidcdnError) -> None:
        """All that the index tells, or why it could not be read."""
        self.film.show_all(found)

    @Slot(object)
    def set_problem(self, error: VidcdnError) -> None:
        """Nothing can be told of it."""
        self.problem.set_text(display(" ".join(part for part in (error.what, error.advice) if part), 500))
        self.problem.show()
        self._details = self._details.given_up()
        self._show_rows()

    def set_played(self, line: str, played: PlaybackFacts) -> None:
        """What the player has measured."""
        self.line.set_text(line)
        self.line.show()
        before = words.range_requests(self._played)
        self._played = played
        if words.range_requests(played) != before:
            self._show_rows()

    @property
    def link(self) -> LinkFacts | None:
        """Where viewers find what is shown, as far as that is known."""
        return self._link

    @property
    def name(self) -> str:
        """The title of what is shown, else its name; somebody else's text."""
        return self._details.title or (self.row.name if self.row else "")

    @property
    def film_facts(self) -> FilmDetails | None:
        """What is known of the video."""
        return self._film

    @Slot()
    def _on_clicked(self) -> None:
        self.action_wanted.emit(str(self.sender().property("verb")))

    def showEvent(self, event: QShowEvent) -> None:
        """Somebody looks."""
        super().showEvent(event)
        self.shown.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks."""
        super().hideEvent(event)
        self.gone.emit()
