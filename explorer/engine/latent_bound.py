"""The ELBO of a latent chain as it becomes known, beside an independent importance-weighted bound on the same log p.

Samples are taken in batches; with each, the means and errors over all that are done are told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from explorer.diffusion.latent import LevelNoise, importance_weighted, latent_terms
from explorer.diffusion.likelihood.results import Floats
from explorer.engine.likelihood_frame import Bounding, LatentBounded
from explorer.engine.turn import Turn
from explorer.engine.values import value_of
from explorer.facts import ModelError
from explorer.formats.model import LatentModel
from explorer.request import LatentBound

BATCH = 25
"""Samples at a time."""
DRAWS = 16
"""At a time: after each such lot the weighted bound is noted."""


def check_bound(model: LatentModel, request: LatentBound) -> None:
    """Raises ModelError for a model without samples, ValueError for impossible numbers."""
    held = len(model.samples)
    if not held:
        raise ModelError("This model comes without samples, and it is on them that the bound is measured.")
    if not 1 <= request.n <= held:
        raise ValueError(f"this model comes with {held:,} samples: the number to measure lies between 1 and that")
    if request.importance < 1 or request.draws < 1:
        raise ValueError("at least one draw is needed")


@torch.inference_mode()
def latent_bound(model: LatentModel, request: LatentBound) -> Iterator[LatentBounded | Bounding]:
    """Bounding while a batch goes on, a LatentBounded after each, the last of them finished."""
    check_bound(model, request)
    reconstruction: list[Floats] = []
    levels: list[Floats] = []
    weighted: list[Floats] = []
    turn = Turn()
    for first in range(0, request.n, BATCH):
        x = torch.from_numpy(model.samples[first : min(first + BATCH, request.n)]).to(model.device)
        noise = LevelNoise(request.seed, len(x), model.facts.levels, model.device, first)
        terms = latent_terms(model.chain, x, noise, request.draws)
        reconstruction.append(terms.reconstruction)
        levels.append(terms.levels)
        curve = []
        for found in importance_weighted(model.chain, x, noise, request.importance, batch=DRAWS):
            curve.append(found)
            if turn.over():
                part = len(curve) / len(_marks(request.importance))
                yield Bounding((first + part * len(x)) / request.n, f"{first:,} of {request.n:,} samples")
        weighted.append(np.stack(curve))
        yield _known(model, request, reconstruction, levels, weighted)


def _marks(importance: int) -> list[int]:
    """After how many draws the weighted bound is noted."""
    return [*range(DRAWS, importance, DRAWS), importance]


def _known(
    model: LatentModel,
    request: LatentBound,
    reconstruction: list[Floats],
    levels: list[Floats],
    weighted: list[Floats],
) -> LatentBounded:
    rec, terms = np.concatenate(reconstruction, axis=1), np.concatenate(levels, axis=2)
    curve = np.concatenate(weighted, axis=1)
    total: Floats = rec - terms.sum(0)
    elbo, last = total.mean(0), curve[-1]
    done = rec.shape[1]
    if not bool(np.isfinite(elbo).all() and np.isfinite(last).all()):
        raise ModelError("The network returned values that are not finite, so there is no bound.")
    return LatentBounded(
        samples=done,
        wanted=request.n,
        dimensions=math.prod(model.facts.shape),
        draws=request.draws,
        importance=request.importance,
        reconstruction=value_of(rec),
        levels=tuple(value_of(term) for term in terms),
        elbo=value_of(total),
        weighted=value_of(last),
        gap=value_of(last - elbo),
        elbo_by_sample=elbo,
        weighted_by_sample=last,
        curve=np.stack([np.array(_marks(request.importance), np.float64), curve.mean(1)], axis=1),
        finished=done == request.n,
    )
