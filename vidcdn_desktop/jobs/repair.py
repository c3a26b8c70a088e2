"""Fast start inside the bucket: a film whose index stands at the end is repaired by sending a few megabytes.

The head and the index are read by ranges, the new head and the first of the media are sent, and the rest is copied by
the store out of the object itself (`storage.repair`). Then cached copies of the old cut are removed from the CDN.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import replace

from vidcdn_desktop.bytesource import ByteSource, RangesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Conflict, ObjectNotFound, UnsupportedMedia, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.repair_leftovers import Leftovers, end_left, find_leftovers, helper_of, settle
from vidcdn_desktop.jobs.repair_marks import Marks, helper_key, helper_prefix
from vidcdn_desktop.jobs.repair_report import RepairReport, RepairState, RepairWay, kept_words
from vidcdn_desktop.media.faststart import FastStartPlan, plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.storage.capabilities import Support
from vidcdn_desktop.storage.copying import UNCHANGED, Copier, Look, replaced
from vidcdn_desktop.storage.parts import MIB
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.remote_source import HEAD, RemoteSource, Traffic
from vidcdn_desktop.storage.repair import Rewrite, rewrite
from vidcdn_desktop.storage.repair_parts import SMALLEST_PART, Piece, RepairPart, plan_parts
from vidcdn_desktop.storage.repair_proof import SAMPLE

__all__ = ["REPLACED_SINCE", "RESEND_LIMIT", "RepairReport", "RepairState", "Repairer"]

_log = logging.getLogger(__name__)

RESEND_LIMIT = 64 * MIB
"""Where a store cannot copy, films up to this size may be sent again whole; they are held in memory meanwhile."""

_EQUAL_PARTS = (".r2.cloudflarestorage.com",)
"""Stores that want all parts of one length. Source: Cloudflare R2 documentation, "Multipart objects"."""

_WOULD = "The index (moov) stands after the media. It is moved to the front inside the bucket."

REPLACED_SINCE = "ReplacedSince"
"""Code of the refusal to touch another object than the one that was looked at."""

_OF_OTHER_JOBS = frozenset({"Nothing was published.", "Nothing was downloaded.", "Nothing was changed."})
"""What a failure means where a film is sent or fetched; here it means that the object is as it was."""


class Repairer:
    """Repairs objects of one connection, one after the other. Close it when done.

    Args:
        connection: Whose bucket it is.
        resend: Send a film up to 64 MiB again whole where the store cannot copy parts.
        invalidate: Remove cached copies of what was repaired from the CDN.
        marks: Where repairs under way are written down; None: in the data folder.
    """

    def __init__(
        self, connection: Connection, *, resend: bool = False, invalidate: bool = True, marks: Marks | None = None
    ) -> None:
        self._connection = connection
        self._invalidates = invalidate
        self._storage = connection.storage
        self._endpoint = connection.clients.endpoint
        self._resend = resend
        self._marks = marks or Marks()
        self._writing: _One | None = None

    def close(self) -> None:
        """Give up what marks this run."""
        self._marks.close()

    def __enter__(self) -> Repairer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def repair(
        self,
        ref: ObjectRef,
        *,
        token: CancelToken,
        dry_run: bool = False,
        leftovers: Leftovers | None = None,
        etag: str = "",
    ) -> RepairReport:
        """Repair one object if it needs it; a dry run only reads. Blocks.

        Args:
            ref: The object; in the connection's bucket.
            token: Cancels: the object stays as it is, and nothing is left behind.
            dry_run: Tell what would be done.
            leftovers: What earlier repairs have left, where that was looked for already.
            etag: Of the object the user was told about: another one that needs a repair is not touched.

        Raises: ObjectNotFound. Conflict: somebody else replaced it meanwhile. UploadBusy: it is being repaired.
            ChecksumMismatch. Cancelled. What `Storage` raises.
        """
        started = time.monotonic()
        one = _One(self, ref, token, etag)
        if not dry_run:
            self._writing = one
        try:
            report = one.run(dry_run, leftovers)
        except Conflict as exc:
            if exc.code == REPLACED_SINCE:
                raise
            raise replaced(ref) from exc
        except VidcdnError as exc:
            if exc.meaning in _OF_OTHER_JOBS:
                exc.meaning = UNCHANGED
            raise
        return replace(report, seconds=round(time.monotonic() - started, 3))

    def written(self) -> tuple[Traffic, int]:
        """What has moved of the object that is being repaired, and how many bytes are to be sent and copied.

        Any thread. The second is 0 until it is known.
        """
        one = self._writing
        return (one.traffic, one.to_move) if one is not None else (Traffic(), 0)

    def clean_up(self, ref: ObjectRef, token: CancelToken) -> tuple[str, ...]:
        """End what a killed repair of an object has left; gives what the user should know. Blocks.

        Raises: UploadBusy: it is being repaired. Cancelled. What `Storage` raises.
        """
        return _One(self, ref, token).clean_up()

    def copies(self, token: CancelToken) -> bool:
        """Whether the store can copy parts, as far as is known. Finds out once."""
        try:
            return self._connection.endpoint_profile(token).part_copy is not Support.NO
        except VidcdnError as exc:
            _log.info("what the store can do is not known: %s", exc.what)
            return True


class _One:
    """One object."""

    def __init__(self, repairer: Repairer, ref: ObjectRef, token: CancelToken, etag: str = "") -> None:
        self._repairer = repairer
        self._connection = repairer._connection
        self._storage = repairer._storage
        self._ref = ref
        self._token = token
        self._etag = etag
        self.traffic = Traffic()
        self.to_move = 0
        """Bytes to send and to copy, once that is planned."""
        owner = self._connection.profile.expected_bucket_owner
        clients = self._connection.clients
        self._copier = Copier(
            clients.s3,
            token,
            self.traffic,
            asking_client=clients.s3_transfer,
            expected_bucket_owner=owner,
        )
        self._notes: list[str] = []
        self._was_marked = False

    def clean_up(self) -> tuple[str, ...]:
        self._clean_up_marked()
        return tuple(self._notes)

    def run(self, dry_run: bool, leftovers: Leftovers | None) -> RepairReport:
        if not dry_run:
            self._clean_up_marked()
        try:
            look = self._copier.look(self._ref, HEAD)
        except UnsupportedMedia as exc:
            return self._report(RepairState.LEFT, exc.what)
        except ObjectNotFound as exc:
            if not dry_run:
                self._clean_up(leftovers)
            exc.meaning = " ".join(self._notes) or exc.meaning
            raise
        versioned = bool(look.stored.version_id)
        if not dry_run and not versioned:
            self._clean_up(leftovers)
        source = RemoteSource(
            self._storage, look.stored, self._token, head=look.head, traffic=self.traffic, before=SAMPLE
        )
        plan = plan_fast_start(source)
        if not plan.moved:
            state = RepairState.ALREADY if plan.report.layout is Layout.ALREADY else RepairState.LEFT
            told = self._invalidate() if not dry_run and self._was_changed(look) else 0
            return replace(self._report(state, plan.report.reason, look), boxes=plan.report.boxes, invalidated=told)
        if self._etag and look.stored.etag != self._etag:
            raise _another(self._ref)
        parts = self._parts(plan.source, source)
        helper = None
        if parts and not versioned:
            key = helper_key(look.stored)
            if key is None:
                return self._report(RepairState.LEFT, "Its name is too long for a helper beside it.", look)
            helper = ObjectRef(self._ref.bucket, key)
        copies = not parts or self._copies(dry_run)
        if not copies:
            if not self._repairer._resend or look.stored.size > RESEND_LIMIT:
                reason = "This store cannot copy parts of large videos, so it would have to be sent again whole."
                return self._report(RepairState.LEFT, reason, look)
            parts, helper = (), None
        if dry_run:
            return self._planned(look, plan, source, parts, helper)
        return self._written(self._copier.with_tags_and_acl(look), plan, source, parts, helper)

    def _was_changed(self, look: Look) -> bool:
        """Whether a run that was killed may have repaired it and told no CDN, or somebody has replaced it."""
        return self._was_marked or bool(self._etag and look.stored.etag != self._etag)

    def _copies(self, dry_run: bool) -> bool:
        """Whether the store copies parts. A dry run goes by what is known: finding out writes a probe."""
        if not dry_run:
            return self._repairer.copies(self._token)
        known = self._connection.known_endpoint
        return known is None or known.part_copy is not Support.NO

    def _written(
        self,
        look: Look,
        plan: FastStartPlan,
        source: RemoteSource,
        parts: tuple[RepairPart, ...],
        helper: ObjectRef | None,
    ) -> RepairReport:
        work = Rewrite(look.stored, look.carried, source, plan.source, parts, helper)
        moved = sum(part.length for part in parts) if parts else plan.source.size
        self.to_move = moved + (plan.source.size if helper is not None else 0)
        log = self._repairer._marks.log(self._repairer._endpoint, self._ref)
        stored = rewrite(self._storage, self._copier, work, log, token=self._token)
        invalidated = self._invalidate()
        report = self._report(RepairState.REPAIRED, "The index (moov) stands in front now.", look)
        return replace(
            report,
            size=stored.size,
            parts=max(1, len(parts)),
            etag=stored.etag,
            checksum=stored.checksum,
            checksum_algorithm=stored.checksum_algorithm,
            proved_by=stored.proved_by,
            invalidated=invalidated,
            notes=tuple(self._notes),
            way=_way(parts, helper),
            kept=kept_words(look),
        )

    def _parts(self, new: ByteSource, old: RemoteSource) -> tuple[RepairPart, ...]:
        if old.size <= SMALLEST_PART or new.size <= SMALLEST_PART:
            return ()
        pieces: list[Piece] = []
        for piece in new.ranges if isinstance(new, RangesSource) else ():
            at = pieces[-1].end if pieces else 0
            pieces.append(Piece(at, piece.length, piece.offset if piece.source is old else None))
        host = self._repairer._endpoint.split("//")[-1].split("/")[0].split(":")[0]
        return plan_parts(pieces, equal=host.endswith(_EQUAL_PARTS))

    def _planned(
        self,
        look: Look,
        plan: FastStartPlan,
        source: RemoteSource,
        parts: tuple[RepairPart, ...],
        helper: ObjectRef | None,
    ) -> RepairReport:
        """What a run takes, worked out and not done."""
        sent = [part for part in parts if part.copied_from is None]
        copied = sum(part.length for part in parts) - sum(part.length for part in sent)
        size = plan.source.size
        ranges = [(part.offset, part.offset + part.length) for part in sent] if parts else [(0, size)]
        missing = _missing(plan.source, source, ranges)
        # Tags and rights, a look before, the write itself; in parts also create and complete.
        requests = self.traffic.requests + bool(missing) + 2 + 2 + ((2 + len(parts) - 1) if parts else 0)
        if not look.stored.version_id:
            requests += 2  # looks for leftovers
        if helper is not None:
            requests += 5  # helper, key, copy, look, delete
            copied += size
        report = self._report(RepairState.WOULD, _WOULD, look)
        return replace(
            report,
            bytes_downloaded=report.bytes_downloaded + missing,
            bytes_uploaded=sum(end - start for start, end in ranges),
            bytes_copied=copied,
            parts=max(1, len(parts)),
            requests=requests,
            way=_way(parts, helper),
            kept=kept_words(look),
            boxes=plan.report.boxes,
            boxes_after=plan.report.boxes_after,
        )

    def _report(self, state: RepairState, reason: str, look: Look | None = None) -> RepairReport:
        traffic = self.traffic
        return RepairReport(
            self._ref,
            state,
            reason,
            size=look.stored.size if look else 0,
            bytes_downloaded=traffic.bytes_down,
            bytes_uploaded=traffic.bytes_up,
            bytes_copied=traffic.bytes_copied,
            requests=traffic.requests,
            etag=look.stored.etag if look else "",
            notes=tuple(self._notes),
            versioned=bool(look and look.stored.version_id),
        )

    def _clean_up_marked(self) -> None:
        """End what a killed repair of this object has left, as far as it was written down."""
        marks, endpoint = self._repairer._marks, self._repairer._endpoint
        left = marks.earlier(endpoint, self._ref)
        if left is None:
            return
        self._was_marked = True
        gone = end_left(self._storage, self._ref, left)
        kept = settle(self._storage, self._ref, helper_of(self._storage, self._ref, left), self._token)
        self._tell_kept(kept)
        if gone and not kept:
            marks.log(endpoint, self._ref).ended()

    def _clean_up(self, leftovers: Leftovers | None) -> None:
        if leftovers is None:
            self.traffic.requests += 2
            leftovers = find_leftovers(self._storage, self._ref.bucket, helper_prefix(self._ref.key))
        found = leftovers.of(self._ref.key)
        self._tell_kept(settle(self._storage, self._ref, found, self._token))

    def _tell_kept(self, kept: tuple[str, ...]) -> None:
        for key in kept:
            note = f"A copy of it that an earlier repair made is kept under the key {key}."
            if note not in self._notes:
                self._notes.append(note)

    def _invalidate(self) -> int:
        """Remove the old cut from the CDN; a repaired film is repaired whether or not that works."""
        if not self._repairer._invalidates:
            return 0
        try:
            told = self._connection.invalidate_keys(
                [self._ref.key], caller_reference=f"repair-{uuid.uuid4()}", token=CancelToken()
            )
        except VidcdnError as exc:
            self._notes.append(f"The CDN may show the old version for a while: {exc.what}")
            return 0
        return len(told)


def _way(parts: tuple[RepairPart, ...], helper: ObjectRef | None) -> RepairWay:
    if helper is not None:
        return RepairWay.HELPER
    return RepairWay.VERSION if parts else RepairWay.RESENT


def _another(ref: ObjectRef) -> Conflict:
    return Conflict(
        "The video was replaced by somebody else after it was looked at.",
        "Their video is in the bucket, untouched.",
        "Repair it again if it still needs it.",
        subject=str(ref),
        code=REPLACED_SINCE,
    )


def _missing(new: ByteSource, old: RemoteSource, ranges: list[tuple[int, int]]) -> int:
    """Bytes of the old object that `ranges` of the new one are made of and that have not been read yet."""
    total = position = 0
    for piece in new.ranges if isinstance(new, RangesSource) else ():
        if piece.source is old:
            for start, end in ranges:
                first, last = max(start, position), min(end, position + piece.length)
                if last > first:
                    total += old.missing(piece.offset + first - position, last - first)
        position += piece.length
    return total
