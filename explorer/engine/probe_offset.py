"""What the errors at several small t say about an offset of the time index, and whether that can be believed.

Measured on copies of the shipped models with one fact set wrongly, each with several seeds of pictures and noise; no
wrong value was ever offered, and where nothing was wrong nothing was:

    model                                      seeds    offset of ±1 named    other mistakes named
    digits, faces                                4–8                30 of 30                72 of 72
    digits-v, -x0, -eps, -score; vdm, ncsn       1–3                34 of 34                80 of 80
    the first four, as if told an index          1–2                 1 of 10

The last line is what pictures alone can tell of such small networks; the rest of it is said to be untold. They, vdm and
ncsn are told the noise level itself, so that an offset set for them can but be wrong (see `probe_verdicts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from explorer.engine.probe_asking import paired
from explorer.engine.probe_found import Comparison, Found

Doubt: TypeAlias = Literal["", "blind", "uneven", "close"]
"""None; too few times at which the network knows anything; not the same offset at every t; two offsets too close."""

SURE = 4.0
"""Standard errors, from which on a difference is one."""
CLEARLY = 2.0
"""Standard errors, early as late and against every other offset."""
AGAINST = 3.5
"""Standard errors at one t alone, from which on that t is for another offset."""
KNOWS = -0.1
"""log(error / that of a linear guess), below which a network knows something of the pictures at a t."""
LEAST_TIMES = 4
"""Of those at which it does."""


@dataclass(frozen=True)
class Judged:
    """best: the offset with the least error. against: it against the one in force, or against the nearest other."""

    best: float
    against: Comparison
    doubt: Doubt


def judge_offsets(found: Found, force: float) -> Judged:
    """From the errors by offset, `found.offsets`, at `found.times`. force: the offset that is in force."""
    times = sorted(set(found.times.tolist()))
    known = [
        t for t in times if min(float(errors[found.times == t].mean()) for errors in found.offsets.values()) < KNOWS
    ]
    if len(known) < LEAST_TIMES:
        return Judged(_least(found.offsets), (0.0, 1.0), "blind")
    used = torch.isin(found.times, torch.tensor(known))
    errors, times_used = {key: values[used] for key, values in found.offsets.items()}, found.times[used]
    best = _least(errors)
    gaps = {key: paired(errors[key], errors[best]) for key in errors if key != best}
    against = gaps[force] if force in gaps else min(gaps.values(), key=lambda gap: gap[0] / gap[1])
    doubt: Doubt = ""
    if not _even(errors, times_used, known, best, force):
        doubt = "uneven"
    elif against[0] < SURE * against[1] or not all(mean > CLEARLY * error for mean, error in gaps.values()):
        doubt = "close"
    return Judged(best, against, doubt)


def _least(errors: dict[float, Tensor]) -> float:
    return min(errors, key=lambda key: float(errors[key].mean()))


def _even(errors: dict[float, Tensor], times: Tensor, known: list[float], best: float, force: float) -> bool:
    """Whether the best offset is so at every t, better than the one in force early and late, and not far from it."""
    for t in known:
        for key in errors:
            mean, error = paired(errors[key][times == t], errors[best][times == t])
            if mean < -AGAINST * error:
                return False
    if best == force:
        return True
    middle = known[len(known) // 2]
    for part in (times < middle, times >= middle):
        mean, error = paired(errors[force][part], errors[best][part])
        if mean <= CLEARLY * error:
            return False
    return min(abs(best - force), abs(best)) <= 1
