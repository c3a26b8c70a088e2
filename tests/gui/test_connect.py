from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QPushButton

from vidcdn_desktop import errors
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.profiles import validate_profile
from vidcdn_desktop.delivery.model import Distribution
from vidcdn_desktop.gui.connect import ConnectionsDialog
from vidcdn_desktop.gui.connect.editor import field_of
from vidcdn_desktop.gui.connect.regions import REGIONS, region_code, region_text
from vidcdn_desktop.gui.connect.secret_edit import SecretEdit
from vidcdn_desktop.gui.settings_dialog import SettingsDialog
from vidcdn_desktop.gui.widgets import FindingRow, PlainLabel
from vidcdn_desktop.jobs.connection_report import Check, CheckState, ConnectionReport, ConnectionsBackend
from vidcdn_desktop.settings import Settings

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

STUDIO = ConnectionProfile(
    "studio", "Studio", ConnectionKind.ACCESS_KEY, bucket="studio-media", region="eu-west-1", access_key_id=KEY_ID
)
STORE = ConnectionProfile(
    "store", "Store", ConnectionKind.S3_COMPATIBLE, bucket="films", access_key_id="GK1",
    endpoint_url="https://s3.example.com", path_style=True,
)  # fmt: skip

FOUND = Distribution("E2QWRUHAPOMQZL", "d111111abcdef8.cloudfront.net", "Deployed", True, ("media.example.com",))

REPORT = ConnectionReport(
    (
        Check("identity", CheckState.OK, "Signed in as arn:aws:iam::123456789012:user/<b>studio</b>"),
        Check("clock", CheckState.OK, "Clock is right, within 1 s"),
        Check("bucket", CheckState.WARNING, "Bucket is there, but may not be listed", "Ask for s3:ListBucket."),
        Check("cdn", CheckState.OK, "Served by 1 distribution: media.example.com"),
    ),
    (FOUND,),
    region="eu-central-1",
)


class Backend:
    """Records what it is asked, and on which thread; answers when the gate is open."""

    def __init__(self) -> None:
        self.kept: dict[str, ConnectionProfile] = {profile.id: profile for profile in (STUDIO, STORE)}
        self.note = ""
        self.report: ConnectionReport | errors.VidcdnError = REPORT
        self.save_error: errors.VidcdnError | None = None
        self.tested: list[tuple[ConnectionProfile, Mapping[str, Secret]]] = []
        self.saved: list[tuple[ConnectionProfile, Mapping[str, Secret]]] = []
        self.removed: list[str] = []
        self.used: list[str] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()

    def _called(self) -> None:
        self.threads.add(threading.get_ident())
        assert self.gate.wait(30)

    def profiles(self) -> tuple[ConnectionProfile, ...]:
        self._called()
        return tuple(self.kept.values())

    def aws_profile_names(self) -> tuple[str, ...]:
        self._called()
        return ("default", "studio-sso")

    def keyring_note(self) -> str:
        self._called()
        return self.note

    def test(self, profile: ConnectionProfile, secrets: Mapping[str, Secret]) -> ConnectionReport:
        self.tested.append((profile, secrets))
        self._called()
        if isinstance(self.report, errors.VidcdnError):
            raise self.report
        return self.report

    def save(self, profile: ConnectionProfile, secrets: Mapping[str, Secret]) -> ConnectionProfile:
        self._called()
        if self.save_error is not None:
            raise self.save_error
        self.saved.append((profile, secrets))
        self.kept[profile.id] = profile
        return profile

    def remove(self, profile_id: str) -> None:
        self._called()
        del self.kept[profile_id]
        self.removed.append(profile_id)

    def use(self, profile_id: str) -> None:
        self._called()
        self.used.append(profile_id)


_: type[ConnectionsBackend] = Backend


@pytest.fixture
def backend() -> Iterator[Backend]:
    made = Backend()
    yield made
    made.gate.set()


@pytest.fixture
def make(qtbot, backend: Backend):
    def build(*, loaded: bool = True, **more) -> ConnectionsDialog:
        dialog = ConnectionsDialog(backend, **more)
        qtbot.addWidget(dialog)
        with qtbot.waitActive(dialog):
            dialog.show()
            dialog.activateWindow()
        if loaded:
            qtbot.waitUntil(lambda: "Studio" in names(dialog))
        return dialog

    return build


