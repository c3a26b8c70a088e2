"""Every real film that is moved comes back from an S3 server with all its packets, in the order promised."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from films import stream_hash, top_boxes
from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import open_connection
from vidcdn_desktop.jobs.practice import practice_connection
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.practice.cloud import PracticeCloud
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.upload import upload


@pytest.mark.corpus
def test_every_moved_film_comes_back_whole(
    practice_cloud: PracticeCloud, media_dir: Path, manifest: list[dict[str, Any]], tmp_path: Path
) -> None:
    connection = open_connection(*practice_connection(practice_cloud))
    wrong: list[str] = []
    moved = 0
    for entry in manifest:
        with FileSource(media_dir / entry["name"]) as file:
            plan = plan_fast_start(file)
            if plan.report.layout.value not in (entry["expected"], *entry["also_ok"]):
                wrong.append(f"{entry['name']}: {plan.report.layout.value}")
            if plan.report.layout is not Layout.NEEDS:
                continue
            moved += 1
            ref = ObjectRef(practice_cloud.bucket, f"corpus/{entry['name']}")
            stored = upload(
                connection.storage,
                plan.source,
                ref,
                ObjectHeaders("video/mp4"),
                token=CancelToken(),
                meter=ProgressMeter(),
                only_if_absent=False,
                check_source=file.check_unchanged,
            )
        copy = tmp_path / f"copy{Path(entry['name']).suffix}"
        copy.write_bytes(connection.storage.read_range(ref, 0, stored.size))
        boxes = top_boxes(copy.read_bytes())
        if "mdat" in boxes and boxes.index("moov") > boxes.index("mdat"):
            wrong.append(f"{entry['name']}: {boxes}")
        try:
            same = stream_hash(copy) == stream_hash(media_dir / entry["name"])
        except subprocess.CalledProcessError:
            continue  # ffmpeg reads neither; the sample bytes are compared in the core's own test
        if not same:
            wrong.append(f"{entry['name']}: other packets")
    connection.close()
    assert not wrong
    assert moved >= 40
