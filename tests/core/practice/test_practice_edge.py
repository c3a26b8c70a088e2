"""The cache of one edge, with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from vidcdn_desktop.practice import edge as edge_module
from vidcdn_desktop.practice.edge import Edge, Reply, ViewerRequest
from vidcdn_desktop.practice.origin import BytesBody, OriginAnswer


def _behavior(**changes: Any) -> SimpleNamespace:
    fields: dict[str, Any] = {
        "target_origin_id": "o",
        "cache_policy_id": "",
        "min_ttl": 0,
        "default_ttl": 0,
        "max_ttl": 0,
        "forwarded_values": SimpleNamespace(QueryString=False),
        "trusted_key_groups": SimpleNamespace(enabled=False, items=[]),
        "path_pattern": "",
    }
    return SimpleNamespace(**{**fields, **changes})


class Stage:
    """An edge, the bucket behind it, and the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.objects: dict[tuple[str, str], OriginAnswer] = {}
        self.fetches: list[str] = []
        self.due: Callable[[], None] = lambda: None
        self.config = SimpleNamespace(
            Enabled=True,
            DefaultRootObject="",
            CacheBehaviors={"Quantity": 0},
            OriginGroups={"Quantity": 0},
            Origins={"Items": [SimpleNamespace(id="o", domain_name="b.s3.amazonaws.com", origin_path="")]},
            DefaultCacheBehavior=_behavior(),
        )
        self.edge = Edge(
            SimpleNamespace(distribution_config=self.config),
            lambda _groups: {},
            lambda: self.due(),
            error_ttl_s=5.0,
            clock=lambda: self.now,
        )

    def put(self, key: str, data: bytes, cache_control: str = "", bucket: str = "b") -> None:
        headers = {"content-type": "video/mp4", "etag": f'"{hash(data)}"'}
        if cache_control:
            headers["cache-control"] = cache_control
        self.objects[bucket, key] = OriginAnswer(200, headers, BytesBody(data), headers["etag"])

    def fetch(self, bucket: str, key: str) -> OriginAnswer:
        self.fetches.append(key)
        missing = OriginAnswer(403, {"content-type": "application/xml"}, BytesBody(b"<Error/>"))
        return self.objects.get((bucket, key), missing)

    def etag(self, bucket: str, key: str) -> str | None:
        found = self.objects.get((bucket, key))
        return found.etag if found else None

    def get(self, target: str, method: str = "GET", **headers: str) -> Reply:
        return self.edge.answer(
            ViewerRequest(method, target, "edge", {k.replace("_", "-"): v for k, v in headers.items()})
        )


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    monkeypatch.setattr(edge_module, "fetch", made.fetch)
    monkeypatch.setattr(edge_module, "current_etag", made.etag)
    return made


def _text(reply: Reply) -> bytes:
    return reply.body.read_at(reply.offset, reply.length)


def _seen(reply: Reply) -> tuple[str, str | None]:
    return reply.headers["x-cache"].partition(" ")[0], reply.headers.get("age")


def test_a_copy_is_served_with_its_age_until_it_expires_and_then_asked_for_by_etag(stage: Stage) -> None:
    stage.put("a", b"one", "max-age=60")
    assert _seen(stage.get("/a")) == ("Miss", None)
    stage.now = 59.9
    assert _seen(stage.get("/a")) == ("Hit", "59")
    stage.now = 61
    assert _seen(stage.get("/a")) == ("RefreshHit", None)
    stage.now = 63
    assert _seen(stage.get("/a")) == ("Hit", "2")
    assert stage.fetches == ["a"]
    stage.put("a", b"two", "max-age=60")
    assert _text(stage.get("/a")) == b"one"
    stage.now = 130
    reply = stage.get("/a")
    assert (_seen(reply), _text(reply)) == (("Miss", None), b"two")


def test_an_object_that_is_gone_is_served_until_its_copy_expires(stage: Stage) -> None:
    stage.put("a", b"one", "max-age=60")
    stage.get("/a")
    stage.objects.clear()
    assert stage.get("/a").status == 200
    stage.now = 60
    assert stage.get("/a").status == 403


def test_no_store_is_never_kept(stage: Stage) -> None:
    stage.put("a", b"one", "no-store")
    assert [_seen(stage.get("/a"))[0] for _ in range(2)] == ["Miss", "Miss"]
    assert stage.fetches == ["a", "a"]


