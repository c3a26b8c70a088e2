"""The boxes of a file as a coloured strip, as they stand now and as they will be sent, with a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets.flow import FlowLayout
from vidcdn_desktop.gui.widgets.labels import PlainLabel
from vidcdn_desktop.gui.widgets.style import plain_tooltip
from vidcdn_desktop.media.boxwords import BoxGroup, BoxRole, box_groups, boxes_line
from vidcdn_desktop.media.info import BoxHeader

_HEIGHT = 14
_GAP = 1.0
_LEAST = 6.0
"""Pixels of the smallest group, so that an index of a thousandth of the film is still seen."""

_TINTS = {
    BoxRole.START: "muted",
    BoxRole.INDEX: "accent",
    BoxRole.FRAGMENT: "success",
    BoxRole.MEDIA: "border_strong",
    BoxRole.PADDING: "border",
    BoxRole.OTHER: "warning",
}


@dataclass(frozen=True)
class Span:
    """One coloured piece of a strip: from `left`, `width` pixels wide."""

    left: float
    width: float
    group: BoxGroup


def spans(groups: Sequence[BoxGroup], width: float) -> tuple[Span, ...]:
    """Share `width` pixels among groups: each gets a least width, the rest goes by size. Pure.

    Where there are too many for that, neighbours are taken together; the index always keeps a piece of its own.
    """
    shown = _fewer(groups, max(3, int(width / (2 * _LEAST))))
    spare = width - _LEAST * len(shown)
    total = sum(group.size for group in shown)
    found: list[Span] = []
    left = 0.0
    for group in shown:
        share = _LEAST + (spare * group.size / total if spare > 0 and total else 0.0)
        found.append(Span(left, share, group))
        left += share
    return tuple(found)


def _fewer(groups: Sequence[BoxGroup], most: int) -> list[BoxGroup]:
    """At most about `most` groups: runs of others between indexes are joined evenly, under the role of the largest."""
    if len(groups) <= most:
        return list(groups)
    per_run = -(-len(groups) // most)
    found: list[BoxGroup] = []
    run: list[BoxGroup] = []
    for group in groups:
        if group.role is BoxRole.INDEX or len(run) >= per_run:
            found += [_joined(run)] if run else []
            run = []
        if group.role is BoxRole.INDEX:
            found.append(group)
        else:
            run.append(group)
    return [*found, _joined(run)] if run else found


def _joined(run: Sequence[BoxGroup]) -> BoxGroup:
    largest = max(run, key=lambda group: group.size)
    kinds = "+".join(dict.fromkeys(group.kind for group in run[:4]))
    return BoxGroup(largest.role, kinds, sum(g.count for g in run), run[0].offset, sum(g.size for g in run))


class BoxBar(QWidget):
    """One strip. A piece says what it is in its tool tip; the whole is told to assistive tools in words."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._boxes: tuple[BoxHeader, ...] = ()
        self._groups: tuple[BoxGroup, ...] = ()
        self._spans: tuple[float, tuple[Span, ...]] | None = None
        self.setAccessibleName(name)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_boxes(self, boxes: Sequence[BoxHeader]) -> None:
        """Show these, in file order; nothing happens if they are the same."""
        boxes = tuple(boxes)
        if boxes == self._boxes:
            return
        self._boxes = boxes
        self._groups = box_groups(boxes)
        self._spans = None
        self.setAccessibleDescription(boxes_line(boxes))
        self.update()

    def groups(self) -> tuple[BoxGroup, ...]:
        """What is shown."""
        return self._groups

    def spans(self) -> tuple[Span, ...]:
        """The pieces at the present width, left to right in file order."""
        width = float(self.width())
        if self._spans is None or self._spans[0] != width:
            self._spans = (width, spans(self._groups, width))
        return self._spans[1]

    def words_at(self, x: float) -> str:
        """What the piece at this place is; empty without one."""
        place = self.width() - x if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else x
        return next((s.group.words() for s in self.spans() if s.left <= place < s.left + s.width), "")

    def sizeHint(self) -> QSize:
        """Thin and as wide as there is room."""
        return QSize(120, _HEIGHT)

    def event(self, event: QEvent) -> bool:
        """Show the tool tip of the piece under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            words = self.words_at(event.pos().x())
            if words:
                QToolTip.showText(event.globalPos(), plain_tooltip(words), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the pieces."""
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        for span in self.spans():
            left = self.width() - span.left - span.width if mirrored else span.left
            painter.fillRect(QRectF(left, 0, max(1.0, span.width - _GAP), _HEIGHT), color(_TINTS[span.group.role]))
        painter.end()


class _Swatch(QWidget):
    """A square of a role's colour."""

    def __init__(self, role: BoxRole) -> None:
        super().__init__()
        self._role = role
        self.setFixedSize(10, 10)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), color(_TINTS[self._role]))
        painter.end()


class BoxStrip(QWidget):
    """The boxes of a file as they are and, if they will stand in another order, as they will be; with a legend."""

    def __init__(
        self, parent: QWidget | None = None, *, before: str = "In the file", after: str = "As it is sent"
    ) -> None:
        """`before` and `after` stand above the two strips."""
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.before = BoxBar("Parts of the file")
        self.after = BoxBar(f"Parts {after[0].lower()}{after[1:]}")
        self._now = PlainLabel(before, role="small")
        self._then = PlainLabel(after, role="small")
        for widget in (self._now, self.before, self._then, self.after):
            column.addWidget(widget)
        legend = QWidget()
        self._legend: dict[BoxRole, QWidget] = {}
        flow = FlowLayout(legend, gap=10)
        for role in BoxRole:
            self._legend[role] = _legend_item(role)
            flow.addWidget(self._legend[role])
        column.addWidget(legend)

    def set_boxes(self, before: Sequence[BoxHeader], after: Sequence[BoxHeader] = ()) -> None:
        """Show the boxes of a file and, if it is sent otherwise, those that are sent."""
        self.before.set_boxes(before)
        self.after.set_boxes(after)
        self._then.setVisible(bool(after))
        self.after.setVisible(bool(after))
        roles = {group.role for bar in (self.before, self.after) for group in bar.groups()}
        for role, item in self._legend.items():
            item.setVisible(role in roles)

    def legend(self) -> tuple[BoxRole, ...]:
        """The roles the legend explains."""
        return tuple(role for role, item in self._legend.items() if not item.isHidden())


def _legend_item(role: BoxRole) -> QWidget:
    item = QWidget()
    row = QHBoxLayout(item)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    row.addWidget(_Swatch(role), 0, Qt.AlignmentFlag.AlignVCenter)
    row.addWidget(PlainLabel(role.value, role="small"))
    return item
