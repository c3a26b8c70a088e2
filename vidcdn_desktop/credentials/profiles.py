"""Saved connections: a file without secrets, the rules a connection must keep, and the built-in ones."""

from __future__ import annotations

import dataclasses
import os
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vidcdn_desktop import paths
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.network import is_loopback as is_loopback
from vidcdn_desktop.settings import read_json_file, write_json_file

PRACTICE_ID = "practice"
ENVIRONMENT_ID = "environment"
_RESERVED_NAMES = frozenset({"practice", "practice cloud", "environment"})
"""What `--connection` and the window call the built-in ones."""

_VERSION = 1
_FIELDS = {f.name for f in dataclasses.fields(ConnectionProfile)}

# Source: Amazon S3 User Guide, "General purpose bucket naming rules".
_AWS_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_AWS_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_AWS_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_ANY_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_AWS_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}")
_ANY_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
_AWS_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")
_ANY_KEY_ID = re.compile(r"[!-.0-~]{1,256}")
"""Printable ASCII without blanks and without "/", which separates the fields of a signature's scope; Swift's
"account:user" fits."""
_DISTRIBUTION = re.compile(r"[A-Z0-9]{6,32}")
_PREFIX_BYTES = 512


class ProfileStore:
    """The connections the user made, in `connections.json`. Any thread may call any method.

    Fields and kinds of other versions are kept untouched. The practice cloud is never in it.

    Args:
        path: Another file than `connections.json` in the configuration folder.
        tell: Called with a sentence when the file was damaged and set aside.
    """

    def __init__(self, path: Path | None = None, tell: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._tell = tell
        self._lock = threading.Lock()

    def all(self) -> list[ConnectionProfile]:
        """Every saved connection, in the order they were made.

        Raises: SettingsInvalid: the file cannot be read.
        """
        with self._lock:
            return [profile for row in self._rows() if (profile := _profile_of(row)) is not None]

    def get(self, name_or_id: str) -> ConnectionProfile | None:
        """The connection of this id, or of this name whatever its case; None if there is none.

        Raises: SettingsInvalid: the file cannot be read.
        """
        profiles = self.all()
        for profile in profiles:
            if profile.id == name_or_id:
                return profile
        wanted = name_or_id.strip().casefold()
        return next((profile for profile in profiles if profile.name.casefold() == wanted), None)

    def save(self, profile: ConnectionProfile) -> None:
        """Keep a connection: a new one at the end, or in the place of the one with the same id.

        Raises: SettingsInvalid: it breaks a rule (see `validate_profile`) or the file cannot be written. DiskFull.
        """
        with self._lock:
            rows = self._rows()
            others = [other for row in rows if (other := _profile_of(row)) is not None]
            problems = validate_profile(profile, others)
            if profile.kind is ConnectionKind.PRACTICE or profile.id in (PRACTICE_ID, ENVIRONMENT_ID):
                problems = ["The built-in connections are not saved."]
            if problems:
                raise SettingsInvalid(problems[0], "The connection was not saved.", "Correct it and save again.")
            known = _row_of(profile)
            for index, row in enumerate(rows):
                if row.get("id") == profile.id:
                    rows[index] = {**row, **known}
                    break
            else:
                rows.append(known)
            self._write(rows)

    def remove(self, profile_id: str) -> None:
        """Forget a connection; one that is not there is fine. Its secrets are the caller's to delete.

        Raises: SettingsInvalid, DiskFull.
        """
        with self._lock:
            rows = self._rows()
            kept = [row for row in rows if row.get("id") != profile_id]
            if len(kept) != len(rows):
                self._write(kept)

    def _file(self) -> Path:
        if self._path is not None:
            return self._path
        try:
            return paths.config_dir() / "connections.json"
        except OSError as exc:
            raise SettingsInvalid(
                "The program's configuration folder cannot be used.",
                "Your videos are not affected.",
                "Check its permissions.",
                subject=str(exc.filename or ""),
            ) from exc

    def _rows(self) -> list[dict[str, Any]]:
        data = read_json_file(self._file(), self._tell) or {}
        rows = data.get("connections")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def _write(self, rows: list[dict[str, Any]]) -> None:
        write_json_file(self._file(), {"version": _VERSION, "connections": rows})


def new_profile_id() -> str:
    """An id for a new connection."""
    return str(uuid.uuid4())


def validate_profile(profile: ConnectionProfile, others: Iterable[ConnectionProfile] = ()) -> list[str]:
    """What is wrong with a connection, in sentences; empty if nothing is.

    Args:
        profile: The connection.
        others: The saved ones; names must differ from theirs.
    """
    compatible = profile.kind is ConnectionKind.S3_COMPATIBLE
    builtin = profile.id in (PRACTICE_ID, ENVIRONMENT_ID)
    problems = _name_problems(profile, others, builtin)
    problems += _bucket_problems(profile.bucket, compatible)
    problems += _prefix_problems(profile.prefix)
    region = _ANY_REGION if compatible else _AWS_REGION
    if profile.region and not region.fullmatch(profile.region):
        problems.append("The region is written like “eu-central-1”.")
    problems += _key_problems(profile)
    if profile.kind is ConnectionKind.AWS_PROFILE and not profile.aws_profile:
        problems.append("Choose a profile from your AWS files.")
    if compatible and not profile.endpoint_url:
        problems.append("Enter the address of the store, like “https://s3.example.com”.")
    for url in (profile.endpoint_url, profile.cloudfront_endpoint_url):
        if url and (problem := endpoint_problem(url)):
            problems.append(problem)
    if profile.distribution_id and not _DISTRIBUTION.fullmatch(profile.distribution_id):
        problems.append("A distribution's id is letters and digits, like “E2QWRUHAPOMQZL”.")
    if profile.expected_bucket_owner and not re.fullmatch(r"[0-9]{12}", profile.expected_bucket_owner):
        problems.append("An AWS account number has 12 digits.")
    return problems


def endpoint_problem(url: str) -> str:
    """What is wrong with an endpoint address, as a sentence; empty if nothing is.

    https always, http only to this computer itself: keys and films must not cross a network in the open.
    """
    wrong = "The address is written like “https://s3.example.com”."
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return wrong
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() or not c.isprintable() for c in url):
        return wrong
    if parts.username is not None or parts.password is not None:
        return "The address must not hold a user name or a password."
    if parts.query or parts.fragment:
        return wrong
    if parts.scheme == "http" and not is_loopback(url):
        return "The address must begin with https, so that nobody on the way can read along."
    return ""


