"""The body of an upload request: a range of a `ByteSource`, handed to the SDK in large blocks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from vidcdn_desktop.bytesource import ByteSource, block_at
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import SourceChanged, VidcdnError
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import Counter

MAX_BLOCK = 1 << 20
"""The HTTP library asks for 16 KiB at a time; handing it 1 MiB instead sends half as fast again."""

_ASK_FROM_BYTES = 4 << 20
"""Ask before sending an object ("Expect: 100-continue") from this size. It costs a round trip, which a small object
feels, and saves sending megabytes to a server that refuses them. Parts never ask: whoever could begin the upload may
send them."""

_FIRST_BLOCK = 32 << 10
_MIN_BLOCK = 16 << 10
_BLOCK_TIME_S = 0.05
"""A block should leave within this time: cancelling takes effect, and progress is counted, between two blocks."""
_GROW_AFTER_S = 0.02
"""Longer than a socket's buffer takes to fill, which says nothing about the speed of the link."""
_GROWTH = 4


class Pace:
    """How large a block may be on one thread's connection, learnt from how long the blocks take to leave.

    Shrinks at once when a block took long; grows after enough quick ones. Kept from one body to the next, so that
    small files are not sent in small blocks for good. One thread.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, block: int = _FIRST_BLOCK) -> None:
        self._clock = clock
        self._block = block
        self._last: float | None = None
        self._took = 0.0
        self._sent = 0

    @property
    def block(self) -> int:
        """The present size."""
        return self._block

    def pause(self) -> None:
        """The next block does not follow the one before: something else happened in between."""
        self._last = None

    def next_block(self) -> int:
        """Size of the next block, now that the one before has left."""
        now = self._clock()
        if self._last is not None:
            took = now - self._last
            self._took += took
            self._sent += self._block
            if took > _BLOCK_TIME_S:
                self._block = max(_MIN_BLOCK, int(self._block * _BLOCK_TIME_S / took))
                self._took, self._sent = 0.0, 0
            elif self._took >= _GROW_AFTER_S:
                fitting = int(self._sent * _BLOCK_TIME_S / self._took)
                self._block = max(_MIN_BLOCK, min(fitting, _GROWTH * self._block, MAX_BLOCK))
                self._took, self._sent = 0.0, 0
        self._last = now
        return self._block


class SourceFailure(BaseException):
    """Carries an error of the source through the SDK.

    Derives from BaseException because botocore takes an Exception raised by a body for a network fault and sends
    the part again.
    """

    def __init__(self, error: VidcdnError) -> None:
        super().__init__(error.what)
        self.error = error


class SendingBody:
    """A seekable, file-like body over `length` bytes of `source` at `offset`.

    In the sending pass `read` gives a view of up to 1 MiB whatever size is asked for; `pace` fits the block to the
    speed of the link, so that one block is about 50 ms of sending. Bytes are counted only while `count_reads(True)`
    holds (see `credentials.sdk.prepare_s3_client`); a rewind takes them back. One thread at a time.

    `read` raises `Cancelled`, or `SourceFailure` around an error of the source; both pass through the SDK untouched.
    """

    def __init__(
        self,
        source: ByteSource,
        offset: int,
        length: int,
        token: CancelToken,
        meter: Counter | None,
        pace: Pace | None = None,
        limiter: RateLimiter | None = None,
    ) -> None:
        self._source = source
        self._offset = offset
        self._length = length
        self._token = token
        self._meter = meter
        self._pace = pace or Pace()
        self._limiter = limiter
        self.on_handed_over: Callable[[], None] | None = None
        """Called when the last block was read in the sending pass: from now on the server may have it all."""
        self._position = 0
        self._counted = 0
        self._counting = False

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True  # an empty body is still a body

    @property
    def asks_first(self) -> bool:
        """Whether an object with this body is announced before it is sent; see `credentials.sdk`."""
        return self._length >= _ASK_FROM_BYTES

    @property
    def counted(self) -> int:
        """Bytes of this body counted as sent at present."""
        return self._counted

    def count_reads(self, on: bool) -> None:
        """Say whether reads from now on are the sending pass."""
        self._counting = on
        self._pace.pause()

    def read(self, size: int = -1) -> memoryview:
        """The next block; empty at the end. In the sending pass `size` is not looked at."""
        self._token.raise_if_cancelled()
        # The signing pass reads from the page cache: it says nothing about the link. The signer's buffer holds what it
        # asks for and no more.
        block = self._pace.next_block() if self._counting else min(MAX_BLOCK, size if size > 0 else MAX_BLOCK)
        wanted = min(block, self._length - self._position)
        if wanted <= 0:
            return memoryview(b"")
        if self._limiter is not None and self._counting:
            wanted = self._limiter.block(wanted)
            self._limiter.take(wanted, self._token)
            self._pace.pause()  # waiting for our own limit says nothing about the link
        try:
            data = block_at(self._source, self._offset + self._position, wanted)
        except VidcdnError as exc:
            raise SourceFailure(exc) from exc
        if len(data) != wanted:
            raise SourceFailure(
                SourceChanged(
                    "The file became shorter while it was being sent.",
                    "Nothing was published.",
                    "Wait until the program that writes it has finished, then start again.",
                )
            )
        self._position += wanted
        if self._counting:
            self._count(self._position)
            if self._position == self._length and self.on_handed_over is not None:
                self.on_handed_over()
        return memoryview(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the cursor; going back takes counted bytes back."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = min(max(0, base + offset), self._length)
        if self._position < self._counted:
            self._count(self._position)
        return self._position

    def tell(self) -> int:
        """The cursor."""
        return self._position

    def take_back(self) -> None:
        """Count nothing of this body: the request has failed for good."""
        self._count(0)

    def _count(self, position: int) -> None:
        delta = position - self._counted
        self._counted = position
        if delta and self._meter is not None:
            self._meter.add(delta)
