"""What movie fragments add to a film: samples and time, from the `moof` boxes.

Source: ISO/IEC 14496-12, section 8.8 (movie fragments).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vidcdn_desktop.media.boxes import child_boxes, corrupt


@dataclass
class FragmentSum:
    """What the movie fragments add to a track, in its timescale."""

    samples: int = 0
    duration: int = 0
    start: int | None = None
    end: int = 0

    def add(self, start: int | None, samples: int, duration: int) -> None:
        """Count one run; without a decode time it follows the run before."""
        begin = self.end if start is None else start
        self.start = begin if self.start is None else min(self.start, begin)
        self.end = max(self.end, begin + duration)
        self.samples += samples
        self.duration += duration


@dataclass(frozen=True)
class Run:
    """The samples one `traf` adds to a track."""

    track: int
    start: int | None
    """Decode time of the first sample; None where there is no `tfdt`."""
    samples: int
    duration: int


def fragment_runs(data: bytes, defaults: Mapping[int, int]) -> Iterator[Run]:
    """Yield the track fragments of a `moof`, times in the tracks' own scales.

    Raises: CorruptMedia: a box does not fit. struct.error, IndexError: a field is cut off; the caller takes both.

    Source: ISO/IEC 14496-12, sections 8.8.7 (tfhd), 8.8.8 (trun) and 8.8.12 (tfdt).
    """
    moof = next(child_boxes(data, 0, len(data)), None)
    if moof is None:
        raise corrupt("The index of the file is damaged.", code="moof is too short")
    for traf in child_boxes(data, moof.offset + moof.header_size, moof.end):
        if traf.type != "traf":
            continue
        number = each = samples = duration = 0
        start: int | None = None
        for box in child_boxes(data, traf.offset + traf.header_size, traf.end):
            body = box.offset + box.header_size
            flags = int.from_bytes(data[body + 1 : body + 4], "big")
            if box.type == "tfhd":
                number = int.from_bytes(data[body + 4 : body + 8], "big")
                place = body + 8 + (8 if flags & 0x01 else 0) + (4 if flags & 0x02 else 0)
                each = struct.unpack_from(">I", data, place)[0] if flags & 0x08 else defaults.get(number, 0)
            elif box.type == "tfdt":
                start = struct.unpack_from(">Q" if data[body] == 1 else ">I", data, body + 4)[0]
            elif box.type == "trun":
                samples += struct.unpack_from(">I", data, body + 4)[0]
                duration += _run_duration(data, body, box.end, flags, each)
        yield Run(number, start, samples, duration)


def _run_duration(data: bytes, body: int, end: int, flags: int, each: int) -> int:
    count = struct.unpack_from(">I", data, body + 4)[0]
    if not flags & 0x100:
        return int(count * each)
    stride = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    start = body + 8 + (4 if flags & 0x01 else 0) + (4 if flags & 0x04 else 0)
    if start + count * stride > end:
        raise corrupt("The index of the file is damaged.", code="trun is too short")
    return sum(struct.unpack_from(">I", data, start + n * stride)[0] for n in range(count))
