"""The SDK session of one connection: where its key, its region and its trust come from.

The session is private to the connection: what the computer's environment says about other accounts never leaks into a
connection with a key of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, SecretStore
from vidcdn_desktop.credentials.secrets import SECRET_ACCESS_KEY, SESSION_TOKEN
from vidcdn_desktop.errors import CredentialsMissing, SettingsInvalid
from vidcdn_desktop.logs import register_secret
from vidcdn_desktop.network import NetworkSettings, check_ca_bundle, proxy_problem
from vidcdn_desktop.textsafe import display

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session

    from vidcdn_desktop.credentials.shared import SharedCredentials

_MEANING = "Nothing was published."


def open_session(
    profile: ConnectionProfile, secrets: SecretStore, network: NetworkSettings
) -> tuple[Session, SharedCredentials]:
    """A session whose clients all sign with the credentials that are given beside it. Reads the keyring.

    Raises: CredentialsMissing, KeyringLocked. SettingsInvalid: a certificate file or proxy that makes no sense.
    """
    from vidcdn_desktop.credentials.shared import SharedCredentials

    session = _session(profile, network)
    shared = SharedCredentials(_credentials(session, profile, secrets))
    session.register_component("credential_provider", _Given(shared))
    return session, shared


def load_credentials(profile: ConnectionProfile, secrets: SecretStore, network: NetworkSettings) -> Credentials:
    """Read a connection's key anew, as if it was opened now.

    Raises: CredentialsMissing, KeyringLocked, and the SDK's own errors.
    """
    return _credentials(_session(profile, network), profile, secrets)


class _Given:
    """A credential provider that has only one answer."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials:
        return self._credentials


def _session(profile: ConnectionProfile, network: NetworkSettings) -> Session:
    import botocore.session

    if profile.kind is ConnectionKind.AWS_PROFILE:
        session = botocore.session.Session(profile=profile.aws_profile)
        _refuse_prompts(session, profile.aws_profile)
    elif profile.kind is ConnectionKind.ENVIRONMENT:
        # Named only where the variables do not: a profile that is asked for by name would hide their keys.
        variables = (os.environ.get("AWS_DEFAULT_PROFILE"), os.environ.get("AWS_PROFILE"))
        named = profile.aws_profile if profile.aws_profile not in variables else ""
        session = botocore.session.Session(profile=named or None)
        _refuse_prompts(session, profile.aws_profile or "default")
    else:
        # (name in the AWS file, name of the variable, value): neither is read, only the value holds.
        session = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "region": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
        )
    _use_network(session, network)
    return session


def _use_network(session: Session, network: NetworkSettings) -> None:
    """Set proxy and trust for every client of the session, those included that fetch its credentials."""
    from botocore.config import Config

    from vidcdn_desktop.credentials import trust

    if problem := proxy_problem(network.proxy):
        raise SettingsInvalid(problem, _MEANING, "Correct the proxy under Settings, Network.")
    options: dict[str, Any] = {}
    proxies = network.sdk_proxies()
    if proxies is not None:
        options["proxies"] = proxies
    if network.ca_bundle:
        authorities = str(trust.authorities(network.ca_bundle))
        session.set_config_variable("ca_bundle", authorities)
        options["proxies_config"] = {"proxy_ca_bundle": authorities}
    elif named := str(session.get_config_variable("ca_bundle") or ""):
        check_ca_bundle(named, by_variable=True)
    if options:
        session.set_default_client_config(cast("Any", Config)(**options))


def _credentials(session: Session, profile: ConnectionProfile, secrets: SecretStore) -> Credentials:
    if profile.kind in (ConnectionKind.AWS_PROFILE, ConnectionKind.ENVIRONMENT):
        return _found(session, profile)
    return _own_key(profile, secrets)


def _own_key(profile: ConnectionProfile, secrets: SecretStore) -> Credentials:
    from botocore.credentials import Credentials

    secret = secrets.get(profile.id, SECRET_ACCESS_KEY)
    token = secrets.get(profile.id, SESSION_TOKEN)
    if not secret or not profile.access_key_id:
        raise CredentialsMissing(
            f"The secret key of “{display(profile.name, 60)}” is not on this computer.",
            _MEANING,
            "Enter the secret key again in Connections.",
            subject=profile.name,
        )
    register_secret(secret.reveal())
    if token:
        register_secret(token.reveal())
    return Credentials(profile.access_key_id, secret.reveal(), token.reveal() if token else None)


def _found(session: Session, profile: ConnectionProfile) -> Credentials:
    """What there is to sign with; a role or single sign-on is asked only when it is used."""
    from botocore.credentials import RefreshableCredentials

    found: Credentials | None = session.get_component("credential_provider").load_credentials()
    if found is None:
        what = (
            f"The AWS profile “{display(profile.aws_profile, 60)}” holds no key."
            if profile.aws_profile
            else "There is no key to sign in with in the AWS environment."
        )
        raise CredentialsMissing(
            what,
            _MEANING,
            "Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a connection.",
            subject=profile.aws_profile,
        )
    if not isinstance(found, RefreshableCredentials):
        register_secret(str(found.secret_key or ""))
        register_secret(str(found.token or ""))
    return found


def _refuse_prompts(session: Session, name: str) -> None:
    """Refuse a role that asks for a code: the SDK would read it from a terminal nobody looks at."""
    profiles = session.full_config.get("profiles", {})
    seen: set[str] = set()
    while name in profiles and name not in seen:
        seen.add(name)
        entry = profiles[name]
        if entry.get("role_arn") and entry.get("mfa_serial"):
            raise CredentialsMissing(
                f"The AWS profile “{display(name, 60)}” asks for the code of an MFA device.",
                _MEANING,
                "Sign in outside this program, and enter the key with its session token in Connections.",
                subject=name,
            )
        name = str(entry.get("source_profile", ""))
