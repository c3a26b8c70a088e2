"""The Library with a million objects: memory, pages, sort, filter, and how late the window gets its turn meanwhile.

    python tests/benchmarks/bench_library.py [--rows 1000000] [--tiles 10000]

Offscreen; no store is asked: pages come from the computer itself as the lister would give them. Ticks are those of a
5 ms timer in the window's thread; what is told is how late they are.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PySide6.QtCore import QElapsedTimer, QObject, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QImage, QPixmap
from PySide6.QtWidgets import QApplication

from vidcdn_desktop.app import make_application
from vidcdn_desktop.credentials.profiles import ProfileStore
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.library.posters import tile_image
from vidcdn_desktop.gui.models.arrange import Column
from vidcdn_desktop.gui.models.rows import blocks_of
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.theme import apply_theme
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts

_TICK_MS = 5
PER_PAGE = 1000


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def page_of(number: int) -> ListedPage:
    """A page of films with names of 48 characters, sizes and dates in no order."""
    keys = [f"films/{number // 100:03d}/season-{number:04d}/part-{row:04d}-of-the-film.mp4" for row in range(PER_PAGE)]
    mixed = [(number * PER_PAGE + row) * 2654435761 % 2**32 for row in range(PER_PAGE)]
    return ListedPage(
        keys,
        array("q", [value * 3 for value in mixed]),
        array("q", [1_600_000_000 + value % 150_000_000 for value in mixed]),
        PackedTexts([f"{value:032x}" for value in mixed]),
        ["STANDARD" if value % 3 else "STANDARD_IA" for value in mixed],
        [],
    )


class Store:
    """Answers in three milliseconds, and is asked for pages only."""

    def __init__(self, count: int) -> None:
        self._pages = -(-count // PER_PAGE)

    def list_pages(self, _bucket: str, _prefix: str, **_how: object) -> Iterator[ListedPage]:
        """All pages in order."""
        for number in range(self._pages):
            time.sleep(0.003)
            page = page_of(number)
            last = number == self._pages - 1
            yield page.between(f"films/{number}" if number else "", None if last else f"films/{number + 1}")


class Ticks(QObject):
    """How late the window's thread gets its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.late_ms: list[float] = []
        self.own_ms: list[float] = []
        """CPU of this thread between two ticks: what would be late on a quiet machine."""
        self._used = 0.0
        self._since = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._on_tick)

    @Slot()
    def _on_tick(self) -> None:
        self.late_ms.append(max(0.0, self._since.nsecsElapsed() / 1e6 - _TICK_MS))
        self._since.restart()
        used = time.thread_time()
        self.own_ms.append(max(0.0, (used - self._used) * 1e3 - _TICK_MS))
        self._used = used

    def start(self) -> None:
        """Begin anew."""
        self.late_ms, self.own_ms = [], []
        self._used = time.thread_time()
        self._since.restart()
        self._timer.start()

    def stop(self) -> str:
        """The figures against the bar."""
        self._timer.stop()
        late, own = (sorted(values) or [0.0] for values in (self.late_ms, self.own_ms))
        p99, worst = late[min(len(late) - 1, int(len(late) * 0.99))], late[-1]
        own_p99 = own[min(len(own) - 1, int(len(own) * 0.99))]
        good = "within" if p99 <= 16 and worst <= 100 else "over"
        own_text = f"own CPU p99 {own_p99:.1f}, max {own[-1]:.1f}"
        return f"{len(late)} ticks, p99 {p99:.1f} ms, max {worst:.1f} ({good} 16/100); {own_text}"


