"""The calls of a probe on its one key: their answers sorted by what they prove, and everything removed afterwards."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from vidcdn_desktop import aws_errors
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.calls import code_of
from vidcdn_desktop.storage.capabilities import Support
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.replies import Reply, version_of

_log = logging.getLogger(__name__)

_CLEAN_UP_TRIES = 4

_MEANING = "Nothing was changed."

_FATAL = (
    e.CredentialsRejected,
    e.CredentialsExpired,
    e.CredentialsMissing,
    e.ClockWrong,
    e.BucketNotFound,
    e.WrongRegion,
    e.Offline,
)
"""These say nothing about a feature; no other call would fare better."""


class How(Enum):
    """How a call ended."""

    DONE = "done"
    TAKEN = "taken"
    """412: the condition was understood."""
    REFUSED = "refused"
    DENIED = "denied"
    """For lack of permission."""
    TROUBLE = "trouble"
    """Something that says nothing about the feature."""


@dataclass(frozen=True)
class Answer:
    """The end of one call."""

    how: How
    reply: Reply
    """Empty unless the call was done."""
    gone: bool = False
    """The upload id is not known any more."""

    @property
    def done(self) -> bool:
        """Whether the store said yes."""
        return self.how is How.DONE

    @property
    def support(self) -> Support:
        """Whether what was asked for is there, where doing it is the proof."""
        return {How.DONE: Support.YES, How.REFUSED: Support.NO}.get(self.how, Support.UNKNOWN)

    @property
    def refusal(self) -> Support:
        """Whether what was asked for is there, where refusing with 412 is the proof."""
        table = {How.TAKEN: Support.YES, How.DONE: Support.NO, How.REFUSED: Support.NO}
        return table.get(self.how, Support.UNKNOWN)


class ProbeCalls:
    """Calls on one key of ours, and what they leave there.

    Args:
        client: A prepared S3 client.
        bucket: The bucket.
        key: The only key that is touched.
        token: Cancels.
        owner: Account id, sent with every request; empty if unknown.
    """

    def __init__(self, client: Any, bucket: str, key: str, token: CancelToken, owner: str) -> None:
        self._client = client
        self.where = {"Bucket": bucket, "Key": key}
        """Bucket and key as every call takes them."""
        self._token: CancelToken | None = token
        self._owner = {"ExpectedBucketOwner": owner} if owner else {}
        self._written = False
        self.versions: list[str] = []
        """Of what was written, as far as the store told them."""
        self._uploads: list[str] = []
        self._began_upload = False
        self.server = ""
        """The store's first Server header."""

    # Asking
    def ask(self, operation: str, **arguments: Any) -> Answer:
        """One call on our key.

        Raises: Cancelled, and what no other call would survive.
        """
        self._written = self._written or operation == "put_object"
        self._began_upload = self._began_upload or operation == "create_multipart_upload"
        with self.translated():
            try:
                reply: Reply = getattr(self._client, operation)(**self.where, **self._owner, **arguments)
            except ClientError as exc:
                self._note_server(exc.response)
                return self._judge(exc)
            except ResponseParserError:
                return Answer(How.TROUBLE, {})
        self._note_server(reply)
        if operation in ("put_object", "complete_multipart_upload"):
            self.versions += filter(None, [version_of(reply)])
        if operation == "create_multipart_upload":
            if not reply.get("UploadId"):
                return Answer(How.TROUBLE, {})  # cut in its head; what was begun is found by listing
            self._uploads.append(str(reply["UploadId"]))
        return Answer(How.DONE, reply)

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Cuts the connection on cancel, and tells its failures in our words."""
        bucket = self.where["Bucket"]
        with cuttable(self._token):
            try:
                yield
            except (BotoCoreError, HTTPError, OSError, ValueError, RecursionError) as exc:
                raise aws_errors.translate(
                    exc, action="s3:PutObject", subject=f"s3://{bucket}", bucket=bucket, meaning=_MEANING
                ) from exc

    def _judge(self, exc: ClientError) -> Answer:
        bucket = self.where["Bucket"]
        meta = exc.response.get("ResponseMetadata", {})
        status, code = int(meta.get("HTTPStatusCode") or 0), code_of(exc)
        if status == 412 or code == "PreconditionFailed":
            return Answer(How.TAKEN, {})
        if status == 501:
            return Answer(How.REFUSED, {})
        error = aws_errors.translate(
            exc, action="s3:PutObject", subject=f"s3://{bucket}", bucket=bucket, meaning=_MEANING
        )
        if isinstance(error, _FATAL):
            raise error from exc
        if isinstance(error, e.AccessDenied):
            return Answer(How.DENIED, {})
        if isinstance(error, e.Throttled) or status == 409 or not 400 <= status < 500:
            return Answer(How.TROUBLE, {})
        return Answer(How.REFUSED, {}, gone=code == "NoSuchUpload")

    def _note_server(self, reply: Reply) -> None:
        headers = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        self.server = self.server or str(headers.get("server") or "")[:80]

    # Leaving nothing behind
    def clean_up(self) -> None:
        """Remove whatever this run has made. Never raises for what cannot be removed; goes on after a cancel."""
        self._token = None
        for step in (self._abort_uploads, self._delete_objects):
            self._insist(step)

    def _insist(self, step: Callable[[], None]) -> None:
        """One step of cleaning up, again from its start when the network breaks it off."""
        for tries_left in reversed(range(_CLEAN_UP_TRIES)):
            try:
                step()
            except e.BucketNotFound:
                return  # a bare 404 to the last look: the object is not there
            except e.VidcdnError as exc:
                if not tries_left:
                    _log.warning("the test object %s could not be removed: %s", self.where["Key"], exc.what)
            else:
                return

    def clean_up_earlier(self) -> None:
        """Remove what an earlier run has left under this key, whose process was ended before it could."""
        self._began_upload = self._written = True
        self.clean_up()

    def _abort_uploads(self) -> None:
        if not self._began_upload:
            return
        found = self._list("list_multipart_uploads", "Uploads")
        # Also those whose id never reached us; those that are gone are no trouble.
        for upload_id in dict.fromkeys([*self._uploads, *(str(item["UploadId"]) for item in found)]):
            self.ask("abort_multipart_upload", UploadId=upload_id)

    def _delete_objects(self) -> None:
        if not self._written:
            return
        found = self._list("list_object_versions", "Versions", "DeleteMarkers")
        for version in dict.fromkeys([*self.versions, *(str(item.get("VersionId") or "") for item in found)]):
            if version and version != "null":
                self.delete(version)
        # In a bucket without versions, or where those may not be deleted. No marker is made over nothing.
        seen = self.ask("head_object").how
        if (seen is How.DONE or (seen is not How.REFUSED and not self.versions)) and not self.delete(""):
            _log.warning("the test object %s may not be deleted with this key", self.where["Key"])

    def _list(self, operation: str, *fields: str) -> list[Reply]:
        """What a listing has under exactly our key."""
        bucket, key = self.where["Bucket"], self.where["Key"]
        with self.translated():
            try:
                reply = getattr(self._client, operation)(Bucket=bucket, Prefix=key, **self._owner)
            except (ClientError, ResponseParserError):
                return []
        return [item for field in fields for item in reply.get(field) or () if item.get("Key") == key]

    def delete(self, version: str) -> bool:
        """Delete the object, or one version of it; whether that is permitted."""
        return self.ask("delete_object", **({"VersionId": version} if version else {})).how is not How.DENIED
