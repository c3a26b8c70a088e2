"""What the disk or SQLite refuses the journal, told in words."""

from __future__ import annotations

import errno
import sqlite3

from vidcdn_desktop.errors import DiskFull, SettingsInvalid, VidcdnError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

_PRIMARY = 0xFF
"""SQLite's extended codes carry the plain one in their low byte. Source: SQLite, Result and Error Codes."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class NotOurs(Exception):
    """The file is no journal of ours: overwritten, cut off, or another program's. Stays inside the journal."""


def is_damage(exc: BaseException) -> bool:
    """Whether the content of the file is at fault, rather than the disk, its permissions or another program."""
    return isinstance(exc, NotOurs) or _plain_code(exc) in _DAMAGE


def journal_error(exc: OSError | sqlite3.Error, name: str, meaning: str = "Nothing was published.") -> VidcdnError:
    """The refusal in words: `DiskFull` where there is no room, else `SettingsInvalid`.

    Args:
        exc: What was raised.
        name: Of the file it is about.
        meaning: What this means for the user's video.
    """
    code = _name_of(exc)
    if _plain_code(exc) == sqlite3.SQLITE_FULL or (isinstance(exc, OSError) and exc.errno in _NO_ROOM):
        return DiskFull(
            "There is no room on the disk, so the program cannot write down how far a transfer has come.",
            meaning,
            "Make room and try again.",
            subject=name,
            code=code,
        )
    if _plain_code(exc) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return SettingsInvalid(
            "Another program holds the record of transfers.",
            meaning,
            "Close other windows of this program and try again.",
            subject=name,
            code=code,
            retryable=True,
        )
    return SettingsInvalid(
        "The record of transfers could not be read or written.",
        meaning,
        "Check the permissions and the disk of the program's data folder.",
        subject=name,
        code=code,
    )


def unknown_job(job_id: str) -> VidcdnError:
    """The job's row is not there: never saved, or removed meanwhile."""
    return SettingsInvalid(
        "This transfer is not in the record any more.",
        "Nothing was published.",
        "Add the video again.",
        subject=job_id,
    )


def _plain_code(exc: BaseException) -> int | None:
    code = getattr(exc, "sqlite_errorcode", None)
    return None if code is None else int(code) & _PRIMARY


def _name_of(exc: OSError | sqlite3.Error) -> str:
    if isinstance(exc, OSError):
        return errno.errorcode.get(exc.errno or 0, "")
    return str(getattr(exc, "sqlite_errorname", "") or type(exc).__name__)
