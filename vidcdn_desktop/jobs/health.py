"""Care for what lies below a prefix: one pass over the listing, and the looks that a listing does not spare.

    ListMultipartUploads, ListParts ──────────────────> unfinished uploads
    listing ── Inventory ──────────────────────────────> thumbnails without video, duplicates
                 ├─ videos and pictures ── HEAD ───────> content types, cache headers (and checksums for duplicates)
                 └─ videos ── `jobs.scan`, 64 kB each ─> slow starters

Nothing is written. What one question refuses stops none of the others: each section tells for itself what it could not
find out. `jobs.health_fix` plans what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.headcache import HeadCache, HeadFacts
from vidcdn_desktop.jobs.health_headers import HeadPass
from vidcdn_desktop.jobs.health_listing import Inventory
from vidcdn_desktop.jobs.health_looking import HOPELESS, Misses
from vidcdn_desktop.jobs.health_model import Concern, HealthReport, Progress, Section, finding_of
from vidcdn_desktop.jobs.health_uploads import Age, look_at_uploads
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.scan import Looked, Outcome, Scanner
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.storage.port import ObjectSummary
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import plural

MOST = 10_000
"""Objects whose headers, and videos whose index, are asked for, if nothing else is said."""

REQUESTS_PER_S = 100
"""Far below what S3 allows for one prefix."""

OLD = timedelta(days=7)
"""What the lifecycle rule of this program's own buckets says, too."""


@dataclass(frozen=True)
class Wanted:
    """What to look for, and how much of it."""

    concerns: frozenset[Concern] = frozenset(Concern)
    most: int = MOST
    """HEADs at most, and videos looked into at most; what is known from before does not count."""
    requests_per_s: int | None = REQUESTS_PER_S
    """Looks at single objects; None: no limit."""
    least_age: timedelta = OLD
    """From when on an unfinished upload counts as forgotten."""
    cache_control: str = ""
    """Written where there is none; empty: as the key demands."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Known:
    """What is kept between runs. Closed by whoever made it."""

    facts: FactCache
    heads: HeadCache
    journal: Journal | None
    """Without one no unfinished upload can be said to be nobody's."""


