"""Running ffmpeg and ffprobe: found once, never through a shell, killed with everything they started.

A child process gets an argument list, a closed standard input, a process group of its own, a low priority and an
environment without credentials. Facts are read from its standard output; its standard error only ends up in the
folded details of an error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ToolFailed, ToolMissing
from vidcdn_desktop.media.silence import Silence

_PROTOCOLS = "file,pipe"
"""A playlist or a reference inside a film must not make the tools reach for the network."""

_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,mxf,mxf_opatom,flv,live_flv,asf,asf_o,ogg,wav,w64,"
    "aiff,mp3,flac,aac,ac3,eac3,amr,caf,rm,dv,gxf,ivf,h264,hevc,m4v,obu,wtv,nut,swf,yuv4mpegpipe"
)
"""Containers that hold a film or sound themselves: no playlists, no image sequences, no scripts."""

_MAX_STREAMS = 200
_PROBE_BYTES = 10_000_000
_ANALYZE_US = 10_000_000
"""Twice ffprobe's defaults (ffprobe documentation, "Format Options"): late streams of a TS are still found."""

_READ_BYTES = 1 << 16
_STDERR_TAIL_BYTES = 4096
_DETAIL_CHARACTERS = 600
_NICENESS = 10

_USUAL_FOLDERS = {
    # A program started from the Finder does not see the PATH of the shell.
    "darwin": ("/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin"),
}

_ADVICE = {
    "darwin": "Install FFmpeg (with Homebrew: brew install ffmpeg), then start this program again.",
    "win32": "Install FFmpeg (in a terminal: winget install Gyan.FFmpeg), then start this program again.",
}
_LINUX_INSTALLERS = (
    ("apt-get", "sudo apt install ffmpeg"),
    ("dnf", "sudo dnf install ffmpeg-free"),
    ("pacman", "sudo pacman -S ffmpeg"),
    ("zypper", "sudo zypper install ffmpeg"),
    ("apk", "sudo apk add ffmpeg"),
)


@dataclass(frozen=True)
class Tools:
    """Where the two helper programs are."""

    ffmpeg: Path | None = None
    """None: not found; posters of films are neutral pictures then."""
    ffprobe: Path | None = None
    """None: not found; only MP4 and MOV files tell their facts then."""

    def require_ffmpeg(self) -> Path:
        """The path of ffmpeg. Raises: ToolMissing, with advice for this system."""
        return require(self.ffmpeg, "ffmpeg", "Pictures cannot be taken from films.")

    def require_ffprobe(self) -> Path:
        """The path of ffprobe. Raises: ToolMissing, with advice for this system."""
        return require(self.ffprobe, "ffprobe", "Only MP4 and MOV files can be looked into.")


def find_tools(ffmpeg: str | Path | None = None, ffprobe: str | Path | None = None) -> Tools:
    """Look for the helper programs: the configured paths, beside this program, the PATH, the usual folders.

    A configured path that is no program is ignored; a configured ffmpeg also tells where its ffprobe may be.
    """
    # Only a bundle has its helpers beside it; beside a Python interpreter lies whatever the system has.
    beside = [Path(sys.executable).resolve().parent] if getattr(sys, "frozen", False) else []
    folders = [Path(configured).parent for configured in (ffmpeg, ffprobe) if configured] + beside
    return Tools(_find("ffmpeg", ffmpeg, folders), _find("ffprobe", ffprobe, folders))


def _find(name: str, configured: str | Path | None, folders: Sequence[Path]) -> Path | None:
    if configured and (found := shutil.which(Path(configured).absolute())):
        return Path(found)
    usual = _USUAL_FOLDERS.get(sys.platform, ())
    search = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath), *usual])
    found = shutil.which(name, path=search)
    # A relative entry in PATH would run whatever lies in the folder the program was started from.
    return Path(found) if found and Path(found).is_absolute() else None


def installation_advice() -> str:
    """How to get ffmpeg and ffprobe on this system, one sentence."""
    if sys.platform in _ADVICE:
        return _ADVICE[sys.platform]
    for installer, command in _LINUX_INSTALLERS:
        if shutil.which(installer):
            return f"Install FFmpeg (in a terminal: {command}), then start this program again."
    return "Install FFmpeg with your system's software manager, then start this program again."


