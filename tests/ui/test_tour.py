"""The guided tour: every stop can be set up, and a walk along some of them with the mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from explorer.formats.registry import inspect
from explorer.lenses.latent.registry import LATENT_LENSES
from explorer.lenses.registry import LENSES
from explorer.paths import CHECKPOINTS
from explorer.state import State, resolve_look
from explorer.ui.session.opener import first_state
from explorer.ui.side_panel import SidePanel
from explorer.ui.tour import TourStrip
from explorer.ui.tour_stops import STOPS, Stop
from tests.ui.hand import Hand, MakeHand

MIXTURE = CHECKPOINTS / "mixture"


def stop_named(title: str) -> int:
    return next(i for i, stop in enumerate(STOPS) if stop.title == title)


def go(hand: Hand, title: str) -> None:
    """Choose a stop in the list, as a person who presses an arrow key does."""
    combo, wanted = hand.combo("tourStopCombo"), stop_named(title)
    combo.setFocus()
    before = wanted - 1 if wanted else 1
    combo.setCurrentIndex(before)
    QTest.keyClick(combo, Qt.Key.Key_Down if wanted else Qt.Key.Key_Up)
    hand.settle()


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.title)
def test_every_stop_fits_its_model(stop: Stop) -> None:
    facts = inspect(CHECKPOINTS / stop.model)
    state = first_state(State(), facts).with_changes(**stop.choices)
    look = resolve_look(state, facts)
    chain = facts.family == "chain"
    offered = set(LATENT_LENSES) if chain else {name for name, lens in LENSES.items() if facts.kind in lens.kinds}
    assert set(state.lenses) == set(look.lenses) <= offered
    assert 10 < len(stop.text.split()) < 60


def test_a_walk(make_hand: MakeHand) -> None:
    hand = make_hand()
    hand.window.resize(1024, 700)
    hand.click("galleryTourButton")
    hand.settle()
    facts, side = hand.session.facts, hand.find(SidePanel)
    assert facts is not None
    assert Path(facts.path) == CHECKPOINTS / STOPS[0].model
    assert not hand.button("tourBackButton").isEnabled()
    strip = hand.find(TourStrip)
    height = strip.height()

    go(hand, "The bound of a diffusion model, in two splits")
    assert hand.session.facts is not None
    assert Path(hand.session.facts.path) == MIXTURE
    assert side.tabText(side.currentIndex()) == "Likelihood"
    assert hand.session.state.source == "forward"
    assert strip.height() == height

    hand.click("tourNextButton")
    hand.settle()
    assert side.tabText(side.currentIndex()) == "VDM"


def test_a_stop_that_plays(make_hand: MakeHand) -> None:
    hand = make_hand(MIXTURE)
    hand.window.take_tour()
    hand.settle()
    strip, session = hand.find(TourStrip), hand.session
    strip.chosen.emit(stop_named("Langevin dynamics"))
    hand.until(lambda: session.playing)
    assert session.start == STOPS[stop_named("Langevin dynamics")].start
    hand.click("playButton")
    hand.settle()
    session.change(steps=7, lenses=("x_t",))
    hand.settle()
    hand.click("tourAgainButton")
    hand.until(lambda: session.playing)
    assert session.state.steps == 200
    assert "shares" in session.state.lenses
    assert hand.find(QLabel, "tourText").text() == STOPS[stop_named("Langevin dynamics")].text
    hand.click("tourBackButton")
    assert session.start != STOPS[stop_named("Langevin dynamics")].start
    assert session.state.parameters["add_noise"] is False
    session.pause()
    hand.settle()
    hand.click("tourEndButton")
    assert not strip.isVisible()
    assert hand.session.state.sampler == "langevin"


def test_a_stop_plays_where_its_model_has_to_be_opened_first(make_hand: MakeHand, plane: Path) -> None:
    hand = make_hand(plane)
    hand.window.take_tour()
    hand.settle()
    hand.find(TourStrip).chosen.emit(stop_named("Langevin dynamics"))
    hand.until(lambda: hand.session.run is not None and hand.session.run.made > 3)
    assert hand.session.playing
    hand.click("playButton")
    hand.settle()


def test_a_model_that_is_opened_in_between_keeps_its_own_choices(make_hand: MakeHand, plane: Path) -> None:
    hand = make_hand(plane)
    hand.window.take_tour()
    hand.window.open(str(plane))
    hand.settle()
    assert hand.session.facts is not None
    assert Path(hand.session.facts.path) == plane
    assert "latent_map" not in hand.session.state.lenses


def test_a_shipped_model_that_is_missing_is_told_of(
    make_hand: MakeHand, plane: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hand = make_hand(plane)
    monkeypatch.setattr("explorer.ui.tour.CHECKPOINTS", tmp_path)
    next(a for a in hand.window.findChildren(QAction) if a.text() == "Guided &tour").trigger()
    assert hand.find(TourStrip).isVisible()
    hand.until(lambda: bool(hand.sentences))
    assert str(tmp_path / STOPS[0].model) in hand.sentences[-1]
    hand.window.open(str(plane))
    hand.settle()
    assert hand.session.state.lenses[0] == "x_t"
