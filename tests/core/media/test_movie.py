"""Our own reader of MP4 and MOV facts, for computers without ffprobe."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

import pytest
from clips import h264, make_clip, turn

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.geometry import display_size, fit_within, quarter_turn, sane_aspect
from vidcdn_desktop.media.info import Layout, LayoutReport
from vidcdn_desktop.media.layout import read_layout
from vidcdn_desktop.media.movie import MovieFacts, read_movie


def read(data: bytes) -> MovieFacts:
    source = BytesSource(data)
    return read_movie(source, read_layout(source))


def facts_of(path: Path) -> MovieFacts:
    return read(path.read_bytes())


def moov_report(moov: bytes) -> LayoutReport:
    return LayoutReport(Layout.ALREADY, "", (), 0, len(moov))


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    tags = ["-metadata", "title=Ein Sommer — été", "-metadata", "artist=A & B", "-metadata:s:a:0", "language=deu"]
    return make_clip(tmp_path_factory.mktemp("film") / "a.mp4", *h264(*tags), seconds=2).read_bytes()


def test_tells_the_facts_of_a_film(film: bytes):
    facts = read(film)
    stream, sound = facts.video[0], facts.audio[0]
    assert facts.container == "MP4"
    assert facts.duration_s == pytest.approx(2.0, abs=0.05)
    assert facts.bit_rate == pytest.approx(len(film) * 8 / 2, rel=0.03)
    assert (stream.codec, stream.profile, stream.bit_depth) == ("h264", "Constrained Baseline", 8)
    assert (stream.coded_width, stream.coded_height, stream.display_width, stream.display_height) == (
        320,
        180,
        320,
        180,
    )
    assert stream.fps == pytest.approx(25, rel=0.01)
    assert (sound.codec, sound.profile, sound.channels, sound.sample_rate) == ("aac", "LC", 1, 48000)
    assert sound.language == "deu"
    assert facts.tags["title"] == "Ein Sommer — été"
    assert facts.tags["artist"] == "A & B"
    assert not facts.media_elsewhere
    assert not facts.protected


@pytest.mark.parametrize(
    ("name", "options", "video", "audio"),
    [
        ("a.mov", ["-c:v", "prores_ks", "-profile:v", "hq", "-c:a", "pcm_s16le"], ("prores", "HQ"), "pcm_s16le"),
        ("b.mov", ["-c:v", "mjpeg", "-c:a", "pcm_s24le"], ("mjpeg", ""), "pcm_s24le"),
        ("c.mp4", ["-c:v", "mpeg4", "-c:a", "libmp3lame", "-ac", "2"], ("mpeg4", ""), "mp3"),
        ("d.mp4", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"], ("vp9", "Profile 0"), "opus"),
        ("e.mp4", ["-c:v", "mpeg2video", "-c:a", "ac3"], ("mpeg2video", ""), "ac3"),
        ("h.mp4", ["-c:v", "mpeg4", "-c:a", "eac3", "-ac", "2"], ("mpeg4", ""), "eac3"),
        ("f.mov", ["-c:v", "qtrle", "-c:a", "alac"], ("qtrle", ""), "alac"),
        (
            "g.mp4",
            ["-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-c:a", "flac", "-strict", "-2"],
            ("h264", "High 10"),
            "flac",
        ),
    ],
)
def test_names_codecs_as_ffprobe_does(
    tmp_path: Path, name: str, options: list[str], video: tuple[str, str], audio: str
):
    facts = facts_of(make_clip(tmp_path / name, *options, seconds=0.3))
    assert (facts.video[0].codec, facts.video[0].profile) == video
    assert facts.audio[0].codec == audio
    assert (facts.audio[0].sample_rate, facts.audio[0].channels) == (48000, 2 if "-ac" in options else 1)
    assert facts.container == ("QuickTime / MOV" if name.endswith("mov") else "MP4")


def test_hdr_told_by_the_container(tmp_path: Path):
    colors = ["-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc"]
    options = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", *colors]
    options += ["-movflags", "+write_colr"]
    stream = facts_of(make_clip(tmp_path / "a.mp4", *options, seconds=0.3, sound=False)).video[0]
    assert (stream.hdr, stream.color, stream.bit_depth) == ("HLG", "BT.2020 HLG", 10)


@pytest.mark.parametrize("flags", ["+frag_keyframe+empty_moov", "+frag_keyframe+empty_moov+default_base_moof+dash"])
def test_adds_up_the_fragments_of_a_fragmented_film(tmp_path: Path, flags: str):
    clip = make_clip(tmp_path / "a.mp4", *h264("-g", "12", "-movflags", flags), seconds=2)
    facts = facts_of(clip)
    assert facts.duration_s == pytest.approx(2.0, abs=0.06)
    assert facts.video[0].fps == pytest.approx(25, rel=0.02)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_clockwise(tmp_path: Path, degrees: int):
    stream = facts_of(turn(make_clip(tmp_path / "a.mp4", *h264(), sound=False, seconds=0.2), degrees)).video[0]
    assert stream.rotation == degrees
    assert (stream.display_width > stream.display_height) is (degrees in (0, 180))


def test_the_films_own_matrix_turns_every_track(film: bytes):
    data = bytearray(film)
    place = data.index(b"mvhd") + 4 + 36
    struct.pack_into(">9i", data, place, 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    assert read(bytes(data)).video[0].rotation == 90


def test_a_stretching_matrix_gives_the_pixel_aspect(film: bytes):
    data = bytearray(film)
    place = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", data, place, 2 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    stream = read(bytes(data)).video[0]
    assert stream.pixel_aspect == (2, 1)
    assert (stream.display_width, stream.display_height) == (640, 180)


def test_media_in_other_files_is_noticed(film: bytes):
    assert read(film.replace(b"url \0\0\0\1", b"url \0\0\0\0")).media_elsewhere
    assert not read(film.replace(b"url \0\0\0\1", b"url \0\0\0\0", 1)).media_elsewhere  # one track only


def test_encrypted_tracks_are_named_by_what_they_hide(film: bytes):
    original = film.index(b"avc1", film.index(b"stsd"))
    start = original - 4
    size = int.from_bytes(film[start : start + 4], "big")
    entry = film[start + 8 : start + size]
    hidden = box(b"encv", entry + box(b"sinf", box(b"frma", b"avc1")))
    # The entry grows, so it is given to the reader in an index of its own.
    stsd = box(b"stsd", struct.pack(">II", 0, 1) + hidden)
    handler = box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"vide"))
    track = box(b"trak", box(b"mdia", handler + box(b"minf", box(b"stbl", stsd))))
    moov = box(b"moov", track)
    facts = read_movie(BytesSource(moov), moov_report(moov))
    assert (facts.video[0].codec, facts.protected) == ("h264", True)


def test_a_compressed_index_is_read(film: bytes):
    plain = read(film)
    start = film.index(b"moov") - 4
    moov = film[start : start + int.from_bytes(film[start : start + 4], "big")]
    packed = struct.pack(">I", len(moov)) + zlib.compress(moov)
    cmov = box(b"moov", box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", packed)))
    facts = read_movie(BytesSource(cmov), moov_report(cmov))
    assert (facts.video, facts.audio) == (plain.video, plain.audio)
    unknown = cmov.replace(b"zlib", b"lzma")
    with pytest.raises(CorruptMedia):
        read_movie(BytesSource(unknown), moov_report(unknown))


def test_no_index_is_damage():
    with pytest.raises(CorruptMedia):
        read_movie(BytesSource(b""), LayoutReport(Layout.CORRUPT, ""))


def test_an_index_too_large_to_be_true_is_not_read():
    class Untouched(BytesSource):
        def read_at(self, offset: int, length: int) -> bytes:
            raise AssertionError("read")

    with pytest.raises(CorruptMedia):
        read_movie(Untouched(b""), LayoutReport(Layout.NEEDS, "", (), 0, 1 << 40))


def test_damage_anywhere_is_told_as_damage_and_nothing_else(film: bytes):
    start = film.index(b"moov") - 4
    moov = film[start : start + int.from_bytes(film[start : start + 4], "big")]
    dice = random.Random(20_26)
    told = 0
    for _ in range(600):
        data = bytearray(moov)
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(8, len(data))
            data[place] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
        try:
            facts = read_movie(BytesSource(bytes(data)), moov_report(moov))
        except CorruptMedia:
            told += 1
        else:
            for stream in facts.video:
                assert stream.display_width >= 0
                assert stream.rotation in (0, 90, 180, 270)
    assert 0 < told < 600


def test_a_cut_index_is_told_as_damage(film: bytes):
    start = film.index(b"moov") - 4
    moov = film[start : start + int.from_bytes(film[start : start + 4], "big")]
    whole = read_movie(BytesSource(moov), moov_report(moov))
    for length in range(16, len(moov) - 200, 37):
        cut = struct.pack(">I4s", length, b"moov") + moov[8:length]
        try:
            facts = read_movie(BytesSource(cut), moov_report(cut))
        except CorruptMedia:
            continue
        assert (facts.video, facts.audio) != (whole.video, whole.audio)  # it happened to end between two boxes


@pytest.mark.parametrize(
    ("degrees", "turned"), [(0, 0), (90, 90), (-90, 270), (179.6, 180), (360, 0), (44, 0), (float("nan"), 0)]
)
def test_quarter_turn(degrees: float, turned: int):
    assert quarter_turn(degrees) == turned


@pytest.mark.parametrize(
    ("given", "sane"), [((4, 2), (2, 1)), ((0, 1), (1, 1)), ((1, 0), (1, 1)), ((1, 10_000), (1, 1)), ((-4, 3), (1, 1))]
)
def test_sane_aspect(given: tuple[int, int], sane: tuple[int, int]):
    assert sane_aspect(*given) == sane


def test_sizes_are_stretched_never_shrunk():
    assert display_size(720, 576, (64, 45), 0) == (1024, 576)
    assert display_size(720, 480, (8, 9), 0) == (720, 540)
    assert display_size(720, 576, (64, 45), 270) == (576, 1024)
    assert fit_within(1920, 1080, 1280, 3200) == (1280, 720)
    assert fit_within(100, 20_000, 1280, 3200) == (16, 3200)
    assert fit_within(1, 50_000, 1280, 3200) == (1, 3200)
