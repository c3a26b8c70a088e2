"""Handed over to S3 Batch Operations: only what it can do, told how it differs, and the same job when asked twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from controlserver import OTHER_ROLE, ROLE, ControlServer, control_server
from repairs import World, world_on
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.profiles import environment_profile
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.errors import AccessDenied, ObjectNotFound, SettingsInvalid, UnsupportedMedia
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.operations.handover import DELETE_TAG, LARGEST_OBJECT, Handover, hand_over
from vidcdn_desktop.jobs.operations.handover_book import HandoverBook
from vidcdn_desktop.jobs.operations.handover_files import (
    Place,
    job_request,
    lifecycle_of,
    manifest_of,
    permission_policy,
    trust_policy,
    write_files,
)
from vidcdn_desktop.jobs.operations.handover_job import (
    can_hand_over,
    cancel_job,
    confirm_job,
    create_job,
    measure_pace,
    place_for,
    present_rules,
    status_of,
)
from vidcdn_desktop.jobs.operations.model import Action, Edit, Item, Kind, OnExists
from vidcdn_desktop.jobs.operations.plan import OperationPlan, Wish, plan_operation
from vidcdn_desktop.jobs.operations.promise import Promise
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.control import BatchState, BatchStatus
from vidcdn_desktop.storage.port import ObjectRef

ACCOUNT = "123456789012"
KEYS = ("films/Été & <b>,\u202e.mp4", "films/b c+%2F.mp4", "films/d.mp4")


@pytest.fixture(scope="module")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        yield found


@pytest.fixture(scope="module")
def control(moto: servers.Endpoint) -> Iterator[ControlServer]:
    with control_server(moto.url) as found:
        yield found


@pytest.fixture
def connection(
    world: World, moto: servers.Endpoint, control: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connection]:
    """The standard AWS environment, with an address for each service."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": moto.access_key_id,
        "AWS_SECRET_ACCESS_KEY": moto.secret_access_key,
        "AWS_REGION": moto.region,
        "AWS_ENDPOINT_URL_S3": moto.url,
        "AWS_ENDPOINT_URL_STS": moto.url,
        "AWS_ENDPOINT_URL_CLOUDFRONT": moto.url,
        "AWS_ENDPOINT_URL_S3_CONTROL": control.url,
    }.items():
        monkeypatch.setenv(name, value)
    opened = open_connection(environment_profile(world.bucket), MemorySecretStore())
    yield opened
    opened.close()


def plan_of(kind: Kind, *items: Item, place: str = "", **more: Any) -> OperationPlan:
    action = Action(kind, **more)
    return OperationPlan(action, "media", "films", place, items, Promise(False, ""), mark="wish")


def item(number: int, key: str, target: str | None = None, **more: Any) -> Item:
    return Item(number, ObjectRef("media", key), target=None if target is None else ObjectRef("media", target), **more)


def planned(connection: Connection, action: Action, to: str | None = None, key: str = "films/") -> OperationPlan:
    bucket = connection.profile.bucket
    source = Source(ObjectRef(bucket, key), is_prefix=key.endswith("/"))
    destination = None if to is None else ObjectRef(bucket, to)
    return plan_operation(connection, Wish(action, (source,), destination), token=CancelToken())


# What can be handed over


