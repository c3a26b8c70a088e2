"""How fast the fast start is, against ffmpeg and qtfaststart on the same files in the same run.

    python tests/benchmarks/bench_faststart.py [--big GIB] [--real GIB] [--folder DIR]

Makes its own films in a temporary folder: a film of 100 MB, a large sparse one, and an index of 73 MB with 5.2 million
chunks. With --real also a real film of that size, a file of the collection (VIDCDN_MEDIA or ../shared/media) over and
over; that takes twice its size on the disk. Prints times, memory, bytes written to the disk, and ratios to the peers
and to the bars. The machine should be quiet.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import qtfaststart_peer

from vidcdn_desktop.bytesource import ByteSource, FileSource
from vidcdn_desktop.media.faststart import plan_fast_start

PART = 8 << 20
BLOCK = 1 << 20
"""What the upload reads at a time. One read of a whole part is slower where it joins the head and the film."""
ROUNDS = 5
ENOUGH = 10_000_000_000
"""Bytes read for a ratio of reading times."""
DAY_CHUNKS = 5_184_001
"""Pictures of a day at 60 a second, each a chunk of its own: an index of 73 MB."""

FIRST_PART_MS = 15.0
"""The bar for a film with an index up to 1 MB."""
LARGE_PLAN_MS = 300.0
"""The bar for the index of 73 MB."""
MEMORY = 4.0
"""The bar for memory, as so many times the index."""
READING = 1.1
"""The bar for reading the view, as so many times a plain read."""


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def index(offsets: bytes, chunks: int, size: int, wide: bool) -> bytes:
    """A moov box of one data track with `chunks` samples and a table of their sizes."""
    stbl = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(b"jpeg", bytes(6), b"\0\1", bytes(16), b"\1\x40\0\xf0", bytes(50))),
        box(b"stts", struct.pack(">IIII", 0, 1, chunks, 512)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stsz", struct.pack(">III", 0, 0, chunks), struct.pack(">I", size) * chunks),
        box(b"co64" if wide else b"stco", struct.pack(">II", 0, chunks), offsets),
        box(b"stss", struct.pack(">II", 0, chunks), bytes(4 * chunks)),
        box(b"ctts", struct.pack(">II", 0, chunks * 27 // 100), bytes(8 * (chunks * 27 // 100))),
    )
    dinf = box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), box(b"url ", b"\0\0\0\1")))
    minf = box(b"minf", box(b"vmhd", bytes(12)), dinf, stbl)
    hdlr = box(b"hdlr", bytes(8), b"vide", bytes(13))
    mdhd = box(b"mdhd", bytes(12), struct.pack(">II", 12800, chunks * 512), bytes(4))
    tkhd = box(b"tkhd", b"\0\0\0\3", bytes(8), struct.pack(">II", 1, 0), bytes(60))
    mvhd = box(b"mvhd", bytes(12), struct.pack(">II", 1000, chunks * 40), bytes(80))
    return box(b"moov", mvhd, box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf)))


def film(path: Path, chunks: int, size: int) -> int:
    """Write a film with the index at the end and `chunks` chunks of `size` bytes (a hole); returns the index size."""
    head = box(b"ftyp", b"isom", bytes(4), b"isom")
    start = len(head) + 16
    wide = start + chunks * size >= 1 << 32
    table = b"".join(
        struct.pack(f">{min(65536, chunks - first)}{'Q' if wide else 'I'}",
                    *(start + size * n for n in range(first, min(chunks, first + 65536))))
        for first in range(0, chunks, 65536)
    )  # fmt: skip
    moov = index(table, chunks, size, wide)
    with path.open("wb") as file:
        file.write(head + struct.pack(">I4sQ", 1, b"mdat", 16 + chunks * size))
        file.seek(chunks * size, os.SEEK_CUR)
        file.write(moov)
    return len(moov)


def timed(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of some runs, in milliseconds."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        found.append(1000 * (time.perf_counter() - start))
    return statistics.median(found)


def first_part(path: Path) -> None:
    with FileSource(path) as source:
        plan = plan_fast_start(source)
        assert plan.moved, plan.report.reason
        for offset in range(0, PART, BLOCK):
            plan.source.read_at(offset, BLOCK)


def plan_only(path: Path) -> None:
    with FileSource(path) as source:
        assert plan_fast_start(source).moved


def read_all(source: ByteSource) -> None:
    for offset in range(0, source.size, BLOCK):
        source.read_at(offset, BLOCK)


def cost_of_view(path: Path) -> float:
    """Reading the whole view against reading the plain file, in turn; the median of the ratios.

    Small films are read more often: one reading of 100 MB takes ten milliseconds, which says little.
    """
    with FileSource(path) as plain:
        view = plan_fast_start(plain).source
        pairs = []
        for _ in range(max(ROUNDS, min(60, ENOUGH // plain.size))):
            pairs.append((timed(lambda: read_all(view), 1), timed(lambda: read_all(plain), 1)))
    return statistics.median(ours / theirs for ours, theirs in pairs)


@dataclass(frozen=True)
class Spent:
    """What a program took."""

    wall_ms: float
    cpu_ms: float
    written: int
    """Bytes it made dirty on the disk."""


def spent(command: list[str], environment: dict[str, str] | None = None) -> Spent:
    """Run a program to its end. Raises: RuntimeError: it failed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed")
    wall = time.perf_counter() - started
    return Spent(1000 * wall, 1000 * (used.ru_utime + used.ru_stime), 512 * used.ru_oublock)


