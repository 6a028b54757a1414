"""The parts of the bound, the two splits side by side."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QWidget

from explorer.engine.likelihood_frame import Bounded, SplitValues, Value
from explorer.ui.estimate_text import estimate, number
from explorer.ui.likelihood_tips import ROWS
from explorer.ui.number_table import NumberTable


class BoundTable(NumberTable):
    """Shows a Bounded."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("boundTable", "Parts of the variational bound", ("(A)", "(B)"), ROWS, parent)

    def show_bound(self, found: Bounded) -> None:
        """What is known; the rest stays empty."""
        totals, d = found.totals, found.dimensions
        if totals is not None:
            splits = (totals.matching, totals.consistency)
            self.set_row("reconstruction", *(estimate(split.reconstruction) for split in splits))
            self.set_row("prior", *(estimate(_negative(split.prior), 3) for split in splits))
            self.set_row("terms", *(estimate(_negative(split.terms)) for split in splits))
            self.set_row("total", *(estimate(split.total) for split in splits), strong=True)
            self.set_row("bits", *(estimate(_bits(split.total, d)) for split in splits))
            self.set_row("variance", *(_variance(split) for split in splits))
            if totals.exact is not None:
                self.set_row("exact", estimate(totals.exact))
        if found.ode is not None:
            few = f" ({found.ode_samples} samples)" if found.ode_samples < found.samples else ""
            self.set_row("ode", estimate(found.ode) + few)


def _negative(value: Value) -> Value:
    return Value(-value.mean, value.error)


def _bits(value: Value, d: int) -> Value:
    return Value(-value.mean / (d * math.log(2)), value.error / (d * math.log(2)))


def _variance(split: SplitValues) -> str:
    if not math.isfinite(split.variance):
        return "?"
    return number(split.variance, 1 if split.variance < 1000 else 0)
