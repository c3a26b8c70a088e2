"""What was deleted or replaced in a folder, listed because somebody asked; what is chosen can be brought back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.operation_questions import Asked
from vidcdn_desktop.gui.library.plan_dialog import FramedDialog
from vidcdn_desktop.gui.library.version_table import VersionLine, VersionModel, VersionTable
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.streamed import run_streamed
from vidcdn_desktop.gui.widgets import (
    Button,
    CheckBox,
    ErrorPanel,
    PlainLabel,
    PrimaryButton,
    ThinProgress,
    announce,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.versions import MOST_VERSIONS, Former, FormerPage, former_objects
from vidcdn_desktop.textsafe import display, plural

_WIDTH = 720


@dataclass(frozen=True)
class _Told:
    """A page, and its rows as they are shown."""

    page: FormerPage
    lines: list[VersionLine]


def _listed(
    run: int, connection: Connection, prefix: str, *, below: bool, token: CancelToken, most: int
) -> Iterator[tuple[int, _Told | VidcdnError | None]]:
    """Pages with the number of their run, then None or what went wrong; an earlier run is told from the present one."""
    bucket = connection.profile.bucket
    try:
        for page in former_objects(connection, prefix, below=below, token=token, most=most):
            yield run, _Told(page, [_line(former, prefix, bucket) for former in page.found])
    except VidcdnError as exc:
        yield run, exc
    else:
        yield run, None


class VersionsDialog(FramedDialog):
    """Lists page by page, off the GUI thread, until it is stopped or has read enough. Esc closes and changes nothing.

    Args:
        connection: Whose bucket.
        prefix: The folder.
        parent: The window.
        most: So many versions are read.
    """

    chosen = Signal(object)
    """Asked: what is to be brought back."""

    def __init__(
        self, connection: Connection, prefix: str, parent: QWidget | None = None, *, most: int = MOST_VERSIONS
    ) -> None:
        super().__init__("Deleted and older versions", _WIDTH, parent)
        self._connection = connection
        self._prefix = prefix
        self._most = most
        self._read = 0
        self._run = 0
        """Of the listing that is waited for."""
        self._is_cut = False
        self.is_listing = False
        self._build()

    def _build(self) -> None:
        column = self._build_head(display(f"{self._connection.profile.bucket}/{self._prefix}"))
        self.below = CheckBox("Also in the folders below")
        self.below.toggled.connect(self.start)
        column.addWidget(self.below)
        self.words = PlainLabel(wrap=True)
        self.progress = ThinProgress("Listing versions")
        self.error = ErrorPanel()
        self.error.action_requested.connect(self.start)
        self.model = VersionModel(names=True)
        self.table = VersionTable(self.model)
        self.table.fit_to(self._row_count(6, 10))
        self.table.selectionModel().selectionChanged.connect(self._on_selection)
        self.hint = PlainLabel("Choose either deleted objects, or one older version of each object.", role="small")
        self.hint.hide()
        for widget in (self.words, self.progress, self.error, self.table, self.hint):
            column.addWidget(widget)
        self.stop_button = Button("Stop", icon_name="stop")
        self.stop_button.clicked.connect(self.stop)
        self.go_button = PrimaryButton("Bring back…")
        self.go_button.clicked.connect(self._on_go)
        self._build_foot(column, self.go_button, left=(self.stop_button,), close="Close")
        self.error.hide()
        self._on_selection()

    # Listing
    @Slot()
    def start(self) -> None:
        """List from the beginning."""
        self._token.cancel()
        self._token = token = CancelToken()
        self._run += 1
        run, connection, prefix, most = self._run, self._connection, self._prefix, self._most
        below = self.below.isChecked()
        self._read, self._is_cut, self.is_listing = 0, False, True
        self.model.set_rows(())
        self._on_selection()
        self.error.set_error(None)
        self.progress.set_fraction(None)
        self._show()
        run_streamed(
            self,
            lambda: _listed(run, connection, prefix, below=below, token=token, most=most),
            self._on_told,
            token=token,
        )

    @Slot(object)
    def _on_told(self, told: tuple[int, _Told | VidcdnError | None]) -> None:
        run, what = told
        if run != self._run:
            return
        if isinstance(what, _Told):
            self._read = what.page.read
            self._is_cut = what.page.is_cut
            self.model.add(what.lines)
            self._show()
        elif what is None:
            self._rest(self._outcome())
        else:
            found = harmless(what)
            self.error.set_error(found, "Try again")
            self._rest(self._outcome() if self.model.rowCount() else "")
            announce(self, found.sentence())

    @Slot()
    def stop(self) -> None:
        """Leave it at what is listed so far."""
        self._token.cancel()
        self._run += 1
        self._rest(f"Stopped. {self._outcome()}")

    def _show(self) -> None:
        self.words.set_text(f"{plural(self._read, 'version')} read, {self.model.rowCount():,} can be brought back")
        self.words.show()
        self.progress.setVisible(self.is_listing)
        self.stop_button.setVisible(self.is_listing)
        self._fit()

    def _rest(self, words: str) -> None:
        self.is_listing = False
        self.words.set_text(words)
        self.words.setVisible(bool(words))
        self.progress.hide()
        self.stop_button.hide()
        self._fit()
        announce(self, words)

    def _outcome(self) -> str:
        count = self.model.rowCount()
        if self._is_cut:
            return (
                f"{self._read:,} versions were read, and there are more; {count:,} of these can be brought back. Open a"
                " smaller folder to see the others."
            )
        if count:
            return f"{count:,} of {plural(self._read, 'version')} can be brought back."
        where = "here or below" if self.below.isChecked() else "in this folder itself"
        return f"Nothing that was deleted or replaced {where} is kept by the bucket."

    # What the user chooses
    @Slot()
    def _on_selection(self) -> None:
        asked = self._asked()
        self.go_button.setEnabled(asked is not None)
        self.go_button.setDefault(asked is not None)
        count = len(asked.sources) if asked is not None else 0
        many = f" {plural(count, 'object')}" if count > 1 else ""
        restores = asked is not None and asked.verb == "version"
        self.go_button.set_text(f"Restore{many}…" if restores else f"Bring back{many}…")
        self.hint.setVisible(asked is None and bool(self.table.chosen()))
        self._fit()

    def _asked(self) -> Asked | None:
        """What the selection means: all deleted, or an older version of each object; None: no one thing."""
        lines = self.table.chosen()
        sources = tuple(line.source for line in lines if line.source is not None)
        deleted = sum(line.is_deleted for line in lines)
        if not sources or len({source.ref for source in sources}) < len(sources) or deleted not in (0, len(lines)):
            return None
        return Asked("undelete" if deleted else "version", sources)

    @Slot()
    def _on_go(self) -> None:
        asked = self._asked()
        if asked is not None:
            self.accept()
            self.chosen.emit(asked)

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        self._run += 1
        super()._on_finished(result)

    def showEvent(self, event: QShowEvent) -> None:
        """The list gets the focus."""
        super().showEvent(event)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)


def _line(former: Former, prefix: str, bucket: str) -> VersionLine:
    source = former.source(bucket)
    return VersionLine(
        source.ref.key[len(prefix) :] or source.ref.key,
        "Was deleted" if former.is_deleted else "Older version",
        former.version.last_modified,
        former.size,
        source,
        former.is_deleted,
    )