class Survey:
    """One look at everything below a prefix. One thread runs it.

    Args:
        connection: Its bucket is looked at.
        prefix: May be empty, and may end within a name.
        wanted: What to look for.
        known: What is kept between runs.
        token: Cancels, within milliseconds.
        on_progress: Told what goes on; called for every object.
        on_section: Told of each section as soon as nothing is added to it any more.
    """

    def __init__(
        self,
        connection: Connection,
        prefix: str,
        wanted: Wanted,
        known: Known,
        *,
        token: CancelToken,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        on_section: Callable[[Section], None] = lambda _section: None,
    ) -> None:
        self._connection = connection
        self._bucket = connection.profile.bucket
        self._prefix = prefix
        self._wanted = wanted
        self._known = known
        self._token = token
        self._tell = on_progress
        self._done = on_section
        self._rate = RateLimiter(wanted.requests_per_s)
        self._inventory = Inventory(self._bucket, prefix, token)
        self._sections: dict[Concern, Section] = {}
        self._requests = 0

    def run(self) -> HealthReport:
        """Look. Blocks.

        Raises: Cancelled. What no other question would be answered to, either (`health_looking.HOPELESS`), and what
            listing raises but for AccessDenied, which its sections tell.
        """
        if Concern.UPLOADS in self._wanted.concerns:
            self._tell(Progress("Looking for unfinished uploads"))
            age = Age(self._wanted.now(), self._wanted.least_age)
            section = look_at_uploads(self._connection, self._prefix, age, self._known.journal, self._rate, self._token)
            self._keep(section)
            self._requests += section.looked_at
        if self._wanted.concerns - {Concern.UPLOADS}:
            self._look_below()
        order = [concern for concern in Concern if concern in self._sections]
        return HealthReport(
            self._bucket,
            self._prefix,
            self._inventory.objects,
            self._inventory.size_bytes,
            {concern: self._sections[concern] for concern in order},
            self._requests,
        )

    def _look_below(self) -> None:
        try:
            self._list()
        except AccessDenied as exc:
            for concern in self._wanted.concerns - {Concern.UPLOADS}:
                self._keep(Section(concern, problem=exc))
            return
        if Concern.THUMBNAILS in self._wanted.concerns:
            self._keep(self._inventory.lonely_thumbnails())
        heads = self._look_at_headers()
        if Concern.DUPLICATES in self._wanted.concerns:
            self._keep(self._inventory.duplicates(heads))
        if Concern.SLOW in self._wanted.concerns:
            self._keep(self._look_into_videos())

    def _keep(self, section: Section) -> None:
        """It is complete."""
        self._sections[section.concern] = section
        self._done(section)

    def _list(self) -> None:
        weather = Weather(renew=self._connection.reload_credentials)
        pages = self._connection.storage.list_pages(self._bucket, self._prefix, token=self._token, weather=weather)
        for page in pages:
            self._inventory.add(page)
            self._tell(Progress(f"{plural(self._inventory.objects, 'object')} listed"))

    # Headers
    def _look_at_headers(self) -> dict[str, HeadFacts]:
        """Fill the sections about headers; gives what is known of those objects whose checksum may matter."""
        concerns = self._wanted.concerns & {Concern.TYPES, Concern.CACHE}
        sections = {concern: Section(concern) for concern in concerns}
        rivals = set()
        if Concern.DUPLICATES in self._wanted.concerns:
            rivals = {item.key for item in self._inventory.rivals()}
        items: Iterator[ObjectSummary] = self._inventory.rows("Video", "Thumbnail")
        total = self._inventory.count("Video", "Thumbnail") if sections else len(rivals)
        if not sections:
            items = (item for item in items if item.key in rivals)
        passing = HeadPass(
            self._connection, self._known.heads, self._wanted.most, self._rate, self._wanted.cache_control
        )
        heads: dict[str, HeadFacts] = {}
        for count, (item, facts) in enumerate(passing.look(items, self._token), 1):
            passing.judge(sections, item, facts)
            if facts is not None and item.key in rivals:
                heads[item.key] = facts
            self._tell(Progress(f"Headers: {count:,} of {plural(total, 'object')} looked at", count, total))
        for section in sections.values():
            section.errors, section.problem = passing.errors, passing.problem
            section.not_looked_at = passing.not_looked_at
            self._keep(section)
        self._requests += passing.asked
        return heads

    # Slow starters
    def _look_into_videos(self) -> Section:
        section = Section(Concern.SLOW)
        scanner = Scanner(
            self._connection.storage,
            self._connection.clients.endpoint,
            self._known.facts,
            requests_per_s=self._rate,
            renew=self._connection.reload_credentials,
        )
        videos = list(self._inventory.rows("Video"))
        seen = read = 0
        misses = Misses()
        try:
            for looked in scanner.look(self._bucket, videos, token=self._token):
                if looked.outcome is not Outcome.KNOWN and read >= self._wanted.most:
                    break
                seen += 1
                read += looked.outcome is not Outcome.KNOWN
                self._requests += looked.requests
                self._judge(section, looked)
                words = f"Where the index stands: {seen:,} of {plural(len(videos), 'video')} looked into"
                self._tell(Progress(words, seen, len(videos)))
                if misses.is_pointless(looked.error):
                    section.problem = looked.error
                    break
        except HOPELESS:
            raise
        except VidcdnError as exc:
            section.problem = exc
        section.not_looked_at = len(videos) - seen
        return section

    def _judge(self, section: Section, looked: Looked) -> None:
        if looked.error is not None:
            section.errors.append(looked.error)
            return
        section.looked_at += 1
        facts = looked.facts
        if facts is None or not facts.is_film or not facts.starts_slowly:
            return
        left = "" if facts.layout is Layout.NEEDS else facts.reason
        words = "Its index stands at the end, so players fetch that first."
        section.add(finding_of(Concern.SLOW, self._bucket, looked.item, words, left_because=left))
