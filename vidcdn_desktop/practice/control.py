"""The CloudFront control API: moto's, with the invalidations, domain names and edges it does not model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from moto.cloudfront import models as moto_cloudfront
from moto.cloudfront.exceptions import CloudFrontException
from moto.utilities.paginator import paginate

from vidcdn_desktop.practice.behaviors import is_enabled
from vidcdn_desktop.practice.invalidations import Ledger, Pending, RefusedPaths
from vidcdn_desktop.practice.origin import ACCOUNT_ID

_PARTITION = "aws"


class EdgeFleet(Protocol):
    """Who serves viewers. Any thread may call any method."""

    def open(self, distribution: Any) -> str:
        """Start listening for a distribution; gives its domain name (host:port)."""
        ...

    def close(self, distribution_id: str) -> None:
        """Stop listening for a deleted distribution."""
        ...


class PracticeInvalidation(moto_cloudfront.Invalidation):
    """An invalidation that takes its time."""

    def __init__(self, distribution: Any, pending: Pending, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pending = pending
        super().__init__(distribution, list(pending.paths), pending.caller_reference)

    @property
    def status(self) -> str:
        """InProgress, then Completed."""
        return "Completed" if self._ledger.is_done(self._pending) else "InProgress"

    @status.setter
    def status(self, value: str) -> None:
        """Ignore the COMPLETED of the base class: the clock says when it really is."""


class PracticeCloudFront(moto_cloudfront.CloudFrontBackend):
    """moto's CloudFront, with edges behind it."""

    # moto finds the URL table of a backend through the module its class is from.
    __module__ = moto_cloudfront.__name__

    def __init__(self, fleet: EdgeFleet, ledger: Ledger) -> None:
        super().__init__(_PARTITION, ACCOUNT_ID)
        self._fleet = fleet
        self._ledger = ledger
        self._changes = threading.RLock()

    def install(self) -> None:
        """Become the backend moto's web server asks."""
        moto_cloudfront.cloudfront_backends[ACCOUNT_ID][_PARTITION] = self

    def create_distribution(self, distribution_config: dict[str, Any], tags: list[dict[str, str]]) -> Any:
        """CreateDistribution: the edge listens before the answer is written."""
        with self._changes:
            distribution, location, etag = super().create_distribution(distribution_config, tags)
            distribution.domain_name = self._fleet.open(distribution)
            return distribution, location, etag

    def delete_distribution(self, distribution_id: str, if_match: bool) -> None:
        """DeleteDistribution: only a disabled one goes."""
        with self._changes:
            distribution = self.distributions.get(distribution_id)
            if if_match and distribution is not None and is_enabled(distribution):
                raise CloudFrontException(
                    "DistributionNotDisabled", "The distribution you are trying to delete has not been disabled."
                )
            super().delete_distribution(distribution_id, if_match)
            self._fleet.close(distribution_id)

    def create_invalidation(self, dist_id: str, paths: Sequence[str], caller_ref: str) -> Any:
        """CreateInvalidation: the same reference with the same paths is the same invalidation."""
        with self._changes:
            distribution, _ = self.get_distribution(dist_id)
            paths = list(paths or ())
            for earlier in self.invalidations.get(dist_id, []):
                if earlier.caller_ref == caller_ref:
                    if sorted(earlier.paths) == sorted(paths):
                        return earlier
                    raise CloudFrontException(
                        "InvalidArgument", "The caller reference was already used with other invalidation paths."
                    )
            try:
                pending = self._ledger.accept(dist_id, paths, caller_ref)
            except RefusedPaths as refusal:
                raise CloudFrontException(refusal.code, refusal.message) from refusal
            invalidation = PracticeInvalidation(distribution, pending, self._ledger)
            self.invalidations.setdefault(dist_id, []).append(invalidation)
            return invalidation

    @paginate(pagination_model=moto_cloudfront.CloudFrontBackend.PAGINATION_MODEL)
    def list_invalidations(self, dist_id: str) -> list[Any]:
        """ListInvalidations, newest first."""
        self.get_distribution(dist_id)
        return list(reversed(self.invalidations.get(dist_id) or []))
