"""The right panel: thumbnail, link, title and facts of the chosen video."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from vidcdn_desktop.gui.bridge import FrameReady
from vidcdn_desktop.gui.widgets import (
    BoxStrip,
    Button,
    Fact,
    FactsGrid,
    LinkButton,
    PlainLabel,
    PosterView,
    SegmentedControl,
)
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, LinkStyle, PublishOptions
from vidcdn_desktop.media.facts import fact_rows
from vidcdn_desktop.textsafe import display

_SLIDER_STEPS = 1000
_SCRUB_MS = 120
"""A frame is asked for when the slider has rested this long."""

_LINK_WORDS = {
    LinkStyle.VERSIONED: "Cached for a year; a new version gets a new address, so nobody sees an old one.",
    LinkStyle.STABLE: "The address stays; browsers ask again after a minute and the CDN is refreshed.",
}


def format_position(at_s: float) -> str:
    """For example 0:47.320."""
    minutes, seconds = divmod(max(0.0, at_s), 60)
    hours, minutes = divmod(int(minutes), 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{seconds:06.3f}"


class DetailsPanel(QWidget):
    """Shows and edits one job's options. The drawer it stands in scrolls it."""

    options_changed = Signal(object)
    """(str job id, PublishOptions)."""
    frame_wanted = Signal(object)
    """(str job id, float seconds)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._snapshot: JobSnapshot | None = None
        self._scrubbing = False
        self._poster: bytes | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        # What is chosen for a publish; a file that cannot be published has only facts.
        self.choices = QWidget()
        inner = QVBoxLayout(self.choices)
        inner.setContentsMargins(0, 0, 0, 4)
        inner.setSpacing(8)
        self._build_thumbnail(inner)
        self._build_choices(inner)
        self._build_texts(inner)
        column.addWidget(self.choices)
        self._build_facts(column)
        column.addStretch(1)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_SCRUB_MS)
        self._rest.timeout.connect(self._on_rest)

    def _build_thumbnail(self, column: QVBoxLayout) -> None:
        column.addWidget(PlainLabel("Thumbnail", role="section"))
        self.poster = PosterView(width=295, fixed=False)
        column.addWidget(self.poster)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _SLIDER_STEPS)
        self.slider.setAccessibleName("Time of the thumbnail's frame")
        self.slider.valueChanged.connect(self._on_slider)
        column.addWidget(self.slider)
        row = QHBoxLayout()
        row.setSpacing(4)
        self.use_frame = Button("Use this frame", small=True)
        self.choose_image = Button("Choose image…", small=True)
        self.reset = Button("Reset", small=True)
        self.use_frame.clicked.connect(self._on_use_frame)
        self.choose_image.clicked.connect(self._on_choose_image)
        self.reset.clicked.connect(self._on_reset)
        for button in (self.use_frame, self.choose_image, self.reset):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        self.thumbnail_problem = PlainLabel(role="danger", wrap=True)
        column.addWidget(self.thumbnail_problem)

    def _build_choices(self, column: QVBoxLayout) -> None:
        column.addSpacing(4)
        column.addWidget(PlainLabel("Link", role="section"))
        self.link = SegmentedControl(
            [(LinkStyle.VERSIONED, "New link each time"), (LinkStyle.STABLE, "Same link")], "Link"
        )
        self.link.changed.connect(self._on_link)
        column.addWidget(self.link, 0, Qt.AlignmentFlag.AlignLeft)
        self.link_words = PlainLabel(role="small", wrap=True)
        column.addWidget(self.link_words)
        column.addWidget(PlainLabel("Who can watch", role="section"))
        self.audience = PlainLabel(wrap=True)
        column.addWidget(self.audience)

    def _build_texts(self, column: QVBoxLayout) -> None:
        self.description = QLineEdit()
        self.prefix = QLineEdit()
        self.prefix.setProperty("mono", True)
        for label, field in (("Description", self.description), ("Folder (prefix)", self.prefix)):
            caption = PlainLabel(label, role="section")
            caption.setBuddy(field)
            field.setAccessibleName(label)
            field.editingFinished.connect(self._on_text)
            column.addWidget(caption)
            column.addWidget(field)

    def _build_facts(self, column: QVBoxLayout) -> None:
        column.addWidget(PlainLabel("Video", role="section"))
        self.facts = FactsGrid()
        column.addWidget(self.facts)
        self.missing = PlainLabel(role="small", wrap=True, selectable=True)
        column.addWidget(self.missing)
        self.boxes_title = PlainLabel("Parts", role="section")
        self.boxes = BoxStrip()
        column.addWidget(self.boxes_title)
        column.addWidget(self.boxes)
        self.copy_json = LinkButton("Copy all facts as JSON")
        self.copy_json.clicked.connect(self._on_copy_json)
        column.addWidget(self.copy_json, 0, Qt.AlignmentFlag.AlignLeft)

    # Showing
    def show_job(self, snapshot: JobSnapshot | None) -> None:
        """Show a job; the same one again only changes what changed."""
        other = self._snapshot is None or snapshot is None or self._snapshot.id != snapshot.id
        self._snapshot = snapshot
        if snapshot is None:
            return
        if other:
            self._scrubbing = False
            self._poster = None
            with QSignalBlocker(self.slider):
                self.slider.setValue(0)
        editable = snapshot.state in (JobState.READY, JobState.FAILED, JobState.CANCELLED)
        if not self._scrubbing and snapshot.poster is not self._poster:
            self._poster = snapshot.poster
            self.poster.set_jpeg(snapshot.poster)
        self._show_controls(snapshot, editable)
        self.choices.setVisible(snapshot.state is not JobState.REFUSED)
        info = snapshot.info
        self.facts.set_rows([Fact(label, value) for label, value in fact_rows(info)] if info else [])
        self.copy_json.setVisible(info is not None)
        text = ""
        if info is not None and info.missing:
            text = f"Not known without ffprobe: {', '.join(info.missing)}. {info.missing_advice}"
        parts = info.layout.boxes if info else ()
        self.boxes.set_boxes(parts, info.layout.boxes_after if info else ())
        self.boxes.setVisible(bool(parts))
        self.boxes_title.setVisible(bool(parts))
        self.missing.set_text(text)
        self.missing.setVisible(bool(text))

    def _show_controls(self, snapshot: JobSnapshot, editable: bool) -> None:
        options, plan = snapshot.options, snapshot.plan
        duration = snapshot.info.duration_s if snapshot.info else None
        film = snapshot.info is not None and snapshot.info.main_video is not None and bool(duration)
        self.slider.setVisible(film)
        self.slider.setEnabled(editable)
        self.use_frame.setVisible(film)
        self.use_frame.setEnabled(editable and self._scrubbing)
        self.choose_image.setEnabled(editable)
        chosen = options.thumbnail_image is not None or options.thumbnail_at_s is not None
        self.reset.setVisible(chosen)
        self.reset.setEnabled(editable)
        if not self._scrubbing:
            shown = ""
            if options.thumbnail_at_s is not None:
                shown = format_position(options.thumbnail_at_s)
            elif options.thumbnail_image is not None:
                shown = "own image"
            self.poster.set_badge(shown)
        problem = snapshot.thumbnail_problem
        self.thumbnail_problem.set_text(display(problem.sentence()) if problem else "")
        self.thumbnail_problem.setVisible(problem is not None)
        with QSignalBlocker(self.link):
            self.link.set_value(options.link)
        self.link.setEnabled(editable)
        self.link_words.set_text(_LINK_WORDS[options.link])
        self.audience.set_text(_audience(snapshot))
        for field, text in ((self.description, options.description), (self.prefix, options.prefix)):
            field.setEnabled(editable)
            if not field.hasFocus() and field.text() != text:
                with QSignalBlocker(field):
                    field.setText(text)
        if plan is None and snapshot.result is None:
            self.audience.set_text("Known when the file was looked at and a connection is open.")

    @Slot(object)
    def show_frame(self, frame: FrameReady) -> None:
        """The frame at the slider's time has come."""
        if self._snapshot is None or frame.job_id != self._snapshot.id or not self._scrubbing:
            return
        if frame.jpeg:
            self.poster.set_jpeg(frame.jpeg)
        self.use_frame.setEnabled(bool(frame.jpeg))

    # Choosing
    def _time(self) -> float:
        duration = self._snapshot.info.duration_s if self._snapshot and self._snapshot.info else None
        # The very end has no frame any more.
        return (duration or 0.0) * min(self.slider.value() / _SLIDER_STEPS, 0.999)

    @Slot(int)
    def _on_slider(self, _value: int) -> None:
        self._scrubbing = True
        self.poster.set_badge(format_position(self._time()))
        self._rest.start()

    @Slot()
    def _on_rest(self) -> None:
        if self._snapshot is not None:
            self.frame_wanted.emit((self._snapshot.id, self._time()))

    @Slot()
    def _on_use_frame(self) -> None:
        at_s = round(self._time(), 3)
        self._scrubbing = False
        self._change(thumbnail_at_s=at_s, thumbnail_image=None)

    @Slot()
    def _on_choose_image(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Choose a thumbnail", "", "Pictures (*.jpg *.jpeg *.png *.webp)")
        if name:
            self.use_image(Path(name))

    def use_image(self, path: Path) -> None:
        """Take the user's own picture as thumbnail."""
        self._scrubbing = False
        self._change(thumbnail_image=path, thumbnail_at_s=None)

    @Slot()
    def _on_reset(self) -> None:
        self._scrubbing = False
        self._change(thumbnail_image=None, thumbnail_at_s=None)

    @Slot(object)
    def _on_link(self, style: LinkStyle) -> None:
        self._change(link=style)

    @Slot()
    def _on_text(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        description, prefix = self.description.text().strip(), self.prefix.text().strip().strip("/")
        if (description, prefix) != (snapshot.options.description, snapshot.options.prefix):
            self._change(description=description, prefix=prefix)

    def _change(self, **changes: object) -> None:
        if self._snapshot is not None:
            options: PublishOptions = replace(self._snapshot.options, **changes)  # type: ignore[arg-type]
            self.options_changed.emit((self._snapshot.id, options))

    @Slot()
    def _on_copy_json(self) -> None:
        info = self._snapshot.info if self._snapshot else None
        if info is not None:
            facts = info.ffprobe if info.ffprobe is not None else dict(fact_rows(info))
            QGuiApplication.clipboard().setText(json.dumps(facts, indent=2, ensure_ascii=False))


def _audience(snapshot: JobSnapshot) -> str:
    url = snapshot.plan.url if snapshot.plan else None
    if snapshot.plan is not None and url is None:
        return "Anyone with the signed link, until it expires."
    if url is not None and url.needs_signature:
        return "Only holders of a signed link."
    return "Anyone with the link."
