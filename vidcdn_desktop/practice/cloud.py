"""The practice cloud as its owner sees it: a child process that is started, described and stopped.

Importing this module is cheap: the servers and everything they need are loaded in the child only.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ToolFailed

BUNDLE_ARGUMENT = "--practice-server"
"""A bundled app has no `-m`; its entry point calls `practice.server.main` when this is its first argument."""
_START_S = 15.0
"""One second is usual; a cold disk or a busy machine takes several."""
_GRACE_S = 3.0
_LOG_BYTES = 4096
_DROPPED_VARIABLES = ("AWS_", "MOTO_", "PYTHONWARNINGS", "PYTHONSTARTUP")
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")


def server_command() -> list[str]:
    """How the child is started, from the source tree, an installed package, or a bundled app."""
    if getattr(sys, "frozen", False):
        return [sys.executable, BUNDLE_ARGUMENT]
    return [sys.executable, "-m", "vidcdn_desktop.practice.server"]


def _environment() -> dict[str, str]:
    """This process's environment without AWS settings and proxies, and with this package importable."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_DROPPED_VARIABLES) and name.lower() not in _PROXY_VARIABLES
    }
    root = str(Path(__file__).resolve().parents[2])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (root, kept.get("PYTHONPATH"))))
    kept["PYTHONSAFEPATH"] = "1"  # whatever lies in the current folder is not ours to import
    kept["AWS_EC2_METADATA_DISABLED"] = "true"
    kept["NO_PROXY"] = "*"
    return kept


@dataclass
class PracticeCloud:
    """A running practice cloud. Any thread may stop it; it ends with this process in any case."""

    endpoint_url: str
    """S3, http on loopback."""
    cloudfront_endpoint_url: str
    sts_endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    """Made for this session only; worth nothing outside it, and still kept out of texts."""
    account_id: str
    region: str
    bucket: str
    """A versioned bucket that `distribution_id` serves."""
    distribution_id: str
    edge_url: str
    """The distribution's own address, without a trailing slash."""
    _child: _Child = field(repr=False)

    @classmethod
    def start(
        cls, token: CancelToken | None = None, *, invalidation_delay_s: float = 2.0, error_ttl_s: float = 2.0
    ) -> PracticeCloud:
        """Start a practice cloud of its own and wait until it answers (about a second, at most fifteen).

        Args:
            token: Cancelling it ends the child and the wait.
            invalidation_delay_s: How long an invalidation stays InProgress.
            error_ttl_s: How long an edge repeats "not there" before it asks the bucket again.

        Raises: ToolFailed: it did not start. Cancelled.
        """
        child = _Child()
        try:
            ready = child.wait_ready(
                {"invalidation_delay_s": invalidation_delay_s, "error_ttl_s": error_ttl_s}, token or CancelToken()
            )
            return cls(**ready, _child=child)
        except BaseException:
            child.stop()
            raise

    @property
    def is_running(self) -> bool:
        """Whether the child is alive."""
        return self._child.is_running

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def log_tail(self) -> str:
        """The end of what the child complained about; empty after `stop`."""
        return self._child.log_tail()

    def stop(self) -> None:
        """End the child and remove everything it kept. Twice is harmless; takes up to a few seconds."""
        self._child.stop()

    def __enter__(self) -> PracticeCloud:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Child:
    """The process, its pipes and its private folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="vidcdn-practice-"))
        except OSError as exc:
            raise _did_not_start("there is no room for its files") from exc
        self._log = self._folder / "server.log"
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603  (our own program, an argument list)
                    server_command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=_environment(),
                    **options,
                )
        except OSError as exc:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise _did_not_start("the program could not be run") from exc
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self, config: dict[str, Any], token: CancelToken) -> dict[str, Any]:
        """Send the configuration and read the one line that says where everything is."""
        process = self._process
        assert process.stdin is not None
        stdout = process.stdout
        assert stdout is not None
        lines: list[bytes] = []
        forget = token.on_cancel(process.kill)
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), name="practice-ready", daemon=True)
        try:
            with contextlib.suppress(BrokenPipeError):  # it died at once; the empty answer says so
                process.stdin.write(json.dumps({**config, "folder": str(self._folder)}).encode() + b"\n")
                process.stdin.flush()
            reader.start()
            reader.join(_START_S)
            if reader.is_alive():
                process.kill()
                reader.join()
                token.raise_if_cancelled()
                raise _did_not_start(f"it gave no answer within {_START_S:.0f} seconds")
        finally:
            forget()
        token.raise_if_cancelled()
        try:
            ready: dict[str, Any] = json.loads(lines[0])
        except (ValueError, IndexError) as exc:
            last = self.log_tail().strip().rpartition("\n")[2]
            raise _did_not_start("it ended at once", last) from exc
        return ready

    def log_tail(self) -> str:
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, self._log.stat().st_size - _LOG_BYTES))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def stop(self) -> None:
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            process = self._process
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            if not self._has_ended():
                process.terminate()
                if not self._has_ended():
                    self._kill_group()
                    process.wait()
            if process.stdout is not None:
                process.stdout.close()
            shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.stop)

    def _has_ended(self) -> bool:
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _kill_group(self) -> None:
        if sys.platform == "win32":
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _did_not_start(why: str, details: str = "") -> ToolFailed:
    return ToolFailed(
        f"The practice cloud did not start: {why}.",
        "Nothing was published.",
        "Start the program again, or choose another connection.",
        code=details,
    )
