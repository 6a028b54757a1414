"""Where x_t comes from: data and noise, or a run's own beginning."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explorer.datasets.picture_file import read_picture
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.schedules import Schedule
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Floats
from explorer.request import Forward, Run

THUMBNAIL_POINTS = 1_000


def forward(model: Model, source: Forward) -> tuple[Tensor, Tensor]:
    """The true x_0 and ε of a forward view, (count, *shape) each, on the model's device."""
    if source.picture is not None:
        x_0 = read_picture(source.picture, model.facts.shape, model.facts.value_range)[None]
    else:
        if not len(model.samples):
            raise ModelError("This model comes without samples: open or drop a picture to look at it.")
        indices = np.arange(source.first, source.first + source.count) % len(model.samples)
        x_0 = model.samples[indices]
    noise = NoiseSource(source.noise_seed, len(x_0), model.facts.shape, model.device)
    return torch.from_numpy(x_0).to(model.device), noise(0, Stream.FORWARD)


def thumbnail(model: Model, x_t: Tensor) -> Floats:
    return numpy32(x_t[0] if model.facts.kind == "image" else x_t[:THUMBNAIL_POINTS])


def initial(request: Run, schedule: Schedule, noise: NoiseSource, t: float) -> Tensor:
    if request.initial is None:
        return noise(0, Stream.INITIAL) * schedule.prior_std(t)
    expected = (noise.n, *noise.shape)
    if request.initial.shape != expected:
        raise ModelError(f"x_T must have the shape {expected} for this model, not {request.initial.shape}.")
    return torch.from_numpy(np.ascontiguousarray(request.initial, np.float32)).to(noise.device)
