"""Samplers against diffusers' schedulers on the shipped digits network itself (see `explorer/bench/agreement.py`).

Ten steps each, and a thousand of which few ask it; `python -m explorer.bench agreement` asks it in each of 50 and
1,000.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from explorer.bench.agreement import LIMIT, PAIRS, Comparison, Pair, spacings
from explorer.diffusion.denoiser import Condition, Denoiser, NetworkDenoiser
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.formats.unet import UNetCall
from explorer.paths import CHECKPOINTS


@dataclass(eq=False)
class Seldom:
    """A model that is asked once in twenty times, and in each of the last `always`; what it says is given until the
    next one."""

    denoiser: Denoiser
    always: int = 0
    asked: int = 0
    _said: Prediction | None = None

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        if self._said is None or t > self._said.t or t < self._said.t - 20 or t <= self.always:
            self._said = self.denoiser(x_t, t, condition)
            self.asked += 1
            return self._said
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        return Prediction(x_t, t, a, s, "eps", self._said.eps)


@pytest.fixture(scope="module")
def digits() -> Model:
    return load(CHECKPOINTS / "digits", "cpu")


def called(name: str) -> Pair:
    return next(pair for pair in PAIRS if pair.name == name)


@pytest.mark.parametrize(
    ("pair", "spacing"),
    [(pair, spacing) for pair in PAIRS for spacing in spacings(pair, 10)],
    ids=lambda value: value.title if isinstance(value, Pair) else str(value),
)
def test_ten_steps_on_the_real_network(digits: Model, pair: Pair, spacing: str) -> None:
    with torch.inference_mode():
        comparison = Comparison(digits.denoiser, digits.facts.shape, pair, 10, spacing)
        assert comparison.one_step() < LIMIT
        assert comparison.whole_run() < LIMIT


@pytest.mark.parametrize(("name", "exact", "always"), [("ddim", False, 0), ("dpmpp_2m", False, 0), ("ddpm", True, 40)])
def test_a_thousand_steps_of_which_few_ask_the_network(digits: Model, name: str, exact: bool, always: int) -> None:
    """What rounding does in so many steps shows whatever the network says. exact: see `test_diffusers_rounding.py`.
    Ancestral sampling asks it in each of the short steps near the data, where rounding is what there is to see."""
    denoiser = Seldom(digits.denoiser, always)
    with torch.inference_mode():
        comparison = Comparison(denoiser, digits.facts.shape, called(name), 1000, "trailing")
        assert comparison.one_step() < LIMIT
        assert always < denoiser.asked < 150
        assert comparison.whole_run(exact) < LIMIT


def test_whole_runs_in_float64() -> None:
    """In float32 the network makes of the rounding of either library's steps several times 10⁻⁴ along this run."""
    model = load(CHECKPOINTS / "digits", "cpu")
    assert isinstance(model.denoiser, NetworkDenoiser)
    assert isinstance(model.denoiser.network, UNetCall)
    model.denoiser.network.network.double()
    pair = next(pair for pair in PAIRS if pair.parameters.get("eta"))
    with torch.inference_mode():
        comparison = Comparison(Seldom(model.denoiser), model.facts.shape, pair, 1000, "leading", torch.float64)
        assert comparison.whole_run(exact=True) < 1e-9
