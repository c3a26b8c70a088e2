"""The journal as the memory of an upload."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_helpers import PART, intent, part, record

from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.storage.port import ObjectRef, PartLog, PartResult, UploadIntent

SLOWEST_CALL_S = 50e-6
"""What telling of a part may cost the thread that sends it."""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "state.sqlite3") as opened:
        opened.save_job(record("j1", source="/films/a.mp4"))
        yield opened


def log_of(journal: Journal, job_id: str = "j1", key: str = "videos/a.mp4") -> PartLog:
    return journal.part_log(job_id, key=key, profile_id="p-1", endpoint="https://s3.example.org")


def test_an_upload_is_remembered_step_by_step(journal: Journal) -> None:
    before = datetime.now(UTC)
    log = log_of(journal)
    assert log.earlier() is None
    log.planned(intent())
    found = log_of(journal).earlier()
    assert found is not None
    assert found.intent == intent()
    assert (found.upload_id, found.algorithm, found.parts, found.completing) == ("", "", (), False)
    assert before <= found.begun <= datetime.now(UTC)
    log.created("upload/1+=", "CRC64NVME")
    log.part_finished(part(3))
    log.part_finished(part(1))
    log.part_finished(PartResult(3, PART, "newer", ""))
    found = log_of(journal).earlier()
    assert found is not None
    assert (found.upload_id, found.algorithm, found.completing) == ("upload/1+=", "CRC64NVME", False)
    assert found.parts == (part(1), PartResult(3, PART, "newer", ""))
    log.completing()
    found = log_of(journal).earlier()
    assert found is not None
    assert found.completing
    log.ended(completed=True)
    assert log_of(journal).earlier() is None


def test_awkward_keys_come_back(journal: Journal) -> None:
    key = "videos/🎬 \x00\x1a\udcff.mp4"
    wanted = UploadIntent(ObjectRef("studio", key), 2**62, 5 * 1024**3, "m\udc80", "l", only_if_absent=False)
    log_of(journal, key=key).planned(wanted)
    found = log_of(journal, key=key).earlier()
    assert found is not None
    assert found.intent == wanted


def test_a_new_plan_replaces_the_old_one_with_its_parts(journal: Journal) -> None:
    log = log_of(journal)
    log.planned(intent())
    log.created("u-1", "CRC32")
    log.part_finished(part(1))
    log.completing()
    log.planned(intent(mark="m-2"))
    found = log.earlier()
    assert found is not None
    assert (found.intent.mark, found.upload_id, found.parts, found.completing) == ("m-2", "", (), False)


def test_a_new_upload_id_starts_without_parts(journal: Journal) -> None:
    log = log_of(journal)
    log.planned(intent())
    log.created("u-1", "CRC32")
    log.part_finished(part(1))
    log.completing()
    log.created("u-2", "CRC32")
    found = log.earlier()
    assert found is not None
    assert (found.upload_id, found.parts, found.completing) == ("u-2", (), False)


def test_a_part_told_late_does_not_land_with_the_next_upload(journal: Journal) -> None:
    stuck = log_of(journal)
    stuck.planned(intent())
    stuck.created("u-1", "CRC32")
    again = log_of(journal)
    again.planned(intent(mark="m-2"))
    again.created("u-2", "CRC32")
    stuck.part_finished(part(1))
    stuck.completing()
    stuck.ended(completed=False)
    found = again.earlier()
    assert found is not None
    assert (found.upload_id, found.parts, found.completing) == ("u-2", (), False)


def test_a_resumed_upload_adds_to_its_parts(journal: Journal) -> None:
    first = log_of(journal)
    first.planned(intent())
    first.created("u-1", "CRC32")
    first.part_finished(part(1))
    later = log_of(journal)
    assert later.earlier() is not None
    later.part_finished(part(2))
    found = log_of(journal).earlier()
    assert found is not None
    assert [done.number for done in found.parts] == [1, 2]


def test_jobs_and_keys_do_not_mix(journal: Journal) -> None:
    journal.save_job(record("j2"))
    logs = [log_of(journal, job, key) for job in ("j1", "j2") for key in ("a.mp4", "a.jpg")]
    for number, log in enumerate(logs, start=1):
        log.planned(intent(f"k{number}", mark=f"m{number}"))
        log.created(f"u{number}", "CRC32")
        log.part_finished(part(number))
    logs[0].ended(completed=False)
    found = [log.earlier() for log in logs]
    assert found[0] is None
    assert [(f.intent.mark, f.upload_id, f.parts) for f in found if f] == [
        (f"m{n}", f"u{n}", (part(n),)) for n in (2, 3, 4)
    ]


def test_nothing_is_planned_for_a_job_that_is_not_there(journal: Journal) -> None:
    with pytest.raises(SettingsInvalid, match="not in the record"):
        log_of(journal, "nobody").planned(intent())


def test_an_upload_that_was_removed_meanwhile_gets_no_parts(journal: Journal) -> None:
    log = log_of(journal)
    log.planned(intent())
    journal.remove_job("j1")
    with pytest.raises(SettingsInvalid):
        log.created("u-1", "CRC32")
    log.part_finished(part(1))
    log.completing()
    log.ended(completed=False)
    assert journal.unfinished_uploads() == []


def test_unfinished_uploads_tell_how_far_they_came(journal: Journal) -> None:
    journal.save_job(record("j2", "paused"))
    log = log_of(journal)
    log.planned(intent())
    log.created("u-1", "CRC32")
    log.part_finished(part(1))
    log.part_finished(part(2, size=17))
    journal.claim("j1")
    log_of(journal, "j2", "b.mp4").planned(intent("b.mp4", part_size=0))
    with Journal(journal.path) as other:
        first, second = other.unfinished_uploads()
    assert (first.job_id, first.state, first.source) == ("j1", "queued", "/films/a.mp4")
    assert (first.ref, first.upload_id) == (ObjectRef("studio", "videos/a.mp4"), "u-1")
    assert (first.size, first.part_size, first.done_bytes) == (10 * PART, PART, PART + 17)
    assert (first.endpoint, first.profile_id) == ("https://s3.example.org", "p-1")
    assert (first.completing, first.owned_elsewhere) == (False, True)
    assert (second.job_id, second.state, second.upload_id, second.done_bytes) == ("j2", "paused", "", 0)
    assert not second.owned_elsewhere
    assert first.begun <= second.begun
    assert not journal.unfinished_uploads()[0].owned_elsewhere


def test_eight_threads_lose_no_part(journal: Journal) -> None:
    log = log_of(journal)
    log.planned(intent())
    log.created("u-1", "CRC32")
    start = threading.Barrier(8)

    def send(first: int) -> None:
        start.wait()
        for number in range(first, 10_001, 8):
            log.part_finished(part(number))

    threads = [threading.Thread(target=send, args=(first,)) for first in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = log.earlier()
    assert found is not None
    assert found.parts == tuple(part(number) for number in range(1, 10_001))


def test_telling_of_a_part_costs_the_sender_next_to_nothing(journal: Journal) -> None:
    log = log_of(journal)
    log.planned(intent())
    log.created("u-1", "CRC32")
    taken = []
    for number in range(1, 5001):
        done = part(number)
        began = time.perf_counter()
        log.part_finished(done)
        taken.append(time.perf_counter() - began)
    assert statistics.median(taken) <= SLOWEST_CALL_S


def test_parts_reach_the_disk_by_themselves(journal: Journal) -> None:
    """Nobody asks, nobody closes: another copy sees them soon."""
    log = log_of(journal)
    log.planned(intent())
    log.created("u-1", "CRC32")
    with Journal(journal.path) as other:
        log.part_finished(part(1))
        deadline = time.monotonic() + 20
        while not other.unfinished_uploads()[0].done_bytes:
            assert time.monotonic() < deadline


def test_close_writes_what_is_queued(tmp_path: Path) -> None:
    with Journal(tmp_path / "b.sqlite3") as first:
        first.save_job(record("j1"))
        log = log_of(first)
        log.planned(intent())
        log.created("u-1", "CRC32")
        for number in range(1, 1001):
            log.part_finished(part(number))
    with Journal(tmp_path / "b.sqlite3") as second:
        found = log_of(second).earlier()
    assert found is not None
    assert len(found.parts) == 1000


def test_after_close_an_upload_that_is_ending_is_not_broken(tmp_path: Path) -> None:
    with Journal(tmp_path / "b.sqlite3") as closed:
        closed.save_job(record("j1"))
        log = log_of(closed)
        log.planned(intent())
    log.part_finished(part(1))
    log.completing()
    log.ended(completed=True)
    with pytest.raises(SettingsInvalid) as caught:
        log.created("u-1", "")
    assert caught.value.meaning == "Nothing was published."
