"""Real servers for the tests: moto, OpenStack Swift's s3api, the byte sink, and a TCP proxy that misbehaves.

Each is a context manager that gives where it listens, on a free loopback port, and ends it all on leaving.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_S = 40.0


@dataclass(frozen=True)
class Endpoint:
    """A running S3 server and a key it accepts."""

    url: str
    access_key_id: str = "practice"
    secret_access_key: str = "practice-secret"
    region: str = "us-east-1"
    name: str = "moto"
    authority: str = ""
    """File with the certificate to trust; empty for http."""

    def client(self, *, attempts: int | None = None, url: str = "", verify: Any = None, **keys: str) -> Any:
        """A client as the program builds it; `attempts` overrides the number of tries to keep failures quick."""
        import boto3
        from botocore.config import Config

        from vidcdn_desktop.credentials.sdk import client_config, prepare_s3_client

        target = url or self.url
        config = client_config(path_style=True, endpoint_url=target)
        if attempts is not None:
            config = config.merge(Config(retries={"mode": "standard", "max_attempts": attempts}))
        session = boto3.session.Session(
            aws_access_key_id=keys.get("access_key_id", self.access_key_id),
            aws_secret_access_key=keys.get("secret_access_key", self.secret_access_key),
            region_name=self.region,
        )
        trust = verify if verify is not None else self.authority or None
        client = session.client("s3", endpoint_url=target, config=config, verify=trust)
        prepare_s3_client(client)
        return client


def free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            sock = stack.enter_context(socket.socket())
            sock.bind(("127.0.0.1", 0))
            ports.append(sock.getsockname()[1])
        return ports


def _wait_until(ready: Callable[[], bool], alive: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    pause = threading.Event()
    while not ready():
        if not alive() or time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come up")
        pause.wait(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def moto_server() -> Iterator[Endpoint]:
    """moto's server in this process, on its own thread."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Endpoint(f"http://{host}:{port}")
    finally:
        server.stop()


def sink_source() -> Path | None:
    """The sink's C file: `VIDCDN_SINK`, or beside the repository; None where it is not."""
    for path in (os.environ.get("VIDCDN_SINK"), _ROOT.parent / "shared" / "tools" / "sink" / "s3sink.c"):
        if path and Path(path).is_file():
            return Path(path)
    return None


_SINK_ECHO = (
    ("char target[4096];\n", "char target[4096]; char crc[64];\n"),
    ("c->keep = 1; c->left = 0;", "c->crc[0] = 0; c->keep = 1; c->left = 0;"),
    (
        'else if (!strncasecmp(l, "expect:", 7)) c->s100 = 1;',
        'else if (!strncasecmp(l, "expect:", 7)) c->s100 = 1;\n'
        '        else if (!strncasecmp(l, "x-amz-checksum-crc64nvme:", 25)) sscanf(l + 25, " %63[^\\r]", c->crc);',
    ),
    (
        'reply(c, "200 OK", "ETag: \\"9e107d9d372bb6826bd81d3542a419d6\\"\\r\\n", "", 0, 0, 0, 0);',
        'snprintf(b, sizeof b, "ETag: \\"9e107d9d372bb6826bd81d3542a419d6\\"\\r\\n%s%s%s", c->crc[0]'
        ' ? "x-amz-checksum-type: FULL_OBJECT\\r\\nx-amz-checksum-crc64nvme: " : "", c->crc,'
        ' c->crc[0] ? "\\r\\n" : "");\n'
        '        reply(c, "200 OK", b, "", 0, 0, 0, 0);',
    ),
    (
        '-9&quot;</ETag></CompleteMultipartUploadResult>")',
        "-9&quot;</ETag><ChecksumCRC64NVME>%s</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>"
        '</CompleteMultipartUploadResult>", c->crc)',
    ),
)
"""What makes the sink tell the checksum it was told, as S3 does."""


