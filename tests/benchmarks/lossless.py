"""Whether a rewritten film is still the same film, by the rule of the collection of real files.

The rule: the sample bytes of each track, what saio points at, the packets as ffmpeg and ffprobe read them, edit lists,
rotation and references come out the same, and every other top-level box is still there byte for byte. A peer that
writes the media anew is not blamed for that alone: padding may go and mdat may be arranged in another way. What is
found is read with a small reader of its own, and MD5s are held against the collection's description.
"""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from sampleoracle import Track, index_of, spans, top

_STBL = (b"mdia", b"minf", b"stbl")
_REMADE = frozenset({b"moov", b"ftyp", b"mdat", b"free", b"skip", b"wide"})
"""Top-level boxes that a rewriter may write anew or leave out."""
_OF_THE_CONTAINER = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
_UNREADABLE = (KeyError, IndexError, struct.error, ValueError, AssertionError)


class Verdict(Enum):
    """What became of a film; from the best to the worst."""

    LOSSLESS = "lossless"
    UNCHANGED = "left unchanged"
    ALTERS = "alters"
    """Times, edit lists, rotation, references or codec tags."""
    LOSES_TAGS = "loses metadata"
    """Tags only."""
    LOSES = "loses media"
    """Tracks, samples, boxes, or what decrypts a track."""
    DAMAGED = "damaged"
    """It names other bytes than before, or can no longer be read."""
    FAILS = "fails"


Finding = tuple[Verdict, str]


@dataclass(frozen=True)
class TrackFacts:
    """One track."""

    handler: str
    codecs: tuple[str, ...]
    size: int
    """Bytes of all samples."""
    md5: str
    """Of all samples, in table order."""
    outside: int
    """Chunks that do not lie in the file."""
    aux_md5: str
    """Of what saio points at; empty without one."""
    edits: tuple[tuple[float, float], ...]
    """(Length, media time) in seconds."""
    rotation: bytes
    """The upper left of the matrix."""
    references: tuple[tuple[bytes, tuple[str, ...]], ...]
    """(Type, handlers of the tracks it names)."""

    @property
    def name(self) -> str:
        """Such as soun/mp4a."""
        return f"{self.handler.strip()}/{'+'.join(self.codecs)}"


def _find(data: bytes, start: int, end: int, *path: bytes) -> list[tuple[int, int]]:
    ranges = [(start, end)]
    for want in path:
        ranges = [(a, b) for s, e in ranges for kind, _, a, b in spans(data, s, e) if kind == want]
    return ranges


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _timescale(data: bytes, box: tuple[int, int]) -> int:
    return _u32(data, box[0] + (20 if data[box[0]] else 12)) or 1


def tracks_of(data: bytes) -> list[TrackFacts]:
    """The tracks of a film. Raises one of the errors of damage if it cannot be read."""
    _, index, head = index_of(data)
    movie = _timescale(index, _find(index, head, len(index), b"mvhd")[0])
    boxes = _find(index, head, len(index), b"trak")
    names: dict[int, str] = {}
    for box in boxes:
        at, _ = _find(index, *box, b"tkhd")[0]
        names[_u32(index, at + (20 if index[at] else 12))] = Track(index, *box).handler.decode("latin-1")
    return [_track(data, index, box, movie, names) for box in boxes]


def _track(data: bytes, index: bytes, box: tuple[int, int], movie: int, names: dict[int, str]) -> TrackFacts:
    track = Track(index, *box)
    header = _find(index, *box, b"tkhd")[0][0]
    matrix = header + (52 if index[header] else 40)
    runs = _runs(index, track)
    held = [data[at : at + size] for at, size in runs]
    stsd = track.boxes.get(b"stsd")
    codecs = [kind.decode("latin-1") for kind, _, _, _ in spans(index, stsd[0] + 8, stsd[1])] if stsd else []
    return TrackFacts(
        track.handler.decode("latin-1"),
        tuple(codecs),
        sum(size for _, size in runs),
        hashlib.md5(b"".join(held)).hexdigest(),
        sum(at + size > len(data) for at, size in runs),
        _aux(data, index, track),
        _edits(index, box, movie),
        index[matrix : matrix + 8] + index[matrix + 12 : matrix + 20],
        _references(index, box, names),
    )


def _runs(index: bytes, track: Track) -> list[tuple[int, int]]:
    """(Offset, length) of the samples of each chunk."""
    found = []
    for table in track.offsets(index, (b"stco", b"co64")):
        if table:
            found += list(zip(table, track.chunk_lengths(index, len(table)), strict=True))
    return found


