"""Samplers against diffusers' schedulers on the shipped digits: one network, one x_T, the same injected noise.

Each number is the largest difference in x_t, in units of the larger of 1 and the root-mean-square size of x_t.

* "each step": both go from the same x_t, our own at every step of our run, with the same answer of the network.
* "whole run": each goes its own way, the network being asked at the x that it has come to itself.
* "whole run, ᾱ in float64", with 1,000 steps: diffusers' own code with ᾱ, and what it makes of it once, in float64, as
  the definition has it; x, the network and all else are float32 on both sides. Of those methods whose run diffusers'
  float32 ᾱ alone takes further than the limit from its own run with such ᾱ (`Pair.coarse`) this is the run to agree
  with, and the whole run beside diffusers as it is has no limit, but says how far that is from it. Where our run goes
  further than the limit from itself once the network's answers are moved by their last digit, so does any other
  that is rounded otherwise: then this line has no limit either, and says how far.
* "whole run, ᾱ and x in float64", with 1,000 steps: the samplers of both in float64, around the network in float32.

diffusers keeps ᾱ in float32, and takes 1 − ᾱ, 1 − ᾱ_t/ᾱ_{t−1} and σ² = (1 − ᾱ)/ᾱ of it. Where t is small these are near
10⁻⁴, of which the rounding of a number near 1 is 10⁻³. With 1,000 steps the last dozen lie there: its σ are wrong by up
to 3·10⁻⁴ of themselves, and so are the steps of Euler and DPM-Solver++, and the weights of x_t and x̂₀ in its DDPM
(`tests/diffusion/test_diffusers_rounding.py`). The difference is the same for every pixel and adds up.

The note beside it says how far both are from our run with x in float64, at the worst step. Between two clear pictures
the network turns rounding in the last digit into more than a thousand times as much. With η = 0.6 our run and
diffusers' are 5.4·10⁻⁴ apart near t = 400, and 3·10⁻⁵ at the end; a step from the same x_t differs by 10⁻⁶. It is
rounding: ours is as far, 4.3·10⁻⁴, from itself with x in float64, 2.6·10⁻⁴ where x_T alone is moved by its last digit,
and 1.2·10⁻³ where the network's answers are. That it is 6.3·10⁻⁵ from diffusers as it is, is luck: that run is 5.7·10⁻⁴
from diffusers' own with ᾱ in float64.

Measured: each step of every run agrees to 8·10⁻⁵ with 10, 50 and 1,000 steps, whole runs to 5.5·10⁻⁵ with 10 and 50.
With 1,000, whole runs of DDIM, Heun and Euler's method with fresh noise agree to 7.6·10⁻⁵, and those of Euler, DDPM and
DPM-Solver++ to 2·10⁻⁵ with ᾱ in float64, from which diffusers as it is, is 2, 3 and 3·10⁻⁴.

Times are diffusers' own. Those of its linspace for Euler and Heun lie between the whole ones with most numbers of
steps, where this network is not defined, and so do those of its Karras spacing. Its DDIM with linspace goes to another
time than the next one (`tests/diffusion/test_diffusers_samplers.py`), and its DDPM with the variance β adds noise to
x_0 with "trailing", as the same file shows. With 1,000 steps all spacings are one; DPM-Solver++'s "leading" and
"linspace" are then no lists of 1,000 times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, wraps
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from explorer.bench import Row, say
from explorer.diffusion.denoiser import Condition, Denoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.samplers import find
from explorer.diffusion.samplers.base import Step, observe
from explorer.diffusion.samplers.from_diffusers import Parameters, SchedulerRun, class_called, plan, sample
from explorer.diffusion.schedules import Schedule
from explorer.formats.registry import load
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
    coarse: bool = False
    """Whether diffusers' float32 ᾱ takes its own run of 1,000 steps further than LIMIT away."""

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
    Pair("ddpm", "DDPMScheduler", {"clip": True}, {"variance": "beta_tilde"}, coarse=True),
    Pair("ddpm", "DDPMScheduler", {"clip": True}, {"variance": "beta"}, {"variance_type": "fixed_large"}, coarse=True),
    Pair("euler", "EulerDiscreteScheduler", {"clip": False}, coarse=True),
    Pair("heun", "HeunDiscreteScheduler", {"clip": False}),
    Pair("dpmpp_2m", "DPMSolverMultistepScheduler", {"clip": False}, coarse=True),
)


def measure() -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    with torch.inference_mode():
        digits = load(CHECKPOINTS / "digits", "cpu")
        for pair in PAIRS:
            for steps in COUNTS:
                for spacing in spacings(pair, steps):
                    named = f"{pair.title}  {steps}  {spacing}  "
                    say(named)
                    run = partial(Comparison, shape=digits.facts.shape, pair=pair, steps=steps, spacing=spacing)
                    fine = run(Float64(digits.denoiser), dtype=torch.float64) if steps == MOST else None
                    rows += compare(run(digits.denoiser), fine, named)
    return rows


