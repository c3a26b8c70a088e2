"""The saved connections as the Connections dialog needs them: list, test, save, remove. Every method may block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.clients import build_clients
from vidcdn_desktop.credentials.identity import CLOCK_TOLERANCE_S, check_bucket, clock_offset_s, who_am_i
from vidcdn_desktop.credentials.model import ConnectionProfile, Secret, SecretStore
from vidcdn_desktop.credentials.profiles import (
    ENVIRONMENT_ID,
    PRACTICE_ID,
    ProfileStore,
    list_aws_profiles,
    validate_profile,
)
from vidcdn_desktop.credentials.secrets import SIGNING_KEY, SIGNING_KEY_ID, MemorySecretStore
from vidcdn_desktop.errors import AccessDenied, SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import MAX_CONNECTIONS, Connection
from vidcdn_desktop.jobs.connection_report import Check, CheckState, ConnectionReport
from vidcdn_desktop.network import AS_FOUND, NetworkSettings
from vidcdn_desktop.storage.capabilities import missing
from vidcdn_desktop.textsafe import display, plural

SECRET_FIELDS = ("secret_access_key", "session_token")


class SavedConnections:
    """Profiles in a file, secrets in the keyring or, without one, in memory."""

    def __init__(
        self,
        profiles: ProfileStore,
        open_store: Callable[[], tuple[SecretStore, str]],
        *,
        network: NetworkSettings = AS_FOUND,
    ) -> None:
        self._profiles = profiles
        self._open_store = open_store
        self._network = network
        self._lock = threading.Lock()
        self._opened: tuple[SecretStore, str] | None = None

    def _store(self) -> tuple[SecretStore, str]:
        """The secret store and its note, opened at first use: finding a keyring takes a while and may prompt."""
        with self._lock:
            if self._opened is None:
                self._opened = self._open_store()
            return self._opened

    @property
    def secrets(self) -> SecretStore:
        """Where the secrets are. Blocks the first time."""
        return self._store()[0]

    def profiles(self) -> tuple[ConnectionProfile, ...]:
        """All saved connections, without the built-in ones."""
        return tuple(self._profiles.all())

    def get(self, profile_id: str) -> ConnectionProfile | None:
        """One saved connection by id or name."""
        return self._profiles.get(profile_id)

    def aws_profile_names(self) -> tuple[str, ...]:
        """Profiles in the shared AWS files."""
        return tuple(list_aws_profiles())

    def keyring_note(self) -> str:
        """Where secrets go, said plainly; empty if the keyring takes them."""
        return self._store()[1]

    def save(self, profile: ConnectionProfile, secrets: Mapping[str, Secret]) -> ConnectionProfile:
        """Keep a connection; secrets that are not given stay as they are.

        Raises: SettingsInvalid: a field makes no sense. KeyringLocked, DiskFull.
        """
        problems = validate_profile(profile, self.profiles())
        if problems:
            raise SettingsInvalid(problems[0], "Nothing was saved.", "Correct the field.", subject=profile.name)
        # First the secret: a connection without one would only fail later.
        for field in SECRET_FIELDS:
            if secrets.get(field):
                self.secrets.set(profile.id, field, secrets[field])
        kept = replace(profile, session_only=bool(self.keyring_note()) and any(secrets.values()))
        self._profiles.save(kept)
        return kept

    @staticmethod
    def is_movable(profile: ConnectionProfile) -> bool:
        """Whether another bucket can be kept for a connection: not for those that are not saved themselves."""
        return profile.id not in (PRACTICE_ID, ENVIRONMENT_ID)

    def move(self, profile_id: str, bucket: str, region: str) -> ConnectionProfile:
        """Keep another bucket for a saved connection; its key and its folder stay.

        Raises: SettingsInvalid: it is not saved, or the name makes no sense. DiskFull.
        """
        profile = self.get(profile_id)
        if profile is None:
            raise SettingsInvalid("This connection is not saved.", "Nothing was changed.", "Save it in Connections.")
        # A distribution that was chosen serves the other bucket.
        moved = replace(profile, bucket=bucket, region=region or profile.region, distribution_id="")
        problems = validate_profile(moved, self.profiles())
        if problems:
            raise SettingsInvalid(problems[0], "Nothing was changed.", "Choose another bucket.", subject=bucket)
        self._profiles.save(moved)
        return moved

    def remove(self, profile_id: str) -> None:
        """Forget a connection and its secrets; nothing in the bucket changes.

        Raises: KeyringLocked.
        """
        for field in (*SECRET_FIELDS, SIGNING_KEY, SIGNING_KEY_ID):
            self.secrets.delete(profile_id, field)
        self._profiles.remove(profile_id)

    def test(self, profile: ConnectionProfile, secrets: Mapping[str, Secret]) -> ConnectionReport:
        """Ask who we are, whether clock and bucket are right, what its store can do, what serves it.

        Only harmless calls; a store that is not known beforehand is asked anew, with one small object of our own that
        is removed again. Secrets that are not given are taken from the store. Never raises for a refusal: that is
        what the report is for.
        """
        store = MemorySecretStore()
        try:
            for field in SECRET_FIELDS:
                secret = secrets.get(field) or self.secrets.get(profile.id, field)
                if secret:
                    store.set(profile.id, field, secret)
            clients = build_clients(profile, store, max_connections=MAX_CONNECTIONS, network=self._network)
        except VidcdnError as exc:
            return ConnectionReport((_failed("identity", exc),))
        connection = Connection(profile, clients, network=self._network)
        try:
            return _ask(connection)
        finally:
            connection.close()


def _failed(name: str, error: VidcdnError) -> Check:
    return Check(name, CheckState.FAILED, error.what, error.advice)


def _ask(connection: Connection) -> ConnectionReport:
    clients, profile = connection.clients, connection.profile
    checks: list[Check] = []
    account = ""
    try:
        who = who_am_i(clients)
        if who is not None:
            account = who.account
            checks.append(Check("identity", CheckState.OK, f"Signed in as {display(who.arn, 90)}"))
            if who.is_root:
                checks.append(
                    Check("power", CheckState.WARNING, "This is the account's root user", "Use an IAM user or a role.")
                )
    except AccessDenied:
        checks.append(Check("identity", CheckState.UNKNOWN, "Who this key belongs to is not visible"))
    except VidcdnError as exc:
        checks.append(_failed("identity", exc))
    checks += _clock(connection)
    region, bucket_checks = _bucket(connection)
    checks += bucket_checks
    if profile.bucket and all(check.state is not CheckState.FAILED for check in checks):
        checks += _store(connection)
    checks += _cdn(connection)
    return ConnectionReport(tuple(checks), connection.serving() if profile.bucket else (), region, account)


def _clock(connection: Connection) -> list[Check]:
    offset = clock_offset_s(connection.clients)
    if offset is None:
        return [Check("clock", CheckState.UNKNOWN, "The clock could not be compared")]
    if abs(offset) < CLOCK_TOLERANCE_S:
        return [Check("clock", CheckState.OK, f"Clock is right, within {max(1, round(abs(offset)))} s")]
    way = "ahead" if offset > 0 else "behind"
    text = f"Your computer's clock is {round(abs(offset) / 60)} minutes {way}, so AWS refuses the signature"
    return [Check("clock", CheckState.FAILED, text, "Set the clock; automatic time is best.")]


def _bucket(connection: Connection) -> tuple[str, list[Check]]:
    bucket = connection.profile.bucket
    if not bucket:
        return "", [Check("bucket", CheckState.UNKNOWN, "No bucket named yet")]
    try:
        access = check_bucket(connection.clients)
    except VidcdnError as exc:
        return "", [_failed("bucket", exc)]
    where = f" in {access.region}" if access.region else ""
    if not access.readable:
        return access.region, [
            Check(
                "bucket",
                CheckState.WARNING,
                f"Bucket {bucket} is there{where}, but may not be listed",
                "Publishing can work all the same; the Library needs s3:ListBucket.",
            )
        ]
    return access.region, [Check("bucket", CheckState.OK, f"Bucket {bucket} reachable{where}")]


def _store(connection: Connection) -> list[Check]:
    """What the store can do, asked anew; nothing for Amazon S3, which is known."""
    if connection.is_known_store:
        return []
    try:
        profile = connection.endpoint_profile(CancelToken(), refresh=True)
    except VidcdnError as exc:
        return [Check("store", CheckState.UNKNOWN, "What this store can do could not be found out", exc.what)]
    if not profile.is_known:
        where = f"below “{display(connection.profile.prefix, 60)}/”" if connection.profile.prefix else "to the bucket"
        return [
            Check(
                "store",
                CheckState.UNKNOWN,
                "What this store can do could not be found out",
                f"This key may not write {where}, or not delete what it wrote.",
            )
        ]
    lacks = missing(profile)
    if not lacks:
        return [Check("store", CheckState.OK, "The store has everything that safe uploads need")]
    return [Check("store", CheckState.WARNING, lack.what, _as_sentence(lack.meaning)) for lack in lacks]


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cdn(connection: Connection) -> list[Check]:
    if connection.cdn is None:
        return [Check("cdn", CheckState.UNKNOWN, "An S3-compatible store has no CloudFront; links will be signed")]
    serving = connection.serving()
    if connection.cdn_problem is not None:
        return [_failed("cdn", connection.cdn_problem)]
    if not serving:
        return [
            Check(
                "cdn",
                CheckState.WARNING,
                "No distribution serves this bucket",
                "Videos get a link straight to the bucket that expires.",
            )
        ]
    names = ", ".join(d.host for d in serving[:3])
    return [Check("cdn", CheckState.OK, f"Served by {plural(len(serving), 'distribution')}: {display(names, 80)}")]
