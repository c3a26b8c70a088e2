"""Converting real films of every common container: as little encoding as possible, and nothing lost in silence."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from clips import make_clip
from foreign import AAC, X264, X265, codecs, frame_hashes, make_foreign, need_encoders, probe

from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.errors import CorruptMedia, DiskFull, SourceChanged, ToolFailed, ToolMissing
from vidcdn_desktop.media.convert import Converted, convert
from vidcdn_desktop.media.convert_model import ConversionKind, ConversionProgress
from vidcdn_desktop.media.ffmpeg import Tools, find_tools
from vidcdn_desktop.media.info import Layout, MediaInfo, Verdict
from vidcdn_desktop.media.probe import inspect

TOOLS = find_tools()


def look(path: Path, tools: Tools = TOOLS) -> MediaInfo:
    return inspect(path, token=CancelToken(), tools=tools)


def run(
    info: MediaInfo,
    folder: Path,
    *,
    token: CancelToken | None = None,
    on_progress: Callable[[ConversionProgress], None] = lambda _: None,
    tools: Tools = TOOLS,
) -> Converted:
    assert info.conversion is not None
    folder.mkdir(exist_ok=True)
    return convert(info, info.conversion, folder, token=token or CancelToken(), tools=tools, on_progress=on_progress)


@pytest.mark.parametrize(
    ("kind", "copied", "streams"),
    [
        ("mkv-h264-aac", "v a", ["h264", "aac"]),
        ("mkv-hevc-aac", "v a", ["hevc", "aac"]),
        ("mkv-vp9-opus", "v a", ["vp9", "opus"]),
        ("mkv-h264-flac", "v a", ["h264", "flac"]),
        ("ts-h264-aac", "v a", ["h264", "aac"]),
        ("flv-h264-mp3", "v a", ["h264", "mp3"]),
        ("mkv-h264-ac3", "v", ["h264", "aac"]),
        ("mkv-h264-444", "a", ["h264", "aac"]),
        ("mkv-vp8-vorbis", "", ["h264", "aac"]),
        ("avi-mpeg4-mp3", "a", ["h264", "mp3"]),
        ("avi-h264-bframes", "a", ["h264", "aac"]),
        ("ts-mpeg2-mp2", "", ["h264", "aac"]),
        ("flv-flv1-mp3", "a", ["h264", "mp3"]),
        ("wmv", "", ["h264", "aac"]),
        ("mxf", "", ["h264", "aac"]),
        ("sound-only", "", ["aac"]),
    ],
)
def test_only_what_browsers_do_not_play_is_encoded(kind: str, copied: str, streams: list[str], tmp_path: Path):
    film = make_foreign(kind, tmp_path)
    before = film.read_bytes()
    info = look(film)
    assert info.verdict is Verdict.NEEDS_CONVERSION
    assert info.conversion is not None
    done = run(info, tmp_path / "out")
    result = done.info.path
    assert codecs(result) == streams
    plans = done.conversion.streams
    assert [p.kind[0] for p in plans if p.copied] == copied.split()
    assert done.conversion == info.conversion, "what was planned is what was done"
    all_copied = len(copied.split()) == len(streams)
    assert done.conversion.kind is (ConversionKind.REMUX if all_copied else ConversionKind.ENCODE)
    for plan in plans:
        if plan.copied:  # frame for frame the same
            letter = plan.kind[0]
            kept, original = (frame_hashes(path, f"{letter}:0") for path in (result, film))
            # How much of its last frame is silence, each container says in its own way.
            assert kept[:-1] == original[:-1] if plan.codec == "opus" else kept == original
    if "h264" in streams and not plans[0].copied:
        assert probe(result)["streams"][0]["pix_fmt"] == "yuv420p"
    assert done.info.layout.layout in (Layout.NEEDS, Layout.ALREADY)
    assert done.info.duration_s == pytest.approx(1.0, abs=0.15)
    assert done.bytes_written == result.stat().st_size
    assert film.read_bytes() == before, "the original is never touched"


def test_hevc_gets_the_tag_safari_asks_for(tmp_path: Path):
    done = run(look(make_foreign("mkv-hevc-aac", tmp_path)), tmp_path / "out")
    assert probe(done.info.path)["streams"][0]["codec_tag_string"] == "hvc1"


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A Matroska film with two subtitle streams, chapters, tags and an attachment."""
    srt = tmp_path / "s.srt"
    srt.write_text("1\n00:00:00,100 --> 00:00:00,900\nGrüße <i>aus</i> Köln\n", "utf-8")
    meta = tmp_path / "meta.txt"
    meta.write_text(
        ";FFMETADATA1\ntitle=Mein Film\nCAMERA_NOTE=lens 35\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=Erstens\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=Zweitens\n",
        "utf-8",
    )
    font = tmp_path / "font.ttf"
    font.write_bytes(b"\0\1\0\0" + bytes(64))
    plain = make_clip(tmp_path / "plain.mkv", *X264, *AAC)
    return make_clip(
        tmp_path / "rich.mkv",
        *("-i", str(plain), "-i", str(srt), "-i", str(meta), "-map", "2", "-map", "3", "-map", "3"),
        *("-map_metadata", "4", "-map_chapters", "4", "-c", "copy", "-c:s:0", "srt", "-c:s:1", "ass"),
        *("-metadata:s:s:0", "language=ger", "-metadata:s:s:1", "language=eng"),
        *("-attach", str(font), "-metadata:s:t", "mimetype=font/ttf"),
    )