def require(tool: Path | None, name: str, meaning: str = "") -> Path:
    """Return `tool` if there is one.

    Raises: ToolMissing: it was not found; `meaning` says which feature is off.
    """
    if tool is None:
        raise ToolMissing(f"The helper program {name} was not found.", meaning, installation_advice(), subject=name)
    return tool


def input_argument(path: Path) -> str:
    """A file as the tools take it whatever its name: a leading dash is no option, a colon no protocol."""
    return f"file:{Path(path).absolute()}"


def reading_arguments(path: Path | None, *, before_input: Sequence[str] = ()) -> list[str]:
    """The arguments that open `path` within limits: local files only, known containers only, bounded probing.

    None stands for what comes on standard input.

    Source: ffmpeg-protocols ("protocol_whitelist"), ffmpeg-formats ("format_whitelist", "probesize").
    """
    return [
        *("-protocol_whitelist", _PROTOCOLS, "-format_whitelist", _DEMUXERS),
        *("-max_streams", str(_MAX_STREAMS), "-probesize", str(_PROBE_BYTES), "-analyzeduration", str(_ANALYZE_US)),
        *before_input,
        *("-i", "pipe:0" if path is None else input_argument(path)),
    ]


def tool_version(tool: Path, *, token: CancelToken) -> str:
    """The version a tool says it has ("5.1.9"), as it prints it.

    Raises: ToolMissing, ToolFailed.
    """
    text = run_tool([str(tool), "-version"], token=token, timeout_s=10, max_output_bytes=1 << 16).decode(
        "utf-8", "replace"
    )
    words = text.split()
    if len(words) < 3 or words[1] != "version":
        raise ToolFailed(
            f"{tool.name} does not say which version it is.",
            "",
            "Choose another ffmpeg in the settings.",
            subject=str(tool),
        )
    return words[2]


def run_tool(
    argv: Sequence[str],
    *,
    token: CancelToken,
    timeout_s: float,
    max_output_bytes: int,
    input_bytes: bytes | None = None,
) -> bytes:
    """Run a program and return what it wrote to standard output.

    The child has a process group of its own (a session on POSIX); a cancel, the time limit and the output limit
    kill the whole group at once. Blocks; any thread but the GUI's.

    Args:
        argv: The program and its arguments; never a shell.
        token: Cancelling it kills the child.
        timeout_s: Seconds the whole run may take.
        max_output_bytes: More than this on standard output ends the run.
        input_bytes: What the child reads on standard input; None: it is closed.

    Raises:
        ToolMissing: the program is not there or cannot be started.
        ToolFailed: it gave up, took too long, or wrote too much; `code` holds the end of its own words.
        Cancelled: the user cancelled.
    """
    token.raise_if_cancelled()
    child = _Child(argv, wants_input=input_bytes is not None)
    forget = token.on_cancel(child.kill)
    timer = threading.Timer(timeout_s, child.time_out)
    timer.daemon = True
    timer.start()
    try:
        output = child.communicate(input_bytes, max_output_bytes)
    finally:
        timer.cancel()
        forget()
        child.close()
        timer.join()
    if token.is_cancelled:
        raise token.stopped()
    if child.timed_out:
        raise child.failure(f"took longer than {timeout_s:g} seconds", "time limit", retryable=True)
    if output is None:
        raise child.failure("wrote far more than expected", "output limit")
    if child.exit_code:
        raise child.failure("could not read this", f"exit {child.exit_code}")
    return output


def follow_tool(
    argv: Sequence[str], *, token: CancelToken, silent_s: float, on_output: Callable[[bytes], None]
) -> None:
    """Run a program that may take hours, and hand on what it writes to standard output as it comes.

    Like `run_tool`, but the limit is on silence: a program that says nothing for `silent_s` seconds is taken for hung
    and killed. `on_output` is called in the calling thread.

    Raises: ToolMissing, ToolFailed, Cancelled.
    """
    token.raise_if_cancelled()
    child = _Child(argv, wants_input=False)
    forget = token.on_cancel(child.kill)
    watch = Silence(silent_s, child.time_out)

    def heard(piece: bytes) -> None:
        watch.heard()
        on_output(piece)

    try:
        child.communicate(None, None, heard)
    finally:
        watch.stop()
        forget()
        child.close()
    if token.is_cancelled:
        raise token.stopped()
    if child.timed_out:
        raise child.failure(f"made no progress for {silent_s:g} seconds", "silence", retryable=True)
    if child.exit_code:
        raise child.failure("gave up", f"exit {child.exit_code}")


