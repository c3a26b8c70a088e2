"""Content types by extension: our own table, because the system's differs from computer to computer.

Source: IANA media types registry; RFC 8216 (playlists); ISO/IEC 23000-19 (CMAF segments).
"""

from __future__ import annotations

DEFAULT = "application/octet-stream"

_VIDEO = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "f4v": "video/mp4",
    "mov": "video/quicktime",
    "qt": "video/quicktime",
    "m4s": "video/iso.segment",
    "cmfv": "video/mp4",
    "ts": "video/mp2t",
    "m2ts": "video/mp2t",
    "mts": "video/mp2t",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "mpg": "video/mpeg",
    "mpeg": "video/mpeg",
    "m2v": "video/mpeg",
    "vob": "video/mpeg",
    "wmv": "video/x-ms-wmv",
    "asf": "video/x-ms-asf",
    "mxf": "application/mxf",
    "3gp": "video/3gpp",
    "3g2": "video/3gpp2",
    "ogv": "video/ogg",
    "mj2": "video/mj2",
    "dv": "video/x-dv",
}
_AUDIO = {
    "m4a": "audio/mp4",
    "cmfa": "audio/mp4",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
}
_IMAGES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "heic": "image/heic",
    "svg": "image/svg+xml",
}
_CAPTIONS = {
    "vtt": "text/vtt",
    "srt": "application/x-subrip",
    "ttml": "application/ttml+xml",
}
_PLAYLISTS = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
}
_OTHER = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "pdf": "application/pdf",
}
KINDS = ("Folder", "Video", "Thumbnail", "Captions", "Playlist", "Other")
"""All that `kind_of` tells."""
_TYPES = {**_VIDEO, **_AUDIO, **_IMAGES, **_CAPTIONS, **_PLAYLISTS, **_OTHER}


def extension_of(key: str) -> str:
    """The extension of a key or file name in lower case, without the dot; empty if it has none."""
    name = key.rsplit("/", 1)[-1]
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem else ""


def content_type(key_or_ext: str) -> str:
    """The content type for a key, a file name, ".mp4" or "mp4"; `application/octet-stream` if unknown."""
    bare = key_or_ext.lower().lstrip(".")
    if "." not in bare and "/" not in bare:
        return _TYPES.get(bare, DEFAULT)
    return _TYPES.get(extension_of(key_or_ext), DEFAULT)


def kind_of(key: str) -> str:
    """What a key is, in the words of a listing: Video, Thumbnail, Captions, Playlist, Folder or Other.

    Sound counts as Video: it is published and played the same way.
    """
    if key.endswith("/"):
        return "Folder"
    extension = extension_of(key)
    for kind, table in (
        ("Video", _VIDEO),
        ("Video", _AUDIO),
        ("Thumbnail", _IMAGES),
        ("Captions", _CAPTIONS),
        ("Playlist", _PLAYLISTS),
    ):
        if extension in table:
            return kind
    return "Other"
