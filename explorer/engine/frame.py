"""What the engine answers. Frozen, picklable, numpy arrays at most: a Frame can cross a thread, a process or a
network. Errors are Frames too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.engine.forms_frame import ContinuousBound, FormsMeasured, FormsShown
from explorer.engine.grid_frame import GridCell, GridProgress
from explorer.engine.likelihood_frame import Bounded, Bounding, LatentBounded, ScoresMatched
from explorer.engine.probe_frame import Probed, Probing
from explorer.facts import ModelFacts
from explorer.lenses.drawable import Drawable
from explorer.request import Edited, ScheduleChoice
from explorer.state import State

During: TypeAlias = Literal[
    "start",
    "open",
    "look",
    "schedule",
    "film",
    "run",
    "grid",
    "scores",
    "forms",
    "bound",
    "measure",
    "probe",
    "train",
    "prepare",
    "save",
    "keep",
]
"""What the engine was doing."""

Needs: TypeAlias = Literal["", "betas", "between", "flow", "edm"]
"""What a sampler needs of the schedule: β, β and times between the whole ones, the straight path of flow matching, or
the exploding one."""


@dataclass(frozen=True)
class ParameterSpec:
    """One typed parameter of a sampler: enough to build its control."""

    name: str
    label: str
    help: str
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    only_with: str = ""
    """The yes-or-no parameter without which this one says nothing; "" for none."""


@dataclass(frozen=True)
class ScheduleSpec:
    """A noise schedule as a menu and a panel show it."""

    name: str
    label: str
    summary: str
    parameters: tuple[ParameterSpec, ...] = ()


@dataclass(frozen=True)
class SamplerSpec:
    """A sampler as a menu and a panel show it."""

    name: str
    label: str
    summary: str
    steps_label: str
    default_steps: int
    levels: bool
    parameters: tuple[ParameterSpec, ...]
    group: str = ""
    """The library it comes from, "" for our own."""
    needs_density: bool = False
    needs: Needs = ""


@dataclass(frozen=True)
class LensSpec:
    """A lens as a menu and a tile show it."""

    name: str
    label: str
    formula: str
    kinds: tuple[str, ...]
    slow: bool = False
    """Drawn after the others, and not while a run goes on."""
    of_place: bool = False
    """About the pixel that was chosen."""
    words: str = ""
    """What it is, where the label is a symbol."""


@dataclass(frozen=True)
class Ready:
    """The engine runs: what it offers."""

    samplers: tuple[SamplerSpec, ...]
    lenses: tuple[LensSpec, ...]
    devices: tuple[str, ...]
    schedules: tuple[ScheduleSpec, ...] = ()
    chain_samplers: tuple[SamplerSpec, ...] = ()
    """Those of latent chains."""


@dataclass(frozen=True)
class Progress:
    """What is being done, for the status line. fraction: 0 … 1, None where it is not known."""

    message: str
    fraction: float | None = None


@dataclass(frozen=True, eq=False)
class ScheduleTable:
    """The schedule at t = 0 … T, float64 arrays of T + 1 entries; betas[0] is 0, None outside the VP family."""

    t: NDArray[np.float64]
    signal: NDArray[np.float64]
    noise: NDArray[np.float64]
    log_snr: NDArray[np.float64]
    betas: NDArray[np.float64] | None
    choice: ScheduleChoice = ScheduleChoice()
    """Which schedule this is."""
    warning: str = ""
    """What of it the model does not know, in one sentence."""
    references: tuple[tuple[str, NDArray[np.float64]], ...] = ()
    """log-SNR of other schedules to compare with, by name."""
    continuous: bool = False
    """Whether there are times between the whole ones."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A model's weights are read."""

    facts: ModelFacts
    schedule: ScheduleTable | None
    """None for a latent chain."""
    device: str


@dataclass(frozen=True, eq=False)
class Seen:
    """One picture of what the model says at (x_t, t).

    tiles: by lens name. run, step, times: where the picture is a run's step, with the run's whole plan.
    scalars: what happened at this step, by name. network_seconds: time spent in the network.
    """

    t: int
    tiles: Mapping[str, Drawable]
    a: float
    s: float
    run: int | None = None
    step: int = 0
    times: tuple[int, ...] = ()
    finished: bool = False
    replayed: bool = False
    scalars: Mapping[str, float] = field(default_factory=dict)
    thumbnail: NDArray[np.float32] | None = None
    """x_t for the filmstrip of a run: the first picture (channels, height, width), or some points (n, 2)."""
    network_seconds: float = 0.0
    network_calls: int = 0
    against: tuple[int, int, int] | None = None
    """The run it is compared with, that one's step and time; tiles `LENS:b` and `LENS:difference` are of it."""
    second: str = ""
    """The title of the second model, whose tiles are `LENS:b`, with `LENS:difference`; "" for none."""
    second_own: bool = False
    """Whether they are of a step of its own run."""
    more: bool = False
    """Tiles that take longer follow as Drawn frames."""
    words: str = ""
    """What stands beside the time in place of a, s and the SNR; of a latent chain, which has none of them."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A tile of the picture last Seen, as far as it is known."""

    tiles: Mapping[str, Drawable]


@dataclass(frozen=True, eq=False)
class FilmStrip:
    """thumbnails[i] is x_t at times[i], as Seen.thumbnail."""

    times: tuple[int, ...]
    thumbnails: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class Saved:
    """It is on the disk. note: what the user should know of it, "" for nothing."""

    path: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class RestoredRun:
    """A run of a session that was opened. times: the plan. scalars: of the steps made.

    thumbnails: t and x_t by step. edited: what a branch began with in place of its parent's x_t, as in a Run.
    """

    number: int
    choices: State
    times: tuple[int, ...]
    scalars: tuple[Mapping[str, float], ...]
    parent: tuple[int, int] | None
    edit_name: str
    thumbnails: Mapping[int, tuple[int, NDArray[np.float32]]]
    edited: Edited | None = None


@dataclass(frozen=True, eq=False)
class Restored:
    """A session is open. shown: the number of the run that was on show."""

    opened: Opened
    state: State
    shown: int | None
    runs: tuple[RestoredRun, ...]


@dataclass(frozen=True)
class Drafted:
    """An untrained network is on the disk."""

    path: str


@dataclass(frozen=True)
class Trained:
    """So many steps have been made. loss: the mean since the last word; best: the least that can be reached.

    unkept: why what was learned could not be written, "" where it was or was not to be.
    """

    steps: int
    loss: float
    best: float
    unkept: str = ""


@dataclass(frozen=True)
class Failed:
    """It did not work. message: one plain sentence. during: what was asked for."""

    message: str
    during: During


Frame: TypeAlias = (
    Ready
    | Progress
    | Opened
    | ScheduleTable
    | Seen
    | Drawn
    | FilmStrip
    | Bounded
    | Bounding
    | LatentBounded
    | ScoresMatched
    | FormsShown
    | FormsMeasured
    | ContinuousBound
    | Probing
    | Probed
    | GridCell
    | GridProgress
    | Saved
    | RestoredRun
    | Restored
    | Drafted
    | Trained
    | Failed
)
