"""Links from the Library: what is copied works, says until when, and is not kept."""

# ruff: noqa: F811 - fixtures are named where they come from and where they are used

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from botocore.credentials import RefreshableCredentials
from cloud_fixtures import cloud, shared_session  # noqa: F401 - fixtures
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from test_accessibility import nameless

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.shared import SharedCredentials
from vidcdn_desktop.gui.library import share_words
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.selection import Selected
from vidcdn_desktop.gui.library.share_dialog import ShareDialog
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.share_desk import ShareDesk
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.sharing import MOST, Form, LinkKind
from vidcdn_desktop.storage.keys import encode_metadata
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

LONG = 30_000


@pytest.fixture
def connection(shared_session: Session) -> Connection:
    assert shared_session.connection is not None
    for key in ("s/a.mp4", "s/a.jpg", "s/b.mp4"):
        headers = ObjectHeaders("video/mp4", metadata=encode_metadata({"title": "Sea & <sand>"}))
        ref = ObjectRef(shared_session.connection.profile.bucket, key)
        shared_session.connection.storage.put(ref, BytesSource(key.encode()), headers, token=CancelToken())
    return shared_session.connection


@pytest.fixture
def page(qtbot: QtBot, shared_session: Session, connection: Connection, tmp_path: Path) -> Iterator[LibraryPage]:
    made = LibraryPage(shared_session, posters=PosterCache(tmp_path / "posters"))
    qtbot.addWidget(made)
    made.resize(1084, 700)
    made.show()
    made.open_prefix("s/")
    qtbot.waitUntil(lambda: made._complete, timeout=LONG)
    yield made
    made.hide()
    made.lister.stop()


@pytest.fixture
def desk(shared_session: Session, page: LibraryPage) -> ShareDesk:
    return ShareDesk(shared_session, page, page, page)


def choose(page: LibraryPage, *names: str) -> None:
    places = [number for number, row in enumerate(page.model.rows()) if row.name in names]
    page.model.select_ranges([(place, place) for place in places])


def opened(qtbot: QtBot, page: LibraryPage, desk: ShareDesk, *names: str) -> ShareDialog:
    choose(page, *names)
    page._do("share")
    assert desk.dialog is not None
    ready(qtbot, desk.dialog)
    return desk.dialog


def ready(qtbot: QtBot, dialog: ShareDialog) -> None:
    qtbot.waitUntil(dialog.copy_button.isEnabled, timeout=LONG)


def press(qtbot: QtBot, dialog: ShareDialog, kind: LinkKind | None = None, form: Form | None = None) -> None:
    """As by a click on a segment."""
    if kind is not None:
        dialog.kind._group.button(dialog.kind._values.index(kind)).click()
    if form is not None:
        dialog.form._group.button(dialog.form._values.index(form)).click()
    ready(qtbot, dialog)


def copied(qtbot: QtBot, dialog: ShareDialog) -> tuple[str, str]:
    """What is on the clipboard afterwards, and what is said."""
    with qtbot.waitSignal(dialog.copied, timeout=LONG) as told:
        dialog.copy_button.click()
    return QGuiApplication.clipboard().text(), told.args[0]


def status(url: str) -> int:
    return urllib3.request("GET", url, retries=False).status


def test_the_cdn_link_is_offered_first(qtbot: QtBot, page: LibraryPage, desk: ShareDesk) -> None:
    dialog = opened(qtbot, page, desk, "a.mp4")
    assert dialog.kind.value() is LinkKind.CDN
    assert nameless(dialog) == []
    assert not dialog.lasts.isVisible()
    text, said = copied(qtbot, dialog)
    assert status(text) == 200
    assert said == "Link copied"
    assert desk.dialog is None


def test_a_presigned_link_says_until_when_in_local_time(qtbot: QtBot, page: LibraryPage, desk: ShareDesk) -> None:
    dialog = opened(qtbot, page, desk, "a.mp4")
    press(qtbot, dialog, LinkKind.PRESIGNED)
    dialog.lasts.setCurrentIndex(0)
    ready(qtbot, dialog)
    assert dialog._sharing is not None
    ends = dialog._sharing.until
    assert ends is not None
    assert timedelta(minutes=50) < ends - datetime.now(UTC) <= timedelta(hours=1)
    assert dialog.until.text() == f"Works until {share_words.local_time(ends)}"
    assert "cannot be taken back" in dialog.warning.text()
    text, said = copied(qtbot, dialog)
    assert "X-Amz-Signature" in text
    assert status(text) == 200
    assert share_words.local_time(ends) in said