def test_only_what_batch_operations_can_do_is_offered() -> None:
    copied = hand_over(plan_of(Kind.COPY, item(1, "a/1", "old/a/1"), item(2, "a/2", "old/a/2")))
    assert copied.operation["S3PutObjectCopy"]["TargetKeyPrefix"] == "old"
    renamed = hand_over(plan_of(Kind.MOVE, item(1, "a/1", "b/1")))
    assert not renamed.is_possible
    assert "cannot rename" in renamed.cannot
    mixed = hand_over(plan_of(Kind.COPY, item(1, "a/1", "old/a/1"), item(2, "a/2", "new/a/2")))
    assert not mixed.is_possible
    taken = item(2, "a/2", "old/a/2", error=SettingsInvalid("There is one."))
    assert "There is one." in hand_over(plan_of(Kind.COPY, item(1, "a/1", "old/a/1"), taken)).cannot
    skipping = hand_over(plan_of(Kind.COPY, item(1, "a", "b/a"), on_exists=OnExists.SKIP))
    assert "replace" in skipping.cannot
    assert "Content-Type" in hand_over(plan_of(Kind.HEADERS, item(1, "a"))).cannot
    assert hand_over(plan_of(Kind.TAGS, item(1, "a"), edit=Edit(tags={"x": "1"}))).cannot
    only = hand_over(plan_of(Kind.TAGS, item(1, "a"), edit=Edit(tags={"x": "1"}, only_these_tags=True)))
    assert only.operation["S3PutObjectTagging"]["TagSet"] == [{"Key": "x", "Value": "1"}]
    assert hand_over(plan_of(Kind.RESTORE, item(1, "a"), days=3, tier="Expedited")).cannot
    bulk = hand_over(plan_of(Kind.RESTORE, item(1, "a"), days=3, tier="Bulk"))
    assert bulk.operation["S3InitiateRestoreObject"] == {"ExpirationInDays": 3, "GlacierJobTier": "BULK"}
    assert hand_over(plan_of(Kind.UNDO, item(1, "a"))).cannot
    assert hand_over(plan_of(Kind.VERSION, item(1, "a", version_id="v1"))).with_versions


def test_large_objects_and_those_with_problems_are_left_out() -> None:
    refused = item(3, "c", error=SettingsInvalid("x"))
    large = item(2, "b", size=LARGEST_OBJECT + 1)
    found = hand_over(plan_of(Kind.STORAGE_CLASS, item(1, "a"), large, refused, storage_class="GLACIER"))
    assert [left.ref.key for left in found.items] == ["a"]
    assert [left.ref.key for left in found.left_out] == ["b"]
    assert "1 object above 5 GB" in " ".join(found.remarks)


def test_deleting_marks_and_a_rule_deletes_what_is_marked() -> None:
    found = hand_over(plan_of(Kind.DELETE, item(1, "films/a"), place="films/"))
    tag = found.operation["S3PutObjectTagging"]["TagSet"][0]
    assert tag["Key"] == DELETE_TAG
    assert found.rule["Filter"] == {"Tag": tag}
    assert found.rule["Expiration"] == {"Days": 1}
    versions = hand_over(plan_of(Kind.DELETE, item(1, "films/a", version_id="v")))
    assert not versions.is_possible
    assert not versions.rule


def test_a_rule_for_a_class_is_for_a_folder_and_no_way_back() -> None:
    rule = hand_over(plan_of(Kind.STORAGE_CLASS, item(1, "f/a"), place="f/", storage_class="STANDARD_IA")).rule
    assert rule["Transitions"] == [{"Days": 30, "StorageClass": "STANDARD_IA"}]
    assert not hand_over(plan_of(Kind.STORAGE_CLASS, item(1, "f/a"), place="f/a", storage_class="GLACIER")).rule
    assert not hand_over(plan_of(Kind.STORAGE_CLASS, item(1, "f/a"), place="f/", storage_class="STANDARD")).rule


def test_costs_are_by_the_job_and_by_the_million() -> None:
    found = Handover(Kind.TAGS, "media", "x", "m", items=tuple(item(n, "k") for n in range(1, 50_001)))
    assert found.usd == pytest.approx(0.30)
    assert "0.30 USD" in found.cost
    assert "2025-06-01" in found.cost


def test_keys_stand_in_the_list_so_that_nothing_breaks_it() -> None:
    hurting = ("films/Été & <b>,\n\u202e.mp4", "b\udc80")
    found = hand_over(plan_of(Kind.VERSION, *(item(n, key, version_id=f"v{n}") for n, key in enumerate(hurting, 1))))
    lines = manifest_of(found).decode("ascii").splitlines()
    assert lines[0] == "media,films/%C3%89t%C3%A9%20%26%20%3Cb%3E%2C%0A%E2%80%AE.mp4,v1"
    assert lines[1].startswith("media,b%")


