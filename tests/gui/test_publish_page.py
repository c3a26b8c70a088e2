"""The Publish page through the door users use: drops, keys and clicks, real jobs, a real practice cloud."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from films import make_clip
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.check import check_url
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.play_wish import PlayWish
from vidcdn_desktop.gui.publish.card import VideoCard
from vidcdn_desktop.gui.publish.page import PublishPage
from vidcdn_desktop.gui.widgets import NotePanel
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.practice import practice_connection
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.practice.cloud import PracticeCloud


@pytest.fixture(scope="module")
def cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud.start(invalidation_delay_s=0.3) as running:
        yield running


@pytest.fixture
def connection(cloud: PracticeCloud) -> Iterator[Connection]:
    profile, secrets = practice_connection(cloud)
    opened = open_connection(profile, secrets)
    opened.distributions()
    yield opened
    opened.close()


@pytest.fixture
def bridge(qtbot: QtBot, qapp: QApplication) -> Iterator[JobBridge]:
    made = JobBridge(find_tools())
    yield made
    with qtbot.waitSignal(made.all_stopped, timeout=20_000):
        made.shut_down()
    qtbot.waitUntil(made.is_stopped)
    made.deleteLater()


@pytest.fixture
def page(qtbot: QtBot, bridge: JobBridge, connection: Connection) -> PublishPage:
    made = PublishPage(bridge)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    bridge.set_connection(connection)
    serving = connection.serving()
    made.set_connection(ConnectionFacts(connection.profile, serving[0].host, "ok", None, serving))
    return made


def drop(page: PublishPage, *files: Path) -> None:
    """Drop files on the zone that is shown."""
    zone = page.big_zone if page.big_zone.isVisible() else page.slim_zone
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in files])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    zone.dropEvent(event)


def cards(page: PublishPage) -> list[VideoCard]:
    return page.findChildren(VideoCard)


def wait_for(qtbot: QtBot, page: PublishPage, state: JobState, number: int = 0) -> VideoCard:
    def there() -> bool:
        found = cards(page)
        return len(found) > number and found[number].snapshot.state is state

    qtbot.waitUntil(there, timeout=60_000)
    return cards(page)[number]


def test_from_a_drop_to_a_live_link(qtbot: QtBot, page: PublishPage, bridge: JobBridge, clip_end: Path) -> None:
    drop(page, clip_end)
    card = wait_for(qtbot, page, JobState.READY)
    qtbot.waitUntil(lambda: card.snapshot.plan is not None)
    assert "moved while uploading" in card._badges[0].text()
    assert card.address.full_text().startswith("videos/landscape/lake-at-dawn-")
    assert page.publish_button.text() == "Publish 1 video"
    qtbot.mouseClick(page.publish_button, Qt.MouseButton.LeftButton)
    card = wait_for(qtbot, page, JobState.PUBLISHED)
    assert card.live.text().startswith("✓ Live, starts in")
    qtbot.mouseClick(card.copy_link, Qt.MouseButton.LeftButton)
    link = QGuiApplication.clipboard().text()
    assert check_url(link, token=CancelToken()).ok
    qtbot.mouseClick(card.copy_embed, Qt.MouseButton.LeftButton)
    assert "<video" in QGuiApplication.clipboard().text()
    with qtbot.waitSignal(page.play_requested) as caught:
        qtbot.mouseClick(card.play, Qt.MouseButton.LeftButton)
    wish = caught.args[0]
    assert isinstance(wish, PlayWish)
    assert wish.url == link
    assert page.footer.status.text() == "1 live"


def test_what_is_not_mp4_is_published_without_another_question(qtbot: QtBot, page: PublishPage, tmp_path: Path) -> None:
    drop(page, make_clip(tmp_path / "lake.mkv"))
    card = wait_for(qtbot, page, JobState.READY)
    qtbot.waitUntil(lambda: card.snapshot.plan is not None)
    assert [badge.text() for badge in card._badges if badge.isVisible()] == [
        "Will be converted to MP4 without re-encoding",
        "Versioned link",
        "Plays in: Chrome, Firefox, Safari, iOS, Android",
    ]
    assert card.address.full_text().endswith(".mp4")
    qtbot.mouseClick(page.publish_button, Qt.MouseButton.LeftButton)
    card = wait_for(qtbot, page, JobState.PUBLISHED)
    assert card.live.text().startswith("✓ Live, starts in")
    assert "Convert done" in card.steps.accessibleName()


def test_a_new_title_gives_a_new_key(qtbot: QtBot, page: PublishPage, bridge: JobBridge, clip_end: Path) -> None:
    drop(page, clip_end)
    card = wait_for(qtbot, page, JobState.READY)
    qtbot.waitUntil(lambda: card.snapshot.plan is not None)
    card.title.selectAll()
    qtbot.keyClicks(card.title, "Crossing the Alps")
    qtbot.keyClick(card.title, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "crossing-the-alps-" in card.address.full_text())


def test_same_link_has_no_fingerprint(qtbot: QtBot, page: PublishPage, clip_end: Path) -> None:
    from vidcdn_desktop.jobs.model import LinkStyle

    drop(page, clip_end)
    card = wait_for(qtbot, page, JobState.READY)
    qtbot.waitUntil(lambda: card.snapshot.plan is not None)
    page.panel.link.set_value(LinkStyle.STABLE)
    page.panel.link.changed.emit(LinkStyle.STABLE)
    qtbot.waitUntil(lambda: card.address.full_text() == "videos/landscape/lake-at-dawn.mp4")


def test_a_refused_file_keeps_its_card_with_a_reason(qtbot: QtBot, page: PublishPage, tmp_path: Path) -> None:
    broken = tmp_path / "note.mp4"
    broken.write_text("no film at all\n" * 50)
    drop(page, broken)
    card = wait_for(qtbot, page, JobState.REFUSED)
    assert card._badges[0].text().startswith("Can't be published")
    assert card.advice.text()
    assert not page.publish_button.isEnabled()
    qtbot.mouseClick(card.remove, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.big_zone.isVisible())


def test_a_refused_file_has_facts_and_nothing_to_choose(
    qtbot: QtBot, page: PublishPage, clip_end: Path, tmp_path: Path
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("hello " * 100)
    page.resize(1200, 700)
    drop(page, clip_end)
    wait_for(qtbot, page, JobState.READY)
    assert page.panel.choices.isVisible()
    drop(page, text)
    refused = wait_for(qtbot, page, JobState.REFUSED, 1)
    page.select(refused.snapshot.id)
    assert not page.panel.choices.isVisible()
    assert page.panel.facts.rows()


def test_a_file_that_vanishes_before_publish_fails_in_words_and_can_be_retried(
    qtbot: QtBot, page: PublishPage, clip_end: Path, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    shutil.copy(clip_end, film)
    drop(page, film)
    card = wait_for(qtbot, page, JobState.READY)
    qtbot.waitUntil(lambda: card.snapshot.plan is not None)
    film.unlink()
    qtbot.mouseClick(page.publish_button, Qt.MouseButton.LeftButton)
    card = wait_for(qtbot, page, JobState.FAILED)
    assert "no longer there" in card._badges[0].text()
    assert "Nothing was published" in card.advice.text()
    shutil.copy(clip_end, film)
    qtbot.mouseClick(card.retry, Qt.MouseButton.LeftButton)
    wait_for(qtbot, page, JobState.PUBLISHED)


def test_scrubbing_shows_a_frame_and_uses_it(
    qtbot: QtBot, page: PublishPage, bridge: JobBridge, clip_end: Path
) -> None:
    drop(page, clip_end)
    card = wait_for(qtbot, page, JobState.READY)
    qtbot.waitUntil(lambda: card.snapshot.plan is not None)
    key = card.address.full_text()
    with qtbot.waitSignal(bridge.frame_ready, timeout=20_000):
        page.panel.slider.setValue(500)
    qtbot.waitUntil(lambda: page.panel.use_frame.isEnabled())
    qtbot.mouseClick(page.panel.use_frame, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: card.snapshot.options.thumbnail_at_s is not None)
    # The picture is cached for a year as well, so another frame means another name.
    qtbot.waitUntil(lambda: card.address.full_text() != key)


def test_a_folder_gives_its_videos(qtbot: QtBot, page: PublishPage, clip_end: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip_end, tmp_path / name)
    (tmp_path / "notes.txt").write_text("no")
    drop(page, tmp_path)
    qtbot.waitUntil(lambda: len(cards(page)) == 2)
    wait_for(qtbot, page, JobState.READY, 1)
    cards(page)[0].setFocus()
    qtbot.keyClick(cards(page)[0], Qt.Key.Key_Down)
    assert cards(page)[1].is_selected
    qtbot.keyClick(cards(page)[1], Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: len(cards(page)) == 1)


def test_f2_edits_the_title_enter_keeps_it_and_esc_takes_it_back(
    qtbot: QtBot, page: PublishPage, clip_end: Path
) -> None:
    drop(page, clip_end)
    card = wait_for(qtbot, page, JobState.READY)
    with qtbot.waitActive(page):
        page.activateWindow()
    old = card.title.text()
    card.setFocus()
    qtbot.keyClick(card, Qt.Key.Key_F2)
    assert card.title.hasFocus()
    assert card.title.selectedText() == old
    qtbot.keyClicks(card.title, "Something else")
    qtbot.keyClick(card.title, Qt.Key.Key_Escape)
    assert card.title.text() == old
    assert card.hasFocus()
    qtbot.keyClick(card, Qt.Key.Key_F2)
    qtbot.keyClicks(card.title, "Lake at dawn")
    qtbot.keyClick(card.title, Qt.Key.Key_Return)
    assert card.hasFocus()
    qtbot.waitUntil(lambda: card.snapshot.title == "Lake at dawn", timeout=10_000)
    assert card.accessibleName() == "Lake at dawn"
    assert card.title.accessibleName() == "Title of Lake at dawn"


def test_a_card_says_its_state_to_a_screen_reader(qtbot: QtBot, page: PublishPage, clip_end: Path) -> None:
    drop(page, clip_end)
    card = wait_for(qtbot, page, JobState.READY)
    plays = "Plays in: Chrome, Firefox, Safari, iOS, Android"
    assert card.accessibleDescription() == f"Selected, Index at the end: moved while uploading, Versioned link, {plays}"
    card.set_selected(False)
    assert card.accessibleDescription() == f"Index at the end: moved while uploading, Versioned link, {plays}"


def test_title_and_facts_stand_in_one_line(qtbot: QtBot, page: PublishPage, clip_end: Path) -> None:
    drop(page, clip_end)
    card = wait_for(qtbot, page, JobState.READY)

    def first_ink(widget: QWidget) -> int:
        picture = widget.grab().toImage()
        ground = picture.pixelColor(widget.width() - 3, 3)
        columns = range(picture.width())
        inked = (x for x in columns if any(picture.pixelColor(x, y) != ground for y in range(3, picture.height() - 3)))
        return widget.mapTo(card, QPoint(0, 0)).x() + next(inked)

    assert abs(first_ink(card.title) - first_ink(card.facts)) <= 2


def test_while_connecting_no_place_is_named(page: PublishPage, connection: Connection) -> None:
    page.set_connection(ConnectionFacts(replace(connection.profile, bucket=""), status="connecting"))
    assert page.bucket.accessibleName() == "Destination: Connecting…"
    assert not page.domain.isVisible()


def test_only_the_domain_that_is_used_stands_in_the_header(page: PublishPage, connection: Connection) -> None:
    used = connection.serving()[0]
    other = replace(used, id="EOTHER", domain_name="d2.example.net", aliases=())
    page.set_connection(ConnectionFacts(connection.profile, used.host, "ok", None, (other, used)))
    assert page.domain.accessibleName() == f"CDN domain: {used.host}"
    assert [value for value, _ in page.domain._items] == [used.id]


def test_without_a_cdn_it_is_said_before_the_upload(page: PublishPage, connection: Connection) -> None:
    page.set_connection(ConnectionFacts(connection.profile, "", "ok", None, ()))
    notes = [note for note in page.findChildren(NotePanel) if note.isVisible()]
    assert len(notes) == 1
    assert "expires after 7 days" in notes[0].text.text()


def test_a_broken_connection_does_not_speak_of_a_video(page: PublishPage, connection: Connection) -> None:
    problem = Offline("There is no connection to AWS.")
    page.set_connection(ConnectionFacts(connection.profile, "", "problem", problem))
    assert page.problem.isVisible()
    shown = page.problem.error
    assert shown is not None
    assert "Nothing was published" not in shown.sentence()
    assert problem.meaning == "Nothing was published."
    page.set_connection(ConnectionFacts(connection.profile, "", "ok"))
    assert not page.problem.isVisible()


def test_a_removed_card_is_gone_from_sight_at_once(
    qtbot: QtBot, page: PublishPage, bridge: JobBridge, clip_end: Path, tmp_path: Path
) -> None:
    other = shutil.copy(clip_end, tmp_path / "other.mp4")
    drop(page, clip_end, other)
    card = wait_for(qtbot, page, JobState.READY)
    left = wait_for(qtbot, page, JobState.READY, 1)
    bridge.remove(card.snapshot.id)
    assert not card.isVisible()
    assert left.isVisible()


def test_a_large_drop_is_shown_in_turns_and_in_its_order(
    qtbot: QtBot, page: PublishPage, bridge: JobBridge, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number:02d}.mp4" for number in range(40)]
    for path in files:
        path.write_text("no video")
    counts: list[int] = []
    bridge.job_added.connect(lambda _snapshot: counts.append(len(cards(page))))
    drop(page, *files)
    qtbot.waitUntil(lambda: len(counts) == 40, timeout=20_000)
    assert max(counts) < 40
    late, removed = (bridge.snapshots()[number].id for number in (35, 38))
    page.select(late)
    bridge.remove(removed)
    qtbot.waitUntil(lambda: len(page._cards) == 39 and page._column.is_complete, timeout=20_000)
    assert list(page._cards) == [snapshot.id for snapshot in bridge.snapshots()]
    placed = [page._column.column.indexOf(card) for card in page._cards.values()]
    assert placed == list(range(39))
    assert page._cards[late].is_selected
    qtbot.waitUntil(lambda: all(card.snapshot.state is JobState.REFUSED for card in cards(page)), timeout=60_000)
