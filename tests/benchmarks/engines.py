"""The tools that send, ours and the peers', each as one call that sends a film or a folder of files to an endpoint.

Python engines run as `python engines.py NAME …` in a process of their own and print their figures as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests"), str(Path(__file__).parent)]

import measuring

import servers

BUCKET = "bkt"
OURS = "this program"
PEERS = _ROOT / ".dev" / "peers"
"""Where the peers are installed, beside the program's own environment."""
_EXTRA = "bench"


@dataclass(frozen=True)
class Target:
    """Where to send."""

    url: str
    verify: str
    """Certificate to trust; empty for http."""

    def environment(self) -> dict[str, str]:
        """For tools that read the standard variables."""
        known = servers.Endpoint(self.url)
        values = {
            "AWS_ACCESS_KEY_ID": known.access_key_id,
            "AWS_SECRET_ACCESS_KEY": known.secret_access_key,
            "AWS_REGION": known.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.verify:
            values["SSL_CERT_FILE"] = self.verify  # what Go's TLS reads
        return {**os.environ, **values}


def install_peers() -> None:
    """Install the peers with their pinned versions where they are not there yet; nothing else is touched."""
    import tomllib

    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = project["optional-dependencies"][_EXTRA]
    pins = (_ROOT / "constraints.txt").read_text("utf-8")
    stamp = PEERS / "stamp"
    key = json.dumps([wanted, pins])
    if stamp.is_file() and stamp.read_text("utf-8") == key:
        return
    print("Installing the peers into .dev/peers.", flush=True)
    shutil.rmtree(PEERS, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(PEERS)]
    subprocess.run([*command, "-c", str(_ROOT / "constraints.txt"), *wanted], check=True)
    stamp.write_text(key, "utf-8")


def program(name: str) -> str:
    """A peer that is a program."""
    return str(PEERS / "bin" / name)


# Ours


@contextlib.contextmanager
def memory(folder: Path) -> Iterator[Callable[[str], Any]]:
    """Part logs of the real journal, by key, with everything it writes."""
    from datetime import UTC, datetime

    from vidcdn_desktop.jobs.journal import JobRecord, Journal

    journal = Journal(folder / "state.sqlite3")

    def log_for(key: str) -> Any:
        now = datetime.now(UTC)
        journal.save_job(
            JobRecord(id=key, kind="publish", state="running", title=key, created=now, bucket=BUCKET, key=key)
        )
        journal.claim(key)
        return journal.part_log(key, key=key, profile_id="bench", endpoint="")

    try:
        yield log_for
    finally:
        journal.close()


def _ours(target: Target, paths: list[Path], keys: list[str], workers: int, parallel: int, fixed: bool) -> None:
    """Send each film through the fast-start view, with journal and checksums."""
    import tempfile

    from vidcdn_desktop.bytesource import FileSource
    from vidcdn_desktop.cancel import CancelToken
    from vidcdn_desktop.media.faststart import plan_fast_start
    from vidcdn_desktop.progress import ProgressMeter
    from vidcdn_desktop.storage.crowd import Sending, send_all
    from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
    from vidcdn_desktop.storage.upload import upload

    token = CancelToken()
    meter = ProgressMeter(sum(path.stat().st_size for path in paths))
    storage = storage_for(target, max(parallel, 16) if workers == 1 else workers)
    choice = how_many(parallel, fixed)
    with tempfile.TemporaryDirectory() as name, memory(Path(name)) as log_for:

        def send(path: Path, key: str) -> None:
            with FileSource(path) as original:
                source = plan_fast_start(original).source
                stored = upload(
                    storage, source, ObjectRef(BUCKET, key), ObjectHeaders("video/mp4"),
                    token=token, meter=meter, part_log=log_for(key), only_if_absent=False,
                    check_source=original.check_unchanged, **choice,
                )  # fmt: skip
            assert stored.size == path.stat().st_size

        _warm(storage._transfer)
        _ready()
        if workers == 1:
            for path, key in zip(paths, keys, strict=True):
                send(path, key)
        elif fixed:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(send, paths, keys))
        else:
            pairs = zip(paths, keys, strict=True)
            sendings = [Sending(path.stat().st_size, partial(send, path, key)) for path, key in pairs]
            send_all(sendings, token=token, sent_bytes=lambda: meter.sent_bytes)


def storage_for(target: Target, connections: int, server: servers.Endpoint | None = None) -> Any:
    """The store as the program opens it; `server` tells whose keys to use."""
    import boto3

    from vidcdn_desktop.credentials.sdk import client_config, prepare_s3_client
    from vidcdn_desktop.storage.s3 import S3Storage

    known = server or servers.Endpoint(target.url)
    session = boto3.session.Session(
        aws_access_key_id=known.access_key_id,
        aws_secret_access_key=known.secret_access_key,
        region_name=known.region,
    )
    config = client_config(path_style=True, endpoint_url=target.url, max_connections=connections + 4, attempts=1)
    client = session.client("s3", endpoint_url=target.url, config=config, verify=target.verify or None)
    prepare_s3_client(client)
    return S3Storage(client)


