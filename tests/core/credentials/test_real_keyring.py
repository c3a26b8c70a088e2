"""The real Secret Service of a GNOME desktop, on a session bus of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vidcdn_desktop

pytestmark = [
    pytest.mark.keyring,
    pytest.mark.skipif(
        not (shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")),
        reason="dbus-run-session and gnome-keyring-daemon are not installed",
    ),
]

_ROOT = Path(vidcdn_desktop.__file__).resolve().parent.parent

_UNLOCKED = 'printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; exec "$0" -c "$1"'
_NEVER_UNLOCKED = 'exec "$0" -c "$1"'

_ROUND_TRIP = """
from vidcdn_desktop.credentials.model import Secret
from vidcdn_desktop.credentials.secrets import KeyringSecretStore, open_secret_store
store, note = open_secret_store()
assert isinstance(store, KeyringSecretStore) and store.persistent and note == "", (store, note)
assert store.get("p", "secret_access_key") is None
store.delete("p", "secret_access_key")
store.set("p", "secret_access_key", Secret("wJalr/+ é🔑"))
store.set("p", "session_token", Secret("t" * 3000))
assert store.get("p", "secret_access_key").reveal() == "wJalr/+ é🔑"
assert store.get("p", "session_token").reveal() == "t" * 3000
store.delete("p", "session_token")
assert store.get("p", "session_token") is None
print("good")
"""

_SECOND_SESSION = """
from vidcdn_desktop.credentials.secrets import open_secret_store
print(open_secret_store()[0].get("p", "secret_access_key").reveal() == "wJalr/+ é🔑" and "good")
"""

_LOCKED = """
from vidcdn_desktop.credentials.model import Secret
from vidcdn_desktop.credentials.secrets import open_secret_store
from vidcdn_desktop.errors import KeyringLocked
store, note = open_secret_store()
for call in (
    lambda: store.set("p", "secret_access_key", Secret("never-stored")),
    lambda: store.get("p", "secret_access_key"),
):
    try:
        call()
    except KeyringLocked as exc:
        assert "never-stored" not in exc.sentence()
        print(exc.what)
    else:
        print("no refusal")
"""

_LOCK_IT = """
import secretstorage
with secretstorage.dbus_init() as bus:
    secretstorage.get_default_collection(bus).lock()
"""

_NO_SERVICE = """
from vidcdn_desktop.credentials.model import Secret
from vidcdn_desktop.credentials.secrets import open_secret_store
store, note = open_secret_store()
store.set("p", "secret_access_key", Secret("in memory"))
print(type(store).__name__, "|", note)
"""

_BUS_WITHOUT_SERVICES = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy>
</busconfig>"""


def _environment(home: Path) -> dict[str, str]:
    run = home / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "TMPDIR")}
    return {
        **keep,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(run),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "VIDCDN_HOME": str(home / "vidcdn"),
        "PYTHONPATH": str(_ROOT),
    }


def _on_a_bus(home: Path, shell: str, code: str, *bus_options: str) -> str:
    run = subprocess.run(
        ["dbus-run-session", *bus_options, "--", "bash", "-c", shell, sys.executable, code],
        env=_environment(home), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.strip()


def test_secrets_last_from_session_to_session(private_home: Path) -> None:
    assert _on_a_bus(private_home, _UNLOCKED, _ROUND_TRIP) == "good"
    assert _on_a_bus(private_home, _UNLOCKED, _SECOND_SESSION) == "good"
    readable = [p for p in private_home.rglob("*") if p.is_file() and b"wJalr/+" in p.read_bytes()]
    assert readable == []


def test_a_keyring_never_unlocked_is_told_in_words(private_home: Path) -> None:
    output = _on_a_bus(private_home, _NEVER_UNLOCKED, _LOCKED)
    assert output.splitlines()[0] == "The keyring is locked."
    assert "no refusal" not in output


def test_a_keyring_that_was_locked_meanwhile_is_told_in_words(private_home: Path) -> None:
    assert _on_a_bus(private_home, _UNLOCKED, _ROUND_TRIP) == "good"
    output = _on_a_bus(private_home, _UNLOCKED, _LOCK_IT + _LOCKED)
    assert output.splitlines() == ["The keyring is locked.", "The keyring is locked."]


def test_a_bus_without_a_keyring_means_this_session_only(private_home: Path) -> None:
    config = private_home / "bus.conf"
    config.write_text(_BUS_WITHOUT_SERVICES, "utf-8")
    output = _on_a_bus(private_home, _NEVER_UNLOCKED, _NO_SERVICE, f"--config-file={config}")
    assert output.startswith("MemorySecretStore | ")
    assert "this session only" in output


def test_no_bus_at_all_means_this_session_only(private_home: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _NO_SERVICE],
        env=_environment(private_home), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("MemorySecretStore | ")
    assert not list(private_home.rglob("*.cfg"))
