"""`invalidate PATH…`: remove cached copies from every edge."""

from __future__ import annotations

import argparse
import uuid
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.delivery.invalidation import check_path, wait_for_invalidation
from vidcdn_desktop.errors import InvalidPath, NotServed, SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.textsafe import plural


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("invalidate", help="refresh what viewers see under these paths")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="the viewers' path, for example /videos/teaser.mp4")
    parser.add_argument("--wait", action="store_true", help="wait until every edge has dropped its copy")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    checked = [check_path(text) for text in args.paths]
    for text, path in zip(args.paths, checked, strict=True):
        if path.problem:
            raise InvalidPath(path.problem, "Nothing was refreshed.", "Correct the path.", subject=text)
    with connection_for(args, token, need_bucket=not args.distribution) as connection:
        if connection.cdn is None:
            raise NotServed(
                "This kind of connection has no CDN to refresh.", "Nothing was refreshed.", "Use an AWS connection."
            )
        distribution = args.distribution or _the_distribution(connection)
        invalidation = connection.cdn.create_invalidation(
            distribution, [path.path for path in checked], f"vidcdn-{uuid.uuid4().hex}"
        )
        if args.wait:
            output.note("Waiting until every edge has dropped its copy…")
            invalidation = wait_for_invalidation(connection.cdn, invalidation, token=token)
    result = {
        "distribution_id": distribution,
        "invalidation_id": invalidation.id,
        "status": invalidation.status,
        "paths": invalidation.paths or tuple(path.path for path in checked),
    }
    output.result(result, [f"{invalidation.id}: {plural(len(checked), 'path')}, {invalidation.status}"])
    return 0


def _the_distribution(connection: Connection) -> str:
    if connection.profile.distribution_id:
        return connection.profile.distribution_id
    serving = [d for d in connection.serving() if d.enabled]
    if connection.cdn_problem is not None:
        raise connection.cdn_problem
    if len(serving) == 1:
        return serving[0].id
    if not serving:
        raise NotServed(
            f"No distribution serves the bucket “{connection.profile.bucket}”.",
            "Nothing was refreshed.",
            "Name one with --distribution ID.",
        )
    names = ", ".join(f"{d.id} ({d.host})" for d in serving)
    raise SettingsInvalid(
        f"Several distributions serve this bucket: {names}.",
        "Nothing was refreshed.",
        "Name one with --distribution ID.",
    )
