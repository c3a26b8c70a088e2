"""`class` and `restore`: move objects to another storage class, and bring them back out of an archive."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import connection_for
from vidcdn_desktop.cli.means import means_for
from vidcdn_desktop.cli.operating import Operating, add_operation_arguments, add_recursive, refs_of, sources_of
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.operations.classes import CLASSES, MOST_DAYS, TIERS, class_named
from vidcdn_desktop.jobs.operations.model import Action, Kind
from vidcdn_desktop.jobs.operations.plan import Wish


def add_parser(subparsers: Any) -> None:
    names = ", ".join(found.name for found in CLASSES)
    parser = subparsers.add_parser(
        "class",
        help="move objects to another storage class",
        description="Everything an object carries stays as it is. Into an archive there is no undo: what lies in one"
        f" cannot be watched before it is restored. Classes: {names}. With --dry-run: what it costs.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    parser.add_argument("--to", required=True, metavar="CLASS", help="the storage class")
    add_recursive(parser)
    add_operation_arguments(parser, invalidates=False)
    parser.set_defaults(run=run_class, limit=None)
    parser = subparsers.add_parser(
        "restore",
        help="bring archived objects back for some days",
        description="Ask for a copy of each object outside the archive. It comes in minutes to hours, costs by bytes"
        " (--dry-run tells), and goes by itself after --days. Objects that lie in no archive are left alone.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    parser.add_argument("--days", type=_days, default=7, help="how long the copy stays (7)")
    parser.add_argument(
        "--tier", type=str.capitalize, choices=list(TIERS), default="Bulk", help="how fast: Bulk (the cheapest) is set"
    )
    add_recursive(parser)
    add_operation_arguments(parser, invalidates=False)
    parser.set_defaults(run=run_restore, limit=None)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"“{text}” is no number from 1 to {MOST_DAYS}")
    return int(text)


def run_class(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    wanted = class_named(args.to)
    if wanted is None:
        raise SettingsInvalid(
            f"There is no storage class “{args.to}”.",
            "Nothing was changed.",
            f"Name one of {', '.join(found.name for found in CLASSES)}.",
        )
    return _run(args, output, token, Action(Kind.STORAGE_CLASS, storage_class=wanted.name))


def run_restore(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    return _run(args, output, token, Action(Kind.RESTORE, days=args.days, tier=args.tier))


def _run(args: argparse.Namespace, output: Output, token: CancelToken, action: Action) -> int:
    sources = sources_of(refs_of(args, args.addresses), recursive=args.recursive)
    with connection_for(args, token) as connection, means_for(args, output) as means:
        return Operating(connection, means, args, output, token).wish(Wish(action, sources))
