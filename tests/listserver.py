"""A listing endpoint of our own: ListObjectsV2 over keys that are rendered beforehand, so that listers are measured.

    python tests/listserver.py --objects 100000 --shape flat --delay-ms 60

prints where it listens, and ends when its standard input closes. Understands prefix, delimiter, start-after,
continuation-token and max-keys; ListObjectVersions and everything else is refused. Looks at no signature.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote_plus, urlsplit

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
_ABOVE_ALL = "\U0010ffff"


def flat(number: int, total: int) -> str:
    """One folder, names that count up."""
    return f"videos/landscape/clip-{number:0{len(str(total))}}.mp4"


def folders(number: int, total: int) -> str:
    """Sixteen folders of the same size."""
    return f"films/{number * 16 // total:02}/take-{number:07}-1080p.mp4"


def hashes(number: int, total: int) -> str:
    """Names that begin with a hash."""
    import hashlib

    del total
    return f"{hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()[:16]}/master.m3u8"


def uneven(number: int, total: int) -> str:
    """One large folder between many small ones."""
    if number % 10:
        return f"users/m-large/{number:07}.mp4"
    return f"users/{'abcdefghij'[number // 10 % 10]}-{number * 37 % total:07}/a.mp4"


SHAPES: dict[str, Callable[[int, int], str]] = {
    "flat": flat, "folders": folders, "hashes": hashes, "uneven": uneven,
}  # fmt: skip


@dataclass
class Bucket:
    """What is listed, and what was asked."""

    keys: Sequence[str]
    entries: list[bytes]
    delay_s: float = 0.0
    ignores_start_after: bool = False
    """As a directory bucket does."""
    asked: list[dict[str, str]] = field(default_factory=list)
    on_request: Callable[[dict[str, str]], bytes | None] = lambda _query: None
    """Gives a whole HTTP answer instead of the listing, or None."""

    @classmethod
    def of(cls, keys: Sequence[str]) -> Bucket:
        """A bucket with these keys."""
        ordered = sorted(set(keys))
        entries = [
            (
                f"<Contents><Key>{quote_plus(key, safe='/*-._~')}</Key>"
                f"<LastModified>2026-11-{1 + i % 28:02}T09:{i % 60:02}:31.000Z</LastModified>"
                f"<ETag>&quot;{i:032x}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
                f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{i * 977 % 5_000_000_000}</Size>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
            ).encode()
            for i, key in enumerate(ordered)
        ]
        return cls(ordered, entries)

    def answer(self, query: dict[str, str]) -> bytes:
        """The XML for one request."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        limit, token = min(1000, int(query.get("max-keys") or 1000)), query.get("continuation-token", "")
        low = "" if self.ignores_start_after else query.get("start-after", "")
        at = int(token[1:]) if token else bisect_right(self.keys, low) if low >= prefix else 0
        if not token and low < prefix:
            at = bisect_right(self.keys, prefix)
            at -= at > 0 and self.keys[at - 1] == prefix
        stop = bisect_right(self.keys, prefix + _ABOVE_ALL) if prefix else len(self.keys)
        found, common, at = self._page(at, stop, prefix, delimiter, limit)
        more = at < stop
        head = (
            f"{_HEAD}<Name>b</Name><Prefix>{quote_plus(prefix)}</Prefix><KeyCount>{len(found) + len(common)}</KeyCount>"
            f"<MaxKeys>{limit}</MaxKeys><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
            + (f"<NextContinuationToken>t{at}</NextContinuationToken>" if more else "")
        )
        tail = "".join(f"<CommonPrefixes><Prefix>{quote_plus(c, safe='/')}</Prefix></CommonPrefixes>" for c in common)
        return b"".join([head.encode(), *found, tail.encode(), b"</ListBucketResult>"])

    def _page(self, at: int, stop: int, prefix: str, delimiter: str, limit: int) -> tuple[list[bytes], list[str], int]:
        if not delimiter:
            return self.entries[at : min(stop, at + limit)], [], min(stop, at + limit)
        found: list[bytes] = []
        common: list[str] = []
        while at < stop and len(found) + len(common) < limit:
            end = self.keys[at].find(delimiter, len(prefix))
            if end < 0:
                found.append(self.entries[at])
                at += 1
            else:
                common.append(self.keys[at][: end + len(delimiter)])
                at = bisect_right(self.keys, common[-1] + _ABOVE_ALL)
        return found, common, at


async def serve(bucket: Bucket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            query = {
                name: values[0] for name, values in parse_qs(urlsplit(target).query, keep_blank_values=True).items()
            }
            bucket.asked.append(query)
            answer = bucket.on_request(query)
            if answer is None:
                body = bucket.answer(query)
                answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n" % len(body)
                answer += body
            if bucket.delay_s:
                await asyncio.sleep(bucket.delay_s)
            writer.write(answer)
            await writer.drain()
    # Nobody is there to read the rest: a transport that still waits for it would outlive its loop.
    writer.transport.abort()


@contextlib.contextmanager
def listening(bucket: Bucket) -> Iterator[str]:
    """The endpoint on a thread of this process; gives its address."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(lambda r, w: serve(bucket, r, w), "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        server.close()
        # A connection that was just taken gets its task a turn later, and a transport tells of its end one later still.
        for _ in range(10):
            rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            await asyncio.sleep(0)

    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def in_process(objects: int, shape: str, delay_ms: int) -> Iterator[str]:
    """The endpoint in a process of its own; gives its address."""
    command = [sys.executable, __file__, "--objects", str(objects), "--shape", shape, "--delay-ms", str(delay_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.stdin.close()
            process.wait(10)


def main() -> None:
    """Serve until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--shape", choices=tuple(SHAPES), default="flat")
    parser.add_argument("--delay-ms", type=int, default=0)
    arguments = parser.parse_args()
    bucket = Bucket.of([SHAPES[arguments.shape](n, arguments.objects) for n in range(arguments.objects)])
    bucket.delay_s = arguments.delay_ms / 1000
    with listening(bucket) as url:
        print(json.dumps({"url": url, "objects": len(bucket.keys)}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
