"""The window in a process of its own, to be killed: does one thing after the other and never ends by itself.

Usage: operation_window_child.py SPEC, JSON with the connection and `todo`: a list of what is done, each with its
`verb`, the `keys` of objects or a `prefix`, and the `text` that is filled in; or the `job` that is undone; or the
`folder` of a download.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QFileDialog

from vidcdn_desktop import app
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.gui.library.operation_dialog import OperationDialog
from vidcdn_desktop.gui.library.operation_questions import Asked
from vidcdn_desktop.gui.library.place_form import PlaceForm
from vidcdn_desktop.gui.library.values_form import ValuesForm
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.settings import Settings
from vidcdn_desktop.storage.port import ObjectRef


class User(QObject):
    """Looks at the window now and then, and does what comes next."""

    def __init__(self, desktop: app.Desktop, bucket: str, todo: list[dict[str, Any]]) -> None:
        super().__init__(desktop)
        self._desktop = desktop
        self._bucket = bucket
        self._todo = todo
        self._now: dict[str, Any] = {}
        self._look = QTimer(self)
        self._look.setInterval(20)
        self._look.timeout.connect(self._on_look)
        desktop.session.connection_changed.connect(self._on_connection)

    @Slot(object)
    def _on_connection(self, connection: object) -> None:
        if connection is not None:
            self._look.start()

    @Slot()
    def _on_look(self) -> None:
        dialog = self._desktop.operations.dialog
        if dialog is None:
            if self._todo:
                self._now = self._todo.pop(0)
                self._ask(self._now)
        elif dialog.plan is not None:
            if dialog.plan.confirm:
                dialog.confirm.setText(str(dialog.plan.confirm))
            dialog.go_button.click()
        elif "text" in self._now:
            self._fill(dialog, self._now.pop("text"))

    def _ask(self, wanted: dict[str, Any]) -> None:
        desktop, verb = self._desktop, wanted["verb"]
        refs = [ObjectRef(self._bucket, key) for key in wanted.get("keys", ())]
        if verb == "undo":
            desktop.activity.undo_requested.emit((wanted["job"], "studio", "what was done"))
        elif verb == "download":
            desktop.library.download_requested.emit(refs)
            (chooser,) = desktop.window.findChildren(QFileDialog)
            chooser.fileSelected.emit(wanted["folder"])
            chooser.reject()
        else:
            sources = [Source(ref) for ref in refs]
            if "prefix" in wanted:
                sources.append(Source(ObjectRef(self._bucket, wanted["prefix"]), is_prefix=True))
            desktop.library.operation_requested.emit(Asked(verb, tuple(sources)))

    @staticmethod
    def _fill(dialog: OperationDialog, text: str) -> None:
        if isinstance(dialog.form, PlaceForm):
            dialog.form.place.setText(text)
        elif isinstance(dialog.form, ValuesForm):
            field = dialog.form.headers["cache-control"].value
            field.setText(text)
            field.textEdited.emit(text)
        dialog.go_button.click()


def main(spec: dict[str, Any]) -> int:
    store = MemorySecretStore()
    app.open_secret_store = lambda: (store, "")  # type: ignore[assignment]
    application = app.make_application()
    desktop = app.Desktop(application, Settings(ca_bundle=spec["authority"]))
    profile = ConnectionProfile(
        "studio",
        "Studio",
        ConnectionKind.S3_COMPATIBLE,
        bucket=spec["bucket"],
        region="us-east-1",
        access_key_id=spec["key"],
        endpoint_url=spec["endpoint"],
        path_style=True,
    )
    desktop.saved.save(profile, {"secret_access_key": Secret(spec["secret"])})
    desktop.window.show()
    user = User(desktop, spec["bucket"], spec["todo"])
    desktop.session.use(profile.id)
    code = application.exec()
    user.deleteLater()
    return code


if __name__ == "__main__":
    raise SystemExit(main(json.loads(sys.argv[1])))
