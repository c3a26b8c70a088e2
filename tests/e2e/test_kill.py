"""The real program is killed at random instants and goes on: every film arrives once, whole, and hardly twice.

`VIDCDN_KILL_RUNS` says at how many instants; each is told by its number and can be had again alone.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from transfer_world import MIB, Bucket, bytes_to_arrive, fresh_bucket, make_film

import servers
from faultplans import Act, Request
from faults import FaultProxy, Phase

RUNS = int(os.environ.get("VIDCDN_KILL_RUNS", "8"))

PARALLEL = 2
PART = 8 * MIB
SIZE = 4 * PART + 1_234_567
RATE = 24 * MIB
"""Bytes a second on each connection, so that an upload takes its time."""

_LIMIT_S = 90
_PROBE = ".vidcdn-probe"

INSTANTS: tuple[tuple[str, Phase], ...] = (
    ("CreateMultipartUpload", Phase.ARRIVED),
    ("CreateMultipartUpload", Phase.DONE),
    ("CreateMultipartUpload", Phase.ANSWERED),
    ("UploadPart", Phase.ARRIVED),
    ("UploadPart", Phase.HALF),
    ("UploadPart", Phase.DONE),
    ("UploadPart", Phase.ANSWERED),
    ("CompleteMultipartUpload", Phase.ARRIVED),
    ("CompleteMultipartUpload", Phase.DONE),
    ("CompleteMultipartUpload", Phase.ANSWERED),
    ("PutObject", Phase.ARRIVED),
    ("PutObject", Phase.DONE),
    ("PutObject", Phase.ANSWERED),
)


@dataclass(frozen=True)
class Instant:
    """When to kill: the n-th time an operation reaches a phase, and a moment after; or a time after the first request.

    With a time of 0 and no operation, the very first request.
    """

    operation: str
    phase: Phase
    nth: int
    after_s: float

    @classmethod
    def of(cls, number: int, again: int = 0) -> Instant:
        """The instant of a number: the places in turn, the rest by dice."""
        dice = random.Random(f"kill {number} {again}")
        if dice.random() < 0.2:
            return cls("", Phase.ARRIVED, 1, dice.uniform(0.0, 1.2))
        operation, phase = INSTANTS[number % len(INSTANTS)] if not again else dice.choice(INSTANTS)
        nth = dice.randint(1, SIZE // PART + 1) if operation == "UploadPart" else 1
        return cls(operation, phase, nth, dice.choice((0.0, 0.0, 0.001, 0.01)) if phase is Phase.ANSWERED else 0.0)


class Program:
    """`vidcdn-desktop` with arguments, as a process of its own."""

    def __init__(self, environment: dict[str, str], *argv: str) -> None:
        self.killed = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vidcdn_desktop", *argv],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self.killed = True

    def end(self) -> tuple[int, list[dict[str, Any]], str]:
        """Wait for it: code, objects on stdout, stderr."""
        try:
            out, err = self._process.communicate(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, err = self._process.communicate()
            raise AssertionError(f"it did not end within {_LIMIT_S} s\n{out}\n{err}") from None
        whole = [line for line in out.splitlines() if line.startswith("{") and line.endswith("}")]
        return self._process.returncode, [json.loads(line) for line in whole], err


def killer(instant: Instant, program: Callable[[], Program]) -> Callable[[Phase, Request], None]:
    """A watcher for the proxy that kills the program at that instant."""
    lock = threading.Lock()
    seen: list[int] = []
    fired = threading.Event()

    def watch(phase: Phase, request: Request) -> None:
        if phase is not instant.phase or instant.operation not in ("", request.operation) or fired.is_set():
            return
        if instant.operation and _PROBE in request.target:
            return  # the first publish to a store finds out what it can, by the same operations
        with lock:
            seen.append(request.index)
            due = len(seen) == instant.nth
        if not due:
            return
        fired.set()
        if not instant.operation:
            timer = threading.Timer(instant.after_s, lambda: program().kill())
            timer.daemon = True
            timer.start()
            return
        threading.Event().wait(instant.after_s)
        program().kill()

    return watch


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of five parts."""
    return make_film(tmp_path_factory.mktemp("kill") / "Killed film.mp4", SIZE)


@pytest.fixture
def home(private_home: Path) -> Path:
    """Settings with few parts at a time."""
    folder = private_home / "vidcdn" / "config"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"version": 1, "parallel_parts": PARALLEL}))
    return private_home


def slowly(request: Request) -> Act:
    return Act(rate_bytes_per_s=RATE)


def environment_of(bucket: Bucket, proxy: FaultProxy, tls: tuple[Path, Path] | None) -> dict[str, str]:
    return {**os.environ, **bucket.environment(proxy.url, tls), "CI": "1"}


def publish(environment: dict[str, str], bucket: Bucket, film: Path, *options: str) -> Program:
    return Program(environment, "publish", str(film), "--bucket", bucket.name, "--no-verify", "--json", *options)


def uploads(environment: dict[str, str], bucket: Bucket) -> list[dict[str, Any]]:
    """What `uploads` lists as unfinished."""
    code, objects, err = Program(environment, "uploads", "--bucket", bucket.name, "--json").end()
    assert code == 0, err
    return objects


