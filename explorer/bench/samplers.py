"""What a sampler's step costs beyond the network: a network that does nothing, recording and addressed noise
included, one thread, beside the same run by other libraries.

smalldiffusion, azula, k-diffusion and diffusers are measured where they are installed, each with its own wrapper of a
network that predicts ε (azula's, which has none for it, with x̂₀). All take turns, short ones in the processor's own
time, so that whatever else the machine does disturbs them alike and little, and the best turn of each counts. Nobody
clips x̂₀, so that only a sampler that goes on with it makes it: DDIM here, diffusers and k-diffusion, not DDPM here, nor
smalldiffusion; "x̂₀ seen" asks every Step for it, as a view of each would. DDIM and DDPM are to cost half of what the
fastest of the others does, at most.
"""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from explorer.bench import Row
from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import SAMPLERS, Step
from explorer.diffusion.schedules import linear

STEPS = 100
TURNS = 100
ENOUGH = 3.0
"""Seconds of the processor after which a slow one has had its turns."""
SHAPES = {"1×1×32×32": (1, 1, 32, 32), "1000×2": (1000, 2)}
OURS = ("ddim", "ddpm")
SHARE = 0.5
"""Of the fastest other library's cost."""


def measure() -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    for label, shape in SHAPES.items():
        others, missing = _others(shape)
        seen = {f"{name}, x̂₀ seen": _ours(name, shape, see=lambda step: step.x0) for name in OURS}
        costs = _best({**{name: _ours(name, shape) for name in OURS}, **seen, **others})
        if others:
            fastest = min(others, key=lambda name: costs[name])
            note = f"of {fastest}" + (f"; not installed: {', '.join(missing)}" if missing else "")
            rows += [Row(f"{label}  {name}", costs[name] / costs[fastest], "×", SHARE, note) for name in OURS]
        rows += [Row(f"{label}  {name}", cost, "µs") for name, cost in costs.items()]
    return rows


def _best(runs: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Microseconds a step, the best of some turns of each."""
    best, spent = dict.fromkeys(runs, float("inf")), dict.fromkeys(runs, 0.0)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(TURNS):
            for name, run in runs.items():
                if spent[name] > ENOUGH:
                    continue
                begin = time.process_time()
                run()
                took = time.process_time() - begin
                spent[name] += took
                best[name] = min(best[name], 1e6 * took / STEPS)
    return best


def _ours(name: str, shape: tuple[int, ...], see: Callable[[Step], Any] = lambda step: None) -> Callable[[], Any]:
    sampler = SAMPLERS[name]
    parameters = sampler.parameters(clip=False)
    schedule = linear()
    output = torch.zeros(shape)

    def network(x_t: Tensor, t: float, condition: Condition) -> Tensor:
        return output

    denoiser = NetworkDenoiser(network, schedule, "eps")
    noise = NoiseSource(0, shape[0], shape[1:], torch.device("cpu"))
    times = sampler.plan(schedule, STEPS, parameters)
    x = noise(0, Stream.INITIAL)

    def run() -> None:
        kept = []
        for step in sampler.sample(denoiser, schedule, x, times, noise, parameters):
            see(step)
            kept.append(step)

    return run


def _others(shape: tuple[int, ...]) -> tuple[dict[str, Callable[[], Any]], list[str]]:
    """The runs of the libraries that are installed, and the names of those that are not."""
    runs: dict[str, Callable[[], Any]] = {}
    missing = []
    for library, module, make in (
        ("diffusers", "diffusers", _diffusers),
        ("smalldiffusion", "smalldiffusion", _smalldiffusion),
        ("azula", "azula.sample", _azula),
        ("k-diffusion", "k_diffusion.sampling", _k_diffusion),
    ):
        try:
            runs.update(make(importlib.import_module(module), shape))
        except ImportError:
            missing.append(library)
    return runs, missing


def _diffusers(library: Any, shape: tuple[int, ...]) -> dict[str, Callable[[], Any]]:
    def run_of(name: str) -> Callable[[], Any]:
        scheduler = getattr(library, name)(clip_sample=False)
        scheduler.set_timesteps(STEPS)
        output, start = torch.zeros(shape), torch.randn(shape)

        def run() -> None:
            x, kept = start, []
            for t in scheduler.timesteps:
                result = scheduler.step(output, t, x)
                x = result.prev_sample
                kept.append((x, result.pred_original_sample))

        return run

    return {f"diffusers {name}": run_of(f"{name}Scheduler") for name in ("DDIM", "DDPM")}


def _smalldiffusion(library: Any, shape: tuple[int, ...]) -> dict[str, Callable[[], Any]]:
    output, start = torch.zeros(shape), torch.randn(shape)

    class Nothing(torch.nn.Module, library.ModelMixin):  # type: ignore[misc]  # the library may not be there: no type
        input_dims = shape[1:]

        def forward(self, x: Tensor, sigma: Tensor, cond: object = None) -> Tensor:
            return output

    model, sigmas = Nothing(), library.ScheduleDDPM().sample_sigmas(STEPS)

    def run_of(mu: float) -> Callable[[], Any]:
        return lambda: list(library.samples(model, sigmas, mu=mu, batchsize=shape[0], xt=start * sigmas[0]))

    return {"smalldiffusion DDIM": run_of(0.0), "smalldiffusion DDPM": run_of(0.5)}


def _azula(library: Any, shape: tuple[int, ...]) -> dict[str, Callable[[], Any]]:
    denoise, noise = importlib.import_module("azula.denoise"), importlib.import_module("azula.noise")
    output, start = torch.zeros(shape), torch.randn(shape)

    base: Any = denoise.Denoiser

    class Nothing(base):  # type: ignore[misc]  # as above
        schedule = noise.VPSchedule()

        def forward(self, x_t: Tensor, t: Tensor) -> Any:
            return denoise.DiracPosterior(mean=output)

    def run_of(name: str) -> Callable[[], Any]:
        sampler = getattr(library, name)(Nothing(), steps=STEPS, silent=True)

        def run() -> None:
            x, kept = start, []
            for t, s in sampler.timesteps.unfold(0, 2, 1).unbind():
                x = sampler.step(x, t, s)
                kept.append(x)

        return run

    return {f"azula {name}": run_of(f"{name}Sampler") for name in ("Euler", "DDIM", "DDPM")}


def _k_diffusion(library: Any, shape: tuple[int, ...]) -> dict[str, Callable[[], Any]]:
    external = importlib.import_module("k_diffusion.external")
    output, start = torch.zeros(shape), torch.randn(shape)
    alphas_cumprod = linear().signal(torch.arange(1, 1001)).float() ** 2
    model = external.DiscreteEpsDDPMDenoiser(lambda x, t: output, alphas_cumprod, quantize=True)
    sigmas = model.get_sigmas(STEPS)

    def run_of(name: str) -> Callable[[], Any]:
        sample = getattr(library, f"sample_{name}")

        def run() -> None:
            kept: list[Any] = []
            sample(model, start * sigmas[0], sigmas, callback=kept.append, disable=True)

        return run

    return {f"k-diffusion {name}": run_of(name) for name in ("euler", "euler_ancestral", "dpmpp_2m")}
