"""Invalidation paths as chips, with an input that checks while one types."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from vidcdn_desktop.gui.icons import icon
from vidcdn_desktop.gui.widgets.flow import FlowLayout
from vidcdn_desktop.gui.widgets.labels import ElidedLabel, PlainLabel
from vidcdn_desktop.gui.widgets.style import plain_tooltip, set_property

Checker = Callable[[str], str]
"""Takes a path, gives one sentence on what is wrong with it, or empty text."""

_CHIP_LIMIT_PX = 420


class Chip(QFrame):
    """A short text with a button that takes it away. `prose` for words, else it is set like a path."""

    removed = Signal(object)
    """The chip whose button was pressed; whoever made it takes it away."""

    def __init__(self, text: str, problem: str = "", parent: QWidget | None = None, *, prose: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("Chip")
        self.text = text
        self.setProperty("prose", prose)
        self.setProperty("bad", bool(problem))
        if problem:
            self.setToolTip(plain_tooltip(problem))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 3, 2)
        layout.setSpacing(3)
        label = ElidedLabel(text)
        label.setMaximumWidth(_CHIP_LIMIT_PX)
        layout.addWidget(label)
        self._button = QPushButton()
        self._button.setIcon(icon("close", "danger" if problem else "accent"))
        self._button.setIconSize(QSize(11, 11))
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._button.setAutoDefault(False)
        self._button.setAccessibleName(f"Remove {text}")
        self._button.clicked.connect(self._on_clicked)
        layout.addWidget(self._button)

    @Slot()
    def _on_clicked(self) -> None:
        self.removed.emit(self)


class PathChips(QWidget):
    """Edits a list of paths. Enter, Tab out of a filled input, or a paste of several lines adds; Backspace removes.

    The checker is asked at each key press and must be quick. A path it refuses stays in the input with the sentence
    below; paths set from outside are shown even if refused, marked as such.
    """

    changed = Signal(object)
    """tuple[str, ...]: the paths now."""
    text_edited = Signal(object)
    """str: what stands in the input."""

    def __init__(
        self, checker: Checker, parent: QWidget | None = None, *, placeholder: str = "add a path…", name: str = "Paths"
    ) -> None:
        super().__init__(parent)
        self._checker = checker
        self._chips: list[Chip] = []
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(5)
        self._box = QFrame()
        self._box.setObjectName("Chips")
        self._flow = FlowLayout(self._box, gap=6, line_gap=5)
        self._flow.setContentsMargins(10, 7, 10, 7)
        self.input = QLineEdit()
        self.input.setProperty("bare", True)
        self.input.setPlaceholderText(placeholder)
        self.input.setAccessibleName(f"{name}: {placeholder}")
        self.input.setMinimumWidth(180)
        self.input.textEdited.connect(self._on_edited)
        self.input.installEventFilter(self)
        self._flow.addWidget(self.input)
        outer.addWidget(self._box)
        self.message = PlainLabel(role="danger", wrap=True)
        self.message.hide()
        outer.addWidget(self.message)

    def paths(self) -> tuple[str, ...]:
        """The paths in order."""
        return tuple(chip.text for chip in self._chips)

    def problems(self) -> tuple[str, ...]:
        """The sentences of the checker about what is in the list."""
        return tuple(problem for problem in map(self._checker, self.paths()) if problem)

    def set_paths(self, paths: Iterable[str]) -> None:
        """Replace the list, without a signal."""
        for chip in list(self._chips):
            self._drop(chip)
        for path in dict.fromkeys(paths):
            self._append(path)

    def add_path(self, path: str) -> None:
        """Add one from outside; one that is there is not added twice."""
        if path and path not in self.paths():
            self._append(path)
            self.changed.emit(self.paths())

    def clear(self) -> None:
        """Empty list and input."""
        self.input.clear()
        self._show_problem("")
        self.set_paths(())
        self.changed.emit(())

    def commit_input(self) -> bool:
        """Turn what is typed into a chip; False if the checker refuses it. Empty input is fine."""
        text = self.input.text().strip()
        if not text:
            self._show_problem("")
            return True
        problem = self._checker(text)
        self._show_problem(problem)
        if problem:
            return False
        self.input.clear()
        self.add_path(text)
        return True

    def recheck(self) -> None:
        """Ask the checker again, after what it knows has changed."""
        self.set_paths(self.paths())
        self._on_edited(self.input.text())

    def _append(self, path: str) -> None:
        chip = Chip(path, self._checker(path))
        chip.removed.connect(self._on_removed)
        self._chips.append(chip)
        self._flow.insert_widget(self._flow.count() - 1, chip)

    def _drop(self, chip: Chip) -> None:
        self._chips.remove(chip)
        self._flow.removeWidget(chip)
        chip.hide()
        chip.deleteLater()

    def _show_problem(self, problem: str) -> None:
        self.message.set_text(problem)
        self.message.setVisible(bool(problem))
        set_property(self._box, "invalid", bool(problem))

    @Slot(object)
    def _on_removed(self, chip: Chip) -> None:
        self._drop(chip)
        self.input.setFocus()
        self.changed.emit(self.paths())

    @Slot(str)
    def _on_edited(self, text: str) -> None:
        self._show_problem(self._checker(text.strip()) if text.strip() else "")
        self.text_edited.emit(text)

    def _paste(self) -> bool:
        lines = [line.strip() for line in QApplication.clipboard().text().splitlines() if line.strip()]
        if len(lines) < 2:
            return False
        refused = [line for line in lines if self._checker(line)]
        for line in lines:
            if line not in refused:
                self.add_path(line)
        if refused:
            self.input.setText(refused[0])
            self._on_edited(refused[0])
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the input that mean the list."""
        if watched is not self.input:
            return super().eventFilter(watched, event)
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            set_property(self._box, "focused", event.type() is QEvent.Type.FocusIn)
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.matches(QKeySequence.StandardKey.Paste):
                return self._paste()
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.input.text().strip():
                self.commit_input()
                return True
            if event.key() == Qt.Key.Key_Backspace and not self.input.text() and self._chips:
                self._on_removed(self._chips[-1])
                return True
        return super().eventFilter(watched, event)
