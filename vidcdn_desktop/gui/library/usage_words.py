"""What the view of usage says. Pure functions; names come from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vidcdn_desktop.gui.models.celltext import storage_class
from vidcdn_desktop.gui.widgets.treemap import Area
from vidcdn_desktop.jobs.prices import CostEstimate
from vidcdn_desktop.jobs.usage import FolderUsage, Usage
from vidcdn_desktop.textsafe import display, format_size, plural

MOST_TILES = 60
"""Folders that get a tile of their own; nobody tells smaller ones apart."""

HERE = "here"
REST = "rest"
"""Ids of the tiles that are no folder."""

Row = tuple[str, str, str, str]
"""Name, objects, size, cost a month."""


@dataclass(frozen=True)
class UsageSeen:
    """All the view shows, put together on the thread that counted: there may be a hundred thousand folders."""

    usage: Usage
    areas: Sequence[Area]
    kinds: Sequence[Row]
    classes: Sequence[Row]
    cost: str
    total: str


def seen_of(usage: Usage) -> UsageSeen:
    """Blocks for as long as it takes to sort the folders."""
    cost = "\n".join(cost_words(usage))
    return UsageSeen(usage, areas(usage), kind_rows(usage), class_rows(usage), cost, total(usage))


def areas(usage: Usage) -> list[Area]:
    """The folders, the objects in none of them, and the small folders together; largest first.

    By bytes; where there is none, by objects.
    """
    tree = usage.tree
    by_objects = not tree.size_bytes
    folders = sorted(tree.folders, key=lambda f: (-(f.objects if by_objects else f.size_bytes), f.prefix))
    shown, rest = folders[:MOST_TILES], folders[MOST_TILES:]
    own_objects = tree.objects - sum(f.objects for f in folders)
    own_bytes = tree.size_bytes - sum(f.size_bytes for f in folders)
    base = tree.prefix[: tree.prefix.rfind("/") + 1]
    found = [_area(f.prefix, _name(f, base), f.objects, f.size_bytes, tree) for f in shown]
    if own_objects:
        title = "In no folder" if folders else "Objects here"
        found.append(_area(HERE, title, own_objects, own_bytes, tree, can_open=not folders))
    if rest:
        objects, size = sum(f.objects for f in rest), sum(f.size_bytes for f in rest)
        found.append(_area(REST, f"{len(rest):,} smaller folders", objects, size, tree, can_open=False))
    return sorted((area for area in found if area.weight > 0), key=lambda area: -area.weight)


def _name(folder: FolderUsage, base: str) -> str:
    return display(folder.prefix[len(base) :].removesuffix("/"), 200) or "…"


def _area(id_: str, title: str, objects: int, size_bytes: int, tree: FolderUsage, *, can_open: bool = True) -> Area:
    weight, total = (size_bytes, tree.size_bytes) if tree.size_bytes else (objects, tree.objects)
    share = weight / total if total else 0.0
    lines = (f"{format_size(size_bytes)} · {percent(share)}", plural(objects, "object"))
    return Area(id_, title, lines, weight, share, can_open)


def percent(share: float) -> str:
    """A share of all."""
    if 0 < share < 0.01:
        return "below 1 %"
    return f"{round(share * 100)} %"


def kind_rows(usage: Usage) -> list[Row]:
    """By kind of file."""
    return [(kind, f"{tally.objects:,}", format_size(tally.size_bytes), "") for kind, tally in usage.kinds.items()]


def class_rows(usage: Usage) -> list[Row]:
    """By storage class, with what each costs."""
    costs = usage.cost.by_class if usage.cost is not None else {}
    return [
        (storage_class(name), f"{part.objects:,}", format_size(part.size_bytes), dollars(costs.get(name)))
        for name, part in usage.classes.items()
    ]


def dollars(usd: float | None) -> str:
    """An estimate, for a cell; empty where no price is known."""
    if usd is None:
        return ""
    return "< $0.01" if 0 < usd < 0.01 else f"${usd:,.2f}"


def monthly(usd: float) -> str:
    """An estimate, for a sentence."""
    return "less than $0.01 a month" if 0 < usd < 0.01 else f"about ${usd:,.2f} a month"


def total(usage: Usage) -> str:
    """The line above."""
    words = f"{plural(usage.objects, 'object')} · {format_size(usage.size_bytes)}"
    return f"{words} · {monthly(usage.cost.usd_per_month)}" if usage.cost is not None else words


def cost_words(usage: Usage) -> Sequence[str]:
    """What the estimate is made of, and what is not in it."""
    cost = usage.cost
    if cost is None:
        return ("What this store costs is not known.", "Earlier versions and unfinished uploads are not counted.")
    return (
        f"Prices of {cost.date}, {cost.region}.",
        "Storage only: requests, transfer, taxes and discounts are not in it. Earlier versions and unfinished uploads"
        " are not counted.",
        *_unpriced(cost),
    )


def _unpriced(cost: CostEstimate) -> Sequence[str]:
    if not cost.unpriced:
        return ()
    return (f"Not in it, because the price is not known: {', '.join(map(storage_class, cost.unpriced))}.",)
