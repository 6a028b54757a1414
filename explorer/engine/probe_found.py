"""What a probe's steps have found so far, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.prediction import Kind
from explorer.engine.probe_asking import Clock, paired

CERTAIN = 6.0
"""Standard errors, from which on no more pictures are asked about."""
CERTAIN_OF_FEW = 9.0
"""The same of the first few pictures, whose standard error is itself uncertain."""

Comparison: TypeAlias = tuple[float, float]
"""A difference and its standard error."""


@dataclass(frozen=True)
class Hypothesis:
    """A clock, a value range and a meaning of the output."""

    clock: Clock
    value_range: tuple[float, float]
    kind: Kind

    @property
    def asked(self) -> tuple[Clock, tuple[float, float]]:
        """What the network is asked: the same for all meanings of its output."""
        return self.clock, self.value_range


@dataclass(eq=False)
class Found:
    """scores: (n,) by hypothesis, of the same pictures in the same order, but of more of them where it was close.

    offsets, weights: (n,) by what was tried. times: which t each entry of offsets belongs to. denoiser: with the better
    set of weights, where that is not the one in use.
    """

    in_force: Hypothesis
    best: Hypothesis
    told_level: bool
    scores: dict[Hypothesis, Tensor] = field(default_factory=dict)
    offsets: dict[float, Tensor] = field(default_factory=dict)
    times: Tensor = field(default_factory=lambda: torch.zeros(0))
    weights: dict[str, Tensor] = field(default_factory=dict)
    denoiser: NetworkDenoiser | None = None

    def gap(self, worse: Hypothesis, better: Hypothesis) -> Comparison:
        """By how much one is worse than another, over the pictures that both were asked about."""
        n = min(len(self.scores[worse]), len(self.scores[better]))
        return paired(self.scores[worse][:n], self.scores[better][:n])

    def behind(self, hypothesis: Hypothesis) -> float:
        """By how much one is worse than the best."""
        return self.gap(hypothesis, self.best)[0]

    def choose(self) -> None:
        """The hypothesis with the least error; the one in force where none is better."""
        most = max(len(scores) for scores in self.scores.values())
        deepest = [hypothesis for hypothesis, scores in self.scores.items() if len(scores) == most]
        best = min(deepest, key=lambda hypothesis: float(self.scores[hypothesis].mean()))
        if self.in_force in self.scores and self.gap(self.in_force, best)[0] <= 0:
            best = self.in_force
        self.best = best

    def rivals(self, few: int) -> list[Hypothesis]:
        """Those that are not certainly worse than the best, the nearest first. few: how many pictures are few."""
        close = []
        for hypothesis in self.scores:
            if hypothesis != self.best:
                difference, error = self.gap(hypothesis, self.best)
                n = min(len(self.scores[hypothesis]), len(self.scores[self.best]))
                if difference < (CERTAIN_OF_FEW if n <= few else CERTAIN) * error:
                    close.append((difference, hypothesis))
        return [hypothesis for _, hypothesis in sorted(close, key=lambda pair: pair[0])]
