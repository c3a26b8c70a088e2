"""Reading box headers of MP4 and QuickTime files: at the top of a file, and inside a payload in memory.

Headers only. Nothing here trusts a size: each box must end inside what contains it, and the number of boxes is
limited, so a hostile file costs bounded time.

Source: ISO/IEC 14496-12, section 4.2 (object structure); QuickTime File Format, "Atoms".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.info import BoxHeader

MAX_TOP_LEVEL_BOXES = 250_000
"""Boxes read at the top of one file; a day of two-second fragments has 86,400."""

MAX_KEPT_BOXES = 60_000
"""Headers kept of them: those of the first hours of fragments, in eight megabytes of memory."""

MAX_CHILD_BOXES = 100_000
"""Boxes read inside one container."""

MAX_DEPTH = 16
"""Containers inside containers a caller of `child_boxes` may descend; real files stay under ten."""

_SMALL_BOX = 4096
_WINDOW = 64 << 10
_PATIENCE = 16
"""Where so many small boxes stand in a row, their headers are read many at a time."""

_SHORT_HEADER = 8
_LONG_HEADER = 16
_TERMINATOR = bytes(8)


def corrupt(what: str, *, code: str = "") -> CorruptMedia:
    """A `CorruptMedia` whose first sentence is `what`; the film's fate and the advice are always the same."""
    return CorruptMedia(
        what,
        "Nothing was published.",
        "Copy the file again from the camera or export it again.",
        code=code,
    )


@lru_cache(maxsize=512)
def type_name(four: bytes) -> str:
    """A four-character code as text: printable ASCII stays, anything else becomes backslash-x-NN."""
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in four)


@dataclass(frozen=True)
class TopLevel:
    """The top of a file: the boxes that could be read, and what stopped the reading."""

    boxes: tuple[BoxHeader, ...]
    """Sound boxes in file order; together they cover the file from its first byte without a gap. At most
    `MAX_KEPT_BOXES`: where there are more, the rest has been read and found sound but is not listed."""
    open_end: bool
    """The last box states no size and runs to the end of the file."""
    stopped_at: BoxHeader | None
    """The header of the box that is no good, as it is written there; None if none stopped the reading."""
    problem: str
    """What is wrong with it, for the details; empty if nothing is."""
    stray_bytes: int
    """Bytes behind the last sound box, whatever they are."""
    count: int
    """Sound boxes, also those that are not listed."""

    @property
    def is_shortened(self) -> bool:
        """Whether there are more boxes than are listed."""
        return self.count > len(self.boxes)


