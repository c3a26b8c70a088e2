"""`headers s3://BUCKET/KEY…`: show the headers and metadata of objects, or change the ones that are named."""

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
from vidcdn_desktop.storage.object_facts import HEADER_FIELDS, ObjectFacts
from vidcdn_desktop.textsafe import display


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "headers",
        help="show or change the headers and metadata of objects",
        description="Without a change: show. Else only what is named changes; all else an object carries stays as it"
        f" is, its Content-Type above all. Headers: {', '.join(HEADER_FIELDS)}.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    add_recursive(parser)
    parser.add_argument("--set", type=parse_pair, action="append", default=[], metavar="NAME=VALUE", help="a header")
    parser.add_argument("--remove", action="append", default=[], metavar="NAME", help="a header")
    parser.add_argument("--set-meta", type=parse_pair, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--remove-meta", action="append", default=[], metavar="NAME")
    add_operation_arguments(parser)
    parser.set_defaults(run=run, limit=None)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    sources = sources_of(refs_of(args, args.addresses), recursive=args.recursive)
    headers: dict[str, str | None] = {name.lower(): None for name in args.remove}
    metadata: dict[str, str | None] = {name.lower(): None for name in args.remove_meta}
    headers |= {name.lower(): value for name, value in args.set}
    metadata |= {name.lower(): value for name, value in args.set_meta}
    with connection_for(args, token) as connection:
        if not headers and not metadata:
            return _show(connection, sources, output, token)
        wish = Wish(Action(Kind.HEADERS, edit=Edit(headers, metadata)), sources)
        with means_for(args, output) as means:
            return Operating(connection, means, args, output, token).wish(wish)


def _show(connection: Connection, sources: Sequence[Source], output: Output, token: CancelToken) -> int:
    calls, code = object_calls(connection, token), 0
    for item in expand(connection, sources, None, token):
        token.raise_if_cancelled()
        try:
            facts = calls.facts(item.ref, item.version_id)
        except VidcdnError as exc:
            output.error(exc, source=str(item.ref))
            code = 1
        else:
            output.result(_facts(facts), _lines(facts))
    return code


def _facts(facts: ObjectFacts) -> dict[str, Any]:
    stored = facts.stored
    return {
        "bucket": stored.ref.bucket,
        "key": stored.ref.key,
        "size": stored.size,
        "etag": stored.etag,
        "version_id": stored.version_id,
        "last_modified": stored.last_modified,
        "storage_class": stored.storage_class,
        "encryption": stored.encryption,
        "archived": facts.is_archived,
        "headers": facts.headers,
        "metadata": facts.metadata,
    }


def _lines(facts: ObjectFacts) -> list[str]:
    lines = [display(str(facts.stored.ref))]
    lines += [f"  {name}: {display(value, 300)}" for name, value in facts.headers.items()]
    lines += [f"  x-amz-meta-{display(name)}: {display(value, 300)}" for name, value in facts.metadata.items()]
    return lines
