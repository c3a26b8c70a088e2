"""The steps of a publish in a row: glyph, word and colour, and all of it as one sentence for a screen reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.widgets.flow import FlowLayout
from vidcdn_desktop.gui.widgets.labels import PlainLabel
from vidcdn_desktop.gui.widgets.style import plain_tooltip, set_property
from vidcdn_desktop.jobs.model import Step, StepSnapshot, StepState

STEP_NAMES: Mapping[Step, str] = {
    Step.INSPECT: "Inspect",
    Step.CONVERT: "Convert",
    Step.FAST_START: "Fast start",
    Step.UPLOAD: "Upload",
    Step.THUMBNAIL: "Thumbnail",
    Step.INVALIDATE: "Invalidate",
    Step.VERIFY: "Verify",
}

_GLYPHS = {StepState.DONE: "✓ ", StepState.RUNNING: "● ", StepState.FAILED: "✕ ", StepState.SKIPPED: "– "}

_WORDS = {
    StepState.WAITING: "waiting",
    StepState.RUNNING: "running",
    StepState.DONE: "done",
    StepState.SKIPPED: "not needed",
    StepState.FAILED: "failed",
}


class StepRow(QWidget):
    """Shows `StepSnapshot`s; wraps where it is narrow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = FlowLayout(self, gap=8, line_gap=2)
        self._labels: list[PlainLabel] = []
        self._shown: tuple[StepSnapshot, ...] = ()

    def set_steps(self, steps: Sequence[StepSnapshot]) -> None:
        """Show these; only what changed is touched, so it may be called ten times a second."""
        steps = tuple(steps)
        if steps == self._shown:
            return
        while len(self._labels) < len(steps):
            label = PlainLabel(role="step", parent=self)
            self._flow.addWidget(label)
            self._labels.append(label)
        for label, snapshot in zip(self._labels, steps, strict=False):
            text = _GLYPHS.get(snapshot.state, "") + STEP_NAMES[snapshot.step]
            if text != label.text():
                label.setText(text)
            set_property(label, "state", snapshot.state.value)
            label.setToolTip(plain_tooltip(self._tip(snapshot)))
            label.show()
        for label in self._labels[len(steps) :]:
            label.hide()
        self._shown = steps
        self.setAccessibleName("Steps: " + ", ".join(f"{STEP_NAMES[s.step]} {_WORDS[s.state]}" for s in steps))
        self._flow.invalidate()

    @staticmethod
    def _tip(snapshot: StepSnapshot) -> str:
        parts = [snapshot.note] if snapshot.note else []
        if snapshot.seconds is not None:
            parts.append(f"{snapshot.seconds:.2f} s")
        return " · ".join(parts)
