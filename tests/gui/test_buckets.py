"""Other buckets in the Library: found, opened and left again, while videos go where they went before."""

# ruff: noqa: F811 - fixtures are named where they come from and where they are used

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_fixtures import cloud, shared_session  # noqa: F401 - fixtures
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from test_accessibility import nameless

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.errors import AccessDenied, BucketNotFound
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.bucket_desk import BucketDesk
from vidcdn_desktop.gui.library.bucket_picker import NOT_ALLOWED, BucketPicker
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.places import Address, Place, read_address
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import ElidedLabel, Toast
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import DOWNLOAD
from vidcdn_desktop.jobs.kept_download import LeftDownload
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

LONG = 30_000


def put(connection: Connection, key: str, body: bytes = b"x") -> None:
    ref = ObjectRef(connection.profile.bucket, key)
    connection.storage.put(ref, BytesSource(body), ObjectHeaders("video/mp4"), token=CancelToken())


@pytest.fixture
def home(shared_session: Session) -> Connection:
    assert shared_session.connection is not None
    put(shared_session.connection, "videos/own.mp4")
    return shared_session.connection


@pytest.fixture
def other(home: Connection) -> str:
    """A bucket of another region with one film."""
    name = f"archive-{uuid.uuid4().hex[:8]}"
    home.clients.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    home.clients.s3.put_object(Bucket=name, Key="old/film.mp4", Body=b"archived")
    return name


@pytest.fixture
def page(qtbot: QtBot, shared_session: Session, home: Connection, tmp_path: Path) -> Iterator[LibraryPage]:
    made = LibraryPage(shared_session, posters=PosterCache(tmp_path / "posters"))
    qtbot.addWidget(made)
    made.resize(1084, 700)
    made.show()
    made.open_prefix("videos/")
    qtbot.waitUntil(lambda: made._complete, timeout=LONG)
    yield made
    made.hide()
    made.lister.stop()


@pytest.fixture
def desk(shared_session: Session, page: LibraryPage) -> BucketDesk:
    return BucketDesk(shared_session, page, page, page)


def listed(qtbot: QtBot, page: LibraryPage) -> list[str]:
    qtbot.waitUntil(lambda: page._complete, timeout=LONG)
    return [row.key for row in page.model.rows()]


def picker(qtbot: QtBot, page: LibraryPage, desk: BucketDesk) -> BucketPicker:
    """As by its key or by the crumb."""
    page.buckets_wanted.emit()
    dialog = desk.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog._buckets is not None, timeout=LONG)
    return dialog


def said(toast: Toast) -> str:
    label = toast.findChild(ElidedLabel)
    assert label is not None
    return label.full_text()


# Choosing
def test_a_bucket_is_found_by_typing_and_opened(
    qtbot: QtBot,
    page: LibraryPage,
    desk: BucketDesk,
    shared_session: Session,
    home: Connection,
    other: str,
) -> None:
    dialog = picker(qtbot, page, desk)
    assert {home.profile.bucket, other} <= set(dialog.shown_names())
    assert nameless(dialog) == []
    qtbot.keyClicks(dialog.input, other[-8:])
    assert dialog.shown_names()[0] == other
    QTest.keyClick(dialog.input, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.connection is not None and page.connection is not home, timeout=LONG)
    assert listed(qtbot, page) == ["old/"]
    assert page.bucket == other
    assert page.connection is home.known_at(other)
    assert page.connection is not None
    assert page.connection.clients.region == "eu-west-1"
    assert page.elsewhere.isVisible()
    assert f"Videos are published to \u2068{home.profile.bucket}\u2069" in page.elsewhere.text.text()
    assert nameless(page) == []
    assert shared_session.connection is home, "where videos go has not changed"
    assert not page.elsewhere.publish_here.isVisible(), "the practice cloud is not a connection that is kept"
    page.elsewhere.back.click()
    assert listed(qtbot, page) == ["videos/own.mp4"]
    assert not page.elsewhere.isVisible()


