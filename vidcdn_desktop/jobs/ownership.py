"""Which running copy of the program owns a job: one file per process, locked for as long as the process lives.

The system gives a lock back however a process ends, so a crash leaves no owner behind. Nothing is ever decided by a
process number or by a time.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.jobs.journal_errors import journal_error

_log = logging.getLogger(__name__)

_TOKEN = re.compile(r"[0-9a-f]{32}")
_SUFFIX = ".lock"
_TRIES = 16
"""To take a lock on a file of our own; only another copy's cleaning can be in the way."""

_HELD_ELSEWHERE = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
"""What a lock answers that somebody else holds. Source: flock(2); Microsoft CRT, _locking."""

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int, *, shared: bool = False, wait: bool = False) -> None:  # noqa: ARG001 - the other system
        """Lock the first byte; there are no shared locks here, and LK_LOCK waits for 10 s at most."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int, *, shared: bool = False, wait: bool = False) -> None:
        """Lock the open file. The lock belongs to this opening, so two in one process exclude each other, too."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)


class Ownership:
    """This copy of the program among the running ones. Any thread may call any method.

    Raises on creation: DiskFull, SettingsInvalid (the folder cannot be written).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.token = ""
        """Names this copy while it runs: 32 hex digits, never used again."""
        self._descriptor = -1
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._begin()
            self._sweep()
        except OSError as exc:
            self.close()
            raise journal_error(exc, str(folder)) from exc

    def is_alive(self, token: str) -> bool:
        """Whether the copy of this token runs, be it this one. What a dead one has left is removed.

        On a disk without locks nobody can tell, and the answer is False for everybody else.
        """
        if token == self.token:
            return self._descriptor >= 0
        if not _TOKEN.fullmatch(token):
            return False
        path = self._path(token)
        try:
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            return False
        except OSError as exc:
            _log.warning("cannot look at the lock of another copy: %s", exc)
            return False
        try:
            # Shared: two copies that look at the same time must not take each other for the owner.
            _take(descriptor, shared=True)
        except OSError as exc:
            return exc.errno in _HELD_ELSEWHERE
        else:
            if sys.platform != "win32":
                _remove(path)  # while it is locked: nobody begins with this name in between
        finally:
            os.close(descriptor)
        _remove(path)
        return False

    def close(self) -> None:
        """Give everything up that this copy owns; twice is harmless."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            _remove(self._path(self.token))

    def _path(self, token: str) -> Path:
        return self._folder / f"{token}{_SUFFIX}"

    def _begin(self) -> None:
        for _ in range(_TRIES):
            token = secrets.token_hex(16)
            path = self._path(token)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
            # Between these two lines another copy may take the new file for a dead one's and remove it.
            if self._locked(descriptor) and _is_at(descriptor, path):
                self.token, self._descriptor = token, descriptor
                return
            os.close(descriptor)
            _remove(path)
        raise SettingsInvalid(
            "The program could not mark its data folder as in use.",
            "Nothing was published.",
            "Close other windows of this program and start it again.",
            subject=str(self._folder),
        )

    def _locked(self, descriptor: int) -> bool:
        try:
            _take(descriptor)
        except OSError as exc:
            if exc.errno in _HELD_ELSEWHERE:
                return False
            _log.warning("this disk has no locks, so two copies of the program do not see each other: %s", exc)
        return True

    def _sweep(self) -> None:
        """Remove what copies that crashed have left."""
        for path in self._folder.glob(f"*{_SUFFIX}"):
            self.is_alive(path.name.removesuffix(_SUFFIX))


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file at `path` meanwhile; waits for whoever holds it, in this process or another.

    Raises: OSError: the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        try:
            _take(descriptor, wait=True)
        except OSError as exc:
            _log.warning("going on without the lock %s: %s", path.name, exc)
        yield
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
