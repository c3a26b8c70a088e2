"""Listings of real stores: every key exactly as it is, once, without a HEAD; the SDK's errors, a prompt cancel."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from boto3.session import Session
from botocore.awsrequest import AWSResponse

import listserver
import servers
from faultplans import PASS, Act, Fault, Request, xml_answer
from faults import FaultProxy
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.credentials.sdk import client_config, prepare_s3_client
from vidcdn_desktop.errors import (
    AccessDenied,
    BucketNotFound,
    CredentialsExpired,
    CredentialsRejected,
    Offline,
    ServiceTrouble,
    Throttled,
    VidcdnError,
)
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.listing import in_order
from vidcdn_desktop.storage.listing_parallel import ParallelListing
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.weather import Patience, Weather

HOSTILE = [
    "x" * 1024, "é" * 512, "a+b c%2Fd%.mp4", "a//b", "/lead", "caf\u00e9", "cafe\u0301", "~tilde", "Aa", "aA", "..",
    "d/../e", "trailing. ", "<b>&amp;\"'</b>", "tab\tend", "\x01lone", "\u202eexe.mp4", "😀/🎬.mp4", "%2F", "+", "%",
    "folder/", "folder/a", "folder/sub/b",
]  # fmt: skip
NEW_LINES = ["line\nbreak", "cr\rend", "both\r\n"]
"""moto's own server does not take these."""


def everything(storage: S3Storage, bucket: str, prefix: str = "", **more: Any) -> list[str]:
    more.setdefault("token", CancelToken())
    return [key for page in in_order(storage.list_pages(bucket, prefix, **more)) for key in page.keys]


def impatient(**more: Any) -> Weather:
    return Weather(Patience(limit_s=0.05, first_s=0.01), **more)


@pytest.fixture
def filled(endpoint: servers.Endpoint, bucket: str) -> list[str]:
    """What is in the bucket, in the order of its bytes."""
    names = HOSTILE + (NEW_LINES if endpoint.name == "swift" else [])
    client = endpoint.client()
    for key in names:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return sorted(names, key=lambda key: key.encode())


@pytest.mark.parametrize("parallel", [1, 16])
def test_hostile_keys_are_listed_exactly(
    endpoint: servers.Endpoint, storage: S3Storage, bucket: str, filled: list[str], parallel: int
) -> None:
    listed = endpoint.client().list_objects_v2(Bucket=bucket)["Contents"]
    for _ in range(2):  # the first call goes through the SDK, the next ones do not
        (page,) = storage.list_pages(bucket, token=CancelToken(), parallel=parallel)
        assert page.keys == filled
        assert [(r.key, r.size, r.etag, r.last_modified, r.storage_class) for r in page.rows()] == [
            (i["Key"], i["Size"], i["ETag"].strip('"'), i["LastModified"], i["StorageClass"]) for i in listed
        ]
    assert everything(storage, bucket, start_after="caf\u00e9") == [k for k in filled if k > "caf\u00e9"]
    assert everything(storage, bucket, "a+b c%2F", parallel=parallel) == ["a+b c%2Fd%.mp4"]
    assert everything(storage, bucket, "😀/") == ["😀/🎬.mp4"]
    assert everything(storage, bucket, "nothing/") == []


@pytest.mark.parametrize("name", ["moto_https", pytest.param("swift_https", marks=pytest.mark.swift)])
def test_over_https(request: pytest.FixtureRequest, name: str) -> None:
    server: servers.Endpoint = request.getfixturevalue(name)
    client = server.client()
    client.create_bucket(Bucket="over-tls")
    for key in ("a b", "c/d", "é"):
        client.put_object(Bucket="over-tls", Key=key, Body=b"1")
    storage = S3Storage(client, transfer_client=server.client(attempts=0))
    for _ in range(2):
        assert everything(storage, "over-tls") == ["a b", "c/d", "é"]


def test_folders_and_pages_of_two(storage: S3Storage, bucket: str, filled: list[str]) -> None:
    pages = list(storage.list_pages(bucket, delimiter="/", token=CancelToken()))
    assert [p for page in pages for p in page.prefixes] == ["/", "<b>&amp;\"'</", "a//"[:2], "d/", "folder/", "😀/"]
    assert [k for page in pages for k in page.keys] == [k for k in filled if "/" not in k]
    found: list[str] = []
    token = ""
    while True:
        page = storage.list_page(bucket, "folder/", delimiter="/", token=token, limit=2)
        found += [item.key for item in page.objects] + list(page.prefixes)
        token = page.next_token
        if not token:
            break
    assert found == ["folder/", "folder/a", "folder/sub/"]


