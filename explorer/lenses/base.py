"""What a lens is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.diffusion.denoiser import Denoiser, parts
from explorer.diffusion.mixture import GaussianMixture
from explorer.diffusion.prediction import Parts, Prediction
from explorer.diffusion.threshold import Limit
from explorer.facts import ModelFacts
from explorer.lenses.drawable import Drawable, Floats


@dataclass(frozen=True, eq=False)
class View:
    """Everything a lens may look at.

    prediction: what the model says, numbers a and s for the whole batch. denoiser: the model itself, label and
    guidance included, for lenses that ask at other places. x_0, eps: the true ones, for a forward view, else
    None. truth: the exact distribution, where it is known; exact: what a perfect network would say in place of
    `denoiser`, with the same label and guidance. data: some of the data, (n, *shape), where the model comes with
    them. recorded: for a step of a run, the numbers and x_t of the steps held; times: of all its
    steps, made or not; step: the number of this one. limit:
    how the sampler limits x̂₀, if it does. next_t: the time that the step from here goes to, None where there is none.
    place: the row and column of the pixel that lenses of one number are about, None for the one in the middle.
    """

    facts: ModelFacts
    prediction: Prediction
    denoiser: Denoiser
    x_0: Tensor | None = None
    eps: Tensor | None = None
    truth: GaussianMixture | None = None
    exact: Denoiser | None = None
    data: Floats | None = None
    recorded: Callable[[], list[tuple[int, Tensor]]] | None = None
    times: tuple[float, ...] = ()
    step: int = 0
    limit: Limit | None = None
    next_t: float | None = None
    place: tuple[int, int] | None = None
    decode: Callable[[Tensor], Tensor] | None = None
    """A latent model's latents (n, *shape) as pictures (n, C, H, W) in [−1, 1]; it may take seconds."""

    @cached_property
    def limited_x0(self) -> Tensor:
        """x̂₀ as the sampler goes on with it."""
        x0 = self.prediction.x0
        return x0 if self.limit is None or self.prediction.t == 0 else self.limit(x0)

    @cached_property
    def parts(self) -> Parts | None:
        """What guidance mixes, None without a label. Asked for where the prediction itself needed one alone."""
        if self.prediction.parts is not None:
            return self.prediction.parts
        return parts(self.denoiser, self.prediction.x_t, self.prediction.t)


@dataclass(frozen=True)
class Lens:
    """A named function of a View. kinds: the kinds of model it is for."""

    name: str
    label: str
    formula: str
    draw: Callable[[View], Drawable]
    kinds: tuple[str, ...] = ("image", "points", "line", "latent")
    in_stages: Callable[[View], Iterator[Drawable]] | None = None
    """For a lens that asks the network many times: what it can draw so far, again and again; the last is `draw`'s."""
    of_place: bool = False
    """About one number of a sample: the pixel at the view's place."""
    words: str = ""
    """What it is, where the label is a symbol."""


def numpy32(x: Tensor) -> Floats:
    """A tensor as a float32 numpy array on the CPU. On the meta device, which has no numbers: zeros."""
    if x.is_meta:
        return np.zeros(tuple(x.shape), np.float32)
    return np.asarray(x.detach().to("cpu", torch.float32).numpy())


def number(x: float | Tensor) -> float:
    """A path coefficient of the whole batch as a Python number."""
    return float(x)


def chosen_number(view: View) -> tuple[int, str]:
    """Which of a sample's numbers, flattened, a lens of one number is about, and what to call it: the chosen pixel in
    the first channel, or a point's first coordinate."""
    shape = view.facts.shape
    if not view.facts.on_grid:
        return 0, "x₁" if view.facts.kind == "points" else "x"
    row, column = view.place or (shape[1] // 2, shape[2] // 2)
    row, column = min(row, shape[1] - 1), min(column, shape[2] - 1)
    return row * shape[2] + column, f"pixel ({column}, {row})"


def groups(view: View) -> NDArray[np.uint8]:
    """A colour group for each point: the mixture component that x̂₀ most likely belongs to, 0 without a truth."""
    n = len(view.prediction.x_t)
    if view.truth is None or view.prediction.x_t.is_meta:
        return np.zeros(n, np.uint8)
    source = view.x_0 if view.x_0 is not None else view.prediction.x0
    component = view.truth.responsibilities(source).argmax(dim=1)
    return np.asarray(component.to("cpu", torch.uint8).numpy())


def points_caption(view: View) -> str:
    """How many points there are, and what their colours mean."""
    n = len(view.prediction.x_t)
    if view.truth is None:
        return f"{n:,} points"
    return f"{n:,} points, coloured by the component of {'x₀' if view.x_0 is not None else 'x̂₀'}"


def colours_note(view: View) -> str:
    """What the colours of a latent are, for its tile's header; "" for pictures, which have colours of their own."""
    channels = view.facts.shape[0]
    return f"ch. 1–3 of {channels}" if view.facts.kind == "latent" and channels > 3 else ""


def joined(*notes: str) -> str:
    """Those that say something, with commas between them."""
    return ", ".join(note for note in notes if note)


def rms(x: Floats) -> float:
    """The root of the mean square of the numbers that are there; NaN for none."""
    known = x[np.isfinite(x)].astype(np.float64)
    return float(np.sqrt(np.mean(np.square(known)))) if len(known) else float("nan")


def signed_note(view: View) -> str:
    """What a signed picture of several channels shows, for its tile's header."""
    return "mean of channels" if view.facts.on_grid and view.facts.shape[0] > 1 else ""
