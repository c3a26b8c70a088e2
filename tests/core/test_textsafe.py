"""Untrusted text is shown safely, and figures in plain English."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcdn_desktop.textsafe import (
    display,
    format_duration,
    format_elapsed,
    format_left,
    format_rate,
    format_size,
    free_file_name,
    in_sentence,
    isolate,
    plural,
    safe_file_name,
)

any_text = st.text(st.characters(codec=None), max_size=80)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("holiday.mp4", "holiday.mp4"),
        ("Café déjà vu.mov", "Café déjà vu.mov"),
        ("a\nb\tc\x00", "a␊b␉c␀"),
        ("\x7f", "␡"),
        ("\x85", "⟨U+0085⟩"),
        ("film\u202e4pm.exe", "film⟨U+202E⟩4pm.exe"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a\u2028b", "a⟨U+2028⟩b"),
        ("\udc80.mp4", "⟨U+DC80⟩.mp4"),
        ("\u3164", "⟨U+3164⟩"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("❤️\u200d🔥", "❤️\u200d🔥"),
        ("a\u200db", "a⟨U+200D⟩b"),
        ("\u200d", "⟨U+200D⟩"),
        ("שלום.mp4", "שלום.mp4"),
    ],
)
def test_invisible_and_turning_characters_become_marks(text: str, shown: str) -> None:
    assert display(text) == shown


@given(any_text)
def test_display_leaves_nothing_hidden_and_can_be_encoded(text: str) -> None:
    shown = display(text)
    shown.encode("utf-8")
    hidden = {c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Co", "Zl", "Zp")}
    assert not hidden
    assert {c for c in shown if unicodedata.category(c) == "Cf"} <= {"\u200d"}
    assert display(shown) == shown


@given(any_text, st.integers(1, 40))
def test_display_keeps_to_the_length(text: str, length: int) -> None:
    assert len(display(text, length)) <= length


def test_display_elides_in_the_middle_and_never_inside_a_mark() -> None:
    assert display("a_very_long_name_of_a_film.mp4", 15) == "a_very_…ilm.mp4"
    assert display("abc\u202edef", 10) == "abc…def"
    assert display("short.mp4", 9) == "short.mp4"
    assert display("abcdefg\u0301hij", 8) == "abcd…hij"
    assert display("abcdef", 1) == "…"


def test_a_name_in_a_sentence_is_set_apart_only_where_it_could_reorder_the_words_around_it() -> None:
    assert in_sentence("été (1).mp4", 60) == "été (1).mp4"
    assert in_sentence("evil\u202egpj") == display("evil\u202egpj")
    assert in_sentence("film \u05d0") == "\u2068film \u05d0\u2069"


def test_isolate_cannot_be_broken_out_of() -> None:
    inside = isolate("evil\u2069\u202egpj")
    assert inside[0] == "\u2068"
    assert inside[-1] == "\u2069"
    assert not set(inside[1:-1]) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("videos/2026/film.mp4", "film.mp4"),
        ("..\\..\\evil.mp4", "evil.mp4"),
        ("C:film.mp4", "C_film.mp4"),
        ("..", "file"),
        ("", "file"),
        ("...", "file"),
        ("a/b/", "b"),
        (" .hidden. ", "hidden"),
        ("CON", "_CON"),
        ("com1.mp4", "_com1.mp4"),
        ("nul .txt", "_nul .txt"),
        ("console.mp4", "console.mp4"),
        ('a<b>c"d|e?f*g.mp4', "a_b_c_d_e_f_g.mp4"),
        ("a\nb\u202e.mp4", "a_b_.mp4"),
        ("e\u0301.mp4", "é.mp4"),
        ("-rf.mp4", "-rf.mp4"),
    ],
)
def test_file_names_are_safe_on_every_system(text: str, name: str) -> None:
    assert safe_file_name(text) == name


@given(any_text)
def test_file_names_never_leave_their_folder(text: str) -> None:
    name = safe_file_name(text)
    assert name
    assert len(name.encode()) <= 200
    assert not set(name) & set('/\\:\0<>"|?*')
    assert name.strip(" .") == name
    assert safe_file_name(name) == name


def test_a_long_file_name_keeps_its_extension_and_whole_characters() -> None:
    name = safe_file_name("é" * 300 + ".mp4")
    assert name.endswith("é.mp4")
    assert len(name.encode()) <= 200


def test_taken_names_are_numbered() -> None:
    assert free_file_name("a.mp4", lambda _n: False) == "a.mp4"
    assert free_file_name("a.mp4", {"a.mp4", "a (2).mp4"}.__contains__) == "a (3).mp4"
    long = "x" * 196 + ".mp4"
    second = free_file_name(long, {long}.__contains__)
    assert second.endswith(" (2).mp4")
    assert len(second) <= 200


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (999.6, "1.0 kB"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_600, "1.0 MB"),
        (3_900_000_000, "3.9 GB"),
        (5_000_000_000_000, "5.0 TB"),
        (5e18, "5,000 PB"),
    ],
)
def test_sizes_are_decimal(size: float, text: str) -> None:
    assert format_size(size) == text


def test_rates_durations_and_times_left() -> None:
    assert format_rate(11_400_000) == "11.4 MB/s"
    assert format_rate(None) == ""
    assert [format_duration(s) for s in (None, 0, 3.6, 59.6, 751, 3723)] == [
        "",
        "0:00",
        "0:04",
        "1:00",
        "12:31",
        "1:02:03",
    ]
    assert [format_left(s) for s in (None, 0, 40.2, 59.7, 180, 3599, 4800, 7200, 1e9)] == [
        "", "1 s left", "40 s left", "1 min left", "3 min left", "1 h left", "1 h 20 min left", "2 h left",
        "more than 4 days left",
    ]  # fmt: skip
    assert [format_elapsed(s) for s in (0.214, 0.996, 4.23, 9.96, 42, 125, 3725)] == [
        "0.21 s", "1.0 s", "4.2 s", "10 s", "42 s", "2 min 5 s", "1 h 2 min",
    ]  # fmt: skip


def test_plurals() -> None:
    assert [plural(n, "video") for n in (0, 1, 2, 1204)] == ["0 videos", "1 video", "2 videos", "1,204 videos"]
    assert plural(2, "copy", "copies") == "2 copies"
