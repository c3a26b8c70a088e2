"""The settings that are worth a dialog: look, parallel parts, where ffmpeg is, questions asked."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from vidcdn_desktop.gui.widgets import Button, CheckBox, PlainLabel, PrimaryButton, SegmentedControl
from vidcdn_desktop.settings import Settings


class SettingsDialog(QDialog):
    """Edits a copy; `settings_changed` carries it when the user saves."""

    settings_changed = Signal(object)
    """Settings."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle("Settings")
        self.setModal(True)
        self.setMinimumWidth(520)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(14)
        column.addWidget(PlainLabel("Settings", role="dialog-title"))
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(12)
        self.appearance = SegmentedControl([("system", "System"), ("light", "Light"), ("dark", "Dark")], "Look")
        self.appearance.set_value(settings.appearance)
        self.parts = QSpinBox()
        self.parts.setRange(1, 32)
        self.parts.setValue(settings.parallel_parts)
        self.parts.setAccessibleName("Parts sent at the same time")
        self.ffmpeg = QLineEdit(settings.ffmpeg_path)
        self.ffprobe = QLineEdit(settings.ffprobe_path)
        for field, name in ((self.ffmpeg, "ffmpeg"), (self.ffprobe, "ffprobe")):
            field.setPlaceholderText("found by itself")
            field.setAccessibleName(f"Where {name} is")
        form.addRow(PlainLabel("Look"), self.appearance)
        form.addRow(PlainLabel("Parts sent at the same time"), self.parts)
        form.addRow(PlainLabel("ffmpeg"), self.ffmpeg)
        form.addRow(PlainLabel("ffprobe"), self.ffprobe)
        column.addLayout(form)
        self.ask = CheckBox("Ask before quitting while something is being sent")
        self.ask.setChecked(settings.confirm_quit_busy)
        column.addWidget(self.ask)
        column.addWidget(PlainLabel("Paths and parts count from the next start.", role="small"))
        row = QHBoxLayout()
        row.addStretch(1)
        cancel, save = Button("Cancel"), PrimaryButton("Save settings")
        save.setDefault(True)
        cancel.clicked.connect(self.reject)
        save.clicked.connect(self._on_save)
        row.addWidget(cancel)
        row.addWidget(save)
        column.addLayout(row)

    @Slot()
    def _on_save(self) -> None:
        self.settings_changed.emit(
            replace(
                self._settings,
                appearance=str(self.appearance.value()),
                parallel_parts=self.parts.value(),
                ffmpeg_path=self.ffmpeg.text().strip(),
                ffprobe_path=self.ffprobe.text().strip(),
                confirm_quit_busy=self.ask.isChecked(),
            )
        )
        self.accept()
