"""Noise schedules, one family a file."""

from __future__ import annotations

from collections.abc import Callable

from explorer.diffusion.schedules.base import DiscreteSchedule, Schedule
from explorer.diffusion.schedules.cosine import cosine
from explorer.diffusion.schedules.geometric import geometric
from explorer.diffusion.schedules.linear import linear, scaled_linear
from explorer.diffusion.schedules.zero_terminal_snr import rescale_zero_terminal_snr

SCHEDULES: dict[str, Callable[..., DiscreteSchedule]] = {
    "linear": linear,
    "scaled_linear": scaled_linear,
    "cosine": cosine,
    "geometric": geometric,
}
"""Every schedule that a configuration file can name."""

__all__ = [
    "SCHEDULES",
    "DiscreteSchedule",
    "Schedule",
    "cosine",
    "geometric",
    "linear",
    "rescale_zero_terminal_snr",
    "scaled_linear",
]
