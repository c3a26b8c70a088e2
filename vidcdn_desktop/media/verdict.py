"""What will happen to a file, and why, in a creator's words."""

from __future__ import annotations

from dataclasses import dataclass

from vidcdn_desktop.media.codecs import BROWSER_AUDIO, BROWSER_VIDEO, SOME_BROWSERS_VIDEO, codec_words
from vidcdn_desktop.media.containers import Kind, Sniffed, is_still_brand
from vidcdn_desktop.media.info import AudioStream, Layout, LayoutReport, Verdict, VideoStream

_CAMERA = "The recording was not closed properly. Copy it again from the camera."
_EXPORT = "Copy the file again from the camera or export it again."
_CHOOSE = "Choose a video file."
_CONVERT = "Convert it to MP4 with H.264 and AAC, then add the MP4."

_BROWSER_SOUND_FILES = frozenset({"MP3", "AAC", "FLAC", "WAV", "Ogg"})
_BROWSER_CONTAINERS = _BROWSER_SOUND_FILES | {"WebM"}


@dataclass(frozen=True)
class Findings:
    """Everything the verdict is drawn from."""

    layout: LayoutReport
    sniffed: Sniffed
    """First bytes; only asked where the file is empty or the layout says it is no MP4."""
    container: str
    """In words."""
    video: tuple[VideoStream, ...]
    audio: tuple[AudioStream, ...]
    readable: bool
    """Somebody (ffprobe, or our own reader) could read the streams."""
    probed: bool
    """It was ffprobe that read or refused the file; False where ffprobe is missing."""
    media_elsewhere: bool = False
    """All film and sound lies in other files."""

    @property
    def film(self) -> VideoStream | None:
        """The picture stream that is no cover image."""
        return next((stream for stream in self.video if not stream.attached_picture), None)


@dataclass(frozen=True)
class Conclusion:
    """A verdict and its words."""

    verdict: Verdict
    reason: str
    advice: str = ""


def conclude(found: Findings) -> Conclusion:
    """Draw the verdict from what was found. Pure."""
    layout = found.layout.layout
    if found.sniffed.kind is Kind.EMPTY:
        advice = "Copy it again from where it came, then try once more."
        return Conclusion(Verdict.CANNOT, "Can't be published: the file is empty.", advice)
    if layout is Layout.NOT_MP4:
        return _other_container(found)
    if layout is Layout.CORRUPT:
        return _damaged(found.layout)
    if refusal := _no_film(found):
        return refusal
    note = browser_note(found.film, found.audio)
    if layout is Layout.ALREADY:
        return Conclusion(Verdict.READY, "Ready: the index stands first, so it starts at once.", note)
    if layout is Layout.NEEDS:
        return Conclusion(Verdict.WILL_MOVE, "The index stands at the end: it is moved while uploading.", note)
    if layout is Layout.FRAGMENTED:
        return Conclusion(Verdict.FRAGMENTED, "Fragmented: it streams as it is.", note)
    return Conclusion(Verdict.AS_IS, f"Published as it is: {_clause(found.layout.reason)}.", note)


def _damaged(layout: LayoutReport) -> Conclusion:
    if layout.moov_offset is None:
        reason = "Can't be published: the file is cut off (the index is missing)."
        return Conclusion(Verdict.CANNOT, reason, _CAMERA)
    return Conclusion(Verdict.CANNOT, f"Can't be published: {_clause(layout.reason)}.", _EXPORT)


def _no_film(found: Findings) -> Conclusion | None:
    """Why an MP4 whose structure is sound still cannot be published; None if it can."""
    if found.media_elsewhere:
        reason = "Can't be published: film and sound lie in other files that this one only points to."
        return Conclusion(Verdict.CANNOT, reason, "Export it as a self-contained movie.")
    if is_still_brand(found.layout.brand) and not _moves(found):
        return _refuse("it is a photo, not a video")
    if not found.readable:
        reason = "Can't be published: no player could read it."
        return Conclusion(Verdict.CANNOT, reason, _EXPORT)
    if found.film is None and not found.audio:
        return _refuse("it holds no film and no sound")
    types = {box.type for box in found.layout.boxes}
    if types and not types & {"mdat", "moof", "imda"}:
        reason = "Can't be published: it is only the beginning of a stream, without film or sound."
        return Conclusion(Verdict.CANNOT, reason, "Choose the whole recording.")
    return None


