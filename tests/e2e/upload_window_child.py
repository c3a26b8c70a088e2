"""The window in a process of its own, to be killed: uploads a folder and never ends by itself.

Usage: upload_window_child.py FOLDER PREFIX ENDPOINT BUCKET ACCESS_KEY SECRET
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QTimer

from vidcdn_desktop import app
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.settings import Settings


def main(folder: str, prefix: str, endpoint: str, bucket: str, key: str, secret: str) -> int:
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
            desktop.library.upload_requested.emit(([Path(folder)], prefix))
            look.start()

    def go() -> None:
        dialog = desktop.desks.uploads.dialog
        if dialog is not None and dialog.intake is not None:
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