@contextlib.contextmanager
def s3sink(
    folder: Path,
    *,
    tls: tuple[Path, Path] | None = None,
    rate_bytes_per_s: int = 0,
    delay_ms: int = 0,
    tells_checksums: bool = False,
) -> Iterator[Endpoint]:
    """The byte sink: takes uploads and throws them away. Built with `cc` into `folder`.

    A long link is one with a rate for each connection and a delay before each answer. A sink that tells checksums
    answers like S3, which confirms the checksum an object came with; else like a store that keeps none.

    Raises: FileNotFoundError: no C file, or no compiler.
    """
    source, compiler = sink_source(), shutil.which("cc")
    if source is None or compiler is None:
        raise FileNotFoundError("the sink needs cc and s3sink.c (set VIDCDN_SINK)")
    program = folder / "s3sink"
    text = source.read_text("utf-8")
    for before, after in _SINK_ECHO if tells_checksums else ():
        assert text.count(before) == 1, f"the sink's source has changed: {before}"
        text = text.replace(before, after)
    command = [compiler, "-O2", "-o", str(program), "-x", "c", "-", "-lssl", "-lcrypto"]
    subprocess.run(command, input=text.encode(), check=True, capture_output=True)
    port = free_ports(1)[0]
    command = [str(program), "-p", str(port), "-n", "1"]
    if tls:
        command += ["-t", str(tls[0]), str(tls[1])]
    if rate_bytes_per_s:
        command += ["-r", str(rate_bytes_per_s)]
    if delay_ms:
        command += ["-d", str(delay_ms)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until(lambda: _listens(port), lambda: process.poll() is None, "the sink")
        yield Endpoint(f"{'https' if tls else 'http'}://127.0.0.1:{port}", name="sink")
    finally:
        process.terminate()
        process.wait(10)


_SWIFT_COMMON = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {conf}
log_level = WARNING
log_address = {folder}/none
"""

_SWIFT_NODE = """devices = {folder}/node
mount_check = false
disable_fallocate = true
recon_cache_path = {folder}/recon
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""

_SWIFT_PROXY = """[pipeline:main]
pipeline = catch_errors healthcheck listing_formats bulk s3api tempauth
    copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
[filter:dlo]
use = egg:swift#dlo
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_upload_part_num = 10000
check_bucket_owner = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing-secret .admin
"""


@contextlib.contextmanager
def swift(folder: Path) -> Iterator[Endpoint]:
    """OpenStack Swift with s3api: four processes, one replica. `VIDCDN_SWIFT_BIN` names its programs' folder.

    `folder` must be on a file system with user extended attributes.

    Raises: FileNotFoundError: `VIDCDN_SWIFT_BIN` is not set or not such a folder.
    """
    import getpass

    programs = os.environ.get("VIDCDN_SWIFT_BIN", "")
    if not programs or not (Path(programs) / "swift-proxy-server").is_file():
        raise FileNotFoundError("set VIDCDN_SWIFT_BIN to the bin folder of an environment with swift==2.38.3")
    conf = folder / "conf"
    for name in ("conf", "node/d1", "recon"):
        (folder / name).mkdir(parents=True)
    ports = dict(zip(("proxy", "object", "container", "account"), free_ports(4), strict=True))
    (conf / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n"
        "[storage-policy:0]\nname = gold\ndefault = yes\n"
    )
    for name, port in ports.items():
        common = _SWIFT_COMMON.format(port=port, user=getpass.getuser(), conf=conf, folder=folder)
        rest = _SWIFT_PROXY if name == "proxy" else _SWIFT_NODE.format(folder=folder, name=name)
        (conf / f"{name}.conf").write_text(common + rest)
    environment = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "SWIFT_DIR": str(conf)}
    for name in ("object", "container", "account"):
        ring = [f"{programs}/swift-ring-builder", str(conf / f"{name}.builder")]
        for arguments in (["create", "4", "1", "0"], ["add", f"r1z1-127.0.0.1:{ports[name]}/d1", "1"], ["rebalance"]):
            subprocess.run([*ring, *arguments], env=environment, check=False, capture_output=True)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("account", "container", "object", "proxy"):
            running.append(
                subprocess.Popen(
                    [f"{programs}/swift-{name}-server", str(conf / f"{name}.conf")],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )
        url = f"http://127.0.0.1:{ports['proxy']}"

        def healthy() -> bool:
            if not all(_listens(port) for port in ports.values()):
                return False
            try:
                with urllib.request.urlopen(f"{url}/healthcheck", timeout=2) as reply:
                    return bool(reply.status == 200)
            except OSError:
                return False

        _wait_until(healthy, lambda: all(p.poll() is None for p in running), "Swift")
        yield Endpoint(url, "test:tester", "testing-secret", name="swift")
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)


