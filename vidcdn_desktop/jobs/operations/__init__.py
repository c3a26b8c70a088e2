"""Operations on many objects: planned first, run as jobs, undone from what the journal remembers."""
