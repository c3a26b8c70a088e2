"""Copy and move: look, copy, prove, and only then delete the original.

    PLANNED ──> BEGUN ──> COPIED ──> DELETING ──> DONE        a move
                  └─────> DONE                                a copy

The original is deleted only while its proved copy is still there and it is still the object that was copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vidcdn_desktop.errors import ChecksumMismatch, Conflict, KeyTaken, ServiceTrouble
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, OnExists, Stage, inverse_of
from vidcdn_desktop.jobs.operations.work import Work
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.object_copy import Copied, copy_to, proved
from vidcdn_desktop.storage.object_facts import ObjectFacts, changed, same_object, taken
from vidcdn_desktop.storage.objects import ABSENT
from vidcdn_desktop.storage.port import ObjectRef, StoredObject

EXISTS = "There is already an object under the new name."


def copy_item(work: Work, number: int) -> None:
    """Copy one object to its target and prove the copy. Blocks.

    Raises: KeyTaken. Conflict. ObjectNotFound. ObjectArchived. ChecksumMismatch. Cancelled. What the store raises.
    """
    item = work.board.now(number)
    action, target = work.action_of(item), item.target
    assert target is not None
    source = work.looked_at(item)
    if item.stage is Stage.BEGUN:
        work.end_upload(item)
        item = work.board.now(number)
    found = work.calls.facts_or_none(target)
    if found is not None and (item.stage is Stage.BEGUN or action.adopt):
        adopted = _adopted(work, source, found)
        if adopted is not None:
            _copied(work, item, source, adopted)
            return
    if found is not None and action.on_exists is OnExists.SKIP:
        work.left(item, EXISTS)
        return
    if found is not None and action.on_exists is OnExists.REFUSE:
        raise taken(target)
    replaced = found.stored if found is not None else None
    state = {**item.state, "replaced": replaced.version_id if replaced else "", "replaces": replaced is not None}
    inverse = _take_back(target, source.stored, state)
    work.board.before([item.reached(Stage.BEGUN, inverse=inverse, state=state)])
    try:
        copied = _copy(work, number, source, target, replaced)
    except KeyTaken:
        # The answer to a first try may have been lost on the way, and the second found what the first had made.
        there = work.calls.facts_or_none(target)
        copied_before = _adopted(work, source, there) if there is not None else None
        if copied_before is None:
            raise
        copied = copied_before
    _copied(work, work.board.now(number), source, copied)


def _copy(work: Work, number: int, source: ObjectFacts, target: ObjectRef, replaced: StoredObject | None) -> Copied:
    if source.stored.size > work.largest:
        work.note_upload(number, target.key)
    copied = copy_to(
        work.storage,
        work.calls,
        source,
        target,
        replaces=replaced.etag if replaced is not None else ABSENT,
        on_upload=lambda upload_id: work.note_upload(number, target.key, upload_id),
        largest=work.largest,
    )
    if source.stored.size > work.largest:
        work.forget_upload(number)
    return copied


def _adopted(work: Work, source: ObjectFacts, found: ObjectFacts) -> Copied | None:
    """What is under the target's key, if it is a whole copy of the source."""
    try:
        return proved(work.storage, work.calls, source, found.stored, source.carried)
    except (ChecksumMismatch, ServiceTrouble, Conflict) as exc:
        if isinstance(exc, ServiceTrouble) and exc.retryable:
            raise
        return None


def _copied(work: Work, item: Item, source: ObjectFacts, copied: Copied) -> None:
    assert item.target is not None
    copy, original = copied.facts.stored, source.stored
    state = {
        **item.state,
        "copy": [copy.etag, copy.size, copy.version_id],
        "source": [original.etag, original.size, original.version_id],
    }
    moves = work.action_of(item).kind is Kind.MOVE
    work.board.after(
        [
            item.reached(
                Stage.COPIED if moves else Stage.DONE,
                inverse=_take_back(item.target, copy, state),
                state=state,
                note=f"proved by {copied.proved_by}",
            )
        ]
    )


