"""The divergence tr ∂f/∂x of a function f: (n, …) → (n, …) that treats every sample by itself.

Exactly, by one backward pass for each number of a sample; or by Hutchinson's estimate vᵀ (∂f/∂x) v, with
E[v vᵀ] = I, by one for each probe v (Hutchinson 1989; Grathwohl et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from explorer.diffusion.noise import NoiseSource, Stream

Function: TypeAlias = Callable[[Tensor], Tensor]
"""(n, …) → (n, …), differentiable; no sample may depend on another."""


def exact_divergence(f: Function, x: Tensor, create_graph: bool = False) -> tuple[Tensor, Tensor]:
    """(f(x), tr ∂f/∂x of shape (n,)). create_graph: both can be differentiated further, by f's
    parameters, as training needs."""
    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        value = f(leaf)
        flat = value.flatten(1)
        trace = torch.zeros_like(flat[:, 0])
        for i in range(flat.shape[1]):
            trace = trace + _gradient(flat[:, i].sum(), leaf, create_graph).flatten(1)[:, i]
    return (value, trace) if create_graph else (value.detach(), trace.detach())


def hutchinson_divergence(f: Function, x: Tensor, probes: Tensor, create_graph: bool = False) -> tuple[Tensor, Tensor]:
    """(f(x), the estimates (m, n) of tr ∂f/∂x). probes: (m, n, …). create_graph: as of `exact_divergence`."""
    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        value = f(leaf)
        estimates = torch.stack(
            [(_gradient((value * v).sum(), leaf, create_graph) * v).flatten(1).sum(1) for v in probes]
        )
    return (value, estimates) if create_graph else (value.detach(), estimates.detach())


def rademacher(noise: NoiseSource, probes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Probes of random signs, (probes, n, …) on the noise's device: of all with E[v vᵀ] = I those of least variance."""
    signs = [torch.where(noise(i, Stream.SAMPLER) < 0, -1.0, 1.0) for i in range(probes)]
    return torch.stack(signs).to(dtype)


def _gradient(scalar: Tensor, leaf: Tensor, create_graph: bool) -> Tensor:
    (gradient,) = torch.autograd.grad(
        scalar, leaf, retain_graph=True, create_graph=create_graph, materialize_grads=True
    )
    return gradient
