"""Secrets are never shown, never lost silently, never in a file, and never make anybody wait for ever."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import threading
from typing import Any

import keyring
import keyring.backend
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest

from vidcdn_desktop.credentials.model import Secret
from vidcdn_desktop.credentials.secrets import (
    SERVICE,
    SESSION_ONLY,
    KeyringSecretStore,
    LayeredSecretStore,
    MemorySecretStore,
    open_secret_store,
)
from vidcdn_desktop.errors import KeyringLocked
from vidcdn_desktop.logs import BULLETS, redact

VALUE = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


# Secret


def test_a_secret_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(VALUE)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("vidcdn_desktop.x").error("secret %s %r", secret, {"a": [secret]})
    shown = [
        repr(secret), str(secret), f"{secret}", f"{secret!r:>10}", "%s" % secret, "{}".format(secret),  # noqa: UP031, UP032
        repr([secret]), caplog.text, str(Secret.__dict__), str(dir(secret)),
    ]  # fmt: skip
    assert not [text for text in shown if VALUE in text]
    assert repr(secret) == "•••"


def test_a_secret_is_not_for_storage() -> None:
    secret = Secret(VALUE)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        json.dumps({"a": secret})
    with pytest.raises(TypeError):
        vars(secret)


def test_secrets_compare_by_value_and_know_when_they_are_empty() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != VALUE
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE)
    assert not Secret("")
    assert Secret(VALUE).reveal() == VALUE


# Every store keeps the same promises


@pytest.fixture(params=["memory", "keyring", "layered"])
def store(request: pytest.FixtureRequest, memory_keyring: Any) -> Any:
    match request.param:
        case "memory":
            return MemorySecretStore()
        case "keyring":
            return KeyringSecretStore(memory_keyring)
    return LayeredSecretStore(MemorySecretStore(), KeyringSecretStore(memory_keyring))


def test_a_secret_comes_back_under_its_own_name_only(store: Any) -> None:
    assert store.get("p1", "secret_access_key") is None
    store.set("p1", "secret_access_key", Secret(VALUE))
    assert store.get("p1", "secret_access_key") == Secret(VALUE)
    assert store.get("p1", "session_token") is None
    assert store.get("p2", "secret_access_key") is None
    store.set("p1", "secret_access_key", Secret("another"))
    assert store.get("p1", "secret_access_key") == Secret("another")


def test_forgetting_is_complete_and_twice_is_harmless(store: Any, memory_keyring: Any) -> None:
    store.set("p1", "session_token", Secret("x" * 5000))
    store.delete("p1", "session_token")
    store.delete("p1", "session_token")
    assert store.get("p1", "session_token") is None
    assert memory_keyring.entries == {}


def test_an_empty_secret_is_a_forgotten_one(store: Any) -> None:
    store.set("p1", "session_token", Secret("token"))
    store.set("p1", "session_token", Secret(""))
    assert store.get("p1", "session_token") is None


def test_what_is_stored_never_reaches_a_log(store: Any) -> None:
    store.set("p1", "secret_access_key", Secret("hush-hush/never+told"))
    assert redact("typed hush-hush/never+told") == f"typed {BULLETS}"


@pytest.mark.parametrize(
    "value", ["x" * 1200, "x" * 1201, "y" * 5003, "🔑" * 700, "é" * 3000, "vidcdn-pieces:abc:2", "vidcdn-pieces:"]
)
def test_values_of_any_length_come_back_whole(store: Any, memory_keyring: Any, value: str) -> None:
    store.set("p1", "session_token", Secret(value))
    assert store.get("p1", "session_token") == Secret(value)
    # What Windows takes: 1280 UTF-16 units in an entry.
    assert all(len(v.encode("utf-16-le")) // 2 <= 1280 for v in memory_keyring.entries.values())
    store.set("p1", "session_token", Secret(value[::-1] + "!"))
    assert store.get("p1", "session_token") == Secret(value[::-1] + "!")
    store.set("p1", "session_token", Secret("short"))
    assert store.get("p1", "session_token") == Secret("short")
    assert len(memory_keyring.entries) <= 1


# The keyring


def test_entries_are_named_as_documented(memory_keyring: Any) -> None:
    store = KeyringSecretStore(memory_keyring)
    store.set("uuid", "secret_access_key", Secret(VALUE))
    assert memory_keyring.entries == {(SERVICE, "uuid/secret_access_key"): VALUE}
    assert SERVICE == "vidcdn-desktop"
    assert store.persistent


def test_a_missing_piece_is_no_secret_at_all(memory_keyring: Any) -> None:
    store = KeyringSecretStore(memory_keyring)
    store.set("p", "session_token", Secret("x" * 3000))
    pieces = [name for name in memory_keyring.entries if name[1] != "p/session_token"]
    assert len(pieces) == 5
    del memory_keyring.entries[pieces[2]]
    assert store.get("p", "session_token") is None
    store.delete("p", "session_token")
    assert memory_keyring.entries == {}


def test_a_write_that_breaks_off_leaves_the_old_value(memory_keyring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = KeyringSecretStore(memory_keyring)
    store.set("p", "session_token", Secret("a" * 3000))
    real, calls = memory_keyring.set_password, []

    def breaks(service: str, user: str, value: str) -> None:
        calls.append(user)
        if len(calls) == 3:
            raise keyring.errors.PasswordSetError("full")
        real(service, user, value)

    monkeypatch.setattr(memory_keyring, "set_password", breaks)
    with pytest.raises(KeyringLocked):
        store.set("p", "session_token", Secret("b" * 3000))
    assert store.get("p", "session_token") == Secret("a" * 3000)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (keyring.errors.NoKeyringError("no backend"), "no keyring"),
        (keyring.errors.InitError("Failed to create the collection: Prompt dismissed"), "locked"),
        (keyring.errors.KeyringLocked("locked"), "locked"),
        (keyring.errors.PasswordSetError("no"), "refused"),
        (keyring.errors.KeyringError("no"), "refused"),
        (OSError(1783, "The stub received bad data"), "refused"),
        (RuntimeError("D-Bus went away"), "refused"),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, Exception) else "",
)
def test_every_refusal_is_told_in_words(
    memory_keyring: Any, monkeypatch: pytest.MonkeyPatch, raised: Exception, words: str
) -> None:
    def refuse(*_args: str) -> None:
        raise raised

    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(memory_keyring, name, refuse)
    store = KeyringSecretStore(memory_keyring)
    for call in (
        lambda: store.get("p", "f"),
        lambda: store.set("p", "f", Secret(VALUE)),
        lambda: store.delete("p", "f"),
    ):
        with pytest.raises(KeyringLocked) as caught:
            call()
        assert words in caught.value.what
        assert caught.value.code == type(raised).__name__
        assert VALUE not in caught.value.sentence()
        assert "this session only" in caught.value.advice


def test_a_keyring_that_waits_for_its_prompt_makes_nobody_wait_for_ever(
    memory_keyring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def prompt(_service: str, _user: str) -> str:
        asked.set()
        answered.wait(60)
        return VALUE

    monkeypatch.setattr(memory_keyring, "get_password", prompt)
    store = KeyringSecretStore(memory_keyring, timeout_s=0.05)
    with pytest.raises(KeyringLocked, match="does not answer"):
        store.get("p", "f")
    assert asked.is_set()
    with pytest.raises(KeyringLocked, match="does not answer"):  # no second prompt on top of the first
        store.get("p", "f")
    patient = KeyringSecretStore(memory_keyring, timeout_s=60)
    answered.set()
    assert patient.get("p", "f") == Secret(VALUE)


def test_calls_run_outside_the_calling_thread(memory_keyring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    monkeypatch.setattr(memory_keyring, "get_password", lambda *_: threads.append(threading.current_thread()))
    KeyringSecretStore(memory_keyring).get("p", "f")
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon, "a hanging keyring must not keep the program from ending"


# Choosing


class PlaintextKeyring(keyring.backend.KeyringBackend):
    """Stands for keyrings.alt's, which keyring picks by itself where there is nothing better."""

    priority = 9  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> None:
        raise AssertionError("a plaintext keyring was asked")

    set_password = delete_password = get_password  # type: ignore[assignment]


