"""Delete many objects, a thousand in a request, and bring them back where the bucket keeps versions.

Each object is looked at right before: another one than was meant is not deleted, and its version stands in the journal
before the request leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from vidcdn_desktop.errors import AccessDenied, Conflict, ObjectLocked, ObjectNotFound, UnsupportedMedia, VidcdnError
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, Stage, inverse_of
from vidcdn_desktop.jobs.operations.moving import bring_back
from vidcdn_desktop.jobs.operations.work import Work
from vidcdn_desktop.storage.object_facts import ObjectFacts, changed
from vidcdn_desktop.storage.port import ObjectRef, StoredObject

LOOKING = 8
"""Objects looked at at the same time."""

_PASSES = (AccessDenied, Conflict, ObjectLocked, ObjectNotFound)


def delete_items(work: Work, numbers: Sequence[int], *, keeps_versions: bool) -> None:
    """Delete up to 1,000 objects of one bucket; what goes wrong with one is its `error`. Blocks.

    Raises: Cancelled. What befalls all of them: no network, no sign-in. Then nothing is known of what was deleted, and
        the next call finds out.
    """
    with ThreadPoolExecutor(LOOKING, thread_name_prefix="look") as pool:
        looks = list(pool.map(lambda number: _look(work, work.board.now(number), keeps_versions), numbers))
    begun = [item for item, _facts in looks if item is not None]
    found = [facts for _item, facts in looks if facts is not None]
    if not begun:
        return
    work.token.raise_if_cancelled()
    work.board.before(begun)
    final = work.calls.uncancelled()
    newest = [facts.stored for item, facts in zip(begun, found, strict=True) if not item.version_id]
    outcomes = {(ref, ""): outcome for ref, outcome in _by_ref(work, newest).items()}
    for item, facts in zip(begun, found, strict=True):
        if item.version_id:
            try:
                outcomes[item.ref, item.version_id] = final.remove(facts.stored, version_id=item.version_id)
            except _PASSES as exc:
                outcomes[item.ref, item.version_id] = exc
    work.board.after([_ended(item, outcomes[item.ref, item.version_id]) for item in begun])


def _by_ref(work: Work, objects: Sequence[StoredObject]) -> dict[ObjectRef, str | VidcdnError]:
    found: dict[ObjectRef, str | VidcdnError] = {}
    final = work.calls.uncancelled()
    for bucket in dict.fromkeys(stored.ref.bucket for stored in objects):
        of_bucket = [stored for stored in objects if stored.ref.bucket == bucket]
        found |= {ObjectRef(bucket, key): outcome for key, outcome in final.remove_many(of_bucket).items()}
    return found


def _look(work: Work, item: Item, keeps_versions: bool) -> tuple[Item | None, ObjectFacts | None]:
    """The item as it is about to be deleted; nothing where that is not to be done. Notes why."""
    work.token.raise_if_cancelled()
    try:
        facts = work.looked_at(item)
    except ObjectNotFound:
        if item.stage is Stage.BEGUN:
            work.board.after([_gone(work, item)])
        else:
            work.left(item, "It was gone already.")
        return None, None
    except (AccessDenied, Conflict, UnsupportedMedia) as exc:
        work.board.after([replace(item, error=exc)])
        return None, None
    stored = facts.stored
    inverse = None
    if not item.version_id and (keeps_versions or stored.version_id):
        undo = Action(Kind.UNDELETE)
        inverse = inverse_of(item.ref, undo, size=stored.size, etag=stored.etag, version=stored.version_id)
    return item.reached(Stage.BEGUN, inverse=inverse), facts


def _gone(work: Work, item: Item) -> Item:
    """What a run that was killed has deleted; with the marker that it left, if it can be found."""
    if item.inverse is None:
        return item.reached(Stage.DONE)
    try:
        versions = work.calls.versions(item.ref)
    except AccessDenied:
        versions = ()
    marker = versions[0].version_id if versions and versions[0].is_marker else ""
    return item.reached(Stage.DONE, inverse=_with_marker(item, marker))


def _with_marker(item: Item, marker: str) -> dict[str, object] | None:
    if item.inverse is None:
        return None
    return {**item.inverse, "action": Action(Kind.UNDELETE, marker=marker).to_json()}


def _ended(item: Item, outcome: str | VidcdnError) -> Item:
    if isinstance(outcome, ObjectNotFound):
        return item.reached(Stage.DONE)
    if isinstance(outcome, VidcdnError):
        return replace(item, stage=Stage.PLANNED, inverse=None, error=outcome)
    return item.reached(Stage.DONE, inverse=_with_marker(item, outcome))


def undelete(work: Work, number: int) -> None:
    """Bring an object back that was deleted in a bucket that keeps versions. Blocks.

    Its delete marker is removed; where that is not permitted, the version below is copied over it.

    Raises: Conflict: there is another object under the name by now. ObjectNotFound: its versions are gone.
    """
    item = work.board.now(number)
    now = work.calls.facts_or_none(item.ref)
    if now is not None:
        if now.stored.etag != item.etag:
            raise Conflict(
                "There is another object under this name by now.",
                "It was left as it is; the deleted one is still there as a version.",
                "Restore the version if you want it in place of the newer one.",
                subject=str(item.ref),
            )
        done = item.stage is Stage.BEGUN
        work.board.after([item.reached(Stage.DONE if done else Stage.LEFT, note="" if done else "It is there.")])
        return
    marker = work.action_of(item).marker or _newest_marker(work, item)
    inverse = inverse_of(item.ref, Action(Kind.DELETE), size=item.size, etag=item.etag) if item.etag else None
    work.board.before([item.reached(Stage.BEGUN, inverse=inverse)])
    if marker and not _is_back(work, item, marker):
        marker = ""
    if not marker:
        there = bring_back(work, None, item.version_id or "null", item.ref)
        inverse = {**inverse, "etag": there.etag} if inverse is not None else None
    work.board.after([work.board.now(number).reached(Stage.DONE, inverse=inverse)])


def _newest_marker(work: Work, item: Item) -> str:
    try:
        versions = work.calls.versions(item.ref)
    except AccessDenied:
        return ""
    newest = versions[0] if versions else None
    below = versions[1] if len(versions) > 1 else None
    if newest is None or not newest.is_marker or below is None or below.etag != item.etag:
        return ""
    return newest.version_id


def _is_back(work: Work, item: Item, marker: str) -> bool:
    """Remove the marker; whether the object is there then."""
    try:
        work.calls.uncancelled().remove(item.stored, version_id=marker)
    except AccessDenied:
        return False
    now = work.calls.facts_or_none(item.ref)
    if now is not None and now.stored.etag != item.etag:
        raise changed(item.ref)
    return now is not None
