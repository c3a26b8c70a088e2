"""End-to-end tests share one practice cloud."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vidcdn_desktop.practice.cloud import PracticeCloud


@pytest.fixture(scope="session")
def practice_cloud() -> Iterator[PracticeCloud]:
    """A running practice cloud whose invalidations take 0.3 s; tests use keys of their own in its bucket."""
    with PracticeCloud.start(invalidation_delay_s=0.3) as cloud:
        yield cloud
