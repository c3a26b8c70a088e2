"""Which repair is under way, on disk: so that the next run cleans up after one that was killed.

One small file per object. The bucket is right, the file is a hint: it names the key and the upload id in use. Beside
it stands the copy of the program that works on it, so that two never repair the same object.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vidcdn_desktop import paths
from vidcdn_desktop.errors import UploadBusy, VidcdnError
from vidcdn_desktop.jobs.ownership import Ownership
from vidcdn_desktop.settings import read_json_file, write_json_file
from vidcdn_desktop.storage.port import ObjectRef, StoredObject

_log = logging.getLogger(__name__)

_SUFFIX = ".vidcdn-repair-"
_HELPER = re.compile(r"(.+)\.vidcdn-repair-([0-9a-f]{16})[0-9a-f]{16}", re.DOTALL)
_MAX_KEY_BYTES = 1024
"""Source: Amazon S3 User Guide, "Naming Amazon S3 objects"."""


def helper_prefix(key: str) -> str:
    """What the helper keys of an object start with."""
    return key + _SUFFIX


def helper_key(original: StoredObject) -> str | None:
    """A fresh key for the repaired copy of an object, which tells what it is the copy of; None if none fits."""
    key = f"{helper_prefix(original.ref.key)}{_digest(original)}{secrets.token_hex(8)}"
    return key if len(key.encode("utf-8", "surrogatepass")) <= _MAX_KEY_BYTES else None


def base_of(key: str) -> str | None:
    """The key a helper belongs to; None for any other key."""
    found = _HELPER.fullmatch(key)
    return found[1] if found else None


def is_copy_of(key: str, original: StoredObject) -> bool:
    """Whether a helper was made of this very state of the object."""
    found = _HELPER.fullmatch(key)
    return found is not None and found[2] == _digest(original)


def _digest(original: StoredObject) -> str:
    return hashlib.blake2b(f"{original.etag}\0{original.size}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Left:
    """What a repair that was killed was doing."""

    upload_key: str
    """The object's own key, or a helper."""
    upload_id: str
    """Empty: it is not known whether the upload was begun."""
    begun: datetime
    """Aware UTC."""


class Marks:
    """The files of all repairs of this user. One works on an object at a time; close it when done.

    Raises on creation: DiskFull, SettingsInvalid.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or paths.data_dir() / "repairs"
        self._ownership = Ownership(self._folder / "running")

    def earlier(self, endpoint: str, ref: ObjectRef) -> Left | None:
        """What an earlier repair has left behind, as far as it was written down.

        Raises: UploadBusy: it is running, in this or another copy of the program.
        """
        data = read_json_file(self._path(endpoint, ref))
        if data is None:
            return None
        owner = str(data.get("owner", ""))
        # Our own: a try of this very run that could not clean up behind itself, because the network was gone.
        if owner != self._ownership.token and self._ownership.is_alive(owner):
            raise UploadBusy(
                "This video is being repaired already.", "It goes on there.", "Wait until it is done.", subject=str(ref)
            )
        try:
            begun = datetime.fromisoformat(str(data["begun"])).astimezone(UTC)
            return Left(str(data["upload_key"]), str(data.get("upload_id", "")), begun)
        except (KeyError, ValueError):
            return None

    def log(self, endpoint: str, ref: ObjectRef) -> MarkLog:
        """The memory of one repair."""
        return MarkLog(self._path(endpoint, ref), self._ownership.token)

    def _path(self, endpoint: str, ref: ObjectRef) -> Path:
        name = f"{endpoint}\0{ref.bucket}\0{ref.key}".encode("utf-8", "surrogatepass")
        return self._folder / f"{hashlib.blake2b(name, digest_size=16).hexdigest()}.json"

    def close(self) -> None:
        """Let others know that nothing runs here any more."""
        self._ownership.close()

    def __enter__(self) -> Marks:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class MarkLog:
    """A `RepairLog` in one file."""

    def __init__(self, path: Path, owner: str) -> None:
        self._path = path
        self._owner = owner
        self._key = ""
        self._begun = ""

    def planned(self, key: str) -> None:
        """See `RepairLog.planned`."""
        self._key, self._begun = key, datetime.now(UTC).isoformat()
        self._write("")

    def created(self, upload_id: str) -> None:
        """See `RepairLog.created`."""
        self._write(upload_id)

    def ended(self) -> None:
        """See `RepairLog.ended`."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, upload_id: str) -> None:
        data = {"owner": self._owner, "upload_key": self._key, "upload_id": upload_id, "begun": self._begun}
        try:
            write_json_file(self._path, data)
        except VidcdnError as exc:
            # Helper keys are found in the bucket, too; only an upload of a killed repair may then be left behind.
            _log.warning("a repair is not written down: %s", exc.what)
