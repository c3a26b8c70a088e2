"""The file a download grows in, and its way to the name the user sees.

    .film.mp4.part, .film.mp4.part.json ──(whole, proved, on the disk)──> film.mp4, or film (2).mp4 and so on

The file is locked while a download fills it. It is only ever a regular file of ours: a link, a pipe, a folder or a
file with other bytes in its place is left alone, and another number is taken. The final name appears in one step, with
every byte in place, and never replaces anything.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from vidcdn_desktop.cancel import Cancelled
from vidcdn_desktop.errors import DiskFull, DownloadBusy, FolderUnusable, VidcdnError
from vidcdn_desktop.storage.download_state import PartState, read_state, write_state
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import free_file_name

_log = logging.getLogger(__name__)

_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_NOT_OURS = frozenset({errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO, errno.ENODEV})
"""What opening says where a link, a folder or a device stands."""
_HELD = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK})
_NO_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What a file system without hard links says."""
_RACES = 20


class PartFile:
    """An open and locked `.part` file. Any thread may call any method; close it in the end.

    Also a `ByteSource` over what has arrived.
    """

    def __init__(self, path: Path, descriptor: int, state: PartState | None) -> None:
        self.path = path
        self.state = state
        """What was remembered of an earlier run; None for a new download."""
        self._descriptor = descriptor
        self._condition = threading.Condition()
        self._users = 0
        self._closed = False

    @property
    def state_path(self) -> Path:
        """Where the state is kept."""
        return _state_path(self.path)

    @property
    def size(self) -> int:
        """Bytes from the start of the file to the last that has arrived."""
        with self._using() as descriptor:
            return os.fstat(descriptor).st_size

    @property
    def is_linked(self) -> bool:
        """Whether the file has its final name already: a run was killed between its last two steps."""
        with self._using() as descriptor:
            return os.fstat(descriptor).st_nlink > 1

    @contextlib.contextmanager
    def _using(self) -> Iterator[int]:
        """The descriptor, which stays open inside the block: a thread that comes late must not write elsewhere.

        Raises: Cancelled: the file was closed.
        """
        with self._condition:
            if self._closed:
                raise Cancelled
            self._users += 1
        try:
            yield self._descriptor
        finally:
            with self._condition:
                self._users -= 1
                self._condition.notify_all()

    def read_at(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_at`.

        Raises: FolderUnusable: the disk gave an error. Cancelled: the file was closed.
        """
        pieces: list[bytes] = []
        with self._using() as descriptor, told(self.path.parent):
            while length > 0:
                piece = _pread(descriptor, length, offset, self._condition)
                if not piece:
                    break
                pieces.append(piece)
                offset += len(piece)
                length -= len(piece)
        return b"".join(pieces)

    def write_at(self, offset: int, data: bytes) -> None:
        """Put all of `data` at `offset`.

        Raises: DiskFull, FolderUnusable. Cancelled: the file was closed.
        """
        view = memoryview(data)
        with self._using() as descriptor, told(self.path.parent):
            while view:
                count = _pwrite(descriptor, view, offset, self._condition)
                view = view[count:]
                offset += count

    def restart(self) -> None:
        """Throw away what has arrived.

        Raises: FolderUnusable.
        """
        with self._using() as descriptor, told(self.path.parent):
            os.ftruncate(descriptor, 0)

    def remember(self, state: PartState, *, durable: bool) -> None:
        """Write the state down; see `write_state`.

        Raises: DiskFull, FolderUnusable. Cancelled: the file was closed.
        """
        with self._using(), told(self.path.parent):
            write_state(self.state_path, state, durable=durable)

    def publish(self, name: str) -> Path:
        """Give the finished file its final name, or the next free number, and close it. Gives its path.

        Raises: DiskFull, FolderUnusable.
        """
        folder = self.path.parent
        with self._using() as descriptor, told(folder):
            os.fsync(descriptor)
            mine = os.fstat(descriptor)
        with self._last_steps(), told(folder):
            final = folder / free_file_name(name, lambda candidate: not self._appear(folder / candidate, mine))
            _sync_folder(folder)
            self.path.unlink(missing_ok=True)
            self.state_path.unlink(missing_ok=True)
        return final

    def _appear(self, target: Path, mine: os.stat_result) -> bool:
        """Let the file appear as `target`; False if something else has that name."""
        try:
            os.link(self.path, target)
        except FileExistsError:
            return _same(target, mine)
        except OSError as exc:
            if exc.errno not in _NO_LINKS:
                raise
            return self._move(target)
        if not _same(target, mine):
            target.unlink()  # somebody put another file into our place
            raise FileNotFoundError(errno.ENOENT, "the unfinished file was replaced")
        return True

    def _move(self, target: Path) -> bool:
        """Reserve the name, then move over it: for file systems without hard links."""
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            return False
        try:
            self.path.replace(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return True

    def discard(self) -> None:
        """Remove the file and its state, and close. What cannot be removed stays, with a line in the log."""
        with self._last_steps():
            for path in (self.path, self.state_path):
                try:
                    path.unlink(missing_ok=True)
                except OSError as exc:
                    _log.warning("%s could not be removed: %s", path.name, exc)

    def close(self) -> None:
        """Close and unlock, once no thread is in the middle of a read or write. Twice is harmless."""
        with self._last_steps():
            pass

    @contextlib.contextmanager
    def _last_steps(self) -> Iterator[None]:
        """Let nobody in any more, do the last steps under the lock, then close."""
        with self._condition:
            was, self._closed = self._closed, True
            while self._users:
                self._condition.wait()
        if not was and sys.platform == "win32":
            os.close(self._descriptor)  # an open file cannot be renamed or removed there
        try:
            yield
        finally:
            if not was and sys.platform != "win32":
                os.close(self._descriptor)


def open_part(folder: Path, name: str, ref: ObjectRef, version_id: str = "") -> PartFile:
    """Open the unfinished file of a download of `ref` as `name`, or begin a new one.

    `name` must be one segment (see `textsafe.safe_file_name`). A folder that is a link is followed once, here.

    Raises: FolderUnusable, DiskFull. DownloadBusy: another download is filling it.
    """
    with told(folder):
        place = folder.resolve(strict=True)
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder")
    found: list[PartFile] = []

    def taken(candidate: str) -> bool:
        path = place / f".{candidate}.part"
        if path.parent != place:
            raise ValueError("a name of more than one segment")
        part = _open(path, ref, version_id)
        if part is not None:
            found.append(part)
        return part is None

    with told(place):
        free_file_name(name, taken)
    return found[0]


def _open(path: Path, ref: ObjectRef, version_id: str) -> PartFile | None:
    """Open, lock and look; None where something stands that is not ours, or another object's."""
    for _ in range(_RACES):
        if not _FLAGS & getattr(os, "O_NOFOLLOW", 0) and path.is_symlink():
            return None
        try:
            descriptor = os.open(path, _FLAGS, 0o666)
        except OSError as exc:
            if exc.errno in _NOT_OURS or (isinstance(exc, PermissionError) and os.path.lexists(path)):
                return None
            raise
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, descriptor)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            if not _lock(descriptor):
                state = read_state(_state_path(path))
                if state is None or not state.is_of(ref, version_id):
                    return None  # another object's, or one that began this very moment
                raise DownloadBusy(
                    "This video is already being downloaded into this folder.",
                    "The download that is running goes on.",
                    "Wait for it, or choose another folder.",
                    subject=str(ref),
                )
            status = os.fstat(descriptor)
            if not _same(path, status):
                continue  # it got its final name, or was removed, while we opened it
            state = read_state(_state_path(path))
            ours = state is not None and state.is_of(ref, version_id)
            if status.st_size and not ours and (state is not None or not os.path.lexists(_state_path(path))):
                return None
            if status.st_nlink > 1 and not (ours and state is not None and state.is_whole):
                if not ours:
                    return None
                path.unlink()  # the name only; the other name keeps the bytes
                continue
            undo.pop_all()
            return PartFile(path, descriptor, state if ours else None)
    raise FileExistsError(errno.EEXIST, "others keep changing this file")


def _state_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _same(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), status)
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    """Lock the file for as long as the descriptor is open; False if somebody else holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1 << 62, os.SEEK_SET)  # a byte nobody writes: locks there forbid writing
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno in _HELD:
            return False
        _log.info("this file system knows no locks: %s", exc)
    return True


def _pread(descriptor: int, length: int, offset: int, guard: threading.Condition) -> bytes:
    if sys.platform != "win32":
        return os.pread(descriptor, length, offset)
    with guard:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)


def _pwrite(descriptor: int, data: memoryview, offset: int, guard: threading.Condition) -> int:
    if sys.platform != "win32":
        return os.pwrite(descriptor, data, offset)
    with guard:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        _log.info("this file system does not sync folders: %s", exc)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """Tell an OSError about the folder in words. The meaning is for the caller to add, who knows what is kept."""
    try:
        yield
    except OSError as exc:
        raise _in_words(exc, folder) from exc


def _in_words(exc: OSError, folder: Path) -> VidcdnError:
    code = errno.errorcode.get(exc.errno or 0, "")
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_room(folder, code)
    if exc.errno == errno.EFBIG:
        return DiskFull(
            "This disk does not take files as large as this video.",
            "",
            "Choose a folder on another disk.",
            subject=str(folder),
            code=code,
        )
    if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        what, advice = "You may not save into this folder.", "Choose another folder."
    elif exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV):
        what, advice = "The folder is not there.", "Connect its disk again, or choose another folder."
    else:
        what, advice = "The disk gave an error while the video was being saved.", "Check the disk, then try again."
    return FolderUnusable(what, "", advice, subject=str(folder), code=code)


def no_room(folder: Path, code: str = "ENOSPC") -> DiskFull:
    """The error for a disk without room."""
    return DiskFull(
        "There is not enough room on the disk.", "", "Make room, then start it again.", subject=str(folder), code=code
    )
