"""What a request asks of a model: label and guidance around its denoiser, and around the exact one."""

from __future__ import annotations

import torch

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.diffusion.mixture import MixtureDenoiser
from explorer.formats.model import Model
from explorer.request import Guidance


def guided(model: Model, guidance: Guidance) -> Denoiser:
    return _with_guidance(model.denoiser, guidance, model.device)


def exact_answer(model: Model, guidance: Guidance) -> Denoiser | None:
    """What a perfect network would say, asked and guided alike."""
    if model.truth is None:
        return None
    return _with_guidance(MixtureDenoiser(model.truth, model.denoiser.schedule), guidance, model.device)


def _with_guidance(denoiser: Denoiser, guidance: Guidance, device: torch.device) -> Denoiser:
    if guidance.label is None:
        return denoiser
    return ClassifierFreeGuidance(denoiser, torch.tensor([guidance.label], device=device), guidance.scale)
