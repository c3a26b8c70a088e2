"""Run in a process of its own by the journal's tests, which kill it. Tells each call on stdout once it has returned."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from journal_helpers import intent, part, record

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.journal import Journal


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def upload(journal: Journal) -> None:
    """One upload, call by call, then waits for the end."""
    journal.save_job(record("j1", "running"))
    tell("saved")
    journal.claim("j1")
    tell("claimed")
    log = journal.part_log("j1", key="videos/a.mp4", profile_id="p", endpoint="")
    log.planned(intent())
    tell("planned")
    log.created("upload-1", "CRC32")
    tell("created")
    for number in range(1, 11):
        log.part_finished(part(number))
        tell(f"part {number}")
    log.completing()
    tell("completing")
    log.ended(completed=True)
    tell("ended")
    journal.save_job(record("j1", "published"))
    tell("published")
    sys.stdin.read()


def many(journal: Journal) -> None:
    """Jobs and parts without end."""
    for number in itertools.count():
        name = f"j{number}"
        journal.save_job(record(name, "queued"))
        log = journal.part_log(name, key="videos/a.mp4", profile_id="p", endpoint="")
        log.planned(intent(mark=name))
        log.created(f"upload-{number}", "CRC32")
        for i in range(1, 20):
            log.part_finished(part(i))
        log.completing()
        tell(name)


def claim(journal: Journal) -> None:
    """Claim what is there, then wait for the end."""
    try:
        journal.claim("j1")
    except VidcdnError as exc:
        tell(exc.kind)
    else:
        tell("claimed")
    sys.stdin.read()


def open_only(journal: Journal) -> None:
    """Several of these begin at the same instant on a journal that is not there yet."""
    journal.save_job(record(journal.ownership.token))
    journal.close()
    tell(journal.problem.what if journal.problem else "opened")


if __name__ == "__main__":
    action = {"upload": upload, "many": many, "claim": claim, "open": open_only}[sys.argv[1]]
    action(Journal(Path(sys.argv[2])))
