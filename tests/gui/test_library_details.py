"""The right panel of the Library over a real practice cloud: what it shows, asks, plays, and leaves alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cloud_fixtures import session  # noqa: F401 - a fixture
from PySide6.QtCore import QBuffer, Qt
from PySide6.QtGui import QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from films import make_clip
from vidcdn_desktop.bytesource import BytesSource, FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.session import PlaybackFacts, RangeRequest
from vidcdn_desktop.errors import AccessDenied
from vidcdn_desktop.gui.library.columns import ColumnMemory
from vidcdn_desktop.gui.library.details_words import (
    range_requests,
    summary_rows,
    summary_title,
    tag_rows,
    video_rows,
)
from vidcdn_desktop.gui.library.operation_questions import Asked, ask_about
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.selection import Selected
from vidcdn_desktop.gui.player import Players
from vidcdn_desktop.gui.player.window import edge_line
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import FactsGrid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.details import Answer, DetailsReader, Known, ObjectDetails
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.storage.keys import encode_metadata
from vidcdn_desktop.storage.object_looks import ObjectLooks
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

LONG = 30_000
YEAR = "public, max-age=31536000, immutable"


@pytest.fixture
def connection(session: Session) -> Connection:  # noqa: F811
    assert session.connection is not None
    return session.connection


@pytest.fixture
def players(qtbot: QtBot) -> Iterator[Players]:
    made = Players()
    yield made
    if made._proxy is not None:
        with qtbot.waitSignal(made.stopped, timeout=LONG):
            made.stop()


@pytest.fixture
def page(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    players: Players,
    tmp_path: Path,
) -> Iterator[LibraryPage]:
    with FactCache(tmp_path / "facts.sqlite") as facts:
        made = LibraryPage(
            session, facts=facts, posters=PosterCache(tmp_path / "posters"), settings_file=tmp_path / "library.ini"
        )
        made.details.players = players
        qtbot.addWidget(made)
        made.resize(1280, 760)
        made.show()
        yield made
        made.details.loader.stop()
        made.hide()
        made.lister.stop()


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bars") / "bars.mp4"
    return make_clip(target, seconds=4, size="320x180", options=("-movflags", "+faststart"))


def put(connection: Connection, key: str, body: bytes | Path = b"x", **metadata: str) -> None:
    ref = ObjectRef(connection.profile.bucket, key)
    headers = ObjectHeaders("video/mp4", YEAR, metadata=encode_metadata(metadata))
    if isinstance(body, bytes):
        connection.storage.put(ref, BytesSource(body), headers, token=CancelToken())
        return
    with FileSource(body) as source:
        connection.storage.put(ref, source, headers, token=CancelToken())


def listed(qtbot: QtBot, page: LibraryPage, prefix: str) -> None:
    page.open_prefix(prefix)
    qtbot.waitUntil(lambda: page._complete and page.place.prefix == prefix, timeout=LONG)


def select(page: LibraryPage, *names: str) -> None:
    rows = [n for n in range(page.model.rowCount()) if page.model.row(n).name in names]
    assert len(rows) == len(names)
    page.model.select_ranges([(n, n) for n in rows])


def told(grid: FactsGrid) -> dict[str, str]:
    return {fact.label: fact.value for fact in grid.rows()}


class Reads:
    """Watches what the panel asks for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: list[str] = []
        real = DetailsReader.read

        def read(reader: DetailsReader, ref: ObjectRef, token: CancelToken) -> Iterator[ObjectDetails]:
            self.keys.append(ref.key)
            return real(reader, ref, token)

        monkeypatch.setattr(DetailsReader, "read", read)