def test_the_role_is_allowed_what_the_job_needs_and_no_more() -> None:
    place = Place(ACCOUNT, "eu-west-1", ROLE)
    copied = hand_over(plan_of(Kind.COPY, item(1, "a", "old/a")))
    policy = permission_policy(copied, place)
    by_name = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert by_name["ChangeTheObjects"]["Action"] == ["s3:PutObject", "s3:PutObjectTagging"]
    assert by_name["WriteTheReport"]["Resource"].startswith("arn:aws:s3:::media/vidcdn-batch/")
    assert "s3:DeleteObject" not in json.dumps(policy)
    trust = trust_policy(place)["Statement"][0]
    assert trust["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    assert trust["Condition"]["StringEquals"]["aws:SourceAccount"] == ACCOUNT
    china = job_request(copied, Place(ACCOUNT, "cn-north-1", ROLE), "e")
    assert china["Operation"]["S3PutObjectCopy"]["TargetResource"] == "arn:aws-cn:s3:::media"


def test_the_rules_a_bucket_has_stay() -> None:
    old = [{"ID": "keep"}, {"ID": "vidcdn-1", "Status": "Disabled"}]
    assert lifecycle_of({"ID": "vidcdn-1", "Status": "Enabled"}, old)["Rules"] == [
        {"ID": "keep"},
        {"ID": "vidcdn-1", "Status": "Enabled"},
    ]


# For an admin


def test_the_files_are_what_the_command_line_of_aws_takes(connection: Connection, world: World, tmp_path: Path) -> None:
    world.put(b"x", "films/a.mp4")
    rules = {"Rules": [{"ID": "keep", "Status": "Enabled", "Filter": {"Prefix": "t/"}, "Expiration": {"Days": 9}}]}
    world.client.put_bucket_lifecycle_configuration(Bucket=world.bucket, LifecycleConfiguration=rules)
    found = hand_over(planned(connection, Action(Kind.DELETE)))
    place = place_for(connection, "mine", "/lists")
    assert (place.account, place.role) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/mine")
    files = write_files(tmp_path / "new", found, place, present_rules(connection, world.bucket))
    names = {file.name for file in files}
    assert names == {
        *("manifest.csv", "job.json", "trust-policy.json", "permission-policy.json", "lifecycle.json", "how-to.txt")
    }
    lifecycle = json.loads((tmp_path / "new" / "lifecycle.json").read_text("utf-8"))
    world.client.put_bucket_lifecycle_configuration(Bucket=world.bucket, LifecycleConfiguration=lifecycle)
    assert {rule["ID"] for rule in lifecycle["Rules"]} == {"keep", f"vidcdn-{found.mark}"}
    # The list goes into the bucket as the text says, and the job is taken as it stands in the file.
    job = json.loads((tmp_path / "new" / "job.json").read_text("utf-8"))
    key = job["Manifest"]["Location"]["ObjectArn"].partition("/")[2]
    assert key == f"lists/{found.mark}/manifest.csv"
    world.put((tmp_path / "new" / "manifest.csv").read_bytes(), key)
    opener = connection.clients.open_control
    assert opener is not None
    client = opener()
    job_id = client.create_job(**job)["JobId"]
    states = [client.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]["Status"] for _ in range(2)]
    client.close()
    assert states[-1] == "Suspended", "the ETag in the file is that of the list"
    how = (tmp_path / "new" / "how-to.txt").read_text("utf-8")
    assert "REPLACES ALL RULES" not in how
    write_files(tmp_path / "new", found, place, None)
    assert "REPLACES ALL RULES" in (tmp_path / "new" / "how-to.txt").read_text("utf-8")


def test_what_cannot_be_handed_over_writes_no_files(tmp_path: Path) -> None:
    found = hand_over(plan_of(Kind.HEADERS, item(1, "a")))
    with pytest.raises(SettingsInvalid, match="Content-Type"):
        write_files(tmp_path / "none", found, Place(ACCOUNT, "eu-west-1", ROLE), ())
    assert not (tmp_path / "none").exists()


# For real


def until(connection: Connection, kept: Any, *states: BatchState) -> BatchStatus:
    """Look until it is in one of these; each look takes the job a step on."""
    for _ in range(10):
        status = status_of(connection, kept)
        if status.state in states:
            return status
    raise AssertionError(status)


