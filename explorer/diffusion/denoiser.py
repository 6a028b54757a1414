"""The contract every model meets: (x_t, t, condition) → Prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from torch import Tensor

from explorer.diffusion.prediction import Kind, Parts, Prediction
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.variance import fraction_of
from explorer.facts import LearnedVariance

Condition: TypeAlias = Tensor | None
"""Class labels, int64 of shape (n,), NO_LABEL for the unconditional model; None: no label for any sample."""

NO_LABEL = -1


class Denoiser(Protocol):
    """A trained model, or the exact truth, behind one face.

    It owns every convention of the network behind it: time index, offset, input scaling, the meaning
    of the output, the null label. Callers speak of t in 0 … T: 0 is data, T noise.
    """

    @property
    def schedule(self) -> Schedule: ...

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        """x_t: (n, …) on the model's device; t: one time for the batch; condition: see Condition."""
        ...


@runtime_checkable
class DensityDenoiser(Denoiser, Protocol):
    """A denoiser that also knows the density whose score it gives; few do, the exact mixture among them."""

    def log_density(self, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
        """log p(x_t) in nats, up to a constant that does not depend on x_t: (n,)."""
        ...


@runtime_checkable
class GuidedDenoiser(Denoiser, Protocol):
    """A denoiser that mixes what it says with a label and without one."""

    def parts(self, x_t: Tensor, t: float) -> Parts | None:
        """Both, whatever the guidance scale; None where there is no label."""
        ...


def parts(denoiser: Denoiser, x_t: Tensor, t: float) -> Parts | None:
    """The parts of a guided denoiser's answer, asked for anew; None for one that is not guided."""
    return denoiser.parts(x_t, t) if isinstance(denoiser, GuidedDenoiser) else None


def log_density(denoiser: Denoiser, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
    """The denoiser's own log density, (n,). Raises ValueError for one that has none; a wrapper may pass that on."""
    if not isinstance(denoiser, DensityDenoiser):
        raise ValueError("the density of this model is not known: a trained network gives its gradient alone")
    return denoiser.log_density(x_t, t, condition)


@dataclass(frozen=True, eq=False)
class NetworkDenoiser:
    """A network with its schedule and the meaning of its output.

    network: (x_t, t, condition) → output of shape (n, …), with t in 0 … T. learned_variance: of the
    output's channels, twice as many as x_t has, the second half is 2 f − 1 ("range", see `variance.py`), the
    variance of p(x_{t−1} | x_t) itself ("value"), or nothing that is looked at ("unused").
    """

    network: Callable[[Tensor, float, Condition], Tensor]
    schedule: Schedule
    kind: Kind
    learned_variance: LearnedVariance | None = None

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        if s == 0.0:
            return Prediction(x_t, t, a, s, "x0", x_t)  # nothing to remove, and no network was trained at t = 0
        output = self.network(x_t, t, condition)
        if self.learned_variance is None:
            return Prediction(x_t, t, a, s, self.kind, output)
        mean, variance = output.chunk(2, dim=1)
        if self.learned_variance == "unused":
            return Prediction(x_t, t, a, s, self.kind, mean.contiguous())
        fraction = (variance + 1) / 2
        if self.learned_variance == "value":
            fraction = fraction_of(self.schedule, t, max(t - 1, 0), variance)
        return Prediction(x_t, t, a, s, self.kind, mean.contiguous(), variance_fraction=fraction)
