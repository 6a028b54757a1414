"""Which SDE a score_sde network was trained on, as far as its file or a preset says it; and what it is told for t."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.formats.single_file import Context, ScheduleSpec

if TYPE_CHECKING:  # facts are read without torch
    from explorer.diffusion.schedules import Schedule
    from explorer.facts import Source
    from explorer.formats.checkpoint import Checkpoint

VP, SUB_VP, DISCRETE = "VP", "sub-VP", "VE, discrete"
SIGMAS = (0.01, 50.0)
PAPER = "the paper's configurations"


def label(schedule: Schedule, t: float) -> float:
    """What networks with sines of the time are told."""
    if schedule.discrete:  # trained on the table of betas, whose first label is 0
        return 999 * (t - 1) / max(schedule.T - 1, 1)
    return 999 * t / schedule.T


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
    name = "sub_vp_sde" if sde == SUB_VP else "vp_sde"
    evidence.add("noise schedule", name, "default", PAPER)
    return ScheduleSpec(name, 1000), ()
