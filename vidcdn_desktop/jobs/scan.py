"""Which films in a bucket start slowly, how long they are and how they are encoded: told from a few kilobytes of each.

    listing ──> what is known in this very state (`factcache`) ──> told at once, no request
         └────> the others: `media.glance` over `storage.remote_source`, a few at a time, within the limits
                  └──> written down before it is told, so a scan that is ended goes on where it was

For the Library: `Scanner.known` asks no network, `Scanner.look` reads what is missing of the rows in sight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    BucketNotFound,
    ClockWrong,
    Conflict,
    CredentialsExpired,
    CredentialsMissing,
    CredentialsRejected,
    Offline,
    ServiceTrouble,
    SettingsInvalid,
    Throttled,
    VidcdnError,
    WrongRegion,
)
from vidcdn_desktop.jobs.factcache import FactCache, ObjectState
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.glance import AHEAD, glance
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.storage.port import ObjectRef, ObjectSummary, RangeStream, StoredObject
from vidcdn_desktop.storage.remote_source import RangeReader, RemoteSource, Traffic
from vidcdn_desktop.storage.weather import Patience, Weather

PARALLEL = 4
"""Objects looked at at the same time."""

_AHEAD_OF_READER = 4
"""Objects in the works for each thread; the caller may be slow, or the first of them."""

_HOPELESS = (
    BucketNotFound,
    ClockWrong,
    CredentialsExpired,
    CredentialsMissing,
    CredentialsRejected,
    SettingsInvalid,
    WrongRegion,
)
"""What every other object of the bucket would answer as well."""

_MISSES_IN_ROW = 8
"""So many objects one after the other that could not be reached: it is the network or the store, not the object."""

_BATCH = 100
"""Objects looked up in the cache at once."""

_OF_OTHER_JOBS = frozenset({"Nothing was published.", "Nothing was downloaded.", "Nothing was changed."})
_NOT_KNOWN = "What kind of video it is is not known."


class Outcome(Enum):
    """How an object's facts came."""

    READ = "read"
    KNOWN = "known"
    """From an earlier look at the same state of the object."""
    FAILED = "failed"
    """They did not: see the error."""


@dataclass(frozen=True)
class Looked:
    """What is known of one object now."""

    item: ObjectSummary
    outcome: Outcome
    facts: VideoFacts | None
    """None only where it failed."""
    error: VidcdnError | None = None
    bytes_read: int = 0
    """Of its body, in this look."""
    requests: int = 0


