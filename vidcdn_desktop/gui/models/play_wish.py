"""What the player is asked to play."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlayWish:
    """One video on the CDN."""

    title: str
    url: str
    size: int | None = None
    """Bytes; None if unknown."""
    etag: str = ""
    poster: bytes = b""
    """JPEG shown until the first frame; may be empty."""
