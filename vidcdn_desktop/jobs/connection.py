"""An open connection: storage and CDN of one profile, and the answers both give together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.clients import ClientSet, build_clients
from vidcdn_desktop.credentials.identity import bucket_region
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, SecretStore
from vidcdn_desktop.credentials.profiles import ProfileStore
from vidcdn_desktop.delivery.distributions import CloudFrontCdn
from vidcdn_desktop.delivery.invalidation import invalidation_path, merge_paths, request_invalidation
from vidcdn_desktop.delivery.model import Cdn, Distribution, Invalidation, PlayableUrl
from vidcdn_desktop.delivery.urls import playable_urls
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.endpoints import Endpoint, EndpointBook
from vidcdn_desktop.jobs.plan import Destination, pick_url
from vidcdn_desktop.network import AS_FOUND, NetworkSettings
from vidcdn_desktop.storage.capabilities import EndpointProfile
from vidcdn_desktop.storage.port import Storage
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.weather import reachable

_log = logging.getLogger(__name__)

MAX_CONNECTIONS = 20
"""HTTP connections per client: two jobs of eight parts, and a few for lists and checks."""


def _not_saved(_profile_id: str) -> ConnectionProfile | None:
    return None


class Connection:
    """Storage and CDN of one profile. Any thread may call any method; close it when done."""

    def __init__(
        self,
        profile: ConnectionProfile,
        clients: ClientSet,
        *,
        parallel_parts: int = 8,
        network: NetworkSettings = AS_FOUND,
        find_profile: Callable[[str], ConnectionProfile | None] = _not_saved,
        book: EndpointBook | None = None,
        home: Connection | None = None,
    ) -> None:
        """Join the clients of one profile.

        Args:
            profile: The connection.
            clients: Its clients; closed with it.
            parallel_parts: Parts sent at the same time.
            network: The user's proxy and authorities, for what goes to the CDN.
            find_profile: The connection as it is saved now, by id; None if it is not saved.
            book: Where the features of stores are remembered.
            home: The connection of the account's other bucket that this one was made from; see `at`.
        """
        self.profile = profile
        self.clients = clients
        self.parallel_parts = parallel_parts
        self.network = network
        self._find_profile = find_profile
        self._book = book or EndpointBook()
        self._home = home
        self._others: dict[str, Connection] = {}
        """Connections for other buckets, by bucket."""
        self._signing: Connection | None = None
        """See `for_signing`, once it is known."""
        storage = S3Storage(
            clients.s3,
            transfer_client=clients.s3_transfer,
            expected_bucket_owner=profile.expected_bucket_owner,
        )
        self.storage: Storage = storage
        cloudfront = None if _is_elsewhere(profile) else clients.cloudfront
        self.cdn: Cdn | None = CloudFrontCdn(cloudfront) if cloudfront is not None else None
        self._cdn_problem: VidcdnError | None = None
        self._lock = threading.Lock()
        self._endpoint = Endpoint(
            profile, clients, has_cdn=self.cdn is not None, book=self._book, learned=storage.adopt
        )
        self._endpoint.known()
        self._distributions: tuple[Distribution, ...] | None = None

    @property
    def cdn_problem(self) -> VidcdnError | None:
        """Why the distributions could not be listed (the bucket may work all the same)."""
        return (self._home or self)._cdn_problem

    def endpoint_profile(self, token: CancelToken, *, refresh: bool = False) -> EndpointProfile:
        """What the store can do, found out once and remembered; `storage` goes by it from then on.

        Amazon S3 and the practice cloud are known. Any other store is asked the first time, by harmless calls on one
        random key below the prefix that is removed again: see `storage.probing`. Blocks then.

        Raises: Cancelled. BucketNotFound, WrongRegion, CredentialsRejected, CredentialsExpired, CredentialsMissing,
            ClockWrong, Offline.
        """
        return self._endpoint.find_out(token, refresh=refresh)

    @property
    def known_endpoint(self) -> EndpointProfile | None:
        """What is known of the store without asking it; None if nothing."""
        return self._endpoint.known()

    @property
    def is_known_store(self) -> bool:
        """Whether the store never needs to be asked: Amazon S3 and the practice cloud."""
        return self._endpoint.is_given

    def prepare_publish(self, token: CancelToken) -> None:
        """Find out before the first upload what the store can do. What goes wrong here is left to the upload to tell.

        Raises: Cancelled.
        """
        try:
            self.endpoint_profile(token)
        except VidcdnError as exc:
            _log.info("what the store can do is not known: %s", exc.what)

    def reload_credentials(self) -> bool:
        """Look for another key in the AWS files, the environment or the keyring; see `ClientSet.reload_credentials`.

        True tells the calling thread, whose request was refused, that trying again may help. Blocks. Never raises.
        """
        try:
            saved = self._find_profile(self.profile.id)
        except VidcdnError as exc:
            _log.info("the saved connection cannot be read: %s", exc.what)
            saved = None
        return self.clients.reload_credentials(saved)

    def reachable(self) -> Callable[[], bool] | None:
        """A look whether the store's address answers; None where a proxy stands between, which always does."""
        endpoint = self.clients.endpoint
        if self.network.proxy_for(endpoint):
            return None
        parts = urlsplit(endpoint)
        return reachable(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    def distributions(self, *, refresh: bool = False) -> tuple[Distribution, ...]:
        """The account's distributions, asked once. Blocks the first time; empty where they may not be listed."""
        if self._home is not None:
            return self._home.distributions(refresh=refresh)
        with self._lock:
            if self._distributions is None or refresh:
                self._distributions = self._ask()
            return self._distributions

    @property
    def known_distributions(self) -> tuple[Distribution, ...]:
        """The account's distributions as far as they were asked. Never blocks."""
        return (self._home or self)._distributions or ()

    def _ask(self) -> tuple[Distribution, ...]:
        self._cdn_problem = None
        if self.cdn is None:
            return ()
        try:
            return self.cdn.list_distributions()
        except VidcdnError as exc:
            self._cdn_problem = exc
            return ()

    def destination(self) -> Destination:
        """What planning needs to know. Blocks the first time."""
        return Destination(self.profile.bucket, self.distributions(), self.profile.distribution_id)

    def serving(self) -> tuple[Distribution, ...]:
        """The distributions that serve keys below this connection's prefix. Blocks the first time."""
        probe = f"{self.profile.prefix}/probe.mp4" if self.profile.prefix else "probe.mp4"
        ids = {url.distribution_id for url in playable_urls(self.distributions(), self.profile.bucket, probe)}
        return tuple(d for d in self.distributions() if d.id in ids)

    def url_of(self, key: str) -> PlayableUrl | None:
        """The link to a key, or None where no distribution serves it. Blocks the first time."""
        return pick_url(self.destination(), key)

    def domains_of(self, keys: Sequence[str]) -> tuple[str, ...]:
        """The domains that serve any of `keys`, the chosen distribution's first. Blocks the first time."""
        found: dict[str, str] = {}
        hosts = {d.id: d.host for d in self.distributions()}
        for key in keys:
            for url in playable_urls(self.distributions(), self.profile.bucket, key):
                if url.enabled:
                    found[url.distribution_id] = hosts.get(url.distribution_id, "")
            if len(found) == len(hosts):
                break
        order = sorted(found, key=lambda d: d != self.profile.distribution_id)
        return tuple(found[d] for d in order if found[d])

    def invalidate_keys(self, keys: Sequence[str], *, caller_reference: str, token: CancelToken) -> list[Invalidation]:
        """Remove cached copies of `keys` from every distribution that serves them; the chosen one first.

        Waits its turn where CloudFront is still busy with earlier ones.

        Raises: what `Cdn.create_invalidation` raises. Cancelled.
        """
        if self.cdn is None:
            return []
        return [
            request_invalidation(self.cdn, distribution, paths, f"{caller_reference}-{number}", token=token)
            for number, (distribution, paths) in enumerate(self.invalidation_paths(keys).items())
        ]

    def invalidation_paths(self, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What removes cached copies of `keys`, by distribution, the chosen one first. Blocks the first time."""
        paths: dict[str, list[str]] = {}
        for key in keys:
            for url in playable_urls(self.distributions(), self.profile.bucket, key):
                if url.enabled:
                    path = invalidation_path(unquote(url.url_path).removeprefix("/"))
                    paths.setdefault(url.distribution_id, []).append(path)
        first = self.url_of(keys[0]) if keys else None
        order = sorted(paths, key=lambda d: first is None or d != first.distribution_id)
        return {distribution: merge_paths(paths[distribution]) for distribution in order}

    def with_bucket(self, bucket: str, prefix: str) -> Connection:
        """The same account, another bucket or prefix; shares the clients."""
        other = Connection(
            replace(self.profile, bucket=bucket, prefix=prefix),
            self.clients,
            parallel_parts=self.parallel_parts,
            network=self.network,
            find_profile=self._find_profile,
            book=self._book,
        )
        other._distributions = self._distributions
        return other

    @property
    def is_home(self) -> bool:
        """Whether it is about the bucket of its profile, and not one that `at` gave."""
        return self._home is None

    def known_at(self, bucket: str) -> Connection | None:
        """What `at` gives, if it can without asking anybody; else None. Never blocks."""
        home = self._home or self
        return home if bucket in ("", home.profile.bucket) else home._others.get(bucket)

    def at(self, bucket: str, region: str = "") -> Connection:
        """This connection, about another bucket that the same key can reach.

        There is one for each bucket. It has the account's distributions, so its links and invalidations are about its
        own bucket; a bucket of another region gets clients of that region, since links that are signed for a wrong one
        do not work. Closed with the connection it came from. Any thread; blocks.

        Args:
            bucket: Its name; empty, or the connection's own: the connection itself.
            region: Where it lives, if that is known; else it is asked.

        Raises: BucketNotFound, CredentialsRejected, CredentialsExpired, CredentialsMissing, ClockWrong, Throttled,
            Offline, ServiceTrouble.
        """
        home = self._home or self
        known = home.known_at(bucket)
        if known is not None:
            return known
        clients = home.clients
        if home.profile.kind is not ConnectionKind.S3_COMPATIBLE:  # such stores say what they like
            region = region or bucket_region(clients, bucket)
            if region and region != clients.region:
                clients = clients.in_region(region)
        made = home._sibling(bucket, "", clients)
        with home._lock:
            kept = home._others.setdefault(bucket, made)
        if kept is not made and clients.is_branch:
            clients.close()
        return kept

    def for_signing(self) -> Connection:
        """This connection with the region its bucket really lives in, for links that are signed.

        The SDK finds the right region by itself when it asks; whoever opens a link is only told that it is the wrong
        one. Blocks the first time; where the region is not told, the connection itself.
        """
        if self._signing is None:
            clients, bucket, region = self.clients, self.profile.bucket, ""
            if self._home is None and self.profile.kind is not ConnectionKind.S3_COMPATIBLE:
                try:
                    region = bucket_region(clients, bucket)
                except VidcdnError as exc:
                    _log.info("where the bucket lives is not known: %s", exc.what)
                    return self
            right = self
            if region and region != clients.region:
                right = self._sibling(bucket, self.profile.prefix, clients.in_region(region))
            self._signing = right
        return self._signing

    def _sibling(self, bucket: str, prefix: str, clients: ClientSet) -> Connection:
        """The same account through these clients."""
        home = self._home or self
        region = clients.region if clients.is_branch else home.profile.region
        return Connection(
            replace(home.profile, bucket=bucket, prefix=prefix, region=region),
            clients,
            parallel_parts=home.parallel_parts,
            network=home.network,
            find_profile=home._find_profile,
            book=home._book,
            home=home,
        )

    def close(self) -> None:
        """Close idle HTTP connections, those for other buckets too. One that `at` gave is closed by its home."""
        if self._home is not None:
            return
        for other in (*self._others.values(), self._signing):
            if other is not None and other.clients.is_branch:
                other.clients.close()
        self.clients.close()


def _is_elsewhere(profile: ConnectionProfile) -> bool:
    """Whether S3 is somebody else's: then nothing about it is asked of AWS, unless a distribution was named."""
    host = urlsplit(profile.endpoint_url).hostname or ""
    aws = not host or host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    return not aws and not profile.cloudfront_endpoint_url and not profile.distribution_id


def open_connection(
    profile: ConnectionProfile,
    secrets: SecretStore,
    *,
    parallel_parts: int = 8,
    network: NetworkSettings = AS_FOUND,
) -> Connection:
    """Build the clients of a profile. Blocks (keyring, SDK import); sends nothing.

    Args:
        profile: The connection; a saved one is looked up again when its key is reloaded.
        secrets: Where the secret of a key lives.
        parallel_parts: Parts sent at the same time.
        network: The user's proxy and authorities.

    Raises: CredentialsMissing, KeyringLocked, SettingsInvalid.
    """
    clients = build_clients(profile, secrets, max_connections=MAX_CONNECTIONS, network=network)
    return Connection(profile, clients, parallel_parts=parallel_parts, network=network, find_profile=ProfileStore().get)
