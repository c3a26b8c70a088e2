"""A practice cloud and an open session for window tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from vidcdn_desktop.credentials.profiles import ProfileStore
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connections import SavedConnections


@pytest.fixture
def session(qtbot: QtBot) -> Iterator[Session]:
    """A session on a practice cloud of its own, connected."""
    made = Session(SavedConnections(ProfileStore(), lambda: (MemorySecretStore(), "")))
    with qtbot.waitSignal(made.facts_changed, timeout=30_000, check_params_cb=lambda facts: facts.status == "ok"):
        made.use("practice")
    yield made
    made.stop()
