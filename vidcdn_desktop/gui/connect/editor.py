"""The form of one connection."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLineEdit, QVBoxLayout, QWidget

from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.delivery.model import Distribution
from vidcdn_desktop.gui.connect.regions import REGIONS, region_code, region_text
from vidcdn_desktop.gui.connect.secret_edit import SecretEdit
from vidcdn_desktop.gui.widgets import CheckBox, ComboBox, PlainLabel, SegmentedControl, set_property

_KINDS = (
    (ConnectionKind.ACCESS_KEY, "Access key"),
    (ConnectionKind.AWS_PROFILE, "AWS profile"),
    (ConnectionKind.S3_COMPATIBLE, "S3-compatible"),
)

_ENVIRONMENT = "Environment variables and defaults"
_AUTOMATIC = "The first that serves the bucket"
_KEPT = "kept in the keyring; leave empty to keep it"
_KEPT_MEMORY = "kept for this session; leave empty to keep it"

_KEY_KINDS = (ConnectionKind.ACCESS_KEY, ConnectionKind.S3_COMPATIBLE)


def new_profile(prefix: str = "videos") -> ConnectionProfile:
    """An empty connection with an id of its own."""
    return ConnectionProfile(str(uuid.uuid4()), "", ConnectionKind.ACCESS_KEY, prefix=prefix)


_FIELDS_BY_WORDS = (
    ("give the connection a name", "name"),
    ("a name has", "name"),
    ("there is already a connection", "name"),
    ("built-in connection", "name"),
    ("enter the secret access key", "secret"),
    ("access key id", "access_key_id"),
    ("this name is kept by aws", "bucket"),
    ("bucket", "bucket"),
    ("folder", "prefix"),
    ("region", "region"),
    ("address", "endpoint"),
    ("profile", "aws_profile"),
)
"""Words of the validation's sentences, and the field they are about; the first that fits counts."""


def field_of(problem: str) -> str:
    """The attribute of the editor a sentence of the validation is about; empty if it is about none."""
    text = problem.casefold()
    return next((name for words, name in _FIELDS_BY_WORDS if words in text), "")


