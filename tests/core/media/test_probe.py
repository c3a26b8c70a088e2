"""Inspection: what a file is, what will happen to it, and the words for it."""

from __future__ import annotations

import errno
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clips import h264, make_clip, turn
from PIL import Image

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import SourceGone, SourceUnreadable
from vidcdn_desktop.media.ffmpeg import Tools, find_tools
from vidcdn_desktop.media.ffprobe import parse_ffprobe
from vidcdn_desktop.media.info import Layout, MediaInfo, Orientation, Verdict
from vidcdn_desktop.media.probe import inspect

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes, links and names")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one film of each kind, made once."""
    folder = tmp_path_factory.mktemp("films")
    base = make_clip(folder / "end.mp4", *h264())
    make_clip(folder / "start.mp4", *h264("-movflags", "+faststart"))
    make_clip(folder / "fragmented.mp4", *h264("-movflags", "+frag_keyframe+empty_moov"))
    make_clip(folder / "film.mkv", *h264())
    make_clip(folder / "film.avi", "-c:v", "mpeg4", "-c:a", "mp3")
    make_clip(folder / "film.ts", *h264())
    make_clip(folder / "film.flv", *h264("-ar", "44100"))
    make_clip(folder / "film.webm", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")
    make_clip(folder / "prores.mov", "-c:v", "prores_ks", "-c:a", "pcm_s16le")
    make_clip(folder / "sound.m4a", "-vn", "-c:a", "aac")
    make_clip(folder / "sound.mp3", "-vn", "-c:a", "libmp3lame")
    (folder / "cut.mp4").write_bytes(base.read_bytes()[:-2000])
    return folder


def look(path: Path, tools: Tools | None = None) -> MediaInfo:
    return inspect(path, token=CancelToken(), tools=tools or find_tools())


def test_tells_every_fact_of_a_film(films: Path):
    info = look(films / "end.mp4")
    film, sound = info.video[0], info.audio[0]
    assert info.path == films / "end.mp4"
    assert info.container == "MP4"
    assert info.duration_s == pytest.approx(1.0, abs=0.05)
    assert info.bit_rate == pytest.approx(info.identity.size * 8 / info.duration_s, rel=0.01)
    assert (film.codec, film.coded_width, film.coded_height) == ("h264", 320, 180)
    assert (film.display_width, film.display_height, film.rotation) == (320, 180, 0)
    assert film.profile == "Constrained Baseline"
    assert film.fps == 25
    assert film.bit_depth == 8
    assert film.pixel_format == "yuv420p"
    assert film.bit_rate is not None
    assert (sound.codec, sound.profile, sound.channels, sound.layout) == ("aac", "LC", 1, "mono")
    assert sound.sample_rate == 48000
    assert info.orientation is Orientation.LANDSCAPE
    assert info.tags["major_brand"] == "isom"
    assert info.ffprobe is not None
    assert len(info.ffprobe["streams"]) == 2
    assert info.missing == ()
    assert info.missing_advice == ""


@pytest.mark.parametrize(
    ("name", "layout", "verdict"),
    [
        ("end.mp4", Layout.NEEDS, Verdict.WILL_MOVE),
        ("start.mp4", Layout.ALREADY, Verdict.READY),
        ("fragmented.mp4", Layout.FRAGMENTED, Verdict.FRAGMENTED),
        ("sound.m4a", Layout.NEEDS, Verdict.WILL_MOVE),
        ("prores.mov", Layout.NEEDS, Verdict.WILL_MOVE),
        ("cut.mp4", Layout.CORRUPT, Verdict.CANNOT),
        ("film.webm", Layout.NOT_MP4, Verdict.AS_IS),
        ("sound.mp3", Layout.NOT_MP4, Verdict.AS_IS),
        ("film.mkv", Layout.NOT_MP4, Verdict.NEEDS_CONVERSION),
        ("film.avi", Layout.NOT_MP4, Verdict.NEEDS_CONVERSION),
        ("film.ts", Layout.NOT_MP4, Verdict.NEEDS_CONVERSION),
        ("film.flv", Layout.NOT_MP4, Verdict.NEEDS_CONVERSION),
    ],
)
@pytest.mark.parametrize("tools", [None, Tools()], ids=["with ffprobe", "without"])
def test_verdict_of_each_kind(films: Path, name: str, layout: Layout, verdict: Verdict, tools: Tools | None):
    info = look(films / name, tools)
    assert (info.layout.layout, info.verdict) == (layout, verdict)
    assert info.reason.endswith(".")
    assert info.container
    if verdict in (Verdict.CANNOT, Verdict.NEEDS_CONVERSION):
        assert info.advice.endswith(".")


def test_content_decides_and_not_the_name(films: Path, tmp_path: Path):
    for real, claimed in (("film.mkv", "a.mp4"), ("film.ts", "b.mov"), ("end.mp4", "c.avi")):
        (tmp_path / claimed).write_bytes((films / real).read_bytes())
        assert look(tmp_path / claimed).verdict is look(films / real).verdict


def test_a_cut_off_recording_says_so(films: Path):
    info = look(films / "cut.mp4")
    assert info.reason == "Can't be published: the file is cut off (the index is missing)."
    assert info.advice == "The recording was not closed properly. Copy it again from the camera."


def test_a_webm_browsers_do_not_play_needs_conversion(tmp_path: Path):
    # The document type says WebM, the film inside is no WebM film.
    film = make_clip(tmp_path / "odd.mkv", *h264(), sound=False)
    data = film.read_bytes().replace(b"matroska", b"webm\0\0\0\0", 1)
    film.write_bytes(data)
    info = look(film)
    assert info.container == "WebM"
    assert info.verdict is Verdict.NEEDS_CONVERSION
    assert "H.264" in info.reason


def test_a_codec_browsers_do_not_play_gets_a_note_and_keeps_its_verdict(films: Path):
    info = look(films / "prores.mov")
    assert info.container == "QuickTime / MOV"
    assert info.verdict is Verdict.WILL_MOVE
    assert info.advice.startswith("Browsers do not play ProRes video.")
    assert look(films / "end.mp4").advice == ""


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("tools", [None, Tools()], ids=["with ffprobe", "without"])
def test_rotation_turns_the_size_as_shown(tmp_path: Path, degrees: int, tools: Tools | None):
    film = turn(make_clip(tmp_path / "phone.mp4", *h264(), sound=False), degrees)
    info = look(film, tools)
    shown = (180, 320) if degrees in (90, 270) else (320, 180)
    stream = info.video[0]
    assert stream.rotation == degrees
    assert (stream.display_width, stream.display_height) == shown
    assert (stream.coded_width, stream.coded_height) == (320, 180)
    assert info.orientation is (Orientation.LANDSCAPE if degrees == 180 else Orientation.PORTRAIT)


@pytest.mark.parametrize("tools", [None, Tools()], ids=["with ffprobe", "without"])
def test_pixel_aspect_stretches_before_the_turn(tmp_path: Path, tools: Tools | None):
    source = "testsrc2=size=240x180:rate=25,setsar=4/3"
    film = make_clip(tmp_path / "wide.mp4", *h264(), source=source, sound=False)
    stream = look(film, tools).video[0]
    assert stream.pixel_aspect == (4, 3)
    assert (stream.display_width, stream.display_height) == (320, 180)
    stream = look(turn(film, 90), tools).video[0]
    assert (stream.display_width, stream.display_height) == (180, 320)


@pytest.mark.parametrize(
    ("transfer", "extra", "hdr", "color"),
    [
        ("smpte2084", "", "PQ", "BT.2020 PQ"),
        (
            "smpte2084",
            ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400",
            "HDR10",
            "BT.2020 PQ",
        ),
        ("arib-std-b67", "", "HLG", "BT.2020 HLG"),
        ("bt709", "", "", "BT.2020 BT.709"),
    ],
)
def test_hdr_is_told_apart(tmp_path: Path, transfer: str, extra: str, hdr: str, color: str):
    params = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc{extra}"
    options = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", params]
    stream = look(make_clip(tmp_path / "hdr.mp4", *options, sound=False, seconds=0.2)).video[0]
    assert (stream.hdr, stream.color, stream.bit_depth) == (hdr, color, 10)


def test_dolby_vision_is_recognised_by_its_configuration():
    stream = {"codec_type": "video", "color_transfer": "smpte2084"}
    raw = {"streams": [stream | {"side_data_list": [{"side_data_type": "DOVI configuration record"}]}]}
    assert parse_ffprobe(raw).video[0].hdr == "Dolby Vision"


@pytest.mark.parametrize("raw", [{}, {"streams": 3, "format": []}, {"streams": [None, {"codec_type": "video"}]}])
def test_odd_answers_of_ffprobe_give_unknown_and_no_error(raw: dict[str, object]):
    facts = parse_ffprobe(raw)
    assert facts.duration_s is None
    assert facts.audio == ()
    for stream in facts.video:
        assert (stream.fps, stream.bit_depth, stream.codec, stream.pixel_aspect) == (None, None, "", (1, 1))


@pytest.mark.parametrize("value", ["N/A", "nan", "inf", "1e400", "", None, [], "-5", "0/0"])
def test_numbers_ffprobe_does_not_know_are_none(value: object):
    raw = {
        "format": {"duration": value if value != "-5" else None, "bit_rate": value},
        "streams": [{"codec_type": "video", "bit_rate": value, "avg_frame_rate": value, "sample_aspect_ratio": value}],
    }
    facts = parse_ffprobe(raw)
    assert (facts.duration_s, facts.bit_rate) == (None, None)
    assert (facts.video[0].bit_rate, facts.video[0].fps, facts.video[0].pixel_aspect) == (None, None, (1, 1))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"Dear all,\n\nthis is no film.\n", "text"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nend.mp4\n#EXT-X-ENDLIST\n", "text"),
        ("Grüße\n".encode() * 2000, "text"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"%PDF-1.7\n\x00" + bytes(100), "PDF"),
        (os.urandom(16) + bytes(5000), "recognised"),
        (bytes(100_000), "recognised"),
    ],
    ids=["empty", "text", "playlist", "umlauts", "zip", "pdf", "noise", "zeros"],
)
@pytest.mark.parametrize("tools", [None, Tools()], ids=["with ffprobe", "without"])
def test_what_is_no_film_is_refused_in_words(tmp_path: Path, content: bytes, word: str, tools: Tools | None):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    info = look(path, tools)
    assert info.verdict is Verdict.CANNOT
    assert info.reason.startswith("Can't be published: ")
    assert word in info.reason
    assert info.advice
    assert info.video == ()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_still_picture_is_no_film(tmp_path: Path, kind: str):
    path = tmp_path / "film.mp4"
    Image.new("RGB", (64, 48), (200, 30, 30)).save(path, kind)
    info = look(path)
    assert info.verdict is Verdict.CANNOT
    assert "picture, not a video" in info.reason


