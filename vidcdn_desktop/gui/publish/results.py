"""What a published video gives: a link, code to embed it, and what the player needs."""

from __future__ import annotations

from vidcdn_desktop.delivery.urls import embed_html
from vidcdn_desktop.gui.models.play_wish import PlayWish
from vidcdn_desktop.jobs.model import JobSnapshot, PublishResult


def link_message(result: PublishResult) -> str:
    """What is said when the link has been copied; a link that expires says when."""
    if result.url_expires is None:
        return "Link copied"
    return f"Link copied; it expires {result.url_expires:%d %b %H:%M} UTC"


def embed_code(result: PublishResult) -> str:
    """HTML that plays the video on a page."""
    return embed_html(result.url, result.thumbnail_url, result.title, result.width, result.height)


def play_wish(snapshot: JobSnapshot, result: PublishResult) -> PlayWish:
    """The wish to play it, with the poster that is known already."""
    return PlayWish(result.title, result.url, result.size, result.etag, snapshot.poster)
