"""What a service of the store could do in place of this computer, by a plan: which objects, how, and what differs.

S3 Batch Operations does one thing to every object of a list. Most operations are such a thing; some are not, and that
is said instead of doing something near it.

Source: Amazon S3 User Guide, "Operations supported by S3 Batch Operations", "Specifying a manifest"; Amazon S3 API
Reference, PutBucketLifecycleConfiguration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vidcdn_desktop.jobs.operations.classes import operation_prices
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, OnExists
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.textsafe import plural

LARGEST_OBJECT = 5_000_000_000
"""Batch Operations copies by CopyObject, which takes 5 GB; a little less, since it is not said which kind of GB."""

DELETE_TAG = "vidcdn-delete"
"""Marks what a lifecycle rule is to delete."""

_MARK_LETTERS = 12
_RARE = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
"""Days an object must be old before a lifecycle rule moves it into these classes. Source: Amazon S3 User Guide,
"Lifecycle general considerations"."""


@dataclass(frozen=True)
class Handover:
    """A job for S3 Batch Operations, a lifecycle rule, or both; where neither is possible, why."""

    kind: Kind
    bucket: str
    title: str
    mark: str
    """The same for the same wish; names the job's folder and its files."""
    operation: Mapping[str, Any] = field(default_factory=dict)
    """`Operation` of CreateJob; empty: Batch Operations cannot do it."""
    cannot: str = ""
    """Why not, in a sentence."""
    items: tuple[Item, ...] = ()
    """What goes into the list of the job."""
    left_out: tuple[Item, ...] = ()
    """What the job cannot do; this program can."""
    with_versions: bool = False
    target_bucket: str = ""
    """Of copies."""
    does: str = ""
    """What the job does, in a sentence."""
    remarks: tuple[str, ...] = ()
    """What is not as when this program does it."""
    rule: Mapping[str, Any] = field(default_factory=dict)
    """A lifecycle rule; empty: there is none that would do it."""
    rule_does: str = ""
    """What the rule does, in a sentence."""

    @property
    def is_possible(self) -> bool:
        """Whether a job can be prepared."""
        return bool(self.operation and self.items)

    @property
    def usd(self) -> float:
        """What the job itself costs, without the requests it makes."""
        return operation_prices().batch_usd(len(self.items))

    @property
    def cost(self) -> str:
        """The same in a sentence, with the date of the prices."""
        return (
            f"About {self.usd:,.2f} USD for the job, and what its {plural(len(self.items), 'request')} cost"
            f" ({operation_prices().words})."
        )

    def to_json(self) -> dict[str, Any]:
        """As the command line shows it; without the objects."""
        return {
            "operation": self.kind.value,
            "bucket": self.bucket,
            "possible": self.is_possible,
            "cannot": self.cannot,
            "objects": len(self.items),
            "left_out": len(self.left_out),
            "does": self.does,
            "remarks": list(self.remarks),
            "cost": self.cost if self.is_possible else "",
            "usd": round(self.usd, 2) if self.is_possible else 0.0,
            "lifecycle": self.rule_does,
        }


@dataclass(frozen=True)
class _Way:
    operation: Mapping[str, Any] = field(default_factory=dict)
    cannot: str = ""
    does: str = ""
    remarks: tuple[str, ...] = ()
    with_versions: bool = False
    copies: bool = False


def hand_over(plan: OperationPlan) -> Handover:
    """Work out how a plan would be handed over. Pure; nothing is asked and nothing is sent."""
    mark = hashlib.blake2b(plan.mark.encode(), digest_size=16).hexdigest()[:_MARK_LETTERS]
    able = [item for item in plan.items if item.error is None]
    target = next((item.target.bucket for item in able if item.target is not None), plan.bucket)
    way = _WAYS[plan.action.kind](plan.action, able, mark, target)
    if way.copies and plan.problems and any(item.target is not None for item in plan.items):
        first = plan.problems[0].error
        assert first is not None
        way = _Way(cannot=f"{plural(len(plan.problems), 'object')} cannot be done as things stand: {first.what}")
    fits = [item for item in able if not way.copies or item.size <= LARGEST_OBJECT] if way.operation else []
    left_out = [item for item in able if way.operation and way.copies and item.size > LARGEST_OBJECT]
    rule, rule_does = _rule(plan, mark)
    remarks = list(way.remarks)
    if left_out:
        remarks.append(
            f"{plural(len(left_out), 'object')} above 5 GB cannot be copied by Batch Operations; do those from here."
        )
    return Handover(
        plan.action.kind,
        plan.bucket,
        plan.title,
        mark,
        way.operation,
        way.cannot,
        tuple(fits),
        tuple(left_out),
        way.with_versions,
        target if way.copies else "",
        way.does,
        tuple(remarks),
        rule,
        rule_does,
    )


# What Batch Operations can do
def _copy(action: Action, items: Sequence[Item], _mark: str, target: str) -> _Way:
    if action.on_exists is OnExists.SKIP:
        return _Way(cannot="Batch Operations cannot leave out names that are taken: it would replace those objects.")
    prefix = _common_prefix(items)
    if prefix is None:
        return _Way(
            cannot="Batch Operations puts a folder before the whole name of each object and cannot rename otherwise;"
            " these objects get other names than that."
        )
    remarks = [
        "An object that has the new name by then is replaced.",
        "The copies are in the class Standard, and are proved by the store, not by this program.",
    ]
    if action.kind is Kind.MOVE:
        remarks.append(
            "The originals stay. When the job is complete and its report names no failure, delete them here."
        )
    operation = _copy_to(target) | ({"TargetKeyPrefix": prefix} if prefix else {})
    where = f"into the folder {prefix}/ of {target}" if prefix else f"into {target} under the same names"
    return _Way(
        {"S3PutObjectCopy": operation}, does=f"Copies each object {where}.", remarks=tuple(remarks), copies=True
    )


