"""The whole window as assistive tools see it: every control on every page has a name, in both directions of writing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cloud_fixtures import session  # noqa: F401 - a fixture
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.activity.page import ActivityPage
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.delivery.page import DeliveryPage
from vidcdn_desktop.gui.library.batch_jobs_dialog import BatchJobsDialog
from vidcdn_desktop.gui.library.fast_start_dialog import FastStartDialog
from vidcdn_desktop.gui.library.handover_dialog import HandoverDialog
from vidcdn_desktop.gui.library.operation_questions import Asked, ask_about
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.place_form import PlaceForm
from vidcdn_desktop.gui.library.selection import OPERATIONS
from vidcdn_desktop.gui.library.values_form import ValuesForm
from vidcdn_desktop.gui.library.version_form import VersionForm
from vidcdn_desktop.gui.library.versions_dialog import VersionsDialog
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.palette import CommandPalette
from vidcdn_desktop.gui.publish.page import PublishPage
from vidcdn_desktop.gui.reading_order import in_reading_order, takes_tab
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.settings_dialog import SettingsDialog
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.handover import hand_over
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.jobs.operations.promise import Promise
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.jobs.repair_batch import Wish
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.settings import Settings
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

_CONTROLS = {
    QAccessible.Role.Button,
    QAccessible.Role.ButtonMenu,
    QAccessible.Role.CheckBox,
    QAccessible.Role.ComboBox,
    QAccessible.Role.EditableText,
    QAccessible.Role.List,
    QAccessible.Role.ProgressBar,
    QAccessible.Role.RadioButton,
    QAccessible.Role.Slider,
    QAccessible.Role.Table,
}


class Control(NamedTuple):
    """What an assistive tool is told of one control."""

    role: QAccessible.Role
    name: str
    kind: str


def controls(widget: QWidget) -> list[Control]:
    """Every control below a widget that can be seen, as the accessibility tree has it.

    The interfaces belong to Qt and go with their widgets, so none of them is kept.
    """
    found: list[Control] = []

    def walk(node: QAccessibleInterface) -> None:
        for number in range(node.childCount()):
            child = node.child(number)
            if child is None or child.state().invisible:
                continue
            if child.role() in _CONTROLS:
                found.append(Control(child.role(), child.text(QAccessible.Text.Name), type(child.object()).__name__))
            if child.role() is not QAccessible.Role.Table:
                walk(child)

    walk(QAccessible.queryAccessibleInterface(widget))
    return found


def nameless(widget: QWidget) -> list[str]:
    """Controls without a name, and stops of the Tab key without one."""
    found = [f"{control.role}: {control.kind}" for control in controls(widget) if not control.name.strip()]
    stops = [stop for stop in in_reading_order(widget) if takes_tab(stop)]
    return found + [repr(stop) for stop in stops if not stop.accessibleName().strip()]


@pytest.fixture
def bridge(qtbot: QtBot, qapp: QApplication) -> Iterator[JobBridge]:
    made = JobBridge(find_tools())
    yield made
    with qtbot.waitSignal(made.all_stopped, timeout=20_000):
        made.shut_down()
    qtbot.waitUntil(made.is_stopped)
    made.deleteLater()


@pytest.fixture
def window(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    bridge: JobBridge,
    tmp_path: Path,
) -> MainWindow:
    """The real pages over a practice cloud with one object in its bucket."""
    connection = session.connection
    assert connection is not None
    ref = ObjectRef(connection.profile.bucket, "videos/one.mp4")
    connection.storage.put(ref, BytesSource(b"x"), ObjectHeaders("video/mp4"), token=CancelToken())
    pages = {
        "publish": PublishPage(bridge),
        "library": LibraryPage(session),
        "delivery": DeliveryPage(session),
        "activity": ActivityPage(bridge),
    }
    made = MainWindow(pages, session.facts, busy=lambda: 0, settings_file=tmp_path / "window.ini")
    qtbot.addWidget(made, before_close_func=lambda w: w.finish_close())
    bridge.set_connection(connection)
    made.resize(1280, 800)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    library = pages["library"]
    assert isinstance(library, LibraryPage)
    library.open_prefix("videos/")
    qtbot.waitUntil(lambda: library.model.rowCount() == 1, timeout=20_000)
    return made


def fill(qtbot: QtBot, bridge: JobBridge, window: MainWindow, film: Path, tmp_path: Path) -> PublishPage:
    """A film that is published, and a refused file."""
    text = tmp_path / "notes.mp4"
    text.write_text("hello " * 100)
    page = window.findChild(PublishPage)
    assert page is not None
    page.add_files([film, text])
    ended = {JobState.READY, JobState.REFUSED}

    def looked_at() -> bool:
        found = bridge.snapshots()
        return len(found) == 2 and all(s.state in ended and (s.plan or s.error) for s in found)

    qtbot.waitUntil(looked_at, timeout=60_000)
    bridge.publish_all()
    qtbot.waitUntil(lambda: bridge.snapshots()[0].state is JobState.PUBLISHED, timeout=60_000)
    return page


@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_every_control_on_every_page_has_a_name(
    qtbot: QtBot, window: MainWindow, bridge: JobBridge, clip_end: Path, tmp_path: Path, direction: Qt.LayoutDirection
) -> None:
    window.setLayoutDirection(direction)
    assert nameless(window) == []
    page = fill(qtbot, bridge, window, clip_end, tmp_path)
    counts = []
    for snapshot in bridge.snapshots():
        page.select(snapshot.id)
        assert nameless(window) == []
        counts.append(len(controls(window)))
    assert max(counts) > 25
    window.findChild(LibraryPage).search.setText("o")
    for name in ("library", "delivery", "activity"):
        window.show_page(name)
        assert len(controls(window)) > 8
        assert nameless(window) == []


def test_every_control_in_the_dialogs_has_a_name(qtbot: QtBot, window: MainWindow) -> None:
    window.open_palette()
    palette = window.findChild(CommandPalette)
    assert palette is not None
    dialogs: list[QDialog] = [palette, SettingsDialog(Settings(), window)]
    for dialog in dialogs:
        qtbot.addWidget(dialog)
        dialog.show()
        assert controls(dialog)
        assert nameless(dialog) == []
        dialog.reject()


@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_every_control_of_the_question_about_fast_start_has_a_name(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    window: MainWindow,
    clip_end: Path,
    direction: Qt.LayoutDirection,
) -> None:
    connection = session.connection
    assert connection is not None
    bucket = connection.profile.bucket
    data = BytesSource(clip_end.read_bytes())
    for name in ("a.mp4", "b.mp4"):
        connection.storage.put(
            ObjectRef(bucket, f"lectures/{name}"), data, ObjectHeaders("video/mp4"), token=CancelToken()
        )
    dialog = FastStartDialog(connection, [Wish(ObjectRef(bucket, "lectures/"))], window)
    qtbot.addWidget(dialog)
    dialog.setLayoutDirection(direction)
    dialog.show()
    assert nameless(dialog) == []
    dialog.start()
    qtbot.waitUntil(lambda: dialog.plan is not None, timeout=20_000)
    assert nameless(dialog) == []
    names = {control.name for control in controls(dialog)}
    assert {"Videos", "Then remove the old copies from the CDN (2 paths)", "Make 2 videos fast start"} <= names
    assert dialog.strip.before.accessibleDescription()
    dialog.reject()


@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
@pytest.mark.parametrize("verb", list(OPERATIONS))
def test_every_control_of_the_questions_about_operations_has_a_name(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    window: MainWindow,
    verb: str,
    direction: Qt.LayoutDirection,
) -> None:
    connection = session.connection
    assert connection is not None
    ref = ObjectRef(connection.profile.bucket, "lectures/a & b.mp4")
    versions = {"Status": "Enabled"}
    connection.clients.s3.put_bucket_versioning(Bucket=ref.bucket, VersioningConfiguration=versions)
    for data in (b"older", b"bytes"):
        connection.storage.put(ref, BytesSource(data), ObjectHeaders("video/mp4"), token=CancelToken())
    dialog = ask_about(connection, Asked(verb, (Source(ref),)), window)
    qtbot.addWidget(dialog)
    dialog.setLayoutDirection(direction)
    dialog.show()
    assert nameless(dialog) == []
    match dialog.form:
        case PlaceForm():
            dialog.form.place.setText("archive")
        case ValuesForm():
            dialog.form.add_row()
            row = dialog.form.extra[-1]
            assert row.name_field is not None
            row.name_field.setText("state")
            row.value.setText("done")
        case VersionForm() as form:
            qtbot.waitUntil(lambda: form.is_listed, timeout=20_000)
    dialog.start()
    qtbot.waitUntil(lambda: dialog.plan is not None, timeout=20_000)
    assert nameless(dialog) == []
    assert {"Objects", dialog.go_button.accessibleName()} <= {control.name for control in controls(dialog)}
    dialog.reject()


@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_every_control_of_the_list_of_versions_has_a_name(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    window: MainWindow,
    direction: Qt.LayoutDirection,
) -> None:
    connection = session.connection
    assert connection is not None
    dialog = VersionsDialog(connection, "lectures/", window)
    qtbot.addWidget(dialog)
    dialog.setLayoutDirection(direction)
    dialog.show()
    assert nameless(dialog) == []
    dialog.start()
    qtbot.waitUntil(lambda: not dialog.is_listing, timeout=20_000)
    assert nameless(dialog) == []
    assert {"Versions", "Also in the folders below"} <= {control.name for control in controls(dialog)}
    dialog.reject()


@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_every_control_of_handing_over_to_the_store_has_a_name(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    window: MainWindow,
    direction: Qt.LayoutDirection,
) -> None:
    connection = session.connection
    assert connection is not None
    action = Action(Kind.STORAGE_CLASS, storage_class="GLACIER")
    items = (Item(1, ObjectRef(connection.profile.bucket, "a & b.mp4")),)
    plan = OperationPlan(action, connection.profile.bucket, "a & b.mp4", "a & b.mp4", items, Promise(False, ""))
    jobs = BatchJobsDialog(connection, window)
    for dialog in (HandoverDialog(connection, hand_over(plan), window), jobs):
        qtbot.addWidget(dialog)
        dialog.setLayoutDirection(direction)
        dialog.show()
        assert nameless(dialog) == []
        dialog.hide()
    jobs.start()
    qtbot.waitUntil(lambda: jobs.is_known, timeout=20_000)
    assert jobs.words.text() == "No job was handed over yet."
    jobs.reject()


def test_in_a_mirrored_window_the_rail_stands_at_the_right_and_the_panel_at_the_left(
    qtbot: QtBot, window: MainWindow, bridge: JobBridge, clip_end: Path, tmp_path: Path
) -> None:
    window.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    page = fill(qtbot, bridge, window, clip_end, tmp_path)

    def left(widget: QWidget) -> int:
        return widget.mapTo(window, widget.rect().topLeft()).x()

    card = next(iter(page._cards.values()))
    qtbot.waitUntil(lambda: left(page.panel) < left(card) < left(window.rail))
    assert left(card.poster) > left(card.title) + card.title.width() - 1
    assert left(card.remove) < left(card.title)


def test_the_keys_of_a_page_work_wherever_the_focus_is_but_only_while_it_is_shown(
    qtbot: QtBot, window: MainWindow, bridge: JobBridge, clip_end: Path
) -> None:
    page = window.findChild(PublishPage)
    assert page is not None
    window.show_page("publish")
    page.add_files([clip_end])
    qtbot.waitUntil(lambda: bool(bridge.snapshots()) and bridge.snapshots()[0].plan is not None, timeout=60_000)
    window.show_page("library")
    window.rail.card.setFocus()
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(window.rail.card, Qt.Key.Key_Return, control)
    assert bridge.snapshots()[0].state is JobState.READY
    window.show_page("publish")
    qtbot.waitUntil(page.publish_button.isEnabled, timeout=60_000)  # the keys do what the button does
    qtbot.keyClick(window.rail.card, Qt.Key.Key_Return, control)
    qtbot.waitUntil(lambda: bridge.snapshots()[0].state is JobState.PUBLISHED, timeout=60_000)


def test_choices_are_read_as_choices(window: MainWindow) -> None:
    roles = {control.name: control.role for control in controls(window)}
    assert roles["Publish"] is roles["Library"] is QAccessible.Role.RadioButton
    window.show_page("activity")
    roles = {control.name: control.role for control in controls(window)}
    assert roles["Which jobs: All"] is QAccessible.Role.RadioButton
