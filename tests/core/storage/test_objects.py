"""Calls on single objects over real stores: keys that hurt, all an object carries, conditions, batches."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import FaultProxy
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.object_copy import copy_to, write_again
from vidcdn_desktop.storage.objects import ABSENT, ObjectCalls
from vidcdn_desktop.storage.port import ObjectRef, StoredObject
from vidcdn_desktop.storage.remote_source import Traffic
from vidcdn_desktop.storage.s3 import S3Storage

CARRIED: dict[str, Any] = {
    "ContentType": "video/mp4",
    "CacheControl": "public, max-age=77",
    "ContentDisposition": 'inline; filename="a b.mp4"',
    "ContentLanguage": "fr",
    "Metadata": {"title": "Sea", "vidcdn-job": "job-9"},
}

HURTING = [
    "a b/é+~%2F(1)//x.mp4",
    "/leading",
    "//",
    "a/../b/./c",
    "..",
    "trailing. ",
    "x\u202eгж\u200f\u05d0",
    "carriage\rreturn",
    "bell\x07\x01",
    "new\nline",
    "tab\tbed",
    "😀" * 255 + "....",
    unicodedata.normalize("NFC", "café.mp4"),
    unicodedata.normalize("NFD", "café.mp4"),
    "Case",
    "case",
    "<b>&amp;\"'</b>",
    "%2F+~",
    "q?x=1#f&y",
    "back\\slash",
    "folder/",
]
"""Twins stand side by side in one bucket: what is done to one must not touch the other."""


class Notes:
    """A `RepairLog` that counts."""

    def __init__(self) -> None:
        self.uploads: list[str] = []

    def planned(self, _key: str) -> None:
        """Nothing to do."""

    def created(self, upload_id: str) -> None:
        """One more."""
        self.uploads.append(upload_id)

    def ended(self) -> None:
        """One less."""
        self.uploads.clear()


def calls_on(endpoint: servers.Endpoint, url: str = "") -> ObjectCalls:
    return ObjectCalls(
        endpoint.client(url=url, attempts=0), CancelToken(), Traffic(), asking_client=endpoint.client(attempts=0)
    )


@pytest.fixture
def calls(endpoint: servers.Endpoint) -> ObjectCalls:
    return calls_on(endpoint)


@pytest.fixture
def client(endpoint: servers.Endpoint) -> Iterator[Any]:
    made = endpoint.client()
    yield made
    made.close()


def put(client: Any, ref: ObjectRef, data: bytes) -> None:
    client.put_object(Bucket=ref.bucket, Key=ref.key, Body=data, **CARRIED)


def get(client: Any, ref: ObjectRef) -> dict[str, Any]:
    reply = client.get_object(Bucket=ref.bucket, Key=ref.key)
    with reply["Body"] as stream:
        return {**reply, "Body": stream.read()}


def carried_of(client: Any, ref: ObjectRef) -> dict[str, Any]:
    reply = get(client, ref)
    return {name: reply.get(name) for name in CARRIED}


def refs_of(bucket: str, endpoint: servers.Endpoint) -> list[ObjectRef]:
    # moto's router has no route for a line break; Swift has, and S3.
    return [ObjectRef(bucket, key) for key in HURTING if endpoint.name != "moto" or "\n" not in key]


def target_of(ref: ObjectRef) -> ObjectRef:
    key = f"{ref.key}2"
    return ObjectRef(ref.bucket, key if len(key.encode()) <= 1024 else f"z{ref.key[1:]}")


def test_keys_that_hurt_are_copied_edited_and_deleted_exactly(
    endpoint: servers.Endpoint, client: Any, storage: S3Storage, calls: ObjectCalls, bucket: str
) -> None:
    refs = refs_of(bucket, endpoint)
    for ref in refs:
        put(client, ref, b"film " + ref.key.encode())
    targets = [target_of(ref) for ref in refs]
    for ref, target in zip(refs, targets, strict=True):
        copied = copy_to(storage, calls, calls.facts(ref), target)
        assert copied.facts.stored.ref == target
        assert get(client, target)["Body"] == b"film " + ref.key.encode()
        assert carried_of(client, target) == CARRIED
        facts = calls.facts(ref)
        changed = {**calls.with_rights(facts), "CacheControl": "max-age=9"}
        write_again(storage, calls, facts, changed, Notes(), token=CancelToken())
        assert carried_of(client, ref) == CARRIED | {"CacheControl": "max-age=9"}
        assert carried_of(client, target) == CARRIED
    stored = [calls.facts(ref).stored for ref in refs]
    assert calls.remove_many(stored) == {ref.key: "" for ref in refs}
    listed = storage.list_page(bucket, delimiter="").objects
    assert {item.key for item in listed} == {target.key for target in targets}
    for target in targets:
        calls.remove(calls.facts(target).stored)
    assert storage.list_page(bucket, delimiter="").objects == ()


def test_a_copy_of_another_object_than_was_looked_at_is_refused(
    endpoint: servers.Endpoint, client: Any, storage: S3Storage, calls: ObjectCalls, bucket: str
) -> None:
    if endpoint.name == "moto":
        pytest.skip("moto does not look at the condition of the source")
    ref, target = ObjectRef(bucket, "a"), ObjectRef(bucket, "b")
    put(client, ref, b"one")
    facts = calls.facts(ref)
    put(client, ref, b"two")
    with pytest.raises(e.Conflict, match="Somebody else changed"):
        copy_to(storage, calls, facts, target)
    assert calls.facts_or_none(target) is None


def test_an_edit_of_another_object_than_was_looked_at_is_refused(
    client: Any, storage: S3Storage, calls: ObjectCalls, bucket: str
) -> None:
    ref = ObjectRef(bucket, "a")
    put(client, ref, b"one")
    facts = calls.facts(ref)
    put(client, ref, b"two!")
    with pytest.raises(e.Conflict):
        write_again(storage, calls, facts, facts.carried, Notes(), token=CancelToken())
    assert get(client, ref)["Body"] == b"two!"


@pytest.mark.parametrize("largest", [5 << 20, 5 << 30])
def test_a_large_object_is_copied_and_edited_in_parts(
    client: Any, storage: S3Storage, calls: ObjectCalls, bucket: str, largest: int
) -> None:
    ref, target = ObjectRef(bucket, "large é.mp4"), ObjectRef(bucket, "copy é.mp4")
    data = bytes(range(256)) * (24 << 10)
    put(client, ref, data)
    uploads: list[str] = []
    copied = copy_to(storage, calls, calls.facts(ref), target, on_upload=uploads.append, largest=largest)
    assert len(uploads) == (largest < len(data))
    assert copied.proved_by
    assert get(client, target)["Body"] == data
    assert carried_of(client, target) == CARRIED
    facts, notes = calls.facts(target), Notes()
    changed = {**calls.with_rights(facts), "ContentLanguage": "de"}
    helper = ObjectRef(bucket, "copy é.mp4.helper")
    write_again(storage, calls, facts, changed, notes, token=CancelToken(), helper=helper, largest=largest)
    assert notes.uploads == []
    assert get(client, target)["Body"] == data
    assert carried_of(client, target) == CARRIED | {"ContentLanguage": "de"}
    assert {item.key for item in storage.list_page(bucket, delimiter="").objects} == {ref.key, target.key}
    assert list(storage.list_unfinished(bucket)) == []


# Answers that are not moto's


@pytest.fixture
def front(moto: servers.Endpoint) -> Iterator[FaultProxy]:
    with FaultProxy(moto.url) as proxy:
        yield proxy


@pytest.fixture
def plain(moto: servers.Endpoint) -> str:
    name = f"objects-{id(object())}"
    moto.client().create_bucket(Bucket=name)
    return name


def answering(proxy: FaultProxy, method: str, status: str, code: str, word: str = "") -> None:
    def plan(request: Request) -> Act:
        if request.method == method and word in request.target:
            return Act(Fault.ANSWER, answer=xml_answer(status, code))
        return Act()

    proxy.plan = plan


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("403 Forbidden", "AccessDenied", e.AccessDenied),
        ("403 Forbidden", "InvalidObjectState", e.ObjectArchived),
        ("403 Forbidden", "ObjectNotInActiveTierError", e.ObjectArchived),
        ("404 Not Found", "NoSuchKey", e.ObjectNotFound),
        ("503 Slow Down", "SlowDown", e.Throttled),
        ("409 Conflict", "OperationAborted", e.Conflict),
    ],
)
def test_each_refusal_of_a_copy_has_its_own_answer(
    moto: servers.Endpoint, front: FaultProxy, plain: str, status: str, code: str, kind: type[e.VidcdnError]
) -> None:
    client = moto.client()
    calls, storage = calls_on(moto, front.url), S3Storage(client)
    ref, target = ObjectRef(plain, "a"), ObjectRef(plain, "b")
    put(client, ref, b"film")
    facts = calls.facts(ref)
    answering(front, "PUT", status, code)
    with pytest.raises(kind) as caught:
        copy_to(storage, calls, facts, target)
    assert type(caught.value) is kind
    assert caught.value.meaning == "The object is as it was."
    assert get(client, ref)["Body"] == b"film"


def test_tags_that_are_not_taken_are_told_from_a_store_that_has_none(
    moto: servers.Endpoint, front: FaultProxy, plain: str
) -> None:
    calls, ref = calls_on(moto, front.url), ObjectRef(plain, "a")
    put(moto.client(), ref, b"film")
    with pytest.raises(e.SettingsInvalid, match="does not take these tags"):
        calls.set_tags(ref, {"state": "<done>"})
    answering(front, "PUT", "501 Not Implemented", "NotImplemented")
    with pytest.raises(e.UnsupportedMedia, match="keeps no tags"):
        calls.set_tags(ref, {"state": "done"})


def test_a_store_that_wants_an_object_in_parts_gets_it_in_parts(
    moto: servers.Endpoint, front: FaultProxy, plain: str
) -> None:
    client = moto.client()
    calls, storage = calls_on(moto, front.url), S3Storage(client)
    ref, target = ObjectRef(plain, "a"), ObjectRef(plain, "b")
    data = bytes(range(256)) * (24 << 10)
    put(client, ref, data)

    def plan(request: Request) -> Act:
        whole = request.operation == "PutObject" and "x-amz-copy-source" in request.headers
        return Act(Fault.ANSWER, answer=xml_answer("400 Bad Request", "EntityTooLarge")) if whole else Act()

    front.plan = plan
    copy_to(storage, calls, calls.facts(ref), target)
    assert get(client, target)["Body"] == data
    assert carried_of(client, target) == CARRIED


def test_a_name_that_is_taken_at_the_last_moment_is_told_from_a_source_that_changed(
    moto: servers.Endpoint, front: FaultProxy, plain: str
) -> None:
    client = moto.client()
    calls, storage = calls_on(moto, front.url), S3Storage(client)
    ref, target = ObjectRef(plain, "a"), ObjectRef(plain, "b")
    put(client, ref, b"film")
    facts = calls.facts(ref)
    put(client, target, b"theirs")
    answering(front, "PUT", "412 Precondition Failed", "PreconditionFailed")
    with pytest.raises(e.KeyTaken, match="already an object"):
        copy_to(storage, calls, facts, target, replaces=ABSENT)
    put(client, ref, b"another film")
    with pytest.raises(e.Conflict, match="Somebody else changed"):
        copy_to(storage, calls, facts, target, replaces=ABSENT)
    assert get(client, target)["Body"] == b"theirs"


def test_a_lock_is_told_from_a_missing_permission_and_goes_along_with_a_copy(
    moto: servers.Endpoint, front: FaultProxy
) -> None:
    client, bucket = moto.client(), f"locked-{id(object())}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    calls, ref = calls_on(moto, front.url), ObjectRef(bucket, "film.mp4")
    client.put_object(Bucket=bucket, Key=ref.key, Body=b"film")
    client.put_object_legal_hold(Bucket=bucket, Key=ref.key, LegalHold={"Status": "ON"})
    stored = calls.facts(ref).stored
    with pytest.raises(e.ObjectLocked, match="retention or a legal hold"):
        calls.remove(stored, version_id=stored.version_id)
    with pytest.raises(e.ServiceTrouble):  # moto wants a checksum with a lock, even of a copy
        copy_to(S3Storage(client), calls, calls.facts(ref), ObjectRef(bucket, "copy.mp4"))
    sent = next(ex.request.headers for ex in front.exchanges if ex.request.method == "PUT")
    assert sent["x-amz-object-lock-legal-hold"] == "ON"


def test_an_archived_object_is_refused_before_anything_is_sent(moto: servers.Endpoint, plain: str) -> None:
    client, calls = moto.client(), calls_on(moto)
    ref, target = ObjectRef(plain, "film.mp4"), ObjectRef(plain, "copy.mp4")
    client.put_object(Bucket=plain, Key=ref.key, Body=b"film", StorageClass="GLACIER")
    facts = calls.facts(ref)
    assert facts.is_archived
    with pytest.raises(e.ObjectArchived, match="lies in an archive"):
        copy_to(S3Storage(client), calls, facts, target)
    assert calls.facts_or_none(target) is None
    calls.restore(ref, 1, "Standard")
    assert not calls.facts(ref).is_archived


def test_one_key_of_a_batch_that_is_refused_does_not_keep_the_others(
    moto: servers.Endpoint, front: FaultProxy, plain: str
) -> None:
    client, calls = moto.client(), calls_on(moto, front.url)
    refs = [ObjectRef(plain, key) for key in ("a", "b", "c")]
    for ref in refs:
        put(client, ref, b"film")
    stored = [calls.facts(ref).stored for ref in refs]
    body = (
        b"<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code>"
        b"<Message>Access Denied because object protected by object lock.</Message></Error>"
        b"<Error><Key>c</Key><Code>PreconditionFailed</Code><Message>no</Message></Error></DeleteResult>"
    )
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    front.plan = lambda r: Act(Fault.ANSWER, answer=head + body) if r.operation == "DeleteObjects" else Act()
    found = calls.remove_many(stored)
    assert found["a"] == ""
    assert isinstance(found["b"], e.ObjectLocked)
    assert isinstance(found["c"], e.Conflict)


def test_what_a_batch_does_not_answer_for_is_deleted_alone(
    moto: servers.Endpoint, front: FaultProxy, plain: str
) -> None:
    client, calls = moto.client(), calls_on(moto, front.url)
    stored: list[StoredObject] = []
    for key in ("a", "b"):
        put(client, ObjectRef(plain, key), b"film")
        stored.append(calls.facts(ObjectRef(plain, key)).stored)
    answering(front, "POST", "501 Not Implemented", "NotImplemented")
    assert calls.remove_many(stored) == {"a": "", "b": ""}
    assert client.list_objects_v2(Bucket=plain)["KeyCount"] == 0