class _Headers:
    """The bytes of one header after the other; where many small boxes stand in a row, of many with one read."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._start = 0
        self._data = b""
        self._before = 0
        self._in_row = 0

    def at(self, position: int) -> bytes:
        """Up to 16 bytes at a position; positions only ever grow."""
        inside = position - self._start
        if inside + _LONG_HEADER <= len(self._data):
            return self._data[inside : inside + _LONG_HEADER]
        self._in_row = self._in_row + 1 if position - self._before <= _SMALL_BOX else 0
        self._before = position
        length = _WINDOW if self._in_row > _PATIENCE else _LONG_HEADER
        self._start, self._data = position, self._source.read_at(position, length)
        return self._data[:_LONG_HEADER]


def scan_top_level(source: ByteSource) -> TopLevel:
    """Read the top-level headers of a whole file without refusing any; 16 bytes a box, never a payload.

    Where many small boxes stand in a row, they are read 64 KiB at a time.

    Raises: SourceGone, SourceChanged, SourceUnreadable.
    """
    boxes: list[BoxHeader] = []
    headers = _Headers(source)
    end = source.size
    position = 0
    count = 0
    stopped_at: BoxHeader | None = None
    problem = ""
    open_end = False
    while position < end:
        if count >= MAX_TOP_LEVEL_BOXES:
            problem = f"more than {MAX_TOP_LEVEL_BOXES} boxes"
            break
        head = headers.at(position)
        if len(head) < _SHORT_HEADER:
            break  # too short for a box: stray bytes, as some cameras leave them
        box, to_end = _header(head, position, end)
        problem = _why_bad(box, end, head)
        if problem:
            stopped_at = box
            break
        if count < MAX_KEPT_BOXES:
            boxes.append(box)
        count += 1
        open_end = to_end
        position = box.end
    return TopLevel(tuple(boxes), open_end, stopped_at, problem, end - position, count)


def top_level_boxes(source: ByteSource) -> Iterator[BoxHeader]:
    """Yield the header of each top-level MP4 box, in file order.

    Reads at most 16 bytes per box, never the payload. `BoxHeader.size` is in bytes and includes the header; a stored
    size of 0 (the box runs to the end) is resolved, a stored size of 1 means a 64-bit size follows. Fewer than eight
    stray bytes at the end of the file are passed over.

    Raises: CorruptMedia: a box ends beyond the source or is smaller than its own header, or there are too many;
        raised when the damage is reached, after the sound boxes before it. SourceGone, SourceChanged,
        SourceUnreadable: from the source.
    Source: ISO/IEC 14496-12, section 4.2 (object structure).
    """
    end = source.size
    position = 0
    count = 0
    while position < end:
        head = source.read_at(position, _LONG_HEADER)
        if len(head) < _SHORT_HEADER:
            return
        box, _ = _header(head, position, end)
        problem = _why_bad(box, end, head)
        if not problem and count >= MAX_TOP_LEVEL_BOXES:
            problem = f"more than {MAX_TOP_LEVEL_BOXES} boxes"
        if problem:
            raise corrupt("The file is damaged or cut off.", code=problem)
        yield box
        count += 1
        position = box.end


def child_boxes(
    data: bytes | bytearray | memoryview, start: int, end: int, base_offset: int = 0
) -> Iterator[BoxHeader]:
    """Yield the header of each box in `data[start:end]`, a payload held in memory, in order.

    `base_offset` is the file offset of `data[0]`: `BoxHeader.offset` counts from the start of the file, so a payload
    starts at `box.offset - base_offset + box.header_size` in `data`. A QuickTime list may end with four or eight zero
    bytes; those, and fewer than eight stray bytes at the end, are passed over. A stored size of 0 with a type means
    "to the end of the parent". One level only: a caller that descends counts its own depth (`MAX_DEPTH`).

    Raises: CorruptMedia: a box does not fit into its parent, or there are more than `MAX_CHILD_BOXES`.
    Source: ISO/IEC 14496-12, section 4.2; QuickTime File Format, "User data atoms" (the terminator).
    """
    view = memoryview(data)
    if not 0 <= start <= end <= len(view):
        raise corrupt("The index of the file is damaged.", code=f"payload {start}..{end} of {len(view)} bytes")
    position = start
    count = 0
    while end - position >= _SHORT_HEADER:
        head = bytes(view[position : min(position + _LONG_HEADER, end)])
        if head[:_SHORT_HEADER] == _TERMINATOR:
            return
        box, _ = _header(head, position, end)
        problem = _why_bad(box, end, head)
        if not problem and count >= MAX_CHILD_BOXES:
            problem = f"more than {MAX_CHILD_BOXES} boxes in one"
        if problem:
            raise corrupt("The index of the file is damaged.", code=problem)
        yield BoxHeader(box.type, box.offset + base_offset, box.size, box.header_size) if base_offset else box
        count += 1
        position = box.end


def _header(head: bytes, position: int, end: int) -> tuple[BoxHeader, bool]:
    """The header in `head` (8 to 16 bytes) as written, and whether it runs to `end`."""
    size = int.from_bytes(head[:4], "big")
    name = type_name(head[4:8])
    if size == 1:
        # A long header that is itself cut off keeps size 1 and is refused by `_why_bad`.
        whole = len(head) >= _LONG_HEADER
        return BoxHeader(name, position, int.from_bytes(head[8:16], "big") if whole else 1, _LONG_HEADER), False
    if size == 0:
        return BoxHeader(name, position, end - position, _SHORT_HEADER), True
    return BoxHeader(name, position, size, _SHORT_HEADER), False


def _why_bad(box: BoxHeader, end: int, head: bytes) -> str:
    """What is wrong with a header, or nothing."""
    if box.header_size > len(head):
        return f"cut inside the header of {box.type} at {box.offset}"
    if box.size < box.header_size:
        return f"box {box.type} at {box.offset} declares {box.size} bytes"
    if box.end > end:
        return f"box {box.type} at {box.offset} declares {box.size} bytes, {box.end - end} more than there are"
    return ""
