"""What a sampler's step costs beyond the network: a network that does nothing, recording and addressed noise
included, one thread, beside the same run by other libraries where they are installed."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from explorer.bench import Row
from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import SAMPLERS
from explorer.diffusion.schedules import linear

STEPS = 250
REPEATS = 5
SHAPES = {"1×1×32×32": (1, 1, 32, 32), "1000×2": (1000, 2)}


def measure() -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    for label, shape in SHAPES.items():
        others = {
            "diffusers DDPM": _diffusers("DDPMScheduler", shape),
            "diffusers DDIM": _diffusers("DDIMScheduler", shape),
        }
        best = min(others.values())
        rows += [Row(f"{label}  {name}", _ours(name, shape), "µs", best / 2) for name in ("ddim", "ddpm")]
        rows += [Row(f"{label}  {name}", cost, "µs") for name, cost in others.items()]
    return rows


def _best(run: Callable[[], None]) -> float:
    """Microseconds a step, the best of some repeats."""
    times = []
    with torch.inference_mode():
        for _ in range(REPEATS):
            begin = time.perf_counter()
            run()
            times.append(time.perf_counter() - begin)
    return 1e6 * min(times) / STEPS


def _ours(name: str, shape: tuple[int, ...]) -> float:
    sampler = SAMPLERS[name]
    parameters = sampler.parameters()
    schedule = linear()
    output = torch.zeros(shape)

    def network(x_t: Tensor, t: float, condition: Condition) -> Tensor:
        return output

    denoiser = NetworkDenoiser(network, schedule, "eps")
    noise = NoiseSource(0, shape[0], shape[1:], torch.device("cpu"))
    times = sampler.plan(schedule, STEPS, parameters)
    x = noise(0, Stream.INITIAL)

    def run() -> None:
        list(sampler.sample(denoiser, schedule, x, times, noise, parameters))

    return _best(run)


def _diffusers(name: str, shape: tuple[int, ...]) -> float:
    import diffusers

    scheduler = getattr(diffusers, name)()
    scheduler.set_timesteps(STEPS)
    output = torch.zeros(shape)
    start = torch.randn(shape)

    def run() -> None:
        x, kept = start, []
        for t in scheduler.timesteps:
            result = scheduler.step(output, t, x)
            x = result.prev_sample
            kept.append((x, result.pred_original_sample))

    return _best(run)
