"""What a run costs: wall time, CPU, memory, and how much of the computer others had meanwhile. Linux.

The tools take turns, round after round; a table shows medians and says how quiet it was. Only ratios of one run mean
anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_LOOK_S = 0.02


@dataclass(frozen=True)
class Cost:
    """One run of one tool."""

    wall_s: float
    cpu_s: float
    """Of the tool and its children."""
    peak_mib: float
    """The most memory it held; of a Python engine, its whole process."""
    others: float
    """CPU that neither the tool nor the server used, as a share of the whole computer."""
    sink_cpu_s: float = 0.0
    most_open: int = 0
    """Connections the server saw at one time."""


def peak_mib(pid: int | str = "self") -> float:
    """The most memory a process has had. `ru_maxrss` would count that of the parent before exec, too."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def now_mib(pid: int | str = "self") -> float:
    """The memory a process has now."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def own_cpu_s() -> float:
    """CPU of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def busy_s() -> float:
    """CPU seconds the whole computer was busy since it started, what the host took away included."""
    fields = [int(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _wait, irq, soft, steal = fields
    return (user + nice + system + irq + soft + steal) / _TICK


def sink_stats(url: str, verify: str) -> dict[str, float]:
    """What the sink counted since the last call."""
    import ssl

    context = ssl.create_default_context(cafile=verify) if verify else None
    with urllib.request.urlopen(f"{url}/__stats", context=context, timeout=20) as reply:
        counted: dict[str, float] = json.load(reply)
    return counted


def run_program(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float, float]:
    """Run a program to its end: wall seconds, CPU seconds with children, peak MiB.

    Raises: RuntimeError: it failed; with its last words.
    """
    process = subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    begun = time.perf_counter()
    peak = 0.0
    ended = threading.Event()

    def look() -> None:
        nonlocal peak
        while not ended.wait(_LOOK_S):
            peak = max(peak, peak_mib(process.pid))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    assert process.stdout is not None
    with process.stdout:
        words = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    ended.set()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed ({process.returncode}): {words[-2000:].decode(errors='replace')}")
    return wall, used.ru_utime + used.ru_stime, peak


def run_python(script: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float, float]:
    """Run a Python engine in a process of its own, which prints its own figures as JSON on its last line.

    They leave out the start of the interpreter and the imports: an application is running already.
    """
    done = subprocess.run(
        [sys.executable, str(script), *arguments], env=dict(environment), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:2])} failed: {done.stderr[-3000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return told["wall"], told["cpu"], told["peak"]


def measured(run: Callable[[], tuple[float, float, float]], url: str, verify: str) -> Cost:
    """One run, with what the sink and others did meanwhile."""
    sink_stats(url, verify)
    busy, own, begun = busy_s(), own_cpu_s(), time.perf_counter()
    wall, cpu, peak = run()
    whole, ours, total = busy_s() - busy, own_cpu_s() - own, time.perf_counter() - begun
    sink = sink_stats(url, verify)
    others = max(0.0, whole - ours - sink["cpu"]) / (total * (os.cpu_count() or 1))
    return Cost(wall, cpu, peak, others, sink["cpu"], int(sink["max_open"]))


def wait_for_quiet(limit: float = 0.08, patience_s: float = 60.0) -> None:
    """Wait until others leave the computer alone for two seconds, or patience is over."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        busy, own = busy_s(), own_cpu_s()
        threading.Event().wait(2.0)
        if (busy_s() - busy - own_cpu_s() + own) / (2.0 * (os.cpu_count() or 1)) < limit:
            return


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure; of the others' share the worst."""

    def of(name: str) -> float:
        return statistics.median(getattr(cost, name) for cost in costs)

    return Cost(
        of("wall_s"), of("cpu_s"), of("peak_mib"), max(c.others for c in costs), of("sink_cpu_s"), int(of("most_open"))
    )


def print_table(title: str, results: Mapping[str, Sequence[Cost]], size: int, ours: str) -> None:
    """Medians, and the ratios of our throughput and CPU to each peer's."""
    print(f"\n{title}")
    print(
        f"  {'tool':34}{'MB/s':>8}{'ours/it':>9}{'CPU s/GB':>10}{'ours/it':>9}{'peak MiB':>10}{'connections':>13}"
        f"{'others %':>10}"
    )
    own = middle(results[ours])
    for name, costs in results.items():
        if not costs:
            print(f"  {name:34}  did not run")
            continue
        cost = middle(costs)
        print(
            f"  {name:34}{size / cost.wall_s / 1e6:8.0f}{cost.wall_s / own.wall_s:9.2f}"
            f"{cost.cpu_s / size * 1e9:10.2f}{own.cpu_s / cost.cpu_s:9.2f}{cost.peak_mib:10.0f}{cost.most_open:13}"
            f"{cost.others * 100:10.0f}",
            flush=True,
        )
