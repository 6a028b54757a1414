"""The Unets of denoising-diffusion-pytorch that have learned or random time features: those of continuous time.

    net.*      ElucidatedDiffusion (Karras et al. 2022): x̂₀ through EDM's preconditioning, σ_data = 0.5
    model.*    ContinuousTimeGaussianDiffusion (ε) and VParamContinuousTimeGaussianDiffusion (v), told log SNR

Which of the latter, and its schedule, no file says; as the network is told the noise level, any schedule will do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from explorer.formats.context import Context
from explorer.formats.corrections import PredictionName
from explorer.formats.edm import RANGES, Preconditioning
from explorer.formats.evidence import Candidate
from explorer.formats.single_file import ScheduleSpec

if TYPE_CHECKING:  # facts are read without torch
    from torch import Tensor, nn

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

FEATURES = "time_mlp.0.weights"
"""The frequencies of the time features, which only these networks keep."""
T = 1000
HIGHEST = -math.log(math.expm1(1e-4))
"""The log SNR at time 0 of the linear schedule: the highest that such a network was told."""
EPS, EPS_COSINE, V = "ε, linear log SNR", "ε, cosine", "v, cosine"
LINEAR = ScheduleSpec("vp_sde", T, {"beta_min": 0.0, "beta_max": 20.0})
COSINE = ScheduleSpec("cosine", T)
PRESETS: dict[str, tuple[ScheduleSpec, PredictionName]] = {
    EPS: (LINEAR, "eps"),
    EPS_COSINE: (COSINE, "eps"),
    V: (COSINE, "v"),
}


@dataclass(frozen=True)
class Continuous:
    """What is settled of such a network: fields of a Plan."""

    schedule: ScheduleSpec
    prediction: Candidate[PredictionName]
    presets: tuple[str, ...] = ()
    preset: str = ""
    fixed: dict[str, str] = field(default_factory=dict)
    spacing: dict[str, str] = field(default_factory=dict)


def settle(elucidated: bool, learned: bool, context: Context) -> Continuous:
    """elucidated: of ElucidatedDiffusion. learned: the file has a learned schedule. Raises ModelError."""
    evidence = context.evidence
    if elucidated:
        low, high = RANGES["EDMPrecond"]
        evidence.add("T", T, "default", "times are EDM's noise levels, ρ = 7")
        evidence.add("noise schedule", "karras", "default", "ElucidatedDiffusion")
        return Continuous(
            ScheduleSpec("karras", T, {"sigma_min": low, "sigma_max": high}),
            Candidate("x0", "inferred", "net.*: ElucidatedDiffusion"),
            fixed={"prediction": "the preconditioning makes x̂₀ of whatever the network says"},
            spacing={"spacing": "karras"},
        )
    preset = context.among("preset", "preset", tuple(PRESETS), Candidate(EPS, "default", "the library"))
    schedule, prediction = PRESETS[preset]
    evidence.add("T", T, "default", "time is continuous")
    evidence.add("noise schedule", schedule.name, "default", preset)
    if not context.said("preset") and not context.said("prediction"):
        evidence.warn(
            "Whether the network predicts ε or v does not show in the file: ε is taken. If pictures come out wrong, "
            "choose the preset of v."
        )
    if learned:
        evidence.warn(
            "The file's learned noise schedule is not read: the linear one is shown, which has the same noise at both "
            "ends, and the network is told the noise level in any case."
        )
    return Continuous(schedule, Candidate(prediction, "default", preset), tuple(PRESETS), preset)


def network_call(
    module: nn.Module, elucidated: bool, schedule: Schedule
) -> Callable[[Tensor, float, Condition], Tensor]:
    """The network as our denoisers call it."""
    import torch

    from explorer.formats.call import TimedCall, sigma

    if not elucidated:
        return TimedCall(module, schedule, lambda schedule, t: min(schedule.log_snr(t), HIGHEST))
    preconditioning = Preconditioning("EDMPrecond")

    def denoise(x: Tensor, sigmas: Tensor) -> Tensor:
        skip, out, scale, noise = preconditioning.coefficients(float(sigmas[0]))
        made: Tensor = module(x * scale, torch.full_like(sigmas, noise))
        return skip * x + out * made

    return TimedCall(denoise, schedule, sigma)
