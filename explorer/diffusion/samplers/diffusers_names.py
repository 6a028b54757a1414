"""diffusers' schedulers by name, and what is known of them without importing that library."""

from __future__ import annotations

PREFIX = "diffusers:"
SCHEDULERS = {
    "DDPMScheduler": "Ancestral sampling (Ho et al. 2020).",
    "DDIMScheduler": "Deterministic at η = 0 (Song et al. 2021).",
    "DPMSolverMultistepScheduler": "DPM-Solver++ of order 2, one look a step (Lu et al. 2022).",
    "DPMSolverSinglestepScheduler": "DPM-Solver++ of order 2, without a memory of earlier intervals (Lu et al. 2022).",
    "UniPCMultistepScheduler": "Predictor and corrector from the same look (Zhao et al. 2023).",
    "DEISMultistepScheduler": "Exponential integrator with an extrapolated ε̂ (Zhang & Chen 2023).",
    "PNDMScheduler": "Pseudo Runge–Kutta, then pseudo linear multistep (Liu et al. 2022).",
    "HeunDiscreteScheduler": "Heun's method, two looks a step (Karras et al. 2022, algorithm 1).",
    "EulerDiscreteScheduler": "Euler's method in σ (Karras et al. 2022).",
    "EulerAncestralDiscreteScheduler": "Euler's method with fresh noise at every step.",
    "KDPM2AncestralDiscreteScheduler": "DPM-Solver-2 with fresh noise at every step, two looks a step.",
    "LMSDiscreteScheduler": "Linear multistep with the four last slopes in σ, one look a step.",
    "SASolverScheduler": "Stochastic Adams method (Xue et al. 2023).",
    "TCDScheduler": "For models distilled to trajectory consistency (Zheng et al. 2024).",
    "LCMScheduler": "For models distilled to latent consistency (Luo et al. 2023).",
    "DDPMParallelScheduler": "DDPM, written to make many steps at once.",
    "DDIMParallelScheduler": "DDIM, written to make many steps at once.",
    "CogVideoXDDIMScheduler": "DDIM as CogVideoX has it.",
}
"""diffusers' classes that can make a run on whole times, in the order of the menu: named without importing it."""
BETWEEN = {
    "KDPM2DiscreteScheduler": "DPM-Solver-2, two looks a step, the second midway in log σ.",
    "DPMSolverSDEScheduler": "DPM-Solver++ of order 2 on the reverse SDE, two looks a step.",
}
"""Those that visit times between the whole ones, for schedules of continuous time."""
PACKAGES = {
    "LMSDiscreteScheduler": ("scipy",),
    "DPMSolverSDEScheduler": ("scipy", "torchsde"),
    "CosineDPMSolverMultistepScheduler": ("torchsde",),
}
"""What diffusers has some of them only with."""
MEMORYLESS = frozenset(
    {
        "DDPMScheduler",
        "DDIMScheduler",
        "TCDScheduler",
        "LCMScheduler",
        "DDPMParallelScheduler",
        "DDIMParallelScheduler",
        "CogVideoXDDIMScheduler",
    }
)
"""Those whose next step depends on the one before it alone, which is x itself and not x scaled and scaled back."""
REMEMBERS = "All steps of its runs stay in memory, as each depends on all before it."
