"""The bound as stacked parts: the curves, their ends, the units, and the parts of a chain of levels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from explorer.engine.likelihood_frame import BoundStack, PartKind, Stacked, Value
from explorer.facts import ModelFacts
from explorer.ui.likelihood_panel import LikelihoodPanel
from explorer.ui.stack_plot import StackPlot

OUTSIDE = float("nan")


def stack(name: str, kls: list[float], prior: float) -> BoundStack:
    """Reconstruction 5, a KL on each of the steps 1 → 2, 2 → 3, …, and the prior, all to be subtracted."""
    n = len(kls)
    kinds: list[PartKind] = ["reconstruction", *["kl"] * n, "prior"]  # type: ignore[list-item]
    values = np.array([5.0, *(-kl for kl in kls), -prior])
    begin = np.array([OUTSIDE, *range(1, n + 1), OUTSIDE])
    return BoundStack(
        name,
        tuple(kinds),
        begin,
        begin + 1,
        values,
        Value(float(values.sum()), 0.1),
        ("reconstruction", *(f"KL, level {i + 1}" for i in range(n)), "prior"),
    )


TWO = (stack("(A)", [3.0, 2.0, 1.0], 0.5), stack("(B)", [1.0, 1.0, 1.0], 3.5))


def made(qtbot: QtBot) -> StackPlot:
    plot = StackPlot()
    qtbot.addWidget(plot)
    plot.set_time_range(4)
    plot.show_stacks(TWO, 2, -1.0)
    return plot


def test_the_parts_add_up_to_one_total(qtbot: QtBot) -> None:
    plot = made(qtbot)
    assert plot.names() == ("(A)", "(B)")
    x, y = plot.curve("(A)")
    assert x.tolist() == [1, 2, 3, 4]
    assert y.tolist() == [5, 2, 0, -1]
    assert plot.curve("(B)")[1].tolist() == [5, 4, 3, 2]
    assert plot.total("(A)") == plot.total("(B)") == -1.5
    for one in TWO:
        assert one.running()[1][-1] + one.sum_of("prior") == pytest.approx(one.total.mean)
    assert plot.title == "log p(x₀) ≥ −1.50"
    assert plot.half_paid() == "(A): half of the KL by t = 2"
    assert "log p" in plot._legend.text()
    low, high = plot.plot.getViewBox().viewRange()[1]
    assert low < -1.5 < 5 < high


def test_bits_are_a_cost(qtbot: QtBot) -> None:
    plot = made(qtbot)
    plot.unit.setCurrentIndex(1)
    factor = -1 / (2 * math.log(2))
    assert plot.curve("(A)")[1] == pytest.approx(factor * np.array([5.0, 2.0, 0.0, -1.0]))
    assert plot.total("(B)") == pytest.approx(-1.5 * factor)
    assert plot.title == "−log p(x₀) ≤ 1.08"
    plot.restyle()
    plot.show_stacks(TWO[:1], 2)
    assert plot.names() == ("(A)",)
    plot.remove_curves()
    assert plot.names() == ()
    assert not plot._bars
    assert plot.half_paid() == ""


def test_a_chain_of_levels_is_shown_in_the_same_place(qtbot: QtBot) -> None:
    panel = LikelihoodPanel()
    qtbot.addWidget(panel)
    panel.set_model(ModelFacts("p", "own", "P", "points", (2,), 100, "eps", "cosine", sample_count=9))
    chain = stack("HVAE", [3.0, 2.0], 0.5)
    panel.show_stacked(Stacked((chain,), 2, 2, Value(0.25, 0.01)))
    assert panel.stack.names() == ("HVAE",)
    parts = panel._parts
    assert [parts.text(str(i)) for i in range(4)] == ["5.00", "−3.00", "−2.00", "−0.50"]
    assert parts.text("total") == "−0.50 ± 0.10"
    assert parts.text("exact") == "0.250 ± 0.010"
    assert not parts.isHidden()
    assert panel.table.isHidden()
    assert panel.terms.isHidden()
    panel.show_stacked(Stacked((stack("VAE", [3.0], 0.5),), 1, 2))
    assert parts.text("exact") == "–"
    panel.drop()
    assert not panel.table.isHidden()
    assert parts.isHidden()
    assert panel.stack.names() == ()
