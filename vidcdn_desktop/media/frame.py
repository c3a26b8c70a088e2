"""A picture of a film that is far away, for a few hundred kilobytes of it.

    MP4, MOV with tables ──> `keyframe`: a tenth of the way in, then the middle, then the start, until one is not black
    anything else ─────────> its beginning, twice if need be

ffmpeg is given the bytes through a pipe: no address, no network, nothing on a disk. Whatever a file claims, at most
`MOST_BYTES` of it are fetched in at most `MOST_READS` reads.
"""

from __future__ import annotations

import logging

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.condensed import PartlyHere, TooMuchToReadError
from vidcdn_desktop.media.containers import Kind, sniff
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.media.info import VideoStream
from vidcdn_desktop.media.keyframe import KeyframeFilm, NothingToSeeError
from vidcdn_desktop.media.picture import Poster, encode_poster
from vidcdn_desktop.media.poster import Frame, first_frame
from vidcdn_desktop.media.thrift import Thrifty

_log = logging.getLogger(__name__)

HEAD = 64_000
"""Bytes of the first read: the index of a short film, or at least its place."""

AHEAD = 8 << 10
"""What a short read behind it fetches."""

MOST_BYTES = 4 << 20
MOST_READS = 32

_PLACES = (0.1, 0.5, 0.0)
"""Shares of the keyframes; the first few seconds of a film are a fade or a logo."""
_BEGINNINGS = (384 << 10, 1536 << 10)
"""Bytes of films without tables: a keyframe of full HD, and one of 4K."""
_UNKNOWN = VideoStream(0, "", "", 0, 0, 0, 0, 0)


def far_frame(source: PartlyHere, *, token: CancelToken, tools: Tools, max_width: int) -> Poster | None:
    """Take a frame of a film as a small poster; None if none can be taken within the limits. Blocks.

    Args:
        source: The film; what it fetches beyond what is asked for should be about `AHEAD`.
        token: Ends it at once.
        tools: Where ffmpeg is; without it there is no frame.
        max_width: Limit in pixels.

    Raises: Cancelled. What the source raises. ToolFailed: ffmpeg took too long. No content of a film is an error.
    """
    if tools.ffmpeg is None or not source.size:
        return None
    bounded = Thrifty(source, MOST_BYTES, MOST_READS, AHEAD)
    best: Frame | None = None
    try:
        bounded.read_at(0, HEAD)
        try:
            film = KeyframeFilm(bounded)
        except CorruptMedia as exc:
            _log.debug("no keyframe by an index: %s", exc.code)
            best = _from_beginning(bounded, token, tools, max_width)
        else:
            best = _from_tables(film, token, tools, max_width)
    except NothingToSeeError:
        return None
    except TooMuchToReadError:
        _log.debug("a frame would take too much of the film")
    return encode_poster(best.picture, at_s=None, neutral=False) if best is not None else None


def _from_tables(film: KeyframeFilm, token: CancelToken, tools: Tools, max_width: int) -> Frame | None:
    assert tools.ffmpeg is not None
    best: Frame | None = None
    seen: set[bytes] = set()
    for share in _PLACES:
        try:
            one = film.at(share)
        except (CorruptMedia, TooMuchToReadError) as exc:
            _log.debug("no keyframe at %.1f: %s", share, type(exc).__name__)
            continue
        if one in seen:
            continue
        seen.add(one)
        frame = first_frame(one, film.stream, token=token, ffmpeg=tools.ffmpeg, max_width=max_width)
        if frame is None and best is None and len(seen) > 1:
            break  # nothing decodes; more looks would only cost time
        if frame is not None and not frame.black:
            return frame
        if frame is not None and (best is None or frame.brightness > best.brightness):
            best = frame
    return best


def _from_beginning(source: Thrifty, token: CancelToken, tools: Tools, max_width: int) -> Frame | None:
    assert tools.ffmpeg is not None
    if sniff(source).kind not in (Kind.FILM, Kind.UNKNOWN):
        return None
    for length in _BEGINNINGS:
        data = source.read_at(0, length)
        frame = first_frame(data, _UNKNOWN, token=token, ffmpeg=tools.ffmpeg, max_width=max_width)
        if frame is not None or len(data) == source.size:
            return frame
    return None
