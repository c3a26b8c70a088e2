"""Listing 100,000 objects: this program, boto3's paginator and s5cmd on one endpoint in one run, as ratios.

    python tests/benchmarks/bench_listing.py                 # no delay, then 60 ms before each answer
    python tests/benchmarks/bench_listing.py --delay-ms 60 --shape uneven --rounds 5

The endpoint is `tests/listserver.py` in a process of its own: its pages are rendered beforehand, so that the listers
are what is measured. Ours is counted as an application has it: interpreter and imports are there already; programs
count whole. Beside ours a thread of Python wakes up every 5 ms and says how late it was, as a window would be.

The bars: at least 2 x s5cmd without delay; at most 1/6 of s5cmd's time with 60 ms; the first rows after one round trip;
the ticks at most 16 ms late at the 99th percentile.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import engines
import measuring
from engines import Target

import listserver

_BUCKET = "bkt"
_TICK_S = 0.005
_SHAPES = ("flat", "folders", "hashes", "uneven")


class Ticks:
    """A thread that wakes up every 5 ms, and how late it was."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        until = time.perf_counter()
        while not self._end.is_set():
            until = max(until, time.perf_counter() - _TICK_S) + _TICK_S
            time.sleep(max(0.0, until - time.perf_counter()))
            self.late_ms.append((time.perf_counter() - until) * 1000)

    def __enter__(self) -> Ticks:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self._thread.join()

    def percentile(self, share: float) -> float:
        """Milliseconds late."""
        return sorted(self.late_ms)[min(len(self.late_ms) - 1, int(len(self.late_ms) * share))]


def ours(url: str, parallel: int) -> dict[str, float]:
    """One listing by this program."""
    from vidcdn_desktop.cancel import CancelToken

    storage = engines.storage_for(Target(url, ""), 16)
    gc.collect()
    gc.freeze()  # this and the next two as `app` does after its start
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.0005)
    first = 0.0
    count = size = pages = 0
    with Ticks() as ticks:
        begun, cpu = time.perf_counter(), measuring.own_cpu_s()
        for page in storage.list_pages(_BUCKET, token=CancelToken(), parallel=parallel):
            first = first or time.perf_counter() - begun
            count += len(page)
            size += sum(page.sizes)
            pages += 1
        wall, cpu = time.perf_counter() - begun, measuring.own_cpu_s() - cpu
    told = {"wall": wall, "cpu": cpu, "peak": measuring.peak_mib(), "count": count, "first": first, "pages": pages}
    return {**told, "p50": ticks.percentile(0.5), "p99": ticks.percentile(0.99), "max": max(ticks.late_ms)}


def boto3_paginator(url: str) -> dict[str, float]:
    """One listing by the SDK's paginator."""
    client = engines.storage_for(Target(url, ""), 16)._client
    begun, cpu = time.perf_counter(), measuring.own_cpu_s()
    count, first = 0, 0.0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET):
        first = first or time.perf_counter() - begun
        count += len(page["Contents"])
    wall, cpu = time.perf_counter() - begun, measuring.own_cpu_s() - cpu
    return {"wall": wall, "cpu": cpu, "peak": measuring.peak_mib(), "count": count, "first": first}


def in_python(name: str, url: str) -> dict[str, float]:
    """One of the engines above in a process of its own."""
    import subprocess

    command = [sys.executable, __file__, "--engine", name, url]
    done = subprocess.run(command, env=Target(url, "").environment(), check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def s5cmd(url: str) -> dict[str, float]:
    """One listing by s5cmd."""
    command = [engines.program("s5cmd"), "--endpoint-url", url, "ls", f"s3://{_BUCKET}/*"]
    wall, cpu, peak = measuring.run_program(command, Target(url, "").environment())
    return {"wall": wall, "cpu": cpu, "peak": peak}


ENGINES: dict[str, Callable[[str], dict[str, float]]] = {
    "ours": lambda url: ours(url, 16),
    "serial": lambda url: ours(url, 1),
    "boto3": boto3_paginator,
}
TOOLS: dict[str, Callable[[str], dict[str, float]]] = {
    "this program": lambda url: in_python("ours", url),
    "this program, one connection": lambda url: in_python("serial", url),
    "boto3 paginator": lambda url: in_python("boto3", url),
    "s5cmd ls": s5cmd,
}


def compare(objects: int, shape: str, delay_ms: int, rounds: int, patience_s: float) -> None:
    """All tools in turn, round after round; one table."""
    results: dict[str, list[dict[str, float]]] = {name: [] for name in TOOLS}
    with listserver.in_process(objects, shape, delay_ms) as url:
        for _ in range(rounds):
            for name, run in TOOLS.items():
                measuring.wait_for_quiet(patience_s=patience_s)
                told = run(url)
                assert told.get("count", objects) == objects, (name, told)
                results[name].append(told)
    print(f"\n{objects:,} objects, {shape}, answers after {delay_ms} ms, {rounds} rounds")
    print(
        f"  {'tool':30}{'wall s':>8}{'objects/s':>11}{'ours/it':>9}{'CPU s':>7}{'peak MiB':>10}{'first s':>9}"
        f"{'pages':>7}{'tick p50':>10}{'p99':>6}{'max ms':>8}"
    )
    middle = {name: _middle(told) for name, told in results.items()}
    own = middle["this program"]["wall"]
    for name, told in middle.items():
        more = {key: f"{told[key]:.{digits}f}" if key in told else "" for key, digits in _COLUMNS.items()}
        print(
            f"  {name:30}{told['wall']:8.2f}{objects / told['wall']:11,.0f}{told['wall'] / own:9.2f}{told['cpu']:7.2f}"
            f"{told['peak']:10.0f}{more['first']:>9}{more['pages']:>7}{more['p50']:>10}{more['p99']:>6}{more['max']:>8}",
            flush=True,
        )


_COLUMNS = {"first": 3, "pages": 0, "p50": 1, "p99": 1, "max": 1}


def _middle(told: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(each[key] for each in told) for key in told[0]}


def main() -> None:
    """Parse the arguments, start the endpoint, run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--shape", choices=_SHAPES, action="append", default=[])
    parser.add_argument("--delay-ms", type=int, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait for a quiet computer, each run")
    parser.add_argument("--engine", nargs=2, metavar=("NAME", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine:
        name, url = arguments.engine
        result: dict[str, Any] = ENGINES[name](url)
        print(json.dumps(result))
        return
    engines.install_peers()
    for delay_ms in arguments.delay_ms or (0, 60):
        for shape in arguments.shape or ("folders", "flat"):
            compare(arguments.objects, shape, delay_ms, arguments.rounds, arguments.patience)


if __name__ == "__main__":
    main()