def test_tags_chapters_and_subtitles_survive_and_the_rest_is_named(rich: Path, tmp_path: Path):
    done = run(look(rich), tmp_path / "out")
    answer = probe(done.info.path)
    tags = {name.lower(): value for name, value in answer["format"]["tags"].items()}
    assert tags["title"] == "Mein Film"
    assert tags["camera_note"] == "lens 35"
    assert [c["tags"]["title"] for c in answer["chapters"]] == ["Erstens", "Zweitens"]
    assert [file.language for file in done.subtitles] == ["ger", "eng"]
    for file in done.subtitles:
        text = file.path.read_text("utf-8")
        assert text.startswith("WEBVTT")
        assert "Grüße" in text
    assert any("attachment" in note for note in done.conversion.notes), done.conversion.notes


def test_sides_of_odd_length_become_even(tmp_path: Path):
    film = make_clip(tmp_path / "odd.avi", "-c:v", "mjpeg", "-an", source="testsrc2=size=321x179:rate=10", sound=False)
    done = run(look(film), tmp_path / "out")
    stream = probe(done.info.path)["streams"][0]
    assert (stream["width"], stream["height"]) == (320, 178)


def test_hdr_that_has_to_be_encoded_is_brought_to_standard_colours(tmp_path: Path):
    need_encoders(*X265)
    pq = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    film = make_clip(
        tmp_path / "hdr.mkv",
        *("-vf", pq, "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv422p10le"),
        *("-x265-params", "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"),
        sound=False,
    )
    info = look(film)
    assert info.conversion is not None
    assert info.conversion.tone_map
    assert any("HDR" in note for note in info.conversion.notes)
    done = run(info, tmp_path / "out")
    stream = probe(done.info.path)["streams"][0]
    assert (stream["codec_name"], stream["color_transfer"]) == ("h264", "bt709")
    assert done.info.main_video is not None
    assert done.info.main_video.hdr == ""


