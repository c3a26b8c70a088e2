"""Random bad weather between the real engine and real servers: nothing lost, nothing wrong published, all in words.

`VIDCDN_FAULT_RUNS` says how many runs; each is told by its seed and can be had again alone (`-k "[17-"`).
"""

from __future__ import annotations

import gc
import json
import os
import random
import threading
import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from transfer_world import MIB, Bucket, assert_told_in_words, bytes_to_arrive, fresh_bucket, make_film, remembered

import servers
from faultplans import Act, Fault, Request, SeededPlan, xml_answer
from faults import FaultProxy, Phase
from vidcdn_desktop.__main__ import main
from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.credentials.profiles import environment_profile
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.errors import ChecksumMismatch, VidcdnError
from vidcdn_desktop.jobs.connection import open_connection
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage import watch
from vidcdn_desktop.storage.keys import encode_metadata
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef, PartLog
from vidcdn_desktop.storage.upload import upload
from vidcdn_desktop.storage.weather import Patience, Weather

RUNS = int(os.environ.get("VIDCDN_FAULT_RUNS", "24"))

PATIENCE_S = 10.0
"""Any weather here is over long before."""

HEADERS = ObjectHeaders("video/mp4", "public, max-age=60", "inline", encode_metadata({"title": "Été — 日本"}))
KEY = "videos/été film.mp4"
OLD = b"the film that was there before"

SIZES = (300_000, 6 * MIB, 17 * MIB + 4321, 34 * MIB)
"""One request, one larger one, three parts and five."""


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, bytes]]:
    """A film of each size, and what must arrive of it."""
    folder = tmp_path_factory.mktemp("films")
    made = {size: make_film(folder / f"{size}.mp4", size, seed=size) for size in SIZES}
    return {size: (film, bytes_to_arrive(film)) for size, film in made.items()}


@dataclass(frozen=True)
class Run:
    """What one seed means."""

    seed: int
    size: int
    replacing: bool
    """There is an object already, and it may be replaced."""
    ending: str
    """"through", "cancel", "pause" (and go on) or "denied" (the key is refused for good from one moment on)."""
    at_request: int
    """When the ending strikes: with this many requests seen."""
    parallel: int
    chance: float
    """Of a fault, for each request."""

    @classmethod
    def of(cls, seed: int) -> Run:
        """The run of a seed."""
        dice = random.Random(f"run {seed}")
        return cls(
            seed,
            size=dice.choice(SIZES),
            replacing=dice.random() < 0.3,
            ending=dice.choices(("through", "cancel", "pause", "denied"), (55, 20, 15, 10))[0],
            at_request=dice.randint(1, 9),
            parallel=dice.choice((1, 2, 4, 8)),
            chance=dice.choice((0.1, 0.25, 0.5)),
        )

    def plan(self, server: str) -> Any:
        """The weather of this run on that server."""
        # moto believes every checksum that comes with a request. Of parts it shows in the end that they differ; but a
        # store that does so with a single request, or when the old film is gone already, would fool anybody.
        believes = server == "moto" and (self.size <= 8 * MIB or self.replacing)
        random_weather = SeededPlan(self.seed, chance=self.chance, leave_out=(Fault.FLIPPED_BODY,) if believes else ())

        def decide(request: Request) -> Act:
            if self.ending == "denied" and request.index >= self.at_request and request.method in ("PUT", "POST"):
                return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))
            return random_weather(request)

        return decide


def dated(request: Request, reply: bytes) -> bytes:
    """moto gives every unfinished upload one and the same date; a real store gives each its own."""
    return reply.replace(b"2010-11-10T20:48:33.000Z", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}".encode())


