"""What the list is narrowed by: a chip for each filter, what of the line could not be read, and how far looks are."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.library.filter_words import chips, without_filters
from vidcdn_desktop.gui.widgets import Button, Chip, FlowLayout, LinkButton, PlainLabel, announce
from vidcdn_desktop.jobs.query import Query
from vidcdn_desktop.jobs.query_text import Reading


class QueryBar(QWidget):
    """Stands above the list while there is something to say. GUI thread."""

    changed = Signal(object)
    """Query: what is left when a chip was taken away, or all were."""
    look_wanted = Signal()
    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self._chip_box = QWidget()
        self._flow = FlowLayout(self._chip_box, gap=6, line_gap=5)
        self._chips: list[tuple[Chip, Query]] = []
        self.clear = LinkButton("Clear filters", small=True)
        self.clear.clicked.connect(self._on_clear)
        self._flow.addWidget(self.clear)
        column.addWidget(self._chip_box)
        self.message = PlainLabel(wrap=True)
        column.addWidget(self.message)
        self._looks = QWidget()
        row = QHBoxLayout(self._looks)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.status = PlainLabel(role="small")
        self.look = Button("Look at the others", small=True)
        self.look.clicked.connect(self.look_wanted)
        self.stop = Button("Stop looking", small=True, icon_name="stop")
        self.stop.clicked.connect(self.stop_wanted)
        for widget in (self.status, self.look, self.stop):
            row.addWidget(widget)
        row.addStretch(1)
        column.addWidget(self._looks)
        self._query = Query()
        self.show_reading(Reading(self._query))
        self.show_looks("", 0, is_looking=False)

    # What it says
    def show_reading(self, reading: Reading, *, is_wanted: bool = False) -> None:
        """Show what was understood, and in words what was not.

        Args:
            reading: Of the line.
            is_wanted: The user asked for more than the list; what cannot be read stands in the way of it.
        """
        self._set_query(reading.query)
        refused = reading.refused[0] if reading.refused else None
        self.message.set_text(refused.why if refused is not None else "")
        # Whoever is still at a word has made no mistake yet.
        unfinished = refused is not None and refused.is_unfinished and not is_wanted
        self.message.set_role("muted" if unfinished else "danger")
        self.message.setVisible(refused is not None)
        if refused is not None and is_wanted:
            announce(self.message, refused.why)
        self._fit()

    def _set_query(self, query: Query) -> None:
        if query == self._query:
            return
        self._query = query
        had_focus = any(chip.isAncestorOf(self.focusWidget() or self) for chip, _ in self._chips)
        for chip, _ in self._chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for narrowing in chips(query):
            made = Chip(narrowing.label, prose=True)
            made.removed.connect(self._on_removed)
            self._flow.insert_widget(len(self._chips), made)
            self._chips.append((made, narrowing.without))
            made.show()
        if had_focus:
            self.clear.setFocus()

    def show_looks(self, text: str, left: int, *, is_looking: bool, is_first: bool = False) -> None:
        """Tell how many films were looked at.

        Args:
            text: In words; empty for nothing.
            left: How many are left; it is offered to look at them.
            is_looking: Whether that is being done.
            is_first: None of them was looked at before.
        """
        self.status.set_text(text)
        which = "it" if left == 1 else f"all {left:,}" if is_first else f"the other {left:,}"
        self.look.set_text(f"Look at {which}")
        self.look.setVisible(bool(left) and not is_looking)
        self.stop.setVisible(is_looking)
        self._looks.setVisible(bool(text))
        self._fit()

    def _fit(self) -> None:
        self._chip_box.setVisible(bool(self._chips))
        parts = (self._chip_box, self.message, self._looks)
        self.setVisible(any(not part.isHidden() for part in parts))

    def labels(self) -> list[str]:
        """What the chips say, in order."""
        return [chip.text for chip, _ in self._chips]

    # What the user does
    @Slot(object)
    def _on_removed(self, chip: Chip) -> None:
        self.changed.emit(next(without for shown, without in self._chips if shown is chip))

    @Slot()
    def _on_clear(self) -> None:
        self.changed.emit(without_filters(self._query))
