"""Damage films in many ways and see that the fast start never crashes, hangs or ships another film.

    python tests/benchmarks/fuzz_faststart.py [--runs N] [--seed S] [--media DIR] [--processes N] [--json]

Films made here, films of all structures that hypothesis draws, and the real ones of a folder (VIDCDN_MEDIA, --media or
../shared/media) that are small enough, are mutated where it hurts: sizes, counts, types and tables of the index and of
the boxes beside it. Each mutant that is accepted is read with a reader that shares no code with the program: all
samples of the view must be those of the mutant, and all else must be there. The memory each plan adds is measured
(Linux). Prints counts; the exit code is 1 unless crashes, hangs over a second, greedy plans and differences are all 0.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "core" / "media"), str(Path(__file__).parent)]

import moviebuilder as mb
from fuzz_structures import drawn_films
from sampleoracle import differences, samples

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.media.faststart import plan_fast_start

LARGEST = 420_000
"""Bytes of a real film that is mutated; larger ones only cost time."""
TOO_LONG_S = 1.0
TOO_MUCH = 10 << 20
"""Bytes of memory a plan may add, besides four times its index."""
DRAWN = 400
"""Films hypothesis draws."""

CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"udta", b"edts", b"mvex", b"mfra"})
KINDS = tuple(
    b"moov mdat free trak stco co64 stsz stz2 stsc saio saiz meta iloc dref cmov mfra tfra sidx moof ftyp senc".split()
)


@dataclass
class Tally:
    """What came of the mutants."""

    runs: int = 0
    accepted: int = 0
    crashes: int = 0
    hangs: int = 0
    greedy: int = 0
    """Plans that took more memory than they may."""
    differing: int = 0
    unread: int = 0
    """Accepted, but so odd that our reader gave up on the samples of the mutant itself: the rest was compared."""
    slowest_s: float = 0.0
    largest_kib: int = 0
    """Memory a plan added, at most."""
    verdicts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.runs += other.runs
        self.accepted += other.accepted
        self.crashes += other.crashes
        self.hangs += other.hangs
        self.greedy += other.greedy
        self.differing += other.differing
        self.unread += other.unread
        self.largest_kib = max(self.largest_kib, other.largest_kib)
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.verdicts += other.verdicts
        self.examples += other.examples

    @property
    def clean(self) -> bool:
        return not (self.crashes or self.hangs or self.greedy or self.differing)


def made_films() -> dict[str, bytes]:
    """Small films of the shapes that matter."""
    rng = random.Random(5)
    body = rng.randbytes(700)
    mdat = mb.box(b"mdat", body)
    at = 24 + 8
    steady = mb.trak(mb.stco(list(range(at, at + 480, 24))), 20, sizes=[24] * 20)
    runs = mb.trak(mb.co64([at + 50, at + 200]), 2, 10, per_chunk=3, handler=b"soun")
    saiz = mb.full(b"saiz", struct.pack(">BI", 8, 1))
    saio = mb.full(b"saio", struct.pack(">II", 1, at + 60))
    locked = mb.trak(mb.stco([at + 80]), 1, more=[saiz, saio])
    away = mb.trak(mb.stco([5, 70]), 2, references=[mb.ELSEWHERE], handler=b"text")
    hdlr = mb.full(b"hdlr", bytes(4), b"pict", bytes(13))
    iloc = mb.full(b"iloc", struct.pack(">HHHHHII", 0x4400, 1, 1, 0, 1, 0, 16))

    def meta(place: int) -> bytes:
        return mb.full(b"meta", hdlr, iloc[:-8] + struct.pack(">II", place, 16))

    tfra = mb.full(b"tfra", struct.pack(">III", 1, 0, 2), struct.pack(">IIBBB", 0, at, 1, 1, 1) * 2)
    plain = mb.moov(steady, runs)
    packed = mb.moov(steady, runs, more=[mb.box(b"udta", bytes(40))])
    cmvd = mb.box(b"cmvd", struct.pack(">I", len(packed)), zlib.compress(packed))
    cmov = mb.box(b"moov", mb.box(b"cmov", mb.box(b"dcom", b"zlib"), cmvd))
    both = mb.moov(mb.trak(mb.stco([at, at + 708 + 600 + 40]), 2), more=[meta(at + 90)])
    films = {
        "plain": [mb.FTYP, mdat, plain, mb.box(b"free", b"tail")],
        "locked": [mb.FTYP, mdat, mb.moov(steady, locked, away)],
        "compressed": [mb.FTYP, mdat, cmov],
        "both sides": [mb.FTYP, mdat, both, mb.box(b"mdat", body[::-1])],
        "open end": [mb.FTYP, mb.box(b"wide"), mb.box(b"mdat", bytes(8), body, wide=True), mb.moov(runs, to_end=True)],
        "first": [mb.FTYP, mb.moov(mb.trak(mb.stco([24 + 560]), 1)), mdat],
        "side boxes": [mb.FTYP, mdat, meta(at + 30), mb.box(b"mfra", tfra), plain],
    }
    return {name: b"".join(parts) for name, parts in films.items()}


def real_films(folder: Path | None, largest: int = LARGEST) -> dict[str, bytes]:
    """The real films of a folder that have no more bytes than `largest`."""
    if folder is None:
        return {}
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".mp4", ".mov", ".m4a", ".3gp", ".f4v", ".mj2", ".heic") and path.is_file():
            data = path.read_bytes()
            if len(data) <= largest and b"moov" in data:
                found[path.name] = data
    return found


def landmarks(data: bytes) -> list[int]:
    """Where box headers stand, and what follows them: the places worth damaging."""
    found: list[int] = []

    def walk(start: int, end: int, depth: int) -> None:
        while end - start >= 8 and len(found) < 4000:
            size, kind = struct.unpack_from(">I4s", data, start)
            size = size or end - start
            if size == 1 and end - start >= 16:
                size = struct.unpack_from(">Q", data, start + 8)[0]
            if size < 8 or size > end - start:
                found.append(start)
                return
            found.append(start)
            if kind in CONTAINERS and depth < 8:
                walk(start + 8, start + size, depth + 1)
            start += size

    walk(0, len(data), 0)
    return found


def mutate(data: bytes, marks: list[int], rng: random.Random) -> bytes:
    """One to four changes."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if len(out) < 24:
            break
        if rng.random() < 0.75:
            at = min(rng.choice(marks) + rng.choice((0, 0, 4, 8, 12, 16, 20, 24, rng.randrange(64))), len(out) - 9)
        else:
            index = min(max(0, out.find(b"moov") - 4), len(out) - 16)
            at = rng.randrange(index if rng.random() < 0.7 else 0, len(out) - 8)
        at = max(0, at)
        rng.choice(CHANGES)(out, at, rng)
    return bytes(out)


