"""A Step at its least: x_t and what the network said. Everything else follows from them, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.diffusion.prediction import Coefficient, Kind, Prediction
from explorer.diffusion.samplers import Step


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """limit: where x̂₀ was clipped, None for nowhere. x0: x̂₀ itself, where it follows neither way."""

    index: int
    t: float
    x: Tensor
    output: Tensor
    kind: Kind
    a: Coefficient
    s: Coefficient
    limit: float | None
    x0: Tensor | None
    extras: Mapping[str, float]

    @classmethod
    def of(cls, step: Step, limit: float | None) -> Kept:
        """limit: where the sampler clips x̂₀, if it does."""
        prediction = step.prediction
        follows, limit = _clipped_at(step, limit)
        x = _own(step.x)
        output = x if prediction.output is step.x else _own(prediction.output)
        x0 = None if follows else _own(step.x0)
        kind, a, s = prediction.kind, prediction.a, prediction.s
        return cls(step.index, step.t, x, output, kind, a, s, limit, x0, step.extras)

    @property
    def nbytes(self) -> int:
        """Of the tensors, in bytes."""
        tensors = [self.x, *([] if self.output is self.x else [self.output]), *([] if self.x0 is None else [self.x0])]
        return sum(tensor.untyped_storage().nbytes() for tensor in tensors)

    def step(self) -> Step:
        """The Step as it was."""
        prediction = Prediction(self.x, self.t, self.a, self.s, self.kind, self.output)
        x0 = self.x0
        if x0 is None:
            x0 = prediction.x0 if self.limit is None else prediction.x0.clamp(-self.limit, self.limit)
        return Step(self.index, self.t, self.x, prediction, x0, self.extras)


def _clipped_at(step: Step, limit: float | None) -> tuple[bool, float | None]:
    """Whether x̂₀ follows from the prediction, and with which limit."""
    plain = step.prediction.x0
    if step.x0 is plain:
        return True, None
    if step.x.is_meta:
        return True, limit
    if limit is not None and torch.equal(step.x0, plain.clamp(-limit, limit)):
        return True, limit
    return False, None


def _own(x: Tensor) -> Tensor:
    """The tensor in memory of its own: a slice of a larger one would keep all of it."""
    return x if x.untyped_storage().nbytes() == x.nbytes else x.clone()
