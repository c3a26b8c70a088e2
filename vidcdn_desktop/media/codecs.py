"""Codecs: four-character tags, ffprobe's names, words for people, and what browsers play.

Source: the MP4 registration authority (mp4ra.org, "Codecs" and "Object types"), QuickTime File Format, "Video sample
description" and "Sound sample description"; names as `ffprobe -show_streams` prints them.
"""

from __future__ import annotations

_TAGS = {
    # Pictures
    "avc1": "h264",
    "avc2": "h264",
    "avc3": "h264",
    "avc4": "h264",
    "ai12": "h264",
    "ai15": "h264",
    "dva1": "h264",
    "dvav": "h264",
    "hvc1": "hevc",
    "hev1": "hevc",
    "hvc2": "hevc",
    "dvh1": "hevc",
    "dvhe": "hevc",
    "vvc1": "vvc",
    "vvi1": "vvc",
    "av01": "av1",
    "dav1": "av1",
    "vp08": "vp8",
    "vp09": "vp9",
    "apcn": "prores",
    "apch": "prores",
    "apcs": "prores",
    "apco": "prores",
    "ap4h": "prores",
    "ap4x": "prores",
    "jpeg": "mjpeg",
    "mjpa": "mjpeg",
    "mjpb": "mjpegb",
    "mjp2": "jpeg2000",
    "png ": "png",
    "CFHD": "cfhd",
    "AVdn": "dnxhd",
    "AVdh": "dnxhd",
    "s263": "h263",
    "h263": "h263",
    "H263": "h263",
    "SVQ1": "svq1",
    "SVQ3": "svq3",
    "cvid": "cinepak",
    "rle ": "qtrle",
    "rpza": "rpza",
    "dvc ": "dvvideo",
    "dvcp": "dvvideo",
    "dv5n": "dvvideo",
    "dv5p": "dvvideo",
    "dvpp": "dvvideo",
    "dvh5": "dvvideo",
    "dvh6": "dvvideo",
    "Hap1": "hap",
    "Hap5": "hap",
    "HapY": "hap",
    "2vuy": "rawvideo",
    "v210": "v210",
    "vc-1": "vc1",
    "WMV3": "wmv3",
    # Sound
    "Opus": "opus",
    "fLaC": "flac",
    "alac": "alac",
    "ac-3": "ac3",
    "ec-3": "eac3",
    "ac-4": "ac4",
    ".mp3": "mp3",
    "samr": "amr_nb",
    "sawb": "amr_wb",
    "QDM2": "qdm2",
    "QDMC": "qdmc",
    "ima4": "adpcm_ima_qt",
    "ulaw": "pcm_mulaw",
    "alaw": "pcm_alaw",
    "twos": "pcm_s16be",
    "sowt": "pcm_s16le",
    "in24": "pcm_s24be",
    "in32": "pcm_s32be",
    "fl32": "pcm_f32be",
    "fl64": "pcm_f64be",
    "dtsc": "dts",
    "dtsh": "dts",
    "dtsl": "dts",
    "sqcp": "qcelp",
    # Text
    "tx3g": "mov_text",
    "text": "mov_text",
    "wvtt": "webvtt",
    "stpp": "ttml",
    "c608": "eia_608",
    "gpmd": "bin_data",
}

_OBJECT_TYPES = {
    0x20: "mpeg4",
    0x21: "h264",
    0x23: "hevc",
    0x40: "aac",
    0x60: "mpeg2video",
    0x61: "mpeg2video",
    0x62: "mpeg2video",
    0x63: "mpeg2video",
    0x64: "mpeg2video",
    0x65: "mpeg2video",
    0x66: "aac",
    0x67: "aac",
    0x68: "aac",
    0x69: "mp3",
    0x6A: "mpeg1video",
    0x6B: "mp3",
    0x6C: "mjpeg",
    0x6D: "png",
    0x6E: "jpeg2000",
    0xA3: "vc1",
    0xA5: "ac3",
    0xA6: "eac3",
    0xA9: "dts",
    0xAD: "opus",
    0xDD: "vorbis",
    0xE0: "dvd_subtitle",
    0xE1: "qcelp",
}

_WORDS = {
    "h264": "H.264",
    "hevc": "HEVC",
    "vvc": "VVC",
    "av1": "AV1",
    "vp8": "VP8",
    "vp9": "VP9",
    "prores": "ProRes",
    "mpeg4": "MPEG-4 Visual",
    "mpeg2video": "MPEG-2",
    "mpeg1video": "MPEG-1",
    "h263": "H.263",
    "mjpeg": "Motion JPEG",
    "jpeg2000": "JPEG 2000",
    "dnxhd": "DNxHD",
    "cfhd": "CineForm",
    "dvvideo": "DV",
    "wmv1": "Windows Media Video",
    "wmv2": "Windows Media Video",
    "wmv3": "Windows Media Video",
    "theora": "Theora",
    "rawvideo": "uncompressed",
    "aac": "AAC",
    "mp3": "MP3",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "flac": "FLAC",
    "alac": "Apple Lossless",
    "ac3": "Dolby Digital",
    "eac3": "Dolby Digital Plus",
    "amr_nb": "AMR",
    "amr_wb": "AMR wideband",
    "wmav2": "Windows Media Audio",
}

BROWSER_VIDEO = frozenset({"h264", "vp8", "vp9", "av1"})
"""Picture codecs the browsers of today play on most computers (caniuse.com)."""

SOME_BROWSERS_VIDEO = frozenset({"hevc"})
"""Played where the system or the graphics card can."""

BROWSER_AUDIO = frozenset({"aac", "mp3", "opus", "vorbis", "flac", "pcm_s16le", "pcm_u8"})


def codec_of_tag(tag: str) -> str:
    """The name ffprobe has for a four-character sample entry type; empty if the tag is not known."""
    return _TAGS.get(tag) or _TAGS.get(tag.ljust(4)) or ""


def codec_of_object_type(object_type: int) -> str:
    """The name ffprobe has for the object type indication of an MPEG-4 `esds`; empty if not known."""
    return _OBJECT_TYPES.get(object_type, "")


def codec_words(codec: str) -> str:
    """A codec as people call it."""
    if codec.startswith("pcm_"):
        return "uncompressed sound"
    return _WORDS.get(codec, codec.upper() if codec.isascii() and codec.isalnum() else codec)
