"""The Delivery page: which distribution, refresh what viewers see, its history, and the check of a link."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.invalidation import check_path, cost_line, request_invalidation
from vidcdn_desktop.delivery.model import Cdn, Distribution, Invalidation
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.delivery.history import HistoryModel, HistoryRow
from vidcdn_desktop.gui.delivery.link_check import LinkCheck
from vidcdn_desktop.gui.delivery.table import HistoryTable
from vidcdn_desktop.gui.delivery.watch import follow
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import (
    GUTTER,
    PAGE_MARGIN,
    Badge,
    Button,
    Card,
    CheckBox,
    ComboButton,
    EmptyState,
    ErrorPanel,
    PageHeader,
    PathChips,
    PlainLabel,
    PrimaryButton,
    ScrollColumn,
    page_body,
)
from vidcdn_desktop.textsafe import display, plural

_LISTED = 50
_NO_HISTORY = "Nothing was refreshed here lately. What you invalidate appears here with its progress."


@dataclass(frozen=True)
class _History:
    distribution_id: str
    invalidations: tuple[Invalidation, ...]


def path_problem(text: str) -> str:
    """What is wrong with a path, for the chips; empty if nothing is."""
    return check_path(text).problem


class DeliveryPage(QWidget):
    """Works on the distributions that serve the session's bucket."""

    connections_requested = Signal()
    _told = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._distributions: dict[str, Distribution] = {}
        self._token = CancelToken()
        self._history_known = False
        self.model = HistoryModel()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        header = PageHeader("Delivery")
        self.picker = ComboButton("Distribution", placeholder="No distribution")
        self.picker.chosen.connect(self._on_picked)
        self.status = Badge()
        header.add_start(self.picker)
        header.add_start(self.status)
        outer.addWidget(header)
        self.stack = QStackedWidget()
        outer.addWidget(self.stack, 1)
        connections = Button("Open Connections")
        connections.clicked.connect(self.connections_requested)
        self.again = Button("Try again")
        self.again.clicked.connect(self._on_try_again)
        self.again.hide()
        self.empty = EmptyState("delivery", "Connecting…", "", [self.again, connections])
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._build_body())
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._on_tick)
        self._show_line()

    def _build_body(self) -> QWidget:
        holder, outer = page_body()
        outer.setContentsMargins(PAGE_MARGIN - GUTTER, 0, PAGE_MARGIN - GUTTER, 0)
        scroll = ScrollColumn()
        outer.addWidget(scroll)
        column = scroll.column
        column.addWidget(self._build_refresh())
        self.error = ErrorPanel()
        self.error.hide()
        column.addWidget(self.error)
        column.addWidget(PlainLabel("History", role="section"))
        self.no_history = PlainLabel(_NO_HISTORY, role="small", wrap=True)
        column.addWidget(self.no_history)
        self.table = HistoryTable(self.model)
        column.addWidget(self.table)
        column.addWidget(PlainLabel("Check a link", role="section"))
        self.link_check = LinkCheck(network=self._session.network)
        column.addWidget(self.link_check)
        column.addStretch(1)
        for changed in (self.model.modelReset, self.model.rowsInserted):
            changed.connect(self._show_history)
        self._show_history()
        return holder

    @Slot()
    def _show_history(self) -> None:
        rows = bool(self.model.rowCount())
        self.table.setVisible(rows)
        self.no_history.setVisible(not rows)

    def _build_refresh(self) -> Card:
        card = Card()
        column = QVBoxLayout(card)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(6)
        column.addWidget(PlainLabel("Refresh what viewers see", role="strong"))
        text = "Remove cached copies from every edge. The next viewer gets the new file."
        column.addWidget(PlainLabel(text, role="small", wrap=True))
        self.chips = PathChips(path_problem)
        self.chips.changed.connect(self._on_paths)
        column.addWidget(self.chips)
        row = QHBoxLayout()
        row.setSpacing(12)
        self.line = PlainLabel(role="small", wrap=True)
        row.addWidget(self.line, 1)
        self.check_fresh = CheckBox("Check that the new file is served")
        self.check_fresh.setChecked(True)
        row.addWidget(self.check_fresh)
        self.button = PrimaryButton("Invalidate")
        self.button.clicked.connect(self._on_invalidate)
        row.addWidget(self.button)
        column.addLayout(row)
        return card

    # The connection
    @Slot(object)
    def set_connection(self, facts: ConnectionFacts) -> None:
        """Show the distributions of the connection, or why there are none."""
        self._distributions = {d.id: d for d in facts.distributions}
        self.picker.set_items([(d.id, f"{d.id[:5]}… · {d.host}") for d in facts.distributions])
        chosen = next((d.id for d in facts.distributions if d.host == facts.domain), None)
        self.picker.setVisible(bool(self._distributions))
        self.status.setVisible(bool(self._distributions))
        if chosen is None:
            self._show_nothing(facts)
            return
        self.stack.setCurrentIndex(1)
        if self.picker.current() != chosen or not self._history_known:
            self.picker.set_current(chosen)
            self._on_picked(chosen)

    def _show_nothing(self, facts: ConnectionFacts) -> None:
        self._token.cancel()
        self._history_known = False
        self.stack.setCurrentIndex(0)
        self.again.setVisible(facts.problem is not None)
        if facts.status == "connecting":
            self.empty.set("Connecting…")
        elif facts.problem is not None:
            self.empty.set(facts.problem.what, facts.problem.advice)
        elif not facts.profile.has_cdn:
            text = "An S3-compatible store has no CloudFront. Videos get signed links straight to the bucket."
            self.empty.set("No CDN on this connection", text)
        else:
            text = f"No distribution of this account has the bucket “{facts.profile.bucket}” as its origin."
            self.empty.set("No distribution serves this bucket", text)

    @Slot()
    def _on_try_again(self) -> None:
        self._session.use(self._session.facts.profile.id)

    def _cdn(self) -> Cdn | None:
        connection = self._session.connection
        return connection.cdn if connection is not None else None

    @Slot(object)
    def _on_picked(self, distribution_id: str) -> None:
        distribution = self._distributions.get(distribution_id)
        cdn = self._cdn()
        if distribution is None:
            return
        self._token.cancel()
        self._token = CancelToken()
        if not distribution.enabled:
            self.status.set("Disabled", "danger")
        elif distribution.status == "Deployed":
            self.status.set("Deployed", "success")
        else:
            self.status.set("In progress", "accent")
        self.model.clear()
        self._history_known = False
        self.error.hide()
        if cdn is None:
            return

        def fetch() -> _History:
            return _History(distribution_id, cdn.list_invalidations(distribution_id, _LISTED))

        run_in_background(self, fetch, self._on_history, self._on_error, token=self._token)

    @Slot(object)
    def _on_history(self, history: _History) -> None:
        if history.distribution_id != self.picker.current():
            return
        self._history_known = True
        self.model.set_rows([HistoryRow(item) for item in history.invalidations])
        for item in history.invalidations:
            if not item.is_complete:
                self._follow(item, check=False)
        self._show_line()

    # Refreshing
    @Slot(object)
    def add_paths(self, new_paths: list[str]) -> None:
        """Put paths into the editor, as the Library does for its selection."""
        for path in new_paths:
            if path not in self.chips.paths():
                self.chips.add_path(path)
        self._show_line()

    @Slot(object)
    def _on_paths(self, _paths: object) -> None:
        self._show_line()

    def _used_this_month(self) -> int | None:
        """Paths sent this month, as far as the history reaches; None if it does not reach back to its first day."""
        now = datetime.now(UTC)
        rows = [row.invalidation for row in self.model.rows]
        month = [item for item in rows if (item.created.year, item.created.month) == (now.year, now.month)]
        if not self._history_known or (len(rows) >= _LISTED and len(month) == len(rows)):
            return None
        return sum(len(item.paths) for item in month)

    def _show_line(self) -> None:
        paths = self.chips.paths()
        used = self._used_this_month()
        warnings = [check_path(path).warning for path in paths]
        text = cost_line(paths, used) if used is not None and paths else plural(len(paths), "path")
        warning = next((w for w in warnings if w), "")
        bad = next((f"{display(path, 60)}: {path_problem(path)}" for path in paths if path_problem(path)), "")
        self.line.set_text(bad or (f"{text} · {warning}" if warning else text))
        self.line.set_role("danger" if bad else "small")
        self.button.setEnabled(bool(paths) and not bad)

    @Slot()
    def _on_invalidate(self) -> None:
        if not self.chips.commit_input():
            return
        paths, cdn = self.chips.paths(), self._cdn()
        distribution = self._distributions.get(self.picker.current())
        if not paths or cdn is None or distribution is None:
            return
        token, reference = self._token, f"vidcdn-{uuid.uuid4().hex}"
        self.button.setEnabled(False)
        self.error.hide()

        def create() -> Invalidation:
            made = request_invalidation(cdn, distribution.id, paths, reference, token=token)
            return made if made.paths else Invalidation(made.id, distribution.id, made.status, paths, made.created)

        run_in_background(self, create, self._on_created, self._on_error, token=token)

    @Slot(object)
    def _on_created(self, invalidation: Invalidation) -> None:
        self.chips.clear()
        self.model.put(HistoryRow(invalidation))
        self._follow(invalidation, check=self.check_fresh.isChecked())
        self._show_line()

    def _follow(self, invalidation: Invalidation, *, check: bool) -> None:
        cdn, distribution = self._cdn(), self._distributions.get(invalidation.distribution_id)
        if cdn is None or distribution is None:
            return
        token = self._token
        self._tick.start()
        run_in_background(
            self,
            lambda: follow(
                cdn,
                distribution,
                invalidation,
                check=check,
                tell=self._told.emit,
                token=token,
                network=self._session.network,
            ),
            self._on_followed,
            self._on_error,
            token=token,
        )

    @Slot(object)
    def _on_told(self, row: HistoryRow) -> None:
        if row.invalidation.distribution_id == self.picker.current():
            self.model.put(row)

    @Slot(object)
    def _on_followed(self, _nothing: object) -> None:
        self._on_tick()

    @Slot()
    def _on_tick(self) -> None:
        self.model.tick()
        if not self.model.in_progress():
            self._tick.stop()

    @Slot(object)
    def _on_error(self, error: VidcdnError) -> None:
        error.meaning = "Viewers may still get cached copies."
        self.error.set_error(error)
        self.error.show()
        self._show_line()
