"""The right panel: beside the content on a wide window, a drawer over it on a narrow one."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from vidcdn_desktop.gui.widgets.buttons import IconButton
from vidcdn_desktop.gui.widgets.style import set_property

PANEL_WIDTH = 332
FOLD_BELOW = 1100
"""Window width in pixels below which the panel folds."""


class Drawer(QWidget):
    """Holds the content of a page and its right panel, and decides where the panel is.

    The page says with `set_available` whether there is anything to show in the panel. Put `toggle_button` into the
    page's header: it is there only while the panel is folded and available. Esc closes an open drawer.
    """

    folded_changed = Signal(object)
    """bool: whether the panel is now a drawer."""

    def __init__(
        self, content: QWidget, panel: QWidget, parent: QWidget | None = None, *, name: str = "Details"
    ) -> None:
        super().__init__(parent)
        self._content = content
        self._folded = False
        self._open = False
        self._available = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        content.setParent(self)
        self._panel = QFrame(self)
        self._panel.setObjectName("SidePanel")
        self._panel.setAccessibleName(name)
        layout = QVBoxLayout(self._panel)
        layout.setContentsMargins(1, 0, 0, 0)
        layout.setSpacing(0)
        self._bar = QWidget()
        bar = QHBoxLayout(self._bar)
        bar.setContentsMargins(12, 8, 10, 0)
        bar.addStretch(1)
        close = IconButton("close", f"Close {name.lower()}", flat=True)
        close.clicked.connect(self._on_close)
        bar.addWidget(close)
        layout.addWidget(self._bar)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        body = QWidget()
        body.setObjectName("ScrollBody")
        inner = QVBoxLayout(body)
        inner.setContentsMargins(18, 16, 18, 16)
        inner.addWidget(panel)
        inner.addStretch(1)
        scroll.setWidget(body)
        layout.addWidget(scroll, 1)
        self.toggle_button = IconButton("panel", f"Show {name.lower()}")
        self.toggle_button.clicked.connect(self._on_toggle)
        self.toggle_button.hide()
        self._arrange()

    @property
    def is_folded(self) -> bool:
        """Whether the panel is a drawer now."""
        return self._folded

    @property
    def is_panel_visible(self) -> bool:
        """Whether the panel can be seen now."""
        return self._available and (not self._folded or self._open)

    def set_available(self, available: bool) -> None:
        """Say whether there is anything to show in the panel."""
        if available != self._available:
            self._available = available
            if not available:
                self._open = False
            self._arrange()

    def set_open(self, is_open: bool) -> None:
        """Open or close the drawer; no effect while the panel stands beside the content."""
        if is_open != self._open:
            self._open = is_open
            self._arrange()
            if is_open and self._folded:
                self._panel.setFocus()

    @Slot()
    def _on_close(self) -> None:
        self.set_open(False)

    @Slot()
    def _on_toggle(self) -> None:
        self.set_open(not self._open)

    def _arrange(self) -> None:
        window = self.window()
        folded = (window.width() if window is not self else self.width()) < FOLD_BELOW
        changed = folded != self._folded
        self._folded = folded
        visible = self.is_panel_visible
        width = min(PANEL_WIDTH, self.width())
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        beside = width if visible and not folded else 0
        whole = self.rect()
        left = beside if mirrored else 0
        self._content.setGeometry(QRect(left, 0, whole.width() - beside, whole.height()))
        self._panel.setGeometry(QRect(0 if mirrored else whole.width() - width, 0, width, whole.height()))
        self._bar.setVisible(folded)
        set_property(self._panel, "folded", folded)
        self._panel.setVisible(visible)
        if visible and folded:
            self._panel.raise_()
        self.toggle_button.setVisible(folded and self._available)
        if changed:
            self.folded_changed.emit(folded)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Decide again."""
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        """The first show and a change of direction decide too."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutDirectionChange):
            self._arrange()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes an open drawer."""
        if event.key() == Qt.Key.Key_Escape and self._folded and self._open:
            self.set_open(False)
            self.toggle_button.setFocus()
            return
        super().keyPressEvent(event)

    def minimumSizeHint(self) -> QSize:
        """What the content needs; a folded panel needs nothing."""
        return self._content.minimumSizeHint()

    def sizeHint(self) -> QSize:
        """Content and panel side by side."""
        hint = self._content.sizeHint()
        return QSize(hint.width() + PANEL_WIDTH, hint.height())
