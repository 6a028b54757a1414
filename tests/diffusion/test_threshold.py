"""Limiting x̂₀: against diffusers' dynamic thresholding, alone and in a run."""

from __future__ import annotations

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import SAMPLERS
from explorer.diffusion.schedules import linear
from explorer.diffusion.threshold import Limit


@pytest.fixture
def x0() -> Tensor:
    """Samples within the range, a little beyond it, and far."""
    scale = torch.tensor([0.2, 0.7, 1.5, 6.0]).view(4, 1, 1, 1)
    return scale * torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("percentile", [50.0, 90.0, 99.5, 100.0])
def test_dynamic_thresholding_is_that_of_diffusers(x0: Tensor, percentile: float) -> None:
    theirs = DDPMScheduler(thresholding=True, dynamic_thresholding_ratio=percentile / 100, sample_max_value=1e9)
    assert torch.equal(Limit(1.0, percentile)(x0), theirs._threshold_sample(x0))
    # Their scale is 1; another is that of the data.
    torch.testing.assert_close(Limit(2.0, percentile)(2 * x0), 2 * theirs._threshold_sample(x0))


def test_plain_clipping(x0: Tensor) -> None:
    assert torch.equal(Limit(0.5)(x0), x0.clamp(-0.5, 0.5))
    assert Limit(0.5).bound(x0).flatten().tolist() == [0.5] * 4


def test_each_sample_is_limited_by_itself(x0: Tensor) -> None:
    limit = Limit(1.0, 95.0)
    assert torch.equal(limit(x0)[2:3], limit(x0[2:3]))
    assert torch.equal(limit(x0)[0], x0[0])  # within the range: nothing changes
    assert bool((limit(x0).abs() <= 1).all())
    share = (x0.abs() > limit.bound(x0)).float().mean(dim=(1, 2, 3))
    assert share[2:].tolist() == pytest.approx([0.05] * 2, abs=0.01)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_numbers(x0: Tensor, dtype: torch.dtype) -> None:
    found = Limit(1.0, 90.0)(x0.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), Limit(1.0, 90.0)(x0), atol=0.05, rtol=0)


@pytest.mark.parametrize("percentile", [-1.0, 100.5])
def test_impossible_percentiles(percentile: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        Limit(1.0, percentile)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if hasattr(SAMPLERS[name].parameters(), "percentile")])
def test_a_sampler_goes_on_with_what_is_left(name: str) -> None:
    schedule, noise = linear(100), NoiseSource(0, 2, (1, 8, 8), torch.device("cpu"))
    denoiser = NetworkDenoiser(lambda x_t, t, condition: -3 * torch.tanh(x_t), schedule, "eps")
    sampler = SAMPLERS[name]
    x = noise(0, Stream.INITIAL)
    results = []
    for percentile in (0.0, 80.0):
        parameters = sampler.parameters(clip=True, percentile=percentile)
        times = sampler.plan(schedule, 4, parameters)
        steps = list(sampler.sample(denoiser, schedule, x, times, noise, parameters))
        limit = Limit(1.0, percentile)
        for step in steps[:-1]:
            assert torch.equal(step.x0, limit(step.prediction.x0))
        results.append(steps[-1].x)
    assert not torch.equal(*results)


def test_a_thresholded_ddpm_run_is_that_of_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers.schedulers import scheduling_ddpm

    schedule, noise = linear(1000), NoiseSource(0, 2, (1, 8, 8), torch.device("cpu"))
    denoiser = NetworkDenoiser(lambda x_t, t, condition: 0.9 * torch.tanh(x_t), schedule, "eps")
    theirs = DDPMScheduler(thresholding=True, dynamic_thresholding_ratio=0.9, sample_max_value=1e9)
    theirs.set_timesteps(10)
    sampler = SAMPLERS["ddpm"]
    parameters = sampler.parameters(clip=True, percentile=90.0)
    x = noise(0, Stream.INITIAL)
    mine = list(sampler.sample(denoiser, schedule, x, sampler.plan(schedule, 10, parameters), noise, parameters))
    current = 0
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *args, **kwargs: noise(current))
    for index, step in zip(theirs.timesteps, mine[1:], strict=True):
        current = step.index
        x = theirs.step(0.9 * torch.tanh(x), int(index), x).prev_sample
        torch.testing.assert_close(step.x, x, atol=2e-4, rtol=2e-4)
