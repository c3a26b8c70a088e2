"""Text for people: untrusted names made safe to show, and figures in plain English.

Object keys, titles, metadata and file names come from outside. They may hold line breaks, invisible characters, marks
that turn the reading direction ("exe.mp4" that is no video) or bytes that are no text at all. Whoever shows such text
passes it through `display` (or `isolate` inside a sentence) and still shows it as plain text only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_FSI = "\u2068"
_PDI = "\u2069"
_ZWJ = "\u200d"
_VARIATION_16 = "\ufe0f"
_ELLIPSIS = "…"

_FROM_THE_RIGHT = frozenset({"R", "AL", "AN"})
"""Bidi classes of letters and digits that are written from the right."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Controls, format characters, lone surrogates, private use, line and paragraph separators.

Not the unassigned (Cn): emoji newer than this Python would be hit.
"""

_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters with a harmless category that nevertheless show as nothing."""

_FORBIDDEN_IN_FILE_NAMES = frozenset('<>:"|?*/\\')
_RESERVED_ON_WINDOWS = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)
_FILE_NAME_BYTES = 200
"""Room is left below the usual 255 for ".part" and a number."""
_SUFFIX_BYTES = 16


def display(text: str, max_length: int | None = None) -> str:
    """Untrusted text as it may be shown: one line, nothing invisible, nothing that turns the reading direction.

    Control characters become their pictures ("␊"), bidi marks and other invisible characters their number
    ("⟨U+202E⟩"). Joiners inside an emoji stay. Applying it twice changes nothing more. The result can always be
    encoded as UTF-8.

    Args:
        text: Anything, lone surrogates included.
        max_length: Longest result in characters (at least 1); more is elided in the middle, where names differ least.
    """
    tokens = [_visible(text, i) for i in range(len(text))]
    if max_length is None or sum(map(len, tokens)) <= max_length:
        return "".join(tokens)
    return _elide(tokens, max(1, max_length))


def isolate(text: str, max_length: int | None = None) -> str:
    """Untrusted text for the middle of a sentence: as `display` gives it, between directional isolates.

    A Hebrew or Arabic name then cannot reorder the words around it. Do not pass the result to `display` again.

    Source: Unicode Standard Annex 9, section 2.4 (FSI, PDI).
    """
    return f"{_FSI}{display(text, max_length)}{_PDI}"


def in_sentence(text: str, max_length: int | None = None) -> str:
    """The same, with isolates only where a letter could reorder anything: our font has no glyph for them.

    Do not pass the result to `display` again.
    """
    shown = display(text, max_length)
    return (
        f"{_FSI}{shown}{_PDI}" if any(unicodedata.bidirectional(char) in _FROM_THE_RIGHT for char in shown) else shown
    )


def safe_file_name(text: str, fallback: str = "file") -> str:
    """A file name for this and any other system, made from the last segment of a key or from a title.

    No separators, drive letters, control or invisible characters, leading or trailing dots and spaces, no names
    Windows reserves; composed form (NFC); at most 200 bytes of UTF-8 with the extension kept.
    """
    segment = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    segment = unicodedata.normalize("NFC", segment)
    cleaned = "".join(
        "_" if c in _FORBIDDEN_IN_FILE_NAMES or (_is_hidden(c) and not _joins_emoji(segment, i)) else c
        for i, c in enumerate(segment)
    )
    cleaned = cleaned.strip(" .") or fallback
    if cleaned.split(".", 1)[0].rstrip(" ").lower() in _RESERVED_ON_WINDOWS:
        cleaned = f"_{cleaned}"
    return _fit(cleaned)


def free_file_name(name: str, taken: Callable[[str], bool]) -> str:
    """`name`, or "name (2)" and so on with the extension kept: the first that is not `taken`."""
    if not taken(name):
        return name
    stem, suffix = _split_suffix(name)
    number = 2
    while taken(candidate := _fit(stem, f" ({number}){suffix}")):
        number += 1
    return candidate