def _common_prefix(items: Sequence[Item]) -> str | None:
    """The folder all targets have before the whole key of their source; None: it is not that simple."""
    found: set[str] = set()
    for item in items:
        key, target = item.ref.key, item.target.key if item.target is not None else ""
        if target == key:
            found.add("")
        elif target.endswith(f"/{key}"):
            found.add(target[: -len(key) - 1])
        else:
            return None
    return found.pop() if len(found) == 1 else None


def _copy_to(bucket: str) -> dict[str, Any]:
    return {"TargetResource": f"arn:aws:s3:::{bucket}", "MetadataDirective": "COPY"}


def _storage_class(action: Action, _items: Sequence[Item], _mark: str, target: str) -> _Way:
    return _Way(
        {"S3PutObjectCopy": _copy_to(target) | {"StorageClass": action.storage_class}},
        does=f"Copies each object onto itself in the class {action.storage_class}.",
        remarks=("Where the bucket keeps versions, the old copy stays as a version and is billed.",),
        copies=True,
    )


def _restore(action: Action, _items: Sequence[Item], _mark: str, _target: str) -> _Way:
    if action.tier == "Expedited":
        return _Way(cannot="Batch Operations knows only Bulk and Standard, not Expedited.")
    tier = (action.tier or "Standard").upper()
    return _Way(
        {"S3InitiateRestoreObject": {"ExpirationInDays": action.days, "GlacierJobTier": tier}},
        does=f"Asks for a copy of each object outside the archive, for {plural(action.days, 'day')}.",
        remarks=("Objects that lie in no archive are counted as failed.",),
    )


def _tags(action: Action, _items: Sequence[Item], _mark: str, _target: str) -> _Way:
    if not action.edit.only_these_tags:
        return _Way(cannot="Batch Operations replaces all tags of an object and cannot keep the others.")
    pairs = [{"Key": name, "Value": value} for name, value in action.edit.tags.items() if value is not None]
    return _Way({"S3PutObjectTagging": {"TagSet": pairs}}, does="Gives each object these tags and no others.")


def _headers(_action: Action, _items: Sequence[Item], _mark: str, _target: str) -> _Way:
    return _Way(
        cannot="Batch Operations would give all objects the same headers and metadata, the Content-Type and titles,"
        " too, and cannot keep the others."
    )


def _delete(_action: Action, items: Sequence[Item], mark: str, _target: str) -> _Way:
    if any(item.version_id for item in items):
        return _Way(cannot="Batch Operations deletes nothing, and a lifecycle rule cannot be told single versions.")
    tag = {"Key": DELETE_TAG, "Value": mark}
    return _Way(
        {"S3PutObjectTagging": {"TagSet": [tag]}},
        does=f"Marks each object with the tag {DELETE_TAG}={mark}, in place of its other tags.",
        remarks=(
            "Batch Operations deletes nothing itself: a lifecycle rule deletes what is marked, within two days.",
            "Until that rule is set, nothing is deleted; it is among the files.",
        ),
    )


def _older(_action: Action, _items: Sequence[Item], _mark: str, target: str) -> _Way:
    return _Way(
        {"S3PutObjectCopy": _copy_to(target)},
        does="Copies the version of each object that is meant over the one that is there now.",
        remarks=("The copies are in the class Standard.",),
        with_versions=True,
        copies=True,
    )


def _undo(_action: Action, _items: Sequence[Item], _mark: str, _target: str) -> _Way:
    return _Way(cannot="Batch Operations does one thing to every object, and taking back is another for each.")


_WAYS = {
    Kind.COPY: _copy,
    Kind.MOVE: _copy,
    Kind.DELETE: _delete,
    Kind.UNDELETE: _older,
    Kind.HEADERS: _headers,
    Kind.TAGS: _tags,
    Kind.STORAGE_CLASS: _storage_class,
    Kind.RESTORE: _restore,
    Kind.VERSION: _older,
    Kind.UNDO: _undo,
}


# Lifecycle rules
def _rule(plan: OperationPlan, mark: str) -> tuple[Mapping[str, Any], str]:
    action = plan.action
    named: dict[str, Any] = {"ID": f"vidcdn-{mark}", "Status": "Enabled"}
    if action.kind is Kind.DELETE and not any(item.version_id for item in plan.items):
        rule = {**named, "Filter": {"Tag": {"Key": DELETE_TAG, "Value": mark}}, "Expiration": {"Days": 1}}
        return rule, "Deletes what the job has marked, within two days. Remove the rule afterwards."
    folder = plan.place if plan.place.endswith("/") else ""
    if action.kind is Kind.STORAGE_CLASS and action.storage_class != "STANDARD" and folder:
        days = _RARE.get(action.storage_class, 0)
        rule = {
            **named,
            "Filter": {"Prefix": folder},
            "Transitions": [{"Days": days, "StorageClass": action.storage_class}],
        }
        when = f" {days} days after they were written" if days else " within a day"
        return rule, (
            f"Moves all objects below {folder}, also those that come later, to {action.storage_class}{when}; none below"
            " 128 kB."
        )
    return {}, ""
