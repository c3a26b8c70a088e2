"""A file that is put, as the journal keeps it: what was begun goes on with the same headers after another start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidcdn_desktop.jobs.put_plan import FileToPut
from vidcdn_desktop.storage.content_types import content_type
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

_HEADERS = ("content_type", "cache_control", "content_disposition", "metadata", "carried")


def file_to_json(file: FileToPut) -> dict[str, Any]:
    """As a row keeps it."""
    facts: dict[str, Any] = {"path": str(file.path), "key": file.ref.key, "size": file.size, "mtime": file.mtime_ns}
    if file.replaces:
        facts |= {"replaces": file.replaces, "fast_start": file.fast_start}
    if file.headers is not None:
        facts["headers"] = {
            name: dict(value) if isinstance(value := getattr(file.headers, name), Mapping) else value
            for name in _HEADERS
        }
    return facts


def file_from_json(saved: object, bucket: str) -> FileToPut | None:
    """The file in a row; None if it makes no sense."""
    if not isinstance(saved, Mapping):
        return None
    match saved:
        case {"path": str(path), "key": str(key), "size": int(size), "mtime": int(mtime)}:
            return FileToPut(
                Path(path),
                ObjectRef(bucket, key),
                size,
                content_type(key),
                mtime,
                str(saved.get("replaces") or ""),
                _headers_from(saved.get("headers")),
                saved.get("fast_start") is True,
            )
    return None


def _headers_from(saved: object) -> ObjectHeaders | None:
    if not isinstance(saved, Mapping):
        return None
    kind, cache, disposition = (str(saved.get(name) or "") for name in _HEADERS[:3])
    metadata, carried = (dict(v) if isinstance(v := saved.get(name), Mapping) else {} for name in _HEADERS[3:])
    return ObjectHeaders(kind, cache, disposition, metadata, carried)