def test_where_buckets_may_not_be_listed_one_is_named(
    qtbot: QtBot, page: LibraryPage, desk: BucketDesk, home: Connection, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied() -> tuple[object, ...]:
        raise AccessDenied("This account may not list buckets.")

    monkeypatch.setattr(home.storage, "list_buckets", denied)
    dialog = picker(qtbot, page, desk)
    assert dialog.note.text() == NOT_ALLOWED
    assert dialog.shown_names() == []
    qtbot.keyClicks(dialog.input, other)
    assert dialog.shown_names() == [other]
    QTest.keyClick(dialog.input, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.bucket == other, timeout=LONG)
    assert listed(qtbot, page) == ["old/"]


def test_esc_leaves_the_bucket_as_it_was(qtbot: QtBot, page: LibraryPage, desk: BucketDesk, home: Connection) -> None:
    dialog = picker(qtbot, page, desk)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert desk.dialog is None
    assert page.connection is home


# Going about
def test_addresses_and_the_way_back_know_the_bucket(
    qtbot: QtBot, page: LibraryPage, home: Connection, other: str
) -> None:
    page.open_address(f"s3://{other}/old/film.mp4")
    qtbot.waitUntil(lambda: [row.key for row in page._selected()] == ["old/film.mp4"], timeout=LONG)
    assert page._history.place == Place("old/", bucket=other)
    page.go_up()
    assert listed(qtbot, page) == ["old/"]
    assert page._history.place == Place("", bucket=other)
    page.open_address(f"s3://{home.profile.bucket}/videos/")
    assert listed(qtbot, page) == ["videos/own.mp4"]
    assert page._history.place == Place("videos/")
    page.go_back()
    assert listed(qtbot, page) == ["old/"]
    page.go_forward()
    assert listed(qtbot, page) == ["videos/own.mp4"]
    assert page.connection is home
    page.show_key("old/film.mp4", other)
    qtbot.waitUntil(lambda: [row.key for row in page._selected()] == ["old/film.mp4"], timeout=LONG)


def test_a_search_goes_through_the_bucket_that_is_shown(qtbot: QtBot, page: LibraryPage, other: str) -> None:
    page.open_bucket(other)
    listed(qtbot, page)
    page.search.setText("film")
    page.search_bucket()
    assert listed(qtbot, page) == ["old/film.mp4"]
    assert page._history.place == Place("", "film", other)


def test_a_link_of_another_distribution_leads_to_its_bucket(
    qtbot: QtBot, page: LibraryPage, home: Connection, other: str
) -> None:
    made = distribution(home, other)
    page.open_address(f"http://{made}/old/film.mp4")
    qtbot.waitUntil(lambda: [row.key for row in page._selected()] == ["old/film.mp4"], timeout=LONG)
    assert page.bucket == other
    link = f"https://{other}.s3.eu-west-1.amazonaws.com/old/film.mp4"
    assert read_address(link, home.profile.bucket, ()) == Address(other, "old/film.mp4")


def test_a_bucket_that_is_not_there_is_told_in_its_place(qtbot: QtBot, page: LibraryPage, home: Connection) -> None:
    page.open_bucket("nobody-has-this-one")
    qtbot.waitUntil(lambda: page._problem is not None, timeout=LONG)
    assert isinstance(page._problem, BucketNotFound)
    assert page.error.isVisible()
    assert page.connection is None
    page.go_back()
    assert listed(qtbot, page) == ["videos/own.mp4"]
    assert page.connection is home


def test_a_bucket_that_may_not_be_listed_names_the_action(
    qtbot: QtBot, page: LibraryPage, home: Connection, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = home.at(other)

    def denied(*_what: object, **_how: object) -> Iterator[object]:
        raise AccessDenied("This key may not list “archive” (s3:ListBucket).")
        yield

    monkeypatch.setattr(reached.storage, "list_pages", denied)
    page.open_bucket(other)
    qtbot.waitUntil(lambda: page._problem is not None, timeout=LONG)
    assert page.stack.copy_policy.isVisible()
    page.stack.copy_policy.click()
    assert f"arn:aws:s3:::{other}" in QGuiApplication.clipboard().text()


# What is done there
def distribution(home: Connection, bucket: str) -> str:
    """The domain of a new distribution of a bucket."""
    cloudfront = home.clients.cloudfront
    assert cloudfront is not None
    origin = {
        "Id": "media",
        "DomainName": f"{bucket}.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    behavior = {
        "TargetOriginId": "media",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    }
    made = cloudfront.create_distribution(
        DistributionConfig={  # type: ignore[typeddict-item]
            "CallerReference": uuid.uuid4().hex,
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": behavior,
        }
    )["Distribution"]
    home.distributions(refresh=True)
    return str(made["DomainName"])


def test_verbs_are_about_the_bucket_that_is_shown(
    qtbot: QtBot, page: LibraryPage, home: Connection, other: str
) -> None:
    domain = distribution(home, other)
    page.show_key("old/film.mp4", other)
    qtbot.waitUntil(lambda: len(page._selected()) == 1, timeout=LONG)
    QGuiApplication.clipboard().clear()
    with qtbot.waitSignal(page.verbs.copied, timeout=LONG):
        page._do("copy")
    assert QGuiApplication.clipboard().text() == f"http://{domain}/old/film.mp4"
    with qtbot.waitSignal(page.download_requested, timeout=LONG) as download:
        page._do("download")
    assert download.args[0] == [ObjectRef(other, "old/film.mp4")]
    with qtbot.waitSignal(page.operation_requested, timeout=LONG) as operation:
        page._do("delete")
    assert operation.args[0].sources[0].ref.bucket == other
    with (
        qtbot.assertNotEmitted(page.invalidate_requested),
        qtbot.waitSignal(page.verbs.told, timeout=LONG) as told,
    ):
        page._do("invalidate")
    assert told.args[0].startswith("1 path ")


def test_what_nobody_serves_needs_no_invalidation(qtbot: QtBot, page: LibraryPage, other: str) -> None:
    page.show_key("old/film.mp4", other)
    qtbot.waitUntil(lambda: len(page._selected()) == 1, timeout=LONG)
    with qtbot.waitSignal(page.verbs.told, timeout=LONG) as told:
        page._do("invalidate")
    assert told.args[0].startswith("No distribution serves")


def test_a_download_of_an_earlier_run_goes_on_in_its_own_bucket(
    qtbot: QtBot, home: Connection, other: str, tmp_path: Path
) -> None:
    bridge = JobBridge(find_tools())
    try:
        bridge.set_connection(home)
        for name, state in ((other, JobState.PUBLISHED), ("nobody-has-this-one", JobState.PAUSED)):
            record = JobRecord(
                id=uuid.uuid4().hex, kind=DOWNLOAD, state="paused", connection_id=home.profile.id, bucket=name,
                key="old/film.mp4", options={"folder": str(tmp_path)},
            )  # fmt: skip
            (job_id,) = bridge.downloads.restore([LeftDownload(record, 0)])
            bridge.downloads.resume(job_id)

            def is_there(job_id: str = job_id, state: JobState = state) -> bool:
                now = bridge.downloads.snapshot(job_id)
                return now.state is state and (state is JobState.PUBLISHED or now.error is not None)

            qtbot.waitUntil(is_there, timeout=LONG)
        assert (tmp_path / "film.mp4").read_bytes() == b"archived"
        assert isinstance(bridge.downloads.snapshot(job_id).error, BucketNotFound)
    finally:
        with qtbot.waitSignal(bridge.all_stopped, timeout=LONG):
            bridge.shut_down()
        qtbot.waitUntil(bridge.is_stopped, timeout=LONG)
        bridge.deleteLater()


def test_a_connection_that_is_kept_can_publish_to_the_bucket_that_is_shown(
    qtbot: QtBot,
    page: LibraryPage,
    desk: BucketDesk,
    shared_session: Session,
    home: Connection,
    other: str,
) -> None:
    keys = home.clients.credentials.get_frozen_credentials()
    profile = ConnectionProfile(
        "studio", "Studio", ConnectionKind.S3_COMPATIBLE, bucket=home.profile.bucket, prefix="videos",
        region=home.clients.region, access_key_id=keys.access_key, endpoint_url=home.profile.endpoint_url,
        path_style=True,
    )  # fmt: skip
    shared_session.saved.save(profile, {"secret_access_key": Secret(keys.secret_key)})

    def is_open(bucket: str) -> bool:
        now = shared_session.connection
        return now is not None and (now.profile.id, now.profile.bucket) == ("studio", bucket)

    shared_session.use("studio")
    qtbot.waitUntil(lambda: is_open(home.profile.bucket), timeout=LONG)
    page.open_bucket(other)
    assert listed(qtbot, page) == ["old/"]
    assert page.elsewhere.publish_here.isVisible()
    page.elsewhere.publish_here.click()
    qtbot.waitUntil(lambda: is_open(other), timeout=LONG)
    kept = shared_session.saved.get("studio")
    assert kept is not None
    assert (kept.bucket, kept.prefix) == (other, "videos")
    assert not page.elsewhere.isVisible()
    assert desk.dialog is None
