"""The whole way through the door scripts use: real files, the practice cloud, JSON out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from films import stream_hash, top_boxes
from vidcdn_desktop.__main__ import main
from vidcdn_desktop.practice.cloud import PracticeCloud


@dataclass
class Answer:
    """What one call of the program gave."""

    code: int
    objects: list[dict[str, Any]]
    err: str

    @property
    def only(self) -> dict[str, Any]:
        assert len(self.objects) == 1, self
        return self.objects[0]


Call = Callable[..., Answer]


@pytest.fixture
def environment(practice_cloud: PracticeCloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The standard AWS environment, pointing at the practice cloud."""
    values = {
        "AWS_ENDPOINT_URL": practice_cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": practice_cloud.access_key_id,
        "AWS_SECRET_ACCESS_KEY": practice_cloud.secret_access_key,
        "AWS_REGION": practice_cloud.region,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def call(environment: dict[str, str], practice_cloud: PracticeCloud, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the program in this process, on the practice cloud's bucket."""

    def run(*argv: str | Path, bucket: bool = True) -> Answer:
        words = [str(word) for word in argv]
        if bucket:
            words += ["--bucket", practice_cloud.bucket]
        capsys.readouterr()
        code = main([*words, "--json"])
        out, err = capsys.readouterr()
        return Answer(code, [json.loads(line) for line in out.splitlines()], err)

    return run


def fetch(url: str) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url)


def test_publish_moves_the_index_and_the_link_plays_the_same_film(call: Call, clip_end: Path, tmp_path: Path) -> None:
    answer = call("publish", clip_end, "--title", "Dämmerung über dem See")
    assert answer.code == 0, answer.err
    result = answer.only
    assert result["fast_start"] == "moved"
    assert result["key"].startswith("videos/landscape/dammerung-uber-dem-see-")
    assert result["thumbnail_key"] == result["key"].removesuffix(".mp4") + ".jpg"
    assert result["size"] == clip_end.stat().st_size == result["bytes_sent"]
    assert result["disk_bytes_written"] == 0
    assert set(result["seconds"]) >= {"fast_start", "upload", "thumbnail", "verify"}
    assert result["verified"]["ok"] is True
    assert result["verified"]["status"] == 206
    assert result["verified"]["index_first"] is True
    body = fetch(result["url"]).data
    boxes = top_boxes(body)
    assert boxes.index("moov") < boxes.index("mdat")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(body)
    assert stream_hash(copy) == stream_hash(clip_end)
    picture = fetch(result["thumbnail_url"])
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert picture.data.startswith(b"\xff\xd8")


def test_a_versioned_film_is_cached_for_a_year(call: Call, clip_fast: Path) -> None:
    result = call("publish", clip_fast).only
    assert result["fast_start"] == "already"
    assert result["key"].startswith("videos/portrait/tall-")
    head = fetch(result["url"])
    assert head.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert head.headers["Content-Type"] == "video/mp4"


def test_the_same_film_is_not_sent_twice_and_another_never_overwrites_it(
    call: Call, clip_end: Path, clip_other: Path
) -> None:
    first = call("publish", clip_end, "--title", "twice").only
    again = call("publish", clip_end, "--title", "twice").only
    other = call("publish", clip_other, "--title", "twice").only
    assert again["key"] == first["key"]
    assert again["etag"] == first["etag"]
    assert other["key"] != first["key"]
    assert fetch(first["url"]).headers["ETag"].strip('"') == first["etag"]


def test_same_link_shows_the_new_cut_at_once(call: Call, clip_end: Path, clip_other: Path) -> None:
    first = call("publish", clip_end, "--title", "stable", "--link", "stable").only
    assert first["invalidation_id"] == ""
    assert fetch(first["url"]).headers["ETag"].strip('"') == first["etag"]  # now every edge has the old cut
    second = call("publish", clip_other, "--title", "stable", "--link", "stable").only
    assert second["url"] == first["url"]
    assert second["invalidation_id"]
    assert second["verified"]["ok"] is True
    assert second["verified"]["etag"].strip('"') == second["etag"] != first["etag"]
    assert fetch(second["url"]).headers["ETag"].strip('"') == second["etag"]


def test_own_thumbnail_is_used(call: Call, clip_end: Path, tmp_path: Path) -> None:
    from PIL import Image

    picture = tmp_path / "mine.png"
    Image.new("RGB", (1600, 900), (200, 30, 30)).save(picture)
    result = call("publish", clip_end, "--title", "own picture", "--thumbnail", picture).only
    import io

    with Image.open(io.BytesIO(fetch(result["thumbnail_url"]).data)) as sent:
        assert sent.size == (1280, 720)
        red, green, _blue = sent.convert("RGB").getpixel((640, 360))
    assert red > 150 > 80 > green


def test_without_a_distribution_the_link_is_presigned_and_says_when_it_dies(
    call: Call, clip_end: Path, practice_cloud: PracticeCloud
) -> None:
    answer = call("publish", clip_end, "--bucket", "practice-unserved", bucket=False)
    assert answer.code == 0, answer.err
    result = answer.only
    assert result["verified"] is None
    assert result["url_expires"]
    assert any("No CDN distribution" in note for note in result["notes"])
    assert fetch(result["url"]).data[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("empty.mp4", b"", "NotAVideo|CorruptMedia"),
        ("note.mp4", b"just a few words, and no film at all\n" * 20, "NotAVideo"),
        ("cut.mp4", None, "CorruptMedia"),
    ],
)
def test_a_bad_file_publishes_nothing(
    call: Call, clip_end: Path, tmp_path: Path, name: str, content: bytes | None, kind: str
) -> None:
    path = tmp_path / name
    path.write_bytes(clip_end.read_bytes()[:-2000] if content is None else content)
    prefix = f"bad-{name.split('.')[0]}"
    answer = call("publish", path, "--prefix", prefix)
    assert answer.code == 1
    assert answer.only["error"]["kind"] in kind.split("|")
    assert "Nothing was published" in answer.only["error"]["meaning"]
    assert answer.only["error"]["advice"]
    assert call("ls", "--recursive", f"{prefix}/").only["objects"] == []