def send(run: Run, bucket: Bucket, film: Path, proxy: FaultProxy, log: PartLog) -> BaseException | None:
    """Upload as the program would; gives what it raised."""
    token = CancelToken()
    seen: list[int] = []

    def strike(phase: Phase, request: Request) -> None:
        if phase is Phase.ARRIVED:
            seen.append(request.index)
            if len(seen) == run.at_request:
                {"cancel": token.cancel, "pause": token.pause}.get(run.ending, lambda: None)()

    proxy.watch = strike
    profile = environment_profile(bucket.name)
    connection = open_connection(profile, MemorySecretStore())
    try:
        with FileSource(film) as original:
            upload(
                connection.storage, plan_fast_start(original).source, ObjectRef(bucket.name, KEY),
                HEADERS, token=token, meter=ProgressMeter(), part_log=log, only_if_absent=not run.replacing,
                parallel=run.parallel, check_source=original.check_unchanged, cleanup_wait_s=60,
                weather=Weather(Patience(PATIENCE_S, 0.02, 0.2)),
            )  # fmt: skip
    except (Exception, Cancelled) as exc:  # noqa: BLE001 - whatever it is, it is judged
        return exc
    finally:
        for cleaner in [t for t in threading.enumerate() if t.name == "upload-clean-up"]:
            cleaner.join(60)
        connection.close()
    return None


def judge(run: Run, bucket: Bucket, wanted: bytes, outcome: BaseException | None, proxy: FaultProxy) -> None:
    """Nothing lost, nothing wrong published, nothing left behind, everything in words."""
    found = bucket.object(KEY)
    if outcome is not None and not isinstance(outcome, Cancelled):
        assert isinstance(outcome, VidcdnError), "".join(traceback.format_exception(outcome))
        assert_told_in_words(outcome)
    if run.ending in ("through", "pause") and outcome is not None:
        # Nothing in this weather lasts. Only a store that tells other checksums than ours may end an upload.
        assert isinstance(outcome, ChecksumMismatch), f"it gave up: {outcome!r}"
        assert proxy.faults()[Fault.FALSE_CHECKSUM] or proxy.faults()[Fault.FLIPPED_BODY], "no checksum was false"
    if outcome is None:
        assert found is not None, "it was said to be there"
        assert found["Body"] == wanted
    elif found is not None and not (run.replacing and found["Body"] == OLD):
        # A cancel or failure that came too late to take back: then it must be the whole film.
        assert found["Body"] == wanted
        assert run.replacing, f"{outcome!r}: nothing was said to be published"
    elif run.replacing:
        assert found is not None, "the old film is lost"
    if found is not None and found["Body"] == wanted:
        assert found["ContentType"] == "video/mp4"
        assert found["CacheControl"] == "public, max-age=60"
        assert found["Metadata"]["title"] == HEADERS.metadata["title"]
    left = bucket.unfinished()
    told = isinstance(outcome, VidcdnError) and ("unfinished" in outcome.meaning or "is kept" in outcome.meaning)
    assert not left or told, f"{left} left behind after {outcome!r}"


