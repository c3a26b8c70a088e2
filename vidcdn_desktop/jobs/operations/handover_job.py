"""Handing over for real: the list goes into the bucket, the job is asked for, looked at, confirmed or cancelled.

The row of a job is written before it is asked for, and the same request again is the same job: an answer that is lost
costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.identity import who_am_i
from vidcdn_desktop.errors import SettingsInvalid, UnsupportedMedia, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.handover import Handover
from vidcdn_desktop.jobs.operations.handover_book import HandoverBook, KeptHandover
from vidcdn_desktop.jobs.operations.handover_files import (
    UNKNOWN_ACCOUNT,
    Place,
    default_role,
    job_request,
    manifest_key,
    manifest_of,
)
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.jobs.operations.model import Item
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.jobs.operations.running import PARALLEL
from vidcdn_desktop.storage.control import BatchControl, BatchStatus, lifecycle_rules
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

_LOOKS = 8
"""Objects that are looked at to measure how long a request takes."""
_NOTHING = "Nothing was changed in the bucket."


@dataclass(frozen=True)
class Pace:
    """How fast this computer would do it."""

    requests: int
    seconds_each: float
    """One request, measured."""

    @property
    def hours(self) -> float:
        """All requests, as many at a time as an operation sends; without the time the store needs to copy bytes."""
        return self.requests * self.seconds_each / PARALLEL / 3600

    @property
    def words(self) -> str:
        """For the question: about 70,000 requests, about 1.2 hours at the measured pace."""
        minutes = self.hours * 60
        if not self.seconds_each:
            span = "for how long is not known"
        elif minutes < 90:
            span = f"about {max(1, round(minutes)):,} min at the measured pace"
        else:
            span = f"about {self.hours:,.1f} hours at the measured pace"
        return f"about {self.requests:,} requests, {span}"


def can_hand_over(connection: Connection) -> bool:
    """Whether the store of a connection has S3 Batch Operations at all."""
    return connection.clients.open_control is not None


def measure_pace(connection: Connection, plan: OperationPlan, token: CancelToken) -> Pace:
    """Look at a few of the objects and take the time. Blocks.

    Raises: Cancelled.
    """
    calls, taken, items = object_calls(connection, token), list[float](), _some(plan.items)
    for item in items:
        began = time.monotonic()
        try:
            calls.facts(item.ref, item.version_id)
        except VidcdnError:
            continue
        taken.append(time.monotonic() - began)
    # The first opens the connection.
    rest = taken[1:] or taken
    return Pace(plan.requests, sum(rest) / len(rest) if rest else 0.0)


def _some(items: Sequence[Item]) -> list[Item]:
    able = [item for item in items if item.error is None]
    step = max(1, len(able) // _LOOKS)
    return able[::step][:_LOOKS]


def place_for(connection: Connection, role: str = "", folder: str = "") -> Place:
    """Where a job of this connection lives; asks whose account it is. Blocks.

    A role that is named without its account is one of this account.
    """
    try:
        identity = who_am_i(connection.clients)
    except VidcdnError:
        identity = None
    account = identity.account if identity is not None else UNKNOWN_ACCOUNT
    region = connection.clients.region
    named = role.strip() or default_role(account, region)
    if not named.startswith("arn:"):
        named = default_role(account, region).rpartition("/")[0] + f"/{named}"
    place = Place(account, region, named)
    folder = folder.strip().lstrip("/")
    if folder:
        place = replace(place, folder=folder if folder.endswith("/") else f"{folder}/")
    return place


def present_rules(connection: Connection, bucket: str) -> list[dict[str, Any]] | None:
    """The lifecycle rules the bucket has; None where they are not known. Blocks.

    Raises: Offline, Throttled and the like.
    """
    return lifecycle_rules(connection.clients.s3, bucket, connection.profile.expected_bucket_owner)


@contextmanager
def control_of(connection: Connection, account: str) -> Iterator[BatchControl]:
    """S3 Batch Operations of a connection, closed afterwards.

    Raises: UnsupportedMedia: the store has none.
    """
    opener = connection.clients.open_control
    if opener is None:
        raise UnsupportedMedia(
            "This store has no S3 Batch Operations.", _NOTHING, "Do it from here.", subject=connection.profile.name
        )
    control = BatchControl(opener(), account)
    try:
        yield control
    finally:
        control.close()


def create_job(
    connection: Connection, handover: Handover, place: Place, book: HandoverBook, token: CancelToken
) -> KeptHandover:
    """Put the list into the bucket and ask for the job, which then waits to be confirmed. Blocks.

    Called again with the same place it is the same job.

    Raises: SettingsInvalid: Batch Operations cannot do it, the account is not known, or the role is refused.
        UnsupportedMedia: the store has none. AccessDenied. Cancelled, before it is asked for. What the store raises.
    """
    if not handover.is_possible:
        raise SettingsInvalid(handover.cannot or "No object is left that a job could do.", _NOTHING, "Do it from here.")
    if place.account == UNKNOWN_ACCOUNT:
        raise SettingsInvalid(
            "It could not be found out whose account this is.", _NOTHING, "Test the connection, and try again."
        )
    with control_of(connection, place.account) as control:
        ref = ObjectRef(handover.bucket, manifest_key(handover, place))
        headers = ObjectHeaders("text/csv", "private, no-store")
        stored = connection.storage.put(ref, BytesSource(manifest_of(handover)), headers, token=token)
        kept = KeptHandover(
            place.token,
            place.account,
            place.region,
            connection.profile.id,
            connection.profile.name,
            handover.bucket,
            handover.title,
            handover.kind.value,
            len(handover.items),
            f"s3://{handover.bucket}/{place.folder}{handover.mark}/report",
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        token.raise_if_cancelled()
        book.save(kept)
        try:
            job_id = control.create(job_request(handover, place, stored.etag))
        except VidcdnError as exc:
            if not exc.retryable:
                book.remove(kept.token)
                with suppress(VidcdnError):
                    connection.storage.delete(ref, stored.version_id)
            raise
        kept = replace(kept, job_id=job_id)
        book.save(kept)
        return kept


def status_of(connection: Connection, kept: KeptHandover, book: HandoverBook | None = None) -> BatchStatus:
    """How far a job is; that it is over is written down in the book. Blocks.

    Raises: ObjectNotFound: it is gone, or it was never begun. What the store raises.
    """
    with control_of(connection, kept.account) as control:
        status = control.status(kept.job_id)
    if book is not None and status.state.is_over and kept.ended != status.state.value:
        with suppress(SettingsInvalid):
            book.save(replace(kept, ended=status.state.value))
    return status


def open_jobs(connection: Connection, book: HandoverBook, token: CancelToken) -> list[BatchStatus]:
    """The jobs of this connection that are not over; asks only about those nobody has seen end. Blocks.

    Raises: Cancelled. What the store raises.
    """
    found = []
    for kept in book.all():
        if kept.job_id and not kept.ended and belongs(kept, connection):
            token.raise_if_cancelled()
            found.append(status_of(connection, kept, book))
    return [status for status in found if not status.state.is_over]


def confirm_job(connection: Connection, kept: KeptHandover) -> BatchStatus:
    """Let a prepared job begin; gives how far it is then. Blocks.

    Raises: what the store raises.
    """
    with control_of(connection, kept.account) as control:
        control.confirm(kept.job_id)
        return control.status(kept.job_id)


def cancel_job(connection: Connection, kept: KeptHandover) -> BatchStatus:
    """Stop a job; what is done stays done. Gives how far it is then. Blocks.

    Raises: what the store raises.
    """
    with control_of(connection, kept.account) as control:
        control.cancel(kept.job_id)
        return control.status(kept.job_id)


def belongs(kept: KeptHandover, connection: Connection) -> bool:
    """Whether a job is looked after through this connection."""
    return (kept.connection_id, kept.region) == (connection.profile.id, connection.clients.region)
