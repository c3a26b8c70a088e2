"""The port `Storage` over boto3's S3 client. SDK types and exceptions end here; writing is in `s3_writing`.

Source: Amazon S3 API Reference: HeadObject, GetObject, DeleteObject; for listings see `listing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cached_property

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Offline, ServiceTrouble
from vidcdn_desktop.storage.calls import translating
from vidcdn_desktop.storage.listing import MOST_THREADS, Lister
from vidcdn_desktop.storage.listing_model import Bucket, ListedPage, VersionPage
from vidcdn_desktop.storage.port import ListingPage, ObjectRef, RangeStream, StoredObject
from vidcdn_desktop.storage.reading import head_version, open_range
from vidcdn_desktop.storage.replies import head_to_object
from vidcdn_desktop.storage.s3_writing import S3Writer
from vidcdn_desktop.storage.weather import Weather

_PRESIGN_LIMIT_S = 7 * 24 * 3600
"""Source: Amazon S3 User Guide, "Sharing objects with presigned URLs"."""


class S3Storage(S3Writer):
    """An S3 bucket or one of a compatible store. Any thread may call any method; see `Storage`.

    Args:
        client: A boto3 S3 client that `credentials.sdk.prepare_s3_client` has prepared. Shared, never closed here.
        transfer_client: The same for requests that carry films; best one that tries once, since who sends knows
            better when to try again. Without it `client` sends, too.
        expected_bucket_owner: Account id, sent with every request; empty if unknown.
        checksum_algorithm: "CRC64NVME", "CRC32", "" for none, or None to find out: AWS takes CRC64NVME, elsewhere
            the first store that refuses it gets CRC32, and then none.
        profile: What is known of the store, to start from; see also `adopt`.
    """

    @cached_property
    def _lister(self) -> Lister:
        # The client that tries once: a cancel does not wake an SDK that sleeps before its next try.
        return Lister(self._transfer, self._owner)

    def head(self, ref: ObjectRef, version_id: str = "") -> StoredObject:
        """See `Storage.head`."""
        if version_id:
            return head_version(self._client, ref, version_id, self._owner)
        return head_to_object(ref, self._head(ref))

    def read_range(self, ref: ObjectRef, offset: int, length: int) -> bytes:
        """See `Storage.read_range`."""
        if length <= 0:
            return b""
        with translating("GetObject", ref.bucket, ref.key):
            reply = self._client.get_object(
                Bucket=ref.bucket, Key=ref.key, Range=f"bytes={offset}-{offset + length - 1}", **self._owner
            )
            with reply["Body"] as stream:
                # A store that ignores the range starts at 0 and says so by leaving Content-Range out.
                if offset and not reply.get("ContentRange"):
                    raise ServiceTrouble(
                        "The store does not give parts of an object.",
                        "Nothing was changed.",
                        "Use another store for videos.",
                        subject=str(ref),
                    )
                data: bytes = stream.read(length)
        told = reply.get("ContentLength")
        if told is not None and len(data) < min(length, int(told)):
            raise Offline(
                "The connection was cut in the middle of an answer.",
                "Nothing was changed.",
                "Try again.",
                subject=str(ref),
                retryable=True,
            )
        return data

    def open_range(
        self, stored: StoredObject, offset: int, length: int, *, token: CancelToken, version_id: str = ""
    ) -> AbstractContextManager[RangeStream]:
        """See `Storage.open_range`."""
        return open_range(self._transfer, stored, offset, length, token, version_id, self._owner)

    def delete(self, ref: ObjectRef, version_id: str = "") -> None:
        """See `Storage.delete`."""
        version = {"VersionId": version_id} if version_id else {}
        action = "DeleteObjectVersion" if version_id else "DeleteObject"
        with translating(action, ref.bucket, ref.key):
            self._client.delete_object(Bucket=ref.bucket, Key=ref.key, **version, **self._owner)

    def list_page(
        self, bucket: str, prefix: str = "", *, delimiter: str = "/", token: str = "", limit: int = 1000
    ) -> ListingPage:
        """See `Storage.list_page`."""
        page = self._lister.page(bucket, prefix, delimiter=delimiter, token=token, limit=limit)
        return ListingPage(tuple(page.rows()), tuple(page.prefixes), page.next_token)

    def list_pages(
        self,
        bucket: str,
        prefix: str = "",
        *,
        delimiter: str = "",
        token: CancelToken,
        start_after: str = "",
        parallel: int = MOST_THREADS,
        weather: Weather | None = None,
    ) -> Iterator[ListedPage]:
        """See `Storage.list_pages`."""
        return self._lister.pages(
            bucket,
            prefix,
            delimiter=delimiter,
            token=token,
            start_after=start_after,
            parallel=parallel,
            weather=weather,
        )

    def list_versions(
        self, bucket: str, prefix: str = "", *, delimiter: str = "", token: CancelToken, weather: Weather | None = None
    ) -> Iterator[VersionPage]:
        """See `Storage.list_versions`."""
        return self._lister.versions(bucket, prefix, delimiter=delimiter, token=token, weather=weather)

    def list_buckets(self) -> tuple[Bucket, ...]:
        """See `Storage.list_buckets`."""
        return self._lister.buckets()

    def presign_get(self, ref: ObjectRef, expires_s: int) -> str:
        """See `Storage.presign_get`. Makes no request; with temporary credentials the link dies with them."""
        with translating("GetObject", ref.bucket, ref.key):
            return str(
                self._client.generate_presigned_url(
                    "get_object",
                    Params={"Bucket": ref.bucket, "Key": ref.key},
                    ExpiresIn=max(1, min(expires_s, _PRESIGN_LIMIT_S)),
                )
            )
