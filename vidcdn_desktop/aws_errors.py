"""Turn what the AWS SDK raises into our errors: one translator for S3, CloudFront and STS.

Works on shape and class names, so that this module does not import the SDK; only the edges (`storage`, `delivery`,
`credentials`) call it.

Source: Amazon S3 API Reference, "Error responses"; CloudFront API Reference, "Common Errors".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from vidcdn_desktop import errors as e

_REJECTED = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "InvalidToken",
    "IncompleteSignature",
    "AuthorizationHeaderMalformed",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_CLOCK = {"RequestTimeTooSkewed"}
_DENIED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AccountProblem", "403", "Forbidden"}
_BUSY = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "RequestLimitExceeded",
    "429",
    "503 SlowDown",
}
_NOT_FOUND = {"NoSuchKey", "NoSuchVersion", "NoSuchDistribution", "NoSuchInvalidation"}
_SLOW = {"RequestTimeout"}
_BAD_NAME = {"InvalidBucketName", "InvalidURI", "KeyTooLongError", "MetadataTooLarge"}
_FULL = {"QuotaExceeded", "XMinioStorageFull", "EntityTooLarge"}
_ARCHIVED = {"InvalidObjectState", "ObjectNotInActiveTierError"}
_LOCKED = {"ObjectLocked", "AccessDeniedByLock", "InvalidWORMMode"}
_LOCK_WORDS = ("object lock", "object protected", "worm protected", "legal hold", "retention")
"""How S3 and others say in an AccessDenied that it is the lock, not the account. Source: Amazon S3 User Guide, "Using
S3 Object Lock"; MinIO, ErrObjectLocked."""
_REGION = {"PermanentRedirect", "IllegalLocationConstraintException", "301", "307", "TemporaryRedirect"}
_OFFLINE_CLASSES = {
    "HTTPClientError",
    "EndpointConnectionError",
    "ConnectionError",
    "ConnectionClosedError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyConnectionError",
    "SSLError",
    "IncompleteReadError",
    "ResponseStreamingError",
}
_NO_CREDENTIALS_CLASSES = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "NoAuthTokenError",
    "MissingDependencyException",
    "SSOError",
    "LoginError",
    "RefreshWithMFAUnsupportedError",
    "UnknownCredentialError",
}
_SETTINGS_CLASSES = {
    "ParamValidationError",
    "ValidationError",
    "ValueError",
    "InvalidEndpoint",
    "BaseEndpointResolverError",
    "EndpointProviderError",
    "ConfigParseError",
    "ConfigNotFound",
    "InvalidConfigError",
    "InvalidProxiesConfigError",
    "InvalidDNSNameError",
    "UnsupportedS3ArnError",
    "UnsupportedS3ConfigurationError",
}
_CHECKSUM_CLASSES = {"ChecksumError", "FlexibleChecksumError"}


@dataclass(frozen=True)
class Fault:
    """The bare facts of an SDK exception."""

    code: str
    status: int | None
    message: str
    request_id: str
    class_names: frozenset[str]
    bucket_region: str = ""
    untrusted: bool = False
    """The server's certificate was refused; any other TLS fault is a connection that was cut."""
    clock_off_s: float | None = None
    """How far this computer's clock is from the service's, in seconds; None if it did not tell the time."""


def _clock_off(headers: dict[str, str]) -> float | None:
    try:
        theirs = parsedate_to_datetime(str(headers.get("date") or ""))
    except ValueError:
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    return (datetime.now(UTC) - theirs).total_seconds()


def fault_of(exc: BaseException) -> Fault:
    """Read code, status and request id out of any SDK exception."""
    names = frozenset(c.__name__ for c in type(exc).__mro__)
    response = getattr(exc, "response", None)
    if not isinstance(response, dict):
        return Fault("", None, str(exc), "", names, untrusted="certificate verify failed" in str(exc).lower())
    error = response.get("Error") or {}
    meta = response.get("ResponseMetadata") or {}
    headers = meta.get("HTTPHeaders") or {}
    status = meta.get("HTTPStatusCode")
    return Fault(
        str(error.get("Code") or ""),
        status if isinstance(status, int) else None,
        str(error.get("Message") or ""),
        str(meta.get("RequestId") or ""),
        names,
        str(error.get("Region") or headers.get("x-amz-bucket-region") or ""),
        clock_off_s=_clock_off(headers),
    )


