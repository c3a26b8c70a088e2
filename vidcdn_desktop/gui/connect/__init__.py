"""Connections: the dialog that makes, tests and chooses them."""
