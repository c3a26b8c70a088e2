"""Fast start without a copy: the film as it should be, read from the film as it is.

The view is a new head (what must stand first, then the patched index) followed by ranges of the original. Nothing is
written anywhere, and reading the view costs what reading the file costs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vidcdn_desktop.bytesource import ByteSource, BytesSource, RangesSource, SourceRange
from vidcdn_desktop.media.faststart_index import LeaveAloneError
from vidcdn_desktop.media.faststart_proof import prove
from vidcdn_desktop.media.info import Layout, LayoutReport
from vidcdn_desktop.media.layout import Decision, decide


@dataclass(frozen=True)
class FastStartPlan:
    """What to send for a file."""

    report: LayoutReport
    """The verdict and its reason."""
    source: ByteSource
    """What to publish: the view if the index moves, else the original. Owns nothing: the original stays open."""
    moved: bool
    """Whether `source` is a view with the index in front."""
    head_size: int
    """Bytes up to the end of the index in `source`; 0 unless moved."""
    bytes_read: int
    """Bytes read from the original for planning."""
    widened: bool
    """Whether a table of offsets had to become 64-bit."""


class _CountingSource:
    """Passes reads on and counts their bytes."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.count = 0

    @property
    def size(self) -> int:
        return self._source.size

    def read_at(self, offset: int, length: int) -> bytes:
        data = self._source.read_at(offset, length)
        self.count += len(data)
        return data


def plan_fast_start(source: ByteSource) -> FastStartPlan:
    """Work out what to publish for a file: a view with the index in front, or the file as it is.

    The view is returned only after each offset in its index has been shown to name the same byte as before. Reads the
    box headers and the index, never the media; any thread.

    Raises: SourceGone, SourceChanged, SourceUnreadable: from the source.
    """
    counting = _CountingSource(source)
    decision = decide(counting)
    if decision.report.layout is not Layout.NEEDS:
        return FastStartPlan(decision.report, source, False, 0, counting.count, False)
    view = _view(source, decision)
    try:
        prove(decision, source, view)
    except LeaveAloneError as exc:
        report = replace(decision.report, layout=Layout.UNSUPPORTED, reason=str(exc), boxes_after=())
        return FastStartPlan(report, source, False, 0, counting.count, False)
    head_size = next(box.end for box in decision.report.boxes_after if box.type == "moov")
    widened = decision.patched is not None and bool(decision.patched.widened)
    return FastStartPlan(decision.report, view, True, head_size, counting.count, widened)


def _view(source: ByteSource, decision: Decision) -> RangesSource:
    if decision.swap is not None:
        return _with_pieces(source, decision.swap.pieces)
    assert decision.patched is not None
    move = decision.patched.move
    replaced = [(box.offset, box.size, BytesSource(data)) for box, data in decision.changed]
    replaced.append((move.moov_at, move.old_size, BytesSource(b"")))
    ranges = [SourceRange(BytesSource(decision.patched.data), 0, move.new_size)]
    position = 0
    before: list[SourceRange] = []
    after: list[SourceRange] = []
    for offset, size, data in [*sorted(replaced, key=lambda r: r[0]), (source.size, 0, BytesSource(b""))]:
        if position < move.insert_at:
            stop = min(offset, move.insert_at)
            before.append(SourceRange(source, position, stop - position))
            position = stop
        after += (SourceRange(source, position, offset - position), SourceRange(data, 0, data.size))
        position = offset + size
    return RangesSource([*before, *ranges, *after])


def _with_pieces(source: ByteSource, pieces: tuple[tuple[int, int, bytes], ...]) -> RangesSource:
    """The source with some pieces (offset, length, new bytes) replaced."""
    ranges: list[SourceRange] = []
    position = 0
    for offset, length, data in pieces:
        ranges += (SourceRange(source, position, offset - position), SourceRange(BytesSource(data), 0, len(data)))
        position = offset + length
    return RangesSource([*ranges, SourceRange(source, position, source.size - position)])
