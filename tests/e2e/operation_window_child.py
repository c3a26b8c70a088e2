"""The window in a process of its own, to be killed: moves all below a prefix and never ends by itself.

Usage: operation_window_child.py FROM TO ENDPOINT BUCKET ACCESS_KEY SECRET
"""

from __future__ import annotations

import sys
from typing import cast

from PySide6.QtCore import QTimer

from vidcdn_desktop import app
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.gui.library.operation_questions import Asked
from vidcdn_desktop.gui.library.place_form import PlaceForm
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.settings import Settings
from vidcdn_desktop.storage.port import ObjectRef


def main(source: str, target: str, endpoint: str, bucket: str, key: str, secret: str) -> int:
    store = MemorySecretStore()
    app.open_secret_store = lambda: (store, "")  # type: ignore[assignment]
    application = app.make_application()
    desktop = app.Desktop(application, Settings())
    profile = ConnectionProfile(
        "studio",
        "Studio",
        ConnectionKind.S3_COMPATIBLE,
        bucket=bucket,
        region="us-east-1",
        access_key_id=key,
        endpoint_url=endpoint,
        path_style=True,
    )
    desktop.saved.save(profile, {"secret_access_key": Secret(secret)})
    desktop.window.show()

    def ask(connection: object) -> None:
        if connection is not None:
            wanted = Source(ObjectRef(bucket, source), is_prefix=True)
            desktop.library.operation_requested.emit(Asked("rename", (wanted,)))
            dialog = desktop.operations.dialog
            assert dialog is not None
            cast("PlaceForm", dialog.form).place.setText(target)
            dialog.go_button.click()
            look.start()

    def go() -> None:
        dialog = desktop.operations.dialog
        if dialog is not None and dialog.plan is not None:
            look.stop()
            dialog.go_button.click()

    look = QTimer(desktop)
    look.setInterval(50)
    look.timeout.connect(go)
    desktop.session.connection_changed.connect(ask)
    desktop.session.use(profile.id)
    return application.exec()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:7]))