def translate(
    exc: BaseException, *, action: str, subject: str, bucket: str = "", meaning: str = "Nothing was published."
) -> e.VidcdnError:
    """Give the error of ours that tells `exc`.

    Args:
        exc: What the SDK raised. One of ours is given back unchanged.
        action: The IAM action that was tried ("s3:PutObject"), named when it is denied.
        subject: What it was tried on (an s3:// address, a distribution id, a URL).
        bucket: The bucket's name where one is involved.
        meaning: The film's fate in this situation.
    """
    if isinstance(exc, e.VidcdnError):
        return exc
    fault = fault_of(exc)
    error = _by_code(fault, action, subject, bucket, meaning) or _by_class(fault, subject, meaning)
    if error is None:
        error = _by_status(fault, action, subject, bucket, meaning)
    error.code = error.code or fault.code or type(exc).__name__
    error.request_id = error.request_id or fault.request_id
    return error


def _by_code(fault: Fault, action: str, subject: str, bucket: str, meaning: str) -> e.VidcdnError | None:
    code = fault.code
    on = f" on “{bucket}”" if bucket else ""
    if code in _EXPIRED:
        return e.CredentialsExpired(
            "The sign-in has expired.", meaning, "Sign in again or enter a fresh session token.", subject=subject
        )
    if code in _CLOCK:
        minutes = round(abs(fault.clock_off_s or 0) / 60)
        off = f"{minutes} minutes off" if minutes > 1 else "wrong"
        return e.ClockWrong(
            f"Your computer's clock is {off}, so AWS refuses the signature.",
            meaning,
            "Set the clock (automatic time is best) and try again.",
            subject=subject,
        )
    if code == "AuthorizationHeaderMalformed" and fault.bucket_region:
        return _wrong_region(fault, bucket, subject, meaning)
    if code in _REJECTED:
        what = (
            "The secret key does not fit the access key." if code == "SignatureDoesNotMatch" else "The key was refused."
        )
        return e.CredentialsRejected(
            what, meaning, "Check the access key ID and the secret in Connections.", subject=subject
        )
    if code == "NoSuchBucket":
        return e.BucketNotFound(
            f"There is no bucket named “{bucket}”.", meaning, "Choose another bucket in Connections.", subject=subject
        )
    if code in _REGION:
        return _wrong_region(fault, bucket, subject, meaning)
    if code == "NoSuchUpload":
        return e.UploadGone(
            "The unfinished upload is not in the bucket any more.",
            meaning,
            "Start it again; it begins at the first byte.",
            subject=subject,
        )
    if code in _NOT_FOUND:
        return e.ObjectNotFound("There is nothing under this name.", meaning, "Refresh the list.", subject=subject)
    if code in ("PreconditionFailed", "412"):
        return e.KeyTaken(
            "There is already an object under this name.", meaning, "Choose another title.", subject=subject
        )
    if code in ("ConditionalRequestConflict", "OperationAborted", "409"):
        return e.Conflict(
            "Somebody else is writing to the same name.",
            meaning,
            "Wait a moment and try again.",
            subject=subject,
            retryable=True,
        )
    if code in ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"):
        return e.ChecksumMismatch(
            "What arrived is not what was sent.", meaning, "Try again.", subject=subject, retryable=True
        )
    if code in ("TooManyInvalidationsInProgress",):
        return e.InvalidationBusy(
            "CloudFront is still working on earlier refreshes.",
            meaning,
            "Wait a few minutes.",
            subject=subject,
            retryable=True,
        )
    if code in _SLOW:
        return e.Offline(
            "The connection was too slow, so the service gave up waiting.",
            meaning,
            "Check the network and try again.",
            subject=subject,
            retryable=True,
        )
    if code in _BAD_NAME:
        return e.SettingsInvalid(
            "The service does not accept the bucket's name, the prefix or the title.",
            meaning,
            "Check the connection, or choose a shorter title.",
            subject=subject,
        )
    if code in _FULL:
        return e.ServiceTrouble(
            "There is no room in the bucket for this.", meaning, "Ask the store's owner for more room.", subject=subject
        )
    if code in _BUSY:
        return e.Throttled(
            "The service asks for a pause.",
            meaning,
            "Wait a moment; it is tried again.",
            subject=subject,
            retryable=True,
        )
    if code in _ARCHIVED:
        return e.ObjectArchived(
            "The object lies in an archive.", meaning, "Restore it first; that takes minutes to hours.", subject=subject
        )
    if code == "RestoreAlreadyInProgress":
        return e.Conflict(
            "The object is being brought out of the archive already.",
            meaning,
            "Wait until it is there; that takes minutes to hours.",
            subject=subject,
        )
    if code in _LOCKED or (code in _DENIED and any(words in fault.message.lower() for words in _LOCK_WORDS)):
        return e.ObjectLocked(
            "A retention or a legal hold protects the object.",
            meaning,
            "Wait until the retention has ended, or ask the bucket's owner to lift the hold.",
            subject=subject,
        )
    if code in _DENIED:
        return e.AccessDenied(
            f"This account may not do {action}{on}.",
            meaning,
            f"Ask the bucket's owner to allow {action}. A missing object also looks like this without list permission.",
            subject=subject,
        )
    return None


