from __future__ import annotations

from vidcdn_desktop.media.boxwords import BoxRole, box_groups, boxes_line
from vidcdn_desktop.media.info import BoxHeader


def row(*boxes: tuple[str, int]) -> list[BoxHeader]:
    found = []
    at = 0
    for kind, size in boxes:
        found.append(BoxHeader(kind, at, size, 8))
        at += size
    return found


def test_each_box_is_named_with_its_size() -> None:
    told = boxes_line(row(("ftyp", 32), ("mdat", 9_100_000), ("moov", 14_200)))
    assert told == "ftyp 32 bytes, mdat 9.1 MB, moov 14.2 kB"


def test_neighbours_of_one_kind_stand_together() -> None:
    groups = box_groups(row(("ftyp", 32), ("free", 8), ("wide", 8), ("free", 84), ("mdat", 1000)))
    assert [(g.role, g.kind, g.count, g.offset, g.size) for g in groups] == [
        (BoxRole.START, "ftyp", 1, 0, 32),
        (BoxRole.PADDING, "free+wide", 3, 32, 100),
        (BoxRole.MEDIA, "mdat", 1, 132, 1000),
    ]
    assert groups[1].words() == "3 × free+wide (padding): 100 bytes from byte 32 on"


def test_a_long_row_is_cut_in_the_middle_and_counts_what_it_leaves_out() -> None:
    boxes = row(("ftyp", 24), ("moov", 800), *[("moof", 100), ("mdat", 900)] * 300, ("mfra", 60))
    line = boxes_line(boxes)
    assert line.startswith("ftyp 24 bytes, moov 800 bytes, moof 100 bytes")
    assert line.endswith("594 more boxes 297 kB, mfra 60 bytes")


def test_unknown_types_are_other() -> None:
    assert box_groups(row(("zzzz", 8), ("uuid", 8)))[0].role is BoxRole.OTHER
    assert boxes_line([]) == ""
