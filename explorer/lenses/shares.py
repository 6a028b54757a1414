"""How the points x_t are shared among the pieces of a known distribution, beside the shares they should have.

E p(piece | x_t) is the weight of the piece at every t where x_t has the distribution p_t, so the mean of the exact
posterior is a fair measure of a sampler on the way, and near t = 0 it counts the points.
"""

from __future__ import annotations

import math

import numpy as np

from explorer.lenses.base import Lens, View, number, numpy32
from explorer.lenses.density import NO_TRUTH
from explorer.lenses.drawable import Bars, Drawable, Missing


def draw(view: View) -> Drawable:
    truth = view.truth
    if truth is None:
        return Missing(np.zeros(1, np.float32), NO_TRUTH)
    prediction = view.prediction
    posterior = numpy32(truth.responsibilities(prediction.x_t, number(prediction.a), number(prediction.s)))
    shares, spread = posterior.mean(0), posterior.std(0) / math.sqrt(len(posterior))
    expected = numpy32(truth.piece_weights)
    names = view.facts.class_names
    if len(names) != len(expected):
        names = tuple(f"component {k}" for k in range(len(expected)))
    furthest = float(np.abs(shares - expected).max())
    return Bars(shares, expected, spread.astype(np.float32), names, f"furthest off {furthest:.3f}")


LENS = Lens("shares", "shares", "mean of p(piece | x_t); the line: its weight", draw, ("points", "line"))