@pytest.mark.parametrize("name", ["-y.mkv", "a:b %03d.mkv", "concat:x|y.mkv", "mit 'Strich\" und \n Zeile.mkv"])
def test_a_name_is_never_taken_for_an_option_or_a_protocol(name: str, tmp_path: Path):
    if sys.platform == "win32":
        pytest.skip("such names do not exist here")
    film = make_foreign("mkv-h264-aac", tmp_path).rename(tmp_path / name)
    done = run(look(film), tmp_path / "out")
    assert done.info.path.name == "film.mp4"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "home", "out"])


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose encoding takes long enough to be stopped in the middle."""
    folder = tmp_path_factory.mktemp("long")
    options = ("-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame")
    return make_clip(folder / "long.avi", *options, source="testsrc2=size=1280x720:rate=25", seconds=6.0)


@pytest.mark.parametrize("how", ["cancel", "pause"])
def test_stopping_ends_ffmpeg_at_once(how: str, long_film: Path, tmp_path: Path):
    token = CancelToken()
    seen: list[float] = []

    def stop(progress: ConversionProgress) -> None:
        if progress.fraction:
            seen.append(progress.fraction)
            token.cancel() if how == "cancel" else token.pause()

    with pytest.raises(Cancelled) as caught:
        run(look(long_film), tmp_path / "out", token=token, on_progress=stop)
    assert isinstance(caught.value, Paused) == (how == "pause")
    assert 0 < seen[0] < 1, "it was stopped in the middle"


def test_progress_runs_from_nothing_to_all(tmp_path: Path):
    seen: list[ConversionProgress] = []
    run(look(make_foreign("avi-mpeg4-mp3", tmp_path)), tmp_path / "out", on_progress=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions, key=lambda f: f or 0.0)
    assert fractions[0] == 0.0
    assert fractions[-1] == pytest.approx(1.0, abs=0.1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full here")
def test_a_full_disk_is_told_as_such(tmp_path: Path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "film.mp4").symlink_to("/dev/full")
    with pytest.raises(DiskFull):
        run(look(make_foreign("mkv-h264-aac", tmp_path)), folder)


def test_without_ffmpeg_the_file_is_told_what_it_needs(tmp_path: Path):
    film = make_foreign("mkv-h264-aac", tmp_path)
    without = replace(TOOLS, ffmpeg=None)
    info = look(film, without)
    assert info.verdict is Verdict.NEEDS_CONVERSION
    assert info.conversion is None
    assert "ffmpeg" in info.advice
    with pytest.raises(ToolMissing):
        run(look(film), tmp_path / "out", tools=without)


def test_a_film_that_changed_since_it_was_looked_at_is_not_converted(tmp_path: Path):
    film = make_foreign("mkv-h264-aac", tmp_path)
    info = look(film)
    with film.open("ab") as file:
        file.write(b"more")
    with pytest.raises(SourceChanged):
        run(info, tmp_path / "out")


def test_a_film_that_is_cut_off_is_not_published_as_a_whole_one(tmp_path: Path):
    film = make_foreign("mkv-h264-aac", tmp_path, seconds=4.0)
    os.truncate(film, film.stat().st_size // 3)
    info = look(film)
    assert info.duration_s == pytest.approx(4.0, abs=0.2), "its head still speaks of all of it"
    with pytest.raises(CorruptMedia) as caught:
        run(info, tmp_path / "out")
    assert "Only 0:0" in caught.value.what


def test_streams_that_do_not_bear_copying_are_encoded(tmp_path: Path):
    film = make_foreign("mkv-h264-aac", tmp_path)
    info = look(film)
    # An ffmpeg that copies nothing stands for a stream its muxer refuses.
    fussy = tmp_path / "ffmpeg"
    fussy.write_text(f'#!/bin/sh\nfor word in "$@"; do [ "$word" = copy ] && exit 1; done\nexec {TOOLS.ffmpeg} "$@"\n')
    fussy.chmod(fussy.stat().st_mode | stat.S_IXUSR)
    if sys.platform == "win32":
        pytest.skip("needs a shell")
    done = run(info, tmp_path / "out", tools=Tools(fussy, TOOLS.ffprobe))
    assert done.conversion.kind is ConversionKind.ENCODE
    assert [plan.copied for plan in done.conversion.streams] == [False, False]
    assert codecs(done.info.path) == ["h264", "aac"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["camera-100-0306.avi", "sample.flv", "wmv7-clock.wmv", "gen-ts-named.mp4", "mxf.mxf"])
def test_the_collection_is_converted_or_told_why_not(name: str, media_dir: Path, tmp_path: Path):
    info = look(media_dir / name)
    if name == "mxf.mxf":  # a fragment of seven kilobytes without a whole packet
        with pytest.raises(ToolFailed):
            run(info, tmp_path / "out")
        return
    done = run(info, tmp_path / "out")
    assert done.info.duration_s == pytest.approx(info.duration_s, abs=0.1)
    assert codecs(done.info.path) == [p.result for p in done.conversion.streams]
