"""Which SDE a score_sde network was trained on, as far as its file or a preset says it; and what it is told for t.

VP, sub-VP      continuous: told 999 u, says −s · score = ε̂; data in −1 … 1
VP, discrete    the table of Ho et al. 2020, 1000 β from 0.0001 to 0.02: told t − 1
VE, discrete    1000 levels: told N − t, its output is divided by σ; data in 0 … 1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.single_file import ScheduleSpec

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.schedules import Schedule
    from explorer.facts import Source
    from explorer.formats.checkpoint import Checkpoint

VP, SUB_VP, VP_DISCRETE, DISCRETE = "VP", "sub-VP", "VP, discrete", "VE, discrete"
SIGMAS = (0.01, 50.0)
PAPER = "the paper's configurations"
PREFIX = "all_modules."
"""Of the weights: a network is a list of modules."""
ATTENTION_SIDE = 16
"""Attention works on 16×16 pixels in every published configuration, which tells the pictures' size."""


def label(schedule: Schedule, t: float) -> float:
    """What networks with sines of the time are told."""
    if schedule.discrete:  # trained on the table of betas, whose first label is 0
        return 999 * (t - 1) / max(schedule.T - 1, 1)
    return 999 * t / schedule.T


def level_number(schedule: Schedule, t: float) -> float:
    """What networks in discrete levels are told: levels are counted from 0, the noisiest."""
    return min(max(schedule.T - t, 0), schedule.T - 1)


def by_level(
    module: Callable[[Tensor, Tensor], Tensor], sigmas: tuple[float, ...], device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    """(x in 0 … 1, levels) → the score, of a network in discrete levels. sigmas: σ by level, falling."""
    import torch

    table = torch.tensor(sigmas, device=device)

    def call(x: Tensor, levels: Tensor) -> Tensor:
        at = levels.clamp(max=len(table) - 1)
        return module(2 * x - 1, at) / table[at.long()][:, None, None, None]

    return call


def choose_sde(presets: tuple[str, ...], context: Context) -> str:
    """The one that the user or the card chose, else the first, with a warning."""
    first, *others = (f"“{preset}”" for preset in presets)
    if context.user.preset is None and context.card.preset is None:
        context.evidence.warn(
            f"{first} is taken; networks of this kind were also trained with {', '.join(others[:-1])} and "
            f"{others[-1]}, which no file says: choose the preset."
        )
    return context.among("preset", "preset", presets, Candidate(presets[0], "default", PAPER))


def schedule_of(
    checkpoint: Checkpoint, exploding: bool, sde: str, context: Context
) -> tuple[ScheduleSpec, tuple[float, ...]]:
    """The schedule, and σ by label where the network is told the number of a level."""
    evidence = context.evidence
    table = checkpoint.tensors("model").get("module.sigmas") or checkpoint.tensors("model").get("sigmas")
    numbers = checkpoint.numbers(table) if table is not None else ()
    levels = len(numbers) if sde == DISCRETE and len(numbers) > 1 else 1000
    least, most = (min(numbers), max(numbers)) if numbers else SIGMAS
    source: Source = "file" if numbers else "default"
    evidence.add("T", levels, source if sde == DISCRETE else "default", "sigmas" if numbers else PAPER)
    if sde == DISCRETE:
        evidence.add("noise schedule", f"geometric, σ {least:g} … {most:g}", source)
        falling = tuple(most * (least / most) ** (i / (levels - 1)) for i in range(levels))
        return ScheduleSpec("geometric", levels, {"sigma_min": least, "sigma_max": most}), falling
    if exploding:
        evidence.add("noise schedule", f"ve_sde, σ {least:g} … {most:g}", source)
        return ScheduleSpec("ve_sde", 1000, {"sigma_min": least, "sigma_max": most}), ()
    if sde == VP_DISCRETE:
        evidence.add("noise schedule", "linear, β 0.0001 … 0.02", "default", PAPER)
        return ScheduleSpec("linear", 1000), ()
    name = "sub_vp_sde" if sde == SUB_VP else "vp_sde"
    evidence.add("noise schedule", name, "default", PAPER)
    return ScheduleSpec(name, 1000), ()