def plural(count: int, singular: str, many: str = "") -> str:
    """A count with its noun: "1 video", "1,204 videos"; `many` for irregular ones ("copies")."""
    return f"{count:,} {singular if count == 1 else many or singular + 's'}"


def format_size(size_bytes: float) -> str:
    """Bytes in decimal units as file managers and AWS bills show them: "812 bytes", "3.9 GB"."""
    if size_bytes < 999.5:
        return plural(round(size_bytes), "byte")
    units = ["PB", "TB", "GB", "MB", "kB"]
    unit = units.pop()
    value = size_bytes / 1000
    while value >= 999.5 and units:
        value /= 1000
        unit = units.pop()
    digits = 1 if value < 99.95 else 0
    return f"{value:,.{digits}f} {unit}"


def format_rate(rate_bytes_per_s: float | None) -> str:
    """A transfer rate: "11.4 MB/s"; empty while unknown."""
    return "" if rate_bytes_per_s is None else f"{format_size(rate_bytes_per_s)}/s"


def format_duration(duration_s: float | None) -> str:
    """The length of a film: "0:04", "12:31", "1:02:03"; empty while unknown."""
    if duration_s is None:
        return ""
    minutes, seconds = divmod(round(max(0.0, duration_s)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def format_elapsed(elapsed_s: float) -> str:
    """How long something took: "0.21 s", "4.2 s", "42 s", "2 min 5 s", "1 h 2 min"."""
    if elapsed_s < 0.995:
        return f"{max(0.0, elapsed_s):.2f} s"
    if elapsed_s < 9.95:
        return f"{elapsed_s:.1f} s"
    minutes, seconds = divmod(round(elapsed_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def format_left(left_s: float | None) -> str:
    """Time left: "40 s left", "3 min left", "1 h 20 min left"; empty while unknown."""
    if left_s is None:
        return ""
    if left_s < 59.5:
        return f"{max(1, round(left_s))} s left"
    minutes = max(1, round(left_s / 60))
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min left"
    if hours >= 100:
        return "more than 4 days left"
    return f"{hours} h {minutes} min left" if minutes else f"{hours} h left"


def _is_hidden(char: str) -> bool:
    return char in _BLANK_LETTERS or unicodedata.category(char) in _HIDDEN_CATEGORIES


def _joins_emoji(text: str, index: int) -> bool:
    if text[index] != _ZWJ or not 0 < index < len(text) - 1:
        return False
    before, after = text[index - 1], text[index + 1]
    return (before == _VARIATION_16 or unicodedata.category(before) in ("So", "Sk")) and (
        unicodedata.category(after) == "So"
    )


def _visible(text: str, index: int) -> str:
    char = text[index]
    if not _is_hidden(char) or _joins_emoji(text, index):
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"⟨U+{code:04X}⟩"


def _elide(tokens: list[str], max_length: int) -> str:
    room = max_length - len(_ELLIPSIS)
    tail_room = room // 2
    head_room = room - tail_room
    head: list[str] = []
    for token in tokens:
        if len(token) > head_room:
            break
        head.append(token)
        head_room -= len(token)
    tail: list[str] = []
    for token in reversed(tokens):
        if len(token) > tail_room:
            break
        tail.append(token)
        tail_room -= len(token)
    while tail and unicodedata.combining(tail[-1][0]):  # an accent without its letter would sit on the ellipsis
        tail.pop()
    return "".join(head) + _ELLIPSIS + "".join(reversed(tail))


def _split_suffix(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    if not stem or not suffix or len(suffix.encode()) > _SUFFIX_BYTES:
        return name, ""
    return stem, dot + suffix


def _fit(name: str, ending: str | None = None) -> str:
    if ending is None:
        if len(name.encode()) <= _FILE_NAME_BYTES:
            return name
        name, ending = _split_suffix(name)
    room = _FILE_NAME_BYTES - len(ending.encode())
    return name.encode()[:room].decode(errors="ignore").rstrip(" .") + ending
