from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QVBoxLayout, QWidget

from vidcdn_desktop import errors
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.palette import CommandPalette, matches
from vidcdn_desktop.gui.quit_dialog import CloseChoice, QuitDialog
from vidcdn_desktop.gui.theme import Theme, ThemeMode
from vidcdn_desktop.gui.widgets import PageHeader, PlainLabel

NAMES = ("publish", "library", "delivery", "activity")

PRACTICE = ConnectionFacts(
    ConnectionProfile("practice", "Practice cloud", ConnectionKind.PRACTICE, bucket="practice-media"),
    "127.0.0.1:34567",
    "ok",
)

STUDIO = ConnectionFacts(
    ConnectionProfile("1", "Studio", ConnectionKind.ACCESS_KEY, bucket="studio-media", region="eu-west-1"),
    "media.example.com",
    "ok",
)


class PageForTest(QWidget):
    def __init__(self, name: str) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.addWidget(PageHeader(name))
        layout.addWidget(PlainLabel("body"), 1)
        self.seen: list[ConnectionFacts] = []

    def set_connection(self, facts: ConnectionFacts) -> None:
        self.seen.append(facts)


class Jobs:
    running = 0

    def __call__(self) -> int:
        return self.running


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def make(qtbot, jobs: Jobs, tmp_path: Path):
    def build(facts: ConnectionFacts = PRACTICE, **more) -> MainWindow:
        pages = {name: PageForTest(name) for name in NAMES}
        window = MainWindow(pages, facts, busy=jobs, settings_file=tmp_path / "window.ini", **more)
        window.pages_for_test = pages
        qtbot.addWidget(window, before_close_func=lambda w: w.finish_close())
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        return window

    return build


def button(widget: QWidget, text: str) -> QPushButton:
    found = [b for b in widget.findChildren(QPushButton) if b.accessibleName() == text]
    assert len(found) == 1, [b.accessibleName() for b in widget.findChildren(QPushButton)]
    return found[0]


def banner_shown(window: MainWindow) -> bool:
    page = window.pages_for_test[window.current_page]
    labels = page.findChildren(PlainLabel)
    return any(label.text() == "You are using the practice cloud." and label.isVisible() for label in labels)


def test_keys_switch_pages(make, qtbot) -> None:
    window = make()
    assert window.current_page == "publish"
    for number, name in [(2, "library"), (3, "delivery"), (4, "activity"), (1, "publish")]:
        with qtbot.waitSignal(window.page_changed) as blocker:
            qtbot.keyClick(window, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.ControlModifier)
        assert blocker.args == [name]
        assert window.current_page == name
        assert window.pages_for_test[name].isVisible()


def test_rail_switches_pages_by_click_and_by_arrow(make, qtbot) -> None:
    window = make()
    qtbot.mouseClick(button(window.rail, "Delivery"), Qt.MouseButton.LeftButton)
    assert window.current_page == "delivery"
    item = button(window.rail, "Delivery")
    item.setFocus()
    qtbot.keyClick(item, Qt.Key.Key_Down)
    assert window.current_page == "activity"


def test_every_page_gets_the_facts_and_the_practice_banner(make) -> None:
    window = make(PRACTICE)
    for name in NAMES:
        window.show_page(name)
        assert banner_shown(window)
        assert window.pages_for_test[name].seen == [PRACTICE]
    window.set_facts(STUDIO)
    for name in NAMES:
        window.show_page(name)
        assert not banner_shown(window)
        assert window.pages_for_test[name].seen[-1] == STUDIO


def test_banner_stands_below_the_header(make) -> None:
    window = make(PRACTICE)
    page = window.pages_for_test["publish"]
    header = page.findChild(PageHeader)
    banner = next(label for label in page.findChildren(PlainLabel) if label.text().startswith("You are using"))
    body = next(label for label in page.findChildren(PlainLabel) if label.text() == "body")
    tops = [w.mapTo(window, w.rect().topLeft()).y() for w in (header, banner, body)]
    assert tops == sorted(tops)
    assert len(set(tops)) == 3