@dataclass
class Verdict:
    """What the proxy does with one request; the default passes it on."""

    answer: bytes = b""
    """Sent instead of passing the request on, after its body was read."""
    cut_after: int | None = None
    """Reset the connection after this many bytes of the request."""
    cut_reply: bool = False
    """Pass the request on, then reset the connection instead of giving the answer."""
    stall: threading.Event | None = None
    """Read nothing more of the request until the event is set."""


class FaultyProxy:
    """An HTTP-aware TCP proxy in front of a server. `decide(method, target)` is asked for every request."""

    def __init__(self, upstream: str) -> None:
        self._upstream = int(upstream.rsplit(":", 1)[1])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.decide: Callable[[str, str], Verdict] = lambda method, target: Verdict()
        self.requests: list[tuple[str, str]] = []
        self.body_bytes = 0
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> FaultyProxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        self._accepting.join(5)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._closing.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            connection, _ = self._listener.accept()
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _recv(self, sock: socket.socket, size: int) -> bytes:
        while not self._closing.is_set():
            if select.select([sock], [], [], 0.05)[0]:
                return sock.recv(size)
        return b""

    def _head(self, sock: socket.socket) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self._recv(sock, 65536)
            if not piece:
                return b"", b""
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n", rest

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while True:
                head, body = self._head(client)
                if not head:
                    return
                if not self._request(client, head, body):
                    return

    def _request(self, client: socket.socket, head: bytes, body: bytes) -> bool:
        method, target = head.split(b" ", 2)[0].decode(), head.split(b" ", 2)[1].decode()
        self.requests.append((method, target))
        verdict = self.decide(method, target)
        found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        left = int(found[1]) if found else 0
        if re.search(rb"(?i)\r\nexpect: *100-continue", head):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = re.sub(rb"(?i)\r\nexpect: *100-continue", b"", head)
        head = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        passing = not verdict.answer and verdict.cut_after is None
        with contextlib.ExitStack() as stack:
            server = None
            if passing:
                server = stack.enter_context(socket.create_connection(("127.0.0.1", self._upstream)))
                server.sendall(head)
            seen = 0
            while True:
                if verdict.stall is not None:
                    while not verdict.stall.wait(0.05) and not self._closing.is_set():
                        pass
                if body:
                    self.body_bytes += len(body)
                    seen += len(body)
                    left -= len(body)
                    if server is not None:
                        server.sendall(body)
                if verdict.cut_after is not None and seen >= verdict.cut_after:
                    self._reset(client)
                    return False
                if left <= 0:
                    break
                body = self._recv(client, min(left, 1 << 16))
                if not body:
                    return False
            if verdict.answer:
                client.sendall(verdict.answer)
                return True
            assert server is not None
            reply = b""
            while piece := self._recv(server, 1 << 16):
                reply += piece
            if verdict.cut_reply:
                self._reset(client)
                return False
            client.sendall(reply)
            return False  # the server closes after each answer, and its headers say so

    @staticmethod
    def _reset(sock: socket.socket) -> None:
        import struct

        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


def http_answer(status: str, code: str) -> bytes:
    """An S3 error as a complete HTTP answer."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, as PEM files in `folder`."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file
