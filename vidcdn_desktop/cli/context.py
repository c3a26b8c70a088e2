"""Which connection a command works through: a saved one, the practice cloud, or the standard AWS environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.model import ConnectionKind
from vidcdn_desktop.credentials.profiles import ProfileStore, environment_profile
from vidcdn_desktop.credentials.secrets import MemorySecretStore, open_secret_store
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.practice import practice_session
from vidcdn_desktop.media.ffmpeg import Tools, find_tools
from vidcdn_desktop.settings import load_settings


def add_connection_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say where to work."""
    group = parser.add_argument_group("where")
    group.add_argument("--connection", metavar="NAME", help="a saved connection, or “practice” for the practice cloud")
    group.add_argument("--bucket", help="bucket name, with the standard AWS environment")
    group.add_argument("--distribution", metavar="ID", help="CloudFront distribution id")
    group.add_argument("--region", help="the bucket's region")


@contextmanager
def connection_for(args: argparse.Namespace, token: CancelToken, *, need_bucket: bool = True) -> Iterator[Connection]:
    """Open the connection the arguments name; close it, and end the practice cloud, afterwards.

    Raises: SettingsInvalid: no such connection, or no bucket. CredentialsMissing, KeyringLocked, ToolFailed.
    """
    settings = load_settings()
    if args.connection == "practice":
        with practice_session(token) as (profile, secrets):
            if args.bucket:
                profile = replace(profile, bucket=args.bucket)
            connection = open_connection(
                profile, secrets, parallel_parts=settings.parallel_parts, network=settings.network
            )
            try:
                yield connection
            finally:
                connection.close()
        return
    if args.connection:
        found = ProfileStore().get(args.connection)
        if found is None:
            raise SettingsInvalid(
                f"There is no connection named “{args.connection}”.",
                "Nothing was done.",
                "Name a connection saved in the app, or “practice”.",
                subject=args.connection,
            )
        profile = found
        # The environment and the AWS files are read by the SDK itself; everything else has its secret in the keyring.
        own = found.kind in (ConnectionKind.ACCESS_KEY, ConnectionKind.S3_COMPATIBLE)
        store = open_secret_store()[0] if own else MemorySecretStore()
    else:
        profile = environment_profile(args.bucket or "", distribution=args.distribution or "", prefix=settings.prefix)
        store = MemorySecretStore()
    profile = replace(
        profile,
        bucket=args.bucket or profile.bucket,
        distribution_id=args.distribution or profile.distribution_id,
        region=args.region or profile.region,
    )
    if need_bucket and not profile.bucket:
        raise SettingsInvalid(
            "No bucket was named.", "Nothing was done.", "Add --bucket NAME, or --connection NAME.", subject=""
        )
    connection = open_connection(profile, store, parallel_parts=settings.parallel_parts, network=settings.network)
    try:
        yield connection
    finally:
        connection.close()


def tools_for_settings() -> Tools:
    """Ffmpeg and ffprobe as set in the app, else as found."""
    settings = load_settings()
    return find_tools(settings.ffmpeg_path or None, settings.ffprobe_path or None)


def split_s3_address(text: str) -> tuple[str, str] | None:
    """Bucket and key of an s3:// address; None if it is not one."""
    if not text.startswith("s3://"):
        return None
    bucket, _, key = text[5:].partition("/")
    return bucket, key


def is_quiet() -> bool:
    """Whether the environment asks for no progress."""
    return bool(os.environ.get("CI"))
