"""How long a whole publish of a film with its index at the end takes, beside the usual ways to do it.

    python tests/benchmarks/bench_upload.py                  # a small film, a moto server
    python tests/benchmarks/bench_upload.py --sink [--tls]   # 1 GB, the byte sink, so that the client is measured
    python tests/benchmarks/bench_upload.py --endpoint http://127.0.0.1:9000 --size 1000

Ours: the fast-start view of the original, sent in parts; nothing is written to disk. The peers: ffmpeg writes a copy
with the index in front, then boto3's `upload_file` or s5cmd (with their defaults) sends it. The tools take turns,
round after round, against one endpoint; the table shows medians. Only the ratios mean anything.

Times of Python code leave the start of the interpreter out (an application is running already); programs count whole.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests")]

import servers

BUCKET = "films"
OURS, BOTO3, S5CMD = "this program", "ffmpeg + boto3 upload_file", "ffmpeg + s5cmd"
SINK_MB, MOTO_MB = 1080, 128


def make_film(folder: Path, megabytes: int) -> Path:
    """A film of about that size with its index at the end."""
    clip, film = folder / "clip.mp4", folder / "film.mp4"
    quiet = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    subprocess.run(
        [*quiet, "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=4", "-f", "lavfi", "-i", "sine=d=4",
         "-vf", "noise=alls=40:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "20M", "-shortest",
         "-c:a", "aac", str(clip)],
        check=True,
    )  # fmt: skip
    loops = max(0, megabytes * 1_000_000 // clip.stat().st_size - 1)
    subprocess.run([*quiet, "-stream_loop", str(loops), "-i", str(clip), "-c", "copy", str(film)], check=True)
    with film.open("rb", buffering=0) as file:  # everybody starts with the film in the page cache
        while file.read(1 << 20):
            pass
    return film


def peak_mib(pid: int | str = "self") -> float:
    """The most memory a process has had; `ru_maxrss` would count that of the parent before exec, too."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def disk_bytes_written() -> int:
    """Bytes this process has had written to a disk so far; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    return 0


def client_for(endpoint: str, verify: str) -> Any:
    return servers.Endpoint(endpoint).client(verify=verify or None)


def run_ours(film: Path, endpoint: str, verify: str, key: str) -> dict[str, float]:
    """Plan the fast start and send, in this process."""
    from vidcdn_desktop.bytesource import FileSource
    from vidcdn_desktop.cancel import CancelToken
    from vidcdn_desktop.media.faststart import plan_fast_start
    from vidcdn_desktop.progress import ProgressMeter
    from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
    from vidcdn_desktop.storage.s3 import S3Storage
    from vidcdn_desktop.storage.upload import upload

    class FirstByte(ProgressMeter):
        at: float | None = None

        def add(self, delta_bytes: int) -> None:
            if self.at is None:
                self.at = time.perf_counter()
            super().add(delta_bytes)

    storage = S3Storage(client_for(endpoint, verify))
    meter = FirstByte()
    before = peak_mib()
    written = disk_bytes_written()
    start = time.perf_counter()
    with FileSource(film) as original:
        plan = plan_fast_start(original)
        stored = upload(
            storage, plan.source, ObjectRef(BUCKET, key), ObjectHeaders("video/mp4"),
            token=CancelToken(), meter=meter, only_if_absent=False, check_source=original.check_unchanged,
        )  # fmt: skip
    wall = time.perf_counter() - start
    assert stored.size == plan.source.size
    assert meter.at is not None
    peak = peak_mib()
    return {
        "wall": wall,
        "first": meter.at - start,
        "rss": peak,
        "added": peak - before,
        "written": disk_bytes_written() - written,
    }


def run_boto3(film: Path, endpoint: str, verify: str, key: str, folder: Path) -> dict[str, float]:
    """ffmpeg, then `upload_file` with boto3's own settings."""
    import boto3
    from botocore.config import Config

    known = servers.Endpoint(endpoint)
    client = boto3.client(
        "s3", endpoint_url=endpoint, verify=verify or None, region_name=known.region,
        aws_access_key_id=known.access_key_id, aws_secret_access_key=known.secret_access_key,
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    start = time.perf_counter()
    copy = copy_with_index_first(film, folder)
    moved = time.perf_counter()
    client.upload_file(str(copy), BUCKET, key)
    end = time.perf_counter()
    return {
        "wall": end - start,
        "first": moved - start,
        "rss": peak_mib(),
        "written": copy.stat().st_size,
    }


def run_s5cmd(film: Path, endpoint: str, verify: str, key: str, folder: Path) -> dict[str, float]:
    """ffmpeg, then s5cmd with its own settings."""
    known = servers.Endpoint(endpoint)
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": known.access_key_id,
        "AWS_SECRET_ACCESS_KEY": known.secret_access_key,
        "AWS_REGION": known.region,
    }
    start = time.perf_counter()
    copy = copy_with_index_first(film, folder)
    moved = time.perf_counter()
    trust = ["--no-verify-ssl"] if verify else []
    beside = Path(sys.executable).parent / "s5cmd"
    subprocess.run(
        [str(beside) if beside.is_file() else "s5cmd", *trust, "--endpoint-url", endpoint, "cp", str(copy),
         f"s3://{BUCKET}/{key}"],
        check=True, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.perf_counter()
    return {
        "wall": end - start,
        "first": moved - start,
        "rss": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,  # s5cmd or ffmpeg
        "written": copy.stat().st_size,
    }


def copy_with_index_first(film: Path, folder: Path) -> Path:
    copy = folder / "faststart.mp4"
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(film), "-c", "copy", "-movflags", "+faststart",
         str(copy)],
        check=True,
    )  # fmt: skip
    return copy


