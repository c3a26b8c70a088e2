"""From bucket and key to the links viewers use, and the HTML that embeds them. Pure functions.

Source: Amazon CloudFront Developer Guide, "Cache behavior settings" (path pattern) and "Origin settings" (origin path);
Amazon S3 User Guide, "Virtual hosting of buckets" and "Website endpoints"; RFC 3986, section 2.3.
"""

from __future__ import annotations

import html
import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from vidcdn_desktop.delivery.model import Behavior, Distribution, Origin, PlayableUrl
from vidcdn_desktop.errors import SettingsInvalid

OriginMatch = Literal["yes", "website", "unknown", "no"]
"""Whether an origin is the bucket: its REST endpoint, its public website endpoint, cannot tell, or something else."""

_REGION = r"[a-z]{2,}(?:-[a-z]+)+-\d+"
_SUFFIX = r"amazonaws\.(?:com(?:\.cn)?|eu)"
_REST = re.compile(rf"(.+)\.s3(?:[.-]{_REGION}|\.dualstack\.{_REGION}|-external-1)?\.{_SUFFIX}")
_WEBSITE = re.compile(rf"(.+)\.s3-website[.-]{_REGION}\.{_SUFFIX}")
_INDIRECT = re.compile(
    rf"(?:.*\.)?(?:s3-accesspoint(?:-fips)?|s3-object-lambda|s3-global|s3-fips|accesspoint|s3)(?:[.-].+)?\.{_SUFFIX}"
)
"""S3 hosts that name no bucket: access points, multi-Region access points, path style."""
_ALIAS_BUCKET = re.compile(r".+(?:-s3alias|--ol-s3|-ext-s3alias)")
"""Access point aliases look like buckets and stand for one we cannot see."""


def origin_matches_bucket(domain: str, bucket: str) -> OriginMatch:
    """Whether an origin's domain name is `bucket`.

    Bucket names may contain dots, so the name is matched from the right: `a.b.s3.amazonaws.com` is the bucket `a.b`.
    "unknown" means an S3 address that does not tell its bucket (access points, path style).
    """
    name = domain.lower().rstrip(".")
    wanted = bucket.lower()
    website = _WEBSITE.fullmatch(name)
    if website:
        return "website" if website[1] == wanted else "no"
    rest = _REST.fullmatch(name)
    if rest and "accesspoint" not in rest[1].split("."):
        if rest[1] == wanted:
            return "yes"
        return "unknown" if _ALIAS_BUCKET.fullmatch(rest[1]) else "no"
    return "unknown" if _INDIRECT.fullmatch(name) else "no"


def bucket_of(domain: str) -> str:
    """The bucket whose REST or website address an origin's domain name is; empty if it does not tell."""
    name = domain.lower().rstrip(".")
    found = _WEBSITE.fullmatch(name) or _REST.fullmatch(name)
    return found[1] if found and origin_matches_bucket(name, found[1]) in ("yes", "website") else ""


def url_path(key: str) -> str:
    """The path of a URL for a key: each UTF-8 byte percent-encoded except unreserved ones and `/`.

    `+` becomes %2B and a space %20, so that no part of the web reads them as the other.
    """
    return "/" + quote(key.encode("utf-8", "surrogatepass"), safe="/")


