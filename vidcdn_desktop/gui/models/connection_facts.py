"""What every page knows about the connection in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vidcdn_desktop.credentials.model import ConnectionProfile
from vidcdn_desktop.delivery.model import Distribution
from vidcdn_desktop.errors import VidcdnError


@dataclass(frozen=True)
class ConnectionFacts:
    """The connection in use, as far as it is known at one instant."""

    profile: ConnectionProfile
    domain: str = ""
    """The name viewers use; empty while unknown or if nothing serves the bucket."""
    status: Literal["connecting", "ok", "problem"] = "connecting"
    problem: VidcdnError | None = None
    """Why the status is "problem"."""
    distributions: tuple[Distribution, ...] = ()
    """Those that serve the bucket."""
