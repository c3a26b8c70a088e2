"""The files of an upload that is asked about, one row each."""

from __future__ import annotations

from vidcdn_desktop.gui.library.upload_words import UploadRow
from vidcdn_desktop.gui.widgets import RowsModel
from vidcdn_desktop.textsafe import format_size

_COLUMNS = ("Name", "What happens", "Size")


class UploadModel(RowsModel[UploadRow]):
    """Rows as they were put into words."""

    def __init__(self) -> None:
        super().__init__(_COLUMNS, figures=(2,))

    def text(self, row: UploadRow, column: int) -> str:
        """Name, what happens, size."""
        return (row.name, row.what, format_size(row.size) if row.size is not None else "")[column]

    def tint(self, row: UploadRow, column: int) -> str:
        """What happens, where it is to be read."""
        return "warning" if row.is_warning and column == 1 else ""
