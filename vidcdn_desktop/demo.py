"""The whole loop without a display: the window offscreen publishes the sample clip to the practice cloud.

Prints the link and the delivery report, and saves a picture of the window.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication

from vidcdn_desktop import paths
from vidcdn_desktop.app import Desktop, make_application
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.cli.publish import as_lines
from vidcdn_desktop.delivery.model import Severity
from vidcdn_desktop.errors import ServiceTrouble, VidcdnError
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, PublishOptions
from vidcdn_desktop.logs import setup_logging
from vidcdn_desktop.settings import load_settings
from vidcdn_desktop.textsafe import display

_MOST_MS = 120_000
_PAINT_MS = 400
"""For the last change to be on the picture."""


def main(argv: Sequence[str]) -> int:
    """Run the demo; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="vidcdn-desktop demo", description="Publish the sample clip to the practice cloud, without a display."
    )
    parser.add_argument("--picture", type=Path, default=Path("vidcdn-window.png"), help="where the picture goes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(argv)
    setup_logging()
    app = make_application()
    demo = Demo(app, args.picture, Output(as_json=args.json))
    QTimer.singleShot(0, demo.start)
    app.exec()
    return demo.code


class Demo(QObject):
    """Drives the real window as a person would. GUI thread."""

    def __init__(self, app: QApplication, picture: Path, output: Output) -> None:
        super().__init__(app)
        self.code = 1
        self._picture = picture
        self._output = output
        self._job_id = ""
        self._done = False
        self._desktop = Desktop(app, load_settings())
        self._desktop.window.resize(1280, 800)
        self._desktop.session.facts_changed.connect(self._on_facts)
        self._desktop.bridge.job_changed.connect(self._on_job)
        self._watchdog = QTimer(self)
        self._watchdog.setSingleShot(True)
        self._watchdog.timeout.connect(self._on_too_long)

    @Slot()
    def start(self) -> None:
        """Open the window and connect to the practice cloud."""
        self._watchdog.start(_MOST_MS)
        self._desktop.window.show_page("publish")
        self._desktop.window.show()
        self._desktop.session.use("practice")

    @Slot(object)
    def _on_facts(self, facts: ConnectionFacts) -> None:
        if facts.status == "problem" and facts.problem is not None:
            self._fail(facts.problem)
        elif facts.status == "ok" and not self._job_id:
            sample = paths.resource("sample", "sample.mp4")
            self._desktop.bridge.add_paths([sample], PublishOptions(title="Sample clip"))

    @Slot(object)
    def _on_job(self, snapshot: JobSnapshot) -> None:
        if self._done:
            return
        if snapshot.state is JobState.READY and snapshot.plan is not None and not self._job_id:
            self._job_id = snapshot.id
            self._desktop.bridge.publish([snapshot.id])
        elif snapshot.state is JobState.PUBLISHED and snapshot.result is not None:
            self._done = True
            result = snapshot.result
            lines = as_lines(result)
            if result.verified is not None:
                lines += [
                    f"  {'ok' if f.severity is Severity.OK else f.severity.value}: {display(f.text)}"
                    for f in result.verified.findings
                ]
            self._output.result(result, lines)
            self.code = 0 if result.verified is not None and result.verified.ok else 1
            QTimer.singleShot(_PAINT_MS, self._finish)
        elif snapshot.state in (JobState.FAILED, JobState.REFUSED, JobState.CANCELLED):
            self._fail(snapshot.error or VidcdnError("The sample clip was not published."))

    @Slot()
    def _finish(self) -> None:
        self._watchdog.stop()
        if self._desktop.window.grab().save(str(self._picture)):
            self._output.note(f"Picture of the window: {self._picture}")
        else:
            self.code = 1
            self._output.note(f"The picture could not be written to {self._picture}")
        sys.stdout.flush()
        self._desktop.window.close()

    @Slot()
    def _on_too_long(self) -> None:
        self._fail(ServiceTrouble("The practice cloud took too long.", "Nothing was published.", "Try again."))

    def _fail(self, error: VidcdnError) -> None:
        if self._done:
            return
        self._done = True
        self._output.error(error)
        QTimer.singleShot(_PAINT_MS, self._finish)
