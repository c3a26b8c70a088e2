"""No secret reaches a log, whatever way it takes."""

from __future__ import annotations

import io
import logging
import logging.handlers
import stat
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from vidcdn_desktop import logs
from vidcdn_desktop.logs import BULLETS, RedactingFilter, redact, register_secret, setup_logging, shutdown_logging

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SESSION_ID = "ASIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY'EXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEA0aCXVzLWVhc3QtMSJHMEUCIQDexampleTokenThatIsLong//////////wEaDDEyMzQ1Njc4OTAxMg=="
SIGNATURE = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20261124/eu-central-1/s3/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
)
POLICY = "eyJTdGF0ZW1lbnQiOlt7IlJlc291cmNlIjoiaHR0cHM6Ly9kMTExMTExYWJjZGVmOC5jbG91ZGZyb250Lm5ldC8"
CF_SIGNATURE = "kGuYX0HWTm~tc-VJt5vbJMSrjbcMRI3Q2F0V7D1bqVrR0RbY4k6vT2Hh"
PAIR_ID = "K2JCJMDEHXQW5F"

SHAPES = {
    "presigned url": f"GET https://b.s3.amazonaws.com/f.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY_ID}%2F20261124"
    f"&X-Amz-Security-Token={urllib.parse.quote(TOKEN, safe='')}&X-Amz-Signature={SIGNATURE}",
    "presigned url, encoded again": urllib.parse.quote(
        f"https://b/f?X-Amz-Signature={SIGNATURE}&X-Amz-Security-Token={TOKEN}", safe=""
    ),
    "signed url": f"https://d1.cloudfront.net/f.mp4?Policy={POLICY}&Signature={CF_SIGNATURE}&Key-Pair-Id={PAIR_ID}",
    "signed cookies": f"Cookie: CloudFront-Policy={POLICY}; CloudFront-Signature={CF_SIGNATURE}; "
    f"CloudFront-Key-Pair-Id={PAIR_ID}",
    "set-cookie": f"Set-Cookie: CloudFront-Signature={CF_SIGNATURE}; Path=/",
    "header line": f"Authorization: {AUTHORIZATION}",
    "header dict": repr(
        {"Authorization": AUTHORIZATION.encode(), "X-Amz-Security-Token": TOKEN, "x-amz-date": "20261124T000000Z"}
    ),
    "header pairs": repr([("authorization", AUTHORIZATION), ("X-Amz-Security-Token", TOKEN.encode())]),
    "bare authorization": f"signed with {AUTHORIZATION}",
    "bearer": f"Authorization: Bearer {TOKEN}",
    "json": f'{{"AccessKeyId": "{KEY_ID}", "SecretAccessKey": "{SECRET}", "SessionToken": "{TOKEN}"}}',
    "json in json": f'{{\\"SecretAccessKey\\": \\"{SECRET}\\", \\"SessionToken\\": \\"{TOKEN}\\"}}',
    "xml": f"<Credentials><SecretAccessKey>{SECRET}</SecretAccessKey>"
    f"<SessionToken>{TOKEN}</SessionToken></Credentials>",
    "signature mismatch": f"<AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId>"
    f"<StringToSign>AWS4-HMAC-SHA256 {SIGNATURE}</StringToSign>"
    f"<SignatureProvided>{SIGNATURE}</SignatureProvided>",
    "ini": f"aws_access_key_id = {SESSION_ID}\naws_secret_access_key = {SECRET}\naws_session_token={TOKEN}",
    "environment": f"AWS_SECRET_ACCESS_KEY={SECRET} AWS_SESSION_TOKEN={TOKEN}",
    "proxy": "ProxyError('http://me:hunter2hunter2@proxy.example:3128')",
    "bare token": f"got {TOKEN}.",
    "bare secret": f"typed {SECRET}",
    "bare secret in a url": f"typed {urllib.parse.quote(SECRET, safe='')}",
    "bare secret in a repr": f"typed {[SECRET]!r}",
    "key id": f"user {KEY_ID} and {SESSION_ID}",
}  # fmt: skip
PARTS = (
    KEY_ID, SESSION_ID, SECRET, SECRET[:20], TOKEN, TOKEN[12:60], SIGNATURE, POLICY, CF_SIGNATURE, PAIR_ID, "hunter2",
    urllib.parse.quote(SECRET, safe=""), "20261124T000000Z",
)  # fmt: skip


