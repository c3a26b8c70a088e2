"""`cp` and `mv`: copy, rename and move objects and folders inside the store; no byte of them comes here."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import connection_for
from vidcdn_desktop.cli.means import means_for
from vidcdn_desktop.cli.operating import Operating, add_operation_arguments, add_recursive, refs_of, sources_of
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.operations.model import Action, Kind, OnExists
from vidcdn_desktop.jobs.operations.plan import Wish

_HOW = (
    "A destination that ends in / is a folder; anything else is the new name. With --recursive the source is a folder,"
    " and what is below it goes below the destination. Headers, metadata, tags and storage class are kept, every copy"
    " is proved, and an object that is there already is not touched unless you say so. Run again, a command that was"
    " interrupted goes on."
)


def add_parser(subparsers: Any) -> None:
    for name, kind, words in (
        ("cp", Kind.COPY, "copy objects or folders inside the store"),
        ("mv", Kind.MOVE, "rename or move objects or folders inside the store"),
    ):
        extra = " The originals are deleted when all of them were copied and proved." if kind is Kind.MOVE else ""
        parser = subparsers.add_parser(name, help=words, description=f"{words.capitalize()}. {_HOW}{extra}")
        parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY", help="sources, and last the destination")
        add_recursive(parser)
        exists = parser.add_mutually_exclusive_group()
        exists.add_argument("--overwrite", action="store_true", help="replace objects that have the new name")
        exists.add_argument("--skip-existing", action="store_true", help="leave those alone whose new name is taken")
        add_operation_arguments(parser)
        parser.set_defaults(run=run, kind=kind, limit=None)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    refs = refs_of(args, args.addresses)
    if len(refs) < 2:
        raise SettingsInvalid("No destination was named.", "Nothing was changed.", "Name it last.")
    sources = sources_of(refs[:-1], recursive=args.recursive)
    on_exists = OnExists.REFUSE
    if args.overwrite or args.skip_existing:
        on_exists = OnExists.REPLACE if args.overwrite else OnExists.SKIP
    wish = Wish(Action(args.kind, on_exists), sources, refs[-1])
    with connection_for(args, token) as connection, means_for(args, output) as means:
        return Operating(connection, means, args, output, token).wish(wish)
