"""What the Library's dialogs share: head, foot and height; the states while they look, and where that failed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.widgets import Button, ElidedLabel, ErrorPanel, PlainLabel, ThinProgress, announce

_LOW = 700
"""A window lower than this gets fewer rows, so that the dialog is no higher than it."""
_SPACE = 8
_PULL_MS = 100


class FramedDialog(QDialog):
    """As wide as told, as high as what is shown. What works for it is cancelled when it is closed.

    Args:
        title: Of the window, and at the head if nothing else is told.
        width: Which it keeps.
        parent: The window.
    """

    def __init__(self, title: str, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token = CancelToken()
        self.setWindowTitle(title)
        self.setModal(True)
        self.setFixedWidth(width)
        self.finished.connect(self._on_finished)

    @Slot()
    def start(self) -> None:
        """Begin what the dialog is there for; also once more, after an error."""
        raise NotImplementedError

    def _build_head(self, about: str, *, title: str = "", space: int = _SPACE) -> QVBoxLayout:
        """Title, and in few words what it is about; returns the column for the rest."""
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(6)
        column.addWidget(PlainLabel(title or self.windowTitle(), role="dialog-title"))
        self.about = ElidedLabel(about, role="muted")
        column.addWidget(self.about)
        column.addSpacing(space)
        return column

    def _build_foot(
        self,
        column: QVBoxLayout,
        *right: Button,
        left: Sequence[Button] = (),
        close: str = "Cancel",
        space: int = _SPACE,
    ) -> None:
        """The button that closes, what is done to the right of it, what else there is at the left."""
        column.addStretch(1)
        column.addSpacing(space)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in left:
            row.addWidget(button)
        row.addStretch(1)
        self.close_button = Button(close)
        self.close_button.clicked.connect(self.reject)
        for button in (self.close_button, *right):
            row.addWidget(button)
        column.addLayout(row)

    def _row_count(self, few: int, many: int) -> int:
        """How many rows a table has room for."""
        window = self.parentWidget()
        return few if window is not None and window.height() < _LOW else many

    def _fit(self) -> None:
        """As high as what is shown: Qt's own `adjustSize` stops at two thirds of the screen."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    @Slot(int)
    def _on_finished(self, _result: int) -> None:
        self._token.cancel()


class PlanDialog(FramedDialog):
    """Looks something up first; then shows it and asks, or says why it could not."""

    go_button: Button

    def _build_looking(self, column: QVBoxLayout, words: str, name: str, *, wrap: bool = False) -> None:
        """What stands there while it looks, and where that failed; `name` is that of the bar."""
        self.progress_words = PlainLabel(words, wrap=wrap)
        self.progress = ThinProgress(name)
        self.error = ErrorPanel()
        self.error.action_requested.connect(self.start)
        for widget in (self.progress_words, self.progress, self.error):
            column.addWidget(widget)

    def _show_looking(self) -> None:
        self.error.set_error(None)
        self.progress_words.show()
        self.progress.set_fraction(None)
        self.progress.show()
        self.close_button.set_text("Cancel")
        self._fit()

    def _at_rest(self) -> None:
        self.progress_words.hide()
        self.progress.hide()

    @Slot(object)
    def _on_failed(self, problem: VidcdnError) -> None:
        self._show_failure(harmless(problem))

    def _show_failure(self, error: VidcdnError) -> None:
        self._at_rest()
        self.error.set_error(error, "Try again")
        self.go_button.hide()
        self.close_button.set_text("Close")
        self._fit()
        self.error.button.setFocus()
        announce(self, error.sentence())


class CountingDialog(PlanDialog):
    """Tells how far the look is, a few times a second; the plan stands in a view of its own."""

    def __init__(self, title: str, width: int, parent: QWidget | None = None) -> None:
        super().__init__(title, width, parent)
        self._pull = QTimer(self)
        self._pull.setInterval(_PULL_MS)
        self._pull.timeout.connect(self._on_pull)

    def _build_plan_view(self) -> QVBoxLayout:
        """What is shown once it has looked, a headline first; returns the column for the rest."""
        self._plan_view = QWidget()
        self._plan_view.hide()
        column = QVBoxLayout(self._plan_view)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.headline = PlainLabel(role="heading", wrap=True)
        column.addWidget(self.headline)
        return column

    @Slot()
    def _on_pull(self) -> None:
        """Show what the looking thread has counted."""
        raise NotImplementedError

    def _show_looking(self) -> None:
        self._on_pull()
        self._pull.start()
        super()._show_looking()

    def _at_rest(self) -> None:
        self._pull.stop()
        super()._at_rest()

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        self._pull.stop()
        super()._on_finished(result)
