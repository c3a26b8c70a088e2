"""Damaged films: never an escape, never a second lost, never another film than the one that was there."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampleoracle import differences

from tests.benchmarks.fuzz_faststart import CHANGES, Tally, fuzz, judge, landmarks, made_films, real_films
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.media.faststart import plan_fast_start

FILMS = made_films()
RUNS = int(os.environ.get("VIDCDN_FUZZ_RUNS", "3000"))


def assert_clean(tally: Tally) -> None:
    assert tally.clean, "\n".join(tally.examples[:10])
    assert tally.accepted > tally.runs / 20


def test_made_films_damaged_at_random() -> None:
    assert_clean(fuzz(FILMS, 11, RUNS))


@pytest.mark.corpus
def test_real_films_damaged_at_random(media_dir: Path) -> None:
    films = real_films(media_dir)
    assert len(films) > 30
    assert_clean(fuzz(films, 12, RUNS))


@settings(max_examples=250, deadline=None)
@given(
    name=st.sampled_from(sorted(FILMS)),
    changes=st.lists(
        st.tuples(st.sampled_from(CHANGES), st.integers(0, 200), st.integers(0, 40), st.integers(0, 1 << 32)),
        min_size=1,
        max_size=5,
    ),
)
def test_films_damaged_step_by_step(name: str, changes: list[tuple[object, int, int, int]]) -> None:
    data = bytearray(FILMS[name])
    marks = landmarks(FILMS[name])
    for change, mark, beside, seed in changes:
        if len(data) > 24:
            change(data, min(marks[mark % len(marks)] + beside, len(data) - 9), random.Random(seed))  # type: ignore[operator]
    tally = Tally()
    judge(name, bytes(data), tally)
    assert tally.clean, tally.examples


@pytest.mark.parametrize("name", sorted(set(FILMS) - {"first"}))
def test_the_judge_itself_sees_one_wrong_bit(name: str) -> None:
    film = FILMS[name]
    plan = plan_fast_start(BytesSource(film))
    assert plan.moved, plan.report.reason
    view = bytearray(plan.source.read_at(0, plan.source.size))
    assert differences(film, bytes(view)) == ""
    place = view.find(b"stco") if b"stco" in view else view.find(b"co64") + 4
    view[place + 15] ^= 1
    assert differences(film, bytes(view)) == "samples differ"
    view[place + 15] ^= 1
    place = view.find(b"mdat") + 30
    view[place] ^= 1
    assert differences(film, bytes(view)) == "another box changed"
    view[place] ^= 1
    place = view.find(b"mvhd") + 20
    view[place] ^= 1
    assert differences(film, bytes(view)) == "the index lost something" or name in ("both sides", "compressed")
