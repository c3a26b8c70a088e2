"""The program's settings: one frozen value, kept as JSON in the user's configuration folder.

Never a secret. A field this version does not know is kept, so that going back and forth between versions loses
nothing; a file that cannot be understood is set aside, told, and replaced by the defaults.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidcdn_desktop import paths
from vidcdn_desktop.errors import DiskFull, SettingsInvalid, VidcdnError
from vidcdn_desktop.network import NetworkSettings, proxy_problem

log = logging.getLogger(__name__)

VERSION = 1
"""Of the settings file as this program writes it."""

APPEARANCES = ("system", "light", "dark")
MAX_PARALLEL_PARTS = 32
_LIMIT_BYTES = 1_000_000
"""A settings file is some hundred bytes; a larger one is not ours."""


@dataclass(frozen=True)
class Settings:
    """What the user may set. Values out of range fall back to the default one by one when loaded."""

    version: int = VERSION
    """Of the file it came from; a newer one is kept when saved."""
    appearance: str = "system"
    """"system", "light" or "dark"."""
    last_connection: str = "practice"
    """Id of the connection to open with."""
    prefix: str = "videos"
    """Where new connections put videos; no leading or trailing slash; may be empty."""
    parallel_parts: int = 8
    """Parts sent at the same time, 1 to 32."""
    speed_limit_bytes_per_s: int | None = None
    """Upload limit; None for as fast as it goes."""
    resume_on_start: bool = False
    """Go on by itself with what was interrupted; else it waits, paused, for a click."""
    download_folder: str = ""
    """Where downloads were put last; empty for the home folder."""
    ffmpeg_path: str = ""
    """Set by hand; empty to look on PATH and beside the program."""
    ffprobe_path: str = ""
    """Set by hand; empty to look on PATH and beside the program."""
    proxy: str = ""
    """Empty: as the environment or the system says. "none", or an address like "http://proxy.example.com:8080"."""
    ca_bundle: str = ""
    """PEM file of authorities to trust beside the known ones; empty for the one in AWS_CA_BUNDLE, if any."""
    confirm_replace: bool = True
    """Ask before a video that is live gets new bytes."""
    confirm_delete: bool = True
    """Ask before objects are deleted."""
    confirm_refresh_all: bool = True
    """Ask before everything a distribution serves is invalidated."""
    confirm_quit_busy: bool = True
    """Ask before quitting while something is being sent."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """Fields of another version, carried along unread."""

    @property
    def network(self) -> NetworkSettings:
        """How the network is reached."""
        return NetworkSettings(self.proxy, self.ca_bundle)


def load_settings(tell: Callable[[str], None] | None = None, path: Path | None = None) -> Settings:
    """The saved settings; the defaults where there are none.

    Never fails: a file that cannot be read or understood is renamed to `….broken` and the defaults are used.

    Args:
        tell: Called with a sentence for the user about everything that was not as it should be.
        path: Another file than `settings.json` in the configuration folder.
    """
    say = tell or (lambda _sentence: None)
    try:
        path = path or _default_path()
        data = read_json_file(path, say)
    except VidcdnError as exc:
        log.warning("settings not read: %s", exc.sentence())
        say(exc.sentence())
        return Settings()
    if data is None:
        return Settings()
    return settings_from_json(migrate(data), say)


def save_settings(settings: Settings, path: Path | None = None) -> None:
    """Write the settings in one step: the old file or the new one is there, never half of one.

    Raises: DiskFull, SettingsInvalid (the folder cannot be written).
    """
    write_json_file(path or _default_path(), settings_to_json(settings))


def settings_to_json(settings: Settings) -> dict[str, Any]:
    """The settings as the object in the file; known fields win over unknown ones of the same name."""
    known = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings) if f.name != "unknown"}
    return {**settings.unknown, **known}


def settings_from_json(data: Mapping[str, Any], tell: Callable[[str], None] | None = None) -> Settings:
    """Settings from the object in the file; each senseless value is told and replaced by its default."""
    names = {f.name for f in dataclasses.fields(Settings) if f.name != "unknown"}
    known: dict[str, Any] = {}
    for name in names & data.keys():
        if _is_sensible(name, data[name]):
            known[name] = data[name]
        elif tell:
            tell(f"The setting “{name}” made no sense and is back to its default.")
    return Settings(**known, unknown={k: v for k, v in data.items() if k not in names})


def _from_0(data: Mapping[str, Any]) -> dict[str, Any]:
    """A file without a version: the fields are those of version 1."""
    return {**data, "version": 1}


MIGRATIONS: Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {0: _from_0}
"""From version n to n + 1; each a pure function that also sets the new version."""


def migrate(
    data: Mapping[str, Any],
    migrations: Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = MIGRATIONS,
    version: int = VERSION,
) -> dict[str, Any]:
    """Bring the object of an older file up to `version`. A newer one is given back as it is."""
    current = dict(data)
    found = current.get("version", 0)
    if type(found) is not int or found < 0:
        found = 0
    for step in range(found, version):
        current = migrations[step](current)
    return current


def read_json_file(path: Path, tell: Callable[[str], None] | None = None) -> dict[str, Any] | None:
    """The JSON object in a small file of ours; None if there is no file.

    A file that is no JSON object, or far too large, is renamed to `….broken` and told; the answer is None then.

    Raises: SettingsInvalid: the file is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise _file_error(exc, path, "read") from exc
    try:
        if len(raw) > _LIMIT_BYTES:
            raise ValueError("too large")
        data = json.loads(raw)
        if not isinstance(data, dict):
            raise ValueError("not an object")  # noqa: TRY004 - one kind of damage among others
    except (ValueError, RecursionError) as exc:
        aside = path.with_name(path.name + ".broken")
        log.warning("%s set aside: %s", path.name, exc)
        try:
            path.replace(aside)
        except OSError as failed:
            raise _file_error(failed, path, "read") from failed
        if tell:
            tell(f"The file {path.name} was damaged. It is kept as {aside.name}, and the defaults are used.")
        return None
    return data


def write_json_file(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON object for the user alone (0600), replacing the old file in one step.

    Raises: DiskFull, SettingsInvalid.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    # The name is random and the file new, so that no link laid in its way is followed.
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8", "backslashreplace"))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise _file_error(exc, path, "saved") from exc


def _default_path() -> Path:
    try:
        return paths.config_dir() / "settings.json"
    except OSError as exc:
        raise _file_error(exc, Path("settings.json"), "read") from exc


def _is_sensible(name: str, value: Any) -> bool:
    match name:
        case "appearance":
            return value in APPEARANCES
        case "parallel_parts":
            return type(value) is int and 1 <= value <= MAX_PARALLEL_PARTS
        case "speed_limit_bytes_per_s":
            return value is None or (type(value) is int and value > 0)
        case "prefix":
            return isinstance(value, str) and value == value.strip("/") and value.isprintable()
        case "proxy":
            return isinstance(value, str) and not proxy_problem(value)
        case "version":
            return type(value) is int and value >= 1
    if name.startswith("confirm_") or name == "resume_on_start":
        return isinstance(value, bool)
    return isinstance(value, str)


def _file_error(exc: OSError, path: Path, done: str) -> VidcdnError:
    code = errno.errorcode.get(exc.errno or 0, "")
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"There is no room on the disk, so {path.name} could not be {done}.",
            "Your videos are not affected.",
            "Make room and try again.",
            subject=str(path),
            code=code,
        )
    return SettingsInvalid(
        f"The file {path.name} could not be {done}.",
        "Your videos are not affected.",
        "Check the permissions of the program's configuration folder.",
        subject=str(path),
        code=code,
    )
