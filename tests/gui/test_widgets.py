from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QIODevice, QMimeData, QObject, QPoint, QPointF, Qt, QUrl, Slot
from PySide6.QtGui import (
    QAccessible,
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from vidcdn_desktop import errors
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.gui import background
from vidcdn_desktop.gui.widgets import (
    Badge,
    Button,
    Card,
    CheckBox,
    ComboBox,
    ComboButton,
    Drawer,
    DropZone,
    ElidedLabel,
    EmptyState,
    ErrorPanel,
    Fact,
    FactsGrid,
    FindingRow,
    FlowLayout,
    IconButton,
    PathChips,
    PlainLabel,
    PosterView,
    PrimaryButton,
    SegmentedControl,
    Skeleton,
    StepRow,
    ThinProgress,
    Toast,
    announce,
    decode_poster,
    plain_tooltip,
)
from vidcdn_desktop.jobs.model import Step, StepSnapshot, StepState

EVIL = "<img src=x><b>&amp; A&B</b>"


def show(qtbot, widget: QWidget, size: tuple[int, int] | None = None) -> None:
    qtbot.addWidget(widget)
    if size:
        widget.resize(*size)
    with qtbot.waitActive(widget):
        widget.show()
        widget.activateWindow()


def jpeg(width: int, height: int, colour: str = "#cc3300") -> bytes:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "JPG")
    return bytes(buffer.data().data())


# Text from outside


def test_every_label_shows_markup_as_text(qtbot) -> None:
    for label in (PlainLabel(EVIL), Badge(EVIL), ElidedLabel(EVIL)):
        qtbot.addWidget(label)
        assert label.textFormat() is Qt.TextFormat.PlainText
    assert plain_tooltip(EVIL) == "<span>&lt;img src=x&gt;&lt;b&gt;&amp;amp; A&amp;B&lt;/b&gt;</span>"
    button = Button("Cut & paste")
    qtbot.addWidget(button)
    assert button.text() == "Cut && paste"
    assert button.accessibleName() == "Cut & paste"


def test_elided_label_loses_its_middle_and_keeps_the_whole(qtbot) -> None:
    text = "videos/landscape/" + "x" * 200 + "/end-3f9a1c2e.mp4"
    label = ElidedLabel(text, mono=True, copyable=True)
    show(qtbot, label, (220, 20))
    assert label.text().startswith("videos/")
    assert label.text().endswith(".mp4")
    assert "…" in label.text()
    assert label.full_text() == text
    assert text in label.toolTip()
    label.setFocus()
    qtbot.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == text
    label.resize(label.sizeHint())
    assert label.text() == text
    assert label.toolTip() == ""


def test_elided_label_makes_one_line_of_many(qtbot) -> None:
    label = ElidedLabel("a\nb\r\nc")
    qtbot.addWidget(label)
    assert label.full_text() == "a b c"


# Card and choices


def test_card_is_chosen_by_mouse_and_keyboard(qtbot) -> None:
    card = Card(selectable=True, name="Film")
    QVBoxLayout(card).addWidget(PlainLabel("Film"))
    show(qtbot, card, (200, 100))
    chosen: list[Card] = []
    opened: list[Card] = []
    card.clicked.connect(chosen.append)
    card.activated.connect(opened.append)
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    card.setFocus()
    qtbot.keyClick(card, Qt.Key.Key_Space)
    assert chosen == [card, card]
    assert opened == []
    qtbot.keyClick(card, Qt.Key.Key_Return)
    assert opened == [card]
    card.set_selected(True)
    assert card.accessibleDescription() == "Selected"


def test_focus_and_choice_can_be_seen_on_a_card(qtbot) -> None:
    holder = QWidget()
    row = QHBoxLayout(holder)
    card, other = Card(selectable=True), QLineEdit()
    card.setFixedSize(120, 80)
    row.addWidget(card)
    row.addWidget(other)
    show(qtbot, holder)
    other.setFocus()
    pictures = [card.grab().toImage()]
    card.setFocus()
    pictures.append(card.grab().toImage())
    card.set_selected(True)
    pictures.append(card.grab().toImage())
    assert all(a != b for i, a in enumerate(pictures) for b in pictures[i + 1 :])


