"""One key, many buckets: each is reached in its own region, has its own links, and its jobs can be taken back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.profiles import ProfileStore
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.errors import BucketNotFound, SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.launch import operation_job, plan_undo
from vidcdn_desktop.jobs.operations.model import Action, Kind
from vidcdn_desktop.jobs.operations.plan import Wish, plan_operation
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.jobs.practice import practice_connection
from vidcdn_desktop.jobs.sharing import LinkKind, Wanted, make_links
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.practice.cloud import PracticeCloud
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef


@pytest.fixture(scope="module")
def cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud.start() as running:
        yield running


@pytest.fixture
def home(cloud: PracticeCloud) -> Iterator[Connection]:
    connection = open_connection(*practice_connection(cloud))
    connection.distributions()
    yield connection
    connection.close()


def bucket_in(home: Connection, region: str = "") -> str:
    name = f"b-{uuid.uuid4().hex[:12]}"
    where = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region else {}
    home.clients.s3.create_bucket(Bucket=name, **where)  # type: ignore[arg-type]
    return name


def put(connection: Connection, key: str, body: bytes = b"film") -> ObjectRef:
    ref = ObjectRef(connection.profile.bucket, key)
    connection.storage.put(ref, BytesSource(body), ObjectHeaders("video/mp4"), token=CancelToken())
    return ref


def test_a_bucket_of_the_same_region_shares_everything(home: Connection) -> None:
    name = bucket_in(home)
    assert home.known_at(name) is None
    other = home.at(name)
    assert other.profile == replace(home.profile, bucket=name, prefix="")
    assert other.clients is home.clients
    assert (home.is_home, other.is_home) == (True, False)
    assert home.at(name) is other is home.known_at(name)
    assert other.at(home.profile.bucket) is home.at("") is home
    put(other, "a.mp4")
    assert [item.key for item in other.storage.list_page(name).objects] == ["a.mp4"]


def test_a_bucket_of_another_region_is_reached_and_signed_for_there(home: Connection) -> None:
    name = bucket_in(home, "eu-west-3")
    other = home.at(name)
    assert other.clients.region == other.profile.region == "eu-west-3"
    assert other.clients.credentials is home.clients.credentials
    ref = put(other, "a.mp4", b"over there")
    link = other.storage.presign_get(ref, 600)
    assert "/eu-west-3/" in parse_qs(urlsplit(link).query)["X-Amz-Credential"][0]
    assert urllib3.request("GET", link, retries=False).data == b"over there"
    home.close()
    other.close()  # what is closed with its home already


def test_a_region_that_is_known_is_not_asked(home: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    name = bucket_in(home, "eu-west-3")

    def never(*_args: object) -> str:
        raise AssertionError("it was told")

    monkeypatch.setattr("vidcdn_desktop.jobs.connection.bucket_region", never)
    assert home.at(name, "eu-west-3").clients.region == "eu-west-3"


def test_links_are_signed_for_the_region_the_bucket_lives_in(cloud: PracticeCloud) -> None:
    profile, secrets = practice_connection(cloud)
    mistaken = open_connection(replace(profile, region="ap-south-1"), secrets)
    put(mistaken, "a.mp4")
    link = make_links(mistaken, ["a.mp4"], Wanted(LinkKind.PRESIGNED), CancelToken()).links[0].url
    assert f"/{cloud.region}/" in parse_qs(urlsplit(link).query)["X-Amz-Credential"][0]
    assert urllib3.request("GET", link, retries=False).data == b"film"
    assert mistaken.for_signing() is mistaken.for_signing() is not mistaken
    mistaken.close()


def test_a_bucket_that_is_not_there_is_told(home: Connection) -> None:
    with pytest.raises(BucketNotFound):
        home.at("nobody-has-this-one")
    assert home.known_at("nobody-has-this-one") is None


def test_links_and_invalidations_are_about_the_distributions_of_the_bucket(home: Connection) -> None:
    name = bucket_in(home)
    other = home.at(name)
    put(other, "a.mp4")
    assert other.url_of("a.mp4") is None
    cloudfront = home.clients.cloudfront
    assert cloudfront is not None
    behavior = {
        "TargetOriginId": "media",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    }
    origin = {
        "Id": "media",
        "DomainName": f"{name}.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    made = cloudfront.create_distribution(
        DistributionConfig={  # type: ignore[typeddict-item]
            "CallerReference": uuid.uuid4().hex,
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": behavior,
        }
    )["Distribution"]
    before = home.url_of("a.mp4")
    other.distributions(refresh=True)
    assert {d.id for d in home.known_distributions} >= {made["Id"]}
    link = other.url_of("a.mp4")
    assert link is not None
    assert link.distribution_id == made["Id"]
    assert urllib3.request("GET", link.url, retries=False).data == b"film"
    assert list(other.invalidation_paths(["a.mp4"])) == [made["Id"]]
    assert home.url_of("a.mp4") == before


def test_an_operation_in_another_bucket_is_taken_back_from_its_home(home: Connection, tmp_path: Path) -> None:
    name = bucket_in(home, "eu-west-3")
    other = home.at(name)
    put(other, "a/film.mp4")
    with Journal(tmp_path / "journal.sqlite") as journal:
        means = Means(Tools(), journal)
        wish = Wish(Action(Kind.MOVE), (Source(ObjectRef(name, "a/film.mp4")),), ObjectRef(name, "b/film.mp4"))
        job = operation_job(plan_operation(other, wish, token=CancelToken()), means, other)
        job.run()
        assert job.state is JobState.PUBLISHED
        record = journal.job(job.id)
        assert record is not None
        assert (record.bucket, record.connection_id, record.endpoint) == (name, home.profile.id, other.clients.endpoint)
        plan = plan_undo(home, journal, job.id)
        undo = operation_job(plan, means, home.at(plan.bucket))
        undo.run()
        assert undo.state is JobState.PUBLISHED
    assert [item.key for item in other.storage.list_page(name, delimiter="").objects] == ["a/film.mp4"]


def test_another_bucket_is_kept_for_a_connection(tmp_path: Path) -> None:
    saved = SavedConnections(ProfileStore(tmp_path / "connections.json"), lambda: (MemorySecretStore(), "memory only"))
    profile = ConnectionProfile(
        "own", "Mine", ConnectionKind.ACCESS_KEY, bucket="films", region="eu-west-3", prefix="v",
        access_key_id="AKIAIOSFODNN7EXAMPLE", distribution_id="E2QWRUHAPOMQZL",
    )  # fmt: skip
    kept = saved.save(profile, {"secret_access_key": Secret("s")})
    assert kept.session_only
    moved = saved.move("own", "archive", "us-west-2")
    assert moved == replace(kept, bucket="archive", region="us-west-2", distribution_id="") == saved.get("own")
    assert saved.is_movable(moved)
    with pytest.raises(SettingsInvalid):
        saved.move("own", "No Bucket", "")
    with pytest.raises(SettingsInvalid):
        saved.move("practice", "archive", "")
