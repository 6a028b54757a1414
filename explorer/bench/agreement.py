"""Samplers against diffusers' schedulers on the shipped digits: one network, one x_T, the same injected noise.

Each number is the largest difference in x_t, in units of the larger of 1 and the root-mean-square size of x_t.

* "each step": both go from the same x_t, our own at every step of our run, with the same answer of the network.
* "whole run": each goes its own way, the network being asked at the x that it has come to itself.
* "in float64", with 1,000 steps: the same with network, x_t, noise and diffusers' tables in float64. The note beside
  the whole run in float32 says how far each of the two is from that run of ours, which has next to no rounding.

Measured: each step of every run agrees to 8·10⁻⁵ with 10, 50 and 1,000 steps; whole runs to 5.5·10⁻⁵ with 10 and 50,
and with 1,000 to 3·10⁻⁵ in float64. With 1,000 in float32 those of DDIM, Heun and Euler's method with fresh noise do
to 7.5·10⁻⁵; those of Euler, DDPM and DPM-Solver++ differ by 2, 3 and 3·10⁻⁴. Of DDPM with the variance β ours is
4·10⁻⁶ from the run in float64, diffusers' is 3·10⁻⁴ from it.

Of 1,000 steps in float32 a whole run tells less of the method than of rounding, for two reasons. Between two clear
pictures the network turns the rounding of a single step into more than a hundred times as much: with η = 0.6 our run
and diffusers' are both 3·10⁻⁴ from the run in float64 near t = 400, and near again at its end; Heun's are 0.7 and
1.0·10⁻⁴ from it; runs of Euler and DPM-Solver++ whose every step agrees to 2·10⁻⁵ differ by 2 and 3·10⁻⁴, and
DPM-Solver++ in float64 by 10⁻⁵. And diffusers keeps ᾱ in float32 and takes 1 − ᾱ_t/ᾱ_{t−1} and 1 − ᾱ_{t−1} there. Where
a step is short and t small both are near 10⁻⁴, and the rounding of numbers near 1 is 10⁻³ of them: its DDPM then gives
x_t and x̂₀ weights whose sum is wrong by up to 10⁻⁴, which adds up over the last ten steps
(`tests/diffusion/test_diffusers_rounding.py`). Its methods in σ round to float32 within each step, whatever they are
given.

Times are diffusers' own. Those of its linspace for Euler and Heun lie between the whole ones with most numbers of
steps, where this network is not defined, and so do those of its Karras spacing. Its DDIM with linspace goes to another
time than the next one (`tests/diffusion/test_diffusers_samplers.py`), and its DDPM with the variance β adds noise to
x_0 with "trailing", as the same file shows. With 1,000 steps all spacings are one; DPM-Solver++'s "leading" and
"linspace" are then no lists of 1,000 times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import wraps
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from explorer.bench import Row, say
from explorer.diffusion.denoiser import Denoiser, NetworkDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import find
from explorer.diffusion.samplers.base import Step, observe
from explorer.diffusion.samplers.from_diffusers import Parameters, SchedulerRun, class_called, plan, sample
from explorer.formats.registry import load
from explorer.formats.unet import UNetCall
from explorer.paths import CHECKPOINTS

LIMIT = 1e-4
SEED = 3
MOST = 1000
COUNTS = (10, 50, MOST)


@dataclass(frozen=True)
class Pair:
    """A sampler, and diffusers' class of the same method. parameters: of both; own: of ours alone; settings: theirs."""

    name: str
    theirs: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scheduler(self) -> type[Any]:
        """diffusers' class with its settings."""
        found = class_called(self.theirs)
        return _changed(found, self.settings) if self.settings else found

    @property
    def title(self) -> str:
        chosen = ", ".join(f"{key} {value}" for key, value in {**self.parameters, **self.own}.items())
        return f"{self.name} ({chosen}) {self.theirs.removesuffix('Scheduler')}"


PAIRS = (
    Pair("ddim", "DDIMScheduler", {"eta": 0.0, "clip": True}),
    Pair("ddim", "DDIMScheduler", {"eta": 0.6, "clip": True}),
    Pair("ddim", "EulerAncestralDiscreteScheduler", {"clip": False}, {"eta": 1.0}),
    Pair("ddpm", "DDPMScheduler", {"clip": True}, {"variance": "beta_tilde"}),
    Pair("ddpm", "DDPMScheduler", {"clip": True}, {"variance": "beta"}, {"variance_type": "fixed_large"}),
    Pair("euler", "EulerDiscreteScheduler", {"clip": False}),
    Pair("heun", "HeunDiscreteScheduler", {"clip": False}),
    Pair("dpmpp_2m", "DPMSolverMultistepScheduler", {"clip": False}),
)


def measure() -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    with torch.inference_mode():
        digits, exact = (load(CHECKPOINTS / "digits", "cpu") for _ in range(2))
        assert isinstance(exact.denoiser, NetworkDenoiser)
        assert isinstance(exact.denoiser.network, UNetCall)
        exact.denoiser.network.network.double()
        for pair in PAIRS:
            for steps in COUNTS:
                for spacing in spacings(pair, steps):
                    comparison = Comparison(digits.denoiser, digits.facts.shape, pair, steps, spacing)
                    named = f"{pair.title}  {steps}  {spacing}  "
                    say(named)
                    rows.append(Row(named + "each step", comparison.one_step(), "", LIMIT))
                    if steps < MOST:
                        rows.append(Row(named + "whole run", comparison.whole_run(), "", LIMIT))
                        continue
                    reference = Comparison(exact.denoiser, digits.facts.shape, pair, steps, spacing, torch.float64)
                    rows.append(Row(named + "in float64", reference.whole_run(exact=True), "", LIMIT))
                    apart = comparison.whole_run()
                    rows.append(Row(named + "whole run", apart, "", LIMIT, comparison.errors(reference)))
    return rows


