"""This program and its peers on one endpoint in one run: throughput, CPU and memory, as ratios.

    python tests/benchmarks/bench_peers.py              # everything: http, https, the long link; some minutes
    python tests/benchmarks/bench_peers.py --only film --link http --rounds 5

One film with its index at the end (1 GB; on the long link 200 MB), and 200 files of 2 MB. Ours sends through the
fast-start view with journal and checksums on; the peers send the file as it is. The endpoint throws the bytes away, so
that the client is measured, and confirms checksums like S3. The long link answers after 40 ms and takes 4 MB/s from
each connection. Ours is also run with fixed numbers of parts or files, beside the number it finds by itself.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import engines
import measuring
from bench_upload import make_film
from engines import OURS, Target

import servers
from vidcdn_desktop.storage.crowd import MOST_FILES

_LONG = {"rate_bytes_per_s": 4_000_000, "delay_ms": 40}
_FIXED = (4, 8, 16)
_SMALL_WORKERS = (8, 16, 32, 64)

Run = Callable[[], tuple[float, float, float]]


def film_runs(target: Target, film: Path, long_link: bool) -> dict[str, Run]:
    """Every tool that sends one film."""
    runs: dict[str, Run] = {OURS: lambda: engines.in_python("ours", target, film)}
    for number in _FIXED:
        runs[f"{OURS}, {number} parts fixed"] = lambda n=number: engines.in_python(  # type: ignore[misc]
            "ours", target, film, parallel=n, fixed=True
        )
    runs |= {
        "boto3 upload_file": lambda: engines.in_python("boto3", target, film),
        "s5cmd": lambda: engines.s5cmd(target, film),
        "rclone": lambda: engines.rclone(target, film),
        "obstore 16 MiB x 8": lambda: engines.in_python("obstore", target, film),
    }
    if not long_link:
        runs["rclone 16 MiB x 8"] = lambda: engines.rclone(
            target, film, "--s3-chunk-size", "16M", "--s3-upload-concurrency", "8", "--s3-disable-checksum"
        )
    return runs


def small_runs(target: Target, folder: Path, long_link: bool) -> dict[str, Run]:
    """Every tool that sends many small files."""
    runs: dict[str, Run] = {OURS: lambda: engines.in_python("ours", target, folder, workers=MOST_FILES)}
    if long_link:
        for number in _SMALL_WORKERS:
            runs[f"{OURS}, {number} at a time"] = lambda n=number: engines.in_python(  # type: ignore[misc]
                "ours", target, folder, workers=n, fixed=True
            )
    return runs | {
        "boto3 TransferManager": lambda: engines.in_python("boto3", target, folder, workers=10),
        "s5cmd": lambda: engines.s5cmd(target, folder),
        "rclone --transfers 16": lambda: engines.rclone(target, folder, "--transfers", "16", "--checkers", "16"),
        "obstore x 12": lambda: engines.in_python("obstore", target, folder, workers=12),
    }


def make_small_files(folder: Path, count: int, size: int) -> Path:
    """Files of noise."""
    folder.mkdir()
    for number in range(count):
        (folder / f"clip-{number:03}.mp4").write_bytes(os.urandom(size))
    return folder


def compare(title: str, runs: dict[str, Run], target: Target, size: int, rounds: int, patience_s: float) -> None:
    """All tools in turn, round after round; one table."""
    results: dict[str, list[measuring.Cost]] = {name: [] for name in runs}
    broken: dict[str, str] = {}
    for number in range(rounds + 1):
        for name, run in runs.items():
            if name in broken:
                continue
            measuring.wait_for_quiet(patience_s=patience_s)
            try:
                cost = measuring.measured(run, target.url, target.verify)
            except RuntimeError as exc:
                broken[name] = str(exc)
                continue
            if number:  # the first round warms the page cache up
                results[name].append(cost)
    measuring.print_table(title, results, size, OURS)
    for name, words in broken.items():
        print(f"  {name} did not run: {words.strip().splitlines()[-1]}")


def main() -> None:
    """Parse the arguments, start sinks, run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("film", "small"), default="")
    parser.add_argument("--link", choices=("http", "https", "long"), action="append", default=[])
    parser.add_argument("--no-checksums", action="store_true", help="an endpoint that keeps none: proof takes reading")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=1080, help="megabytes of the film")
    parser.add_argument("--tool", action="append", default=[], help="only tools whose name holds this; ours always")
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait for a quiet computer, each run")
    parser.add_argument("--folder", type=Path, default=None, help="where to make the files; in memory is best")
    arguments = parser.parse_args()
    engines.install_peers()

    def chosen(runs: dict[str, Run]) -> dict[str, Run]:
        wanted = arguments.tool
        return {n: r for n, r in runs.items() if n == OURS or not wanted or any(word in n for word in wanted)}

    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        tls = servers.self_signed(folder)
        for link in arguments.link or ("http", "https", "long"):
            long_link = link == "long"
            with servers.s3sink(
                folder,
                tls=tls if link == "https" else None,
                tells_checksums=not arguments.no_checksums,
                **(_LONG if long_link else {}),
            ) as sink:
                target = Target(sink.url, str(tls[0]) if link == "https" else "")
                if arguments.only != "small":
                    megabytes = min(arguments.size, 200) if long_link else arguments.size
                    film = folder / f"{megabytes}.mp4"
                    if not film.exists():
                        make_film(folder, megabytes).rename(film)
                    runs = chosen(film_runs(target, film, long_link))
                    title = f"one film of {film.stat().st_size / 1e6:.0f} MB, {link}, {arguments.rounds} rounds"
                    compare(title, runs, target, film.stat().st_size, arguments.rounds, arguments.patience)
                if arguments.only != "film":
                    small = folder / "small"
                    if not small.exists():
                        make_small_files(small, 200, 2_000_000)
                    runs = chosen(small_runs(target, small, long_link))
                    title = f"200 files of 2 MB, {link}, {arguments.rounds} rounds"
                    compare(title, runs, target, 400_000_000, arguments.rounds, arguments.patience)


if __name__ == "__main__":
    main()
