"""Jobs in the journal: what is saved comes back, in the right order, and one copy of the program has it."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_helpers import filled, intent, part, record

from vidcdn_desktop.errors import SettingsInvalid, UploadBusy
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.journal_record import from_column, to_column, without_signed_queries
from vidcdn_desktop.jobs.ownership import Ownership
from vidcdn_desktop.jobs.states import ENDED

START = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "state.sqlite3") as opened:
        yield opened


@pytest.fixture
def other(journal: Journal) -> Iterator[Journal]:
    """A second copy of the program."""
    with Journal(journal.path) as opened:
        yield opened


def ids(records: list[JobRecord]) -> list[str]:
    return [found.id for found in records]


def test_every_field_comes_back(journal: Journal) -> None:
    given_record = filled()
    empty = [f.name for f in dataclasses.fields(given_record) if not getattr(given_record, f.name)]
    assert empty == ["updated", "owner", "owned_elsewhere"], "each field must say something for this test"
    before = datetime.now(UTC)
    assert journal.save_job(given_record)
    found = journal.job("j1")
    assert found is not None
    assert found.updated is not None
    assert before <= found.updated <= datetime.now(UTC)
    assert dataclasses.replace(found, updated=None) == given_record
    assert os.fsencode(found.source) == b"/films/\xff\xfe caf\xe9/\xf0\x9f\x8e\xac.mp4"


def test_fields_that_say_nothing_come_back_empty(journal: Journal) -> None:
    journal.save_job(record())
    found = journal.job("j1")
    assert found is not None
    assert (found.identity, found.size, found.options, found.steps, found.result, found.ended) == (None,) * 6


def test_it_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    with Journal(tmp_path / "state.sqlite3") as first:
        first.save_job(filled())
    with Journal(tmp_path / "state.sqlite3") as second:
        assert ids(second.jobs()) == ["j1"]
        assert second.problem is None


def test_the_default_place_is_the_data_folder(private_home: Path) -> None:
    with Journal() as journal:
        assert journal.path == private_home / "vidcdn" / "data" / "state.sqlite3"
        assert (journal.path.parent / "running" / f"{journal.ownership.token}.lock").exists()


def test_other_time_zones_are_kept_as_utc(journal: Journal) -> None:
    from zoneinfo import ZoneInfo

    journal.save_job(record(created=datetime(2026, 11, 25, 4, 0, tzinfo=ZoneInfo("Europe/Berlin"))))
    found = journal.job("j1")
    assert found is not None
    assert found.created == START
    assert found.created.utcoffset() == timedelta(0)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_goes_into_a_column_and_back(text: str) -> None:
    column = to_column(text)
    column.encode("utf-8")
    assert from_column(column) == text


# Order


def test_jobs_are_newest_first_and_limited(journal: Journal) -> None:
    for number in (2, 0, 3, 1):
        journal.save_job(record(f"j{number}", created=START + timedelta(microseconds=number)))
    assert ids(journal.jobs()) == ["j3", "j2", "j1", "j0"]
    assert ids(journal.jobs(limit=2)) == ["j3", "j2"]


def test_unfinished_jobs_come_in_the_order_they_run(journal: Journal) -> None:
    for number, (priority, position) in enumerate([(0, 2), (0, 1), (5, 9), (0, 1)]):
        moment = START + timedelta(seconds=number)
        journal.save_job(record(f"j{number}", priority=priority, position=position, created=moment))
    for state in ENDED:
        journal.save_job(record(f"ended {state.value}", state.value))
    journal.save_job(record("r", "running", position=50))
    assert ids(journal.unfinished()) == ["j2", "j1", "j3", "j0", "r"]


# Saving


def test_a_change_without_a_new_state_is_seen_by_the_next_reader(journal: Journal, other: Journal) -> None:
    journal.save_job(record(position=1))
    for position in range(2, 200):
        assert journal.save_job(record(position=position))
    found = journal.job("j1")
    assert found is not None
    assert found.position == 199
    seen = other.job("j1")
    assert seen is not None
    assert seen.position == 199


def test_a_new_state_is_on_disk_at_once(journal: Journal, other: Journal) -> None:
    journal.save_job(record(state="queued"))
    journal.save_job(record(state="queued", title="renamed"))
    journal.save_job(record(state="running", title="renamed"))
    seen = other.job("j1")
    assert seen is not None
    assert (seen.state, seen.title) == ("running", "renamed")


def test_saving_does_not_take_a_job_from_its_owner_nor_its_upload(journal: Journal, other: Journal) -> None:
    journal.save_job(record())
    journal.claim("j1")
    journal.part_log("j1", key="k", profile_id="p", endpoint="").planned(intent("k"))
    journal.save_job(record(state="running", owner="somebody"))
    other.save_job(record(state="failed"))
    found = journal.job("j1")
    assert found is not None
    assert found.owner == journal.ownership.token
    assert len(journal.unfinished_uploads()) == 1


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "https://b.s3.amazonaws.com/k.mp4?X-Amz-Credential=AKIA&X-Amz-Signature=f00",
            "https://b.s3.amazonaws.com/k.mp4",
        ),
        ("https://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Signature=f%2B&Expires=1", "https://b.s3.amazonaws.com/k"),
        ("https://d1.cloudfront.net/k?Policy=e30&Signature=f00&Key-Pair-Id=K1", "https://d1.cloudfront.net/k"),
        ("see https://h/k?v=1&x-amz-security-token=f00 for more", "see https://h/k for more"),
        ("https://h/k%3FX-Amz-Signature%3Df00", "https://h/k"),
        ("https://h/k?v=3", "https://h/k?v=3"),
        ("What is Signature=? X-Amz-Who", "What is Signature=? X-Amz-Who"),
        ("videos/X-Amz-tour.mp4", "videos/X-Amz-tour.mp4"),
    ],
)
def test_signed_addresses_are_cut(journal: Journal, text: str, kept: str) -> None:
    assert without_signed_queries(text) == kept
    value = {"url": text, "notes": [text, {"deep": (text,)}], "n": 1}
    journal.save_job(record(options=value, plan=value, steps=value, result=value, error=value))
    found = journal.job("j1")
    assert found is not None
    clean = {"url": kept, "notes": [kept, {"deep": [kept]}], "n": 1}
    assert [found.options, found.plan, found.steps, found.result, found.error] == [clean] * 5
    raw = b"".join(path.read_bytes() for path in journal.path.parent.glob("state.sqlite3*"))
    assert b"f00" not in raw


def test_what_is_no_json_is_refused_before_anything_is_written(journal: Journal) -> None:
    with pytest.raises(TypeError):
        journal.save_job(record(result={"path": Path("a")}))
    assert journal.jobs() == []


def test_a_column_somebody_has_spoiled_does_not_hide_the_others(journal: Journal) -> None:
    import sqlite3

    journal.save_job(filled())
    with sqlite3.connect(journal.path) as connection:
        connection.execute("UPDATE jobs SET result = '{', created = 'soon', ended = 'late', source_device = 'x'")
    connection.close()
    (found,) = journal.jobs()
    assert (found.result, found.ended, found.identity) == (None, None, None)
    assert found.created == datetime(1970, 1, 1, tzinfo=UTC)
    assert found.title == filled().title
    json.dumps(found.plan)


# Claims


def test_a_claimed_job_is_nobody_elses(journal: Journal, other: Journal) -> None:
    journal.save_job(record())
    journal.claim("j1")
    journal.claim("j1")
    with pytest.raises(UploadBusy) as caught:
        other.claim("j1")
    assert caught.value.subject == "j1"
    assert [found.owned_elsewhere for found in (*journal.jobs(), *other.jobs(), *other.unfinished())] == [
        False,
        True,
        True,
    ]
    journal.release("j1")
    other.claim("j1")
    with pytest.raises(UploadBusy):
        journal.claim("j1")


def test_releasing_what_is_not_ours_changes_nothing(journal: Journal, other: Journal) -> None:
    journal.save_job(record())
    journal.claim("j1")
    other.release("j1")
    with pytest.raises(UploadBusy):
        other.claim("j1")


def test_a_closed_copy_owns_nothing(journal: Journal) -> None:
    with Journal(journal.path) as gone:
        gone.save_job(record())
        gone.claim("j1")
        assert journal.jobs()[0].owned_elsewhere
    assert not journal.jobs()[0].owned_elsewhere
    journal.claim("j1")


def test_of_many_that_claim_at_once_one_gets_it(tmp_path: Path) -> None:
    copies = [Journal(tmp_path / "state.sqlite3") for _ in range(6)]
    copies[0].save_job(record())
    start = threading.Barrier(len(copies))
    got: list[str] = []

    def claim(copy: Journal) -> None:
        start.wait()
        try:
            copy.claim("j1")
        except UploadBusy:
            return
        got.append(copy.ownership.token)

    threads = [threading.Thread(target=claim, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    found = copies[0].job("j1")
    assert found is not None
    assert found.owner == got[0]
    for copy in copies:
        copy.close()


def test_an_unknown_job_cannot_be_claimed(journal: Journal) -> None:
    with pytest.raises(SettingsInvalid, match="not in the record"):
        journal.claim("nobody")
    journal.release("nobody")


def test_a_given_ownership_stays_open(tmp_path: Path) -> None:
    ownership = Ownership(tmp_path / "running")
    journal = Journal(tmp_path / "state.sqlite3", ownership=ownership)
    assert journal.ownership is ownership
    journal.close()
    assert ownership.is_alive(ownership.token)
    ownership.close()


# Forgetting


def test_a_removed_job_takes_its_upload_along(journal: Journal) -> None:
    journal.save_job(record())
    log = journal.part_log("j1", key="k", profile_id="p", endpoint="")
    log.planned(intent("k"))
    log.created("u", "CRC32")
    log.part_finished(part(1))
    journal.remove_job("j1")
    journal.remove_job("j1")
    log.part_finished(part(2))
    assert journal.jobs() == []
    assert journal.unfinished_uploads() == []
    journal.save_job(record())
    assert ids(journal.jobs()) == ["j1"]


def test_a_job_another_copy_works_on_cannot_be_removed(journal: Journal, other: Journal) -> None:
    journal.save_job(record())
    journal.claim("j1")
    with pytest.raises(UploadBusy):
        other.remove_job("j1")
    journal.remove_job("j1")


def test_prune_drops_the_oldest_that_have_ended(journal: Journal) -> None:
    for number in range(10):
        journal.save_job(record(f"j{number}", "published", created=START + timedelta(seconds=number)))
    journal.save_job(record("old but waiting", "queued", created=START - timedelta(days=900)))
    journal.save_job(record("old, upload open", "failed", created=START - timedelta(days=900)))
    journal.part_log("old, upload open", key="k", profile_id="p", endpoint="").planned(intent("k"))
    assert journal.prune(keep=3) == 7
    assert ids(journal.jobs()) == ["j9", "j8", "j7", "old, upload open", "old but waiting"]
    assert journal.prune(keep=3) == 0


def test_after_close_calls_are_told_and_twice_is_harmless(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state.sqlite3")
    journal.save_job(record())
    journal.close()
    journal.close()
    with pytest.raises(SettingsInvalid):
        journal.jobs()
    with pytest.raises(SettingsInvalid):
        journal.claim("j1")
    assert not journal.save_job(record(state="running"))
    assert journal.problem is not None
    journal.release("j1")
