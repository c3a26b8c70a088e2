"""Adapters between the core's values and the views."""
