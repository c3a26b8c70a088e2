"""What is not well below a prefix, as values: kinds of concern, what was found of each, and the report of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.prices import CostEstimate
from vidcdn_desktop.storage.port import ObjectRef, ObjectSummary


class Concern(Enum):
    """A kind of thing that may be wrong with what lies in a bucket."""

    UPLOADS = "uploads"
    """Multipart uploads that were begun and never ended; they cost money and show nowhere."""
    TYPES = "types"
    """A Content-Type that is not the one of this kind of file, so that browsers may not play or show it."""
    CACHE = "cache"
    """No Cache-Control, so that every viewer and edge guesses how long to keep a copy."""
    THUMBNAILS = "thumbnails"
    """A thumbnail without its video beside it."""
    DUPLICATES = "duplicates"
    """The same bytes under several keys."""
    SLOW = "slow"
    """Videos whose index stands at the end."""


TITLES = {
    Concern.UPLOADS: ("unfinished upload", "unfinished uploads"),
    Concern.TYPES: ("wrong content type", "wrong content types"),
    Concern.CACHE: ("object without a cache header", "objects without a cache header"),
    Concern.THUMBNAILS: ("thumbnail without its video", "thumbnails without their video"),
    Concern.DUPLICATES: ("duplicate", "duplicates"),
    Concern.SLOW: ("video that starts slowly", "videos that start slowly"),
}
"""One of them, and many."""

FIXABLE = (Concern.UPLOADS, Concern.TYPES, Concern.CACHE, Concern.THUMBNAILS, Concern.SLOW)
"""Of duplicates only people know which one is linked to."""


@dataclass(frozen=True)
class Progress:
    """How far a look is."""

    words: str
    done: int = 0
    total: int = 0
    """0: not known."""


@dataclass(frozen=True)
class UploadSeen:
    """An unfinished upload as it was looked at."""

    upload_id: str
    begun: datetime
    """Aware UTC, by the store's clock."""
    age_s: float
    parts: int | None
    """How many it holds; None: they may not be listed."""
    usd_per_month: float | None
    """By list prices; None where they are not known."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not well."""

    concern: Concern
    ref: ObjectRef
    size: int
    """Bytes it is about: of the object, or of the parts of an upload."""
    words: str
    """What is wrong, in one sentence."""
    etag: str = ""
    """Of the object that was looked at."""
    left_because: str = ""
    """Why a fix leaves it alone; empty: it would be fixed."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What a fix would set, by names in HTTP, lower case."""
    before: Mapping[str, str | None] = field(default_factory=dict)
    """The same headers as they were seen."""
    upload: UploadSeen | None = None
    same_as: ObjectRef | None = None
    """Of a duplicate: the oldest object with these bytes."""

    def to_json(self) -> dict[str, Any]:
        """All that is known of it."""
        found: dict[str, Any] = {
            "bucket": self.ref.bucket,
            "key": self.ref.key,
            "size": self.size,
            "what": self.words,
            "fixable": self.concern in FIXABLE and not self.left_because,
        }
        if self.left_because:
            found["left_because"] = self.left_because
        if self.headers:
            found |= {"headers": dict(self.headers), "before": dict(self.before)}
        if self.same_as is not None:
            found["same_as"] = self.same_as.key
        if self.upload is not None:
            found |= vars(self.upload)
        return found


@dataclass
class Section:
    """What was found of one concern. Filled by one thread."""

    concern: Concern
    looked_at: int = 0
    """Objects or uploads that were judged."""
    objects: int = 0
    """Of them not well."""
    size_bytes: int = 0
    """Bytes these are about; of duplicates those that are there once too often."""
    findings: list[Finding] = field(default_factory=list)
    """All of them, but of duplicates the largest only."""
    errors: list[VidcdnError] = field(default_factory=list)
    """Objects that could not be looked at, each with its reason."""
    problem: VidcdnError | None = None
    """Why nothing more could be found out; None: all was looked at, within the bound."""
    not_looked_at: int = 0
    """Objects beyond the bound."""
    notes: list[str] = field(default_factory=list)
    cost: CostEstimate | None = None
    """Of unfinished uploads; None where prices are not known."""

    def add(self, finding: Finding) -> None:
        """Count and keep one."""
        self.objects += 1
        self.size_bytes += finding.size
        self.findings.append(finding)

    @property
    def fixable(self) -> tuple[Finding, ...]:
        """What a fix would see to."""
        if self.concern not in FIXABLE:
            return ()
        return tuple(finding for finding in self.findings if not finding.left_because)

    def to_json(self, examples: int) -> dict[str, Any]:
        """Counts, and the first so many findings."""
        return {
            "kind": self.concern.value,
            "looked_at": self.looked_at,
            "objects": self.objects,
            "size": self.size_bytes,
            "fixable": len(self.fixable),
            "not_looked_at": self.not_looked_at,
            "failed": len(self.errors),
            "errors": self.errors[:examples],
            "problem": self.problem,
            "notes": self.notes,
            "examples": [finding.to_json() for finding in self.findings[:examples]],
            **({"cost": self.cost} if self.concern is Concern.UPLOADS else {}),
        }


@dataclass(frozen=True)
class HealthReport:
    """What was found below a prefix."""

    bucket: str
    prefix: str
    objects: int
    """In the listing; 0 where none was needed."""
    size_bytes: int
    sections: Mapping[Concern, Section]
    requests: int
    """Looks at single objects and uploads, roughly; the listing not counted."""

    @property
    def is_whole(self) -> bool:
        """Whether everything could be looked at; a bound that was asked for is no failure."""
        return not any(section.problem or section.errors for section in self.sections.values())

    def to_json(self, examples: int) -> dict[str, Any]:
        """The report as one JSON object."""
        return {
            "bucket": self.bucket,
            "prefix": self.prefix,
            "objects": self.objects,
            "size": self.size_bytes,
            "requests": self.requests,
            "complete": self.is_whole,
            "kinds": [section.to_json(examples) for section in self.sections.values()],
        }


def finding_of(concern: Concern, bucket: str, item: ObjectSummary, words: str, **more: Any) -> Finding:
    """A finding about an object of a listing."""
    return Finding(concern, ObjectRef(bucket, item.key), item.size, words, item.etag, **more)
