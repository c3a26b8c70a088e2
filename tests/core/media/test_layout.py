"""The verdict on a layout, and that it is said in a sentence."""

from __future__ import annotations

import struct
import zlib

import moviebuilder as mb
import pytest

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.media import layout
from vidcdn_desktop.media.info import Layout, LayoutReport
from vidcdn_desktop.media.layout import read_layout

MEDIA = bytes(range(256)) * 4
MDAT = mb.box(b"mdat", MEDIA)
AT_32 = mb.moov(mb.trak(mb.stco([32]), 1))
"""An index for media right behind ftyp."""
INIT = mb.moov(mb.trak(mb.stco([]), 0), more=[mb.box(b"mvex", mb.full(b"trex", bytes(20)))])
MOOF = mb.box(b"moof", mb.full(b"mfhd", bytes(4)))


def verdict(*parts: bytes) -> LayoutReport:
    report = read_layout(BytesSource(b"".join(parts)))
    assert report.reason.endswith(".")
    assert report.reason[0].isupper()
    assert "!" not in report.reason
    return report


def front(*before: bytes) -> bytes:
    """An index that stands before the media, with `before` between ftyp and it."""
    start = len(mb.FTYP) + sum(map(len, before)) + len(AT_32) + 8
    return mb.moov(mb.trak(mb.stco([start]), 1))


CASES = {
    "index behind the media": ([mb.FTYP, MDAT, AT_32], Layout.NEEDS),
    "index in front": ([mb.FTYP, front(), MDAT], Layout.ALREADY),
    "padding before an index in front": (
        [mb.FTYP, mb.box(b"free", bytes(99)), front(bytes(107)), MDAT],
        Layout.ALREADY,
    ),
    "only an empty mdat before it": ([mb.FTYP, mb.box(b"mdat"), front(bytes(8)), MDAT], Layout.ALREADY),
    "only an empty 64-bit mdat before it": (
        [mb.FTYP, mb.box(b"mdat", wide=True), front(bytes(16)), MDAT],
        Layout.ALREADY,
    ),
    "media on both sides": ([mb.FTYP, MDAT, AT_32, MDAT], Layout.NEEDS),
    "no ftyp": ([MDAT, mb.moov(mb.trak(mb.stco([8]), 1))], Layout.NEEDS),
    "media in an unknown box": ([mb.FTYP, mb.box(b"xdat", MEDIA), AT_32], Layout.NEEDS),
    "media in an unknown box, index in front": ([mb.FTYP, front(), mb.box(b"xdat", MEDIA)], Layout.ALREADY),
    "fragments": ([mb.FTYP, INIT, MOOF, MDAT], Layout.FRAGMENTED),
    "only the start of a fragmented stream": ([mb.FTYP, INIT], Layout.FRAGMENTED),
    "one segment": ([mb.box(b"styp", b"msdh", bytes(4)), MOOF, MDAT], Layout.FRAGMENTED),
    "fragments with the index behind": ([mb.FTYP, MOOF, MDAT, INIT], Layout.UNSUPPORTED),
    "fragments announced but not there": ([mb.FTYP, MDAT, INIT], Layout.UNSUPPORTED),
    "fragments announced, but an ordinary film": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([32]), 1), more=[mb.box(b"mvex")])],
        Layout.NEEDS,
    ),
    "empty segment index without fragments": ([mb.FTYP, mb.full(b"sidx", bytes(20)), MDAT, AT_32], Layout.NEEDS),
    "identified media": ([mb.FTYP, mb.box(b"imda", bytes(4), MEDIA), AT_32], Layout.UNSUPPORTED),
    "two tables of places in one track": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([32]), 1, more=[mb.co64([32])]))],
        Layout.UNSUPPORTED,
    ),
    "two indexes": ([mb.FTYP, MDAT, AT_32, AT_32], Layout.UNSUPPORTED),
    "ftyp behind the media": ([MDAT, mb.FTYP, mb.moov(mb.trak(mb.stco([8]), 1))], Layout.UNSUPPORTED),
    "no index": ([mb.FTYP, MDAT], Layout.CORRUPT),
    "media cut off, index in front": ([mb.FTYP, front(), MDAT[:-1]], Layout.CORRUPT),
    "media cut off, index missing": ([mb.FTYP, MDAT[:-1]], Layout.CORRUPT),
    "index cut off": ([mb.FTYP, MDAT, AT_32[:-1]], Layout.CORRUPT),
    "open-ended media cut off": ([mb.FTYP, front(), mb.box(b"mdat", to_end=True)[:7]], Layout.CORRUPT),
    "open-ended media cut in its last samples": (
        [mb.FTYP, front(), mb.box(b"mdat", MEDIA[:15], to_end=True)],
        Layout.CORRUPT,
    ),
    "open-ended media, whole": ([mb.FTYP, front(), mb.box(b"mdat", MEDIA[:16], to_end=True)], Layout.ALREADY),
    "media missing altogether": ([mb.FTYP, front()], Layout.CORRUPT),
    "nothing at all": ([], Layout.CORRUPT),
    "text": ([b"This is a plain text, nothing else."], Layout.NOT_MP4),
    "a few bytes": ([b"abc"], Layout.NOT_MP4),
    "zeros": ([bytes(4096)], Layout.NOT_MP4),
    "an empty box of the wrong size": ([mb.FTYP, struct.pack(">I4s", 3, b"free"), MDAT, AT_32], Layout.CORRUPT),
    "a still picture": (
        [mb.box(b"ftyp", b"heic", bytes(4)), mb.full(b"meta", mb.full(b"hdlr", bytes(21))), MDAT],
        Layout.UNSUPPORTED,
    ),
    "a raw photograph": ([mb.box(b"ftyp", b"crx ", bytes(4)), front()[:0], MDAT, AT_32], Layout.UNSUPPORTED),
    "no tracks": ([mb.FTYP, MDAT, mb.moov()], Layout.UNSUPPORTED),
    "no tracks and rubbish behind": ([mb.FTYP, mb.moov(), MDAT, b"some plain text"], Layout.CORRUPT),
    "only names other files": ([mb.FTYP, MDAT, mb.moov(more=[mb.box(b"rmra")])], Layout.UNSUPPORTED),
    "a child of the index overruns": (
        [mb.FTYP, MDAT, AT_32.replace(b"\x00\x00\x00\x6cmvhd", b"\x00\xff\x00\x00mvhd")],
        Layout.CORRUPT,
    ),
    "a table shorter than it says": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([32])[:-4] + b"\0\0", 1))],
        Layout.CORRUPT,
    ),
    "offset outside the file": ([mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([90_000]), 1))], Layout.UNSUPPORTED),
    "offset into the index": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([24 + len(MDAT) + 20]), 1))],
        Layout.UNSUPPORTED,
    ),
    "last samples run into the index": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([24 + len(MDAT) - 15]), 1))],
        Layout.UNSUPPORTED,
    ),
    "picture in another file": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([32]), 1, references=[mb.ELSEWHERE]))],
        Layout.UNSUPPORTED,
    ),
    "picture partly in another file": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([32]), 1, references=[mb.SELF, mb.ELSEWHERE], described_by=[1, 2]))],
        Layout.UNSUPPORTED,
    ),
    "another file named but not used": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([32]), 1, references=[mb.ELSEWHERE, mb.SELF], described_by=[2]))],
        Layout.NEEDS,
    ),
    "this file named without the flag": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([32]), 1, references=[mb.UNFLAGGED]))],
        Layout.NEEDS,
    ),
    "compressed in an unknown way": (
        [mb.FTYP, MDAT, mb.box(b"moov", mb.box(b"cmov", mb.box(b"dcom", b"what"), mb.box(b"cmvd", bytes(20))))],
        Layout.UNSUPPORTED,
    ),
    "compressed and damaged": (
        [mb.FTYP, MDAT, mb.box(b"moov", mb.box(b"cmov", mb.box(b"dcom", b"zlib"), mb.box(b"cmvd", b"\0\0\0\x40abcd")))],
        Layout.CORRUPT,
    ),
    "camera trailer": ([mb.FTYP, MDAT, AT_32, b"\xff\xfe\xfd\xfcSEFTsome vendor's own notes"], Layout.NEEDS),
    "zeros behind the film": ([mb.FTYP, MDAT, AT_32, bytes(512)], Layout.NEEDS),
    "part of the media behind the damage": (
        [mb.FTYP, MDAT, mb.moov(mb.trak(mb.stco([2400]), 1)), b"\xff\xfe\xfd\xfczzzz", bytes(2000)],
        Layout.CORRUPT,
    ),
}