def cases() -> list[Any]:
    """The seeds, on both servers and over both protocols."""
    found = []
    for seed in range(RUNS):
        server, secure = ("moto", "swift")[seed % 2], bool(seed // 2 % 2)
        name = f"{seed}-{server}-{'https' if secure else 'http'}"
        marks = [pytest.mark.swift] if server == "swift" else []
        found.append(pytest.param(seed, server, secure, id=name, marks=marks))
    return found


# CPython's `SSLSocket._create` leaves a socket to the collector that was reset between connecting and the handshake.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.parametrize(("seed", "server", "secure"), cases())
def test_whatever_the_weather(
    seed: int,
    server: str,
    secure: bool,
    films: dict[int, tuple[Path, bytes]],
    tls: tuple[Path, Path],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint: servers.Endpoint = request.getfixturevalue(server)
    run = Run.of(seed)
    film, wanted = films[run.size]
    certificate = tls if secure else None
    with fresh_bucket(endpoint) as bucket, FaultProxy(endpoint.url, run.plan(server), tls=certificate, mend=dated) as p:
        for name, value in bucket.environment(p.url, certificate).items():
            monkeypatch.setenv(name, value)
        if run.replacing:
            bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=OLD)
        with remembered(KEY) as log:
            outcome = send(run, bucket, film, p, log)
        if isinstance(outcome, Paused):
            with remembered(KEY) as log:  # as after a restart
                outcome = send(replace(run, ending="through"), bucket, film, p, log)
        try:
            judge(run, bucket, wanted, outcome, p)
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{run}\n{outcome!r}\n{p.story()}") from exc
    gc.collect()  # what is left to the collector goes here, not in the next test


@pytest.mark.parametrize("seed", range(1000, 1000 + max(2, RUNS // 12)))
def test_the_program_in_bad_weather(
    seed: int,
    moto: servers.Endpoint,
    films: dict[int, tuple[Path, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same through the command line: film, thumbnail, link, and one JSON object that tells the truth."""
    film, wanted = films[random.Random(seed).choice(SIZES)]
    plan = SeededPlan(seed, chance=0.2, leave_out=(Fault.FLIPPED_BODY,))
    with fresh_bucket(moto) as bucket, FaultProxy(moto.url, plan, mend=dated) as proxy:
        for name, value in bucket.environment(proxy.url, None).items():
            monkeypatch.setenv(name, value)
        code = main(["publish", str(film), "--bucket", bucket.name, "--no-verify", "--json"])
        out, err = capsys.readouterr()
        told = f"{out}\n{err}\n{proxy.story()}"
        (answer,) = [json.loads(line) for line in out.splitlines()]
        if code == 0:
            found = bucket.object(answer["key"])
            assert found is not None, told
            assert found["Body"] == wanted, told
            others = set(bucket.all_keys()) - {answer["key"]}
            assert others == ({answer["thumbnail_key"]} if answer["thumbnail_key"] else set()), told
        else:
            error = answer["error"]
            assert proxy.faults()[Fault.FALSE_CHECKSUM], told
            assert_told_in_words(VidcdnError(error["what"], error["meaning"], error["advice"]))
        assert bucket.unfinished() == [], told


def send_in_thread(run: Run, bucket: Bucket, film: Path, proxy: FaultProxy) -> tuple[threading.Thread, list[Any]]:
    outcomes: list[Any] = []

    def work() -> None:
        with remembered(KEY) as log:
            outcomes.append(send(run, bucket, film, proxy, log))

    thread = threading.Thread(target=work)
    thread.start()
    return thread, outcomes


CALM = Run(0, SIZES[3], replacing=False, ending="through", at_request=0, parallel=2, chance=0.0)


def test_the_network_goes_away_and_comes_back(
    moto: servers.Endpoint, films: dict[int, tuple[Path, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    film, wanted = films[CALM.size]
    with fresh_bucket(moto) as bucket, FaultProxy(moto.url) as proxy:
        for name, value in bucket.environment(proxy.url, None).items():
            monkeypatch.setenv(name, value)

        def plan(request: Request) -> Act:
            if request.part == 3 and request.nth == 1:
                proxy.down.set()
                threading.Timer(1.5, proxy.down.clear).start()
                return Act(Fault.REFUSED)
            return Act()

        proxy.plan = plan
        thread, outcomes = send_in_thread(CALM, bucket, film, proxy)
        thread.join(60)
        judge(CALM, bucket, wanted, outcomes[0], proxy)


def test_a_connection_that_went_silent_is_given_up(
    moto: servers.Endpoint, films: dict[int, tuple[Path, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-open: the other side neither reads nor answers, and no error ever comes. The watchdog decides."""
    monkeypatch.setattr(watch, "STALL_S", 1.0)
    monkeypatch.setattr(watch, "REPLY_S", 2.0)
    film, wanted = films[CALM.size]
    silent = {(1, 1): Fault.STALL_BODY, (3, 1): Fault.STALL_REPLY, (4, 1): Fault.STALL_BODY}
    with fresh_bucket(moto) as bucket, FaultProxy(moto.url) as proxy:
        for name, value in bucket.environment(proxy.url, None).items():
            monkeypatch.setenv(name, value)

        def plan(request: Request) -> Act:
            return Act(silent.get((request.part, request.nth), Fault.NONE), seconds=3600.0)

        proxy.plan = plan
        begun = time.monotonic()
        thread, outcomes = send_in_thread(CALM, bucket, film, proxy)
        thread.join(60)
        assert outcomes, "it hangs"
        assert time.monotonic() - begun < 30
        judge(CALM, bucket, wanted, outcomes[0], proxy)
        assert proxy.count("UploadPart") == 5 + len(silent)
