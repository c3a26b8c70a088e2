"""What this program, ffmpeg and qtfaststart make of each file of the collection of real files.

    python tests/benchmarks/bench_compare.py [--media DIR] [--tool NAME ...] [--details] [--json]

Six ways: our fast-start view written out, the same sent to a real S3 server (moto) and fetched back, the file put into
a bucket as it is and repaired there; `ffmpeg -c copy -movflags +faststart` with its default streams and with `-map 0`;
qtfaststart, which is installed into .dev/peers-faststart. The collection lies in VIDCDN_MEDIA, or in ../shared/media;
its manifest.json says what is in each file. `lossless` has the rule. The exit code is 1 unless our verdicts are all
right and all we wrote is lossless.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests"), str(_ROOT / "tests" / "core" / "media"), str(Path(__file__).parent)]

import qtfaststart_peer
from lossless import Verdict, judge

import servers
from repairs import World, world_on
from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.repair import Repairer, RepairState
from vidcdn_desktop.jobs.repair_marks import Marks
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.upload import upload

_BLOCK = 8 << 20
_TIMEOUT_S = 120
_CONTAINERS = (".mp4", ".mov", ".m4a", ".3gp", ".mj2")
"""Names under which ffmpeg writes files of this family; all else is asked for as .mp4."""


class Failed(Exception):
    """A tool did not do it; the message is its last words."""


class Refused(Exception):
    """A tool says that there is nothing to do, or that it will not."""


@dataclass(frozen=True)
class Cell:
    """What one tool made of one file."""

    verdict: Verdict
    details: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it is good enough for us."""
        return self.verdict in (Verdict.LOSSLESS, Verdict.UNCHANGED)


Tool = Callable[[Path, Path], None]
"""Makes the second file out of the first. Raises: Failed, Refused."""


def by_view(source: Path, target: Path) -> None:
    """Our view, written out; a file that is left alone is written as it is."""
    with FileSource(source) as file, target.open("wb") as out:
        view = plan_fast_start(file).source
        for offset in range(0, view.size, _BLOCK):
            out.write(view.read_at(offset, _BLOCK))


def through_upload(connection: Connection, bucket: str) -> Tool:
    """Our view, sent with the program's engine and fetched back."""

    def run(source: Path, target: Path) -> None:
        ref = ObjectRef(bucket, f"upload/{source.name}")
        with FileSource(source) as file:
            stored = upload(
                connection.storage, plan_fast_start(file).source, ref, ObjectHeaders("video/mp4"),
                token=CancelToken(), meter=ProgressMeter(), only_if_absent=False, check_source=file.check_unchanged,
            )  # fmt: skip
        target.write_bytes(connection.storage.read_range(ref, 0, stored.size))

    return run


def through_repair(world: World, repairer: Repairer) -> Tool:
    """The file put into the bucket as it is, repaired there and fetched back."""

    def run(source: Path, target: Path) -> None:
        key = f"repair/{source.name}"
        world.put(source.read_bytes(), key)
        report = repairer.repair(ObjectRef(world.bucket, key), token=CancelToken())
        target.write_bytes(world.get(key)["Body"])
        if report.state not in (RepairState.REPAIRED, RepairState.ALREADY, RepairState.LEFT):
            raise Failed(report.reason)

    return run


def by_ffmpeg(*options: str) -> Tool:
    """What most people do."""

    def run(source: Path, target: Path) -> None:
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(source), *options, "-c", "copy"]
        _call([*command, "-movflags", "+faststart", str(target)])
        if not target.is_file() or not target.stat().st_size:
            raise Failed("nothing was written")

    return run


def by_qtfaststart(source: Path, target: Path) -> None:
    """The tool most Python programs use."""
    try:
        _call(qtfaststart_peer.command(source, target), qtfaststart_peer.environment())
    except Failed as exc:
        if "already" in str(exc):
            raise Refused(str(exc)) from exc
        raise
    if not target.is_file():
        raise Failed("nothing was written")


