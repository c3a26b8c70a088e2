"""Tab goes through a window in reading order, worked out from the layouts when the key is pressed.

Qt's own chain follows the order in which widgets were made. Cards, chips and crumbs come and go, and the banner is put
into pages that exist already, so that order would soon jump about.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLayout, QScrollArea, QWidget


def in_reading_order(root: QWidget) -> Iterator[QWidget]:
    """Every visible widget below `root`: laid out ones in the order of their layouts, then the others as they stand.

    What has no layout (a drawer places its parts itself) is taken from top to bottom, along the line of reading.
    """
    layout = root.layout()
    seen: set[QWidget] = set()
    if layout is not None:
        for widget in _of_layout(layout):
            seen.add(widget)
            yield from _with_children(widget)
    mirrored = root.layoutDirection() is Qt.LayoutDirection.RightToLeft
    others = [
        child
        for child in root.children()
        if isinstance(child, QWidget) and child not in seen and not child.isWindow() and child.isVisible()
    ]
    others.sort(key=lambda child: (-child.x() - child.width() if mirrored else child.x(), child.y()))
    for widget in others:
        yield from _with_children(widget)


def _with_children(widget: QWidget) -> Iterator[QWidget]:
    if widget.isVisible():
        yield widget
        yield from in_reading_order(widget)


def _of_layout(layout: QLayout) -> Iterator[QWidget]:
    for place in range(layout.count()):
        item = layout.itemAt(place)
        if item is None:
            continue
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            yield widget
        elif inner is not None:
            yield from _of_layout(inner)


def takes_tab(widget: QWidget) -> bool:
    """Whether Tab stops here.

    Areas that only scroll are passed over: what is in them can be reached. Of a group of choices only the one in force
    is a stop, the arrow keys reach the others.
    """
    tab = Qt.FocusPolicy.TabFocus.value
    if isinstance(widget, QAbstractButton):
        group = widget.group()
        chosen = group.checkedButton() if group is not None and group.exclusive() else None
        if chosen is not None and chosen is not widget:
            return False
    return (
        bool(widget.focusPolicy().value & tab)
        and widget.isEnabled()
        and widget.focusProxy() is None
        and type(widget) is not QScrollArea
    )


def move_focus(window: QWidget, *, forward: bool) -> bool:
    """Give the focus to the next stop, around the end; False if there is none."""
    target = _next_stop(window) if forward else _stop_before(window)
    if target is None:
        return False
    target.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
    _bring_into_view(target)
    return True


def _next_stop(window: QWidget) -> QWidget | None:
    """The first stop after the focus, else the first of all. Looks no further than it must: a queue may be long."""
    current, first = window.focusWidget(), None
    passed = False
    for widget in in_reading_order(window):
        if takes_tab(widget) and widget is not current:
            if passed:
                return widget
            first = first or widget
        passed = passed or widget is current
    return first


def _stop_before(window: QWidget) -> QWidget | None:
    """The last stop before the focus, else the last of all."""
    current, last = window.focusWidget(), None
    for widget in in_reading_order(window):
        if widget is current and last is not None:
            return last
        if takes_tab(widget) and widget is not current:
            last = widget
    return last


def _bring_into_view(widget: QWidget) -> None:
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QScrollArea):
            parent.ensureWidgetVisible(widget, 12, 12)
        parent = parent.parentWidget()
