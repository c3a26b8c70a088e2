"""Work off the GUI thread that tells something again and again while it goes on; see `background` for the rest."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.background import run_in_background

_relays: set[_Relay] = set()
"""A relay lives until its work has ended, and goes on the GUI thread; the worker has no more than a weak reference."""


class _Relay(QObject):
    told = Signal(object)
    ended = Signal()
    failed = Signal(object)

    @Slot(object)
    def on_ended(self, _result: object) -> None:
        _relays.discard(self)
        self.ended.emit()

    @Slot(object)
    def on_failed(self, error: object) -> None:
        _relays.discard(self)
        self.failed.emit(error)

    @Slot()
    def on_cancelled(self) -> None:
        _relays.discard(self)


def run_streamed(
    owner: QObject,
    steps: Callable[[], Iterable[object]],
    on_step: Callable[[Any], None],
    on_end: Callable[[], None] | None = None,
    on_error: Callable[[Any], None] | None = None,
    *,
    token: CancelToken,
) -> None:
    """Draw on `steps()` on a thread of its own; each thing it gives goes to `on_step` on the GUI thread, in order.

    Receivers are bound methods of QObjects, as in `background.run_in_background`; after a cancel none is called any
    more, but for what was on its way. Whoever gives much at once waits for nobody: keep it few, or in an inbox.
    """
    relay = _Relay()
    _relays.add(relay)
    queued = Qt.ConnectionType.QueuedConnection
    relay.told.connect(on_step, queued)
    if on_end is not None:
        relay.ended.connect(on_end)
    if on_error is not None:
        relay.failed.connect(on_error)
    weak = weakref.ref(relay)

    def work() -> None:
        for step in steps():
            token.raise_if_cancelled()
            found = weak()
            if found is None:
                return
            found.told.emit(step)
            del found

    run_in_background(owner, work, relay.on_ended, relay.on_failed, on_cancelled=relay.on_cancelled, token=token)
