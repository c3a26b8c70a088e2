"""Many repairs as one: which objects are meant, what all of them together would take, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.repair import Repairer
from vidcdn_desktop.jobs.repair_leftovers import Leftovers, find_leftovers
from vidcdn_desktop.jobs.repair_marks import base_of
from vidcdn_desktop.jobs.repair_report import RepairReport, RepairState
from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import format_size, plural

_LOOKING = 4
"""Objects looked at at the same time: enough to hide the way to the store, few enough for any of them."""

_AHEAD = 2 * _LOOKING
"""Looks begun before the first of them was taken: a prefix may hold a million videos."""

_MOST_WITH_BOXES = 1000
"""Reports that keep the boxes; beyond that nobody looks at the strip of each."""


@dataclass(frozen=True)
class Wish:
    """One object, or all videos below a prefix."""

    ref: ObjectRef
    """A key that ends in / or is empty is a prefix."""
    etag: str = ""
    """Of the object the user was told about; empty: whatever is there."""

    @property
    def is_prefix(self) -> bool:
        """Whether it stands for all below it."""
        return not self.ref.key or self.ref.key.endswith("/")


@dataclass(frozen=True)
class Target:
    """One object to repair."""

    ref: ObjectRef
    etag: str = ""
    leftovers: Leftovers | None = None
    """What earlier repairs have left of it; None: not looked for yet."""


@dataclass(frozen=True)
class Outcome:
    """What became of one object, or would: a report or an error, never both."""

    ref: ObjectRef
    report: RepairReport | None = None
    error: VidcdnError | None = None

    @property
    def state(self) -> RepairState | None:
        """Of the report; None where it failed."""
        return self.report.state if self.report is not None else None

    def to_json(self) -> dict[str, Any]:
        """As it is written down: no more than what is shown of it."""
        if self.error is not None:
            return {"key": self.ref.key, "state": "failed", "error": self.error.to_json()}
        assert self.report is not None
        facts = self.report.to_json()
        del facts["source"]
        return {"key": self.ref.key, **facts}


@dataclass(frozen=True)
class Totals:
    """All outcomes counted. Bytes, parts and requests are those of what is, or would be, repaired."""

    videos: int = 0
    to_repair: int = 0
    repaired: int = 0
    already: int = 0
    left_alone: int = 0
    failed: int = 0
    size: int = 0
    """What sending them again would have taken."""
    bytes_downloaded: int = 0
    bytes_uploaded: int = 0
    bytes_copied: int = 0
    parts: int = 0
    requests: int = 0

    def to_json(self) -> dict[str, int]:
        """The numbers by name."""
        return asdict(self)

    def words(self) -> str:
        """The counts: "2 videos would be repaired, 1 starts at once already, 1 left alone, 1 failed"."""
        parts = [
            (self.to_repair, f"{plural(self.to_repair, 'video')} would be repaired"),
            (self.repaired, f"{plural(self.repaired, 'video')} repaired"),
            (self.already, f"{self.already:,} {'starts' if self.already == 1 else 'start'} at once already"),
            (self.left_alone, f"{self.left_alone:,} left alone"),
            (self.failed, f"{self.failed:,} failed"),
        ]
        return ", ".join(words for count, words in parts if count)

    def figure(self) -> str:
        """The figure that counts: "5.2 MB instead of 1.1 GB"."""
        return f"{format_size(self.bytes_uploaded)} instead of {format_size(self.size)}"


def totals_of(outcomes: Iterable[Outcome]) -> Totals:
    """Count outcomes."""
    sums = dict.fromkeys(Totals().to_json(), 0)
    names = {
        RepairState.WOULD: "to_repair",
        RepairState.REPAIRED: "repaired",
        RepairState.ALREADY: "already",
        RepairState.LEFT: "left_alone",
    }
    for outcome in outcomes:
        sums["videos"] += 1
        report = outcome.report
        if report is None:
            sums["failed"] += 1
            continue
        sums[names[report.state]] += 1
        if report.state in (RepairState.WOULD, RepairState.REPAIRED):
            for name in ("size", "bytes_downloaded", "bytes_uploaded", "bytes_copied", "parts", "requests"):
                sums[name] += getattr(report, name)
    return Totals(**sums)


def find_targets(connection: Connection, wishes: Sequence[Wish], token: CancelToken) -> Iterator[Target]:
    """The objects that are meant, prefixes looked up one after the other; none twice. Blocks.

    Raises: Cancelled. What listing raises.
    """
    seen: set[ObjectRef] = set()
    for wish in wishes:
        targets = _below(connection, wish.ref, token) if wish.is_prefix else iter([Target(wish.ref, wish.etag)])
        for target in targets:
            if target.ref not in seen:
                seen.add(target.ref)
                yield target


def _below(connection: Connection, prefix: ObjectRef, token: CancelToken) -> Iterator[Target]:
    keys = _keys(connection, prefix, token)
    leftovers = find_leftovers(connection.storage, prefix.bucket, prefix.key, keys)
    helpers = {leftover.key for leftover in leftovers.helpers}
    with_helpers = {base_of(key) for key in helpers}
    for key in sorted(key for key in keys if key not in helpers):
        # Whatever its name: a film whose repair was killed is looked at.
        if kind_of(key) == "Video" or key in with_helpers:
            yield Target(
                ObjectRef(prefix.bucket, key), "", leftovers.of(key) if leftovers != Leftovers() else leftovers
            )


def _keys(connection: Connection, prefix: ObjectRef, token: CancelToken) -> list[str]:
    keys: list[str] = []
    page_token = ""
    while True:
        token.raise_if_cancelled()
        page = connection.storage.list_page(prefix.bucket, prefix.key, delimiter="", token=page_token)
        keys += [item.key for item in page.objects]
        page_token = page.next_token
        if not page_token:
            return keys


@dataclass(frozen=True)
class RepairPlan:
    """What a repair of all that is wished would take. Nothing was changed to find out."""

    connection: Connection
    outcomes: tuple[Outcome, ...]
    served_by: tuple[str, ...] = ()
    """Domains of the CDN that serve what would be repaired, and may have copies of the old cut."""

    @property
    def totals(self) -> Totals:
        """All counted."""
        return totals_of(self.outcomes)

    def wishes(self) -> tuple[Wish, ...]:
        """Those that would be repaired, each as it was looked at."""
        found = (outcome.report for outcome in self.outcomes if outcome.report is not None)
        return tuple(Wish(report.ref, report.etag) for report in found if report.state is RepairState.WOULD)


def plan_repairs(
    connection: Connection,
    wishes: Sequence[Wish],
    *,
    token: CancelToken,
    resend: bool = False,
    on_outcome: Callable[[Outcome, int], None] | None = None,
) -> RepairPlan:
    """Look at every object that is meant, and work out what repairing it takes; nothing is written. Blocks.

    Args:
        connection: Whose bucket it is.
        wishes: Objects and prefixes.
        token: Cancels.
        resend: See `Repairer`.
        on_outcome: Told each outcome, in order, and how many there will be in all. In the calling thread.

    Raises: Cancelled. What listing a prefix raises; what goes wrong with one object is its outcome.
    """
    targets = list(find_targets(connection, wishes, token))
    outcomes = []
    with Repairer(connection, resend=resend) as repairer:
        for outcome in _looked_at(repairer, targets, token):
            outcomes.append(_slim(outcome) if len(targets) > _MOST_WITH_BOXES else outcome)
            if on_outcome is not None:
                on_outcome(outcome, len(targets))
    needed = [outcome.ref.key for outcome in outcomes if outcome.state is RepairState.WOULD]
    return RepairPlan(connection, tuple(outcomes), connection.domains_of(needed))


def _looked_at(repairer: Repairer, targets: Sequence[Target], token: CancelToken) -> Iterator[Outcome]:
    def look(target: Target) -> Outcome:
        token.raise_if_cancelled()
        return repaired(repairer, target, token, dry_run=True)

    with ThreadPoolExecutor(_LOOKING, thread_name_prefix="look") as pool:
        waiting: list[Future[Outcome]] = []
        try:
            for target in targets:
                waiting.append(pool.submit(look, target))
                if len(waiting) > _AHEAD:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()
        finally:
            for future in waiting:
                future.cancel()


def repaired(repairer: Repairer, target: Target, token: CancelToken, *, dry_run: bool = False) -> Outcome:
    """Repair one object, or look what it would take; what goes wrong with it is its outcome. Blocks.

    Raises: Cancelled.
    """
    try:
        report = repairer.repair(target.ref, token=token, dry_run=dry_run, leftovers=target.leftovers, etag=target.etag)
    except VidcdnError as exc:
        return Outcome(target.ref, error=exc)
    return Outcome(target.ref, report)


def _slim(outcome: Outcome) -> Outcome:
    report = outcome.report
    return outcome if report is None else replace(outcome, report=replace(report, boxes=(), boxes_after=()))


def outcomes_from(saved: Mapping[str, Any], bucket: str) -> tuple[Outcome, ...]:
    """What an earlier run has written down of objects that are done with; what makes no sense is left out."""
    found = []
    rows = saved.get("outcomes")
    states = {state.value: state for state in RepairState}
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, Mapping) or not isinstance(row.get("key"), str) or row.get("state") not in states:
            continue
        ref = ObjectRef(bucket, row["key"])
        numbers = {name: row[name] for name in _NUMBERS if type(row.get(name)) is int}
        words = {name: row[name] for name in _WORDS if isinstance(row.get(name), str)}
        reason = words.pop("reason", "")
        notes = row.get("notes")
        told = tuple(note for note in notes if isinstance(note, str)) if isinstance(notes, list) else ()
        found.append(Outcome(ref, RepairReport(ref, states[row["state"]], reason, notes=told, **numbers, **words)))
    return tuple(found)


_NUMBERS = (*("size", "bytes_downloaded", "bytes_uploaded", "bytes_copied", "parts", "requests", "invalidated"),)
_WORDS = ("reason", "etag", "checksum", "checksum_algorithm", "proved_by")
