"""The rows of the Library's right panel: what is known of an object, in words. No widgets here.

What waits for an answer shows an ellipsis, what may not be seen says so with the permission it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vidcdn_desktop.delivery.model import PlayableUrl
from vidcdn_desktop.delivery.session import PlaybackFacts
from vidcdn_desktop.gui.library.selection import Selected
from vidcdn_desktop.gui.models.celltext import storage_class
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.widgets import Fact
from vidcdn_desktop.jobs.details import Answer, Known, Lock, ObjectDetails
from vidcdn_desktop.media.facts import codec_name, format_bit_rate, format_fps
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.storage.object_facts import KeptChecksum, ObjectVersion
from vidcdn_desktop.storage.object_looks import Versions
from vidcdn_desktop.textsafe import display, format_duration, format_size, plural

WAITING = "…"
_NAME = 18
"""Characters of a name that somebody else has chosen: a longer one would push the values out of the panel."""
_VALUE = 600
_MOST_NAMES = 60
"""Rows of metadata or tags; the store allows about as many."""

_ENCRYPTION = {
    "": "Not told",
    "AES256": "SSE-S3",
    "aws:kms": "SSE-KMS",
    "aws:kms:dsse": "DSSE-KMS",
    "SSE-C": "SSE-C, a key of its owner",
}
_STARTS = {
    IndexPlace.FRONT: ("Yes, index first", "success"),
    IndexPlace.FRAGMENTED: ("Yes, in fragments", "success"),
    IndexPlace.END: ("No, index at the end", "warning"),
    IndexPlace.NONE: ("Another container", ""),
    IndexPlace.UNKNOWN: ("Not clear", ""),
}
_CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@dataclass(frozen=True)
class LinkFacts:
    """Where viewers find an object."""

    url: PlayableUrl | None
    """None where no distribution serves it."""
    poster_url: str = ""
    problem: str = ""
    """Why the distributions are not known; empty where they are."""


def hidden(answer: Answer[Any]) -> str:
    """In place of a value: that it waits, may not be seen, or could not be asked; empty where it is known."""
    if answer.known is Known.WAITING:
        return WAITING
    if answer.known is Known.DENIED:
        return f"Not visible to you ({answer.action})"
    if answer.known is Known.FAILED:
        return f"Not known: {display(answer.error.what, 200)}" if answer.error else "Not known"
    return ""


def range_requests(facts: PlaybackFacts | None) -> Fact:
    """Whether the edge sends pieces, as far as the player has asked for some."""
    asked = [r for r in facts.requests if r.range and r.status] if facts else []
    if any(r.status == 206 for r in asked):
        return Fact("Range requests", "Yes", "success")
    if any(r.status == 200 for r in asked):
        return Fact("Range requests", "No, all is sent", "warning")
    return Fact("Range requests", "Not measured; play it")


def delivery_rows(
    row: Row,
    link: LinkFacts | None,
    details: ObjectDetails,
    film: tuple[bool, VideoFacts | None],
    played: PlaybackFacts | None,
) -> list[Fact]:
    """Link, cache header, fast start, ranges. `film`: whether it was looked at, and what was found."""
    rows = [_link_row(link)]
    if link is not None and link.url is not None:
        if link.url.needs_signature:
            rows.append(Fact("Who can watch", "Holders of a signed link"))
        if not link.url.enabled:
            rows.append(Fact("Distribution", "Switched off", "warning"))
    facts = details.facts.value
    header = hidden(details.facts)
    if facts is not None:
        header = display(facts.headers.get("cache-control", ""), _VALUE)
    rows.append(Fact("Cache-Control", header or "Not set", "mono" if facts and header else ""))
    if row.kind == "Video":
        looked, video = film
        words, kind = _STARTS[video.place] if video is not None else ("Could not be read" if looked else WAITING, "")
        rows.append(Fact("Fast start", words, kind))
        rows.append(range_requests(played))
    return rows


def _link_row(link: LinkFacts | None) -> Fact:
    if link is None:
        return Fact("Link", WAITING)
    if link.url is None:
        return Fact("Link", display(link.problem, 200) or "No distribution serves it")
    return Fact("Link", display(link.url.url, 2000), "mono")


def object_rows(row: Row, details: ObjectDetails) -> list[Fact]:
    """Size, type, storage, encryption, versions, checksum, lock."""
    facts = details.facts.value
    waiting = hidden(details.facts)
    size = facts.stored.size if facts else row.size or 0
    exact = f" ({size:,} bytes)" if size >= 1000 else ""
    rows = [
        Fact("Size", f"{format_size(size)}{exact}"),
        Fact("Type", (display(facts.headers.get("content-type", ""), 120) or "Not set") if facts else waiting),
        Fact("Storage", storage_class(facts.stored.storage_class if facts else row.storage_class) or "Standard"),
    ]
    if facts is not None and facts.is_archived:
        state = "Archived; is being restored" if facts.restoring else "Archived: restore it before it can be read"
        rows.append(Fact("Availability", state, "warning"))
    rows.append(Fact("Encryption", _encryption(facts.stored.encryption) if facts else waiting))
    if facts is not None and facts.carried.get("SSEKMSKeyId"):
        rows.append(Fact("KMS key", display(str(facts.carried["SSEKMSKeyId"]), _VALUE), "mono"))
    modified = facts.stored.last_modified if facts else row.modified
    rows.append(Fact("Modified", when(modified)))
    rows += _version_rows(details.versions)
    rows += _checksum_rows(facts.checksum) if facts else [Fact("Checksum", waiting)]
    rows.append(Fact("ETag", display(facts.stored.etag if facts else row.etag, 200), "mono"))
    if facts is not None:
        rows += [
            Fact(name.capitalize(), display(value, _VALUE), "mono")
            for name, value in facts.headers.items()
            if name not in ("content-type", "cache-control")
        ]
    return rows + _lock_rows(details.lock)


def _encryption(name: str) -> str:
    return _ENCRYPTION.get(name) or display(name, 60)


def _version_rows(answer: Answer[Versions]) -> list[Fact]:
    if answer.value is None:
        return [Fact("Versions", words)] if (words := hidden(answer)) else []
    found = answer.value
    if not found.are_kept and len(found.items) <= 1:
        return [Fact("Versions", "Only this one")]
    more = "" if found.is_complete else "more than "
    return [Fact("Versions", f"{more}{len(found.items):,}")]


def _checksum_rows(kept: KeptChecksum | None) -> list[Fact]:
    if kept is None:
        return [Fact("Checksum", "None kept")]
    covers = {True: ", full object", False: ", composite", None: ""}[kept.is_whole]
    return [
        Fact("Checksum", f"{display(kept.algorithm, 24)}{covers}"),
        Fact("Its value", display(kept.value, 200), "mono"),
    ]


def _lock_rows(answer: Answer[Lock]) -> list[Fact]:
    lock = answer.value
    if lock is None:
        # A bucket that can lock nothing has no row; one that waits for the answer would only flicker.
        return [Fact("Lock", hidden(answer))] if answer.known in (Known.DENIED, Known.FAILED) else []
    rows: list[Fact] = []
    if "s3:GetObjectRetention" in lock.hidden:
        rows.append(Fact("Retention", "Not visible to you (s3:GetObjectRetention)"))
    elif lock.retention is not None:
        rows.append(Fact("Retention", f"{lock.retention.mode.capitalize()}, until {when(lock.retention.until)}"))
    else:
        rows.append(Fact("Retention", "None"))
    if "s3:GetObjectLegalHold" in lock.hidden:
        rows.append(Fact("Legal hold", "Not visible to you (s3:GetObjectLegalHold)"))
    else:
        rows.append(Fact("Legal hold", "On" if lock.legal_hold else "Off"))
    return rows


def named_rows(values: Mapping[str, str]) -> list[Fact]:
    """Metadata or tags: names and values are somebody else's text."""
    rows = [Fact(display(k, _NAME), display(v, _VALUE) or "(empty)") for k, v in list(values.items())[:_MOST_NAMES]]
    left = len(values) - len(rows)
    return [*rows, Fact("More", f"{left:,} are not shown")] if left > 0 else rows


