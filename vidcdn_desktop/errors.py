"""The one error taxonomy of the program.

Every expected failure is a `VidcdnError` that tells three things in plain words: what happened, what it means for
the user's video (the film's fate comes first), and what to do now. Vendor exceptions (botocore, OSError, keyring,
urllib3) are translated at the edge where they occur and never travel further.
"""

from __future__ import annotations

from typing import Any


class VidcdnError(Exception):
    """An expected failure, told in words.

    Attributes:
        what: What happened, one sentence, names instead of codes.
        meaning: What it means for the user's video ("Nothing was published.").
        advice: What to do now, one sentence starting with a verb.
        subject: What it is about: a path, a key, a URL. Untrusted text: show it as plain text only.
        retryable: True if the same action may succeed later without the user changing anything.
        code: The service's own code or errno name, for the folded details ("AccessDenied"); may be empty.
        request_id: The service's request id for the folded details; may be empty.
    """

    title = "Something went wrong"
    """A short heading for the class of error."""

    def __init__(
        self,
        what: str,
        meaning: str = "Nothing was published.",
        advice: str = "Try again.",
        *,
        subject: str = "",
        retryable: bool = False,
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.meaning = meaning
        self.advice = advice
        self.subject = subject
        self.retryable = retryable
        self.code = code
        self.request_id = request_id

    @property
    def kind(self) -> str:
        """The class name, the stable identifier scripts may match on."""
        return type(self).__name__

    def sentence(self) -> str:
        """What, meaning and advice as one line of text."""
        return " ".join(part for part in (self.what, self.meaning, self.advice) if part)

    def to_json(self) -> dict[str, Any]:
        """The error as the JSON object the command line prints."""
        return {
            "kind": self.kind,
            "what": self.what,
            "meaning": self.meaning,
            "advice": self.advice,
            "subject": self.subject,
            "retryable": self.retryable,
            "code": self.code,
            "request_id": self.request_id,
        }


# Media
class NotAVideo(VidcdnError):
    """The file holds no picture and no sound we could publish."""

    title = "Not a video"


class CorruptMedia(VidcdnError):
    """The file is cut off or its index is damaged."""

    title = "The file is damaged"


class UnsupportedMedia(VidcdnError):
    """A real video, but one this program cannot publish as it is."""

    title = "This kind of video is not supported"


# Source file and local disk
class SourceChanged(VidcdnError):
    """The file was rewritten between inspection and the end of the upload."""

    title = "The file changed"


class SourceGone(VidcdnError):
    """The file was deleted, moved, or its disk was taken away."""

    title = "The file is gone"


class SourceUnreadable(VidcdnError):
    """The file exists but may not be read, or is not a regular file."""

    title = "The file cannot be read"


class DiskFull(VidcdnError):
    """No room on the local disk for something small we must write (a poster, a setting)."""

    title = "The disk is full"


class FolderUnusable(VidcdnError):
    """A folder chosen to save into is gone, read-only, or may not be written to."""

    title = "The folder cannot be used"


class ToolMissing(VidcdnError):
    """ffmpeg or ffprobe is not installed or does not run."""

    title = "A helper program is missing"


class ToolFailed(VidcdnError):
    """ffmpeg or ffprobe ran and gave up, ran too long, or wrote too much."""

    title = "A helper program failed"


# Identity
class CredentialsMissing(VidcdnError):
    """No key, profile or environment to sign with."""

    title = "Not signed in"


class CredentialsRejected(VidcdnError):
    """Unknown access key or wrong secret."""

    title = "The key was refused"


class CredentialsExpired(VidcdnError):
    """A session token has run out."""

    title = "The sign-in has expired"


class ClockWrong(VidcdnError):
    """The computer's clock is too far off for AWS to accept a signature."""

    title = "The clock is wrong"


class KeyringLocked(VidcdnError):
    """The system keyring is locked, missing, or refuses to store."""

    title = "The keyring is not available"


class SettingsInvalid(VidcdnError):
    """A settings value, a connection or a command line argument makes no sense."""

    title = "A setting is wrong"


# Bucket
class AccessDenied(VidcdnError):
    """The identity may not do this."""

    title = "Not permitted"


class BucketNotFound(VidcdnError):
    """The bucket does not exist or has another name."""

    title = "Bucket not found"


class WrongRegion(VidcdnError):
    """The bucket lives in another region than the connection says."""

    title = "Bucket in another region"


class ObjectNotFound(VidcdnError):
    """No object under this key."""

    title = "Not found"


class UploadGone(VidcdnError):
    """The unfinished upload is not in the bucket any more: completed, aborted, or swept by a lifecycle rule."""

    title = "The unfinished upload is gone"


class UploadBusy(VidcdnError):
    """Another running copy of the program is sending this very video."""

    title = "Already being sent"


class DownloadBusy(VidcdnError):
    """Another running download is filling the very same file."""

    title = "Already being downloaded"


class KeyTaken(VidcdnError):
    """A conditional write found an object under the key (HTTP 412)."""

    title = "The name is taken"


class Conflict(VidcdnError):
    """Somebody else changed the same object at the same time (HTTP 409)."""

    title = "Changed by somebody else"


class ObjectArchived(VidcdnError):
    """The object lies in an archive and cannot be read or copied before it was restored."""

    title = "In the archive"


class ObjectLocked(VidcdnError):
    """A retention or a legal hold protects the object (S3 Object Lock)."""

    title = "Protected"


class ConfirmationNeeded(VidcdnError):
    """What was asked cannot be undone, and nobody has said of how many objects."""

    title = "Please confirm"


class CannotUndo(VidcdnError):
    """What was done cannot be taken back, or not any more."""

    title = "Cannot be undone"


class ChecksumMismatch(VidcdnError):
    """What arrived in the bucket is not what was sent."""

    title = "The upload was damaged on the way"


# Network and service
class Throttled(VidcdnError):
    """The service asks for fewer requests (SlowDown, 429)."""

    title = "The service is busy"


class ServiceTrouble(VidcdnError):
    """The service answered with a 5xx or something we cannot read."""

    title = "The service has a problem"


class Offline(VidcdnError):
    """No connection: DNS, refused, cut, timed out, TLS failure."""

    title = "No connection"


# Delivery
class NotServed(VidcdnError):
    """No distribution serves this key."""

    title = "No CDN serves this address"


class WrongDelivery(VidcdnError):
    """The edge serves something else than it should."""

    title = "The CDN serves something else"


class InvalidationBusy(VidcdnError):
    """Too many invalidations in progress."""

    title = "Too many refreshes at once"


class InvalidPath(VidcdnError):
    """An invalidation path CloudFront would refuse or silently not match."""

    title = "Not a valid path"


class UnexpectedProblem(VidcdnError):
    """A bug of ours, told without a traceback. The log has the details."""

    title = "Unexpected problem"
