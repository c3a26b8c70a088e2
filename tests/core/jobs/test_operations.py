"""Operations as jobs: every failing case has its own answer, nothing is lost, and what was done is taken back."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from repairs import World, operation, world_on
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.job import OperationJob
from vidcdn_desktop.jobs.operations.launch import operation_from, operation_job, plan_undo
from vidcdn_desktop.jobs.operations.log import MemoryLog
from vidcdn_desktop.jobs.operations.model import Action, Edit, Item, Kind, OnExists, Stage, action_from
from vidcdn_desktop.jobs.operations.plan import OperationPlan, Wish, plan_operation
from vidcdn_desktop.jobs.operations.promise import handover_of, requests_of
from vidcdn_desktop.jobs.operations.rows import left_operations, undoable, unfinished_operation
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.weather import Patience

CARRIED: dict[str, Any] = {"ContentType": "video/mp4", "CacheControl": "max-age=77", "Metadata": {"title": "Sea"}}

ODD = ["/lead", "//", "a/../b", "trailing. ", "x\u202e.mp4", "bell\x07", "%2F+~", "caf\u00e9", "cafe\u0301", "C", "c"]


def odd(world: World) -> list[str]:
    """Keys that hurt. Moto's list of versions is no XML with a control character in it."""
    return [key for key in ODD if not world.versioned or "\x07" not in key]


@pytest.fixture(scope="session")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Endpoint]:
    if not os.environ.get("VIDCDN_SWIFT_BIN"):
        pytest.skip("VIDCDN_SWIFT_BIN is not set")
    with servers.swift(tmp_path_factory.mktemp("swift")) as endpoint:
        yield endpoint


