"""Which jobs were handed over: a file each, so that a restart and other running copies find them again."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vidcdn_desktop import paths
from vidcdn_desktop.errors import SettingsInvalid

_log = logging.getLogger(__name__)
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class KeptHandover:
    """A job of S3 Batch Operations, as far as it was begun here. No secret is in it."""

    token: str
    """What it was asked for with; names its file."""
    account: str
    region: str
    connection_id: str
    connection_name: str
    bucket: str
    title: str
    operation: str
    objects: int
    report: str
    """Where the store writes what became of each object."""
    created: str
    """ISO time, UTC."""
    job_id: str = ""
    """Empty: it was asked for, and the answer is not known."""
    ended: str = ""
    """How it ended, a value of `storage.control.BatchState`; empty as long as nobody has seen that."""

    @property
    def when(self) -> datetime:
        """When it was asked for."""
        try:
            return datetime.fromisoformat(self.created).astimezone(UTC)
        except ValueError:
            return datetime.fromtimestamp(0, UTC)


class HandoverBook:
    """Reads and writes them. Any thread.

    Args:
        folder: Another place than the data folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or paths.data_dir() / "handovers"

    def save(self, kept: KeptHandover) -> None:
        """Write one down, new or known.

        Raises: SettingsInvalid: it cannot be written.
        """
        text = json.dumps(asdict(kept), indent=2)
        target = self._file(kept.token)
        beside = target.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, "utf-8")
            beside.replace(target)
        except OSError as exc:
            raise SettingsInvalid(
                f"The job cannot be written down: {exc.strerror}.",
                "It was not begun.",
                "Make the data folder writable, or make room.",
                subject=str(target),
            ) from exc

    def remove(self, token: str) -> None:
        """Forget one; the job itself goes on."""
        try:
            self._file(token).unlink(missing_ok=True)
        except OSError as exc:
            _log.info("a handed-over job stays in the record: %s", exc.strerror)

    def all(self) -> list[KeptHandover]:
        """All of them, newest first; what makes no sense is left out."""
        try:
            files = sorted(self._folder.glob("*.json"))
        except OSError:
            return []
        found = [kept for file in files if (kept := _read(file)) is not None]
        return sorted(found, key=lambda kept: kept.when, reverse=True)

    def _file(self, token: str) -> Path:
        assert _TOKEN.fullmatch(token)
        return self._folder / f"{token}.json"


def _read(file: Path) -> KeptHandover | None:
    try:
        saved: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(saved, Mapping) or not isinstance(saved.get("objects"), int):
        return None
    names = [name for name in KeptHandover.__dataclass_fields__ if name != "objects"]
    texts = {name: text for name in names if isinstance(text := saved.get(name, ""), str)}
    if len(texts) < len(names) or not _TOKEN.fullmatch(texts["token"]):
        return None
    return KeptHandover(objects=saved["objects"], **texts)
