"""Does the window stay live while a large film is published? A 16 ms timer on the GUI thread tells.

    python tests/benchmarks/bench_window.py [--size-mb 1000]

Publishes a film with its index at the end to the sink, through the real Publish page, and prints how late the timer
was, when the first byte left, the peak of the process's memory and what the system says was written to disk.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication

from films import make_clip
from servers import s3sink
from vidcdn_desktop.app import make_application
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.publish.page import PublishPage
from vidcdn_desktop.gui.theme import apply_theme
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, PublishOptions
from vidcdn_desktop.media.ffmpeg import find_tools

_TICK_MS = 16


class Watch(QObject):
    """Publishes one film and measures how late the timer comes."""

    def __init__(self, app: QApplication, connection: Connection, film: Path) -> None:
        super().__init__(app)
        self._app = app
        self._film = film
        self.waits: list[float] = []
        self.first_byte_s: float | None = None
        self.seconds = 0.0
        self.final: JobSnapshot | None = None
        self._last = self._began = 0.0
        self._pressed = False
        self.bridge = JobBridge(find_tools(), self)
        self.bridge.set_connection(connection)
        self.page = PublishPage(self.bridge)
        self.page.set_connection(ConnectionFacts(connection.profile, status="ok"))
        self.page.resize(1080, 800)
        self.page.show()
        self.bridge.job_changed.connect(self.on_job)
        self.bridge.all_stopped.connect(self.on_stopped)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.on_tick)

    def start(self) -> None:
        """Add the film."""
        self.bridge.add_paths([self._film], PublishOptions(verify=False))

    @Slot()
    def on_tick(self) -> None:
        now = time.perf_counter()
        self.waits.append((now - self._last) * 1000)
        self._last = now
        snapshot = self.bridge.snapshots()[0]
        if self.first_byte_s is None and snapshot.progress is not None and snapshot.progress.done_bytes:
            self.first_byte_s = now - self._began

    @Slot(object)
    def on_job(self, snapshot: JobSnapshot) -> None:
        if snapshot.state is JobState.READY and snapshot.plan is not None and not self._pressed:
            self._pressed = True
            self.disk = resource.getrusage(resource.RUSAGE_SELF).ru_oublock
            self._began = self._last = time.perf_counter()
            self._timer.start()
            self.bridge.publish([snapshot.id])
        elif snapshot.state in (JobState.PUBLISHED, JobState.FAILED, JobState.REFUSED) and self.final is None:
            self._timer.stop()
            self.final = snapshot
            self.seconds = time.perf_counter() - self._began
            self.disk = resource.getrusage(resource.RUSAGE_SELF).ru_oublock - self.disk
            self.bridge.shut_down()

    @Slot()
    def on_stopped(self) -> None:
        self._app.quit()


def large_film(folder: Path, size_mb: int) -> Path:
    """A film whose index stands at the end; its media is a real clip repeated without encoding it again."""
    import shutil
    import subprocess

    clip = make_clip(folder / "clip.mp4", seconds=4, size="1280x720")
    film = folder / "film.mp4"
    loops = max(1, size_mb * 1_000_000 // clip.stat().st_size)
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg
    command = [ffmpeg, "-v", "error", "-stream_loop", str(loops), "-i", str(clip), "-c", "copy", str(film)]
    subprocess.run(command, check=True)
    return film


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["VIDCDN_HOME"] = str(folder / "home")
        film = large_film(folder, args.size_mb)
        with s3sink(folder) as endpoint:
            app = make_application()
            apply_theme(app)
            profile = ConnectionProfile(
                "bench", "Sink", ConnectionKind.S3_COMPATIBLE, bucket="bkt", region="us-east-1",
                access_key_id="AKIAIOSFODNN7EXAMPLE", endpoint_url=endpoint.url, path_style=True,
            )  # fmt: skip
            secrets = MemorySecretStore()
            secrets.set("bench", "secret_access_key", Secret("x" * 40))
            watch = Watch(app, open_connection(profile, secrets), film)
            QTimer.singleShot(0, watch.start)
            app.exec()
        report(watch, film.stat().st_size)


def report(watch: Watch, size: int) -> None:
    """Print the figures."""
    waits = sorted(watch.waits)
    state = watch.final.state.value if watch.final else "?"
    print(f"film {size / 1e6:.0f} MB, {state} in {watch.seconds:.2f} s, {size / watch.seconds / 1e6:.0f} MB/s")
    if watch.final is not None and watch.final.error is not None:
        print(watch.final.error.sentence(), watch.final.error.code)
    print(
        f"ticks {len(waits)}: median {statistics.median(waits):.1f} ms, p99 {waits[int(len(waits) * 0.99)]:.1f} ms, ",
        end="",
    )
    print(f"max {waits[-1]:.1f} ms; under 33 ms: {100 * sum(w < 33 for w in waits) / len(waits):.2f} %")
    print(f"first byte after {watch.first_byte_s or 0:.3f} s; peak memory ", end="")
    print(
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB; written to disk {watch.disk * 512} bytes"
    )


if __name__ == "__main__":
    main()
