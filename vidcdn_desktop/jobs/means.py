"""What the jobs of one front end work with, handed to them by the composition root."""

from __future__ import annotations

from dataclasses import dataclass, field

from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.storage.weather import Patience

ENDLESS = Patience(limit_s=None)
"""For the window: nobody may be there, and the network comes back some time."""


@dataclass(frozen=True)
class Means:
    """Shared by all jobs of a front end. Whoever made it closes the journal."""

    tools: Tools
    journal: Journal | None = None
    """Where jobs are written down; None: they end with the process."""
    limiter: RateLimiter = field(default_factory=RateLimiter)
    """The bandwidth of all jobs together."""
    patience: Patience = field(default_factory=Patience)
    """How long a job puts up with a bad network."""