def test_a_refusal_is_repeated_for_a_moment_and_an_invalidation_ends_it(stage: Stage) -> None:
    refused = stage.get("/a")
    assert (refused.status, _seen(refused)) == (403, ("Error", None))
    stage.put("a", b"one")
    again = stage.get("/a")
    assert (again.status, _seen(again)) == (403, ("Error", "0"))
    stage.edge.drop(["/a"])
    assert stage.get("/a").status == 200
    assert stage.get("/b").status == 403
    stage.put("b", b"two")
    stage.now = 5.0
    assert stage.get("/b").status == 200


def test_conditions(stage: Stage) -> None:
    stage.put("a", b"0123456789")
    etag = stage.get("/a").headers["etag"]
    unchanged = stage.get("/a", if_none_match=f'"x", W/{etag}')
    assert (unchanged.status, unchanged.length, "content-type" in unchanged.headers) == (304, 0, False)
    assert stage.get("/a", if_none_match='"x"').status == 200
    assert stage.get("/a", range="bytes=2-3", if_range=etag).status == 206
    assert stage.get("/a", range="bytes=2-3", if_range='"old"').status == 200
    part = stage.get("/a", range="bytes=2-3")
    assert (_text(part), part.headers["content-range"]) == (b"23", "bytes 2-3/10")
    beyond = stage.get("/a", range="bytes=10-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, "bytes */10")


def test_a_viewer_never_gets_a_copy_whose_invalidation_is_due(stage: Stage) -> None:
    stage.put("a", b"one")
    stage.get("/a")
    stage.put("a", b"two")
    stage.due = lambda: stage.edge.drop(["/*"])
    assert _text(stage.get("/a")) == b"two"


def test_the_query_counts_only_where_the_behavior_says_so(stage: Stage) -> None:
    stage.put("a", b"one")
    assert [_seen(stage.get(target))[0] for target in ("/a", "/a?v=1")] == ["Miss", "Hit"]
    stage.config.DefaultCacheBehavior.forwarded_values.QueryString = True
    assert [_seen(stage.get(target))[0] for target in ("/a?v=1", "/a?v=1", "/a?v=2")] == ["Miss", "Hit", "Miss"]
    stage.edge.drop(["/a?v=1"])
    assert [_seen(stage.get(target))[0] for target in ("/a?v=2", "/a?v=1")] == ["Hit", "Miss"]


def test_origin_path_root_object_and_behaviors(stage: Stage) -> None:
    stage.config.Origins["Items"] += [
        SimpleNamespace(id="p", domain_name="c.s3.amazonaws.com", origin_path="/films"),
        SimpleNamespace(id="web", domain_name="example.com", origin_path=""),
    ]
    stage.config.CacheBehaviors = {
        "Items": [
            _behavior(path_pattern="/v/*", target_origin_id="group"),
            _behavior(path_pattern="/web/*", target_origin_id="web"),
        ]
    }
    members = {"Items": [{"OriginId": "o"}, {"OriginId": "p"}]}
    stage.config.OriginGroups = {"Items": [{"Id": "group", "Members": members}]}
    stage.config.DefaultRootObject = "index.html"
    stage.put("index.html", b"home")
    stage.put("films/v/x", b"second origin", bucket="c")
    assert _text(stage.get("/")) == b"home"
    assert _text(stage.get("/v/x")) == b"second origin"
    assert stage.get("/web/x").status == 502


def test_a_disabled_distribution_and_writing_methods_are_refused(stage: Stage) -> None:
    stage.put("a", b"one")
    assert stage.get("/a", "DELETE").status == 403
    preflight = stage.get("/a", "OPTIONS", origin="https://example.com")
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (200, "*")
    stage.get("/a")
    stage.config.Enabled = False
    assert (stage.get("/a").status, stage.get("/a").headers["server"]) == (403, "CloudFront")


def test_the_cache_does_not_grow_without_end(stage: Stage) -> None:
    for number in range(300):
        stage.put(str(number), b"x")
        stage.get(f"/{number}")
    assert _seen(stage.get("/299"))[0] == "Hit"
    assert _seen(stage.get("/0"))[0] == "Miss"
