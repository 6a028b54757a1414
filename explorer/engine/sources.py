"""Where x_t comes from: data and noise, or a run's own beginning."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from explorer.datasets.picture_file import read_picture
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import Step
from explorer.diffusion.schedules import Schedule
from explorer.engine.samplers import chosen_sampler
from explorer.facts import ModelError
from explorer.formats.autoencoder import Autoencoder
from explorer.formats.model import Model
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Floats
from explorer.request import ByHand, Forward, PutIn, Run

THUMBNAIL_POINTS = 500
_LATENTS: WeakKeyDictionary[Autoencoder, tuple[tuple[str, int], Floats]] = WeakKeyDictionary()
"""The picture that each autoencoder encoded last: that takes long, and every t of a drag asks for the same. It is
forgotten with the autoencoder, so that no weights outlive their model."""


def forward(model: Model, source: Forward) -> tuple[Tensor, Tensor]:
    """The true x_0 and ε of a forward view, (count, *shape) each, on the model's device."""
    if source.picture is not None:
        if model.autoencoder is not None:
            x_0 = _encoded(model.autoencoder, source.picture, model.facts.shown_shape, model.device)
        else:
            x_0 = read_picture(source.picture, model.facts.shape, model.facts.value_range)[None]
    else:
        if not len(model.samples):
            raise ModelError("This model comes without samples: open or drop a picture to look at it.")
        indices = np.arange(source.first, source.first + source.count) % len(model.samples)
        x_0 = model.samples[indices]
    eps = _locked_noise(source.noise_seed, len(x_0), model.facts.shape, model.device)
    return torch.from_numpy(x_0).to(model.device), eps


def _changed(path: str) -> int:
    """When a file was, so that another picture of the same name is read anew; 0 where it is not there."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def _encoded(autoencoder: Autoencoder, path: str, shape: tuple[int, ...], device: torch.device) -> Floats:
    """A picture file as a latent, (1, …). shape: of the picture. device: the autoencoder's."""
    key = (path, _changed(path))
    known = _LATENTS.get(autoencoder)
    if known is not None and known[0] == key:
        return known[1]
    picture = torch.from_numpy(read_picture(path, shape, (-1.0, 1.0))[None])
    latent = numpy32(autoencoder.encode(picture.to(device)))
    _LATENTS[autoencoder] = (key, latent)
    return latent


@lru_cache(maxsize=2)
def _locked_noise(seed: int, n: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """ε of a forward view, (n, *shape): the same for every t of a drag, so made once."""
    return NoiseSource(seed, n, shape, device)(0, Stream.FORWARD)


def thumbnail(model: Model, x_t: Tensor, x_0: Tensor) -> Floats:
    """The first sample of x_t, (*shape), or the first of numbers, (n, 1), or of points, (n, 2). Where the exact
    distribution is known, a third number of points says which of its pieces the true or estimated x_0 belongs to."""
    if model.facts.on_grid:
        return numpy32(x_t[0])
    shown = numpy32(x_t[:THUMBNAIL_POINTS])
    if model.truth is None or model.facts.kind == "line" or x_t.is_meta:
        return shown
    pieces = model.truth.responsibilities(x_0[:THUMBNAIL_POINTS]).argmax(dim=1)
    return np.concatenate([shown, numpy32(pieces)[:, None]], axis=1)


def initial(request: Run, schedule: Schedule, noise: NoiseSource, t: float) -> Tensor:
    """x_T of a run, (n, *shape): the given one, else what its sampler begins with at t. Raises ModelError where the
    given one is of another shape."""
    if request.initial is None:
        sampler, parameters = chosen_sampler(request)
        return sampler.begin(schedule, t, parameters, noise)
    expected = (noise.n, *noise.shape)
    if request.initial.shape != expected:
        raise ModelError(f"x_T must have the shape {expected} for this model, not {request.initial.shape}.")
    return torch.from_numpy(np.ascontiguousarray(request.initial, np.float32)).to(noise.device)


def edited(model: Model, request: Run, step: Step) -> Tensor:
    """The x_t that a run goes on with at a recorded step: the step's own, unless the user put another in its place."""
    if request.edited is None:
        return step.x
    if isinstance(request.edited, Forward):
        x_0, eps = forward(model, replace(request.edited, count=request.count))
        return _noised(model, x_0, eps, step)
    if isinstance(request.edited, PutIn):
        return _put_in(model, replace(request.edited.source, count=request.count), request.edited, step)
    if isinstance(request.edited, ByHand):
        raise ModelError("Only numbers of a latent chain are set one by one.")
    return _given(model, request.edited, step)


def _noised(model: Model, x_0: Tensor, eps: Tensor, step: Step) -> Tensor:
    schedule = model.denoiser.schedule
    x_t = torch.add(x_0 * schedule.signal(step.t), eps, alpha=schedule.noise(step.t))
    return x_t.expand(step.x.shape).contiguous()


def _given(model: Model, x_t: Floats, step: Step) -> Tensor:
    if x_t.shape != tuple(step.x.shape):
        raise ModelError(f"x_t must have the shape {tuple(step.x.shape)} here, not {x_t.shape}.")
    if not np.isfinite(x_t).all():
        raise ModelError("The edited x_t holds numbers that are not finite.")
    return torch.from_numpy(np.array(x_t, np.float32)).to(model.device)


def _put_in(model: Model, source: Forward, put: PutIn, step: Step) -> Tensor:
    shape = model.facts.shape
    if put.where.shape != shape[1:]:
        raise ModelError(f"The selection must have the shape {shape[1:]} here, not {put.where.shape}.")
    if put.box is None or source.picture is None or model.autoencoder is not None:
        x_0, eps = forward(model, source)
    else:
        top, left, height, width = put.box
        if min(put.box) < 0 or min(height, width) < 1 or top + height > shape[1] or left + width > shape[2]:
            raise ModelError("The picture would lie beside x_t.")
        data = np.zeros((1, *shape), np.float32)
        part = read_picture(source.picture, (shape[0], height, width), model.facts.value_range)
        data[0, :, top : top + height, left : left + width] = part
        eps = _locked_noise(source.noise_seed, 1, shape, model.device)
        x_0 = torch.from_numpy(data).to(model.device)
    inside = torch.from_numpy(put.where > 0).to(model.device)
    return torch.where(inside, _noised(model, x_0, eps, step), _given(model, put.onto, step))
