"""What the window looks like, into files: its tiles, its plots, and a film of all of it."""

from __future__ import annotations

from pathlib import Path

from explorer.ui.banner import ErrorBanner
from explorer.ui.status_line import StatusLine
from explorer.ui.window_film import WindowFilm
from explorer.ui.workspace import Workspace


class WindowPictures:
    """A file that cannot be written is said in the banner."""

    def __init__(self, workspace: Workspace, film: WindowFilm, banner: ErrorBanner, status: StatusLine) -> None:
        self._workspace, self._film, self._banner, self._status = workspace, film, banner, status

    def save_tiles(self, path: str) -> None:
        """The tiles as they look, into a picture."""
        if not self._workspace.tiles.grab().save(path):
            self._banner.show_error(f"The picture could not be written to “{path}”.")

    def save_plots(self, path: str) -> None:
        """The plots of the right side, as an SVG."""
        from explorer.ui.plots_svg import save_plots

        curves = self._workspace.curves
        shown = [plot for plot in (curves.schedule, curves.snr, curves.statistics) if plot.names()]
        try:
            save_plots(shown, Path(path))
        except OSError as error:
            self._banner.show_error(f"The plots could not be written: {error}.")
        else:
            self._banner.clear()
            self._status.say(f"Saved to {path}.")

    def save_film(self, path: str) -> None:
        """The window as it goes through the run, into an .mp4 or a .gif."""
        self._banner.clear()
        self._film.start(path)