def _wrong_region(fault: Fault, bucket: str, subject: str, meaning: str) -> e.WrongRegion:
    where = f" ({fault.bucket_region})" if fault.bucket_region else ""
    return e.WrongRegion(
        f"The bucket “{bucket}” lives in another region{where}.",
        meaning,
        "Set the bucket's region in Connections.",
        subject=subject,
    )


def _by_class(fault: Fault, subject: str, meaning: str) -> e.VidcdnError | None:
    names = fault.class_names
    if names & _NO_CREDENTIALS_CLASSES:
        return e.CredentialsMissing(
            "There is no key to sign in with.", meaning, "Open Connections and sign in.", subject=subject
        )
    if names & _CHECKSUM_CLASSES:
        return e.ChecksumMismatch(
            "What arrived is not what was sent.", meaning, "Try again.", subject=subject, retryable=True
        )
    if names & _SETTINGS_CLASSES:
        return e.SettingsInvalid(
            "The connection has a value the service does not accept.", meaning, "Check the connection.", subject=subject
        )
    if names & _OFFLINE_CLASSES:
        if "SSLError" in names and fault.untrusted:
            return e.Offline(
                "The connection is not secure: the server's certificate could not be verified.",
                meaning,
                "Check the address, the clock and your network's certificate.",
                subject=subject,
            )
        return e.Offline(
            "There is no connection.", meaning, "Check the network and try again.", subject=subject, retryable=True
        )
    return None


def _by_status(fault: Fault, action: str, subject: str, bucket: str, meaning: str) -> e.VidcdnError:
    status = fault.status
    if status == 404 or fault.code == "404":
        # A bare 404 to a HEAD: about the bucket only if nothing more than the bucket was asked for.
        if bucket and subject.rstrip("/") in (bucket, f"s3://{bucket}"):
            return e.BucketNotFound(
                f"There is no bucket named “{bucket}”.",
                meaning,
                "Choose another bucket in Connections.",
                subject=subject,
            )
        return e.ObjectNotFound("There is nothing under this name.", meaning, "Refresh the list.", subject=subject)
    if status in (301, 307, 308):
        return _wrong_region(fault, bucket, subject, meaning)
    if status in (401, 403):
        return e.AccessDenied(
            f"This account may not do {action}.", meaning, f"Ask the owner to allow {action}.", subject=subject
        )
    if status is not None and status < 500 and fault.code:
        return e.ServiceTrouble(
            f"The service refused the request ({fault.code}).",
            meaning,
            "Check the connection's settings.",
            subject=subject,
        )
    return e.ServiceTrouble(
        "The service has a problem at the moment.",
        meaning,
        "Wait a little and try again.",
        subject=subject,
        retryable=True,
    )
