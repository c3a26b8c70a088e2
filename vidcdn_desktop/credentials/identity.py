"""What the *Test* button finds out: who we are, whether the clock is right, whether the bucket can be reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from vidcdn_desktop import aws_errors
from vidcdn_desktop.credentials.clients import ClientSet
from vidcdn_desktop.credentials.model import ConnectionKind
from vidcdn_desktop.errors import AccessDenied, VidcdnError, WrongRegion

CLOCK_TOLERANCE_S = 15 * 60.0
"""AWS refuses a signature that is older or newer than this. Source: S3 API Reference, RequestTimeTooSkewed."""

_MEANING = "Nothing was changed."


@dataclass(frozen=True)
class Identity:
    """Who signs."""

    account: str
    """12 digits."""
    arn: str
    """Of the user or the role's session."""
    is_root: bool
    """The account's owner, who may do everything: worth a remark."""


@dataclass(frozen=True)
class BucketAccess:
    """What can be told of a bucket without changing it."""

    bucket: str
    region: str
    """Where it lives; empty where the store does not say."""
    exists: bool
    readable: bool
    """Whether its objects may be listed; without that a missing object looks like a forbidden one."""


def who_am_i(clients: ClientSet) -> Identity | None:
    """Ask STS who signs; None for an S3-compatible store, which has nobody to ask.

    Raises: CredentialsRejected, CredentialsExpired, CredentialsMissing, ClockWrong, Offline, ServiceTrouble.
    Source: AWS STS API Reference, GetCallerIdentity.
    """
    if clients.sts is None:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = clients.sts.get_caller_identity()
    except (BotoCoreError, ClientError) as exc:
        raise aws_errors.translate(
            exc, action="sts:GetCallerIdentity", subject=clients.profile.name, meaning=_MEANING
        ) from exc
    arn = answer["Arn"]
    return Identity(answer["Account"], arn, arn.endswith(":root"))


def clock_offset_s(clients: ClientSet, bucket: str = "", *, now: Callable[[], float] = time.time) -> float | None:
    """How many seconds this computer's clock is ahead of the service's; negative if it is behind.

    Read from the Date of a real answer, a refusal included, so it also works when the clock is why we are refused.
    None if no answer came or it bore no date. Good to about a second.

    Args:
        clients: The connection.
        bucket: The bucket to ask for; the connection's own if empty.
        now: Seconds since the epoch on this computer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    before = now()
    try:
        answer: Mapping[str, Any] = clients.s3.head_bucket(Bucket=bucket or clients.profile.bucket)
    except ClientError as exc:
        answer = exc.response
    except BotoCoreError:
        return None
    after = now()
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        served = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None
    # The header drops the fraction of the second.
    return (before + after) / 2 - (served + 0.5)


def check_bucket(clients: ClientSet, bucket: str = "") -> BucketAccess:
    """See whether the bucket is there, in the connection's region, and may be listed.

    Args:
        clients: The connection.
        bucket: The bucket; the connection's own if empty.

    Raises: BucketNotFound, WrongRegion (names the region), CredentialsRejected, CredentialsExpired,
        CredentialsMissing, ClockWrong, Throttled, Offline, ServiceTrouble.
    Source: Amazon S3 API Reference, HeadBucket and ListObjectsV2.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    bucket = bucket or clients.profile.bucket
    owner: dict[str, Any] = {}
    if clients.profile.expected_bucket_owner:
        owner["ExpectedBucketOwner"] = clients.profile.expected_bucket_owner
    region = ""
    try:
        head = clients.s3.head_bucket(Bucket=bucket, **owner)
        region = head.get("BucketRegion", "")
    except (BotoCoreError, ClientError) as exc:
        fault = aws_errors.fault_of(exc)
        # A refused HEAD has no body and does not say why; the listing below does.
        if fault.status not in (400, 403):
            raise _in_words(exc, bucket) from exc
        region = fault.bucket_region
    _check_region(clients, bucket, region)
    prefix = f"{clients.profile.prefix}/" if clients.profile.prefix else ""
    try:
        clients.s3.list_objects_v2(Bucket=bucket, MaxKeys=1, Prefix=prefix, **owner)
    except (BotoCoreError, ClientError) as exc:
        error = _in_words(exc, bucket)
        if isinstance(error, AccessDenied):
            return BucketAccess(bucket, region, exists=True, readable=False)
        raise error from exc
    return BucketAccess(bucket, region, exists=True, readable=True)


def bucket_region(clients: ClientSet, bucket: str) -> str:
    """Where a bucket lives; empty where that is not told, as to those who may do nothing with it.

    Raises: BucketNotFound, CredentialsRejected, CredentialsExpired, CredentialsMissing, ClockWrong, Throttled, Offline,
        ServiceTrouble.
    Source: Amazon S3 API Reference, HeadBucket.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(clients.s3.head_bucket(Bucket=bucket).get("BucketRegion") or "")
    except (BotoCoreError, ClientError) as exc:
        fault = aws_errors.fault_of(exc)
        if fault.status in (301, 307, 400, 403):
            return fault.bucket_region
        raise _in_words(exc, bucket) from exc


def _in_words(exc: BaseException, bucket: str) -> VidcdnError:
    return aws_errors.translate(exc, action="s3:ListBucket", subject=f"s3://{bucket}", bucket=bucket, meaning=_MEANING)


def _check_region(clients: ClientSet, bucket: str, region: str) -> None:
    """The SDK follows a redirect to the right region by itself, but links it signs would not."""
    if clients.profile.kind is ConnectionKind.S3_COMPATIBLE:
        return  # such stores say what they like
    if region and region != clients.region:
        raise WrongRegion(
            f"The bucket “{bucket}” lives in another region ({region}).",
            _MEANING,
            f"Set the region to {region} in Connections.",
            subject=f"s3://{bucket}",
        )
