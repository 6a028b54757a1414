"""A recorded run: its Steps at their least, and what happened along the way in numbers.

Where memory is short, keyframes are kept, and the steps between are made again from them, bit for bit: by the same
sampler, on the same batch, with the noise of the same addresses, after the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from torch import Tensor

from explorer.diffusion.samplers import Step
from explorer.diffusion.threshold import Limit
from explorer.engine.kept import Kept
from explorer.engine.scalars import scalars
from explorer.request import Run

MAX_STRIDE = 16
"""Keyframes further apart than this would make going back to a step too slow: the network is asked up to so often."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Steps made by one request, from `start` on. continues: the steps before it were the sampler's history.

    memory: how many Steps before a Step the next one depends on, None where it is all of them.
    """

    request: Run
    start: int
    continues: bool = False
    memory: int | None = 0
    limit: Limit | None = None
    """How x̂₀ is limited, if it is."""


@dataclass(eq=False)
class Trajectory:
    """times: the plan, times[i] being that of step i. segments: who made which steps; the last is going on."""

    times: tuple[float, ...]
    segments: tuple[Segment, ...]
    scalars: list[Mapping[str, float]] = field(default_factory=list)
    stride: int = 1
    """Every stride-th step is a keyframe."""
    value_range: tuple[float, float] | None = None
    """Of the data, where x̂₀ beyond it is worth counting."""
    _kept: dict[int, Kept] = field(default_factory=dict)
    _again: dict[int, Kept] = field(default_factory=dict)
    """Steps made again lately."""
    _last: Step | None = None

    @classmethod
    def restored(
        cls,
        times: tuple[float, ...],
        segments: tuple[Segment, ...],
        scalars: list[Mapping[str, float]],
        stride: int,
        value_range: tuple[float, float] | None,
        kept: dict[int, Kept],
    ) -> Trajectory:
        """A run as it was, of what was kept of it: its last step among them."""
        run = cls(times, segments, scalars, stride, value_range, kept)
        run._last = kept[max(kept)].step()
        return run

    @property
    def kept(self) -> Mapping[int, Kept]:
        """By index: the keyframes and the newest steps."""
        return self._kept

    @property
    def request(self) -> Run:
        """What was asked last."""
        return self.segments[-1].request

    @cached_property
    def marks(self) -> tuple[int, ...]:
        """The plan on the timeline, which counts whole times: on a continuous schedule the nearest ones."""
        return tuple(round(t) for t in self.times)

    @property
    def made(self) -> int:
        """How many steps are recorded."""
        return len(self.scalars)

    @property
    def last(self) -> Step:
        """The newest step. Raises IndexError where none was made."""
        if self._last is None:
            raise IndexError("no step was made")
        return self._last

    @property
    def steps(self) -> list[Step]:
        """The steps that are kept, in order: all of them while memory lasts."""
        return [self._kept[index].step() for index in sorted(self._kept)]

    @property
    def positions(self) -> list[tuple[int, Tensor]]:
        """The number and x_t of every step that is kept, in order."""
        return [(index, self._kept[index].x) for index in sorted(self._kept)]

    @property
    def held(self) -> Iterable[Kept]:
        """Everything that takes memory. Runs of a family share some of it."""
        yield from self._kept.values()
        yield from self._again.values()

    @property
    def nbytes(self) -> int:
        """Of what is held, in bytes."""
        return sum(kept.nbytes for kept in self.held)

    def next_time(self, index: int) -> float | None:
        """The next smaller time after step `index`, None where there is none."""
        return next((t for t in self.times[index + 1 :] if t < self.times[index]), None)

    def segment(self, index: int) -> Segment:
        """Which request made a step."""
        return next(segment for segment in reversed(self.segments) if segment.start <= index)

    def step(self, index: int) -> Step | None:
        """A step, None where it has to be made again."""
        if self._last is not None and self._last.index == index:
            return self._last
        kept = self._kept.get(index) or self._again.get(index)
        return None if kept is None else kept.step()

    def last_with_noise(self, index: int, wanted: int) -> list[Step]:
        """The last `wanted` steps before `index` that are not at t = 0, the later first, as far as they are held."""
        before = [i for i in range(index - 1, -1, -1) if self.times[i] > 0][:wanted]
        return [step for i in before if (step := self.step(i)) is not None]

    def history(self, index: int) -> tuple[Step, ...]:
        """The steps that lead to one, as far as they are held without a gap and of the same sampler's making."""
        steps: list[Step] = []
        segment, first = self.segment(index), 0
        if not segment.continues:
            first = segment.start
        if segment.memory is not None:
            first = max(first, index - segment.memory)
        for i in range(index, first - 1, -1):
            step = self.step(i)
            if step is None:
                break
            steps.insert(0, step)
        return tuple(steps)

    def keyframe(self, index: int) -> int:
        """The last step at or before `index` from which the steps up to it can be made again."""
        segment = self.segment(index)
        for i in range(index, segment.start, -1):
            first = 0 if segment.continues else segment.start
            before = range(max(first, i - (segment.memory or 0)), i + 1)
            if all(j in self._kept or j in self._again for j in before):
                return i
        return segment.start

    def record(self, step: Step) -> None:
        """Keep a step; what was recorded at and after its index is dropped."""
        previous, segment = self._last, self.segments[-1]
        if previous is step:
            return
        self._last = step
        if not segment.request.record:
            self.scalars[:] = [step.extras]
            self._kept = {step.index: Kept.of(step, segment.limit)}
            return
        if previous is not None and previous.index >= step.index:
            previous = self.step(step.index - 1)
            for kept in (self._kept, self._again):
                for index in [index for index in kept if index >= step.index]:
                    del kept[index]
            del self.scalars[step.index :]
        self._kept[step.index] = Kept.of(step, segment.limit)
        self.scalars.append(scalars(step, previous, self.value_range))
        if self.stride > 1:
            self._thin(range(max(step.index - self._reach - 1, 0), step.index))

    def record_again(self, step: Step) -> None:
        """Hold a step that was made again, until others are."""
        if step.index not in self._kept:
            self._again[step.index] = Kept.of(step, self.segment(step.index).limit)

    def forget_again_unless(self, index: int) -> None:
        """Forget the steps made again, unless this is one of them: they are all of one neighbourhood."""
        if index not in self._again:
            self._again.clear()

    def thin(self, stride: int) -> None:
        """Keep every stride-th step, the newest ones, and those where the user's choices changed."""
        self.stride = stride
        self._thin(sorted(self._kept))

    def _thin(self, indices: Iterable[int]) -> None:
        for index in indices:
            if index in self._kept and not self._needed(index):
                del self._kept[index]

    @property
    def _reach(self) -> int:
        return max(segment.memory or 0 for segment in self.segments)

    def _needed(self, index: int) -> bool:
        """True for a keyframe, for what a keyframe's next step depends on, and for what the run goes on from."""
        segment, reach = self.segment(index), self._reach
        if segment.memory is None or index >= self.made - 2 - reach or -index % self.stride <= reach:
            return True
        return any(other.start - reach <= index <= other.start for other in self.segments)

    def continued(
        self,
        request: Run,
        plan: Sequence[float],
        start: int,
        goes_on: bool,
        memory: int | None = 0,
        limit: Limit | None = None,
    ) -> Trajectory:
        """The run up to step `start`, which is held, to go on with a plan that may have changed since.

        Where the old and the new plan agree on the steps made, the new one is taken as it is. Otherwise the run
        goes on with the part of the new plan that lies ahead: for a sampler that stays at each time for
        several steps, the rest of the present level counts the updates already made there.
        goes_on: what the model said so far still holds for the new request. The steps are shared, not copied.
        """
        made = self.times[: start + 1]
        if tuple(plan[: start + 1]) == made:
            times = tuple(plan)
        else:
            here = made[-1]
            spent = sum(1 for t in made if t == here) - 1
            at_level = [t for t in plan if t == here]
            below = [t for t in plan if t < here]
            times = made + tuple(at_level[spent + 1 :]) + tuple(below)
        previous = self.segment(start)
        if previous.start == start or (goes_on and _same_making(previous.request, request)):
            request = _beginning_as(request, previous.request)
        if goes_on and _same_making(previous.request, request):
            new = replace(previous, request=request)
        else:
            new = Segment(request, start, goes_on, memory, limit)
        segments = tuple(segment for segment in self.segments if segment.start < new.start)
        known = {**self._again, **self._kept}
        kept = {index: step for index, step in known.items() if index <= start}
        child = Trajectory(times, (*segments, new), self.scalars[: start + 1], self.stride, self.value_range, kept)
        child._last = self.step(start)
        return child


def _beginning_as(request: Run, earlier: Run) -> Run:
    """The request with the x_t that the steps began with, if that was put in by hand."""
    edited = earlier.edited if request.edited is None else request.edited
    return replace(request, edited=edited, initial=earlier.initial if request.initial is None else request.initial)


def _same_making(one: Run, other: Run) -> bool:
    """True where both requests make the same step of the same step."""
    asked = ("model", "sampler", "seed", "count", "first", "guidance", "parameters", "record")
    return all(getattr(one, name) == getattr(other, name) for name in asked)