def test_versions_and_delete_markers(endpoint: servers.Endpoint, storage: S3Storage, bucket: str) -> None:
    client = endpoint.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"22", b"333"):
        client.put_object(Bucket=bucket, Key="été/a b+.mp4", Body=body)
    client.put_object(Bucket=bucket, Key="été/b.mp4", Body=b"4444")
    client.delete_object(Bucket=bucket, Key="été/a b+.mp4")
    versions = [v for page in storage.list_versions(bucket, "été/", token=CancelToken()) for v in page.versions]
    told = sorted((v.key, -v.size, v.is_marker, v.is_latest) for v in versions)
    assert told == [
        ("été/a b+.mp4", -3, False, False), ("été/a b+.mp4", -2, False, False), ("été/a b+.mp4", -1, False, False),
        ("été/a b+.mp4", 0, True, True), ("été/b.mp4", -4, False, True),
    ]  # fmt: skip
    assert len({v.version_id for v in versions}) == 5
    assert everything(storage, bucket) == ["été/b.mp4"]


def test_buckets_are_named(endpoint: servers.Endpoint, storage: S3Storage, bucket: str) -> None:
    assert bucket in {found.name for found in storage.list_buckets()}


def test_what_the_store_refuses(endpoint: servers.Endpoint, storage: S3Storage, bucket: str) -> None:
    assert everything(storage, bucket) == []
    endpoint.client().delete_bucket(Bucket=bucket)
    for _ in range(2):
        with pytest.raises(BucketNotFound):
            everything(storage, bucket)
    with pytest.raises(BucketNotFound):
        list(storage.list_versions("no-such-bucket-here", token=CancelToken()))
    if endpoint.name == "swift":  # moto looks at no key
        stranger = S3Storage(endpoint.client(attempts=0, secret_access_key="wrong"))
        with pytest.raises((CredentialsRejected, AccessDenied)):
            everything(stranger, bucket)


@pytest.fixture(scope="module")
def weathered(moto: servers.Endpoint) -> servers.Endpoint:
    """moto with five objects in one bucket."""
    client = moto.client()
    client.create_bucket(Bucket="weathered")
    for number in range(5):
        client.put_object(Bucket="weathered", Key=f"k{number}", Body=b"1")
    return moto


@pytest.fixture
def proxy(weathered: servers.Endpoint) -> Iterator[FaultProxy]:
    with FaultProxy(weathered.url) as made:
        yield made