def _call(command: list[str], environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise Failed("it did not end") from exc
    if done.returncode:
        lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        raise Failed(lines[-1] if lines else f"exit code {done.returncode}")


@contextlib.contextmanager
def tools(folder: Path, wanted: list[str]) -> Iterator[dict[str, Tool]]:
    """Every tool by its name; ours have names that start so."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(servers.moto_server())
        world = stack.enter_context(world_on(server))
        connection = stack.enter_context(world.connection())
        repairer = stack.enter_context(Repairer(connection, marks=Marks(folder / "marks")))
        found: dict[str, Tool] = {
            "ours": by_view,
            "ours, uploaded": through_upload(connection, world.bucket),
            "ours, repaired": through_repair(world, repairer),
            "ffmpeg": by_ffmpeg(),
            "ffmpeg -map 0": by_ffmpeg("-map", "0"),
            "qtfaststart": by_qtfaststart,
        }
        yield {name: tool for name, tool in found.items() if not wanted or name in wanted}


def try_one(name: str, tool: Tool, entry: dict[str, Any], source: Path, folder: Path) -> Cell:
    """Run one tool on one file and judge what it wrote."""
    suffix = source.suffix.lower() if source.suffix.lower() in _CONTAINERS else ".mp4"
    target = folder / f"result{suffix}"
    target.unlink(missing_ok=True)
    try:
        tool(source, target)
    except Refused:
        return Cell(Verdict.UNCHANGED)
    except Failed as exc:
        return Cell(Verdict.FAILS, (str(exc)[:160],))
    verdict, details = judge(entry, source, target, strict=name.startswith("ours"))
    return Cell(verdict, tuple(details))


def verdict_is_right(entry: dict[str, Any], path: Path) -> bool:
    """Whether our conclusion about a file is one of the right ones."""
    with FileSource(path) as file:
        return plan_fast_start(file).report.layout.value in (entry["expected"], *entry["also_ok"])


def media_folder() -> Path | None:
    """The collection, where it is there."""
    for folder in (os.environ.get("VIDCDN_MEDIA"), _ROOT.parent / "shared" / "media"):
        if folder and (Path(folder) / "manifest.json").is_file():
            return Path(folder)
    return None


def print_files(entries: list[dict[str, Any]], table: dict[str, dict[str, Cell]], *, details: bool) -> None:
    """One line a file."""
    names = list(next(iter(table.values())))
    print(f"{'file':36}{'expected':13}" + "".join(f"{name:16}" for name in names))
    for entry in entries:
        row = table[entry["name"]]
        print(f"{entry['name'][:35]:36}{entry['expected']:13}" + "".join(f"{row[n].verdict.value:16}" for n in names))
        for name in names if details else ():
            for text in row[name].details:
                print(f"    {name}: {text}")


def print_summary(entries: list[dict[str, Any]], table: dict[str, dict[str, Cell]]) -> None:
    """How often each tool came to each end."""
    names = list(next(iter(table.values())))
    groups = {
        "whose index can be moved": [e["name"] for e in entries if e["expected"] == "needs"],
        "to be left alone": [e["name"] for e in entries if e["expected"] != "needs"],
    }
    for title, files in groups.items():
        print(f"\n{len(files)} files {title}")
        print(f"  {'':16}" + "".join(f"{verdict.value:>16}" for verdict in Verdict))
        for name in names:
            counts = Counter(table[file][name].verdict for file in files)
            print(f"  {name:16}" + "".join(f"{counts[verdict] or '-':>16}" for verdict in Verdict))


def main() -> int:
    """Parse the arguments, run every tool on every file, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, default=media_folder(), help="the folder with manifest.json")
    parser.add_argument("--tool", action="append", default=[], help="only this one, by its name in the table")
    parser.add_argument("--details", action="store_true", help="say what each tool lost or changed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.media is None:
        parser.error("the collection of real files is not here: set VIDCDN_MEDIA")
    qtfaststart_peer.install()
    entries = json.loads((options.media / "manifest.json").read_text("utf-8"))["files"]
    table: dict[str, dict[str, Cell]] = {}
    with tempfile.TemporaryDirectory() as name, tools(Path(name), options.tool) as found:
        for entry in entries:
            path = options.media / entry["name"]
            table[entry["name"]] = {n: try_one(n, tool, entry, path, Path(name)) for n, tool in found.items()}
    right = sum(verdict_is_right(entry, options.media / entry["name"]) for entry in entries)
    if options.json:
        cells = {f: {n: [c.verdict.value, *c.details] for n, c in row.items()} for f, row in table.items()}
        print(json.dumps({"files": len(entries), "verdicts_right": right, "results": cells}, indent=1))
    else:
        print_files(entries, table, details=options.details)
        print_summary(entries, table)
        print(f"\nour verdicts: {right} of {len(entries)} right")
    ours = (cell for row in table.values() for tool, cell in row.items() if tool.startswith("ours"))
    return 0 if right == len(entries) and all(cell.is_ours for cell in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
