"""The Library page: what is in the bucket."""
