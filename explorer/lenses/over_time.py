"""Where single numbers go over time: chains of forward noising, or the samples of a run."""

from __future__ import annotations

import numpy as np
import torch

from explorer.lenses import noising_path
from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Chart, Drawable, Line, Missing
from explorer.lenses.path import LINES, MAX_STEPS


def draw(view: View) -> Drawable:
    if view.recorded is None:
        return noising_path.draw(view)
    held = [(number, x) for number, x in view.recorded() if not x.is_meta]
    if not held:
        return Missing(numpy32(view.prediction.x_t), "The path of a run: play one.")
    chosen = sorted({round(i) for i in np.linspace(0, len(held) - 1, min(len(held), MAX_STEPS))})
    steps = [held[i] for i in chosen]
    x_t = numpy32(torch.stack([x[:LINES, 0] for _, x in steps], dim=1))
    one_time = len(set(view.times)) <= 1  # Langevin dynamics at one level
    across = np.array([number if one_time else view.times[number] for number, _ in steps], np.float32)
    here = np.float32(view.step if one_time else view.prediction.t)
    lines = [Line("", across, path, i % 6, dim=True) for i, path in enumerate(x_t)]
    now = numpy32(view.prediction.x_t)[:LINES, 0]
    lines.append(Line("", np.full(len(now), here, np.float32), now, 0, dots=True))
    note = f"{len(x_t)} of {len(view.prediction.x_t):,} samples"
    return Chart(x_t, tuple(lines), "step" if one_time else "t", "x_t", note=note)


LENS = Lens("over_time", "x<sub>t</sub> over t", "each sample's path: noised in steps, or the run's", draw, ("line",))
