"""How the window looks: its theme, how fields are drawn, the zoom, and where it and its columns lie."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtWidgets import QApplication, QMainWindow

from explorer.ui import theme
from explorer.ui.settings import Settings
from explorer.ui.workspace import Workspace


class Restyled(Protocol):
    """What takes colours from the theme that Qt does not change by itself."""

    def restyle(self) -> None: ...


class WindowLook:
    """All but the zoom is kept in the settings. parts: what is restyled when the theme changes."""

    def __init__(self, window: QMainWindow, settings: Settings, workspace: Workspace, parts: list[Restyled]) -> None:
        self._window, self._settings, self._workspace = window, settings, workspace
        self._parts: list[Restyled] = [workspace, *parts]

    def add_part(self, part: Restyled) -> None:
        """One that is made later."""
        self._parts.append(part)

    def toggle_theme(self) -> None:
        """From dark to light, or back."""
        name: theme.ThemeName = "light" if theme.current().name == "dark" else "dark"
        self._settings.theme = name
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, name)
        for part in self._parts:
            part.restyle()
        self._window.update()

    def toggle_streamlines(self) -> None:
        """Draw vector fields as arrows, or as curves along them."""
        plane = self._workspace.tiles.plane
        plane.set_streamlines(not plane.streamlines)
        self._settings.streamlines = plane.streamlines

    def reset_zoom(self) -> None:
        """Back to everything."""
        self._workspace.tiles.pictures.reset()
        self._workspace.tiles.plane.reset()

    def restore(self) -> None:
        """As the window looked when it was closed."""
        self._workspace.tiles.plane.set_streamlines(self._settings.streamlines)
        self._window.resize(1360, 840)
        if (geometry := self._settings.bytes("geometry")) is not None:
            self._window.restoreGeometry(geometry)
        self._workspace.restore_columns(self._settings.bytes("columns"))

    def keep_geometry(self) -> None:
        self._settings.set_bytes("geometry", self._window.saveGeometry())

    def keep_columns(self) -> None:
        """To be called when the columns have been shared out."""
        if (columns := self._workspace.columns()) is not None:
            self._settings.set_bytes("columns", columns)