def names(dialog: ConnectionsDialog) -> list[str]:
    return [dialog.list.item(row).text() for row in range(dialog.list.count())]


def choose(dialog: ConnectionsDialog, name: str) -> None:
    dialog.list.setCurrentRow(names(dialog).index(name))


def findings(dialog: ConnectionsDialog) -> list[str]:
    return [row.accessibleName() for row in dialog.findings.findChildren(FindingRow) if row.isVisible()]


def visible_text(dialog: ConnectionsDialog) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(PlainLabel) if label.isVisible())


def click(qtbot, button: QPushButton) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def type_into(qtbot, line: QLineEdit, text: str) -> None:
    line.clear()
    qtbot.keyClicks(line, text)


def fill_new(qtbot, dialog: ConnectionsDialog) -> None:
    editor = dialog.editor
    type_into(qtbot, editor.name, "New channel")
    type_into(qtbot, editor.access_key_id, f" {KEY_ID} ")
    type_into(qtbot, editor.secret, f"{SECRET} ")
    type_into(qtbot, editor.bucket, "new-media")


# Loading and choosing


def test_opens_at_once_while_the_backend_is_still_busy(make, backend: Backend, qtbot) -> None:
    backend.gate.clear()
    dialog = make(loaded=False, current="studio")
    assert names(dialog) == ["Practice cloud"]
    backend.gate.set()
    qtbot.waitUntil(lambda: names(dialog) == ["Practice cloud", "Studio", "Store"])
    assert dialog.editor.name.text() == "Studio"
    assert threading.get_ident() not in backend.threads


def test_the_connection_in_use_is_marked_in_words(make) -> None:
    dialog = make(current="studio")
    role = Qt.ItemDataRole.AccessibleTextRole
    assert [dialog.list.item(row).data(role) for row in range(3)] == ["Practice cloud", "Studio, in use", "Store"]
    assert not dialog.primary.isEnabled()
    assert dialog.primary.text() == "In use"


def test_only_what_works_now_is_offered(make) -> None:
    dialog = make(new=True)
    offered = [button.text() for button in dialog.editor.kind.findChildren(QPushButton)]
    assert offered == ["Access key", "AWS profile", "S3-compatible"]


def test_another_connection_is_used_with_one_button(make, backend: Backend, qtbot) -> None:
    dialog = make(current="studio")
    choose(dialog, "Store")
    with qtbot.waitSignal(dialog.connection_used) as blocker:
        click(qtbot, dialog.primary)
    assert blocker.args == ["store"]
    assert (backend.used, backend.saved) == (["store"], [])
    assert not dialog.isVisible()


def test_back_to_the_practice_cloud(make, backend: Backend, qtbot) -> None:
    dialog = make(current="studio")
    choose(dialog, "Practice cloud")
    assert not dialog.editor.isVisible()
    assert "Nothing leaves this computer" in visible_text(dialog)
    with qtbot.waitSignal(dialog.connection_used):
        click(qtbot, dialog.primary)
    assert backend.used == ["practice"]


# The form


@pytest.mark.parametrize("profile", [STUDIO, STORE], ids=["key", "store"])
def test_a_profile_comes_back_from_the_form_as_it_went_in(make, profile: ConnectionProfile) -> None:
    dialog = make()
    choose(dialog, profile.name)
    assert dialog.editor.profile() == profile
    assert dialog.editor.secrets() == {}


def test_aws_profiles_and_the_environment_are_one_choice(make, qtbot) -> None:
    dialog = make(new=True)
    editor = dialog.editor
    click(qtbot, editor.kind.findChildren(QPushButton)[1])
    assert not editor.secret.isVisible()
    offered = [editor.aws_profile.itemText(i) for i in range(editor.aws_profile.count())]
    assert offered == ["Environment variables and defaults", "default", "studio-sso"]
    assert editor.profile().kind is ConnectionKind.ENVIRONMENT
    editor.aws_profile.setCurrentIndex(2)
    made = editor.profile()
    assert (made.kind, made.aws_profile, made.access_key_id) == (ConnectionKind.AWS_PROFILE, "studio-sso", "")


