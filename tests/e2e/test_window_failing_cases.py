"""All the Library does to objects, when it goes wrong: at each server, by http and https, through the real window."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from xml.sax.saxutils import escape

import pytest
from deeds import COPY, DEEDS, DELETE, HEADERS, MOVE, RENAME, Deed, agree, content, fill_bucket, key_of, planned, share
from operation_studio import PLACES, Office, office_at
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from safe_words import unsafe

from faultplans import PASS, Act, Fault, Request, xml_answer
from faults import Phase
from repairs import operation
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.report import OperationSnapshot

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

REFUSED = xml_answer("403 Forbidden", "AccessDenied")


@pytest.fixture(params=PLACES)
def office(
    request: pytest.FixtureRequest, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    with office_at(request.param, request, qtbot, qapp, monkeypatch) as made:
        yield made


def errors_of(snapshot: OperationSnapshot) -> dict[str, str]:
    """What went wrong with which object."""
    assert snapshot.result is not None
    return {item["key"]: item["error"]["kind"] for item in snapshot.result["objects"] if item.get("error")}


def refuse(office: Office, deed: Deed, refused: Sequence[str], others: Sequence[str] = ()) -> None:
    """Answer what would change objects with a refusal; of a batch that is deleted, one key for another."""
    names = {deed.goes_to(key) or key for key in refused}

    def plan(request: Request) -> Act:
        if operation(request) not in deed.writes:
            return PASS
        if request.operation != "DeleteObjects":
            return Act(Fault.ANSWER, answer=REFUSED) if key_of(request) in names else PASS
        return Act(Fault.ANSWER, answer=REFUSED if not others else _batch(office, refused, others))

    office.world.proxy.plan = plan


def allow(office: Office) -> None:
    """Everything passes."""
    office.world.proxy.plan = lambda _request: PASS


def _batch(office: Office, refused: Sequence[str], others: Sequence[str]) -> bytes:
    """Delete the others, and answer for all, as a store does whose policy protects some of the keys."""
    for key in others:
        office.world.client.delete_object(Bucket=office.world.bucket, Key=key)
    why = "<Code>AccessDenied</Code><Message>Access Denied</Message>"
    rows = [f"<Error><Key>{escape(key)}</Key>{why}</Error>" for key in refused]
    rows += [f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in others]
    body = f"<DeleteResult>{''.join(rows)}</DeleteResult>".encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def undo(office: Office, desktop: Desktop, job_id: str) -> OperationSnapshot:
    """Take it back from the Activity page."""
    office.studio.click(office.studio.card(desktop, job_id).buttons["undo"])
    dialog = office.planned(office.dialog(desktop))
    done = office.until_ended(desktop, agree(office, dialog))
    desktop.window.show_page("library")
    return done


def test_without_permission_nothing_changes_until_it_is_there_and_it_is_taken_back(office: Office) -> None:
    forbidden = replace(MOVE, writes=("DeleteObject",))  # copied, but no original may go
    deeds = share(office.place, (RENAME, MOVE, COPY, HEADERS, forbidden, DELETE))
    before, desktop = fill_bucket(office, *deeds), office.studio.start()
    for deed in deeds:
        keys = deed.keys(1 if deed is RENAME else 2)
        dialog = planned(office, desktop, deed, *keys)
        refuse(office, replace(deed, target="") if deed is forbidden else deed, keys)
        snapshot = office.until_ended(desktop, agree(office, dialog))
        assert snapshot.state is JobState.FAILED, deed
        assert set(errors_of(snapshot).values()) == {"AccessDenied"}, deed
        copied = replace(MOVE, keeps_originals=True).done_to(before, *keys) if deed is forbidden else before
        assert content(office) == copied, deed
        card = office.studio.card(desktop, snapshot.id)
        assert "may not do s3:" in card.facts.text(), card.facts.text()
        assert unsafe(desktop.window) == []
        allow(office)
        snapshot = office.until_ended(desktop, partial(office.studio.click, card.buttons["retry"]))
        assert snapshot.state is JobState.PUBLISHED, snapshot.error
        assert content(office) == deed.done_to(before, *keys), deed
        if deed is not DELETE:
            assert undo(office, desktop, snapshot.id).state is JobState.PUBLISHED, deed
            assert content(office) == before, deed


def test_of_a_batch_each_object_has_its_own_fate(office: Office) -> None:
    deeds = share(office.place, (MOVE, COPY, HEADERS, DELETE))
    before, desktop = fill_bucket(office, *deeds), office.studio.start()
    for deed in deeds:
        keys = fine, refused, replaced, last = deed.keys(4)
        dialog = planned(office, desktop, deed, *keys)
        theirs = {replaced: (b"theirs", "", {})}
        if deed.target:
            theirs[deed.goes_to(last)] = (b"theirs", "", {})
        for key in theirs:
            office.world.put(b"theirs", key)
        refuse(office, deed, [refused], [fine, last])
        snapshot = office.until_ended(desktop, agree(office, dialog))
        assert snapshot.state is JobState.FAILED, deed
        failed = {refused: "AccessDenied", replaced: "Conflict", **({last: "KeyTaken"} if deed.target else {})}
        assert errors_of(snapshot) == failed, deed
        done = [fine] if deed.target else [fine, last]
        # Of a move nothing is deleted while one of its copies is missing.
        does = replace(deed, keeps_originals=deed is MOVE)
        assert content(office) == {**does.done_to(before, *done), **theirs}, deed
        card = office.studio.card(desktop, snapshot.id)
        assert f"{len(failed)} of 4 objects could not be" in card.facts.text()
        office.studio.click(card.fold)
        assert unsafe(desktop.window) == []
        allow(office)
        snapshot = office.until_ended(desktop, partial(office.studio.click, card.buttons["retry"]))
        assert snapshot.state is JobState.FAILED, deed
        assert refused not in errors_of(snapshot), deed
        assert content(office) == {**does.done_to(before, *done, refused), **theirs}, deed
        if deed is not DELETE:
            assert undo(office, desktop, snapshot.id).state is JobState.PUBLISHED, deed
            assert content(office) == {**before, **theirs}, deed
        before = content(office)


def test_one_that_is_renamed_meets_a_change_and_a_name_that_is_taken(office: Office) -> None:
    before, desktop = fill_bucket(office, RENAME), office.studio.start()
    (key,) = RENAME.keys(1)
    for somebody_wrote, kind in ((key, "Conflict"), (RENAME.goes_to(key), "KeyTaken")):
        dialog = planned(office, desktop, RENAME, key)
        office.world.put(b"theirs", somebody_wrote)
        snapshot = office.until_ended(desktop, agree(office, dialog))
        assert snapshot.state is JobState.FAILED
        assert snapshot.error is not None
        assert snapshot.error.kind == kind
        before = {**before, somebody_wrote: (b"theirs", "", {})}
        assert content(office) == before
        assert unsafe(desktop.window) == []


def test_a_network_that_is_cut_holds_it_up_and_it_goes_on(office: Office) -> None:
    deeds = share(office.place, DEEDS)
    before, desktop = fill_bucket(office, *deeds), office.studio.start()
    for deed in deeds:
        keys = deed.keys(1 if deed is RENAME else 2)
        dialog = planned(office, desktop, deed, *keys)
        cut = threading.Event()

        def pull_the_cable(phase: Phase, request: Request, deed: Deed = deed, cut: threading.Event = cut) -> None:
            if phase is Phase.DONE and operation(request) in deed.writes and not cut.is_set():
                cut.set()  # the work is done, and nobody hears of it
                office.world.proxy.down.set()
                raise ConnectionAbortedError

        office.world.proxy.watch = pull_the_cable
        with office.qtbot.waitSignal(desktop.bridge.operations.added) as added:
            agree(office, dialog)()
        assert added.args is not None
        card = office.studio.card(desktop, added.args[0].id)
        office.studio.wait(lambda card=card, cut=cut: cut.is_set() and card.badge.text() == "Held up")
        assert unsafe(desktop.window) == []
        office.world.proxy.down.clear()
        snapshot = office.until_ended(desktop, partial(office.studio.click, card.buttons["try-now"]))
        assert snapshot.state is JobState.PUBLISHED, (deed, snapshot.error)
        before = deed.done_to(before, *keys)
        assert content(office) == before, deed