def _moves(found: Findings) -> bool:
    """Whether a photo container also holds a film: raw photos have picture tracks of a single frame."""
    return any(stream.codec in BROWSER_VIDEO | SOME_BROWSERS_VIDEO for stream in found.video)


def _other_container(found: Findings) -> Conclusion:
    kind, name = found.sniffed.kind, found.container or found.sniffed.name
    if kind in (Kind.PICTURE, Kind.TEXT, Kind.OTHER):
        article = "" if kind is Kind.TEXT else "an " if found.sniffed.name[:1] in "AEIO" else "a "
        return _refuse(f"it is {article}{found.sniffed.name}, not a video")
    if found.probed and not found.readable:
        if kind is Kind.UNKNOWN:
            return _refuse("it is not a video that can be recognised")
        return Conclusion(Verdict.CANNOT, f"Can't be published: this {name} file is damaged.", _EXPORT)
    if not found.probed:
        return _by_first_bytes(kind, name)
    if found.film is None and not found.audio:
        return _refuse("it holds no film and no sound")
    return _by_streams(found, name)


def _by_first_bytes(kind: Kind, name: str) -> Conclusion:
    """The verdict where ffprobe is missing and only the kind of container is known."""
    if kind is Kind.UNKNOWN:
        return _refuse("it is not a video that can be recognised")
    if name == "WebM" or (kind is Kind.SOUND and name in _BROWSER_SOUND_FILES):
        return Conclusion(Verdict.AS_IS, f"Ready as it is: browsers play {name}.")
    return Conclusion(Verdict.NEEDS_CONVERSION, f"It needs conversion: browsers do not play {name} files.", _CONVERT)


def _by_streams(found: Findings, name: str) -> Conclusion:
    film = found.film
    sound_plays = all(stream.codec in BROWSER_AUDIO for stream in found.audio)
    if film is None and name in _BROWSER_SOUND_FILES and sound_plays:
        return Conclusion(Verdict.AS_IS, f"Ready as it is: a sound file ({name}) that browsers play.")
    if name == "WebM" and (film is None or film.codec in ("vp8", "vp9", "av1")) and sound_plays:
        return Conclusion(Verdict.AS_IS, "Ready as it is: browsers play WebM.")
    if name in _BROWSER_CONTAINERS:
        codecs = [stream.codec for stream in found.video] + [stream.codec for stream in found.audio]
        odd = next((codec for codec in codecs if codec not in BROWSER_VIDEO | BROWSER_AUDIO), codecs[0])
        reason = f"It needs conversion: browsers do not play this {name} file ({codec_words(odd)})."
    else:
        reason = f"It needs conversion: browsers do not play {name} files."
    return Conclusion(Verdict.NEEDS_CONVERSION, reason, _CONVERT)


def browser_note(film: VideoStream | None, audio: tuple[AudioStream, ...]) -> str:
    """One sentence of advice where browsers will show no picture or play no sound; else empty."""
    if film is not None and film.codec in SOME_BROWSERS_VIDEO:
        words = codec_words(film.codec)
        return f"Not every browser plays {words}. For all viewers, export it with H.264."
    if film is not None and film.codec not in BROWSER_VIDEO:
        words = codec_words(film.codec) or "this kind of"
        return f"Browsers do not play {words} video. Export it with H.264 first if people shall watch it in a browser."
    if audio and not any(stream.codec in BROWSER_AUDIO for stream in audio):
        words = codec_words(audio[0].codec) or "of this kind"
        return f"Browsers may not play its sound ({words}). Export it with AAC sound for all viewers."
    return ""


def _refuse(why: str) -> Conclusion:
    return Conclusion(Verdict.CANNOT, f"Can't be published: {why}.", _CHOOSE)


def _clause(sentence: str) -> str:
    """A sentence as it stands behind a colon: small first letter (unless an abbreviation), no full stop."""
    text = sentence.strip().rstrip(".")
    if text[:1].isupper() and not text[1:2].isupper():
        return text[:1].lower() + text[1:]
    return text or "its layout is not known"
