"""The right side: the schedule, the SNR and a run's statistics over t, with one cursor that can be dragged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QVBoxLayout, QWidget

from explorer.engine.frame import ScheduleTable
from explorer.ui import theme
from explorer.ui.schedule_editor import ScheduleEditor
from explorer.ui.time_plot import TimePlot

LEAST_RANGE = 0.05
"""Of the statistics on show: of the first steps alone they would need numbers of more digits than there is room for."""
ROOM_FOR_ALL = 560
"""Pixels: below that, one of the plots makes room while the schedule is edited."""
LARGE_FINAL_SNR = 1e-3
"""Above this, pure noise at the start of a run is not what the network saw in training (Lin et al. 2024)."""


def schedule_warning(table: ScheduleTable) -> str:
    """What is wrong with a schedule in one sentence, "" for nothing."""
    steps = np.diff(table.log_snr)
    if np.any(steps > 0):
        return "This schedule is not monotone: its SNR rises somewhere on the way to noise."
    if np.any(steps == 0):
        return "This schedule is not strictly monotone: two times next to each other have the same SNR."
    final = float(np.exp(table.log_snr[-1]))
    if final > LARGE_FINAL_SNR:
        return f"SNR(T) = {final:.2g} is not near 0: x_T still holds signal that a run started from noise lacks."
    return ""


@dataclass(frozen=True)
class Group:
    """Statistics of a run that are drawn together. names: of the scalars, with their labels."""

    title: str
    unit: str
    tip: str
    names: Mapping[str, str]


GROUPS = (
    Group(
        "Sizes",
        "r.m.s.",
        "Root mean square per dimension of x_t, of ε̂ (dotted: 1, the size of ε), of the change of x̂₀, and of what the "
        "label changes in ε̂",
        {"x_t": "x_t", "eps": "ε̂", "x0_change": "Δx̂₀", "guidance": "Δε̂"},
    ),
    Group(
        "Turning", "cosine", "cos ∠(ε̂ of this step, ε̂ of the step before): 1 on a straight path", {"eps_cosine": "cos"}
    ),
    Group(
        "Clipping", "share", "Share of the pixels of the model's x̂₀ outside the data's range", {"clipped": "clipped"}
    ),
    Group(
        "Score",
        "r.m.s.",
        "Of the score ∇ log p(x_t) per dimension: it grows as 1/s towards the data",
        {"score": "score"},
    ),
    Group(
        "Langevin",
        "r.m.s.",
        "Of each Langevin step: its drift along the score, its noise, and the ratio of the two (r in Song & Ermon)",
        {"drift": "drift", "diffusion": "noise", "snr": "ratio"},
    ),
)


@dataclass(frozen=True)
class _Statistics:
    """Of the run on show: scalars[i] at step i."""

    times: Sequence[int]
    scalars: Sequence[dict[str, float]]
    by_step: bool


class Curves(QFrame):
    """The three plots. timeChosen: the user dragged a cursor. stepChosen: the statistics' cursor over steps."""

    timeChosen = Signal(int)
    stepChosen = Signal(int)
    scheduleChosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.schedule = TimePlot("schedulePlot", "Noise schedule", "β, ᾱ and their roots over t", "factor")
        self.snr = TimePlot("snrPlot", "Signal-to-noise ratio", "SNR(t) = a²/s², logarithmic", "SNR")
        self.snr.set_log()
        self.statistics = TimePlot(
            "statisticsPlot",
            "Run",
            "Root mean square per dimension of x_t, of ε̂ (dotted: 1, the size of ε), of the change of x̂₀, and "
            "where guidance mixes two answers of ε̂(x_t, y) − ε̂(x_t)",
            "r.m.s.",
            empty="Play a run to see the sizes of xₜ, ε̂ and of the change of x̂₀ at each step.",
        )
        self.statistics.plot.getViewBox().setLimits(minYRange=LEAST_RANGE)
        self._groups = QComboBox()
        self._groups.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._groups.setObjectName("statisticsCombo")
        self._groups.setAccessibleName("Which statistics of the run")
        self._groups.currentIndexChanged.connect(self._choose_group)
        self._groups.hide()
        self.statistics.add_control(self._groups)
        self._group = GROUPS[0]
        self._shown: _Statistics | None = None
        self._by_step = False
        self._other: tuple[Sequence[int], Sequence[Mapping[str, float]]] = ((), ())
        self._size_of_noise = pg.InfiniteLine(1.0, 0)
        self.statistics.plot.addItem(self._size_of_noise, ignoreBounds=True)
        self._table: ScheduleTable | None = None
        self._own: ScheduleTable | None = None
        self._warning = QLabel()
        self._warning.setObjectName("alert")
        self._warning.setTextFormat(Qt.TextFormat.RichText)
        self._warning.setWordWrap(True)
        self._warning.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        self.editor = ScheduleEditor(self.snr)
        self.editor.chosen.connect(self.scheduleChosen)
        for widget in (self.editor, self.schedule, self.snr, self._warning, self.statistics):
            layout.addWidget(widget, 0 if widget in (self.editor, self._warning) else 1)
        self.editor.editing.connect(self._make_room)
        self.schedule.timeChosen.connect(self.timeChosen)
        self.snr.timeChosen.connect(self.timeChosen)
        self.statistics.timeChosen.connect(self._choose_in_statistics)

    def _make_room(self, editing: bool) -> None:
        """Points are dragged better in a larger plot."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.setStretchFactor(self.snr, 3 if editing else 1)
        self.statistics.setVisible(not editing or self.height() > ROOM_FOR_ALL)

    def set_model_schedule(self, table: ScheduleTable) -> None:
        """Draw a model's own schedule and SNR."""
        self._own = table
        self.set_schedule(table)

    def set_schedule(self, table: ScheduleTable) -> None:
        """Draw a schedule and its SNR, over the model's own where it is another."""
        T = int(table.t[-1])
        for plot in (self.schedule, self.snr, self.statistics):
            plot.set_time_range(T)
        self.schedule.remove_curves()
        self.snr.remove_curves()
        if table.betas is not None:
            self.schedule.set_curve("√ᾱ", table.t, table.signal)
            self.schedule.set_curve("√(1−ᾱ)", table.t, table.noise)
            self.schedule.set_curve("ᾱ", table.t, table.signal**2)
            self.schedule.set_curve("β", table.t[1:], table.betas[1:])
        else:
            self.schedule.set_curve("a", table.t, table.signal)
            self.schedule.set_curve("s = σ", table.t, table.noise)
        shown = np.isfinite(table.log_snr)
        self.snr.set_curve("SNR", table.t[shown], np.exp(table.log_snr[shown]))
        for name, log_snr in table.references:
            known = np.isfinite(log_snr)
            self.snr.set_reference(name, table.t[known], np.exp(log_snr[known]))
            self.schedule.set_reference(name, table.t, 1 / (1 + np.exp(-log_snr)))
        if self._own is not None and table.choice != self._own.choice:
            shown = np.isfinite(self._own.log_snr)
            self.snr.set_shadow("SNR", self._own.t[shown], np.exp(self._own.log_snr[shown]))
        self._table = table
        self.editor.show_schedule(table)
        self.set_sampler_times(())
        warning = f"{schedule_warning(table)} {table.warning}".strip()
        self._warning.setText(warning.replace("x_T", "x<sub>T</sub>"))
        self._warning.setVisible(bool(warning))

    def set_sampler_times(self, times: Sequence[int]) -> None:
        """Mark the times that a run visits on the SNR curve."""
        table = self._table
        if table is None:
            return
        visited = np.unique(np.array([t for t in times if t > 0], np.int64))
        visited = visited[np.isfinite(table.log_snr[visited])]
        self.snr.set_marks(table.t[visited], np.exp(table.log_snr[visited]))

    def set_times(self, t: int, step: int) -> None:
        """Move all cursors."""
        self.schedule.set_time(t)
        self.snr.set_time(t)
        self.statistics.set_time(step if self._by_step else t)

    def set_statistics(
        self, times: Sequence[int], scalars: Sequence[dict[str, float]], by_step: bool, T: int, planned: int
    ) -> None:
        """Draw what happened along a run: scalars[i] at step i, over t, or over steps for runs that stay at a time."""
        if by_step != self._by_step:
            self._by_step = by_step
            self.statistics.remove_curves()
        self.statistics.set_bottom_label("step" if by_step else "t")
        self.statistics.set_time_range(max(planned - 1, 1) if by_step else T)
        self._shown = _Statistics(times, scalars, by_step)
        self._offer_groups({key for values in scalars for key in values})
        self._draw_statistics()

    def _offer_groups(self, keys: set[str]) -> None:
        """The groups of which this run has anything."""
        groups = [group for group in GROUPS if keys & group.names.keys()]
        if [group.title for group in groups] == [self._groups.itemText(i) for i in range(self._groups.count())]:
            return
        with QSignalBlocker(self._groups):
            self._groups.clear()
            for group in groups:
                self._groups.addItem(group.title, group)
                self._groups.setItemData(self._groups.count() - 1, group.tip, Qt.ItemDataRole.ToolTipRole)
            if self._group not in groups:
                self._group = GROUPS[0]
            self._groups.setCurrentText(self._group.title)
        self._groups.setVisible(len(groups) > 1)

    def _choose_group(self, index: int) -> None:
        group = self._groups.itemData(index)
        if isinstance(group, Group):
            self._group = group
            self._groups.setToolTip(group.tip)
            self.statistics.remove_curves()
            self._draw_statistics()

    def _draw_statistics(self) -> None:
        shown, names = self._shown, self._group.names
        if shown is None:
            return
        self.statistics.set_left_label(self._group.unit)
        known = {key for values in shown.scalars for key in values}
        wanted = [label for key, label in names.items() if key in known]
        drawn = list(self.statistics.names())
        if drawn != wanted[: len(drawn)]:  # colours go by order: the same in every run, with guidance or without
            self.statistics.remove_curves()
        for key, label in names.items():
            have = [i for i, values in enumerate(shown.scalars) if key in values]
            if have:
                x = np.array([i if shown.by_step else shown.times[i] for i in have], np.float64)
                self.statistics.set_curve(label, x, np.array([shown.scalars[i][key] for i in have]))

        self._groups.setVisible(self._groups.count() > 1)
        self._mark_size_of_noise()
        self._draw_other()

    def _mark_size_of_noise(self) -> None:
        """ε has 1 per dimension, so should ε̂: a dotted line, while ε̂ is on show."""
        self._size_of_noise.setPen(pg.mkPen(theme.current().muted, style=Qt.PenStyle.DotLine))
        self._size_of_noise.setVisible(self._group.names.get("eps") in self.statistics.names())

    def set_other(self, times: Sequence[int], scalars: Sequence[Mapping[str, float]]) -> None:
        """The run it is compared with, dashed and in the same colours; empty for none."""
        self._other = (times, scalars)
        self._draw_other()

    def _draw_other(self) -> None:
        self.statistics.remove_shadows()
        times, scalars = self._other
        for key, label in self._group.names.items():
            have = [i for i, values in enumerate(scalars) if key in values]
            if have and label in self.statistics.names():
                x = np.array([i if self._by_step else times[i] for i in have], np.float64)
                self.statistics.set_shadow(label, x, np.array([scalars[i][key] for i in have]))

    def clear_statistics(self) -> None:
        """Forget the run."""
        self._shown = None
        self._groups.hide()
        self.statistics.remove_curves()
        self._mark_size_of_noise()

    def restyle(self) -> None:
        for plot in (self.schedule, self.snr, self.statistics):
            plot.restyle()
        self._mark_size_of_noise()
        self.editor.restyle()

    def _choose_in_statistics(self, value: int) -> None:
        (self.stepChosen if self._by_step else self.timeChosen).emit(value)