@pytest.fixture(autouse=True)
def clean_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The root logger as it was, and no secret carried from test to test."""
    root = logging.getLogger()
    level, before = root.level, {h: list(h.filters) for h in root.handlers}
    names = [*logs._QUIET, "vidcdn_desktop"]
    levels = {name: logging.getLogger(name).level for name in names}
    monkeypatch.setattr(logs, "_secrets", {})
    register_secret(SECRET)
    yield
    shutdown_logging()
    root.setLevel(level)
    for handler, filters in before.items():
        handler.filters = filters
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


def _leaks(text: str) -> list[str]:
    return [part for part in PARTS if part in text]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_a_secret_gets_through(shape: str) -> None:
    clean = redact(SHAPES[shape])
    assert BULLETS in clean
    assert _leaks(clean) == []
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "published videos/2026/film.mp4 (3.9 GB) in 12 s",
        "x-amz-request-id: 4442587FB7D0A2F9, x-amz-cf-pop=FRA56-P4, x-amz-bucket-region: eu-central-1",
        "https://d111111abcdef8.cloudfront.net/videos/film.mp4?v=2",
        "The bucket's policy allows it; the signature was accepted.",
        "arn:aws:iam::123456789012:user/creator",
        "etag 9bb58f26192e4ba00f01e2e7b136bbd8-12",
        "12:31:05 to 12:40:00 at a@b",
    ],
)
def test_what_support_needs_stays(text: str) -> None:
    assert redact(text) == text


def test_a_key_id_keeps_its_first_four_characters() -> None:
    assert redact(f"signed by {KEY_ID}.") == f"signed by AKIA{BULLETS}."


def test_a_long_token_is_removed_to_its_end() -> None:
    token = "unlike+any/other=" * 90
    register_secret(token)
    for text in (token, urllib.parse.quote(token, safe=""), token.replace("/", "\\/"), repr(token)):
        clean = redact(f"<a>{text}</a> and {text} end")
        assert "unlike" not in clean
        assert clean.startswith("<a>")
        assert clean.endswith(" end")


def test_very_short_secrets_do_not_blank_out_the_log() -> None:
    register_secret("e")
    register_secret("")
    assert redact("the end") == "the end"


def _every_handler(folder: Path) -> list[tuple[logging.Handler, io.StringIO | Path]]:
    stream, memory = io.StringIO(), io.StringIO()
    target = logging.StreamHandler(memory)
    return [
        (logging.StreamHandler(stream), stream),
        (logging.FileHandler(folder / "plain.log", encoding="utf-8"), folder / "plain.log"),
        (logging.handlers.RotatingFileHandler(folder / "rotating.log", encoding="utf-8"), folder / "rotating.log"),
        (logging.handlers.MemoryHandler(1, target=target), memory),
    ]


def _throw(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError as exc:
        raise RuntimeError(f"while signing: {text}") from exc


def test_every_handler_is_clean_whatever_way_the_secret_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    added = _every_handler(tmp_path)
    for handler, _ in added:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        root.addHandler(handler)
    try:
        path = setup_logging(verbose=True)
        assert path is not None
        log = logging.getLogger("vidcdn_desktop.storage.s3")
        for name, text in SHAPES.items():
            log.info("as text: %s", name)
            log.info(text.replace("%", "%%"))
            log.info("as argument: %s", text)
            log.info("as repr: %r and %s", [text], {"a": text.encode()})
            log.info("as mapping: %(x)s", {"x": text})
            try:
                _throw(text)
            except RuntimeError:
                log.exception("it failed: %s", text)
            log.warning("stack", stack_info=True, extra={"other": text})
            logging.getLogger("botocore.auth").debug("must not appear %s", text)
            logging.getLogger("urllib3.connectionpool").warning("retrying %s", text)
        log.info("arguments do not fit %d", SECRET)
    finally:
        shutdown_logging()
        for handler, _ in added:
            root.removeHandler(handler)
            handler.close()
    outputs = {"our file": path.read_text("utf-8"), "stderr": capsys.readouterr().err}
    for handler, where in added:
        outputs[type(handler).__name__] = (
            where.getvalue() if isinstance(where, io.StringIO) else where.read_text("utf-8")
        )
    for name, output in outputs.items():
        assert output.count("as argument") == len(SHAPES), name
        assert "RuntimeError: while signing" in output, name
        assert "arguments do not fit" in output, name
        assert "must not appear" not in output, name
        assert _leaks(output) == [], name


def test_libraries_that_print_signed_headers_stay_quiet_even_when_verbose() -> None:
    setup_logging(verbose=True)
    for name in ("botocore", "botocore.auth", "urllib3.connectionpool", "boto3"):
        assert logging.getLogger(name).getEffectiveLevel() == logging.WARNING
    assert logging.getLogger("vidcdn_desktop.jobs").getEffectiveLevel() == logging.DEBUG


def test_calling_it_twice_logs_once() -> None:
    setup_logging()
    path = setup_logging()
    assert path is not None
    logging.getLogger("vidcdn_desktop").info("only once")
    shutdown_logging()
    assert path.read_text("utf-8").count("only once") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps files private by folder")
def test_the_log_is_for_the_user_alone() -> None:
    path = setup_logging()
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_place_for_the_log_the_program_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    monkeypatch.setenv("VIDCDN_HOME", str(tmp_path / "file"))
    assert setup_logging() is None
    logging.getLogger("vidcdn_desktop").error("still told")
    assert "still told" in capsys.readouterr().err


def test_the_filter_lets_every_record_pass_and_other_filters_see_it_clean() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "key %s", (KEY_ID,), None)
    assert RedactingFilter().filter(record)
    assert record.getMessage() == f"key AKIA{BULLETS}"
