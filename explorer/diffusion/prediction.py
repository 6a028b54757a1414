"""What a model says at (x_t, t), in every equivalent form.

A network returns one of five quantities; given x_t = a x_0 + s ε the others follow:

    x̂₀ = (x_t − s ε̂)/a        score = −ε̂/s        v̂ = a ε̂ − s x̂₀        ε̂ = (x_t − a x̂₀)/s

or, as flow matching does, û = ε̂ − x̂₀, so that x̂₀ = (x_t − s û)/(a + s) and ε̂ = (x_t + a û)/(a + s).

At t = 0 (s = 0) x_t is the data itself: x̂₀ = x_t, and since x_t then holds no trace of ε the best
estimate E[ε | x_t] is 0. The score is not determined by x̂₀ there: unless the model returned a score,
it is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

Kind: TypeAlias = Literal["x0", "eps", "score", "v", "flow"]
KINDS: tuple[Kind, ...] = ("x0", "eps", "score", "v", "flow")
Coefficient: TypeAlias = float | Tensor
"""One number for the whole batch, or a tensor that broadcasts against x_t."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What a guided prediction is made of: what is said with the label, and without it."""

    conditional: Prediction
    unconditional: Prediction

    @property
    def difference(self) -> Tensor:
        """ε̂(x_t, y) − ε̂(x_t), the direction that guidance goes in."""
        return self.conditional.eps - self.unconditional.eps


class _Form:
    """One of the forms: made when it is first asked for, and kept.

    functools.cached_property does the same and takes a lock for it before Python 3.12: a tenth of a sampler's step.
    """

    def __init__(self, make: Callable[[Any], Tensor]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, prediction: Any, owner: type) -> Tensor:
        value: Tensor = self._make(prediction)
        prediction.__dict__[self._name] = value  # found before this from now on
        return value


@dataclass(frozen=True, eq=False, init=False)
class Prediction:
    """x_t (n, …), its time, the path's a(t) and s(t), and the network's `output` of the given kind.

    All tensors have the shape, dtype and device of x_t. parts: where guidance mixed the prediction of two.
    variance_fraction: f of a network that learned the variance of p(x_{t−1} | x_t) too (see `variance.py`).
    """

    x_t: Tensor
    t: float
    a: Coefficient
    s: Coefficient
    kind: Kind
    output: Tensor
    parts: Parts | None = None
    variance_fraction: Tensor | None = None

    def __init__(
        self,
        x_t: Tensor,
        t: float,
        a: Coefficient,
        s: Coefficient,
        kind: Kind,
        output: Tensor,
        parts: Parts | None = None,
        variance_fraction: Tensor | None = None,
    ) -> None:
        # One is made at every step: past the frozen class's own __setattr__, as in `samplers.base.Step`.
        fields = self.__dict__
        fields["x_t"], fields["t"], fields["a"], fields["s"] = x_t, t, a, s
        fields["kind"], fields["output"] = kind, output
        fields["parts"], fields["variance_fraction"] = parts, variance_fraction

    @property
    def _clean(self) -> bool:
        return isinstance(self.s, float) and self.s == 0.0

    @_Form
    def x0(self) -> Tensor:
        """x̂₀ = E[x_0 | x_t], in the model's own value range, not clipped."""
        if self.kind == "x0":
            return self.output
        if self._clean:
            return self.x_t
        if self.kind == "v":
            scale = self.a * self.a + self.s * self.s
            return _combine(self.x_t, self.a / scale, self.output, -self.s / scale)
        if self.kind == "flow":
            return _combine(self.x_t, 1 / (self.a + self.s), self.output, -self.s / (self.a + self.s))
        eps = self.output if self.kind == "eps" else self.eps
        scaled_x0 = _combine(self.x_t, 1.0, eps, -self.s)
        if isinstance(self.a, float) and self.a != 0.0:
            return scaled_x0.add_(scaled_x0, alpha=1.0 / self.a - 1.0)  # a division by a number costs twice as much
        return scaled_x0.div_(self.a)

    @_Form
    def eps(self) -> Tensor:
        """ε̂ = E[ε | x_t], of unit scale."""
        if self.kind == "eps":
            return self.output
        if self._clean:
            return torch.zeros_like(self.x_t)
        if self.kind == "score":
            return self.output * -self.s
        if self.kind == "v":
            scale = self.a * self.a + self.s * self.s
            return _combine(self.x_t, self.s / scale, self.output, self.a / scale)
        if self.kind == "flow":
            return _combine(self.x_t, 1 / (self.a + self.s), self.output, self.a / (self.a + self.s))
        return (self.x_t - self.a * self.output) / self.s

    @_Form
    def score(self) -> Tensor:
        """The marginal score ∇ log p(x_t), in units of 1/x_t."""
        if self.kind == "score":
            return self.output
        if self._clean:
            return torch.full_like(self.x_t, torch.nan)
        return self.eps / -self.s

    @_Form
    def v(self) -> Tensor:
        """v̂ = a ε̂ − s x̂₀ (Salimans & Ho 2022)."""
        if self.kind == "v":
            return self.output
        return _combine(self.eps, self.a, self.x0, -self.s)

    @_Form
    def flow(self) -> Tensor:
        """û = ε̂ − x̂₀, the velocity along the straight path of flow matching."""
        return self.output if self.kind == "flow" else self.eps - self.x0

    def select(self, samples: slice) -> Prediction:
        """The prediction of some samples of the batch alone. a and s must be numbers."""
        fraction = None if self.variance_fraction is None else self.variance_fraction[samples]
        return replace(self, x_t=self.x_t[samples], output=self.output[samples], variance_fraction=fraction, parts=None)


def _combine(x: Tensor, a: Coefficient, y: Tensor, b: Coefficient) -> Tensor:
    """a x + b y, in one kernel or two where b is a number."""
    if not isinstance(b, float):  # asked of float, as asking whether something is a Tensor costs four times as much
        return a * x + b * y
    if isinstance(a, float) and a == 1.0:
        return x.add(y, alpha=b)
    return torch.mul(x, a).add_(y, alpha=b)
