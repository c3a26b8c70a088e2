"""An operation as data: what is to be done, to which objects, how far each is, and how it is taken back.

An `Action` says what is done; an `Item` is one object of it. Both become JSON and back, since they outlive the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from vidcdn_desktop import errors
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.storage.port import ObjectRef, StoredObject


class Kind(Enum):
    """What is done to objects."""

    COPY = "copy"
    MOVE = "move"
    """Also renaming: copied, proved, and only then deleted at its old place."""
    DELETE = "delete"
    UNDELETE = "undelete"
    """Remove the delete marker, so that the version below is there again."""
    HEADERS = "headers"
    TAGS = "tags"
    STORAGE_CLASS = "storage class"
    RESTORE = "restore"
    """Out of an archive, for some days."""
    VERSION = "version"
    """An older version becomes the one that is served."""
    UNDO = "undo"
    """Each item says itself what is done."""


class OnExists(Enum):
    """What a copy or a move does where the name is not free."""

    REFUSE = "refuse"
    SKIP = "skip"
    REPLACE = "replace"


class Stage(Enum):
    """How far one object is."""

    PLANNED = "planned"
    BEGUN = "begun"
    """The request that changes something may have left."""
    COPIED = "copied"
    """Of a move: the copy is there and proved, the original untouched."""
    DELETING = "deleting"
    """Of a move: the request that deletes the original may have left."""
    DONE = "done"
    LEFT = "left alone"
    UNDONE = "undone"


@dataclass(frozen=True)
class Edit:
    """A change to named values: set to a text, removed with None; what is not named stays as it is."""

    headers: Mapping[str, str | None] = field(default_factory=dict)
    """By their names in HTTP, lower case; see `storage.object_facts.HEADER_FIELDS`."""
    metadata: Mapping[str, str | None] = field(default_factory=dict)
    """User metadata, without `x-amz-meta-`, lower case."""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    only_these_tags: bool = False
    """All other tags go."""


@dataclass(frozen=True)
class Action:
    """What is done to an object."""

    kind: Kind
    on_exists: OnExists = OnExists.REFUSE
    edit: Edit = field(default_factory=Edit)
    expected: Edit = field(default_factory=Edit)
    """Of an undo: values that must still be so, else somebody has changed them since."""
    storage_class: str = ""
    days: int = 0
    tier: str = ""
    """Of a restore: Standard, Bulk or Expedited."""
    marker: str = ""
    """Of an undelete: version id of the delete marker."""
    adopt: bool = False
    """Of a move back: the same object under the target's key is taken for the copy."""
    bring_back: str = ""
    """Of a move back: version id of what the move had replaced; it comes back instead of a delete marker."""

    def to_json(self) -> dict[str, Any]:
        """What differs from the default."""
        found: dict[str, Any] = {"kind": self.kind.value}
        for name in ("storage_class", "days", "tier", "marker", "adopt", "bring_back"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        if self.on_exists is not OnExists.REFUSE:
            found["on_exists"] = self.on_exists.value
        for name in ("edit", "expected"):
            edit = getattr(self, name)
            if edit != Edit():
                found[name] = {
                    "headers": dict(edit.headers),
                    "metadata": dict(edit.metadata),
                    "tags": dict(edit.tags),
                    "only_these_tags": edit.only_these_tags,
                }
        return found


def action_from(saved: Mapping[str, Any]) -> Action:
    """The action in a row.

    Raises: ValueError: it makes no sense, and nothing must be done by it.
    """
    texts = {name: str(saved.get(name) or "") for name in ("storage_class", "tier", "marker", "bring_back")}
    return Action(
        Kind(saved.get("kind")),
        OnExists(saved.get("on_exists", OnExists.REFUSE.value)),
        _edit_from(saved.get("edit")),
        _edit_from(saved.get("expected")),
        days=int(saved.get("days") or 0),
        adopt=saved.get("adopt") is True,
        **texts,
    )


def _edit_from(saved: Any) -> Edit:
    if saved is None:
        return Edit()
    if not isinstance(saved, Mapping):
        raise ValueError("no edit")  # noqa: TRY004 - a row that makes no sense, whatever its type
    parts: dict[str, dict[str, str | None]] = {}
    for name in ("headers", "metadata", "tags"):
        values = saved.get(name) or {}
        if not isinstance(values, Mapping) or not all(isinstance(v, (str, type(None))) for v in values.values()):
            raise ValueError(f"no {name}")
        parts[name] = {str(k): v for k, v in values.items()}
    return Edit(**parts, only_these_tags=saved.get("only_these_tags") is True)


@dataclass(frozen=True)
class Item:
    """One object of an operation."""

    number: int
    """Its place, from 1."""
    ref: ObjectRef
    size: int = 0
    """Bytes, as it was planned."""
    etag: str = ""
    """Of the object that is meant; another one is not touched. Empty: whatever is there."""
    version_id: str = ""
    """Of the version that is meant; empty: the newest."""
    target: ObjectRef | None = None
    """Of a copy or a move."""
    action: Action | None = None
    """What is done to it; None: what is done to all."""
    stage: Stage = Stage.PLANNED
    inverse: Mapping[str, Any] | None = None
    """How it is taken back, an item as JSON; written down before anything is changed."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """What a killed run needs to know to go on: an upload id, the ETag of the copy."""
    error: VidcdnError | None = None
    """Why it is no further; None: nothing went wrong so far."""
    note: str = ""
    """What there is to say of it: why it was left alone, what proves it."""

    @property
    def stored(self) -> StoredObject:
        """The object that is meant, as far as it is known."""
        return StoredObject(self.ref, self.size, self.etag, version_id=self.version_id)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.stage in (Stage.DONE, Stage.LEFT, Stage.UNDONE)

    def reached(self, stage: Stage, **changes: Any) -> Item:
        """The item at another stage, without error."""
        return replace(self, stage=stage, error=None, **changes)

    def to_json(self) -> dict[str, Any]:
        """As the command line and reports show it."""
        found: dict[str, Any] = {"bucket": self.ref.bucket, "key": self.ref.key, "size": self.size}
        if self.target is not None:
            found |= {"target_bucket": self.target.bucket, "target": self.target.key}
        found |= {"state": "failed" if self.error else self.stage.value, "note": self.note}
        return found | ({"error": self.error.to_json()} if self.error else {})


def inverse_of(
    ref: ObjectRef, action: Action, *, size: int = 0, etag: str = "", target: ObjectRef | None = None, version: str = ""
) -> dict[str, Any]:
    """The item that takes something back, as JSON."""
    found: dict[str, Any] = {
        "bucket": ref.bucket,
        "key": ref.key,
        "size": size,
        "etag": etag,
        "version": version,
        "action": action.to_json(),
    }
    if target is not None:
        found |= {"target_bucket": target.bucket, "target": target.key}
    return found


def item_from_inverse(number: int, saved: Mapping[str, Any]) -> Item:
    """The item that takes something back.

    Raises: ValueError: it makes no sense.
    """
    action = saved.get("action")
    if not isinstance(action, Mapping) or not isinstance(saved.get("key"), str):
        raise ValueError("no item")  # noqa: TRY004 - as above
    target = saved.get("target")
    return Item(
        number,
        ObjectRef(str(saved.get("bucket")), saved["key"]),
        int(saved.get("size") or 0),
        str(saved.get("etag") or ""),
        str(saved.get("version") or ""),
        ObjectRef(str(saved.get("target_bucket")), target) if isinstance(target, str) else None,
        action_from(action),
    )


def error_from(saved: Mapping[str, Any] | None) -> VidcdnError | None:
    """The error in a row, of its own class where there still is one."""
    if not isinstance(saved, Mapping):
        return None
    kind = getattr(errors, str(saved.get("kind")), None)
    cls = kind if isinstance(kind, type) and issubclass(kind, VidcdnError) else VidcdnError
    texts = [str(saved.get(name) or "") for name in ("what", "meaning", "advice")]
    return cls(
        *texts,
        subject=str(saved.get("subject") or ""),
        retryable=saved.get("retryable") is True,
        code=str(saved.get("code") or ""),
        request_id=str(saved.get("request_id") or ""),
    )
