"""Where secrets live: the system's keyring, or memory. Never a file of ours."""

from __future__ import annotations

import secrets as random
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from vidcdn_desktop.credentials.model import Secret, SecretStore
from vidcdn_desktop.errors import KeyringLocked
from vidcdn_desktop.logs import register_secret

SECRET_ACCESS_KEY = "secret_access_key"  # noqa: S105 - the name of a field
SESSION_TOKEN = "session_token"  # noqa: S105 - the name of a field
SIGNING_KEY = "signing_key"
SIGNING_KEY_ID = "signing_key_id"

SERVICE = "vidcdn-desktop"
SESSION_ONLY = "There is no safe keyring on this computer, so secrets are kept for this session only."

_TIMEOUT_S = 20.0
"""A locked keyring asks the user, or hangs; nobody waits longer for it."""

_LONGEST = 1200
"""UTF-16 units in one entry: Windows takes 1280 and refuses more (error 1783)."""

_PIECES = "vidcdn-pieces:"
"""Begins the entry of a value that is kept in several; then a random word and the count."""

_UNSOUND_MODULES = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt", "keyrings.cryptfile")
"""They lose what they are given, or keep it in a file anybody can read."""

_T = TypeVar("_T")


class MemorySecretStore:
    """Secrets for this session: gone when the program ends. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], Secret] = {}

    @property
    def persistent(self) -> bool:
        """Never."""
        return False

    def get(self, profile_id: str, field: str) -> Secret | None:
        """The secret, or None."""
        with self._lock:
            return self._entries.get((profile_id, field))

    def set(self, profile_id: str, field: str, secret: Secret) -> None:
        """Keep a secret; an empty one is forgotten."""
        register_secret(secret.reveal())
        with self._lock:
            if secret:
                self._entries[profile_id, field] = secret
            else:
                self._entries.pop((profile_id, field), None)

    def delete(self, profile_id: str, field: str) -> None:
        """Forget a secret; one that is not there is fine."""
        with self._lock:
            self._entries.pop((profile_id, field), None)


class KeyringSecretStore:
    """Secrets in the system's keyring. Any thread but the GUI's may call any method.

    Each call runs in a thread of its own and is given up after `timeout_s` seconds, because a locked keyring waits
    for its prompt. Values too long for one entry are kept in several.

    Args:
        backend: A sound `keyring.backend.KeyringBackend`; see `open_secret_store`.
        timeout_s: Longest wait for one call, in seconds.
    """

    def __init__(self, backend: Any, timeout_s: float = _TIMEOUT_S) -> None:
        self._backend = backend
        self._timeout_s = timeout_s
        self._turn = threading.Lock()

    @property
    def persistent(self) -> bool:
        """Always."""
        return True

    def get(self, profile_id: str, field: str) -> Secret | None:
        """The secret, or None; also None if a part of a long one is missing.

        Raises: KeyringLocked.
        """
        value = self._call(lambda: self._read(f"{profile_id}/{field}"))
        if not value:
            return None
        register_secret(value)
        return Secret(value)

    def set(self, profile_id: str, field: str, secret: Secret) -> None:
        """Keep a secret; an empty one is forgotten.

        Raises: KeyringLocked.
        """
        if not secret:
            self.delete(profile_id, field)
            return
        register_secret(secret.reveal())
        self._call(lambda: self._write(f"{profile_id}/{field}", secret.reveal()))

    def delete(self, profile_id: str, field: str) -> None:
        """Forget a secret; one that is not there is fine.

        Raises: KeyringLocked.
        """

        def forget() -> None:
            user = f"{profile_id}/{field}"
            old = self._backend.get_password(SERVICE, user)
            if old is not None:
                self._remove(user)
                self._remove_pieces(user, old)

        self._call(forget)

    def _read(self, user: str) -> str | None:
        value: str | None = self._backend.get_password(SERVICE, user)
        if value is None or not value.startswith(_PIECES):
            return value
        pieces = [self._backend.get_password(SERVICE, name) for name in _piece_names(user, value)]
        if any(piece is None for piece in pieces):
            return None
        return "".join(pieces)

    def _write(self, user: str, value: str) -> None:
        old = self._backend.get_password(SERVICE, user)
        if len(value.encode("utf-16-le")) // 2 <= _LONGEST and not value.startswith(_PIECES):
            self._backend.set_password(SERVICE, user, value)
        else:
            step = _LONGEST // 2  # a character may take two units
            pieces = [value[i : i + step] for i in range(0, len(value), step)]
            head = f"{_PIECES}{random.token_hex(4)}:{len(pieces)}"
            # The new pieces lie beside the old ones until the head names them: no crash leaves a mixture.
            for name, piece in zip(_piece_names(user, head), pieces, strict=True):
                self._backend.set_password(SERVICE, name, piece)
            self._backend.set_password(SERVICE, user, head)
        if old is not None:
            self._remove_pieces(user, old)

    def _remove_pieces(self, user: str, head: str) -> None:
        if head.startswith(_PIECES):
            for name in _piece_names(user, head):
                self._remove(name)

    def _remove(self, user: str) -> None:
        from keyring.errors import PasswordDeleteError

        try:
            self._backend.delete_password(SERVICE, user)
        except PasswordDeleteError:
            return  # it is not there

    def _call(self, work: Callable[[], _T]) -> _T:
        # One at a time: a second prompt on top of a waiting one helps nobody.
        if not self._turn.acquire(timeout=self._timeout_s):
            raise _no_answer()

        def guarded() -> _T:
            try:
                return work()
            finally:
                self._turn.release()

        return _with_deadline(guarded, self._timeout_s)


class LayeredSecretStore:
    """A lasting store with a memory store in front, for the connections that are for this session only."""

    def __init__(self, session: MemorySecretStore, lasting: SecretStore) -> None:
        self.session = session
        self.lasting = lasting

    @property
    def persistent(self) -> bool:
        """Whether `set` outlives the program."""
        return self.lasting.persistent

    def get(self, profile_id: str, field: str) -> Secret | None:
        """The secret of this session, else the lasting one.

        Raises: KeyringLocked.
        """
        return self.session.get(profile_id, field) or self.lasting.get(profile_id, field)

    def set(self, profile_id: str, field: str, secret: Secret) -> None:
        """Keep a secret for good; use `session.set` for one that must not stay.

        Raises: KeyringLocked.
        """
        self.lasting.set(profile_id, field, secret)
        self.session.delete(profile_id, field)

    def delete(self, profile_id: str, field: str) -> None:
        """Forget it in both.

        Raises: KeyringLocked.
        """
        self.session.delete(profile_id, field)
        self.lasting.delete(profile_id, field)


def open_secret_store(timeout_s: float = _TIMEOUT_S) -> tuple[SecretStore, str]:
    """The keyring if this computer has a sound one, else memory. Not for the GUI thread.

    Whether the keyring is locked shows at the first use, because finding out may ask the user.

    Returns:
        The store, and a sentence for the user if it is only memory (else empty).
    """
    try:
        backend = _with_deadline(_sound_backend, timeout_s)
    except KeyringLocked:
        backend = None
    if backend is None:
        return MemorySecretStore(), SESSION_ONLY
    return KeyringSecretStore(backend, timeout_s), ""


def _sound_backend() -> Any:
    """The keyring that would be used, if it is one to trust with a secret; else None."""
    import keyring

    chosen = keyring.get_keyring()
    # A chain writes to its first member and reads them all: take the first sound member itself.
    members = getattr(chosen, "backends", None)
    for backend in members if isinstance(members, (list, tuple)) else [chosen]:
        if _is_sound(backend):
            return backend
    return None


def _is_sound(backend: Any) -> bool:
    kind = type(backend)
    if kind.__module__.startswith(_UNSOUND_MODULES) or "plaintext" in kind.__name__.lower():
        return False
    try:
        return float(kind.priority) >= 1  # below 1 the keyring library itself advises against it
    except (RuntimeError, TypeError, ValueError):
        return False


def _piece_names(user: str, head: str) -> list[str]:
    word, _, count = head.removeprefix(_PIECES).partition(":")
    if not count.isdecimal() or int(count) > 1000:
        return []
    return [f"{user}/{word}/{number}" for number in range(1, int(count) + 1)]


def _with_deadline(work: Callable[[], _T], timeout_s: float) -> _T:
    """Do `work` in a thread that is left behind when it takes too long; its failures come out as KeyringLocked."""
    done = threading.Event()
    results: list[_T] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as exc:  # noqa: BLE001 - the translator for keyring backends, which raise what they like
            failures.append(exc)
        finally:
            done.set()

    threading.Thread(target=run, name="keyring", daemon=True).start()
    if not done.wait(timeout_s):
        raise _no_answer()
    if failures:
        raise _in_words(failures[0]) from failures[0]
    return results[0]


def _no_answer() -> KeyringLocked:
    return KeyringLocked(
        "The keyring does not answer; it may be waiting for its password.",
        "Nothing was published.",
        "Unlock the keyring and try again, or keep the secret for this session only.",
        retryable=True,
    )


def _in_words(exc: Exception) -> KeyringLocked:
    names = {c.__name__ for c in type(exc).__mro__}
    if isinstance(exc, KeyringLocked):
        return exc
    if "NoKeyringError" in names:
        what, advice = "There is no keyring on this computer.", "Keep the secret for this session only."
    elif names & {"KeyringLocked", "InitError"}:
        what = "The keyring is locked."
        advice = "Unlock it and try again, or keep the secret for this session only."
    else:
        what = "The keyring refused."
        advice = "Unlock it and try again, or keep the secret for this session only."
    return KeyringLocked(what, "Nothing was published.", advice, retryable=True, code=type(exc).__name__)
