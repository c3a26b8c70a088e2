"""What the commands on objects do when a service of the store is to do it: write the files, or create the job."""

from __future__ import annotations

import argparse
from pathlib import Path

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.handover import Handover, hand_over
from vidcdn_desktop.jobs.operations.handover_book import HandoverBook
from vidcdn_desktop.jobs.operations.handover_files import DEFAULT_FOLDER, write_files
from vidcdn_desktop.jobs.operations.handover_job import create_job, place_for, present_rules
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.textsafe import display, plural

HOW = " Or add --batch-files FOLDER or --batch-role ROLE to hand it over to the store."


def add_handover_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that hand an operation over to S3 Batch Operations."""
    group = parser.add_argument_group("handing over, for very many objects")
    group.add_argument(
        "--batch-files",
        type=Path,
        metavar="FOLDER",
        help="do nothing but write what somebody with the rights needs: list, job, role, lifecycle rule",
    )
    group.add_argument(
        "--batch-role", metavar="ROLE", help="create a job of S3 Batch Operations that takes on this role (name or ARN)"
    )
    group.add_argument(
        "--batch-prefix", metavar="PREFIX", default=DEFAULT_FOLDER, help=f"where list and report go ({DEFAULT_FOLDER})"
    )


def wants_handover(args: argparse.Namespace) -> bool:
    """Whether the store is to do it; not every command asks."""
    return bool(getattr(args, "batch_files", None) or getattr(args, "batch_role", None))


def hand_over_plan(
    connection: Connection, plan: OperationPlan, args: argparse.Namespace, output: Output, token: CancelToken
) -> int:
    """Write the files or create the job, or both; gives the exit code.

    Raises: SettingsInvalid: it cannot be handed over. UnsupportedMedia. AccessDenied. Cancelled. What the store raises.
    """
    handover = hand_over(plan)
    place = place_for(connection, args.batch_role or "", args.batch_prefix)
    if not handover.is_possible and (args.batch_role or not handover.rule):
        why = handover.cannot or "No object is left that a job could do."
        raise SettingsInvalid(why, "Nothing was changed in the bucket.", "Do it from here, with --yes.")
    if args.dry_run:
        output.result({"handover": handover.to_json()}, _lines(handover))
        return 0
    if args.batch_files:
        files = write_files(args.batch_files, handover, place, present_rules(connection, handover.bucket))
        facts = {"files": [str(file) for file in files], "handover": handover.to_json()}
        output.result(facts, [*_lines(handover), *(display(str(file)) for file in files)])
    if args.batch_role:
        kept = create_job(connection, handover, place, HandoverBook(), token)
        facts = {"job_id": kept.job_id, "report": kept.report, "handover": handover.to_json()}
        then = f"It waits. Let it begin with: vidcdn-desktop handover --confirm {kept.job_id}"
        output.result(facts, [*_lines(handover), f"Job {kept.job_id} was created. {then}"])
    return 0


def _lines(handover: Handover) -> list[str]:
    if not handover.is_possible:
        return [handover.cannot, handover.rule_does]
    lines = [f"S3 Batch Operations, {plural(len(handover.items), 'object')}: {handover.does}", *handover.remarks]
    return [*lines, handover.cost, *([f"Lifecycle rule: {handover.rule_does}"] if handover.rule else [])]
