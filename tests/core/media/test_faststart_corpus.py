"""Real files: the verdict of each is right, and what is moved is moved without loss.

The samples are found here with a small reader of their own and hashed against the collection's description; ffmpeg and
ffprobe give a second and a third opinion.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import moviebuilder as mb
import pytest

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.media.layout import read_layout

pytestmark = pytest.mark.corpus

STBL = (b"mdia", b"minf", b"stbl")


def top_level(data: bytes) -> list[tuple[bytes, int, int]]:
    """(Type, start, end) of each top-level box; what does not parse at the end has the type of nothing."""
    found = []
    at = 0
    while len(data) - at >= 8:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        size = size or len(data) - at
        if size < 8 or at + size > len(data):
            break
        found.append((kind, at, at + size))
        at += size
    return [*found, (b"", at, len(data))]


def index_box(data: bytes) -> tuple[int, bytes]:
    [(_, start, end)] = [box for box in top_level(data) if box[0] == b"moov"]
    return start, data[start:end]


def numbers(data: bytes, at: int, count: int, code: str) -> tuple[int, ...]:
    return struct.unpack_from(f">{count}{code}", data, at)


def u32(data: bytes, at: int) -> int:
    return numbers(data, at, 1, "I")[0]


def tracks_of(index: bytes) -> list[dict[bytes, tuple[int, int]]]:
    """The boxes of each track's sample table, and its handler under b"hdlr"."""
    [(_, start, end)] = mb.children(index, 0, len(index))
    found = []
    for track in mb.descend(index, (start, end), b"trak"):
        parts: dict[bytes, tuple[int, int]] = {}
        for table in mb.descend(index, track, *STBL):
            for kind, a, b in mb.children(index, *table):
                parts.setdefault(kind, (a, b))
        parts[b"hdlr"] = mb.descend(index, track, b"mdia", b"hdlr")[0]
        found.append(parts)
    return found