def _byte(out: bytearray, at: int, rng: random.Random) -> None:
    out[at] = rng.randrange(256)


def _word(out: bytearray, at: int, rng: random.Random) -> None:
    was = int.from_bytes(out[at : at + 4], "big")
    choices = (0, 1, 2, 7, 8, 0xFFFFFFFF, 0x7FFFFFFF, len(out), was + 1, was - 1, was * 2, was ^ 1 << rng.randrange(32))
    out[at : at + 4] = (rng.choice(choices) & 0xFFFFFFFF).to_bytes(4, "big")


def _place(out: bytearray, at: int, rng: random.Random) -> None:
    out[at : at + 4] = rng.randrange(len(out) + 8).to_bytes(4, "big")


def _long(out: bytearray, at: int, rng: random.Random) -> None:
    out[at : at + 8] = rng.choice((0, 1 << 63, (1 << 64) - 1, len(out), rng.randrange(1 << 40))).to_bytes(8, "big")


def _kind(out: bytearray, at: int, rng: random.Random) -> None:
    out[at + 4 : at + 8] = rng.choice(KINDS)


def _cut_out(out: bytearray, at: int, rng: random.Random) -> None:
    del out[at : at + rng.choice((1, 4, 8, 20))]


def _put_in(out: bytearray, at: int, rng: random.Random) -> None:
    out[at:at] = rng.choice((bytes(8), rng.randbytes(4), b"\0\0\0\x08free", b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x20"))


def _cut_off(out: bytearray, at: int, _rng: random.Random) -> None:
    del out[max(16, at) :]


def _twice(out: bytearray, at: int, _rng: random.Random) -> None:
    size = int.from_bytes(out[at : at + 4], "big")
    if 8 <= size <= min(4096, len(out) - at):
        out[at:at] = out[at : at + size]


def _away(out: bytearray, at: int, _rng: random.Random) -> None:
    size = int.from_bytes(out[at : at + 4], "big")
    if 8 <= size <= len(out) - at:
        out[at + 4 : at + 8] = b"free"


CHANGES: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    _byte, _word, _word, _word, _place, _long, _kind, _cut_out, _put_in, _cut_off, _twice, _away,
)  # fmt: skip


class Gauge:
    """The most memory this process has had since `start`. Linux; elsewhere nothing is seen."""

    def __init__(self) -> None:
        self._reset = Path("/proc/self/clear_refs")
        self._status = Path("/proc/self/status")
        self.works = os.access(self._reset, os.W_OK)
        self._base_kib = 0

    def start(self) -> None:
        """Forget the peak so far."""
        if self.works:
            self._reset.write_text("5")
            self._base_kib = self._peak_kib()

    def added_kib(self) -> int:
        """How much higher the peak is by now."""
        return self._peak_kib() - self._base_kib if self.works else 0

    def _peak_kib(self) -> int:
        text = self._status.read_text()
        at = text.index("VmHWM:") + 6
        return int(text[at : text.index("kB", at)])


def judge(name: str, data: bytes, tally: Tally, gauge: Gauge | None = None) -> None:
    """Plan a film and, if it is accepted, compare what would be sent with what is there."""
    source = BytesSource(data)
    tally.runs += 1
    if gauge is not None:
        gauge.start()
    started = time.thread_time()
    try:
        plan = plan_fast_start(source)
    except Exception as exc:  # noqa: BLE001 - any escape is what is looked for
        tally.crashes += 1
        tally.examples.append(f"{name}: {type(exc).__name__}: {exc}")
        return
    took = time.thread_time() - started
    tally.slowest_s = max(tally.slowest_s, took)
    tally.hangs += took > TOO_LONG_S
    if gauge is not None:
        added = gauge.added_kib()
        tally.largest_kib = max(tally.largest_kib, added)
        if 1024 * added > TOO_MUCH + 4 * (plan.report.moov_size or 0):
            tally.greedy += 1
            tally.examples.append(f"{name}: {added} KiB of memory (crc {zlib.crc32(data):08x})")
    tally.verdicts[plan.report.layout.value] += 1
    if not plan.moved:
        if plan.source is not source:
            tally.differing += 1
        return
    tally.accepted += 1
    tally.unread += not _is_readable(data)
    found = differences(data, plan.source.read_at(0, plan.source.size))
    if found:
        tally.differing += 1
        tally.examples.append(f"{name}: {found} (crc {zlib.crc32(data):08x})")


def _is_readable(data: bytes) -> bool:
    """Whether our own reader finds the samples of a film."""
    try:
        samples(data)
    except (KeyError, IndexError, struct.error, ValueError):
        return False
    return True


def mutants(films: dict[str, bytes], seed: int, runs: int) -> Iterator[tuple[str, bytes]]:
    """(Name of the film, mutant), always the same for a seed."""
    rng = random.Random(seed)
    names = sorted(films)
    marks = {name: landmarks(films[name]) for name in names}
    for _ in range(runs):
        name = rng.choice(names)
        yield name, mutate(films[name], marks[name], rng)


def fuzz(films: dict[str, bytes], seed: int, runs: int) -> Tally:
    """Judge `runs` mutants in this process."""
    tally = Tally()
    gauge = Gauge()
    for name, data in mutants(films, seed, runs):
        judge(name, data, tally, gauge)
    return tally


@lru_cache(maxsize=1)
def all_films(folder: Path | None, largest: int) -> dict[str, bytes]:
    """What is mutated."""
    return {**made_films(), **drawn_films(DRAWN), **real_films(folder, largest)}


def _worker(job: tuple[Path | None, int, int, int]) -> Tally:
    folder, largest, seed, runs = job
    return fuzz(all_films(folder, largest), seed, runs)


def _media_folder() -> Path | None:
    """The collection of real films, where it is there."""
    for folder in (os.environ.get("VIDCDN_MEDIA"), ROOT.parent / "shared" / "media"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    return None


def main() -> int:
    """Parse the arguments, fuzz, print."""
    arguments = argparse.ArgumentParser(description="Damage films and see what the fast start makes of them.")
    arguments.add_argument("--runs", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--media", type=Path, default=_media_folder(), help="folder of real films")
    arguments.add_argument("--largest", type=int, default=LARGEST, help="bytes of a real film that is mutated, at most")
    arguments.add_argument("--json", action="store_true", help="figures as JSON, for adding up several runs")
    options = arguments.parse_args()
    shares = max(options.processes, options.runs // 2000)
    each = -(-options.runs // shares)
    jobs = [(options.media, options.largest, options.seed * 1_000_003 + number, each) for number in range(shares)]
    total = Tally()
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for done in pool.imap_unordered(_worker, jobs):
            total.add(done)
    took = time.monotonic() - started
    if options.json:
        print(json.dumps({**vars(total), "seed": options.seed, "seconds": round(took, 1)}))
    else:
        _print(total, len(all_films(options.media, options.largest)), took)
    return 0 if total.clean else 1


def _print(total: Tally, films: int, took: float) -> None:
    print(f"{total.runs} mutants of {films} films in {took:.0f} s ({total.runs / took:.0f}/s)")
    print("verdicts: " + ", ".join(f"{name} {count}" for name, count in sorted(total.verdicts.items())))
    print(f"accepted {total.accepted}, of which our reader could not read the samples of {total.unread}")
    print(f"slowest plan {1000 * total.slowest_s:.0f} ms, most memory of a plan {total.largest_kib} KiB")
    print(f"crashes {total.crashes}, hangs over {TOO_LONG_S:g} s {total.hangs}, greedy plans {total.greedy}, ", end="")
    print(f"views that differ {total.differing}")
    for example in total.examples[:20]:
        print(f"  {example}")


if __name__ == "__main__":
    sys.exit(main())
