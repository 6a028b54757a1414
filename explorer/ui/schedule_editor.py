"""Which noise schedule to go by: a list of names, the parameters of each, a curve drawn by hand, and other places."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget, QWidgetAction

from explorer.engine.frame import ScheduleSpec, ScheduleTable
from explorer.request import OWN_SCHEDULE, ScheduleChoice
from explorer.ui.controls import combo, named
from explorer.ui.icons import icon
from explorer.ui.parameter_form import ParameterForm
from explorer.ui.schedule_handles import Points, ScheduleHandles, points_of
from explorer.ui.schedule_paths import TEXTS, add_paths, ask_for_path, name_paths
from explorer.ui.short_text import capital
from explorer.ui.time_plot import TimePlot

CUSTOM = "custom"
TIP = (
    "The noise schedule to look and sample with. The network knows noise levels, not our t: at each t it is asked at "
    "the time of its own schedule with the same SNR."
)


class ScheduleEditor(QWidget):
    """A line of controls above the plots, and the handles over one of them. chosen(ScheduleChoice): by the user."""

    chosen = Signal(object)
    editing = Signal(bool)

    def __init__(self, plot: TimePlot, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._specs: dict[str, ScheduleSpec] = {}
        self._table: ScheduleTable | None = None
        self._form_of = ""
        self._combo = combo("scheduleCombo", "Noise schedule", TIP, 6)
        self._combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._combo.currentIndexChanged.connect(lambda _: self._choose())
        self._combo.activated.connect(lambda _: self._ask())
        self._parameters = _button("scheduleParametersButton", "…", "Parameters of this schedule")
        self._parameters.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._form = ParameterForm(prefix="schedule")
        self._form.setContentsMargins(10, 8, 10, 8)
        self._form.setMinimumWidth(200)
        self._form.changed.connect(self._set_parameter)
        menu, action = QMenu(self), QWidgetAction(self)
        action.setDefaultWidget(self._form)
        menu.addAction(action)
        self._parameters.setMenu(menu)
        self._edit = _button("scheduleEditButton", "Edit", "Draw the schedule: drag points of log SNR in its plot")
        self._edit.setCheckable(True)
        self._edit.toggled.connect(self._toggle)
        self._reset = _button("scheduleResetButton", "", "Back to the model's own schedule")
        self._reset.setIcon(icon("reset"))
        self._reset.clicked.connect(self._back_to_own)
        self.handles = ScheduleHandles(plot)
        self.handles.edited.connect(self._draw)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self._combo, self._parameters, self._edit, self._reset):
            row.addWidget(widget, 1 if widget is self._combo else 0)
        self.setEnabled(False)

    def set_schedules(self, specs: tuple[ScheduleSpec, ...]) -> None:
        """Offer the engine's schedules, and one drawn by hand."""
        self._specs = {spec.name: spec for spec in specs}
        with QSignalBlocker(self._combo):
            self._combo.clear()
            for spec in specs:
                self._combo.addItem(capital(spec.label), spec.name)
                self._combo.setItemData(self._combo.count() - 1, spec.summary, Qt.ItemDataRole.ToolTipRole)
            self._combo.addItem("Drawn by hand", CUSTOM)
            tip = "log SNR through points that you drag in the plot"
            self._combo.setItemData(self._combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            add_paths(self._combo)
        view = self._combo.view()
        view.setMinimumWidth(view.sizeHintForColumn(0) + 24)

    def show_schedule(self, table: ScheduleTable) -> None:
        """The schedule that counts now."""
        self._table = table
        self.setEnabled(True)
        self.show_choice()

    def show_choice(self) -> None:
        """Let the controls say what counts: one may show what was refused."""
        if self._table is None:
            return
        choice = self._table.choice
        name_paths(self._combo, choice)
        with QSignalBlocker(self._combo):
            self._combo.setCurrentIndex(self._combo.findData(choice.name))
        spec = self._specs.get(choice.name)
        self._parameters.setVisible(spec is not None and bool(spec.parameters))
        if spec is not None and spec.parameters:
            values: dict[str, Any] = {p.name: p.default for p in spec.parameters} | dict(choice.parameters)
            if choice.name != self._form_of:
                self._form_of = choice.name
                self._form.show_parameters(spec.parameters, values)
            else:
                self._form.set_values(values)
        self._reset.setEnabled(choice.name != OWN_SCHEDULE)
        self.handles.set_points(choice.points or points_of(self._table))

    def restyle(self) -> None:
        """The theme's colours."""
        self._reset.setIcon(icon("reset"))
        self.handles.update()

    def _choose(self) -> None:
        name = self._combo.currentData()
        if name == CUSTOM:
            self._draw(self.handles.points)
            self._edit.setChecked(True)
        elif name not in TEXTS:
            self._edit.setChecked(False)
            self.chosen.emit(ScheduleChoice(name))

    def _ask(self) -> None:
        """Of an entry that names another place, also when it is chosen once more: another file may be wanted."""
        name = self._combo.currentData()
        if name not in TEXTS:
            return
        choice = ask_for_path(self, name)
        self.show_choice()  # what counts, until the file has been read
        if choice is not None:
            self._edit.setChecked(False)
            self.chosen.emit(choice)

    def _set_parameter(self, name: str, value: float) -> None:
        assert self._table is not None
        choice = self._table.choice
        values = {**dict(choice.parameters), name: float(value)}
        self.chosen.emit(ScheduleChoice(choice.name, tuple(values.items())))

    def _toggle(self, on: bool) -> None:
        if on:
            self.handles.begin()
        else:
            self.handles.end()
        self.editing.emit(on)

    def _draw(self, points: Points) -> None:
        self.chosen.emit(ScheduleChoice(CUSTOM, points=points))

    def _back_to_own(self) -> None:
        self.chosen.emit(ScheduleChoice())


def _button(name: str, text: str, tip: str) -> QToolButton:
    button = named(QToolButton(), name, tip, tip)
    button.setText(text)
    return button
