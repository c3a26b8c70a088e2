"""What the commands on objects share: addresses, the plan before, the run, the words after."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, split_s3_address
from vidcdn_desktop.cli.handing import HOW, add_handover_arguments, hand_over_plan, wants_handover
from vidcdn_desktop.cli.means import parse_patience
from vidcdn_desktop.cli.output import Output, Ticker
from vidcdn_desktop.errors import ConfirmationNeeded, SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.job import OperationJob
from vidcdn_desktop.jobs.operations.launch import operation_from, operation_job, plan_undo, undo_mark
from vidcdn_desktop.jobs.operations.model import Item, Kind
from vidcdn_desktop.jobs.operations.plan import OperationPlan, Wish, mark_of, plan_operation
from vidcdn_desktop.jobs.operations.report import DID
from vidcdn_desktop.jobs.operations.rows import unfinished_operation
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display, format_elapsed, format_size, plural

_NOTHING = "Nothing was changed."
WRONG_USE = 2


def add_operation_arguments(parser: argparse.ArgumentParser, *, invalidates: bool = True) -> None:
    """The options every operation has."""
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done; change nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object per object, and one with the sum")
    parser.add_argument("--yes", action="store_true", help="do it even where a service of the store is the better way")
    parser.add_argument(
        "--confirm", type=int, metavar="NUMBER", help="how many objects may be gone for good, where that is asked"
    )
    if invalidates:
        parser.add_argument("--invalidate", action="store_true", help="remove old copies from the CDN afterwards")
    add_handover_arguments(parser)
    parser.add_argument(
        "--patience",
        type=parse_patience,
        metavar="SECONDS",
        help="how long to go on trying without a network (120), or “forever”",
    )
    add_connection_arguments(parser)


def add_recursive(parser: argparse.ArgumentParser) -> None:
    """The option that turns an address into a folder."""
    parser.add_argument("--recursive", action="store_true", help="all below the address, which is taken as a folder")


def refs_of(args: argparse.Namespace, addresses: Sequence[str]) -> list[ObjectRef]:
    """The addresses as places; the first bucket among them is the connection's where none was named.

    Raises: SettingsInvalid: one is no s3:// address.
    """
    found = []
    for text in addresses:
        place = split_s3_address(text)
        if place is None or not place[0]:
            raise SettingsInvalid(
                "This is no address in a bucket.",
                _NOTHING,
                "Write s3://BUCKET/KEY; files are sent with “publish” and fetched with “download”.",
                subject=text,
            )
        found.append(ObjectRef(*place))
    args.bucket = args.bucket or next((ref.bucket for ref in found), None)
    return found


def sources_of(refs: Sequence[ObjectRef], *, recursive: bool) -> tuple[Source, ...]:
    """What is meant by addresses: objects, or with `recursive` all below each.

    Raises: SettingsInvalid: a folder without `recursive`, or several buckets.
    """
    if len({ref.bucket for ref in refs}) > 1:
        raise SettingsInvalid("The objects are in several buckets.", _NOTHING, "Do one bucket after the other.")
    if recursive:
        folders = [ref.key if not ref.key or ref.key.endswith("/") else f"{ref.key}/" for ref in refs]
        return tuple(Source(ObjectRef(ref.bucket, key), is_prefix=True) for ref, key in zip(refs, folders, strict=True))
    for ref in refs:
        if not ref.key:
            raise SettingsInvalid(
                "This address names no object.", _NOTHING, "Name its key, or add --recursive.", subject=str(ref)
            )
    return tuple(Source(ref) for ref in refs)


class Operating:
    """One run of a command.

    Args:
        connection: Where.
        means: The journal and the patience.
        args: With `add_operation_arguments`.
        output: Where it is told.
        token: Cancels.
    """

    def __init__(
        self, connection: Connection, means: Means, args: argparse.Namespace, output: Output, token: CancelToken
    ) -> None:
        self._connection = connection
        self._means = means
        self._args = args
        self._output = output
        self._token = token
        self._kind = Kind.COPY

    def wish(self, wish: Wish) -> int:
        """Plan and do what is wished, or go on with it where it was interrupted; gives the exit code.

        Raises: SettingsInvalid. Cancelled. What the store raises.
        """
        job = self._interrupted(mark_of(wish)) if not wants_handover(self._args) else None
        if job is not None:
            return self._run(job)
        return self.plan(plan_operation(self._connection, wish, token=self._token, on_found=self._found))

    def undo(self, journal: Journal, job_id: str) -> int:
        """Take an operation back, or go on with that; gives the exit code.

        Raises: CannotUndo. SettingsInvalid. Cancelled. What the store raises.
        """
        job = self._interrupted(undo_mark(job_id))
        return self._run(job) if job is not None else self.plan(plan_undo(self._connection, journal, job_id))

    def _interrupted(self, mark: str) -> OperationJob | None:
        journal = self._means.journal
        if journal is None or self._args.dry_run:
            return None
        left = unfinished_operation(journal, mark, self._connection)
        if left is None:
            return None
        self._output.note("Going on with what was interrupted.")
        job = operation_from(left, self._means, on_item=self._tell_item)
        job.bind(self._connection)
        job.mark_queued()
        return job

    def plan(self, plan: OperationPlan) -> int:
        """Show or do a plan; gives the exit code.

        Raises: Cancelled. What the store raises.
        """
        self._output.clear()
        if plan.items and wants_handover(self._args):
            return hand_over_plan(self._connection, plan, self._args, self._output, self._token)
        if self._args.dry_run:
            self._show(plan)
            return 1 if plan.problems else 0
        if not plan.items:
            self._output.note("There is nothing to do.")
            return 0
        if plan.handover and not self._args.yes:
            self._show(plan)
            self._output.note(f"Nothing was changed. Add --yes to do it from here all the same.{HOW}")
            return WRONG_USE
        try:
            job = operation_job(
                plan, self._means, self._connection, confirmed=self._args.confirm, on_item=self._tell_item
            )
        except ConfirmationNeeded as exc:
            exc.advice = f"Add --confirm {plan.confirm} if that is what you want."
            self._output.error(exc)
            return WRONG_USE
        return self._run(job)

    def _run(self, job: OperationJob) -> int:
        self._kind = job.action.kind
        # On a thread of its own: a signal is handled in this one, which must not be in the middle of anything then.
        runner = threading.Thread(target=job.run, name="operation")

        def stop() -> None:
            if self._token.is_paused:
                job.pause()
            else:
                job.cancel()

        remove = self._token.on_cancel(stop)
        try:
            with Ticker(lambda: self._paint(job)):
                runner.start()
                runner.join()
        finally:
            remove()
        return self._end(job)

    def _end(self, job: OperationJob) -> int:
        snapshot = job.snapshot()
        told = 0
        changed = job.changed_keys()
        failure: VidcdnError | None = None
        if changed and getattr(self._args, "invalidate", False) and job.state is JobState.PUBLISHED:
            try:
                told = len(job.invalidate(self._token))
            except VidcdnError as exc:
                failure = exc
        facts = {
            "job": job.id,
            "operation": job.action.kind.value,
            "state": job.state.value,
            **snapshot.counts.to_json(),
            "can_be_undone": snapshot.can_undo,
            "changed": list(changed),
            "invalidated": told,
        }
        self._output.result({"total": facts}, self._last_lines(job, changed, told))
        if failure is not None:
            self._output.error(failure)
        if job.state in (JobState.CANCELLED, JobState.PAUSED):
            if job.state is JobState.PAUSED:
                self._output.note("Run the same command again to go on.")
            if snapshot.error is not None:
                self._output.error(snapshot.error)
            raise self._token.stopped() if self._token.is_cancelled else Cancelled
        if snapshot.error is not None and not any(item.error is not None for item in job.items):
            raise snapshot.error
        return 1 if snapshot.error is not None or failure is not None else 0

    def _last_lines(self, job: OperationJob, changed: Sequence[str], told: int) -> list[str]:
        snapshot = job.snapshot()
        lines = [f"{snapshot.counts.words(job.action.kind)}."]
        if snapshot.can_undo:
            lines.append(f"Take it back with: vidcdn-desktop undo {job.id[:8]}")
        if told:
            lines.append(f"{plural(told, 'distribution')} told to forget old copies.")
        elif changed and self._connection.domains_of(changed):
            lines.append(
                f"The CDN may show {plural(len(changed), 'old copy', 'old copies')}; --invalidate removes them."
            )
        return lines

    # Words
    def _found(self, count: int) -> None:
        self._output.paint(f"{plural(count, 'object')} found")

    def _paint(self, job: OperationJob) -> None:
        snapshot = job.snapshot()
        if snapshot.waiting is not None:
            left = format_elapsed(snapshot.waiting.left_s())
            self._output.paint(f"{snapshot.waiting.error.what} Next try in {left}.")
        elif snapshot.steps:
            self._output.paint(f"{snapshot.steps_done:,} of {snapshot.steps:,} steps")

    def _tell_item(self, item: Item) -> None:
        if item.error is not None and not item.is_over:
            self._output.error(item.error, **_without_error(item))
            return
        words = item.note if item.stage.value == "left alone" else DID[item.action.kind if item.action else self._kind]
        arrow = f" -> {display(str(item.target))}" if item.target is not None else ""
        self._output.result(item.to_json(), [f"{display(str(item.ref))}{arrow}: {words}"])

    def _show(self, plan: OperationPlan) -> None:
        for item in plan.items:
            arrow = f" -> {display(str(item.target))}" if item.target is not None else ""
            if item.error is not None:
                self._output.error(item.error, **_without_error(item))
            else:
                self._output.result(item.to_json(), [f"{display(str(item.ref))}{arrow}"])
        self._output.result({"plan": plan.to_json()}, plan_lines(plan))


def plan_lines(plan: OperationPlan) -> list[str]:
    """A plan in words."""
    lines = [f"{plural(plan.objects, 'object')}, {format_size(plan.size)}: would be {DID[plan.action.kind]}."]
    if plan.copied_bytes:
        lines.append(
            f"{format_size(plan.copied_bytes)} copied inside the store, about {plural(plan.requests, 'request')}."
        )
    lines.append(("Can be undone: " if plan.undo.possible else "Cannot be undone: ") + plan.undo.words)
    if plan.confirm is not None:
        lines.append(f"To do it, add --confirm {plan.confirm}.")
    if plan.served_by:
        count = sum(len(paths) for paths in plan.invalidation_paths.values())
        lines.append(f"{', '.join(plan.served_by)} may show old copies; {plural(count, 'path')} would refresh them.")
    return [*lines, *plan.notes, *([plan.handover] if plan.handover else [])]


def _without_error(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.to_json().items() if name != "error"}


def parse_pair(text: str) -> tuple[str, str]:
    """NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"“{text}” is not NAME=VALUE")
    return name, value
