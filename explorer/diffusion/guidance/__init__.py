"""Guidance: denoisers that wrap a denoiser and steer it towards a label."""

from __future__ import annotations

from explorer.diffusion.guidance.classifier import (
    ClassifierGuidance,
    LogClassifier,
    mixture_classifier,
    noise_aware_classifier,
)
from explorer.diffusion.guidance.classifier_free import ClassifierFreeGuidance

__all__ = [
    "ClassifierFreeGuidance",
    "ClassifierGuidance",
    "LogClassifier",
    "mixture_classifier",
    "noise_aware_classifier",
]