@pytest.mark.parametrize(("parts", "expected"), CASES.values(), ids=CASES.keys())
def test_verdict(parts: list[bytes], expected: Layout) -> None:
    assert verdict(*parts).layout is expected


def test_the_report_tells_what_stands_where() -> None:
    report = verdict(mb.FTYP, MDAT, AT_32, b"\0")
    assert [(box.type, box.offset, box.size) for box in report.boxes] == [
        ("ftyp", 0, 24),
        ("mdat", 24, 1032),
        ("moov", 1056, len(AT_32)),
    ]
    assert (report.moov_offset, report.moov_size, report.brand) == (1056, len(AT_32), "isom")
    assert report.reason == "The index (moov) stands after the media and will be moved while uploading."


def test_a_compression_bomb_is_not_unpacked() -> None:
    stream = zlib.compress(bytes(5 << 20), 9)
    for size in (1 << 30, 5 << 20, 64):
        cmvd = mb.box(b"cmvd", struct.pack(">I", size), stream)
        bomb = mb.box(b"moov", mb.box(b"cmov", mb.box(b"dcom", b"zlib"), cmvd))
        assert verdict(mb.FTYP, MDAT, bomb).layout in (Layout.CORRUPT, Layout.UNSUPPORTED)


def test_an_index_too_large_for_memory_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_INDEX", 100)
    assert verdict(mb.FTYP, MDAT, AT_32).layout is Layout.UNSUPPORTED
    assert verdict(mb.FTYP, front(), MDAT).layout is Layout.ALREADY


def test_too_many_parts_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidcdn_desktop.media.boxes.MAX_TOP_LEVEL_BOXES", 3)
    assert verdict(mb.FTYP, MDAT, AT_32, mb.box(b"free")).layout is Layout.UNSUPPORTED