def spacings(pair: Pair, steps: int) -> tuple[str, ...]:
    """Those that both define, on 1,000 times; one where they are all the same."""
    if steps == MOST:
        return ("trailing",)
    if pair.own.get("variance") == "beta":
        return ("leading", "linspace")
    linspace = {
        "DDIMScheduler": False,
        "DDPMScheduler": True,
        "DPMSolverMultistepScheduler": True,
    }.get(pair.theirs, 999 % (steps - 1) == 0)
    return ("leading", "trailing", "linspace") if linspace else ("leading", "trailing")


@dataclass(frozen=True)
class CastNoise(NoiseSource):
    """The same numbers in another dtype."""

    dtype: torch.dtype = torch.float32

    def __call__(self, step: int, stream: Stream = Stream.SAMPLER) -> Tensor:
        return super().__call__(step, stream).to(self.dtype)


class Comparison:
    """Our run of a pair, and what diffusers makes of it. denoiser: asked once at each Step of ours."""

    def __init__(
        self,
        denoiser: Denoiser,
        shape: tuple[int, ...],
        pair: Pair,
        steps: int,
        spacing: str,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.denoiser, self.schedule = denoiser, denoiser.schedule
        self.theirs = pair.scheduler
        self.arrived: list[Tensor] = []
        """Theirs, at the times of our Steps, in the whole run that was made last."""
        self.noise = CastNoise(SEED, 1, shape, torch.device("cpu"), dtype=dtype)
        self.chosen = Parameters(spacing=spacing, **pair.parameters)  # type: ignore[arg-type]
        self.times = plan(self.theirs, self.schedule, steps, self.chosen)
        self.x = self.noise(0, Stream.INITIAL) * self.schedule.prior_std(self.times[0])
        # Where Heun's method visits a time twice, it arrives there with the second.
        self._lands = [k for k, (t, r) in enumerate(pairwise([*self.times, -1.0])) if t != r]
        ours = find(pair.name)
        own = {key: value for key, value in pair.parameters.items() if key in ours.parameters.__dataclass_fields__}
        times = [self.times[k] for k in self._lands]
        chosen = ours.parameters(**own, **pair.own)
        self.steps = list(ours.sample(denoiser, self.schedule, self.x, times, self.noise, chosen))

    def whole_run(self, exact: bool = False) -> float:
        """exact: diffusers' tables in float64."""
        theirs = exact_tables(self.theirs) if exact else self.theirs
        run = sample(theirs, self.denoiser, self.schedule, self.x, self.times, self.noise, self.chosen)
        found = [step.x for step in run]
        self.arrived = [found[k] for k in self._lands]
        return max(_relative(step.x, x) for step, x in zip(self.steps, self.arrived, strict=True))

    def errors(self, reference: Comparison) -> str:
        """How far our run and theirs are from ours in another arithmetic."""
        right = [step.x for step in reference.steps]
        ours = max(_relative(step.x, x) for step, x in zip(self.steps, right, strict=True))
        theirs = max(_relative(found, x) for found, x in zip(self.arrived, right, strict=True))
        return f"from float64: ours {ours:.1e}, theirs {theirs:.1e}"

    def one_step(self, exact: bool = False) -> float:
        """Of a multistep method with its memory of our own steps before. exact: diffusers' tables in float64."""
        theirs, kind = exact_tables(self.theirs) if exact else self.theirs, self.steps[0].prediction.kind
        run = SchedulerRun.along(theirs, self.schedule, self.times, self.noise, self.chosen, kind)
        worst = 0.0
        for (before, after), (first, last) in zip(pairwise(self.steps), pairwise(self._lands), strict=True):
            y, said = run.unseen(before.x, first), Step(first, before.t, before.x, before.prediction, before.x0)
            for k in range(first, last):
                y = run.advance(y, said)
                if k + 1 < last:
                    said = observe(self.denoiser, run.seen(y, k + 1), self.times[k + 1], k + 1)
            worst = max(worst, _relative(after.x, run.seen(y, last)))
        return worst


def exact_tables(scheduler_class: type[Any]) -> type[Any]:
    """The same scheduler with ᾱ, and what it makes of it once, in float64."""

    @wraps(scheduler_class.__init__)
    def init(self: Any, **settings: Any) -> None:
        scheduler_class.__init__(self, **settings)
        self.betas = torch.tensor(settings["trained_betas"], dtype=torch.float64)
        self.alphas = 1 - self.betas
        self.alphas_cumprod = self.alphas.cumprod(0)

    made: type[Any] = type(scheduler_class.__name__, (scheduler_class,), {"__init__": init})
    return made


def _changed(scheduler_class: type[Any], settings: Mapping[str, Any]) -> type[Any]:
    """The same scheduler with other settings."""

    @wraps(scheduler_class.__init__)
    def init(self: Any, **given: Any) -> None:
        scheduler_class.__init__(self, **given, **settings)

    made: type[Any] = type(scheduler_class.__name__, (scheduler_class,), {"__init__": init})
    return made


def _relative(found: Tensor, expected: Tensor) -> float:
    size = max(1.0, float(found.square().mean().sqrt()))
    return float((found - expected).abs().max()) / size
