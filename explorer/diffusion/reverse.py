"""The true step back of a chain whose data are known: by Bayes' rule, with no x_0 given,

    q(x_r | x_t) = q(x_t | x_r) p(x_r) / p(x_t)

Texts say that it cannot be written down, for p(x_r) is that of the data. Of a Gaussian mixture it can: every component
of x_r, given x_t, is a Gaussian again. It is not Gaussian itself, but nearly so where the step is small.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.diffusion.mixture import GaussianMixture
from explorer.diffusion.path import transition
from explorer.diffusion.schedules import Schedule


def reverse_transition(
    mixture: GaussianMixture, schedule: Schedule, x_t: Tensor, t: float, r: float
) -> GaussianMixture:
    """q(x_r | x_t) of data that are this mixture, as a mixture with one component for each. x_t: (d,).

    With the eigenvalues l of a component's covariance, x_r has those of C = a_r² l + s_r², and α, σ² of the transition
    give q(x_r | x_t, component) the variances v = C σ²/(σ² + α² C) and the mean (σ² a_r μ + α C x_t)/(σ² + α² C).
    Raises ValueError unless 0 ≤ r < t.
    """
    step = transition(schedule, t, r)
    alpha, variance = step.forward_scale, step.forward_variance
    a_r, s_r = schedule.signal(r), schedule.noise(r)
    here = x_t.double().cpu()
    of = GaussianMixture(*(part.double().cpu() for part in (mixture.weights, mixture.means, mixture.covariances)))
    spread = a_r * a_r * of.eigenvalues + s_r * s_r
    total = variance + alpha * alpha * spread
    own, seen = (torch.einsum("kji,kj->ki", of.eigenvectors, x) for x in (a_r * of.means, here.expand_as(of.means)))
    means = torch.einsum("kij,kj->ki", of.eigenvectors, (variance * own + alpha * spread * seen) / total)
    scaled = of.eigenvectors * (spread * variance / total).unsqueeze(1)
    weights = of.responsibilities(here.unsqueeze(0), schedule.signal(t), schedule.noise(t))[0]
    return GaussianMixture(weights, means, scaled @ of.eigenvectors.mT)
