"""What the bound is made of for the sample on show: reconstruction and the terms of the levels, in nats."""

from __future__ import annotations

import numpy as np

from explorer.diffusion.latent import latent_terms
from explorer.facts import subscript
from explorer.lenses.drawable import Drawable, Missing, Quantities
from explorer.lenses.latent.base import LatentLens, LatentView

DRAWS = 16


def draw(view: LatentView) -> Drawable:
    if not view.upward:
        why = "Of a picture that was generated, nothing is known of how likely data are: choose the source Forward."
        return Missing(np.zeros(view.facts.T + 2, np.float32), why)
    terms = latent_terms(view.chain, view.x, view.noise, DRAWS)
    # By draw: the mean over the samples on show.
    rows = [terms.reconstruction.mean(1), *(-level.mean(1) for level in terms.levels), terms.total.mean(1)]
    values = np.array([row.mean() for row in rows], np.float32)
    spread = np.array([row.std(ddof=1) / np.sqrt(DRAWS) for row in rows], np.float32)
    L = view.facts.T
    levels = ("−KL",) if L == 1 else tuple(f"−K{subscript(t)}" for t in range(1, L + 1))
    names = ("log p(x|z₁)", *levels, "ELBO")
    note = "" if len(view.x) == 1 else f"mean of {len(view.x)}"
    caption = f"nats, {DRAWS} draws of z, ± one standard error"
    return Quantities(values, values, spread, names, caption=caption, note=note, unit="nats")


LENS = LatentLens(
    "terms",
    "terms of the ELBO",
    "ELBO = E_q[log p(x|z₁)] − Σ_t K_t;  K_L = KL(q ‖ N(0, I)),  K_t = E_q[log q(z_t|z_{t−1}) − log p(z_t|z_{t+1})]",
    draw,
)
