"""A noise schedule chosen above the plots, and what is then tabulated."""

from __future__ import annotations

from explorer.engine.frame import ScheduleTable
from explorer.ui.curves import Curves
from tests.ui.hand import Hand


def choose(hand: Hand, name: str) -> None:
    combo = hand.combo("scheduleCombo")
    combo.setCurrentIndex(combo.findData(name))
    hand.settle()


def table(hand: Hand) -> ScheduleTable:
    found = hand.find(Curves).editor._table
    assert found is not None
    return found