def judge(bucket: Bucket, film: Path, result: dict[str, Any], proxy: FaultProxy, kills: int) -> None:
    """Once, whole, nothing left, little sent twice."""
    found = bucket.object(result["key"])
    assert found is not None
    assert found["Body"] == bytes_to_arrive(film)
    assert found["ContentType"] == "video/mp4"
    thumbnails = [result["thumbnail_key"]] if result.get("thumbnail_key") else []
    assert sorted(bucket.all_keys()) == sorted([result["key"], *thumbnails])
    assert bucket.unfinished() == []
    sent = sum(
        e.up_bytes for e in proxy.exchanges if e.request.operation == "UploadPart" and _PROBE not in e.request.target
    )
    assert sent <= SIZE + kills * PARALLEL * PART, "too much was sent again"
    assert bucket.object(thumbnails[0]) is not None if thumbnails else True


def cases() -> list[Any]:
    """The instants, on both servers and over both protocols."""
    found = []
    for number in range(RUNS):
        server, secure = ("moto", "swift")[number % 2], bool(number // 2 % 2)
        instant = Instant.of(number)
        place = f"{instant.operation or 'any'}-{instant.phase.name}-{instant.nth}"
        name = f"{number}-{place}-{server}-{'https' if secure else 'http'}"
        marks = [pytest.mark.swift] if server == "swift" else []
        found.append(pytest.param(number, server, secure, id=name, marks=marks))
    return found


@pytest.mark.parametrize(("number", "server", "secure"), cases())
def test_killed_and_gone_on(
    number: int,
    server: str,
    secure: bool,
    film: Path,
    home: Path,
    tls: tuple[Path, Path],
    request: pytest.FixtureRequest,
) -> None:
    endpoint: servers.Endpoint = request.getfixturevalue(server)
    certificate = tls if secure else None
    with fresh_bucket(endpoint) as bucket, FaultProxy(endpoint.url, slowly, tls=certificate) as proxy:
        environment = environment_of(bucket, proxy, certificate)
        kills, again = 0, 0
        history: list[str] = []
        while True:
            running: list[Program] = []
            started = threading.Event()

            def current(running: list[Program] = running, started: threading.Event = started) -> Program:
                started.wait(_LIMIT_S)
                return running[0]

            # Every third one is killed a second time, while it goes on.
            if again == 0 or (again == 1 and number % 3 == 2):
                proxy.watch = killer(Instant.of(number, again), current)
            else:
                proxy.watch = lambda _phase, _request: None
            running.append(publish(environment, bucket, film, *(["--resume"] if again else [])))
            started.set()
            code, objects, err = running[0].end()
            proxy.watch = lambda _phase, _request: None
            history.append(f"{Instant.of(number, again)}: code {code}, {objects}, {err}")
            again += 1
            if running[0].killed:
                kills += 1
                continue
            try:
                assert code == 0, "it did not go on"
                judge(bucket, film, objects[-1], proxy, kills)
                assert uploads(environment, bucket) == []
            except AssertionError as exc:
                raise AssertionError("\n".join([str(exc), *history, proxy.story()])) from exc
            return


def test_what_was_under_way_is_listed_and_nobody_else_takes_it(moto: servers.Endpoint, film: Path, home: Path) -> None:
    """A live upload is refused to a second copy of the program; a killed one is listed and can be had."""
    hold = threading.Event()
    holding = threading.Event()

    def watch(phase: Phase, request: Request) -> None:
        if request.part >= 4 and phase is Phase.ARRIVED:
            holding.set()
            hold.wait(_LIMIT_S)

    with fresh_bucket(moto) as bucket, FaultProxy(moto.url, slowly, watch=watch) as proxy:
        environment = environment_of(bucket, proxy, None)
        first = publish(environment, bucket, film)
        try:
            assert holding.wait(_LIMIT_S)
            code, objects, err = publish(environment, bucket, film, "--resume").end()
            assert code == 1, (objects, err)
            assert objects[-1]["error"]["kind"] == "UploadBusy" if "error" in objects[-1] else "UploadBusy" in err
            assert bucket.unfinished() != []  # nobody aborted it
        finally:
            first.kill()
            hold.set()
            first.end()
        (listed,) = uploads(environment, bucket)
        assert listed["bucket"] == bucket.name
        assert listed["key"] in bucket.unfinished()
        assert listed["upload_id"]
        assert listed["job"]
        assert 0 <= listed["done_bytes"] <= 3 * PART
        proxy.watch = lambda _phase, _request: None
        code, objects, err = publish(environment, bucket, film, "--resume").end()
        assert code == 0, (objects, err)
        judge(bucket, film, objects[-1], proxy, 1)
        assert uploads(environment, bucket) == []


def test_a_publish_without_resume_leaves_the_earlier_upload_alone_or_ends_it(
    moto: servers.Endpoint, film: Path, home: Path
) -> None:
    """Whoever starts again instead of going on pays for no forgotten parts: they are listed until they are gone."""
    with fresh_bucket(moto) as bucket, FaultProxy(moto.url, slowly) as proxy:
        environment = environment_of(bucket, proxy, None)
        running: list[Program] = []
        started = threading.Event()

        def current() -> Program:
            started.wait(_LIMIT_S)
            return running[0]

        proxy.watch = killer(Instant("UploadPart", Phase.ANSWERED, 2, 0.0), current)
        running.append(publish(environment, bucket, film))
        started.set()
        running[0].end()
        proxy.watch = lambda _phase, _request: None
        assert running[0].killed
        code, objects, err = publish(environment, bucket, film).end()
        assert code == 0, (objects, err)
        found = bucket.object(objects[-1]["key"])
        assert found is not None
        assert found["Body"] == bytes_to_arrive(film)
        listed = {row["upload_id"] for row in uploads(environment, bucket)}
        left = bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", ())
        assert {row["UploadId"] for row in left} <= listed