# What is shown
def test_one_object_is_told_in_full(qtbot: QtBot, page: LibraryPage, connection: Connection, bars: Path) -> None:
    title = "Lake <b>at</b> \u202edawn, à l'aube"
    put(connection, "v/lake-1a2b3c4d.mp4", bars, title=title)
    put(connection, "v/other.mp4")
    connection.clients.s3.put_object_tagging(
        Bucket=connection.profile.bucket,
        Key="v/lake-1a2b3c4d.mp4",
        Tagging={"TagSet": [{"Key": "team", "Value": "sea"}]},
    )
    listed(qtbot, page, "v/")
    assert not page.details_panel.isVisible(), "beside the list it comes with the first selected row"
    select(page, "lake-1a2b3c4d.mp4")
    panel = page.details_panel
    assert panel.isVisible()
    assert told(panel.object.grid)["Type"] == "…", "what is asked for waits"
    qtbot.waitUntil(lambda: told(panel.tags.grid) == {"team": "sea"}, timeout=LONG)
    qtbot.waitUntil(lambda: "Codec" in told(panel.film.grid) and panel.film.boxes.isVisible(), timeout=LONG)
    qtbot.waitUntil(lambda: told(panel.delivery.grid)["Link"] != "…", timeout=LONG)
    qtbot.waitUntil(lambda: told(panel.object.grid)["Versions"] != "…", timeout=LONG)
    assert panel.title.text() == "Lake <b>at</b> ⟨U+202E⟩dawn, à l'aube"
    assert panel.title.textFormat() is Qt.TextFormat.PlainText
    url = connection.url_of("v/lake-1a2b3c4d.mp4")
    assert url is not None
    assert told(panel.delivery.grid) == {
        "Link": url.url,
        "Cache-Control": YEAR,
        "Fast start": "Yes, index first",
        "Range requests": "Not measured; play it",
    }
    size = bars.stat().st_size
    found = told(panel.object.grid)
    assert found["Size"].endswith(f"({size:,} bytes)")
    assert found["Type"] == "video/mp4"
    assert found["Storage"] == "Standard"
    assert found["Checksum"] == "CRC64NVME, full object"
    assert found["Versions"] == "1"
    assert "Lock" not in found
    assert told(panel.metadata.grid)["title"] == panel.title.text()
    assert told(panel.film.grid)["Picture"].startswith("320×180, ")
    assert panel.film.boxes.before.groups()[0].kind == "ftyp"
    assert not panel.problem.isVisible()


def test_all_facts_are_read_on_request_and_can_be_copied(
    qtbot: QtBot, page: LibraryPage, connection: Connection, bars: Path
) -> None:
    put(connection, "v/film.mp4", bars)
    listed(qtbot, page, "v/")
    select(page, "film.mp4")
    film = page.details_panel.film
    qtbot.waitUntil(film.show_all_button.isVisible, timeout=LONG)
    film.show_all_button.click()
    qtbot.waitUntil(film.all_grid.isVisible, timeout=LONG)
    assert "Plays in" in told(film.all_grid)
    film.copy_button.click()
    copied = json.loads(QGuiApplication.clipboard().text())
    assert copied["facts"]["place"] == "front"
    assert copied["video"][0]["codec"] == "h264"
    assert copied["boxes"][0]["type"] == "ftyp"
    film.show_all_button.click()
    assert not film.all_grid.isVisible()
    film.show_all_button.click()
    assert film.all_grid.isVisible(), "what was read is not read again"


def test_what_may_not_be_seen_is_named_and_the_rest_is_told(
    qtbot: QtBot, page: LibraryPage, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object) -> None:
        raise AccessDenied("This account may not do it.", "", "", subject="")

    monkeypatch.setattr(ObjectLooks, "tags", refused)
    monkeypatch.setattr(ObjectLooks, "some_versions", refused)
    put(connection, "v/film.mp4")
    listed(qtbot, page, "v/")
    select(page, "film.mp4")
    panel = page.details_panel
    qtbot.waitUntil(
        lambda: told(panel.tags.grid) == {"All tags": "Not visible to you (s3:GetObjectTagging)"}, timeout=LONG
    )
    qtbot.waitUntil(
        lambda: told(panel.object.grid)["Versions"] == "Not visible to you (s3:ListBucketVersions)", timeout=LONG
    )
    assert told(panel.object.grid)["Type"] == "video/mp4"
    assert not panel.versions.isVisible()


def test_an_object_that_is_gone_says_so(qtbot: QtBot, page: LibraryPage, connection: Connection) -> None:
    put(connection, "v/film.mp4")
    listed(qtbot, page, "v/")
    connection.clients.s3.delete_object(Bucket=connection.profile.bucket, Key="v/film.mp4")
    select(page, "film.mp4")
    qtbot.waitUntil(page.details_panel.problem.isVisible, timeout=LONG)
    assert "nothing under this name" in page.details_panel.problem.text()
    assert told(page.details_panel.object.grid)["Type"] == "Not known", "nobody waits for it any more"
    assert page.details_panel.title.text() == "film.mp4"


