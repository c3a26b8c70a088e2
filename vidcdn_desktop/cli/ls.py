"""`ls [s3://bucket/prefix]`: what is in the bucket."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.storage.port import ObjectSummary
from vidcdn_desktop.textsafe import display, format_size, plural


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("ls", help="list a bucket or a prefix")
    parser.add_argument("address", nargs="?", default="", metavar="s3://BUCKET/PREFIX")
    parser.add_argument("--recursive", action="store_true", help="everything below, not only the first level")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    address = split_s3_address(args.address)
    if address:
        args.bucket = address[0] or args.bucket
    prefix = address[1] if address else args.address
    with connection_for(args, token) as connection:
        bucket = connection.profile.bucket
        objects: list[ObjectSummary] = []
        prefixes: list[str] = []
        page_token = ""
        while True:
            token.raise_if_cancelled()
            page = connection.storage.list_page(
                bucket, prefix, delimiter="" if args.recursive else "/", token=page_token
            )
            objects += page.objects
            prefixes += page.prefixes
            page_token = page.next_token
            if not page_token:
                break
    lines = [f"{'':>12}  {'':16}  {display(name)}" for name in prefixes]
    lines += [
        f"{format_size(item.size):>12}  {item.last_modified:%Y-%m-%d %H:%M}  {display(item.key)}" for item in objects
    ]
    total = sum(item.size for item in objects)
    lines.append(f"{plural(len(objects), 'object')}, {format_size(total)}")
    output.result({"bucket": bucket, "prefix": prefix, "prefixes": prefixes, "objects": objects}, lines)
    return 0
