"""Which numbers of z_t say something: the divergence of each from what the level above, or the prior, expects."""

from __future__ import annotations

from explorer.diffusion.latent import Diagonal
from explorer.facts import subscript
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Drawable, Quantities
from explorer.lenses.latent.base import LatentLens, LatentView


def draw(view: LatentView) -> Drawable:
    t, q = view.level, view.distribution
    above = view.rungs.get(t + 1)
    p = Diagonal.standard(view.z) if above is None or not view.upward else view.chain.decode(t + 1, above)
    values = numpy32(q.kl_by_dimension(p).mean(0))
    names = tuple(f"z{subscript(t)}[{i}]" for i in range(len(values)))
    caption = (
        f"nats; {float(values.sum()):.2f} in all, mean of {len(view.z)}"
        if len(view.z) > 1
        else (f"nats; {float(values.sum()):.2f} in all")
    )
    return Quantities(values, values, 0 * values, names, caption=caption, unit="nats")


LENS = LatentLens(
    "kl",
    "KL by number",
    "KL(N(μ_i, σ_i²) ‖ p(z_t[i] | z_{t+1})) of each number, going down ‖ N(0, 1); 0: it says nothing",
    draw,
)