def test_a_focused_button_looks_different_and_does_not_move(qtbot) -> None:
    holder = QWidget()
    row = QHBoxLayout(holder)
    for button in (Button("One"), PrimaryButton("Two"), IconButton("close", "Close"), Button("Small", small=True)):
        row.addWidget(button)
    show(qtbot, holder)
    for button in holder.findChildren(QPushButton):
        holder.setFocus()
        button.clearFocus()
        before, size = button.grab().toImage(), button.sizeHint()
        button.setFocus(Qt.FocusReason.TabFocusReason)
        assert button.hasFocus()
        assert button.grab().toImage() != before
        assert button.sizeHint() == size


def test_segments_tell_only_what_the_user_chose(qtbot) -> None:
    control = SegmentedControl([("new", "New link"), ("same", "Same link")], "Link")
    show(qtbot, control)
    told: list[str] = []
    control.changed.connect(told.append)
    control.set_value("same")
    assert (control.value(), told) == ("same", [])
    control.set_value("unknown")
    assert control.value() == "same"
    first, second = control.findChildren(QPushButton)
    qtbot.mouseClick(first, Qt.MouseButton.LeftButton)
    assert (control.value(), told) == ("new", ["new"])
    qtbot.mouseClick(first, Qt.MouseButton.LeftButton)
    assert told == ["new"]
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Right)
    assert (control.value(), told) == ("same", ["new", "same"])
    assert second.accessibleName() == "Link: Same link"


def test_picker_keeps_the_choice_and_opens_by_keyboard(qtbot) -> None:
    picker = ComboButton("Distribution", placeholder="None")
    show(qtbot, picker)
    assert picker.current() is None
    assert picker.accessibleName() == "Distribution: None"
    picker.set_items([(1, "a & b"), (2, "two")])
    assert picker.current() == 1
    assert picker.text() == "a && b"
    picker.set_current(2)
    picker.set_items([(2, "two"), (3, "three")])
    assert picker.current() == 2
    picker.set_items([(3, "three")])
    assert picker.current() == 3
    picker.set_items([(2, "two"), (3, "three")])
    told: list[int] = []
    picker.chosen.connect(told.append)
    picker.setFocus()
    qtbot.keyClick(picker, Qt.Key.Key_Down)
    menu = QApplication.activePopupWidget()
    assert menu is not None
    qtbot.keyClick(menu, Qt.Key.Key_Down)
    qtbot.keyClick(menu, Qt.Key.Key_Return)
    assert told == [2]
    assert picker.current() == 2


def test_wheel_over_a_form_field_changes_nothing(qtbot) -> None:
    box = ComboBox("Region")
    box.addItems(["a", "b", "c"])
    holder = QWidget()
    column = QVBoxLayout(holder)
    other = QLineEdit()
    column.addWidget(other)
    column.addWidget(box)
    show(qtbot, holder)
    other.setFocus()
    from PySide6.QtGui import QWheelEvent

    def wheel() -> None:
        event = QWheelEvent(
            QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(box, event)

    wheel()
    assert box.currentIndex() == 0
    box.setFocus()
    wheel()
    assert box.currentIndex() == 1


# Drop zone


def drop(zone: DropZone, mime: QMimeData) -> tuple[bool, bool]:
    """Drag `mime` over the zone and drop it; whether enter and drop were accepted."""
    actions, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), actions, mime, left, none)
    enter.ignore()
    QApplication.sendEvent(zone, enter)
    event = QDropEvent(QPointF(5, 5), actions, mime, left, none)
    event.ignore()
    QApplication.sendEvent(zone, event)
    return enter.isAccepted(), event.isAccepted()


@pytest.mark.parametrize("slim", [True, False])
def test_drop_zone_takes_files_and_folders_with_any_name(qtbot, tmp_path: Path, slim: bool) -> None:
    names = ["a film.mp4", "-rf.mov", "emoji 🎬.mp4", "50%.mp4", "folder#1"]
    zone = DropZone(slim=slim, hint="MP4", sample=True)
    qtbot.addWidget(zone)
    got: list[list[Path]] = []
    zone.files_dropped.connect(got.append)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in names] + [QUrl("https://example.com/a.mp4")])
    assert drop(zone, mime) == (True, True)
    assert got == [[tmp_path / name for name in names]]


def test_drop_zone_leaves_text_and_links_alone(qtbot) -> None:
    zone = DropZone()
    qtbot.addWidget(zone)
    got: list[object] = []
    zone.files_dropped.connect(got.append)
    text, link = QMimeData(), QMimeData()
    text.setText("file:///etc/passwd")
    link.setUrls([QUrl("https://example.com/a.mp4")])
    assert drop(zone, text) == (False, False)
    assert drop(zone, link) == (False, False)
    assert got == []


