"""`du s3://BUCKET/PREFIX`: bytes and objects by folder, kind and storage class, and what they cost a month."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.jobs.prices import CostEstimate
from vidcdn_desktop.jobs.usage import FolderUsage, Usage, UsageCounter, prices_for
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import display, format_size, plural

_DEEPEST = 100


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "du",
        help="how much lies in which folder, and what it costs a month",
        description="Add up what is below a prefix, by folder, by kind of file and by storage class. One listing;"
        " nothing else is asked. Earlier versions and unfinished uploads are not in it.",
    )
    parser.add_argument("address", nargs="?", default="", metavar="s3://BUCKET/PREFIX")
    parser.add_argument(
        "--depth",
        type=_depth,
        default=1,
        metavar="N",
        help="levels of folders to tell apart; 1 if not given, 0 for none",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def _depth(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _DEEPEST:
        raise argparse.ArgumentTypeError(f"“{text}” is no depth; write 0, 1, 2… {_DEEPEST}")
    return int(text)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    address = split_s3_address(args.address)
    if address:
        args.bucket = address[0] or args.bucket
    prefix = address[1] if address else args.address
    with connection_for(args, token) as connection:
        bucket = connection.profile.bucket
        counter = UsageCounter(prefix, args.depth, prices_for(connection))
        weather = Weather(renew=connection.reload_credentials)
        for page in connection.storage.list_pages(bucket, prefix, token=token, weather=weather):
            counter.add(page)
            output.paint(f"{plural(counter.objects, 'object')}, {format_size(counter.size_bytes)} so far")
    usage = counter.usage()
    output.result({"bucket": bucket, "prefix": prefix, **vars(usage)}, _lines(bucket, usage))
    return 0


def _lines(bucket: str, usage: Usage) -> list[str]:
    lines = [*_folder_lines(usage.tree, f"s3://{bucket}/{usage.tree.prefix}", 0)]
    for title, tallies in (("By kind", usage.kinds), ("By storage class", usage.classes)):
        if tallies:
            lines += ["", title]
            lines += [_line(tally.size_bytes, tally.objects, name, 0) for name, tally in tallies.items()]
    if usage.cost is not None:
        lines += ["", *_cost_lines(usage.cost)]
    return lines


def _folder_lines(folder: FolderUsage, name: str, level: int) -> Iterator[str]:
    yield _line(folder.size_bytes, folder.objects, name, level)
    for inner in folder.folders:
        yield from _folder_lines(inner, inner.prefix, level + 1)


def _line(size_bytes: int, objects: int, name: str, level: int) -> str:
    return f"{format_size(size_bytes):>12}  {plural(objects, 'object'):>16}  {'  ' * level}{display(name)}"


def _cost_lines(cost: CostEstimate) -> list[str]:
    lines = [
        f"About {cost.usd_per_month:,.2f} USD a month for storage, by the list prices of {cost.region} of {cost.date}.",
        "Requests, transfer, taxes and discounts are not in it; other regions cost more or less.",
    ]
    if cost.unpriced:
        lines.append(f"Not in it, because the price is not known: {', '.join(map(display, cost.unpriced))}.")
    return lines
