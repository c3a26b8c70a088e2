"""`endpoint`: what the store behind a connection can do, and what that means for videos."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.storage.capabilities import FEATURES, EndpointProfile, missing, to_json
from vidcdn_desktop.textsafe import display


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("endpoint", help="tell what the store can do, and what it lacks")
    parser.add_argument("--refresh", action="store_true", help="ask the store again, whatever is remembered")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Ask, or recall, and print."""
    with connection_for(args, token) as connection:
        profile = connection.endpoint_profile(token, refresh=args.refresh)
        endpoint, bucket = connection.clients.endpoint, connection.profile.bucket
    told = [str(lack) for lack in missing(profile)]
    facts = {"endpoint": endpoint, "bucket": bucket, **to_json(profile), "missing": told}
    output.result(facts, [f"{display(endpoint)}, bucket {display(bucket)}", _origin(profile), *_table(profile), *told])
    return 0


def _origin(profile: EndpointProfile) -> str:
    if profile.checked_at is None:
        return "Known beforehand; it is never asked."
    name = f", which calls itself {display(profile.server, 60)}" if profile.server else ""
    when = f"Asked on {profile.checked_at.astimezone():%Y-%m-%d %H:%M}{name}."
    return when if profile.is_known else f"{when} This key may not write or delete there, so nothing was found out."


def _table(profile: EndpointProfile) -> list[str]:
    return [f"  {getattr(profile, name).value:<8} {text}" for name, text in FEATURES.items()]