def test_regions_are_found_by_code_and_by_name() -> None:
    assert region_text("eu-west-1") == "eu-west-1 (Ireland)"
    assert region_code("eu-west-1 (Ireland)") == "eu-west-1"
    assert region_code(" ireland ") == "eu-west-1"
    assert region_code("xx-new-9") == "xx-new-9"
    assert region_code("") == ""
    assert all(region_code(region_text(code)) == code for code in REGIONS)


def test_secrets_leave_neither_copy_nor_undo_behind(qtbot) -> None:
    edit = SecretEdit("Secret access key")
    qtbot.addWidget(edit)
    with qtbot.waitActive(edit):
        edit.show()
    QGuiApplication.clipboard().setText("nothing")
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClicks(edit, SECRET)
    assert edit.displayText() == "●" * len(SECRET) or SECRET not in edit.displayText()
    for key in (Qt.Key.Key_A, Qt.Key.Key_C, Qt.Key.Key_X):
        qtbot.keyClick(edit, key, control)
    assert QGuiApplication.clipboard().text() == "nothing"
    assert repr(edit.secret()) == "•••"
    edit.forget()
    qtbot.keyClick(edit, Qt.Key.Key_Z, control)
    assert edit.text() == ""
    qtbot.keyClicks(edit, "abc")
    qtbot.keyClick(edit, Qt.Key.Key_Z, control)
    assert edit.text() == "abc"


def test_changing_kind_or_connection_forgets_the_secret(make, qtbot) -> None:
    dialog = make(new=True)
    fill_new(qtbot, dialog)
    click(qtbot, dialog.editor.kind.findChildren(QPushButton)[2])
    assert dialog.editor.secret.text() == ""
    type_into(qtbot, dialog.editor.secret, SECRET)
    choose(dialog, "Studio")
    assert dialog.editor.secret.text() == ""
    type_into(qtbot, dialog.editor.secret, SECRET)
    dialog.reject()
    assert dialog.editor.secret.text() == ""


# Test


def test_a_test_shows_its_findings_and_offers_what_it_found(make, backend: Backend, qtbot) -> None:
    dialog = make(new=True)
    fill_new(qtbot, dialog)
    click(qtbot, dialog.test_button)
    qtbot.waitUntil(lambda: len(findings(dialog)) == 4)
    assert findings(dialog)[0] == "Good: Signed in as arn:aws:iam::123456789012:user/<b>studio</b>"
    assert findings(dialog)[2] == "Warning: Bucket is there, but may not be listed"
    assert "Ask for s3:ListBucket." in visible_text(dialog)
    profile, secrets = backend.tested[0]
    assert (profile.access_key_id, profile.bucket) == (KEY_ID, "new-media")
    assert secrets == {"secret_access_key": Secret(SECRET)}
    assert dialog.test_button.text() == "Test again"
    assert dialog.editor.profile().region == "eu-central-1"
    box = dialog.editor.distribution
    assert box.itemText(1) == "E2QWRUHAPOMQZL · media.example.com (found)"
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert dialog.editor.profile().distribution_id == FOUND.id
    assert len(findings(dialog)) == 4


def test_the_window_stays_usable_while_testing_and_a_late_answer_is_dropped(make, backend: Backend, qtbot) -> None:
    dialog = make(current="studio")
    backend.gate.clear()
    click(qtbot, dialog.test_button)
    assert not dialog.test_button.isEnabled()
    assert "Testing…" in visible_text(dialog)
    choose(dialog, "Store")
    assert dialog.editor.name.text() == "Store"
    assert dialog.test_button.isEnabled()
    backend.report = replace(REPORT, checks=())
    click(qtbot, dialog.test_button)
    backend.gate.set()
    qtbot.waitUntil(lambda: dialog.test_button.text() == "Test again")
    assert sorted(profile.id for profile, _ in backend.tested) == ["store", "studio"]  # on two threads
    assert findings(dialog) == []


def test_editing_throws_the_findings_away(make, qtbot) -> None:
    dialog = make(current="studio")
    click(qtbot, dialog.test_button)
    qtbot.waitUntil(lambda: len(findings(dialog)) == 4)
    type_into(qtbot, dialog.editor.bucket, "other")
    assert findings(dialog) == []


def test_a_test_that_cannot_be_made_is_told(make, backend: Backend, qtbot) -> None:
    backend.report = errors.KeyringLocked("The keyring is locked.", "Nothing was saved.", "Unlock it.")
    dialog = make(current="studio")
    click(qtbot, dialog.test_button)
    qtbot.waitUntil(lambda: "The keyring is locked." in visible_text(dialog))
    assert dialog.test_button.isEnabled()


