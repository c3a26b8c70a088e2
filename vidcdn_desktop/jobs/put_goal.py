"""What is there already where a file is to go: ours of an earlier run, what is to be replaced, or somebody else's."""

from __future__ import annotations

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.errors import AccessDenied, ObjectNotFound
from vidcdn_desktop.jobs.put_plan import FileToPut
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.object_facts import changed
from vidcdn_desktop.storage.port import Storage, StoredObject
from vidcdn_desktop.storage.resume import JOB_KEY


class Goal:
    """The place of one file in the bucket. Any thread.

    Args:
        storage: Where.
        file: What goes there.
        mark: What objects of this job carry in their metadata; empty: nothing.
        mtime_ns: Of the file as it is now: an object with the mark was made of the file as it was planned.
    """

    def __init__(self, storage: Storage, file: FileToPut, mark: str, mtime_ns: int) -> None:
        self._storage = storage
        self._file = file
        self._mark = mark
        self._same_file = bool(file.mtime_ns) and file.mtime_ns == mtime_ns

    def earlier(self, source: ByteSource) -> StoredObject | None:
        """The object that an earlier run has put there; None: it is still to be sent.

        Raises: Conflict: the object to be replaced is another one by now, or gone. What `Storage.head` raises.
        """
        file = self._file
        try:
            there = self._storage.head(file.ref)
        except ObjectNotFound as exc:
            if file.replaces:
                raise changed(file.ref) from exc
            return None
        except AccessDenied:
            if file.replaces:
                raise
            return None  # who may write and not look: the request itself tells
        if file.replaces and there.etag == file.replaces:
            return None
        if self.has(there, source):
            return there
        if file.replaces:
            raise changed(file.ref)
        return None

    def has(self, there: StoredObject, source: ByteSource) -> bool:
        """Whether an object is this file: by the store's checksum of the whole, or because this job made it of it."""
        if there.size != source.size:
            return False
        if there.checksum and there.checksum_is_whole:
            return checksum_of(there.checksum_algorithm, source, 0, source.size) == there.checksum
        return self._same_file and self._is_ours(there)

    def check(self) -> None:
        """Look right before the object is replaced that it still is the one that was meant.

        Raises: Conflict: it is not. What `Storage.head` raises.
        """
        if not self._file.replaces:
            return
        try:
            there = self._storage.head(self._file.ref)
        except ObjectNotFound as exc:
            raise changed(self._file.ref) from exc
        if there.etag != self._file.replaces and not self._is_ours(there):
            raise changed(self._file.ref)

    def _is_ours(self, there: StoredObject) -> bool:
        mark = there.headers.metadata.get(JOB_KEY, "") if there.headers else ""
        return bool(self._mark) and mark.startswith(f"{self._mark}.")