def _take_back(target: ObjectRef, copy: StoredObject, state: Mapping[str, Any]) -> dict[str, Any] | None:
    """How a copy is taken back; None where it has replaced something that is gone."""
    if not state.get("replaces"):
        return inverse_of(target, Action(Kind.DELETE), size=copy.size, etag=copy.etag)
    older = str(state.get("replaced") or "")
    if not older:
        return None
    return inverse_of(target, Action(Kind.VERSION), size=copy.size, etag=copy.etag, version=older)


def delete_original(work: Work, number: int) -> None:
    """Delete the original of an object whose copy was proved. Blocks.

    Raises: Conflict: the copy or the original is another one by now; both stay. AccessDenied. ObjectLocked. What the
        store raises.
    """
    item = work.board.now(number)
    action, target = work.action_of(item), item.target
    assert target is not None
    now = work.calls.facts_or_none(item.ref)
    if now is None and item.stage is Stage.DELETING:
        # By a run that was killed; what became of the copy since is its owner's business.
        work.board.after([item.reached(Stage.DONE)])
        return
    copy = work.calls.facts_or_none(target)
    if copy is None or not same_object(copy.stored, _remembered(item, "copy", target)):
        raise Conflict(
            "The copy is not there any more, or somebody replaced it.",
            "The original was kept.",
            "Look at both, and do it again.",
            subject=str(target),
        )
    original = _remembered(item, "source", item.ref)
    if now is not None:
        if not same_object(now.stored, original):
            raise changed(item.ref)
        back = Action(Kind.MOVE, adopt=True, bring_back=str(item.state.get("replaced") or ""))
        can_go_back = not item.state.get("replaces") or back.bring_back
        inverse = None
        if can_go_back:
            inverse = inverse_of(target, back, size=copy.stored.size, etag=copy.stored.etag, target=item.ref)
        work.board.before([item.reached(Stage.DELETING, inverse=inverse)])
        if action.bring_back:
            bring_back(work, now, action.bring_back)
        else:
            work.calls.uncancelled().remove(now.stored)
    work.board.after([work.board.now(number).reached(Stage.DONE)])


def take_back_copy(work: Work, number: int) -> None:
    """Remove the copy of a move that is given up; the original is untouched. Blocks.

    What is no copy of ours, or has replaced something, stays.

    Raises: what the store raises.
    """
    item = work.board.now(number)
    target = item.target
    assert target is not None
    work.end_upload(item)
    item = work.board.now(number)
    found = work.calls.facts_or_none(target)
    if found is not None and not item.state.get("replaces"):
        if item.stage is Stage.COPIED:
            ours = same_object(found.stored, _remembered(item, "copy", target))
        else:
            ours = _adopted(work, work.looked_at(item), found) is not None
        if ours and not undo.take_back(work.storage, found.stored):
            raise ServiceTrouble(
                "The copy could not be removed.",
                "The original is as it was; the copy is still under the new name.",
                "Delete the copy by hand, or undo the operation.",
                subject=str(target),
            )
    kept = {name: value for name, value in item.state.items() if name == "undoes"}
    work.board.after([item.reached(Stage.PLANNED, inverse=None, state=kept)])


def bring_back(work: Work, now: ObjectFacts | None, version_id: str, ref: ObjectRef | None = None) -> StoredObject:
    """Make an older version the newest, in place of `now`; gives what is there then. Blocks.

    Raises: ObjectNotFound: there is no such version any more. Conflict. What the store raises.
    """
    where = now.stored.ref if now is not None else ref
    assert where is not None
    older = work.calls.facts(where, version_id)
    replaces = now.stored.etag if now is not None else ABSENT
    return copy_to(work.storage, work.calls, older, where, replaces=replaces, largest=work.largest).facts.stored


def _remembered(item: Item, name: str, ref: ObjectRef) -> StoredObject:
    match item.state.get(name):
        case [str(etag), int(size), str(version_id)]:
            return StoredObject(ref, size, etag, version_id=version_id)
    raise Conflict(
        "It is not known any more which object was copied.",
        "The original and the copy are both there.",
        "Look at both, and delete the one you do not want.",
        subject=str(item.ref),
    )
