"""What a file is by its first bytes, whatever its name says.

Source: the registered signatures of each format: Matroska (RFC 9559), RIFF/AVI, ISO/IEC 13818-1 (TS, PS), FLV, ASF,
MXF (SMPTE ST 377-1, run-in aside), Ogg (RFC 3533), and the still picture formats.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vidcdn_desktop.bytesource import ByteSource

_HEAD_BYTES = 4096
_TS_SYNC = 0x47
_STILL_BRANDS = frozenset({"heic", "heix", "heim", "heis", "mif1", "avif", "avis", "crx ", "jp2 ", "jpx "})


class Kind(Enum):
    """What a file is good for."""

    EMPTY = "empty"
    FILM = "film"
    """A container for film and sound."""
    SOUND = "sound"
    PICTURE = "picture"
    TEXT = "text"
    OTHER = "other"
    """A known kind of file that is neither film, sound, picture nor text."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Sniffed:
    """A guess from the first bytes."""

    kind: Kind
    name: str
    """In words: "Matroska", "AVI", "GIF picture"; empty if unknown."""


_PREFIXES: tuple[tuple[bytes, Kind, str], ...] = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind.FILM, "Windows Media"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", Kind.FILM, "MXF"),
    (b"FLV\x01", Kind.FILM, "Flash video (FLV)"),
    (b"\x00\x00\x01\xba", Kind.FILM, "MPEG program stream"),
    (b"\x00\x00\x01\xb3", Kind.FILM, "MPEG video"),
    (b".RMF", Kind.FILM, "RealMedia"),
    (b"DKIF", Kind.FILM, "IVF"),
    (b"YUV4MPEG2", Kind.FILM, "raw video (Y4M)"),
    (b"nut/multimedia container\x00", Kind.FILM, "NUT"),
    (b"ID3", Kind.SOUND, "MP3"),
    (b"\xff\xfb", Kind.SOUND, "MP3"),
    (b"\xff\xf3", Kind.SOUND, "MP3"),
    (b"\xff\xf1", Kind.SOUND, "AAC"),
    (b"\xff\xf9", Kind.SOUND, "AAC"),
    (b"fLaC", Kind.SOUND, "FLAC"),
    (b"#!AMR", Kind.SOUND, "AMR"),
    (b"caff", Kind.SOUND, "Core Audio"),
    (b"\xff\xd8\xff", Kind.PICTURE, "JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", Kind.PICTURE, "PNG picture"),
    (b"GIF8", Kind.PICTURE, "GIF picture"),
    (b"BM", Kind.PICTURE, "bitmap picture"),
    (b"II*\x00", Kind.PICTURE, "TIFF picture"),
    (b"MM\x00*", Kind.PICTURE, "TIFF picture"),
    (b"8BPS", Kind.PICTURE, "Photoshop picture"),
    (b"\x00\x00\x00\x0cjP  \r\n", Kind.PICTURE, "JPEG 2000 picture"),
    (b"PK\x03\x04", Kind.OTHER, "ZIP archive"),
    (b"Rar!", Kind.OTHER, "RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", Kind.OTHER, "7-Zip archive"),
    (b"\x1f\x8b", Kind.OTHER, "compressed file"),
    (b"%PDF", Kind.OTHER, "PDF document"),
    (b"MZ", Kind.OTHER, "program"),
    (b"\x7fELF", Kind.OTHER, "program"),
)

_RIFF = {
    b"AVI ": Sniffed(Kind.FILM, "AVI"),
    b"WAVE": Sniffed(Kind.SOUND, "WAV"),
    b"WEBP": Sniffed(Kind.PICTURE, "WebP picture"),
}


def sniff(source: ByteSource) -> Sniffed:
    """Say what a file that is no MP4 is, from its first 4 KiB.

    Raises: SourceGone, SourceChanged, SourceUnreadable.
    """
    head = source.read_at(0, _HEAD_BYTES)
    if not head:
        return Sniffed(Kind.EMPTY, "")
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Sniffed(Kind.FILM, "WebM" if b"webm" in head[:64] else "Matroska")
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Sniffed(Kind.SOUND, "AIFF")
    if head.startswith(b"OggS"):
        film = b"\x80theora" in head
        return Sniffed(Kind.FILM if film else Kind.SOUND, "Ogg")
    if _is_transport_stream(head):
        return Sniffed(Kind.FILM, "MPEG transport stream")
    for prefix, kind, name in _PREFIXES:
        if head.startswith(prefix):
            return Sniffed(kind, name)
    if _is_text(head):
        return Sniffed(Kind.TEXT, "text")
    return Sniffed(Kind.UNKNOWN, "")


def is_still_brand(brand: str) -> bool:
    """Whether an `ftyp` major brand stands for photos rather than films."""
    return brand in _STILL_BRANDS


def mp4_container_words(brand: str) -> str:
    """The MP4 family member a major brand stands for, in words."""
    if brand in ("", "qt  "):
        return "QuickTime / MOV"
    if brand.startswith(("3gp", "3g2", "3ge", "3gg", "3gr", "3gs")):
        return "3GP"
    if brand in ("M4A ", "M4B "):
        return "M4A"
    if brand.startswith("mjp2"):
        return "Motion JPEG 2000"
    if brand.startswith("f4v"):
        return "F4V"
    if brand == "crx ":
        return "Canon raw photo"
    return "HEIF" if is_still_brand(brand) or brand in ("msf1", "hevc", "hevx") else "MP4"


def _is_transport_stream(head: bytes) -> bool:
    """Three sync bytes at the distance of plain (188) or Blu-ray (192) packets."""
    for start, distance in ((0, 188), (4, 192)):
        places = [start + distance * n for n in range(3)]
        if len(head) > places[-1] and all(head[place] == _TS_SYNC for place in places):
            return True
    return False


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    if b"\x00" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as exc:
        if exc.start < len(head) - 4:  # else a character cut at the end of what was read
            return False
    controls = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    return controls * 50 < len(head)