class Scanner:
    """Looks at objects of one store. Any thread may call any method, several at a time.

    Args:
        storage: The store; only ranges are read, each with `If-Match`.
        store: Its address, which tells equal bucket names apart in the cache.
        cache: Where facts are kept. Closed by whoever made it.
        parallel: Objects looked at at the same time in one `look`.
        requests_per_s: Requests a second, as a limiter that counts requests instead of bytes; None for no limit.
        bandwidth: Bytes a second; None for no limit.
        refresh: Look again at what is known, too.
        patience: How long one object is tried while the network or the store fails.
        renew: Called when the sign-in has expired; True if there is a fresh one now.
    """

    def __init__(
        self,
        storage: RangeReader,
        store: str,
        cache: FactCache,
        *,
        parallel: int = PARALLEL,
        requests_per_s: RateLimiter | None = None,
        bandwidth: RateLimiter | None = None,
        refresh: bool = False,
        patience: Patience | None = None,
        renew: Callable[[], bool] | None = None,
    ) -> None:
        self._storage = _Limited(storage, requests_per_s or RateLimiter(), bandwidth or RateLimiter())
        self._store = store
        self._cache = cache
        self._parallel = parallel
        self._refresh = refresh
        self._patience = patience
        self._renew = renew

    def known(self, bucket: str, items: Iterable[ObjectSummary]) -> dict[str, VideoFacts]:
        """The facts of those objects that were looked at before and have not changed, by key.

        No network; a look into a file of a few milliseconds for a thousand. Never raises.
        """
        return self._cache.recall(self._store, bucket, [_state(item) for item in items])

    def look(self, bucket: str, items: Iterable[ObjectSummary], *, token: CancelToken) -> Iterator[Looked]:
        """Yield what is known of each object, in the order given; reads what is not known yet. Blocks.

        `items` is drawn on as results are taken, so it may be a listing of millions. What one object refuses is told in
        its `Looked`; it stops none of the others. Leaving the loop early, or the token, ends what is under way within
        milliseconds; what was read until then is kept.

        Args:
            bucket: Where the objects are.
            items: The objects, as a listing tells them.
            token: Cancels.

        Raises: Cancelled. BucketNotFound, WrongRegion, CredentialsExpired, CredentialsMissing, CredentialsRejected,
            ClockWrong, SettingsInvalid, Offline, Throttled, ServiceTrouble: no other object would fare better. What
            `items` raises.
        """
        own, untie = token.child()
        pending: deque[Future[Looked] | Looked] = deque()
        source = iter(items)
        misses = 0
        try:
            with ThreadPoolExecutor(self._parallel, thread_name_prefix="scan") as pool:
                try:
                    more = True
                    while more or pending:
                        token.raise_if_cancelled()
                        if more and len(pending) < self._parallel * _AHEAD_OF_READER:
                            batch = list(islice(source, _BATCH))
                            more = bool(batch)
                            pending += self._begun(pool, bucket, batch, own)
                        if not pending:
                            continue
                        first = pending.popleft()
                        looked = first if isinstance(first, Looked) else first.result()
                        misses = misses + 1 if looked.error is not None and _is_weather(looked.error) else 0
                        if looked.error is not None and _is_hopeless(looked.error, misses):
                            raise looked.error
                        yield looked
                finally:
                    own.cancel()
                    for left in pending:
                        if isinstance(left, Future):
                            left.cancel()
        finally:
            untie()

    def _begun(
        self, pool: ThreadPoolExecutor, bucket: str, batch: list[ObjectSummary], token: CancelToken
    ) -> list[Future[Looked] | Looked]:
        """What is known of a batch, and for the rest the looks that have begun."""
        known = {} if self._refresh else self.known(bucket, batch)
        return [
            Looked(item, Outcome.KNOWN, known[item.key])
            if item.key in known
            else pool.submit(self._one, bucket, item, token)
            for item in batch
        ]

    def _one(self, bucket: str, item: ObjectSummary, token: CancelToken) -> Looked:
        token.raise_if_cancelled()
        stored = StoredObject(ObjectRef(bucket, item.key), item.size, item.etag, storage_class=item.storage_class)
        traffic = Traffic()
        source = RemoteSource(
            self._storage,
            stored,
            token,
            traffic=traffic,
            ahead=AHEAD,
            tail=0,
            weather=Weather(self._patience, renew=self._renew),
        )
        try:
            facts = glance(source)
        except VidcdnError as exc:
            token.raise_if_cancelled()
            return Looked(
                item, Outcome.FAILED, None, _about_scan(exc, stored.ref), traffic.bytes_down, traffic.requests
            )
        self._cache.keep(self._store, bucket, _state(item), facts)
        return Looked(item, Outcome.READ, facts, None, traffic.bytes_down, traffic.requests)


class _Limited:
    """A store that is asked no faster than allowed."""

    def __init__(self, storage: RangeReader, requests: RateLimiter, bandwidth: RateLimiter) -> None:
        self._storage = storage
        self._requests = requests
        self._bandwidth = bandwidth

    def open_range(
        self, stored: StoredObject, offset: int, length: int, *, token: CancelToken, version_id: str = ""
    ) -> AbstractContextManager[RangeStream]:
        return self._opened(stored, offset, length, token, version_id)

    @contextmanager
    def _opened(
        self, stored: StoredObject, offset: int, length: int, token: CancelToken, version_id: str
    ) -> Iterator[RangeStream]:
        self._requests.take(1, token)
        with self._storage.open_range(stored, offset, length, token=token, version_id=version_id) as stream:
            yield _LimitedStream(stream, self._bandwidth, token)


class _LimitedStream:
    def __init__(self, stream: RangeStream, bandwidth: RateLimiter, token: CancelToken) -> None:
        self._stream = stream
        self._bandwidth = bandwidth
        self._token = token

    def read(self, size: int) -> bytes:
        data = self._stream.read(self._bandwidth.block(size))
        self._bandwidth.take(len(data), self._token)
        return data


def _state(item: ObjectSummary) -> ObjectState:
    return ObjectState(item.key, item.etag, item.size)


def _is_weather(error: VidcdnError) -> bool:
    """Whether the network or the store failed, after some tries, rather than this object."""
    return isinstance(error, (Offline, Throttled, ServiceTrouble)) and error.retryable


def _is_hopeless(error: VidcdnError, misses: int) -> bool:
    return isinstance(error, _HOPELESS) or misses >= _MISSES_IN_ROW


def _about_scan(error: VidcdnError, ref: ObjectRef) -> VidcdnError:
    """The same failure, told about a look instead of a transfer."""
    if isinstance(error, Conflict):
        return Conflict(
            "The video was replaced while it was being looked at.",
            _NOT_KNOWN,
            "Scan again to see the new one.",
            subject=str(ref),
            retryable=True,
            code=error.code,
            request_id=error.request_id,
        )
    if error.meaning in _OF_OTHER_JOBS:
        error.meaning = _NOT_KNOWN
    error.subject = error.subject or str(ref)
    return error
