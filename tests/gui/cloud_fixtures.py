"""A practice cloud and an open session for window tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from vidcdn_desktop.credentials.profiles import ProfileStore
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.practice.cloud import PracticeCloud


@pytest.fixture
def session(qtbot: QtBot) -> Iterator[Session]:
    """A session on a practice cloud of its own, connected."""
    made = Session(SavedConnections(ProfileStore(), lambda: (MemorySecretStore(), "")))
    with qtbot.waitSignal(made.facts_changed, timeout=30_000, check_params_cb=lambda facts: facts.status == "ok"):
        made.use("practice")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def cloud() -> Iterator[PracticeCloud]:
    """One practice cloud for the tests of a module, which keep out of each other's way by their keys."""
    with PracticeCloud.start() as running:
        yield running


@pytest.fixture
def shared_session(qtbot: QtBot, cloud: PracticeCloud) -> Iterator[Session]:
    """A session on that cloud, connected."""
    made = Session(SavedConnections(ProfileStore(), lambda: (MemorySecretStore(), "")))
    made._cloud = cloud
    with qtbot.waitSignal(made.facts_changed, timeout=30_000, check_params_cb=lambda facts: facts.status == "ok"):
        made.use("practice")
    yield made
    made._cloud = None  # it is not this session's to stop
    made.stop()