def _aux(data: bytes, index: bytes, track: Track) -> str:
    """MD5 of what saio points at; where it has one place the runs follow each other, else there is one a chunk."""
    if b"saiz" not in track.boxes:
        return ""
    start, _ = track.boxes[b"saiz"]
    at = start + (12 if index[start + 3] & 1 else 4)
    count = _u32(index, at + 1)
    sizes = [index[at]] * count if index[at] else list(index[at + 5 : at + 5 + count])
    [offsets] = track.offsets(index, (b"saio",))
    if len(offsets) == 1:
        return hashlib.md5(data[offsets[0] : offsets[0] + sum(sizes)]).hexdigest()
    digest = hashlib.md5()
    done = 0
    for place, number in zip(offsets, track.samples_per_chunk(index, len(offsets)), strict=True):
        digest.update(data[place : place + sum(sizes[done : done + number])])
        done += number
    return digest.hexdigest()


def _edits(index: bytes, box: tuple[int, int], movie: int) -> tuple[tuple[float, float], ...]:
    media = _timescale(index, _find(index, *box, b"mdia", b"mdhd")[0])
    found = []
    for start, end in _find(index, *box, b"edts", b"elst"):
        code = ">Qq" if index[start] else ">Ii"
        step = struct.calcsize(code) + 4
        for at in range(start + 8, min(end, start + 8 + step * _u32(index, start + 4)) - step + 1, step):
            length, time = struct.unpack_from(code, index, at)
            found.append((round(length / movie, 3), round(time / media, 3) if time >= 0 else -1.0))
    return tuple(found)


def _references(index: bytes, box: tuple[int, int], names: dict[int, str]) -> tuple[tuple[bytes, tuple[str, ...]], ...]:
    found = []
    for start, end in _find(index, *box, b"tref"):
        for kind, _, a, b in spans(index, start, end):
            found.append((kind, tuple(names.get(_u32(index, at), "") for at in range(a, b - 3, 4))))
    return tuple(found)


