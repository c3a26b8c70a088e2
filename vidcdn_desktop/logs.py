"""The log: a rotating file for the user alone, from which everything secret is removed before it is written.

Nothing else in the program formats log records, so the filter here is the one gate. `redact` is also used for crash
reports and for details that can be copied.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import sys
import threading
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from vidcdn_desktop import paths

BULLETS = "•••"
_FILE_BYTES = 2_000_000
_FILES_KEPT = 3
_QUIET = ("botocore", "boto3", "urllib3", "s3transfer", "awscrt", "moto", "werkzeug", "keyring", "asyncio", "PIL")
"""Libraries whose DEBUG lines print signed headers, or are noise."""

_SHORTEST_SECRET = 4
"""Shorter ones would blank out half of every line; no service gives such out."""

_LONGEST_PATTERN = 64
"""Characters of a secret that are looked for; a session token of a thousand goes on to its end (`_REST`)."""

_REST = r"[^\s\"'<>]*"

_secrets_lock = threading.Lock()
_secrets: dict[str, re.Pattern[str]] = {}
_XML_NAMES = {"&": "amp", "<": "lt", ">": "gt", "'": "apos", '"': "quot"}

_HARMLESS = r"(?!(?:request-id|id-2|cf-id|cf-pop|bucket-region|version-id)\b|checksum-)"
"""x-amz-… answers that support asks for and that open nothing."""

_NAMES = (
    rf"x-amz-{_HARMLESS}[a-z0-9-]+"
    r"|(?:cloudfront-)?(?:signature|key-pair-id|policy)"
    r"|(?:aws[_-]?)?secret[_-]?(?:access[_-]?)?key"
    r"|(?:aws[_-]?)?(?:session|security)[_-]?token"
    r"|password|passphrase|set-cookie"
)
_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
_SEPARATOR = r"\\*[\"']?(?:\s*+(?:=|:|%+(?:25)*3D)\s*+|,\s*+(?=b?\\*[\"']))(?!•)"
_QUOTED = r"b?\\+\"[^\r\n]*?\\+\"|b?\\+'[^\r\n]*?\\+'|b?\"(?:[^\"\\]|\\.)*\"?|b?'(?:[^'\\]|\\.)*'?"
_BARE = r"(?:(?!%+(?:25)*26)[^\s&\"'<>,;)\]}])+"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Header values with commas and spaces inside: to the end of the line or the closing quote.
    (
        re.compile(
            rf"{_START}((?:proxy-)?authorization|cookie)({_SEPARATOR})(?:{_QUOTED}|[^\r\n\"'\\]+)", re.IGNORECASE
        ),
        rf"\1\2{BULLETS}",
    ),
    (re.compile(r"(AWS4-[A-Z0-9-]+)\s+Credential=[^\r\n\"'\\]*"), rf"\1 {BULLETS}"),
    (re.compile(r"\b(Bearer)\s+[A-Za-z0-9._~+/=-]{16,}", re.IGNORECASE), rf"\1 {BULLETS}"),
    (re.compile(rf"{_START}({_NAMES})({_SEPARATOR})(?:{_QUOTED}|{_BARE})", re.IGNORECASE), rf"\1\2{BULLETS}"),
    (
        re.compile(r"<(SecretAccessKey|SessionToken|Signature|SignatureProvided|StringToSign|CanonicalRequest)>[^<]*"),
        rf"<\1>{BULLETS}",
    ),
    (re.compile(r"(AKIA|ASIA)[A-Z0-9]{8,}"), rf"\1{BULLETS}"),
    # The first bytes of every session token STS gives out, so that one without a name is found too.
    (re.compile(r"(?:IQoJb3|FwoGZX|FQoGZX|AQoDYX|AQoEXA)[A-Za-z0-9+/=%]{20,}"), BULLETS),
    (re.compile(r"(://)[^/\s:@\"']*:[^/\s@\"']+@"), rf"\1{BULLETS}@"),
)


def register_secret(secret: str) -> None:
    """Take a secret into the list of texts that never reach a log. Any thread; twice is harmless.

    The forms it takes inside URLs, XML and escaped strings are covered too.
    """
    if len(secret) < _SHORTEST_SECRET:
        return
    pattern = re.compile(
        "".join(map(_any_form, secret[:_LONGEST_PATTERN])) + (_REST if len(secret) > _LONGEST_PATTERN else "")
    )
    with _secrets_lock:
        _secrets[secret] = pattern


def redact(text: str) -> str:
    """`text` without secrets: key ids after 4 characters, registered secrets, tokens, signatures, credentials.

    For logs, crash reports and details that can be copied. Over-cautious where it cannot tell.
    """
    with _secrets_lock:
        known = [_secrets[secret] for secret in sorted(_secrets, key=len, reverse=True)]
    for pattern in known:
        text = pattern.sub(BULLETS, text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def _any_form(char: str) -> str:
    """A pattern for a character of a secret: plain, or escaped for a URL, a string literal, JSON or XML."""
    if char.isascii() and char.isalnum():
        return char
    encoded = "".join(f"%(?:25)*{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
    forms = [re.escape(char), f"(?i:{encoded})", f"&#0*{ord(char)};", f"(?i:&#x0*{ord(char):x};)"]
    if char in _XML_NAMES:
        forms.append(f"&{_XML_NAMES[char]};")
    if not char.isascii():
        forms.append(re.escape(ascii(char)[1:-1]))
    if char == " ":
        forms.append(r"\+")
    return rf"\\*(?:{'|'.join(forms)})"


class RedactingFilter(logging.Filter):
    """Takes secrets out of a record: its text with arguments, its exception, its stack.

    Put on handlers, not on loggers: a logger's filter does not see what its children log.
    """

    _plain = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; always lets it pass."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, LookupError, AttributeError, RuntimeError):
            # A wrong log call must neither hide its secret nor break the program.
            message = f"{record.msg!r} (arguments do not fit)"
        record.msg = redact(message)
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._plain.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


class _PrivateFileHandler(logging.handlers.RotatingFileHandler):
    """A rotating file only the user may read."""

    def _open(self) -> TextIOWrapper:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        stream: Any = open(  # noqa: SIM115 - the handler closes it
            self.baseFilename, self.mode, encoding="utf-8", errors="backslashreplace", opener=private
        )
        file: TextIOWrapper = stream
        return file


def setup_logging(verbose: bool = False) -> Path | None:
    """Send the log to a file (and with `verbose` also to stderr); gives the file, None if none can be written.

    Calling it again replaces what the first call set up. Libraries that would print signed headers stay at WARNING
    whatever `verbose` says.
    """
    root = logging.getLogger()
    shutdown_logging()
    handlers: list[logging.Handler] = []
    path: Path | None = None
    try:
        path = paths.log_dir() / "vidcdn-desktop.log"
        handlers.append(_PrivateFileHandler(path, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, delay=False))
    except OSError:
        path = None  # A program that cannot keep a log still publishes videos.
    if verbose or path is None:
        stream = logging.StreamHandler(sys.stderr)
        stream.setLevel(logging.DEBUG if verbose else logging.ERROR)
        handlers.append(stream)
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s")
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.set_name(f"vidcdn-desktop {type(handler).__name__}")
        root.addHandler(handler)
    for handler in root.handlers:  # also those somebody else put there
        if not any(isinstance(f, RedactingFilter) for f in handler.filters):
            handler.addFilter(RedactingFilter())
    root.setLevel(logging.INFO)
    logging.getLogger("vidcdn_desktop").setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    return path


def shutdown_logging() -> None:
    """Close what `setup_logging` opened; without one it does nothing."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if (handler.get_name() or "").startswith("vidcdn-desktop "):
            root.removeHandler(handler)
            handler.close()
