"""`tags s3://BUCKET/KEY…`: show the tags of objects, or change the ones that are named."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import connection_for
from vidcdn_desktop.cli.means import means_for
from vidcdn_desktop.cli.operating import (
    Operating,
    add_operation_arguments,
    add_recursive,
    parse_pair,
    refs_of,
    sources_of,
)
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.jobs.operations.model import Action, Edit, Kind
from vidcdn_desktop.jobs.operations.plan import Wish
from vidcdn_desktop.jobs.operations.targets import Source, expand
from vidcdn_desktop.textsafe import display


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "tags",
        help="show or change the tags of objects",
        description="Without a change: show. Else only the tags that are named change, unless --only says that all"
        " others go.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    add_recursive(parser)
    parser.add_argument("--set", type=parse_pair, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--remove", action="append", default=[], metavar="NAME")
    parser.add_argument("--only", action="store_true", help="all tags that are not set here go")
    add_operation_arguments(parser, invalidates=False)
    parser.set_defaults(run=run, limit=None)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    sources = sources_of(refs_of(args, args.addresses), recursive=args.recursive)
    tags: dict[str, str | None] = dict.fromkeys(args.remove)
    tags |= dict(args.set)
    with connection_for(args, token) as connection:
        if not tags and not args.only:
            return _show(connection, sources, output, token)
        wish = Wish(Action(Kind.TAGS, edit=Edit(tags=tags, only_these_tags=args.only)), sources)
        with means_for(args, output) as means:
            return Operating(connection, means, args, output, token).wish(wish)


def _show(connection: Connection, sources: Sequence[Source], output: Output, token: CancelToken) -> int:
    calls, code = object_calls(connection, token), 0
    for item in expand(connection, sources, None, token):
        token.raise_if_cancelled()
        try:
            found = calls.tags(item.ref, item.version_id)
        except VidcdnError as exc:
            output.error(exc, source=str(item.ref))
            code = 1
        else:
            lines = [f"  {display(name)} = {display(value)}" for name, value in found.items()]
            facts = {"bucket": item.ref.bucket, "key": item.ref.key, "tags": found}
            output.result(facts, [display(str(item.ref)), *lines])
    return code
