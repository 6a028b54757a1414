"""What a request is about: a model, and where its x_t comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.facts import GuidanceKind

OWN_SCHEDULE = "own"


@dataclass(frozen=True)
class ScheduleChoice:
    """The noise schedule to go by. name: "own" for the model's, "zero_terminal_snr" for that rescaled, a family of
    diffusion.schedules with its parameters, "custom" with control points (t, log-SNR), t rising from 1 to T,
    "learned" for that of the shipped VDM, "file" for the numbers in the file `path`, "model" for the schedule of the
    model at `path`. changed: when what is at `path` was last changed, in nanoseconds since 1970, so that a file edited
    since is another choice; 0 where nobody looked."""

    name: str = OWN_SCHEDULE
    parameters: tuple[tuple[str, float], ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    path: str = ""
    changed: int = 0

    def __str__(self) -> str:
        values = self.path or ", ".join(f"{key} {value:g}" for key, value in self.parameters)
        return f"{self.name} ({values})" if values else self.name


@dataclass(frozen=True)
class ModelRef:
    """Which model, on which device ("auto", "cpu", "cuda", …), with which facts set by the user, on which schedule."""

    path: str
    device: str = "auto"
    overrides: tuple[tuple[str, Any], ...] = ()
    schedule: ScheduleChoice = ScheduleChoice()


@dataclass(frozen=True)
class Guidance:
    """label: class index, or None for the unconditional model. scale: γ, where 0 is
    the unconditional answer and 1 the conditional one. prompt: of a model that
    reads text, whose label is 0 with one and None without; negative_prompt: what γ leads away from.

    interval: (lowest, highest) t at which γ counts, both included; elsewhere it is 1. None for every t.
    rescale: φ of Lin et al. 2024, for classifier-free guidance.
    """

    label: int | None = None
    scale: float = 1.0
    kind: GuidanceKind = "classifier-free"
    interval: tuple[float, float] | None = None
    rescale: float = 0.0
    prompt: str = ""
    negative_prompt: str = ""


@dataclass(frozen=True)
class Forward:
    """x_t made from data: samples first … first + count − 1, or a picture file; ε locked by noise_seed."""

    first: int = 0
    count: int = 1
    noise_seed: int = 0
    picture: str | None = None


@dataclass(frozen=True, eq=False)
class PutIn:
    """Data noised to a step's time inside some pixels, alike in all samples; elsewhere x_t as it was.

    where: (height, width), 1 inside and 0 outside. onto: x_t as it was, (count, …). box: top, left, height and width
    of the pixels that a picture file is scaled to, None for all of them.
    """

    source: Forward
    where: NDArray[np.float32]
    onto: NDArray[np.float32]
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Replay:
    """x_t as recorded at a step of a run."""

    run: int
    step: int


@dataclass(frozen=True)
class ByHand:
    """Of a latent chain: z_t with some numbers set by hand, for every sample alike.

    place: where it is moved in the plane of its map, before `values`, (number, value), are set.
    """

    place: tuple[float, float] | None = None
    values: tuple[tuple[int, float], ...] = ()

    def __bool__(self) -> bool:
        return self.place is not None or bool(self.values)


Edited: TypeAlias = NDArray[np.float32] | Forward | PutIn | ByHand
"""What the user puts in the place of an x_t or z_t."""


@dataclass(frozen=True)
class Clip:
    """x̂₀ limited to ± reach; percentile: of |x̂₀| for dynamic thresholding, 0 for plain clipping; most: its bound."""

    reach: float
    percentile: float = 0.0
    most: float = 0.0
