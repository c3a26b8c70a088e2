"""What a folder had: found page by page, whatever the pages cut, and no more of it than was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import servers
from repairs import World, world_on
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.jobs.operations.classes import class_named, class_words, operation_prices, restore_words, usd
from vidcdn_desktop.jobs.operations.versions import ALL, deleted_in, former_objects
from vidcdn_desktop.storage import listing


@pytest.fixture(scope="module")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto, versioned=True) as found:
        yield found


def fill(world: World) -> None:
    """Two versions of a and c, b deleted twice, d deleted and there again, one object deleted below."""
    for key in ("f/a", "f/a", "f/b", "f/c", "f/c", "f/d", "f/x/e"):
        world.put(key.encode(), key)
    for key in ("f/b", "f/b", "f/d", "f/x/e"):
        world.client.delete_object(Bucket=world.bucket, Key=key)
    world.put(b"again", "f/d")


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
def test_the_same_is_found_whatever_the_size_of_a_page(
    world: World, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    fill(world)
    monkeypatch.setattr(listing, "PAGE", page)
    with world.connection() as connection:
        pages = list(former_objects(connection, "f/", token=CancelToken(), most=ALL))
        below = deleted_in(connection, "f/", CancelToken(), below=True)
    found = [(former.source(world.bucket).ref.key, former.is_deleted) for told in pages for former in told.found]
    assert found == [("f/a", False), ("f/b", True), ("f/b", False), ("f/c", False), ("f/d", False)]
    assert not any(told.is_cut for told in pages)
    assert [(source.ref.key, source.size) for source in below] == [("f/b", 3), ("f/x/e", 5)]
    assert all(source.etag and source.version_id for source in below)


def test_it_is_left_at_a_number_of_versions_and_cancelled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world)
    monkeypatch.setattr(listing, "PAGE", 2)
    with world.connection() as connection:
        pages = list(former_objects(connection, "f/", below=True, token=CancelToken(), most=4))
        assert [told.is_cut for told in pages][-1]
        assert pages[-1].read < 8
        token = CancelToken()
        token.cancel()
        with pytest.raises(Cancelled):
            list(former_objects(connection, "f/", token=token))


def test_costs_are_told_with_their_date() -> None:
    prices = operation_prices()
    assert prices.date in class_words("DEEP_ARCHIVE", 1000, 10**12)
    assert "about 0.05 USD" in class_words("DEEP_ARCHIVE", 1000, 10**12)
    assert "180 days" in class_words("DEEP_ARCHIVE", 1, 1)
    assert "days" not in class_words("STANDARD", 1, 1)
    assert "Reading costs nothing from Glacier Flexible Retrieval" in restore_words("Bulk", 7, 1000, 10**12)
    assert "will fail" in restore_words("Expedited", 1, 1, 1)
    assert "will fail" not in restore_words("Standard", 1, 1, 1)
    assert prices.restore_usd("DEEP_ARCHIVE", "Expedited", 1, 1) is None
    assert (usd(0), usd(0.001), usd(1234.5)) == ("nothing", "less than 0.01 USD", "about 1,234.50 USD")
    assert class_named("standard-ia") == class_named("STANDARD_IA")
    assert class_named("attic") is None
