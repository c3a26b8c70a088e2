"""The Network section of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

import servers
from vidcdn_desktop.gui.network_fields import NetworkFields
from vidcdn_desktop.gui.settings_dialog import SettingsDialog
from vidcdn_desktop.network import NetworkSettings
from vidcdn_desktop.settings import Settings


def _build(qtbot: QtBot, network: NetworkSettings) -> tuple[NetworkFields, list[NetworkSettings]]:
    fields = NetworkFields(network)
    told: list[NetworkSettings] = []
    fields.changed.connect(told.append)
    qtbot.addWidget(fields)
    fields.show()
    return fields, told


def _choose(fields: NetworkFields, kind: str) -> None:
    fields.kind.setCurrentIndex(fields.kind.findData(kind))
    fields.kind.activated.emit(fields.kind.currentIndex())


@pytest.mark.parametrize(
    ("proxy", "kind"), [("", "system"), ("none", "none"), ("http://proxy.example.com:8080", "own")]
)
def test_what_is_set_is_shown(qtbot: QtBot, proxy: str, kind: str) -> None:
    fields, told = _build(qtbot, NetworkSettings(proxy, "/etc/company.pem"))
    assert fields.kind.currentData() == kind
    assert fields.proxy.isEnabled() == (kind == "own")
    assert fields.proxy.text() == (proxy if kind == "own" else "")
    assert fields.bundle.text() == "/etc/company.pem"
    assert told == []


def test_each_sensible_change_is_told_once(qtbot: QtBot) -> None:
    fields, told = _build(qtbot, NetworkSettings())
    _choose(fields, "own")
    assert told == []  # nothing typed yet
    fields.proxy.setText(" http://proxy.example.com:8080 ")
    fields.proxy.editingFinished.emit()
    fields.proxy.editingFinished.emit()
    _choose(fields, "none")
    _choose(fields, "system")
    assert [network.proxy for network in told] == ["http://proxy.example.com:8080", "none", ""]


def test_a_login_is_refused_with_a_way_out(qtbot: QtBot) -> None:
    fields, told = _build(qtbot, NetworkSettings())
    _choose(fields, "own")
    fields.proxy.setText("http://me:secret@proxy.example.com:8080")
    fields.proxy.editingFinished.emit()
    assert fields.proxy_message.isVisible()
    assert "HTTPS_PROXY" in fields.proxy_message.text()
    assert told == []
    _choose(fields, "system")
    assert not fields.proxy_message.isVisible()


def test_only_a_file_with_certificates_is_taken(qtbot: QtBot, tmp_path: Path) -> None:
    fields, told = _build(qtbot, NetworkSettings())
    (tmp_path / "text.pem").write_text("no certificate")
    for wrong in (tmp_path / "text.pem", tmp_path / "gone.pem"):
        fields.bundle.setText(str(wrong))
        fields.bundle.editingFinished.emit()
        assert fields.bundle_message.isVisible()
    assert told == []
    certificate, _ = servers.self_signed(tmp_path)
    fields.bundle.setText(str(certificate))
    fields.bundle.editingFinished.emit()
    assert not fields.bundle_message.isVisible()
    assert told == [NetworkSettings("", str(certificate))]


def test_the_dialog_keeps_the_network(qtbot: QtBot) -> None:
    dialog = SettingsDialog(Settings(parallel_parts=3))
    qtbot.addWidget(dialog)
    told: list[Settings] = []
    dialog.settings_changed.connect(told.append)
    _choose(dialog.network, "none")
    assert told == [Settings(parallel_parts=3, proxy="none")]
    assert dialog.sizeHint().height() <= 720
