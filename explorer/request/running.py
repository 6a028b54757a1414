"""Reverse runs, one or many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.request.subject import Edited, Guidance, ModelRef


@dataclass(frozen=True, eq=False)
class Run:
    """Reverse sampling. run: the trajectory's number. start: the recorded step to go on from; later steps are
    dropped; None begins anew, or as a branch. until: the last step to make, None for the end."""

    model: ModelRef
    run: int
    sampler: str
    steps: int
    seed: int
    count: int
    guidance: Guidance
    lenses: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    first: int = 0
    """The number of the batch's first sample, which addresses its noise."""
    initial: NDArray[np.float32] | None = None
    """x_T, (count, …), in place of noise."""
    start: int | None = None
    until: int | None = None
    record: bool = True
    """False keeps the last step alone, for large batches that nobody will scrub through."""
    branch_of: tuple[int, int] | None = None
    """(run, step): begin as that run up to that step, and go on from there. Its steps are shared, and it stays."""
    edited: Edited | None = None
    """x_t to go on with in place of what the branch begins with: (count, …), or data noised to that step's time; of a
    latent chain what of z_t is set by hand."""
    against: int | None = None
    """Another run, whose tiles at the same time are shown beside those of each step."""
    second: ModelRef | None = None
    """Another model, asked at each step's x_t and t, whose tiles are shown beside."""
    second_own: bool = False
    """It makes its own run from the same x_T with the same noise, in place of being asked at the first one's x_t."""
    wanted: tuple[int, ...] | None = None
    """The other runs that may still be asked about: all others are forgotten. None keeps as many as there is room."""


AxisName: TypeAlias = Literal["sampler", "steps", "sampler_seed", "label", "guidance_scale", "eta", "step_size"]
"""What of a run can be varied."""
AxisValue: TypeAlias = str | int | float | None
"""None is no label."""


@dataclass(frozen=True)
class Axis:
    """One side of a grid: what is varied, and its values in their order."""

    name: AxisName
    values: tuple[AxisValue, ...]


@dataclass(frozen=True, eq=False)
class Grid:
    """Many runs, of which the last x alone is wanted. cells: [row][column], the run with the values of both axes, or
    in one sentence why there is none. Their numbers count for nothing: none of them is recorded."""

    model: ModelRef
    rows: Axis
    columns: Axis
    cells: tuple[tuple[Run | str, ...], ...]
