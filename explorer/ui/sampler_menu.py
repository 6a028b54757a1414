"""The list of samplers by where they come from; the impossible ones are greyed, with the reason as their tooltip."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox

from explorer.engine.frame import SamplerSpec, ScheduleTable
from explorer.facts import ModelFacts

OWN_MARK = " (the model’s)"
"""Beside the sampler that the model's own configuration names."""


def why_not(spec: SamplerSpec, facts: ModelFacts, schedule: ScheduleTable) -> str:
    """Why a sampler cannot run on a model, in one sentence; "" where it can."""
    if spec.needs_density and not facts.density_known:
        return "The density of this model is not known: a trained network gives its gradient alone."
    if spec.needs in ("betas", "between") and schedule.betas is None:
        return f"{spec.group}' schedulers need a schedule made of β, which this one is not."
    if spec.needs == "between" and not schedule.continuous:
        return "This scheduler visits times between the whole ones: choose the schedule VP SDE."
    if spec.needs == "flow" and not np.allclose(schedule.signal + schedule.noise, 1):
        return "This scheduler goes along the straight path: choose the schedule rectified flow."
    if spec.needs == "edm" and not (schedule.signal == 1).all():
        return "This scheduler needs a variance-exploding schedule, such as Karras ρ."
    return ""


def fill(combo: QComboBox, samplers: Iterable[SamplerSpec]) -> None:
    """One entry a sampler, its name as data; a heading before those of another library."""
    combo.clear()
    group = ""
    for spec in samplers:
        if spec.group != group:
            group = spec.group
            combo.insertSeparator(combo.count())
            combo.addItem(f"From {group}")
            _set_enabled(combo, combo.count() - 1, False)
        combo.addItem(spec.label, spec.name)


def offer(combo: QComboBox, samplers: Iterable[SamplerSpec], facts: ModelFacts, schedule: ScheduleTable) -> None:
    """Mark what the model's configuration names, and grey what cannot run on it."""
    for spec in samplers:
        row = combo.findData(spec.name)
        own = spec.name == facts.own_sampler
        reason = why_not(spec, facts, schedule)
        told = [spec.summary, "The scheduler that this model's configuration names." if own else "", reason]
        combo.setItemText(row, spec.label + (OWN_MARK if own else ""))
        combo.setItemData(row, "\n".join(text for text in told if text), Qt.ItemDataRole.ToolTipRole)
        _set_enabled(combo, row, not reason)
    view = combo.view()  # as wide as its longest line, however narrow the closed list is
    view.setMinimumWidth(view.sizeHintForColumn(0) + 24)


def describe(combo: QComboBox, tip: str) -> None:
    """The closed list's tooltip: what it is for, and what is chosen."""
    chosen = combo.itemData(combo.currentIndex(), Qt.ItemDataRole.ToolTipRole)
    combo.setToolTip(f"{tip}\n{combo.currentText()}: {chosen}" if chosen else tip)


def _set_enabled(combo: QComboBox, row: int, enabled: bool) -> None:
    model = combo.model()
    assert isinstance(model, QStandardItemModel)
    item = model.item(row)
    assert isinstance(item, QStandardItem)
    item.setEnabled(enabled)
