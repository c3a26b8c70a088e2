"""The player over a real practice cloud: real bytes from a real edge, real frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_fixtures import session  # noqa: F401 - a fixture
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from films import make_clip
from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.models.play_wish import PlayWish
from vidcdn_desktop.gui.player import Players, PlayerWindow
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bars") / "bars.mp4"
    return make_clip(target, seconds=4, size="640x360", picture="smptebars", options=("-movflags", "+faststart"))


@pytest.fixture
def players(qtbot: QtBot) -> Iterator[Players]:
    made = Players()
    yield made
    used = made._proxy is not None
    if used:
        with qtbot.waitSignal(made.stopped, timeout=20_000):
            made.stop()


def published(session: Session, film: Path, key: str) -> str:  # noqa: F811
    connection = session.connection
    assert connection is not None
    with FileSource(film) as source:
        ref = ObjectRef(connection.profile.bucket, key)
        connection.storage.put(ref, source, ObjectHeaders("video/mp4"), token=CancelToken())
    url = connection.url_of(key)
    assert url is not None
    return url.url


def opened(qtbot: QtBot, players: Players, url: str) -> PlayerWindow:
    players.play(PlayWish("Bars", url))
    return players.windows[0]


def test_the_cdns_bytes_become_pictures_and_the_keys_work(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    players: Players,
    bars: Path,
) -> None:
    window = opened(qtbot, players, published(session, bars, "videos/bars.mp4"))
    qtbot.waitUntil(lambda: window.stage.has_frame, timeout=20_000)
    assert window.first_frame_s is not None
    picture = window.stage.grab().toImage()
    middle = picture.height() // 2
    left = picture.pixelColor(picture.width() // 14, middle)
    right = picture.pixelColor(picture.width() * 13 // 14, middle)
    assert min(left.red(), left.green(), left.blue()) > 120  # the grey bar
    assert right.blue() > 100 > right.red()  # the blue bar
    qtbot.waitUntil(lambda: "range request" in window.line.full_text(), timeout=10_000)
    assert "Playing from CloudFront" in window.line.full_text()
    assert "first frame" in window.line.full_text()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not window.is_playing, timeout=20_000)
    qtbot.keyClick(window, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: window.player.position() > 3000, timeout=20_000)
    assert window.time.text().endswith("/ 0:04")
    qtbot.keyClick(window, Qt.Key.Key_M)
    assert window.audio.isMuted()


def test_a_missing_video_is_told_with_the_edges_own_answer(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    players: Players,
) -> None:
    window = opened(qtbot, players, f"http://{session.facts.domain}/videos/none.mp4")
    qtbot.waitUntil(window.problem.isVisible, timeout=20_000)
    assert "403" in window.problem.text() or "not" in window.problem.text()
    assert window.browser_button.isVisible()
    assert window.play_button.accessibleName() == "Play"
    facts = window.session.facts()
    assert facts.error is not None


def test_closing_while_loading_leaves_nothing(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    players: Players,
    bars: Path,
) -> None:
    window = opened(qtbot, players, published(session, bars, "videos/early.mp4"))
    window.close()
    qtbot.waitUntil(lambda: not players.windows, timeout=20_000)


def test_closing_never_waits_with_pythons_lock_held(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    players: Players,
    bars: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`QMediaPlayer.stop` keeps the lock while it waits for a read that a thread of the proxy must answer."""
    window = opened(qtbot, players, published(session, bars, "videos/again.mp4"))
    qtbot.waitUntil(lambda: window.stage.has_frame, timeout=20_000)
    called: list[str] = []
    monkeypatch.setattr(window.player, "stop", lambda: called.append("stop"))
    window.close()
    assert called == []
    assert window.player.source().isEmpty()
    assert not window.is_playing
    qtbot.waitUntil(lambda: not players.windows, timeout=20_000)