def test_drop_zone_offers_the_chooser_and_the_sample(qtbot) -> None:
    zone = DropZone(sample=True)
    show(qtbot, zone)
    with qtbot.waitSignal(zone.browse_requested):
        qtbot.mouseClick(zone.browse_button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(zone.sample_requested):
        qtbot.mouseClick(zone.sample_button, Qt.MouseButton.LeftButton)


# Progress and steps


def test_progress_counts_in_thousandths_and_knows_the_unknown(qtbot) -> None:
    bar = ThinProgress("Upload")
    show(qtbot, bar, (200, 6))
    bar.set_fraction(0.4567)
    assert (bar.value(), bar.maximum()) == (457, 1000)
    half = bar.grab().toImage()
    bar.set_fraction(7.0)
    assert bar.value() == 1000
    bar.set_fraction(-1)
    assert bar.value() == 0
    empty = bar.grab().toImage()
    bar.set_fraction(None)
    assert (
        len(
            {
                half.pixelColor(60, 3).name(),
                empty.pixelColor(60, 3).name(),
                bar.grab().toImage().pixelColor(60, 3).name(),
            }
        )
        == 3
    )


def test_steps_say_their_state_in_words(qtbot) -> None:
    row = StepRow()
    qtbot.addWidget(row)
    row.set_steps(
        [
            StepSnapshot(Step.INSPECT, StepState.DONE, 0.12, "6 boxes"),
            StepSnapshot(Step.UPLOAD, StepState.RUNNING),
            StepSnapshot(Step.VERIFY, StepState.FAILED),
            StepSnapshot(Step.INVALIDATE, StepState.SKIPPED),
        ]
    )
    assert row.accessibleName() == "Steps: Inspect done, Upload running, Verify failed, Invalidate not needed"
    texts = [label.text() for label in row.findChildren(PlainLabel)]
    assert texts == ["✓ Inspect", "● Upload", "✕ Verify", "– Invalidate"]
    assert "6 boxes · 0.12 s" in row.findChildren(PlainLabel)[0].toolTip()
    row.set_steps([StepSnapshot(Step.INSPECT)])
    assert [label.text() for label in row.findChildren(PlainLabel) if not label.isHidden()] == ["Inspect"]


def test_skeleton_waits_before_it_shows(qtbot) -> None:
    holder = QWidget()
    skeleton = Skeleton(parent=holder)
    show(qtbot, holder)
    skeleton.start()
    assert not skeleton.isVisible()
    skeleton.stop()
    skeleton.start()
    qtbot.waitUntil(skeleton.isVisible)
    skeleton.stop()
    assert not skeleton.isVisible()


# Chips


def check(path: str) -> str:
    return "" if path.startswith("/") else "A path starts with a slash."


def test_chips_check_while_one_types(qtbot) -> None:
    chips = PathChips(check)
    show(qtbot, chips, (500, 100))
    told: list[tuple[str, ...]] = []
    chips.changed.connect(told.append)
    qtbot.keyClicks(chips.input, "vid")
    assert chips.message.text() == "A path starts with a slash."
    assert chips.message.isVisible()
    qtbot.keyClick(chips.input, Qt.Key.Key_Return)
    assert (chips.paths(), chips.input.text(), told) == ((), "vid", [])
    chips.input.clear()
    qtbot.keyClicks(chips.input, "/a/*")
    assert not chips.message.isVisible()
    qtbot.keyClick(chips.input, Qt.Key.Key_Return)
    assert (chips.paths(), chips.input.text(), told) == (("/a/*",), "", [("/a/*",)])


def test_chips_are_removed_by_key_and_by_button(qtbot) -> None:
    chips = PathChips(check)
    show(qtbot, chips, (500, 100))
    chips.set_paths(["/a", "/b", "/c", "/a"])
    assert chips.paths() == ("/a", "/b", "/c")
    qtbot.keyClick(chips.input, Qt.Key.Key_Backspace)
    assert chips.paths() == ("/a", "/b")
    remove = next(b for b in chips.findChildren(QPushButton) if b.accessibleName() == "Remove /a")
    with qtbot.waitSignal(chips.changed) as blocker:
        qtbot.mouseClick(remove, Qt.MouseButton.LeftButton)
    assert blocker.args == [("/b",)]
    assert chips.input.hasFocus()


def test_a_paste_of_lines_makes_chips_of_the_good_ones(qtbot) -> None:
    chips = PathChips(check)
    show(qtbot, chips, (500, 100))
    QGuiApplication.clipboard().setText("/a\n\n /b \nbad\n/a\n")
    qtbot.keyClick(chips.input, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert chips.paths() == ("/a", "/b")
    assert chips.input.text() == "bad"
    assert chips.message.isVisible()


def test_chips_set_from_outside_are_kept_and_told(qtbot) -> None:
    chips = PathChips(check)
    qtbot.addWidget(chips)
    chips.set_paths(["bad", "/good"])
    assert chips.problems() == ("A path starts with a slash.",)
    chips.clear()
    assert chips.paths() == ()


# Facts, states, poster


def test_facts_can_be_copied_whole(qtbot) -> None:
    grid = FactsGrid()
    show(qtbot, grid, (260, 200))
    long = "https://media.example.com/videos/" + "x" * 80 + ".mp4"
    grid.set_rows([Fact("Title", EVIL), Fact("Link", long, "mono")])
    elided = grid.findChild(ElidedLabel)
    assert elided.full_text() == long
    plain = [w for w in grid.findChildren(PlainLabel) if w.text() == EVIL]
    assert len(plain) == 1
    assert plain[0].textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    grid.set_rows([Fact("Title", "New")])
    qtbot.waitUntil(lambda: [w.text() for w in grid.findChildren(PlainLabel) if w.isVisible()] == ["Title", "New"])


def test_labels_of_facts_that_stay_are_kept(qtbot) -> None:
    grid = FactsGrid()
    show(qtbot, grid, (260, 200))
    grid.set_rows([Fact("Type", "…"), Fact("Size", "5 bytes"), Fact("ETag", "…"), Fact("Tag", "x")])
    values = [w for w in grid.findChildren(PlainLabel) if w.property("role") == "fact"]
    values[1].setSelection(0, 1)
    long = "a" * 60
    grid.set_rows([Fact("Type", "video/mp4", "success"), Fact("Size", "5 bytes"), Fact("ETag", long, "mono")])
    qtbot.waitUntil(
        lambda: (
            [w.text() for w in grid.findChildren(PlainLabel) if w.isVisible()]
            == ["Type", "video/mp4", "Size", "5 bytes", "ETag"]
        )
    )
    assert values[0].text() == "video/mp4"
    assert (values[0].property("kind"), values[0].accessibleName()) == ("success", "Type: video/mp4")
    assert values[1].selectedText() == "5"
    assert grid.findChild(ElidedLabel).full_text() == long
    assert grid.findChild(ElidedLabel).accessibleName() == f"ETag: {long}"
    grid.set_rows([])
    qtbot.waitUntil(lambda: not [w for w in grid.findChildren(PlainLabel) if w.isVisible()])


def test_finding_offers_what_can_be_done(qtbot) -> None:
    row = FindingRow("warning", "No cache header.", action="Fix", advice="Write one.")
    show(qtbot, row)
    assert row.accessibleName() == "Warning: No cache header."
    with qtbot.waitSignal(row.action_requested) as blocker:
        qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    assert blocker.args == [row]
    with pytest.raises(KeyError):
        FindingRow("nonsense", "x")


def test_error_panel_tells_all_and_folds_the_codes(qtbot) -> None:
    error = errors.AccessDenied(
        f"This key may not list {EVIL}.", "Nothing was published.", "Ask the owner.",
        subject="s3://a/b", code="AccessDenied", request_id="R1",
    )  # fmt: skip
    panel = ErrorPanel(error=error, action="Try again")
    show(qtbot, panel, (600, 200))

    def visible() -> str:
        return "\n".join(w.text() for w in panel.findChildren(PlainLabel) if w.isVisible())

    assert EVIL in visible()
    assert "Nothing was published. Ask the owner." in visible()
    assert "R1" not in visible()
    by_name = {b.accessibleName(): b for b in panel.findChildren(QPushButton)}
    qtbot.mouseClick(by_name["Show details"], Qt.MouseButton.LeftButton)
    assert "Request: R1" in visible()
    qtbot.mouseClick(by_name["Copy details"], Qt.MouseButton.LeftButton)
    assert "Code: AccessDenied" in QGuiApplication.clipboard().text()
    with qtbot.waitSignal(panel.action_requested):
        qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    panel.set_error(None)
    assert not panel.isVisible()
    panel.set_error(errors.Offline("No network."), "")
    assert not panel.button.isVisible()
    assert panel.accessibleName() == "No connection"


def test_empty_state_has_words_and_buttons(qtbot) -> None:
    button = PrimaryButton("Choose videos…")
    state = EmptyState("library", "Nothing here", "Publish a video.", [button])
    show(qtbot, state)
    assert button.isVisible()
    state.set("Nothing found")
    assert not state.text.isVisible()


def test_poster_shows_a_portrait_whole_and_survives_rubbish(qtbot) -> None:
    poster = PosterView(width=160)
    show(qtbot, poster)
    neutral = poster.grab().toImage()
    poster.set_jpeg(jpeg(1600, 900))
    wide = poster.grab().toImage()
    assert wide.pixelColor(4, 45).red() > 150
    assert wide.pixelColor(80, 45).red() > 150
    poster.set_jpeg(jpeg(900, 1600))
    tall = poster.grab().toImage()
    assert tall.pixelColor(4, 45).red() < 80
    assert tall.pixelColor(80, 45).red() > 150
    poster.set_badge("12:31")
    assert poster.grab().toImage() != tall
    assert poster.accessibleDescription() == "12:31"
    poster.set_badge("")
    poster.set_jpeg(b"not a picture")
    assert poster.grab().toImage() == neutral


def test_posters_are_decoded_no_larger_than_needed() -> None:
    image = decode_poster(jpeg(4000, 1000), 400)
    assert (image.width(), image.height()) == (400, 100)
    assert decode_poster(b"").isNull()


# Layout


def test_flow_wraps_and_mirrors(qtbot) -> None:
    holder = QWidget()
    flow = FlowLayout(holder, gap=4, line_gap=4)
    badges = [Badge("x" * 12) for _ in range(5)]
    for badge in badges:
        flow.addWidget(badge)
    show(qtbot, holder)
    wide = badges[0].sizeHint().width() * 6
    narrow = badges[0].sizeHint().width() + 10
    assert flow.heightForWidth(narrow) > 4 * flow.heightForWidth(wide)
    holder.resize(wide, 200)
    assert len({badge.y() for badge in badges}) == 1
    assert badges[0].x() < badges[1].x()
    holder.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    flow.setGeometry(holder.rect())
    assert badges[0].x() > badges[1].x()
    assert badges[0].geometry().right() == holder.rect().right()


def test_drawer_stands_beside_and_folds_below_1100(qtbot) -> None:
    window = QWidget()
    column = QVBoxLayout(window)
    column.setContentsMargins(0, 0, 0, 0)
    content, panel = QWidget(), PlainLabel("facts")
    drawer = Drawer(content, panel)
    column.addWidget(drawer.toggle_button)
    column.addWidget(drawer, 1)
    show(qtbot, window, (1280, 700))
    assert not drawer.is_folded
    assert panel.isVisible()
    assert content.width() == 1280 - 332
    assert not drawer.toggle_button.isVisible()
    with qtbot.waitSignal(drawer.folded_changed) as blocker:
        window.resize(1000, 700)
    assert blocker.args == [True]
    assert not panel.isVisible()
    assert content.width() == 1000
    qtbot.mouseClick(drawer.toggle_button, Qt.MouseButton.LeftButton)
    assert panel.isVisible()
    assert content.width() == 1000
    qtbot.keyClick(drawer, Qt.Key.Key_Escape)
    assert not panel.isVisible()
    drawer.set_available(False)
    assert not drawer.toggle_button.isVisible()
    window.resize(1280, 700)
    assert not panel.isVisible()
    assert content.width() == 1280


# Messages


def test_toast_is_announced_and_offers_one_action(qtbot, monkeypatch) -> None:
    host = QWidget()
    toast = Toast(host)
    show(qtbot, host, (500, 300))
    said: list[str] = []
    monkeypatch.setattr(QAccessible, "updateAccessibility", lambda event: said.append(event.message()))
    undone: list[bool] = []
    toast.show_message("Link copied", "Undo", lambda: undone.append(True))
    assert toast.isVisible()
    assert said == ["Link copied"]
    before = toast.geometry()
    host.resize(700, 400)
    assert toast.geometry() != before
    assert host.rect().contains(toast.geometry())
    qtbot.mouseClick(toast.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert undone == [True]
    assert not toast.isVisible()
    toast.show_message("Plain")
    assert not toast.findChild(QPushButton).isVisible()
    toast._timer.timeout.emit()
    assert not toast.isVisible()
    toast._timer.stop()


def test_announcing_reaches_qt_without_a_screen_reader(qtbot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    announce(widget, "Live", urgent=True)


def test_check_box_is_drawn_and_pressed_by_keyboard(qtbot) -> None:
    box = CheckBox("Check & verify")
    show(qtbot, box)
    off = box.grab().toImage()
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert box.isChecked()
    assert box.grab().toImage() != off


# Background work


class Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.results: list[object] = []
        self.errors: list[errors.VidcdnError] = []
        self.cancelled = 0
        self.threads: set[int] = set()

    @Slot(object)
    def on_done(self, result: object) -> None:
        self.threads.add(threading.get_ident())
        self.results.append(result)

    @Slot(object)
    def on_error(self, error: errors.VidcdnError) -> None:
        self.threads.add(threading.get_ident())
        self.errors.append(error)

    @Slot()
    def on_cancelled(self) -> None:
        self.cancelled += 1


def raising(error: BaseException):
    def function() -> object:
        raise error

    return function


def test_results_arrive_on_the_gui_thread_whole(qtbot) -> None:
    receiver = Receiver()
    worker: list[int] = []
    gate = threading.Event()

    def work() -> int:
        worker.append(threading.get_ident())
        assert gate.wait(30)
        return 5_368_709_121

    background.run_in_background(receiver, work, receiver.on_done, receiver.on_error)
    assert background.busy() == 1
    gate.set()
    qtbot.waitUntil(lambda: receiver.results == [5_368_709_121])
    assert receiver.threads == {threading.get_ident()}
    assert worker[0] != threading.get_ident()
    qtbot.waitUntil(lambda: not background._running)


def test_errors_are_told_and_unexpected_ones_logged(qtbot, caplog) -> None:
    receiver = Receiver()
    known = errors.Offline("No network.")
    background.run_in_background(receiver, raising(known), receiver.on_done, receiver.on_error)
    qtbot.waitUntil(lambda: receiver.errors == [known])
    background.run_in_background(receiver, raising(ZeroDivisionError("x")), receiver.on_done, receiver.on_error)
    qtbot.waitUntil(lambda: len(receiver.errors) == 2)
    assert isinstance(receiver.errors[1], errors.UnexpectedProblem)
    assert "ZeroDivisionError" in caplog.text
    assert receiver.results == []


def test_cancelling_is_no_error(qtbot) -> None:
    receiver = Receiver()
    token = CancelToken()

    def work() -> None:
        token.wait(30)
        token.raise_if_cancelled()

    background.run_in_background(
        receiver, work, receiver.on_done, receiver.on_error, on_cancelled=receiver.on_cancelled, token=token
    )
    token.cancel()
    qtbot.waitUntil(lambda: receiver.cancelled == 1)
    background.run_in_background(receiver, raising(Cancelled()), receiver.on_done, receiver.on_error)
    assert background.wait_all(10)
    assert (receiver.results, receiver.errors) == ([], [])


def test_work_outlives_its_receiver_without_harm(qtbot) -> None:
    receiver = Receiver()
    gate = threading.Event()
    background.run_in_background(receiver, lambda: gate.wait(30), receiver.on_done, receiver.on_error)
    receiver.deleteLater()
    QApplication.sendPostedEvents(receiver, 52)  # DeferredDelete
    gate.set()
    assert background.wait_all(10)
    QApplication.processEvents()
    assert receiver.results == []


def test_an_owner_that_goes_cancels_its_work(qtbot) -> None:
    owner, receiver, token = QObject(), Receiver(), CancelToken()
    background.run_in_background(owner, lambda: token.wait(30), receiver.on_done, token=token)
    owner.deleteLater()
    QApplication.sendPostedEvents(owner, 52)  # DeferredDelete
    assert token.is_cancelled
    qtbot.waitUntil(lambda: receiver.results == [True])


def test_only_slots_of_objects_may_receive(qtbot) -> None:
    receiver = Receiver()
    with pytest.raises(TypeError, match="bound method"):
        background.run_in_background(receiver, lambda: 1, lambda _: None)
    assert background.busy() == 0


def test_waiting_has_a_deadline(qtbot) -> None:
    receiver = Receiver()
    gate = threading.Event()
    background.run_in_background(receiver, lambda: gate.wait(30), receiver.on_done)
    assert not background.wait_all(0.01)
    gate.set()
    assert background.wait_all(10)


def test_many_pieces_of_work_all_arrive(qtbot) -> None:
    receiver = Receiver()
    for number in range(60):
        background.run_in_background(receiver, lambda number=number: number, receiver.on_done, receiver.on_error)
    qtbot.waitUntil(lambda: sorted(receiver.results) == list(range(60)))
