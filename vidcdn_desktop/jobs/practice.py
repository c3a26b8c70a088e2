"""The practice cloud as a connection like any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.model import ConnectionProfile, Secret
from vidcdn_desktop.credentials.profiles import practice_profile
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.practice.cloud import PracticeCloud


def practice_connection(cloud: PracticeCloud) -> tuple[ConnectionProfile, MemorySecretStore]:
    """The profile of a running practice cloud, and a store that holds its key in memory only."""
    profile = practice_profile(
        endpoint_url=cloud.endpoint_url,
        cloudfront_endpoint_url=cloud.cloudfront_endpoint_url,
        access_key_id=cloud.access_key_id,
        region=cloud.region,
        bucket=cloud.bucket,
        distribution_id=cloud.distribution_id,
    )
    secrets = MemorySecretStore()
    secrets.set(profile.id, "secret_access_key", Secret(cloud.secret_access_key))
    return profile, secrets


@contextmanager
def practice_session(token: CancelToken) -> Iterator[tuple[ConnectionProfile, MemorySecretStore]]:
    """A practice cloud for the length of the block.

    Raises: ToolFailed: it does not start. Cancelled.
    """
    cloud = PracticeCloud.start(token)
    try:
        yield practice_connection(cloud)
    finally:
        cloud.stop()
