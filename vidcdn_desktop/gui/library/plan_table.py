"""The videos of a plan for fast start, one row each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.library import plan_words
from vidcdn_desktop.gui.widgets import RowsModel, RowsTable
from vidcdn_desktop.jobs.repair_batch import Outcome
from vidcdn_desktop.jobs.repair_report import RepairState
from vidcdn_desktop.textsafe import display, format_size

_COLUMNS = ("Name", "What happens", "Size", "Sends")
_WIDTHS = {1: 168, 2: 84, 3: 84}
_ORDER = {RepairState.WOULD: 0, None: 1, RepairState.LEFT: 2, RepairState.ALREADY: 3}
"""What will be done comes first, then what one should know."""


class PlanModel(RowsModel[Outcome]):
    """Outcomes of a plan, what will be done first."""

    def __init__(self) -> None:
        super().__init__(_COLUMNS, figures=(2, 3))
        self._skip = 0

    def set_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Show these; names without the folder they share."""
        self._skip = _shared(outcomes)
        self.set_rows(sorted(outcomes, key=lambda outcome: _ORDER[outcome.state]))

    def text(self, row: Outcome, column: int) -> str:
        """Name, what happens, size, what is sent."""
        report = row.report
        if column == 0:
            return display(row.ref.key[self._skip :])
        if column == 1:
            return plan_words.result(row)
        if report is None or (column == 2 and not report.size):
            return ""
        if column == 2:
            return format_size(report.size)
        return format_size(report.bytes_uploaded) if report.state is RepairState.WOULD else "–"

    def tint(self, row: Outcome, column: int) -> str:
        """What is not done is muted."""
        if row.state is RepairState.WOULD:
            return ""
        return "danger" if row.error is not None and column == 1 else "muted"


class PlanTable(RowsTable):
    """Shows a `PlanModel`, as high as its first rows."""

    def __init__(self, model: PlanModel, parent: QWidget | None = None) -> None:
        super().__init__(model, "Videos", _WIDTHS, parent)


def _shared(outcomes: Sequence[Outcome]) -> int:
    """How much of the keys is the same folder."""
    keys = [outcome.ref.key for outcome in outcomes]
    if not keys:
        return 0
    first, last = min(keys), max(keys)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first.rfind("/", 0, same) + 1
