"""`rm s3://BUCKET/KEY…`: delete objects, folders, or one version."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import connection_for
from vidcdn_desktop.cli.means import means_for
from vidcdn_desktop.cli.operating import Operating, add_operation_arguments, add_recursive, refs_of, sources_of
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.operations.model import Action, Kind
from vidcdn_desktop.jobs.operations.plan import Wish
from vidcdn_desktop.jobs.operations.targets import Source


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "rm",
        help="delete objects or folders",
        description="Delete objects. Where the bucket keeps versions this can be undone; where it does not, the number"
        " of objects that would be gone for good must be named with --confirm. An object that somebody replaces"
        " meanwhile is not deleted.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    add_recursive(parser)
    parser.add_argument("--version", dest="version_id", metavar="ID", default="", help="delete this version for good")
    add_operation_arguments(parser)
    parser.set_defaults(run=run, limit=None)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    sources = sources_of(refs_of(args, args.addresses), recursive=args.recursive)
    if args.version_id:
        if len(sources) != 1 or args.recursive:
            raise SettingsInvalid("A version belongs to one object.", "Nothing was changed.", "Name one key.")
        sources = (Source(sources[0].ref, version_id=args.version_id),)
    with connection_for(args, token) as connection, means_for(args, output) as means:
        return Operating(connection, means, args, output, token).wish(Wish(Action(Kind.DELETE), sources))
