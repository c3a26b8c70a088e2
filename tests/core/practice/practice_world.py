"""A practice cloud and the clients that talk to it, as the tests use them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from vidcdn_desktop.practice.cloud import PracticeCloud

_CONFIG = Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=30, s3={"addressing_style": "path"})


def client(
    cloud: PracticeCloud,
    service: str,
    *,
    key: str | None = None,
    secret: str | None = None,
    signature_version: str | None = None,
) -> Any:
    """A client of one service, with the practice key or another."""
    session = boto3.session.Session(
        aws_access_key_id=key or cloud.access_key_id,
        aws_secret_access_key=secret or cloud.secret_access_key,
        region_name=cloud.region,
    )
    config = _CONFIG.merge(Config(signature_version=signature_version)) if signature_version else _CONFIG
    return session.client(service, endpoint_url=cloud.endpoint_url, config=config)


@dataclass
class World:
    """The cloud and what talks to it."""

    cloud: PracticeCloud
    s3: Any
    cloudfront: Any
    sts: Any
    http: urllib3.PoolManager

    def get(self, path: str, *, base: str | None = None, method: str = "GET", **headers: str) -> Any:
        """A viewer's request; header names with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, (base or self.cloud.edge_url) + path, headers=named, retries=False)

    def put(self, body: bytes, *, suffix: str = ".mp4", **options: Any) -> str:
        """Store bytes under a key of their own; gives the key."""
        key = f"t/{uuid.uuid4().hex}{suffix}"
        self.s3.put_object(Bucket=self.cloud.bucket, Key=key, Body=body, **options)
        return key

    def invalidate(self, *paths: str, reference: str | None = None, distribution: str | None = None) -> Any:
        """CreateInvalidation; gives the invalidation."""
        batch = {
            "Paths": {"Quantity": len(paths), "Items": list(paths)},
            "CallerReference": reference or uuid.uuid4().hex,
        }
        target = distribution or self.cloud.distribution_id
        return self.cloudfront.create_invalidation(DistributionId=target, InvalidationBatch=batch)["Invalidation"]

    def is_complete(self, invalidation: Any) -> bool:
        """Whether GetInvalidation says so."""
        found = self.cloudfront.get_invalidation(DistributionId=self.cloud.distribution_id, Id=invalidation["Id"])
        return bool(found["Invalidation"]["Status"] == "Completed")
