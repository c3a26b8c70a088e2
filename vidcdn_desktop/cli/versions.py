"""`versions s3://BUCKET/KEY`: what was deleted or replaced, and bringing it back."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import connection_for
from vidcdn_desktop.cli.means import means_for
from vidcdn_desktop.cli.operating import Operating, add_operation_arguments, add_recursive, refs_of
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.jobs.operations.model import Action, Kind
from vidcdn_desktop.jobs.operations.plan import Wish
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.jobs.operations.versions import ALL, Former, deleted_in, former_objects
from vidcdn_desktop.storage.object_facts import ObjectVersion
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display, format_size, plural


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "versions",
        help="show what was deleted or replaced, and bring it back",
        description="Of an object: its versions. Of a folder (an address that ends in /): what was deleted or replaced"
        " in it, with --recursive also below it. --restore makes an older version the one that is served, --undelete"
        " brings back what was deleted; with “undo” both are taken back.",
    )
    parser.add_argument("address", metavar="s3://BUCKET/KEY")
    add_recursive(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--restore", metavar="ID", help="make this version of the object the newest")
    what.add_argument("--undelete", action="store_true", help="bring back the object, or all that was deleted there")
    add_operation_arguments(parser)
    parser.set_defaults(run=run, limit=None)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    ref = refs_of(args, [args.address])[0]
    is_folder = args.recursive or not ref.key or ref.key.endswith("/")
    if args.recursive and ref.key and not ref.key.endswith("/"):
        ref = ObjectRef(ref.bucket, f"{ref.key}/")
    if args.restore and is_folder:
        raise SettingsInvalid("A version belongs to one object.", "Nothing was changed.", "Name one key.")
    with connection_for(args, token) as connection:
        if not args.restore and not args.undelete:
            return _show(connection, ref, output, token, is_folder=is_folder, below=args.recursive)
        if args.restore:
            action, sources = Action(Kind.VERSION), [_version(connection, ref, args.restore, token)]
        else:
            action, sources = Action(Kind.UNDELETE), _deleted(connection, ref, args, token, is_folder=is_folder)
        if not sources:
            output.note("There is nothing that could be brought back.")
            return 0
        with means_for(args, output) as means:
            return Operating(connection, means, args, output, token).wish(Wish(action, tuple(sources)))


def _version(connection: Connection, ref: ObjectRef, version_id: str, token: CancelToken) -> Source:
    """The version that is meant, looked at."""
    stored = object_calls(connection, token).facts(ref, version_id).stored
    return Source(ref, size=stored.size, version_id=version_id)


def _deleted(
    connection: Connection, ref: ObjectRef, args: argparse.Namespace, token: CancelToken, *, is_folder: bool
) -> list[Source]:
    if is_folder:
        return deleted_in(connection, ref.key, token, below=args.recursive)
    versions = object_calls(connection, token).versions(ref)
    below = next((version for version in versions if not version.is_marker), None)
    if not versions or not versions[0].is_marker or below is None:
        return []
    return [Source(ref, below.etag, below.size, below.version_id)]


def _show(
    connection: Connection, ref: ObjectRef, output: Output, token: CancelToken, *, is_folder: bool, below: bool
) -> int:
    if not is_folder:
        for version in object_calls(connection, token).versions(ref):
            output.result(_version_facts(version), [_version_line(version)])
        return 0
    count = 0
    for former in _former(connection, ref, token, below=below):
        count += 1
        output.result(_former_facts(former), [_former_line(former)])
    output.note(f"{plural(count, 'version')} that could be brought back.")
    return 0


def _former(connection: Connection, ref: ObjectRef, token: CancelToken, *, below: bool) -> Iterator[Former]:
    for page in former_objects(connection, ref.key, below=below, token=token, most=ALL):
        yield from page.found


def _version_facts(version: ObjectVersion) -> dict[str, Any]:
    return {
        "version_id": version.version_id,
        "state": "deleted" if version.is_marker else "newest" if version.is_latest else "older",
        "size": version.size,
        "etag": version.etag,
        "last_modified": version.last_modified,
    }


def _version_line(version: ObjectVersion) -> str:
    when = f"{version.last_modified:%Y-%m-%d %H:%M}" if version.last_modified else ""
    state = "deleted" if version.is_marker else "newest" if version.is_latest else "older"
    size = "" if version.is_marker else format_size(version.size)
    return f"{when:16}  {state:8} {size:>10}  {display(version.version_id, 80)}"


def _former_facts(former: Former) -> dict[str, Any]:
    found = former.below or former.version
    return {
        "key": found.key,
        "state": "deleted" if former.is_deleted else "older",
        "version_id": found.version_id,
        "size": former.size,
        "etag": found.etag,
        "last_modified": former.version.last_modified,
    }


def _former_line(former: Former) -> str:
    facts = _former_facts(former)
    when = f"{former.version.last_modified:%Y-%m-%d %H:%M}"
    size = format_size(former.size)
    return f"{when}  {facts['state']:8} {size:>10}  {display(facts['key'])}  {display(facts['version_id'], 80)}"
