"""A source that fetches no more than it may, whatever a file claims about itself."""

from __future__ import annotations

from vidcdn_desktop.media.condensed import PartlyHere, TooMuchToReadError


class Thrifty:
    """Reads through another source, and counts what that has to fetch.

    Args:
        source: Where the bytes come from.
        most_bytes: Fetched at most.
        most_reads: Fetches at most.
        ahead: What a short fetch brings along.
    """

    def __init__(self, source: PartlyHere, most_bytes: int, most_reads: int, ahead: int) -> None:
        self._source = source
        self._bytes_left, self._reads_left, self._ahead = most_bytes, most_reads, ahead

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._source.size

    def missing(self, offset: int, length: int) -> int:
        """How many bytes of a range are not here yet."""
        return self._source.missing(offset, length)

    def read_at(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_at`.

        Raises: TooMuchToReadError: before anything is fetched beyond what may be. What the source raises.
        """
        lack = self._source.missing(offset, length)
        if lack:
            fetched = max(lack, self._ahead)
            if not self._reads_left or fetched > self._bytes_left:
                raise TooMuchToReadError
            self._reads_left -= 1
            self._bytes_left -= fetched
        return self._source.read_at(offset, length)
