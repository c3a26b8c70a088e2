"""What the Library can do to objects, each in a folder of its own, for tests that put all of it through one ordeal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from operation_studio import Office
from PySide6.QtWidgets import QPushButton
from safe_words import unsafe

from faultplans import Request
from thinned import WHOLE
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.gui.library.operation_dialog import OperationDialog, OperationForm
from vidcdn_desktop.gui.library.place_form import PlaceForm
from vidcdn_desktop.gui.library.values_form import ValuesForm

NAMES = ("a <b>&amp;.mp4", "b %2F+.mp4", "c \u202egpm.mp4", "d é.mp4")
"""Of the objects a deed is done to; what happens to one must not be what happens to the next."""

Content = Mapping[str, tuple[bytes, str, Mapping[str, str]]]
CACHE = "max-age=9"


@dataclass(frozen=True)
class Deed:
    """A verb of the Library, what is filled in, what it sends when it writes, and what must come of one object."""

    verb: str
    writes: tuple[str, ...]
    """Names of the requests that change something first."""
    target: str = ""
    """The folder an object goes to."""
    keeps_originals: bool = False
    """Of a move: nothing is deleted yet."""

    @property
    def folder(self) -> str:
        """Where its objects are."""
        return f"{self.verb}/"

    def keys(self, count: int) -> list[str]:
        """The first of its objects."""
        return [self.folder + name for name in NAMES[:count]]

    @property
    def text(self) -> str:
        """What is filled in; of a rename that is another for each object."""
        return CACHE if self.verb == "headers" else self.target

    def goes_to(self, key: str) -> str:
        """The new name of an object; empty where it has none."""
        if self.verb == "rename":
            return f"{key}2"
        return key.replace(self.folder, self.target, 1) if self.target else ""

    def done_to(self, content: Content, *keys: str) -> dict[str, tuple[bytes, str, Mapping[str, str]]]:
        """What is in the bucket once it is done to these, and nothing else has happened."""
        after = dict(content)
        for key in keys:
            body, cache, metadata = content[key]
            if self.verb in ("rename", "move", "delete") and not self.keeps_originals:
                del after[key]
            if self.verb == "headers":
                after[key] = (body, CACHE, metadata)
            elif self.verb != "delete":
                after[self.goes_to(key)] = (body, cache, metadata)
        return after

    def fill(self, office: Office, form: OperationForm) -> None:
        """What the user types."""
        if self.verb == "headers":
            value = cast("ValuesForm", form).headers["cache-control"].value
            office.studio.wait(lambda: value.placeholderText() != "Looking…")
            value.clear()
            office.qtbot.keyClicks(value, CACHE)
            return
        place = cast("PlaceForm", form).place
        if self.verb == "rename":
            place.end(False)
            office.qtbot.keyClicks(place, "2")
        else:
            place.clear()
            office.qtbot.keyClicks(place, self.target)


RENAME = Deed("rename", ("CopyObject",))
MOVE = Deed("move", ("CopyObject",), "moved/")
COPY = Deed("copy-to", ("CopyObject",), "copied/")
HEADERS = Deed("headers", ("CopyObject",))
DELETE = Deed("delete", ("DeleteObjects", "DeleteObject"))
DEEDS = (RENAME, MOVE, COPY, HEADERS, DELETE)


def share(place: str, deeds: Sequence[Deed]) -> list[Deed]:
    """What is put through an ordeal at one of the `PLACES`: half of the deeds.

    Two places together have all of them: each deed meets each server, and each of http and https.
    """
    first = place in ("moto-http", "swift-https")
    return [deed for number, deed in enumerate(deeds) if WHOLE or bool(number % 2) is not first]


def key_of(request: Request) -> str:
    """The key a request is about."""
    return unquote(urlsplit(request.target).path).lstrip("/").partition("/")[2]


def fill_bucket(office: Office, *deeds: Deed) -> Content:
    """Objects for these deeds, with all they carry."""
    for deed in deeds:
        for key in deed.keys(len(NAMES)):
            office.world.put(
                key.encode(), key, ContentType="video/mp4", CacheControl="max-age=7", Metadata={"by": "me"}
            )
    return content(office)


def content(office: Office) -> dict[str, tuple[bytes, str, Mapping[str, str]]]:
    """Everything in the bucket; names of metadata as they were sent, whatever a store makes of their letters."""
    found = {}
    for key in office.world.all_keys():
        reply: dict[str, Any] = office.world.get(key)
        metadata = {name.lower(): value for name, value in reply["Metadata"].items()}
        found[key] = (reply["Body"], reply.get("CacheControl", ""), metadata)
    return found


def planned(office: Office, desktop: Desktop, deed: Deed, *keys: str) -> OperationDialog:
    """Choose objects of its folder, ask for it, and fill in what is wanted, up to the last button."""
    library = desktop.library
    library.open_prefix(deed.folder)
    office.studio.wait(lambda: library._complete and not library.model.is_arranging)
    places = sorted(n for n, row in enumerate(library.model.rows()) if row.key in keys)
    library.model.select_ranges([(place, place) for place in places])
    assert sorted(row.key for row in library._selected()) == sorted(keys)
    library._do(deed.verb)
    dialog = office.dialog(desktop)
    if dialog.form is not None:
        deed.fill(office, dialog.form)
        office.studio.click(cast("QPushButton", dialog.go_button))
    plan = office.planned(dialog).plan
    assert plan is not None
    assert unsafe(dialog) == []
    if plan.confirm:
        office.qtbot.keyClicks(dialog.confirm, str(plan.confirm))
    return dialog


def agree(office: Office, dialog: OperationDialog) -> Callable[[], None]:
    """The click on the last button."""
    return lambda: office.studio.click(cast("QPushButton", dialog.go_button))
