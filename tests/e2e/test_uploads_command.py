"""`uploads`: what was interrupted is listed, goes on, or is removed; the real program, asked to end while it sends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from transfer_world import MIB, Bucket, fresh_bucket, make_film

import servers

SIZE = 4 * 8 * MIB + 4321


class Program:
    """The program with a bucket, a journal and a film of its own."""

    def __init__(self, bucket: Bucket, url: str, home: Path) -> None:
        self.environment = bucket.environment(url, None) | {"VIDCDN_HOME": str(home)}
        self.bucket = bucket

    def start(self, *argv: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "vidcdn_desktop", *argv],
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *argv: str) -> tuple[int, list[dict[str, Any]], str]:
        process = self.start(*argv)
        out, err = process.communicate(timeout=90)
        return process.returncode, [json.loads(line) for line in out.splitlines() if line.startswith("{")], err

    def parts(self) -> int:
        """Parts of films the bucket has."""
        where = {"Bucket": self.bucket.name}
        open_uploads = self.bucket.client.list_multipart_uploads(**where).get("Uploads", ())
        films = [u for u in open_uploads if u["Key"].endswith(".mp4")]
        listed = [self.bucket.client.list_parts(**where, Key=u["Key"], UploadId=u["UploadId"]) for u in films]
        return sum(len(reply.get("Parts", ())) for reply in listed)

    def interrupted(self, film: Path, proxy: servers.FaultyProxy) -> tuple[int, list[dict[str, Any]], str]:
        """A publish that is asked to end (SIGTERM) once the bucket has a part of it; the others are held up."""
        hold = threading.Event()

        def decide(_method: str, target: str) -> servers.Verdict:
            number = int(target.partition("partNumber=")[2].partition("&")[0] or 0)
            held = number > 1 and ".vidcdn-probe-" not in target
            return servers.Verdict(stall=hold) if held else servers.Verdict()

        proxy.decide = decide
        process = self.start("publish", str(film), "--bucket", self.bucket.name, "--json")
        try:
            while not self.parts():
                assert process.poll() is None
                hold.wait(0.05)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        finally:
            hold.set()
            process.kill()
        proxy.decide = lambda _method, _target: servers.Verdict()
        return process.returncode, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture
def proxy(moto: servers.Endpoint) -> Any:
    with servers.FaultyProxy(moto.url) as running:
        yield running


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "Abend am See.mp4", SIZE)


def test_a_publish_asked_to_end_keeps_what_it_sent_and_goes_on(
    moto: servers.Endpoint, proxy: servers.FaultyProxy, film: Path, tmp_path: Path
) -> None:
    with fresh_bucket(moto) as bucket:
        program = Program(bucket, proxy.url, tmp_path / "home")
        code, objects, err = program.interrupted(film, proxy)
        assert code == 130, err
        assert objects[-1]["error"]["kind"] == "Paused"
        assert "uploads resume" in err
        assert len(bucket.unfinished()) == 1
        code, [row], err = program.run("uploads", "--json")
        assert code == 0, err
        assert row["source"] == str(film)
        assert row["upload_id"]
        assert bucket.unfinished() == [row["key"]]
        assert row["size"] == film.stat().st_size
        assert row["done_bytes"] < row["size"]  # the journal may be a moment behind the bucket
        code, [result], err = program.run("uploads", "resume", row["job"][:8], "--json")
        assert code == 0, err
        assert result["resumed_bytes"] >= 8 * MIB
        assert result["bytes_sent"] + result["resumed_bytes"] == result["size"]
        assert result["proved_by"]
        assert bucket.unfinished() == []
        assert [key for key in bucket.all_keys() if key.endswith(".mp4")] == [result["key"]]
        code, objects, err = program.run("uploads", "--json")
        assert (code, objects) == (0, [])


def test_an_interrupted_publish_can_be_removed(
    moto: servers.Endpoint, proxy: servers.FaultyProxy, film: Path, tmp_path: Path
) -> None:
    with fresh_bucket(moto) as bucket:
        program = Program(bucket, proxy.url, tmp_path / "home")
        program.interrupted(film, proxy)
        code, [row], err = program.run("uploads", "abort", "--json")
        assert code == 0, err
        assert row["state"] == "aborted"
        assert bucket.unfinished() == []
        assert bucket.all_keys() == []
        assert program.run("uploads", "--json")[:2] == (0, [])


def test_a_job_that_is_not_there_is_told(moto: servers.Endpoint, tmp_path: Path) -> None:
    with fresh_bucket(moto) as bucket:
        program = Program(bucket, moto.url, tmp_path / "home")
        code, objects, err = program.run("uploads", "resume", "nothing", "--json")
        assert code == 2
        assert objects[0]["error"]["kind"] == "SettingsInvalid"
        assert "nothing" in err
        code, objects, err = program.run("uploads")
        assert code == 0
        assert "Nothing was interrupted" in err
