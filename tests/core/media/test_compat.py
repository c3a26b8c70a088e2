"""In which browsers a video plays: what the table says of real combinations, and that the table itself is sound."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from clips import h264, make_clip
from foreign import make_foreign

from vidcdn_desktop import paths
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.media.compat import Support, plays_everywhere, plays_in, plays_in_words, table
from vidcdn_desktop.media.convert_plan import plan_conversion
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.media.info import MediaInfo
from vidcdn_desktop.media.probe import inspect

EVERYWHERE = "Chrome, Firefox, Safari, iOS, Android"


def look(path: Path) -> MediaInfo:
    return inspect(path, token=CancelToken(), tools=find_tools())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> MediaInfo:
    return look(make_clip(tmp_path_factory.mktemp("plain") / "film.mp4", *h264()))


def variant(info: MediaInfo, *, codec: str = "h264", pixel_format: str = "yuv420p", sound: str = "aac") -> MediaInfo:
    """The same film with other codecs."""
    video = replace(info.video[0], codec=codec, pixel_format=pixel_format)
    return replace(info, video=(video,), audio=(replace(info.audio[0], codec=sound),))


def test_the_table_has_a_date_sources_and_a_word_for_every_browser() -> None:
    raw = json.loads(paths.resource("compatibility.json").read_text("utf-8"))
    assert date.fromisoformat(table().date) == date.fromisoformat(raw["date"])
    assert {source["name"].split()[0].casefold() for source in raw["sources"]} >= {"caniuse.com", "mdn", "webkit"}
    assert list(table().browsers) == ["chrome", "firefox", "safari", "ios", "android"]
    for kind in ("containers", "video", "audio"):
        for row in raw[kind].values():
            assert set(row) - {"note"} == set(raw["browsers"])


def test_an_ordinary_mp4_plays_everywhere(plain: MediaInfo) -> None:
    support = plays_in(plain)
    assert support is not None
    assert plays_everywhere(support)
    assert plays_in_words(support) == EVERYWHERE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"codec": "hevc", "pixel_format": "yuv420p10le"}, "Safari, iOS; in some: Chrome, Firefox, Android"),
        ({"codec": "av1"}, "Chrome, Firefox, Android; in some: Safari, iOS"),
        ({"sound": "ac3"}, "Safari, iOS"),
        ({"sound": "opus"}, "Chrome, Firefox, Android; in some: Safari, iOS"),
        ({"codec": "prores"}, "no browser"),
        ({"pixel_format": "yuv422p10le"}, "in some: Chrome, Firefox, Android"),
    ],
)
def test_the_weakest_part_decides(changes: dict[str, str], words: str, plain: MediaInfo) -> None:
    support = plays_in(variant(plain, **changes))
    assert support is not None
    assert plays_in_words(support) == words
    assert not plays_everywhere(support)


def test_hevc_under_the_wrong_tag_does_not_play_on_apple_devices(plain: MediaInfo) -> None:
    film = variant(plain, codec="hevc")
    assert film.ffprobe is not None
    index = film.video[0].index
    wrong = replace(film, ffprobe={"streams": [{"index": index, "codec_tag_string": "hev1"}]})
    right = replace(film, ffprobe={"streams": [{"index": index, "codec_tag_string": "hvc1"}]})
    for info, level in ((wrong, Support.NO), (right, Support.YES)):
        support = plays_in(info)
        assert support is not None
        assert support["safari"] is support["ios"] is level


@pytest.mark.parametrize("kind", ["mkv-h264-aac", "avi-mpeg4-mp3"])
def test_of_a_film_that_is_converted_the_result_counts(kind: str, tmp_path: Path) -> None:
    info = look(make_foreign(kind, tmp_path))
    support, as_is = plays_in(info), plays_in(info, converted=False)
    assert support is not None
    assert as_is is not None
    assert plays_in_words(support) == EVERYWHERE
    assert plays_in_words(as_is) == "no browser"


def test_nothing_is_said_where_nobody_could_look(plain: MediaInfo) -> None:
    assert plays_in(replace(plain, video=(), audio=())) is None


def test_the_plan_and_the_table_agree(plain: MediaInfo) -> None:
    """A picture that is encoded becomes one that plays everywhere; one that is copied plays somewhere for sure."""
    for codec in ("h264", "hevc", "vp9", "av1", "prores", "mpeg4", "wmv2"):
        info = variant(plain, codec=codec)
        support = plays_in(replace(info, conversion=plan_conversion(info)))
        assert support is not None
        assert Support.YES in support.values(), codec
