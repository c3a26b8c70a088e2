"""Still pictures as posters: the user's own image made harmless, and a neutral one where there is none.

All in memory. What comes out is a plain JPEG in sRGB without any metadata: no GPS position, no camera, no comment.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.errors import CorruptMedia, UnsupportedMedia
from vidcdn_desktop.media.geometry import fit_within

MAX_POSTER_WIDTH = 1280
"""Pixels; enough for a player that fills half a screen, small enough to load before the film."""

_HEIGHT_FACTOR = 2.5
"""The tallest poster, in widths: a 9:21 phone film fits, an endless scroll picture is scaled down."""

_JPEG_QUALITY = 85
_FORMATS = ("JPEG", "PNG", "WEBP")
_MAX_FILE_BYTES = 64 << 20
_MAX_PIXELS = 80_000_000
"""Below Pillow's own warning (89 million); at four bytes a pixel this is the memory one picture may take."""

_NEUTRAL_SIZE = (1280, 720)
_NEUTRAL_TOP = (52, 58, 70)
_NEUTRAL_BOTTOM = (30, 34, 42)
_NEUTRAL_SIGN = (176, 184, 198)
_LATIN_END = 0x250
"""The built-in font draws Latin letters only; a title in another script would be a row of boxes."""


@dataclass(frozen=True)
class Poster:
    """A still image for a film, ready to be uploaded."""

    jpeg: bytes
    """Baseline or progressive JPEG, sRGB, no metadata."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    at_s: float | None
    """Where in the film the frame stands, in seconds; None if it is no frame of the film."""
    neutral: bool
    """Drawn by us because there was no frame to take."""


def image_poster(path: Path, *, max_width: int = MAX_POSTER_WIDTH) -> Poster:
    """Make a poster of an image file: JPEG, PNG or WebP by content, whatever its name says.

    The camera's orientation is applied, colours are converted to sRGB, transparency is laid on white or black
    (whichever the picture stands out from), the size is limited to `max_width` pixels and never enlarged.

    Raises:
        SourceGone, SourceUnreadable, SourceChanged: from the file.
        UnsupportedMedia: another kind of picture, or no picture, or far too large.
        CorruptMedia: cut off or damaged.
    """
    with FileSource(path) as source:
        if source.size > _MAX_FILE_BYTES:
            raise _unsupported(path, "This picture file is too large for a thumbnail.")
        data = source.read_at(0, source.size)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise _unsupported(path, "This picture has too many pixels for a thumbnail.")
            # JPEG can be decoded at a fraction of its size: enough pixels for the poster, a tenth of the time.
            image.draft("RGB", (max_width * 2, max_width * 2))
            upright = ImageOps.exif_transpose(image)
            picture = _flatten(_to_srgb(upright))
    except UnidentifiedImageError as exc:
        raise _unsupported(path, "This is not a JPEG, PNG or WebP picture.") from exc
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise _unsupported(path, "This picture has too many pixels for a thumbnail.") from exc
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as exc:
        raise CorruptMedia(
            "This picture is damaged or cut off.",
            "The thumbnail was not changed.",
            "Choose another picture, or export it again.",
            subject=str(path),
        ) from exc
    return encode_poster(_fit(picture, max_width), at_s=None, neutral=False)


def neutral_poster(width: int = 0, height: int = 0, title: str = "", *, max_width: int = MAX_POSTER_WIDTH) -> Poster:
    """Draw a calm picture with a play sign, for films no frame can be taken from.

    Args:
        width: Pixels of the film as shown; with 0 the picture is 1280 by 720.
        height: Pixels of the film as shown.
        title: Drawn below the sign where the built-in font has all its letters; else left out.
        max_width: Limit in pixels.
    """
    if width <= 0 or height <= 0:
        width, height = _NEUTRAL_SIZE
    width, height = fit_within(width, height, max_width, _max_height(max_width))
    column = Image.linear_gradient("L").resize((1, height))
    shade = Image.merge(
        "RGB",
        [
            column.point([round(top + (bottom - top) * n / 255) for n in range(256)])
            for top, bottom in zip(_NEUTRAL_TOP, _NEUTRAL_BOTTOM, strict=True)
        ],
    )
    picture = shade.resize((width, height))
    draw = ImageDraw.Draw(picture)
    radius = min(width, height) / 7
    x, y = width / 2, height / 2
    line = max(1, round(radius / 12))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_NEUTRAL_SIGN, width=line)
    points = [(x - radius * 0.3, y - radius * 0.5), (x - radius * 0.3, y + radius * 0.5), (x + radius * 0.55, y)]
    draw.polygon(points, fill=_NEUTRAL_SIGN)
    _draw_title(draw, title, (x, y + radius * 1.5), width, min(width, height))
    return encode_poster(picture, at_s=None, neutral=True)


def encode_poster(picture: Image.Image, *, at_s: float | None, neutral: bool) -> Poster:
    """Encode an RGB picture as a JPEG that carries nothing but the picture."""
    clean = Image.new("RGB", picture.size)  # a copy would keep comments and profiles in `info`
    clean.paste(picture)
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True)
    return Poster(out.getvalue(), clean.width, clean.height, at_s, neutral)


def poster_size(width: int, height: int, max_width: int) -> tuple[int, int]:
    """The size of the poster of a picture of `width` by `height` pixels, both above 0."""
    return fit_within(width, height, max_width, _max_height(max_width))


def _max_height(max_width: int) -> int:
    return round(max_width * _HEIGHT_FACTOR)


def _fit(picture: Image.Image, max_width: int) -> Image.Image:
    size = poster_size(picture.width, picture.height, max_width)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _to_srgb(image: Image.Image) -> Image.Image:
    """The picture in RGB or RGBA, colours meant for sRGB."""
    profile = image.info.get("icc_profile")
    has_alpha = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if image.mode.startswith("I"):  # 16 bits a pixel: a plain convert would clip instead of scale
        image = image.convert("I").point([n // 256 for n in range(65536)], "L")
    if isinstance(profile, bytes) and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        image = _apply_profile(image, profile)
    return image.convert("RGBA" if has_alpha else "RGB")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        colors = image.convert("RGB") if alpha else image
        converted = ImageCms.profileToProfile(colors, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # a broken profile, or one for another kind of colour
        return image
    if converted is None:
        return image
    if alpha:
        converted.putalpha(alpha)
    return converted


def _flatten(image: Image.Image) -> Image.Image:
    """Lay a transparent picture on the ground it stands out from: bright ones on black, others on white."""
    if image.mode != "RGBA":
        return image
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image.convert("RGB")
    visible = image.convert("L").histogram(alpha.point([0] * 128 + [255] * 128))
    count = sum(visible)
    mean = sum(level * many for level, many in enumerate(visible)) / count if count else 0
    ground = Image.new("RGB", image.size, (0, 0, 0) if mean > 160 else (255, 255, 255))
    ground.paste(image, mask=alpha)
    return ground


def _draw_title(
    draw: ImageDraw.ImageDraw, title: str, place: tuple[float, float], width: int, shorter_side: int
) -> None:
    text = " ".join(title.split())
    size = shorter_side / 16
    if not text or size < 10 or not all(char.isprintable() and ord(char) < _LATIN_END for char in text):
        return
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):  # without FreeType there is only a tiny bitmap font
        return
    while len(text) > 1 and draw.textlength(text, font) > width * 0.86:
        text = text[:-2].rstrip() + "…"
    draw.text(place, text, fill=_NEUTRAL_SIGN, font=font, anchor="ma")


def _unsupported(path: Path, what: str) -> UnsupportedMedia:
    return UnsupportedMedia(
        what, "The thumbnail was not changed.", "Choose a JPEG, PNG or WebP picture.", subject=str(path)
    )
