"""The player: what the CDN serves, shown in a window of its own."""

from vidcdn_desktop.gui.player.players import Players
from vidcdn_desktop.gui.player.window import PlayerWindow

__all__ = ["PlayerWindow", "Players"]