def test_banner_and_card_ask_for_connections(make, qtbot) -> None:
    window = make(PRACTICE)
    page = window.pages_for_test["publish"]
    with qtbot.waitSignal(window.new_connection_requested):
        qtbot.mouseClick(button(page, "Connect an AWS account…"), Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(window.connections_requested):
        qtbot.mouseClick(window.rail.card, Qt.MouseButton.LeftButton)


def test_card_tells_how_the_connection_stands(make) -> None:
    window = make(STUDIO)
    card = window.rail.card
    assert card.accessibleName() == "Connection Studio, studio-media · eu-west-1, media.example.com"
    window.set_facts(ConnectionFacts(STUDIO.profile))
    assert card.accessibleName().endswith("Connecting…")
    window.set_facts(ConnectionFacts(STUDIO.profile, "", "problem", errors.Offline("There is <b>no</b> network.")))
    assert card.accessibleName().endswith("No connection")
    assert "&lt;b&gt;" in card.toolTip()
    window.set_facts(ConnectionFacts(STUDIO.profile, "", "ok"))
    assert card.accessibleName().endswith("No CDN serves it")


def test_running_jobs_show_in_rail_and_title(make) -> None:
    window = make()
    window.set_running(2, 0.429)
    assert window.windowTitle() == "42 % · VidCDN Desktop"
    assert button(window.rail, "Activity, 2 running")
    window.set_running(1, None)
    assert window.windowTitle() == "VidCDN Desktop"
    window.set_running(0)
    assert button(window.rail, "Activity")


def test_works_from_900_by_600(make) -> None:
    window = make()
    window.resize(QSize(300, 200))
    assert window.size() == QSize(900, 600)


def test_remembers_size_and_page(make, qtbot) -> None:
    window = make()
    window.resize(960, 720)
    window.show_page("library")
    with qtbot.waitSignal(window.close_requested) as blocker:
        window.close()
    assert blocker.args == [CloseChoice.QUIT]
    again = make()
    # The height only: the test screen is narrower than the window may be.
    assert again.height() == 720
    assert again.current_page == "library"


@pytest.mark.parametrize("content", [b"", b"[General]\ngeometry=nonsense\npage=nowhere\n", b"\xff\x00\xfe"])
def test_a_damaged_memory_is_no_trouble(make, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "window.ini").write_bytes(content)
    window = make()
    assert window.size() == QSize(1280, 800)
    assert window.current_page == "publish"


def closing(window: MainWindow) -> QuitDialog:
    window.close()
    assert window.isVisible()
    dialogs = window.findChildren(QuitDialog)
    assert len(dialogs) == 1
    return dialogs[0]


def test_closing_while_busy_asks_once_and_staying_changes_nothing(make, jobs: Jobs, qtbot) -> None:
    window = make()
    jobs.running = 2
    told: list[CloseChoice] = []
    window.close_requested.connect(told.append)
    dialog = closing(window)
    assert closing(window) is dialog
    qtbot.mouseClick(dialog.stay_button, Qt.MouseButton.LeftButton)
    assert window.isVisible()
    assert told == []


def test_keep_going_hides_the_window(make, jobs: Jobs, qtbot) -> None:
    window = make()
    jobs.running = 1
    dialog = closing(window)
    with qtbot.waitSignal(window.close_requested) as blocker:
        qtbot.mouseClick(dialog.background_button, Qt.MouseButton.LeftButton)
    assert blocker.args == [CloseChoice.BACKGROUND]
    assert not window.isVisible()


def test_cancel_and_quit_leaves_the_end_to_the_owner(make, jobs: Jobs, qtbot) -> None:
    window = make()
    jobs.running = 1
    dialog = closing(window)
    told: list[CloseChoice] = []
    window.close_requested.connect(told.append)
    qtbot.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    assert told == [CloseChoice.CANCEL]
    assert window.isVisible()
    window.finish_close()
    assert not window.isVisible()
    assert told == [CloseChoice.CANCEL]


def test_no_question_where_the_user_wants_none_and_then_nothing_is_lost(make, jobs: Jobs) -> None:
    window = make(confirm_quit=lambda: False)
    jobs.running = 1
    told: list[CloseChoice] = []
    window.close_requested.connect(told.append)
    window.close()
    assert told == [CloseChoice.PAUSE]
    assert window.findChildren(QuitDialog) == []


def open_palette(window: MainWindow) -> CommandPalette:
    window.open_palette()
    palette = window.findChild(CommandPalette)
    assert palette is not None
    return palette


def test_palette_finds_by_name_and_runs(make, qtbot) -> None:
    window = make()
    palette = open_palette(window)
    assert "Go to Library" in palette.shown_names()
    qtbot.keyClicks(palette.input, "act")
    assert palette.shown_names()[0] == "Go to Activity"
    qtbot.keyClick(palette.input, Qt.Key.Key_Return)
    assert window.current_page == "activity"
    assert not palette.isVisible()


def test_palette_arrows_wrap_and_escape_leaves(make, qtbot) -> None:
    window = make()
    palette = open_palette(window)
    last = palette.shown_names()[-1]
    qtbot.keyClick(palette.input, Qt.Key.Key_Up)
    assert palette.list.currentIndex().data() == last
    qtbot.keyClick(palette.input, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() == 0
    qtbot.keyClicks(palette.input, "nothing is called this")
    assert palette.shown_names() == []
    qtbot.keyClick(palette.input, Qt.Key.Key_Return)
    assert palette.isVisible()
    qtbot.keyClick(palette.input, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_palette_offers_the_actions_of_the_page_shown(make) -> None:
    window = make()
    clean = QAction("Clean && tidy", window)
    window.pages_for_test["library"].addAction(clean)
    off = QAction("Not now", window)
    off.setEnabled(False)
    window.add_palette_actions([off])
    palette = open_palette(window)
    assert "Clean & tidy" not in palette.shown_names()
    palette.reject()
    palette.setParent(None)
    window.show_page("library")
    palette = open_palette(window)
    assert palette.shown_names()[0] == "Clean & tidy"
    assert "Not now" not in palette.shown_names()
    palette.reject()


def test_matching_takes_words_in_any_order() -> None:
    assert matches("lib go", "Go to Library")
    assert matches("", "Anything")
    assert not matches("libx", "Go to Library")


def test_ctrl_k_ctrl_comma_and_ctrl_q(make, qtbot) -> None:
    window = make()
    control = Qt.KeyboardModifier.ControlModifier
    with qtbot.waitSignal(window.settings_requested):
        qtbot.keyClick(window, Qt.Key.Key_Comma, control)
    qtbot.keyClick(window, Qt.Key.Key_K, control)
    palette = window.findChild(CommandPalette)
    assert palette is not None
    palette.reject()
    with qtbot.waitSignal(window.close_requested):
        qtbot.keyClick(window, Qt.Key.Key_Q, control)
    assert not window.isVisible()


def test_palette_switches_the_look(make, qtbot, theme: Theme) -> None:
    window = make()
    window.theme_requested.connect(theme.set_mode)
    palette = open_palette(window)
    qtbot.keyClicks(palette.input, "dark look")
    with qtbot.waitSignal(window.theme_requested) as blocker:
        qtbot.keyClick(palette.input, Qt.Key.Key_Return)
    assert blocker.args == [ThemeMode.DARK]
    assert theme.is_dark


def test_everything_in_the_frame_has_a_name(make) -> None:
    window = make()
    nameless = [
        b for b in window.findChildren(QPushButton) if b.isVisible() and not (b.accessibleName() or b.text()).strip()
    ]
    assert nameless == []


def test_tab_begins_in_the_rail_and_reads_header_banner_page(make, qtbot) -> None:
    window = make(PRACTICE)
    field = QLineEdit()
    field.setAccessibleName("field")
    window.pages_for_test["publish"].layout().addWidget(field)
    field.show()
    found = []
    window._stack.setFocus()
    for _ in range(6):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        found.append(QApplication.focusWidget().accessibleName().split(",")[0])
    card = "Connection Practice cloud"
    assert found == ["Connect an AWS account…", "field", "Publish", "Settings", card, "Connect an AWS account…"]


def test_palette_shows_whole_rows(make) -> None:
    window = make()
    palette = open_palette(window)
    inside = palette.list.height() - 2 * palette.list.frameWidth()
    assert inside % palette.list.sizeHintForRow(0) == 0
    palette.reject()
