"""Slugs, keys, fingerprints and metadata are made from untrusted text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.storage import keys
from vidcdn_desktop.storage.content_types import content_type, kind_of

HOSTILE = ["../../etc/passwd", "-rf /", "....", "a\nb", "a\u202egpj.exe", "CON", "x" * 500, "\udc80\udcff", "%2e%2e/"]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Élan  Vital — Été", "elan-vital-ete"),
        ("Привет, мир!", "privet-mir"),
        ("Ёжик и Щука", "ezhik-i-shchuka"),
        ("Ελλάδα", "ellada"),
        ("Straße Œuvre ŁÓDŹ Ærø", "strasse-oeuvre-lodz-aero"),
        ("İstanbul", "istanbul"),
        ("日本語 clip 3", "clip-3"),
        ("日本語", "video"),
        ("ﬁlm ② ½", "film-2-1-2"),
        ("v1.2_final", "v1.2_final"),
        (".hidden", "hidden"),
        ("--help", "help"),
        ("a . b", "a.b"),
        ("", "video"),
    ],
)
def test_slugs(text: str, slug: str) -> None:
    assert keys.slugify(text) == slug


@given(st.text())
def test_a_slug_is_always_safe(text: str) -> None:
    slug = keys.slugify(text)
    assert re.fullmatch(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?", slug)
    assert ".." not in slug
    assert len(slug) <= 80
    assert keys.slugify(slug) == slug
    assert keys.slugify(unicodedata.normalize("NFD", text)) == keys.slugify(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_stays_one_name(title: str) -> None:
    key = keys.object_key("videos", "landscape", title, ".mp4", "0123abcd")
    assert re.fullmatch(r"videos/landscape/[a-z0-9_][a-z0-9._-]*-0123abcd\.mp4", key)


def test_keys() -> None:
    assert (
        keys.object_key("/videos/", "portrait", "My film", ".MOV", "0123abcd") == "videos/portrait/my-film-0123abcd.mov"
    )
    assert keys.object_key("", "other", "My film", "mp4", None) == "other/my-film.mp4"
    assert keys.object_key("a/b", "landscape", "x", "m/../p4", None) == "a/b/landscape/x.mp4"
    assert keys.object_key("a", "other", "x", "", None) == "a/other/x.mp4"


def test_the_poster_stands_beside_the_video() -> None:
    assert keys.poster_key("videos/landscape/v1.2-0123abcd.mp4") == "videos/landscape/v1.2-0123abcd.jpg"
    assert keys.poster_key("v.1/film") == "v.1/film.jpg"


def test_fingerprint_tells_contents_apart_and_reads_little() -> None:
    size = 50 << 20
    reads: list[int] = []

    class Counting(BytesSource):
        def read_at(self, offset: int, length: int) -> bytes:
            reads.append(length)
            return super().read_at(offset, length)

    data = bytearray(size)
    first = keys.fingerprint(Counting(bytes(data)))
    assert re.fullmatch("[0-9a-f]{8}", first)
    assert sum(reads) <= 9 << 20
    assert keys.fingerprint(BytesSource(bytes(data))) == first
    assert keys.fingerprint(BytesSource(bytes(data)), "other settings") != first
    assert keys.fingerprint(BytesSource(bytes(data[:-1]))) != first
    for changed in (0, size // 2, size - 1):
        data[changed] = 1
        assert keys.fingerprint(BytesSource(bytes(data))) != first
        data[changed] = 0
    assert keys.fingerprint(BytesSource(b"")) != keys.fingerprint(BytesSource(b"\0"))


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]", fullmatch=True), st.text(max_size=40), max_size=5)
)
def test_metadata_survives(values: dict[str, str]) -> None:
    encoded = keys.encode_metadata(values)
    assert all(v.isascii() and v.isprintable() and v == v.strip() and "  " not in v for v in encoded.values())
    wanted = {k: v.strip().encode("utf-8", "replace").decode("utf-8").rstrip() for k, v in values.items() if v.strip()}
    assert keys.decode_metadata(encoded) == wanted


def test_long_metadata_is_cut_between_characters() -> None:
    encoded = keys.encode_metadata({"id": "7", "title": "日本 100% " * 500, "late": "does not fit"})
    assert sum(len(k) + len(v) for k, v in encoded.items()) <= 2048
    assert encoded["id"] == "7"
    title = keys.decode_metadata(encoded)["title"]
    assert len(title) > 300
    assert ("日本 100% " * 500).startswith(title)


def test_metadata_names_become_header_names() -> None:
    assert keys.encode_metadata({"My Title:": "x", "": "y", "é": "z"}) == {"my-title": "x"}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a/b.mp4", "video/mp4"),
        ("B.M4V", "video/mp4"),
        (".mov", "video/quicktime"),
        ("m3u8", "application/vnd.apple.mpegurl"),
        ("x.m4s", "video/iso.segment"),
        ("x.ts", "video/mp2t"),
        ("x.mxf", "application/mxf"),
        ("x.jpg", "image/jpeg"),
        ("x.vtt", "text/vtt"),
        ("noextension", "application/octet-stream"),
        ("a.mp4/readme", "application/octet-stream"),
        ("x.exe", "application/octet-stream"),
    ],
)
def test_content_types(name: str, wanted: str) -> None:
    assert content_type(name) == wanted


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a/b.mp4", "Video"),
        ("a/b.m4a", "Video"),
        ("a/b.JPG", "Thumbnail"),
        ("a/b.vtt", "Captions"),
        ("a/b.mpd", "Playlist"),
        ("a/", "Folder"),
        ("mp4", "Other"),
        (".mp4", "Other"),
    ],
)
def test_kinds(key: str, kind: str) -> None:
    assert kind_of(key) == kind
