"""The SDK clients of one connection, built once and shared by all threads.

They all hold one credential object (`shared.SharedCredentials`), so that a key that was renewed in the AWS files or
entered anew reaches an upload that is under way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from vidcdn_desktop import aws_errors
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, KeyLife, SecretStore
from vidcdn_desktop.credentials.profiles import endpoint_problem
from vidcdn_desktop.credentials.session import load_credentials, open_session
from vidcdn_desktop.errors import CredentialsMissing, SettingsInvalid
from vidcdn_desktop.network import AS_FOUND, NetworkSettings, is_loopback
from vidcdn_desktop.textsafe import display

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session
    from mypy_boto3_cloudfront import CloudFrontClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

    from vidcdn_desktop.credentials.shared import SharedCredentials

DEFAULT_REGION = "us-east-1"
_FEW_CONNECTIONS = 4
"""CloudFront and STS are asked one thing at a time."""

_CONTROL = "s3control"
_MEANING = "Nothing was published."


@dataclass(frozen=True)
class _Regional:
    """What belongs to one region."""

    s3: S3Client
    transfer: S3Client
    open_control: Callable[[], Any] | None


@dataclass(frozen=True)
class ClientSet:
    """The clients of one connection. Whoever built it closes it. Any thread may use the clients."""

    profile: ConnectionProfile
    s3: S3Client
    cloudfront: CloudFrontClient | None
    """None for an S3-compatible store: there is no CDN behind it."""
    sts: STSClient | None
    """None for an S3-compatible store."""
    region: str
    """What requests are signed for."""
    endpoint: str
    """Where S3 requests go, for the details: the address."""
    s3_transfer: S3Client
    """For the requests that carry films. Tries once: who sends knows better when to try again, and can be stopped
    while it waits."""
    credentials: SharedCredentials = field(repr=False)
    """What all of them sign with."""
    load: Callable[[ConnectionProfile], Credentials] = field(repr=False)
    """Reads the key of a profile from where it was read when this was built."""
    make_regional: Callable[[str], _Regional] = field(repr=False)
    """Makes the clients that belong to one region, for another one; they sign with the same credentials. Any thread."""
    open_control: Callable[[], Any] | None = field(default=None, repr=False)
    """Builds a client of S3 Control, which few ever need; whoever asks closes it. None where there is none: another
    store than Amazon S3, or the practice cloud."""
    is_branch: bool = False
    """It shares all but the S3 clients with the one it was made from, and closes only those."""

    def in_region(self, region: str) -> ClientSet:
        """The same account where another region keeps its buckets. Sends nothing; whoever asked closes it first."""
        made = self.make_regional(region)
        return replace(
            self,
            profile=replace(self.profile, region=region),
            s3=made.s3,
            s3_transfer=made.transfer,
            open_control=made.open_control,
            region=region,
            endpoint=str(made.s3.meta.endpoint_url),
            is_branch=True,
        )

    def reload_credentials(self, profile: ConnectionProfile | None = None) -> bool:
        """Look for another key where this one came from: the AWS files, the environment, the keyring.

        If there is one, all clients sign with it from their next request on. True tells the calling thread that trying
        again may help; a role whose every session has a new key is always True, so the caller counts its tries. Blocks
        (keyring, network for single sign-on); any thread but the GUI thread. Never raises for a source that cannot be
        read now.

        Args:
            profile: The connection as it is saved now, where a key has an id of its own that may have changed. One
                that is about another place is not used: the new key must not be sent to the old place.
        """
        wanted = profile or self.profile
        if _place_of(wanted) != _place_of(self.profile):
            return False
        return self.credentials.reload(lambda: self.load(wanted))

    def key_life(self) -> KeyLife:
        """How long the key is good that the next request is signed with. May block: a role is renewed first.

        Raises: CredentialsExpired, CredentialsMissing, Offline: it cannot be renewed.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self.credentials.life()
        except (BotoCoreError, ClientError) as exc:
            raise aws_errors.translate(
                exc, action="sts:AssumeRole", subject=self.profile.name, meaning="No link was made."
            ) from exc

    def close(self) -> None:
        """Close all network connections; twice is harmless. No request may be running."""
        others = () if self.is_branch else (self.cloudfront, self.sts)
        for client in (self.s3, self.s3_transfer, *others):
            if client is not None:
                client.close()

    def __enter__(self) -> ClientSet:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _place_of(profile: ConnectionProfile) -> tuple[object, ...]:
    return profile.id, profile.kind, profile.endpoint_url, profile.cloudfront_endpoint_url, profile.aws_profile


