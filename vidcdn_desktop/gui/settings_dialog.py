"""The settings: each change counts at once, there is nothing to save and nothing to forget."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile
from vidcdn_desktop.credentials.profiles import validate_profile
from vidcdn_desktop.gui.limits import NO_LIMIT, PRESETS, RateDialog
from vidcdn_desktop.gui.network_fields import NetworkFields
from vidcdn_desktop.gui.widgets import Button, CheckBox, ComboBox, PlainLabel, SegmentedControl, set_property
from vidcdn_desktop.network import NetworkSettings
from vidcdn_desktop.settings import MAX_PARALLEL_PARTS, Settings
from vidcdn_desktop.textsafe import format_rate

_APPEARANCES = (("system", "Like the system"), ("light", "Light"), ("dark", "Dark"))

_ASK = -1
"""Stands for "another figure" among the limits."""

_PART_CHOICES = (1, 2, 4, 8, 12, 16, 24, MAX_PARALLEL_PARTS)


def prefix_problem(prefix: str) -> str:
    """What is wrong with a folder for new videos, as a sentence; empty if nothing is."""
    sample = ConnectionProfile("sample", "Sample", ConnectionKind.ENVIRONMENT, bucket="sample", prefix=prefix)
    return next(iter(validate_profile(sample)), "")


def program_problem(path: str) -> str:
    """What is wrong with the path of a helper program; empty text means "look for it", which is fine."""
    if not path:
        return ""
    if not Path(path).is_absolute():
        return "The path must be the whole one, from the root of the disk."
    return "" if shutil.which(path) else "There is no program at this path."


class _Program(QWidget):
    """The path of a helper program, typed or chosen."""

    changed = Signal(object)
    """str: a path that is a program, or empty text."""

    def __init__(self, name: str, path: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._told = path
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.line = QLineEdit(path)
        self.line.setPlaceholderText("looked for on this computer")
        self.line.setAccessibleName(f"Path of {name}")
        self.line.editingFinished.connect(self._on_finished)
        self.browse = Button("Choose…")
        self.browse.setAccessibleName(f"Choose {name}…")
        self.browse.clicked.connect(self._on_browse)
        row.addWidget(self.line, 1)
        row.addWidget(self.browse)
        column.addLayout(row)
        self.message = PlainLabel(role="danger", wrap=True)
        self.message.hide()
        column.addWidget(self.message)

    @Slot()
    def _on_finished(self) -> None:
        path = self.line.text().strip()
        problem = program_problem(path)
        self.message.set_text(problem)
        self.message.setVisible(bool(problem))
        set_property(self.line, "invalid", bool(problem))
        if not problem and path != self._told:
            self._told = path
            self.changed.emit(path)

    @Slot()
    def _on_browse(self) -> None:
        chooser = QFileDialog(self, f"Where is {self._name}?")
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.fileSelected.connect(self._on_chosen)
        chooser.finished.connect(chooser.deleteLater)
        chooser.open()

    @Slot(str)
    def _on_chosen(self, path: str) -> None:
        self.line.setText(path)
        self._on_finished()


class SettingsDialog(QDialog):
    """Shows the settings and tells each sensible change. Writes nothing itself."""

    settings_changed = Signal(object)
    """The new `Settings`."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle("Settings")
        self.setModal(True)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(24, 22, 24, 20)
        outer.setSpacing(8)
        outer.addWidget(PlainLabel("Settings", role="dialog-title"))
        outer.addSpacing(6)
        outer.addWidget(PlainLabel("Appearance", role="section"))
        self.appearance = SegmentedControl(_APPEARANCES, "Appearance")
        self.appearance.set_value(settings.appearance)
        self.appearance.changed.connect(self._on_appearance)
        outer.addWidget(self.appearance)
        outer.addSpacing(8)
        outer.addLayout(self._build_upload())
        outer.addSpacing(8)
        outer.addWidget(PlainLabel("Network", role="section"))
        self.network = NetworkFields(settings.network)
        self.network.changed.connect(self._on_network)
        outer.addWidget(self.network)
        outer.addSpacing(8)
        outer.addWidget(PlainLabel("Questions", role="section"))
        self.confirm_quit = CheckBox(
            "Ask before quitting while something is being sent", checked=settings.confirm_quit_busy
        )
        self.confirm_quit.toggled.connect(self._on_confirm_quit)
        outer.addWidget(self.confirm_quit)
        outer.addSpacing(8)
        outer.addLayout(self._build_programs())
        outer.addStretch(1)
        outer.addSpacing(8)
        row = QHBoxLayout()
        row.addWidget(PlainLabel("Parts, network and helper programs: from the next start.", role="small"))
        row.addStretch(1)
        self.close_button = Button("Close")
        self.close_button.clicked.connect(self.accept)
        row.addWidget(self.close_button)
        outer.addLayout(row)
        self.resize(540, self.sizeHint().height())

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self._settings

    def _build_upload(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.addWidget(PlainLabel("Transfers", role="section"), 0, 0, 1, 2)
        self.prefix = QLineEdit(self._settings.prefix)
        self.prefix.setAccessibleName("Folder for new videos")
        self.prefix.editingFinished.connect(self._on_prefix)
        self.parts = ComboBox("Parts at the same time, at most")
        for count in sorted({*_PART_CHOICES, self._settings.parallel_parts}):
            self.parts.addItem(str(count), count)
        self.parts.setCurrentIndex(self.parts.findData(self._settings.parallel_parts))
        self.parts.setToolTip("Only as many are used as help; fewer leave room for others.")
        self.parts.activated.connect(self._on_parts)
        self.limit = ComboBox("Speed limit of all transfers")
        self._fill_limits()
        self.limit.activated.connect(self._on_limit)
        self.resume = CheckBox("Go on by itself after a restart", checked=self._settings.resume_on_start)
        self.resume.setToolTip("What was interrupted goes on as soon as its connection is open; else it waits, paused.")
        self.resume.toggled.connect(self._on_resume)
        places = (
            ("Folder for new videos", self.prefix, 1, 0),
            ("Parts at the same time, at most", self.parts, 1, 1),
            ("Speed limit of all transfers", self.limit, 4, 0),
        )
        for text, field, row, column in places:
            label = PlainLabel(text)
            label.setBuddy(field)
            grid.addWidget(label, row, column)
            grid.addWidget(field, row + 1, column)
        grid.addWidget(self.resume, 5, 1)
        self.prefix_message = PlainLabel(role="danger", wrap=True)
        self.prefix_message.hide()
        grid.addWidget(self.prefix_message, 3, 0, 1, 2)
        return grid

    def _build_programs(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(PlainLabel("Helper programs", role="section"))
        self.ffmpeg = _Program("ffmpeg", self._settings.ffmpeg_path)
        self.ffprobe = _Program("ffprobe", self._settings.ffprobe_path)
        for name, program in (("ffmpeg", self.ffmpeg), ("ffprobe", self.ffprobe)):
            column.addWidget(PlainLabel(name))
            column.addWidget(program)
        self.ffmpeg.changed.connect(self._on_ffmpeg)
        self.ffprobe.changed.connect(self._on_ffprobe)
        return column

    def _keep(self, settings: Settings) -> None:
        if settings != self._settings:
            self._settings = settings
            self.settings_changed.emit(settings)

    @Slot(object)
    def _on_appearance(self, appearance: str) -> None:
        self._keep(replace(self._settings, appearance=appearance))

    @Slot()
    def _on_prefix(self) -> None:
        prefix = self.prefix.text().strip().strip("/")
        problem = prefix_problem(prefix)
        self.prefix_message.set_text(problem)
        self.prefix_message.setVisible(bool(problem))
        set_property(self.prefix, "invalid", bool(problem))
        if not problem:
            self._keep(replace(self._settings, prefix=prefix))

    @Slot()
    def _on_parts(self) -> None:
        self._keep(replace(self._settings, parallel_parts=self.parts.currentData()))

    def _fill_limits(self) -> None:
        now = self._settings.speed_limit_bytes_per_s
        self.limit.clear()
        self.limit.addItem(NO_LIMIT, None)
        for rate in sorted({*PRESETS, *([now] if now else [])}):
            self.limit.addItem(format_rate(rate), rate)
        self.limit.addItem("Another figure…", _ASK)
        self.limit.setCurrentIndex(self.limit.findData(now) if now else 0)

    @Slot()
    def _on_limit(self) -> None:
        rate = self.limit.currentData()
        if rate != _ASK:
            self._set_limit(rate)
            return
        dialog = RateDialog("All transfers together.", self._settings.speed_limit_bytes_per_s, self)
        dialog.rate_chosen.connect(self._set_limit)
        dialog.finished.connect(self._on_asked)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(object)
    def _set_limit(self, rate: int | None) -> None:
        self._keep(replace(self._settings, speed_limit_bytes_per_s=rate))
        self._fill_limits()

    @Slot()
    def _on_asked(self) -> None:
        self._fill_limits()

    @Slot(bool)
    def _on_resume(self, checked: bool) -> None:
        self._keep(replace(self._settings, resume_on_start=checked))

    @Slot(object)
    def _on_network(self, network: NetworkSettings) -> None:
        self._keep(replace(self._settings, proxy=network.proxy, ca_bundle=network.ca_bundle))

    @Slot(bool)
    def _on_confirm_quit(self, checked: bool) -> None:
        self._keep(replace(self._settings, confirm_quit_busy=checked))

    @Slot(object)
    def _on_ffmpeg(self, path: str) -> None:
        self._keep(replace(self._settings, ffmpeg_path=path))

    @Slot(object)
    def _on_ffprobe(self, path: str) -> None:
        self._keep(replace(self._settings, ffprobe_path=path))
