"""The exact truth: a Gaussian mixture, whose noised density, score and x̂₀ are known in closed form.

If x_0 ~ Σ_k w_k N(μ_k, Σ_k) then x_t = a x_0 + s ε ~ Σ_k w_k N(a μ_k, a² Σ_k + s² I). With
Σ_k = U_k diag(l_k) U_kᵀ every matrix function needed is diagonal in U_k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.diffusion.denoiser import NO_LABEL, Condition
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """weights (k,) adding up to 1; means (k, d); covariances (k, d, d), symmetric positive definite."""

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def __post_init__(self) -> None:
        eigenvalues, eigenvectors = torch.linalg.eigh(self.covariances)
        object.__setattr__(self, "eigenvalues", eigenvalues)
        object.__setattr__(self, "eigenvectors", eigenvectors)

    eigenvalues: Tensor = None  # type: ignore[assignment]
    eigenvectors: Tensor = None  # type: ignore[assignment]

    def to(self, device: torch.device | str) -> GaussianMixture:
        """The same mixture on another device."""
        return GaussianMixture(self.weights.to(device), self.means.to(device), self.covariances.to(device))

    def draw(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """Samples (n, d) made from standard normal `noise` (n, d) and `uniform` (n,) in [0, 1)."""
        k = self.components(uniform)
        scaled = noise * self.eigenvalues[k].sqrt()
        return self.means[k] + torch.einsum("nij,nj->ni", self.eigenvectors[k], scaled)

    def components(self, uniform: Tensor) -> Tensor:
        """The component numbers (n,), int64, that `uniform` (n,) in [0, 1) selects by the weights."""
        bounds = self.weights.cumsum(0)
        return torch.searchsorted(bounds, uniform.to(bounds.dtype), right=True).clamp(max=len(bounds) - 1)

    def log_density(self, x: Tensor, a: float = 1.0, s: float = 0.0, components: Tensor | None = None) -> Tensor:
        """log p(x_t) in nats, (n,), at x (n, d) of the mixture noised to a x_0 + s ε; components as in `score`."""
        joint = self._component_terms(x, a, s)[0]
        whole = torch.logsumexp(joint, dim=1)
        if components is None:
            return whole
        each = (joint - self.weights.log()).gather(1, components.clamp(min=0).unsqueeze(1)).squeeze(1)
        return torch.where(components == NO_LABEL, whole, each)

    def responsibilities(self, x: Tensor, a: float = 1.0, s: float = 0.0) -> Tensor:
        """p(component | x_t), (n, k), adding up to 1 over k."""
        return torch.softmax(self._component_terms(x, a, s)[0], dim=1)

    def score(self, x: Tensor, a: float = 1.0, s: float = 0.0, components: Tensor | None = None) -> Tensor:
        """∇ log p(x_t), (n, d); with components (n,) int64 that of the single component, NO_LABEL for the whole."""
        joint, scores = self._component_terms(x, a, s)
        weights = torch.softmax(joint, dim=1)
        if components is not None:
            chosen = torch.nn.functional.one_hot(components.clamp(min=0), len(self.weights)).to(weights.dtype)
            weights = torch.where((components == NO_LABEL).unsqueeze(1), weights, chosen)
        return torch.einsum("nk,nkd->nd", weights, scores)

    def _component_terms(self, x: Tensor, a: float, s: float) -> tuple[Tensor, Tensor]:
        """log w_k N(x; …), (n, k), and each component's score, (n, k, d)."""
        variances = a * a * self.eigenvalues + s * s
        centred = torch.einsum("kji,nkj->nki", self.eigenvectors, x.unsqueeze(1) - a * self.means)
        whitened = centred / variances
        d = x.shape[1]
        quadratic = (centred * whitened).sum(2)
        log_norm = variances.log().sum(1) + d * math.log(2 * math.pi)
        return self.weights.log() - 0.5 * (quadratic + log_norm), -torch.einsum(
            "kij,nkj->nki", self.eigenvectors, whitened
        )


@dataclass(frozen=True, eq=False)
class MixtureDenoiser:
    """The mixture as a Denoiser: what a perfectly trained network would say. A condition is a component number."""

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
        """E[x_0], (1, d), or with a condition that of each sample's component, (n, d)."""
        whole = (self.mixture.weights @ self.mixture.means).unsqueeze(0)
        if condition is None:
            return whole
        return torch.where((condition == NO_LABEL).unsqueeze(1), whole, self.mixture.means[condition.clamp(min=0)])
