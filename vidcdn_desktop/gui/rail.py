"""The strip on the left: the pages, and at its foot the connection in use."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from vidcdn_desktop.gui.icons import icon
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.widgets import ElidedLabel, IconLabel, PlainLabel, plain_tooltip

RAIL_WIDTH = 196


class _RailItem(QPushButton):
    def __init__(self, text: str, icon_name: str, shortcut: str, parent: QWidget | None = None) -> None:
        super().__init__(f"  {text}", parent)
        self._text = text
        self._icon_name = icon_name
        self.setObjectName("RailItem")
        self.setCheckable(True)
        self.setAutoExclusive(True)  # read as one of several choices, not as a check box
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setIconSize(QSize(16, 16))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        keys = QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)
        self.setToolTip(plain_tooltip(f"{text} ({keys})"))
        self._count = QLabel()
        self._count.setProperty("role", "count")
        self._count.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._count.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 10, 0)
        layout.addStretch(1)
        layout.addWidget(self._count, 0, Qt.AlignmentFlag.AlignVCenter)
        self.toggled.connect(self._on_toggled)
        self._on_toggled(False)
        self.set_count(0)

    @Slot(bool)
    def _on_toggled(self, checked: bool) -> None:
        self.setIcon(icon(self._icon_name, "text" if checked else "muted"))

    def set_count(self, count: int) -> None:
        self._count.setText(str(count) if count < 1000 else "999+")
        self._count.setVisible(count > 0)
        self.setAccessibleName(f"{self._text}, {count} running" if count else self._text)


class ConnectionCard(QPushButton):
    """Name, bucket and CDN of the connection in use, and how it stands. A click opens Connections."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("RailCard")
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 9, 10, 9)
        layout.setSpacing(2)
        first = QHBoxLayout()
        first.setSpacing(6)
        self._dot = IconLabel("ring", "muted", 11)
        self._name = ElidedLabel(role="strong", mode=Qt.TextElideMode.ElideRight)
        first.addWidget(self._dot)
        first.addWidget(self._name, 1)
        layout.addLayout(first)
        self._where = ElidedLabel(role="small")
        self._domain = ElidedLabel(role="small")
        layout.addWidget(self._where)
        layout.addWidget(self._domain)
        for child in (self._dot, self._name, self._where, self._domain):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def set_facts(self, facts: ConnectionFacts) -> None:
        """Show a connection."""
        profile = facts.profile
        token = "practice" if profile.is_practice else "success"
        glyph = {"ok": ("dot", token), "connecting": ("ring", "muted"), "problem": ("error", "danger")}[facts.status]
        self._dot.set(*glyph)
        self._name.set_text(profile.name)
        where = " · ".join(part for part in (profile.bucket, profile.region) if part)
        if profile.is_practice:
            where = " · ".join(part for part in (profile.bucket, "local") if part)
        self._where.set_text(where or "No bucket chosen")
        if facts.status == "connecting":
            third = "Connecting…"
        elif facts.problem is not None:
            third = facts.problem.title
        else:
            third = facts.domain or "No CDN serves it"
        self._domain.set_text(third)
        self._domain.set_role("danger" if facts.status == "problem" else "small")
        self.setAccessibleName(f"Connection {profile.name}, {where}, {third}")
        self.setAccessibleDescription("Opens Connections")
        said = facts.problem.sentence() if facts.problem is not None else f"{profile.name}\n{where}\n{third}"
        self.setToolTip(plain_tooltip(said))

    def sizeHint(self) -> QSize:
        """What the three lines need."""
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        """As high as the three lines; any width."""
        return QSize(80, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """A new font changes the height."""
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().event(event)


class Rail(QWidget):
    """Switches pages; arrow keys move between them."""

    page_chosen = Signal(object)
    """The name of the page (str)."""
    connections_requested = Signal()
    settings_requested = Signal()

    def __init__(self, items: Sequence[tuple[str, str, str]], parent: QWidget | None = None) -> None:
        """Items are (name, text, icon name), in order; Ctrl+1… in that order."""
        super().__init__(parent)
        self.setObjectName("Rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(RAIL_WIDTH)
        self.setAccessibleName("Pages")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 14, 11, 14)
        layout.setSpacing(2)
        layout.addLayout(self._brand())
        layout.addSpacing(10)
        self._items: dict[str, _RailItem] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        for number, (name, text, icon_name) in enumerate(items, 1):
            item = _RailItem(text, icon_name, f"Ctrl+{number}")
            self._items[name] = item
            self._group.addButton(item)
            layout.addWidget(item)
        self._group.buttonToggled.connect(self._on_toggled)
        layout.addStretch(1)
        self.settings_button = _RailItem("Settings", "settings", "Ctrl+,")
        self.settings_button.setCheckable(False)
        self.settings_button.clicked.connect(self.settings_requested)
        layout.addWidget(self.settings_button)
        layout.addSpacing(6)
        self.card = ConnectionCard()
        self.card.clicked.connect(self.connections_requested)
        layout.addWidget(self.card)

    def _brand(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(10, 5, 0, 6)
        row.setSpacing(6)
        row.addWidget(IconLabel("play", "text", 15))
        row.addWidget(PlainLabel("VidCDN Desktop", role="heading"))
        row.addStretch(1)
        return row

    def set_current(self, name: str) -> None:
        """Mark the page that is shown."""
        self._items[name].setChecked(True)

    def set_count(self, name: str, count: int) -> None:
        """Write a number behind a page's name; 0 takes it away."""
        self._items[name].set_count(count)

    @Slot(QAbstractButton, bool)
    def _on_toggled(self, button: QAbstractButton, checked: bool) -> None:
        if checked:
            self.page_chosen.emit(next(name for name, item in self._items.items() if item is button))
