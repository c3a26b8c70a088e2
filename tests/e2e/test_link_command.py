"""`link` as people and scripts use it: what it prints works, and says until when."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import open_connection
from vidcdn_desktop.jobs.practice import practice_connection
from vidcdn_desktop.practice.cloud import PracticeCloud
from vidcdn_desktop.storage.keys import encode_metadata
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

_LIMIT_S = 90
KEY = "links/sea.mp4"


def run(environment: dict[str, str], *argv: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "vidcdn_desktop", "link", *argv],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8",
        timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def environment(practice_cloud: PracticeCloud) -> dict[str, str]:
    connection = open_connection(*practice_connection(practice_cloud))
    headers = ObjectHeaders("video/mp4", metadata=encode_metadata({"title": "Sea"}))
    ref = ObjectRef(practice_cloud.bucket, KEY)
    connection.storage.put(ref, BytesSource(b"sea"), headers, token=CancelToken())
    connection.close()
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": practice_cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": practice_cloud.access_key_id,
        "AWS_SECRET_ACCESS_KEY": practice_cloud.secret_access_key,
        "AWS_REGION": practice_cloud.region,
    }


@pytest.fixture
def address(practice_cloud: PracticeCloud) -> str:
    return f"s3://{practice_cloud.bucket}/{KEY}"


def document(environment: dict[str, str], *argv: str) -> dict[str, Any]:
    code, out, err = run(environment, *argv, "--json")
    assert code == 0, err
    assert out.count("\n") == 1
    found: dict[str, Any] = json.loads(out)
    return found


def body(url: str) -> bytes:
    return urllib3.request("GET", url, retries=False).data


def test_a_cdn_link_has_no_end(environment: dict[str, str], address: str) -> None:
    code, out, err = run(environment, address)
    assert (code, err) == (0, "")
    assert body(out.strip()) == b"sea"
    found = document(environment, address)
    assert (found["kind"], found["until"], found["key"]) == ("cdn", None, KEY)


def test_a_presigned_link_works_and_says_until_when(environment: dict[str, str], address: str) -> None:
    code, out, err = run(environment, address, "--presigned", "--expires", "2h")
    assert code == 0
    assert body(out.strip()) == b"sea"
    assert "Works until" in err
    assert "Signature" not in err


def test_a_presigned_link_ends_with_the_sign_in(environment: dict[str, str], address: str) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=5)).replace(microsecond=0)
    role = {"AWS_SESSION_TOKEN": "token", "AWS_CREDENTIAL_EXPIRATION": ends.isoformat()}
    found = document({**environment, **role}, address, "--presigned", "--expires", "7d")
    assert datetime.fromisoformat(found["until"]) == ends
    assert found["shortened"] is True


def test_embed_code_and_markdown(environment: dict[str, str], address: str) -> None:
    found = document(environment, address, "--embed")
    assert found["title"] == "Sea"
    assert found["text"].startswith("<video ")
    code, out, _ = run(environment, address, "--markdown")
    assert code == 0
    assert out.startswith("[Sea](http")


def test_signing_wants_a_key_pair(environment: dict[str, str], address: str, tmp_path: Path) -> None:
    code, _, err = run(environment, address, "--signed")
    assert code == 2
    assert "no key pair" in err
    file = tmp_path / "key.pem"
    file.write_text("nonsense")
    code, _, err = run(environment, address, "--signed", "--key-pair-id", "K2JCJMDEHXQW5F", "--private-key", str(file))
    assert code == 2
    assert "nonsense" not in err


@pytest.mark.parametrize(
    "wrong", [["--expires", "8d", "--presigned"], ["--expires", "1d"], ["--signed", "--presigned"]]
)
def test_wrong_use_is_told(environment: dict[str, str], address: str, wrong: list[str]) -> None:
    assert run(environment, address, *wrong)[0] == 2


def test_other_buckets_and_folders_are_refused(environment: dict[str, str], address: str) -> None:
    for more in ("s3://elsewhere/a.mp4", address.rpartition("/")[0] + "/"):
        code, out, _ = run(environment, address, more)
        assert (code, out) == (2, "")