def test_where_nothing_is_served_there_is_a_presigned_link(
    qtbot: QtBot, page: LibraryPage, desk: ShareDesk, connection: Connection
) -> None:
    connection._distributions = ()
    dialog = opened(qtbot, page, desk, "a.mp4")
    assert dialog.kind.value() is LinkKind.PRESIGNED
    assert share_words.NOT_SERVED in dialog.kind_words.text()
    assert not dialog.kind._group.button(0).isEnabled()
    assert dialog.lasts.isVisible()
    dialog.reject()


def test_a_link_that_ends_with_the_sign_in_says_so(
    qtbot: QtBot, page: LibraryPage, desk: ShareDesk, connection: Connection
) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    key = connection.clients.credentials.get_frozen_credentials()
    role = RefreshableCredentials(key.access_key, key.secret_key, "token", ends, dict, "assume-role")
    connection.clients = dataclasses.replace(connection.clients, credentials=SharedCredentials(role))
    dialog = opened(qtbot, page, desk, "a.mp4")
    press(qtbot, dialog, LinkKind.PRESIGNED)
    assert dialog.until.text() == f"Works until {share_words.local_time(ends)}"
    assert "when the sign-in of this connection ends" in dialog.warning.text()
    dialog.reject()


def test_embed_and_markdown_are_safe_to_paste(qtbot: QtBot, page: LibraryPage, desk: ShareDesk) -> None:
    dialog = opened(qtbot, page, desk, "a.mp4")
    press(qtbot, dialog, form=Form.EMBED)
    html = dialog.text.toPlainText()
    assert 'title="Sea &amp; &lt;sand&gt;"' in html
    assert "a.jpg" in html
    press(qtbot, dialog, form=Form.MARKDOWN)
    text, said = copied(qtbot, dialog)
    assert text.startswith("[Sea \\& \\<sand\\>](http")
    assert said == "Markdown link copied"


def test_embed_code_is_copied_without_a_question(qtbot: QtBot, page: LibraryPage, desk: ShareDesk) -> None:
    QGuiApplication.clipboard().clear()
    choose(page, "a.mp4")
    page._do("embed")
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text().startswith("<video"), timeout=LONG)
    assert desk.dialog is None


def test_many_links_are_copied_at_once(qtbot: QtBot, page: LibraryPage, desk: ShareDesk) -> None:
    dialog = opened(qtbot, page, desk, "a.mp4", "b.mp4")
    text, said = copied(qtbot, dialog)
    assert [status(line) for line in text.split("\n")] == [200, 200]
    assert said == "2 links copied"


def test_folders_and_too_many_objects_are_not_shared(page: LibraryPage) -> None:
    page.bar.show_selected(Selected(MOST, MOST))
    assert page.bar.allows("share")
    assert not page.bar.allows("embed")
    for selected in (Selected(MOST + 1, MOST + 1), Selected(2, 1, 1), Selected(2, 2, is_growing=True)):
        page.bar.show_selected(selected)
        assert not page.bar.allows("share")


def test_a_key_pair_is_given_once_and_signs(qtbot: QtBot, page: LibraryPage, desk: ShareDesk, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "private_key.pem"
    dialog = opened(qtbot, page, desk, "a.mp4")
    dialog.kind._group.button(1).click()
    form = dialog.form_for_key
    qtbot.waitUntil(form.isVisible, timeout=LONG)
    assert not dialog.copy_button.isEnabled()
    assert nameless(dialog) == []
    form.key_id.setText("K2JCJMDEHXQW5F")
    form.file.setText(str(file))
    form.save.click()
    qtbot.waitUntil(form.problem.isVisible, timeout=LONG)
    assert "cannot be read" in form.problem.text()
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(*pem))
    form.save.click()
    ready(qtbot, dialog)
    assert not form.isVisible()
    text, said = copied(qtbot, dialog)
    assert "Key-Pair-Id=K2JCJMDEHXQW5F" in text
    assert "works until" in said
    again = opened(qtbot, page, desk, "a.mp4")
    press(qtbot, again, LinkKind.SIGNED)
    assert not again.form_for_key.isVisible()
    again.reject()


def test_esc_forgets_what_was_made(qtbot: QtBot, page: LibraryPage, desk: ShareDesk) -> None:
    dialog = opened(qtbot, page, desk, "a.mp4")
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.text.toPlainText() == ""
    assert dialog._sharing is None
    assert desk.dialog is None