def tag_rows(answer: Answer[dict[str, str]]) -> list[Fact]:
    """The tags; nothing where there are none, or while they wait."""
    if answer.known in (Known.DENIED, Known.FAILED):
        return [Fact("All tags", hidden(answer))]
    return named_rows(answer.value or {})


def video_rows(facts: VideoFacts, size: int) -> list[Fact]:
    """Picture, codec, duration, bit rate, sound: only what is known."""
    rows: list[Fact] = []
    if facts.width and facts.height:
        rate = f", {format_fps(facts.fps)}" if facts.fps else ""
        rows.append(Fact("Picture", f"{facts.width}×{facts.height}{rate}"))
    if facts.video_codec:
        words = f"{codec_name(facts.video_codec)} {facts.video_profile}".rstrip()
        rows.append(Fact("Codec", display(f"{words}, {facts.hdr}" if facts.hdr else words, 80)))
    if facts.duration_s:
        rows.append(Fact("Duration", format_duration(facts.duration_s)))
        rows.append(Fact("Bit rate", format_bit_rate(round(size * 8 / facts.duration_s))))
    if facts.audio_codec:
        channels = facts.audio_channels
        sound = _CHANNELS.get(channels, f"{channels} channels") if channels else ""
        rows.append(Fact("Audio", display(", ".join(p for p in (codec_name(facts.audio_codec), sound) if p), 80)))
    if facts.container:
        rows.append(Fact("Container", display(facts.container, 60)))
    if facts.protected:
        rows.append(Fact("Protection", "Encrypted media"))
    return rows


def summary_rows(selected: Selected) -> list[Fact]:
    """What several rows are together."""
    rows: list[Fact] = []
    if selected.objects:
        rows.append(Fact("Size", format_size(selected.bytes)))
    others = selected.objects - selected.videos
    if selected.videos:
        rows.append(Fact("Videos", f"{selected.videos:,}"))
    if others:
        rows.append(Fact("Other objects", f"{others:,}"))
    if selected.folders:
        rows.append(Fact("Folders", f"{selected.folders:,}"))
    return rows


def summary_title(selected: Selected) -> str:
    """How many."""
    if selected.is_growing:
        return f"{selected.count:,} selected so far"
    if selected.folders and selected.objects:
        return f"{selected.count:,} selected"
    return f"{plural(selected.objects, 'object') if selected.objects else plural(selected.folders, 'folder')} selected"


def version_words(version: ObjectVersion) -> str:
    """One line of the list of versions."""
    what = "Delete marker" if version.is_marker else format_size(version.size)
    parts = [when(version.last_modified), what]
    return " · ".join([*parts, "newest"] if version.is_latest else parts)


def when(time: datetime | None) -> str:
    """Day and time to the minute, here."""
    return f"{time.astimezone():%d %b %Y, %H:%M}" if time is not None else ""