def one_run(engine: str, film: Path, endpoint: str, verify: str, key: str) -> dict[str, float]:
    """One engine in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--engine", engine, "--film", str(film), "--endpoint", endpoint]
    done = subprocess.run([*command, "--verify", verify, "--key", key], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def print_table(results: dict[str, list[dict[str, float]]], size: int) -> None:
    middle = {
        engine: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for engine, runs in results.items()
    }
    ours = middle[OURS]["wall"]
    print(f"{'way':28}{'seconds':>9}{'ours/it':>9}{'MB/s':>8}{'first byte s':>14}{'peak MiB':>10}{'MB written':>12}")
    for engine, row in middle.items():
        print(
            f"{engine:28}{row['wall']:9.2f}{ours / row['wall']:9.2f}{size / row['wall'] / 1e6:8.0f}"
            f"{row['first']:14.3f}{row['rss']:10.0f}{row['written'] / 1e6:12.1f}"
        )
    print(f"this program's transfer added {middle[OURS]['added']:.0f} MiB to the process")


@contextlib.contextmanager
def chosen_endpoint(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str]]:
    if arguments.endpoint:
        yield arguments.endpoint, arguments.verify
    elif arguments.sink:
        tls = servers.self_signed(folder) if arguments.tls else None
        with servers.s3sink(folder, tls=tls) as sink:
            yield sink.url, str(tls[0]) if tls else ""
    else:
        with servers.moto_server() as moto:
            moto.client().create_bucket(Bucket=BUCKET)
            yield moto.url, ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", default="", help=f"of an S3 server with a bucket “{BUCKET}”; default: start moto")
    parser.add_argument("--sink", action="store_true", help="build and start the byte sink")
    parser.add_argument("--tls", action="store_true", help="with --sink: over https")
    parser.add_argument("--verify", default="", help="certificate to trust")
    parser.add_argument("--size", type=int, default=0, help="megabytes of the film (1080 on the sink, else 128)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--film", type=Path, default=None, help="a film of yours instead of a made one")
    parser.add_argument("--folder", type=Path, default=None, help="where to make the film and the copies")
    parser.add_argument("--engine", default="", help=argparse.SUPPRESS)
    parser.add_argument("--key", default="bench.mp4", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        if arguments.engine:
            given = (arguments.film, arguments.endpoint, arguments.verify, arguments.key)
            if arguments.engine == OURS:
                result = run_ours(*given)
            else:
                result = (run_boto3 if arguments.engine == BOTO3 else run_s5cmd)(*given, folder)
            print(json.dumps(result))
            return
        with chosen_endpoint(arguments, folder) as (endpoint, verify):
            film = arguments.film or make_film(folder, arguments.size or (SINK_MB if arguments.sink else MOTO_MB))
            size = film.stat().st_size
            print(f"film of {size / 1e6:.0f} MB, index at the end, {endpoint}, medians of {arguments.rounds}")
            results: dict[str, list[dict[str, float]]] = {OURS: [], BOTO3: [], S5CMD: []}
            for number in range(arguments.rounds):
                for engine, runs in results.items():
                    runs.append(one_run(engine, film, endpoint, verify, f"bench-{number}.mp4"))
            print_table(results, size)


if __name__ == "__main__":
    main()
