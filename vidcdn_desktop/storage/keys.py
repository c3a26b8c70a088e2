"""Object keys and what stands beside the bytes: slugs, fingerprints, cache headers, metadata."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote, unquote_to_bytes

from vidcdn_desktop.bytesource import ByteSource

IMMUTABLE_CACHE = "public, max-age=31536000, immutable"
"""For versioned keys: the object never changes."""

STABLE_CACHE = "public, max-age=60, s-maxage=86400"
"""For stable keys: browsers ask again after a minute, the CDN keeps it for a day and is told of changes."""

SLUG_LENGTH = 80
MAX_METADATA_BYTES = 2048
"""Source: Amazon S3 User Guide, "Working with object metadata": names and values of user metadata together."""

_MAX_EXTENSION = 10

_SAMPLE = 1 << 20
_SAMPLES_INSIDE = 7

# Letters that do not decompose into a Latin letter and marks.
_LATIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h", "ŋ": "ng",
}  # fmt: skip
# ISO 9 in spirit, without its diacritics.
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya", "і": "i", "ї": "i", "є": "ie", "ґ": "g", "ў": "u", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "ђ": "dj",
    "џ": "dz", "ѓ": "g", "ќ": "k", "ѕ": "dz",
}  # fmt: skip
# ELOT 743, letter by letter.
_GREEK = {
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
_LETTERS = {**_LATIN, **_CYRILLIC, **_GREEK}


def slugify(text: str, fallback: str = "video") -> str:
    """Make a piece of a key out of untrusted text: only `a-z 0-9 . _ -`, at most 80 characters.

    Latin letters lose their diacritics, Cyrillic and Greek are transliterated, other scripts are dropped; what is not
    allowed becomes one dash. Starts with a letter, digit or underscore. Gives `fallback` if nothing is left.
    The same text in NFC and NFD gives the same slug.
    """
    pieces: list[str] = []
    for char in unicodedata.normalize("NFC", text).lower():
        known = _LETTERS.get(char)
        if known is not None:
            pieces.append(known)
            continue
        for base in unicodedata.normalize("NFKD", char):
            if unicodedata.combining(base):
                continue
            pieces.append(_LETTERS.get(base, base) if base.isalnum() else base)
    slug = re.sub(r"[^a-z0-9._-]+", "-", "".join(pieces).lower())
    slug = re.sub(r"-*\.[.-]*", ".", re.sub(r"-{2,}", "-", slug))
    return slug.strip(".-")[:SLUG_LENGTH].rstrip(".-") or fallback


def fingerprint(source: ByteSource, extra: str = "") -> str:
    """Eight hex digits that tell one content from another: the "version" in a versioned key.

    Hashes (BLAKE2b) the length, `extra`, and 1 MiB blocks at the start, at seven places in between and at the end,
    whatever the length, so that a film of any size takes milliseconds. Two films that differ only between the samples
    would get the same key; the conditional write then refuses the second instead of replacing the first.

    Raises: SourceGone, SourceChanged, SourceUnreadable.
    """
    digest = hashlib.blake2b(digest_size=4)
    digest.update(f"{source.size}\0{extra}\0".encode("utf-8", "surrogateescape"))
    last = max(0, source.size - _SAMPLE)
    steps = _SAMPLES_INSIDE + 1
    for offset in sorted({last * i // steps for i in range(steps + 1)}):
        digest.update(source.read_at(offset, _SAMPLE))
    return digest.hexdigest()


def object_key(prefix: str, orientation_folder: str, title: str, extension: str, hex8: str | None) -> str:
    """The key of a video: `<prefix>/<folder>/<slug>-<8 hex>.<ext>`, without the hex for a stable link.

    Args:
        prefix: The connection's prefix; kept as it is but for slashes at its ends; may be empty.
        orientation_folder: "landscape", "portrait" or "other".
        title: Untrusted text.
        extension: With or without the dot; untrusted text.
        hex8: From `fingerprint`; None for a stable key.
    """
    clean_extension = re.sub(r"[^a-z0-9]+", "", extension.lower())[:_MAX_EXTENSION] or "mp4"
    stem = slugify(title) + (f"-{hex8}" if hex8 else "")
    return "/".join(piece for piece in (prefix.strip("/"), orientation_folder, f"{stem}.{clean_extension}") if piece)


def poster_key(key: str) -> str:
    """The key of the poster beside a video: the same stem with `.jpg`."""
    folder, slash, name = key.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return f"{folder}{slash}{stem}.jpg"


def encode_metadata(values: Mapping[str, str]) -> dict[str, str]:
    """Make user metadata fit for HTTP headers: names in lower case, values percent-encoded UTF-8.

    Printable ASCII stays readable (only `%` is escaped), everything else becomes `%XX`. Empty values are left out.
    Names and values together stay within 2 kB: entries come in the given order, and one that does not fit is cut
    between two characters, or left out if nothing of it fits.
    """
    encoded: dict[str, str] = {}
    left = MAX_METADATA_BYTES
    for name, value in values.items():
        key = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
        room = left - len(key)
        if not key or not value or room <= 0:
            continue
        text = _encode_value(value.strip(), room)
        if text:
            encoded[key] = text
            left -= len(key) + len(text)
    return encoded


def decode_metadata(values: Mapping[str, str]) -> dict[str, str]:
    """What `encode_metadata` was given. Names come back in lower case; text of other programs is left readable."""
    return {name.lower(): unquote_to_bytes(value).decode("utf-8", "replace") for name, value in values.items()}


_READABLE = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) != "%")


def _encode_value(value: str, room: int) -> str:
    pieces: list[str] = []
    for char in value:
        # A lone surrogate stands for a byte of a file name that is no UTF-8; it has no place in a title.
        piece = quote(char, safe=_READABLE, errors="replace")
        if char == " " and pieces and pieces[-1] in (" ", "%20"):
            piece = "%20"  # a signature folds runs of spaces, and some servers store them folded
        room -= len(piece)
        if room < 0:
            break
        pieces.append(piece)
    return "".join(pieces).rstrip()
