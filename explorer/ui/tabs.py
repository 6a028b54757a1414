"""The tabs behind the first: made after the window was painted, since they take a fifth of a second."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from explorer.engine.frame import Opened
from explorer.state import State
from explorer.ui.focus_order import FocusOrder
from explorer.ui.forms_panel import FormsPanel
from explorer.ui.grid_panel import GridPanel
from explorer.ui.grids import GridPlan, Grids
from explorer.ui.latent_likelihood import build_elbo_tab
from explorer.ui.likelihood_panel import LikelihoodPanel
from explorer.ui.measurements import Measurements
from explorer.ui.model_tab import ModelTab
from explorer.ui.runner import Runner
from explorer.ui.session import Session
from explorer.ui.train_panel import TrainPanel
from explorer.ui.vdm_panel import VdmPanel
from explorer.ui.workspace import Workspace


class Tabs(QObject):
    """Adds them to a workspace and joins each to what computes for it.

    began: the user started something that takes a while. runningChanged: perhaps something of theirs runs now, or no
    longer does (`running`).
    """

    began = Signal()
    runningChanged = Signal()

    def __init__(self, runner: Runner, session: Session, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._workspace = workspace
        self._chosen_shown: State | None = None
        self._likelihood = LikelihoodPanel()
        workspace.side.add(self._likelihood, "Likelihood", "The variational bound, log p, and score matching")
        self._train = TrainPanel(runner, session)
        workspace.side.add(self._train, "Train", "Train a small network of points here, and watch it learn")
        self._grid = GridPanel()
        workspace.side.add(self._grid, "Grid", "Many runs at once: any two choices varied against each other")
        self._elbo, elbo_job = build_elbo_tab(workspace.side, runner, session)
        forms = FormsPanel(runner, session)
        workspace.side.add(forms, "Forms", "x̂₀, ε̂, score and v̂ from one another; errors over t")
        vdm = VdmPanel(runner, session)
        workspace.side.add(vdm, "VDM", "The bound in continuous time, and what a learned schedule does for it")
        vdm.suitableChanged.connect(lambda on: workspace.side.show_tab(vdm, on))
        workspace.side.show_tab(vdm, vdm.suitable)
        self._model = ModelTab(runner, session, workspace.side, self)
        self.strip = self._model.strip
        self._model.began.connect(self.began)
        self._model.add_weights_choice(workspace.choices.weights)
        self._measurements = Measurements(runner, session, self)
        self._grids = Grids(runner, session, self)
        self._jobs = (self._measurements.job, elbo_job, forms.job, vdm.job, self._grids.job, self._model.job)
        for job in self._jobs:
            job.runningChanged.connect(self.runningChanged)
        session.opened.connect(self._show_model)
        session.stateChanged.connect(self._show_state)
        self._connect_measurements()
        self._connect_grids()
        FocusOrder(session, workspace, self)

    @property
    def network_is_draft(self) -> bool:
        """True while the open network is one that was trained here and is saved nowhere else."""
        return self._train.shown

    @property
    def running(self) -> bool:
        """True while something computes for a tab."""
        return any(job.running for job in self._jobs)

    def stop(self) -> None:
        """Stop whatever runs."""
        for job in self._jobs:
            job.stop()

    def refused(self) -> None:
        """A control may show a choice that was refused: show those in force."""
        self._chosen_shown = None
        self._show_state()

    def _show_model(self, opened: Opened) -> None:
        if opened.facts.family == "chain":
            self._elbo.set_model(opened.facts)
            return
        self._likelihood.set_model(opened.facts)
        self._grid.set_model(opened.facts, self._session.state)
        self._chosen_shown = None

    def _show_state(self) -> None:
        state = self._session.state
        if self._session.facts is None:
            return
        if not state.differs_in_time_alone(self._chosen_shown):
            self._chosen_shown = state
            self._grid.set_state(state)
        self._likelihood.set_time(state.t)
        self._elbo.set_level(state.t)

    def _connect_measurements(self) -> None:
        panel, measurements = self._likelihood, self._measurements
        panel.computeClicked.connect(measurements.compute)
        panel.stopClicked.connect(measurements.job.stop)
        panel.timeChosen.connect(self._session.set_time)
        panel.shown.connect(measurements.follow)
        measurements.bounded.connect(panel.show_bound)
        measurements.progressed.connect(panel.row.set_progress)
        measurements.job.runningChanged.connect(panel.set_running)
        measurements.matched.connect(panel.show_scores)
        measurements.dropped.connect(panel.drop)

    def _connect_grids(self) -> None:
        panel, view, grids, timeline = self._grid, self._workspace.grid, self._grids, self._workspace.timeline
        panel.runClicked.connect(self.began)
        panel.runClicked.connect(grids.start)
        panel.stopClicked.connect(grids.job.stop)
        panel.showClicked.connect(self._workspace.show_grid)
        view.backClicked.connect(self._workspace.show_tiles)
        view.chosen.connect(grids.choose)
        grids.began.connect(self._begin_grid)
        grids.cellFound.connect(view.show_cell)
        grids.cellFound.connect(lambda cell: panel.set_measure(cell.measure) if cell.measure else None)
        grids.progressed.connect(panel.row.set_progress)
        grids.job.runningChanged.connect(panel.set_running)
        grids.job.runningChanged.connect(view.set_running)
        grids.dropped.connect(panel.drop)
        grids.dropped.connect(view.clear)
        grids.dropped.connect(self._workspace.show_tiles)
        self._session.engineReady.connect(panel.set_engine)
        # Whoever goes along the time axis wants to see it.
        self._session.playingChanged.connect(lambda on: self._workspace.show_tiles() if on else None)
        timeline.timeChosen.connect(self._workspace.show_tiles)
        timeline.stepChosen.connect(self._workspace.show_tiles)

    def _begin_grid(self, plan: GridPlan) -> None:
        self._grid.begin()
        self._workspace.grid.begin(plan)
        self._workspace.show_grid()
