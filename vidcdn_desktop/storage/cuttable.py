"""Requests that a cancel cuts, wherever they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cutting import Cut, cutting
from vidcdn_desktop.errors import VidcdnError


@contextlib.contextmanager
def cuttable(token: CancelToken | None) -> Iterator[Cut]:
    """Let a cancel cut the connection this thread uses inside the block, wherever the request is.

    Gives the cut: once released, a cancel leaves the connection alone.

    Raises: Cancelled: instead of the network fault that the cut looks like.
    """
    token = token or CancelToken()
    token.raise_if_cancelled()
    cut = Cut(token)
    try:
        with cutting(cut):
            yield cut
    except VidcdnError:
        token.raise_if_cancelled()
        raise
    finally:
        cut.release()
