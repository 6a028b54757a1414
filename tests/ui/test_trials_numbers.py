"""What the menu Try promises is seen in numbers, on the shipped mixture and with the parameters that it sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.diffusion.mixture import GaussianMixture
from explorer.engine.engine import Engine
from explorer.formats.registry import inspect
from explorer.paths import CHECKPOINTS
from explorer.state import State, resolve_run
from explorer.ui.trials import TRIALS, choices

POINTS = 800


@dataclass(frozen=True, eq=False)
class Bench:
    model: Path
    engine: Engine
    truth: GaussianMixture
    data: Tensor
    """Points of the truth itself."""

    def end(self, number: int) -> Tensor:
        """Where the points of a trial come to."""
        trial, state = TRIALS[number], State(model=str(self.model), source="reverse", sampler_seed=0)
        state = state.with_changes(**choices(trial, state)).with_changes(count=POINTS)
        request = replace(resolve_run(state, inspect(str(self.model)), 1), lenses=(), record=False)
        for _ in self.engine.answer(replace(request, initial=self.start(number))):
            pass
        return self.engine.trajectory(1).last.x

    def start(self, number: int) -> NDArray[np.float32] | None:
        start = TRIALS[number].start
        return None if start is None else start.points(POINTS, 0, self.truth.means.shape[1])

    def shares(self, x: Tensor) -> Tensor:
        return torch.bincount(self.truth.responsibilities(x).argmax(1), minlength=3) / len(x)

    def far_from(self, shares: Tensor) -> float:
        """The total variation between these shares and the weights."""
        return float((shares - self.truth.weights).abs().sum() / 2)

    def lost(self, x: Tensor) -> float:
        """The share of the points that lie where only one in a thousand of the data does."""
        floor = self.truth.log_density(self.data, 1.0, 0.0).quantile(0.001)
        return float((self.truth.log_density(x, 1.0, 0.0) < floor).float().mean())


def bench_of(model: Path) -> Bench:
    engine = Engine()
    facts = inspect(str(model))
    state = State(model=str(model), source="reverse").with_changes(count=1, lenses=())
    truth = engine.model(resolve_run(state, facts, 1).model).truth
    assert truth is not None
    generator = torch.Generator().manual_seed(0)
    places = torch.randn(5_000, truth.means.shape[1], generator=generator)
    data = truth.draw(places, torch.rand(5_000, generator=generator))
    return Bench(model, engine, truth, data)


@pytest.fixture(scope="module", params=["mixture", "mixture_1d"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return bench_of(Path(CHECKPOINTS) / request.param)


def to_nearest_mode(bench: Bench, x: Tensor) -> Tensor:
    return torch.cdist(x, bench.truth.means).amin(1)


def test_without_the_noise_every_point_ends_on_a_mode(bench: Bench) -> None:
    end, data = (to_nearest_mode(bench, x) for x in (bench.end(0), bench.data))
    assert float(end.quantile(0.95)) < 0.12
    assert float(end.median()) < 0.5 * float(data.median()), "the data themselves are spread about them"


def test_plain_langevin_keeps_the_shares_of_the_start(bench: Bench) -> None:
    begun = bench.start(1)
    assert begun is not None
    start, end = bench.shares(torch.from_numpy(begun)), bench.shares(bench.end(1))
    assert bench.far_from(end) > 0.3
    assert float((end - start).abs().sum() / 2) < 0.2
    assert float(end[0]) < 0.15, "of the piece that is half of the data"


def test_from_far_away_without_noise_levels_points_are_lost(bench: Bench) -> None:
    if bench.truth.means.shape[1] == 1:
        assert TRIALS[2].kinds == ("points",), "on a line they are not"
        return
    assert bench.lost(bench.data) < 0.002
    assert bench.lost(bench.end(2)) > 0.2


def test_annealing_brings_the_shares_right(bench: Bench) -> None:
    end = bench.end(3)
    assert bench.far_from(bench.shares(end)) < 0.06  # three standard errors of a share are .05
    assert bench.lost(end) < 0.03
