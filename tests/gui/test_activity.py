"""The Activity page: jobs of this session and of earlier ones, what may be done about each, and how quick it is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.gui import background
from vidcdn_desktop.gui.activity import words
from vidcdn_desktop.gui.activity.entry import Entry, Origin, entry_of, entry_of_record, report
from vidcdn_desktop.gui.activity.page import ActivityPage
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, Step, StepSnapshot, StepState
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.progress import ProgressSnapshot
from vidcdn_desktop.storage.port import ObjectRef, PartResult, UploadIntent

NOW = datetime.now(UTC)
PUBLISHED = {
    "url": "https://media.example.com/videos/norway.mp4",
    "key": "videos/norway.mp4",
    "bytes_sent": 290_000_000,
    "resumed_bytes": 100_000_000,
    "retries": 2,
    "proved_by": "CRC64NVME of the whole object",
    "checksum": "rosUhgpRS0g=",
    "checksum_algorithm": "CRC64NVME",
    "seconds": {"upload": 33.2},
    "notes": ["The index was moved."],
}
REFUSED = {
    "what": "This account may not write to the bucket.",
    "meaning": "Nothing was published.",
    "advice": "Ask for s3:PutObject.",
    "code": "AccessDenied",
    "request_id": "7AB3DEADBEEF",
}


def record(name: str, state: str, hours_ago: float = 1, **changes: object) -> JobRecord:
    plain = JobRecord(
        id=name,
        kind="publish",
        state=state,
        title=name.title(),
        source=f"/films/{name}.mp4",
        connection_id="c9",
        connection_name="Studio",
        bucket="media",
        key=f"videos/{name}.mp4",
        size=390_000_000,
        steps={"upload": {"state": "done", "seconds": 33.2}},
        result=PUBLISHED if state == "published" else None,
        error=REFUSED if state == "failed" else None,
        created=NOW - timedelta(hours=hours_ago),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def journal() -> Iterator[Journal]:
    with contextlib.closing(Journal()) as made:
        yield made
        assert background.wait_all(10)


@pytest.fixture
def bridge(qtbot: QtBot, qapp: QApplication, journal: Journal) -> Iterator[JobBridge]:
    tools = find_tools()
    made = JobBridge(tools, means=Means(tools, journal))
    yield made
    with qtbot.waitSignal(made.all_stopped, timeout=20_000):
        made.shut_down()
    qtbot.waitUntil(made.is_stopped)
    made.deleteLater()


@pytest.fixture
def page(qtbot: QtBot, bridge: JobBridge, journal: Journal) -> ActivityPage:
    made = ActivityPage(bridge, journal)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    return made


def shown(page: ActivityPage) -> list[str]:
    return [entry.id for entry in page.entries()]


def show(qtbot: QtBot, page: ActivityPage, ids: list[str]) -> None:
    """Show the page and wait until the journal was read."""
    page.show()
    qtbot.waitUntil(lambda: sorted(shown(page)) == sorted(ids), timeout=10_000)


def choose(qtbot: QtBot, page: ActivityPage, text: str) -> None:
    button = next(b for b in page.filter._group.buttons() if b.text() == text)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def keep(journal: Journal, *records: JobRecord) -> None:
    for one in records:
        assert journal.save_job(one)


def begin_upload(journal: Journal, job_id: str, size: int) -> None:
    """One part of an upload is in the bucket, as far as the journal knows."""
    key = f"videos/{job_id}.mp4"
    log = journal.part_log(job_id, key=key, profile_id="c9", endpoint="")
    journal.claim(job_id)
    log.planned(UploadIntent(ObjectRef("media", key), size, 8 << 20, "mark", "layout", only_if_absent=True))
    log.created("upload-1", "CRC64NVME")
    log.part_finished(PartResult(1, 8 << 20, "etag", "crc"))
    journal.release(job_id)


# What is there
def test_what_was_interrupted_stands_on_top_then_the_newest(qtbot: QtBot, page: ActivityPage, journal: Journal) -> None:
    keep(
        journal,
        record("newest", "published", 1),
        record("older", "failed", 5),
        record("oldest", "cancelled", 9),
        record("cut off", "running", 20),
    )
    show(qtbot, page, ["newest", "older", "oldest", "cut off"])
    assert shown(page) == ["cut off", "newest", "older", "oldest"]
    assert page.interrupted.isVisible()
    assert page.interrupted.accessibleName().startswith("1 job was not finished")
    card = page.list.cards["cut off"]
    assert card.badge.text() == "Paused"
    assert [verb for verb, button in card.buttons.items() if button.isVisible()] == ["resume", "cancel"]
    assert page.resume_all.isVisible()


def test_each_filter_shows_its_own(qtbot: QtBot, page: ActivityPage, journal: Journal) -> None:
    keep(
        journal,
        record("done", "published", 1),
        record("ill", "published", 2, result=PUBLISHED | {"verified": {"ok": False}}),
        record("bad", "failed", 3),
        record("gone", "cancelled", 4),
        record("cut", "running", 5),
    )
    show(qtbot, page, ["done", "ill", "bad", "gone", "cut"])
    for text, ids in (
        ("Running", []),
        ("Waiting or paused", ["cut"]),
        ("Finished", ["done", "ill"]),
        ("Needs attention", ["ill", "bad"]),
        ("All", ["cut", "done", "ill", "bad", "gone"]),
    ):
        choose(qtbot, page, text)
        assert shown(page) == ids
        assert page.empty.isVisible() is (not ids)
    choose(qtbot, page, "Running")
    assert page.empty.title.text() == "Nothing of this kind"
    qtbot.mouseClick(page.show_all, Qt.MouseButton.LeftButton)
    assert page.filter.value() == "all"
    assert len(shown(page)) == 5


def test_an_empty_list_says_what_belongs_here(qtbot: QtBot, page: ActivityPage) -> None:
    page.show()
    qtbot.waitUntil(lambda: page.empty.isVisible())
    assert page.empty.title.text() == "Nothing has happened yet"
    assert not page.show_all.isVisible()
    assert not page.footer.isVisible()


def test_what_another_copy_sends_is_shown_without_buttons(
    qtbot: QtBot, page: ActivityPage, journal: Journal, bridge: JobBridge
) -> None:
    keep(journal, record("theirs", "running"))
    with contextlib.closing(Journal()) as other:
        other.claim("theirs")
        show(qtbot, page, ["theirs"])
        card = page.list.cards["theirs"]
        assert card.entry.origin is Origin.ELSEWHERE
        assert card.badge.text() == "In another window"
        assert "another window" in card.facts.text()
        assert card.buttons == {}
        assert words.more_verbs(card.entry) == ("report",)
        assert bridge.snapshots() == []
        other.release("theirs")
    # That copy has ended: shown again, the page finds it is ours to go on with.
    page.hide()
    page.show()
    qtbot.waitUntil(lambda: page.list.cards["theirs"].entry.origin is Origin.HERE, timeout=10_000)
    assert [s.id for s in bridge.snapshots()] == ["theirs"]


def test_jobs_of_the_command_line_appear_when_the_page_is_shown_again(
    qtbot: QtBot, page: ActivityPage, journal: Journal
) -> None:
    keep(journal, record("one", "published"))
    show(qtbot, page, ["one"])
    page.hide()
    keep(journal, record("two", "published", 0.5))
    show(qtbot, page, ["one", "two"])
    assert shown(page) == ["two", "one"]


def test_a_journal_that_cannot_be_read_is_told_on_the_page(
    qtbot: QtBot, page: ActivityPage, journal: Journal, bridge: JobBridge
) -> None:
    keep(journal, record("one", "published"))
    show(qtbot, page, ["one"])
    assert not page.problem.isVisible()
    page.hide()
    closed = Journal(journal.path.with_name("other.sqlite3"))
    closed.close()
    page.history._journal = closed
    page.show()
    qtbot.waitUntil(page.problem.isVisible, timeout=10_000)
    assert page.problem.text.text()
    assert shown(page) == ["one"]  # what is known stays


def test_without_a_journal_the_page_says_what_that_means(qtbot: QtBot, bridge: JobBridge) -> None:
    made = ActivityPage(bridge, None)
    qtbot.addWidget(made)
    made.set_problem(SettingsInvalid("The journal is a newer version's.", "Nothing can be resumed.", "Update."))
    made.show()
    assert made.problem.isVisible()
    assert made.problem.text.text().startswith("The journal is a newer version's. Nothing can be resumed.")


# Details and reports
def test_details_fold_and_tell_what_moved_and_what_proves_it(
    qtbot: QtBot, page: ActivityPage, journal: Journal
) -> None:
    keep(journal, record("norway", "published"), record("denied", "failed", 2))
    show(qtbot, page, ["norway", "denied"])
    card = page.list.cards["norway"]
    assert not card.is_open
    assert "Show details" in card.fold.accessibleName()
    card.fold.setFocus()
    qtbot.keyClick(card.fold, Qt.Key.Key_Space)
    assert card.is_open
    facts = {fact.label: fact.value for fact in words.details(card.entry, NOW)}
    assert facts["Moved"] == "290 MB sent · 100 MB from before · 2 requests sent again"
    assert facts["Proof"] == "Proved by CRC64NVME of the whole object"
    assert facts["Checksum"] == "CRC64NVME rosUhgpRS0g="
    assert facts["Steps"] == "Upload 33 s"
    assert facts["Link"] == PUBLISHED["url"]
    failed = {fact.label: fact.value for fact in words.details(page.list.cards["denied"].entry, NOW)}
    assert failed["Request id"] == "7AB3DEADBEEF"
    assert failed["Code"] == "AccessDenied"
    qtbot.keyClick(card.fold, Qt.Key.Key_Space)
    assert not card.is_open
    page.do("report", "norway")
    assert json.loads(QGuiApplication.clipboard().text())["result"]["proved_by"] == PUBLISHED["proved_by"]
    page.do("copy-link", "norway")
    assert QGuiApplication.clipboard().text() == PUBLISHED["url"]


def test_a_report_keeps_no_signature_wherever_it_stands() -> None:
    signed = "https://b.s3.amazonaws.com/k?X-Amz-Signature=abc"
    told = record("one", "failed", error={"what": f"No answer from {signed}."}, result={"url": signed})
    assert "Signature" not in report(told)
    assert "https://b.s3.amazonaws.com/k" in report(told)


def test_a_link_that_expires_is_not_offered_later() -> None:
    entry = entry_of_record(record("one", "published", result=PUBLISHED | {"url_expires": "2026-01-01T00:00:00+00:00"}))
    assert entry is not None
    assert entry.link == ""
    assert "copy-link" not in words.verbs(entry)


@pytest.mark.parametrize(
    "odd",
    [
        {"result": ["no", "object"], "error": "text", "steps": 3, "options": None},
        {"result": {"seconds": {"upload": "soon"}, "bytes_sent": "many", "notes": "none", "verified": 1}},
        {"title": "<b>bold\u202egpj", "key": "a\nb", "steps": {"upload": {"state": "nonsense"}}},
    ],
)
def test_a_damaged_row_is_shown_as_far_as_it_makes_sense(
    qtbot: QtBot, page: ActivityPage, odd: dict[str, object]
) -> None:
    one = record("odd", "published", **odd)
    page._records = {"odd": one}
    page._take_in()
    page.show()
    card = page.list.cards["odd"]
    qtbot.mouseClick(card.fold, Qt.MouseButton.LeftButton)
    assert card.is_open
    assert "\u202e" not in card.title.full_text()
    json.loads(report(one))


def test_a_row_of_a_newer_version_is_left_out() -> None:
    assert entry_of_record(record("one", "levitating")) is None
    assert entry_of_record(record("one", "published", kind="stream")) is None


# What may be done
def live(state: JobState, **changes: object) -> Entry:
    snapshot = JobSnapshot("1", Path("a.mp4"), "a", state, created=NOW)
    return entry_of(replace(snapshot, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "verbs"),
    [
        (live(JobState.RUNNING), ("pause", "cancel")),
        (live(JobState.PAUSING), ("cancel",)),
        (live(JobState.CANCELLING), ()),
        (live(JobState.QUEUED), ("pause", "cancel")),
        (live(JobState.PAUSED), ("resume", "cancel")),
        (live(JobState.PAUSED, kept_bytes=5), ("resume", "discard")),
        (live(JobState.FAILED, kept_bytes=5), ("resume", "discard")),
        (live(JobState.FAILED), ("retry",)),
        (live(JobState.CANCELLED), ("retry",)),
        (live(JobState.READY), ()),
        (live(JobState.REFUSED), ()),
    ],
)
def test_each_state_offers_what_makes_sense(entry: Entry, verbs: tuple[str, ...]) -> None:
    assert words.verbs(entry) == verbs


def test_only_what_has_ended_can_be_removed() -> None:
    assert "remove" in words.more_verbs(live(JobState.FAILED))
    for state in (JobState.RUNNING, JobState.PAUSED, JobState.QUEUED):
        assert "remove" not in words.more_verbs(live(state))
    assert "remove" not in words.more_verbs(live(JobState.FAILED, kept_bytes=9))


def test_clear_finished_leaves_what_somebody_should_see(qtbot: QtBot, page: ActivityPage, journal: Journal) -> None:
    keep(
        journal,
        record("done", "published", 1),
        record("gone", "cancelled", 2),
        record("bad", "failed", 3),
        record("cut", "running", 4),
    )
    show(qtbot, page, ["done", "gone", "bad", "cut"])
    qtbot.mouseClick(page.clear, Qt.MouseButton.LeftButton)
    assert shown(page) == ["cut", "bad"]
    assert not page.clear.isVisible()
    qtbot.waitUntil(lambda: {r.id for r in journal.jobs()} == {"bad", "cut"}, timeout=10_000)
    page.hide()
    show(qtbot, page, ["cut", "bad"])


def test_a_failed_job_of_an_earlier_run_is_tried_again_under_its_own_id(
    qtbot: QtBot, page: ActivityPage, journal: Journal, bridge: JobBridge
) -> None:
    keep(journal, record("lost", "failed", connection_id=""))
    show(qtbot, page, ["lost"])
    asked: list[object] = []
    page.connection_wanted.connect(asked.append)
    qtbot.mouseClick(page.list.cards["lost"].buttons["retry"], Qt.MouseButton.LeftButton)
    # No connection is open: it is live again, and says what to do.
    qtbot.waitUntil(lambda: bridge.snapshot("lost") is not None)
    qtbot.waitUntil(lambda: "not open yet" in page.list.cards["lost"].facts.text(), timeout=10_000)
    assert asked == []


def test_retrying_what_belongs_to_another_connection_asks_for_it(
    qtbot: QtBot, page: ActivityPage, journal: Journal
) -> None:
    keep(journal, record("lost", "failed"))
    show(qtbot, page, ["lost"])
    with qtbot.waitSignal(page.connection_wanted) as caught:
        qtbot.mouseClick(page.list.cards["lost"].buttons["retry"], Qt.MouseButton.LeftButton)
    assert caught.args == [("c9", "resume", "lost")]


def test_what_was_interrupted_goes_on_together_or_asks_for_its_connection(
    qtbot: QtBot, page: ActivityPage, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = record("here", "running", 2, connection_id="")
    keep(journal, here, record("there", "running", 3), record("done", "published", 4))
    download = replace(here, id="down", kind="download", connection_id="c9", options={"folder": "/films"})
    keep(journal, download)
    show(qtbot, page, ["here", "there", "done", "down"])
    qtbot.waitUntil(page.interrupted.isVisible)
    assert "3 jobs were not finished" in page.interrupted.accessibleName()
    asked: list[object] = []
    page.connection_wanted.connect(asked.append)
    resumed: list[str] = []
    monkeypatch.setattr(page._bridge, "resume", resumed.append)
    monkeypatch.setattr(page._bridge, "needs_connection", lambda job_id: "" if job_id == "here" else "c9")
    qtbot.mouseClick(page.interrupted.button, Qt.MouseButton.LeftButton)
    assert resumed == ["here"]
    assert sorted(asked) == [("c9", "resume-left-over", "down"), ("c9", "resume-left-over", "there")]


def test_a_failed_upload_with_bytes_in_the_bucket_can_be_resumed(
    qtbot: QtBot, page: ActivityPage, journal: Journal, bridge: JobBridge
) -> None:
    keep(journal, record("half", "failed"))
    begin_upload(journal, "half", 390_000_000)
    show(qtbot, page, ["half"])
    card = page.list.cards["half"]
    qtbot.waitUntil(lambda: card.entry.origin is Origin.HERE)
    assert card.buttons["resume"].isVisible()
    assert card.buttons["discard"].isVisible()
    assert card.facts.text() == "8.4 MB of 390 MB are in the bucket and need not be sent again."


# Live
def test_a_running_job_moves_without_a_new_card_and_a_hidden_page_is_not_painted(
    qtbot: QtBot, page: ActivityPage, bridge: JobBridge
) -> None:
    steps = tuple(StepSnapshot(s, StepState.RUNNING if s is Step.UPLOAD else StepState.WAITING) for s in Step)
    running = JobSnapshot("1", Path("a.mp4"), "a", JobState.RUNNING, steps=steps, created=NOW)
    page.show()
    bridge.job_added.emit(replace(running, state=JobState.QUEUED))
    bridge.job_changed.emit(replace(running, progress=ProgressSnapshot(0, 100_000_000, None, None)))
    card = page.list.cards["1"]
    bridge.job_changed.emit(replace(running, progress=ProgressSnapshot(50_000_000, 100_000_000, 1e6, 50)))
    assert page.list.cards["1"] is card
    assert card.line_text() == "50.0 MB of 100 MB · 1.0 MB/s · 50 s left"
    page.hide()
    bridge.job_changed.emit(replace(running, progress=ProgressSnapshot(90_000_000, 100_000_000, 1e6, 10)))
    assert card.line_text().startswith("50.0 MB")


def test_five_hundred_jobs_make_only_the_cards_one_can_see(qtbot: QtBot, page: ActivityPage) -> None:
    page.show()
    page._records = {str(n): record(str(n), "published", n) for n in range(500)}
    page._take_in()
    assert len(page.entries()) == 500
    assert len(page.list.cards) == 20
    assert page.footer.status.text() == "500 jobs"
    bar = page.list.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    assert len(page.list.cards) == 30
    more = page.list._more
    assert more.isVisible()
    more.setFocus()
    qtbot.keyClick(more, Qt.Key.Key_Space)
    assert len(page.list.cards) >= 40
    order = [page.list.column.itemAt(0).widget().layout().itemAt(n).widget() for n in range(20)]
    assert [card.entry.id for card in order] == [str(n) for n in range(20)]
    choose(qtbot, page, "Needs attention")
    assert page.list.cards == {}
    choose(qtbot, page, "All")
    assert len(page.list.cards) == 20


def test_a_new_job_comes_first_and_moves_no_card_it_need_not(
    qtbot: QtBot, page: ActivityPage, bridge: JobBridge
) -> None:
    page.show()
    page._records = {str(n): record(str(n), "published", n + 1) for n in range(50)}
    page._take_in()
    before = dict(page.list.cards)
    bridge.job_added.emit(JobSnapshot("new", Path("a.mp4"), "a", JobState.READY, created=datetime.now(UTC)))
    assert shown(page)[0] == "new"
    assert len(page.list.cards) == 20
    kept = [job_id for job_id, card in page.list.cards.items() if before.get(job_id) is card]
    assert len(kept) == 19
