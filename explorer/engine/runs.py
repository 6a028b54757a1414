"""The recorded runs, within a budget of memory for all of them."""

from __future__ import annotations

from collections.abc import Collection, Generator

from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers import Step
from explorer.engine.frame import Progress
from explorer.engine.meter import Meter
from explorer.engine.samplers import chosen_sampler
from explorer.engine.trajectory import MAX_STRIDE, Trajectory
from explorer.facts import ModelError
from explorer.formats.model import Model

MEMORY_BUDGET = 512 * 2**20
"""Bytes that the steps of all runs together may take."""

KEPT_RUNS = 16
"""Older runs are forgotten."""


class Runs:
    """Trajectories by number. budget: bytes; beyond it, keyframes are kept, and then the oldest runs forgotten."""

    def __init__(self, budget: int = MEMORY_BUDGET) -> None:
        self.budget = budget
        self._runs: dict[int, Trajectory] = {}

    def __contains__(self, run: int) -> bool:
        return run in self._runs

    def get(self, run: int) -> Trajectory:
        """A recorded run. Raises ModelError where it is not kept."""
        if run not in self._runs:
            raise ModelError("That run is no longer kept: start it again.")
        return self._runs[run]

    def all(self) -> dict[int, Trajectory]:
        """By number, in the order they were begun: as they are now, whatever becomes of them."""
        return dict(self._runs)

    def keep(self, run: int, trajectory: Trajectory) -> None:
        """Under this number, as the newest."""
        self._runs.pop(run, None)
        while len(self._runs) >= KEPT_RUNS:
            self._runs.pop(next(iter(self._runs)))
        self._runs[run] = trajectory

    def forget_all_but(self, wanted: Collection[int]) -> None:
        """Those of other numbers are kept no longer."""
        for run in [run for run in self._runs if run not in wanted]:
            del self._runs[run]

    def clear(self) -> None:
        self._runs.clear()

    @property
    def nbytes(self) -> int:
        """What all runs hold, in bytes; what they share counts once."""
        return sum({id(kept): kept.nbytes for run in self._runs.values() for kept in run.held}.values())

    def fit(self) -> None:
        """Come back to the budget: fewer keyframes in all runs alike, so that they go on sharing them; then fewer runs.

        The newest run stays whatever it takes: its last steps are what it goes on from.
        """
        if sum(run.nbytes for run in self._runs.values()) <= self.budget:
            return  # that counts what is shared several times, and is quickly known
        while self.nbytes > self.budget:
            stride = 2 * min(run.stride for run in self._runs.values())
            if stride <= MAX_STRIDE:
                for run in self._runs.values():
                    if run.stride < stride:
                        run.thin(stride)
            elif len(self._runs) > 1:
                self._runs.pop(next(iter(self._runs)))
            else:
                return


def step_of(model: Model, trajectory: Trajectory, index: int, meter: Meter) -> Generator[Progress, None, Step]:
    """A recorded step; where it is no longer held, made again from the keyframe before it, with a word at each step.

    meter: the denoiser as the request that made the step asked it.
    """
    step = trajectory.step(index)
    if step is not None:
        return step
    key = trajectory.keyframe(index)
    request = trajectory.segment(index).request
    sampler, parameters = chosen_sampler(request)
    noise = NoiseSource(request.seed, request.count, model.facts.shape, model.device, request.first)
    history = trajectory.history(key)
    trajectory.forget_again_unless(key)
    schedule, times = model.denoiser.schedule, trajectory.times
    for step in sampler.sample(meter, schedule, history[-1].x, times, noise, parameters, history, key):
        trajectory.record_again(step)
        if step.index == index:
            return step
        yield Progress("")  # a newer wish may go first
    raise AssertionError(f"step {index} lies beyond the plan")
