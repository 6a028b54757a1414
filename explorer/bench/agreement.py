"""Samplers against diffusers' schedulers on the shipped digits: one network, one x_T, the same injected noise.

Each runs on its own: the network is asked at the x that it has come to itself. Counted is the largest difference of
x_t at any step of the run, in units of the larger of 1 and the root-mean-square size of x_t. Times are diffusers' own.
Those of its linspace for Euler and Heun lie between the whole ones, where this network is not defined, and its DDIM
with linspace goes to another time than the next one (`tests/diffusion/test_diffusers_samplers.py`). With 1,000 steps
all spacings are one; DPM-Solver++'s "leading" is then out of its own tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from explorer.bench import Row
from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import find
from explorer.formats.registry import load
from explorer.paths import CHECKPOINTS

LIMIT = 1e-4
SEED = 3


@dataclass(frozen=True)
class Pair:
    """A sampler, and diffusers' class of the same method. parameters: of both; own: of ours alone."""

    name: str
    theirs: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    linspace: bool = True

    @property
    def title(self) -> str:
        chosen = ", ".join(f"{key} {value}" for key, value in {**self.parameters, **self.own}.items())
        return f"{self.name} ({chosen})"


PAIRS = (
    Pair("ddim", "DDIMScheduler", {"eta": 0.0, "clip": True}, linspace=False),
    Pair("ddim", "DDIMScheduler", {"eta": 0.6, "clip": True}, linspace=False),
    Pair("ddpm", "DDPMScheduler", {"clip": True}, {"variance": "beta_tilde"}),
    Pair("euler", "EulerDiscreteScheduler", {"clip": False}, linspace=False),
    Pair("heun", "HeunDiscreteScheduler", {"clip": False}, linspace=False),
    Pair("dpmpp_2m", "DPMSolverMultistepScheduler", {"clip": False}),
)


def measure() -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    with torch.inference_mode():
        digits = load(CHECKPOINTS / "digits", "cpu")
        for pair in PAIRS:
            for steps in (10, 50, 1000):
                for spacing in spacings(pair) if steps < 1000 else ("trailing",):
                    value = difference(digits.denoiser, digits.facts.shape, pair, steps, spacing)
                    rows.append(Row(f"{pair.title}  {steps}  {spacing}", value, "", LIMIT))
    return rows


def spacings(pair: Pair) -> tuple[str, ...]:
    """Those that both define."""
    return ("leading", "trailing", "linspace") if pair.linspace else ("leading", "trailing")


def difference(denoiser: Denoiser, shape: tuple[int, ...], pair: Pair, steps: int, spacing: str) -> float:
    """The largest one of a run."""
    schedule = denoiser.schedule
    noise = NoiseSource(SEED, 1, shape, torch.device("cpu"))
    theirs, ours = find(f"diffusers:{pair.theirs}"), find(pair.name)
    chosen = theirs.parameters(spacing=spacing, **pair.parameters)
    times = theirs.plan(schedule, steps, chosen)
    x = noise(0, Stream.INITIAL) * schedule.prior_std(times[0])
    # Where Heun's method visits a time twice, it arrives there with the second.
    expected = {step.t: step.x for step in theirs.sample(denoiser, schedule, x, times, noise, chosen)}
    own = {key: value for key, value in pair.parameters.items() if key in ours.parameters.__dataclass_fields__}
    parameters = ours.parameters(**own, **pair.own)
    worst = 0.0
    for step in ours.sample(denoiser, schedule, x, list(dict.fromkeys(times)), noise, parameters):
        size = max(1.0, float(step.x.square().mean().sqrt()))
        worst = max(worst, float((step.x - expected[step.t]).abs().max()) / size)
    return worst
