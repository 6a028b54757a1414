"""What the engine can be asked. Frozen, picklable, without tensors: a Request can cross a thread, a process
or a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.facts import GuidanceKind

OWN_SCHEDULE = "own"


@dataclass(frozen=True)
class ScheduleChoice:
    """The noise schedule to go by. name: "own" for the model's, "zero_terminal_snr" for that rescaled, a family of
    diffusion.schedules with its parameters, or "custom" with control points (t, log-SNR), t rising from 1 to T."""

    name: str = OWN_SCHEDULE
    parameters: tuple[tuple[str, float], ...] = ()
    points: tuple[tuple[float, float], ...] = ()

    def __str__(self) -> str:
        values = ", ".join(f"{key} {value:g}" for key, value in self.parameters)
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
class Open:
    """Read a model's weights."""

    model: ModelRef


@dataclass(frozen=True)
class Tabulate:
    """The numbers of the schedule that the model reference names."""

    model: ModelRef


@dataclass(frozen=True)
class Clip:
    """x̂₀ limited to ± reach; percentile: of |x̂₀| for dynamic thresholding, 0 for plain clipping; most: its bound."""

    reach: float
    percentile: float = 0.0
    most: float = 0.0


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
class Look:
    """What does the model say at (x_t, t)? t counts for a Forward source; a Replay has its step's own.

    clip: how a sampler would limit x̂₀ here; a Replay has its run's own.
    """

    model: ModelRef
    source: Forward | Replay
    t: int
    guidance: Guidance
    lenses: tuple[str, ...]
    against: int | None = None
    """Of a Replay: another run, whose tiles at the same time are shown beside it."""
    clip: Clip | None = None
    by_hand: ByHand = ByHand()
    """Of a latent chain: what of z_t is set by hand."""
    partner: int = 0
    """Of a latent chain: the data sample that an interpolation goes to."""
    second: ModelRef | None = None
    """Another model, whose tiles at the same x_t and t are shown beside these."""
    place: tuple[int, int] | None = None
    """Row and column of the pixel that lenses of one number are about, None for the one in the middle."""


@dataclass(frozen=True)
class Film:
    """x_t of the first sample at several times, for the filmstrip. Needs no network."""

    model: ModelRef
    source: Forward
    times: tuple[int, ...]


@dataclass(frozen=True)
class Prepare:
    """Make later answers about batches of this size faster, when there is nothing else to do."""

    model: ModelRef
    count: int


@dataclass(frozen=True)
class Bound:
    """The variational bound in both splits on the model's first n samples; with a label that on log p(x_0|y), on
    samples of that class.

    t_samples: how many of the T − 1 terms, None for what suits the kind of model. variance: of p(x_{t−1}|x_t).
    ode: log p by the probability-flow ODE as well.
    """

    model: ModelRef
    n: int
    seed: int = 0
    variance: Literal["beta_tilde", "beta"] = "beta_tilde"
    t_samples: int | None = None
    ode: bool = False
    label: int | None = None


@dataclass(frozen=True)
class LatentBound:
    """The ELBO of a latent chain, and its importance-weighted bound by `importance` draws, on the first n samples.

    draws: of the ELBO, for each sample.
    """

    model: ModelRef
    n: int
    importance: int
    draws: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Probe:
    """Which conventions explain best what the network says of known pictures. picture: a file, or a folder of them."""

    model: ModelRef
    picture: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class ScoreMatching:
    """The score-matching objectives at time t, on the model's first `count` samples with the noise of `seed`."""

    model: ModelRef
    t: int
    count: int
    seed: int = 0


@dataclass(frozen=True)
class Forms:
    """How each form of what the model says follows from each, at what is on show."""

    look: Look


@dataclass(frozen=True)
class MeasureForms:
    """The errors of all forms over t, on the model's first samples with the noise of `seed`."""

    model: ModelRef
    samples: int
    seed: int = 0


@dataclass(frozen=True)
class MeasureContinuous:
    """The bound in continuous time, and the loss's variance on the model's schedule and on others."""

    model: ModelRef
    samples: int
    seed: int = 0


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
    wanted: tuple[int, ...] | None = None
    """The other runs that may still be asked about: all others are forgotten. None keeps as many as there is room."""


@dataclass(frozen=True)
class Save:
    """Write what is on show to a file, or the run that it is a step of; the ending of `path` says in which format.

    look: what is on show. plain_diffusers: for a script, one that needs nothing of this program.
    """

    look: Look
    path: str
    plain_diffusers: bool = False


@dataclass(frozen=True)
class SaveSession:
    """Write everything that is open to a file. notes: what the window shows, JSON (see engine.sharing.session_file)."""

    model: ModelRef
    path: str
    notes: str


@dataclass(frozen=True)
class Autosave(SaveSession):
    """The same without the steps, which can be made again: small enough to be written every second."""


@dataclass(frozen=True)
class OpenSession:
    """Open what SaveSession wrote. What is open stays where that fails."""

    path: str


@dataclass(frozen=True)
class Draft:
    """Write an untrained network of points into the folder `path`. data: a distribution's name, "" for the strokes."""

    path: str
    data: str
    prediction: Literal["eps", "x0", "v", "score"]
    title: str
    strokes: tuple[tuple[tuple[float, float], ...], ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Train:
    """Train the open model until something else is asked of this lane."""

    model: ModelRef
    objective: Literal["denoising", "sliced"]
    learning_rate: float
    seed: int = 0


@dataclass(frozen=True)
class Keep:
    """Write the open model's network, as it is now, as a model folder."""

    model: ModelRef
    path: str


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


Request: TypeAlias = (
    Open
    | OpenSession
    | Tabulate
    | Look
    | Film
    | Run
    | Grid
    | ScoreMatching
    | Bound
    | LatentBound
    | Forms
    | MeasureForms
    | MeasureContinuous
    | Probe
    | Prepare
    | Save
    | SaveSession
    | Autosave
    | Draft
    | Train
    | Keep
)
