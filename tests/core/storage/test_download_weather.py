"""Random bad weather between a download and real servers, over http and https, and kills without warning.

`VIDCDN_FAULT_RUNS` sets the number of random runs on each server and each protocol.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from upload_helpers import HEADERS, CountingMeter

import servers
from faultplans import Fault, Request, SeededPlan
from faults import FaultProxy, Phase
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.storage.download import DownloadResult, download
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.upload import upload
from vidcdn_desktop.storage.weather import Patience, Weather

MIB = 1 << 20
RANGE = 8 * MIB
RUNS = max(1, int(os.environ.get("VIDCDN_FAULT_RUNS", "12")) // 4)
"""On each of two servers, over each of two protocols."""
_MOST_TRIES = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "films"
    place.mkdir()
    return place


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(2 * RANGE + 54_321)


@pytest.fixture
def film(storage: S3Storage, ref: ObjectRef, data: bytes) -> ObjectRef:
    upload(storage, BytesSource(data), ref, HEADERS, token=CancelToken(), only_if_absent=True)
    return ref


# CPython's `SSLSocket._create` leaves a socket to the collector that was reset between connecting and the handshake.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.parametrize("seed", range(RUNS))
@pytest.mark.parametrize("protocol", ["http", "https"])
def test_random_weather(
    endpoint: servers.Endpoint,
    film: ObjectRef,
    data: bytes,
    folder: Path,
    tls: tuple[Path, Path],
    protocol: str,
    seed: int,
) -> None:
    """It arrives whole; until then every failure is told in words, and nothing has the final name."""
    plan = SeededPlan(
        seed, chance=0.5, most=8, stall_s=0.8, leave_out=(Fault.FALSE_CHECKSUM, Fault.ERROR_IN_200)
    )  # fmt: skip
    secure = protocol == "https"
    with FaultProxy(endpoint.url, plan, tls=tls if secure else None) as proxy:
        client = endpoint.client(url=proxy.url, attempts=1, verify=str(tls[0]) if secure else None)
        result: DownloadResult | None = None
        told: list[VidcdnError] = []
        seen_meanwhile: list[str] = []
        for _ in range(_MOST_TRIES):
            meter = CountingMeter()
            weather = Weather(Patience(limit_s=1.0, first_s=0.01, longest_s=0.05))
            try:
                result = download(
                    S3Storage(client), film, folder, token=CancelToken(), meter=meter, weather=weather, stall_s=0.4
                )
                break
            except VidcdnError as exc:
                told.append(exc)
                seen_meanwhile += [path.name for path in folder.iterdir()]
        client.close()
        assert all(error.what and error.meaning and error.advice for error in told)
        assert all(name.startswith(".") for name in seen_meanwhile)
        assert result is not None, proxy.story()
        assert result.path.read_bytes() == data, proxy.story()
        assert sum(meter.deltas) == len(data)
        assert meter.highest <= len(data)
        assert [path.name for path in folder.iterdir()] == [result.path.name]
    gc.collect()  # what is left to the collector goes here, not in the next test


_CHILD = """
import sys
from pathlib import Path
import servers
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.download import download
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
url, key_id, secret, bucket, key, folder = sys.argv[1:]
storage = S3Storage(servers.Endpoint(url, key_id, secret).client())
download(storage, ObjectRef(bucket, key), Path(folder), token=CancelToken(), parallel=2)
"""


@pytest.mark.parametrize("answered", [1, 2])
def test_killed_after_so_many_ranges(
    endpoint: servers.Endpoint, film: ObjectRef, data: bytes, folder: Path, answered: int
) -> None:
    """The process is killed while the proxy holds back what follows the given number of answers."""
    held = threading.Event()
    go = threading.Event()
    lock = threading.Lock()
    given: list[int] = []

    def watch(phase: Phase, request: Request) -> None:
        if request.operation != "GetObject" or phase is not Phase.DONE:
            return
        with lock:
            given.append(request.index)
            hold = len(given) > answered
        if hold:
            held.set()
            go.wait(20)

    with FaultProxy(endpoint.url, watch=watch) as proxy:
        roots = [str(Path(__file__).resolve().parents[level]) for level in (2, 3)]
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, proxy.url, endpoint.access_key_id, endpoint.secret_access_key,
             film.bucket, film.key, str(folder)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
        )  # fmt: skip
        try:
            assert held.wait(20)
        finally:
            child.kill()
            child.wait(10)
            go.set()
        sent = sum(e.down_bytes for e in proxy.exchanges if e.request.operation == "GetObject")
    assert sorted(path.name for path in folder.iterdir())[0].endswith(".part")
    client = endpoint.client()
    result = download(S3Storage(client), film, folder, token=CancelToken())
    client.close()
    assert result.path.read_bytes() == data
    assert [path.name for path in folder.iterdir()] == [result.path.name]
    assert result.bytes_received + result.resumed_bytes == len(data)
    again = sent + result.bytes_received - len(data)
    assert again <= 2 * (RANGE + MIB)  # requests at the same time × range size, and the heads of the answers
