"""Noise schedules, one family a file."""

from __future__ import annotations

from collections.abc import Callable

from explorer.diffusion.schedules.base import DiscreteSchedule, Schedule
from explorer.diffusion.schedules.continuous import ContinuousSchedule
from explorer.diffusion.schedules.cosine import cosine
from explorer.diffusion.schedules.geometric import geometric
from explorer.diffusion.schedules.karras import karras
from explorer.diffusion.schedules.laplace import laplace
from explorer.diffusion.schedules.linear import linear, scaled_linear
from explorer.diffusion.schedules.rectified_flow import RectifiedFlow
from explorer.diffusion.schedules.sigmoid import sigmoid, sigmoid_alpha_bar
from explorer.diffusion.schedules.sub_vp_sde import SubVPSDE
from explorer.diffusion.schedules.trained import trained, trained_levels
from explorer.diffusion.schedules.ve_sde import VESDE
from explorer.diffusion.schedules.vp_sde import VPSDE
from explorer.diffusion.schedules.zero_terminal_snr import rescale_zero_terminal_snr

DISCRETE: dict[str, Callable[..., DiscreteSchedule]] = {
    "linear": linear,
    "scaled_linear": scaled_linear,
    "cosine": cosine,
    "sigmoid": sigmoid,
    "sigmoid_alpha_bar": sigmoid_alpha_bar,
    "laplace": laplace,
    "geometric": geometric,
    "karras": karras,
}
"""Tables for the whole numbers t = 0 … T."""

CONTINUOUS: dict[str, Callable[..., ContinuousSchedule]] = {
    "vp_sde": VPSDE,
    "sub_vp_sde": SubVPSDE,
    "ve_sde": VESDE,
    "rectified_flow": RectifiedFlow,
}
"""Functions of any real t in 0 … T."""

SCHEDULES: dict[str, Callable[..., Schedule]] = {**DISCRETE, **CONTINUOUS}
"""Every schedule that a configuration file can name, made from T and the family's own numbers."""

__all__ = [
    "CONTINUOUS",
    "DISCRETE",
    "SCHEDULES",
    "VESDE",
    "VPSDE",
    "ContinuousSchedule",
    "DiscreteSchedule",
    "RectifiedFlow",
    "Schedule",
    "SubVPSDE",
    "cosine",
    "geometric",
    "karras",
    "laplace",
    "linear",
    "rescale_zero_terminal_snr",
    "scaled_linear",
    "sigmoid",
    "sigmoid_alpha_bar",
    "trained",
    "trained_levels",
]
