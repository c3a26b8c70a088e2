"""A small S3 Control: CreateJob, DescribeJob and UpdateJobStatus over HTTP, signatures required, jobs that really work.

moto knows none of the three. A confirmed job reads its list from the store and does S3PutObjectTagging, S3PutObjectCopy
and S3InitiateRestoreObject there, a piece with every look at it, so that a test sees it run.

Run as a process: `python controlserver.py STORE_URL`; prints its address. `/log` tells the requests as JSON.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import subprocess
import sys
import threading
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

NAMESPACE = "http://awss3control.amazonaws.com/doc/2018-08-20/"
_NS = f"{{{NAMESPACE}}}"
ROLE = "arn:aws:iam::123456789012:role/vidcdn-batch"
OTHER_ROLE = "arn:aws:iam::123456789012:role/not-to-be-passed"
"""One the caller may not hand over."""


@dataclass
class Job:
    """What was asked for, and how far it is."""

    request: ET.Element
    status: str = "Preparing"
    lines: list[list[str]] = field(default_factory=list)
    done: int = 0
    failed: int = 0
    reason: str = ""


def text(element: ET.Element, path: str) -> str:
    """What stands there; empty where nothing does."""
    return element.findtext("/".join(f"{_NS}{part}" for part in path.split("/"))) or ""


class World:
    """The jobs, and a client of the store they work in."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.jobs: dict[str, Job] = {}
        self.tokens: dict[str, str] = {}
        self.log: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self._numbers = itertools.count(1)

    def create(self, body: bytes) -> tuple[int, str]:
        request = ET.fromstring(body)
        if text(request, "RoleArn") == OTHER_ROLE:
            return 403, _error("AccessDenied", "User is not authorized to perform: iam:PassRole")
        token = text(request, "ClientRequestToken")
        if token not in self.tokens:
            self.tokens[token] = f"job-{next(self._numbers)}"
            self.jobs[self.tokens[token]] = Job(request)
        return 200, _answer("CreateJobResult", f"<JobId>{self.tokens[token]}</JobId>")

    def describe(self, job_id: str) -> tuple[int, str]:
        job = self.jobs.get(job_id)
        if job is None:
            return 404, _error("NoSuchJob", "The specified job does not exist.")
        self.work(job)
        reason = f"<member><FailureReason>{escape(job.reason)}</FailureReason></member>" if job.reason else ""
        return 200, _answer(
            "DescribeJobResult",
            f"<Job><JobId>{job_id}</JobId><Status>{job.status}</Status>"
            f"<FailureReasons>{reason}</FailureReasons><ProgressSummary>"
            f"<TotalNumberOfTasks>{len(job.lines)}</TotalNumberOfTasks>"
            f"<NumberOfTasksSucceeded>{job.done}</NumberOfTasksSucceeded>"
            f"<NumberOfTasksFailed>{job.failed}</NumberOfTasksFailed></ProgressSummary></Job>",
        )

    def set_status(self, job_id: str, wanted: str) -> tuple[int, str]:
        job = self.jobs.get(job_id)
        if job is None:
            return 404, _error("NoSuchJob", "The specified job does not exist.")
        if job.status in ("Complete", "Failed", "Cancelled") or (wanted == "Ready" and job.status != "Suspended"):
            return 400, _error("JobStatusException", "The job is not in a state for this.")
        job.status = wanted
        return 200, _answer("UpdateJobStatusResult", f"<JobId>{job_id}</JobId><Status>{wanted}</Status>")

    # The work itself
    def work(self, job: Job) -> None:
        """One step on the way of a job."""
        if job.status == "Preparing":
            self._prepare(job)
        elif job.status == "Ready":
            job.status = "Active"
        elif job.status == "Active":
            half = max(1, len(job.lines) // 2)
            for line in job.lines[job.done + job.failed :][:half]:
                self._one(job, line)
            if job.done + job.failed == len(job.lines):
                job.status = "Complete"

    def _prepare(self, job: Job) -> None:
        arn, etag = text(job.request, "Manifest/Location/ObjectArn"), text(job.request, "Manifest/Location/ETag")
        bucket, _, key = arn.rpartition(":")[2].partition("/")
        reply = self.store.get_object(Bucket=bucket, Key=key)
        if reply["ETag"].strip('"') != etag.strip('"'):
            job.status, job.reason = "Failed", "Reading the manifest is forbidden: ETag mismatch"
            return
        job.lines = list(csv.reader(reply["Body"].read().decode().splitlines()))
        job.status = "Suspended"

    def _one(self, job: Job, line: list[str]) -> None:
        bucket, key = line[0], unquote(line[1])
        version = {"VersionId": line[2]} if len(line) > 2 else {}
        operation = job.request.find(f"{_NS}Operation")
        assert operation is not None
        does = operation[0]
        try:
            if does.tag == f"{_NS}S3PutObjectTagging":
                pairs = [
                    {"Key": text(member, "Key"), "Value": text(member, "Value")}
                    for member in does.iterfind(f"{_NS}TagSet/{_NS}member")
                ]
                self.store.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": pairs})
            elif does.tag == f"{_NS}S3PutObjectCopy":
                prefix, to = text(does, "TargetKeyPrefix"), text(does, "TargetResource").rpartition(":")[2]
                self.store.copy_object(
                    Bucket=to,
                    Key=f"{prefix}/{key}" if prefix else key,
                    CopySource={"Bucket": bucket, "Key": key, **version},
                    StorageClass=text(does, "StorageClass") or "STANDARD",
                )
            else:
                self.store.restore_object(
                    Bucket=bucket, Key=key, RestoreRequest={"Days": int(text(does, "ExpirationInDays"))}
                )
            job.done += 1
        except Exception:  # noqa: BLE001 - whatever it is, this object has failed
            job.failed += 1


def _answer(name: str, body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{NAMESPACE}">{body}</{name}>'


def _error(code: str, message: str) -> str:
    return (
        f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        "<RequestId>request-1</RequestId></ErrorResponse>"
    )


def _handler(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def _serve(self, body: bytes) -> None:
            with world.lock:
                self._answer(body)

        def _answer(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/log":
                self._send(200, json.dumps(world.log), "application/json")
                return
            signed = "/s3/aws4_request" in self.headers.get("Authorization", "")
            account = self.headers.get("x-amz-account-id", "")
            world.log.append({"method": self.command, "path": self.path, "account": account, "body": body.decode()})
            if not signed or len(account) != 12:
                self._send(403, _error("AccessDenied", "Not signed for S3 Control"))
                return
            _, _, jobs, *rest = parts.path.split("/")
            assert jobs == "jobs"
            if not rest:
                self._send(*world.create(body))
            elif self.command == "GET":
                self._send(*world.describe(rest[0]))
            else:
                wanted = dict(pair.split("=") for pair in parts.query.split("&"))["requestedJobStatus"]
                self._send(*world.set_status(rest[0], wanted))

        def _send(self, status: int, body: str, kind: str = "application/xml") -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler


@dataclass(frozen=True)
class ControlServer:
    """A running one."""

    url: str

    def log(self) -> list[dict[str, str]]:
        """The requests so far."""
        with urllib.request.urlopen(f"{self.url}/log", timeout=20) as reply:
            found: list[dict[str, str]] = json.load(reply)
            return found


@contextlib.contextmanager
def control_server(store_url: str) -> Iterator[ControlServer]:
    """A process of its own, over a store."""
    command = [sys.executable, str(Path(__file__)), store_url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield ControlServer(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait(10)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def main(store_url: str) -> None:
    """Serve until killed."""
    import boto3
    from botocore.config import Config

    store = boto3.client(
        "s3",
        endpoint_url=store_url,
        region_name="us-east-1",
        aws_access_key_id="batch",
        aws_secret_access_key="batch-secret",
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(World(store)))
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
