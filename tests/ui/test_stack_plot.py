"""The bound as stacked parts: the curves, their ends, the units, and the parts of a chain of levels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from explorer.engine.likelihood_frame import BoundStack, PartKind, Value
from explorer.ui.stack_plot import StackPlot

OUTSIDE = float("nan")


def stack(name: str, kls: list[float], prior: float) -> BoundStack:
    """Reconstruction 5, a KL on each of the steps 1 → 2, 2 → 3, …, and the prior, all to be subtracted."""
    n = len(kls)
    kl: PartKind = "kl"
    kinds: list[PartKind] = ["reconstruction", *[kl] * n, "prior"]
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


def test_a_chain_of_levels_is_a_stack_too(qtbot: QtBot) -> None:
    """One without a prior of its own: the KL of its last level is to the prior."""
    plot = made(qtbot)
    outside = float("nan")
    levels = np.array([outside, 0.0, 1.0])
    values = np.array([-100.0, -3.0, -2.0])
    plot.set_time_range(2)
    plot.show_stacks(
        [BoundStack("ELBO", ("reconstruction", "kl", "kl"), levels, levels + 1, values, Value(-105, 1))], 4
    )
    assert plot.names() == ("ELBO",)
    x, y = plot.curve("ELBO")
    assert (x.tolist(), y.tolist()) == ([0, 1, 2], [-100, -103, -105])
    assert plot.total("ELBO") == -105
