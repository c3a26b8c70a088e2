"""Shared by the tests of uploads."""

from __future__ import annotations

import threading

from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.keys import encode_metadata
from vidcdn_desktop.storage.port import ObjectHeaders

HEADERS = ObjectHeaders(
    "video/mp4", "public, max-age=60", "inline", encode_metadata({"title": "Été — 日本", "vidcdn-job": "job-7"})
)


class CountingMeter(ProgressMeter):
    """Remembers every delta."""

    def __init__(self) -> None:
        super().__init__()
        self.deltas: list[int] = []
        self.highest = 0
        self.guard = threading.Lock()

    def add(self, delta_bytes: int) -> None:
        super().add(delta_bytes)
        with self.guard:
            self.deltas.append(delta_bytes)
            self.highest = max(self.highest, sum(self.deltas))
