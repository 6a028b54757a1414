"""Some chains of forward noising over t, within the band that the jump from x₀ predicts."""

from __future__ import annotations

import numpy as np
import torch

from explorer.diffusion.chain import chains
from explorer.lenses.base import Lens, View, chosen_number
from explorer.lenses.drawable import Chart, Drawable, Line
from explorer.lenses.mean import missing
from explorer.lenses.noising import CHAINS, NO_X_0

SHOWN = 6
MOST_POINTS = 250


def draw(view: View) -> Drawable:
    if view.x_0 is None:
        return missing(view, NO_X_0)
    index, name = chosen_number(view)
    x_0 = float(view.x_0[0].flatten()[index])
    schedule = view.denoiser.schedule
    made = chains(schedule, CHAINS)
    chosen = np.unique(np.linspace(0, len(made.times) - 1, min(len(made.times), MOST_POINTS)).round().astype(int))
    times = torch.from_numpy(made.times[chosen])
    t = made.times[chosen].astype(np.float32)
    a, s = schedule.signal(times).numpy(), schedule.noise(times).numpy()
    paths = (made.scale[chosen] * x_0)[:, None] + made.noise[chosen, :SHOWN]
    lines = [Line("chains" if i == 0 else "", t, paths[:, i].astype(np.float32), 2, dim=True) for i in range(SHOWN)]
    lines.append(Line("a x₀", t, (a * x_0).astype(np.float32), 0))
    for sign in (2, -2):
        edge = (a * x_0 + sign * s).astype(np.float32)
        lines.append(Line("± 2 s" if sign > 0 else "", t, edge, 0, dim=True))
    here = (float(view.prediction.t), float(view.prediction.x_t[0].flatten()[index]))
    return Chart(paths.T.astype(np.float32), tuple(lines), "t", f"{name} of x_t", mark=here)


LENS = Lens(
    "noising_path",
    "chains",
    "x_t = α_t x_{t−1} + σ_t ε_t, six times, and a x₀ ± 2 s",
    draw,
    ("image", "points", "latent"),
    of_place=True,
)