def test_a_playlist_does_not_pull_in_other_films(films: Path):
    # It names a real film beside it; following it would publish the reference and show the other film's facts.
    playlist = films / "list.mp4"
    playlist.write_text("ffconcat version 1.0\nfile 'end.mp4'\n")
    info = look(playlist)
    assert (info.verdict, info.video, info.ffprobe) == (Verdict.CANNOT, (), None)


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(SourceUnreadable) as caught:
        look(tmp_path)
    assert "folder" in caught.value.what


def test_a_missing_file_is_gone(tmp_path: Path):
    with pytest.raises(SourceGone):
        look(tmp_path / "gone.mp4")
    with pytest.raises(SourceGone):
        look(Path("a\0b.mp4"))


@posix
def test_links_are_followed_once_and_dangling_ones_are_gone(films: Path, tmp_path: Path):
    (tmp_path / "link.mp4").symlink_to(films / "end.mp4")
    info = look(tmp_path / "link.mp4")
    assert info.path == tmp_path / "link.mp4"
    assert info.verdict is Verdict.WILL_MOVE
    assert info.identity == look(films / "end.mp4").identity
    (tmp_path / "dangling.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(SourceGone):
        look(tmp_path / "dangling.mp4")
    (tmp_path / "circle.mp4").symlink_to(tmp_path / "circle.mp4")
    with pytest.raises((SourceGone, SourceUnreadable)):
        look(tmp_path / "circle.mp4")


@posix
def test_pipes_and_devices_are_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SourceUnreadable):
        look(tmp_path / "pipe.mp4")
    with pytest.raises(SourceUnreadable):
        look(Path("/dev/null"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises((SourceUnreadable, SourceGone)):
            look(tmp_path / "s")


@posix
def test_a_file_of_somebody_else_is_unreadable(films: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    # A test run by the administrator may read everything, so the refusal itself is played.
    monkeypatch.setattr("vidcdn_desktop.bytesource.os.open", refuse)
    with pytest.raises(SourceUnreadable) as caught:
        look(films / "end.mp4")
    assert "may not be read" in caught.value.what


HOSTILE_NAMES = [
    "-i.mp4",
    "a 'single' and \"double\".mp4",
    "two\nlines.mp4",
    "emoji 🎬🏳️‍🌈.mp4",
    "\u202egpj.4pm\u202c.mp4",
    "100%d %03d.mp4",
    "http:⁄⁄evil.mp4",
    "concat:a|b.mp4",
    "semi;colon & $(touch x) `y`.mp4",
    "back\\slash\ttab.mp4",
    "[brackets]{0..3}*?.mp4",
    "пример עברית 日本.mp4",
    " leading and trailing .mp4 ",
]


@posix
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_only_names(films: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes((films / "end.mp4").read_bytes())
    info = look(Path(name))  # relative too: a leading dash must not become an option
    assert info.verdict is Verdict.WILL_MOVE
    assert info.video[0].pixel_format == "yuv420p"
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == [name]


@posix
def test_a_name_that_is_no_utf8_works(films: Path, tmp_path: Path):
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    path.write_bytes((films / "end.mp4").read_bytes())
    assert look(path).video[0].pixel_format == "yuv420p"


def test_without_ffprobe_the_facts_of_an_mp4_are_the_same(films: Path):
    for name in ("end.mp4", "start.mp4", "fragmented.mp4"):
        told, own = look(films / name), look(films / name, Tools())
        assert own.ffprobe is None
        assert own.duration_s == pytest.approx(told.duration_s, abs=0.05)
        assert own.container == told.container
        film, expected = own.video[0], told.video[0]
        assert (film.codec, film.profile, film.bit_depth) == (expected.codec, expected.profile, expected.bit_depth)
        assert (film.display_width, film.display_height) == (expected.display_width, expected.display_height)
        assert film.fps == pytest.approx(expected.fps, rel=0.01)
        sound, heard = own.audio[0], told.audio[0]
        assert (sound.codec, sound.profile, sound.channels) == (heard.codec, heard.profile, heard.channels)
        assert (sound.layout, sound.sample_rate) == (heard.layout, heard.sample_rate)


def test_without_ffprobe_the_missing_facts_are_named(films: Path):
    info = look(films / "end.mp4", Tools())
    assert "pixel format" in info.missing
    assert info.video[0].pixel_format == ""
    assert "Install FFmpeg" in info.missing_advice
    assert "duration" in look(films / "film.mkv", Tools()).missing


@posix
@pytest.mark.parametrize("script", ["exit 1", "echo '{broken'", "echo '[]'", "kill -9 $$"])
def test_an_ffprobe_that_gives_up_is_replaced_by_our_own_reader(films: Path, tmp_path: Path, script: str):
    tool = tmp_path / "ffprobe"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    info = look(films / "end.mp4", Tools(None, tool))
    assert info.verdict in (Verdict.WILL_MOVE, Verdict.CANNOT)
    if script != "echo '[]'":
        assert (info.ffprobe, info.video[0].codec) == (None, "h264")


@posix
def test_cancel_ends_a_hanging_ffprobe(films: Path, tmp_path: Path):
    pipe, tool = tmp_path / "started", tmp_path / "ffprobe"
    os.mkfifo(pipe)
    tool.write_text(f"#!/bin/sh\nexec > '{pipe}'\necho started\nexec tail -f /dev/null\n")
    tool.chmod(0o755)
    token = CancelToken()
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(inspect, films / "end.mp4", token=token, tools=Tools(None, tool))
        with pipe.open("rb") as reader:
            assert reader.readline() == b"started\n"
            token.cancel()
            assert reader.read() == b""
    assert isinstance(outcome.exception(), Cancelled)


def test_cancelled_before_looks_at_nothing(tmp_path: Path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        inspect(tmp_path / "gone.mp4", token=token, tools=Tools())


def test_media_in_another_file_is_refused(films: Path, tmp_path: Path):
    # The "self-contained" flag of every data reference is taken away.
    film = tmp_path / "reference.mov"
    film.write_bytes((films / "prores.mov").read_bytes().replace(b"url \0\0\0\1", b"url \0\0\0\0"))
    info = look(film)
    if info.layout.layout is Layout.UNSUPPORTED:
        assert info.verdict is Verdict.CANNOT
        assert "other files" in info.reason
    own = look(film, Tools())
    assert own.verdict is Verdict.CANNOT
    assert "other files" in own.reason