class Bench:
    """The page in a window of its own, without a connection."""

    def __init__(self, app: QApplication) -> None:
        self._app = app
        session = Session(SavedConnections(ProfileStore(), lambda: (MemorySecretStore(), "")))
        self.page = LibraryPage(session)
        self.page.resize(1084, 800)
        self.page.show()
        self.ticks = Ticks()
        self.spin(0.2)

    def spin(self, seconds: float) -> None:
        """Let the window live."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._app.processEvents()
            time.sleep(0.0005)

    def until(self, done: Callable[[], bool]) -> float:
        """Let the window live until something is so; how long that took."""
        begun = time.perf_counter()
        while not done():
            self._app.processEvents()
            time.sleep(0.0002)
        return time.perf_counter() - begun

    def told(self, name: str, figure: str) -> None:
        """One line."""
        print(f"{name:<34} {figure}", flush=True)

    def fill(self, count: int) -> None:
        """By the lister, from a store that answers in three milliseconds."""
        gc.collect()
        before = resident_bytes()
        page = self.page
        page.model.start("films/")
        page.tally.forget()
        page.lister.start(Store(count), "bucket", Place("films/"))  # type: ignore[arg-type]
        self.ticks.start()
        first = self.until(lambda: page.model.rowCount() > 0)
        took = first + self.until(lambda: not page.lister.is_running)
        ticks = self.ticks.stop()
        gc.collect()
        per_row = (resident_bytes() - before) / count
        self.told("first rows on screen", f"{first * 1e3:.0f} ms (bar: one page + 50)")
        self.told(f"{count:,} rows streamed in", f"{took:.1f} s; {ticks}")
        self.told("memory a row", f"{per_row:.0f} bytes (bar 150)")

    def append(self, number: int) -> None:
        """Single pages at the end of a million rows, each with its repaint."""
        appends = []
        for page in range(number, number + 60):
            blocks = blocks_of(page_of(page), "films/")
            begun = time.perf_counter()
            self.page._on_arrived(blocks)
            self._app.processEvents()
            appends.append((time.perf_counter() - begun) * 1e3)
        appends.sort()
        self.told("page of 1,000, with repaint", f"median {appends[30]:.1f} ms, max {appends[-1]:.1f}")

    def reset(self) -> None:
        """A model reset with all rows."""
        model = self.page.model
        begun = time.perf_counter()
        model.beginResetModel()
        model.endResetModel()
        self._app.processEvents()
        self.told("reset, with repaint", f"{(time.perf_counter() - begun) * 1e3:.1f} ms")

    def scroll(self) -> None:
        """From top to bottom in steps, then by wheel-sized ones."""
        bar = self.page.table.verticalScrollBar()
        assert self.page.table.isVisible()
        self.ticks.start()
        for step in range(120):
            bar.setValue(bar.maximum() * step // 120)
            self.spin(0.008)
        for _ in range(120):
            bar.setValue(bar.value() - 3)
            self.spin(0.008)
        self.told("ticks while scrolling", self.ticks.stop())
        bar.setValue(0)

    def sort(self, column: Column, order: Qt.SortOrder) -> None:
        """Until it is on screen."""
        self.spin(0.3)
        self.ticks.start()
        self.page.model.sort(column, order)
        took = self.until(lambda: not self.page.model.is_arranging)
        self.spin(0.05)
        name = f"sort by {column.name.lower()}{', descending' if order is Qt.SortOrder.DescendingOrder else ''}"
        self.told(name, f"{took:.2f} s (bar 2); {self.ticks.stop()}")

    def filter(self, text: str) -> None:
        """As typed, letter by letter; the last letter's first rows count."""
        model = self.page.model
        self.spin(0.3)
        self.ticks.start()
        first = []
        for end in range(1, len(text) + 1):
            seen: list[float] = []
            begun = time.perf_counter()
            model.arranged.connect(lambda seen=seen, begun=begun: seen.append(time.perf_counter() - begun))
            model.set_filter(text[:end])
            self.until(lambda seen=seen: bool(seen))  # type: ignore[misc]
            self._app.processEvents()
            first.append(seen[0] * 1e3)
            self.spin(0.06)
            model.arranged.disconnect()
            model.arranged.connect(self.page._on_arranged)
        took = self.until(lambda: not model.is_arranging)
        rows = model.rowCount()
        self.told(f"filter “{text}”, first rows", f"max {max(first):.0f} ms (bar 150), all {rows:,} after {took:.2f} s")
        self.told("ticks while filtering", self.ticks.stop())
        begun = time.perf_counter()
        model.set_filter("")
        self.until(lambda: not model.is_arranging)
        self.told("filter cleared", f"{(time.perf_counter() - begun) * 1e3:.0f} ms")

    def query(self, text: str) -> None:
        """A query as a whole, until its first rows and until all of them are there."""
        model = self.page.model
        self.spin(0.3)
        self.ticks.start()
        seen: list[float] = []
        begun = time.perf_counter()

        def on_arranged() -> None:
            if model.rowCount() or not model.is_arranging:
                seen.append(time.perf_counter() - begun)

        model.arranged.connect(on_arranged)
        model.set_filter(text)
        self.until(lambda: bool(seen))
        took = self.until(lambda: not model.is_arranging) + seen[0]
        model.arranged.disconnect(on_arranged)
        rows = model.rowCount()
        self.told(f"“{text}”", f"first rows {seen[0] * 1e3:.0f} ms (bar 150), all {rows:,} after {took:.2f} s")
        self.told("ticks meanwhile", self.ticks.stop())
        model.set_filter("")
        self.until(lambda: not model.is_arranging)

    def select(self) -> None:
        """All rows, a repaint, and what the bar says."""
        self.ticks.start()
        begun = time.perf_counter()
        self.page.select_all()
        self._app.processEvents()
        took = (time.perf_counter() - begun) * 1e3
        self.until(lambda: self.page._buttons["download"].isEnabled())
        self.told("select all", f"{took:.1f} ms to repaint; {self.ticks.stop()}")
        self.page.model.select_ranges([])

    def gallery(self, tiles: int) -> None:
        """Scroll through tiles with pictures."""
        page = self.page
        page.model.start("films/")
        page._on_view("gallery")
        for number in range(-(-tiles // PER_PAGE)):
            page._on_arrived(blocks_of(page_of(number), "films/"))
        self.spin(0.2)
        assert page.gallery.isVisible()
        size = page.gallery.picture_size()
        picture = QImage(640, 360, QImage.Format.Format_RGB32)
        picture.fill(QColor("#305070"))
        for number in range(page.model.rowCount()):
            tile = QPixmap.fromImage(tile_image(picture, QSize(size), 1.0)) if number < 2000 else None
            page.on_screen.posters.memory.put(page.model.row_id(number), tile)
        bar = page.gallery.verticalScrollBar()
        frames = []
        self.ticks.start()
        for _ in range(300):
            bar.setValue(bar.value() + 47)
            begun = time.perf_counter()
            page.gallery.viewport().repaint()
            frames.append(time.perf_counter() - begun)
            self.spin(0.004)
        frames.sort()
        p99 = frames[int(len(frames) * 0.99)] * 1e3
        self.told(f"gallery of {tiles:,}, a frame", f"median {frames[150] * 1e3:.1f} ms, p99 {p99:.1f} (bar 16.7)")
        self.told("ticks while it scrolls", self.ticks.stop())
        self.told("pictures in memory", f"{page.on_screen.posters.memory.bytes / 1e6:.0f} MB (bound 96)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tiles", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["VIDCDN_HOME"] = home
        app = make_application()
        apply_theme(app)
        bench = Bench(app)
        bench.fill(args.rows)
        bench.append(args.rows // PER_PAGE)
        bench.reset()
        bench.scroll()
        for column in (Column.SIZE, Column.MODIFIED, Column.KIND, Column.CLASS):
            bench.sort(column, Qt.SortOrder.AscendingOrder)
        bench.filter("777")
        bench.sort(Column.NAME, Qt.SortOrder.DescendingOrder)
        bench.sort(Column.NAME, Qt.SortOrder.AscendingOrder)
        bench.filter("part-0777")
        bench.filter("film")
        bench.query("kind:video size:>12GB")
        bench.query("kind:video size:>12.88GB part-077")
        bench.query("age:<100d class:standard-ia")
        bench.select()
        bench.gallery(args.tiles)
        bench.page.close()


if __name__ == "__main__":
    main()
