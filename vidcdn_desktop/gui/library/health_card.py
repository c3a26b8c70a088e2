"""What was found of one concern: how many, how much, why it matters, which ones, and the button that mends them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.library import health_words
from vidcdn_desktop.gui.library.health_table import FindingModel, FindingTable
from vidcdn_desktop.gui.widgets import Button, Card, IconLabel, LinkButton, PlainLabel
from vidcdn_desktop.jobs.health_model import FIXABLE, Finding, Section


class HealthCard(Card):
    """A section with findings. Made anew for each look."""

    fix_wanted = Signal(object)
    """Concern."""
    chosen = Signal(object)
    """Finding: the user wants to see it in the list."""

    def __init__(self, section: Section, prefix: str, parent: QWidget | None = None) -> None:
        title = health_words.title(section)
        super().__init__(parent, name=title)
        self.section = section
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 11, 14, 11)
        column.setSpacing(4)
        column.addLayout(self._build_head(title))
        column.addWidget(PlainLabel(health_words.WHY[section.concern], role="small", wrap=True))
        for note in health_words.notes(section):
            column.addWidget(PlainLabel(note, role="small", wrap=True, selectable=True))
        self.table = FindingTable(FindingModel(section.findings, prefix), f"Examples: {title}")
        self.table.chosen.connect(self.chosen)
        column.addSpacing(2)
        column.addWidget(self.table)
        self._is_open = False
        self.more = LinkButton(f"Show all {len(section.findings):,}", small=True)
        self.more.clicked.connect(self._on_more)
        self.more.setVisible(len(section.findings) > self.table.model().rowCount())
        column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        unlisted = section.objects - len(section.findings)
        if unlisted:
            column.addWidget(PlainLabel(f"And {unlisted:,} more; the largest are listed.", role="small"))

    def _build_head(self, title: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(IconLabel("warning", "warning", 16))
        row.addWidget(PlainLabel(title, role="heading"))
        row.addWidget(PlainLabel(health_words.figures(self.section), role="small"))
        row.addStretch(1)
        self.fix = Button("Fix…", small=True)
        self.fix.setAccessibleName(f"Fix: {title}")
        self.fix.setVisible(self.section.concern in FIXABLE)
        self.fix.setEnabled(bool(self.section.fixable))
        self.fix.clicked.connect(self._on_fix)
        row.addWidget(self.fix)
        return row

    @Slot()
    def _on_fix(self) -> None:
        self.fix_wanted.emit(self.section.concern)

    @Slot()
    def _on_more(self) -> None:
        self._is_open = not self._is_open
        self.table.set_all(self._is_open)
        self.more.set_text("Show fewer" if self._is_open else f"Show all {len(self.section.findings):,}")

    def finding(self, row: int) -> Finding:
        """One that is shown."""
        return self.section.findings[row]
