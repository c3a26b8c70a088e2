from __future__ import annotations

import dataclasses
import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFontInfo, QImage
from PySide6.QtWidgets import QApplication, QWidget

from vidcdn_desktop.gui import theme as theme_module
from vidcdn_desktop.gui.fonts import load_fonts, ui_font
from vidcdn_desktop.gui.icons import app_icon, icon
from vidcdn_desktop.gui.theme import DARK, LIGHT, Theme, ThemeMode, Tokens, apply_theme, color, style_sheet, tokens
from vidcdn_desktop.gui.widgets import Button
from vidcdn_desktop.paths import resource

_GROUNDS = ("surface", "rail", "raised", "sunken", "control", "control_hover", "selection", "accent_soft")


def _luminance(value: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(value[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    """WCAG 2.1, 1.4.3."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _pairs() -> list[tuple[str, str]]:
    pairs = [(ink, ground) for ink in ("text", "muted", "accent") for ground in _GROUNDS]
    pairs += [(kind, f"{kind}_soft") for kind in ("success", "warning", "danger", "practice", "accent")]
    pairs += [
        (kind, ground) for kind in ("success", "warning", "danger") for ground in ("surface", "raised", "control")
    ]
    pairs += [(ink, f"{kind}_soft") for ink in ("text", "muted") for kind in ("practice", "danger", "warning")]
    pairs += [("accent", "danger_soft"), ("success", "selection"), ("warning", "selection")]
    pairs += [("on_accent", "accent"), ("on_accent", "accent_hover"), ("on_overlay", "overlay"), ("surface", "text")]
    return pairs


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("pair", _pairs(), ids="/".join)
def test_every_text_is_readable_on_every_ground(look: Tokens, pair: tuple[str, str]) -> None:
    ink, ground = (getattr(look, name) for name in pair)
    assert _contrast(ink, ground) >= 4.5


def test_the_contrast_rule_tells_readable_from_not() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
def test_the_style_sheet_uses_only_known_tokens_and_no_colour_of_its_own(look: Tokens) -> None:
    template = resource("style.qss.template").read_text("utf-8")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=\s*[;,])|rgba?\(", template)
    names = {field.name for field in dataclasses.fields(Tokens)} | {"mono"}
    assert set(re.findall(r"\$(\w+)", template)) <= names
    assert "$" not in style_sheet(look)


def test_switching_is_live(qapp: QApplication, theme: Theme, qtbot) -> None:
    widget = Button("Send")
    qtbot.addWidget(widget)
    widget.show()
    assert tokens() is LIGHT
    light = widget.grab().toImage().pixelColor(12, widget.height() // 2).lightness()
    with qtbot.waitSignal(theme.changed) as blocker:
        theme.set_mode(ThemeMode.DARK)
    assert blocker.args == [DARK]
    assert theme.is_dark
    assert tokens() is DARK
    assert color("accent") == QColor(DARK.accent)
    assert widget.grab().toImage().pixelColor(12, widget.height() // 2).lightness() < light - 100


def test_an_unknown_system_look_means_light(qapp: QApplication, theme: Theme) -> None:
    theme.set_mode(ThemeMode.DARK)
    theme.set_mode(ThemeMode.SYSTEM)  # offscreen knows no scheme
    assert tokens() is LIGHT


def test_there_is_one_theme_per_application(qapp: QApplication, theme: Theme) -> None:
    assert apply_theme(qapp, ThemeMode.DARK) is theme
    assert theme.mode is ThemeMode.DARK


def _mean(image: QImage) -> QColor:
    """The mean of the pixels that are painted at all."""
    points = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    solid = [point for point in points if point.alpha() > 200]
    assert solid, "nothing was painted"
    n = len(solid)
    return QColor(
        sum(p.red() for p in solid) // n, sum(p.green() for p in solid) // n, sum(p.blue() for p in solid) // n
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in resource("icons").glob("*.svg") if path.stem != "app"))
def test_each_icon_takes_the_colour_of_the_theme_when_painted(theme: Theme, name: str) -> None:
    tinted = icon(name, "danger")
    light = _mean(tinted.pixmap(QSize(32, 32)).toImage())
    theme.set_mode(ThemeMode.DARK)
    dark = _mean(tinted.pixmap(QSize(32, 32)).toImage())
    for seen, wanted in ((light, LIGHT.danger), (dark, DARK.danger)):
        assert abs(seen.red() - QColor(wanted).red()) < 16
        assert abs(seen.blue() - QColor(wanted).blue()) < 16


def test_icons_say_which_one_is_missing(qapp: QApplication) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-icon"):
        icon("no-such-icon")
    assert not app_icon().isNull()


def test_icon_engines_outlive_their_python_names(qapp: QApplication, qtbot) -> None:
    import gc

    widget = QWidget()
    qtbot.addWidget(widget)
    for _ in range(50):
        button = Button("x", widget, icon_name="check")
        copy = button.icon()
        del button
        gc.collect(0)
        assert not copy.pixmap(16, 16).isNull()


def test_the_bundled_font_is_used(qapp: QApplication) -> None:
    assert load_fonts()
    assert QFontInfo(ui_font()).family() == "Inter"
    total = sum(path.stat().st_size for path in resource("fonts").iterdir())
    assert total < 1_500_000
    assert resource("fonts", "Inter-LICENSE.txt").is_file()


def test_widgets_bring_no_colours(qapp: QApplication) -> None:
    from pathlib import Path

    gui = Path(theme_module.__file__).parent
    guilty = [
        path.name
        for path in gui.rglob("*.py")
        if path.name != "theme.py" and re.search(r"#[0-9a-fA-F]{6}\b|setStyleSheet|QColor\(\d", path.read_text("utf-8"))
    ]
    assert guilty == []