def test_a_job_is_created_confirmed_and_does_what_was_planned(
    connection: Connection, world: World, tmp_path: Path
) -> None:
    for key in KEYS:
        world.put(b"film", key, ContentType="video/mp4")
    book = HandoverBook(tmp_path)
    found = hand_over(planned(connection, Action(Kind.STORAGE_CLASS, storage_class="STANDARD_IA")))
    kept = create_job(connection, found, place_for(connection), book, CancelToken())
    assert book.all() == [kept]
    assert until(connection, kept, BatchState.WAITING).total == len(KEYS)
    assert "StorageClass" not in world.get(KEYS[0]), "nothing begins before it is confirmed"
    confirm_job(connection, kept)
    status = until(connection, kept, BatchState.COMPLETE)
    assert (status.done, status.failed) == (len(KEYS), 0)
    for key in KEYS:
        reply = world.get(key)
        assert (reply["StorageClass"], reply["ContentType"]) == ("STANDARD_IA", "video/mp4")
    with pytest.raises(SettingsInvalid):
        cancel_job(connection, kept)


def test_asked_twice_it_is_one_job_and_cancelled_it_does_nothing(
    connection: Connection, world: World, control: ControlServer, tmp_path: Path
) -> None:
    world.put(b"film", "films/a.mp4")
    book = HandoverBook(tmp_path)
    found = hand_over(planned(connection, Action(Kind.COPY), to="archive/films/"))
    place = place_for(connection, ROLE)
    first = create_job(connection, found, place, book, CancelToken())
    again = create_job(connection, found, place, book, CancelToken())
    assert first.job_id == again.job_id
    assert len(book.all()) == 1
    until(connection, first, BatchState.WAITING)
    assert cancel_job(connection, first).state is BatchState.CANCELLED
    assert not any(key.startswith("archive/") for key in world.all_keys())
    assert all(entry["account"] == ACCOUNT for entry in control.log())


def test_versions_come_back_by_a_job(connection: Connection, world: World, tmp_path: Path) -> None:
    world.put(b"first", "films/a.mp4")
    old = world.client.head_object(Bucket=world.bucket, Key="films/a.mp4")["VersionId"]
    world.put(b"second", "films/a.mp4")
    source = Source(ObjectRef(world.bucket, "films/a.mp4"), size=5, version_id=old)
    plan = plan_operation(connection, Wish(Action(Kind.VERSION), (source,)), token=CancelToken())
    kept = create_job(connection, hand_over(plan), place_for(connection), HandoverBook(tmp_path), CancelToken())
    until(connection, kept, BatchState.WAITING)
    confirm_job(connection, kept)
    until(connection, kept, BatchState.COMPLETE)
    assert world.get("films/a.mp4")["Body"] == b"first"


def test_a_role_that_may_not_be_handed_over_is_told_and_nothing_is_kept(
    connection: Connection, world: World, tmp_path: Path
) -> None:
    world.put(b"film", "films/a.mp4")
    book = HandoverBook(tmp_path)
    found = hand_over(planned(connection, Action(Kind.STORAGE_CLASS, storage_class="GLACIER")))
    with pytest.raises(AccessDenied):
        create_job(connection, found, place_for(connection, OTHER_ROLE), book, CancelToken())
    assert book.all() == []
    world.assert_only("films/a.mp4")


def test_a_job_that_is_gone_and_a_store_without_jobs_are_told(
    connection: Connection, world: World, tmp_path: Path
) -> None:
    world.put(b"film", "films/a.mp4")
    book = HandoverBook(tmp_path)
    found = hand_over(planned(connection, Action(Kind.STORAGE_CLASS, storage_class="GLACIER")))
    kept = create_job(connection, found, place_for(connection), book, CancelToken())
    (tmp_path / "0.json").write_text("{", "utf-8")
    assert book.all() == [kept], "what makes no sense is left out"
    gone = type(kept)(**{**vars(kept), "job_id": "job-unknown"})
    with pytest.raises(ObjectNotFound):
        status_of(connection, gone)
    with world.connection() as other:
        assert not can_hand_over(other)
        with pytest.raises(UnsupportedMedia):
            status_of(other, kept)
    assert can_hand_over(connection)


def test_the_pace_is_measured(connection: Connection, world: World) -> None:
    for number in range(10):
        world.put(b"film", f"films/{number}.mp4")
    pace = measure_pace(
        connection, planned(connection, Action(Kind.STORAGE_CLASS, storage_class="GLACIER")), CancelToken()
    )
    assert pace.requests == 50
    assert pace.seconds_each > 0
    assert "about 50 requests" in pace.words
