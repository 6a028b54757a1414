"""Cancel in the bottom line stops whatever a tab computes, and whoever loses the engine to another says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QProgressBar

from explorer.engine.likelihood_frame import Bounding
from explorer.ui.status_line import StatusLine
from tests.chains import write_chain
from tests.ui.hand import Hand, MakeHand
from tests.ui.test_forms import learned, open_tab

__all__ = ["learned"]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chain(tmp_path_factory.mktemp("chains") / "chain")


def endless(*_: Any) -> Iterator[Bounding]:
    """A measurement that never comes to an end."""
    while True:
        time.sleep(0.002)
        yield Bounding(0.5, "measuring")


JOBS = {
    "Likelihood": ("bound", "explorer.engine.engine.bound"),
    "Forms": ("forms", "explorer.engine.engine.measure_forms"),
    "VDM": ("vdm", "explorer.engine.engine.measure_continuous"),
    "ELBO": ("latentBound", "explorer.engine.chains.latent_bound"),
    "Model": ("probe", "explorer.engine.engine.probe"),
}


def begin(hand: Hand, title: str) -> str:
    """Start what a tab computes; the name of its buttons."""
    name, _ = JOBS[title]
    open_tab(hand, title)
    hand.click(f"{name}Button")
    assert idle(hand, name) is False
    return name


def idle(hand: Hand, name: str) -> bool:
    """Whether it can be started, and not stopped."""
    start, stop = hand.button(f"{name}Button"), hand.button(f"{name}StopButton")
    assert start.isEnabled() != stop.isEnabled()
    assert hand.find(QProgressBar, f"{name}Progress").isHidden() == start.isEnabled()
    return start.isEnabled()


def cancel(hand: Hand) -> None:
    hand.until(hand.button("cancelButton").isVisible)
    hand.click("cancelButton")
    hand.settle()
    assert not hand.button("cancelButton").isVisible()


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """All measurements are endless."""
    import explorer.engine.engine  # noqa: F401 — what is replaced has to be there

    for _, place in JOBS.values():
        monkeypatch.setattr(place, endless)


def made(make_hand: MakeHand, model: Path) -> Hand:
    hand = make_hand(model)
    hand.find(StatusLine)._slow.setInterval(0)  # nothing here is too short to be shown
    return hand


@pytest.mark.usefixtures("long")
def test_cancel_stops_what_a_tab_computes(make_hand: MakeHand, learned: Path) -> None:
    hand = made(make_hand, learned)
    for title in ("Likelihood", "Forms", "VDM", "Model"):
        name = begin(hand, title)
        cancel(hand)
        assert idle(hand, name), title
    assert not hand.sentences


@pytest.mark.usefixtures("long")
def test_cancel_stops_the_elbo_of_a_chain(make_hand: MakeHand, chain: Path) -> None:
    hand = made(make_hand, chain)
    name = begin(hand, "ELBO")
    cancel(hand)
    assert idle(hand, name)
    # What else was shown is as it was, and a run can still be made.
    hand.play_to_end()
    assert hand.session.state.t == 0


@pytest.mark.usefixtures("long")
def test_another_measurement_of_the_kind_takes_its_place(make_hand: MakeHand, learned: Path) -> None:
    hand = made(make_hand, learned)
    forms = begin(hand, "Forms")
    vdm = begin(hand, "VDM")
    assert idle(hand, forms)
    assert not idle(hand, vdm)
    # A run that ends leaves Cancel to what still goes on.
    hand.session.change(steps=2)
    hand.click("playButton")
    hand.until(lambda: not hand.session.playing)
    cancel(hand)
    assert idle(hand, vdm)


@pytest.mark.usefixtures("long")
def test_another_model_ends_it(make_hand: MakeHand, learned: Path, tmp_path: Path) -> None:
    hand = made(make_hand, learned)
    forms = begin(hand, "Forms")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text('{"format": "diffusion-explorer", "kind": "image", "network": "unet"}')
    hand.window.open(str(broken))  # refused before the engine hears of it
    hand.until(lambda: not hand.session.inquiry.busy)
    assert not idle(hand, forms)
    hand.window.open(str(learned))
    hand.until(lambda: idle(hand, forms))
    hand.settle()
    assert idle(hand, forms)