def test_closing_during_a_test_harms_nobody(make, backend: Backend, qtbot) -> None:
    dialog = make(current="studio")
    backend.gate.clear()
    click(qtbot, dialog.test_button)
    dialog.reject()
    backend.gate.set()
    assert not dialog.isVisible()


# Save and remove


def test_saving_keeps_uses_and_forgets(make, backend: Backend, qtbot) -> None:
    dialog = make(new=True)
    fill_new(qtbot, dialog)
    assert dialog.primary.text() == "Save connection"
    with qtbot.waitSignals([dialog.connections_changed, dialog.connection_used]):
        click(qtbot, dialog.primary)
    profile, secrets = backend.saved[0]
    assert (profile.name, profile.prefix, profile.access_key_id) == ("New channel", "videos", KEY_ID)
    assert secrets == {"secret_access_key": Secret(SECRET)}
    assert backend.used == [profile.id]
    assert dialog.editor.secret.text() == ""


def test_an_edited_connection_keeps_its_id_and_its_secret(make, backend: Backend, qtbot) -> None:
    dialog = make(current="studio")
    type_into(qtbot, dialog.editor.bucket, "other-media")
    with qtbot.waitSignal(dialog.connection_used):
        click(qtbot, dialog.primary)
    assert backend.saved == [(replace(STUDIO, bucket="other-media"), {})]


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("name", "", "Give the connection a name."),
        ("secret", "", "Enter the secret access key."),
        ("name", "Studio", "Studio"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(
    make, backend: Backend, qtbot, field: str, text: str, said: str
) -> None:
    dialog = make(new=True)
    fill_new(qtbot, dialog)
    type_into(qtbot, getattr(dialog.editor, field), text)
    click(qtbot, dialog.primary)
    assert said in visible_text(dialog)
    assert (backend.saved, backend.used) == ([], [])
    wrong = getattr(dialog.editor, field)
    assert wrong.property("invalid") is True
    assert wrong.hasFocus()
    wrong.textEdited.emit("")
    assert wrong.property("invalid") is False


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " x"}, "name"),
        ({"name": "The bucket"}, "name"),
        ({"bucket": ""}, "bucket"),
        ({"bucket": "UPPER CASE!"}, "bucket"),
        ({"bucket": "10.0.0.1"}, "bucket"),
        ({"bucket": "xn--videos"}, "bucket"),
        ({"prefix": "/a"}, "prefix"),
        ({"prefix": "a//b"}, "prefix"),
        ({"region": "nowhere"}, "region"),
        ({"access_key_id": ""}, "access_key_id"),
        ({"access_key_id": "abc"}, "access_key_id"),
        ({"kind": ConnectionKind.AWS_PROFILE, "access_key_id": ""}, "aws_profile"),
        ({"kind": ConnectionKind.S3_COMPATIBLE}, "endpoint"),
        ({"kind": ConnectionKind.S3_COMPATIBLE, "endpoint_url": "http://far.example"}, "endpoint"),
    ],
)
def test_every_sentence_of_the_validation_finds_its_field(changes: dict[str, object], field: str) -> None:
    good = ConnectionProfile(
        "1",
        "Studio",
        ConnectionKind.ACCESS_KEY,
        bucket="media",
        region="eu-west-1",
        access_key_id="AKIAIOSFODNN7EXAMPLE",
    )
    others = [replace(good, id="2", name="The bucket")]
    assert validate_profile(good, others) == []
    problems = validate_profile(replace(good, **changes), others)
    assert field_of(problems[0]) == field


def test_the_heading_names_what_is_connected(make, qtbot) -> None:
    dialog = make(new=True)
    assert "Connect an AWS account" in visible_text(dialog)
    store = dialog.editor.kind._group.button(2)
    click(qtbot, store)
    assert "Connect an S3-compatible store" in visible_text(dialog)


def test_a_failed_save_keeps_what_was_typed(make, backend: Backend, qtbot) -> None:
    backend.save_error = errors.DiskFull("There is no room on the disk.", "The connection was not saved.", "Make room.")
    dialog = make(new=True)
    fill_new(qtbot, dialog)
    click(qtbot, dialog.primary)
    qtbot.waitUntil(lambda: "There is no room on the disk." in visible_text(dialog))
    assert dialog.isVisible()
    assert dialog.editor.secrets() == {"secret_access_key": Secret(SECRET)}
    backend.save_error = None
    with qtbot.waitSignal(dialog.connection_used):
        click(qtbot, dialog.primary)


