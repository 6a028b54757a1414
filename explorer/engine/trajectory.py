"""A recorded run: every Step, and what happened along the way in numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from explorer.diffusion.samplers import Step
from explorer.request import Run


@dataclass(eq=False)
class Trajectory:
    """request: what was asked. times: the plan, times[i] being that of step i. steps: those made so far."""

    request: Run
    times: tuple[float, ...]
    steps: list[Step]
    scalars: list[Mapping[str, float]] = field(default_factory=list)

    @cached_property
    def marks(self) -> tuple[int, ...]:
        """The plan on the timeline, which counts whole times: on a continuous schedule the nearest ones."""
        return tuple(round(t) for t in self.times)

    def record(self, step: Step) -> None:
        """Keep a step; what was recorded at and after its index is dropped."""
        if not self.request.record:
            self.steps[:], self.scalars[:] = [step], [step.extras]
            return
        del self.steps[step.index :], self.scalars[step.index :]
        previous = self.steps[-1] if self.steps else None
        self.steps.append(step)
        self.scalars.append(_scalars(step, previous))

    def continued(self, request: Run, plan: Sequence[float]) -> Trajectory:
        """The run up to request.start, to go on with a plan that may have changed since.

        Where the old and the new plan agree on the steps made, the new one is taken as it is. Otherwise the run
        goes on with the part of the new plan that lies ahead: for a sampler that stays at each time for
        several steps, the rest of the present level counts the updates already made there.
        """
        start = min(request.start or 0, len(self.steps) - 1)
        made = tuple(step.t for step in self.steps[: start + 1])
        if tuple(plan[: start + 1]) == made:
            times = tuple(plan)
        else:
            here = made[-1]
            spent = sum(1 for t in made if t == here) - 1
            at_level = [t for t in plan if t == here]
            below = [t for t in plan if t < here]
            times = made + tuple(at_level[spent + 1 :]) + tuple(below)
        return Trajectory(request, times, self.steps[: start + 1], self.scalars[: start + 1])


def _rms(x: Tensor) -> float:
    return math.nan if x.is_meta else float(x.square().mean().sqrt())


def _scalars(step: Step, previous: Step | None) -> dict[str, float]:
    """Root-mean-square sizes per dimension: of x_t, of ε̂ (1 for a well-trained model), of the change of x̂₀."""
    values = {"x_t": _rms(step.x), **step.extras}
    if step.t > 0:
        values["eps"] = _rms(step.prediction.eps)
    if previous is not None:
        values["x0_change"] = _rms(step.x0 - previous.x0)
    return values
