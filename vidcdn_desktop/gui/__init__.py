"""The window. The only package, beside app.py, that imports PySide6."""
