"""Every lens the program offers, in the order of its menu."""

from __future__ import annotations

from explorer.lenses import (
    channels,
    clipped,
    cond,
    consistency,
    cut,
    density,
    energy,
    eps,
    error,
    error_map,
    flow,
    guidance,
    guided,
    histogram,
    mean,
    noising,
    noising_path,
    over_time,
    path,
    posterior,
    reverse,
    score,
    score_given_x0,
    shares,
    slice_components,
    slice_noise,
    slice_pictures,
    spectrum,
    step_component,
    step_line,
    step_means,
    step_noise,
    step_pixel,
    step_plane,
    uncond,
    v,
    variance,
    weights,
    x0,
    x0_decoded,
    x_t,
    x_t_decoded,
)
from explorer.lenses.base import Lens

_PREDICTIONS = (x_t, x_t_decoded, x0, x0_decoded, channels, eps, score, score_given_x0, v, flow, error)
_GUIDANCE = (cond, uncond, guided, guidance)
_STEP = (clipped, cut, mean, posterior, variance, weights)
_CHAIN = (
    step_plane,
    step_line,
    step_means,
    step_noise,
    step_pixel,
    step_component,
    reverse,
    consistency,
    over_time,
    noising,
    noising_path,
)
_CURVES = (spectrum, histogram, path)
_SLICES = (slice_noise, slice_pictures, slice_components)
_TRUTH = (density, energy, error_map, shares)
_MODULES = (*_PREDICTIONS, *_GUIDANCE, *_STEP, *_CHAIN, *_CURVES, *_SLICES, *_TRUTH)
LENSES: dict[str, Lens] = {module.LENS.name: module.LENS for module in _MODULES}
