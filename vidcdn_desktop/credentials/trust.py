"""Which authorities the SDK's clients trust: the known ones, and the user's beside them, in the one file it takes.

Imports the SDK: only for modules that are loaded when a connection is opened.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from botocore.httpsession import where as known_authorities

from vidcdn_desktop import paths
from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.network import check_ca_bundle


def authorities(bundle: str) -> Path:
    """A file with the SDK's own authorities and those of `bundle`, made or brought up to date in the data folder.

    Raises: SettingsInvalid: `bundle` cannot be read or holds no certificate, or the file cannot be written.
    """
    check_ca_bundle(bundle)
    try:
        wanted = Path(known_authorities()).read_bytes() + b"\n" + Path(bundle).read_bytes()
        target = paths.data_dir() / "authorities.pem"
        if not target.is_file() or target.read_bytes() != wanted:
            _replace(target, wanted)
    except OSError as exc:
        raise SettingsInvalid(
            "The certificates to trust could not be put together.",
            "Nothing was sent.",
            "Check the room on the disk and the permissions of the program's data folder.",
            subject=str(exc.filename or bundle),
            code=type(exc).__name__,
        ) from exc
    return target


def _replace(target: Path, data: bytes) -> None:
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
