"""`stat s3://BUCKET/KEY…`: all there is to say of an object, and of the video in it; what may not be seen is named."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for
from vidcdn_desktop.cli.operating import refs_of
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.details import Answer, DetailsReader, Known, Lock, ObjectDetails
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.film_details import FilmDetails, film_details
from vidcdn_desktop.media.boxwords import boxes_line
from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.object_facts import ObjectVersion
from vidcdn_desktop.textsafe import display, format_duration, format_size, plural


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "stat",
        help="say all that is known of an object: headers, tags, checksum, lock, versions, the video in it",
        description="What this account may not see is named with the permission it takes; the rest is told all the"
        " same. A video is looked at by a few kilobytes of it.",
    )
    parser.add_argument("addresses", nargs="+", metavar="s3://BUCKET/KEY")
    parser.add_argument("--versions", action="store_true", help="list all versions and delete markers as well")
    parser.add_argument("--json", action="store_true", help="one JSON object per object")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    code = 0
    refs = refs_of(args, args.addresses)
    if any(not ref.key for ref in refs):
        raise SettingsInvalid(
            "This is a bucket, not an object.", "Nothing was looked at.", "Name an object; “ls” lists a bucket."
        )
    with connection_for(args, token) as connection, FactCache() as cache:
        reader = DetailsReader(connection)
        for ref in refs:
            try:
                details = ObjectDetails(ref)
                for details in reader.read(ref, token, versions=args.versions, most=None):  # noqa: B007 - the last
                    token.raise_if_cancelled()
                link = connection.url_of(ref.key)
                film = _film(connection, cache, details, token)
            except VidcdnError as exc:
                output.error(exc, source=str(ref))
                code = 1
                continue
            value = {**details.to_json(), "link": link.url if link else None, "video": film}
            output.result(value, _lines(details, link.url if link else "", film))
    return code


def _film(connection: Connection, cache: FactCache, details: ObjectDetails, token: CancelToken) -> FilmDetails | None:
    facts = details.facts.value
    if facts is None or facts.is_archived or kind_of(details.ref.key) != "Video":
        return None
    try:
        return film_details(connection, cache, facts.stored, token)
    except VidcdnError as exc:
        return FilmDetails(None, problem=exc.sentence())


def _lines(details: ObjectDetails, link: str, film: FilmDetails | None) -> list[str]:
    facts = details.facts.value
    rows: list[tuple[str, str]] = [("Title", details.title), ("Link", link)]
    if facts is not None:
        stored = facts.stored
        rows += [
            ("Size", f"{format_size(stored.size)} ({stored.size:,} bytes)"),
            ("Modified", stored.last_modified.isoformat() if stored.last_modified else ""),
            ("Storage class", stored.storage_class),
            ("Encryption", stored.encryption),
            ("ETag", stored.etag),
        ]
        if (kept := facts.checksum) is not None:
            covers = {True: "full object", False: "composite", None: ""}[kept.is_whole]
            rows.append(("Checksum", f"{kept.algorithm} {kept.value} {covers}".rstrip()))
        rows += list(facts.headers.items())
        rows += [(f"x-amz-meta-{name}", value) for name, value in facts.metadata.items()]
    rows += _answered("Tags", details.tags, ", ".join(f"{k}={v}" for k, v in (details.tags.value or {}).items()))
    rows += _answered("Lock", details.lock, _lock_words(details.lock.value))
    found = details.versions.value
    rows += _answered("Versions", details.versions, plural(len(found.items), "version") if found else "")
    lines = [display(str(details.ref))]
    lines += [f"  {display(label)}: {display(value, 300)}" for label, value in rows if value]
    lines += [f"    {_version_line(version)}" for version in (found.items if found else ())]
    return lines + _film_lines(film)


def _answered(label: str, answer: Answer[Any], words: str) -> list[tuple[str, str]]:
    if answer.known is Known.DENIED:
        return [(label, f"not visible to you ({answer.action})")]
    if answer.known is Known.FAILED:
        return [(label, f"not known ({answer.action}): {answer.error.what if answer.error else ''}")]
    return [(label, words)]


def _lock_words(lock: Lock | None) -> str:
    if lock is None:
        return ""
    parts = ["legal hold"] if lock.legal_hold else []
    if lock.retention is not None:
        until = f" until {lock.retention.until.isoformat()}" if lock.retention.until else ""
        parts.append(f"{lock.retention.mode.lower()} retention{until}")
    parts += [f"not visible to you: {action}" for action in lock.hidden]
    return ", ".join(parts) or "none"


def _version_line(version: ObjectVersion) -> str:
    when = f"{version.last_modified:%Y-%m-%d %H:%M}" if version.last_modified else ""
    size = "deleted" if version.is_marker else format_size(version.size)
    return f"{when:16}  {size:>12}  {'latest' if version.is_latest else '':<6}  {display(version.version_id)}"


def _film_lines(film: FilmDetails | None) -> list[str]:
    if film is None:
        return []
    if film.facts is None:
        return [f"  Video: not known. {display(film.problem)}"]
    facts = film.facts
    size = f"{facts.width}×{facts.height}" if facts.width and facts.height else ""
    codecs = " + ".join(name for name in (facts.video_codec, facts.audio_codec) if name)
    parts = (facts.container, size, codecs, format_duration(facts.duration_s))
    lines = [f"  Video: {' · '.join(display(part) for part in parts if part)}", f"  {display(facts.reason, 300)}"]
    return [*lines, f"  Parts: {boxes_line(film.boxes)}"] if film.boxes else lines
