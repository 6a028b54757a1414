"""The exact truth: a Gaussian mixture, whose noised density, score and x̂₀ are known in closed form.

If x_0 ~ Σ_k w_k N(μ_k, Σ_k) then x_t = a x_0 + s ε ~ Σ_k w_k N(a μ_k, a² Σ_k + s² I). With
Σ_k = U_k diag(l_k) U_kᵀ every matrix function needed is diagonal in U_k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from explorer.diffusion.denoiser import NO_LABEL, Condition
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule

MANY = 8
"""From so many round components of one size on, the sums over them are products of matrices."""


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """weights (k,) adding up to 1; means (k, d); covariances (k, d, d), symmetric positive definite.

    pieces: (k,) int64, which of the pieces 0 … p − 1 of the distribution a component belongs to, such as one moon of
    two that is made of many; None where every component is a piece. Conditions and responsibilities are of pieces.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    pieces: Tensor | None = None
    eigenvalues: Tensor = field(init=False, repr=False)
    eigenvectors: Tensor = field(init=False, repr=False)
    common_variance: float | None = field(init=False, repr=False)
    """Where all of many components are round and of this variance."""

    def __post_init__(self) -> None:
        eigenvalues, eigenvectors = torch.linalg.eigh(self.covariances)
        object.__setattr__(self, "eigenvalues", eigenvalues)
        object.__setattr__(self, "eigenvectors", eigenvectors)
        object.__setattr__(self, "common_variance", _common_variance(self.means, self.covariances))

    @property
    def piece_weights(self) -> Tensor:
        """The weight of each piece, (p,)."""
        if self.pieces is None:
            return self.weights
        return self.weights.new_zeros(int(self.pieces.max()) + 1).index_add_(0, self.pieces, self.weights)

    @property
    def piece_means(self) -> Tensor:
        """E[x_0] of each piece, (p, d)."""
        if self.pieces is None:
            return self.means
        weights = self.piece_weights
        sums = self.means.new_zeros(len(weights), self.means.shape[1])
        return sums.index_add_(0, self.pieces, self.weights.unsqueeze(1) * self.means) / weights.unsqueeze(1)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> GaussianMixture:
        """The same mixture on another device, or in other numbers."""
        pieces = None if self.pieces is None else self.pieces.to(device)
        weights, means, covariances = (x.to(device, dtype) for x in (self.weights, self.means, self.covariances))
        return GaussianMixture(weights, means, covariances, pieces)

    def draw(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """Samples (n, d) made from standard normal `noise` (n, d) and `uniform` (n,) in [0, 1)."""
        k = self._drawn(uniform)
        scaled = noise * self.eigenvalues[k].sqrt()
        return self.means[k] + torch.einsum("nij,nj->ni", self.eigenvectors[k], scaled)

    def components(self, uniform: Tensor) -> Tensor:
        """The numbers (n,), int64, of the pieces from which `draw` with the same `uniform` (n,) takes its samples."""
        k = self._drawn(uniform)
        return k if self.pieces is None else self.pieces[k]

    def _drawn(self, uniform: Tensor) -> Tensor:
        """The component numbers (n,), int64, that `uniform` (n,) in [0, 1) selects by the weights."""
        bounds = self.weights.cumsum(0)
        return torch.searchsorted(bounds, uniform.to(bounds.dtype), right=True).clamp(max=len(bounds) - 1)

    def log_density(self, x: Tensor, a: float = 1.0, s: float = 0.0, components: Tensor | None = None) -> Tensor:
        """log p(x_t) in nats, (n,), at x (n, d) of the mixture noised to a x_0 + s ε; components as in `score`."""
        joint = self._log_joint(x, a, s)
        if components is None:
            return torch.logsumexp(joint, dim=1)
        log_weights = self.piece_weights.log()[components.clamp(min=0)]
        log_weights = torch.where(components == NO_LABEL, torch.zeros_like(log_weights), log_weights)
        return torch.logsumexp(self._restricted(joint, components), dim=1) - log_weights

    def log_density_over(self, x: Tensor, y: Tensor, a: float = 1.0, s: float = 0.0) -> Tensor:
        """log p(x_t) in nats at every place of a lattice in the plane, (rows, columns). x: (columns,), y: (rows,).

        Round components are products of a function of x and one of y, so the sum over them is a product of matrices.
        """
        variance = self._variance(a, s)
        if variance is None:
            places = torch.cartesian_prod(y, x).flip(1)
            return self.log_density(places, a, s).view(len(y), len(x))
        # Far from all means it underflows single precision, and not every device has double.
        means, weights = a * self.means.cpu().double(), self.weights.cpu().double()
        over_x, over_y = (
            torch.exp((axis.cpu().double().unsqueeze(1) - means[:, d]).square() / (-2 * variance))
            for d, axis in ((0, x), (1, y))
        )
        density = (over_y * weights) @ over_x.T / (2 * math.pi * variance)
        return density.clamp(min=torch.finfo(torch.float64).tiny).log().to(x)

    def responsibilities(self, x: Tensor, a: float = 1.0, s: float = 0.0) -> Tensor:
        """p(piece | x_t), (n, p), adding up to 1 over p."""
        each = torch.softmax(self._log_joint(x, a, s), dim=1)
        if self.pieces is None:
            return each
        whole = each.new_zeros(len(each), int(self.pieces.max()) + 1)
        return whole.index_add_(1, self.pieces, each)

    def log_responsibilities(self, x: Tensor, a: float = 1.0, s: float = 0.0) -> Tensor:
        """log p(piece | x_t), (n, p), which has a gradient also where the responsibilities underflow."""
        joint = self._log_joint(x, a, s)
        if self.pieces is not None:
            count = int(self.pieces.max()) + 1
            joint = torch.stack([torch.logsumexp(joint[:, self.pieces == p], dim=1) for p in range(count)], dim=1)
        return torch.log_softmax(joint, dim=1)

    def score(self, x: Tensor, a: float = 1.0, s: float = 0.0, components: Tensor | None = None) -> Tensor:
        """∇ log p(x_t), (n, d); with components (n,) int64 that of the single piece, NO_LABEL for the whole."""
        joint, means, variance = self._log_joint(x, a, s), a * self.means, self._variance(a, s)
        if components is not None:
            joint = self._restricted(joint, components)
        weights = torch.softmax(joint, dim=1)
        if variance is not None:
            return (weights @ means - x) / variance
        whitened = self._centred(x, a) / (a * a * self.eigenvalues + s * s)
        return torch.einsum("nk,nkd->nd", weights, -torch.einsum("kij,nkj->nki", self.eigenvectors, whitened))

    def _restricted(self, joint: Tensor, components: Tensor) -> Tensor:
        """log w_k N(x; …), (n, k), with nothing from outside the piece of each sample."""
        pieces = torch.arange(joint.shape[1], device=joint.device) if self.pieces is None else self.pieces
        outside = (pieces != components.unsqueeze(1)) & (components != NO_LABEL).unsqueeze(1)
        return joint.masked_fill(outside, -math.inf)

    def _log_joint(self, x: Tensor, a: float, s: float) -> Tensor:
        """log w_k N(x; …), (n, k)."""
        d, variance = x.shape[1], self._variance(a, s)
        if variance is not None:
            means = a * self.means
            inner = x @ means.T - 0.5 * means.square().sum(1)
            own = 0.5 * x.square().sum(1, keepdim=True) / variance
            return self.weights.log() + inner / variance - own - 0.5 * d * math.log(2 * math.pi * variance)
        variances = a * a * self.eigenvalues + s * s
        quadratic = (self._centred(x, a).square() / variances).sum(2)
        return self.weights.log() - 0.5 * (quadratic + variances.log().sum(1) + d * math.log(2 * math.pi))

    def _variance(self, a: float, s: float) -> float | None:
        return None if self.common_variance is None else a * a * self.common_variance + s * s

    def _centred(self, x: Tensor, a: float) -> Tensor:
        """x − a μ_k in the axes of each component, (n, k, d)."""
        return torch.einsum("kji,nkj->nki", self.eigenvectors, x.unsqueeze(1) - a * self.means)


def _common_variance(means: Tensor, covariances: Tensor) -> float | None:
    """The variance that all of many round components have; None where they differ, or where it is so small that the
    matrix product would lose the distance to a mean in rounding."""
    if covariances.is_meta or len(means) < MANY:
        return None
    variance = covariances[0, 0, 0]
    same = bool((covariances == variance * torch.eye(means.shape[1]).to(covariances)).all())
    return float(variance) if same and float(variance) > 1e-4 * float(means.square().sum(1).max()) else None


@dataclass(frozen=True, eq=False)
class MixtureDenoiser:
    """The mixture as a Denoiser: what a perfectly trained network would say. A condition is the number of a piece."""

    mixture: GaussianMixture
    schedule: Schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        if a == 0.0:  # x_t says nothing of x_0, and the score nothing of x̂₀
            return Prediction(x_t, t, a, s, "x0", self._mean(condition).expand_as(x_t))
        return Prediction(x_t, t, a, s, "score", self.mixture.score(x_t, a, s, condition))

    def log_density(self, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
        """log p(x_t) in nats, (n,)."""
        return self.mixture.log_density(x_t, self.schedule.signal(t), self.schedule.noise(t), condition)

    def _mean(self, condition: Condition) -> Tensor:
        """E[x_0], (1, d), or with a condition that of each sample's piece, (n, d)."""
        whole = (self.mixture.weights @ self.mixture.means).unsqueeze(0)
        if condition is None:
            return whole
        pieces = self.mixture.piece_means
        return torch.where((condition == NO_LABEL).unsqueeze(1), whole, pieces[condition.clamp(min=0)])
