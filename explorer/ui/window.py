"""The main window: its pages, what its menus do, and what Qt tells a window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QIcon, QPaintEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QVBoxLayout, QWidget

from explorer.engine.frame import LensSpec, Opened
from explorer.paths import RESOURCES
from explorer.state import State
from explorer.ui import actions, theme
from explorer.ui.banner import ErrorBanner
from explorer.ui.controlling import connect_controls, connect_plots
from explorer.ui.edit_menu import EditButton
from explorer.ui.file_dialogs import choose_model, choose_model_file, choose_picture, is_picture, local_files
from explorer.ui.menus import fill_model_menu, fill_tiles_menu
from explorer.ui.pages import Pages
from explorer.ui.runner import Runner
from explorer.ui.second_model import ask_for_second, fill_compare_menu
from explorer.ui.session import Session
from explorer.ui.settings import Settings
from explorer.ui.showing import Showing
from explorer.ui.starting import StartingPoints
from explorer.ui.status_line import StatusLine
from explorer.ui.tile import Tile
from explorer.ui.trust import ask_for_consent
from explorer.ui.window_film import WindowFilm
from explorer.ui.window_look import WindowLook
from explorer.ui.window_pictures import WindowPictures
from explorer.ui.workspace import Workspace

if TYPE_CHECKING:  # imported after the first paint
    from explorer.ui.tabs import Tabs
    from explorer.ui.tour import Tour


class MainWindow(QMainWindow):
    """The window, opening `path`, or the gallery without one."""

    busyChanged = Signal(bool)
    session: Session
    shortcuts: actions.ShortcutPanel
    pictures: WindowPictures
    look: WindowLook

    def __init__(self, path: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = Settings()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.load_fonts()
        theme.apply(app, self._settings.theme)
        self.setWindowTitle("Diffusion Explorer")
        self.setWindowIcon(QIcon(str(RESOURCES / "icons" / "app.svg")))
        self.setAcceptDrops(True)
        self.setMinimumSize(QSize(800, 560))
        self._runner = Runner(self)
        self.session = Session(self._runner, self)
        self._keeper = actions.FocusKeeper(app, self)
        self._build()
        self._model_actions = actions.install(self, self.menuBar())
        self._starting = StartingPoints(self.session, self._workspace.tiles, self)
        self._showing = Showing(self.session, self._workspace, self)
        self._connect()
        self.look.restore()
        self._pages.show_gallery()
        self._tabs: Tabs | None = None
        self._tour: Tour | None = None
        self._started = False
        """Whether the engine has answered, be it with a failure."""
        self._first_path = path
        self._status.say("Loading PyTorch…")
        if path is not None:
            self._pages.show_loading()

    @property
    def state(self) -> State:
        """What the user chose."""
        return self.session.state

    @property
    def busy(self) -> bool:
        """True while anything asked for is not on show yet, or a run is playing."""
        return self.session.busy or not self._started

    @property
    def network_is_draft(self) -> bool:
        """True while the open network is one that was trained here and is saved nowhere else."""
        return self._tabs is not None and self._tabs.network_is_draft

    def tile(self, name: str) -> Tile:
        """The tile of a lens: x_t, x0, eps, score, … Raises KeyError where it is not on show."""
        return self._workspace.tiles.tile(name)

    def open(self, path: str) -> None:
        """Open a model from a path."""
        self._banner.clear()
        if self.session.facts is None:
            self._pages.show_loading()
        self.session.open(path)

    def lenses_on_show(self) -> tuple[LensSpec, ...]:
        """What the tiles show."""
        return self._showing.on_show()

    def take_tour(self) -> None:
        """From its first stop, or from where it was left."""
        if self._tour is None:
            from explorer.ui.tour import Tour

            self._tour = Tour(self.session, self._workspace.side, self)
            self.look.add_part(self._tour.strip)
            self._add_above(self._tour.strip)
        self._banner.clear()
        self._pages.show_workspace()
        self._tour.go(self._tour.strip.at)

    def add_strip(self, strip: QWidget) -> None:
        """Above everything."""
        self._add_above(strip)
        strip.show()

    def _add_above(self, strip: QWidget) -> None:
        root = self.centralWidget()
        layout = root.layout() if root is not None else None
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(0, strip)

    # Building

    def _build(self) -> None:
        self._banner = ErrorBanner()
        self.shortcuts = actions.ShortcutPanel(self)
        self._workspace = Workspace(self.session)
        self._pages = Pages(self.session, self._settings, self._workspace)
        root = QWidget()
        layout = QVBoxLayout(root)
        layout.setContentsMargins(8, 4, 8, 0)
        layout.setSpacing(6)
        layout.addWidget(self._banner)
        layout.addWidget(self._pages, 1)
        self.setCentralWidget(root)
        self._status = StatusLine(self.statusBar())
        self._film = WindowFilm(self, self.session, self._status)
        self.edit: EditButton = self._workspace.edit
        self.look = WindowLook(self, self._settings, self._workspace, [self._banner])
        self.pictures = WindowPictures(self._workspace, self._film, self._banner, self._status)

    def _connect(self) -> None:
        session, status = self.session, self._status
        session.engineReady.connect(self._show_ready)
        session.opened.connect(self._show_model)
        session.failed.connect(self._show_failure)
        session.seen.connect(self._settle)
        ask_for_consent(session, self.add_strip)
        session.progressed.connect(status.say)
        session.playingChanged.connect(self._show_cancellable)
        session.openingBegan.connect(lambda: status.set_cancellable(True))
        session.opened.connect(self._show_cancellable)
        session.openingEnded.connect(self._end_opening)
        session.readingChanged.connect(status.set_part)
        session.inspected.connect(self._workspace.choices.show_opening)
        session.openingEnded.connect(lambda: self._workspace.choices.show_opening(None))
        session.busyChanged.connect(self._show_busy)
        session.savingBegan.connect(lambda: status.set_cancellable(True))
        session.saved.connect(self._show_saved)
        status.cancelClicked.connect(session.cancel)
        gallery = self._pages.gallery
        gallery.chosen.connect(self.open)
        gallery.openClicked.connect(lambda: choose_model(self))
        gallery.backClicked.connect(self.leave)
        gallery.tourClicked.connect(self.take_tour)
        self._pages.currentChanged.connect(self._enable_actions)
        timeline, choices = self._workspace.timeline, self._workspace.choices
        for action in (choices.changed, choices.parameterChanged, timeline.playClicked, timeline.stepClicked):
            action.connect(self._banner.clear)  # what went wrong before is settled by going on
        connect_controls(session, self._workspace)
        choices.pictureClicked.connect(lambda: choose_picture(self))
        choices.modelMenuWanted.connect(self._fill_model_menu)

    def _build_tabs(self) -> None:
        """What is not there when the window is first painted."""
        from explorer.ui.tabs import Tabs

        self._workspace.add_plots()
        self._workspace.curves.scheduleChosen.connect(self._banner.clear)
        connect_plots(self.session, self._workspace.curves)
        self._tabs = Tabs(self._runner, self.session, self._workspace, self)
        self._add_above(self._tabs.strip)
        self._tabs.began.connect(self._banner.clear)
        self._tabs.runningChanged.connect(self._show_cancellable)
        self._status.cancelClicked.connect(self._tabs.stop)

    # What the session says

    def _show_ready(self) -> None:
        self._started = True
        if not self.session.busy:
            self._status.say("Ready.")
            self.busyChanged.emit(False)

    def _show_model(self, opened: Opened) -> None:
        self._banner.clear()
        self._pages.show_workspace()
        self.setWindowTitle(f"{opened.facts.title} — Diffusion Explorer")
        self._settings.add_recent(opened.facts.path)

    def _settle(self) -> None:
        """What is on show is what is wanted; a run that plays on says nothing about what the user did meanwhile."""
        if not self.session.playing:
            self._banner.settle(self.session.state)

    def _show_failure(self, sentence: str) -> None:
        self._banner.show_error(sentence, self.session.failed_at)
        self._showing.refused()
        if self._tabs is not None:
            self._tabs.refused()
        if self.session.facts is None:
            self._pages.show_gallery()
        if self.session.engine_failure and not self._started:
            self._started = True
            self._status.say("")
            self.busyChanged.emit(False)

    def _show_cancellable(self) -> None:
        measuring = self._tabs is not None and self._tabs.running
        self._status.set_cancellable(self.session.playing or measuring)

    def _end_opening(self) -> None:
        self._show_cancellable()
        if self.session.facts is None:
            self._pages.show_gallery()

    def _show_busy(self, busy: bool) -> None:
        self._status.set_busy(busy)
        if self._started or busy:
            self.busyChanged.emit(busy)

    def _show_saved(self, path: str, note: str) -> None:
        self._show_cancellable()
        self._banner.clear()
        self._status.say(f"Saved to {path}{f', {note}' if note else ''}.")

    # What the menus do

    def use_picture(self, path: str) -> None:
        """Show a picture of the user's own to the open model."""
        if self.session.facts is None:
            self._banner.show_error("Open a model first, then drop a picture on it.")
            return
        self._banner.clear()
        self.session.use_picture(path)

    def toggle_gallery(self) -> None:
        """To the gallery, or back to the model that is open."""
        if self._pages.workspace_shown:
            self._pages.show_gallery()
        else:
            self._pages.leave_gallery()

    def leave(self) -> None:
        """Leave the gallery for the model that is open; or the grid for the tiles; or the full screen; or end
        editing."""
        if self._pages.leave_gallery():
            return
        if self._workspace.grid_shown:
            self._workspace.show_tiles()
        elif self.isFullScreen():
            self.toggle_full_screen()
        elif not self._workspace.edit.let_go():
            self._starting.forget()

    def _enable_actions(self) -> None:
        shown = self._pages.workspace_shown
        for action in self._model_actions:
            action.setEnabled(shown)
        self._status.show_keys(shown)

    def fill_tiles_menu(self, menu: QMenu) -> None:
        """Which tiles there are, each to be shown or not."""
        facts = self.session.facts
        kind, showing = facts.lens_kind if facts is not None else "", self._showing
        fill_tiles_menu(menu, showing.lenses, kind, self.state.lenses, showing.show_lens)

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def fill_compare_menu(self, menu: QMenu) -> None:
        """Which models can be shown beside the open one."""
        self._banner.clear()
        fill_compare_menu(menu, self.session, self._settings.recent(), partial(ask_for_second, self, self.session))

    def _fill_model_menu(self) -> None:
        menu = self._workspace.choices.model_menu
        ask, ask_file = partial(choose_model, self), partial(choose_model_file, self)
        fill_model_menu(menu, self._settings.recent(), self.open, ask, ask_file)

    # Qt events

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._tabs is None:
            # The children are painted after this, in the same round of events.
            QTimer.singleShot(0, self._start)

    def _start(self) -> None:
        """After the first paint: load the engine, and open what the window was made for."""
        if self._tabs is not None or not self.isVisible():  # a window may be closed before it has begun
            return
        self._runner.start()  # its thread loads torch while the tabs are made
        self._build_tabs()
        self._workspace.share_columns(self._workspace.width())
        if self._first_path is not None:
            path, self._first_path = self._first_path, None
            self.open(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if paths := local_files(event.mimeData()):
            event.acceptProposedAction()
            self.use_picture(paths[0]) if is_picture(paths[0]) else self.open(paths[0])

    def closeEvent(self, event: QCloseEvent) -> None:
        self.look.keep_geometry()
        self._film.stop()
        self.session.close()
        if self._tabs is not None:
            self.look.keep_columns()
        super().closeEvent(event)
