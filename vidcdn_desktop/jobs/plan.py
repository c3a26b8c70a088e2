"""Everything that will happen to one video, as a pure function of what is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vidcdn_desktop.delivery.model import Distribution, PlayableUrl
from vidcdn_desktop.delivery.urls import playable_urls
from vidcdn_desktop.errors import CorruptMedia, NotAVideo, UnsupportedMedia, VidcdnError
from vidcdn_desktop.jobs.model import LinkStyle, PublishOptions, PublishPlan
from vidcdn_desktop.media.convert_model import Conversion
from vidcdn_desktop.media.info import Layout, MediaInfo, Verdict
from vidcdn_desktop.storage.content_types import content_type
from vidcdn_desktop.storage.keys import (
    IMMUTABLE_CACHE,
    STABLE_CACHE,
    encode_metadata,
    object_key,
    poster_key,
)
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

_MP4_FAMILY = frozenset({"mp4", "m4v", "mov", "qt", "m4a", "3gp", "3g2", "f4v", "mj2"})

_NO_CDN_NOTE = (
    "No CDN distribution serves this bucket, so you will get a link straight to the bucket that expires after 7 days."
)


@dataclass(frozen=True)
class Destination:
    """Where a publish goes, as far as planning needs to know."""

    bucket: str
    distributions: tuple[Distribution, ...] = ()
    distribution_id: str = ""
    """The one the user chose; empty: the first that serves the key."""


def title_of(info: MediaInfo, options: PublishOptions) -> str:
    """The title on the card: what the user typed, else the file name without its ending."""
    return options.title.strip() or info.path.stem.strip() or "video"


def extension_of(info: MediaInfo) -> str:
    """The ending the key gets: the file's own where it is true, else the one that fits the content."""
    own = info.path.suffix.lower().lstrip(".")
    if info.layout.layout is not Layout.NOT_MP4:
        if own in _MP4_FAMILY:
            return own
        return "mov" if info.layout.brand.strip() in ("", "qt") else "mp4"
    if info.container == "WebM":
        return "webm"
    return own if own.isascii() and own.isalnum() and len(own) <= 5 else "bin"


def conversion_of(info: MediaInfo, options: PublishOptions) -> Conversion | None:
    """What will be done to a film before it is sent; None: it is sent as it is, or not at all."""
    return info.conversion if options.convert and not options.as_is else None


def pick_url(
    destination: Destination, key: str, distributions: Sequence[Distribution] | None = None
) -> PlayableUrl | None:
    """The link to `key`: through the chosen distribution if it serves the key, else through the first that does."""
    urls = playable_urls(destination.distributions if distributions is None else distributions, destination.bucket, key)
    chosen = [url for url in urls if url.distribution_id == destination.distribution_id]
    usable = [url for url in (*chosen, *urls) if url.enabled]
    return usable[0] if usable else None


def refusal(info: MediaInfo, options: PublishOptions) -> VidcdnError | None:
    """Why this file cannot be published, or None if it can."""
    if info.verdict is Verdict.CANNOT:
        kind = CorruptMedia if info.layout.layout is Layout.CORRUPT else NotAVideo
        return kind(
            info.reason, "Nothing was published.", info.advice or "Choose another file.", subject=str(info.path)
        )
    if info.verdict is Verdict.NEEDS_CONVERSION and not options.as_is and conversion_of(info, options) is None:
        return UnsupportedMedia(
            info.reason,
            "Nothing was published.",
            info.advice or "Convert it to MP4 first, or publish it as it is.",
            subject=str(info.path),
        )
    return None


def plan_publish(
    info: MediaInfo,
    options: PublishOptions,
    destination: Destination,
    *,
    hex8: str,
    job_id: str,
) -> PublishPlan:
    """Say what will happen: key, headers, link, notes. Pure; nothing is looked up and nothing is sent.

    Args:
        info: What inspection found.
        options: What the user chose.
        destination: Bucket and the distributions that are known.
        hex8: Fingerprint of the content (and of the thumbnail choice), 8 hex digits.
        job_id: Goes into the object's metadata, so that a lost reply can be settled by a look at the object.
    """
    title = title_of(info, options)
    versioned = options.link is LinkStyle.VERSIONED
    conversion = conversion_of(info, options)
    extension = conversion.extension if conversion else extension_of(info)
    key = object_key(options.prefix, info.orientation.value, title, extension, hex8 if versioned else None)
    thumbnail = poster_key(key)
    cache = IMMUTABLE_CACHE if versioned else STABLE_CACHE
    url = pick_url(destination, key)
    notes: list[str] = list(conversion.notes) if conversion else []
    if url is None:
        notes.append(_NO_CDN_NOTE)
    else:
        if url.needs_signature:
            notes.append("This distribution only serves signed links; the plain link will answer 403.")
        if url.may_differ:
            notes.append("A function at the edge may rewrite addresses, so the link may differ.")
        if not url.deployed:
            notes.append("The distribution is still being deployed; the link may take some minutes to work.")
    return PublishPlan(
        ref=ObjectRef(destination.bucket, key),
        headers=ObjectHeaders(
            content_type=content_type(key),
            cache_control=cache,
            metadata=encode_metadata(_metadata(info, options, title, hex8, job_id)),
        ),
        thumbnail_ref=ObjectRef(destination.bucket, thumbnail),
        thumbnail_headers=ObjectHeaders(content_type="image/jpeg", cache_control=cache),
        link=options.link,
        url=url,
        size=conversion.size_bytes if conversion else info.identity.size,
        moves_index=conversion is not None or info.layout.layout is Layout.NEEDS,
        notes=tuple(notes),
        conversion=conversion,
    )


def _metadata(info: MediaInfo, options: PublishOptions, title: str, hex8: str, job_id: str) -> dict[str, str]:
    facts = {"vidcdn-job": job_id, "fingerprint": hex8, "title": title}
    if options.description.strip():
        facts["description"] = options.description.strip()
    stream = info.main_video
    if stream is not None:
        facts["width"] = str(stream.display_width)
        facts["height"] = str(stream.display_height)
    if info.duration_s is not None:
        facts["duration"] = f"{info.duration_s:.3f}"
    return facts
