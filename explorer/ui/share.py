"""File ▸ Share: what can be saved of a run, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QMenu

from explorer.ui.session import SESSION_ENDING

if TYPE_CHECKING:
    from explorer.ui.window import MainWindow


NO_SESSION = (
    "A session only names its network, and the one trained here may learn on: save it in the tab Train, open what was "
    "saved, and save the session then."
)


@dataclass(frozen=True)
class ShareRow:
    """endings: those to choose from, the first being the usual one. plain: a script without this program."""

    name: str
    text: str
    tip: str
    endings: tuple[tuple[str, str], ...]
    file: str
    plain: bool = False
    needs_run: bool = True


ROWS: tuple[ShareRow, ...] = (
    ShareRow(
        "sharePicture",
        "&Picture with labels…",
        "The tiles on show, each under its name",
        ((".png", "PNG"),),
        "step",
        needs_run=False,
    ),
    ShareRow(
        "shareFilm", "&Film of the run…", "Every step a frame", ((".mp4", "MP4 film"), (".gif", "GIF animation")), "run"
    ),
    ShareRow(
        "shareWindowFilm",
        "Film of the &window…",
        "The whole window going through the run, every step a frame: curves, timeline and all",
        ((".mp4", "MP4 film"), (".gif", "GIF animation")),
        "window",
    ),
    ShareRow(
        "sharePage",
        "&Web page…",
        "One file with a slider over the run, for a course's web site",
        ((".html", "Web page"),),
        "run",
    ),
    ShareRow(
        "shareNumbers",
        "&Numbers…",
        "x_t, x̂₀, t and the statistics as numpy arrays, with the choices",
        ((".npz", "numpy arrays"),),
        "run",
        needs_run=False,
    ),
    ShareRow(
        "shareScript",
        "Python &script…",
        "Makes this run again with the package explorer, bit for bit",
        ((".py", "Python script"),),
        "run",
    ),
    ShareRow(
        "sharePlainScript",
        "Python script with plain &diffusers…",
        "Makes this run again with torch, diffusers and numpy alone, where they can",
        ((".py", "Python script"),),
        "run_diffusers",
        plain=True,
    ),
)


def fill_share_menu(menu: QMenu, window: MainWindow) -> None:
    """Called when it opens: what takes a run is greyed where there is none; a film can be of one tile."""
    menu.clear()
    menu.setToolTipsVisible(True)
    session = window.session
    chain = session.facts is not None and session.facts.family == "chain"
    has_run = session.state.source == "reverse" and session.run is not None and session.run.made > 0
    plots = menu.addAction("P&lots as SVG…")
    plots.setObjectName("sharePlots")
    plots.setToolTip("Noise schedule, SNR and the run's statistics, as they are")
    plots.setEnabled(session.facts is not None and not chain)
    plots.triggered.connect(lambda _=False: save_plots_as_svg(window))
    for row in ROWS:
        action = menu.addAction(row.text)
        action.setObjectName(row.name)
        action.setToolTip(row.tip)
        foreign = session.facts is None or session.facts.format != "diffusers"
        action.setEnabled(session.facts is not None and (has_run or not row.needs_run) and not (foreign and row.plain))
        action.triggered.connect(lambda _=False, row=row: ask(window, row))
        if row.name == "shareFilm":
            one = menu.addMenu("Film of one &tile")
            one.setEnabled(action.isEnabled())
            for lens in window.lenses_on_show():
                entry = one.addAction(f"{lens.name}    {lens.formula}")
                entry.triggered.connect(lambda _=False, row=row, name=lens.name: ask(window, row, (name,)))


def save_plots_as_svg(window: MainWindow) -> None:
    """Ask where to, and save the plots on show."""
    path = ask_path(window, "Save the plots", "plots", ((".svg", "SVG"),))
    if path:
        window.pictures.save_plots(path)


def ask(window: MainWindow, row: ShareRow, lenses: tuple[str, ...] | None = None) -> None:
    """Where to, and save it there."""
    path = ask_path(window, row.text.replace("&", "").rstrip("…"), row.file, row.endings)
    if path and row.name == "shareWindowFilm":
        window.pictures.save_film(path)
    elif path:
        window.session.save(path, lenses, row.plain)


def ask_path(window: MainWindow, title: str, file: str, endings: tuple[tuple[str, str], ...]) -> str:
    """A path with one of the endings, "" where the user changed their mind."""
    filters = {f"{words} (*{ending})": ending for ending, words in endings}
    path, chosen = QFileDialog.getSaveFileName(window, title, file + endings[0][0], ";;".join(filters))
    if path and Path(path).suffix.lower() not in filters.values():
        path += filters.get(chosen, endings[0][0])  # not every desktop's dialog adds it
    return path


def save_session(window: MainWindow) -> None:
    """Ask where to, and save everything that is open. A session names its model, so that must lie somewhere."""
    if window.network_is_draft:
        window.session.failed.emit(NO_SESSION)
        return
    path = ask_path(window, "Save the session", "session", ((SESSION_ENDING, "Session"),))
    if path:
        window.session.save_session(path)


def open_session(window: MainWindow) -> None:
    """Ask for a session and open it."""
    path, _ = QFileDialog.getOpenFileName(window, "Open a session", "", f"Sessions (*{SESSION_ENDING})")
    if path:
        window.open(path)
