"""The Activity page: every job of this session."""
