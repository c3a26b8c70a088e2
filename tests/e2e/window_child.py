"""The window in a process of its own, to be killed: publishes one film through one connection and never ends by itself.

Usage: window_child.py FILM ENDPOINT BUCKET ACCESS_KEY SECRET
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QTimer

from vidcdn_desktop import app
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.settings import Settings


def main(film: str, endpoint: str, bucket: str, key: str, secret: str) -> int:
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
    desktop.session.use(profile.id)
    desktop.recall()
    desktop.publish.add_files([Path(film)])

    def publish(snapshot: object) -> None:
        if getattr(snapshot, "state", None) is JobState.READY:
            QTimer.singleShot(0, desktop.bridge.publish_all)

    desktop.bridge.job_changed.connect(publish)
    return application.exec()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:6]))
