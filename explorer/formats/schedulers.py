"""The schedulers of diffusers whose configurations are read, and what each takes for granted.

A configuration file leaves out nothing when diffusers wrote it, but people write them too, and old ones lack what
came later. The names are compared and never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Family: TypeAlias = Literal["beta", "flow", "ve", "edm", "consistency"]
"""What a scheduler's noise levels are made of: β; x_t = (1 − u) x_0 + u ε; σ of Song et al., of Karras et al., and of
consistency models."""


@dataclass(frozen=True)
class SchedulerClass:
    """family, and the defaults of the class where they are not those of DDPMScheduler. clips: it knows clip_sample."""

    family: Family = "beta"
    defaults: Mapping[str, Any] = field(default_factory=dict)
    clips: bool = False
    thresholds: bool = False


def _beta(*, clips: bool = False, thresholds: bool = False, **defaults: Any) -> SchedulerClass:
    return SchedulerClass("beta", defaults, clips, thresholds)


_SOLVER = _beta(thresholds=True, timestep_spacing="linspace")
_SIGMA = _beta(timestep_spacing="linspace", beta_start=0.00085, beta_end=0.012)
_DISTILLED = _beta(
    clips=True, thresholds=True, clip_sample=False, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
)
_FLOW = SchedulerClass("flow")
_EDM = SchedulerClass("edm", {"sigma_min": 0.002, "sigma_max": 80.0})

CLASSES: dict[str, SchedulerClass] = {
    "DDPMScheduler": _beta(clips=True, thresholds=True),
    "DDPMParallelScheduler": _beta(clips=True, thresholds=True),
    "DDIMScheduler": _beta(clips=True, thresholds=True),
    "DDIMParallelScheduler": _beta(clips=True, thresholds=True),
    "DDIMInverseScheduler": _beta(clips=True),
    "RePaintScheduler": _beta(clips=True),
    "PNDMScheduler": _beta(set_alpha_to_one=False),
    "LCMScheduler": _DISTILLED,
    "TCDScheduler": _DISTILLED,
    "EulerDiscreteScheduler": _beta(timestep_spacing="linspace"),
    "EulerAncestralDiscreteScheduler": _beta(timestep_spacing="linspace"),
    "HeunDiscreteScheduler": _beta(
        clips=True, clip_sample=False, timestep_spacing="linspace", beta_start=0.00085, beta_end=0.012
    ),
    "LMSDiscreteScheduler": _beta(timestep_spacing="linspace"),
    "KDPM2DiscreteScheduler": _SIGMA,
    "KDPM2AncestralDiscreteScheduler": _SIGMA,
    "DPMSolverSDEScheduler": _SIGMA,
    "DPMSolverMultistepScheduler": _SOLVER,
    "DPMSolverMultistepInverseScheduler": _SOLVER,
    "DPMSolverSinglestepScheduler": _SOLVER,
    "DEISMultistepScheduler": _SOLVER,
    "UniPCMultistepScheduler": _SOLVER,
    "SASolverScheduler": _SOLVER,
    "FlowMatchEulerDiscreteScheduler": _FLOW,
    "FlowMatchHeunDiscreteScheduler": _FLOW,
    "FlowMatchLCMScheduler": _FLOW,
    "ScoreSdeVeScheduler": SchedulerClass("ve", {"num_train_timesteps": 2000, "sigma_min": 0.01, "sigma_max": 1348.0}),
    "EDMEulerScheduler": _EDM,
    "EDMDPMSolverMultistepScheduler": _EDM,
    "CMStochasticIterativeScheduler": SchedulerClass(
        "consistency", {"num_train_timesteps": 40, "sigma_min": 0.002, "sigma_max": 80.0}
    ),
}
