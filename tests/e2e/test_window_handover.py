"""What is a lot for this computer is handed over to the store through the real window, and followed there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from operation_studio import Office, office_on
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

import servers
from controlserver import OTHER_ROLE, ControlServer, control_server
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile
from vidcdn_desktop.gui.library.batch_jobs_dialog import BatchJobsDialog
from vidcdn_desktop.gui.library.class_forms import ClassForm
from vidcdn_desktop.gui.library.handover_dialog import HandoverDialog
from vidcdn_desktop.gui.library.operation_dialog import OperationDialog
from vidcdn_desktop.gui.widgets import Toast
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations import promise
from vidcdn_desktop.jobs.operations.handover_book import HandoverBook
from vidcdn_desktop.storage.control import BatchState

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

KEYS = ("films/Sea <b>&amp;.mp4", "films/b c+.mp4", "films/d.mp4")
NAMES = tuple(key.removeprefix("films/") for key in KEYS)


@pytest.fixture(scope="module")
def control(moto: servers.Endpoint) -> Iterator[ControlServer]:
    with control_server(moto.url) as found:
        yield found


@pytest.fixture
def office(
    moto: servers.Endpoint, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    monkeypatch.setattr(promise, "MOST_OBJECTS", 2)
    with office_on(moto, qtbot, qapp, monkeypatch, versioned=True) as made:
        made.fill(*KEYS)
        yield made


def at_amazon(office: Office, control: ControlServer, home: Path) -> Desktop:
    """The program with a connection of the AWS files, in which each service has an address."""
    url = office.world.server.url
    services = {"s3": url, "sts": url, "cloudfront": url, "s3_control": control.url}
    lines = [f"{name} =\n  endpoint_url = {address}" for name, address in services.items()]
    (home / "aws-config").write_text(
        "[profile big]\nregion = us-east-1\nservices = here\n[services here]\n" + "\n".join(lines) + "\n", "utf-8"
    )
    (home / "aws-credentials").write_text(
        "[big]\naws_access_key_id = practice\naws_secret_access_key = practice-secret\n", "utf-8"
    )
    desktop = office.studio.start()
    profile = ConnectionProfile("big", "Big", ConnectionKind.AWS_PROFILE, bucket=office.world.bucket, aws_profile="big")
    desktop.saved.save(profile, {})
    desktop.session.use("big")
    office.studio.wait(lambda: desktop.session.connection is not None and desktop.session.facts.profile.id == "big")
    return desktop


def asked(office: Office, desktop: Desktop) -> OperationDialog:
    """The question about another storage class for all films, with what is offered instead."""
    dialog = office.ask(desktop, "class", *NAMES)
    form = cast("ClassForm", dialog.form)
    form.choice.setCurrentIndex(form.choice.findText("Standard, infrequent access"))
    dialog.start()
    office.planned(dialog)
    office.studio.wait(lambda: dialog.handover.handover is not None)
    return dialog


def opened(office: Office, dialog: OperationDialog) -> HandoverDialog:
    """The question about the job."""
    office.studio.click(cast("QPushButton", dialog.handover.prepare))
    office.studio.wait(lambda: dialog.handover.dialog is not None)
    found = dialog.handover.dialog
    assert found is not None
    return found


def jobs_of(office: Office, desktop: Desktop) -> BatchJobsDialog:
    """The list of jobs, looked up."""
    office.studio.wait(lambda: desktop.desks.handovers.dialog is not None)
    jobs = desktop.desks.handovers.dialog
    assert jobs is not None
    office.studio.wait(lambda: jobs.is_known)
    return jobs


def until(office: Office, jobs: BatchJobsDialog, state: BatchState) -> None:
    """Look until the first job is in a state; each look takes it a step on."""

    def reached() -> bool:
        jobs.look()
        return any(status.state is state for status in jobs.model.statuses.values())

    office.studio.wait(reached)


def test_a_job_is_prepared_waits_and_is_let_begin_also_after_another_start(
    office: Office, control: ControlServer, private_home: Path
) -> None:
    desktop = at_amazon(office, control, private_home)
    dialog = asked(office, desktop)
    assert dialog.go_button.text() == "Do it here anyway"
    assert "measured pace" in dialog.handover.words.text()
    handover = opened(office, dialog)
    assert any("0.25 USD" in label.text() for label in handover.facts.findChildren(QLabel))
    handover.role.setText(OTHER_ROLE)
    handover.start()
    office.studio.wait(lambda: handover.error.error is not None)
    assert handover.error.error is not None
    assert handover.error.error.kind == "AccessDenied"
    handover.role.setText("mine")
    handover.start()
    jobs = jobs_of(office, desktop)
    office.studio.wait(lambda: desktop.operations.dialog is None)
    until(office, jobs, BatchState.WAITING)
    jobs.reject()
    # Nothing was begun here, and the job is found again.
    assert "StorageClass" not in office.world.get(KEYS[0])
    assert len(HandoverBook().all()) == 1
    office.studio.wait(lambda: desktop.desks.handovers.dialog is None)
    desktop.library.batch_jobs_requested.emit()
    jobs = jobs_of(office, desktop)
    until(office, jobs, BatchState.WAITING)
    office.studio.wait(jobs.begin_button.isEnabled)
    office.studio.click(cast("QPushButton", jobs.begin_button))
    until(office, jobs, BatchState.COMPLETE)
    assert {office.world.get(key)["StorageClass"] for key in KEYS} == {"STANDARD_IA"}
    assert not jobs.cancel_button.isEnabled()
    office.studio.click(cast("QPushButton", jobs.forget_button))
    office.studio.wait(lambda: not jobs.model.jobs)
    assert HandoverBook().all() == []
    jobs.reject()


def test_a_prepared_job_is_cancelled(office: Office, control: ControlServer, private_home: Path) -> None:
    desktop = at_amazon(office, control, private_home)
    opened(office, asked(office, desktop)).start()
    jobs = jobs_of(office, desktop)
    until(office, jobs, BatchState.WAITING)
    office.studio.wait(jobs.cancel_button.isEnabled)
    office.studio.click(cast("QPushButton", jobs.cancel_button))
    until(office, jobs, BatchState.CANCELLED)
    assert "StorageClass" not in office.world.get(KEYS[0])
    jobs.reject()


def test_after_a_start_it_is_said_that_a_job_waits(
    office: Office, control: ControlServer, private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop = at_amazon(office, control, private_home)
    opened(office, asked(office, desktop)).start()
    jobs = jobs_of(office, desktop)
    until(office, jobs, BatchState.WAITING)
    jobs.reject()
    office.studio.until_stopped(desktop, desktop._shut_down)
    told: list[str] = []
    monkeypatch.setattr(Toast, "show_message", lambda _toast, text, *_action: told.append(text))
    at_amazon(office, control, private_home)
    office.studio.wait(lambda: "1 job of the store waits until you let it begin" in told)


def test_a_store_without_jobs_says_so_gives_the_files_and_does_it_from_here(office: Office, tmp_path: Path) -> None:
    desktop = office.studio.start()
    dialog = asked(office, desktop)
    assert "no S3 Batch Operations" in dialog.handover.words.text()
    assert not dialog.handover.prepare.isEnabled()
    assert dialog.handover.files.isEnabled()
    handover = HandoverDialog(dialog._connection, dialog.handover.handover, dialog)  # type: ignore[arg-type]
    handover.save_to(tmp_path)
    office.studio.wait(lambda: "how-to.txt" in handover.told.text())
    assert not handover.go_button.isEnabled()
    folder = next(path for path in tmp_path.iterdir() if path.name.startswith("vidcdn-batch-"))
    assert (folder / "manifest.csv").read_text("utf-8").count("\n") == len(KEYS)
    handover.save_to(folder / "manifest.csv")
    office.studio.wait(lambda: handover.error.error is not None)
    handover.reject()
    handover.deleteLater()
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert {office.world.get(key)["StorageClass"] for key in KEYS} == {"STANDARD_IA"}


def test_what_is_little_is_done_here_without_a_word(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promise, "MOST_OBJECTS", 10_000)
    desktop = office.studio.start()
    dialog = office.ask(desktop, "class", *NAMES)
    dialog.start()
    office.planned(dialog)
    assert dialog.handover.isHidden()
    assert dialog.go_button.text() == "Move 3 objects"
    dialog.reject()