def is_loopback(host: str) -> bool:
    """Whether `host`, with or without a port, is this computer."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def pattern_matches(pattern: str, path: str) -> bool:
    """Whether a behavior's path pattern takes a percent-encoded URL path.

    `*` stands for any characters, `?` for one; case counts; the leading slash is optional.
    """
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in re.sub(r"\*+", "*", pattern).lstrip("/"))
    return re.fullmatch("".join(parts), path.removeprefix("/"), re.DOTALL) is not None


def behavior_for(distribution: Distribution, path: str) -> Behavior | None:
    """The behavior that takes a percent-encoded URL path: the first that matches; None if the list is empty."""
    return next((b for b in distribution.behaviors if pattern_matches(b.path_pattern, path)), None)


def key_below_origin(key: str, origin_path: str) -> str | None:
    """The key as the distribution sees it, with the origin path taken off; None if it lies outside."""
    folder = origin_path.strip("/")
    if not folder:
        return key
    return key[len(folder) + 1 :] if key.startswith(folder + "/") else None


def _targets(distribution: Distribution, origin: Origin) -> set[str]:
    groups = {o.id for o in distribution.origins if o.is_group and origin.id in o.member_ids}
    return {origin.id} | groups


def _links(distribution: Distribution, bucket: str, key: str) -> Iterator[PlayableUrl]:
    seen: set[str] = set()
    for origin in distribution.origins:
        if origin.is_group or origin_matches_bucket(origin.domain_name, bucket) not in ("yes", "website"):
            continue
        below = key_below_origin(key, origin.origin_path)
        if below is None:
            continue
        path = url_path(below)
        behavior = behavior_for(distribution, path)
        if behavior is None or behavior.target_origin_id not in _targets(distribution, origin) or path in seen:
            continue
        seen.add(path)
        host = distribution.host
        yield PlayableUrl(
            url=f"{'http' if is_loopback(host) else 'https'}://{host}{path}",
            url_path=path,
            distribution_id=distribution.id,
            host=host,
            needs_signature=behavior.needs_signature,
            may_differ=behavior.may_rewrite,
            enabled=distribution.enabled,
            deployed=distribution.status.lower() == "deployed",
            staging=distribution.staging or distribution.tenant_only,
        )


def _rank(link: PlayableUrl) -> tuple[bool, bool, bool, bool]:
    return (not link.enabled, link.staging, not link.deployed, link.needs_signature)


def playable_urls(distributions: Sequence[Distribution], bucket: str, key: str) -> tuple[PlayableUrl, ...]:
    """Every link to an object, best first; empty if no distribution serves it.

    Nothing is left out silently: links of switched-off, staging or tenant-only distributions are there, flagged, last.
    Origins that do not tell their bucket give no link.
    """
    links = [link for distribution in distributions for link in _links(distribution, bucket, key)]
    return tuple(sorted(links, key=_rank))


@dataclass(frozen=True)
class Serving:
    """One distribution that has (or may have) a bucket behind it, for the picker."""

    distribution: Distribution
    origin: Origin
    match: OriginMatch
    """"yes", "website" or "unknown"."""
    covers_prefix: bool
    """Whether a video below the prefix would be reached through it."""
    usable: bool
    """Switched on, and neither staging nor tenant-only."""
    note: str = ""
    """What to know before choosing it, one sentence; empty if nothing."""


def serving(distributions: Sequence[Distribution], bucket: str, prefix: str) -> tuple[Serving, ...]:
    """The distributions with an origin that is (or may be) `bucket`, those that serve `prefix` first."""
    folder = prefix.strip("/")
    sample = f"{folder}/a/b.mp4" if folder else "a/b.mp4"
    found: list[Serving] = []
    for distribution in distributions:
        matching = [(o, origin_matches_bucket(o.domain_name, bucket)) for o in distribution.origins if not o.is_group]
        candidates = [(o, m) for o, m in matching if m != "no"]
        if not candidates:
            continue
        order: dict[OriginMatch, int] = {"yes": 0, "website": 1, "unknown": 2}
        inside = [c for c in candidates if key_below_origin(sample, c[0].origin_path) is not None]
        origin, match = min(inside or candidates, key=lambda c: order[c[1]])
        covers = any(True for _ in _links(distribution, bucket, sample))
        usable = distribution.enabled and not distribution.staging and not distribution.tenant_only
        found.append(Serving(distribution, origin, match, covers, usable, _note(distribution, origin, match, covers)))
    return tuple(sorted(found, key=lambda s: (not s.usable, not s.covers_prefix, s.distribution.status != "Deployed")))


def _note(distribution: Distribution, origin: Origin, match: OriginMatch, covers: bool) -> str:
    if not distribution.enabled:
        return "This distribution is switched off."
    if distribution.staging:
        return "A staging distribution: viewers do not reach it."
    if distribution.tenant_only:
        return "Only its tenants' own domains reach this distribution."
    if match == "unknown":
        return "Its origin does not tell which bucket it is."
    if not covers:
        return (
            f"It serves only keys below {origin.origin_path.strip('/')}/."
            if origin.origin_path.strip("/")
            else "Its behaviors send these videos to another origin."
        )
    if match == "website":
        return (
            "Its origin is the bucket's public website address; a private bucket with origin access control is safer."
        )
    if distribution.status.lower() != "deployed":
        return "A change is still being rolled out to the edges."
    return ""


def _attribute(text: str) -> str:
    """Untrusted text as the value of a double-quoted HTML attribute, on one line, without control characters."""
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return html.escape(" ".join(plain.split()), quote=True)


def _web_address(url: str) -> str:
    if url.lower().startswith(("https://", "http://")) and not re.search(r"[\s\x00-\x1f]", url):
        return html.escape(url, quote=True)
    raise SettingsInvalid(
        "This is not a web address, so it cannot be embedded.",
        "Nothing was copied.",
        "Use a link that begins with https.",
        subject=url,
    )


def embed_html(url: str, poster_url: str, title: str, width: int | None, height: int | None) -> str:
    """A `<video>` element for a web page, escaped. Size in CSS pixels, left out where unknown; poster may be empty.

    Raises: SettingsInvalid: `url` or `poster_url` is no http(s) address.
    """
    attributes = ['controls playsinline preload="metadata"']
    if poster_url:
        attributes.append(f'poster="{_web_address(poster_url)}"')
    if width and height and width > 0 and height > 0:
        attributes.append(f'width="{width}" height="{height}"')
    if title.strip():
        attributes.append(f'title="{_attribute(title)}"')
    attributes.append('style="max-width: 100%; height: auto"')
    return f'<video {" ".join(attributes)} src="{_web_address(url)}"></video>'
