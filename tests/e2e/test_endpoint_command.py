"""`vidcdn-desktop endpoint`: what a store can do, asked once and remembered."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from oddstore import OddStore, odd_store
from vidcdn_desktop.__main__ import main


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[OddStore]:
    with odd_store() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAKEYKEYKEYKEYKEY1")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-of-the-store")
        yield running


def test_a_store_is_told_and_remembered(store: OddStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["endpoint", "--bucket", "films", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["endpoint"], first["bucket"]) == (store.url, "films")
    assert (first["put_if_absent"], first["crc32"], first["ranged_get"]) == ("no", "yes", "no")
    assert first["missing"][0].startswith("This store keeps no checksums: uploads are proved by")
    asked = len(store.asked)
    assert main(["endpoint", "--bucket", "films", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert len(store.asked) == asked
    assert main(["endpoint", "--bucket", "films", "--refresh", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checked_at"] > first["checked_at"]
    assert len(store.asked) > asked
    assert store.objects == {}


def test_people_read_sentences(store: OddStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["endpoint", "--bucket", "films"]) == 0
    out = capsys.readouterr().out
    assert "which calls itself oddstore" in out
    assert "  no       answers ranges with 206" in out
    assert "This store cannot refuse to overwrite: the program looks first" in out
    store.denied = {"PUT"}
    assert main(["endpoint", "--bucket", "films", "--refresh"]) == 0
    assert "may not write" in capsys.readouterr().out


def test_a_store_that_is_not_there_fails_in_words(
    store: OddStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:9")
    assert main(["endpoint", "--bucket", "films", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "Offline"
    assert store.asked == []


def test_a_certificate_file_that_is_none_is_wrong_use(
    store: OddStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/company.pem")
    assert main(["endpoint", "--bucket", "films"]) == 2
    assert "AWS_CA_BUNDLE" in capsys.readouterr().err
    assert store.asked == []
