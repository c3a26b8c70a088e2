"""The runner of helper programs: what it returns, how it refuses, and that nothing outlives it."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import ToolFailed, ToolMissing
from vidcdn_desktop.media.ffmpeg import (
    Tools,
    find_tools,
    input_argument,
    installation_advice,
    reading_arguments,
    require,
    run_tool,
    tool_version,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes and sessions")


def python(code: str, *, token: CancelToken | None = None, input_bytes: bytes | None = None, **limits: float) -> bytes:
    return run_tool(
        [sys.executable, "-c", code],
        token=token or CancelToken(),
        timeout_s=limits.get("timeout_s", 60),
        max_output_bytes=int(limits.get("max_output_bytes", 1 << 20)),
        input_bytes=input_bytes,
    )


def test_returns_what_the_program_wrote():
    assert python("print('films')").strip() == b"films"


def test_feeds_standard_input():
    data = os.urandom(300_000)
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
    assert python(code, input_bytes=data) == data[::-1]


def test_a_program_that_does_not_read_its_input_is_no_error():
    assert python("print('done')", input_bytes=bytes(1 << 20)).strip() == b"done"


def test_standard_input_is_closed_by_default():
    assert python("import sys; print(len(sys.stdin.read()))").strip() == b"0"


def test_failure_tells_the_end_of_the_programs_own_words():
    with pytest.raises(ToolFailed) as caught:
        python("import sys; sys.stderr.write('x' * 9000 + ' moov atom not found'); sys.exit(3)")
    assert caught.value.code.startswith("exit 3: ")
    assert caught.value.code.endswith("moov atom not found")
    assert len(caught.value.code) < 700
    assert "moov" not in caught.value.what


def test_output_limit_ends_an_endless_writer():
    code = "import sys\nwhile True: sys.stdout.buffer.write(bytes(65536))"
    with pytest.raises(ToolFailed) as caught:
        python(code, max_output_bytes=1_000_000)
    assert caught.value.code.startswith("output limit")


def test_time_limit_ends_a_program_that_waits_for_ever():
    with pytest.raises(ToolFailed) as caught:
        python("import threading; threading.Event().wait()", timeout_s=0.3)
    assert caught.value.code.startswith("time limit")
    assert caught.value.retryable


def test_time_limit_also_holds_when_the_program_has_closed_its_pipes():
    code = "import os, threading; os.close(1); os.close(2); threading.Event().wait()"
    with pytest.raises(ToolFailed) as caught:
        python(code, timeout_s=0.5)
    assert caught.value.code.startswith("time limit")


def test_a_program_that_is_not_there_is_missing(tmp_path: Path):
    with pytest.raises(ToolMissing) as caught:
        run_tool([str(tmp_path / "ffprobe")], token=CancelToken(), timeout_s=5, max_output_bytes=10)
    assert installation_advice() == caught.value.advice


def test_a_file_that_is_no_program_is_missing(tmp_path: Path):
    tool = tmp_path / "ffprobe"
    tool.write_bytes(b"\x00\x01 not a program")
    tool.chmod(0o755)
    with pytest.raises(ToolMissing):
        run_tool([str(tool)], token=CancelToken(), timeout_s=5, max_output_bytes=10)


def test_cancelled_before_starts_nothing(tmp_path: Path):
    token = CancelToken()
    token.cancel()
    mark = tmp_path / "started"
    with pytest.raises(Cancelled):
        python(f"open({str(mark)!r}, 'w').close()", token=token)
    assert not mark.exists()


@posix
def test_cancel_kills_a_running_ffmpeg_at_once(tmp_path: Path):
    ffmpeg = find_tools().require_ffmpeg()
    pipe = tmp_path / "frames"
    os.mkfifo(pipe)
    endless = ["-v", "error", "-nostdin", "-y", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
    argv = [str(ffmpeg), *endless, "-f", "rawvideo", f"file:{pipe}"]
    outcome, rest = cancel_while_it_writes(argv, pipe)
    assert isinstance(outcome.exception(), Cancelled)
    assert rest is not None


@posix
def test_cancel_kills_what_the_program_has_started(tmp_path: Path):
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    # The grandchild alone holds the pipe open for writing: its end is seen as the end of the pipe.
    grandchild = f"exec > '{pipe}'; echo started; exec tail -f /dev/null"
    code = f"import subprocess; subprocess.run(['/bin/sh', '-c', {grandchild!r}])"
    outcome, rest = cancel_while_it_writes([sys.executable, "-c", code], pipe)
    assert isinstance(outcome.exception(), Cancelled)
    assert rest == b""


def cancel_while_it_writes(argv: list[str], pipe: Path) -> tuple[Future[bytes], bytes]:
    """Cancel once something has come through `pipe`; the outcome, and what still came until the writer was gone."""
    token = CancelToken()
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(run_tool, argv, token=token, timeout_s=120, max_output_bytes=1 << 20)
        with pipe.open("rb", buffering=0) as reader:
            assert reader.read(8)
            token.cancel()
            rest = b""
            while piece := reader.read(1 << 20):
                rest += piece
    return outcome, rest


@posix
def test_has_a_session_of_its_own_and_steps_back_for_others():
    # It looks only once it was fed, so after its priority was set.
    code = "import os, sys; sys.stdin.read(); print(os.getsid(0) == os.getpid(), os.getpriority(os.PRIO_PROCESS, 0))"
    alone, niceness = python(code, input_bytes=b"go").split()
    assert alone == b"True"
    assert int(niceness) > os.getpriority(os.PRIO_PROCESS, 0) or int(niceness) == 19


def test_no_credential_reaches_the_program(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "GITHUB_TOKEN", "MY_SECRET", "DB_PASSWORD", "FFREPORT"):
        monkeypatch.setenv(name, "hush-hush")
    assert b"hush-hush" not in python("import os; print(dict(os.environ))")


@pytest.mark.parametrize("name", ["-i.mp4", "a:b.mp4", "http:evil.mp4", "%d.mp4"])
def test_input_argument_is_neither_option_nor_protocol(tmp_path: Path, name: str):
    assert input_argument(tmp_path / name) == f"file:{tmp_path / name}"
    assert Path(input_argument(Path(name)).removeprefix("file:")).is_absolute()


def test_reading_arguments_allow_only_local_films(tmp_path: Path):
    arguments = reading_arguments(tmp_path / "a.mp4", before_input=["-ss", "3"])
    protocols = arguments[arguments.index("-protocol_whitelist") + 1].split(",")
    formats = arguments[arguments.index("-format_whitelist") + 1].split(",")
    assert protocols == ["file", "pipe"]
    assert not {"hls", "concat", "image2", "dash", "lavfi", "tty", "sdp", "rtsp"} & set(formats)
    assert arguments[-4:-2] == ["-ss", "3"]


def test_find_tools_takes_the_configured_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    for name in ("ffmpeg", "ffprobe"):
        tool = tmp_path / name
        tool.write_text("#!/bin/sh\n")
        tool.chmod(0o755)
    found = find_tools(ffmpeg=tmp_path / "ffmpeg")
    assert found == Tools(tmp_path / "ffmpeg", tmp_path / "ffprobe")  # its neighbour too


def test_find_tools_ignores_a_configured_path_that_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    tool = tmp_path / "ffprobe"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert find_tools(ffprobe=tmp_path / "gone" / "ffprobe").ffprobe == tool


def test_find_tools_never_runs_what_lies_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tool = tmp_path / "ffprobe"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    assert find_tools().ffprobe is None


def test_require_says_what_is_off_and_how_to_get_it():
    assert require(Path("/x/ffprobe"), "ffprobe") == Path("/x/ffprobe")
    with pytest.raises(ToolMissing) as caught:
        Tools().require_ffmpeg()
    assert "ffmpeg" in caught.value.what
    assert caught.value.meaning
    assert caught.value.advice.startswith("Install FFmpeg")


def test_tool_version_is_what_the_program_says():
    tools = find_tools()
    version = tool_version(tools.require_ffprobe(), token=CancelToken())
    assert version
    assert version == tool_version(tools.require_ffmpeg(), token=CancelToken())


def test_tool_version_refuses_another_program():
    with pytest.raises(ToolFailed):
        tool_version(Path("/bin/echo"), token=CancelToken())
