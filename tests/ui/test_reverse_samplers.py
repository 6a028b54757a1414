"""Each sampler with its own parameters; annealed Langevin listens while it runs."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QWidget

from explorer.diffusion.samplers import SAMPLERS

if TYPE_CHECKING:
    from tests.ui.hand import Hand
from tests.ui.running import play_until, run_frames, same


def parameter(hand: Hand, name: str) -> Any:
    return hand.find(QWidget, f"sampler:{name}")


def parameters_on_show(hand: Hand) -> set[str]:
    hand.qtbot.wait(1)  # controls that were replaced are deleted by now
    widgets = hand.window.findChildren(QWidget)
    return {w.objectName().removeprefix("sampler:") for w in widgets if w.objectName().startswith("sampler:")}


@pytest.mark.parametrize("sampler", ["ddpm", "langevin", "annealed_langevin"])
def test_each_sampler_brings_its_own_parameters_and_runs(plane_hand: Hand, sampler: str) -> None:
    hand = plane_hand
    assert parameters_on_show(hand) == {f.name for f in fields(SAMPLERS["ddim"].parameters)}
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), sampler)
    hand.settle()
    assert parameters_on_show(hand) == {f.name for f in fields(SAMPLERS[sampler].parameters)}
    assert hand.spin("stepsSpin").value() == hand.window.state.steps == min(SAMPLERS[sampler].default_steps, 50)
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.settle()
    hand.play_to_end()
    run = hand.session.run
    assert run is not None
    assert run.finished
    assert run.made == len(run.times)
    assert np.isfinite(hand.data("x_t")).all()


def test_parameters_are_used(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    deterministic = hand.data("x_t")
    hand.click("resetButton")
    hand.settle()
    hand.type_into(parameter(hand, "eta"), "1")
    hand.settle()
    assert hand.window.state.parameters["eta"] == 1.0
    hand.play_to_end()
    assert not np.array_equal(deterministic, hand.data("x_t"))
    hand.click("resetButton")
    hand.settle()
    hand.type_into(parameter(hand, "eta"), "0")
    clip = hand.find(QCheckBox, "sampler:clip")
    QTest.mouseClick(clip, Qt.MouseButton.LeftButton, pos=QPoint(8, clip.height() // 2))
    hand.settle()
    assert hand.window.state.parameters["clip"] is False
    hand.play_to_end()
    assert abs(hand.data("x_t")).max() > 1


@pytest.fixture
def annealed(hand: Hand) -> Hand:
    """Annealed Langevin at 4 levels of 20 steps, x_T on show, slow enough for every step to be drawn."""
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "annealed_langevin")
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.settle()
    hand.combo("speedCombo").setCurrentText("5 steps/s")
    hand.frames.clear()
    return hand


def test_the_step_size_acts_while_annealed_langevin_runs(annealed: Hand) -> None:
    hand = annealed
    play_until(hand, 3)
    number = hand.session.run.number if hand.session.run else None
    hand.type_into(parameter(hand, "step_size"), "0")
    assert hand.session.playing
    changed_at = hand.window.state.step
    hand.until(lambda: hand.window.state.step >= changed_at + 5)
    hand.click("playButton")
    hand.settle()
    run = hand.session.run
    assert run is not None
    assert run.number == number
    frames = run_frames(hand)
    steps = sorted(frames)
    before = [(a, b) for a, b in pairwise(steps) if b <= changed_at and b == a + 1]
    # A step of size 0 moves nothing while the level stays.
    after = [(a, b) for a, b in pairwise(steps) if a >= changed_at + 1 and b == a + 1 and run.times[a] == run.times[b]]
    assert before
    assert after
    assert all(not np.array_equal(frames[a]["x_t"], frames[b]["x_t"]) for a, b in before)
    assert all(np.array_equal(frames[a]["x_t"], frames[b]["x_t"]) for a, b in after)


def test_the_steps_per_level_change_the_plan_while_annealed_langevin_runs(annealed: Hand) -> None:
    hand = annealed
    play_until(hand, 3)
    run = hand.session.run
    assert run is not None
    first, planned = run.times[0], len(run.times)
    assert planned == 4 * 20 + 2
    made = run_frames(hand)[1]
    hand.type_into(parameter(hand, "steps_per_level"), "5")
    assert hand.session.playing
    hand.until(lambda: len(run.times) != planned)
    assert hand.session.run is run
    # What is left of the first level counts the steps already made there.
    assert run.times.count(first) <= 8
    assert len(run.times) < planned
    hand.combo("speedCombo").setCurrentText("Full speed")
    hand.until(lambda: not hand.window.busy)
    assert run.finished
    assert hand.window.state.t == 0
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_Home)
    hand.settle()
    hand.key(Qt.Key.Key_Right)
    hand.settle()
    assert same(made, hand.shown()), "what was made before stays"


def test_other_statistics_of_the_run(annealed: Hand) -> None:
    annealed.combo("speedCombo").setCurrentText("Full speed")
    annealed.play_to_end()
    combo, plot = annealed.combo("statisticsCombo"), annealed.plot("statisticsPlot")
    titles = [combo.itemText(i) for i in range(combo.count())]
    assert titles == ["Sizes", "Turning", "Clipping", "Score", "Langevin"]
    annealed.choose(combo, combo.itemData(4))
    assert set(plot.names()) == {"drift", "noise", "ratio"}
    drift, noise, ratio = (plot.curve(name)[1] for name in ("drift", "noise", "ratio"))
    np.testing.assert_allclose(ratio, drift / noise)
    annealed.choose(combo, combo.itemData(2))
    assert plot.names() == ("clipped",)
    assert ((plot.curve("clipped")[1] >= 0) & (plot.curve("clipped")[1] <= 1)).all()
    annealed.choose(combo, combo.itemData(0))
    assert "x_t" in plot.names()


def test_levels_are_drawn_and_the_statistics_go_by_step(annealed: Hand) -> None:
    hand = annealed
    hand.combo("speedCombo").setCurrentText("Full speed")
    plain = hand.slider.grab().toImage()
    hand.play_to_end()
    run = hand.session.run
    assert run is not None
    levels = sorted(set(run.times) - {0})
    assert len(levels) == 4
    drawn = hand.slider.grab().toImage()
    ratio = drawn.devicePixelRatio()
    y = round(5 * ratio)  # above the groove
    colours = {drawn.pixelColor(round(hand.slider.x_of(t) * ratio) + 4, y).name() for t in levels}
    background = plain.pixelColor(2, 2).name()
    assert background not in colours
    assert len(colours) >= 2, "neighbouring levels can be told apart"
    x, _ = hand.plot("statisticsPlot").curve("x_t")
    assert list(x) == list(range(run.made))
    assert hand.cursor("statisticsPlot") == run.made - 1


def test_plain_langevin_stays_at_one_level(plane_hand: Hand) -> None:
    hand = plane_hand
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "langevin")
    hand.type_into(hand.spin("stepsSpin"), "10")
    hand.settle()
    hand.play_to_end()
    run = hand.session.run
    assert run is not None
    assert len(set(run.times) - {0}) == 1
    hand.qtbot.wait(50)
    # One time only: the filmstrip spreads the steps instead, the first at the noisy end.
    QTest.mouseClick(hand.strip, Qt.MouseButton.LeftButton, pos=QPoint(hand.strip.width() - 30, 20))
    hand.settle()
    assert hand.window.state.step <= 1
    QTest.mouseClick(hand.strip, Qt.MouseButton.LeftButton, pos=QPoint(30, 20))
    hand.settle()
    assert hand.window.state.step >= 9
