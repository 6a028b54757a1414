"""Estimates as figures, in words, and on an axis linear about 0."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from explorer.engine.likelihood_frame import BoundTotals, ObjectiveValues, ScoresMatched, SplitValues, Value
from explorer.ui.estimate_plot import EstimatePlot, linear_part, symlog, symlog_ticks
from explorer.ui.estimate_text import agreement, estimate, gap, matching
from explorer.ui.number_table import NumberTable

NONE = Value(0.0, 0.0)


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (-2.0819, 0.0886, "−2.08 ± 0.09"),
        (-2.268, 0.164, "−2.27 ± 0.16"),
        (-911.8, 145.2, "−912 ± 145"),
        (24954.3, 348.0, "24,954 ± 348"),
        (-1.9e-9, 7e-11, "−1.9e−9"),
        (2e-8, 3e-8, "0 ± 3.0e−8"),
        (0.00032, 0.000015, "0.00032"),
        (0.0, 0.0, "0"),
        (-0.001, 0.1, "0.00 ± 0.10"),
        (-12.3, math.nan, "−12.30 ± ?"),
    ],
)
def test_figures(mean: float, error: float, text: str) -> None:
    assert estimate(Value(mean, error)) == text


def split(total: Value, variance: float) -> SplitValues:
    return SplitValues(NONE, NONE, NONE, total, variance)


TOTALS = BoundTotals(
    split(Value(-2.0, 0.1), 4.0), split(Value(-2.2, 0.2), 12.0), Value(0.2, 0.15), Value(-1.4, 0.05), Value(0.6, 0.08)
)


def test_two_splits_that_agree() -> None:
    words, agree = agreement(TOTALS)
    assert agree
    assert words == (
        "Both splits: (A) −2.00 ± 0.10, (B) −2.2 ± 0.2 nats. They agree: the difference, 0.20 ± 0.15, is "
        "1.3 standard errors. One draw of (B) varies 3.0 times as much as one of (A)."
    )
    assert gap(TOTALS) == "(A) lies 0.60 ± 0.08 below the exact log p, as a bound must."


def test_two_splits_that_do_not() -> None:
    words, agree = agreement(replace(TOTALS, difference=Value(-0.9, 0.1)))
    assert not agree
    assert "9.0 standard errors" in words
    assert "more samples" in words
    assert agreement(replace(TOTALS, difference=Value(-0.9, math.nan)))[1]
    assert "which a bound cannot" in gap(replace(TOTALS, gap=Value(-0.5, 0.1)))
    assert "within its error" in gap(replace(TOTALS, gap=Value(-0.1, 0.1)))
    assert gap(replace(TOTALS, gap=None)) == ""


def scores(off: Value, half: Value) -> ScoresMatched:
    return ScoresMatched(40, 100, (ObjectiveValues("explicit", NONE, NONE, NONE, off),), half, 0.02)


def test_objectives_in_words() -> None:
    assert matching(scores(NONE, NONE)) == (
        "This model is the exact score: all three objectives are at their least.",
        True,
    )
    words, agree = matching(scores(Value(0.01, 0.01), Value(0.5, 0.01)))
    assert agree
    assert "½F = 0.500 ± 0.010, a score off by 2 %, within 1.0 standard errors" in words
    assert not matching(scores(Value(0.05, 0.01), Value(0.5, 0.01)))[1]


def test_the_axis_is_linear_about_0_and_logarithmic_beyond() -> None:
    y = np.array([-1.0, -1e-4, 0.0, 1e-4, 1.0, 10.0])
    places = symlog(y, 0.01)
    assert places[2] == 0
    assert places[3] == pytest.approx(1e-4 / 0.01 / math.log(10), rel=0.01)
    assert places[5] - places[4] == pytest.approx(1, abs=0.01)
    assert np.array_equal(places[:2], -places[[4, 3]])
    ticks = symlog_ticks(-0.02, 1.2, 0.01)
    assert [text for _, text in ticks] == ["0", "0.1", "1"]
    assert [place for place, _ in ticks] == pytest.approx(symlog(np.array([0.0, 0.1, 1.0]), 0.01))
    assert [text for _, text in symlog_ticks(-200.0, 70.0, 1.0)] == ["−100", "−10", "0", "10"]
    assert linear_part(np.array([0.002, np.nan, 0.003]), np.zeros(3)) == pytest.approx(0.01)
    assert linear_part(np.zeros(3), np.zeros(3)) == 1


def test_a_plot_of_estimates_keeps_the_numbers_it_was_given(qtbot: QtBot) -> None:
    plot = EstimatePlot("p", "Title", "tip", "nats")
    qtbot.addWidget(plot)
    plot.set_time_range(10)
    x, mean = np.arange(1.0, 11.0), np.linspace(-3, 5, 10)
    for error in (np.full(10, 0.5), np.full(10, np.nan)):
        plot.set_estimates({"one": (x, mean, error), "two": (x, -mean, error)})
        assert plot.names() == ("one", "two")
        assert np.array_equal(plot.curve("two")[1], -mean)
    low, high = plot.plot.getViewBox().viewRange()[1]
    assert low < symlog(np.array(-5.0), 10.0) < symlog(np.array(5.0), 10.0) < high
    plot.restyle()
    plot.set_estimates({})
    assert plot.names() == ()


def test_a_table(qtbot: QtBot) -> None:
    table = NumberTable("t", "Numbers", ("a", "b"), [("x", "x", "first"), ("y", "y", "second")])
    qtbot.addWidget(table)
    table.set_row("x", "1", "2", strong=True)
    table.set_row("y", "3")
    assert [table.text("x", 1), table.text("x", 2), table.text("y", 1), table.text("y", 2)] == ["1", "2", "", "3"]
    table.clear()
    assert table.text("x", 1) == table.text("y", 2) == "–"
