"""What the Library offers by key and in the command palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence

from vidcdn_desktop.gui.library.selection import KEYS

if TYPE_CHECKING:
    from vidcdn_desktop.gui.library.page import LibraryPage


def add_actions(page: LibraryPage) -> None:
    """Give the page its actions. Those with a verb work on what is selected."""
    for text, keys, slot in (
        ("Refresh the list", "F5", page.head.refresh),
        ("Back", "Alt+Left", page.go_back),
        ("Forward", "Alt+Right", page.go_forward),
        ("Up one folder", "Alt+Up", page.go_up),
        ("Switch bucket…", "Alt+Down", page.buckets_wanted),
        ("Go to an address…", "Ctrl+L", page.head.address.edit),
        ("Search this folder", "Ctrl+F", page.focus_search),
        ("Search the whole bucket", "", page.search_bucket),
        ("Filter…", "", page.searching.open_panel),
        ("Select all", "Ctrl+A", page.select_all),
        ("Upload files…", "Ctrl+U", page.choose_files),
        ("Upload a folder…", "Ctrl+Shift+U", page.choose_folder),
        ("Show as gallery", "", page.show_gallery),
        ("Show as list", "", page.show_list),
        ("Show health of this folder", "", page.show_health),
        ("Show usage of this folder", "", page.show_usage),
        ("Choose columns…", "", page.choose_columns),
        ("Make fast start…", KEYS["faststart"], "faststart"),
        ("Make fast start in this folder…", "", page.fast_start_here),
        ("Copy the link", KEYS["copy"], "copy"),
        ("Share link…", KEYS["share"], "share"),
        ("Copy embed code", KEYS["embed"], "embed"),
        ("Download…", KEYS["download"], "download"),
        ("Rename…", KEYS["rename"], "rename"),
        ("Move to a folder…", "", "move"),
        ("Copy to a folder…", "", "copy-to"),
        ("Replace content…", "", "replace"),
        ("Edit headers and metadata…", KEYS["headers"], "headers"),
        ("Edit tags…", "", "tags"),
        ("Change storage class…", "", "class"),
        ("Restore from archive…", "", "restore"),
        ("Restore an older version…", "", "versions"),
        ("Show deleted and older versions…", "", page.show_versions),
        ("Jobs of the store (S3 Batch Operations)…", "", page.batch_jobs_requested),
        ("Delete…", KEYS["delete"], "delete"),
        ("Refresh the CDN for the selection", KEYS["invalidate"], "invalidate"),
    ):
        action = QAction(text, page)
        action.setShortcut(QKeySequence(keys))
        # Wherever the focus is in the window: the actions of a page that is not shown are silent anyway.
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        if isinstance(slot, str):
            action.setData(slot)
            action.triggered.connect(page.do_action)
        else:
            action.triggered.connect(slot)
        page.addAction(action)
