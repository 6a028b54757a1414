"""How the parts of the workspace follow the session: the open model, the choices, the looks and the run."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from explorer.engine.frame import LensSpec, Opened, Ready, ScheduleTable, Seen
from explorer.state import State
from explorer.ui.compare_bar import COLUMNS, compared_specs, name_tiles
from explorer.ui.picking import PickedPixel
from explorer.ui.session import Session
from explorer.ui.short_text import figures
from explorer.ui.tiles import FIRST_TILES
from explorer.ui.workspace import Workspace

RUN_SHOWN_MS = 80


class Showing(QObject):
    """Listens to a session and shows it in a workspace; the other direction is `controlling.py`."""

    def __init__(self, session: Session, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lenses: tuple[LensSpec, ...] = FIRST_TILES
        """Every lens there is; before the engine is ready those that are shown at first."""
        self._session = session
        self._parts = workspace
        self._chosen_shown: State | None = None
        self._times_marked: tuple[int, ...] = ()
        self._run_timer = QTimer(self, singleShot=True, interval=RUN_SHOWN_MS)
        self._run_timer.timeout.connect(self._show_run)
        timeline, tiles = workspace.timeline, workspace.tiles
        self._picked = PickedPixel(session, tiles, lambda: self.lenses, self)
        session.engineReady.connect(self._show_engine)
        session.opened.connect(self._show_model)
        session.scheduled.connect(self._show_schedule)
        session.stateChanged.connect(self._show_state)
        session.seen.connect(self._show_seen)
        session.drawn.connect(tiles.show_drawables)
        session.runChanged.connect(self._show_run_soon)
        session.playingChanged.connect(timeline.set_playing)
        session.playingChanged.connect(self._draw_slow_lenses)
        session.playingChanged.connect(self._show_run_soon)
        session.filmFrame.connect(timeline.filmstrip.add)
        session.filmCleared.connect(timeline.filmstrip.clear)
        session.filmDropped.connect(timeline.filmstrip.drop_after)

    def on_show(self) -> tuple[LensSpec, ...]:
        """The lenses that the tiles show."""
        return tuple(lens for lens in self.lenses if lens.name in self._parts.tiles.names())

    def show_lens(self, name: str, on: bool) -> None:
        """Let there be a tile of a lens or not; the last one stays."""
        shown = {*self._session.state.lenses}
        chosen = shown | {name} if on else shown - {name}
        if chosen:
            self._session.change(lenses=tuple(lens.name for lens in self.lenses if lens.name in chosen))

    def refused(self) -> None:
        """A control may show a choice that was refused: show those in force."""
        if self._session.facts is None:  # nothing could be chosen, and the plots may not be there yet
            return
        self._chosen_shown = None
        self._parts.curves.editor.show_choice()
        self._show_state()

    def _show_engine(self, ready: Ready) -> None:
        self._parts.choices.set_engine(ready)
        self._parts.timeline.tree.set_samplers(ready.samplers + ready.chain_samplers)
        self._parts.curves.editor.set_schedules(ready.schedules)
        self.lenses = ready.lenses

    def _show_model(self, opened: Opened) -> None:
        facts, parts = opened.facts, self._parts
        parts.tiles.clear()
        parts.timeline.setEnabled(True)
        parts.show_family(facts)
        parts.timeline.set_time_range(facts.T, opened.schedule)
        parts.timeline.filmstrip.set_range(facts.value_range)
        parts.choices.set_facts(facts, opened.device)
        if opened.schedule is not None:
            parts.curves.set_model_schedule(opened.schedule)
            parts.choices.offer_samplers(opened.schedule)
        self._times_marked = ()  # the plot has lost its marks; a run of this model may have the same times
        parts.compare.set_lenses(self.lenses, facts.lens_kind)
        parts.second.set_lenses(self.lenses, facts.lens_kind)
        self._chosen_shown = None

    def _show_schedule(self, table: ScheduleTable) -> None:
        assert self._session.facts is not None
        self._parts.timeline.set_time_range(self._session.facts.T, table)
        self._parts.timeline.filmstrip.update()
        self._parts.curves.set_schedule(table)
        self._parts.choices.offer_samplers(table)
        self._times_marked = ()
        self._show_run()

    def _show_state(self) -> None:
        session, parts = self._session, self._parts
        state, facts = session.state, session.facts
        if facts is None:
            return
        if not state.differs_in_time_alone(self._chosen_shown):  # most changes are of the time alone
            self._chosen_shown = state
            parts.choices.set_state(state)
            parts.latent_choices.set_state(state)
            parts.choices.set_parameters(state.sampler, session.sampler_values())
        self._show_lenses()
        parts.timeline.set_time(state.t)
        parts.timeline.tree.set_step(state.step)
        parts.timeline.filmstrip.set_here(state.t, state.step if state.source == "reverse" else None)
        parts.timeline.set_branch_possible(session.can_branch)
        parts.curves.set_times(state.t, state.step)
        run = session.run
        if state.source == "forward":
            parts.timeline.set_steps_possible(state.t > 0, state.t < facts.T)
        else:
            made = run.made if run is not None else 0
            finished = run is not None and run.finished and not run.changed
            parts.timeline.set_steps_possible(state.step > 0, not (finished and state.step == made - 1))

    def _show_lenses(self) -> None:
        session, facts = self._session, self._session.facts
        assert facts is not None
        if side_by_side := session.side_by_side:
            shown = compared_specs(self.lenses, side_by_side, facts.lens_kind)
        else:
            kind, chosen = facts.lens_kind, session.state.lenses
            shown = [lens for lens in self.lenses if lens.name in chosen and kind in lens.kinds]
        if tuple(lens.name for lens in shown) != self._parts.tiles.names():
            self._parts.tiles.set_lenses(shown, COLUMNS if side_by_side else None)

    def _show_seen(self, seen: Seen) -> None:
        tiles = self._parts.tiles
        tiles.show_drawables(seen.tiles)
        tiles.set_formula("x_t", "" if seen.run is None else "as the sampler left it")
        name_tiles(tiles, seen)
        if seen.words:
            self._parts.timeline.set_numbers(seen.words)
            return
        snr = seen.a**2 / seen.s**2 if seen.s > 0 else float("inf")
        text = f"a = {seen.a:.4f}    s = {seen.s:.4f}    SNR = {figures(snr)}"
        if seen.run is not None:
            text = f"step {seen.step} of {len(seen.times) - 1}    " + text
        self._parts.timeline.set_numbers(text)

    def _draw_slow_lenses(self, playing: bool) -> None:
        """They were left out while the run went on."""
        if not playing and any(lens.slow and lens.name in self._session.state.lenses for lens in self.lenses):
            self._session.look_again()

    def _show_run_soon(self) -> None:
        """While a run plays, its curves follow a few times a second; at rest, at once."""
        if not self._session.playing:
            self._show_run()
        elif not self._run_timer.isActive():
            self._run_timer.start()

    def _show_run(self) -> None:
        self._run_timer.stop()
        session, timeline, curves = self._session, self._parts.timeline, self._parts.curves
        run, facts = session.run, session.facts
        timeline.set_branch_possible(session.can_branch)
        runs = list(session.family) if session.state.source == "reverse" else []
        timeline.tree.set_runs(runs, run.number if run is not None else None, session.compared)
        if run is None or facts is None:
            timeline.slider.set_steps((), 0, False)
            timeline.filmstrip.set_spread(False)
            curves.set_sampler_times(())
            curves.clear_statistics()
            return
        timeline.slider.set_steps(run.times, run.made, session.by_step)
        timeline.filmstrip.set_spread(len(set(run.times)) == 1)
        if run.times != self._times_marked:
            self._times_marked = run.times
            curves.set_sampler_times(run.times)
        scalars = [dict(values) for values in run.scalars]
        curves.set_statistics(run.times, scalars, session.by_step, facts.T, len(run.times))
        other = session.family.get(session.compared) if session.comparing else None
        curves.set_other(*((other.times, other.scalars) if other is not None else ((), ())))
