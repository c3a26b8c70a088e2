"""The open player windows and the loopback proxy they read through."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices

from vidcdn_desktop.delivery.proxy import PlaybackProxy
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.models.play_wish import PlayWish
from vidcdn_desktop.gui.player.multimedia import multimedia
from vidcdn_desktop.gui.player.window import PlayerWindow
from vidcdn_desktop.network import AS_FOUND, NetworkSettings


class Players(QObject):
    """Opens a window for each wish. GUI thread."""

    stopped = Signal()

    def __init__(
        self,
        sign_again: Callable[[PlayWish], str] | None = None,
        parent: QObject | None = None,
        *,
        network: NetworkSettings = AS_FOUND,
    ) -> None:
        super().__init__(parent)
        self._network = network
        self._sign_again = sign_again
        self._proxy: PlaybackProxy | None = None
        self.windows: list[PlayerWindow] = []

    @Slot(object)
    def play(self, wish: PlayWish) -> None:
        """Play one video; in the browser where this computer has no Qt Multimedia."""
        window = self._made(wish)
        if window is not None:
            window.show()
            window.start()

    def embed(self, wish: PlayWish) -> PlayerWindow | None:
        """The same as a widget that the caller puts into a page and starts; closing it ends it, and deletes it.

        None where this computer has no Qt Multimedia: then the browser has it.
        """
        return self._made(wish, compact=True)

    def _made(self, wish: PlayWish, *, compact: bool = False) -> PlayerWindow | None:
        if multimedia() is None:
            QDesktopServices.openUrl(QUrl(wish.url))
            return None
        if self._proxy is None:
            self._proxy = PlaybackProxy(network=self._network)
        sign = self._sign_again
        get_url = (lambda: sign(wish)) if sign else (lambda: wish.url)
        window = PlayerWindow(wish, self._proxy, get_url, compact=compact)
        window.closed.connect(self._on_closed)
        self.windows.append(window)
        return window

    @Slot(object)
    def _on_closed(self, window: PlayerWindow) -> None:
        if window in self.windows:
            self.windows.remove(window)
        window.deleteLater()

    @Slot()
    def stop(self) -> None:
        """Close every window, then the proxy; its threads are waited for off the GUI thread."""
        for window in list(self.windows):
            window.close()
        if self._proxy is not None:
            proxy, self._proxy = self._proxy, None
            run_in_background(self, proxy.close, self._on_proxy_closed)

    @Slot(object)
    def _on_proxy_closed(self, _nothing: object) -> None:
        self.stopped.emit()
