"""The listing's parser: whatever the SDK reads out of an answer, this reads, only faster."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus
from xml.sax.saxutils import escape

import pytest
from botocore.parsers import create_parser
from botocore.session import get_session
from hypothesis import given, settings
from hypothesis import strategies as st

from vidcdn_desktop.errors import ServiceTrouble
from vidcdn_desktop.storage import listing_xml
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts
from vidcdn_desktop.storage.listing_xml import NO_TOKEN, parse_page, parse_versions

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
MODEL = get_session().get_service_model("s3").operation_model("ListObjectsV2")

HOSTILE = [
    "a", "é" * 512, "x" * 1024, "caf\u00e9", "cafe\u0301", "a+b c%2Fd%", "//", "/lead", "a//b", "..", "a/../b",
    "trailing. ", " lead", "<b>&amp;</b>", "line\nbreak", "cr\rlf\r\n", "tab\t", "\x01\x1f\x7f", "\u202eexe.mp4",
    "😀/🎬", "~*'()!", "Aa", "aA", '"quoted"', "]]>", "\u2028", "\u0085", "&lt;", "%", "+", "%0A", "%00",
]  # fmt: skip

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
plain_keys = keys.filter(lambda key: not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", key))


def entry(key: str, number: int = 7, **fields: str) -> str:
    given = {
        "Key": key, "LastModified": f"2026-11-{1 + number % 28:02}T09:31:53.000Z", "ETag": f"&quot;{number:032x}&quot;",
        "Size": str(number * 1_000_003), "StorageClass": "STANDARD", **fields,
    }  # fmt: skip
    return "".join(f"<{name}>{text}</{name}>" for name, text in given.items())


def listing(*entries: str, extra: str = "", encoded: bool = True, gap: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult {NAMESPACE}>{gap}<Name>b</Name>{gap}'
        f"{'<EncodingType>url</EncodingType>' if encoded else ''}"
        f"{gap.join(f'<Contents>{gap}{e}{gap}</Contents>' for e in entries)}{gap}{extra}</ListBucketResult>"
    ).encode()


def by_sdk(body: bytes) -> dict[str, Any]:
    """What botocore makes of it, its decoding of names included."""
    reply = create_parser("rest-xml").parse({"status_code": 200, "headers": {}, "body": body}, MODEL.output_shape)
    if reply.get("EncodingType") == "url":
        for item in reply.get("Contents", ()):
            item["Key"] = unquote_plus(item["Key"])
        for item in reply.get("CommonPrefixes", ()):
            item["Prefix"] = unquote_plus(item["Prefix"])
    return dict(reply)


def assert_as_sdk(page: ListedPage, body: bytes) -> None:
    reply = by_sdk(body)
    rows = [(row.key, row.size, row.etag, row.last_modified, row.storage_class) for row in page.rows()]
    assert rows == [
        (i["Key"], i["Size"], i["ETag"].strip('"'), i["LastModified"], i.get("StorageClass", "STANDARD"))
        for i in reply.get("Contents", ())
    ]
    assert page.prefixes == [item["Prefix"] for item in reply.get("CommonPrefixes", ())]
    assert page.next_token == (reply.get("NextContinuationToken", "") if reply.get("IsTruncated") else "")


@pytest.fixture
def no_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(body: bytes) -> ListedPage:
        raise AssertionError(body)

    monkeypatch.setattr(listing_xml, "_by_fields", refuse)


OWNER = "<Owner><ID>i</ID><DisplayName>d</DisplayName></Owner>"
ENDING = (
    "<IsTruncated>true</IsTruncated><NextContinuationToken>a/b+c==&amp;</NextContinuationToken>"
    "<CommonPrefixes><Prefix>a%2Bb/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>c+d/</Prefix></CommonPrefixes>"
)


@pytest.mark.usefixtures("no_slow_way")
@pytest.mark.parametrize(
    "variant",
    [
        lambda text: text,
        lambda text: text.replace("<Size>", "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
                                  "<ChecksumType>FULL_OBJECT</ChecksumType><Size>"),
        lambda text: text.replace("<StorageClass>", f"{OWNER}<StorageClass>"),
        lambda text: text.replace("</StorageClass>", "</StorageClass><Type>Normal</Type>"),
        lambda text: text.replace("&quot;", '"'),
        lambda text: text.replace("STANDARD", "GLACIER", 1),
    ],
)  # fmt: skip
def test_the_usual_stores_are_read_the_short_way(variant: Any) -> None:
    entries = [variant(entry(quote_plus(key, safe="/"), n)) for n, key in enumerate(HOSTILE)]
    body = listing(*entries, extra=ENDING)
    page = parse_page(body)
    assert page.keys == HOSTILE
    assert_as_sdk(page, body)
    assert page.next_token == "a/b+c==&"


@pytest.mark.parametrize(
    "body",
    [
        listing(entry("a", StorageClass="").replace("<StorageClass></StorageClass>", "")),
        listing("<Size>5</Size><ETag>x</ETag><Key>a%20b</Key><LastModified>2026-11-25T09:31:53Z</LastModified>"),
        listing(entry("a"), entry("b"), gap="\n  "),
        listing(entry("a&amp;b&#10;c&#xe9;"), encoded=False),
        listing(entry("a", LastModified="Wed, 25 Nov 2026 09:31:53 GMT")),
        listing(entry("a", LastModified="2026-11-25T10:31:53+01:00")),
        listing(entry("a"), extra="<!-- <Contents> -->"),
        listing(entry("a"), entry("<![CDATA[b]]>")),
        listing(entry("cr\rlf\r\nx"), encoded=False),
        listing(entry("a"), entry("b", UserMetadata="<x>1</x>")),
        listing(),
        listing(entry("a", Size="0")).replace(b"<Contents>", b"<Contents >"),
    ],
)
def test_stores_with_quirks_are_read_the_long_way(body: bytes) -> None:
    assert_as_sdk(parse_page(body), body)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(keys, st.integers(0, 1 << 50), st.booleans()), max_size=12), st.data())
def test_encoded_pages_read_as_the_sdk_reads_them(rows: list[tuple[str, int, bool]], data: st.DataObject) -> None:
    how = data.draw(st.sampled_from([lambda k: quote(k, safe="/"), quote_plus, lambda k: quote(k, safe="/*-._~")]))
    body = listing(
        *[entry(how(key), n % 28, Size=str(n), **({"StorageClass": "GLACIER"} if odd else {})) for key, n, odd in rows],
        extra=ENDING,
    )
    page = parse_page(body)
    assert page.keys == [key for key, _, _ in rows]
    assert_as_sdk(page, body)
    slow = listing_xml._by_fields(body)
    assert [*slow.rows()] == [*page.rows()]


@settings(deadline=None, max_examples=200)
@given(st.lists(plain_keys, max_size=12))
def test_plain_pages_read_as_the_sdk_reads_them(names: list[str]) -> None:
    body = listing(*[entry(escape(key)) for key in names], encoded=False)
    assert_as_sdk(parse_page(body), body)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_damage_is_an_error_or_reads_as_elementtree_reads_it(data: st.DataObject) -> None:
    body = bytearray(listing(*[entry(f"k%20{n}", n) for n in range(3)], extra=ENDING))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            del body[at : at + data.draw(st.integers(1, 30))]
        else:
            body[at : at + 1] = data.draw(st.binary(min_size=1, max_size=2))
    try:
        page = parse_page(bytes(body))
    except ServiceTrouble:
        return
    slow = listing_xml._by_fields(bytes(body))
    assert [*page.rows()] == [*slow.rows()]
    assert (page.prefixes, page.next_token) == (slow.prefixes, slow.next_token)


def test_controls_that_xml_does_not_allow_are_read_all_the_same() -> None:
    assert parse_page(listing(entry("a\x01b&#2;c&#x1F;"), encoded=False)).keys == ["a\x01b\x02c\x1f"]
    assert parse_page(listing(entry("a\x01b\U0010ff01"), entry("&#1;"), encoded=False)).keys == [
        "a\x01b\U0010ff01", "\x01",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        listing(entry("a"), entry("b"))[:-30],
        listing(entry("a"), entry("b"))[:400],
        b"<Error><Code>InternalError</Code></Error>",
        b"<html><body>Sign in to the hotel's network</body></html>",
        listing("<Size>5</Size>"),
        listing("<Key>a</Key><Size>many</Size>"),
        listing(f"<Key>a</Key><Size>{1 << 70}</Size>"),
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + listing(entry("&a;"), encoded=False)[39:],
    ],
)
def test_what_is_no_whole_listing_is_trouble_that_may_pass(body: bytes) -> None:
    with pytest.raises(ServiceTrouble) as caught:
        parse_page(body)
    assert caught.value.retryable


def test_another_encoding_of_the_document_is_believed() -> None:
    body = listing(entry("é"), encoded=False).decode().replace("UTF-8", "ISO-8859-1").encode("latin-1")
    assert parse_page(body).keys == ["é"]


def test_more_without_a_token_is_told_apart_from_the_end() -> None:
    assert parse_page(listing(entry("a"), extra="<IsTruncated>true</IsTruncated>")).next_token == NO_TOKEN
    assert parse_page(listing(entry("a"), extra="<IsTruncated>false</IsTruncated>")).next_token == ""


def test_versions_and_markers() -> None:
    page = parse_versions(
        f"<ListVersionsResult {NAMESPACE}><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
        "<NextKeyMarker>a%2Bb</NextKeyMarker><NextVersionIdMarker>v+2</NextVersionIdMarker>"
        "<DeleteMarker><Key>a%20b</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest>"
        "<LastModified>2026-11-25T09:31:53.000Z</LastModified></DeleteMarker>"
        "<Version><Key>a%20b</Key><VersionId>null</VersionId><IsLatest>false</IsLatest><ETag>&quot;e-2&quot;</ETag>"
        "<LastModified>2026-11-24T09:31:53.000Z</LastModified><Size>9</Size><StorageClass>GLACIER</StorageClass>"
        "</Version></ListVersionsResult>".encode()
    )
    marker, version = page.versions
    assert (marker.key, marker.version_id, marker.is_latest, marker.is_marker, marker.size) == (
        "a b",
        "v3",
        True,
        True,
        0,
    )
    assert (version.version_id, version.is_marker, version.etag, version.storage_class) == (
        "null",
        False,
        "e-2",
        "GLACIER",
    )
    assert version.last_modified == datetime(2026, 11, 24, 9, 31, 53, tzinfo=UTC)
    assert (page.next_key, page.next_version) == ("a+b", "v+2")


@given(st.lists(st.text(max_size=5), max_size=8))
def test_packed_texts_are_a_sequence(texts: list[str]) -> None:
    packed = PackedTexts(texts)
    assert list(packed) == texts
    assert list(packed[1:3]) == texts[1:3]
    for fill, width in (("x", 5), ("a", 32), ("A", 32), (" ", 32)):
        same = [text.ljust(width, fill) for text in texts]
        assert list(PackedTexts(same)) == same


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=5))
def test_packed_md5s_are_the_same_texts(sums: list[bytes]) -> None:
    texts = [each.hex() for each in sums]
    packed = PackedTexts(texts)
    assert (list(packed), len(packed)) == (texts, len(texts))
    assert list(packed[::-1]) == texts[::-1]
    assert list(PackedTexts([text.upper() for text in texts])) == [text.upper() for text in texts]
