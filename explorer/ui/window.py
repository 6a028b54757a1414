"""The main window: it puts the parts together and is the only one that knows them all."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QIcon, QPaintEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from explorer.engine.frame import LensSpec, Opened, Ready, ScheduleTable, Seen
from explorer.paths import RESOURCES
from explorer.state import State
from explorer.ui import actions, theme
from explorer.ui.banner import ErrorBanner
from explorer.ui.choices import Choices
from explorer.ui.compare_bar import COLUMNS, CompareBar, compared_specs, name_tiles
from explorer.ui.curves import Curves
from explorer.ui.edit_menu import EditButton
from explorer.ui.gallery import Gallery
from explorer.ui.grid_panel import GridPanel
from explorer.ui.grid_view import GridView
from explorer.ui.grids import GridPlan, Grids
from explorer.ui.likelihood_panel import LikelihoodPanel
from explorer.ui.measurements import Measurements
from explorer.ui.menus import fill_model_menu, fill_tiles_menu
from explorer.ui.plots_svg import save_plots
from explorer.ui.runner import Runner
from explorer.ui.session import Session, is_picture
from explorer.ui.settings import Settings
from explorer.ui.side_panel import SidePanel
from explorer.ui.starting import StartingPoints
from explorer.ui.status_line import StatusLine
from explorer.ui.tile import Tile
from explorer.ui.tiles import FIRST_TILES, Tiles
from explorer.ui.timeline import Timeline
from explorer.ui.train_panel import TrainPanel
from explorer.ui.trials import fill_trials_menu

RUN_SHOWN_MS = 80
CHOICES_WIDTH = 268
"""Room for the longest name of a sampler."""


class MainWindow(QMainWindow):
    """The window, opening `path`, or the gallery without one."""

    busyChanged = Signal(bool)
    session: Session

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
        self._starting = StartingPoints(self.session, self._tiles, self)
        trials = QMenu("&Try", self.menuBar())
        self.menuBar().insertMenu(self.menuBar().actions()[-1], trials)  # help comes last
        trials.aboutToShow.connect(lambda: fill_trials_menu(trials, self.session))
        self._connect()
        self._restore_layout()
        self.show_gallery()
        self._lenses: tuple[LensSpec, ...] = FIRST_TILES
        self._chosen_shown: State | None = None
        self._times_marked: tuple[int, ...] = ()
        self._started = False
        self._first_path = path

    @property
    def state(self) -> State:
        """What the user chose."""
        return self.session.state

    @property
    def busy(self) -> bool:
        """True while anything asked for is not on show yet, or a run is playing."""
        return self.session.busy or not self._started

    def tile(self, name: str) -> Tile:
        """The tile of a lens: x_t, x0, eps, score, … Raises KeyError where it is not on show."""
        return self._tiles.tile(name)

    def _x_t_tile(self) -> Tile | None:
        return self._tiles.tile("x_t") if "x_t" in self._tiles.names() else None

    def open(self, path: str) -> None:
        """Open a model from a path."""
        self._banner.clear()
        if self.session.facts is None:
            self._pages.setCurrentWidget(self._workspace)
            self._tiles.clear("Loading…")
        self.session.open(path)

    # Building

    def _build(self) -> None:
        self._banner = ErrorBanner()
        self._choices = Choices()
        self._choices.setMinimumWidth(CHOICES_WIDTH)
        self._tiles = Tiles()
        self._curves = Curves()
        self._side = SidePanel()
        self._side.add(self._curves, "Plots", "Schedule, signal-to-noise ratio and the run, over t")
        self._timeline = Timeline()
        self._compare = CompareBar(self.session, self._timeline.tree)
        self._timeline.add(self._compare)
        self._edit = EditButton(self.session, self._x_t_tile)
        self._timeline.add(self._edit, after_branch=True)
        self._gallery = Gallery()
        self._shortcuts = actions.ShortcutPanel(self)

        centre = QWidget()
        centre_layout = QVBoxLayout(centre)
        centre_layout.setContentsMargins(0, 0, 0, 0)
        self._grid = GridView()
        self._centre = QStackedWidget()
        self._centre.addWidget(self._tiles)
        self._centre.addWidget(self._grid)
        centre_layout.addWidget(self._centre, 1)
        self._columns = QSplitter(Qt.Orientation.Horizontal)
        self._columns.setChildrenCollapsible(False)
        self._columns.setHandleWidth(8)
        for widget in (self._choices, centre, self._side):
            self._columns.addWidget(widget)
        self._columns.setStretchFactor(1, 1)
        self._workspace = QWidget()
        workspace = QVBoxLayout(self._workspace)
        workspace.setContentsMargins(0, 0, 0, 0)
        workspace.setSpacing(8)
        workspace.addWidget(self._columns, 1)
        workspace.addWidget(self._timeline)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._gallery)
        self._pages.addWidget(self._workspace)
        root = QWidget()
        layout = QVBoxLayout(root)
        layout.setContentsMargins(8, 4, 8, 0)
        layout.setSpacing(6)
        layout.addWidget(self._banner)
        layout.addWidget(self._pages, 1)
        self.setCentralWidget(root)
        self._status = StatusLine(self.statusBar())
        self._run_timer = QTimer(self, singleShot=True, interval=RUN_SHOWN_MS)
        self._run_timer.timeout.connect(self._show_run)

    def _connect(self) -> None:
        session, timeline, choices, curves = self.session, self._timeline, self._choices, self._curves
        session.stateChanged.connect(self._show_state)
        session.engineReady.connect(self._show_engine)
        session.opened.connect(self._show_model)
        session.seen.connect(self._show_seen)
        session.drawn.connect(self._tiles.show_drawables)
        session.runChanged.connect(self._show_run_soon)
        session.playingChanged.connect(self._draw_slow_lenses)
        session.filmFrame.connect(timeline.filmstrip.add)
        session.filmCleared.connect(timeline.filmstrip.clear)
        session.filmDropped.connect(timeline.filmstrip.drop_after)
        session.failed.connect(self._show_failure)
        session.progressed.connect(self._status.say)
        session.playingChanged.connect(timeline.set_playing)
        session.playingChanged.connect(self._show_run_soon)
        session.playingChanged.connect(self._status.set_cancellable)
        session.openingBegan.connect(lambda: self._status.set_cancellable(True))
        session.opened.connect(lambda _: self._status.set_cancellable(False))
        session.openingEnded.connect(self._end_opening)
        session.busyChanged.connect(self._show_busy)
        timeline.timeChosen.connect(session.set_time)
        timeline.stepChosen.connect(self._choose_frame)
        timeline.playClicked.connect(session.toggle_play)
        timeline.stepClicked.connect(session.step)
        timeline.backClicked.connect(session.back)
        timeline.resetClicked.connect(session.reset)
        timeline.paceChosen.connect(session.set_pace)
        timeline.branchClicked.connect(session.branch)
        timeline.backwardsToggled.connect(session.set_backwards)
        timeline.loopToggled.connect(session.set_loop)
        timeline.tree.chosen.connect(session.show_run)
        timeline.tree.neighbourChosen.connect(session.show_neighbour)
        for action in (choices.changed, choices.parameterChanged, timeline.playClicked, timeline.stepClicked):
            action.connect(self._banner.clear)  # what went wrong before is settled by going on
        choices.changed.connect(lambda changes: session.change(**changes))
        choices.parameterChanged.connect(session.set_parameter)
        choices.redrawClicked.connect(session.redraw_noise)
        choices.pictureClicked.connect(self.choose_picture)
        choices.modelMenuWanted.connect(self._fill_model_menu)
        curves.timeChosen.connect(session.set_time)
        curves.stepChosen.connect(session.set_step)
        curves.scheduleChosen.connect(self._banner.clear)
        curves.scheduleChosen.connect(session.set_schedule)
        session.scheduled.connect(self._show_schedule)
        self._gallery.chosen.connect(self.open)
        self._gallery.openClicked.connect(self.choose_model)
        self._gallery.backClicked.connect(self.leave)
        self._pages.currentChanged.connect(self._enable_actions)
        self._status.cancelClicked.connect(session.cancel)
        session.savingBegan.connect(lambda: self._status.set_cancellable(True))
        session.saved.connect(self._show_saved)

    def _build_tabs(self) -> None:
        """The tabs behind the first: made after the window was painted, since they take a fifth of a second."""
        self._likelihood = LikelihoodPanel()
        self._side.add(self._likelihood, "Likelihood", "The variational bound, log p, and score matching")
        self._train = TrainPanel(self._runner, self.session)
        self._side.add(self._train, "Train", "Train a small network of points here, and watch it learn")
        self._grid_panel = GridPanel()
        self._side.add(self._grid_panel, "Grid", "Many runs at once: any two choices varied against each other")
        self._connect_measurements()
        self._connect_grids()

    def _connect_measurements(self) -> None:
        panel = self._likelihood
        measurements = Measurements(self._runner, self.session, self)
        panel.computeClicked.connect(measurements.compute)
        panel.stopClicked.connect(measurements.stop)
        panel.timeChosen.connect(self.session.set_time)
        panel.shown.connect(measurements.follow)
        measurements.bounded.connect(panel.show_bound)
        measurements.progressed.connect(panel.set_progress)
        measurements.runningChanged.connect(panel.set_running)
        measurements.runningChanged.connect(lambda on: self._status.set_cancellable(on or self.session.playing))
        measurements.matched.connect(panel.show_scores)
        measurements.dropped.connect(panel.drop)
        self._status.cancelClicked.connect(measurements.stop)

    def _connect_grids(self) -> None:
        panel, view, session = self._grid_panel, self._grid, self.session
        self._grids = Grids(self._runner, session, self)
        panel.runClicked.connect(self._banner.clear)
        panel.runClicked.connect(self._grids.start)
        panel.stopClicked.connect(self._grids.stop)
        panel.showClicked.connect(lambda: self._centre.setCurrentWidget(view))
        view.backClicked.connect(self._show_tiles)
        view.chosen.connect(self._grids.choose)
        self._grids.began.connect(self._show_grid)
        self._grids.cellFound.connect(view.show_cell)
        self._grids.cellFound.connect(lambda cell: panel.set_measure(cell.measure) if cell.measure else None)
        self._grids.progressed.connect(panel.set_progress)
        self._grids.runningChanged.connect(panel.set_running)
        self._grids.runningChanged.connect(lambda on: self._status.set_cancellable(on or session.playing))
        self._grids.dropped.connect(panel.drop)
        self._grids.dropped.connect(view.clear)
        self._grids.dropped.connect(self._show_tiles)
        self._status.cancelClicked.connect(self._grids.stop)
        session.engineReady.connect(panel.set_engine)
        # Whoever goes along the time axis wants to see it.
        session.playingChanged.connect(lambda on: self._show_tiles() if on else None)
        self._timeline.timeChosen.connect(self._show_tiles)
        self._timeline.stepChosen.connect(self._show_tiles)

    # Showing

    def _show_grid(self, plan: GridPlan) -> None:
        self._grid_panel.begin()
        self._grid.begin(plan)
        self._centre.setCurrentWidget(self._grid)

    def _show_tiles(self) -> None:
        self._centre.setCurrentWidget(self._tiles)

    def _show_engine(self, ready: Ready) -> None:
        self._choices.set_engine(ready)
        self._curves.editor.set_schedules(ready.schedules)
        self._lenses = ready.lenses
        self._started = True
        if not self.session.busy:
            self._status.say("Ready.")
            self.busyChanged.emit(False)

    def _show_model(self, opened: Opened) -> None:
        facts = opened.facts
        self._banner.clear()
        self._pages.setCurrentWidget(self._workspace)
        self._tiles.clear()
        self._timeline.setEnabled(True)
        self._timeline.set_time_range(facts.T, opened.schedule)
        self._timeline.filmstrip.set_range(facts.value_range)
        self._likelihood.set_model(facts)
        self._grid_panel.set_model(facts, self.state)
        self._curves.set_model_schedule(opened.schedule)
        self._choices.set_facts(facts, opened.device)
        self._compare.set_lenses(self._lenses, facts.kind)
        self._choices.offer_samplers(opened.schedule.betas is not None)
        self._chosen_shown = None
        self.setWindowTitle(f"{facts.title} — Diffusion Explorer")
        self._settings.add_recent(facts.path)

    def _show_schedule(self, table: ScheduleTable) -> None:
        assert self.session.facts is not None
        self._timeline.set_time_range(self.session.facts.T, table)
        self._timeline.filmstrip.update()
        self._curves.set_schedule(table)
        self._choices.offer_samplers(table.betas is not None)
        self._times_marked = ()
        self._show_run()

    def _show_state(self) -> None:
        state, facts = self.state, self.session.facts
        if facts is None:
            return
        if not state.differs_in_time_alone(self._chosen_shown):  # most changes are of the time alone
            self._chosen_shown = state
            self._choices.set_state(state)
            self._grid_panel.set_state(state)
            self._choices.set_parameters(state.sampler, self.session.sampler_values())
        shown = [lens for lens in self._lenses if lens.name in state.lenses and facts.kind in lens.kinds]
        comparing = self.session.comparing
        if comparing:
            shown = compared_specs(self._lenses, self.session.compared_lenses, facts.kind)
        if tuple(lens.name for lens in shown) != self._tiles.names():
            self._tiles.set_lenses(shown, COLUMNS if comparing else None)
        self._timeline.set_time(state.t)
        self._timeline.tree.set_step(state.step)
        self._timeline.set_branch_possible(self.session.can_branch)
        self._curves.set_times(state.t, state.step)
        self._likelihood.set_time(state.t)
        run = self.session.run
        if state.source == "forward":
            self._timeline.set_steps_possible(state.t > 0, state.t < facts.T)
        else:
            made = run.made if run is not None else 0
            finished = run is not None and run.finished and not run.changed
            self._timeline.set_steps_possible(state.step > 0, not (finished and state.step == made - 1))

    def _show_seen(self, seen: Seen) -> None:
        self._tiles.show_drawables(seen.tiles)
        self._tiles.set_formula("x_t", "" if seen.run is None else "as the sampler left it")
        name_tiles(self._tiles, seen)
        snr = seen.a**2 / seen.s**2 if seen.s > 0 else float("inf")
        text = f"a = {seen.a:.4f}    s = {seen.s:.4f}    SNR = {snr:.3g}"
        if seen.run is not None:
            text = f"step {seen.step} of {len(seen.times) - 1}    " + text
        self._timeline.set_numbers(text.replace("inf", "∞"))

    def _draw_slow_lenses(self, playing: bool) -> None:
        """They were left out while the run went on."""
        if not playing and any(lens.slow and lens.name in self.state.lenses for lens in self._lenses):
            self.session.look_again()

    def _show_run_soon(self) -> None:
        """While a run plays, its curves follow a few times a second; at rest, at once."""
        if not self.session.playing:
            self._show_run()
        elif not self._run_timer.isActive():
            self._run_timer.start()

    def _show_run(self) -> None:
        self._run_timer.stop()
        run, facts = self.session.run, self.session.facts
        self._timeline.set_branch_possible(self.session.can_branch)
        runs = list(self.session.family) if self.state.source == "reverse" else []
        self._timeline.tree.set_runs(runs, run.number if run is not None else None, self.session.compared)
        if run is None or facts is None:
            self._timeline.slider.set_steps((), 0, False)
            self._timeline.filmstrip.set_spread(False)
            self._curves.set_sampler_times(())
            self._curves.clear_statistics()
            return
        self._timeline.slider.set_steps(run.times, run.made, self.session.by_step)
        self._timeline.filmstrip.set_spread(len(set(run.times)) == 1)
        if run.times != self._times_marked:
            self._times_marked = run.times
            self._curves.set_sampler_times(run.times)
        self._curves.set_statistics(
            run.times, [dict(values) for values in run.scalars], self.session.by_step, facts.T, len(run.times)
        )
        other = self.session.family.get(self.session.compared) if self.session.comparing else None
        self._curves.set_other(*((other.times, other.scalars) if other is not None else ((), ())))

    def _show_failure(self, sentence: str) -> None:
        self._banner.show_error(sentence)
        self._chosen_shown = None  # a control may show what was refused
        self._curves.editor.show_choice()
        self._show_state()
        if self.session.facts is None:
            self.show_gallery()
        if self.session.engine_failure and not self._started:
            self._started = True
            self._status.say("")
            self.busyChanged.emit(False)

    def _end_opening(self) -> None:
        self._status.set_cancellable(self.session.playing)
        if self.session.facts is None:
            self.show_gallery()

    def _show_busy(self, busy: bool) -> None:
        self._status.set_busy(busy)
        if self._started or busy:
            self.busyChanged.emit(busy)

    def _choose_frame(self, t: int, step: int) -> None:
        if self.state.source == "forward":
            self.session.set_time(t)
        else:
            self.session.set_step(step)

    def _show_saved(self, path: str, note: str) -> None:
        self._status.set_cancellable(self.session.playing)
        self._status.say(f"Saved to {path}{f', {note}' if note else ''}.")

    def lenses_on_show(self) -> tuple[LensSpec, ...]:
        """What the tiles show."""
        return tuple(lens for lens in self._lenses if lens.name in self._tiles.names())

    def add_strip(self, strip: QWidget) -> None:
        """Above everything."""
        root = self.centralWidget()
        layout = root.layout() if root is not None else None
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(0, strip)
        strip.show()

    # What the menus do

    def choose_model(self) -> None:
        """Ask for a folder and open it."""
        path = QFileDialog.getExistingDirectory(self, "Open a model folder")
        if path:
            self.open(path)

    def choose_picture(self) -> None:
        """Ask for a picture and use it as x₀."""
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a picture as x₀", "", "Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff)"
        )
        if path:
            self.use_picture(path)

    def use_picture(self, path: str) -> None:
        """Show a picture of the user's own to the open model."""
        if self.session.facts is None:
            self._banner.show_error("Open a model first, then drop a picture on it.")
            return
        self._banner.clear()
        self.session.use_picture(path)

    def save_plots(self, path: str) -> None:
        """The plots of the right side, as an SVG."""
        curves = self._curves
        shown = [plot for plot in (curves.schedule, curves.snr, curves.statistics) if plot.names()]
        try:
            save_plots(shown, Path(path))
        except OSError as error:
            self._banner.show_error(f"The plots could not be written: {error}.")
        else:
            self._status.say(f"Saved to {path}.")

    def choose_save_file(self) -> None:
        """Ask for a file and save the tiles as they look."""
        path, _ = QFileDialog.getSaveFileName(self, "Save a picture of the tiles", "tiles.png", "PNG (*.png)")
        if path and not Path(path).suffix:
            path += ".png"  # not every desktop's dialog adds it
        if path and not self._tiles.grab().save(path):
            self._banner.show_error(f"The picture could not be written to “{path}”.")

    def toggle_gallery(self) -> None:
        """To the gallery, or back to the model that is open."""
        self.leave() if self._pages.currentWidget() is self._gallery else self.show_gallery()

    def leave(self) -> None:
        """Leave the gallery for the model that is open; or the grid for the tiles; or the full screen."""
        if self._pages.currentWidget() is self._gallery and self.session.facts is not None:
            self._pages.setCurrentWidget(self._workspace)
        elif self._centre.currentWidget() is self._grid:
            self._show_tiles()
        elif self.isFullScreen():
            self.toggle_full_screen()
        else:
            self._starting.forget()

    def _enable_actions(self) -> None:
        shown = self._pages.currentWidget() is self._workspace
        for action in self._model_actions:
            action.setEnabled(shown)

    def show_gallery(self) -> None:
        facts = self.session.facts
        self._gallery.set_open_model(facts.title if facts is not None else None)
        self.session.pause()
        self._gallery.set_recent([path for path in self._settings.recent() if Path(path).exists()])
        self._pages.setCurrentWidget(self._gallery)

    def go_to_end(self, end: bool) -> None:
        """Home and End: the ends of the slider, or of the run."""
        facts, run = self.session.facts, self.session.run
        if facts is None:
            return
        if self.state.source == "forward":
            self.session.set_time(facts.T if end else 0)
        elif run is not None:
            self.session.set_step(run.made - 1 if end else 0)

    def fill_tiles_menu(self, menu: QMenu) -> None:
        """Which tiles there are, each to be shown or not."""
        facts = self.session.facts
        fill_tiles_menu(menu, self._lenses, facts.kind if facts is not None else "", self.state.lenses, self._show_lens)

    def _show_lens(self, name: str, on: bool) -> None:
        chosen = {*self.state.lenses, name} if on else {*self.state.lenses} - {name}
        if chosen:
            self.session.change(lenses=tuple(lens.name for lens in self._lenses if lens.name in chosen))

    def toggle_theme(self) -> None:
        name: theme.ThemeName = "light" if theme.current().name == "dark" else "dark"
        self._settings.theme = name
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, name)
        for part in (self._banner, self._choices, self._timeline, self._edit, self._side, self._tiles, self._grid):
            part.restyle()
        self.update()

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def reset_zoom(self) -> None:
        self._tiles.pictures.reset()
        self._tiles.plane.reset()

    def toggle_shortcuts(self) -> None:
        """Show the keys in a panel that closes at any click or key."""
        self._shortcuts.refresh()
        corner = self.rect().center() - self._shortcuts.rect().center()
        self._shortcuts.move(self.mapToGlobal(corner))
        self._shortcuts.setVisible(not self._shortcuts.isVisible())

    def _fill_model_menu(self) -> None:
        fill_model_menu(self._choices.model_menu, self._settings.recent(), self.open, self.choose_model)

    # Qt events

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._share_columns()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._engine_started:
            # The children are painted after this, in the same round of events.
            QTimer.singleShot(0, self._start)

    def _start(self) -> None:
        """After the first paint: load the engine, and open what the window was made for."""
        if self._engine_started or not self.isVisible():  # a window may be closed before it has begun
            return
        self._engine_started = True
        self._status.say("Loading PyTorch…")
        self._runner.start()  # its thread loads torch while the tabs are made
        self._build_tabs()
        if self._first_path is not None:
            path, self._first_path = self._first_path, None
            self.open(path)

    _engine_started = False

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.use_picture(paths[0]) if is_picture(paths[0]) else self.open(paths[0])

    def closeEvent(self, event: QCloseEvent) -> None:
        self._settings.set_bytes("geometry", self.saveGeometry())
        self._settings.set_bytes("columns", self._columns.saveState())
        self.session.close()
        if self._engine_started:
            self._train.close_down()
        super().closeEvent(event)

    def _restore_layout(self) -> None:
        self.resize(1360, 840)
        self._columns_set = False
        geometry, columns = self._settings.bytes("geometry"), self._settings.bytes("columns")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if columns is not None:
            self._columns_set = self._columns.restoreState(columns)

    def _share_columns(self) -> None:
        """The first time: the tiles get most of whatever room there is."""
        if not self._columns_set:
            self._columns_set = True
            right = min(max(round(0.22 * self.width()), 224), 320)
            self._columns.setSizes([CHOICES_WIDTH, self.width() - CHOICES_WIDTH - right, right])
