"""What a distribution's configuration means for one URL path: which bucket, which key, how long, who may see it.

Reads moto's distribution objects; nothing else here knows their shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from vidcdn_desktop.practice.cachecontrol import TtlLimits
from vidcdn_desktop.practice.origin import bucket_of

_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""The managed policy of that name (CloudFront Developer Guide, "Use managed cache policies")."""


@dataclass(frozen=True)
class Source:
    """One origin."""

    bucket: str | None
    """None for a host outside this computer, which the practice cloud does not ask."""
    path: str
    """Origin path, empty or with a leading slash."""

    def key_for(self, url_path: str) -> str:
        """The object key S3 reads out of the path CloudFront sends it; a raw `+` is a space there."""
        raw = (self.path + url_path).removeprefix("/").replace("+", "%20")
        return unquote_to_bytes(raw).decode("utf-8", "replace")


@dataclass(frozen=True)
class Rule:
    """The behavior that applies to a URL path."""

    sources: tuple[Source, ...]
    """In the order of the origin group; one without a group."""
    limits: TtlLimits
    query_in_cache_key: bool
    key_group_ids: tuple[str, ...]
    """Not empty: viewers need a signed URL."""


def pattern_matches(pattern: str, url_path: str) -> bool:
    """Whether a path pattern covers a URL path: `*` any run, `?` one character, case matters."""
    wanted = pattern if pattern.startswith(("/", "*")) else "/" + pattern
    regex = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in wanted)
    return re.fullmatch(regex, url_path, re.DOTALL) is not None


def is_enabled(distribution: Any) -> bool:
    """Whether the distribution serves at all."""
    return bool(distribution.distribution_config.Enabled)


def default_root_object(distribution: Any) -> str:
    """The key served for `/`, or an empty text."""
    return str(distribution.distribution_config.DefaultRootObject or "")


def rule_for(distribution: Any, url_path: str) -> Rule:
    """The first behavior whose pattern matches, else the default one."""
    config = distribution.distribution_config
    behavior = next(
        (b for b in config.CacheBehaviors.get("Items") or () if pattern_matches(b.path_pattern, url_path)),
        config.DefaultCacheBehavior,
    )
    return Rule(_sources(config, behavior.target_origin_id), _limits(behavior), _keeps_query(behavior), _keys(behavior))


def _sources(config: Any, target: str) -> tuple[Source, ...]:
    origins = {origin.id: origin for origin in config.Origins["Items"]}
    wanted = [target]
    for group in config.OriginGroups.get("Items") or ():
        if group["Id"] == target:
            wanted = [member["OriginId"] for member in group["Members"]["Items"]]
    return tuple(
        Source(bucket_of(origins[name].domain_name), origins[name].origin_path) for name in wanted if name in origins
    )


def _limits(behavior: Any) -> TtlLimits:
    # The managed CachingOptimized policy keeps everything for at least one second, even `no-store`. That second is
    # left out, so that what a header asks for can be seen at once.
    if behavior.cache_policy_id == _CACHING_DISABLED:
        return TtlLimits(0, 0, 0)
    if behavior.cache_policy_id or not (behavior.default_ttl or behavior.max_ttl):
        return TtlLimits()
    return TtlLimits(
        float(behavior.min_ttl),
        float(behavior.default_ttl or TtlLimits().default_s),
        float(behavior.max_ttl or TtlLimits().maximum_s),
    )


def _keeps_query(behavior: Any) -> bool:
    return not behavior.cache_policy_id and str(behavior.forwarded_values.QueryString).lower() == "true"


def _keys(behavior: Any) -> tuple[str, ...]:
    groups = behavior.trusted_key_groups
    return tuple(groups.items) if groups.enabled else ()