def environment_profile(
    bucket: str, distribution: str = "", prefix: str = "", env: Mapping[str, str] | None = None
) -> ConnectionProfile:
    """The connection that the standard AWS variables describe, for the command line.

    Source: AWS SDKs and Tools Reference Guide, "Environment variables" and "Service-specific endpoints".
    """
    env = os.environ if env is None else env
    everything = env.get("AWS_ENDPOINT_URL", "")
    s3 = env.get("AWS_ENDPOINT_URL_S3", "") or everything
    cloudfront = env.get("AWS_ENDPOINT_URL_CLOUDFRONT", "") or everything
    if env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        s3 = cloudfront = ""
    return ConnectionProfile(
        id=ENVIRONMENT_ID,
        name="AWS environment",
        kind=ConnectionKind.ENVIRONMENT,
        bucket=bucket,
        prefix=prefix.strip("/"),
        region=env.get("AWS_REGION", "") or env.get("AWS_DEFAULT_REGION", ""),
        access_key_id=env.get("AWS_ACCESS_KEY_ID", ""),
        aws_profile=env.get("AWS_DEFAULT_PROFILE", "") or env.get("AWS_PROFILE", ""),
        endpoint_url=s3,
        cloudfront_endpoint_url=cloudfront,
        distribution_id=distribution,
        # Bucket names in front of an address like 127.0.0.1 or localhost do not resolve.
        path_style=bool(s3),
    )


def practice_profile(
    *,
    endpoint_url: str,
    cloudfront_endpoint_url: str,
    access_key_id: str,
    region: str,
    bucket: str,
    distribution_id: str,
) -> ConnectionProfile:
    """The connection to the practice cloud that runs now. Its secret goes into a memory store, never the keyring."""
    return ConnectionProfile(
        id=PRACTICE_ID,
        name="Practice cloud",
        kind=ConnectionKind.PRACTICE,
        bucket=bucket,
        region=region,
        access_key_id=access_key_id,
        endpoint_url=endpoint_url,
        cloudfront_endpoint_url=cloudfront_endpoint_url,
        distribution_id=distribution_id,
        path_style=True,
        session_only=True,
    )


