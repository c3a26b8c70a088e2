"""The Connections dialog: which connections there are, and one of them opened for editing and testing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile
from vidcdn_desktop.credentials.profiles import validate_profile
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.connect.editor import ConnectionEditor, new_profile
from vidcdn_desktop.gui.connect.findings import Findings
from vidcdn_desktop.gui.icons import icon
from vidcdn_desktop.gui.widgets import Button, DangerButton, PlainLabel, PrimaryButton
from vidcdn_desktop.jobs.connection_report import ConnectionReport, ConnectionsBackend

PRACTICE_ID = "practice"
_NEW = ""
_ID = Qt.ItemDataRole.UserRole
_KEYRING = "Keys are kept in your system's keyring, never in a file."

_PRACTICE_TEXT = (
    "A bucket and a CDN on this computer. Everything works as with a real account: upload, thumbnail, link, cache, "
    "refresh. Nothing leaves this computer, nothing costs money, and all of it is gone when the program ends."
)


@dataclass(frozen=True)
class _Known:
    profiles: tuple[ConnectionProfile, ...]
    names: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class _Answer:
    """What a worker brings back; an old number means that nobody waits for it any more."""

    number: int
    value: object = None
    error: VidcdnError | None = None


class ConnectionsDialog(QDialog):
    """Everything that may block is asked of the backend on a thread of its own; the dialog stays usable meanwhile."""

    connection_used = Signal(object)
    """str: the id of the connection to work through from now on, after the backend was told."""
    connections_changed = Signal()
    """A connection was saved or removed."""

    def __init__(
        self,
        backend: ConnectionsBackend,
        *,
        current: str = PRACTICE_ID,
        new: bool = False,
        prefix: str = "videos",
        parent: QWidget | None = None,
    ) -> None:
        """Open on the connection in use, or with `new` on an empty form; `prefix` is the folder new ones begin with."""
        super().__init__(parent)
        self._backend = backend
        self._current = current
        self._prefix = prefix
        self._profiles: dict[str, ConnectionProfile] = {}
        self._draft = new_profile(prefix)
        self._note = ""
        self._number = 0
        self._busy = False
        self._dirty = False
        self._tested = False
        self._asked_removal = False
        self.setWindowTitle("Connections")
        self.setModal(True)
        self.resize(QSize(900, 640))
        self.setMinimumSize(QSize(760, 520))
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._build_list())
        outer.addLayout(self._build_editor(), 1)
        self._fill_list()
        self._select(_NEW if new else current)
        self._load()

    # Building

    def _build_list(self) -> QWidget:
        side = QWidget()
        side.setObjectName("Rail")
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        side.setFixedWidth(216)
        column = QVBoxLayout(side)
        column.setContentsMargins(10, 20, 11, 16)
        column.setSpacing(8)
        title = PlainLabel("Connections", role="section")
        title.setContentsMargins(10, 0, 0, 0)
        column.addWidget(title)
        self.list = QListWidget()
        self.list.setObjectName("Plain")
        self.list.setAccessibleName("Saved connections")
        self.list.setIconSize(QSize(14, 14))
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentItemChanged.connect(self._on_selected)
        column.addWidget(self.list, 1)
        self.new_button = Button("New connection", icon_name="plus")
        self.new_button.clicked.connect(self._on_new)
        column.addWidget(self.new_button)
        return side

    def _build_editor(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(4)
        self._title = PlainLabel(role="dialog-title")
        self._subtitle = PlainLabel(role="small", wrap=True)
        column.addWidget(self._title)
        column.addWidget(self._subtitle)
        column.addSpacing(10)
        self.editor = ConnectionEditor()
        self.editor.edited.connect(self._on_edited)
        self.editor.distribution_chosen.connect(self._on_distribution)
        self.findings = Findings()
        body = QWidget()
        body.setObjectName("ScrollBody")
        inner = QVBoxLayout(body)
        inner.setContentsMargins(0, 0, 8, 0)
        inner.setSpacing(14)
        self._practice = PlainLabel(_PRACTICE_TEXT, wrap=True)
        inner.addWidget(self._practice)
        inner.addWidget(self.editor)
        inner.addWidget(self.findings)
        inner.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(body)
        self._scroll = scroll
        column.addWidget(scroll, 1)
        self._problem = PlainLabel(role="danger", wrap=True)
        column.addWidget(self._problem)
        column.addSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.test_button = Button("Test")
        self.test_button.clicked.connect(self._on_test)
        self.remove_button = DangerButton("Remove…")
        self.remove_button.clicked.connect(self._on_remove)
        self.close_button = Button("Cancel")
        self.close_button.clicked.connect(self.reject)
        self.primary = PrimaryButton("Save connection")
        self.primary.clicked.connect(self._on_primary)
        row.addWidget(self.test_button)
        row.addWidget(self.remove_button)
        row.addStretch(1)
        row.addWidget(self.close_button)
        row.addWidget(self.primary)
        column.addLayout(row)
        return column

    # The list

    def _fill_list(self) -> None:
        chosen = self._selected_id()
        blocked = self.list.blockSignals(True)
        self.list.clear()
        self._add_item(PRACTICE_ID, "Practice cloud", practice=True)
        for profile in self._profiles.values():
            self._add_item(profile.id, profile.name)
        if chosen == _NEW:
            self._add_item(_NEW, "New connection")
        self.list.blockSignals(blocked)
        if chosen is not None:
            self._select(chosen, show=False)

    def _add_item(self, connection_id: str, name: str, *, practice: bool = False) -> None:
        used = connection_id == self._current
        item = QListWidgetItem(name)
        item.setData(_ID, connection_id)
        item.setIcon(icon("dot" if used else "ring", "practice" if practice else "success" if used else "muted"))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{name}, in use" if used else name)
        self.list.addItem(item)

    def _selected_id(self) -> str | None:
        item = self.list.currentItem()
        return None if item is None else str(item.data(_ID))

    def _select(self, connection_id: str, *, show: bool = True) -> None:
        rows = [row for row in range(self.list.count()) if self.list.item(row).data(_ID) == connection_id]
        if not rows and connection_id == _NEW:
            self._add_item(_NEW, "New connection")
            rows = [self.list.count() - 1]
        blocked = self.list.blockSignals(True)
        self.list.setCurrentRow(rows[0] if rows else 0)
        self.list.blockSignals(blocked)
        if show or not rows:
            self._show_selected()

    @Slot()
    def _on_selected(self) -> None:
        self._show_selected()

    @Slot()
    def _on_new(self) -> None:
        self._draft = new_profile(self._prefix)
        self._select(_NEW)
        self.editor.name.setFocus()

    def _show_selected(self) -> None:
        self._number += 1
        self._busy = False
        self._dirty = False
        self._tested = False
        self._asked_removal = False
        self.findings.clear()
        self._problem.set_text("")
        self.editor.mark("")
        chosen = self._selected_id()
        practice = chosen == PRACTICE_ID
        self._practice.setVisible(practice)
        self.editor.setVisible(not practice)
        if practice:
            self._title.set_text("Practice cloud")
            self.editor.forget_secrets()
        else:
            saved = self._profiles.get(chosen or "")
            self.editor.load(saved or self._draft, saved=saved is not None)
            self._show_title()
        self._scroll.verticalScrollBar().setValue(0)
        self._show_buttons()

    def _show_title(self) -> None:
        saved = self._profiles.get(self._selected_id() or "")
        store = self.editor.kind.value() is ConnectionKind.S3_COMPATIBLE
        new = "Connect an S3-compatible store" if store else "Connect an AWS account"
        self._title.set_text(saved.name if saved else new)

    def _show_buttons(self) -> None:
        chosen = self._selected_id()
        practice, saved = chosen == PRACTICE_ID, chosen in self._profiles
        used = chosen == self._current and not self._dirty
        self._subtitle.set_text("No account needed." if practice else self._note or _KEYRING)
        self._subtitle.set_role("warning" if self._note and not practice else "small")
        self.test_button.setVisible(not practice)
        self.test_button.set_text("Test again" if self._tested else "Test")
        self.test_button.setEnabled(not self._busy)
        self.remove_button.setVisible(saved)
        self.remove_button.setEnabled(not self._busy)
        self.remove_button.set_text("Really remove" if self._asked_removal else "Remove…")
        if practice:
            text = "Use the practice cloud"
        elif saved and not self._dirty:
            text = "Use this connection"
        else:
            text = "Save connection"
        self.primary.set_text("In use" if used else text)
        self.primary.setEnabled(not self._busy and not used)
        self.close_button.set_text("Close" if used else "Cancel")

    @Slot()
    def _on_edited(self) -> None:
        self._number += 1
        self._busy = False
        self._dirty = True
        self._asked_removal = False
        self.findings.clear()
        self._problem.set_text("")
        self.editor.mark("")
        self._show_title()
        self._show_buttons()

    @Slot()
    def _on_distribution(self) -> None:
        self._dirty = True
        self._show_buttons()

    # Work

    def _run(self, function: Callable[[], object], slot: Callable[[_Answer], None]) -> None:
        self._number += 1
        number = self._number

        def work() -> _Answer:
            try:
                return _Answer(number, function())
            except VidcdnError as error:
                return _Answer(number, error=error)

        run_in_background(self, work, slot, self._on_unexpected)

    def _begin(self, text: str) -> None:
        self._busy = True
        self._problem.set_text("")
        self.findings.show_testing(text)
        self._show_buttons()

    def _end(self, answer: _Answer) -> bool:
        """Whether the answer is still wanted and good; an error is shown here."""
        if answer.number != self._number:
            return False
        self._busy = False
        self.findings.clear()
        if answer.error is not None:
            self.findings.show_error(answer.error)
        self._show_buttons()
        return answer.error is None

    @Slot(object)
    def _on_unexpected(self, error: VidcdnError) -> None:
        self._busy = False
        self.findings.show_error(error)
        self._show_buttons()

    def _load(self) -> None:
        backend = self._backend

        def ask() -> _Known:
            return _Known(backend.profiles(), backend.aws_profile_names(), backend.keyring_note())

        run_in_background(self, ask, self._on_known, self._on_unexpected)

    @Slot(object)
    def _on_known(self, known: _Known) -> None:
        first = not self._profiles
        self._profiles = {profile.id: profile for profile in known.profiles}
        self._note = known.note
        self.editor.set_aws_profiles(known.names)
        waiting = first and self._current in self._profiles and self._selected_id() == PRACTICE_ID and not self._dirty
        self._fill_list()
        if waiting:
            # Its item was not there yet when the dialog opened.
            self._select(self._current)
        self._show_buttons()

    def _valid(self, profile: ConnectionProfile) -> bool:
        others = [other for other in self._profiles.values() if other.id != profile.id]
        problems: Sequence[str] = validate_profile(profile, others)
        key_kinds = (ConnectionKind.ACCESS_KEY, ConnectionKind.S3_COMPATIBLE)
        new = profile.id not in self._profiles or self._profiles[profile.id].kind not in key_kinds
        if not problems and new and profile.kind in key_kinds and "secret_access_key" not in self.editor.secrets():
            problems = ["Enter the secret access key."]
        self._problem.set_text(problems[0] if problems else "")
        self.editor.mark(problems[0] if problems else "")
        return not problems

    @Slot()
    def _on_test(self) -> None:
        profile, secrets, backend = self.editor.profile(), self.editor.secrets(), self._backend
        # A connection can be tried before it has a name.
        if not self._valid(profile if profile.name else replace(profile, name=profile.id)):
            return
        self._begin("Testing…")
        self._run(lambda: backend.test(profile, secrets), self._on_report)

    @Slot(object)
    def _on_report(self, answer: _Answer) -> None:
        if not self._end(answer) or not isinstance(answer.value, ConnectionReport):
            return
        report = answer.value
        self._tested = True
        self.findings.show_report(report)
        self.editor.set_distributions(report.distributions)
        self.editor.fill_region(report.region)
        self._show_buttons()
        QTimer.singleShot(0, self._scroll_to_findings)

    @Slot()
    def _scroll_to_findings(self) -> None:
        # After the layout has given them their height.
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.maximum())

    @Slot()
    def _on_primary(self) -> None:
        chosen, backend = self._selected_id(), self._backend
        if chosen == PRACTICE_ID or (chosen in self._profiles and not self._dirty):
            wanted = chosen or PRACTICE_ID

            def use() -> str:
                backend.use(wanted)
                return wanted

            self._begin("Changing the connection…")
            self._run(use, self._on_used)
            return
        profile, secrets = self.editor.profile(), self.editor.secrets()
        if not self._valid(profile):
            return

        def save() -> str:
            kept = backend.save(profile, secrets)
            backend.use(kept.id)
            return kept.id

        self._begin("Saving…")
        self._run(save, self._on_saved)

    @Slot(object)
    def _on_used(self, answer: _Answer) -> None:
        if self._end(answer):
            self._finish(str(answer.value))

    @Slot(object)
    def _on_saved(self, answer: _Answer) -> None:
        if self._end(answer):
            self.editor.forget_secrets()
            self.connections_changed.emit()
            self._finish(str(answer.value))

    def _finish(self, connection_id: str) -> None:
        self._current = connection_id
        self.accept()
        self.connection_used.emit(connection_id)

    @Slot()
    def _on_remove(self) -> None:
        if not self._asked_removal:
            self._asked_removal = True
            self._problem.set_text("This forgets the connection and its secret. Nothing in the bucket changes.")
            self._show_buttons()
            return
        wanted, backend, used = self._selected_id() or "", self._backend, self._selected_id() == self._current

        def remove() -> str:
            backend.remove(wanted)
            if used:
                backend.use(PRACTICE_ID)
            return wanted

        self._begin("Removing…")
        self._run(remove, self._on_removed)

    @Slot(object)
    def _on_removed(self, answer: _Answer) -> None:
        if not self._end(answer):
            return
        removed = str(answer.value)
        self._profiles.pop(removed, None)
        self.connections_changed.emit()
        if removed == self._current:
            self._current = PRACTICE_ID
            self.connection_used.emit(PRACTICE_ID)
        self._fill_list()
        self._select(PRACTICE_ID)

    def done(self, result: int) -> None:
        """Leaving forgets what was typed; an answer still on its way is not waited for."""
        self._number += 1
        self.editor.forget_secrets()
        super().done(result)
