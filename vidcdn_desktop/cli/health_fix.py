"""What `health --fix` does: shows the plan, asks for consent by options, and lets the jobs of this program do it."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.operating import Operating
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.cli.repair import Repairing
from vidcdn_desktop.errors import ConfirmationNeeded, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_fix import FixPlan, Step, plan_fix
from vidcdn_desktop.jobs.health_model import Concern, HealthReport
from vidcdn_desktop.jobs.health_uploads import Removal, remove_uploads
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.textsafe import display, format_size, plural

WRONG_USE = 2

_STEPS = {
    "uploads": ("unfinished upload to remove", "unfinished uploads to remove"),
    "headers": ("object to get other headers", "objects to get other headers"),
    "thumbnails": ("thumbnail to delete", "thumbnails to delete"),
    "repairs": ("video to be made to start at once", "videos to be made to start at once"),
}


class Fixing:
    """One run of `--fix`.

    Args:
        connection: Where.
        means: The journal and the patience.
        args: With `dry_run`, `yes`, `confirm`, `invalidate`, `resend`.
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

    def fix(self, report: HealthReport, concerns: Collection[Concern]) -> int:
        """Show what would be done, and do it where that was agreed to; gives the exit code.

        Raises: SettingsInvalid. Cancelled. What planning raises.
        """
        self._output.paint("Working out what mending takes")
        plan = plan_fix(self._connection, report, concerns, token=self._token)
        self._output.result({"plan": plan.to_json()}, _plan_lines(plan))
        if not plan.steps or self._args.dry_run:
            return 0
        return self._do(plan) if self._is_agreed(plan) else WRONG_USE

    def _is_agreed(self, plan: FixPlan) -> bool:
        number = plan.confirm
        if number is not None and self._args.confirm != number:
            self._output.error(
                ConfirmationNeeded(
                    f"{plural(number, 'object')} would be gone for good.",
                    "Nothing was changed.",
                    f"Add --confirm {number} if that is what you want.",
                    subject="",
                    code=str(number),
                )
            )
            return False
        if self._args.yes or (number is not None and not plan.handover):
            return True
        self._output.note("Nothing was changed. Add --yes to do it.")
        return False

    def _do(self, plan: FixPlan) -> int:
        """All steps, whatever becomes of one of them."""
        code = self._remove(plan) if plan.uploads else 0
        agreed = argparse.Namespace(**{**vars(self._args), "yes": True})
        for operation in (plan.headers, plan.thumbnails):
            if operation is None or not operation.items:
                continue
            self._token.raise_if_cancelled()
            try:
                operating = Operating(self._connection, self._means, agreed, self._output, self._token)
                code = max(code, operating.plan(operation))
            except VidcdnError as exc:
                self._output.error(exc)
                code = 1
        wishes = plan.repairs.wishes() if plan.repairs is not None else ()
        if wishes:
            self._token.raise_if_cancelled()
            repairing = Repairing(self._connection, self._means, agreed, self._output)
            repairing.repair(wishes, self._token)
            if repairing.failure is not None:
                raise repairing.failure
            code = max(code, repairing.code)
        return code

    def _remove(self, plan: FixPlan) -> int:
        removed = size = failed = 0
        for removal in remove_uploads(self._connection, plan.uploads, self._means.journal, self._token):
            self._tell(removal)
            failed += removal.error is not None
            if removal.error is None and not removal.left_because:
                removed += 1
                size += removal.finding.size
        left = len(plan.uploads) - removed - failed
        words = f"{plural(removed, 'unfinished upload')} removed, {format_size(size)}"
        words += f"; {left:,} left alone" if left else ""
        words += f"; {failed:,} could not be removed" if failed else ""
        totals = {"operation": "uploads", "removed": removed, "size": size, "left_alone": left, "failed": failed}
        self._output.result({"total": totals}, [f"{words}."])
        return 1 if failed else 0

    def _tell(self, removal: Removal) -> None:
        finding = removal.finding
        facts = {
            "bucket": finding.ref.bucket,
            "key": finding.ref.key,
            "size": finding.size,
            "upload_id": finding.upload.upload_id if finding.upload is not None else "",
        }
        if removal.error is not None:
            self._output.error(removal.error, **facts, state="failed")
            return
        state = "left alone" if removal.left_because else "removed"
        words = f"left alone: {removal.left_because}" if removal.left_because else "upload removed"
        self._output.result(
            {**facts, "state": state, "note": removal.left_because}, [f"{display(str(finding.ref))}: {display(words)}"]
        )


def _plan_lines(plan: FixPlan) -> list[str]:
    if not plan.steps:
        return ["", "There is nothing to mend."]
    lines = ["", "The plan"]
    for step in plan.steps:
        lines += _step_lines(step)
    if plan.served_by:
        lines.append(f"  {', '.join(plan.served_by)} may show old copies; --invalidate refreshes what is changed.")
    if plan.confirm is not None:
        lines.append(f"  To do it, add --confirm {plan.confirm}.")
    return [*lines, *([f"  {plan.handover}"] if plan.handover else [])]


def _step_lines(step: Step) -> list[str]:
    moved = [
        (step.copied_bytes, f"{format_size(step.copied_bytes)} copied inside the store"),
        (step.sent_bytes, f"{format_size(step.sent_bytes)} sent"),
    ]
    told = "".join(f", {words}" for count, words in moved if count)
    requests = plural(step.requests, "request")
    return [
        f"  {plural(step.objects, *_STEPS[step.name])}, {format_size(step.size)}{told}, about {requests}",
        f"    {display(step.words, 300)}",
    ]