STRANGE = ["-dash.mp4", "quo'te\".mp4", "new\nline.mp4", "🎬 film.mp4", "\u202egpj.mp4", "100%d.mp4"]


@pytest.mark.parametrize("name", STRANGE)
def test_strange_names_are_published_under_safe_keys(call: Call, clip_end: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(clip_end.read_bytes())
    answer = call("publish", path, "--prefix", "odd", "--no-verify")
    assert answer.code == 0, answer.err
    key = answer.only["key"]
    assert key.isascii()
    assert not set(key) - set("abcdefghijklmnopqrstuvwxyz0123456789._-/")
    assert fetch(answer.only["url"]).status == 200


def test_a_folder_a_missing_file_and_a_pipe_are_refused(call: Call, tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.mp4"
    os.mkfifo(fifo)
    for path in (tmp_path, tmp_path / "gone.mp4", fifo):
        answer = call("publish", path)
        assert answer.code == 1
        assert answer.only["error"]["kind"] in ("SourceUnreadable", "SourceGone")


def test_a_symlink_is_followed(call: Call, clip_end: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.mp4"
    link.symlink_to(clip_end)
    assert call("publish", link, "--no-verify").code == 0


def test_wrong_keys_and_a_missing_bucket_are_told_in_words(
    call: Call, clip_end: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = call("publish", clip_end, "--bucket", "no-such-bucket-here", bucket=False)
    assert answer.code == 1
    assert answer.only["error"]["kind"] == "BucketNotFound"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    answer = call("publish", clip_end)
    assert answer.code == 1
    assert answer.only["error"]["kind"] == "CredentialsRejected"
    assert answer.only["error"]["meaning"].startswith("Nothing was published")


def test_no_network_is_told_in_words(call: Call, clip_end: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    answer = call("publish", clip_end, "--patience", "0.5")
    assert answer.code == 1
    assert answer.only["error"]["kind"] == "Offline"


def test_invalidate_check_and_ls(call: Call, clip_end: Path, practice_cloud: PracticeCloud) -> None:
    result = call("publish", clip_end, "--prefix", "listing", "--title", "listed").only
    listing = call("ls", "listing/landscape/").only
    assert {item["key"] for item in listing["objects"]} == {result["key"], result["thumbnail_key"]}
    path = result["url"].split("/", 3)[3]
    answer = call("invalidate", f"/{path}", "--wait", "--distribution", practice_cloud.distribution_id)
    assert answer.only["status"].lower() == "completed"
    assert call("check", result["url"], bucket=False).only["ok"] is True
    bad = call("invalidate", "no-slash")
    assert bad.code == 1
    assert bad.only["error"]["kind"] == "InvalidPath"


def test_check_says_what_is_wrong(call: Call, practice_cloud: PracticeCloud) -> None:
    answer = call("check", f"{practice_cloud.edge_url}/nothing/here.mp4", bucket=False)
    assert answer.code == 1
    assert answer.only["ok"] is False
    assert answer.only["status"] == 403


def test_inspect_prints_the_promised_fields(call: Call, clip_end: Path, clip_fast: Path) -> None:
    answer = call("inspect", clip_end, clip_fast, bucket=False)
    assert answer.code == 0
    end, fast = answer.objects
    assert (end["verdict"], fast["verdict"]) == ("needs", "already")
    assert [box["type"] for box in end["boxes"]] == top_boxes(clip_end.read_bytes())
    assert end["media"]["width"] == 320
    assert fast["media"]["orientation"] == "portrait"
    assert end["ffprobe"]["format"]["nb_streams"] == 2


def test_faststart_writes_a_whole_file_or_none(call: Call, clip_end: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    answer = call("faststart", clip_end, target, bucket=False)
    assert answer.only["fast_start"] == "moved"
    assert stream_hash(target) == stream_hash(clip_end)
    again = call("faststart", clip_end, target, bucket=False)
    assert again.code == 2
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip_end.read_bytes()[:-2000])
    refused = call("faststart", cut, tmp_path / "never.mp4", bucket=False)
    assert refused.code == 1
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["cut.mp4", "out.mp4"]


def test_wrong_use_exits_with_2(call: Call, clip_end: Path) -> None:
    assert call("publish", clip_end, "--connection", "nobody", bucket=False).code == 2
    with pytest.raises(SystemExit) as caught:
        main(["publish"])
    assert caught.value.code == 2


def test_the_program_itself_on_its_own_practice_cloud(clip_end: Path, tmp_path: Path) -> None:
    """A process of its own, as a script would start it; the cloud it starts ends with it."""
    command = [sys.executable, "-m", "vidcdn_desktop", "publish", str(clip_end), "--connection", "practice", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["verified"]["ok"] is True
    assert "Traceback" not in done.stderr


def test_ctrl_c_cancels_with_130_and_leaves_nothing(
    environment: dict[str, str], practice_cloud: PracticeCloud, tmp_path: Path, call: Call, clip_end: Path
) -> None:
    """The signal arrives while the film is being sent; a proxy that stops reading holds it there."""
    from stalling import StallingProxy

    film = tmp_path / "long.mp4"
    data = clip_end.read_bytes()
    film.write_bytes(data + (40_000_008).to_bytes(4, "big") + b"free" + bytes(40_000_000))
    with StallingProxy(practice_cloud.endpoint_url, stall_after_bytes=3_000_000) as proxy:
        command = [sys.executable, "-m", "vidcdn_desktop", "publish", str(film), "--json"]
        command += ["--bucket", practice_cloud.bucket, "--prefix", "cancelled"]
        env = {**os.environ, **environment, "AWS_ENDPOINT_URL": proxy.url}
        child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert proxy.stalled.wait(60)
            child.send_signal(signal.SIGINT)
            proxy.release()
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
            child.wait()
    assert child.returncode == 130, err
    assert "Traceback" not in err
    assert json.loads(out)["error"]["kind"] == "Cancelled"
    assert call("ls", "--recursive", "cancelled/").only["objects"] == []
    assert unfinished(practice_cloud, "cancelled/") == []


def unfinished(cloud: PracticeCloud, prefix: str) -> list[Any]:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint_url,
        aws_access_key_id=cloud.access_key_id,
        aws_secret_access_key=cloud.secret_access_key,
        region_name=cloud.region,
    )
    answer = client.list_multipart_uploads(Bucket=cloud.bucket, Prefix=prefix)
    client.close()
    return answer.get("Uploads", [])


def test_a_foreign_store_is_never_looked_up_at_aws(
    call: Call, clip_end: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """Only the S3 endpoint is set: a request to CloudFront would leave this computer, and the test would fail."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", environment["AWS_ENDPOINT_URL"])
    answer = call("publish", clip_end, "--prefix", "foreign")
    assert answer.code == 0, answer.err
    assert answer.only["url_expires"]
    assert answer.only["verified"] is None
