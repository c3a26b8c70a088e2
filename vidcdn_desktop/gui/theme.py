"""The look: colour tokens for light and dark, turned into a palette and one style sheet. The only place with colours.

The application's palette is the one truth about which set is in force, so a widget that paints itself asks `tokens()`
and never keeps the answer. Switching is live: every widget is repolished, icons are tinted when they are painted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from string import Template

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from vidcdn_desktop.gui.fonts import load_fonts, mono_family, ui_font
from vidcdn_desktop.paths import resource


class ThemeMode(Enum):
    """What the user chose in the settings."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Tokens:
    """Colours by role, as #rrggbb. `*_soft` is the background on which the colour of the same name is read."""

    surface: str
    """The page."""
    rail: str
    """The strip on the left."""
    raised: str
    """Cards, panels, dialogs, menus."""
    sunken: str
    """Input fields and bars inside something raised."""
    control: str
    """Buttons and pickers at rest."""
    control_hover: str
    text: str
    muted: str
    """Text of second rank; still readable on every background above."""
    disabled: str
    """Text of controls that cannot be used now; exempt from the contrast rule."""
    border: str
    border_strong: str
    """Outlines that must be seen to understand the page: drop zone, check box."""
    accent: str
    """Filled buttons, links, progress, focus."""
    accent_hover: str
    on_accent: str
    """Text on `accent`."""
    accent_soft: str
    selection: str
    """Background of the chosen page, row or segment."""
    success: str
    success_soft: str
    warning: str
    warning_soft: str
    danger: str
    danger_soft: str
    practice: str
    """Marks the practice cloud; used for nothing else."""
    practice_soft: str
    overlay: str
    """Behind the duration on a picture, the same in both sets."""
    on_overlay: str
    backdrop: str
    """Where a picture leaves room in its frame."""


LIGHT = Tokens(
    surface="#f5f6f8", rail="#eceef2", raised="#ffffff", sunken="#f5f6f8", control="#ffffff", control_hover="#f0f2f6",
    text="#16181d", muted="#5b6372", disabled="#9aa1ad", border="#e1e4ea", border_strong="#8f96a3",
    accent="#2f5bdc", accent_hover="#284fc4", on_accent="#ffffff", accent_soft="#e8eefe", selection="#e3eafd",
    success="#0f6e33", success_soft="#e5f5ea", warning="#954708", warning_soft="#fdf1df",
    danger="#b42a16", danger_soft="#fce9e5", practice="#5a46c9", practice_soft="#eeebfd",
    overlay="#101216", on_overlay="#ffffff", backdrop="#23272e",
)  # fmt: skip

DARK = Tokens(
    surface="#15171b", rail="#111316", raised="#1c1f24", sunken="#15171b", control="#23272e", control_hover="#2b3038",
    text="#eceef2", muted="#a3abb9", disabled="#646c79", border="#2e333b", border_strong="#6b7381",
    accent="#8aa8ff", accent_hover="#a2baff", on_accent="#0e1320", accent_soft="#232e4a", selection="#26324f",
    success="#4ade80", success_soft="#1b3325", warning="#fbbf24", warning_soft="#3a2e14",
    danger="#ff8f7d", danger_soft="#3d211c", practice="#b8abff", practice_soft="#2b2645",
    overlay="#101216", on_overlay="#ffffff", backdrop="#0c0d10",
)  # fmt: skip


def tokens() -> Tokens:
    """The colours in force now. GUI thread; ask again at every paint."""
    return DARK if QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def color(token: str) -> QColor:
    """One colour in force now, by its token name ("accent")."""
    value: str = getattr(tokens(), token)
    return QColor(value)


class Theme(QObject):
    """Keeps the application in the chosen look and follows the system where asked. Lives as long as the application."""

    changed = Signal(object)
    """The new `Tokens`, after every widget has them."""

    def __init__(self, app: QApplication, mode: ThemeMode = ThemeMode.SYSTEM) -> None:
        super().__init__(app)
        self._app = app
        self._mode = mode
        self._applied: Tokens | None = None
        load_fonts()
        style = QStyleFactory.create("Fusion")
        if style is not None:
            app.setStyle(style)
        app.setFont(ui_font())
        app.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        self._apply()

    @property
    def mode(self) -> ThemeMode:
        """What the user chose."""
        return self._mode

    @property
    def is_dark(self) -> bool:
        """Whether the dark set is in force."""
        return self._applied is DARK

    def set_mode(self, mode: ThemeMode) -> None:
        """Switch live."""
        self._mode = mode
        self._apply()

    @Slot()
    def _on_system_changed(self) -> None:
        if self._mode is ThemeMode.SYSTEM:
            self._apply()

    def _wanted(self) -> Tokens:
        if self._mode is ThemeMode.SYSTEM:
            # Without a desktop's theme plugin Qt does not know; unknown means light.
            return DARK if self._app.styleHints().colorScheme() is Qt.ColorScheme.Dark else LIGHT
        return DARK if self._mode is ThemeMode.DARK else LIGHT

    def _apply(self) -> None:
        wanted = self._wanted()
        if wanted is self._applied:
            return
        self._applied = wanted
        self._app.setPalette(palette_of(wanted))
        self._app.setStyleSheet(style_sheet(wanted))
        self.changed.emit(wanted)


def apply_theme(app: QApplication, mode: ThemeMode = ThemeMode.SYSTEM) -> Theme:
    """Give the application our look, or switch it. Returns the theme that keeps it so; there is one per application."""
    existing = app.findChild(Theme)
    if isinstance(existing, Theme):
        existing.set_mode(mode)
        return existing
    return Theme(app, mode)


def palette_of(t: Tokens) -> QPalette:
    """The palette for what the style sheet leaves to Fusion: menus, scroll bars, check marks, text selection."""
    palette = QPalette()
    role = QPalette.ColorRole
    for target, value in (
        (role.Window, t.surface),
        (role.WindowText, t.text),
        (role.Base, t.raised),
        (role.AlternateBase, t.sunken),
        (role.Text, t.text),
        (role.PlaceholderText, t.muted),
        (role.Button, t.control),
        (role.ButtonText, t.text),
        (role.BrightText, t.danger),
        (role.ToolTipBase, t.raised),
        (role.ToolTipText, t.text),
        (role.Highlight, t.accent),
        (role.HighlightedText, t.on_accent),
        (role.Accent, t.accent),
        (role.Link, t.accent),
        (role.LinkVisited, t.accent),
        (role.Light, t.control_hover),
        (role.Midlight, t.border),
        (role.Mid, t.border),
        (role.Dark, t.border_strong),
        (role.Shadow, t.overlay),
    ):
        palette.setColor(target, QColor(value))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(t.disabled))
    return palette


def style_sheet(t: Tokens) -> str:
    """The style sheet made from the template and the tokens."""
    template = resource("style.qss.template").read_text("utf-8")
    return Template(template).substitute(asdict(t), mono=mono_family())


def mono_font(pixel_size: int = 12) -> QFont:
    """The fixed-width font for keys, paths and links."""
    font = QFont(mono_family())
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPixelSize(pixel_size)
    return font
