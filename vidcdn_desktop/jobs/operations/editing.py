"""Edits of an object where it is: headers, metadata, tags, storage class, a restore, an older version.

What is not named in an edit stays as it is: everything the object carries is read, the named values are changed, and
all of it is written back. What it was before stands in the journal before anything is written.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from vidcdn_desktop.errors import Conflict, ServiceTrouble, SettingsInvalid
from vidcdn_desktop.jobs.operations.model import Action, Edit, Item, Kind, Stage, inverse_of
from vidcdn_desktop.jobs.operations.moving import bring_back
from vidcdn_desktop.jobs.operations.work import UploadNotes, Work
from vidcdn_desktop.storage.copying import ARCHIVES
from vidcdn_desktop.storage.object_copy import write_again
from vidcdn_desktop.storage.object_facts import AS_IT_WAS, HEADER_FIELDS, ObjectFacts, changed
from vidcdn_desktop.storage.port import ObjectRef

_MAX_KEY_BYTES = 1024
_COMES = "It is being brought out of the archive already."
MOST_TAGS = 10
"""Source: Amazon S3 User Guide, "Categorizing your objects using tags"."""


def edit_headers(work: Work, number: int) -> None:
    """Change the named headers and metadata of one object. Blocks.

    Raises: Conflict. ObjectNotFound. ObjectArchived. UnsupportedMedia: what it carries cannot be written back.
        ServiceTrouble: the store did not keep the headers. Cancelled. What the store raises.
    """
    item = work.board.now(number)
    action = work.action_of(item)
    if item.stage is Stage.BEGUN:
        work.end_upload(item)
        facts = work.calls.facts(item.ref)
        if not _differing(action.edit, facts):
            # A run that was killed has written it already; its ETag may be another one since.
            _done_before(work, number, facts)
            return
    facts = work.looked_at(item)
    touched = _differing(action.edit, facts)
    if not touched:
        work.left(item, "It is so already.")
        return
    if _differing(action.expected, facts):
        raise _changed_since(item.ref)
    carried = _merged(work.calls.with_rights(facts), touched)
    undo = Action(Kind.HEADERS, edit=_as_they_are(touched, facts), expected=touched)
    begun = work.board.now(number).reached(
        Stage.BEGUN, inverse=inverse_of(item.ref, undo, size=facts.stored.size, etag=facts.stored.etag)
    )
    work.board.before([begun])
    try:
        after = _written(work, number, facts, carried, with_headers=True)
    except Conflict:
        # The answer to a first try may have been lost on the way, and the second found what the first had made.
        after = work.calls.facts(item.ref)
        if _differing(touched, after) or after.stored.size != facts.stored.size:
            raise
    done = work.board.now(number)
    inverse = inverse_of(item.ref, undo, size=after.stored.size, etag=after.stored.etag)
    work.board.after([done.reached(Stage.DONE, inverse=inverse)])


def _done_before(work: Work, number: int, facts: ObjectFacts) -> None:
    """Note that a run that was killed has done it, and of which object that may be taken back."""
    item = work.board.now(number)
    inverse = {**item.inverse, "etag": facts.stored.etag} if item.inverse is not None else None
    work.board.after([item.reached(Stage.DONE, inverse=inverse)])


def _written(
    work: Work, number: int, facts: ObjectFacts, carried: Mapping[str, Any], *, with_headers: bool
) -> ObjectFacts:
    return write_again(
        work.storage,
        work.calls,
        facts,
        carried,
        UploadNotes(work, number),
        token=work.token,
        helper=None if facts.stored.version_id else _helper(facts, work),
        with_headers=with_headers,
        largest=work.largest,
    )


def _helper(facts: ObjectFacts, work: Work) -> ObjectRef | None:
    """Where a large object is made first where no versions are kept; small ones are replaced in one step."""
    if facts.stored.size <= work.largest:
        return None
    ref = facts.stored.ref
    key = f"{ref.key}.vidcdn-edit-{secrets.token_hex(8)}"
    if len(key.encode("utf-8", "surrogatepass")) > _MAX_KEY_BYTES:
        raise SettingsInvalid(
            "The object's name is too long for a helper beside it.", AS_IT_WAS, "Rename it first.", subject=str(ref)
        )
    return ObjectRef(ref.bucket, key)


def _differing(edit: Edit, facts: ObjectFacts) -> Edit | None:
    """The headers and metadata of an edit that are not so yet; None if all are."""
    headers = {name: value for name, value in edit.headers.items() if facts.headers.get(name) != value}
    metadata = {name: value for name, value in edit.metadata.items() if facts.metadata.get(name) != value}
    return Edit(headers, metadata) if headers or metadata else None


def _as_they_are(touched: Edit, facts: ObjectFacts) -> Edit:
    return Edit(
        {name: facts.headers.get(name) for name in touched.headers},
        {name: facts.metadata.get(name) for name in touched.metadata},
    )


def _merged(carried: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    found = dict(carried)
    for name, value in edit.headers.items():
        if value is None:
            found.pop(HEADER_FIELDS[name], None)
        else:
            found[HEADER_FIELDS[name]] = value
    metadata = {str(name).lower(): str(value) for name, value in (found.get("Metadata") or {}).items()}
    for name, value in edit.metadata.items():
        if value is None:
            metadata.pop(name, None)
        else:
            metadata[name] = value
    found["Metadata"] = metadata
    return found


def edit_tags(work: Work, number: int) -> None:
    """Change the tags of one object. Blocks.

    Raises: Conflict. ObjectNotFound. UnsupportedMedia: the store keeps no tags. SettingsInvalid: too many. What the
        store raises.
    """
    item = work.board.now(number)
    action = work.action_of(item)
    if item.etag:
        work.looked_at(item)
    tags = work.calls.tags(item.ref)
    wanted = {} if action.edit.only_these_tags else dict(tags)
    for name, value in action.edit.tags.items():
        if value is None:
            wanted.pop(name, None)
        else:
            wanted[name] = value
    if wanted == tags:
        done = item.stage is Stage.BEGUN  # by a run that was killed
        work.board.after([item.reached(Stage.DONE if done else Stage.LEFT, note="" if done else "It is so already.")])
        return
    if action.expected.only_these_tags and tags != action.expected.tags:
        raise _changed_since(item.ref)
    if len(wanted) > MOST_TAGS:
        raise SettingsInvalid(
            f"An object has at most {MOST_TAGS} tags; this one would have {len(wanted)}.",
            AS_IT_WAS,
            "Remove some first.",
            subject=str(item.ref),
        )
    undo = Action(
        Kind.TAGS, edit=Edit(tags=tags, only_these_tags=True), expected=Edit(tags=wanted, only_these_tags=True)
    )
    work.board.before([item.reached(Stage.BEGUN, inverse=inverse_of(item.ref, undo, size=item.size, etag=item.etag))])
    work.calls.set_tags(item.ref, wanted)
    work.board.after([work.board.now(number).reached(Stage.DONE)])


def change_class(work: Work, number: int) -> None:
    """Move one object to another storage class. Blocks.

    Raises: Conflict. ObjectNotFound. ObjectArchived. ServiceTrouble: the store did not do it. What the store raises.
    """
    item = work.board.now(number)
    wanted = work.action_of(item).storage_class
    if item.stage is Stage.BEGUN:
        work.end_upload(item)
        item = work.board.now(number)
        there = work.calls.facts(item.ref)
        if there.stored.storage_class == wanted:
            _done_before(work, number, there)
            return
    facts = work.looked_at(item)
    before = facts.stored.storage_class
    if before == wanted:
        work.left(item, "It is in this storage class already.")
        return
    undo = Action(Kind.STORAGE_CLASS, storage_class=before)
    comes_back = wanted not in ARCHIVES
    inverse = inverse_of(item.ref, undo, size=facts.stored.size, etag=facts.stored.etag)
    work.board.before([item.reached(Stage.BEGUN, inverse=inverse if comes_back else None)])
    carried = {**work.calls.with_rights(facts), "StorageClass": wanted}
    try:
        after = _written(work, number, facts, carried, with_headers=False)
    except ServiceTrouble as exc:
        if exc.code in ("InvalidStorageClass", "HeadersLost"):
            raise _no_such_class(wanted, item.ref) from exc
        raise
    if after.stored.storage_class != wanted:
        raise _no_such_class(wanted, item.ref)
    inverse = inverse_of(item.ref, undo, size=after.stored.size, etag=after.stored.etag)
    done = work.board.now(number)
    work.board.after([done.reached(Stage.DONE, inverse=inverse if comes_back else None)])


def restore(work: Work, number: int) -> None:
    """Ask for a copy of an archived object outside the archive. It comes in minutes to hours. Blocks.

    Raises: ObjectNotFound. UnsupportedMedia: the store has no archive. What the store raises.
    """
    item = work.board.now(number)
    action = work.action_of(item)
    facts = work.looked_at(item)
    if facts.restoring:
        asked_before = item.stage is Stage.BEGUN  # by a run that was killed
        work.board.after([item.reached(Stage.DONE if asked_before else Stage.LEFT, note=_COMES)])
        return
    storage_class = facts.stored.storage_class
    if storage_class not in ARCHIVES and not facts.is_archived:
        work.left(item, "It is in no archive, and can be used as it is.")
        return
    work.board.before([item.reached(Stage.BEGUN)])
    # What Intelligent-Tiering has put away comes back to stay.
    days = action.days if storage_class in ARCHIVES else 0
    work.calls.restore(item.ref, days, action.tier or "Standard", item.version_id)
    asked = work.board.now(number).reached(Stage.DONE, note="asked for; it comes in minutes to hours")
    work.board.after([asked])


def restore_version(work: Work, number: int) -> None:
    """Make an older version of an object the newest. The one that was newest stays as a version. Blocks.

    Raises: Conflict. ObjectNotFound. ObjectArchived. What the store raises.
    """
    item = work.board.now(number)
    now = work.calls.facts_or_none(item.ref)
    older = work.calls.facts(item.ref, item.version_id)
    if now is not None and item.stage is Stage.BEGUN and _is_restored(now, older, item):
        work.board.after([item.reached(Stage.DONE)])
        return
    if now is not None and now.stored.version_id == item.version_id:
        work.left(item, "It is the newest version already.")
        return
    if item.etag and (now is None or now.stored.etag != item.etag):
        raise changed(item.ref)
    state = {**item.state, "before": now.stored.version_id if now else ""}
    inverse = _version_back(now, older, item.ref)
    work.board.before([item.reached(Stage.BEGUN, inverse=inverse, state=state)])
    there = bring_back(work, now, item.version_id, item.ref)
    if inverse is not None:
        inverse = {**inverse, "etag": there.etag}
    work.board.after([work.board.now(number).reached(Stage.DONE, inverse=inverse)])


def _is_restored(now: ObjectFacts, older: ObjectFacts, item: Item) -> bool:
    """Whether a run that was killed has brought the version back already."""
    same = (now.stored.etag, now.stored.size) == (older.stored.etag, older.stored.size)
    return same and now.stored.version_id != item.state.get("before")


def _version_back(now: ObjectFacts | None, older: ObjectFacts, ref: ObjectRef) -> dict[str, Any] | None:
    size, etag = older.stored.size, older.stored.etag
    if now is None:
        return inverse_of(ref, Action(Kind.DELETE), size=size, etag=etag)
    if not now.stored.version_id:
        return None
    return inverse_of(ref, Action(Kind.VERSION), size=size, etag=etag, version=now.stored.version_id)


def _no_such_class(name: str, ref: ObjectRef) -> SettingsInvalid:
    return SettingsInvalid(
        f"The store has no storage class {name}.",
        "The object is in the class it was in.",
        "Choose another one.",
        subject=str(ref),
    )


def _changed_since(ref: ObjectRef) -> Conflict:
    return Conflict(
        "Somebody has changed the object since.",
        "It was left as it is now.",
        "Look at it, and change it by hand if you still want to.",
        subject=str(ref),
        code="ChangedMeanwhile",
    )
