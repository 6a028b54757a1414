"""Runs end where the numbers do."""

from __future__ import annotations

import torch

from explorer.diffusion.samplers import Step
from explorer.facts import ModelError

FAR_AWAY = 1e6
"""Where no data are: an x_t beyond it is the sampler's fault, not the network's."""


def check_finite(step: Step) -> None:
    """Raises ModelError where a step of a run holds numbers that are not finite."""
    if step.x.is_meta or bool(torch.isfinite(step.x).all() and torch.isfinite(step.x0).all()):
        return
    where = f"step {step.index} (t = {step.t:g})"
    if not float(step.x.abs().max()) <= FAR_AWAY:
        raise ModelError(f"The run left the finite numbers at {where}: try smaller steps.")
    raise ModelError(f"The network returned values that are not finite at {where}.")
