"""The score-matching objectives of a model whose truth is known, at one time.

Each is compared with its own value for the exact score on the same points and noise, which does away with the
constants in which they differ: the excess of each is half the Fisher divergence in expectation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.likelihood import rademacher
from explorer.diffusion.likelihood.results import Floats
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.score_matching import ScoreFunction, denoising, explicit, fisher, score_at, sliced
from explorer.engine.likelihood_frame import ObjectiveValues, ScoresMatched
from explorer.engine.values import value_of
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.request import ScoreMatching

OBJECTIVES = ("explicit", "sliced", "denoising")
BATCH = 500
"""Points at once: a look waits for one batch."""


def match_scores(model: Model, request: ScoreMatching) -> Iterator[ScoresMatched]:
    """More and more points, at last all. Raises ModelError for a model whose truth is not known, where there is no
    noise, and for scores that are not finite."""
    truth, schedule = model.truth, model.denoiser.schedule
    if truth is None:
        raise ModelError("The exact score of this model's data is not known, so there is nothing to compare with.")
    t, a, s = request.t, schedule.signal(request.t), schedule.noise(request.t)
    if s == 0:
        raise ModelError("At t = 0 there is no noise, and no score was learned there.")
    learned = score_at(model.denoiser, t)
    parts = []
    for first in range(0, request.count, BATCH):
        x_0 = torch.from_numpy(model.samples[first : min(first + BATCH, request.count)]).to(model.device)
        noise = NoiseSource(request.seed, len(x_0), model.facts.shape, model.device, first)
        batch = _Batch(a * x_0, noise(t, Stream.FORWARD), rademacher(noise, 1), s)
        parts.append(_measured(learned, lambda x: truth.score(x, a, s), batch))
        if not bool(np.isfinite(parts[-1]["half fisher"]).all()):
            raise ModelError(f"The network returned values that are not finite at t = {t}.")
        yield _summary(t, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


@dataclass(frozen=True, eq=False)
class _Batch:
    """x_t = mean + s eps, (n, 2) each; signs: (1, n, 2), the slices' directions."""

    mean: Tensor
    eps: Tensor
    signs: Tensor
    s: float


def _measured(learned: ScoreFunction, exact: ScoreFunction, batch: _Batch) -> dict[str, Floats]:
    """Of each point, (n,): every objective of the model, the same "exact", "half fisher", and "strength" ‖∇log p‖²."""
    x_t = batch.mean + batch.s * batch.eps
    found = {}
    for score, of in ((learned, ""), (exact, " exact")):
        found["explicit" + of] = explicit(score, x_t)
        found["sliced" + of] = sliced(score, x_t, batch.signs)
        with torch.no_grad():
            found["denoising" + of] = denoising(score, batch.mean, batch.eps, batch.s)
    with torch.no_grad():
        found["half fisher"] = 0.5 * fisher(learned, exact, x_t)
        found["strength"] = exact(x_t).square().sum(1)
    return {name: values.to("cpu", torch.float64).numpy() for name, values in found.items()}


def _summary(t: int, values: dict[str, Floats]) -> ScoresMatched:
    half_fisher = values["half fisher"]
    rows = []
    for name in OBJECTIVES:
        of_model, of_exact = values[name], values[f"{name} exact"]
        excess = of_model - of_exact
        rows.append(
            ObjectiveValues(name, *(value_of(part) for part in (of_model, of_exact, excess, excess - half_fisher)))
        )
    relative = math.sqrt(2 * float(half_fisher.mean()) / float(values["strength"].mean()))
    return ScoresMatched(t, len(half_fisher), tuple(rows), value_of(half_fisher), relative)
