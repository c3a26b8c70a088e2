"""Every refusal of the SDK becomes one of our errors, in words."""

from __future__ import annotations

import inspect

import botocore.exceptions
import pytest

from vidcdn_desktop import errors
from vidcdn_desktop.aws_errors import fault_of, translate


def _client_error(code: str, status: int, **more: object) -> botocore.exceptions.ClientError:
    response = {
        "Error": {"Code": code, "Message": "m", **more},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "4442587FB7D0A2F9", "HTTPHeaders": {}},
    }
    return botocore.exceptions.ClientError(response, "PutObject")  # type: ignore[arg-type]


def _tell(exc: BaseException, subject: str = "s3://films/a.mp4") -> errors.VidcdnError:
    return translate(exc, action="s3:PutObject", subject=subject, bucket="films")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("InvalidAccessKeyId", 403, errors.CredentialsRejected),
        ("SignatureDoesNotMatch", 403, errors.CredentialsRejected),
        ("ExpiredToken", 400, errors.CredentialsExpired),
        ("RequestTimeTooSkewed", 403, errors.ClockWrong),
        ("AccessDenied", 403, errors.AccessDenied),
        ("403", 403, errors.AccessDenied),
        ("NoSuchBucket", 404, errors.BucketNotFound),
        ("NoSuchKey", 404, errors.ObjectNotFound),
        ("404", 404, errors.ObjectNotFound),
        ("PermanentRedirect", 301, errors.WrongRegion),
        ("301", 301, errors.WrongRegion),
        ("PreconditionFailed", 412, errors.KeyTaken),
        ("ConditionalRequestConflict", 409, errors.Conflict),
        ("BadDigest", 400, errors.ChecksumMismatch),
        ("SlowDown", 503, errors.Throttled),
        ("TooManyInvalidationsInProgress", 400, errors.InvalidationBusy),
        ("InternalError", 500, errors.ServiceTrouble),
        ("SomethingNew", 400, errors.ServiceTrouble),
        ("", 503, errors.ServiceTrouble),
    ],
)
def test_codes_become_words(code: str, status: int, kind: type[errors.VidcdnError]) -> None:
    error = _tell(_client_error(code, status))
    assert type(error) is kind
    assert error.request_id == "4442587FB7D0A2F9"
    assert error.meaning == "Nothing was published."
    assert "!" not in error.sentence()


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("s3://films", errors.BucketNotFound),
        ("s3://films/", errors.BucketNotFound),
        ("films", errors.BucketNotFound),
        ("s3://films/films", errors.ObjectNotFound),
        ("s3://films/holiday-films", errors.ObjectNotFound),
        ("s3://films/a/b.mp4", errors.ObjectNotFound),
    ],
)
def test_a_bare_404_is_about_the_bucket_only_if_the_bucket_was_asked_for(
    subject: str, kind: type[errors.VidcdnError]
) -> None:
    assert type(_tell(_client_error("404", 404), subject)) is kind


def test_a_region_that_is_told_is_named() -> None:
    error = _tell(_client_error("AuthorizationHeaderMalformed", 400, Region="eu-central-1"))
    assert isinstance(error, errors.WrongRegion)
    assert "eu-central-1" in error.what
    assert isinstance(_tell(_client_error("AuthorizationHeaderMalformed", 400)), errors.CredentialsRejected)


def _made(name: str, **fields: str) -> Exception:
    kind = getattr(botocore.exceptions, name)
    made: Exception = kind(**fields)
    return made


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (_made("NoCredentialsError"), errors.CredentialsMissing),
        (_made("SSOTokenLoadError", error_msg="x"), errors.CredentialsMissing),
        (_made("LoginRefreshRequired"), errors.CredentialsMissing),
        (_made("RefreshWithMFAUnsupportedError"), errors.CredentialsMissing),
        (_made("EndpointConnectionError", endpoint_url="https://x"), errors.Offline),
        (_made("ConnectTimeoutError", endpoint_url="https://x"), errors.Offline),
        (_made("ReadTimeoutError", endpoint_url="https://x"), errors.Offline),
        (_made("SSLError", endpoint_url="https://x", error="certificate"), errors.Offline),
        (_made("ProxyConnectionError", proxy_url="https://x"), errors.Offline),
        (_made("ParamValidationError", report="x"), errors.SettingsInvalid),
        (_made("InvalidRegionError", region_name="!"), errors.SettingsInvalid),
        (_made("NoRegionError"), errors.SettingsInvalid),
        (_made("ConfigParseError", path="x"), errors.SettingsInvalid),
        (_made("InfiniteLoopConfigError", source_profile="a", visited_profiles="b"), errors.SettingsInvalid),
        (_made("FlexibleChecksumError", error_msg="x"), errors.ChecksumMismatch),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, Exception) else "",
)
def test_what_never_reached_the_service_becomes_words_too(exc: Exception, kind: type[errors.VidcdnError]) -> None:
    error = _tell(exc)
    assert type(error) is kind
    assert error.code == type(exc).__name__


def test_every_exception_of_the_sdk_is_told_as_one_of_ours() -> None:
    for _, kind in inspect.getmembers(botocore.exceptions, inspect.isclass):
        if issubclass(kind, Exception) and not issubclass(kind, Warning):
            error = _tell(kind.__new__(kind))
            assert isinstance(error, errors.VidcdnError)
            assert type(error) is not errors.VidcdnError


def test_one_of_ours_stays_what_it_is() -> None:
    ours = errors.SourceGone("It is gone.")
    assert _tell(ours) is ours


def test_a_response_without_anything_in_it_is_no_crash() -> None:
    bare = botocore.exceptions.ClientError({}, "PutObject")
    assert fault_of(bare).code == ""
    assert isinstance(_tell(bare), errors.ServiceTrouble)
