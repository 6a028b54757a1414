"""How a network of diffusers is asked: what it is told for a time t, and what is done to its input and output.

β schedules     told t − 1, as diffusers counts from 0; some networks ¼ log σ
flow matching   told t itself, u = t/T being the share of noise
VE (NCSN++)     told σ; the network divides its output by σ itself, so that it is the score
EDM             F is asked at x_t c_in and ¼ log σ, and x̂₀ = c_skip x_t + c_out F (Karras et al. 2022, table 1)
consistency     as EDM, with 250 log σ and σ − σ_min in place of σ (Song et al. 2023, appendix C)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from explorer.diffusion.schedules import Schedule
from explorer.formats.scheduler_config import SchedulerConfig

OfTime: TypeAlias = Callable[[float], float]


@dataclass(frozen=True, eq=False)
class Convention:
    """time: what the network is told for t, a whole number or not. scale: what x_t is multiplied with, None for 1.

    mix: (c_skip, c_out) at t where the answer is c_skip x_t + c_out F, None where it is F.
    """

    time: OfTime
    whole: bool
    scale: OfTime | None = None
    mix: Callable[[float], tuple[float, float]] | None = None


def _index(t: float) -> float:
    return int(t) - 1


def convention(config: SchedulerConfig, schedule: Schedule) -> Convention:
    """The convention of networks trained with a scheduler. schedule: the one built from its configuration."""

    def sigma(t: float) -> float:
        return schedule.noise(t) / schedule.signal(t) if schedule.signal(t) else math.inf

    def quarter_log_sigma(t: float) -> float:
        return 0.25 * math.log(sigma(t))

    data = config.sigma_data

    def edm_scale(t: float) -> float:
        return 1 / math.hypot(sigma(t), data)

    if config.family == "flow":
        return Convention(float, whole=False)
    if config.family == "ve":
        return Convention(sigma, whole=False)
    if config.family == "edm":

        def mix(t: float) -> tuple[float, float]:
            level = sigma(t)
            square = level**2 + data**2
            return data**2 / square, config.edm_sign * level * data / math.sqrt(square)

        return Convention(quarter_log_sigma, False, edm_scale, mix)
    if config.family == "consistency":
        least = config.sigmas[0]

        def boundary(t: float) -> tuple[float, float]:
            level = sigma(t)
            above = level - least
            return data**2 / (above**2 + data**2), above * data / math.hypot(level, data)

        return Convention(lambda t: 250 * math.log(sigma(t)), False, edm_scale, boundary)
    return Convention(quarter_log_sigma, False) if config.log_sigma_input else Convention(_index, whole=True)
