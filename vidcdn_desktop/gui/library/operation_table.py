"""The objects of a planned operation, one row each."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.library import operation_words
from vidcdn_desktop.gui.library.operation_words import PlanView
from vidcdn_desktop.gui.library.upload_table import UploadModel
from vidcdn_desktop.gui.widgets import RowsModel, RowsTable
from vidcdn_desktop.jobs.operations.model import Item, Kind
from vidcdn_desktop.textsafe import display, format_size

_COLUMNS = ("Name", "What happens", "Size")
_WIDTHS = {2: 84}


class ItemModel(RowsModel[Item]):
    """Objects of a plan, those that cannot be done first."""

    def __init__(self) -> None:
        super().__init__(_COLUMNS, figures=(2,))
        self._kind = Kind.COPY
        self._skip = 0

    def set_view(self, view: PlanView) -> None:
        """Show the objects of a plan; names without the folder they share."""
        self._kind = view.plan.action.kind
        self._skip = view.shared
        self.set_rows(view.rows)

    def text(self, row: Item, column: int) -> str:
        """Name, what happens, size."""
        if column == 0:
            return display(row.ref.key[self._skip :])
        if column == 1:
            return operation_words.result(row, self._kind)
        return format_size(row.size) if row.size or row.etag else ""

    def tint(self, row: Item, column: int) -> str:
        """What cannot be done is told in the colour of danger, in words, too."""
        if row.error is None:
            return ""
        return "danger" if column == 1 else "muted"


class ItemTable(RowsTable):
    """Shows an `ItemModel` or an `UploadModel`, as high as its first rows."""

    def __init__(self, model: ItemModel | UploadModel, parent: QWidget | None = None) -> None:
        super().__init__(model, "Objects", _WIDTHS, parent)
