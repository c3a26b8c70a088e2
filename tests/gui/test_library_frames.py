"""The gallery of videos without a picture beside them: a frame of each on screen, kept, and never asked for twice."""

# ruff: noqa: F811 - fixtures are named where they come from and where they are used

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cloud_fixtures import cloud, shared_session  # noqa: F401 - fixtures
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.gui.library import frame_insight
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.media.ffmpeg import Tools, find_tools
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

LONG = 30_000


@pytest.fixture
def connection(shared_session: Session, clip_end: Path) -> Connection:
    assert shared_session.connection is not None
    film = clip_end.read_bytes()
    for key, body in (("g/film.mp4", film), ("g/odd.mp4", b"no film"), ("g/with.mp4", film), ("g/with.jpg", b"odd")):
        ref = ObjectRef(shared_session.connection.profile.bucket, key)
        shared_session.connection.storage.put(ref, BytesSource(body), ObjectHeaders("video/mp4"), token=CancelToken())
    return shared_session.connection


@pytest.fixture
def gallery(
    qtbot: QtBot,
    shared_session: Session,
    connection: Connection,
    tmp_path: Path,
) -> Iterator[Callable[[Tools], LibraryPage]]:
    made: list[LibraryPage] = []

    def open_it(tools: Tools) -> LibraryPage:
        page = LibraryPage(shared_session, posters=PosterCache(tmp_path / "posters"))
        page.on_screen.show_frames(tools)
        qtbot.addWidget(page)
        page.resize(1084, 700)
        page.show()
        made.append(page)
        page.open_prefix("g/")
        qtbot.waitUntil(lambda: page._complete, timeout=LONG)
        page.show_gallery()
        return page

    yield open_it
    for page in made:
        page.hide()
        page.lister.stop()


def picture(page: LibraryPage, name: str) -> QPixmap | None:
    return page.on_screen.posters.memory.get(ids(page)[name])


def ids(page: LibraryPage) -> dict[str, int]:
    return {row.name: page.model.row_id(number) for number, row in enumerate(page.model.rows())}


def is_looked_at(page: LibraryPage, *names: str) -> bool:
    return all(ids(page)[name] in page.on_screen.posters.memory for name in names)


def test_videos_without_a_picture_show_a_frame_which_is_kept(
    qtbot: QtBot, gallery: Callable[[Tools], LibraryPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = gallery(find_tools())
    qtbot.waitUntil(lambda: is_looked_at(page, "film.mp4", "odd.mp4", "with.mp4"), timeout=LONG)
    shown = picture(page, "film.mp4")
    assert shown is not None
    assert shown.size() == page.gallery.picture_size() * page.devicePixelRatioF()
    assert picture(page, "odd.mp4") is None
    assert picture(page, "with.mp4") is None, "the picture beside it is what it is, and no frame is taken in its place"

    def never(*_what: object, **_how: object) -> None:
        raise AssertionError("it was looked at before")

    monkeypatch.setattr(frame_insight, "frame_of", never)
    again = gallery(find_tools())
    qtbot.waitUntil(lambda: is_looked_at(again, "film.mp4", "odd.mp4"), timeout=LONG)
    assert picture(again, "film.mp4") is not None
    assert picture(again, "odd.mp4") is None


def test_a_failure_of_the_network_is_not_kept(
    qtbot: QtBot, gallery: Callable[[Tools], LibraryPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_what: object, **_how: object) -> None:
        raise Offline("No connection.")

    with monkeypatch.context() as patched:
        patched.setattr(frame_insight, "frame_of", offline)
        page = gallery(find_tools())
        qtbot.waitUntil(lambda: is_looked_at(page, "film.mp4"), timeout=LONG)
        assert picture(page, "film.mp4") is None
    again = gallery(find_tools())
    qtbot.waitUntil(lambda: is_looked_at(again, "film.mp4") and picture(again, "film.mp4") is not None, timeout=LONG)


def test_without_ffmpeg_there_are_no_frames(gallery: Callable[[Tools], LibraryPage]) -> None:
    assert gallery(Tools()).on_screen.frames is None
