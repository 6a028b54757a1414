"""The bound in continuous time of a model of pictures, and what its schedule does for the loss's variance."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from explorer.diffusion.likelihood.continuous import LossCurve
from explorer.diffusion.likelihood.levels import ContinuousElbo, continuous_elbo
from explorer.diffusion.likelihood.results import Floats, estimate
from explorer.diffusion.noise import NoiseSource
from explorer.engine.errors import sentence
from explorer.engine.forms_frame import ContinuousBound, ScheduleLoss
from explorer.facts import ModelError
from explorer.formats.model import Model


def measure_continuous(model: Model, samples: int, seed: int) -> Iterator[ContinuousBound]:
    """Level by level, on the model's first samples. Raises ModelError for a model of another kind or without samples,
    and for a network that gives no numbers."""
    facts = model.facts
    if facts.kind != "image" or facts.value_range != (-1.0, 1.0):
        raise ModelError("This bound is that of pictures in −1 … 1.")
    x_0 = torch.from_numpy(model.samples[:samples]).to(model.device)
    if not len(x_0):
        raise ModelError("This model comes without samples to measure on.")
    noise = NoiseSource(seed, len(x_0), facts.shape, model.device)
    try:
        for found in continuous_elbo(model.denoiser, x_0, noise):
            yield _frame(found, x_0[0].numel(), facts.T)
    except ValueError as error:
        raise ModelError(sentence(error)) from error


def _frame(found: ContinuousElbo, d: int, T: int) -> ContinuousBound:
    bit = 1 / (d * math.log(2))
    return ContinuousBound(
        len(found.prior),
        found.first,
        found.last,
        _mean(found.prior * bit),
        _mean(found.reconstruction * bit),
        _mean(found.diffusion * bit),
        tuple(_loss(name, curve, T, bit) for name, curve in found.losses.items()),
        found.fraction,
    )


def _loss(name: str, curve: LossCurve, T: int, bit: float) -> ScheduleLoss:
    return ScheduleLoss(name, T * curve.u, curve.mean * bit, curve.std * bit, curve.variance * bit**2)


def _mean(values: Floats) -> tuple[float, float]:
    found = estimate(values)
    return found.mean, found.standard_error
