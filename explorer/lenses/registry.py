"""Every lens the program offers, in the order of its menu."""

from __future__ import annotations

from explorer.lenses import (
    clipped,
    cond,
    cut,
    eps,
    error,
    flow,
    guidance,
    guided,
    histogram,
    mean,
    path,
    posterior,
    score,
    slice_components,
    slice_noise,
    slice_pictures,
    spectrum,
    uncond,
    v,
    variance,
    x0,
    x_t,
)
from explorer.lenses.base import Lens

_PREDICTIONS = (x_t, x0, eps, score, v, flow, error)
_GUIDANCE = (cond, uncond, guided, guidance)
_STEP = (clipped, cut, mean, posterior, variance)
_CURVES = (spectrum, histogram, path)
_SLICES = (slice_noise, slice_pictures, slice_components)
_MODULES = (*_PREDICTIONS, *_GUIDANCE, *_STEP, *_CURVES, *_SLICES)
LENSES: dict[str, Lens] = {module.LENS.name: module.LENS for module in _MODULES}