def test_several_a_folder_and_nothing_are_told_briefly(qtbot: QtBot, page: LibraryPage, connection: Connection) -> None:
    for key in ("v/a.mp4", "v/b.vtt", "v/sub/c.mp4"):
        put(connection, key, b"12345")
    listed(qtbot, page, "v/")
    panel = page.details_panel
    select(page, "a.mp4", "b.vtt")
    qtbot.waitUntil(lambda: panel.title.text() == "2 objects selected", timeout=LONG)
    assert told(panel.summary) == {"Size": "10 bytes", "Videos": "1", "Other objects": "1"}
    select(page, "sub/")
    qtbot.waitUntil(lambda: panel.title.text() == "sub/", timeout=LONG)
    assert told(panel.summary)["Address"] == f"s3://{connection.profile.bucket}/v/sub/"
    assert not panel.stage.isVisible()
    page.model.select_ranges([])
    qtbot.waitUntil(lambda: not panel.isVisible(), timeout=LONG)
    page.show_gallery()
    qtbot.waitUntil(panel.isVisible, timeout=LONG)
    assert panel.line.text().startswith("Select an object"), "beside the gallery it stays, so that no tile moves"


def test_the_picture_beside_a_video_is_its_poster(qtbot: QtBot, page: LibraryPage, connection: Connection) -> None:
    image = QImage(320, 180, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "JPG")  # type: ignore[call-overload]
    put(connection, "v/film.mp4")
    put(connection, "v/film.jpg", bytes(buffer.data().data()))
    listed(qtbot, page, "v/")
    select(page, "film.mp4")
    poster = page.details_panel.stage.poster

    def is_red() -> bool:
        color = poster.grab().toImage().pixelColor(30, 30)
        return color.red() > 200 and color.green() < 60

    qtbot.waitUntil(is_red, timeout=LONG)


