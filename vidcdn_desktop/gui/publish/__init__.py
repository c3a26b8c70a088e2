"""The Publish page: the queue of cards and the panel beside it."""