def sound_unit(index: bytes, parts: dict[bytes, tuple[int, int]]) -> tuple[int, int] | None:
    """QuickTime sound: (frames, bytes) of a packet where the tables count frames; None where they count packets."""
    hdlr, stts, stsd = parts[b"hdlr"][0], parts[b"stts"][0], parts[b"stsd"]
    if index[hdlr + 8 : hdlr + 12] != b"soun" or u32(index, stts + 4) != 1 or u32(index, stts + 12) != 1:
        return None
    entry = mb.children(index, stsd[0] + 8, stsd[1])[0][1]
    version, channels, bits = struct.unpack_from(">H6xHH", index, entry + 8)
    if version == 1:
        frames, _, size, _ = numbers(index, entry + 28, 4, "I")
        if frames and size:
            return frames, size
    return 1, channels * ((bits + 7) // 8) or 1


def offsets_of(index: bytes, parts: dict[bytes, tuple[int, int]]) -> tuple[int, ...]:
    for kind, code in ((b"stco", "I"), (b"co64", "Q")):
        if kind in parts:
            at = parts[kind][0]
            return numbers(index, at + 8, u32(index, at + 4), code)
    return ()


def per_chunk_of(index: bytes, parts: dict[bytes, tuple[int, int]], chunks: int) -> Iterator[int]:
    at = parts[b"stsc"][0]
    runs = [numbers(index, at + 8 + 12 * n, 3, "I") for n in range(u32(index, at + 4))]
    for (first, count, _), (after, _, _) in pairwise([*runs, (chunks + 1, 0, 0)]):
        yield from [count] * (after - first)


def sample_runs(index: bytes, parts: dict[bytes, tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(Offset, length) of the samples of each chunk."""
    offsets = offsets_of(index, parts)
    at = parts[b"stsz"][0]
    fixed, count = u32(index, at + 4), u32(index, at + 8)
    sizes = () if fixed else numbers(index, at + 12, count, "I")
    unit = sound_unit(index, parts) if fixed else None
    done = 0
    for offset, per_chunk in zip(offsets, per_chunk_of(index, parts, len(offsets)), strict=True):
        taken = min(per_chunk, count - done)
        if not fixed:
            yield offset, sum(sizes[done : done + taken])
        elif unit and (fixed <= 1 or unit[0] > 1):
            yield offset, taken // unit[0] * unit[1]
        else:
            yield offset, taken * fixed
        done += taken


def aux_runs(index: bytes, parts: dict[bytes, tuple[int, int]]) -> Iterator[tuple[int, int]]:
    saio, saiz = parts[b"saio"][0], parts[b"saiz"][0]
    at = saio + (12 if index[saio + 3] & 1 else 4)
    offsets = numbers(index, at + 4, u32(index, at), "Q" if index[saio] else "I")
    at = saiz + (12 if index[saiz + 3] & 1 else 4)
    count = u32(index, at + 1)
    sizes = [index[at]] * count if index[at] else list(index[at + 5 : at + 5 + count])
    if len(offsets) == 1:
        yield offsets[0], sum(sizes)
        return
    done = 0
    for offset, number in zip(offsets, per_chunk_of(index, parts, len(offsets_of(index, parts))), strict=True):
        yield offset, sum(sizes[done : done + number])
        done += number


def md5_of(data: bytes, runs: Iterator[tuple[int, int]]) -> str:
    digest = hashlib.md5()
    for offset, length in runs:
        assert offset + length <= len(data)
        digest.update(data[offset : offset + length])
    return digest.hexdigest()


def without_offsets(index: bytes) -> bytes:
    """The index with its offsets blanked: what must be the same, byte for byte, before and after."""
    blank = bytearray(index)
    for parts in tracks_of(index):
        for kind in (b"stco", b"co64", b"saio"):
            if kind in parts:
                a, b = parts[kind]
                start = a + 8 if kind != b"saio" else a + (16 if index[a + 3] & 1 else 8)
                blank[start:b] = bytes(b - start)
    return bytes(blank)


def run(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False).stdout


def packets(path: Path) -> str:
    fields = "stream_index,pts_time,dts_time,duration_time,flags,data_hash"
    return run(
        *("ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "md5"),
        *("-show_entries", f"packet={fields}", "-of", "compact", path),
    )


def streamhash(path: Path) -> list[str]:
    out = run(
        *("ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0", "-copy_unknown"),
        *("-c", "copy", "-f", "streamhash", "-hash", "md5", "-"),
    )
    return out.splitlines()


def test_every_verdict_is_right(media_dir: Path, manifest: list[dict[str, Any]]) -> None:
    wrong = []
    for entry in manifest:
        with FileSource(media_dir / entry["name"]) as source:
            report = read_layout(source)
        assert report.reason.endswith(".")
        if report.layout.value not in (entry["expected"], *entry["also_ok"]):
            wrong.append((entry["name"], report.layout.value, report.reason, entry["expected"]))
    assert wrong == []


def test_the_reader_of_this_test_agrees_with_the_description(media_dir: Path, manifest: list[dict[str, Any]]) -> None:
    """The oracle itself is checked on the originals, so that it cannot pass by finding nothing."""
    seen = 0
    for entry in manifest:
        if entry["expected"] != "needs":
            continue
        data = (media_dir / entry["name"]).read_bytes()
        index = index_box(data)[1]
        for parts, told in zip(tracks_of(index), entry["tracks"], strict=True):
            if "md5" in told:
                assert md5_of(data, sample_runs(index, parts)) == told["md5"], entry["name"]
                seen += 1
            if "aux_md5" in told:
                assert md5_of(data, aux_runs(index, parts)) == told["aux_md5"], entry["name"]
    assert seen > 60


def test_every_move_is_lossless(media_dir: Path, manifest: list[dict[str, Any]], tmp_path: Path) -> None:
    moved = 0
    for entry in manifest:
        path = media_dir / entry["name"]
        with FileSource(path) as source:
            plan = plan_fast_start(source)
            assert plan.moved == (plan.report.layout is Layout.NEEDS)
            if not plan.moved:
                assert plan.source is source
                continue
            view = plan.source.read_at(0, plan.source.size)
        moved += 1
        assert_lossless(entry, path.read_bytes(), view, plan.head_size)
        if shutil.which("ffmpeg"):
            copy = tmp_path / f"moved{path.suffix}"
            copy.write_bytes(view)
            assert packets(copy) == packets(path), entry["name"]
            if entry["streamhash"]["ok"]:
                assert streamhash(copy) == entry["streamhash"]["hashes"], entry["name"]
            copy.unlink()
    assert moved >= 40


def assert_lossless(entry: dict[str, Any], original: bytes, view: bytes, head_size: int) -> None:
    name = entry["name"]
    (old_at, old_index), (new_at, new_index) = index_box(original), index_box(view)
    assert new_at < old_at, name
    assert new_at + len(new_index) == head_size, name
    others = [[data[a:b] for kind, a, b in top_level(data) if kind != b"moov"] for data in (original, view)]
    assert others[0] == others[1], f"{name}: another box changed"
    assert without_offsets(new_index) == without_offsets(old_index), f"{name}: the index lost something"
    first_media = next((a for kind, a, b in top_level(view) if kind == b"mdat" and b - a > 8), len(view))
    assert new_at < first_media, name
    for number, (parts, told) in enumerate(zip(tracks_of(new_index), entry["tracks"], strict=True)):
        if "md5" in told and not told.get("chunks_outside_file"):
            assert md5_of(view, sample_runs(new_index, parts)) == told["md5"], f"{name}: track {number}"
        if "aux_md5" in told:
            assert md5_of(view, aux_runs(new_index, parts)) == told["aux_md5"], f"{name}: track {number}"
