"""What the encoder is to find: the true posterior p(z|x), summed up over the plane, with q_φ(z|x) drawn over it.

The divergence between the two is all that the bound lies below log p(x).
"""

from __future__ import annotations

import weakref

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.latent.chain import LatentChain
from explorer.diffusion.latent.posterior import Posterior, plane_posterior
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Drawable, Map, Missing
from explorer.lenses.latent.base import LatentLens, LatentView

TOO_MANY = "log p(x) is a sum over all z. It can be taken where z is one level of two numbers, as in VAE in the plane."
DEPTH = 10.0
"""Nats below the peak that are shown."""
SIGMAS = (1, 2, 3)


class _Kept:
    """The posterior last looked at: while z is dragged, the picture and its posterior stay."""

    def __init__(self) -> None:
        self._of: tuple[weakref.ref[LatentChain], Tensor, Posterior] | None = None

    def of(self, chain: LatentChain, x: Tensor) -> Posterior:
        if self._of is None or self._of[0]() is not chain or not torch.equal(self._of[1], x):
            self._of = (weakref.ref(chain), x.clone(), plane_posterior(chain, x))
        return self._of[2]


_KEPT = _Kept()


def draw(view: LatentView) -> Drawable:
    if view.chain.sizes != (2,):
        return Missing(np.zeros((1, 1), np.float32), TOO_MANY)
    found = _KEPT.of(view.chain, view.chain.observed(view.x[:1]))
    top, peak = float(found.log_p.max()), _peak(found)
    u, v = found.u, found.v
    half = float(u[1] - u[0]) / 2
    extent = (float(u[0]) - half, float(u[-1]) + half, float(v[0]) - half, float(v[-1]) + half)
    caption = f"log p(x) {found.evidence:.2f} = ELBO {found.elbo:.2f} + KL {found.gap:.2f} nats; lines: q_φ at 1–3 σ"
    return Map(
        numpy32(found.log_p),
        extent,
        (top - DEPTH, top),
        "density",
        bands=20,
        outline=numpy32(found.log_q),
        levels=tuple(peak - k * k / 2 for k in SIGMAS),
        points=numpy32(view.z[:1]),
        caption=caption.replace("-", "−"),
        note=f"KL {max(found.gap, 0.0):.2f} nats",
    )


def _peak(found: Posterior) -> float:
    """log q_φ at its mean."""
    return float(found.q.log_density(found.q.mean)[0])


LENS = LatentLens(
    "latent_posterior",
    "posterior p(z|x)",
    "p(z|x) = p(x|z) p(z) / p(x), with q_φ(z|x);  log p(x) = ELBO + KL(q_φ(z|x) ‖ p(z|x))",
    draw,
)
