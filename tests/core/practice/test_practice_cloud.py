"""The life of the child process: it starts, ends with its owner, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import ToolFailed
from vidcdn_desktop.practice import cloud as cloud_module
from vidcdn_desktop.practice.cloud import BUNDLE_ARGUMENT, PracticeCloud, server_command

_ROOT = Path(cloud_module.__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def private_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of these tests, so that they can see what is left in it."""
    import tempfile

    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def _listens(url: str) -> bool:
    try:
        with socket.create_connection(_address(url), timeout=5):
            return True
    except ConnectionRefusedError:
        return False


def test_stop_leaves_no_process_and_no_folder_and_twice_is_harmless(private_temp: Path) -> None:
    with PracticeCloud.start() as cloud:
        assert cloud.is_running
        assert _listens(cloud.endpoint_url)
        assert _listens(cloud.edge_url)
        assert len(list(private_temp.iterdir())) == 1
        pid = cloud.pid
    cloud.stop()
    assert not cloud.is_running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not _listens(cloud.endpoint_url)
    assert not _listens(cloud.edge_url)
    assert list(private_temp.iterdir()) == []


def test_the_secret_is_in_no_text_and_no_argument() -> None:
    with PracticeCloud.start() as cloud:
        assert cloud.secret_access_key not in repr(cloud)
        command_line = Path(f"/proc/{cloud.pid}/cmdline")
        if command_line.exists():
            everything = command_line.read_bytes() + Path(f"/proc/{cloud.pid}/environ").read_bytes()
            assert cloud.secret_access_key.encode() not in everything
            assert cloud.access_key_id.encode() not in everything
        assert cloud.secret_access_key not in cloud.log_tail()


def test_two_clouds_do_not_know_each_other(private_temp: Path) -> None:
    with PracticeCloud.start() as one, PracticeCloud.start() as two:
        assert one.access_key_id != two.access_key_id
        assert one.endpoint_url != two.endpoint_url
        assert one.edge_url != two.edge_url
        one.stop()
        assert not _listens(one.edge_url)
        assert _listens(two.edge_url)
    assert list(private_temp.iterdir()) == []


def test_only_loopback_is_bound() -> None:
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("no list of sockets on this system")
    with PracticeCloud.start() as cloud:
        ports = {_address(url)[1] for url in (cloud.endpoint_url, cloud.edge_url)}
        rows = [line.split()[1].split(":") for line in table.read_text().splitlines()[1:] if line.split()[3] == "0A"]
        addresses = {address for address, port in rows if int(port, 16) in ports}
    assert addresses == {"0100007F"}


def test_the_child_ends_when_its_owner_is_killed(
    private_temp: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    program = (
        "import os, sys; from vidcdn_desktop.practice.cloud import PracticeCloud\n"
        "cloud = PracticeCloud.start(); print(cloud.endpoint_url, flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as owner:
        assert owner.stdout is not None
        endpoint = owner.stdout.readline().decode().strip()
        with socket.create_connection(_address(endpoint), timeout=20) as held:
            owner.kill()
            with contextlib.suppress(ConnectionResetError):
                assert held.recv(1) == b""  # the system closes the child's sockets when it ends
    wait_until(lambda: not _listens(endpoint))  # one after the other
    assert list(private_temp.iterdir()) == []


@pytest.mark.parametrize("how", ["stdin", "SIGTERM"])
def test_the_bare_command_ends_cleanly(private_temp: Path, how: str) -> None:
    folder = private_temp / "given"
    folder.mkdir()
    with subprocess.Popen(
        server_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(json.dumps({"folder": str(folder)}).encode() + b"\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["region"] == "us-east-1"
        if how == "stdin":
            child.stdin.close()
        else:
            child.terminate()
        assert child.wait(20) == 0
        assert child.stderr.read() == b""
    assert not folder.exists()


def test_a_child_that_dies_is_told_in_words(private_temp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = [sys.executable, "-c", "raise SystemExit('no such module')"]
    monkeypatch.setattr(cloud_module, "server_command", lambda: program)
    with pytest.raises(ToolFailed) as failed:
        PracticeCloud.start()
    assert failed.value.what == "The practice cloud did not start: it ended at once."
    assert failed.value.code == "no such module"
    monkeypatch.setattr(cloud_module, "server_command", lambda: [str(private_temp / "missing")])
    with pytest.raises(ToolFailed):
        PracticeCloud.start()
    assert list(private_temp.iterdir()) == []


def test_a_child_that_says_nothing_is_given_up(private_temp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    monkeypatch.setattr(cloud_module, "server_command", lambda: program)
    monkeypatch.setattr(cloud_module, "_START_S", 0.2)
    with pytest.raises(ToolFailed, match="no answer"):
        PracticeCloud.start()
    assert list(private_temp.iterdir()) == []


def test_a_child_that_ignores_every_hint_is_killed(private_temp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import json, signal, threading\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "names = 'endpoint_url cloudfront_endpoint_url sts_endpoint_url access_key_id secret_access_key account_id'\n"
        "names += ' region bucket distribution_id edge_url'\n"
        "print(json.dumps(dict.fromkeys(names.split(), 'x')), flush=True)\n"
        "threading.Event().wait()"
    )
    monkeypatch.setattr(cloud_module, "server_command", lambda: [sys.executable, "-c", program])
    monkeypatch.setattr(cloud_module, "_GRACE_S", 0.2)
    cloud = PracticeCloud.start()
    cloud.stop()
    assert not cloud.is_running
    assert list(private_temp.iterdir()) == []


def test_cancelling_the_start_ends_the_child(private_temp: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        PracticeCloud.start(token)
    assert list(private_temp.iterdir()) == []


def test_a_bundled_app_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server_command()[1:] == ["-m", "vidcdn_desktop.practice.server"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert server_command() == [sys.executable, BUNDLE_ARGUMENT]


def test_proxies_and_aws_settings_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "real")
    monkeypatch.setenv("https_proxy", "http://203.0.113.1:1")
    monkeypatch.setenv("MOTO_PORT", "1")
    with PracticeCloud.start() as cloud:
        assert _listens(cloud.edge_url)
        environ = Path(f"/proc/{cloud.pid}/environ")
        if environ.exists():
            assert not {b"AWS_PROFILE", b"https_proxy", b"MOTO_PORT"} & {
                line.partition(b"=")[0] for line in environ.read_bytes().split(b"\0")
            }


def test_importing_the_owners_side_loads_no_server() -> None:
    program = (
        "import sys; import vidcdn_desktop.practice.cloud\n"
        "print(sorted({'moto', 'boto3', 'botocore', 'flask', 'werkzeug', 'cryptography'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
