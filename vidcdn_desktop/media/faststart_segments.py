"""Boxes beside the index that name places in the file (meta, sidx, mfra): keeping them true.

Segment and fragment indexes are rare in a film without fragments, but nothing forbids them, and a reader that trusts
them must find the same bytes. A sidx counts from its own end, so it stays true where it moves together with what it
names; a tfra counts from the start of the file and is patched.

Source: ISO/IEC 14496-12, sections 8.16.3 (segment index) and 8.8.10 (track fragment random access).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.media.boxes import child_boxes, corrupt
from vidcdn_desktop.media.faststart_index import LeaveAloneError
from vidcdn_desktop.media.faststart_items import Edit, Mover, edited, item_edits, number_edit
from vidcdn_desktop.media.info import BoxHeader

MAX_SIDE_BOX = 8 << 20
"""Bytes of such a box that we read into memory."""

_MAX_ENTRIES = 200_000
"""Entries followed in one mfra box; a day of two-second fragments has 43,200 a track."""

_TOO_LARGE = "The file-level description is too large to be checked, so the file is left as it is."
_UNCLEAR = "The list of fragments in the file cannot be moved with certainty, so the file is left as it is."
_TORN = "A segment index in the file would no longer be true, so the file is left as it is."


def side_edits(source: ByteSource, boxes: Sequence[BoxHeader], move: Mover) -> tuple[tuple[BoxHeader, bytes], ...]:
    """What changes in these boxes at the top of a file: (box, its new bytes, as many as before).

    Raises: CorruptMedia: one is damaged. LeaveAloneError, DoesNotFitError: one cannot be followed. SourceGone,
        SourceChanged, SourceUnreadable: from the source.
    """
    changed = []
    for box in boxes:
        if box.type not in ("meta", "mfra", "sidx"):
            continue
        if box.size > MAX_SIDE_BOX:
            raise LeaveAloneError(_TOO_LARGE)
        data = source.read_at(box.offset, box.size)
        if box.type == "sidx":
            check_segment_index(data, box, move)
            continue
        alone = BoxHeader(box.type, 0, box.size, box.header_size)
        edits = (item_edits if box.type == "meta" else fragment_edits)(memoryview(data), alone, move)
        if edits:
            changed.append((box, edited(memoryview(data), edits)))
    return tuple(changed)


def fragment_edits(data: memoryview, mfra: BoxHeader, move: Mover) -> list[Edit]:
    """The changes to a mfra box in `data` that let each entry name the same byte.

    Raises: CorruptMedia: the box is damaged. LeaveAloneError, DoesNotFitError: it cannot be followed.
    """
    edits = []
    for at, width, offset in _fragment_entries(data, mfra):
        delta = move(offset, 1)
        if delta:
            edits.append(number_edit(at, width, offset + delta))
    return edits


def fragment_places(data: memoryview, mfra: BoxHeader) -> list[tuple[int, int]]:
    """(File offset, 1) of each entry of a mfra box, in order. Errors: `fragment_edits`."""
    return [(offset, 1) for _, _, offset in _fragment_entries(data, mfra)]


def _fragment_entries(data: memoryview, mfra: BoxHeader) -> Iterator[tuple[int, int, int]]:
    """Where each entry's offset stands, its width, and the offset."""
    seen = 0
    for box in child_boxes(data, mfra.offset + mfra.header_size, mfra.end):
        if box.type != "tfra":
            continue
        body = box.offset + box.header_size
        if box.end - body < 16:
            raise corrupt("The list of fragments in the file is damaged.", code="short tfra")
        width = 8 if data[body] == 1 else 4
        lengths = data[body + 11]
        stride = 2 * width + sum((lengths >> shift & 3) + 1 for shift in (0, 2, 4))
        count = int.from_bytes(data[body + 12 : body + 16], "big")
        if count * stride > box.end - body - 16:
            raise corrupt("The list of fragments in the file is damaged.", code="short tfra")
        seen += count
        if data[body] > 1 or seen > _MAX_ENTRIES:
            raise LeaveAloneError(_UNCLEAR)
        for number in range(count):
            at = body + 16 + number * stride + width
            yield at, width, int.from_bytes(data[at : at + width], "big")


def check_segment_index(data: bytes, sidx: BoxHeader, move: Mover) -> None:
    """Refuse a segment index that does not move together with all it names.

    `data` is the whole box, `sidx` its place in the file.

    Raises: CorruptMedia: the box is damaged. LeaveAloneError: it would be wrong after the move.
    """
    body = data[sidx.header_size :]
    wide = bool(body[:1] != b"\0")
    at = 28 if wide else 20
    if len(body) < at + 4:
        raise corrupt("The segment index of the file is damaged.", code="short sidx")
    first = int.from_bytes(body[at - 8 if wide else at - 4 : at], "big")
    count = int.from_bytes(body[at + 2 : at + 4], "big")
    entries = body[at + 4 : at + 4 + 12 * count]
    if len(entries) < 12 * count:
        raise corrupt("The segment index of the file is damaged.", code="short sidx")
    length = sum(int.from_bytes(entries[n : n + 4], "big") & 0x7FFFFFFF for n in range(0, 12 * count, 12))
    try:
        together = not count or move(sidx.end + first, length) == move(sidx.offset, sidx.size)
    except LeaveAloneError as exc:
        raise LeaveAloneError(_TORN) from exc
    if not together:
        raise LeaveAloneError(_TORN)
