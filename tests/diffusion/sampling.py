"""A network, noise and runs that tests of samplers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import SAMPLERS, Step


def assert_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def network(x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
    """Any smooth function of (x_t, t) that mixes pixels and stays bounded."""
    return torch.tanh(0.8 * x_t + 0.4 * x_t.roll(1, -1) - 0.3 * x_t.roll(1, -2)) * (0.6 + t / 2500)


def picture_noise(seed: int = 0) -> NoiseSource:
    return NoiseSource(seed, 2, (3, 8, 8), torch.device("cpu"))


def run(name: str, denoiser: Denoiser, steps: int, noise: NoiseSource, parameters: Any) -> list[Step]:
    """A whole run at the times of the sampler's own plan."""
    times = SAMPLERS[name].plan(denoiser.schedule, steps, parameters)
    return follow(name, denoiser, times, noise, parameters)


def follow(name: str, denoiser: Denoiser, times: Sequence[float], noise: NoiseSource, parameters: Any) -> list[Step]:
    """A whole run at these times."""
    schedule = denoiser.schedule
    x = noise(0, Stream.INITIAL) * schedule.prior_std(times[0])
    return list(SAMPLERS[name].sample(denoiser, schedule, x, times, noise, parameters))
