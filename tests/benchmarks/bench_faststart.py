"""How fast the fast start is, against ffmpeg and qtfaststart on the same files in the same run.

    python tests/benchmarks/bench_faststart.py [--big GIB] [--folder DIR]

Makes its own films in a temporary folder: a film of 100 MB, a large sparse one, and an index of 73 MB with 5.2 million
chunks. Prints times, ratios and memory. The machine should be quiet.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from vidcdn_desktop.bytesource import ByteSource, FileSource
from vidcdn_desktop.media.faststart import plan_fast_start

PART = 8 << 20
BLOCK = 1 << 20
"""What the upload reads at a time. One read of a whole part is slower where it joins the head and the film."""
ROUNDS = 5
DAY_CHUNKS = 5_184_001
"""Pictures of a day at 60 a second, each a chunk of its own: an index of 73 MB."""


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
    """Reading the whole view against reading the plain file, in turn; the median of the ratios."""
    with FileSource(path) as plain:
        view = plan_fast_start(plain).source
        pairs = [(timed(lambda: read_all(view), 1), timed(lambda: read_all(plain), 1)) for _ in range(ROUNDS)]
    return statistics.median(ours / theirs for ours, theirs in pairs)


def peers(path: Path, folder: Path) -> dict[str, Callable[[], object]]:
    out = folder / "out.mp4"
    command = ["ffmpeg", "-v", "quiet", "-y", "-i", str(path), "-c", "copy", "-movflags", "+faststart", str(out)]
    found: dict[str, Callable[[], object]] = {"ffmpeg": lambda: subprocess.run(command, check=True)}
    if importlib.util.find_spec("qtfaststart"):
        from qtfaststart import processor  # type: ignore[import-not-found]

        found["qtfaststart"] = lambda: processor.process(str(path), str(out))
    return found


def memory_of_plan(path: Path) -> int:
    """Bytes of memory a plan adds at its peak, measured in a process of its own."""
    code = (
        "import resource, sys; from tests.benchmarks import bench_faststart as b; from pathlib import Path\n"
        "peak = lambda: int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])\n"
        "before = peak(); b.plan_only(Path(sys.argv[1])); print(1024 * (peak() - before))"
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, cwd=root)
    return int(run.stdout)


def measure(title: str, path: Path, chunks: int, size: int) -> None:
    moov = film(path, chunks, size)
    print(f"{title}: {path.stat().st_size / 1e6:.0f} MB, index {moov / 1e6:.2f} MB")
    ready = timed(lambda: first_part(path))
    print(f"  plan {timed(lambda: plan_only(path)):.2f} ms, first part ready {ready:.2f} ms")
    for peer, action in peers(path, path.parent).items():
        took = timed(action, 1)
        print(f"  {peer} {took:.0f} ms: ours is 1/{took / ready:.0f}")
    print(f"  reading the view: {cost_of_view(path):.3f} of a plain read")
    if sys.platform == "linux":
        print(f"  memory: {memory_of_plan(path) / moov:.2f} x the index")


def main() -> None:
    arguments = argparse.ArgumentParser(description="How fast the fast start is.")
    arguments.add_argument("--big", type=float, default=1.0, metavar="GIB", help="size of the large film")
    arguments.add_argument("--folder", help="where to make the films (default: the system's temporary folder)")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        path = Path(name) / "film.mp4"
        measure("film of 100 MB", path, 1000, 100_000)
        measure(f"film of {options.big:g} GiB", path, int(options.big * 10_700), 100_000)
        measure("index of 5.2 million chunks", path, DAY_CHUNKS, 100)


if __name__ == "__main__":
    main()