def list_aws_profiles() -> list[str]:
    """The names of the profiles in the shared AWS files; nothing is copied from them.

    Raises: SettingsInvalid: the files cannot be read.
    """
    import botocore.exceptions
    import botocore.session

    try:
        return sorted(botocore.session.Session().available_profiles)
    except (botocore.exceptions.BotoCoreError, OSError, UnicodeDecodeError) as exc:
        raise SettingsInvalid(
            "The AWS configuration files on this computer cannot be read.",
            "Your videos are not affected.",
            "Correct the files in the folder .aws, or enter an access key instead.",
            code=type(exc).__name__,
        ) from exc


def _name_problems(profile: ConnectionProfile, others: Iterable[ConnectionProfile], builtin: bool) -> list[str]:
    name = profile.name
    if not name.strip():
        return ["Give the connection a name."]
    if name != name.strip() or not name.isprintable() or len(name) > 60:
        return ["A name has up to 60 characters, and no line breaks or blanks at its ends."]
    if builtin:
        return []
    if name.casefold() in _RESERVED_NAMES:
        return [f"“{name}” is the name of a built-in connection."]
    if any(o.id != profile.id and o.name.casefold() == name.casefold() for o in others):
        return [f"There is already a connection named “{name}”."]
    return []


def _bucket_problems(bucket: str, compatible: bool) -> list[str]:
    if not bucket:
        return ["Enter the bucket's name."]
    if compatible:
        if not _ANY_BUCKET.fullmatch(bucket):
            return ["A bucket's name is made of letters, digits, dots, hyphens and underscores."]
        return []
    if not 3 <= len(bucket) <= 63:
        return ["A bucket's name has 3 to 63 characters."]
    if not _AWS_BUCKET.fullmatch(bucket) or ".." in bucket:
        return [
            "A bucket's name is made of small letters, digits, dots and hyphens, "
            "with a letter or digit at both ends and no two dots in a row."
        ]
    if re.fullmatch(r"[0-9]+(\.[0-9]+){3}", bucket):
        return ["A bucket's name does not look like an IP address."]
    if bucket.startswith(_AWS_BUCKET_PREFIXES) or bucket.endswith(_AWS_BUCKET_SUFFIXES):
        return ["This name is kept by AWS for special buckets, which cannot hold videos for the web."]
    return []


def _prefix_problems(prefix: str) -> list[str]:
    if not prefix:
        return []
    if prefix.startswith("/") or prefix.endswith("/"):
        return ["The folder is written without a slash at its ends."]
    if any(segment in ("", ".", "..") for segment in prefix.split("/")):
        return ["The folder has an empty part, or one that is only dots."]
    if not prefix.isprintable() or len(prefix.encode("utf-8", "replace")) > _PREFIX_BYTES:
        return ["The folder's name is too long or has invisible characters."]
    return []


def _key_problems(profile: ConnectionProfile) -> list[str]:
    key_id = profile.access_key_id
    if profile.kind in (ConnectionKind.AWS_PROFILE, ConnectionKind.ENVIRONMENT):
        return []
    if not key_id:
        return ["Enter the access key ID."]
    if profile.kind is ConnectionKind.ACCESS_KEY:
        if len(key_id) == 40 and not key_id.isupper():
            return ["This looks like the secret key; the access key ID is the shorter one, like “AKIA…”."]
        if not _AWS_KEY_ID.fullmatch(key_id):
            return ["An access key ID is at least 16 capital letters and digits, like “AKIA…”."]
    elif not _ANY_KEY_ID.fullmatch(key_id):
        return ["An access key ID has no blanks and no slash."]
    return []


def _row_of(profile: ConnectionProfile) -> dict[str, Any]:
    row = {name: getattr(profile, name) for name in _FIELDS}
    row["kind"] = profile.kind.value
    return row


def _profile_of(row: Mapping[str, Any]) -> ConnectionProfile | None:
    """The connection in a row of the file; None for one this version does not understand."""
    try:
        kind = ConnectionKind(row.get("kind"))
    except ValueError:
        return None
    values: dict[str, Any] = {}
    for field in dataclasses.fields(ConnectionProfile):
        if field.name == "kind" or field.name not in row:
            continue
        value = row[field.name]
        wanted = bool if field.name in ("path_style", "session_only") else str
        if not isinstance(value, wanted):
            return None
        values[field.name] = value
    if not values.get("id") or not values.get("name") or kind is ConnectionKind.PRACTICE:
        return None
    return ConnectionProfile(kind=kind, **values)
