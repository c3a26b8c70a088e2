"""The practice cloud's own process: `python -m vidcdn_desktop.practice.server`.

Speaks to its parent over pipes only. It reads one JSON line from stdin (`folder`, `invalidation_delay_s`,
`error_ttl_s`), prints one JSON line with ports and keys to stdout when it is ready, and ends when stdin closes or on
SIGTERM. Keys are made here, live in memory, and appear in no argument, file or log.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import signal
import string
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

REGION = "us-east-1"
BUCKET = "practice-media"
UNSERVED_BUCKET = "practice-unserved"
_SPOOL_BYTES = 1024 * 1024
"""Larger objects and parts live in unlinked files below the private folder, not in memory."""
_CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
_CORS = [
    {
        "AllowedOrigin": "*",
        "AllowedMethod": ["GET", "HEAD"],
        "AllowedHeader": "*",
        "ExposeHeader": ["ETag", "Content-Range"],
        "MaxAgeSeconds": "600",
    }
]


class _Ended(BaseException):
    """SIGTERM."""


def main() -> int:
    """Serve until the parent closes our stdin."""
    signal.signal(signal.SIGTERM, _on_term)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    answers = _private_stdout()
    config = json.loads(sys.stdin.buffer.readline() or b"{}")
    folder = Path(config.get("folder") or tempfile.mkdtemp(prefix="vidcdn-practice-"))
    tempfile.tempdir = str(folder)
    try:
        # A failure here leaves the folder: the parent reads the reason in it, then removes it.
        ready = start(float(config.get("invalidation_delay_s", 2.0)), float(config.get("error_ttl_s", 2.0)))
    except _Ended:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    try:
        os.write(answers, json.dumps(ready).encode() + b"\n")
        os.close(answers)
        while sys.stdin.buffer.read(4096):
            pass
    except (_Ended, BrokenPipeError):
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _on_term(_number: int, _frame: FrameType | None) -> None:
    raise _Ended


def _private_stdout() -> int:
    """Our answer's descriptor; whatever a library prints goes to stderr instead."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def start(invalidation_delay_s: float, error_ttl_s: float) -> dict[str, Any]:
    """Start all servers in daemon threads, build the ready-made world, and say where everything is."""
    os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(_SPOOL_BYTES)  # moto reads these when it is imported
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    from vidcdn_desktop.practice import store
    from vidcdn_desktop.practice.control import PracticeCloudFront
    from vidcdn_desktop.practice.fleet import LOOPBACK, Fleet
    from vidcdn_desktop.practice.gate import Gate, QuietRequestHandler
    from vidcdn_desktop.practice.invalidations import Ledger
    from vidcdn_desktop.practice.origin import ACCOUNT_ID

    store.install()

    def public_keys(group_ids: Any) -> dict[str, str]:
        groups = [cloudfront.key_groups[name] for name in group_ids if name in cloudfront.key_groups]
        names = [key for group in groups for key in group.items if key in cloudfront.public_keys]
        return {name: cloudfront.public_keys[name].encoded_key for name in names}

    ledger = Ledger(invalidation_delay_s, lambda name, paths: fleet.drop(name, paths), time.monotonic)
    fleet = Fleet(public_keys, ledger.settle, error_ttl_s=error_ttl_s)
    cloudfront = PracticeCloudFront(fleet, ledger)
    cloudfront.install()
    distribution = _world(cloudfront)

    alphabet = string.ascii_uppercase + string.digits
    access_key_id = "PRACTICE" + "".join(secrets.choice(alphabet) for _ in range(12))
    secret_access_key = secrets.token_urlsafe(30)
    gate = Gate(DomainDispatcherApplication(create_backend_app), access_key_id, secret_access_key)
    server = make_server(LOOPBACK, 0, gate, threaded=True, request_handler=QuietRequestHandler)
    threading.Thread(target=server.serve_forever, name="api", daemon=True).start()
    endpoint = f"http://{LOOPBACK}:{server.server_address[1]}"
    return {
        "endpoint_url": endpoint,
        "cloudfront_endpoint_url": endpoint,
        "sts_endpoint_url": endpoint,
        "access_key_id": access_key_id,
        "secret_access_key": secret_access_key,
        "account_id": ACCOUNT_ID,
        "region": REGION,
        "bucket": BUCKET,
        "distribution_id": distribution.id,
        "edge_url": f"http://{distribution.domain_name}",
    }


def _world(cloudfront: Any) -> Any:
    """Two buckets, and one distribution that serves the first."""
    from moto.s3.models import s3_backends

    s3 = s3_backends[cloudfront.account_id]["aws"]
    for name in (BUCKET, UNSERVED_BUCKET):
        s3.create_bucket(name, REGION)
    s3.put_bucket_versioning(BUCKET, "Enabled")
    s3.put_bucket_cors(BUCKET, _CORS)
    config = {
        "CallerReference": "practice-media",
        "Comment": "Practice cloud",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": BUCKET,
                    "DomainName": f"{BUCKET}.s3.{REGION}.amazonaws.com",
                    "OriginPath": "",
                    "S3OriginConfig": {"OriginAccessIdentity": ""},
                }
            ],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": BUCKET,
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": _CACHING_OPTIMIZED,
        },
    }
    distribution, _, _ = cloudfront.create_distribution(config, [])
    distribution.advance()  # from InProgress to Deployed
    return distribution


if __name__ == "__main__":
    code = main()
    # Daemon threads still hold sockets and moto's temporary files; there is nothing left worth an orderly teardown.
    os._exit(code)