def peers(path: Path, target: Path) -> dict[str, Spent]:
    """What the peers take to write the whole film anew."""
    convert = ["ffmpeg", "-v", "quiet", "-nostdin", "-y", "-i", str(path), "-c", "copy", "-movflags", "+faststart"]
    found = {"ffmpeg": spent([*convert, str(target)])}
    target.unlink()
    found["qtfaststart"] = spent(qtfaststart_peer.command(path, target), qtfaststart_peer.environment())
    target.unlink()
    return found


def in_a_process(code: str, path: Path) -> list[str]:
    """Run a few lines in a process of their own, where `b` is this module and `p` the film."""
    head = "import os, resource, sys\nfrom pathlib import Path\nfrom tests.benchmarks import bench_faststart as b\n"
    command = [sys.executable, "-c", f"{head}p = Path(sys.argv[1])\n{code}", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()


def memory_of_plan(path: Path) -> int:
    """Bytes of memory a plan adds at its peak."""
    code = (
        "peak = lambda: int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])\n"
        "before = peak(); b.plan_only(p); print(1024 * (peak() - before))"
    )
    return int(in_a_process(code, path)[0])


def written_by_us(path: Path) -> int:
    """Bytes that planning and reading a whole view makes dirty on the disk."""
    code = (
        "source = b.FileSource(p); b.read_all(b.plan_fast_start(source).source)\n"
        "print(512 * resource.getrusage(resource.RUSAGE_SELF).ru_oublock)"
    )
    return int(in_a_process(code, path)[0])


def against(bar: float, value: float) -> str:
    """How a figure stands to its bar."""
    return f"{value / bar:.2f} of the bar" + ("" if value <= bar else " (OVER IT)")


def forget(path: Path) -> None:
    """Drop a film from the page cache, so that the next read is from the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(title: str, path: Path, moov: int) -> None:
    """All figures of one film."""
    print(f"\n{title}: {path.stat().st_size / 1e6:.0f} MB, index {moov / 1e6:.2f} MB")
    plan, ready = timed(lambda: plan_only(path)), timed(lambda: first_part(path))
    bar = against(FIRST_PART_MS, ready) if moov <= 1_000_000 else f"plan {against(LARGE_PLAN_MS, plan)}"
    print(f"  plan {plan:.2f} ms, first part ready {ready:.2f} ms: {bar}")
    if sys.platform == "linux":
        forget(path)
        print(f"  first part ready, from a cold disk: {timed(lambda: first_part(path), 1):.2f} ms")
    ratio = cost_of_view(path)
    with FileSource(path) as source:
        whole = timed(lambda: read_all(plan_fast_start(source).source), 3)
    print(f"  reading the view: {ratio:.3f} of a plain read, {against(READING, ratio)}; plan and all: {whole:.0f} ms")
    if sys.platform == "linux":
        memory = memory_of_plan(path)
        times = memory / moov
        print(f"  memory: {memory / 1e6:.1f} MB", end="")
        print(f", {times:.2f} x the index, {against(MEMORY, times)}" if moov > 1_000_000 else "")
        print(f"  written to the disk: {written_by_us(path) / 1e6:.1f} MB")
    for peer, took in peers(path, path.with_name("out.mp4")).items():
        print(
            f"  {peer}: {took.wall_ms:.0f} ms, CPU {took.cpu_ms:.0f} ms, {took.written / 1e6:.0f} MB written; ", end=""
        )
        print(f"our first part 1/{took.wall_ms / ready:.0f}, our whole film 1/{took.wall_ms / whole:.1f} of its time")


def real_film(path: Path, gigabytes: float) -> int:
    """A real film of about this size, a file of the collection over and over; returns the size of its index.

    Raises: RuntimeError: there is no collection, or not enough space.
    """
    for folder in (os.environ.get("VIDCDN_MEDIA"), ROOT.parent / "shared" / "media"):
        source = Path(folder or "") / "gen-large-end.mp4"
        if source.is_file():
            break
    else:
        raise RuntimeError("the collection of real files is not here: set VIDCDN_MEDIA")
    size = int(gigabytes * 1e9)
    if shutil.disk_usage(path.parent).free < 2.5 * size + 5e9:
        raise RuntimeError("there is not enough space on the disk")
    times = size // source.stat().st_size
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-stream_loop", str(times), "-i", str(source)]
    subprocess.run([*command, "-map", "0", "-c", "copy", str(path)], check=True)
    with FileSource(path) as made:
        report = plan_fast_start(made).report
    if not report.moov_size:
        raise RuntimeError(report.reason)
    return report.moov_size


def main() -> None:
    """Parse the arguments, make the films, measure, print."""
    arguments = argparse.ArgumentParser(description="How fast the fast start is.")
    arguments.add_argument("--big", type=float, default=1.0, metavar="GIB", help="size of the large sparse film")
    arguments.add_argument("--real", type=float, default=0.0, metavar="GB", help="size of a real film; 0: none")
    arguments.add_argument("--folder", help="where to make the films (default: the system's temporary folder)")
    options = arguments.parse_args()
    qtfaststart_peer.install()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        path = Path(name) / "film.mp4"
        measure("film of 100 MB", path, film(path, 1000, 100_000))
        measure(f"film of {options.big:g} GiB", path, film(path, int(options.big * 10_700), 100_000))
        measure("index of 5.2 million chunks", path, film(path, DAY_CHUNKS, 100))
        if options.real:
            measure(f"real film of {options.real:g} GB", path, real_film(path, options.real))


if __name__ == "__main__":
    main()
