"""All there is to say of one object beside its bytes, gathered fact by fact; what one permission hides keeps no other.

HEAD ──> told at once ──> tags, lock, versions side by side ──> told as each arrives
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, Generic, TypeVar

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, UnsupportedMedia, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.look import object_looks
from vidcdn_desktop.storage.keys import decode_metadata
from vidcdn_desktop.storage.object_facts import ObjectFacts
from vidcdn_desktop.storage.object_looks import ObjectLooks, Retention, Versions
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.weather import Patience, Weather

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

MOST_VERSIONS = 100
"""Versions asked for unless more are wanted."""


_PATIENCE = Patience(limit_s=2.0)
"""Somebody is looking at the panel: rather say that it could not be asked."""


class Known(Enum):
    """Whether a fact could be had."""

    WAITING = "waiting"
    """It is being asked for, or nobody asked."""
    YES = "known"
    DENIED = "denied"
    """This account may not see it; the answer names the action."""
    NOT_KEPT = "not kept"
    """The store has no such thing."""
    FAILED = "failed"
    """It could not be asked; the answer has the error."""


@dataclass(frozen=True)
class Answer(Generic[_T]):
    """One fact, or why there is none."""

    known: Known = Known.WAITING
    value: _T | None = None
    action: str = ""
    """The permission it takes: "s3:GetObjectTagging"."""
    error: VidcdnError | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Lock:
    """What keeps an object from being deleted or replaced."""

    retention: Retention | None = None
    legal_hold: bool = False
    hidden: tuple[str, ...] = ()
    """Permissions that would tell more."""


@dataclass(frozen=True)
class ObjectDetails:
    """What is known of an object so far."""

    ref: ObjectRef
    facts: Answer[ObjectFacts] = Answer(action="s3:GetObject")
    """What HeadObject tells: headers, metadata, encryption, checksum."""
    tags: Answer[dict[str, str]] = Answer(action="s3:GetObjectTagging")
    lock: Answer[Lock] = Answer(action="s3:GetBucketObjectLockConfiguration")
    """Known and None: nothing in the bucket can be locked."""
    versions: Answer[Versions] = Answer(action="s3:ListBucketVersions")

    @property
    def title(self) -> str:
        """The title it was published with, untrusted text; empty without one."""
        return decode_metadata(self.facts.value.metadata).get("title", "") if self.facts.value else ""

    @property
    def answers(self) -> dict[str, Answer[Any]]:
        """All answers by name."""
        found = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in found if isinstance(value, Answer)}

    def given_up(self) -> ObjectDetails:
        """The same; what still waits will not be known."""
        found = self
        for name, answer in self.answers.items():
            if answer.known is Known.WAITING:
                found = _with(found, name, replace(answer, known=Known.FAILED))
        return found

    def to_json(self) -> dict[str, Any]:
        """Flat, as the command line prints it; what is not there is null, and `not_visible` says why."""
        facts = self.facts.value
        stored = facts.stored if facts else None
        versions = self.versions.value
        lock = self.lock.value
        hidden = (Known.DENIED, Known.FAILED)
        return {
            "bucket": self.ref.bucket,
            "key": self.ref.key,
            "title": self.title,
            "size": stored.size if stored else None,
            "last_modified": stored.last_modified if stored else None,
            "etag": stored.etag if stored else None,
            "version_id": stored.version_id if stored else None,
            "storage_class": stored.storage_class if stored else None,
            "archived": facts.is_archived if facts else None,
            "encryption": stored.encryption if stored else None,
            "checksum": facts.checksum if facts else None,
            "headers": facts.headers if facts else None,
            "metadata": facts.metadata if facts else None,
            "tags": self.tags.value,
            "retention": lock.retention if lock else None,
            "legal_hold": lock.legal_hold if lock else None,
            "versions": versions.items if versions else None,
            "versions_complete": versions.is_complete if versions else None,
            "not_visible": [
                {"fact": name, "state": a.known, "action": a.action, "code": a.error.code if a.error else ""}
                for name, a in self.answers.items()
                if a.known in hidden
            ]
            + [
                {"fact": "lock", "state": Known.DENIED, "action": action, "code": ""}
                for action in (lock.hidden if lock else ())
            ],
        }


class DetailsReader:
    """Gathers details over one connection. Any thread may call any method.

    It remembers of each bucket whether something in it can be locked, so that browsing does not ask again and again.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._can_lock: dict[str, bool] = {}

    def read(
        self, ref: ObjectRef, token: CancelToken, *, versions: bool = True, most: int | None = MOST_VERSIONS
    ) -> Iterator[ObjectDetails]:
        """Yield what is known, more each time; the last is all. Blocks.

        Args:
            ref: The object.
            token: Cancels within milliseconds.
            versions: Whether its versions are asked for.
            most: How many; None for all, however many that are.

        Raises: Cancelled. ObjectNotFound. Offline, CredentialsExpired and whatever else says that nothing can be asked.
        """
        looks = object_looks(self._connection, token)
        details = ObjectDetails(ref)
        facts = self._asked(lambda: looks.facts(ref), details.facts, token)
        if facts.known is Known.FAILED and facts.error is not None and not isinstance(facts.error, UnsupportedMedia):
            raise facts.error
        details = replace(details, facts=facts)
        yield details
        # Of the version that was looked at, so that all facts are of one object.
        version = facts.value.stored.version_id if facts.value else ""
        questions: dict[str, Callable[[], object]] = {"tags": lambda: looks.tags(ref, version)}
        if versions:
            questions["versions"] = lambda: _versions(looks, ref, most)
        questions["lock"] = lambda: self._lock(looks, details.facts.value, ref, version)
        for name, answer in self._side_by_side(details, questions, token):
            details = _with(details, name, answer)
            yield details

    def _lock(self, looks: ObjectLooks, facts: ObjectFacts | None, ref: ObjectRef, version: str) -> Lock | None:
        carried = facts.carried if facts else {}
        lock = Lock()
        # HEAD tells them only to who may ask for them; its silence says nothing.
        told_mode, told_hold = carried.get("ObjectLockMode"), carried.get("ObjectLockLegalHoldStatus")
        if told_mode:
            lock = replace(lock, retention=Retention(str(told_mode), carried.get("ObjectLockRetainUntilDate")))
        if told_hold:
            lock = replace(lock, legal_hold=str(told_hold) == "ON")
        if told_mode and told_hold:
            return lock
        if ref.bucket not in self._can_lock:
            try:
                self._can_lock[ref.bucket] = looks.can_lock(ref.bucket)
            except AccessDenied:
                if lock == Lock():
                    raise
                return lock
        if not self._can_lock[ref.bucket]:
            return lock if lock != Lock() else None
        if not told_mode:
            try:
                lock = replace(lock, retention=looks.retention(ref, version))
            except AccessDenied:
                lock = replace(lock, hidden=("s3:GetObjectRetention",))
        if not told_hold:
            try:
                lock = replace(lock, legal_hold=looks.legal_hold(ref, version))
            except AccessDenied:
                lock = replace(lock, hidden=(*lock.hidden, "s3:GetObjectLegalHold"))
        return lock

    def _side_by_side(
        self, details: ObjectDetails, questions: dict[str, Callable[[], object]], token: CancelToken
    ) -> Iterator[tuple[str, Answer[Any]]]:
        with ThreadPoolExecutor(len(questions), thread_name_prefix="details") as pool:
            asked = {
                pool.submit(self._asked, question, details.answers[name], token): name
                for name, question in questions.items()
            }
            for future in as_completed(asked):
                yield asked[future], future.result()

    def _asked(self, question: Callable[[], _T], blank: Answer[_T], token: CancelToken) -> Answer[_T]:
        weather = Weather(_PATIENCE, renew=self._connection.reload_credentials)
        try:
            return Answer(Known.YES, weather.run(question, token), blank.action)
        except AccessDenied as exc:
            return Answer(Known.DENIED, None, blank.action, exc)
        except UnsupportedMedia as exc:
            return Answer(Known.FAILED if blank.action == "s3:GetObject" else Known.NOT_KEPT, None, blank.action, exc)
        except VidcdnError as exc:
            _log.info("%s was not answered: %s", blank.action, exc.code or exc.what)
            return Answer(Known.FAILED, None, blank.action, exc)


def _versions(looks: ObjectLooks, ref: ObjectRef, most: int | None) -> Versions:
    return Versions(looks.versions(ref), is_complete=True) if most is None else looks.some_versions(ref, most)


def _with(details: ObjectDetails, name: str, answer: Any) -> ObjectDetails:
    return replace(details, **{name: answer})
