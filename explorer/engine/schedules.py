"""Noise schedules by name: what a menu offers, and a model put on one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from inspect import signature

import numpy as np
import torch

from explorer.diffusion.guidance import LogClassifier
from explorer.diffusion.mixture import MixtureDenoiser
from explorer.diffusion.rescheduled import EARLIEST, Rescheduled
from explorer.diffusion.schedules import (
    SCHEDULES,
    DiscreteSchedule,
    Schedule,
    rescale_zero_terminal_snr,
)
from explorer.diffusion.schedules.custom import custom
from explorer.diffusion.schedules.resampled import Resampled, resampled
from explorer.engine.errors import sentence
from explorer.engine.frame import ParameterSpec, ScheduleSpec, ScheduleTable
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.formats.schedule_file import read_schedule
from explorer.formats.schedule_names import SCHEDULE_ARGUMENTS
from explorer.paths import CHECKPOINTS
from explorer.request import OWN_SCHEDULE, ScheduleChoice

ZERO_TERMINAL_SNR = "zero_terminal_snr"
LEARNED = "learned"
REFERENCES = ("linear", "cosine")
"""Drawn beside a schedule that was learned."""
CUSTOM = "custom"
FILE, MODEL = "file", "model"
VDM = CHECKPOINTS / "vdm"
"""The shipped model whose schedule was learned."""
LABELS = {
    "linear": ("linear β", "β rises linearly (Ho et al. 2020)"),
    "scaled_linear": ("scaled linear β", "√β rises linearly (Rombach et al. 2022)"),
    "cosine": ("cosine", "ᾱ falls like cos² (Nichol & Dhariwal 2021)"),
    "sigmoid": ("sigmoid β", "β rises along a sigmoid (Xu et al. 2022)"),
    "sigmoid_alpha_bar": ("sigmoid ᾱ", "ᾱ falls along a sigmoid (Jabri et al. 2022)"),
    "laplace": ("Laplace", "Most times near SNR = 1 (Hang et al. 2024)"),
    "karras": ("Karras ρ", "σ^(1/ρ) even in t, variance exploding (Karras et al. 2022)"),
    "geometric": ("geometric", "log σ even in t, variance exploding (Song & Ermon 2019)"),
    "vp_sde": ("VP SDE", "Variance preserving, continuous time (Song et al. 2021)"),
    "sub_vp_sde": ("sub-VP SDE", "Less variance than VP, continuous time (Song et al. 2021)"),
    "ve_sde": ("VE SDE", "Variance exploding, continuous time (Song et al. 2021)"),
    "rectified_flow": ("rectified flow", "x_t = (1 − t/T) x₀ + t/T ε (Lipman et al. 2023, Liu et al. 2023)"),
}
"""In the order of the menu."""
SYMBOLS = {
    "beta_start": "first β",
    "beta_end": "last β",
    "max_beta": "greatest β",
    "sigma_min": "least σ",
    "sigma_max": "greatest σ",
    "beta_min": "β(0)",
    "beta_max": "β(1)",
    "rho": "ρ",
    "tau": "τ",
}
LEAST_OFFERED = 1e-4
"""A panel has room for so many digits."""
TOLERANCE = 0.05
"""Of log-SNR beyond what the network has seen that is not worth a word: it lies between two of its times."""


def schedule_specs() -> tuple[ScheduleSpec, ...]:
    """What a menu offers beside a schedule of the user's own."""
    return (
        ScheduleSpec(OWN_SCHEDULE, "the model’s own", "The one it was trained on"),
        ScheduleSpec(ZERO_TERMINAL_SNR, "its own, SNR(T) = 0", "√ᾱ shifted and scaled to 0 at T (Lin et al. 2024)"),
        *(ScheduleSpec(name, *texts, _parameters(name)) for name, texts in LABELS.items()),
        ScheduleSpec(LEARNED, "learned (VDM)", "Trained with the shipped model vdm (Kingma et al. 2021)"),
    )


def _parameters(name: str) -> tuple[ParameterSpec, ...]:
    known = signature(SCHEDULES[name]).parameters
    return tuple(
        ParameterSpec(
            key,
            SYMBOLS.get(key, key),
            f"{key} of the schedule {name}",
            known[key].default,
            max(low, LEAST_OFFERED) if low > 0 else low,
            high,
            (),
        )
        for key, (low, high) in SCHEDULE_ARGUMENTS[name].items()
    )


def rescheduled(model: Model, choice: ScheduleChoice) -> Model:
    """The model on the chosen schedule; itself on its own. Raises ModelError, one sentence, for an impossible one."""
    if choice.name == OWN_SCHEDULE:
        return model
    return put_on(model, _schedule(model.denoiser.schedule, choice))


