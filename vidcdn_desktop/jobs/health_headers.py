"""Wrong content types and missing cache headers: a HEAD for each video and picture, within a bound and a rate.

A listing does not tell headers, so this is what costs requests. What was told of an object in the very same state is
not asked for again (`jobs.headcache`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ObjectNotFound, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.headcache import HeadCache, HeadFacts
from vidcdn_desktop.jobs.health_looking import Misses, in_parallel
from vidcdn_desktop.jobs.health_model import Concern, Finding, Section, finding_of
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.storage.content_types import DEFAULT, content_type, extension_of
from vidcdn_desktop.storage.keys import IMMUTABLE_CACHE, STABLE_CACHE
from vidcdn_desktop.storage.object_facts import ObjectFacts
from vidcdn_desktop.storage.port import ObjectRef, ObjectSummary
from vidcdn_desktop.storage.weather import Weather

_PARALLEL = 8
_BATCH = 1000
"""Objects looked up in the cache, and kept in it, at once."""

VERSIONED_NAME = re.compile(r"-[0-9a-f]{8}\.[A-Za-z0-9]+$")
"""How keys end that this program never writes twice (`storage.keys.object_key`)."""

_ALSO_RIGHT: Mapping[str, frozenset[str]] = {
    "mp4": frozenset({"audio/mp4", "application/mp4", "video/x-m4v"}),
    "m4v": frozenset({"video/x-m4v", "application/mp4"}),
    "m4a": frozenset({"audio/x-m4a", "audio/aac", "video/mp4"}),
    "m4s": frozenset({"video/mp4", "audio/mp4", "application/mp4", "audio/iso.segment"}),
    "cmfv": frozenset({"video/iso.segment"}),
    "cmfa": frozenset({"audio/iso.segment"}),
    "webm": frozenset({"audio/webm"}),
    "mkv": frozenset({"video/matroska", "audio/x-matroska", "audio/matroska"}),
    "3gp": frozenset({"audio/3gpp"}),
    "3g2": frozenset({"audio/3gpp2"}),
    "ogg": frozenset({"video/ogg", "application/ogg"}),
    "ogv": frozenset({"application/ogg"}),
    "opus": frozenset({"audio/opus"}),
    "mp3": frozenset({"audio/mp3", "audio/x-mp3"}),
    "wav": frozenset({"audio/x-wav", "audio/wave", "audio/vnd.wave"}),
    "flac": frozenset({"audio/x-flac"}),
    "avi": frozenset({"video/avi", "video/vnd.avi", "video/msvideo"}),
    "ts": frozenset({"video/mpeg"}),
    "heic": frozenset({"image/heif"}),
}
"""Types that are not ours, and right or taken for it everywhere all the same: not worth a copy of the object."""

_OTHER_FILES = ("text/", "application/typescript", "application/javascript", "application/json")
"""Under .ts these say that it is a program, and no film."""


def wanted_type(key: str, stored: str) -> str:
    """The Content-Type an object should have instead of `stored`; empty if that is fine, or nobody can tell."""
    wanted = content_type(key)
    kind = stored.partition(";")[0].strip().lower()
    extension = extension_of(key)
    if wanted == DEFAULT or kind == wanted.partition(";")[0] or kind in _ALSO_RIGHT.get(extension, ()):
        return ""
    if extension == "ts" and kind.startswith(_OTHER_FILES):
        return ""
    return wanted


def wanted_cache(key: str) -> str:
    """The Cache-Control for a key: for ever where the name says that it is never written twice."""
    return IMMUTABLE_CACHE if VERSIONED_NAME.search(key) else STABLE_CACHE


@dataclass
class HeadPass:
    """One pass of HEADs.

    Args:
        connection: Whose store it is.
        cache: What is known from before.
        most: Objects that are asked for at most; what is known does not count.
        rate: Requests a second.
        cache_control: Written where there is none; empty: as the key demands.
    """

    connection: Connection
    cache: HeadCache
    most: int
    rate: RateLimiter
    cache_control: str = ""
    asked: int = 0
    """HEADs so far."""
    not_looked_at: int = 0
    problem: VidcdnError | None = None
    """Why it ended early."""
    errors: list[VidcdnError] = field(default_factory=list)

    def look(
        self, items: Iterable[ObjectSummary], token: CancelToken
    ) -> Iterator[tuple[ObjectSummary, HeadFacts | None]]:
        """Yield each object with what its headers say; None where that is not known. Blocks.

        Raises: Cancelled. `health_looking.HOPELESS`.
        """
        batch: list[ObjectSummary] = []
        for item in items:
            batch.append(item)
            if len(batch) == _BATCH:
                yield from self._look_at(batch, token)
                batch = []
        yield from self._look_at(batch, token)

    def _look_at(
        self, batch: list[ObjectSummary], token: CancelToken
    ) -> Iterator[tuple[ObjectSummary, HeadFacts | None]]:
        store, bucket = self.connection.clients.endpoint, self.connection.profile.bucket
        known = self.cache.recall(store, bucket, batch)
        yield from ((item, known[item.key]) for item in batch if item.key in known)
        unknown = [item for item in batch if item.key not in known]
        room = 0 if self.problem is not None else max(0, self.most - self.asked)
        told: list[tuple[ObjectSummary, HeadFacts]] = []
        done = 0
        try:
            for item, facts in self._ask(unknown[:room], token):
                done += 1
                if facts is not None:
                    told.append((item, facts))
                yield item, facts
        finally:
            self.cache.keep(store, bucket, told)
        for item in unknown[done:]:
            self.not_looked_at += 1
            yield item, None

    def _ask(self, items: list[ObjectSummary], token: CancelToken) -> Iterator[tuple[ObjectSummary, HeadFacts | None]]:
        misses = Misses()
        with closing(in_parallel(items, self._head, token, parallel=_PARALLEL)) as looks:
            for item, result in looks:
                self.asked += 1
                if not isinstance(result, VidcdnError):
                    misses.is_pointless(result)
                    yield item, result
                    continue
                if not isinstance(result, ObjectNotFound):  # deleted since it was listed
                    self.errors.append(result)
                yield item, None
                if misses.is_pointless(result):
                    self.problem = result
                    return

    def _head(self, item: ObjectSummary, token: CancelToken) -> HeadFacts:
        self.rate.take(1, token)
        ref = ObjectRef(self.connection.profile.bucket, item.key)
        calls = object_calls(self.connection, token)
        facts = Weather(renew=self.connection.reload_credentials).run(lambda: calls.facts(ref), token)
        return _told(facts)

    def judge(self, sections: Mapping[Concern, Section], item: ObjectSummary, facts: HeadFacts | None) -> None:
        """Count an object in the sections that are about headers."""
        if facts is None:
            return
        found = (self._type_of(item, facts), self._cache_of(item, facts))
        for concern, finding in zip((Concern.TYPES, Concern.CACHE), found, strict=True):
            section = sections.get(concern)
            if section is not None:
                section.looked_at += 1
                if finding is not None:
                    section.add(finding)

    def _type_of(self, item: ObjectSummary, facts: HeadFacts) -> Finding | None:
        wanted = wanted_type(item.key, facts.content_type)
        if not wanted:
            return None
        words = f"Its Content-Type is {facts.content_type or 'missing'}; it should be {wanted}."
        return self._finding(Concern.TYPES, item, words, "content-type", wanted, facts.content_type)

    def _cache_of(self, item: ObjectSummary, facts: HeadFacts) -> Finding | None:
        if facts.cache_control or facts.expires:
            return None
        wanted = self.cache_control or wanted_cache(item.key)
        words = f"It has no Cache-Control; it would get “{wanted}”."
        return self._finding(Concern.CACHE, item, words, "cache-control", wanted, facts.cache_control)

    def _finding(
        self, concern: Concern, item: ObjectSummary, words: str, name: str, wanted: str, before: str
    ) -> Finding:
        bucket = self.connection.profile.bucket
        return finding_of(concern, bucket, item, words, headers={name: wanted}, before={name: before or None})


def _told(facts: ObjectFacts) -> HeadFacts:
    stored = facts.stored
    is_whole = stored.checksum and stored.checksum_is_whole
    return HeadFacts(
        facts.headers.get("content-type", ""),
        facts.headers.get("cache-control", ""),
        bool(facts.carried.get("Expires")) or "Expires" in facts.lasting,
        f"{stored.checksum_algorithm} {stored.checksum}" if is_whole else "",
    )
