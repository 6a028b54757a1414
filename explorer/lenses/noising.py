"""Forward noising step by step and in one jump give the same distribution: many chains against a density."""

from __future__ import annotations

import numpy as np

from explorer.diffusion.chain import chains, kolmogorov_smirnov
from explorer.lenses.base import Lens, View, chosen_number
from explorer.lenses.drawable import Chart, Drawable, Line
from explorer.lenses.line import stairs
from explorer.lenses.mean import missing
from explorer.lenses.step import PLACES, REACH, normal_density

NO_X_0 = "Noising begins at a true x₀, which a reverse run does not have."
CHAINS = 2000
BINS = 40


def draw(view: View) -> Drawable:
    if view.x_0 is None:
        return missing(view, NO_X_0)
    if view.prediction.t == 0:
        return missing(view, "At t = 0 nothing has been added yet.")
    index, name = chosen_number(view)
    x_0 = float(view.x_0[0].flatten()[index])
    made = chains(view.denoiser.schedule, CHAINS)
    i = made.at(view.prediction.t)
    t = float(made.times[i])
    a, s = view.denoiser.schedule.signal(t), view.denoiser.schedule.noise(t)
    mean, variance = a * x_0, s * s
    x = made.scale[i] * x_0 + made.noise[i].astype(np.float64)
    edges = mean + np.linspace(-REACH, REACH, BINS + 1) * s
    shares = np.histogram(x, edges)[0] / (CHAINS * (edges[1] - edges[0]))
    steps = Line(f"{CHAINS:,} chains", *stairs(edges, shares), 1)
    place = mean + np.linspace(-REACH, REACH, PLACES) * s
    jump = Line("one jump", place.astype(np.float32), normal_density(place, mean, variance).astype(np.float32), 0)
    distance, chance = kolmogorov_smirnov(x, mean, variance)
    made_of = f"{i:,} steps {x.mean():.2f} ± {x.std():.2g}, jump {mean:.2f} ± {s:.2g}".replace("-", "−")
    note = f"KS {distance:.3f}; p = {chance:.2f}"
    return Chart(x.astype(np.float32), (steps, jump), f"{name} of x_t", "density", caption=made_of, note=note)


LENS = Lens(
    "noising", "noising", "q(x_t | x_{t−1}) composed over 1 … t, and q(x_t | x₀) = N(a x₀, s²)", draw, of_place=True
)
