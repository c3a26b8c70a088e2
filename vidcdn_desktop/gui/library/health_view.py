"""What is not well below a folder, kind by kind, as it is found; and what can be done about it."""

from __future__ import annotations

from contextlib import ExitStack

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, VidcdnError
from vidcdn_desktop.gui.library import health_words
from vidcdn_desktop.gui.library.health_card import HealthCard
from vidcdn_desktop.gui.library.long_look import Board
from vidcdn_desktop.gui.library.overview import Overview, Work
from vidcdn_desktop.gui.library.places import above
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.widgets import Button, Card, FindingRow, ScrollColumn
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.headcache import HeadCache
from vidcdn_desktop.jobs.health import Known, Survey, Wanted
from vidcdn_desktop.jobs.health_model import Concern, Finding, HealthReport, Section
from vidcdn_desktop.jobs.journal import Journal

_ORDER = list(Concern)


class HealthView(Overview):
    """The findings of one folder.

    Args:
        facts: What is known of videos, on disk; None: the file is opened for each look.
    """

    fix_wanted = Signal(object)
    """Concern: its findings are to be mended, as `report` has them."""
    fix_all_wanted = Signal()
    """All that can be."""

    def __init__(self, facts: FactCache | None, parent: QWidget | None = None) -> None:
        super().__init__("health", parent)
        self._facts = facts
        self.journal: Journal | None = None
        """Tells which unfinished uploads are this program's own; without it none is said to be nobody's."""
        self.wanted = Wanted()
        """What to look for, and how much of it."""
        self.cards: dict[Concern, HealthCard] = {}
        self.sections: dict[Concern, Section] = {}
        """What was found so far."""
        self._scroll = ScrollColumn()
        self._column = self._scroll.column
        self._column.addStretch(1)
        self._rest: Card | None = None
        self.stack.addWidget(self._scroll)
        self.fix_all = Button("Fix all…", small=True)
        self.fix_all.clicked.connect(self._on_fix_all)
        self.head.addWidget(self.fix_all)
        self.fix_all.hide()
        self._at_rest()

    @property
    def report(self) -> HealthReport | None:
        """What was found of this folder; while a look goes on, or after it was stopped, so far."""
        if isinstance(self.result, HealthReport):
            return self.result
        if self.connection is None or not self.sections:
            return None
        return HealthReport(self.connection.profile.bucket, self.prefix, 0, 0, dict(self.sections), 0)

    # The look
    def work(self, connection: Connection, prefix: str) -> Work:
        """A survey of everything below the folder."""
        facts, journal, wanted = self._facts, self.journal, self.wanted

        def look(board: Board, token: CancelToken) -> HealthReport:
            with ExitStack() as stack:
                cache = facts if facts is not None else stack.enter_context(FactCache())
                known = Known(cache, stack.enter_context(HeadCache()), journal)
                survey = Survey(
                    connection, prefix, wanted, known, token=token, on_progress=board.tell, on_section=board.add
                )
                return survey.run()

        return look

    def clear(self) -> None:
        """Nothing is known."""
        self.sections = {}
        for card in self.cards.values():
            _drop(card)
        self.cards = {}
        if self._rest is not None:
            _drop(self._rest)
            self._rest = None
        self.fix_all.hide()

    @property
    def has_content(self) -> bool:
        """Whether something was found, or found to be well."""
        return bool(self.sections)

    def add(self, thing: object) -> None:
        """A section is complete."""
        assert isinstance(thing, Section)
        self.sections[thing.concern] = thing
        if thing.objects:
            card = self.cards[thing.concern] = HealthCard(thing, self.prefix)
            card.fix_wanted.connect(self._on_fix)
            card.chosen.connect(self._on_chosen)
            place = sum(_ORDER.index(concern) < _ORDER.index(thing.concern) for concern in self.cards)
            self._column.insertWidget(place, card)
        self._show_rest()
        self.show_page(self._scroll)

    def _show_rest(self) -> None:
        """One box for what is well and for what is not known, below the findings."""
        if self._rest is not None:
            _drop(self._rest)
            self._rest = None
        rest = [self.sections[concern] for concern in _ORDER if concern in self.sections]
        rest = [section for section in rest if not section.objects]
        if not rest:
            return
        self._rest = Card(name="Without findings")
        column = QVBoxLayout(self._rest)
        column.setContentsMargins(14, 9, 14, 9)
        column.setSpacing(1)
        for section in rest:
            column.addWidget(_row(section))
        self._column.insertWidget(len(self.cards), self._rest)

    def show_result(self, result: object) -> str:
        """All of it."""
        assert isinstance(result, HealthReport)
        for concern, section in result.sections.items():
            if self.sections.get(concern) is not section:
                self.add(section)
        refused = _refused(result)
        if refused is not None:
            self.show_error(harmless(refused))
            return ""
        self.fix_all.setVisible(any(section.fixable for section in result.sections.values()))
        if all(health_words.is_well(section) for section in result.sections.values()):
            self._show_well(result)
        return health_words.summary(result)

    def _show_well(self, report: HealthReport) -> None:
        if not report.objects:
            self.show_empty("Nothing here yet", "Publish a video, and it is looked after here.", "health")
        else:
            self.show_empty("All is well here", _WELL, "check")

    # What the user does
    @Slot(object)
    def _on_fix(self, concern: Concern) -> None:
        self.fix_wanted.emit(concern)

    @Slot()
    def _on_fix_all(self) -> None:
        self.fix_all_wanted.emit()

    @Slot(object)
    def _on_chosen(self, finding: Finding) -> None:
        """Of an unfinished upload there is no object to show, but its folder."""
        self.shown.emit(finding.ref.key if finding.upload is None else above(finding.ref.key))


_WELL = (
    "No unfinished uploads, no wrong content types, no missing cache headers, no thumbnails without their video, no"
    " duplicates, no videos that start slowly."
)


def _row(section: Section) -> FindingRow:
    if section.problem is not None:
        return FindingRow("unknown", health_words.unknown(section), advice=section.problem.sentence())
    if section.errors:
        return FindingRow("unknown", health_words.partly(section))
    return FindingRow("ok", health_words.fine(section))


def _refused(report: HealthReport) -> VidcdnError | None:
    """Why nothing at all could be looked at; None if something could."""
    problems = [section.problem for section in report.sections.values()]
    if problems and all(isinstance(problem, AccessDenied) for problem in problems):
        return problems[-1]
    return None


def _drop(widget: QWidget) -> None:
    widget.hide()
    widget.setParent(None)
    widget.deleteLater()
