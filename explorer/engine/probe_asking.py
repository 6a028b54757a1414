"""Hypotheses about a network's conventions, and how well each of them explains pictures that are known.

All are asked about the same pictures with the same noise at the same signal-to-noise ratios, so none of them gets an
easier question: a hypothesis decides the scale of the numbers, which time the network is told, and how its output is
read. One call of the network serves all meanings of the output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.prediction import KINDS, Kind, Prediction
from explorer.diffusion.rescheduled import EARLIEST
from explorer.diffusion.schedules import ContinuousSchedule, Schedule
from explorer.engine.probe_pictures import Known
from explorer.facts import NamedSchedule, TimeInput
from explorer.formats.adjusted import Retimed

LEVELS = (4.0, 1.5, -1.0, -3.5)
"""Log-SNR that hypotheses are compared at: most schedules pass through all of them."""
WORST = 20.0
"""Errors beyond this many times that of a linear guess count as this: one level is not to decide everything."""


@dataclass(frozen=True, eq=False)
class Clock:
    """A schedule, and how the network is told its times. numbers: its name, None for one that has none."""

    schedule: Schedule
    numbers: NamedSchedule | None
    title: str
    time: TimeInput = TimeInput()

    def at(self, log_snr: float) -> float:
        """The schedule's time nearest to a noise level."""
        schedule = self.schedule
        if isinstance(schedule, ContinuousSchedule):
            return max(schedule.time(math.exp(-log_snr / 2)), EARLIEST * schedule.T)
        low, high = 1, schedule.T
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if schedule.log_snr(middle) >= log_snr else (low, middle)
        return min((low, high), key=lambda t: abs(schedule.log_snr(t) - log_snr))

    def scale(self, t: float) -> float:
        """√(a² + s²): what numbers of unit variance are multiplied with."""
        return math.hypot(self.schedule.signal(t), self.schedule.noise(t))

    def told(self, t: float) -> float:
        """The time that the network gets."""
        return t if self.time.plain else Retimed(None, self.schedule, self.time).own_time(t)


@dataclass(eq=False)
class Asked:
    """A network that is asked about known pictures; no question is put to it twice.

    told_level: it is told the noise level itself, not a time, so that schedules and times make no difference.
    """

    denoiser: NetworkDenoiser
    known: Known
    seed: int
    calls: int = 0
    _answers: dict[tuple[object, ...], dict[Kind, Tensor]] = field(default_factory=dict)

    @property
    def network(self) -> object:
        """Without a change of times around it."""
        network = self.denoiser.network
        return network.network if isinstance(network, Retimed) else network

    @property
    def told_level(self) -> bool:
        """Whether the network is told the noise level of its schedule, not t: then it is another one on another."""
        on = getattr(self.network, "on", None)
        return on is not None and on(self.denoiser.schedule) is not self.network

    @torch.inference_mode()
    def errors(
        self,
        clock: Clock,
        value_range: tuple[float, float],
        log_snr: float | None,
        t: float | None = None,
        first: int = 0,
        n: int = 8,
        stream: int = 0,
        denoiser: NetworkDenoiser | None = None,
    ) -> dict[Kind, Tensor]:
        """By the meaning of the output: log(squared error of x̂₀ / that of the best linear guess), (n,).

        At a noise level, or at the schedule's own t. first, n: which pictures. stream: which noise.
        """
        if t is None:
            assert log_snr is not None
            t = clock.at(log_snr)
        if log_snr is None:
            log_snr = clock.schedule.log_snr(t)
        told, scale = clock.told(t), clock.scale(t)
        if self.denoiser.schedule.discrete:  # networks of whole times know no others
            told = float(max(round(told), 1))
        key = (told, scale, value_range, log_snr, first, n, stream, denoiser)
        if key not in self._answers:
            self._answers[key] = self._ask(told, scale, value_range, log_snr, (first, n, stream), denoiser)
        return self._answers[key]

    def _ask(
        self,
        told: float,
        scale: float,
        value_range: tuple[float, float],
        log_snr: float,
        which: tuple[int, int, int],
        denoiser: NetworkDenoiser | None,
    ) -> dict[Kind, Tensor]:
        first, n, stream = which
        low, width = value_range[0], value_range[1] - value_range[0]
        a, s = (scale * math.sqrt(1 / (1 + math.exp(-sign * log_snr))) for sign in (1, -1))
        x_0 = low + width * self.known.take(first, n)
        generator = torch.Generator().manual_seed(hash((self.seed, first, stream)) % 2**63)
        eps = torch.randn(x_0.shape, generator=generator).to(x_0.device)
        x_t = a * x_0 + s * eps
        used = self.denoiser if denoiser is None else denoiser
        network = used.network.network if isinstance(used.network, Retimed) else used.network
        output = network(x_t, told, None)
        self.calls += 1
        if self.denoiser.learned_variance:
            output = output.chunk(2, dim=1)[0]
        variance = self.known.variance * width**2
        linear = (variance * s**2 / (a**2 * variance + s**2)).mean()
        answers = {}
        for kind in KINDS:
            x0 = Prediction(x_t, 0.0, a, s, kind, output).x0
            ratio = (x0 - x_0).flatten(1).square().mean(1) / linear
            answers[kind] = ratio.nan_to_num(WORST, WORST).clamp(1 / WORST**2, WORST).log().double().cpu()
        return answers


def score(answers: Sequence[Tensor]) -> Tensor:
    """The mean over noise levels, of each picture: (n,)."""
    return torch.stack(list(answers)).mean(0)


def paired(scores: Tensor, best: Tensor) -> tuple[float, float]:
    """The mean difference and its standard error."""
    difference = scores - best
    n = len(difference)
    error = float(difference.std()) / math.sqrt(n) if n > 1 else math.inf
    return float(difference.mean()), max(error, 1e-6)