class _Child:
    """One running program: its pipes, its ending, and what it complained about."""

    def __init__(self, argv: Sequence[str], *, wants_input: bool) -> None:
        self._name = Path(argv[0]).stem
        self._lock = threading.Lock()
        self._alive = True
        self._stderr_tail = b""
        self.timed_out = False
        self.exit_code: int | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603 - an argument list; the file is given as file:<path>
                list(argv),
                stdin=subprocess.PIPE if wants_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                start_new_session=True,  # a process group of its own; Windows takes it from the flags
                creationflags=_creation_flags(),
            )
        except (OSError, ValueError) as exc:
            raise ToolMissing(
                f"The helper program {self._name} cannot be started.",
                "",
                installation_advice(),
                subject=str(argv[0]),
                code=str(getattr(exc, "strerror", "") or exc),
            ) from exc
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # it may have ended already
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICENESS)

    def communicate(
        self,
        input_bytes: bytes | None,
        max_output_bytes: int | None,
        on_output: Callable[[bytes], None] | None = None,
    ) -> bytes | None:
        """Feed the child and read it to its end; None if it wrote more than `max_output_bytes`.

        With `on_output` what it writes goes there, and nothing is kept.
        """
        helpers = [threading.Thread(target=self._drain_stderr, name=f"{self._name}-stderr")]
        if input_bytes is not None:
            helpers.append(threading.Thread(target=self._feed, args=(input_bytes,), name=f"{self._name}-stdin"))
        for helper in helpers:
            helper.start()
        try:
            output = self._read_output(max_output_bytes, on_output)
        except BaseException:
            self.kill()
            raise
        finally:
            # The pipes end when the group has ended; a child that closed them early is ended by the timer.
            for helper in helpers:
                helper.join()
        self.exit_code = self._process.wait()
        return output

    def _read_output(self, max_output_bytes: int | None, on_output: Callable[[bytes], None] | None) -> bytes | None:
        assert self._process.stdout is not None
        pieces: list[bytes] = []
        length = 0
        while piece := os.read(self._process.stdout.fileno(), _READ_BYTES):
            if on_output is not None:
                on_output(piece)
                continue
            length += len(piece)
            if max_output_bytes is not None and length > max_output_bytes:
                self.kill()
                return None
            pieces.append(piece)
        return b"".join(pieces)

    def _drain_stderr(self) -> None:
        assert self._process.stderr is not None
        while piece := os.read(self._process.stderr.fileno(), _READ_BYTES):
            self._stderr_tail = (self._stderr_tail + piece)[-_STDERR_TAIL_BYTES:]

    def _feed(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as pipe:  # it may stop reading before the end
            pipe.write(data)

    def time_out(self) -> None:
        """End the child because its time is over."""
        with self._lock:
            if not self._alive:
                return
            self.timed_out = True
        self.kill()

    def kill(self) -> None:
        """End the child and everything it started; twice is harmless. Any thread."""
        with self._lock:
            if not self._alive:  # its number may belong to somebody else by now
                return
            if sys.platform == "win32":
                with contextlib.suppress(OSError):
                    self._process.kill()
            else:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Make sure nothing is left: no process, no open pipe."""
        self.kill()
        with self._lock:
            self._alive = False
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def failure(self, what: str, how: str, *, retryable: bool = False) -> ToolFailed:
        """The run's failure in words; the end of the child's own words goes to the folded details."""
        tail = " ".join(self._stderr_tail.decode("utf-8", "replace").split())[-_DETAIL_CHARACTERS:]
        return ToolFailed(
            f"The helper program {self._name} {what}.",
            "",
            "Check that the file plays on this computer, then try again.",
            subject=self._name,
            retryable=retryable,
            code=f"{how}: {tail}" if tail else how,
        )


def _environment() -> dict[str, str]:
    """Our environment without credentials, and without FFREPORT, which makes the tools write a log file."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_")
        and name != "FFREPORT"
        and not any(word in name.upper() for word in ("SECRET", "PASSWORD", "TOKEN"))
    }
    return kept | {"AV_LOG_FORCE_NOCOLOR": "1"}


def _creation_flags() -> int:
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return flags | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return 0
