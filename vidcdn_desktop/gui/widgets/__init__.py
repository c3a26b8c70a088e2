"""The component set. Pages are built from these and bring no colour, font or style sheet of their own.

Layout of a page (see `MainWindow` for how it is put in)::

    class DeliveryPage(QWidget):
        def __init__(self, ...):
            super().__init__()
            outer = QVBoxLayout(self); outer.setContentsMargins(0, 0, 0, 0); outer.setSpacing(0)
            header = PageHeader("Delivery")
            header.add_start(self.picker)            # ComboButton beside the title
            header.add_end(Button("New…"))           # at the far end
            body, column = page_body()               # page margins and spacing
            outer.addWidget(header)
            outer.addWidget(Drawer(body, panel), 1)  # or outer.addWidget(body, 1) without a right panel
            outer.addWidget(footer)                  # PageFooter: set_status("…"), add_end(PrimaryButton("…"))

        @Slot(object)
        def set_connection(self, facts: ConnectionFacts) -> None: ...

The window puts the practice banner between your header and the rest: it inserts it at index 1 of the page's own
vertical layout, so keep the header at index 0.

Which one to take
    text         `PlainLabel(text, role=…, wrap=…, selectable=…)`; one line that must fit: `ElidedLabel(mono=True)`
    roles        "" title dialog-title heading hero strong section muted small mono success warning danger
    facts        `Badge(text, kind)`, `FactsGrid().set_rows([Fact(label, value, kind)])`, `FindingRow(state, text)`
    buttons      `PrimaryButton` (one per view), `Button(small=True)` in cards, also `Link-`, `Danger-`, `IconButton`
    forms        `ComboBox(name)`, `CheckBox(text)`, `SearchEdit`, `QLineEdit` (mono, invalid, inline, onsurface)
    choices      `SegmentedControl([(value, text)], name)`, `ComboButton(name)` in headers
    containers   `Card(selectable=True)`, `Drawer(content, panel)`, `FlowLayout` (badges, small buttons)
    scrolling    `ScrollColumn().column`: its bar stands in the page's margin, so leave it `GUTTER` at both sides
    files        `DropZone(slim=…)`: `files_dropped(list[Path])`, `browse_requested`, `sample_requested`
    tables       `RowsTable(model, "Videos", {2: 84})`: `fit(6)`; a subclass of `RowsModel` has the words
    progress     `ThinProgress().set_fraction(0.4 | None)`, `StepRow().set_steps(snapshot.steps)`
    boxes        `BoxStrip().set_boxes(layout.boxes, layout.boxes_after)`
    picture      `PosterView(width=160)`: `set_jpeg(bytes)`, `set_badge("12:31")`; `fixed=False` fills a column
    paths        `PathChips(checker)`: the checker gives a sentence or ""; single ones: `Chip(text, prose=True)`
    states       `EmptyState`, `ErrorPanel().set_error(error, "Try again")`, `Skeleton().start()/stop()`
    remarks      `NotePanel(text, "warning")` about the whole page
    messages     `Toast(page).show_message("Link copied")`, `announce(widget, "…")` for assistive tools only

Rules
    - Text from outside goes through these labels (plain text) or `plain_tooltip` / `plain_button_text`.
    - A widget that paints itself asks `gui.theme.color("accent")` at every paint; icons come from
      `gui.icons.icon(name, tint)` or `IconLabel(name, tint, size)`.
    - Change a style property with `set_property(widget, "kind", …)`, never with a style sheet.
    - Setters are cheap when nothing changed: call them with every snapshot.
    - Signals carry `object`. Anything that blocks goes through `gui.background.run_in_background`.
"""

from vidcdn_desktop.gui.widgets.boxstrip import BoxStrip
from vidcdn_desktop.gui.widgets.buttons import (
    Button,
    DangerButton,
    IconButton,
    LinkButton,
    PrimaryButton,
    plain_button_text,
)
from vidcdn_desktop.gui.widgets.card import Card
from vidcdn_desktop.gui.widgets.chips import Chip, PathChips
from vidcdn_desktop.gui.widgets.combobutton import ComboButton
from vidcdn_desktop.gui.widgets.direction import TextDelegate, embedded, stand_at_start
from vidcdn_desktop.gui.widgets.drawer import Drawer
from vidcdn_desktop.gui.widgets.dropzone import DropZone, local_paths
from vidcdn_desktop.gui.widgets.facts import Fact, FactsGrid, FindingRow
from vidcdn_desktop.gui.widgets.flow import FlowLayout
from vidcdn_desktop.gui.widgets.iconlabel import IconLabel
from vidcdn_desktop.gui.widgets.inputs import CheckBox, ComboBox, SearchEdit
from vidcdn_desktop.gui.widgets.labels import Badge, ElidedLabel, LiveLabel, PlainLabel
from vidcdn_desktop.gui.widgets.page import PAGE_MARGIN, PageFooter, PageHeader, page_body
from vidcdn_desktop.gui.widgets.poster import PosterView, decode_poster
from vidcdn_desktop.gui.widgets.progress import Skeleton, ThinProgress
from vidcdn_desktop.gui.widgets.rowstable import RowsModel, RowsTable
from vidcdn_desktop.gui.widgets.scrollcolumn import GUTTER, ScrollColumn, beside_bar
from vidcdn_desktop.gui.widgets.segmented import SegmentedControl
from vidcdn_desktop.gui.widgets.states import EmptyState, ErrorPanel, NotePanel
from vidcdn_desktop.gui.widgets.steps import STEP_NAMES, StepRow
from vidcdn_desktop.gui.widgets.style import plain_tooltip, restyle, set_property
from vidcdn_desktop.gui.widgets.toast import Toast, announce

__all__ = [
    "GUTTER",
    "PAGE_MARGIN",
    "STEP_NAMES",
    "Badge",
    "BoxStrip",
    "Button",
    "Card",
    "CheckBox",
    "Chip",
    "ComboBox",
    "ComboButton",
    "DangerButton",
    "Drawer",
    "DropZone",
    "ElidedLabel",
    "EmptyState",
    "ErrorPanel",
    "Fact",
    "FactsGrid",
    "FindingRow",
    "FlowLayout",
    "IconButton",
    "IconLabel",
    "LinkButton",
    "LiveLabel",
    "NotePanel",
    "PageFooter",
    "PageHeader",
    "PathChips",
    "PlainLabel",
    "PosterView",
    "PrimaryButton",
    "RowsModel",
    "RowsTable",
    "ScrollColumn",
    "SearchEdit",
    "SegmentedControl",
    "Skeleton",
    "StepRow",
    "TextDelegate",
    "ThinProgress",
    "Toast",
    "announce",
    "beside_bar",
    "decode_poster",
    "embedded",
    "local_paths",
    "page_body",
    "plain_button_text",
    "plain_tooltip",
    "restyle",
    "set_property",
    "stand_at_start",
]