class ConnectionEditor(QWidget):
    """Shows a profile and gives back what was made of it. Secrets go in, and come out only as `Secret`."""

    edited = Signal()
    """The user changed something a test depends on."""
    distribution_chosen = Signal()
    """The user chose a distribution, which changes nothing about a test's findings."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._profile = new_profile()
        self._names: tuple[str, ...] = ()
        self._filling = False
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(6)
        outer.addWidget(PlainLabel("Sign in with", role="section"))
        self.kind = SegmentedControl(_KINDS, "Sign in with")
        self.kind.changed.connect(self._on_kind)
        outer.addWidget(self.kind)
        outer.addSpacing(6)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        outer.addLayout(grid)
        self._grid = grid
        self._rows: dict[str, tuple[QWidget, QWidget]] = {}
        self._make_fields()

    def _make_fields(self) -> None:
        self.name = self._line("Name", "Studio channel")
        self.region = ComboBox("Region", editable=True)
        self.region.addItems([region_text(code) for code in REGIONS])
        self.aws_profile = ComboBox("Profile")
        self.endpoint = self._line("Address of the store", "https://s3.example.com")
        self.path_style = CheckBox("Bucket in the path, not in the host name")
        self.access_key_id = self._line("Access key ID", "AKIA…", mono=True)
        self.secret = SecretEdit("Secret access key")
        self.session_token = SecretEdit("Session token")
        self.bucket = self._line("Bucket", "studio-media")
        self.prefix = self._line("Folder for new videos", "videos")
        self.distribution = ComboBox("Distribution")
        fields: tuple[tuple[str, QWidget, int, int, int], ...] = (
            ("Name", self.name, 0, 0, 1),
            ("Region", self.region, 0, 1, 1),
            ("Profile", self.aws_profile, 1, 0, 2),
            ("Address of the store", self.endpoint, 2, 0, 1),
            ("Addressing", self.path_style, 2, 1, 1),
            ("Access key ID", self.access_key_id, 3, 0, 1),
            ("Secret access key", self.secret, 3, 1, 1),
            ("Session token (optional)", self.session_token, 4, 0, 2),
            ("Bucket", self.bucket, 5, 0, 1),
            ("Folder for new videos", self.prefix, 5, 1, 1),
            ("Distribution", self.distribution, 6, 0, 2),
        )
        for text, field, row, column, span in fields:
            label = PlainLabel(text)
            label.setBuddy(field)
            label.setContentsMargins(0, 5, 0, 0)
            self._grid.addWidget(label, row * 2, column, 1, span)
            self._grid.addWidget(field, row * 2 + 1, column, 1, span)
            self._rows[text] = (label, field)
        for line in (
            self.name, self.endpoint, self.access_key_id, self.secret, self.session_token, self.bucket, self.prefix,
        ):  # fmt: skip
            line.textEdited.connect(self._on_edited)
        region_line = self.region.lineEdit()
        assert region_line is not None
        region_line.textEdited.connect(self._on_edited)
        for box in (self.region, self.aws_profile):
            box.activated.connect(self._on_edited)
        self.distribution.activated.connect(self._on_distribution)
        self.path_style.clicked.connect(self._on_edited)

    @staticmethod
    def _line(name: str, example: str, *, mono: bool = False) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(name)
        line.setPlaceholderText(example)
        if mono:
            line.setProperty("mono", True)
        return line

    # In

    def set_aws_profiles(self, names: Iterable[str]) -> None:
        """The names in the shared AWS files; the environment is always a choice."""
        self._names = tuple(names)
        self._fill_aws_profiles(self._profile.aws_profile)

    def load(self, profile: ConnectionProfile, *, saved: bool) -> None:
        """Show a profile. Secrets entered before are forgotten."""
        self._filling = True
        self._profile = profile
        self.forget_secrets()
        environment = profile.kind is ConnectionKind.ENVIRONMENT
        self.kind.set_value(ConnectionKind.AWS_PROFILE if environment else profile.kind)
        self.name.setText(profile.name)
        self.region.setCurrentIndex(self.region.findText(region_text(profile.region)))
        self.region.setEditText(region_text(profile.region))
        self._fill_aws_profiles(profile.aws_profile)
        self.endpoint.setText(profile.endpoint_url)
        self.path_style.setChecked(profile.path_style)
        self.access_key_id.setText(profile.access_key_id)
        kept = saved and profile.kind in _KEY_KINDS
        where = _KEPT_MEMORY if profile.session_only else _KEPT
        self.secret.setPlaceholderText(where if kept else "")
        self.session_token.setPlaceholderText("only for temporary keys")
        self.bucket.setText(profile.bucket)
        self.prefix.setText(profile.prefix)
        self.set_distributions(())
        self._show_fields()
        self._filling = False

    def set_distributions(self, found: Iterable[Distribution]) -> None:
        """Offer the distributions a test has found; the chosen one stays a choice even if it was not found."""
        chosen = self.distribution.currentData() if not self._filling else self._profile.distribution_id
        self.distribution.clear()
        self.distribution.addItem(_AUTOMATIC, "")
        known = {distribution.id: f"{distribution.id} · {distribution.host} (found)" for distribution in found}
        if chosen and chosen not in known:
            self.distribution.addItem(str(chosen), chosen)
        for distribution_id, text in known.items():
            self.distribution.addItem(text, distribution_id)
        self.distribution.setCurrentIndex(max(0, self.distribution.findData(chosen)))

    def fill_region(self, region: str) -> None:
        """Enter a region that was found out, if none is entered."""
        if region and not self.region.currentText().strip():
            self.region.setEditText(region_text(region))

    def mark(self, problem: str) -> None:
        """Show which field a sentence of the validation is about, and go there; with empty text no field is marked."""
        wanted = field_of(problem)
        for name in dict.fromkeys(name for _, name in _FIELDS_BY_WORDS):
            field = getattr(self, name)
            set_property(field, "invalid", name == wanted)
            if name == wanted:
                field.setFocus(Qt.FocusReason.OtherFocusReason)

    def forget_secrets(self) -> None:
        """Empty the secret fields."""
        self.secret.forget()
        self.session_token.forget()

    # Out

    def profile(self) -> ConnectionProfile:
        """What the form says, spaces around it removed; only the fields of the chosen kind are filled."""
        kind = self._kind()
        compatible, with_key = kind is ConnectionKind.S3_COMPATIBLE, kind in _KEY_KINDS
        chosen = self.distribution.currentData()
        return replace(
            self._profile,
            name=self.name.text().strip(),
            kind=kind,
            region=region_code(self.region.currentText()),
            access_key_id=self.access_key_id.text().strip() if with_key else "",
            aws_profile=self.aws_profile.currentData() if kind is ConnectionKind.AWS_PROFILE else "",
            endpoint_url=self.endpoint.text().strip() if compatible else "",
            path_style=self.path_style.isChecked() if compatible else False,
            bucket=self.bucket.text().strip(),
            prefix=self.prefix.text().strip().strip("/"),
            distribution_id=chosen if isinstance(chosen, str) and not compatible else "",
        )

    def secrets(self) -> Mapping[str, Secret]:
        """The secrets entered; one that was left empty is left out."""
        if self._kind() not in _KEY_KINDS:
            return {}
        entered = {"secret_access_key": self.secret.secret(), "session_token": self.session_token.secret()}
        return {name: secret for name, secret in entered.items() if secret}

    def _kind(self) -> ConnectionKind:
        kind = self.kind.value()
        assert isinstance(kind, ConnectionKind)
        if kind is ConnectionKind.AWS_PROFILE and self.aws_profile.currentData() == "":
            return ConnectionKind.ENVIRONMENT
        return kind

    # Inside

    def _fill_aws_profiles(self, chosen: str) -> None:
        self.aws_profile.clear()
        self.aws_profile.addItem(_ENVIRONMENT, "")
        names = dict.fromkeys((*self._names, chosen) if chosen else self._names)
        for name in names:
            self.aws_profile.addItem(name, name)
        self.aws_profile.setCurrentIndex(max(0, self.aws_profile.findData(chosen)))

    def _show_fields(self) -> None:
        kind = self.kind.value()
        with_key, compatible = kind in _KEY_KINDS, kind is ConnectionKind.S3_COMPATIBLE
        shown = {
            "Profile": kind is ConnectionKind.AWS_PROFILE,
            "Address of the store": compatible,
            "Addressing": compatible,
            "Access key ID": with_key,
            "Secret access key": with_key,
            "Session token (optional)": kind is ConnectionKind.ACCESS_KEY,
            "Distribution": not compatible,
        }
        for text, visible in shown.items():
            for part in self._rows[text]:
                part.setVisible(visible)
        line = self.region.lineEdit()
        assert line is not None
        line.setPlaceholderText("eu-west-1 (Ireland)" if kind is ConnectionKind.ACCESS_KEY else "optional")

    @Slot(object)
    def _on_kind(self, _kind: object) -> None:
        self.forget_secrets()
        self._show_fields()
        self.edited.emit()

    @Slot()
    def _on_distribution(self) -> None:
        self.distribution_chosen.emit()

    @Slot()
    def _on_edited(self) -> None:
        if not self._filling:
            self.edited.emit()