@pytest.fixture(params=["moto", "moto-versioned", pytest.param("swift", marks=pytest.mark.swift)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each store in turn."""
    server, _, kind = request.param.partition("-")
    with world_on(request.getfixturevalue(server), versioned=bool(kind)) as found:
        yield found


@pytest.fixture
def plain(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


@pytest.fixture
def versions(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        yield found


class Desk:
    """Somebody who plans, runs and takes back."""

    def __init__(self, world: World, connection: Connection, journal: Journal) -> None:
        self.world, self.connection, self.journal = world, connection, journal
        self.means = Means(Tools(None, None), journal, patience=Patience(limit_s=0.0))

    def plan(self, action: Action, *sources: Source | str, to: str | None = None) -> OperationPlan:
        found = tuple(
            s if isinstance(s, Source) else Source(ObjectRef(self.world.bucket, s), is_prefix=s.endswith("/"))
            for s in sources
        )
        destination = None if to is None else ObjectRef(self.world.bucket, to)
        return plan_operation(self.connection, Wish(action, found, destination), token=CancelToken())

    def job(self, plan: OperationPlan, **more: Any) -> OperationJob:
        return operation_job(plan, self.means, self.connection, confirmed=plan.confirm, **more)

    def do(self, action: Action, *sources: Source | str, to: str | None = None) -> OperationJob:
        job = self.job(self.plan(action, *sources, to=to))
        job.run()
        return job

    def undo(self, job: OperationJob) -> OperationJob:
        back = self.job(plan_undo(self.connection, self.journal, job.id))
        back.run()
        return back


@contextmanager
def desk_at(world: World) -> Iterator[Desk]:
    with world.connection() as connection, Journal() as journal:
        yield Desk(world, connection, journal)


def put(world: World, *keys: str) -> dict[str, Any]:
    for key in keys:
        world.put(f"film {key}".encode(), key, **CARRIED)
    return content(world)


def content(world: World) -> dict[str, Any]:
    """Everything in the bucket, with what it carries."""
    found = {}
    for key in world.all_keys():
        reply = world.get(key)
        found[key] = (reply["Body"], *(reply.get(name) for name in CARRIED))
    return found


def refuse(world: World, name: str, status: str, code: str, word: str = "", times: int = 10**6) -> None:
    left = [times]

    def plan(request: Request) -> Act:
        if operation(request) == name and word in request.target and left[0]:
            left[0] -= 1
            return Act(Fault.ANSWER, answer=xml_answer(status, code))
        return Act()

    world.proxy.plan = plan


def error_of(job: OperationJob) -> e.VidcdnError:
    error = job.snapshot().error
    assert error is not None
    for text in (error.what, error.meaning, error.advice):
        assert text.rstrip()[-1] in ".!?", error.to_json()
    return error


# There and back


@pytest.mark.parametrize("kind", [Kind.MOVE, Kind.COPY])
def test_a_prefix_with_keys_that_hurt_goes_and_comes_back(world: World, kind: Kind) -> None:
    before = put(world, *(f"a/{key}" for key in odd(world)), "aside", "a")
    with desk_at(world) as desk:
        job = desk.do(Action(kind), "a/", to="b/")
        assert job.state is JobState.PUBLISHED
        moved = {key.replace("a/", "b/", 1): value for key, value in before.items() if key.startswith("a/")}
        rest = before if kind is Kind.COPY else {key: before[key] for key in ("a", "aside")}
        assert content(world) == {**rest, **moved}
        assert job.snapshot().can_undo
        assert desk.undo(job).state is JobState.PUBLISHED
        assert content(world) == before
        assert {item.stage for item in desk.journal.item_log(job.id).load()} == {Stage.UNDONE}
        assert undoable(desk.journal) == []
        with pytest.raises(e.CannotUndo):
            plan_undo(desk.connection, desk.journal, job.id)


def test_keys_that_hurt_are_deleted_exactly(world: World) -> None:
    before = put(world, *(f"a/{key}" for key in odd(world)), "a", "aside")
    with desk_at(world) as desk:
        plan = desk.plan(Action(Kind.DELETE), "a/")
        assert plan.undo.possible is world.versioned
        assert plan.confirm == (None if world.versioned else len(odd(world)))
        job = desk.job(plan)
        job.run()
        assert job.state is JobState.PUBLISHED
        assert sorted(content(world)) == ["a", "aside"]
        if world.versioned:
            desk.undo(job)
            assert content(world) == before


def test_an_undo_works_after_a_restart(versions: World) -> None:
    before = put(versions, "a/1", "a/2")
    with desk_at(versions) as desk:
        job = desk.do(Action(Kind.DELETE), "a/")
        desk.do(Action(Kind.COPY), Source(ObjectRef(versions.bucket, "none")), to="b")
    assert content(versions) == {}
    with desk_at(versions) as desk:
        assert [record.id for record in undoable(desk.journal)] == [job.id]
        assert desk.undo(job).state is JobState.PUBLISHED
    assert content(versions) == before


@pytest.mark.parametrize("may_list", [True, False])
def test_an_object_comes_back_without_the_right_to_remove_its_marker(versions: World, may_list: bool) -> None:
    before = put(versions, "a/1", "a/2")
    with desk_at(versions) as desk:
        job = desk.do(Action(Kind.DELETE), "a/")

        def plan(request: Request) -> Act:
            is_version = request.operation == "DeleteObject" and "versionId" in request.target
            is_list = not may_list and "versions" in request.target
            answer = xml_answer("403 Forbidden", "AccessDenied")
            return Act(Fault.ANSWER, answer=answer) if is_version or is_list else Act()

        versions.proxy.plan = plan
        back = desk.undo(job)
        assert back.state is JobState.PUBLISHED, back.snapshot().error
        assert content(versions) == before


def test_an_object_from_before_versions_were_kept_comes_back(plain: World) -> None:
    before = put(plain, "a")
    plain.client.put_bucket_versioning(Bucket=plain.bucket, VersioningConfiguration={"Status": "Enabled"})
    with desk_at(plain) as desk:
        job = desk.do(Action(Kind.DELETE), "a")
        assert plain.all_keys() == []
        assert desk.undo(job).state is JobState.PUBLISHED
        assert content(plain) == before
        headers = desk.do(Action(Kind.HEADERS, edit=Edit({"cache-control": "no-cache"})), "a")
        assert desk.undo(headers).state is JobState.PUBLISHED
        assert content(plain) == before


def test_where_versions_are_suspended_the_number_is_wanted(versions: World) -> None:
    put(versions, "a")
    versions.client.put_bucket_versioning(Bucket=versions.bucket, VersioningConfiguration={"Status": "Suspended"})
    with desk_at(versions) as desk:
        plan = desk.plan(Action(Kind.DELETE), "a")
        assert (plan.confirm, plan.undo.possible) == (1, False)


def test_headers_and_class_change_and_change_back(world: World) -> None:
    before = put(world, "a/1.mp4")
    with desk_at(world) as desk:
        edit = Edit({"cache-control": "max-age=1", "content-language": "fr"}, {"title": None, "by": "me"})
        job = desk.do(Action(Kind.HEADERS, edit=edit), "a/1.mp4")
        assert job.state is JobState.PUBLISHED
        reply = world.get("a/1.mp4")
        assert (reply["ContentType"], reply["CacheControl"], reply["ContentLanguage"], reply["Metadata"]) == (
            "video/mp4", "max-age=1", "fr", {"by": "me"},
        )  # fmt: skip
        assert job.snapshot().changed_keys == ("a/1.mp4",)
        assert desk.do(Action(Kind.HEADERS, edit=edit), "a/1.mp4").items[0].stage is Stage.LEFT
        desk.undo(job)
        assert content(world) == before
        assert "ContentLanguage" not in world.get("a/1.mp4")


def test_tags_and_class_survive_an_edit_and_a_move(versions: World) -> None:
    versions.put(b"film", "a", StorageClass="STANDARD_IA", Tagging="kind=film&by=me", **CARRIED)
    with desk_at(versions) as desk:
        assert desk.do(Action(Kind.HEADERS, edit=Edit({"cache-control": "no-cache"})), "a").state is JobState.PUBLISHED
        assert desk.do(Action(Kind.MOVE), "a", to="b/").state is JobState.PUBLISHED
    reply = versions.get("b/a")
    assert (reply["StorageClass"], reply["CacheControl"]) == ("STANDARD_IA", "no-cache")
    tags = versions.client.get_object_tagging(Bucket=versions.bucket, Key="b/a")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"kind": "film", "by": "me"}


def test_a_storage_class_is_changed_and_changed_back(plain: World) -> None:
    put(plain, "a")
    with desk_at(plain) as desk:
        job = desk.do(Action(Kind.STORAGE_CLASS, storage_class="STANDARD_IA"), "a")
        assert plain.get("a")["StorageClass"] == "STANDARD_IA"
        desk.undo(job)
        assert "StorageClass" not in plain.get("a")
        assert not desk.plan(Action(Kind.STORAGE_CLASS, storage_class="GLACIER"), "a").undo.possible


def test_a_version_is_restored_and_that_is_taken_back(versions: World) -> None:
    put(versions, "a")
    old = versions.client.head_object(Bucket=versions.bucket, Key="a")["VersionId"]
    versions.put(b"newer", "a", ContentType="text/plain")
    with desk_at(versions) as desk:
        job = desk.do(Action(Kind.VERSION), Source(ObjectRef(versions.bucket, "a"), version_id=old))
        assert versions.get("a")["Body"] == b"film a"
        desk.undo(job)
        assert versions.get("a")["Body"] == b"newer"


def test_an_archived_object_is_asked_for(plain: World) -> None:
    plain.put(b"film", "a", StorageClass="GLACIER")
    with desk_at(plain) as desk:
        move = desk.do(Action(Kind.MOVE), "a", to="b")
        assert error_of(move).kind == "ObjectArchived"
        plan = desk.plan(Action(Kind.RESTORE, days=2, tier="Bulk"), "a")
        assert not plan.undo.possible
        assert desk.do(Action(Kind.RESTORE, days=2, tier="Bulk"), "a").state is JobState.PUBLISHED
    assert plain.all_keys() == ["a"]


# What goes wrong


def test_one_name_that_is_taken_keeps_a_whole_folder_where_it_is(world: World) -> None:
    put(world, "a/1", "a/2", "a/3")
    world.put(b"theirs", "b/2")
    before = content(world)
    with desk_at(world) as desk:
        plan = desk.plan(Action(Kind.MOVE), "a/", to="b/")
        assert [item.ref.key for item in plan.problems] == ["a/2"]
        job = desk.job(plan)
        job.run()
        error = error_of(job)
        assert "1 of 3 objects could not be moved" in error.what
        assert "No original was deleted" in error.meaning
        assert {key: value for key, value in content(world).items() if key in before} == before
        job.give_up()
        assert job.state is JobState.CANCELLED
        assert content(world) == before


def test_an_original_that_changes_meanwhile_is_kept(world: World) -> None:
    put(world, "a/1", "a/2")
    with desk_at(world) as desk:
        plan = desk.plan(Action(Kind.MOVE), "a/", to="b/")
        world.put(b"somebody's newer cut", "a/1")
        job = desk.job(plan)
        job.run()
        assert "Somebody else changed the object" in error_of(job).advice
        assert world.get("a/1")["Body"] == b"somebody's newer cut"
        assert world.get("a/2")["Body"] == b"film a/2"


@pytest.mark.parametrize("at", ["original", "copy"])
def test_what_changes_between_copy_and_delete_is_kept(plain: World, at: str) -> None:
    put(plain, "a/1")
    changed = {"original": "a/1", "copy": "b/1"}[at]
    plain.when("CopyObject", Phase.ANSWERED, lambda: None)
    with desk_at(plain) as desk:
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"))

        def watch(item: Item) -> None:
            if item.stage is Stage.COPIED and item.error is None:
                plain.put(b"newer", changed)

        job._board._on_change = watch  # the moment between the two, which no request marks
        job.run()
        assert error_of(job).kind == "Conflict"
        assert plain.get("a/1")["Body"] == (b"newer" if at == "original" else b"film a/1")


def test_an_object_that_changes_before_it_is_deleted_is_kept(world: World) -> None:
    put(world, "a/1", "a/2")
    with desk_at(world) as desk:
        plan = desk.plan(Action(Kind.DELETE), "a/")
        world.put(b"newer", "a/1")
        job = desk.job(plan)
        job.run()
        assert job.snapshot().counts.done == 1
        assert content(world).keys() == {"a/1"}
        assert "Somebody else changed" in error_of(job).advice


def test_what_somebody_changed_since_is_not_taken_back(versions: World) -> None:
    put(versions, "a", "b", "c")
    with desk_at(versions) as desk:
        headers = desk.do(Action(Kind.HEADERS, edit=Edit({"cache-control": "no-cache"})), "a")
        moved = desk.do(Action(Kind.MOVE), "b", to="moved")
        deleted = desk.do(Action(Kind.DELETE), "c")
        for key in ("a", "moved", "c"):
            versions.put(b"theirs", key)
        for job in (headers, moved, deleted):
            assert error_of(desk.undo(job)).kind == "Conflict"
        assert {key: body for key, (body, *_) in content(versions).items()} == dict.fromkeys(
            ("a", "moved", "c"), b"theirs"
        )


@pytest.mark.parametrize("name", ["CopyObject", "DeleteObject", "HeadObject"])
def test_a_missing_permission_is_named_and_nothing_is_lost(plain: World, name: str) -> None:
    before = put(plain, "a/1", "a/2")
    with desk_at(plain) as desk:
        plan = desk.plan(Action(Kind.MOVE), "a/", to="b/")
        refuse(plain, name, "403 Forbidden", "AccessDenied")
        job = desk.job(plan)
        job.run()
        plain.proxy.plan = lambda _request: Act()
        assert "s3:" in error_of(job).advice
        assert before.items() <= content(plain).items()
        job.resume()
        job.run()
        assert job.state is JobState.PUBLISHED
        assert plain.all_keys() == ["b/1", "b/2"]


def test_half_of_a_batch_that_is_refused_is_told_and_the_other_half_done(plain: World) -> None:
    put(plain, "a/1", "a/2")
    body = (
        b"<DeleteResult><Error><Key>a/1</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
        b"<Deleted><Key>a/2</Key></Deleted></DeleteResult>"
    )
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with desk_at(plain) as desk:
        plan = desk.plan(Action(Kind.DELETE), "a/")
        plain.proxy.plan = lambda r: Act(Fault.ANSWER, answer=head + body) if r.operation == "DeleteObjects" else Act()
        job = desk.job(plan)
        job.run()
        assert {item.ref.key: (item.stage, item.error and item.error.kind) for item in job.items} == {
            "a/1": (Stage.PLANNED, "AccessDenied"), "a/2": (Stage.DONE, None),
        }  # fmt: skip
        assert "1 of 2 objects could not be deleted" in error_of(job).what


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.CUT_REPLY, Fault.REFUSED, Fault.SENT_TWICE])
@pytest.mark.parametrize("name", ["CopyObject", "DeleteObject", "DeleteObjects", "HeadObject"])
def test_a_network_that_fails_now_and_then_changes_nothing(world: World, fault: Fault, name: str) -> None:
    put(world, "a/1", "a/2")

    def plan(request: Request) -> Act:
        return Act(fault) if operation(request) == name and request.nth == 1 else Act()

    with desk_at(world) as desk:
        desk.means = replace(desk.means, patience=Patience(limit_s=60.0, first_s=0.01, longest_s=0.05))
        planned = desk.plan(Action(Kind.MOVE), "a/", to="b/")
        world.proxy.plan = plan
        job = desk.job(planned)
        job.run()
        assert job.state is JobState.PUBLISHED, job.snapshot().error
        assert {key: body for key, (body, *_) in content(world).items()} == {"b/1": b"film a/1", "b/2": b"film a/2"}
        removed = desk.do(Action(Kind.DELETE), "b/")
        assert removed.state is JobState.PUBLISHED, removed.snapshot().error
        assert content(world) == {}
        world.proxy.plan = lambda _request: Act()
        if world.versioned:
            desk.undo(removed)
            assert len(content(world)) == 2


def test_without_a_network_it_stops_and_goes_on_as_the_same_job(plain: World) -> None:
    put(plain, "a/1", "a/2", "a/3")
    with desk_at(plain) as desk:
        plan = desk.plan(Action(Kind.MOVE), "a/", to="b/")
        plain.when("CopyObject", Phase.DONE, plain.proxy.down.set, nth=2)
        job = desk.job(plan)
        job.run()
        assert error_of(job).kind == "Offline"
        assert len([key for key in plain.all_keys() if key.startswith("a/")]) == 3
        plain.proxy.down.clear()
        job.resume()
        job.run()
        assert job.state is JobState.PUBLISHED
        assert plain.all_keys() == ["b/1", "b/2", "b/3"]


def test_a_cancelled_move_takes_its_copies_back(world: World) -> None:
    before = put(world, *(f"a/{number}" for number in range(20)))
    with desk_at(world) as desk:
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"))
        world.when("CopyObject", Phase.DONE, job.cancel, nth=5)
        job.run()
        assert job.state is JobState.CANCELLED
        assert job.snapshot().error is None
        assert content(world) == before


def test_a_paused_operation_is_made_again_from_the_journal(plain: World) -> None:
    put(plain, *(f"a/{number}" for number in range(20)))
    with desk_at(plain) as desk:
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"))
        plain.when("CopyObject", Phase.DONE, job.pause, nth=5)
        job.run()
        assert job.state is JobState.PAUSED
    plain.proxy.watch = lambda _phase, _request: None
    with desk_at(plain) as desk:
        (record,) = left_operations(desk.journal)
        again = operation_from(record, desk.means)
        assert (again.id, again.state) == (job.id, JobState.PAUSED)
        assert again.snapshot().counts.copied >= 1
        again.bind(desk.connection)
        again.mark_queued()
        again.run()
        assert again.state is JobState.PUBLISHED
        assert left_operations(desk.journal) == []
    assert sorted(plain.all_keys()) == sorted(f"b/{number}" for number in range(20))


def test_one_that_only_waits_is_found_again_with_all_its_objects(plain: World) -> None:
    put(plain, "a/1", "a/2")
    with desk_at(plain) as desk:
        desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/")).keep()
    with desk_at(plain) as desk:
        (record,) = left_operations(desk.journal)
        again = operation_from(record, desk.means)
        again.bind(desk.connection)
        again.mark_queued()
        again.run()
        assert again.state is JobState.PUBLISHED
    assert plain.all_keys() == ["b/1", "b/2"]


def test_a_row_without_objects_is_nothing_to_go_on_with(plain: World) -> None:
    put(plain, "a/1")
    with desk_at(plain) as desk:
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"))
        job.keep()
        desk.journal.item_log(job.id).begin([])  # killed between the row and its items
        assert unfinished_operation(desk.journal, job.mark, desk.connection) is None
        assert left_operations(desk.journal) == []


def test_what_was_done_in_another_store_is_not_taken_back_in_this_one(plain: World, versions: World) -> None:
    put(plain, "a")
    with desk_at(plain) as desk:
        job = desk.do(Action(Kind.MOVE), "a", to="b")
        with versions.connection() as other, pytest.raises(e.CannotUndo, match="another connection"):
            plan_undo(other, desk.journal, job.id)


def test_a_move_killed_after_its_last_request_is_done_whatever_became_of_the_copy(plain: World) -> None:
    put(plain, "a/1")
    with desk_at(plain) as desk:
        job = desk.do(Action(Kind.MOVE), "a/", to="b/")
        log, record = desk.journal.item_log(job.id), desk.journal.job(job.id)
        assert record is not None
        log.before([replace(item, stage=Stage.DELETING) for item in log.load()])
        plain.put(b"somebody's newer cut", "b/1")
        again = operation_from(record, desk.means)
        again.bind(desk.connection)
        again.mark_queued()
        again.run()
        assert again.state is JobState.PUBLISHED
    assert plain.get("b/1")["Body"] == b"somebody's newer cut"


def test_copies_of_a_cancelled_move_that_cannot_be_removed_are_told(plain: World) -> None:
    before = put(plain, *(f"a/{number}" for number in range(40)))
    with desk_at(plain) as desk:
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"))
        refuse(plain, "DeleteObject", "403 Forbidden", "AccessDenied")
        plain.when("CopyObject", Phase.DONE, job.cancel, nth=3)
        job.run()
        assert job.state is JobState.CANCELLED
        assert "The copy could not be removed" in error_of(job).what
        plain.proxy.plan = lambda _request: Act()
        assert desk.undo(job).state is JobState.PUBLISHED
        assert content(plain) == before


def test_an_undo_ends_what_stood_in_the_middle(plain: World) -> None:
    before = put(plain, *(f"a/{number}" for number in range(60)))
    with desk_at(plain) as desk:
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"))
        plain.when("DeleteObject", Phase.DONE, job.pause)
        job.run()
        assert job.state is JobState.PAUSED
        plain.proxy.watch = lambda _phase, _request: None
        assert desk.undo(job).state is JobState.PUBLISHED
        assert content(plain) == before
        assert left_operations(desk.journal) == []
        assert unfinished_operation(desk.journal, job.mark, desk.connection) is None


def test_what_cannot_be_undone_wants_its_number(plain: World) -> None:
    put(plain, "a/1", "a/2", "b/1")
    with desk_at(plain) as desk:
        deleting = desk.plan(Action(Kind.DELETE), "a/")
        replacing = desk.plan(Action(Kind.COPY, OnExists.REPLACE), "a/", to="b/")
        assert (deleting.confirm, replacing.confirm) == (2, 1)
        for plan in (deleting, replacing):
            for number in (None, 0, 3):
                with pytest.raises(e.ConfirmationNeeded):
                    operation_job(plan, desk.means, desk.connection, confirmed=number)
    assert len(plain.all_keys()) == 3


def test_a_journal_that_cannot_be_written_stops_it_before_anything_is_changed(plain: World) -> None:
    before = put(plain, "a/1")
    with plain.connection() as connection, Journal() as journal:
        desk = Desk(plain, connection, journal)
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"))
        journal.close()
        job.run()
        assert job.state is JobState.FAILED
    assert content(plain) == before


def test_two_copies_of_the_program_do_not_do_the_same(plain: World) -> None:
    put(plain, "a/1")
    with desk_at(plain) as desk, Journal(desk.journal.path) as other:
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"))
        job.keep()
        other.claim(job.id)
        job.run()
        assert error_of(job).kind == "UploadBusy"
        assert plain.all_keys() == ["a/1"]


@pytest.mark.parametrize(
    ("sources", "to"),
    [
        (["a/"], "a/"),
        (["a/1", "a/2"], "b"),
        (["a/"], "a/1/"),
        (["a/1"], "x" * 1025),
        (["a/1", "c/1"], "b/"),
    ],
)
def test_a_destination_that_would_lose_something_is_refused(plain: World, sources: list[str], to: str) -> None:
    put(plain, "a/1", "a/2", "c/1", *(["a/1/1"] if to == "a/1/" else []))
    with desk_at(plain) as desk, pytest.raises(e.SettingsInvalid):
        desk.plan(Action(Kind.MOVE), *sources, to=to)


# Plans


def test_a_plan_says_what_it_takes_and_changes_nothing(versions: World) -> None:
    before = put(versions, "a/1", "a/2")
    versions.history.clear()
    with desk_at(versions) as desk:
        plan = desk.plan(Action(Kind.MOVE), "a/", to="b/")
    assert (plan.objects, plan.size, plan.copied_bytes) == (2, 16, 16)
    assert plan.requests >= 2 * 3
    assert plan.undo.possible
    assert plan.changed_keys == ("a/1", "a/2")
    assert plan.handover == ""
    assert not {"PutObject", "CopyObject", "DeleteObject", "DeleteObjects"} & set(versions.history)
    assert content(versions) == before


@pytest.mark.parametrize(
    ("kind", "count", "size", "word"),
    [
        (Kind.DELETE, 10_001, 1, "lifecycle rule"),
        (Kind.COPY, 10_001, 1, "S3 Batch Operations"),
        (Kind.COPY, 2, 60_000_000_000, "S3 Batch Operations"),
        (Kind.STORAGE_CLASS, 10_001, 1, "lifecycle rule"),
        (Kind.DELETE, 10_000, 10**12, ""),
        (Kind.COPY, 10_000, 1, ""),
    ],
)
def test_what_is_too_much_for_a_loop_is_said(kind: Kind, count: int, size: int, word: str) -> None:
    items = [Item(n, ObjectRef("b", str(n)), size) for n in range(count)]
    words = handover_of(Action(kind), items)
    assert word in words
    assert bool(words) is bool(word)
    assert requests_of(Action(kind), items) >= count


def test_an_action_comes_back_as_it_was_and_nonsense_is_refused() -> None:
    edit = Edit({"cache-control": None}, {"a": "b"}, {"t": None}, only_these_tags=True)
    action = Action(Kind.HEADERS, OnExists.SKIP, edit, edit, "GLACIER", 3, "Bulk", "m", True, "v")
    assert action_from(action.to_json()) == action
    for saved in (
        {},
        {"kind": "burn"},
        {"kind": "headers", "edit": {"headers": {"a": 1}}},
        {"kind": "tags", "edit": 1},
    ):
        with pytest.raises(ValueError):
            action_from(saved)


def test_progress_is_told_while_it_runs(plain: World) -> None:
    put(plain, *(f"a/{number}" for number in range(5)))
    told: list[tuple[int, int]] = []
    lock = threading.Lock()

    def on_change(job: OperationJob) -> None:
        snapshot = job.snapshot()
        with lock:
            told.append((snapshot.steps_done, snapshot.steps))

    with desk_at(plain) as desk:
        items: list[Item] = []
        job = desk.job(desk.plan(Action(Kind.MOVE), "a/", to="b/"), on_change=on_change, on_item=items.append)
        job.run()
    assert told[-1] == (10, 10)
    assert sorted(item.ref.key for item in items) == sorted(f"a/{number}" for number in range(5))
    assert MemoryLog().load() == []
