"""The command palette: every action of the window and the page shown, found by name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, Qt, Slot
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from vidcdn_desktop.gui.icons import icon
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets import PlainLabel

_WIDTH = 520
_ROWS_SHOWN = 9
_ACTION = Qt.ItemDataRole.UserRole + 1
END_TEXT = Qt.ItemDataRole.UserRole + 2


class EndTextDelegate(QStyledItemDelegate):
    """The name at the start; at the end, quieter, what an item has as `END_TEXT`."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """See `QStyledItemDelegate`."""
        super().paint(painter, option, index)
        keys = index.data(END_TEXT)
        if not keys:
            return
        painter.save()
        painter.setPen(color("muted"))
        room = QRect(option.rect).adjusted(12, 0, -12, 0)
        end = QStyle.visualAlignment(
            option.direction,
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
        )
        painter.drawText(room, int(end), keys)
        painter.restore()


def action_name(action: QAction) -> str:
    """The text of an action without shortcut marks."""
    return action.text().replace("&&", "\0").replace("&", "").replace("\0", "&")


def matches(query: str, name: str) -> bool:
    """Whether each word of the query begins a word of the name or stands somewhere in it."""
    text = name.casefold()
    return all(word in text for word in query.casefold().split())


def rank(query: str, name: str) -> tuple[bool, bool]:
    """Sort key among matching names: those that begin with the query, then those with a word that does."""
    text, wanted = name.casefold(), query.casefold().strip()
    return (not text.startswith(wanted), not any(word.startswith(wanted) for word in text.split()))


class CommandPalette(QDialog):
    """Type to narrow, arrows to choose, Enter to do it, Esc to leave it. Runs the action after it has closed."""

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Palette")
        self.setWindowTitle("Find an action")
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.setModal(True)
        self._actions = [action for action in actions if action.isEnabled() and action_name(action)]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        self.input = QLineEdit()
        self.input.setPlaceholderText("Find an action by name")
        self.input.setAccessibleName("Find an action by name")
        looking_glass = self.input.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        looking_glass.setText("Find")
        self.input.textChanged.connect(self._on_text)
        self.input.installEventFilter(self)
        layout.addWidget(self.input)
        self._model = QStandardItemModel(self)
        self.list = QListView()
        self.list.setObjectName("Plain")
        self.list.setAccessibleName("Actions")
        self.list.setModel(self._model)
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(EndTextDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.clicked.connect(self._on_chosen)
        layout.addWidget(self.list)
        self._nothing = PlainLabel("No action has this name.", role="muted")
        layout.addWidget(self._nothing)
        self.setFixedWidth(_WIDTH)
        self._on_text("")

    @Slot(str)
    def _on_text(self, text: str) -> None:
        found = [action for action in self._actions if matches(text, action_name(action))]
        if text.strip():
            found.sort(key=lambda action: rank(text, action_name(action)))
        self._model.clear()
        for action in found:
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            name = action_name(action)
            item = QStandardItem(name)
            item.setData(keys, END_TEXT)
            item.setData(action, _ACTION)
            item.setAccessibleText(f"{name}, {keys}" if keys else name)
            self._model.appendRow(item)
        row = self.list.sizeHintForRow(0)
        if row > 0:
            # Whole rows only: half a name at the foot reads as a fault.
            self.list.setFixedHeight(_ROWS_SHOWN * row + 2 * self.list.frameWidth())
        self._nothing.setVisible(not found)
        self.list.setVisible(bool(found))
        if found:
            self.list.setCurrentIndex(self._model.index(0, 0))

    def shown_names(self) -> list[str]:
        """The names in the list now."""
        rows = (self._model.index(row, 0) for row in range(self._model.rowCount()))
        return [action_name(index.data(_ACTION)) for index in rows]

    @Slot(QModelIndex)
    def _on_chosen(self, index: QModelIndex) -> None:
        action = index.data(_ACTION)
        self.accept()
        if isinstance(action, QAction):
            action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows in the input move in the list, Enter does the chosen one."""
        if watched is self.input and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            row = self.list.currentIndex().row()
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self._model.rowCount():
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                self.list.setCurrentIndex(self._model.index((row + step) % self._model.rowCount(), 0))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if self._model.rowCount():
                    self._on_chosen(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)