def _alternative() -> keyring.backend.KeyringBackend:
    class AnyName(PlaintextKeyring):
        pass

    AnyName.__name__ = "AnyName"
    AnyName.__module__ = "keyrings.alt.file"
    return AnyName()


def test_a_sound_keyring_is_used(memory_keyring: Any) -> None:
    store, note = open_secret_store()
    assert note == ""
    assert store.persistent
    store.set("p", "f", Secret(VALUE))
    assert memory_keyring.entries[SERVICE, "p/f"] == VALUE


@pytest.mark.parametrize(
    "make",
    [keyring.backends.fail.Keyring, keyring.backends.null.Keyring, PlaintextKeyring, _alternative],
    ids=["none", "null loses silently", "plaintext", "keyrings.alt"],
)
def test_without_a_sound_keyring_it_is_this_session_only_and_said(make: Any) -> None:
    keyring.set_keyring(make())
    store, note = open_secret_store()
    assert isinstance(store, MemorySecretStore)
    assert not store.persistent
    assert note == SESSION_ONLY
    assert "this session only" in note


def test_of_a_chain_the_first_sound_member_is_used(memory_keyring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [PlaintextKeyring(), keyring.backends.fail.Keyring(), memory_keyring]
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", members)
    keyring.set_keyring(keyring.backends.chainer.ChainerBackend())
    store, note = open_secret_store()
    assert note == ""
    store.set("p", "f", Secret(VALUE))
    assert memory_keyring.entries == {(SERVICE, "p/f"): VALUE}


def test_a_keyring_that_cannot_even_be_looked_for_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("configuration of keyring is broken")

    monkeypatch.setattr(keyring, "get_keyring", broken)
    store, note = open_secret_store()
    assert isinstance(store, MemorySecretStore)
    assert note


def test_this_sessions_secret_stands_before_the_lasting_one(memory_keyring: Any) -> None:
    store = LayeredSecretStore(MemorySecretStore(), KeyringSecretStore(memory_keyring))
    store.session.set("practice", "secret_access_key", Secret("practice-secret"))
    assert store.get("practice", "secret_access_key") == Secret("practice-secret")
    assert memory_keyring.entries == {}
    store.set("practice", "secret_access_key", Secret("lasting-secret"))
    assert store.get("practice", "secret_access_key") == Secret("lasting-secret")
    assert store.persistent
