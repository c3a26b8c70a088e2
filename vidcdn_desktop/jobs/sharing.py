"""Links that are handed out: through the CDN, signed for it, or presigned for the bucket; and the text they go as.

What a link promises is what it keeps: a presigned one is never said to live longer than the key it was signed with.
Links that carry a signature are secrets for as long as they work: never in a log, in the journal, or in a `repr`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.urls import embed_html
from vidcdn_desktop.errors import AccessDenied, CredentialsExpired, NotServed, ObjectNotFound, SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.signing_keys import SigningKey
from vidcdn_desktop.storage.keys import decode_metadata, poster_key
from vidcdn_desktop.storage.port import ObjectRef, StoredObject

LONGEST = timedelta(days=7)
"""Of a presigned link by Signature Version 4; signed CDN links are held to the same."""
SHORTEST = timedelta(minutes=1)
USUAL = timedelta(days=1)
MOST = 500
"""Objects shared at once."""

_PARALLEL = 6
_NO_LINK = "No link was made."
_SPAN = re.compile(r"(\d{1,6})\s*(m|min|h|d)", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\\[\]*_`<>&!~|])")


class LinkKind(Enum):
    """How a link gets to the object."""

    CDN = "cdn"
    """Through the distribution, as viewers do; it has no end."""
    SIGNED = "signed"
    """Through the distribution, signed by a key pair it trusts; it ends."""
    PRESIGNED = "presigned"
    """Straight from the bucket, with this connection's own rights; it ends."""


class Form(Enum):
    """As what a link is copied."""

    LINK = "link"
    EMBED = "embed"
    MARKDOWN = "markdown"


@dataclass(frozen=True)
class Shared:
    """A link to one object."""

    ref: ObjectRef
    kind: LinkKind
    url: str = field(repr=False)
    until: datetime | None
    """When it ends; aware UTC, whole seconds. None: it does not."""
    title: str = ""
    """What it is called; untrusted text."""
    poster_url: str = field(default="", repr=False)
    """The same kind of link to the picture beside a video; empty if there is none."""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Sharing:
    """The links that were asked for, and what is to be known of them."""

    links: tuple[Shared, ...]
    until: datetime | None
    """When the first of them ends; None: they do not."""
    shortened: bool = False
    """They end earlier than was wanted, because the key of the connection does."""
    may_end_sooner: bool = False
    """They were signed with a session token that does not say when it ends."""
    remarks: tuple[str, ...] = ()
    """Sentences about what may surprise whoever opens them."""


@dataclass(frozen=True)
class About:
    """What a page that shows a video wants to know of it."""

    title: str
    poster_key: str = ""
    """The picture beside it; empty if there is none."""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Wanted:
    """What kind of links."""

    kind: LinkKind
    lasts: timedelta = USUAL
    key: SigningKey | None = None
    """For signed links."""
    about: Mapping[str, About] = field(default_factory=dict)
    """What `describe` told of the objects, by key; links alone do not need it."""


def describe(
    connection: Connection, keys: Sequence[str], token: CancelToken, sizes: Mapping[str, tuple[int, int]] | None = None
) -> dict[str, About]:
    """Ask the bucket for titles and for the pictures beside videos: two requests an object. Blocks.

    Args:
        connection: Where the objects are.
        keys: Up to `MOST`.
        token: Cancels.
        sizes: Width and height of videos by key, where they are known.

    Raises: ObjectNotFound: one is gone. Cancelled. What `Storage` raises, but AccessDenied.
    """

    def one(key: str) -> About:
        token.raise_if_cancelled()
        found = _head(connection, key)
        told = decode_metadata(found.headers.metadata).get("title", "") if found and found.headers else ""
        poster = poster_key(key)
        has_poster = poster != key and _head(connection, poster, may_lack=True) is not None
        width, height = (sizes or {}).get(key, (None, None))
        return About(told.strip() or _stem(key), poster if has_poster else "", width, height)

    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="links") as pool:
        return dict(zip(keys, pool.map(one, keys[:MOST]), strict=True))


def make_links(connection: Connection, keys: Sequence[str], wanted: Wanted, token: CancelToken) -> Sharing:
    """Make the links. Sends nothing but what the connection asks once (distributions, region). Blocks.

    Raises:
        NotServed: no distribution serves one of the keys.
        SettingsInvalid: a time out of bounds, too many objects, a signing key that cannot be used.
        CredentialsExpired: the connection's key has ended, so a link would be dead.
        Cancelled.
    """
    _check(connection, keys, wanted)
    maker = _Maker(connection, wanted)
    links = []
    for key in keys:
        token.raise_if_cancelled()
        about = wanted.about.get(key) or About(_stem(key))
        poster = about.poster_key if maker.can_link(about.poster_key) else ""
        links.append(
            Shared(
                ObjectRef(connection.profile.bucket, key),
                wanted.kind,
                maker.link(key),
                maker.until,
                about.title,
                maker.link(poster) if poster else "",
                about.width,
                about.height,
            )
        )
    return Sharing(tuple(links), maker.until, maker.shortened, maker.may_end_sooner, tuple(maker.remarks))