def test_without_a_keyring_it_is_said_plainly(make, backend: Backend, qtbot) -> None:
    backend.note = "There is no keyring here, so keys are kept for this session only."
    dialog = make(new=True)
    assert "this session only" in visible_text(dialog)
    assert "never in a file" not in visible_text(dialog)


def test_removing_asks_first_and_falls_back_to_practice(make, backend: Backend, qtbot) -> None:
    dialog = make(current="studio")
    click(qtbot, dialog.remove_button)
    assert backend.removed == []
    assert "Nothing in the bucket changes." in visible_text(dialog)
    with qtbot.waitSignal(dialog.connection_used) as blocker:
        click(qtbot, dialog.remove_button)
    assert blocker.args == ["practice"]
    assert (backend.removed, backend.used) == (["studio"], ["practice"])
    assert names(dialog) == ["Practice cloud", "Store"]


def test_every_field_and_button_has_a_name(make, qtbot) -> None:
    dialog = make(new=True)
    for kind in dialog.editor.kind.findChildren(QPushButton):
        click(qtbot, kind)
        for widget in (*dialog.findChildren(QLineEdit), *dialog.findChildren(QPushButton)):
            if widget.isVisible():
                assert widget.accessibleName(), widget


# Settings


@pytest.fixture
def settings_dialog(qtbot):
    def build(settings: Settings) -> tuple[SettingsDialog, list[Settings]]:
        dialog = SettingsDialog(settings)
        qtbot.addWidget(dialog)
        with qtbot.waitActive(dialog):
            dialog.show()
            dialog.activateWindow()
        told: list[Settings] = []
        dialog.settings_changed.connect(told.append)
        return dialog, told

    return build


def test_settings_count_at_once(settings_dialog, qtbot) -> None:
    start = Settings(unknown={"later": 1})
    dialog, told = settings_dialog(start)
    click(qtbot, dialog.appearance.findChildren(QPushButton)[2])
    assert told == [replace(start, appearance="dark")]
    dialog.confirm_quit.setFocus()
    qtbot.keyClick(dialog.confirm_quit, Qt.Key.Key_Space)
    dialog.parts.setCurrentIndex(dialog.parts.findData(16))
    dialog.parts.activated.emit(dialog.parts.currentIndex())
    type_into(qtbot, dialog.prefix, "/films/new/")
    qtbot.keyClick(dialog.prefix, Qt.Key.Key_Return)
    wanted = replace(start, appearance="dark", confirm_quit_busy=False, parallel_parts=16, prefix="films/new")
    assert told[-1] == wanted
    assert dialog.settings == wanted
    assert dialog.isVisible()


def test_senseless_settings_are_told_and_not_kept(settings_dialog, qtbot, tmp_path: Path) -> None:
    dialog, told = settings_dialog(Settings())
    type_into(qtbot, dialog.prefix, "a//b")
    qtbot.keyClick(dialog.prefix, Qt.Key.Key_Return)
    assert "empty part" in dialog.prefix_message.text()
    assert dialog.prefix_message.isVisible()
    no_program = tmp_path / "ffmpeg"
    no_program.write_text("not a program")
    for path, said in ((str(no_program), "no program"), ("ffmpeg", "whole one")):
        type_into(qtbot, dialog.ffmpeg.line, path)
        qtbot.keyClick(dialog.ffmpeg.line, Qt.Key.Key_Return)
        assert said in dialog.ffmpeg.message.text()
    assert told == []
    no_program.chmod(0o755)
    type_into(qtbot, dialog.ffmpeg.line, str(no_program))
    qtbot.keyClick(dialog.ffmpeg.line, Qt.Key.Key_Return)
    assert told == [Settings(ffmpeg_path=str(no_program))]
    assert not dialog.ffmpeg.message.isVisible()


def test_a_number_of_parts_set_by_hand_stays_a_choice(settings_dialog) -> None:
    dialog, _told = settings_dialog(Settings(parallel_parts=5))
    assert dialog.parts.currentText() == "5"