def how_many(parallel: int, fixed: bool) -> dict[str, Any]:
    """Arguments of `upload` for the number of parts: found out, or fixed for comparison."""
    if fixed:
        from vidcdn_desktop.storage.governor import Governor

        begin = Governor.__init__

        def at_once(self: Governor, most: int, parts: int, *few: int) -> None:
            begin(self, most, parts, *few)
            self.target = min(most, parts)

        Governor.__init__ = at_once  # type: ignore[method-assign]
        Governor.observe = lambda self, *_: self.target  # type: ignore[method-assign]
    return {"parallel": parallel} if parallel else {}


# Peers in Python


def _boto3(target: Target, paths: list[Path], keys: list[str], workers: int) -> None:
    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config
    from s3transfer.manager import TransferManager

    known = servers.Endpoint(target.url)
    client = boto3.client(
        "s3", endpoint_url=target.url, verify=target.verify or None, region_name=known.region,
        aws_access_key_id=known.access_key_id, aws_secret_access_key=known.secret_access_key,
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    _warm(client)
    _ready()
    if workers == 1:
        for path, key in zip(paths, keys, strict=True):
            client.upload_file(str(path), BUCKET, key)
        return
    with TransferManager(client, TransferConfig()) as manager:
        futures = [manager.upload(str(path), BUCKET, key) for path, key in zip(paths, keys, strict=True)]
        for future in futures:
            future.result()


def _obstore(target: Target, paths: list[Path], keys: list[str], workers: int) -> None:
    sys.path.insert(0, str(PEERS))
    import obstore
    from obstore.store import S3Store

    known = servers.Endpoint(target.url)
    store = S3Store(
        BUCKET, endpoint=target.url, access_key_id=known.access_key_id, secret_access_key=known.secret_access_key,
        region=known.region, virtual_hosted_style_request=False, unsigned_payload=True,
        client_options={"allow_http": True, "allow_invalid_certificates": True},
    )  # fmt: skip
    obstore.put(store, "bench/warm", b"1")
    _ready()

    def send(path: Path, key: str) -> None:
        obstore.put(store, key, path, chunk_size=16 << 20, max_concurrency=8)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(send, paths, keys))


# Programs


def s5cmd(target: Target, source: Path) -> tuple[float, float, float]:
    """s5cmd with its defaults; a film, or everything in a folder."""
    what = f"{source}/*" if source.is_dir() else str(source)
    trust = ["--no-verify-ssl"] if target.verify else []
    command = [program("s5cmd"), *trust, "--endpoint-url", target.url, "cp", what, f"s3://{BUCKET}/s5cmd/"]
    return measuring.run_program(command, target.environment())


def rclone(target: Target, source: Path, *options: str) -> tuple[float, float, float]:
    """rclone with its defaults beside `options`; a film, or everything in a folder."""
    known = servers.Endpoint(target.url)
    remote = (
        f":s3,provider=Other,env_auth=true,region={known.region},force_path_style=true,"
        f"endpoint='{target.url}':{BUCKET}/rclone"
    )
    # The sink answers every part with the same ETag, which rclone would take for damage.
    lenient = ["--s3-no-check-bucket", "--s3-no-head", "--ignore-checksum"]
    command = [program("rclone"), "copy", str(source), remote, *lenient, "--config", ""]
    trust = ["--ca-cert", target.verify] if target.verify else []
    return measuring.run_program([*command, *trust, *options], target.environment())


def in_python(
    engine: str, target: Target, source: Path, *, workers: int = 1, parallel: int = 0, fixed: bool = False
) -> tuple[float, float, float]:
    """One of the Python engines in a process of its own."""
    arguments = [engine, target.url, target.verify, str(source), str(workers), str(parallel), str(int(fixed))]
    return measuring.run_python(Path(__file__), arguments, target.environment())


def _imports() -> None:
    """What an application has loaded long before it sends."""

    import vidcdn_desktop.jobs.journal
    import vidcdn_desktop.media.faststart
    import vidcdn_desktop.storage.upload  # noqa: F401


_begun: list[float] = [0.0, 0.0]
"""CPU and clock when sending could begin."""


def _warm(client: Any) -> None:
    """One small object first: an application has spoken to its bucket before, and the SDK reads its rules then."""
    client.put_object(Bucket=BUCKET, Key="bench/warm", Body=b"1")


def _ready() -> None:
    """Clients and journal stand, as they do in an application that is running: count from here."""
    _begun[:] = [measuring.own_cpu_s(), time.perf_counter()]


def main() -> None:
    """Run one Python engine; figures on stdout."""
    engine, url, verify, source, workers, parallel, fixed = sys.argv[1:]
    target, path = Target(url, verify), Path(source)
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    keys = [f"bench/{os.getpid()}/{p.name}" for p in paths]
    _imports()
    _ready()
    if engine == "ours":
        _ours(target, paths, keys, int(workers), int(parallel), bool(int(fixed)))
    elif engine == "boto3":
        _boto3(target, paths, keys, int(workers))
    else:
        _obstore(target, paths, keys, int(workers))
    wall, cpu = time.perf_counter() - _begun[1], measuring.own_cpu_s() - _begun[0]
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": measuring.peak_mib()}))


if __name__ == "__main__":
    main()
