"""A Step at its least: x_t and what the network said. Everything else follows from them, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from explorer.diffusion.prediction import Coefficient, Kind, Prediction
from explorer.diffusion.samplers import Step
from explorer.diffusion.threshold import Limit


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """limit: how x̂₀ was limited, None for not at all. x0: x̂₀ itself, where it follows neither way."""

    index: int
    t: float
    x: Tensor
    output: Tensor
    kind: Kind
    a: Coefficient
    s: Coefficient
    limit: Limit | None
    x0: Tensor | None
    extras: Mapping[str, float]
    variance_fraction: Tensor | None = None
    nbytes: int = field(init=False)
    """Of the tensors, in bytes. Counted once: a long run is added up at every step."""

    def __post_init__(self) -> None:
        output = None if self.output is self.x else self.output
        tensors = (self.x, output, self.x0, self.variance_fraction)
        nbytes = sum(tensor.untyped_storage().nbytes() for tensor in tensors if tensor is not None)
        object.__setattr__(self, "nbytes", nbytes)

    @classmethod
    def of(cls, step: Step, limit: Limit | None) -> Kept:
        """limit: how the sampler limits x̂₀, if it does."""
        prediction = step.prediction
        follows, limit = _clipped_at(step, limit)
        x = _own(step.x)
        output = x if prediction.output is step.x else _own(prediction.output)
        x0 = None if follows or step.limited_x0 is None else _own(step.limited_x0)
        kind, a, s = prediction.kind, prediction.a, prediction.s
        fraction = prediction.variance_fraction
        fraction = None if fraction is None else _own(fraction)
        return cls(step.index, step.t, x, output, kind, a, s, limit, x0, step.extras, fraction)

    def step(self) -> Step:
        """The Step as it was."""
        fraction = self.variance_fraction
        prediction = Prediction(self.x, self.t, self.a, self.s, self.kind, self.output, variance_fraction=fraction)
        x0 = self.x0
        if x0 is None and self.limit is not None:
            x0 = self.limit(prediction.x0)
        return Step(self.index, self.t, self.x, prediction, x0, self.extras)


def _clipped_at(step: Step, limit: Limit | None) -> tuple[bool, Limit | None]:
    """Whether x̂₀ follows from the prediction, and with which limit."""
    if step.limited_x0 is None:
        return True, None
    if step.x.is_meta:
        return True, limit
    if limit is not None and torch.equal(step.limited_x0, limit(step.prediction.x0)):
        return True, limit
    return False, None


def _own(x: Tensor) -> Tensor:
    """The tensor in memory of its own: a slice of a larger one would keep all of it."""
    return x if x.untyped_storage().nbytes() == x.nbytes else x.clone()
