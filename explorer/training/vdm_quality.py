"""What a variational diffusion model reaches: bits per dimension on pictures it was not trained on, term by term, and
the variance of its loss on its own schedule and on others.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from explorer.diffusion.likelihood.levels import continuous_elbo
from explorer.diffusion.noise import NoiseSource
from explorer.formats.registry import load

PICTURES = 100


def vdm_quality(folder: Path, pictures: int = PICTURES, seed: int = 2026) -> dict[str, Any]:
    """The card's entry `quality`."""
    model = load(folder, "cpu")
    x_0 = torch.from_numpy(model.samples[:pictures])
    noise = NoiseSource(seed, len(x_0), model.facts.shape, model.device)
    *_, found = continuous_elbo(model.denoiser, x_0, noise)
    bit = 1 / (x_0[0].numel() * math.log(2))
    terms = {"prior": found.prior, "reconstruction": found.reconstruction, "diffusion": found.diffusion}
    each = {name: round(float(values.mean()) * bit, 4) for name, values in terms.items()}
    return {
        "bits_per_dimension": {**each, "total": round(sum(each.values()), 4)},
        "log_snr_ends": [round(-found.first, 3), round(-found.last, 3)],
        "variance_of_one_loss_in_bits": {
            name: float(f"{curve.variance * bit**2:.4g}") for name, curve in found.losses.items()
        },
        "pictures": len(x_0),
        "seed": seed,
    }