def compare(comparison: Comparison, fine: Comparison | None, named: str) -> list[Row]:
    """The rows of one run, each named so and by what it measures. fine: the same run with x in float64, if wanted."""
    rows = [Row(named + "each step", comparison.one_step(), "", LIMIT)]
    whole = comparison.whole_run()
    if fine is None:
        return [*rows, Row(named + "whole run", whole, "", LIMIT)]
    plain = comparison.arrived
    rows.append(Row(named + "whole run, ᾱ and x in float64", fine.whole_run(exact=True), "", LIMIT))
    exact = comparison.whole_run(exact=True)
    ours = [step.x for step in comparison.steps]
    right = [step.x for step in fine.steps]
    note = f"from x in float64: ours {_apart(ours, right):.1e}, theirs {_apart(comparison.arrived, right):.1e}"
    limit: float | None = LIMIT
    if exact > LIMIT:
        rounding = comparison.rounding()
        note += f"; the last digit of the network's answers takes ours {rounding:.1e} from itself"
        limit = None if rounding > LIMIT else LIMIT
    rows.append(Row(named + "whole run, ᾱ in float64", exact, "", limit, note))
    wrong = _apart(plain, comparison.arrived)
    said = f"diffusers is {wrong:.1e} from its own with ᾱ in float64"
    limit = None if comparison.coarse and wrong > LIMIT else LIMIT
    return [*rows, Row(named + "whole run, diffusers as it is", whole, "", limit, said)]


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


@dataclass(frozen=True)
class Float64:
    """A denoiser whose network is asked in float32, as it is, of an x_t in float64."""

    denoiser: Denoiser

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        said = self.denoiser(x_t.float(), t, condition)
        output = x_t if said.output is said.x_t else said.output.double()
        return Prediction(x_t, t, said.a, said.s, said.kind, output)


@dataclass(frozen=True)
class LastDigit:
    """A denoiser whose network's answers are all moved to the next float32 towards an end."""

    denoiser: Denoiser
    end: float

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        said = self.denoiser(x_t, t, condition)
        moved = said.output.nextafter(torch.full_like(said.output, self.end))
        return Prediction(x_t, t, said.a, said.s, said.kind, moved)


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
        self.theirs, self.coarse = pair.scheduler, pair.coarse
        self.arrived: list[Tensor] = []
        """Theirs, at the times of our Steps, in the whole run that was made last."""
        self.noise = CastNoise(SEED, 1, shape, torch.device("cpu"), dtype=dtype)
        self.chosen = Parameters(spacing=spacing, **pair.parameters)  # type: ignore[arg-type]  # by name
        self.times = plan(self.theirs, self.schedule, steps, self.chosen)
        self.x = self.noise(0, Stream.INITIAL) * self.schedule.prior_std(self.times[0])
        # Where Heun's method visits a time twice, it arrives there with the second.
        self._lands = [k for k, (t, r) in enumerate(pairwise([*self.times, -1.0])) if t != r]
        ours = find(pair.name)
        own = {key: value for key, value in pair.parameters.items() if key in ours.parameters.__dataclass_fields__}
        self._sample, self._own = ours.sample, ours.parameters(**own, **pair.own)
        self.steps = self._run(denoiser)

    def _run(self, denoiser: Denoiser) -> list[Step]:
        times = [self.times[k] for k in self._lands]
        return list(self._sample(denoiser, self.schedule, self.x, times, self.noise, self._own))

    def rounding(self) -> float:
        """How far our run is from itself where the network's answers differ in their last digit, up or down."""
        ours = [step.x for step in self.steps]
        moved = (self._run(LastDigit(self.denoiser, end)) for end in (-torch.inf, torch.inf))
        return max(_apart([step.x for step in run], ours) for run in moved)

    def whole_run(self, exact: bool = False) -> float:
        """exact: diffusers' tables in float64."""
        theirs = exact_tables(self.theirs) if exact else self.theirs
        run = sample(theirs, self.denoiser, self.schedule, self.x, self.times, self.noise, self.chosen)
        found = [step.x for step in run]
        self.arrived = [found[k] for k in self._lands]
        return _apart([step.x for step in self.steps], self.arrived)

    def one_step(self, exact: bool = False) -> float:
        """Of a multistep method with its memory of our own steps before. exact: diffusers' tables in float64."""
        theirs, kind = exact_tables(self.theirs) if exact else self.theirs, self.steps[0].prediction.kind
        run = SchedulerRun.along(theirs, self.schedule, self.times, self.noise, self.chosen, kind)
        worst = 0.0
        for (before, after), (first, last) in zip(pairwise(self.steps), pairwise(self._lands), strict=True):
            y, said = run.unseen(before.x, first), Step(first, before.t, before.x, before.prediction, before.limited_x0)
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


def _apart(run: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Of the x_t of two runs, at the step where they are furthest from each other."""
    return max(_relative(x, y) for x, y in zip(run, other, strict=True))


def _relative(found: Tensor, expected: Tensor) -> float:
    size = max(1.0, float(found.square().mean().sqrt()))
    return float((found - expected).abs().max()) / size
