"""What a repair in the bucket moves: bytes sent and received, and requests, against the bars.

    python tests/benchmarks/bench_repair.py [--size MB ...] [--no-large-index] [--real GB]
                                            [--bucket plain|versioned] [--json]

Films with the index at the end, of about 100 MB and 1 GB, and one with an index of 73 MB, are put into a bucket of a
real S3 server (moto) and repaired; with --real also a real film of that size, as in `bench_faststart` (the server takes
four times its size of memory). A proxy between the program and the server counts every byte in both directions, headers
included, and every request; beside that stands what the program itself reports. Afterwards the object is compared, byte
for byte, with the fast-start view of the local file. Times say little: the server holds all in memory.

The server keeps no checksum of a whole object, so the proof is by samples read back: the most requests a repair takes.

The bars: moved (sent and received) <= 11 MB + 2.02 x index; requests <= 8 + size / 512 MiB.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests"), str(Path(__file__).parent)]

from bench_faststart import DAY_CHUNKS, film, real_film

import servers
from faults import Exchange
from repairs import KEY, World, operation, world_on
from vidcdn_desktop.bytesource import ByteSource, FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.repair import Repairer, RepairReport, RepairState
from vidcdn_desktop.jobs.repair_marks import Marks
from vidcdn_desktop.media.faststart import plan_fast_start

_BLOCK = 8 << 20
_BASE = 11_000_000
_PER_INDEX = 2.02
_REQUESTS = 8
_PER_REQUEST = 512 << 20


@dataclass(frozen=True)
class Row:
    """One repair."""

    title: str
    versioned: bool
    size: int
    index: int
    sent: int
    """Bytes from the program to the server as the proxy saw them, headers included."""
    received: int
    requests: int
    operations: str
    told_sent: int
    """As the program reports it: bodies only."""
    told_received: int
    told_requests: int
    copied: int
    """Inside the store, as reported."""
    parts: int
    proved_by: str
    seconds: float
    same: bool
    """Whether the object is the view of the local file afterwards."""

    @property
    def moved_bar(self) -> float:
        """Moved, as a share of what may be."""
        return (self.sent + self.received) / (_BASE + _PER_INDEX * self.index)

    @property
    def requests_bar(self) -> float:
        """Requests, as a share of what may be."""
        return self.requests / (_REQUESTS + self.size / _PER_REQUEST)


def up_bytes(exchange: Exchange) -> int:
    """Bytes of a request: its first line, its headers and its body, with their line ends."""
    request = exchange.request
    headers = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
    return len(f"{request.method} {request.target} HTTP/1.1\r\n") + headers + 2 + exchange.up_bytes


def repair(title: str, world: World, path: Path, index: int, folder: Path) -> Row:
    """Put a film into the bucket, repair it, and count."""
    store(world, path)
    world.proxy.exchanges.clear()
    with world.connection() as connection, Repairer(connection, marks=Marks(folder / "marks")) as repairer:
        began = time.monotonic()
        report = repairer.repair(world.ref, token=CancelToken())
        took = time.monotonic() - began
    if report.state is not RepairState.REPAIRED:
        raise RuntimeError(f"{title}: {report.state.value}: {report.reason}")
    return _row(title, world, path, index, report, took)


def store(world: World, path: Path) -> None:
    """Put the film into the bucket as it is, past the proxy."""
    with path.open("rb") as body:
        world.client.put_object(Bucket=world.bucket, Key=KEY, Body=body, ContentType="video/mp4")


def _row(title: str, world: World, path: Path, index: int, report: RepairReport, took: float) -> Row:
    seen = list(world.proxy.exchanges)
    names = [operation(exchange.request) for exchange in seen]
    with FileSource(path) as source:
        wanted = digest(plan_fast_start(source).source)
    return Row(
        title,
        world.versioned,
        path.stat().st_size,
        index,
        sum(up_bytes(exchange) for exchange in seen),
        sum(exchange.down_bytes for exchange in seen),
        len(seen),
        ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names)),
        report.bytes_uploaded,
        report.bytes_downloaded,
        report.requests,
        report.bytes_copied,
        report.parts,
        report.proved_by,
        took,
        digest_of_object(world) == wanted,
    )


def digest(source: ByteSource) -> str:
    """MD5 of a source, read block by block."""
    found = hashlib.md5()
    for offset in range(0, source.size, _BLOCK):
        found.update(source.read_at(offset, _BLOCK))
    return found.hexdigest()


def digest_of_object(world: World) -> str:
    """MD5 of the object, past the proxy."""
    found = hashlib.md5()
    with world.client.get_object(Bucket=world.bucket, Key=KEY)["Body"] as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def show(row: Row) -> None:
    """One repair in words."""
    moved = row.sent + row.received
    kind = "keeps versions" if row.versioned else "keeps no versions"
    print(f"\n{row.title}: {row.size / 1e6:.1f} MB, index {row.index / 1e6:.2f} MB, bucket {kind}")
    print(f"  sent {row.sent / 1e6:.2f} MB, received {row.received / 1e6:.2f} MB with headers", end="")
    print(f" (reported {row.told_sent / 1e6:.2f} and {row.told_received / 1e6:.2f} MB of bodies)")
    print(f"  moved {moved / 1e6:.2f} MB: {100 * moved / row.size:.2f} % of the object, ", end="")
    print(f"{row.moved_bar:.2f} of the bar{_verdict(row.moved_bar)}")
    print(f"  {row.requests} requests (reported {row.told_requests}): ", end="")
    print(f"{row.requests_bar:.2f} of the bar{_verdict(row.requests_bar)}: {row.operations}")
    print(f"  {row.copied / 1e6:.0f} MB copied inside the store, {row.parts} parts, {row.seconds:.1f} s; ", end="")
    print(f"{'the same bytes as the local view' if row.same else 'NOT the bytes of the local view'}")


def _verdict(ratio: float) -> str:
    return "" if ratio <= 1 else " (OVER IT)"


def main() -> int:
    """Parse the arguments, make the films, repair, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, action="append", default=[], metavar="MB", help="default: 100 and 1080")
    parser.add_argument("--no-large-index", action="store_true", help="leave out the film with an index of 73 MB")
    parser.add_argument("--real", type=float, default=0.0, metavar="GB", help="size of a real film; 0: none")
    parser.add_argument("--bucket", choices=("plain", "versioned"), action="append", default=[], help="default: both")
    parser.add_argument("--folder", type=Path, default=None, help="where to make the films")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    films: list[tuple[str, Callable[[Path], int]]] = [
        (f"film of {size} MB", lambda path, size=size: film(path, size * 10, 100_000))  # type: ignore[misc]
        for size in options.size or (100, 1080)
    ]
    if not options.no_large_index:
        films.append(("a day of pictures", lambda path: film(path, DAY_CHUNKS, 100)))
    if options.real:
        films.append((f"real film of {options.real:g} GB", lambda path: real_film(path, options.real)))
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name, servers.moto_server() as server:
        path = Path(name) / "film.mp4"
        for title, make in films:
            index = make(path)
            for kind in options.bucket or ("plain", "versioned"):
                with world_on(server, versioned=kind == "versioned") as world:
                    rows.append(repair(title, world, path, index, Path(name)))
                if not options.json:
                    show(rows[-1])
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    return 0 if all(row.same and row.moved_bar <= 1 and row.requests_bar <= 1 for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
