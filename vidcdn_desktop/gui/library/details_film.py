"""What is in the video of the right panel: a few facts at once, all that its index tells on request."""

from __future__ import annotations

import json

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.details_words import WAITING, video_rows
from vidcdn_desktop.gui.widgets import BoxStrip, Fact, FactsGrid, LinkButton, PlainLabel
from vidcdn_desktop.jobs.film_details import FilmDetails
from vidcdn_desktop.jobs.model import report_json
from vidcdn_desktop.media.facts import fact_rows
from vidcdn_desktop.media.info import MediaInfo
from vidcdn_desktop.textsafe import display


class FilmSection(QWidget):
    """GUI thread."""

    all_wanted = Signal()
    """Read all facts."""
    copied = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._film: FilmDetails | None = None
        self._info: MediaInfo | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(6)
        column.addWidget(PlainLabel("Video", role="section"))
        self.grid = FactsGrid()
        self.note = PlainLabel(role="small", wrap=True, selectable=True)
        self.boxes = BoxStrip(before="Parts of the file", after="After a repair")
        self.all_grid = FactsGrid()
        for widget in (self.grid, self.note, self.boxes, self.all_grid):
            column.addWidget(widget)
        self.show_all_button = LinkButton("Show all facts", small=True)
        self.show_all_button.clicked.connect(self._on_show_all)
        self.copy_button = LinkButton("Copy as JSON", small=True)
        self.copy_button.clicked.connect(self._on_copy)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.show_all_button)
        line.addWidget(self.copy_button)
        line.addStretch(1)
        column.addLayout(line)

    def forget(self, *, shown: bool) -> None:
        """Another object; `shown`: it is a video."""
        self._film = self._info = None
        self.setVisible(shown)
        self.grid.set_rows([Fact("Picture", WAITING), Fact("Codec", WAITING), Fact("Duration", WAITING)])
        for widget in (self.note, self.boxes, self.all_grid, self.show_all_button, self.copy_button):
            widget.hide()
        self.show_all_button.set_text("Show all facts")
        self.show_all_button.setEnabled(True)

    def show_film(self, film: FilmDetails, size: int) -> None:
        """What a look has told."""
        self._film = film
        facts = film.facts
        rows = video_rows(facts, size) if facts is not None else []
        self.grid.set_rows(rows)
        self.grid.setVisible(bool(rows))
        note = film.problem if facts is None else " ".join(part for part in (facts.note, facts.unknown) if part)
        self.note.set_text(display(note, 400))
        self.note.setVisible(bool(note))
        if self._info is None:
            self.boxes.set_boxes(film.boxes)
            self.boxes.setVisible(bool(film.boxes))
        self.show_all_button.setVisible(facts is not None and facts.is_film)
        self.copy_button.setVisible(facts is not None)

    def show_all(self, found: MediaInfo | VidcdnError) -> None:
        """What the index tells, or why it could not be read."""
        self.show_all_button.setEnabled(True)
        if isinstance(found, VidcdnError):
            self.note.set_text(display(" ".join(part for part in (found.what, found.advice) if part), 400))
            self.note.show()
            return
        self._info = found
        self.boxes.set_boxes(found.layout.boxes, found.layout.boxes_after)
        self.boxes.setVisible(bool(found.layout.boxes))
        told = {fact.value for fact in self.grid.rows()}
        self.all_grid.set_rows([Fact(label, value) for label, value in fact_rows(found) if value not in told])
        self._set_open(True)

    def _set_open(self, is_open: bool) -> None:
        self.all_grid.setVisible(is_open)
        self.show_all_button.set_text("Hide all facts" if is_open else "Show all facts")

    def to_json(self) -> dict[str, object]:
        """What is known, for who wants it as data."""
        found: dict[str, object] = self._film.to_json() if self._film is not None else {}
        info = self._info
        if info is not None:
            found |= {
                "container": info.container,
                "duration_s": info.duration_s,
                "bit_rate": info.bit_rate,
                "layout": info.layout,
                "video": info.video,
                "audio": info.audio,
                "other": info.other,
                "tags": info.tags,
            }
        told = report_json(found)
        assert isinstance(told, dict)
        return told

    @Slot()
    def _on_show_all(self) -> None:
        if self._info is not None:
            self._set_open(self.all_grid.isHidden())
            return
        self.show_all_button.setEnabled(False)
        self.all_wanted.emit()

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(json.dumps(self.to_json(), indent=2, ensure_ascii=False))
        self.copied.emit()
