"""Real processes, really killed: what the journal said it had is there, and the lock is given back."""

from __future__ import annotations

from pathlib import Path

import pytest
from journal_helpers import child, intent, part

from vidcdn_desktop.errors import UploadBusy
from vidcdn_desktop.jobs.journal import Journal

CALLS = ("saved", "claimed", "planned", "created", "part 1", "part 10", "completing", "ended", "published")


@pytest.mark.parametrize("last", CALLS)
def test_whatever_had_returned_before_the_kill_is_there(tmp_path: Path, last: str) -> None:
    path = tmp_path / "state.sqlite3"
    with child(path, "upload") as copy:
        copy.until(last)
        copy.kill()
        told = copy.told
    with Journal(path) as journal:
        assert journal.problem is None
        job = journal.job("j1")
        assert job is not None
        assert job.owner or "claimed" not in told
        assert job.state == "published" or "published" not in told
        earlier = journal.part_log("j1", key="videos/a.mp4", profile_id="p", endpoint="").earlier()
        if "ended" in told:
            assert earlier is None
        elif "planned" in told:
            # The call after the last one told may have been finished, too.
            assert earlier is not None or told[-1] == "completing"
        if earlier is not None:
            assert earlier.intent == intent()
            assert earlier.upload_id == "upload-1" or "created" not in told
            assert earlier.completing or "completing" not in told
            assert set(earlier.parts) <= {part(number) for number in range(1, 11)}
            assert len(earlier.parts) == 10 or "completing" not in told
        journal.claim("j1")


@pytest.mark.parametrize("jobs", [1, 2, 7, 20, 40])
def test_a_kill_in_the_midst_of_writing_loses_nothing_that_was_told(tmp_path: Path, jobs: int) -> None:
    path = tmp_path / "state.sqlite3"
    with child(path, "many") as copy:
        for _ in range(jobs):
            assert copy.next()
        copy.kill()
        told = copy.told
    with Journal(path) as journal:
        assert journal.problem is None
        uploads = {upload.job_id: upload for upload in journal.unfinished_uploads()}
        assert len(told) >= jobs
        for name in told:
            assert uploads[name].completing
            assert uploads[name].upload_id == f"upload-{name[1:]}"
            assert uploads[name].done_bytes == 19 * part(1).size


def test_another_process_cannot_take_over_until_the_first_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    with Journal(path) as journal, child(path, "upload") as first:
        first.until("claimed")
        with child(path, "claim") as second:
            assert second.next() == "UploadBusy"
        with pytest.raises(UploadBusy):
            journal.claim("j1")
        assert journal.jobs()[0].owned_elsewhere
        first.kill()
        assert not journal.jobs()[0].owned_elsewhere
        with child(path, "claim") as third:
            assert third.next() == "claimed"
            with pytest.raises(UploadBusy):
                journal.claim("j1")
            third.kill()
        journal.claim("j1")
        running = {file.name for file in (tmp_path / "running").iterdir()}
        assert running == {f"{journal.ownership.token}.lock"}


def test_copies_that_start_together_make_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    with child(path, "open") as a, child(path, "open") as b, child(path, "open") as c:
        assert [copy.next() for copy in (a, b, c)] == ["opened"] * 3
        assert [copy.next() for copy in (a, b, c)] == [""] * 3
    with Journal(path) as journal:
        assert len(journal.jobs()) == 3


def test_copies_that_find_a_damaged_file_set_it_aside_once(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    path.write_bytes(b"not a database" * 1000)
    with child(path, "open") as a, child(path, "open") as b, child(path, "open") as c:
        told = sorted(copy.next() for copy in (a, b, c))
        assert [copy.next() for copy in (a, b, c)] == [""] * 3
    assert told[0].startswith("The record of transfers was damaged.")
    assert told[1:] == ["opened", "opened"]
    assert (tmp_path / "state.sqlite3.broken").read_bytes() == b"not a database" * 1000
    with Journal(path) as journal:
        assert len(journal.jobs()) == 3
