"""Posters: frames of films, the user's own pictures made harmless, and the neutral one."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clips import h264, make_clip, turn
from PIL import Image, ImageCms, PngImagePlugin

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import CorruptMedia, SourceGone, SourceUnreadable, UnsupportedMedia
from vidcdn_desktop.media.ffmpeg import Tools, find_tools
from vidcdn_desktop.media.poster import Poster, film_poster, image_poster, neutral_poster
from vidcdn_desktop.media.probe import inspect

RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)
TWO_COLORS = "color=red:size=320x180:rate=25:duration=1[a];color=blue:size=320x180:rate=25:duration=1[b];[a][b]concat"
DARK_START = (
    "color=black:size=320x180:rate=25:duration=1.4[a];testsrc2=size=320x180:rate=25:duration=1.6[b];[a][b]concat"
)
GPS_IFD = 0x8825
ORIENTATION = 0x0112


def take(path: Path, tools: Tools | None = None, **wishes: float) -> Poster:
    tools = tools or find_tools()
    token = CancelToken()
    info = inspect(path, token=token, tools=tools)
    width = int(wishes.pop("max_width", 1280))
    return film_poster(path, info, at_s=wishes.get("at_s"), token=token, tools=tools, max_width=width)


def opened(poster: Poster) -> Image.Image:
    with Image.open(io.BytesIO(poster.jpeg), formats=("JPEG",)) as image:
        image.load()
        assert image.size == (poster.width, poster.height)
        return image


def color_at(image: Image.Image, x: float = 0.5, y: float = 0.5) -> tuple[int, ...]:
    pixel = image.getpixel((int(image.width * x), int(image.height * y)))
    assert isinstance(pixel, tuple)
    return pixel


def is_near(color: tuple[int, ...], wanted: tuple[int, ...], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(color, wanted, strict=True))


def carries_only_a_picture(jpeg: bytes) -> bool:
    """Whether the only application segment is JFIF: no EXIF, XMP, ICC, Photoshop, no comment."""
    place = 2
    while jpeg[place : place + 2] != b"\xff\xda":
        marker, length = struct.unpack_from(">HH", jpeg, place)
        if marker == 0xFFFE or (0xFFE1 <= marker <= 0xFFEF):
            return False
        place += 2 + length
    return True


# Frames of films


def test_takes_the_first_frame_of_a_bright_film(tmp_path: Path):
    poster = take(make_clip(tmp_path / "a.mp4", *h264()))
    assert (poster.width, poster.height, poster.at_s, poster.neutral) == (320, 180, 0.0, False)
    assert carries_only_a_picture(poster.jpeg)
    opened(poster)


def test_passes_over_a_black_beginning(tmp_path: Path):
    film = make_clip(tmp_path / "a.mp4", *h264(), source=DARK_START, seconds=3, sound=False)
    poster = take(film)
    assert poster.at_s is not None
    assert poster.at_s >= 1.4
    assert max(opened(poster).convert("L").getextrema()) > 150


def test_a_title_on_black_is_a_picture(tmp_path: Path):
    source = "color=black:size=320x180:rate=25,drawbox=x=110:y=75:w=100:h=30:color=white:t=fill"
    assert take(make_clip(tmp_path / "a.mp4", *h264(), source=source, seconds=2, sound=False)).at_s == 0.0


def test_of_a_dark_film_the_brightest_look_is_taken(tmp_path: Path):
    parts = ("color=black:size=320x180:rate=25:duration=1.5[a]", "color=0x0c0c0c:size=320x180:rate=25:duration=1[b]")
    source = ";".join((*parts, "[a][b]concat"))
    poster = take(make_clip(tmp_path / "a.mp4", *h264(), source=source, seconds=2.5, sound=False))
    assert (poster.at_s, poster.neutral) == (2.0, False)


@pytest.mark.parametrize(("at_s", "color"), [(0.0, RED), (0.4, RED), (1.5, BLUE), (99.0, BLUE), (-3.0, RED)])
def test_any_frame_by_time(tmp_path: Path, at_s: float, color: tuple[int, ...]):
    film = make_clip(tmp_path / "a.mp4", *h264(), source=TWO_COLORS, seconds=2, sound=False)
    poster = take(film, at_s=at_s)
    assert is_near(color_at(opened(poster)), color)
    assert not poster.neutral


def test_a_chosen_black_frame_is_taken_as_it_is(tmp_path: Path):
    film = make_clip(tmp_path / "a.mp4", *h264(), source=DARK_START, seconds=3, sound=False)
    poster = take(film, at_s=0.2)
    assert (poster.at_s, poster.neutral) == (0.2, False)
    assert is_near(color_at(opened(poster)), (0, 0, 0))


def test_behind_the_last_picture_the_last_one_is_taken(tmp_path: Path):
    # The sound goes on for two seconds after the picture has ended.
    film = make_clip(
        tmp_path / "a.mp4", *h264("-af", "apad=pad_dur=2"), source="color=blue:size=320x180:rate=25", seconds=1
    )
    poster = take(film, at_s=2.9)
    assert not poster.neutral
    assert is_near(color_at(opened(poster)), BLUE)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_frame_stands_upright(tmp_path: Path, degrees: int):
    # Red on the left, blue on the right as stored.
    source = "color=red:size=160x180:rate=25[a];color=blue:size=160x180:rate=25[b];[a][b]hstack"
    poster = take(turn(make_clip(tmp_path / "a.mp4", *h264(), source=source, sound=False), degrees))
    image = opened(poster)
    if degrees == 180:
        assert image.size == (320, 180)
        assert is_near(color_at(image, x=0.9), RED)
    else:
        assert image.size == (180, 320)
        assert is_near(color_at(image, y=0.1 if degrees == 90 else 0.9), RED)


def test_pixels_become_square(tmp_path: Path):
    source = "testsrc2=size=240x180:rate=25,setsar=4/3"
    poster = take(make_clip(tmp_path / "a.mp4", *h264(), source=source, sound=False))
    assert (poster.width, poster.height) == (320, 180)


def test_large_films_are_scaled_down_and_small_ones_not_up(tmp_path: Path):
    film = make_clip(tmp_path / "a.mp4", *h264(), source="testsrc2=size=1920x1080:rate=5", seconds=0.4, sound=False)
    poster = take(film)
    assert (poster.width, poster.height) == (1280, 720)
    card = take(film, max_width=320)
    assert (card.width, card.height) == (320, 180)
    assert len(card.jpeg) < len(poster.jpeg)


def test_colors_of_hd_and_sd_films_without_a_description_stay_true(tmp_path: Path):
    for size, matrix in (("1280x720", "bt709"), ("320x180", "bt601")):
        source = f"color=green:size={size}:rate=5,format=gbrp,scale=out_color_matrix={matrix},format=yuv420p"
        film = make_clip(tmp_path / f"{matrix}.mp4", *h264(), source=source, seconds=0.4, sound=False)
        assert is_near(color_at(opened(take(film))), GREEN, 6), matrix


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_brought_down_to_what_a_jpeg_shows(tmp_path: Path, transfer: str):
    params = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    options = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", params]
    poster = take(make_clip(tmp_path / "a.mp4", *options, sound=False, seconds=0.3))
    image = opened(poster)
    assert not poster.neutral
    low, high = image.convert("L").getextrema()
    assert high - low > 100


def test_a_mislabelled_hdr_film_still_gives_a_frame(tmp_path: Path):
    # An RGB picture that claims PQ: the tone mapping has no path for it.
    params = "colorprim=bt2020:transfer=smpte2084:colormatrix=GBR"
    options = ["-c:v", "libx264rgb", "-preset", "ultrafast", "-x264-params", params]
    assert not take(make_clip(tmp_path / "a.mp4", *options, sound=False, seconds=0.3)).neutral


def test_without_ffmpeg_the_poster_is_neutral_and_shaped_like_the_film(tmp_path: Path):
    film = make_clip(tmp_path / "a.mp4", *h264())
    poster = take(film, Tools(None, find_tools().ffprobe))
    assert (poster.width, poster.height, poster.at_s, poster.neutral) == (320, 180, None, True)
    assert carries_only_a_picture(poster.jpeg)


def test_sound_without_a_picture_gets_the_neutral_poster(tmp_path: Path):
    poster = take(make_clip(tmp_path / "a.m4a", "-vn", "-c:a", "aac"))
    assert (poster.width, poster.height, poster.neutral) == (1280, 720, True)


def test_a_film_that_does_not_decode_gets_the_neutral_poster(tmp_path: Path):
    film = make_clip(tmp_path / "a.mp4", *h264("-movflags", "+faststart"), sound=False)
    info = inspect(film, token=CancelToken(), tools=find_tools())
    data = bytearray(film.read_bytes())
    media = data.index(b"mdat") + 4
    data[media:] = bytes(len(data) - media)
    film.write_bytes(data)
    poster = film_poster(film, info, token=CancelToken(), tools=find_tools())
    assert (poster.width, poster.height, poster.neutral) == (320, 180, True)


def test_a_film_that_went_away_is_said_to_be_gone(tmp_path: Path):
    film = make_clip(tmp_path / "a.mp4", *h264(), sound=False)
    info = inspect(film, token=CancelToken(), tools=find_tools())
    film.unlink()
    with pytest.raises(SourceGone):
        film_poster(film, info, token=CancelToken(), tools=find_tools())


@pytest.mark.parametrize("name", ["-a.mp4", "100%d%03d.mp4", "a\nb 'c' \"d\".mp4", "🎬\u202e.mp4"])
def test_hostile_names_are_only_names(tmp_path: Path, name: str):
    make_clip(tmp_path / "a.mp4", *h264(), sound=False).rename(tmp_path / name)
    assert not take(tmp_path / name).neutral
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == [name]  # nothing on disk


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_cancel_ends_a_hanging_ffmpeg(tmp_path: Path):
    film = make_clip(tmp_path / "a.mp4", *h264(), sound=False)
    info = inspect(film, token=CancelToken(), tools=find_tools())
    pipe, tool = tmp_path / "started", tmp_path / "ffmpeg"
    os.mkfifo(pipe)
    tool.write_text(f"#!/bin/sh\nexec > '{pipe}'\necho started\nexec tail -f /dev/null\n")
    tool.chmod(0o755)
    token = CancelToken()
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(film_poster, film, info, token=token, tools=Tools(tool, None))
        with pipe.open("rb") as reader:
            assert reader.readline() == b"started\n"
            token.cancel()
            assert reader.read() == b""
    assert isinstance(outcome.exception(), Cancelled)


# The user's own pictures


def halves(size: tuple[int, int] = (400, 200), mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new(mode, size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_reads_the_three_kinds_by_content(tmp_path: Path, kind: str):
    path = tmp_path / "picture.dat"
    halves().save(path, kind)
    poster = image_poster(path)
    assert (poster.width, poster.height, poster.at_s, poster.neutral) == (400, 200, None, False)
    assert is_near(color_at(opened(poster), x=0.2), RED)


def test_orientation_is_applied_and_the_place_is_not_published(tmp_path: Path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned 90 degrees clockwise
    exif.get_ifd(GPS_IFD).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    path = tmp_path / "phone.jpg"
    halves().save(path, exif=exif, comment=b"taken at home")
    assert b"taken at home" in path.read_bytes()
    poster = image_poster(path)
    image = opened(poster)
    assert image.size == (200, 400)
    assert is_near(color_at(image, y=0.2), RED)
    assert carries_only_a_picture(poster.jpeg)
    assert not image.getexif()
    assert b"taken at home" not in poster.jpeg


def test_text_in_a_png_is_not_published(tmp_path: Path):
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", "somebody private")
    path = tmp_path / "a.png"
    halves().save(path, pnginfo=notes)
    poster = image_poster(path)
    assert b"somebody" not in poster.jpeg
    assert carries_only_a_picture(poster.jpeg)


def test_wide_pictures_shrink_and_small_ones_stay(tmp_path: Path):
    path = tmp_path / "a.png"
    halves((4000, 1000)).save(path)
    poster = image_poster(path)
    assert (poster.width, poster.height) == (1280, 320)
    halves((30, 20)).save(path)
    assert image_poster(path).width == 30
    halves((100, 20_000)).save(path)
    assert image_poster(path).height == 3200  # an endless strip is no poster
    halves((3000, 2000)).save(path, "JPEG")
    assert image_poster(path, max_width=320).height == 213


@pytest.mark.parametrize(("ink", "ground"), [((250, 250, 250), (0, 0, 0)), ((20, 20, 60), (255, 255, 255))])
def test_transparency_is_laid_on_the_ground_it_stands_out_from(
    tmp_path: Path, ink: tuple[int, ...], ground: tuple[int, ...]
):
    image = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    image.paste((*ink, 255), (80, 80, 120, 120))
    path = tmp_path / "logo.png"
    image.save(path)
    picture = opened(image_poster(path))
    assert is_near(color_at(picture), ink)
    assert is_near(color_at(picture, 0.1, 0.1), ground)


def test_a_colour_profile_is_applied_and_left_out(tmp_path: Path):
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A space whose red is sRGB's green: the names of the two primaries are exchanged in the tag table.
    swapped = data.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    path = tmp_path / "a.png"
    halves().save(path, icc_profile=swapped)
    poster = image_poster(path)
    assert carries_only_a_picture(poster.jpeg)
    assert is_near(color_at(opened(poster), x=0.2), (0, 255, 0))


def test_a_broken_colour_profile_costs_only_the_profile(tmp_path: Path):
    path = tmp_path / "a.png"
    halves().save(path, icc_profile=b"no profile at all" * 20)
    assert is_near(color_at(opened(image_poster(path)), x=0.2), RED)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "CMYK", "I;16"])
def test_every_kind_of_pixel_becomes_a_picture(tmp_path: Path, mode: str):
    path = tmp_path / "a.img"
    if mode == "I;16":
        image = Image.new("I;16", (64, 64), 40_000)
    else:
        image = Image.new("L", (64, 64), 156).convert("RGB").convert(mode)
    image.save(path, "JPEG" if mode == "CMYK" else "PNG")
    picture = opened(image_poster(path)).convert("L")
    mean = sum(n * many for n, many in enumerate(picture.histogram())) / (64 * 64)
    assert mean == pytest.approx(156, abs=6)


def test_pictures_of_other_kinds_are_refused(tmp_path: Path):
    path = tmp_path / "a.jpg"
    for kind in ("GIF", "BMP", "TIFF", "PPM"):
        halves().save(path, kind)
        with pytest.raises(UnsupportedMedia) as caught:
            image_poster(path)
        assert caught.value.advice == "Choose a JPEG, PNG or WebP picture."
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n" * 20)
    with pytest.raises(UnsupportedMedia):
        image_poster(path)
    path.write_bytes(b"")
    with pytest.raises(UnsupportedMedia):
        image_poster(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_cut_off_picture_is_damaged(tmp_path: Path, kind: str):
    path = tmp_path / "a.jpg"
    Image.effect_noise((300, 200), 90).convert("RGB").save(path, kind)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises((CorruptMedia, UnsupportedMedia) if kind == "WEBP" else CorruptMedia) as caught:
        image_poster(path)
    assert caught.value.meaning == "The thumbnail was not changed."


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (10_000, 9_800), (9_000, 9_000)])
def test_a_picture_bomb_is_refused_before_it_is_decoded(tmp_path: Path, width: int, height: int):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    with pytest.raises(UnsupportedMedia) as caught:
        image_poster(path)
    assert "too many pixels" in caught.value.what


def test_what_cannot_be_read_is_said(tmp_path: Path):
    with pytest.raises(SourceGone):
        image_poster(tmp_path / "gone.jpg")
    with pytest.raises(SourceUnreadable):
        image_poster(tmp_path)


# The neutral one


@pytest.mark.parametrize(
    ("size", "expected"),
    [((0, 0), (1280, 720)), ((3840, 2160), (1280, 720)), ((1080, 1920), (1080, 1920)), ((1, 1), (1, 1))],
)
def test_neutral_poster_has_the_shape_of_the_film(size: tuple[int, int], expected: tuple[int, int]):
    poster = neutral_poster(*size)
    assert ((poster.width, poster.height), poster.neutral, poster.at_s) == (expected, True, None)
    opened(poster)


def test_neutral_poster_shows_a_title_it_can_write():
    plain = neutral_poster(640, 360)
    assert neutral_poster(640, 360, "Été à la mer").jpeg != plain.jpeg
    assert neutral_poster(640, 360, "word " * 200).width == 640
    # A script the built-in font lacks, and marks that turn text around, are left out rather than drawn as boxes.
    assert neutral_poster(640, 360, "海辺の夏").jpeg == plain.jpeg
    assert neutral_poster(640, 360, "\u202egpj").jpeg == plain.jpeg