def _run(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def stream_hashes(path: Path) -> list[str]:
    """A hash of each stream's packets, as the collection's description has them."""
    command = ("ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0", "-copy_unknown", "-c", "copy")
    return _run(*command, "-f", "streamhash", "-hash", "md5", "-")[1].splitlines()


def packet_hashes(path: Path) -> list[tuple[int, str]]:
    """(Packets, MD5 of their times, flags and data) of each stream, as the collection's description has them."""
    fields = ("pts_time", "dts_time", "duration_time", "flags", "data_hash")
    command = ("ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "md5", "-of", "json")
    entries = f"packet=stream_index,{','.join(fields)}"
    streams: dict[int, list[str]] = {}
    for packet in json.loads(_run(*command, "-show_entries", entries, path)[1] or "{}").get("packets", ()):
        line = ",".join(str(packet.get(name, "")) for name in fields).replace("MD5:", "")
        streams.setdefault(packet["stream_index"], []).append(line)
    return [(len(lines), hashlib.md5("\n".join(lines).encode()).hexdigest()) for _, lines in sorted(streams.items())]


def tags_of(path: Path) -> set[str]:
    """Names of the tags of a film and of its streams, but for those of the container."""
    entries = "format_tags:stream_tags"
    text = _run("ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", path)[1]
    told = json.loads(text or "{}")
    found = set(told.get("format", {}).get("tags", {}))
    for stream in told.get("streams", ()):
        found |= {f"stream {name}" for name in stream.get("tags", {}) if name in ("creation_time", "timecode")}
    return found - _OF_THE_CONTAINER


def judge(entry: dict[str, Any], original: Path, result: Path, *, strict: bool) -> tuple[Verdict, list[str]]:
    """What a tool made of a film of the collection, and why.

    Args:
        entry: Its description.
        original: The film.
        result: What the tool wrote.
        strict: Every other box must be the same byte for byte, padding and mdat included, and streams keep their order.
    """
    old, new = original.read_bytes(), result.read_bytes()
    if old == new:
        return Verdict.UNCHANGED, []
    findings = _boxes(old, new, strict=strict) + _streams(entry, original, result, strict=strict)
    if entry["tracks"]:
        findings += _tracks(entry, old, new, strict=strict)
        if entry["expected"] == "needs" and not _is_first(new):
            findings.append((Verdict.ALTERS, "the index still stands behind the media"))
    lost = sorted(tags_of(original) - tags_of(result))
    if lost:
        findings.append((Verdict.LOSES_TAGS, f"tags lost: {', '.join(lost)}"))
    order = list(Verdict)
    worst = max((order.index(verdict) for verdict, _ in findings), default=0)
    return order[worst], [text for _, text in findings]


def _is_first(data: bytes) -> bool:
    kinds = [
        kind for kind, _, body, end in top(data)[0] if kind in (b"moov", b"mdat") and (kind == b"moov" or end > body)
    ]
    return kinds[:1] == [b"moov"]


def _boxes(old: bytes, new: bytes, *, strict: bool) -> list[Finding]:
    (before, old_tail), (after, new_tail) = top(old), top(new)
    spared = {b"moov"} if strict else _REMADE
    held = [[old[a:e] for kind, a, _, e in before if kind not in spared]]
    held.append([new[a:e] for kind, a, _, e in after if kind not in spared])
    if strict:
        return [(Verdict.LOSES, "another box changed")] if held[0] != held[1] or old_tail != new_tail else []
    lost = Counter(held[0]) - Counter(held[1])
    names = sorted({box[4:8].decode("latin-1") for box in lost})
    return [(Verdict.LOSES, f"boxes lost: {', '.join(names)}")] if names else []


def _streams(entry: dict[str, Any], original: Path, result: Path, *, strict: bool) -> list[Finding]:
    findings: list[Finding] = []
    if entry["streamhash"]["ok"]:
        told, found = list(entry["streamhash"]["hashes"]), stream_hashes(result)
        if not strict:
            told, found = ([line.partition(",")[2] for line in lines] for lines in (told, found))
            told, found = sorted(told), sorted(found)
        if told and not found:
            findings.append((Verdict.LOSES, "ffmpeg reads nothing of it any more"))
        elif told != found:
            findings.append((Verdict.ALTERS, "streams as ffmpeg copies them differ"))
    if entry["packets"] is not None:
        told_packets = [(stream["packets"], stream["md5"]) for stream in entry["packets"] if stream["packets"]]
        found_packets = packet_hashes(result)
        if not strict:
            told_packets, found_packets = sorted(told_packets), sorted(found_packets)
        if told_packets != found_packets:
            findings.append((Verdict.ALTERS, "packets as ffprobe reads them differ"))
    return findings


def _tracks(entry: dict[str, Any], old: bytes, new: bytes, *, strict: bool) -> list[Finding]:
    try:
        before = tracks_of(old)
    except _UNREADABLE:
        return []  # nothing to hold the result against; the streams were compared
    for facts, told in zip(before, entry["tracks"], strict=True):
        known = told if not told.get("chunks_outside_file") else {}
        if facts.md5 != known.get("md5", facts.md5) or facts.aux_md5 != told.get("aux_md5", facts.aux_md5):
            raise AssertionError(f"{entry['name']}: the reader of this benchmark does not agree with the description")
    try:
        after = tracks_of(new)
    except _UNREADABLE as exc:
        return [(Verdict.DAMAGED, f"its index cannot be read: {exc!r}")]
    findings: list[Finding] = []
    if strict and len(before) != len(after):
        return [(Verdict.LOSES, f"{len(before)} tracks became {len(after)}")]
    left = list(after)
    lost = []
    for facts, told in zip(before, entry["tracks"], strict=True):
        near = [other for other in left if other.handler == facts.handler]
        best = next((other for other in near if other.md5 == facts.md5), near[0] if near else None)
        if best is None:
            lost.append(facts.name)
            continue
        left.remove(best)
        findings += _compared(facts, best, has_keys="aux_md5" in told)
    if lost:
        findings.append((Verdict.LOSES, f"{len(lost)} of {len(before)} tracks lost: {', '.join(lost)}"))
    if len(after) > len(before) - len(lost):
        findings.append((Verdict.ALTERS, f"{len(after) - len(before) + len(lost)} tracks added"))
    return findings


def _compared(old: TrackFacts, new: TrackFacts, *, has_keys: bool) -> list[Finding]:
    """What differs. Without `has_keys` saio names a wrong place, as the description has it: nothing is to be kept."""
    findings: list[Finding] = []
    if new.outside > old.outside or (new.md5 != old.md5 and new.size == old.size):
        findings.append((Verdict.DAMAGED, f"{old.name} names other bytes than before"))
    elif new.md5 != old.md5:
        worse = Verdict.LOSES if new.size < old.size else Verdict.ALTERS
        findings.append((worse, f"samples of {old.name}: {old.size} bytes, now {new.size}"))
    if has_keys and new.aux_md5 != old.aux_md5:
        worse = Verdict.DAMAGED if new.aux_md5 else Verdict.LOSES
        findings.append((worse, f"{old.name}: what decrypts it"))
    for name in ("codecs", "edits", "rotation", "references"):
        if getattr(new, name) != getattr(old, name):
            findings.append((Verdict.ALTERS, f"{old.name}: {name}"))
    return findings