def refused(status: str, code: str) -> Act:
    return Act(Fault.ANSWER, answer=xml_answer(status, code))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("act", "error"),
    [
        (refused("403 Forbidden", "AccessDenied"), AccessDenied),
        (refused("400 Bad Request", "ExpiredToken"), CredentialsExpired),
        (refused("403 Forbidden", "InvalidAccessKeyId"), CredentialsRejected),
        (refused("404 Not Found", "NoSuchBucket"), BucketNotFound),
        (refused("503 Slow Down", "SlowDown"), Throttled),
        (refused("500 Oops", "InternalError"), ServiceTrouble),
        (Act(Fault.ERROR_IN_200, answer=xml_answer("200 OK", "InternalError")), ServiceTrouble),
        (Act(Fault.ANSWER, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<html>no</ht"), VidcdnError),
        (Act(Fault.REFUSED), Offline),
        (Act(Fault.CUT_REPLY), Offline),
        (Act(Fault.SHORT_REPLY), VidcdnError),
    ],
    ids=lambda value: f"{value.fault.name.lower()}-{value.answer[9:40].decode()!r}" if isinstance(value, Act) else "",
)
def test_errors_are_the_sdks(
    moto: servers.Endpoint, proxy: FaultProxy, act: Act, error: type[VidcdnError], first: bool
) -> None:
    """By whichever way the request went."""
    storage = S3Storage(moto.client(attempts=0, url=proxy.url))
    if not first:
        assert len(everything(storage, "weathered")) == 5
    proxy.plan = lambda _request: act
    for parallel in (1, 16):
        with pytest.raises(error):
            everything(storage, "weathered", parallel=parallel, weather=impatient())
    proxy.plan = lambda _request: PASS
    assert len(everything(storage, "weathered")) == 5, "and the next one works"


@pytest.mark.parametrize("fault", [Fault.CUT_REPLY, Fault.SHORT_REPLY, Fault.LOST_REPLY, Fault.REFUSED])
def test_what_passes_is_waited_for(moto: servers.Endpoint, proxy: FaultProxy, fault: Fault) -> None:
    storage = S3Storage(moto.client(attempts=0, url=proxy.url))
    strikes = itertools.count()
    proxy.plan = lambda _request: Act(fault) if next(strikes) % 2 == 0 else PASS
    for _ in range(3):
        assert len(everything(storage, "weathered", weather=Weather(Patience(first_s=0.01)))) == 5
    assert [item.key for item in storage.list_page("weathered").objects] == [f"k{n}" for n in range(5)]


def test_a_sign_in_is_renewed_once(moto: servers.Endpoint, proxy: FaultProxy) -> None:
    client = moto.client(attempts=0, url=proxy.url)
    storage = S3Storage(client)
    everything(storage, "weathered")

    def plan(request: Request) -> Act:
        return PASS if "FRESH/" in request.headers["authorization"] else refused("400 Bad Request", "ExpiredToken")

    def renew() -> bool:
        client._request_signer._credentials.access_key = "FRESH"
        return True

    proxy.plan = plan
    assert len(everything(storage, "weathered", weather=impatient(renew=renew))) == 5


def test_only_listings_are_asked_for(moto: servers.Endpoint, proxy: FaultProxy) -> None:
    storage = S3Storage(moto.client(attempts=0, url=proxy.url), expected_bucket_owner="123456789012")
    everything(storage, "weathered")
    everything(storage, "weathered")
    seen = [exchange.request for exchange in proxy.exchanges]
    assert [(r.method, r.operation) for r in seen] == [("GET", "ListObjects")] * 2
    names = {"authorization", "x-amz-date", "amz-sdk-invocation-id", "amz-sdk-request", "user-agent"}
    by_sdk, ours = ({k: v for k, v in r.headers.items() if k not in names} for r in seen)
    assert ours == by_sdk
    assert ours["x-amz-expected-bucket-owner"] == "123456789012"
    assert sorted(seen[0].target.split("?")[1].split("&")) == sorted(seen[1].target.split("?")[1].split("&"))


def test_where_the_store_sends_it_elsewhere_the_sdk_goes(moto: servers.Endpoint, proxy: FaultProxy) -> None:
    client = moto.client(attempts=0, url=proxy.url)
    storage = S3Storage(client)
    by_sdk: list[str] = []
    client.meta.events.register("before-send.s3", lambda request, **_: by_sdk.append(request.url))
    everything(storage, "weathered")
    moved = itertools.count()
    elsewhere = refused("400 Bad Request", "AuthorizationHeaderMalformed")
    proxy.plan = lambda _request: elsewhere if next(moved) == 0 else PASS
    assert len(everything(storage, "weathered")) == 5
    assert len(everything(storage, "weathered")) == 5
    assert len(by_sdk) == 2, "the first, and the one that was sent elsewhere"


def test_on_amazon_the_bucket_is_in_the_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that is learned is the SDK's, whatever its rules make of a bucket."""
    session = Session("key", "secret", region_name="eu-central-1")
    client = session.client("s3", config=client_config(attempts=1))
    prepare_s3_client(client)
    urls: list[str] = []
    body = b"<ListBucketResult><Name>b</Name></ListBucketResult>"

    def send(request: Any) -> AWSResponse:
        urls.append(request.url)
        assert "/eu-central-1/s3/aws4_request" in str(request.headers["Authorization"])
        answer = AWSResponse(request.url, 200, {}, None)
        answer._content = body
        return answer

    monkeypatch.setattr(client._endpoint.http_session, "send", send)
    storage = S3Storage(client)
    for bucket in ("films-2024", "films.with.dots"):
        for _ in range(2):
            assert everything(storage, bucket, "a b/") == []
        by_sdk, ours = (urlsplit(url) for url in urls[-2:])
        assert ours[:3] == by_sdk[:3]
        assert sorted(ours.query.split("&")) == sorted(by_sdk.query.split("&"))
    assert urlsplit(urls[0]).hostname == "films-2024.s3.eu-central-1.amazonaws.com"


# Many pages, from a listing server of our own


class Served:
    """A bucket of many keys, and a storage that reads it."""

    def __init__(self, bucket: listserver.Bucket, url: str) -> None:
        self.bucket = bucket
        client = servers.Endpoint(url).client(attempts=0)
        self.storage = S3Storage(client)

    def pages(self, **more: Any) -> list[Any]:
        more.setdefault("token", CancelToken())
        return list(self.storage.list_pages("b", **more))


@contextlib.contextmanager
def served(keys: list[str]) -> Iterator[Served]:
    bucket = listserver.Bucket.of(keys)
    with listserver.listening(bucket) as url:
        yield Served(bucket, url)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many threads as may be, whatever the store's answers take."""
    monkeypatch.setattr(ParallelListing, "_adapt", lambda self, _waited: setattr(self, "_target", self._most))


def shaped(shape: str, count: int = 12_345) -> list[str]:
    return sorted({listserver.SHAPES[shape](n, count) for n in range(count)})


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("shape", listserver.SHAPES)
def test_parallel_lists_what_serial_lists(shape: str) -> None:
    keys = shaped(shape)
    with served(keys) as world:
        one_by_one = [row for page in world.pages(parallel=1) for row in page.rows()]
        world.bucket.asked.clear()
        pages = world.pages()
        assert [row for page in in_order(iter(pages)) for row in page.rows()] == one_by_one
        assert [row.key for row in one_by_one] == keys
        assert len(world.bucket.asked) > len(keys) // 1000 + 1, "in more than one piece"
        assert pages[0].keys == keys[:1000], "the first page comes first"


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("shape", ["flat", "folders"])
def test_a_store_that_takes_no_start_after_is_read_all_the_same(shape: str) -> None:
    keys = shaped(shape)
    with served(keys) as world:
        world.bucket.ignores_start_after = True
        found = [key for page in in_order(world.pages()) for key in page.keys]
        assert found == keys


def test_a_directory_bucket_is_read_one_by_one() -> None:
    keys = shaped("flat", 3000)
    with served(keys) as world:
        pages = list(world.storage.list_pages("films--use1-az4--x-s3", token=CancelToken()))
        assert [key for page in pages for key in page.keys] == keys
        assert not any("start-after" in query for query in world.bucket.asked)


def held(then: bytes) -> Callable[[dict[str, str]], bytes | None]:
    """Answers the first request, and to the others says `then` and nothing more."""
    numbers = itertools.count()
    return lambda _query: None if next(numbers) == 0 else then


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n<ListBucketResult><Contents><Key>a"


@pytest.mark.parametrize("parallel", [1, 16])
@pytest.mark.parametrize("then", [b"", HALF], ids=["no answer", "half an answer"])
def test_the_first_page_comes_at_once_and_a_cancel_too(parallel: int, then: bytes) -> None:
    with served(shaped("flat")) as world:
        world.bucket.on_request = held(then)
        token = CancelToken()
        pages = world.storage.list_pages("b", token=token, parallel=parallel)
        assert len(next(pages)) == 1000
        ending = threading.Timer(0.05, token.cancel)
        ending.start()
        with pytest.raises(Cancelled):
            next(pages)
        ending.join()
    assert not [thread for thread in threading.enumerate() if thread.name == "listing"]


def test_a_cancel_ends_a_single_page() -> None:
    with served(["a"]) as world:
        world.bucket.on_request = lambda _query: HALF
        token = CancelToken()
        ending = threading.Timer(0.05, token.cancel)
        ending.start()
        with pytest.raises(Cancelled), cuttable(token):
            world.storage.list_page("b")
        ending.join()


@pytest.mark.usefixtures("eager")
def test_who_has_seen_enough_leaves_no_thread() -> None:
    with served(shaped("hashes")) as world:
        pages = world.storage.list_pages("b", token=CancelToken())
        next(pages)
        pages.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "listing"]