# What is asked
def test_rows_that_are_only_passed_are_not_asked_for(
    qtbot: QtBot, page: LibraryPage, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Reads(monkeypatch)
    for name in "abc":
        put(connection, f"v/{name}.mp4")
    listed(qtbot, page, "v/")
    for name in "abc":
        select(page, f"{name}.mp4")
    panel = page.details_panel
    qtbot.waitUntil(lambda: told(panel.object.grid)["Type"] == "video/mp4", timeout=LONG)
    assert reads.keys == ["v/c.mp4"]
    page.tally.changed.emit(Selected(1, 1, 0, 1, 1))
    assert told(panel.object.grid)["Type"] == "video/mp4", "rows that only come to the list change nothing"
    page.refresh()
    qtbot.waitUntil(lambda: reads.keys == ["v/c.mp4"] * 2, timeout=LONG)
    assert panel.row is not None
    assert panel.row.key == "v/c.mp4", "a fresh list keeps what is shown, and asks once more"


def test_going_on_cancels_what_is_asked_and_shows_nothing_of_it(
    qtbot: QtBot, page: LibraryPage, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, cancelled = threading.Event(), threading.Event()
    real: Callable[..., Iterator[ObjectDetails]] = DetailsReader.read

    def read(reader: DetailsReader, ref: ObjectRef, token: CancelToken) -> Iterator[ObjectDetails]:
        if ref.key != "v/slow.mp4":
            yield from real(reader, ref, token)
            return
        token.on_cancel(cancelled.set)
        asked.set()
        cancelled.wait(60)
        yield ObjectDetails(ref, tags=Answer(Known.YES, {"of": "another"}))

    monkeypatch.setattr(DetailsReader, "read", read)
    put(connection, "v/slow.mp4")
    put(connection, "v/quick.mp4")
    listed(qtbot, page, "v/")
    select(page, "slow.mp4")
    qtbot.waitUntil(asked.is_set, timeout=LONG)
    select(page, "quick.mp4")
    assert cancelled.is_set()
    panel = page.details_panel
    qtbot.waitUntil(lambda: told(panel.object.grid)["Type"] == "video/mp4", timeout=LONG)
    assert panel.title.text() == "quick.mp4"
    assert told(panel.tags.grid) == {}


def test_a_drawer_asks_nothing_until_it_is_open_and_esc_closes_it(
    qtbot: QtBot, page: LibraryPage, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Reads(monkeypatch)
    put(connection, "v/film.mp4")
    page.resize(900, 600)
    listed(qtbot, page, "v/")
    select(page, "film.mp4")
    panel, drawer = page.details_panel, page.drawer
    assert drawer.is_folded
    assert not panel.isVisible()
    assert drawer.toggle_button.isVisible()
    drawer.toggle_button.click()
    qtbot.waitUntil(lambda: told(panel.object.grid)["Type"] == "video/mp4", timeout=LONG)
    assert reads.keys == ["v/film.mp4"], "only now"
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.isVisible()
    page.details.toggle()
    assert panel.isVisible()
    page.details.toggle()
    assert not panel.isVisible()


def test_what_lies_in_an_archive_is_not_waited_for(qtbot: QtBot, page: LibraryPage, connection: Connection) -> None:
    bucket = connection.profile.bucket
    connection.clients.s3.put_object(Bucket=bucket, Key="v/film.mp4", Body=b"x", StorageClass="GLACIER")
    listed(qtbot, page, "v/")
    select(page, "film.mp4")
    panel = page.details_panel
    qtbot.waitUntil(lambda: "Availability" in told(panel.object.grid), timeout=LONG)
    assert told(panel.object.grid)["Storage"] == "Glacier"
    assert told(panel.delivery.grid)["Fast start"] == "Could not be read"
    assert not panel.film.isVisible()
    assert not panel.stage.play_button.isVisible()


def test_the_panel_can_be_hidden_and_that_is_remembered(
    qtbot: QtBot, page: LibraryPage, connection: Connection, tmp_path: Path
) -> None:
    put(connection, "v/film.mp4")
    listed(qtbot, page, "v/")
    select(page, "film.mp4")
    assert page.details_panel.isVisible()
    page.details.toggle()
    assert not page.details_panel.isVisible()
    memory = ColumnMemory.load(tmp_path / "library.ini")
    assert not memory.details
    page.details.toggle()
    assert page.details_panel.isVisible()
    assert ColumnMemory.load(tmp_path / "library.ini").details


# What is done
def test_the_buttons_are_about_the_object_that_is_shown(
    qtbot: QtBot, page: LibraryPage, connection: Connection, bars: Path
) -> None:
    put(connection, 'v/a "b".mp4', bars, title='Say "hi"')
    listed(qtbot, page, "v/")
    select(page, 'a "b".mp4')
    panel = page.details_panel
    qtbot.waitUntil(panel.buttons["embed"].isEnabled, timeout=LONG)
    qtbot.waitUntil(lambda: panel.title.text() == 'Say "hi"', timeout=LONG)
    url = connection.url_of('v/a "b".mp4')
    assert url is not None
    with qtbot.waitSignal(page.verbs.copied, timeout=LONG):
        panel.buttons["copy"].click()
    assert QGuiApplication.clipboard().text() == url.url
    qtbot.waitUntil(lambda: "Picture" in told(panel.film.grid), timeout=LONG)
    panel.buttons["embed"].click()
    code = QGuiApplication.clipboard().text()
    assert code.startswith("<video ")
    assert f'src="{url.url}"' in code
    assert "&quot;hi&quot;" in code
    with qtbot.waitSignal(page.invalidate_requested, timeout=LONG) as told_paths:
        panel.buttons["invalidate"].click()
    assert told_paths.args == [["/v/a%20%22b%22.mp4"]]


def test_versions_are_listed_and_an_older_one_can_be_asked_back(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    bucket = connection.profile.bucket
    put(connection, "v/film.mp4", b"the first cut")
    put(connection, "v/film.mp4", b"the second, longer cut")
    listed(qtbot, page, "v/")
    select(page, "film.mp4")
    panel = page.details_panel
    qtbot.waitUntil(panel.versions.isVisible, timeout=LONG)
    assert told(panel.object.grid)["Versions"] == "2"
    assert panel.versions.rows() == []
    panel.versions.toggle.click()
    newest, older = panel.versions.rows()
    assert newest.button is None, "it is the one that is served"
    assert older.button is not None
    with qtbot.waitSignal(page.details.restore_wanted, timeout=LONG) as wanted:
        older.button.click()
    source = wanted.args[0]
    assert (source.ref, source.size) == (ObjectRef(bucket, "v/film.mp4"), len(b"the first cut"))
    dialog = ask_about(connection, Asked("version", (source,)), page)
    dialog.start()
    qtbot.waitUntil(lambda: dialog.plan is not None, timeout=LONG)
    assert dialog.plan is not None
    assert [item.version_id for item in dialog.plan.items] == [source.version_id]
    dialog.reject()
    dialog.deleteLater()


def test_a_video_plays_inside_the_panel_and_ends_with_the_selection(
    qtbot: QtBot, page: LibraryPage, connection: Connection, players: Players, bars: Path
) -> None:
    put(connection, "v/film.mp4", bars, title="Bars")
    put(connection, "v/other.mp4")
    listed(qtbot, page, "v/")
    select(page, "film.mp4")
    panel = page.details_panel
    qtbot.waitUntil(lambda: panel.title.text() == "Bars", timeout=LONG)
    panel.stage.play_button.click()
    qtbot.waitUntil(lambda: panel.stage.player is not None and panel.stage.player.stage.has_frame, timeout=LONG)
    qtbot.waitUntil(lambda: "first frame" in panel.line.text(), timeout=LONG)
    assert panel.line.text().startswith("Playing from CloudFront · ")
    qtbot.waitUntil(lambda: told(panel.delivery.grid)["Range requests"] == "Yes", timeout=LONG)
    player = panel.stage.player
    assert player is not None
    assert page.isAncestorOf(player)
    with qtbot.waitSignal(page.play_requested, timeout=LONG) as wish:
        player.full_button.click()
    assert wish.args[0].title == "Bars"
    assert panel.stage.player is None, "it goes on in the window"
    panel.stage.play_button.click()
    qtbot.waitUntil(lambda: panel.stage.player is not None, timeout=LONG)
    select(page, "other.mp4")
    assert panel.stage.player is None
    assert panel.stage.poster.isVisible()
    qtbot.waitUntil(lambda: not players.windows, timeout=LONG)


# Words
def test_only_what_was_measured_is_said_of_the_edge() -> None:
    assert edge_line(PlaybackFacts(), None) == "Asking for the video"
    facts = PlaybackFacts(
        status=206,
        x_cache="Hit from cloudfront",
        age_s=41,
        pop="DUB56-P1",
        requests=(RangeRequest("bytes=0-", 206, 5),),
    )
    assert edge_line(facts, 0.19, short=True) == (
        "Playing from CloudFront · Hit · age 41 s · DUB56-P1 · first frame 0.19 s"
    )
    assert "range request" in edge_line(facts, 0.19)
    assert "from no edge" in edge_line(PlaybackFacts(status=206), 0.2)
    assert range_requests(facts).value == "Yes"
    assert range_requests(PlaybackFacts(requests=(RangeRequest("bytes=0-", 200, 5),))).kind == "warning"
    assert range_requests(PlaybackFacts(requests=(RangeRequest("", 200, 5),))).value.startswith("Not measured")


def test_the_words_of_rows() -> None:
    facts = VideoFacts(
        Layout.ALREADY, IndexPlace.FRONT, "", proved=True, is_film=True, container="MP4", duration_s=10.0,
        video_codec="h264", video_profile="High", width=1080, height=1920, fps=29.97, audio_codec="aac",
        audio_channels=2,
    )  # fmt: skip
    assert [(f.label, f.value) for f in video_rows(facts, 1_250_000)] == [
        ("Picture", "1080×1920, 29.97 fps"),
        ("Codec", "H.264 High"),
        ("Duration", "0:10"),
        ("Bit rate", "1.0 Mb/s"),
        ("Audio", "AAC, stereo"),
        ("Container", "MP4"),
    ]
    many = {f"name-{n}" * 20: "\u202e" * 5000 for n in range(200)}
    rows = tag_rows(Answer(Known.YES, many))
    assert rows[-1].value == "140 are not shown"
    assert all(len(row.label) <= 18 and len(row.value) <= 600 and "\u202e" not in row.value for row in rows)
    assert summary_title(Selected(3, 2, 1)) == "3 selected"
    assert summary_title(Selected(2, 0, 2)) == "2 folders selected"
    assert summary_title(Selected(9, is_growing=True)) == "9 selected so far"
    assert [row.label for row in summary_rows(Selected(3, 2, 1, 2, 5))] == ["Size", "Videos", "Folders"]
