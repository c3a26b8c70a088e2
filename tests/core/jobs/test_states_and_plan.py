"""Plans are pure: what goes where, under which name, with which promises to caches."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidcdn_desktop.bytesource import SourceIdentity
from vidcdn_desktop.delivery.model import Behavior, Distribution, Origin
from vidcdn_desktop.errors import CorruptMedia, NotAVideo, UnsupportedMedia
from vidcdn_desktop.jobs.model import JobState, LinkStyle, PublishOptions
from vidcdn_desktop.jobs.plan import Destination, extension_of, plan_publish, refusal
from vidcdn_desktop.jobs.states import BUSY, ENDED, IllegalTransition, check_transition
from vidcdn_desktop.media.info import Layout, LayoutReport, MediaInfo, Verdict, VideoStream


def distribution(
    name: str = "E1", *, aliases: tuple[str, ...] = (), enabled: bool = True, path: str = ""
) -> Distribution:
    return Distribution(
        id=name,
        domain_name=f"{name.lower()}.cloudfront.net",
        status="Deployed",
        enabled=enabled,
        aliases=aliases,
        origins=(Origin("o", "studio.s3.eu-west-1.amazonaws.com", path),),
        behaviors=(Behavior("*", "o"),),
    )


def info(
    name: str = "Lake at dawn.MP4",
    *,
    layout: Layout = Layout.NEEDS,
    verdict: Verdict = Verdict.WILL_MOVE,
    size: tuple[int, int] = (1920, 1080),
    brand: str = "isom",
    container: str = "MP4",
) -> MediaInfo:
    stream = VideoStream(0, "h264", "High", *size, *size, 0)
    return MediaInfo(
        path=Path("/films") / name,
        identity=SourceIdentity(1000, 1, 1, 1),
        layout=LayoutReport(layout, "because", brand=brand),
        verdict=verdict,
        reason="because",
        container=container,
        duration_s=1.5,
        video=(stream,),
    )


def plan(media: MediaInfo, **options: object):
    wanted = PublishOptions(**options)  # type: ignore[arg-type]
    return plan_publish(media, wanted, Destination("studio", (distribution(),)), hex8="3f9a1c2e", job_id="j")


def test_versioned_key_headers_and_link() -> None:
    made = plan(info())
    assert made.ref.key == "videos/landscape/lake-at-dawn-3f9a1c2e.mp4"
    assert made.thumbnail_ref.key == "videos/landscape/lake-at-dawn-3f9a1c2e.jpg"
    assert made.headers.content_type == "video/mp4"
    assert "immutable" in made.headers.cache_control
    assert made.url is not None
    assert made.url.url == "https://e1.cloudfront.net/videos/landscape/lake-at-dawn-3f9a1c2e.mp4"


def test_stable_key_has_no_fingerprint_and_a_short_browser_cache() -> None:
    made = plan(info(size=(1080, 1920)), link=LinkStyle.STABLE)
    assert made.ref.key == "videos/portrait/lake-at-dawn.mp4"
    assert "immutable" not in made.headers.cache_control
    assert "s-maxage" in made.headers.cache_control


def test_square_goes_to_other_and_an_empty_prefix_leaves_no_slash() -> None:
    assert plan(info(size=(1000, 1000)), prefix="").ref.key == "other/lake-at-dawn-3f9a1c2e.mp4"


def test_no_distribution_is_said_before_the_upload() -> None:
    made = plan_publish(info(), PublishOptions(), Destination("studio"), hex8="0" * 8, job_id="j")
    assert made.url is None
    assert any("No CDN" in note for note in made.notes)


def test_the_chosen_distribution_wins_if_it_serves_the_key() -> None:
    both = (distribution("E1"), distribution("E2", aliases=("media.example.com",)))
    made = plan_publish(info(), PublishOptions(), Destination("studio", both, "E2"), hex8="0" * 8, job_id="j")
    assert made.url is not None
    assert made.url.host == "media.example.com"
    elsewhere = (distribution("E1"), distribution("E2", path="/else"))
    made = plan_publish(info(), PublishOptions(), Destination("studio", elsewhere, "E2"), hex8="0" * 8, job_id="j")
    assert made.url is not None
    assert made.url.distribution_id == "E1"


def test_a_disabled_distribution_gives_no_link() -> None:
    off = Destination("studio", (distribution(enabled=False),))
    assert plan_publish(info(), PublishOptions(), off, hex8="0" * 8, job_id="j").url is None


@pytest.mark.parametrize(
    ("name", "brand", "expected"),
    [
        ("a.mov", "qt", "mov"),
        ("a", "isom", "mp4"),
        ("a.avi", "isom", "mp4"),
        ("a.txt", "qt", "mov"),
        ("a.M4V", "M4V", "m4v"),
    ],
)
def test_the_ending_fits_the_content(name: str, brand: str, expected: str) -> None:
    assert extension_of(info(name, brand=brand)) == expected


def test_refusals_have_the_right_class() -> None:
    options = PublishOptions()
    assert refusal(info(), options) is None
    assert isinstance(refusal(info(layout=Layout.CORRUPT, verdict=Verdict.CANNOT), options), CorruptMedia)
    assert isinstance(refusal(info(layout=Layout.NOT_MP4, verdict=Verdict.CANNOT), options), NotAVideo)
    avi = info("a.avi", layout=Layout.NOT_MP4, verdict=Verdict.NEEDS_CONVERSION, container="AVI")
    assert isinstance(refusal(avi, options), UnsupportedMedia)
    assert refusal(avi, PublishOptions(as_is=True)) is None


def test_every_ending_can_be_tried_again_and_nothing_skips_a_state() -> None:
    for state in ENDED:
        check_transition(state, JobState.INSPECTING)
    for old, new in [
        (JobState.READY, JobState.RUNNING),
        (JobState.PUBLISHED, JobState.RUNNING),
        (JobState.CANCELLED, JobState.PUBLISHED),
        (JobState.REFUSED, JobState.QUEUED),
    ]:
        with pytest.raises(IllegalTransition):
            check_transition(old, new)
    assert not BUSY & ENDED
