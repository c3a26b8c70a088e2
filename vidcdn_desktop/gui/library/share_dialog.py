"""Links to hand out: of which kind, until when, and as what they are copied. Nothing of them is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QVBoxLayout, QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import share_words
from vidcdn_desktop.gui.library.plan_dialog import FramedDialog
from vidcdn_desktop.gui.library.signing_form import SigningForm
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.theme import mono_font
from vidcdn_desktop.gui.widgets import (
    ComboBox,
    ErrorPanel,
    PlainLabel,
    PrimaryButton,
    SegmentedControl,
    announce,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.sharing import USUAL, About, Form, LinkKind, Sharing, Wanted, describe, make_links, text_of
from vidcdn_desktop.jobs.signing_keys import SigningKey, SigningKeys
from vidcdn_desktop.textsafe import display, plural

_WIDTH = 560
_LINES = 4


@dataclass(frozen=True)
class _Known:
    """What was found out so far."""

    looked: bool = False
    is_served: bool = False
    key: SigningKey | None = field(default=None, repr=False)
    about: Mapping[str, About] = field(default_factory=dict)


@dataclass(frozen=True)
class _Made:
    """The links, for the wish with this number."""

    number: int
    known: _Known
    sharing: Sharing | None
    """None: a key pair is missing."""
    kind: LinkKind


class ShareDialog(FramedDialog):
    """Makes links as they are wanted, off the GUI thread. Esc closes; what was made is forgotten.

    Args:
        connection: Where the objects are.
        keys: The objects.
        sizes: Width and height of videos by key, where they are known.
        signing: The key pairs of connections.
        parent: The window.
    """

    copied = Signal(str)
    """A sentence: something is on the clipboard."""

    def __init__(
        self,
        connection: Connection,
        keys: Sequence[str],
        sizes: Mapping[str, tuple[int, int]],
        signing: SigningKeys,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Share", _WIDTH, parent)
        self._connection = connection
        self._keys = tuple(keys)
        self._sizes = sizes
        self._signing = signing
        self._number = 0
        self._known = _Known()
        self._sharing: Sharing | None = None
        self._lacks_key = False
        self._build()

    # Building
    def _build(self) -> None:
        count = len(self._keys)
        title = "Share link" if count == 1 else f"Share {count:,} links"
        name = display(self._keys[0]) if count == 1 else plural(count, "object")
        column = self._build_head(name, title=title, space=10)
        self.kind = SegmentedControl(share_words.KINDS, "Kind of link")
        self.kind.changed.connect(self._on_chosen)
        column.addWidget(self.kind)
        self.kind_words = PlainLabel(role="small", wrap=True)
        column.addWidget(self.kind_words)
        column.addSpacing(8)
        self.form_for_key = SigningForm()
        self.form_for_key.key_given.connect(self._on_key_given)
        self.form_for_key.hide()
        column.addWidget(self.form_for_key)
        column.addWidget(self._build_link())
        self.error = ErrorPanel()
        self.error.hide()
        self.error.action_requested.connect(self.start)
        column.addWidget(self.error)
        self.copy_button = PrimaryButton("Copy")
        self.copy_button.setDefault(True)
        self.copy_button.setEnabled(False)
        self.copy_button.clicked.connect(self._on_copy)
        self._build_foot(column, self.copy_button, close="Close", space=10)

    def _build_link(self) -> QWidget:
        self.link_view = QWidget()
        column = QVBoxLayout(self.link_view)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(2, 1)
        self.lasts = ComboBox("Works for")
        self.lasts.addItems([text for _, text in share_words.SPANS])
        self.lasts.setCurrentIndex([span for span, _ in share_words.SPANS].index(USUAL))
        self.lasts.currentIndexChanged.connect(self._on_chosen)
        self._lasts_label = PlainLabel("Works for")
        self._lasts_label.setBuddy(self.lasts)
        self.form = SegmentedControl(share_words.FORMS, "Copy as")
        self.form.changed.connect(self._on_chosen)
        grid.addWidget(self._lasts_label, 0, 0)
        grid.addWidget(self.lasts, 0, 1)
        grid.addWidget(PlainLabel("Copy as"), 1, 0)
        grid.addWidget(self.form, 1, 1, 1, 2)
        column.addLayout(grid)
        column.addSpacing(6)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName("What is copied")
        self.text.setFont(mono_font())
        self.text.setFixedHeight(self.text.fontMetrics().lineSpacing() * _LINES + 26)
        column.addWidget(self.text)
        self.until = PlainLabel(role="strong", wrap=True)
        self.warning = PlainLabel(role="small", wrap=True)
        column.addWidget(self.until)
        column.addWidget(self.warning)
        return self.link_view

    # Making
    @Slot()
    def start(self) -> None:
        """Look what kinds of links there are, and make the usual one."""
        self.error.set_error(None)
        self._show_kind()
        self._make()

    @Slot()
    def _on_chosen(self) -> None:
        self._show_kind()
        self._make()

    def _make(self) -> None:
        self._number += 1
        self._show_links(None)
        number, known = self._number, self._known
        kind, form, lasts = self.kind.value(), self.form.value(), share_words.SPANS[self.lasts.currentIndex()][0]
        connection, keys, sizes, signing, token = (
            self._connection, self._keys, self._sizes, self._signing, self._token,
        )  # fmt: skip

        def make() -> _Made:
            found, wanted = known, kind
            if not found.looked:
                served = all(connection.url_of(key) is not None for key in keys)
                found = replace(found, looked=True, is_served=served)
                wanted = kind if served else LinkKind.PRESIGNED
            if wanted is LinkKind.SIGNED and found.key is None:
                # Only now: a keyring may ask for its password.
                found = replace(found, key=signing.find(connection.profile))
                if found.key is None:
                    return _Made(number, found, None, wanted)
            if form is not Form.LINK and not found.about:
                found = replace(found, about=describe(connection, keys, token, sizes))
            wish = Wanted(wanted, lasts, found.key if wanted is LinkKind.SIGNED else None, found.about)
            return _Made(number, found, make_links(connection, keys, wish, token), wanted)

        run_in_background(self, make, self._on_made, self._on_failed, token=token)

    @Slot(object)
    def _on_made(self, made: _Made) -> None:
        if made.number != self._number:
            return
        self.error.set_error(None)
        self._known = made.known
        self.kind.set_value(made.kind)
        for kind in (LinkKind.CDN, LinkKind.SIGNED):
            self.kind.set_choice_enabled(kind, made.known.is_served)
        self._lacks_key = made.sharing is None
        self._show_kind()
        self._show_links(made.sharing)
        if self._lacks_key:
            self.form_for_key.key_id.setFocus()

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self.error.set_error(harmless(error), "Try again")
        self._show_links(None)
        self._fit()
        announce(self, error.sentence())

    @Slot(object)
    def _on_key_given(self, key: SigningKey) -> None:
        signing, profile = self._signing, self._connection.profile

        def keep() -> SigningKey:
            signing.keep(profile, key)
            return key

        run_in_background(self, keep, self._on_key_kept, self._on_key_refused)

    @Slot(object)
    def _on_key_kept(self, key: SigningKey) -> None:
        self._known = replace(self._known, key=key)
        self._on_chosen()
        self.copy_button.setFocus()

    @Slot(object)
    def _on_key_refused(self, error: VidcdnError) -> None:
        self.form_for_key.show_problem(f"{error.what} {error.advice}")

    # Showing
    def _show_kind(self) -> None:
        kind = self.kind.value()
        words = share_words.ABOUT[kind]
        if self._known.looked and not self._known.is_served:
            words = f"{words} {share_words.NOT_SERVED}"
        self.kind_words.set_text(words)
        for widget in (self._lasts_label, self.lasts):
            widget.setVisible(kind is not LinkKind.CDN)
        lacks_key = self._lacks_key and kind is LinkKind.SIGNED and self._known.key is None
        self.form_for_key.setVisible(lacks_key)
        self.link_view.setVisible(not lacks_key)
        self._fit()

    def _show_links(self, sharing: Sharing | None) -> None:
        self._sharing = sharing
        self.copy_button.setEnabled(sharing is not None)
        if sharing is None:
            self.text.clear()
            self.until.set_text(" ")  # keeps its line, so that nothing jumps while a link is made
            return
        self.text.setPlainText(text_of(sharing.links, self.form.value()))
        self.until.set_text(share_words.until(sharing))
        self.warning.set_text(share_words.warnings(sharing))
        self.warning.setVisible(bool(self.warning.text()))
        self._fit()
        announce(self, self.until.text())

    # What the user does
    @Slot()
    def _on_copy(self) -> None:
        sharing, form = self._sharing, self.form.value()
        if sharing is None:
            return
        QGuiApplication.clipboard().setText(text_of(sharing.links, form))
        self.accept()
        self.copied.emit(share_words.copied(sharing, form))

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        super()._on_finished(result)
        self._number += 1
        self._sharing = None
        self.text.clear()
