"""How likely a model finds its own samples: the variational bound, and log p by the probability-flow ODE.

Everything is in nats and can be compared: for 8-bit pictures the bound is on the probability of the bytes. The
ODE knows densities only, so the bytes are spread evenly over their intervals, and what is then found, plus the
logarithm of the intervals' volume, is a bound on the same probability (Theis et al. 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.likelihood import (
    Decoder,
    Elbo,
    ElboSettings,
    LogLikelihood,
    Variance,
    elbo,
    log_likelihood,
    picture_decoder,
    points_decoder,
    rademacher,
)
from explorer.diffusion.likelihood.results import Floats
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.engine.device import check_memory, choose, set_threads
from explorer.engine.guided import guided
from explorer.engine.schedules import rescheduled
from explorer.facts import ModelError, ModelFacts
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.request import Guidance, ScheduleChoice

POINTS, PICTURES = 500, 16
"""Samples that are measured unless another number is asked for."""

PICTURE_TERMS = 50
"""Of a picture model's T − 1 terms so many are computed unless another number is asked for."""

POINT_ODE_STEPS, PICTURE_ODE_STEPS = 100, 25
BYTES = 256
NUMBERS_HELD = 48
"""Numbers in memory at once for every number of a batch, at least: noise is made in blocks of 16 steps."""


@dataclass(frozen=True)
class ElboRequest:
    """Which model is measured on how many of its first samples. None: the default for its kind.

    t_samples: how many of the T − 1 terms are computed. ode: log p by the ODE as well. label: of log p(x_0 | y), on
    the model's first samples of that class; None for log p(x_0). schedule: the noise schedule to go by.
    """

    path: str
    device: str = "auto"
    n: int | None = None
    t_samples: int | None = None
    seed: int = 0
    variance: Variance = "beta_tilde"
    ode: bool = False
    label: int | None = None
    schedule: ScheduleChoice = ScheduleChoice()


@dataclass(frozen=True, eq=False)
class ElboReport:
    """What was found. ode, exact: log p of each sample in nats, (n,), comparable with the bound; None where not asked
    for or not known. flow: the ODE's own result."""

    facts: ModelFacts
    request: ElboRequest
    elbo: Elbo
    ode: Floats | None
    exact: Floats | None
    flow: LogLikelihood | None


def measure(request: ElboRequest) -> ElboReport:
    """Raises ModelError for a model without samples or one that returns no numbers, ValueError for impossible ones."""
    set_threads()
    device = choose(request.device)
    if device.type == "meta":
        raise ModelError("The device “meta” computes no numbers: choose another.")
    model = conditional(rescheduled(load(request.path, device), request.schedule), request.label)
    x_0 = samples_of(model, request.n)
    noise = NoiseSource(request.seed, len(x_0), model.facts.shape, device)
    found = _elbo(model, x_0, noise, request)
    if not math.isfinite(found.matching.total.mean + found.consistency.total.mean):
        raise ModelError("The network returned values that are not finite, so there is no bound.")
    flow, ode = _ode(model, x_0, noise) if request.ode else (None, None)
    if ode is not None and not bool(np.isfinite(ode).all()):
        raise ModelError("The ODE left the finite numbers, so it found no likelihood.")
    exact = exact_log_p(model, x_0, request.label)
    return ElboReport(model.facts, request, found, ode, exact, flow)


def conditional(model: Model, label: int | None) -> Model:
    """The model of p(x_0 | y), with the samples of that class where they are known by their labels.

    Raises ModelError for a label that it does not have.
    """
    if label is None:
        return model
    names, labels = model.facts.class_names, model.facts.sample_labels
    if not names:
        raise ModelError("This model has no classes, so it takes no label.")
    if not 0 <= label < len(names):
        raise ModelError(f"Label {label} is out of range: this model has classes 0 to {len(names) - 1}.")
    samples = model.samples[np.array(labels) == label] if len(labels) == len(model.samples) else model.samples
    return replace(model, denoiser=guided(model, Guidance(label)), samples=samples)


def samples_of(model: Model, n: int | None) -> Tensor:
    """The model's first n samples on its device, None for the default of its kind.

    Raises ModelError where it has none, ValueError where it has fewer.
    """
    held = len(model.samples)
    if not held:
        raise ModelError("This model comes without samples, and it is on them that the bound is measured.")
    if n is None:
        n = min(held, PICTURES if model.facts.on_grid else POINTS)
    if not 1 <= n <= held:
        raise ValueError(f"this model comes with {held:,} samples: the number to measure lies between 1 and that")
    check_memory(NUMBERS_HELD * n * math.prod(model.facts.shape))
    return torch.from_numpy(model.samples[:n]).to(model.device)


def terms_of(model: Model, variance: Variance, t_samples: int | None) -> tuple[ElboSettings, Decoder]:
    """How the bound is computed for a model of its kind. t_samples: None for the default of its kind."""
    schedule, facts = model.denoiser.schedule, model.facts
    if not facts.on_grid:
        return ElboSettings(variance, t_samples=t_samples), points_decoder(schedule)
    terms = min(PICTURE_TERMS, schedule.T - 1) if t_samples is None else t_samples
    if facts.kind == "latent":  # real numbers, as those of points are
        return ElboSettings(variance, t_samples=terms), points_decoder(schedule)
    settings = ElboSettings(variance, t_samples=terms, clip_range=facts.value_range)
    return settings, picture_decoder(schedule, facts.value_range)


@dataclass(frozen=True, eq=False)
class OdeStart:
    """What the ODE is given: points, or bytes spread over their intervals. probes: for the divergence, None for the
    exact one. log_volume: to be added to the log density."""

    x: Tensor
    steps: int
    probes: Tensor | None
    log_volume: float


def ode_start(model: Model, x_0: Tensor, noise: NoiseSource) -> OdeStart:
    """Of the samples x_0 (n, …), which `noise` is for."""
    if not model.facts.on_grid:
        return OdeStart(x_0, POINT_ODE_STEPS, None, 0.0)
    if model.facts.kind == "latent":
        return OdeStart(x_0, PICTURE_ODE_STEPS, rademacher(noise, 1), 0.0)
    low, high = model.facts.value_range
    width = (high - low) / (BYTES - 1)
    spread = x_0 + width * (torch.special.ndtr(noise(0, Stream.DATA)) - 0.5)
    return OdeStart(spread, PICTURE_ODE_STEPS, rademacher(noise, 1), x_0[0].numel() * math.log(width))


def _elbo(model: Model, x_0: Tensor, noise: NoiseSource, request: ElboRequest) -> Elbo:
    settings, decoder = terms_of(model, request.variance, request.t_samples)
    return elbo(model.denoiser, x_0, noise, decoder, settings)


def _ode(model: Model, x_0: Tensor, noise: NoiseSource) -> tuple[LogLikelihood, Floats]:
    start = ode_start(model, x_0, noise)
    flow = log_likelihood(model.denoiser, start.x, start.steps, start.probes)
    return flow, flow.log_density + start.log_volume


def exact_log_p(model: Model, x_0: Tensor, label: int | None) -> Floats | None:
    """log p(x_0) of the truth, with a label that of its piece; None where labels are something else."""
    truth = model.truth
    if truth is None or (label is not None and len(model.facts.class_names) != len(truth.piece_weights)):
        return None
    component = None if label is None else torch.full((len(x_0),), label)
    x_0 = x_0.to("cpu", torch.float64)
    values: Floats = truth.to("cpu", torch.float64).log_density(x_0, components=component).numpy()
    return values