def text_of(links: Sequence[Shared], form: Form) -> str:
    """The links as they go to the clipboard, one a line.

    Raises: SettingsInvalid: a link that is no web address cannot be embedded.
    """
    return "\n".join(_ONE[form](link) for link in links)


def parse_span(text: str) -> timedelta:
    """How long a link lasts: `90m`, `12h`, `2d`.

    Raises: ValueError.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError("A time is written like 90m, 12h or 2d.")
    number, unit = int(found[1]), found[2].lower()
    span = timedelta(days=number) if unit == "d" else timedelta(hours=number) if unit == "h" else None
    span = span or timedelta(minutes=number)
    if not SHORTEST <= span <= LONGEST:
        raise ValueError("A link lasts between one minute and 7 days.")
    return span


class _Maker:
    """Makes links of one kind, and remembers what is to be said about them."""

    def __init__(self, connection: Connection, wanted: Wanted) -> None:
        self._connection = connection
        self._wanted = wanted
        self._now = datetime.now(UTC).replace(microsecond=0)
        self.until: datetime | None = None
        self.shortened = self.may_end_sooner = False
        self.remarks: list[str] = []
        if wanted.kind is not LinkKind.CDN:
            self.until = self._now + wanted.lasts
        if wanted.kind is LinkKind.PRESIGNED:
            self._connection = connection.for_signing()
            self._look_at_key()

    def _look_at_key(self) -> None:
        life = self._connection.clients.key_life()
        self.may_end_sooner = life.is_temporary and life.ends is None
        if life.ends is None or self.until is None or life.ends >= self.until:
            return
        self.until, self.shortened = life.ends.replace(microsecond=0), True
        if self.until - self._now < SHORTEST:
            raise CredentialsExpired(
                "The sign-in of this connection ends within a minute, and its links with it.",
                _NO_LINK,
                "Sign in again, then make the link.",
                retryable=True,
            )

    def can_link(self, key: str) -> bool:
        """Whether there is a link of this kind to another key."""
        return bool(key) and (self._wanted.kind is LinkKind.PRESIGNED or self._connection.url_of(key) is not None)

    def link(self, key: str) -> str:
        """The link to a key."""
        if self._wanted.kind is LinkKind.PRESIGNED:
            assert self.until is not None
            # Counted from the very second it is signed in, which is later than the one the end was worked out in.
            left = int((self.until - datetime.now(UTC)).total_seconds())
            ref = ObjectRef(self._connection.profile.bucket, key)
            return self._connection.storage.presign_get(ref, max(1, left))
        found = self._connection.url_of(key)
        if found is None:
            raise NotServed(
                "No distribution serves this object.",
                _NO_LINK,
                "Share a presigned S3 link, or set up delivery for its folder.",
                subject=key,
            )
        if not found.enabled:
            self._remark("Its distribution is switched off, so the link does not work until it is switched on.")
        if self._wanted.kind is LinkKind.CDN:
            if found.needs_signature:
                self._remark("Its distribution asks for a signed link and refuses this plain one.")
            return found.url
        from vidcdn_desktop.delivery.signing import sign_url

        if not found.needs_signature:
            self._remark("Its distribution asks for no signature: the link works without it, too, and then has no end.")
        assert self._wanted.key is not None
        assert self.until is not None
        return sign_url(found.url, self._wanted.key.id, self._wanted.key.pem, self.until)

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)


def _check(connection: Connection, keys: Sequence[str], wanted: Wanted) -> None:
    if not 0 < len(keys) <= MOST:
        raise SettingsInvalid(
            f"Links are made for up to {MOST:,} objects at once.", _NO_LINK, "Choose fewer.", subject=""
        )
    if wanted.kind is LinkKind.CDN:
        return
    if not SHORTEST <= wanted.lasts <= LONGEST:
        raise SettingsInvalid("A link lasts between one minute and 7 days.", _NO_LINK, "Choose another time.")
    if wanted.kind is LinkKind.SIGNED and wanted.key is None:
        raise SettingsInvalid(
            "This connection has no key pair to sign CDN links with.",
            _NO_LINK,
            "Add the ID and the private key of a public key that your distribution trusts.",
            subject=connection.profile.name,
        )


def _head(connection: Connection, key: str, *, may_lack: bool = False) -> StoredObject | None:
    try:
        return connection.storage.head(ObjectRef(connection.profile.bucket, key))
    except ObjectNotFound:
        if may_lack:
            return None
        raise
    except AccessDenied:
        return None  # a link can be made all the same, only with less to say


def _stem(key: str) -> str:
    name = key.rstrip("/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _one_line(text: str) -> str:
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return " ".join(plain.split())


def _markdown(link: Shared) -> str:
    name = _MARKDOWN.sub(r"\\\1", _one_line(link.title))
    return f"[{name}]({link.url})"


def _embed(link: Shared) -> str:
    return embed_html(link.url, link.poster_url, link.title, link.width, link.height)


_ONE: Mapping[Form, Callable[[Shared], str]] = {
    Form.LINK: lambda link: link.url,
    Form.EMBED: _embed,
    Form.MARKDOWN: _markdown,
}
