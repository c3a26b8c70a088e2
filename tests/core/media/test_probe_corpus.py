"""Inspection and posters over the collection of real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.ffmpeg import Tools, find_tools
from vidcdn_desktop.media.geometry import display_size, fit_within
from vidcdn_desktop.media.info import AudioStream, Layout, MediaInfo, Verdict, VideoStream
from vidcdn_desktop.media.layout import read_layout
from vidcdn_desktop.media.movie import MovieFacts, read_movie
from vidcdn_desktop.media.poster import film_poster
from vidcdn_desktop.media.probe import inspect

pytestmark = pytest.mark.corpus

_VERDICTS = {
    "already": {Verdict.READY, Verdict.CANNOT},
    "needs": {Verdict.WILL_MOVE, Verdict.CANNOT},
    "fragmented": {Verdict.FRAGMENTED, Verdict.CANNOT},
    "unsupported": {Verdict.AS_IS, Verdict.CANNOT},
    "corrupt": {Verdict.CANNOT},
    "not-mp4": {Verdict.AS_IS, Verdict.NEEDS_CONVERSION, Verdict.CANNOT},
}
_NO_FILM = {
    # Sound structure, and yet nothing to watch: a system track only, a raw photo, the head of a stream without media.
    "france.mp4",
    "canonraw.cr3",
    "motion-photo.heic",
    "cmaf-video-init.mp4",
    # All media lies in other files.
    "gen-external.mov",
    "hinted-not-self-contained.mov",
}
_STILL = {"gen-gif-named.mp4"}
"""A picture ffmpeg would decode; it is refused, so it gets no frame."""

_ONLY_IN_THE_STREAM = {
    # The index says one size, the coded pictures another: only a decoder knows.
    "extradata-reload-multi-stsd.mp4": {"size"},
    "sample-auxiliary-tracks.mp4": {"size", "rate"},
    "mov00006.3gp": {"aspect"},
    # ffprobe cannot tell the size, the index can.
    "hinted-not-self-contained.mov": {"size"},
    # No fragment is there to have a length; the index promises one.
    "cmaf-video-init.mp4": {"duration"},
}


def streams(entry: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [stream for stream in entry["ffprobe"].get("streams", []) if stream["type"] == kind]


def aspect(stream: dict[str, Any]) -> tuple[int, int]:
    across, down = stream.get("sar", "1:1").split(":")
    return (int(across), int(down))


def rate(stream: dict[str, Any]) -> float | None:
    above, below = map(int, stream["frame_rate"].split("/"))
    return above / below if above and below else None


def near(number: float | None, **tolerance: float) -> Any:
    return None if number is None else pytest.approx(number, **tolerance)


def look(media_dir: Path, entry: dict[str, Any], tools: Tools) -> MediaInfo:
    return inspect(media_dir / entry["name"], token=CancelToken(), tools=tools)


def known_faults(found: dict[str, list[str]]) -> str:
    return "\n".join(f"{name}: {', '.join(faults)}" for name, faults in found.items() if faults)


def test_every_file_gets_a_verdict_that_agrees_with_its_layout(media_dir: Path, manifest: list[dict[str, Any]]):
    wrong: dict[str, list[str]] = {}
    for entry in manifest:
        for tools in (find_tools(), Tools()):
            info = look(media_dir, entry, tools)
            allowed = {entry["expected"], *entry["also_ok"]}
            faults = wrong.setdefault(entry["name"], [])
            if info.layout.layout.value not in allowed:
                faults.append(f"layout {info.layout.layout.value}")
            if info.verdict not in _VERDICTS[info.layout.layout.value]:
                faults.append(f"verdict {info.verdict.value}")
            if info.verdict is Verdict.CANNOT and info.layout.layout in (
                Layout.ALREADY,
                Layout.NEEDS,
                Layout.FRAGMENTED,
            ):
                faults += [] if entry["name"] in _NO_FILM else ["refused"]
            if not info.reason.endswith(".") or (info.verdict is Verdict.CANNOT and not info.advice):
                faults.append("words")
    assert not known_faults(wrong)


def video_faults(stream: VideoStream, expected: dict[str, Any], *, fps_tolerance: float) -> dict[str, str]:
    shown = display_size(expected["width"], expected["height"], aspect(expected), expected["rotation"])
    faults = {}
    if expected.get("codec", stream.codec) != stream.codec:
        faults["codec"] = f"{stream.codec}, not {expected['codec']}"
    if (stream.coded_width, stream.coded_height) != (expected["width"], expected["height"]):
        faults["size"] = f"{stream.coded_width}x{stream.coded_height}"
    if stream.rotation != expected["rotation"]:
        faults["rotation"] = str(stream.rotation)
    if stream.pixel_aspect != aspect(expected):
        faults["aspect"] = str(stream.pixel_aspect)
    elif (stream.display_width, stream.display_height) != shown and "size" not in faults:
        faults["shown"] = f"{stream.display_width}x{stream.display_height}, not {shown}"
    if stream.fps != near(rate(expected), rel=fps_tolerance):
        faults["rate"] = f"{stream.fps}, not {rate(expected)}"
    return faults


def audio_faults(stream: AudioStream, expected: dict[str, Any]) -> dict[str, str]:
    faults = {}
    if expected.get("codec", stream.codec) != stream.codec:
        faults["codec"] = f"{stream.codec}, not {expected['codec']}"
    if (stream.sample_rate, stream.channels) != (int(expected["rate"]), expected["channels"]):
        faults["sound"] = f"{stream.sample_rate} Hz, {stream.channels} channels"
    return faults


def test_typed_facts_are_those_of_ffprobe(media_dir: Path, manifest: list[dict[str, Any]]):
    wrong: dict[str, list[str]] = {}
    compared = 0
    for entry in manifest:
        if not entry["ffprobe"]["ok"] or entry["name"] in _STILL:
            continue
        info = look(media_dir, entry, find_tools())
        compared += 1
        faults = wrong.setdefault(entry["name"], [])
        expected = entry["ffprobe"]["duration"]
        if (info.duration_s or None) != near(expected or None, abs=0.002):
            faults.append(f"duration {info.duration_s}")
        for kind, found in (("video", info.video), ("audio", info.audio)):
            if len(found) != len(streams(entry, kind)):
                faults.append(f"{len(found)} {kind} streams")
        for stream, told in zip(info.video, streams(entry, "video"), strict=False):
            faults += video_faults(stream, told, fps_tolerance=1e-6).values()
            if stream.attached_picture != told["attached_pic"]:
                faults.append("cover")
            if told.get("pix_fmt", stream.pixel_format) != stream.pixel_format:
                faults.append(stream.pixel_format)
        for sound, told in zip(info.audio, streams(entry, "audio"), strict=False):
            faults += audio_faults(sound, told).values()
    assert compared > 70
    assert not known_faults(wrong)


@pytest.mark.parametrize(
    ("name", "hdr", "color"),
    [
        ("gen-hdr10-hevc.mp4", "HDR10", "BT.2020 PQ"),
        ("hlg10-color-test.mp4", "HLG", "BT.2020 HLG"),
        ("rotated-hdr-video.mov", "Dolby Vision", "BT.2020 HLG"),
        ("dovi-dav1-10.mp4", "Dolby Vision", ""),
        ("portrait.mov", "", "BT.709"),
    ],
)
def test_hdr_of_real_films(media_dir: Path, name: str, hdr: str, color: str):
    film = inspect(media_dir / name, token=CancelToken(), tools=find_tools()).main_video
    assert film is not None
    assert (film.hdr, film.color) == (hdr, color)


def own_facts(path: Path) -> MovieFacts | None:
    with FileSource(path) as source:
        layout = read_layout(source)
        if layout.moov_offset is None or layout.layout in (Layout.NOT_MP4, Layout.CORRUPT):
            return None
        try:
            return read_movie(source, layout)
        except CorruptMedia:
            return None


def test_our_own_reader_agrees_with_ffprobe(media_dir: Path, manifest: list[dict[str, Any]]):
    wrong: dict[str, list[str]] = {}
    compared = 0
    for entry in manifest:
        if not entry["ffprobe"]["ok"] or entry["expected"] in ("not-mp4", "corrupt"):
            continue
        facts = own_facts(media_dir / entry["name"])
        if facts is None:
            wrong[entry["name"]] = [] if entry["name"] in _NO_FILM else ["no facts"]
            continue
        compared += 1
        faults: dict[str, str] = {}
        duration = entry["ffprobe"]["duration"] or None
        if facts.duration_s != near(duration, rel=0.03, abs=0.1):
            faults["duration"] = f"{facts.duration_s}, not {duration}"
        films = [stream for stream in streams(entry, "video") if not stream["attached_pic"]]
        sounds = streams(entry, "audio")
        if (len(facts.video), len(facts.audio)) != (len(films), len(sounds)):
            faults["count"] = f"{len(facts.video)} films, {len(facts.audio)} sounds"
        for stream, told in zip(facts.video, films, strict=False):
            faults |= video_faults(stream, told, fps_tolerance=0.06)
        for sound, told in zip(facts.audio, sounds, strict=False):
            faults |= audio_faults(sound, told)
        excused = _ONLY_IN_THE_STREAM.get(entry["name"], set())
        wrong[entry["name"]] = [f"{what} {how}" for what, how in faults.items() if what not in excused]
    assert compared > 55
    assert not known_faults(wrong)


def test_posters_are_frames_where_ffmpeg_decodes_one(media_dir: Path, manifest: list[dict[str, Any]]):
    wrong: dict[str, list[str]] = {}
    for entry in manifest:
        info = look(media_dir, entry, find_tools())
        poster = film_poster(media_dir / entry["name"], info, token=CancelToken(), tools=find_tools())
        faults = wrong.setdefault(entry["name"], [])
        wanted = entry["poster"]["ok"] and entry["name"] not in _STILL
        if poster.neutral is wanted:
            faults.append("neutral" if poster.neutral else "a frame")
        if wanted and info.video:
            told = next(s for s in streams(entry, "video") if not s["attached_pic"] or not info.main_video)
            shown = (entry["poster"]["width"], entry["poster"]["height"])
            turned = aspect(told)[::-1] if told["rotation"] in (90, 270) else aspect(told)
            expected = fit_within(*display_size(*shown, turned, 0), 1280, 3200)
            if (poster.width, poster.height) != expected:
                faults.append(f"{poster.width}x{poster.height}, not {expected}")
        if not poster.jpeg.startswith(b"\xff\xd8\xff") or poster.width > 1280:
            faults.append("JPEG")
    assert not known_faults(wrong)
