"""A store with the habits of `rclone serve s3`: it says yes to everything and keeps little of it.

UploadPartCopy answers 200 without an ETag and keeps an empty part, ranges are answered with 200, conditions, checksums
and subresources are not looked at (a delete of a subresource deletes the object), and the versions of an object are
not known. Keeps a list of what it was asked, and of what it holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from servers import Endpoint

SUBRESOURCES = ("acl", "tagging", "policy", "cors", "lifecycle", "versioning", "encryption", "publicAccessBlock")


class OddStore:
    """What the store holds and was asked.

    `denied`: methods that are refused with 403. `key_id`: where set, requests that another key signed are answered
    with ExpiredToken. `on_request(method, target)`: called before a request is looked at.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.asked: list[tuple[str, str]] = []
        self.denied: set[str] = set()
        self.key_id = ""
        self.signers: list[str] = []
        self.on_request: Callable[[str, str], None] = lambda _method, _target: None
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self.url = ""

    @property
    def endpoint(self) -> Endpoint:
        """How to reach it."""
        return Endpoint(self.url, name="odd")


@contextlib.contextmanager
def odd_store() -> Iterator[OddStore]:
    """A running store with one bucket per first path segment, all there from the start."""
    store = OddStore()

    class Handler(_Handler):
        pass

    Handler.store = store
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "oddstore"
    sys_version = ""
    disable_nagle_algorithm = True
    store: OddStore

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", headers.get("length", str(len(body))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        self._reply(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        path, query = unquote(parts.path).lstrip("/"), parse_qs(parts.query, keep_blank_values=True)
        with self.store.lock:
            self.store.asked.append((self.command, self.path))
            self.store.on_request(self.command, self.path)
            signed = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
            self.store.signers.append(signed[1] if signed else "")
            if self.store.key_id and self.store.signers[-1] != self.store.key_id:
                self._error(400, "ExpiredToken")
                return
            if self.command in self.store.denied:
                self._error(403, "AccessDenied")
                return
            getattr(self, f"_{self.command.lower()}")(path, query, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _put(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
        store = self.store
        if "uploadId" not in query:
            store.objects[path] = body
            self._reply(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')
            return
        number = int(query["partNumber"][0])
        if self.headers.get("x-amz-copy-source"):
            store.uploads[query["uploadId"][0]][1][number] = b""
            self._reply(200, b"<CopyPartResult></CopyPartResult>")
            return
        store.uploads[query["uploadId"][0]][1][number] = body
        self._reply(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def _post(self, path: str, query: dict[str, list[str]], _body: bytes) -> None:
        store = self.store
        bucket, _, key = path.partition("/")
        if "uploads" in query:
            upload_id = f"upload-{next(store.numbers)}"
            store.uploads[upload_id] = (path, {})
            names = f"<Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{upload_id}</UploadId>"
            self._reply(200, f"<InitiateMultipartUploadResult>{names}</InitiateMultipartUploadResult>".encode())
            return
        upload = store.uploads.pop(query["uploadId"][0], None)
        if upload is None:
            self._error(404, "NoSuchUpload")
            return
        store.objects[path] = b"".join(data for _, data in sorted(upload[1].items()))
        etag = hashlib.md5(store.objects[path]).hexdigest()
        xml = f'<CompleteMultipartUploadResult><Key>{key}</Key><ETag>"{etag}-1"</ETag></CompleteMultipartUploadResult>'
        self._reply(200, xml.encode())

    def _delete(self, path: str, query: dict[str, list[str]], _body: bytes) -> None:
        if "uploadId" in query:
            gone = self.store.uploads.pop(query["uploadId"][0], None)
            if gone is None:
                self._error(404, "NoSuchUpload")
                return
        else:
            self.store.objects.pop(path, None)
        self._reply(204)

    def _head(self, path: str, _query: dict[str, list[str]], _body: bytes) -> None:
        data = self.store.objects.get(path)
        if "/" not in path:
            self._reply(200)
        elif data is None:
            self._reply(404)
        else:
            self._reply(200, length=str(len(data)), ETag=f'"{hashlib.md5(data).hexdigest()}"')

    def _get(self, path: str, query: dict[str, list[str]], _body: bytes) -> None:
        store = self.store
        if "uploadId" in query:
            parts = "".join(
                f'<Part><PartNumber>{n}</PartNumber><ETag>"{hashlib.md5(d).hexdigest()}"</ETag><Size>{len(d)}</Size></Part>'
                for n, d in sorted(store.uploads[query["uploadId"][0]][1].items())
            )
            self._reply(200, f"<ListPartsResult>{parts}</ListPartsResult>".encode())
        elif "uploads" in query:
            rows = "".join(
                f"<Upload><Key>{p.partition('/')[2]}</Key><UploadId>{i}</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>"
                for i, (p, _) in store.uploads.items()
            )
            self._reply(200, f"<ListMultipartUploadsResult>{rows}</ListMultipartUploadsResult>".encode())
        elif "/" not in path or path.endswith("/"):  # every listing, whatever it is a listing of
            rows = "".join(
                f"<Contents><Key>{p.partition('/')[2]}</Key><Size>{len(d)}</Size><ETag>x</ETag>"
                "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
                for p, d in store.objects.items()
            )
            self._reply(200, f"<ListBucketResult>{rows}</ListBucketResult>".encode())
        elif path not in store.objects:
            self._error(404, "NoSuchKey")
        else:
            data = store.objects[path]
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if found:
                first, last = int(found[1]), min(int(found[2]), len(data) - 1)
                self._reply(200, data[first : last + 1], Content_Range=f"bytes {first}-{last}/{len(data)}")
            else:
                self._reply(200, data)
