"""What the Test button tells: who, where, whether the clock is right; and each refusal in words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import urllib3
from botocore.stub import Stubber

from vidcdn_desktop import errors
from vidcdn_desktop.credentials.clients import ClientSet, build_clients
from vidcdn_desktop.credentials.identity import BucketAccess, check_bucket, clock_offset_s, who_am_i
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile
from vidcdn_desktop.credentials.secrets import MemorySecretStore


def test_the_identity_is_told(clients: ClientSet) -> None:
    identity = who_am_i(clients)
    assert identity is not None
    assert len(identity.account) == 12
    assert identity.arn.startswith("arn:aws:")
    assert not identity.is_root


def test_the_owner_of_the_account_is_recognised(clients: ClientSet) -> None:
    assert clients.sts is not None
    with Stubber(clients.sts) as stub:
        answer = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root", "UserId": "123456789012"}
        stub.add_response("get_caller_identity", answer)
        identity = who_am_i(clients)
    assert identity is not None
    assert identity.is_root


def test_a_compatible_store_has_nobody_to_ask(clients: ClientSet) -> None:
    assert who_am_i(replace(clients, sts=None)) is None


REFUSALS = [
    ("InvalidAccessKeyId", 403, errors.CredentialsRejected),
    ("SignatureDoesNotMatch", 403, errors.CredentialsRejected),
    ("InvalidClientTokenId", 403, errors.CredentialsRejected),
    ("ExpiredToken", 400, errors.CredentialsExpired),
    ("ExpiredTokenException", 403, errors.CredentialsExpired),
    ("RequestTimeTooSkewed", 403, errors.ClockWrong),
    ("SlowDown", 503, errors.Throttled),
    ("InternalError", 500, errors.ServiceTrouble),
]


@pytest.mark.parametrize(("code", "status", "kind"), REFUSALS)
def test_refusals_of_the_identity_are_told_in_words(clients: ClientSet, code: str, status: int, kind: type) -> None:
    assert clients.sts is not None
    with Stubber(clients.sts) as stub:
        stub.add_client_error("get_caller_identity", code, http_status_code=status)
        with pytest.raises(kind) as caught:
            who_am_i(clients)
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert code not in caught.value.what  # type: ignore[attr-defined]
    assert "Nothing was changed." in caught.value.sentence()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("code", "status", "kind"), REFUSALS)
def test_refusals_of_the_bucket_are_told_in_words(clients: ClientSet, code: str, status: int, kind: type) -> None:
    """HEAD has no body and says only the status; the listing after it says why."""
    head_status = status if status in (400, 403) else 403
    with Stubber(clients.s3) as stub:
        stub.add_client_error("head_bucket", str(head_status), http_status_code=head_status)
        stub.add_client_error("list_objects_v2", code, http_status_code=status)
        with pytest.raises(kind):
            check_bucket(clients)
        stub.assert_no_pending_responses()


def test_a_bucket_of_ours_is_there_and_readable(clients: ClientSet, bucket: str) -> None:
    assert check_bucket(clients) == BucketAccess(bucket, "eu-central-1", exists=True, readable=True)


def test_the_account_the_bucket_should_have_is_sent(clients: ClientSet) -> None:
    owned = replace(clients, profile=replace(clients.profile, expected_bucket_owner="123456789012", prefix=""))
    name = clients.profile.bucket
    with Stubber(clients.s3) as stub:
        expected: dict[str, Any] = {"Bucket": name, "ExpectedBucketOwner": "123456789012"}
        stub.add_response("head_bucket", {"BucketRegion": "eu-central-1"}, expected)
        stub.add_response("list_objects_v2", {}, {**expected, "MaxKeys": 1, "Prefix": ""})
        assert check_bucket(owned).readable


def test_a_bucket_that_is_not_there_is_told(clients: ClientSet) -> None:
    with pytest.raises(errors.BucketNotFound) as caught:
        check_bucket(clients, "no-such-bucket-anywhere")
    assert "no-such-bucket-anywhere" in caught.value.what


def test_a_bucket_elsewhere_names_its_region(
    clients: ClientSet, bucket: str, profile: ConnectionProfile, secrets: MemorySecretStore
) -> None:
    with build_clients(replace(profile, region="us-west-2"), secrets) as elsewhere:
        with pytest.raises(errors.WrongRegion) as caught:
            check_bucket(elsewhere, bucket)
        assert "eu-central-1" in caught.value.what
        assert "eu-central-1" in caught.value.advice
        compatible = replace(elsewhere.profile, kind=ConnectionKind.S3_COMPATIBLE)
        assert check_bucket(replace(elsewhere, profile=compatible), bucket).exists


def test_a_refused_head_still_names_the_region(clients: ClientSet) -> None:
    with Stubber(clients.s3) as stub:
        stub.add_client_error(
            "head_bucket",
            "403",
            http_status_code=403,
            response_meta={"HTTPHeaders": {"x-amz-bucket-region": "ap-south-1"}},
        )
        with pytest.raises(errors.WrongRegion, match="ap-south-1"):
            check_bucket(clients)


def test_a_bucket_that_may_not_be_listed_is_there_but_not_readable(clients: ClientSet) -> None:
    with Stubber(clients.s3) as stub:
        stub.add_client_error("head_bucket", "403", http_status_code=403)
        stub.add_client_error("list_objects_v2", "AccessDenied", http_status_code=403)
        access = check_bucket(clients)
    assert access.exists
    assert not access.readable


@pytest.fixture
def strict_server(moto_url: str) -> Iterator[None]:
    """The server checks signatures while the test runs."""
    http = urllib3.PoolManager()
    http.request("POST", f"{moto_url}/moto-api/reset-auth", body=b"0")
    yield
    http.request("POST", f"{moto_url}/moto-api/reset-auth", body=b"inf")
    http.clear()


@pytest.mark.usefixtures("strict_server")
def test_an_unknown_key_is_refused_by_a_real_server_and_told(clients: ClientSet) -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        who_am_i(clients)
    assert "Connections" in caught.value.advice
    with pytest.raises(errors.CredentialsRejected):
        check_bucket(clients)


# The clock


def test_the_clock_of_this_computer_is_right_against_a_server_on_it(clients: ClientSet, bucket: str) -> None:
    offset = clock_offset_s(clients)
    assert offset is not None
    assert abs(offset) < 60


@pytest.mark.parametrize("wrong_s", [3600.0, -420.0])
def test_a_wrong_clock_is_measured_even_when_we_are_refused(clients: ClientSet, wrong_s: float) -> None:
    offset = clock_offset_s(clients, "no-such-bucket-anywhere", now=lambda: time.time() + wrong_s)
    assert offset is not None
    assert abs(offset - wrong_s) < 60


def test_an_answer_without_a_date_tells_nothing(clients: ClientSet) -> None:
    for headers in ({}, {"date": "yesterday"}):
        with Stubber(clients.s3) as stub:
            stub.add_client_error("head_bucket", "403", response_meta={"HTTPHeaders": headers})
            assert clock_offset_s(clients) is None


# No server


@pytest.fixture
def nowhere(
    profile: ConnectionProfile, secrets: MemorySecretStore, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ClientSet]:
    """Clients of a server that has gone; nothing listens on port 1."""
    monkeypatch.setattr("vidcdn_desktop.credentials.sdk._ATTEMPTS", 1)
    gone = replace(profile, endpoint_url="http://127.0.0.1:1", cloudfront_endpoint_url="http://127.0.0.1:1")
    with build_clients(gone, secrets) as built:
        yield built


def test_without_a_network_it_is_said(nowhere: ClientSet) -> None:
    with pytest.raises(errors.Offline):
        who_am_i(nowhere)
    with pytest.raises(errors.Offline):
        check_bucket(nowhere)
    assert clock_offset_s(nowhere) is None
