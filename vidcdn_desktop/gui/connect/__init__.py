"""Connections: the dialog that makes, tests and chooses them."""

from vidcdn_desktop.gui.connect.dialog import ConnectionsDialog

__all__ = ["ConnectionsDialog"]
