"""What would mend what a survey has found, before anything is done: each kind by the machinery that is there for it.

unfinished uploads ──> `health_uploads.remove_uploads`     for good
types, cache ────────> one operation, headers              merged into what the object carries; can be undone
thumbnails ──────────> one operation, delete               can be undone where the bucket keeps versions
slow starters ───────> a batch of repairs
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_model import Concern, Finding, HealthReport
from vidcdn_desktop.jobs.health_uploads import REQUESTS_EACH
from vidcdn_desktop.jobs.operations.model import Action, Edit, Item, Kind
from vidcdn_desktop.jobs.operations.plan import (
    OperationPlan,
    Wish,
    changed_by,
    check_action,
    finished_plan,
    plan_operation,
)
from vidcdn_desktop.jobs.operations.promise import handover_of, promise_of
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.jobs.repair_batch import RepairPlan, plan_repairs
from vidcdn_desktop.jobs.repair_batch import Wish as RepairWish
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import plural


@dataclass(frozen=True)
class Step:
    """One part of a fix, counted."""

    name: str
    """"uploads", "headers", "thumbnails" or "repairs"."""
    objects: int
    size: int
    """Bytes of them."""
    copied_bytes: int
    """Bytes the store copies inside itself."""
    sent_bytes: int
    requests: int
    """Roughly; they cost money."""
    words: str
    """What is lost or can be undone."""


@dataclass(frozen=True)
class FixPlan:
    """What would be done. Nothing was changed to find out."""

    uploads: tuple[Finding, ...] = ()
    headers: OperationPlan | None = None
    thumbnails: OperationPlan | None = None
    repairs: RepairPlan | None = None

    @property
    def confirm(self) -> int | None:
        """The number of objects that would be gone for good, which whoever starts it must name; None: none would be."""
        return self.thumbnails.confirm if self.thumbnails is not None else None

    @property
    def handover(self) -> str:
        """Who would do it better, where it is a lot; empty where it is not."""
        plans = (plan for plan in (self.headers, self.thumbnails) if plan is not None)
        return " ".join(dict.fromkeys(plan.handover for plan in plans if plan.handover))

    @property
    def served_by(self) -> tuple[str, ...]:
        """Domains of the CDN that may show old copies afterwards; a repair refreshes its own by itself."""
        plans = (plan for plan in (self.headers, self.thumbnails) if plan is not None)
        return tuple(dict.fromkeys(domain for plan in plans for domain in plan.served_by))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The parts in which there is something to do."""
        found = []
        if self.uploads:
            size = sum(finding.size for finding in self.uploads)
            count = len(self.uploads)
            words = "What was sent of them is gone for good; no object is touched."
            found.append(Step("uploads", count, size, 0, 0, REQUESTS_EACH * count, words))
        for name, plan in (("headers", self.headers), ("thumbnails", self.thumbnails)):
            if plan is not None and plan.items:
                words = plan.undo.words
                found.append(Step(name, plan.objects, plan.size, plan.copied_bytes, 0, plan.requests, words))
        totals = self.repairs.totals if self.repairs is not None else None
        if totals is not None and totals.to_repair:
            words = "Everything the videos carry is kept."
            sent = totals.bytes_uploaded
            found.append(
                Step(
                    "repairs",
                    totals.to_repair,
                    totals.size,
                    totals.bytes_copied,
                    sent,
                    totals.requests,
                    words,
                )
            )
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """The steps, and what must be confirmed."""
        return {
            "steps": [vars(step) for step in self.steps],
            "confirm": self.confirm,
            "served_by": list(self.served_by),
            "handover": self.handover,
            "not_repairable": self.not_repairable,
        }

    @property
    def not_repairable(self) -> int:
        """Slow starters that will be left as they are."""
        totals = self.repairs.totals if self.repairs is not None else None
        return totals.left_alone + totals.failed if totals is not None else 0


def plan_fix(
    connection: Connection, report: HealthReport, concerns: Collection[Concern], *, token: CancelToken
) -> FixPlan:
    """Work out what mending these concerns takes; nothing is written. Blocks: slow starters are looked into.

    A thumbnail that would be deleted gets no other headers before.

    Raises: SettingsInvalid: a header that was asked for makes no sense. Cancelled. What looking raises.
    """

    def of(*names: Concern) -> list[Finding]:
        wanted = [name for name in names if name in concerns and name in report.sections]
        return [finding for name in wanted for finding in report.sections[name].fixable]

    slow = [RepairWish(finding.ref, finding.etag) for finding in of(Concern.SLOW)]
    lonely = of(Concern.THUMBNAILS)
    gone = {finding.ref for finding in lonely}
    stay = [finding for finding in of(Concern.TYPES, Concern.CACHE) if finding.ref not in gone]
    return FixPlan(
        tuple(of(Concern.UPLOADS)),
        _header_plan(connection, stay),
        _thumbnail_plan(connection, lonely, token),
        plan_repairs(connection, slow, token=token) if slow else None,
    )


def _header_plan(connection: Connection, findings: Iterable[Finding]) -> OperationPlan | None:
    """One operation over all objects, each with the headers of its own, which must still be as they were seen."""
    by_ref: dict[ObjectRef, list[Finding]] = {}
    for finding in findings:
        by_ref.setdefault(finding.ref, []).append(finding)
    items = []
    for number, (ref, own) in enumerate(by_ref.items(), 1):
        headers: dict[str, str | None] = {}
        before: dict[str, str | None] = {}
        for finding in own:
            headers |= finding.headers
            before |= finding.before
        action = Action(Kind.HEADERS, edit=Edit(headers), expected=Edit(before))
        check_action(action)
        items.append(Item(number, ref, own[0].size, own[0].etag, action=action))
    if not items:
        return None
    all_of_them = Action(Kind.HEADERS)
    bucket = items[0].ref.bucket
    return finished_plan(
        connection,
        OperationPlan(
            all_of_them,
            bucket,
            f"Headers of {plural(len(items), 'object')}",
            items[0].ref.key if len(items) == 1 else "",
            tuple(items),
            promise_of(all_of_them, items, None, 0),
            changed_keys=changed_by(all_of_them, items, set(), bucket),
            handover=handover_of(all_of_them, items),
            notes=("Browsers keep what they have as long as the old headers told them to.",),
        ),
    )


def _thumbnail_plan(connection: Connection, findings: Iterable[Finding], token: CancelToken) -> OperationPlan | None:
    sources = tuple(Source(finding.ref, finding.etag, finding.size) for finding in findings)
    if not sources:
        return None
    return plan_operation(connection, Wish(Action(Kind.DELETE), sources), token=token)
