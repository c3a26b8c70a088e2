"""Where the Library stands: a folder, or a search through the bucket; the way back; and addresses that are typed."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from vidcdn_desktop.delivery.model import Distribution
from vidcdn_desktop.delivery.urls import bucket_of, playable_urls

_MOST = 100


@dataclass(frozen=True)
class Place:
    """Something that can be listed."""

    prefix: str = ""
    """What keys begin with."""
    needle: str = ""
    """What is searched for in everything below, as it was typed (`jobs.query_text`); empty: the folder itself."""
    bucket: str = ""
    """Which bucket; empty: the one the connection publishes to."""


class History:
    """The places that were open, and where among them the user is."""

    def __init__(self) -> None:
        self._places = [Place()]
        self._at = 0

    @property
    def place(self) -> Place:
        """Where the user is."""
        return self._places[self._at]

    @property
    def can_back(self) -> bool:
        """Whether there is a place before."""
        return self._at > 0

    @property
    def can_forward(self) -> bool:
        """Whether the user came back from somewhere."""
        return self._at < len(self._places) - 1

    def go(self, place: Place) -> None:
        """Stand somewhere else; what lay ahead is forgotten."""
        if place != self.place:
            self._places[self._at + 1 :] = [place]
            self._places = self._places[-_MOST:]
            self._at = len(self._places) - 1

    def step(self, by: int) -> Place:
        """Back (-1) or forward (1), as far as there is a way."""
        self._at = max(0, min(len(self._places) - 1, self._at + by))
        return self.place

    def forget(self, place: Place) -> None:
        """Begin anew at a place."""
        self._places, self._at = [place], 0


@dataclass(frozen=True)
class Address:
    """What a typed address means."""

    bucket: str
    """Empty: the one that is open."""
    key: str
    """A whole key; with a slash at its end, or empty, a folder."""


class NotAnAddress(ValueError):
    """What was typed cannot be found; the text says why, in a sentence."""


def read_address(text: str, bucket: str, distributions: tuple[Distribution, ...]) -> Address:
    """The place a typed address means: `s3://bucket/key`, a link of a distribution or of the bucket, or a plain key.

    Raises: NotAnAddress.
    """
    typed = text.strip()
    scheme, mark, rest = typed.partition("://")
    if not mark:
        return Address("", typed.removeprefix("/") if typed.startswith("/") else typed)
    if scheme.lower() == "s3":
        name, _, key = rest.partition("/")
        if not name:
            raise NotAnAddress("An S3 address names a bucket: s3://bucket/folder/.")
        return Address(name, key)
    if scheme.lower() not in ("http", "https"):
        raise NotAnAddress("Type an S3 address, a CDN link, or a folder of this bucket.")
    return _address_of(typed, bucket, distributions)


def _address_of(url: str, bucket: str, distributions: tuple[Distribution, ...]) -> Address:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        netloc = f"{host}:{parts.port}" if parts.port else host
    except ValueError as exc:
        raise NotAnAddress("This is no link that can be read.") from exc
    path = unquote(parts.path, errors="surrogateescape").removeprefix("/")
    known = False
    elsewhere: list[Address] = []
    for distribution in distributions:
        names = {distribution.host.lower(), distribution.domain_name.lower(), *map(str.lower, distribution.aliases)}
        if not names & {host, netloc}:
            continue
        known = True
        for origin in distribution.origins:
            served = "" if origin.is_group else bucket_of(origin.domain_name)
            if not served:
                continue
            folder = origin.origin_path.strip("/")
            key = f"{folder}/{path}" if folder else path
            if path and not path.endswith("/") and not playable_urls((distribution,), served, key):
                continue
            if served == bucket.lower():
                return Address("", key)
            elsewhere.append(Address(served, key))
    if elsewhere:
        return elsewhere[0]
    if known:
        raise NotAnAddress("This distribution does not tell from which bucket it serves this.")
    if named := bucket_of(host):
        return Address("" if named == bucket.lower() else named, path)
    raise NotAnAddress("No distribution of this connection has this name.")


def above(prefix: str) -> str:
    """The folder a folder or key lies in."""
    head = prefix.removesuffix("/").rpartition("/")[0]
    return f"{head}/" if head else ""
