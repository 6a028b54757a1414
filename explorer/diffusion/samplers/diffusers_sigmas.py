"""diffusers' schedulers that are made of σ, not of β: flow matching along the straight path, EDM on an exploding one.

* Flow matching: x_t = (1 − u) x_0 + u ε with u = t/T, and the scheduler is told the velocity û = ε̂ − x̂₀.
* EDM: x_t = x_0 + σ ε. Such a scheduler makes x̂₀ = c_skip x_t + c_out F of the network's output F, so it is told the F
  that gives our x̂₀. Its σ are the nearest that the schedule has, all of them on a schedule of continuous time.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import RectifiedFlow, Schedule
from explorer.diffusion.times import times_at_ratios

SigmaFamily: TypeAlias = Literal["flow", "edm"]
SIGMA_SCHEDULERS: dict[str, tuple[SigmaFamily, str]] = {
    "FlowMatchEulerDiscreteScheduler": ("flow", "Euler's method along the straight path (Esser et al. 2024)."),
    "FlowMatchHeunDiscreteScheduler": ("flow", "Heun's method along the straight path, two looks a step."),
    "FlowMatchLCMScheduler": ("flow", "For flow models distilled to latent consistency: x̂₀, noised anew."),
    "LTXEulerAncestralRFScheduler": ("flow", "Euler's method along the straight path with fresh noise."),
    "EDMEulerScheduler": ("edm", "Euler's method in σ, in the terms of EDM (Karras et al. 2022)."),
    "EDMDPMSolverMultistepScheduler": ("edm", "DPM-Solver++ of order 2 in the terms of EDM, one look a step."),
    "CosineDPMSolverMultistepScheduler": ("edm", "DPM-Solver++ of order 2 on the reverse SDE, σ even in log σ."),
}
"""By class name, in the order of the menu."""


def family_of(scheduler: Any) -> SigmaFamily | None:
    """What a scheduler, or a class of them, is made of; None for β."""
    name = (scheduler if isinstance(scheduler, type) else type(scheduler)).__name__
    return SIGMA_SCHEDULERS[name][0] if name in SIGMA_SCHEDULERS else None


def make(scheduler_class: type[Any], family: SigmaFamily, schedule: Schedule) -> Any:
    """A scheduler for our schedule. Raises ValueError for one of another path."""
    name = scheduler_class.__name__
    if family == "flow":
        if not isinstance(schedule, RectifiedFlow):
            raise ValueError(f"{name} goes along the straight path: choose the schedule rectified_flow")
        return scheduler_class(num_train_timesteps=schedule.T)
    if not schedule.signal(1) == schedule.signal(schedule.T) == 1:
        raise ValueError(f"{name} needs a variance-exploding schedule, such as karras")
    low, high = schedule.noise(1), schedule.noise(schedule.T)
    return scheduler_class(sigma_min=low, sigma_max=high, num_train_timesteps=schedule.T, prediction_type="epsilon")


def set_times(scheduler: Any, family: SigmaFamily, steps: int, schedule: Schedule) -> list[float]:
    """Our times of a run of so many steps, which the scheduler is set to. Raises ValueError for too many steps."""
    scheduler.set_timesteps(steps)
    if family == "flow":
        return [*(float(time) for time in scheduler.timesteps), 0]
    times = times_at_ratios(schedule, [float(sigma) for sigma in scheduler.sigmas[:-1]])
    if len(set(times)) < len(times):
        raise ValueError(f"{type(scheduler).__name__} would visit a time twice with {steps} steps")
    sigmas = torch.tensor([schedule.noise(t) for t in times], dtype=torch.float32)
    scheduler.sigmas[:-1] = sigmas
    scheduler.timesteps = scheduler.precondition_noise(sigmas)
    return [*times, 0]


def output_for(scheduler: Any, family: SigmaFamily, prediction: Prediction, index: int) -> Tensor:
    """What the scheduler is to be told of a prediction at its time `index`."""
    if family == "flow":
        return prediction.flow
    sigma, data = float(scheduler.sigmas[index]), float(scheduler.config.sigma_data)
    both = sigma**2 + data**2
    return torch.sub(prediction.x0, prediction.x_t, alpha=data**2 / both) * (math.sqrt(both) / (sigma * data))
