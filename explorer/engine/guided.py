"""What a request asks of a model: label and guidance around its denoiser, and around the exact one."""

from __future__ import annotations

from collections.abc import Callable

import torch

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.guidance import ClassifierFreeGuidance, ClassifierGuidance, LogClassifier
from explorer.diffusion.mixture import MixtureDenoiser
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.request import Guidance


def guided(model: Model, guidance: Guidance) -> Denoiser:
    """Raises ModelError where classifier guidance is asked of a model that has no classifier."""
    if model.prompts is not None and guidance.label is not None:
        prompt, avoided = (model.prompts.number(text) for text in (guidance.prompt, guidance.negative_prompt))
        labels = torch.tensor([prompt], device=model.device)
        choices = (guidance.scale, guidance.interval, guidance.rescale)
        return ClassifierFreeGuidance(model.denoiser, labels, *choices, null=avoided)
    return _with_guidance(model.denoiser, guidance, model.classifier, model.device)


def exact_answer(model: Model, guidance: Guidance) -> Denoiser | None:
    """What a perfect network would say, asked and guided alike."""
    if model.truth is None:
        return None
    exact = MixtureDenoiser(model.truth, model.denoiser.schedule)
    return _with_guidance(exact, guidance, model.classifier, model.device)


def _with_guidance(
    denoiser: Denoiser, guidance: Guidance, classifier: Callable[[], LogClassifier] | None, device: torch.device
) -> Denoiser:
    if guidance.label is None:
        return denoiser
    labels = torch.tensor([guidance.label], device=device)
    if guidance.kind == "classifier":
        if classifier is None:
            raise ModelError("No classifier fits this model: choose classifier-free guidance.")
        return ClassifierGuidance(denoiser, classifier(), labels, guidance.scale, guidance.interval)
    return ClassifierFreeGuidance(denoiser, labels, guidance.scale, guidance.interval, guidance.rescale)