@pytest.mark.usefixtures("eager")
def test_folders_that_may_not_be_asked_for_only_cost_time() -> None:
    keys = shaped("folders")
    with served(keys) as world:
        refusal = xml_answer("403 Forbidden", "AccessDenied")
        world.bucket.on_request = lambda query: refusal if query.get("delimiter") else None
        assert [key for page in in_order(world.pages()) for key in page.keys] == keys


@pytest.mark.usefixtures("eager")
def test_an_error_in_the_middle_of_a_parallel_listing_is_raised() -> None:
    with served(shaped("flat")) as world:
        refusal = xml_answer("403 Forbidden", "AccessDenied")
        world.bucket.on_request = lambda query: refusal if query.get("start-after", "") > "videos" else None
        with pytest.raises(AccessDenied):
            world.pages()
        world.bucket.on_request = lambda _query: None
        assert sum(map(len, world.pages())) == 12_345


@pytest.mark.usefixtures("eager")
def test_a_store_that_asks_for_a_pause_is_asked_less() -> None:
    keys = shaped("flat")
    with served(keys) as world:
        busy = xml_answer("503 Slow Down", "SlowDown")
        seen: Counter[tuple[str, ...]] = Counter()

        def decide(query: dict[str, str]) -> bytes | None:
            """Refuses a few requests twice: once to us, once to the SDK that asks again."""
            asked = (query.get("start-after", ""), query.get("continuation-token", ""))
            seen[asked] += 1
            return busy if 1 < len(seen) < 6 and seen[asked] <= 2 else None

        world.bucket.on_request = decide
        weather = Weather(Patience(first_s=0.01))
        pages = world.pages(weather=weather)
        assert [key for page in in_order(iter(pages)) for key in page.keys] == keys
        assert weather.retries
