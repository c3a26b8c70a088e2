"""A job as the journal keeps it, and the way into a row and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.bytesource import SourceIdentity
from vidcdn_desktop.jobs.states import ENDED
from vidcdn_desktop.storage.port import ObjectRef

ENDED_STATES = tuple(sorted(state.value for state in ENDED))
"""Words of the states in which nothing happens any more unless the user asks."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ESCAPE = "\x1a"
"""Marks a code point UTF-8 cannot carry; itself escaped where it occurs."""

_NEEDS_ESCAPE = re.compile("[\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")

_SIGNED_WORDS = ("x-amz-", "signature=", "signature%3d")
_SIGNED_QUERY = re.compile(r"(?:\?|%3F)\S*?(?:X-Amz-|Signature(?:=|%3D))\S*", re.IGNORECASE)
"""The query of a presigned S3 address or a signed CloudFront one: whoever reads it may use it."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class JobRecord:
    """One job as it was last written down. Times are aware UTC, sizes are bytes."""

    id: str
    kind: str
    """"publish", "download", "repair" or "operation"."""
    state: str
    """Word of a `JobState`."""
    title: str = ""
    source: str = ""
    """Path of the film, as `str(path)`; every name a file system allows comes back as it was."""
    identity: SourceIdentity | None = None
    """Of the source when it was inspected."""
    connection_id: str = ""
    connection_name: str = ""
    """As shown, for when the connection is gone."""
    endpoint: str = ""
    bucket: str = ""
    key: str = ""
    size: int | None = None
    options: Mapping[str, Any] | None = None
    """What `json.dumps` takes; so are the four below. Queries of signed addresses are left out when saved."""
    plan: Mapping[str, Any] | None = None
    steps: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    created: datetime = field(default_factory=_now)
    updated: datetime | None = None
    """When it was last saved; set by the journal."""
    ended: datetime | None = None
    position: int = 0
    """Place in the queue; lower runs first."""
    priority: int = 0
    """Higher runs first, whatever the place."""
    owner: str = ""
    """Token of the copy of the program that has claimed it; set by `Journal.claim`, ignored when saved."""
    owned_elsewhere: bool = False
    """Another copy that is running owns it; found out when read, ignored when saved."""


@dataclass(frozen=True)
class OpenUpload:
    """An upload that was begun and has not ended, as far as the journal knows."""

    job_id: str
    state: str
    """Of its job."""
    source: str
    """Of its job."""
    ref: ObjectRef
    endpoint: str
    profile_id: str
    upload_id: str
    """Empty: it is not known whether the bucket has begun it."""
    size: int
    """Bytes of the object."""
    part_size: int
    """Bytes; 0 for a single request."""
    done_bytes: int
    """Bytes of finished parts."""
    completing: bool
    begun: datetime
    owned_elsewhere: bool = False
    """Another copy of the program is sending it now."""


def to_column(text: str) -> str:
    """Text as SQLite can keep it: a name that is no valid UTF-8 has code points no encoding can carry."""
    return _NEEDS_ESCAPE.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def from_column(text: str) -> str:
    """The text that was given to `to_column`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def to_time(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def from_time(text: str | None) -> datetime | None:
    """The time in a column; None where there is none or it makes no sense."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def without_signed_queries(value: Any) -> Any:
    """The same value, each signed address in it cut at its `?`."""
    if isinstance(value, str):
        lower = value.lower()
        return _SIGNED_QUERY.sub("", value) if any(word in lower for word in _SIGNED_WORDS) else value
    if isinstance(value, Mapping):
        return {str(name): without_signed_queries(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_signed_queries(inner) for inner in value]
    return value


def job_row(record: JobRecord) -> dict[str, Any]:
    """The row of a record, in columns' names; `owner` and `updated` are the journal's."""
    identity = record.identity
    return {
        "id": to_column(record.id),
        "kind": record.kind,
        "state": record.state,
        "title": to_column(record.title),
        "source": to_column(record.source),
        "source_size": identity.size if identity else None,
        "source_mtime_ns": str(identity.mtime_ns) if identity else None,
        "source_device": str(identity.device) if identity else None,
        "source_file_id": str(identity.file_id) if identity else None,
        "connection_id": to_column(record.connection_id),
        "connection_name": to_column(record.connection_name),
        "endpoint": to_column(record.endpoint),
        "bucket": to_column(record.bucket),
        "key": to_column(record.key),
        "size": record.size,
        "options": _to_json(record.options),
        "plan": _to_json(record.plan),
        "steps": _to_json(record.steps),
        "result": _to_json(record.result),
        "error": _to_json(record.error),
        "created": to_time(record.created),
        "ended": to_time(record.ended) if record.ended else None,
        "position": record.position,
        "priority": record.priority,
    }


def job_record(columns: Sequence[str], values: Sequence[Any], *, owned_elsewhere: bool) -> JobRecord:
    """The record in a row. A column that makes no sense is None rather than the end of the list."""
    row = dict(zip(columns, values, strict=True))
    return JobRecord(
        id=from_column(row["id"]),
        kind=row["kind"],
        state=row["state"],
        title=from_column(row["title"]),
        source=from_column(row["source"]),
        connection_id=from_column(row["connection_id"]),
        connection_name=from_column(row["connection_name"]),
        endpoint=from_column(row["endpoint"]),
        bucket=from_column(row["bucket"]),
        key=from_column(row["key"]),
        options=_from_json(row["options"]),
        plan=_from_json(row["plan"]),
        steps=_from_json(row["steps"]),
        result=_from_json(row["result"]),
        error=_from_json(row["error"]),
        identity=_identity(row),
        size=row["size"],
        created=from_time(row["created"]) or _EPOCH,
        updated=from_time(row["updated"]),
        ended=from_time(row["ended"]),
        position=row["position"],
        priority=row["priority"],
        owner=row["owner"],
        owned_elsewhere=owned_elsewhere,
    )


def _identity(row: Mapping[str, Any]) -> SourceIdentity | None:
    names = ("source_size", "source_mtime_ns", "source_device", "source_file_id")
    try:
        return None if row["source_size"] is None else SourceIdentity(*(int(row[name]) for name in names))
    except (TypeError, ValueError):
        return None


def _to_json(value: Mapping[str, Any] | None) -> str | None:
    # Escaped to ASCII: so every name of a file goes through, whatever its bytes.
    return None if value is None else json.dumps(without_signed_queries(value), separators=(",", ":"))


def _from_json(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
