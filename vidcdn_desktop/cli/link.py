"""`link s3://BUCKET/KEY…`: links to hand out, with the time until which they really work."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for
from vidcdn_desktop.cli.operating import refs_of
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.credentials.model import ConnectionKind
from vidcdn_desktop.credentials.secrets import open_secret_store
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.sharing import (
    USUAL,
    Form,
    LinkKind,
    Shared,
    Sharing,
    Wanted,
    describe,
    make_links,
    parse_span,
    text_of,
)
from vidcdn_desktop.jobs.signing_keys import SigningKey, SigningKeys, read_private_key


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "link",
        help="links to objects: through the CDN, signed for it, or presigned for the bucket",
        description="Without an option: the CDN link, which has no end. Whoever has a signed or a presigned link can"
        " watch until it ends. A presigned link ends with the sign-in it was made with, if that is sooner.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    kinds = parser.add_mutually_exclusive_group()
    for kind, text in (
        (LinkKind.SIGNED, "a CDN link that ends, signed with the connection's key pair"),
        (LinkKind.PRESIGNED, "a link straight to the bucket that ends"),
    ):
        kinds.add_argument(
            f"--{kind.value}", dest="kind", action="store_const", const=kind, default=LinkKind.CDN, help=text
        )
    parser.add_argument("--expires", type=_span, metavar="TIME", help="like 90m, 12h or 2d; at most 7d, usually 1d")
    forms = parser.add_mutually_exclusive_group()
    for form, text in ((Form.EMBED, "HTML for a web page"), (Form.MARKDOWN, "Markdown")):
        forms.add_argument(
            f"--{form.value}", dest="form", action="store_const", const=form, default=Form.LINK, help=text
        )
    parser.add_argument("--key-pair-id", metavar="ID", help="of the public key at CloudFront, for --signed")
    parser.add_argument("--private-key", type=Path, metavar="FILE", help="the private key as a PEM file, for --signed")
    parser.add_argument("--json", action="store_true", help="one JSON object per link")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    if args.expires is not None and args.kind is LinkKind.CDN:
        raise SettingsInvalid("A plain CDN link has no end.", "No link was made.", "Add --signed or --presigned.")
    refs = refs_of(args, args.addresses)
    with connection_for(args, token) as connection:
        key = _signing_key(args, connection) if args.kind is LinkKind.SIGNED else None
        for ref in refs:
            if ref.bucket != connection.profile.bucket:
                raise SettingsInvalid(
                    "The objects are in several buckets.",
                    "No link was made.",
                    "Do one bucket after the other.",
                    subject=str(ref),
                )
            if not ref.key or ref.key.endswith("/"):
                raise SettingsInvalid(
                    "This address names no object.", "No link was made.", "Name its key.", subject=str(ref)
                )
        keys = [ref.key for ref in refs]
        about = describe(connection, keys, token) if args.form is not Form.LINK else {}
        sharing = make_links(connection, keys, Wanted(args.kind, args.expires or USUAL, key, about), token)
    for link in sharing.links:
        output.result(_facts(link, sharing, args.form), [text_of([link], args.form)])
    for sentence in _sentences(sharing):
        output.note(sentence)
    return 0


def _span(text: str) -> timedelta:
    try:
        return parse_span(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _signing_key(args: argparse.Namespace, connection: Connection) -> SigningKey | None:
    if bool(args.key_pair_id) != bool(args.private_key):
        raise SettingsInvalid(
            "A key pair is an ID and a private key.", "No link was made.", "Give both --key-pair-id and --private-key."
        )
    if args.private_key is not None:
        return SigningKey(args.key_pair_id, read_private_key(args.private_key))
    if connection.profile.kind in (ConnectionKind.PRACTICE, ConnectionKind.ENVIRONMENT):
        return None
    return SigningKeys(lambda: open_secret_store()[0]).find(connection.profile)


def _facts(link: Shared, sharing: Sharing, form: Form) -> dict[str, Any]:
    return {
        "bucket": link.ref.bucket,
        "key": link.ref.key,
        "kind": link.kind.value,
        "url": link.url,
        "until": link.until,
        "shortened": sharing.shortened,
        "may_end_sooner": sharing.may_end_sooner,
        "remarks": sharing.remarks,
        **({"title": link.title, "form": form.value, "text": text_of([link], form)} if form is not Form.LINK else {}),
    }


def _sentences(sharing: Sharing) -> list[str]:
    found = list(sharing.remarks)
    if sharing.until is not None:
        local = sharing.until.astimezone()
        found.append(f"Works until {local:%Y-%m-%d %H:%M:%S} ({local:%Z}). Whoever has the link can watch.")
    if sharing.shortened:
        found.append("That is as long as the sign-in of this connection lasts.")
    if sharing.may_end_sooner:
        found.append("It ends sooner if the session token does, which does not say when that is.")
    return found