def build_clients(
    profile: ConnectionProfile,
    secrets: SecretStore,
    *,
    max_connections: int = 20,
    network: NetworkSettings = AS_FOUND,
) -> ClientSet:
    """Build the clients of a connection. Reads the keyring: never on the GUI thread. No request is sent.

    Args:
        profile: Which account, bucket and endpoint.
        secrets: Where the secret of a key lives.
        max_connections: S3 requests at the same time.
        network: The user's proxy and authorities.

    Raises: CredentialsMissing: no secret, no such AWS profile, nothing in the environment. KeyringLocked.
        SettingsInvalid: an endpoint that is neither https nor this computer, a certificate file that cannot be used,
        or another senseless value.
    """
    for url in (profile.endpoint_url, profile.cloudfront_endpoint_url):
        if url and (problem := endpoint_problem(url)):
            raise SettingsInvalid(problem, _MEANING, "Correct the address in Connections.", subject=url)
    # A desktop has no instance metadata; asking for it would stall for seconds.
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

    from botocore.exceptions import BotoCoreError

    built: list[Any] = []
    try:
        session, shared = open_session(profile, secrets, network)
        region = profile.region or _region_of(session) or DEFAULT_REGION
        turn = threading.Lock()

        def make_regional(wanted: str) -> _Regional:
            with turn:  # a session is not to be used by two threads at once
                url = profile.endpoint_url
                return _Regional(
                    _client(session, profile, "s3", url, wanted, max_connections, built),
                    _client(session, profile, "s3", url, wanted, max_connections, built, attempts=1),
                    (lambda: _control_client(session, profile, wanted)) if _has_control(session, profile) else None,
                )

        here = make_regional(region)
        cloudfront = sts = None
        if profile.has_cdn:
            control = profile.cloudfront_endpoint_url
            cloudfront = _client(session, profile, "cloudfront", control, region, _FEW_CONNECTIONS, built)
            sts = _client(session, profile, "sts", _sts_endpoint(profile), region, _FEW_CONNECTIONS, built)
    except BaseException as exc:
        for client in built:
            client.close()
        if isinstance(exc, (BotoCoreError, ValueError)):
            raise _in_words(exc, profile) from exc
        raise
    return ClientSet(
        profile=profile,
        s3=here.s3,
        cloudfront=cast("CloudFrontClient | None", cloudfront),
        sts=cast("STSClient | None", sts),
        region=region,
        endpoint=str(here.s3.meta.endpoint_url),
        s3_transfer=here.transfer,
        credentials=shared,
        load=lambda wanted: load_credentials(wanted, secrets, network),
        open_control=here.open_control,
        make_regional=make_regional,
    )


def _has_control(session: Session, profile: ConnectionProfile) -> bool:
    if not profile.has_cdn or profile.is_practice:
        return False
    if not profile.endpoint_url or _is_aws(profile.endpoint_url):
        return True
    configured = profile.kind in (ConnectionKind.ENVIRONMENT, ConnectionKind.AWS_PROFILE)
    return configured and bool(_configured_endpoint(session, _CONTROL))


def _control_client(session: Session, profile: ConnectionProfile, region: str) -> Any:
    client = _client(session, profile, _CONTROL, "", region, _FEW_CONNECTIONS, [])
    endpoint = str(client.meta.endpoint_url)
    if not _is_aws(endpoint):

        def keep_address(params: dict[str, Any], **_: Any) -> None:
            """An address that was named is used as it is, without the account's number before it."""
            path = urlsplit(params["url"])
            params["url"] = f"{endpoint.rstrip('/')}{path.path}{f'?{path.query}' if path.query else ''}"

        client.meta.events.register("before-call.s3-control", keep_address, unique_id="vidcdn-keep-address")
    return client


def _is_aws(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _region_of(session: Session) -> str:
    return str(session.get_config_variable("region") or "")


def _sts_endpoint(profile: ConnectionProfile) -> str:
    """The practice cloud answers for STS too; in the environment the SDK reads its own variable."""
    return profile.endpoint_url if profile.is_practice else ""


def _client(
    session: Session,
    profile: ConnectionProfile,
    service: str,
    endpoint_url: str,
    region: str,
    max_connections: int,
    built: list[Any],
    attempts: int | None = None,
) -> Any:
    from botocore.config import Config

    from vidcdn_desktop.credentials import sdk

    path_style = profile.path_style
    if profile.kind in (ConnectionKind.ENVIRONMENT, ConnectionKind.AWS_PROFILE) and not endpoint_url:
        # Found out by ourselves, so that an address in the AWS files is held to the same rules.
        endpoint_url = _configured_endpoint(session, service)
        path_style = path_style or bool(endpoint_url)
        if endpoint_url and (problem := endpoint_problem(endpoint_url)):
            raise SettingsInvalid(problem, _MEANING, "Correct the address in your AWS files.", subject=endpoint_url)
    # Variables like AWS_ENDPOINT_URL may be about another account; they must not send this key elsewhere.
    extra: dict[str, Any] = {"ignore_configured_endpoint_urls": True}
    if service != "s3":
        extra["signature_version"] = "v4"
    if endpoint_url and is_loopback(endpoint_url):
        extra["proxies"] = {}  # empty, not None: no proxy at all, whatever the session says
    config = sdk.client_config(
        max_connections=max_connections,
        path_style=path_style,
        endpoint_url=endpoint_url,
        **({} if attempts is None else {"attempts": attempts}),
    )
    client: Any = session.create_client(
        cast("Any", service),
        region_name=region,
        endpoint_url=endpoint_url or None,
        config=config.merge(cast("Any", Config)(**extra)),
    )
    built.append(client)
    if service == "s3":
        sdk.prepare_s3_client(client)
    return client


def _configured_endpoint(session: Session, service: str) -> str:
    """The address the AWS files or variables give for a service; empty for the usual one.

    Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
    """
    from botocore.configprovider import ConfiguredEndpointProvider

    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return ""
    provider = ConfiguredEndpointProvider(
        full_config=session.full_config, scoped_config=session.get_scoped_config(), client_name=service
    )
    return str(provider.provide() or "")


def _in_words(exc: Exception, profile: ConnectionProfile) -> Exception:
    if type(exc).__name__ == "ProfileNotFound":
        return CredentialsMissing(
            f"There is no AWS profile named “{display(profile.aws_profile, 60)}” on this computer.",
            _MEANING,
            "Choose another profile, or sign in with the AWS command line first.",
            subject=profile.aws_profile,
            code="ProfileNotFound",
        )
    return aws_errors.translate(exc, action="sts:GetCallerIdentity", subject=profile.name, meaning=_MEANING)
