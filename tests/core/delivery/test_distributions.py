"""The CloudFront control API: moto for the real wire, botocore's Stubber for what moto does not send."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.distributions import CloudFrontCdn, distribution_from
from vidcdn_desktop.delivery.invalidation import request_invalidation, wait_for_invalidation
from vidcdn_desktop.delivery.urls import playable_urls
from vidcdn_desktop.errors import (
    AccessDenied,
    CredentialsExpired,
    InvalidationBusy,
    InvalidPath,
    ObjectNotFound,
    Offline,
    Throttled,
    VidcdnError,
)

CREATED = datetime(2026, 11, 24, tzinfo=UTC)


def make_client(endpoint: str | None = None) -> Any:
    return boto3.client(
        "cloudfront",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        endpoint_url=endpoint,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(moto_url: str) -> Iterator[Any]:
    made = make_client(moto_url)
    yield made
    made.close()


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    made = make_client()
    with Stubber(made) as stub:
        yield made, stub
        stub.assert_no_pending_responses()
    made.close()


def config(reference: str, **extra: Any) -> dict[str, Any]:
    return {
        "CallerReference": reference,
        "Comment": f"for {reference}",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": "s3",
                    "DomainName": "films.s3.amazonaws.com",
                    "OriginPath": "/videos",
                    "S3OriginConfig": {"OriginAccessIdentity": ""},
                }
            ],
        },
        "DefaultCacheBehavior": {"TargetOriginId": "s3", "ViewerProtocolPolicy": "redirect-to-https"},
        **extra,
    }


def invalidation(status: str) -> dict[str, Any]:
    return {
        "Invalidation": {
            "Id": "I1",
            "Status": status,
            "CreateTime": CREATED,
            "InvalidationBatch": {"Paths": {"Quantity": 1, "Items": ["/a"]}, "CallerReference": "r"},
        },
    }


def test_distributions_come_in_our_words(client) -> None:
    behavior = {"PathPattern": "/x/*", "TargetOriginId": "s3", "ViewerProtocolPolicy": "allow-all"}
    made = client.create_distribution(
        DistributionConfig=config(
            "words",
            Aliases={"Quantity": 1, "Items": ["cdn.example.com"]},
            CacheBehaviors={"Quantity": 1, "Items": [behavior]},
        )
    )["Distribution"]
    listed = {d.id: d for d in CloudFrontCdn(client).list_distributions()}
    found = listed[made["Id"]]
    assert (found.domain_name, found.arn, found.enabled) == (made["DomainName"], made["ARN"], True)
    assert found.aliases == ("cdn.example.com",)
    assert [b.path_pattern for b in found.behaviors] == ["/x/*", "*"]
    assert (found.origins[0].domain_name, found.origins[0].origin_path) == ("films.s3.amazonaws.com", "/videos")
    (link,) = playable_urls([found], "films", "videos/a.mp4")
    assert link.url == "https://cdn.example.com/a.mp4"


def test_an_invalidation_is_made_followed_and_listed_with_its_paths(client) -> None:
    made = client.create_distribution(DistributionConfig=config("inv"))["Distribution"]["Id"]
    cdn = CloudFrontCdn(client)
    first = cdn.create_invalidation(made, ["/a.mp4", "/b/*", "/a.mp4"], "r1")
    second = cdn.create_invalidation(made, ["/c.mp4"], "r2")
    assert first.paths == ("/a.mp4", "/b/*")
    assert first.created.tzinfo is UTC
    assert wait_for_invalidation(cdn, first, token=CancelToken()).is_complete
    fresh = CloudFrontCdn(client)  # knows no paths yet
    listed = fresh.list_invalidations(made)
    assert {i.id: i.paths for i in listed} == {first.id: ("/a.mp4", "/b/*"), second.id: ("/c.mp4",)}
    assert len(fresh.list_invalidations(made, limit=1)) == 1


def test_a_distribution_that_is_gone_is_told(client) -> None:
    with pytest.raises(ObjectNotFound):
        CloudFrontCdn(client).create_invalidation("ENONE", ["/a"], "r")


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["a"],
        ["/a*b"],
        ["/a b"],
        ["/é"],
        ["/a%2Bb"],
        ["/ok", "/a~"],
        [f"/{i}*" for i in range(16)],
        [f"/{i}" for i in range(3001)],
    ],
)
def test_paths_cloudfront_would_refuse_are_not_sent(stubbed, paths) -> None:
    with pytest.raises(InvalidPath):
        CloudFrontCdn(stubbed[0]).create_invalidation("E1", paths, "r")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyInvalidationsInProgress", 400, InvalidationBusy),
        ("AccessDenied", 403, AccessDenied),
        ("InvalidArgument", 400, InvalidPath),
        ("BatchTooLarge", 413, InvalidPath),
        ("Throttling", 400, Throttled),
        ("ExpiredToken", 403, CredentialsExpired),
        ("NoSuchDistribution", 404, ObjectNotFound),
    ],
)
def test_refusals_are_ours(stubbed, code, status, kind) -> None:
    client, stub = stubbed
    stub.add_client_error("create_invalidation", code, "words", status)
    with pytest.raises(kind) as caught:
        CloudFrontCdn(client).create_invalidation("E1", ["/a"], "r")
    error = caught.value
    assert (error.code, error.meaning) == (code, "The edges keep their old copy.")
    assert error.subject == "E1"


def test_a_denied_listing_names_the_missing_permission(stubbed) -> None:
    client, stub = stubbed
    stub.add_client_error("list_distributions", "AccessDenied", "no", 403)
    with pytest.raises(AccessDenied, match="cloudfront:ListDistributions"):
        CloudFrontCdn(client).list_distributions()


def test_a_service_that_is_not_there_is_offline(unused_port: int) -> None:
    client = make_client(f"http://127.0.0.1:{unused_port}")
    with pytest.raises(Offline):
        CloudFrontCdn(client).list_distributions()
    client.close()


def test_a_refresh_is_followed_from_in_progress_to_completed(stubbed) -> None:
    client, stub = stubbed
    stub.add_response("create_invalidation", invalidation("InProgress"))
    for status in ("InProgress", "Completed"):
        stub.add_response("get_invalidation", invalidation(status), {"DistributionId": "E1", "Id": "I1"})
    cdn = CloudFrontCdn(client)
    seen: list[str] = []
    started = cdn.create_invalidation("E1", ["/a"], "r")
    assert not started.is_complete
    end = wait_for_invalidation(
        cdn, started, token=CancelToken(), on_change=lambda i: seen.append(i.status), interval_s=0.001
    )
    assert (end.is_complete, seen, end.created) == (True, ["Completed"], CREATED)


def test_a_full_queue_is_waited_for_with_the_same_reference(stubbed) -> None:
    client, stub = stubbed
    batch = {"Paths": {"Quantity": 1, "Items": ["/a"]}, "CallerReference": "r"}
    expected = {"DistributionId": "E1", "InvalidationBatch": batch}
    stub.add_client_error(
        "create_invalidation", "TooManyInvalidationsInProgress", "busy", 400, expected_params=expected
    )
    stub.add_response("create_invalidation", invalidation("InProgress"), expected)
    told: list[VidcdnError] = []
    request_invalidation(
        CloudFrontCdn(client), "E1", ["/a"], "r", token=CancelToken(), on_waiting=told.append, first_wait_s=0.001
    )
    assert [e.kind for e in told] == ["InvalidationBusy"]


def test_all_pages_of_distributions_are_read_and_empty_lists_are_fine(stubbed) -> None:
    client, stub = stubbed
    page = {"Marker": "", "MaxItems": 100, "Quantity": 0}
    stub.add_response("list_distributions", {"DistributionList": {**page, "IsTruncated": True, "NextMarker": "m"}}, {})
    stub.add_response("list_distributions", {"DistributionList": {**page, "IsTruncated": False}}, {"Marker": "m"})
    assert CloudFrontCdn(client).list_distributions() == ()


def test_listed_paths_are_fetched_once(stubbed) -> None:
    client, stub = stubbed
    listing = {
        "InvalidationList": {
            "Marker": "",
            "MaxItems": 20,
            "IsTruncated": False,
            "Quantity": 1,
            "Items": [{"Id": "I1", "Status": "Completed", "CreateTime": CREATED}],
        }
    }
    stub.add_response("list_invalidations", listing)
    stub.add_response("get_invalidation", invalidation("Completed"))
    stub.add_response("list_invalidations", listing)
    cdn = CloudFrontCdn(client)
    assert cdn.list_invalidations("E1")[0].paths == ("/a",)
    assert cdn.list_invalidations("E1")[0].paths == ("/a",)


def test_every_flag_of_a_distribution_is_read() -> None:
    found = distribution_from(
        {
            "Id": "E1",
            "Staging": True,
            "ConnectionMode": "tenant-only",
            "Status": "InProgress",
            "Aliases": {"Quantity": 0, "Items": None},
            "OriginGroups": {"Items": [{"Id": "g", "Members": {"Items": [{"OriginId": "a"}, {"OriginId": "b"}]}}]},
            "Origins": {"Items": [{"Id": "a", "DomainName": "x", "OriginPath": "/p/"}]},
            "CacheBehaviors": None,
            "DefaultCacheBehavior": {
                "TargetOriginId": "g",
                "TrustedKeyGroups": {"Enabled": True},
                "FunctionAssociations": {"Items": [{"EventType": "viewer-request"}]},
            },
        }
    )
    assert (found.staging, found.tenant_only, found.enabled, found.aliases) == (True, True, False, ())
    assert (found.origins[0].origin_path, found.origins[1].is_group) == ("/p", True)
    assert found.origins[1].member_ids == ("a", "b")
    (behavior,) = found.behaviors
    assert (behavior.path_pattern, behavior.needs_signature, behavior.may_rewrite) == ("*", True, True)


def test_a_function_on_the_answer_rewrites_nothing() -> None:
    found = distribution_from(
        {"DefaultCacheBehavior": {"FunctionAssociations": {"Items": [{"EventType": "viewer-response"}]}}}
    )
    assert not found.behaviors[0].may_rewrite
