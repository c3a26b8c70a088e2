"""What every call of the SDK needs: its arguments from our values, its refusals, its exceptions in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from vidcdn_desktop import aws_errors
from vidcdn_desktop.storage.body import SourceFailure
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

REFUSALS = frozenset(
    {"NotImplemented", "InvalidRequest", "InvalidArgument", "UnsupportedOperation", "BadRequest", "501", "400"}
)
"""How compatible stores say that they do not know a header. Real S3 refuses none of ours this way."""

UNKNOWN_CONDITION = frozenset({"NotImplemented", "UnsupportedOperation", "501"})


@contextmanager
def translating(action: str, bucket: str, key: str = "") -> Iterator[None]:
    """Turn the SDK's exceptions into ours; `action` is the IAM action without "s3:"."""
    subject = f"s3://{bucket}/{key}"
    try:
        yield
    except SourceFailure as exc:
        raise exc.error from exc
    except (BotoCoreError, ClientError, HTTPError, OSError, ValueError, RecursionError) as exc:
        # RecursionError: botocore asks a store that redirects everything for the bucket's region without end.
        raise aws_errors.translate(exc, action=f"s3:{action}", subject=subject, bucket=bucket) from exc


def code_of(exc: ClientError) -> str:
    """The service's own code for an error."""
    return str(exc.response.get("Error", {}).get("Code", ""))


def is_aws(client: Any) -> bool:
    """Whether a client speaks to Amazon itself."""
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def object_arguments(ref: ObjectRef, headers: ObjectHeaders) -> dict[str, Any]:
    """Where an object goes and what it carries, as PutObject and CreateMultipartUpload name it."""
    arguments: dict[str, Any] = {
        "Bucket": ref.bucket,
        "Key": ref.key,
        "ContentType": headers.content_type,
        "CacheControl": headers.cache_control,
        "ContentDisposition": headers.content_disposition,
        "Metadata": dict(headers.metadata),
        **headers.carried,
    }
    return {name: value for name, value in arguments.items() if value}


def checksum_arguments(algorithm: str, checksum: str) -> dict[str, str]:
    """A checksum, as PutObject and UploadPart name it; nothing for no algorithm."""
    # The value is given, so the SDK computes nothing; the name of the algorithm makes stores echo it.
    return {"ChecksumAlgorithm": algorithm, f"Checksum{algorithm}": checksum} if algorithm else {}
