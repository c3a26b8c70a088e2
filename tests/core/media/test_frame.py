"""A frame of a film that is far away: the right picture from few bytes, and a bound whatever the file claims."""

from __future__ import annotations

import io
import random
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from clips import turn
from glances import Sparse, remote
from PIL import Image, ImageChops, ImageStat

from films import make_clip, top_boxes
from vidcdn_desktop.bytesource import ByteSource, BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.media.ffmpeg import Tools, find_tools
from vidcdn_desktop.media.frame import HEAD, MOST_BYTES, MOST_READS, far_frame
from vidcdn_desktop.media.picture import Poster
from vidcdn_desktop.media.poster import film_poster
from vidcdn_desktop.media.probe import inspect

TOOLS = find_tools()
GB = 1 << 30


def look(source: ByteSource, *, max_width: int = 640) -> tuple[Poster | None, int, int]:
    """The picture, bytes and requests; none of them beyond what may be."""
    reader = remote(source)
    poster = far_frame(reader, token=CancelToken(), tools=TOOLS, max_width=max_width)
    assert reader.traffic.bytes_down <= MOST_BYTES
    assert reader.traffic.requests <= 2 * MOST_READS  # a read around what is here already takes two
    return poster, reader.traffic.bytes_down, reader.traffic.requests


def picture(poster: Poster | None) -> Image.Image:
    assert poster is not None
    return Image.open(io.BytesIO(poster.jpeg)).convert("RGB")


@pytest.mark.parametrize("name", ["end.mp4", "front.mp4", "end.mov", "f.mkv", "f.ts", "f.avi", "pieces.mp4"])
def test_films_of_all_kinds_give_a_picture(tmp_path: Path, name: str) -> None:
    flags = {"front.mp4": "+faststart", "pieces.mp4": "+frag_keyframe+empty_moov"}.get(name)
    film = make_clip(tmp_path / name, options=("-movflags", flags) if flags else ())
    poster, _, _ = look(BytesSource(film.read_bytes()))
    assert poster is not None
    assert (poster.width, poster.height) == (320, 180)


def test_it_is_the_picture_that_stands_there(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "f.mp4", seconds=4, options=("-g", "10"))  # keyframes at 0, 0.4, 0.8 …
    poster, _, _ = look(BytesSource(film.read_bytes()))
    info = inspect(film, token=CancelToken(), tools=TOOLS)
    there = film_poster(film, info, at_s=0.4, token=CancelToken(), tools=TOOLS)
    elsewhere = film_poster(film, info, at_s=2.0, token=CancelToken(), tools=TOOLS)

    def apart(other: Poster) -> float:
        return sum(ImageStat.Stat(ImageChops.difference(picture(poster), picture(other))).mean)

    assert apart(there) < 3
    assert apart(elsewhere) > 6


def test_a_turned_film_stands_upright_and_is_no_larger_than_wanted(tmp_path: Path) -> None:
    film = turn(make_clip(tmp_path / "f.mov", size="640x360"), 90)
    poster, _, _ = look(BytesSource(film.read_bytes()), max_width=90)
    assert poster is not None
    assert (poster.width, poster.height) == (90, 160)


def test_a_film_that_fades_in_is_looked_at_further_on(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "f.mp4", seconds=4, options=("-vf", "fade=in:st=1:d=1", "-g", "25"))
    poster, _, _ = look(BytesSource(film.read_bytes()))
    assert sum(ImageStat.Stat(picture(poster)).mean) / 3 > 60


def test_a_film_of_black_gives_black(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "f.mp4", seconds=2, picture="color", options=("-g", "10"), sound=False)
    poster, _, _ = look(BytesSource(film.read_bytes()))
    assert max(ImageStat.Stat(picture(poster)).mean) < 10


def test_of_a_film_of_forty_gigabytes_some_kilobytes_are_read(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "f.mp4", size="640x360", seconds=2).read_bytes()
    assert top_boxes(data)[-1] == "moov"
    moov = data.rindex(b"moov") - 4
    gap = struct.pack(">I4sQ", 1, b"free", 40 * GB)
    film = Sparse(moov + 40 * GB + len(data) - moov, {0: data[:moov], moov: gap, moov + 40 * GB: data[moov:]})
    poster, read, requests = look(film)
    assert poster is not None
    assert read < 400_000
    assert requests <= 8


def test_a_keyframe_that_is_too_large_is_not_fetched(tmp_path: Path) -> None:
    raw = ("-c:v", "rawvideo", "-pix_fmt", "yuyv422")
    film = make_clip(tmp_path / "f.mov", size="1920x1200", seconds=0.08, sound=False, options=raw)
    assert film.stat().st_size > 2 * MOST_BYTES * 0.9
    poster, read, _ = look(BytesSource(film.read_bytes()))
    assert poster is None
    assert read < 2 * HEAD


@pytest.mark.parametrize("name", ["sound.m4a", "text.mp4", "empty.mp4"])
def test_what_is_no_film_gives_none(tmp_path: Path, name: str) -> None:
    if name == "sound.m4a":
        data = make_clip(tmp_path / "c.mp4").read_bytes()
        data = data.replace(b"vide", b"data")  # the picture track is one no more
    else:
        data = b"not a film\n" * 20_000 if name == "text.mp4" else b""
    poster, read, _ = look(BytesSource(data))
    assert poster is None
    assert read <= 2 * HEAD


def test_an_encrypted_film_gives_none(tmp_path: Path) -> None:
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0" * 32, "-encryption_kid", "1" * 32)
    film = make_clip(tmp_path / "f.mp4", options=key)
    assert look(BytesSource(film.read_bytes()))[0] is None


@pytest.mark.parametrize("seed", range(16))
def test_a_damaged_index_is_no_error(tmp_path: Path, seed: int) -> None:
    data = bytearray(make_clip(tmp_path / "f.mp4", seconds=0.4, sound=False).read_bytes())
    chance = random.Random(seed)
    moov = data.rindex(b"moov") - 4
    for _ in range(chance.choice((1, 4, 30))):
        data[chance.randrange(moov, len(data))] = chance.randrange(256)
    look(BytesSource(bytes(data)))


def test_tables_that_lie_lead_nowhere(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "f.mp4", seconds=0.4, sound=False).read_bytes()
    for table, skip in ((b"stco", 8), (b"stsz", 4), (b"stsz", 12), (b"stss", 4), (b"stss", 8), (b"stsc", 4)):
        at = data.rindex(table) + 4 + skip
        for value in (0, 0x7FFFFFFF, 0xFFFFFFFF):
            look(BytesSource(data[:at] + struct.pack(">I", value) + data[at + 4 :]))


def test_without_ffmpeg_nothing_is_read(clip_end: Path) -> None:
    reader = remote(BytesSource(clip_end.read_bytes()))
    assert far_frame(reader, token=CancelToken(), tools=replace(TOOLS, ffmpeg=None), max_width=640) is None
    assert reader.traffic.requests == 0
    assert far_frame(remote(BytesSource(b"")), token=CancelToken(), tools=Tools(), max_width=640) is None


def test_a_cancel_is_no_picture(clip_end: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        far_frame(remote(BytesSource(clip_end.read_bytes())), token=token, tools=TOOLS, max_width=640)
