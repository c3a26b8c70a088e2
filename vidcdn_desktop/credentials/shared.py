"""The one credential object that all clients of a connection hold, so that a new key reaches them in mid-upload.

Imports the SDK: only for modules that are loaded when a connection is opened.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from vidcdn_desktop.credentials.model import KeyLife
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.logs import register_secret

_log = logging.getLogger(__name__)


class SharedCredentials(Credentials):
    """Stands before the credentials that are valid now. Any thread may call any method.

    The SDK takes one frozen set per request that it signs, so a swap between two requests is never torn. What is
    behind it may renew itself (roles, single sign-on); that goes on as before.

    Args:
        first: What to sign with until `reload` finds something else.
    """

    def __init__(self, first: Credentials) -> None:
        self._current = first
        self._lock = threading.Lock()
        self._known: ReadOnlyCredentials | None = None
        """The newest signing material seen: signed with, or swapped in."""
        self._used = threading.local()

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """What to sign the next request with. May block: some credentials renew themselves over the network."""
        frozen = self._current.get_frozen_credentials()
        if frozen != self._known:
            _hide(frozen)
            self._known = frozen
        self._used.frozen = frozen
        return frozen

    def life(self) -> KeyLife:
        """How long the key is good that the next request is signed with. May block, as signing may."""
        frozen = self.get_frozen_credentials()  # renews what is about to end
        # The SDK keeps the time to itself; a version of it that names it otherwise makes it "not known" here.
        ends = getattr(self._current, "_expiry_time", None)
        return KeyLife(
            is_temporary=bool(frozen.token), ends=ends.astimezone(UTC) if isinstance(ends, datetime) else None
        )

    def reload(self, load: Callable[[], Credentials]) -> bool:
        """Look for another key, and sign with it from now on; whether there was one.

        Compares with what the calling thread last signed with, so a thread whose request was refused with the old
        key also learns of one that another thread has found meanwhile. Never raises for a source that cannot be read
        now: it may be readable at the next try.

        Args:
            load: Reads the source anew. Called by one thread at a time.
        """
        mine = getattr(self._used, "frozen", None)
        with self._lock:
            if mine is not None and self._known is not None and not _same(mine, self._known):
                return True
            try:
                fresh = load()
                frozen = fresh.get_frozen_credentials()
                before = mine or self._known or self._current.get_frozen_credentials()
            except (BotoCoreError, ClientError, VidcdnError, OSError, ValueError) as exc:
                _log.info("no other key was found: %s", type(exc).__name__)
                return False
            if _same(frozen, before):
                return False
            _hide(frozen)
            self._known = frozen
            self._current = fresh
        _log.info("another key was found; signing with it from now on")
        return True

    @property
    def method(self) -> str:  # type: ignore[override]
        """Where the SDK says they come from."""
        return str(self._current.method)

    # Single fields may belong to two different keys when read one after the other; the SDK itself does not.
    @property
    def access_key(self) -> Any:  # type: ignore[override]
        """See `get_frozen_credentials`."""
        return self.get_frozen_credentials().access_key

    @property
    def secret_key(self) -> Any:  # type: ignore[override]
        """See `get_frozen_credentials`."""
        return self.get_frozen_credentials().secret_key

    @property
    def token(self) -> Any:  # type: ignore[override]
        """See `get_frozen_credentials`."""
        return self.get_frozen_credentials().token

    @property
    def account_id(self) -> Any:
        """See `get_frozen_credentials`."""
        return getattr(self.get_frozen_credentials(), "account_id", None)


def _same(one: ReadOnlyCredentials, other: ReadOnlyCredentials) -> bool:
    return one[:3] == other[:3]


def _hide(frozen: ReadOnlyCredentials) -> None:
    """Keep new secrets out of the log."""
    register_secret(str(frozen.secret_key or ""))
    register_secret(str(frozen.token or ""))