def put_on(model: Model, schedule: Schedule) -> Model:
    """The model as one of a schedule, whichever."""
    denoiser = model.denoiser
    if isinstance(denoiser, MixtureDenoiser):  # it knows every level
        exact = MixtureDenoiser(denoiser.mixture, schedule)
        return replace(model, denoiser=exact, classifier=_classifier(model, Rescheduled(denoiser, schedule)))
    wrapped = Rescheduled(denoiser, schedule)
    return replace(model, denoiser=wrapped, classifier=_classifier(model, wrapped))


def _classifier(model: Model, wrapped: Rescheduled) -> Callable[[], LogClassifier] | None:
    """The model's classifier, asked at the times and in the units it knows."""
    make = model.classifier
    if make is None:
        return None

    def made() -> LogClassifier:
        log_classifier = make()

        def moved(x_t: torch.Tensor, t: float) -> torch.Tensor:
            own_t = wrapped.own_time(t)
            return log_classifier(x_t * wrapped.scale(t, own_t), own_t)

        return moved

    return made


def _schedule(own: Schedule, choice: ScheduleChoice) -> Schedule:
    try:
        if choice.name == CUSTOM:
            return custom(own.T, choice.points)
        if choice.name == ZERO_TERMINAL_SNR:
            if not isinstance(own, DiscreteSchedule):
                raise ValueError("only schedules of whole times with β can be rescaled to zero terminal SNR")
            return rescale_zero_terminal_snr(own)
        if choice.name in (LEARNED, FILE, MODEL):
            return resampled(_found(choice), own.T)
        if choice.name not in LABELS:
            known = ", ".join((OWN_SCHEDULE, ZERO_TERMINAL_SNR, *LABELS, LEARNED, f"{FILE}:PATH", f"{MODEL}:PATH"))
            raise ValueError(f"there is no schedule called “{choice.name[:60]}”; known are {known}")
        limits = SCHEDULE_ARGUMENTS[choice.name]
        for key, value in choice.parameters:
            if key not in limits:
                raise ValueError(
                    f"the schedule {choice.name} has no parameter “{key[:60]}”; it has {', '.join(limits) or 'none'}"
                )
            low, high = limits[key]
            if not low <= value <= high:
                raise ValueError(f"the parameter {key} goes from {low:g} to {high:g}, and {value:g} is outside")
        return SCHEDULES[choice.name](own.T, **dict(choice.parameters))
    except ValueError as error:
        raise ModelError(sentence(error)) from error


def _found(choice: ScheduleChoice) -> Schedule:
    """What was trained or listed elsewhere, with the times it has there. Raises ModelError where there is none."""
    if choice.name != LEARNED and not choice.path:
        what = "a file of numbers" if choice.name == FILE else "a model"
        raise ValueError(f"the schedule “{choice.name}” needs the path of {what}")
    if choice.name == FILE:
        return read_schedule(choice.path)
    with torch.inference_mode(False):
        return load(VDM if choice.name == LEARNED else choice.path, "cpu").denoiser.schedule


def table(model: Model, schedule: Schedule, choice: ScheduleChoice) -> ScheduleTable:
    """The numbers of the chosen schedule at whole t, with what the model does not know of it."""
    t = torch.arange(schedule.T + 1)
    betas = schedule.betas
    references = REFERENCES if schedule.name == LEARNED else ()
    return ScheduleTable(
        t.double().numpy(),
        schedule.signal(t).numpy(),
        schedule.noise(t).numpy(),
        schedule.log_snr(t).numpy(),
        None if betas is None else np.concatenate([[0.0], betas.numpy()]),
        choice,
        _warning(model, schedule),
        tuple((name, SCHEDULES[name](schedule.T).log_snr(t).numpy()) for name in references),
        not schedule.discrete,
    )


def _warning(model: Model, schedule: Schedule) -> str:
    """What there is to know before going by the schedule, "" for nothing."""
    beyond = "" if isinstance(model.denoiser, MixtureDenoiser) else range_warning(model.denoiser.schedule, schedule)
    if not isinstance(schedule, Resampled):
        return beyond
    return f"{beyond} Its {schedule.entries:,} noise levels are stretched to T = {schedule.T:,}.".strip()


def range_warning(own: Schedule, schedule: Schedule) -> str:
    """One sentence where the schedule visits noise levels that the network was not trained on, "" where not."""
    seen, here = _ends(own), _ends(schedule)
    if here[0] <= seen[0] + TOLERANCE and here[1] >= seen[1] - TOLERANCE:
        return ""
    return (
        f"Log-SNR goes {_number(here[0])} … {_number(here[1])} here, {_number(seen[0])} … {_number(seen[1])} in "
        "training: beyond that, the network is asked at the nearest level it knows."
    )


def _ends(schedule: Schedule) -> tuple[float, float]:
    """The greatest and the least log-SNR that a network is asked at."""
    return schedule.log_snr(1 if schedule.discrete else EARLIEST * schedule.T), schedule.log_snr(schedule.T)


def _number(value: float) -> str:
    text = f"{value:.1f}" if math.isfinite(value) else "∞" if value > 0 else "-∞"
    return text.replace("-", "−")
