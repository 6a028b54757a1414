"""The runs over t: one lane each, joined where one branched off another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.engine.frame import SamplerSpec
from explorer.ui import theme
from explorer.ui.runs import RunRecord, differences
from explorer.ui.time_slider import MARGIN

LANE = 15
"""Height of a run in pixels."""
BEND = 7.0
"""How far a branch takes to leave its parent's lane."""


SAID = ("steps", "sampler_seed", "label", "guidance_scale", "count")
"""What is said of every run that is no branch, or is seen."""


class BranchTree(QWidget):
    """Shown where there is more than one run. A click goes to a run and step, Shift+click or a right click compares."""

    chosen = Signal(int, int)
    """run, step"""
    compareChosen = Signal(int)
    neighbourChosen = Signal(int)
    """+1 for the next run, −1 for the one before"""

    def __init__(self, x_of: Callable[[int], float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("branchTree")
        self.setAccessibleName("Runs and their branches")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._x_of = x_of
        self._samplers: dict[str, tuple[str, str]] = {}
        """What a sampler is called, and what its number of steps counts."""
        self._runs: list[RunRecord] = []
        self._shown: int | None = None
        self._compared: int | None = None
        self._step = 0
        self.hide()

    def sizeHint(self) -> QSize:
        return QSize(400, LANE * max(len(self._runs), 1) + 4)

    def set_samplers(self, samplers: Sequence[SamplerSpec]) -> None:
        """What a run may have been made with."""
        self._samplers = {spec.name: (spec.label, spec.steps_label.lower()) for spec in samplers}
        self.update()

    def set_runs(self, runs: Sequence[RunRecord], shown: int | None, compared: int | None = None) -> None:
        """All runs, which one is on show, and which it is compared with."""
        many = len(runs) != len(self._runs)
        self._runs, self._shown, self._compared = _ordered(runs), shown, compared
        self.setVisible(len(runs) > 1)
        if many:
            self.updateGeometry()
        self.update()

    def set_step(self, step: int) -> None:
        """Which step of the run on show is on show."""
        self._step = step
        self.update()

    def lane_of(self, number: int) -> int:
        """The y of a run's lane in this widget."""
        return next(i for i, run in enumerate(self._runs) if run.number == number) * LANE + LANE // 2 + 2

    def x_of_step(self, run: RunRecord, step: int) -> float:
        """The x of a step. A run that stays at one time is spread over the axis, as the filmstrip does."""
        if run.times[0] == run.times[-1]:
            share = step / max(len(run.times) - 1, 1)
            return self.width() - MARGIN - share * (self.width() - 2 * MARGIN)
        return self._x_of(run.times[step])

    def words(self, run: RunRecord) -> str:
        """What a run is, or how it differs from the one that it branched off."""
        parent = next((other for other in self._runs if run.parent and other.number == run.parent[0]), None)
        if parent is None or run.parent is None:
            chosen = run.choices
            label = "" if chosen.label is None else f", label {chosen.label}, γ {chosen.guidance_scale:g}"
            sampler, steps = self._samplers.get(chosen.sampler, (chosen.sampler, "steps"))
            more = "".join(f", {change}" for change in self._unlike_the_one_before(run))
            return f"Run {run.number}: {sampler}, {chosen.steps} {steps}, seed {chosen.sampler_seed}{label}{more}"
        changes = [*([run.edit_name] if run.edit_name else []), *differences(parent.choices, run.choices)]
        what = "; ".join(changes) or "the same choices"
        return f"Run {run.number}, branched off run {parent.number} at step {run.parent[1]}: {what}"

    def _unlike_the_one_before(self, run: RunRecord) -> list[str]:
        """What tells a run from the last one by the same sampler, besides what is said of every run."""
        chosen = run.choices
        for other in reversed(self._runs):
            if other.number < run.number and other.choices.sampler == chosen.sampler:
                return differences(replace(other.choices, **{name: getattr(chosen, name) for name in SAID}), chosen)
        return []

    # Mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        run = self._run_at(event.position())
        if run is None:
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() == Qt.MouseButton.RightButton or shift:
            self.compareChosen.emit(run.number)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._choose(run, event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        run = next((run for run in self._runs if run.number == self._shown), None)
        if event.buttons() & Qt.MouseButton.LeftButton and run is not None:
            self._choose(run, event.position().x())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        offset = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if offset is None:
            super().keyPressEvent(event)
        else:
            self.neighbourChosen.emit(offset)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            run = self._run_at(QPointF(event.pos()))
            hint = "Click to show it, Shift+click to compare with it."
            QToolTip.showText(event.globalPos(), "" if run is None else f"{self.words(run)}.\n{hint}", self)
            return True
        return super().event(event)

    def _run_at(self, position: QPointF) -> RunRecord | None:
        lane = int((position.y() - 2) // LANE)
        return self._runs[lane] if 0 <= lane < len(self._runs) else None

    def _choose(self, run: RunRecord, x: float) -> None:
        if run.made:
            self.chosen.emit(run.number, min(range(run.made), key=lambda i: (abs(self.x_of_step(run, i) - x), -i)))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(8)
        painter.setFont(font)
        made = sorted((run for run in self._runs if run.made), key=lambda run: run.number == self._shown)
        for run in made:
            self._paint_run(painter, run)
        for run in made:  # over all lines
            begin, y = self.x_of_step(run, run.first_own), float(self.lane_of(run.number))
            self._paint_words(painter, run, begin, y, self._colour(run))

    def _colour(self, run: RunRecord) -> QColor:
        t = theme.current()
        if run.number == self._shown:
            return QColor(t.accent)
        return QColor(t.series[1] if run.number == self._compared else t.muted)

    def _paint_run(self, painter: QPainter, run: RunRecord) -> None:
        y = float(self.lane_of(run.number))
        begin = self.x_of_step(run, run.first_own)
        end = self.x_of_step(run, run.made - 1)
        last = self.x_of_step(run, len(run.times) - 1)
        colour, shown = self._colour(run), run.number == self._shown
        path = QPainterPath(QPointF(begin, y))
        if run.parent is not None and any(other.number == run.parent[0] for other in self._runs):
            above = float(self.lane_of(run.parent[0]))
            path = QPainterPath(QPointF(begin, above))
            path.cubicTo(QPointF(begin - BEND, above), QPointF(begin, y), QPointF(min(begin - BEND, begin), y))
        path.lineTo(QPointF(min(end, path.currentPosition().x()), y))
        ahead = QColor(colour)
        ahead.setAlpha(110)
        painter.setPen(QPen(ahead, 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(min(end, begin), y), QPointF(last, y))
        style = Qt.PenStyle.DashLine if run.number == self._compared and not shown else Qt.PenStyle.SolidLine
        painter.setPen(QPen(colour, 2.4 if shown else 1.6, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(end, y), 2.5, 2.5)
        if shown:
            painter.drawEllipse(QPointF(self.x_of_step(run, min(self._step, run.made - 1)), y), 4.5, 4.5)

    def _paint_words(self, painter: QPainter, run: RunRecord, begin: float, y: float, colour: QColor) -> None:
        """Its number and what differs, in the free room right of a branch; over the line where there is none."""
        text = f"{run.number}: {self.words(run).split(': ', 1)[1]}"
        metrics = painter.fontMetrics()
        right = self.width() - MARGIN
        room = right - begin - 12
        if run.parent is not None and room > 90:
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room))
            box = QRectF(begin + 10, y - LANE / 2, room, LANE)
            # A branch of a later lane may come down just here.
            behind = QRectF(box.left() - 2, box.top() + 1, metrics.horizontalAdvance(text) + 4, LANE - 2)
            painter.fillRect(behind, QColor(theme.current().surface))
            painter.setPen(colour)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
            return
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(self.width() * 0.4))
        width = metrics.horizontalAdvance(text) + 10
        box = QRectF(right - width - 14, y - LANE / 2, width, LANE)
        painter.fillRect(box, QColor(theme.current().surface))
        painter.setPen(colour)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _ordered(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Branches below what they branched off, so that no line crosses more than it must."""
    numbers = {run.number for run in runs}
    ordered: list[RunRecord] = []

    def add(run: RunRecord) -> None:
        ordered.append(run)
        children = [other for other in runs if other.parent is not None and other.parent[0] == run.number]
        for child in sorted(children, key=lambda child: (-child.first_own, child.number)):
            add(child)

    for run in runs:
        if run.parent is None or run.parent[0] not in numbers:
            add(run)
    return ordered
